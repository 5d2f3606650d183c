/*
 * Text built in a buffer of fixed size. What does not fit is left out and remembered: check once,
 * at the end.
 */
#ifndef WEIR_FORMAT_TEXT_H
#define WEIR_FORMAT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir_text {
    char *bytes; /* the caller's; not NUL-terminated */
    size_t size;
    size_t length;
    bool overflow; /* something did not fit; length then stands before it */
};

static inline void weir_text_init(struct weir_text *text, char *bytes, size_t size)
{
    *text = (struct weir_text){.bytes = bytes, .size = size};
}

void weir_text_add(struct weir_text *text, const char *string);
void weir_text_add_bytes(struct weir_text *text, const char *bytes, size_t length);
void weir_text_add_int(struct weir_text *text, int64_t number);
void weir_text_add_uint(struct weir_text *text, uint64_t number);

/* number as weir_number_format writes it; null when it is not finite. */
void weir_text_add_number(struct weir_text *text, double number);

/* 16 hexadecimal digits. */
void weir_text_add_hex(struct weir_text *text, uint64_t number);

/* The inside of a JSON string: length bytes of text, escaped. */
void weir_text_add_escaped(struct weir_text *text, const char *bytes, size_t length);

/* The key of a member behind another one, of letters and _: ,"key": */
void weir_text_add_key(struct weir_text *text, const char *key);

/* A JSON string, quoted and escaped. Bytes from 0x80 on pass as they are. */
void weir_text_add_quoted(struct weir_text *text, const char *string);

#endif
