#include "format/batch.h"

#include <string.h>

#include "core/assert.h"
#include "format/sketch_list.h"

/* Room kept behind the rows for the closing "]}". */
#define TAIL_BYTES 2

void weir_batch_init(struct weir_batch *batch, uint64_t size_max)
{
    batch->rows_max =
        (uint32_t)(size_max < WEIR_BATCH_BYTES_MAX ? size_max : WEIR_BATCH_BYTES_MAX) - TAIL_BYTES;
    batch->row_count = 0;
    batch->rows_length = 0;
    batch->sketches_length = 0;
    batch->sketches_max = batch->rows_max;
}

/* The bytes that the row's sketch takes are counted only when the row is in. */
static enum weir_status put_sketch(struct weir_batch *batch,
                                   const struct weir_stream_config *stream,
                                   const struct weir_sketch *sketch, uint32_t *length)
{
    unsigned char bytes[WEIR_SKETCH_BYTES_MAX];
    const struct weir_sketch_list_entry entry = {
        .row = batch->row_count,
        .quantiles = stream->quantiles,
        .quantile_count = stream->quantile_count,
        .bytes = bytes,
        .length = sketch ? weir_sketch_write(sketch, bytes) : 0,
    };

    *length = 0;
    if (!sketch)
        return WEIR_OK;
    if (weir_sketch_list_size(&entry) > batch->sketches_max - batch->sketches_length)
        return WEIR_FULL;
    *length = (uint32_t)weir_sketch_list_put(batch->sketches + batch->sketches_length, &entry);
    return WEIR_OK;
}

enum weir_status weir_batch_accept(struct weir_batch *batch,
                                   const struct weir_stream_config *stream, const char *series,
                                   const struct weir_summary *summary,
                                   const struct weir_sketch *sketch)
{
    struct weir_text text;
    uint32_t sketch_length;

    if (batch->row_count == WEIR_BATCH_ROW_COUNT_MAX ||
        put_sketch(batch, stream, sketch, &sketch_length) != WEIR_OK)
        return WEIR_FULL;
    weir_text_init(&text, batch->bytes + WEIR_BATCH_HEAD_BYTES + batch->rows_length,
                   batch->rows_max - batch->rows_length);
    weir_text_add(&text, batch->row_count > 0 ? ",{" : "{");
    weir_encode_summary(&text, stream, series, summary, sketch);
    weir_text_add(&text, "}");
    if (text.overflow)
        return WEIR_FULL;
    batch->rows_length += (uint32_t)text.length;
    batch->sketches_length += sketch_length;
    batch->rows[batch->row_count++] = *summary;
    return WEIR_OK;
}

enum weir_status weir_batch_accept_row(struct weir_batch *batch,
                                       const struct weir_stream_config *stream,
                                       const struct weir_summary *summary,
                                       const struct weir_sketch *sketch)
{
    uint32_t sketch_length;

    if (batch->row_count == WEIR_BATCH_ROW_COUNT_MAX ||
        put_sketch(batch, stream, sketch, &sketch_length) != WEIR_OK)
        return WEIR_FULL;
    batch->sketches_length += sketch_length;
    batch->rows[batch->row_count++] = *summary;
    return WEIR_OK;
}

static void write_ranges(struct weir_text *text, const struct weir_batch_head *head)
{
    weir_text_add(text, ",\"replaces\":");
    for (uint32_t i = 0; i < head->range_count; i++) {
        weir_text_add(text, i > 0 ? ",[" : "[[");
        weir_text_add_uint(text, head->ranges[i].first);
        weir_text_add(text, ",");
        weir_text_add_uint(text, head->ranges[i].last);
        weir_text_add(text, "]");
    }
    weir_text_add(text, "]");
}

const char *weir_batch_clock_name(enum weir_batch_clock clock)
{
    static const char *const names[] = {
        [WEIR_BATCH_CLOCK_UNSYNCHRONISED] = "unsynchronised",
        [WEIR_BATCH_CLOCK_CORRECTED] = "corrected",
    };

    return names[clock];
}

void weir_batch_write_head(struct weir_text *text, const struct weir_batch_head *head)
{
    const char *clock = weir_batch_clock_name(head->clock);

    weir_text_add(text, "{\"schema\":\"weir.batch/1\",\"gateway\":");
    weir_text_add_quoted(text, head->gateway);
    weir_text_add(text, ",\"epoch\":\"");
    weir_text_add_hex(text, head->epoch);
    weir_text_add(text, "\",\"seq\":");
    weir_text_add_uint(text, head->sequence);
    weir_text_add(text, ",\"created\":");
    weir_text_add_int(text, head->created_ms);
    if (clock) {
        weir_text_add(text, ",\"clock\":\"");
        weir_text_add(text, clock);
        weir_text_add(text, "\"");
    }
    if (head->range_count > 0)
        write_ranges(text, head);
    weir_text_add(text, ",\"ledger\":");
    if (head->ledger_text) {
        weir_text_add_bytes(text, head->ledger_text, head->ledger_length);
    } else {
        weir_text_add(text, "{");
        weir_encode_ledger(text, head->ledger);
        weir_text_add(text, "}");
    }
    weir_text_add(text, ",\"summaries\":[");
}

const char *weir_batch_seal(struct weir_batch *batch, const struct weir_batch_head *head,
                            size_t *length)
{
    char envelope[WEIR_BATCH_HEAD_BYTES];
    struct weir_text text;
    char *start;

    assert(head->range_count <= WEIR_BATCH_RANGE_COUNT_MAX &&
           (!head->ledger_text || head->ledger_length <= WEIR_BATCH_LEDGER_BYTES_MAX));
    weir_text_init(&text, envelope, sizeof(envelope));
    weir_batch_write_head(&text, head);
    assert(!text.overflow);
    start = batch->bytes + WEIR_BATCH_HEAD_BYTES - text.length;
    memcpy(start, envelope, text.length);
    memcpy(batch->bytes + WEIR_BATCH_HEAD_BYTES + batch->rows_length, "]}", TAIL_BYTES);
    *length = text.length + batch->rows_length + TAIL_BYTES;
    return start;
}

size_t weir_batch_seal_empty(char bytes[static WEIR_BATCH_EMPTY_BYTES],
                             const struct weir_batch_head *head)
{
    struct weir_text text;

    weir_text_init(&text, bytes, WEIR_BATCH_EMPTY_BYTES);
    weir_batch_write_head(&text, head);
    weir_text_add(&text, "]}");
    assert(!text.overflow);
    return text.length;
}
