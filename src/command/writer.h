/*
 * Text on its way to a file descriptor, gathered into few writes. The first write that fails is
 * kept, and what comes after it goes nowhere: ask from time to time, and at the end.
 */
#ifndef WEIR_COMMAND_WRITER_H
#define WEIR_COMMAND_WRITER_H

#include <stdbool.h>
#include <stddef.h>

#include "format/text.h"

/* Bytes gathered before they are written. */
#define WEIR_WRITER_SIZE 65536

/* The longest line that weir_writer_line has room for: a summary of the longest names, every
 * byte of them escaped, takes under 8 KiB. */
#define WEIR_WRITER_LINE_MAX 16384

struct weir_writer {
    const char *name; /* what messages call it; borrowed */
    int fd;
    int error; /* errno of the write that failed; 0: none has */
    /* private */
    struct weir_text line;
    size_t length;
    char bytes[WEIR_WRITER_SIZE];
};

/* fd stays the caller's. */
void weir_writer_init(struct weir_writer *writer, int fd, const char *name);

void weir_writer_add(struct weir_writer *writer, const char *bytes, size_t length);

/* Begins a line of at most WEIR_WRITER_LINE_MAX bytes, to be put together in the text returned
 * and ended by weir_writer_end, which appends the newline. */
struct weir_text *weir_writer_line(struct weir_writer *writer);
void weir_writer_end(struct weir_writer *writer);

/* Writes out what was gathered. */
void weir_writer_flush(struct weir_writer *writer);

/* Flushes for the last time. False, and a line on stderr, if this or any write before it failed. */
bool weir_writer_finish(struct weir_writer *writer);

#endif
