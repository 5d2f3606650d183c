#include "command/writer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/assert.h"

void weir_writer_init(struct weir_writer *writer, int fd, const char *name)
{
    writer->name = name;
    writer->fd = fd;
    writer->error = 0;
    writer->length = 0;
}

static void write_out(struct weir_writer *writer, const char *bytes, size_t length)
{
    while (length > 0 && writer->error == 0) {
        ssize_t written = write(writer->fd, bytes, length);

        if (written >= 0) {
            bytes += written;
            length -= (size_t)written;
        } else if (errno != EINTR) {
            writer->error = errno;
        }
    }
}

void weir_writer_flush(struct weir_writer *writer)
{
    write_out(writer, writer->bytes, writer->length);
    writer->length = 0;
}

void weir_writer_add(struct weir_writer *writer, const char *bytes, size_t length)
{
    if (length > WEIR_WRITER_SIZE - writer->length)
        weir_writer_flush(writer);
    if (length > WEIR_WRITER_SIZE) {
        write_out(writer, bytes, length);
        return;
    }
    memcpy(writer->bytes + writer->length, bytes, length);
    writer->length += length;
}

struct weir_text *weir_writer_line(struct weir_writer *writer)
{
    if (WEIR_WRITER_SIZE - writer->length < WEIR_WRITER_LINE_MAX)
        weir_writer_flush(writer);
    weir_text_init(&writer->line, writer->bytes + writer->length, WEIR_WRITER_LINE_MAX);
    return &writer->line;
}

void weir_writer_end(struct weir_writer *writer)
{
    weir_text_add_bytes(&writer->line, "\n", 1);
    assert(!writer->line.overflow);
    writer->length += writer->line.length;
}

bool weir_writer_finish(struct weir_writer *writer)
{
    weir_writer_flush(writer);
    if (writer->error != 0)
        fprintf(stderr, "weir: cannot write %s: %s\n", writer->name, strerror(writer->error));
    return writer->error == 0;
}
