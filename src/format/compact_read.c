#include <string.h>

#include "format/compact_head.h"
#include "format/crc32c.h"

#define FRAME_BYTES 6

size_t weir_compact_frame(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    size_t coded;

    if (length < FRAME_BYTES || memcmp(at, WEIR_COMPACT_MAGIC, 2) != 0)
        return 0;
    coded = (size_t)at[3] | (size_t)at[4] << 8 | (size_t)at[5] << 16;
    if (coded > WEIR_COMPACT_BYTES_MAX)
        return 0;
    return FRAME_BYTES + coded + sizeof(uint32_t);
}

const char *weir_compact_check(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint32_t crc = 0;

    if (length == 0 || weir_compact_frame(bytes, length) != length)
        return "not a whole batch";
    for (int i = 3; i >= 0; i--)
        crc = crc << 8 | at[length - sizeof(crc) + (size_t)i];
    if (weir_crc32c(0, at, length - sizeof(crc)) != crc)
        return "damaged: its checksum does not match";
    return at[2] == WEIR_COMPACT_VERSION ? NULL : "a compact batch of a version that is not known";
}

const char *weir_compact_reader_open(struct weir_compact_reader *reader, const void *bytes,
                                     size_t length)
{
    const char *problem = weir_compact_check(bytes, length);

    if (problem)
        return problem;
    weir_coder_init_decode(&reader->rows.codec.coder, (const uint8_t *)bytes + FRAME_BYTES,
                           length - FRAME_BYTES - sizeof(uint32_t));
    weir_compact_rows_init(&reader->rows, 0);
    memset(&reader->head, 0, sizeof(reader->head));
    weir_compact_code_head(&reader->rows.codec, &reader->head);
    reader->rows.created_ms = reader->head.created_ms;
    reader->row_count = 0;
    return reader->rows.codec.coder.failed ? "damaged: it cannot be read" : NULL;
}

enum weir_compact_outcome weir_compact_reader_next(struct weir_compact_reader *reader,
                                                   struct weir_compact_row *row)
{
    struct weir_compact_rows *rows = &reader->rows;
    bool more = weir_compact_code_flag(&rows->codec, WEIR_COMPACT_FLAG_MORE, false);
    uint32_t track;

    if (rows->codec.coder.failed)
        return WEIR_COMPACT_DAMAGED;
    if (!more)
        return WEIR_COMPACT_END;
    if (reader->row_count++ == WEIR_COMPACT_ROW_COUNT_MAX)
        return WEIR_COMPACT_DAMAGED;
    memset(row, 0, sizeof(*row));
    row->stream_text.bytes = reader->stream_text;
    row->series_text.bytes = reader->series_text;
    track = weir_compact_code_track(rows, row, 0, NULL);
    if (!rows->codec.coder.failed)
        weir_compact_code_row(rows, &rows->tracks[track], row);
    return rows->codec.coder.failed ? WEIR_COMPACT_DAMAGED : WEIR_COMPACT_ROW;
}
