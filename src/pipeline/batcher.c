#include "pipeline/batcher.h"

#include <assert.h>
#include <string.h>

#include "format/sketch_list.h"

/* What a batch in compact form is taken for, until there has been one. */
static const struct weir_compact_batch_written batch_first = {
    .length = 116, .head_length = 100, .row_count = 1};

/* A batch takes at most this share of the outbox, so that a few always fit. */
#define OUTBOX_SHARE 4

static_assert(WEIR_BATCH_ROW_COUNT_MAX <= WEIR_COMPACT_ROW_COUNT_MAX, "they fit one writer");

static bool is_compact(const struct weir_config *config)
{
    return config->uplink_format == WEIR_BATCH_COMPACT;
}

uint64_t weir_batcher_size(const struct weir_config *config)
{
    uint64_t size =
        sizeof(struct weir_batcher) + (is_compact(config) ? weir_naming_size(config) : 0);

    return (size + 63) & ~(uint64_t)63;
}

void weir_batcher_init(struct weir_batcher *batcher, const struct weir_config *config,
                       uint64_t epoch, bool batching)
{
    batcher->batching = batching;
    weir_schedule_init(&batcher->schedule, config);
    batcher->weighed = batch_first;
    batcher->clock_ms = INT64_MIN;
    batcher->epoch = epoch;
    batcher->sequence = 1;
    batcher->doubted_ms = INT64_MAX;
    weir_batch_init(&batcher->batch, config->outbox_bytes / OUTBOX_SHARE);
}

void weir_batcher_adopt(struct weir_batcher *batcher, const struct weir_batcher *from,
                        const struct weir_config *config)
{
    bool batching = batcher->batching;

    memcpy(batcher, from, offsetof(struct weir_batcher, writer));
    batcher->naming = (struct weir_naming){0};
    batcher->batching = batching;
    batcher->adopted_count = batcher->given ? 0 : batcher->batch.row_count;
    weir_schedule_init(&batcher->schedule, config);
    if (batcher->clock_ms != INT64_MIN)
        weir_schedule_advance(&batcher->schedule, batcher->clock_ms);
}

bool weir_batcher_holds_any(const struct weir_batcher *batcher)
{
    return batcher->batch.row_count > 0 && !batcher->given;
}

void weir_batcher_seal(struct weir_batcher *batcher, int64_t clock_ms)
{
    batcher->sealing = true;
    batcher->clock_ms = clock_ms;
}

enum weir_status weir_batcher_write(struct weir_engine *engine, const struct weir_summary *row,
                                    const struct weir_sketch *sketch)
{
    const struct weir_stream_config *stream = &engine->config->streams[row->stream];
    struct weir_batch *batch = &engine->batcher->batch;

    if (is_compact(engine->config))
        return weir_batch_accept_row(batch, stream, row, sketch);
    return weir_batch_accept(batch, stream,
                             weir_pipeline_series_name(&engine->pipeline, row->stream, row->series),
                             row, sketch);
}

/*
 * True when the batch under construction has come to what is enough. What rows in compact form take
 * is only known when they are written: it is guessed by the batch before, with an eighth to spare,
 * so that few are left for another batch.
 */
static bool is_enough(const struct weir_engine *engine)
{
    const struct weir_batcher *batcher = engine->batcher;
    const struct weir_compact_batch_written *weighed = &batcher->weighed;
    uint64_t enough = engine->config->uplink_max_bytes;
    uint64_t row_bytes;

    if (!is_compact(engine->config))
        return batcher->batch.rows_length >= enough;
    row_bytes = batcher->batch.row_count * (weighed->length - weighed->head_length);
    return weighed->head_length + row_bytes / weighed->row_count >= enough - enough / 8;
}

enum weir_status weir_batcher_accept(struct weir_engine *engine, const struct weir_summary *summary,
                                     const struct weir_sketch *sketch)
{
    struct weir_batcher *batcher = engine->batcher;

    if (!batcher->batching)
        return WEIR_OK;
    if (batcher->given) {
        weir_batch_init(&batcher->batch, engine->config->outbox_bytes / OUTBOX_SHARE);
        batcher->given = false;
        batcher->adopted_count = 0;
    }
    if (summary->doubted)
        batcher->clock = WEIR_BATCH_CLOCK_UNSYNCHRONISED;
    if (weir_batcher_write(engine, summary, sketch) != WEIR_OK)
        return WEIR_FULL;
    if (is_enough(engine))
        weir_batcher_seal(batcher, batcher->clock_ms);
    return WEIR_OK;
}

/* Writes what fits of the rows that have not left yet. */
static void write_compact(struct weir_engine *engine, const struct weir_ledger *ledger,
                          struct weir_engine_batch *output)
{
    struct weir_batcher *batcher = engine->batcher;
    const struct weir_compact_batch batch = {
        .naming = &batcher->naming,
        .series = batcher->named_series,
        .writer = &batcher->writer,
        .config = engine->config,
        .pipeline = &engine->pipeline,
    };
    struct weir_compact_head head = {
        .epoch = batcher->epoch,
        .sequence = batcher->sequence,
        .created_ms = batcher->clock_ms,
        .clock = batcher->clock,
        .ledger = *ledger,
    };
    unsigned char *sketches = batcher->batch.sketches + batcher->given_sketches_length;
    const struct weir_compact_batch_rows rows = {
        .rows = batcher->batch.rows + batcher->given_count,
        .row_count = batcher->batch.row_count - batcher->given_count,
        .sketches = sketches,
        .sketches_length = batcher->batch.sketches_length - batcher->given_sketches_length,
    };
    const uint64_t share = engine->config->outbox_bytes / OUTBOX_SHARE;
    const struct weir_compact_batch_room room = {
        .bytes = batcher->batch.bytes,
        .size = share < WEIR_COMPACT_BYTES_MIN ? WEIR_COMPACT_BYTES_MIN : (size_t)share,
        .enough = (size_t)engine->config->uplink_max_bytes,
    };

    memcpy(head.gateway, engine->config->gateway, sizeof(head.gateway));
    batcher->weighed = weir_compact_batch_write(&batch, &head, &rows, &room);
    output->bytes = room.bytes;
    output->length = batcher->weighed.length;
    output->row_count = batcher->weighed.row_count;
    output->rows = rows.rows;
    output->sketches = sketches;
    output->sketches_length =
        weir_sketch_list_split(sketches, rows.sketches_length, output->row_count);
    batcher->given_count += output->row_count;
    batcher->given_sketches_length += (uint32_t)output->sketches_length;
}

static void write_json(struct weir_engine *engine, const struct weir_ledger *ledger,
                       struct weir_engine_batch *output)
{
    struct weir_batcher *batcher = engine->batcher;
    struct weir_batch_head head = {
        .gateway = engine->config->gateway,
        .epoch = batcher->epoch,
        .sequence = batcher->sequence,
        .created_ms = batcher->clock_ms,
        .clock = batcher->clock,
        .ledger = ledger,
    };

    output->bytes = weir_batch_seal(&batcher->batch, &head, &output->length);
    output->rows = batcher->batch.rows;
    output->row_count = batcher->batch.row_count;
    output->sketches = batcher->batch.sketches;
    output->sketches_length = batcher->batch.sketches_length;
    batcher->given_count = output->row_count;
}

void weir_batcher_give(struct weir_engine *engine, struct weir_engine_output *output)
{
    struct weir_batcher *batcher = engine->batcher;
    struct weir_ledger ledger;

    weir_engine_ledger(engine, &ledger);
    output->kind = WEIR_ENGINE_BATCH;
    output->sketch = NULL;
    if (is_compact(engine->config))
        write_compact(engine, &ledger, &output->batch);
    else
        write_json(engine, &ledger, &output->batch);
    output->batch.epoch = batcher->epoch;
    output->batch.sequence = batcher->sequence++;
    if (batcher->given_count < batcher->batch.row_count)
        return;
    batcher->sealing = false;
    batcher->given = true;
    batcher->given_count = 0;
    batcher->given_sketches_length = 0;
    batcher->clock = WEIR_BATCH_CLOCK_RIGHT;
}

void weir_batcher_give_filler(struct weir_engine *engine, struct weir_engine_output *output)
{
    struct weir_batcher *batcher = engine->batcher;
    struct weir_engine_numbers *numbers = &batcher->reserved;
    const struct weir_batch_range rest = {numbers->first + 1, numbers->first + numbers->count - 1};
    struct weir_ledger ledger;
    struct weir_batch_head head = {
        .gateway = engine->config->gateway,
        .epoch = numbers->epoch,
        .sequence = numbers->first,
        .created_ms = batcher->clock_ms,
        .ledger = &ledger,
        .ranges = &rest,
        .range_count = numbers->count > 1,
    };

    weir_engine_ledger(engine, &ledger);
    output->kind = WEIR_ENGINE_BATCH;
    output->batch = (struct weir_engine_batch){
        .bytes = batcher->filler,
        .length = is_compact(engine->config)
                      ? weir_compact_batch_write_empty(&batcher->writer, batcher->filler, &head)
                      : weir_batch_seal_empty(batcher->filler, &head),
        .epoch = numbers->epoch,
        .sequence = numbers->first,
        .rows = batcher->batch.rows,
    };
    batcher->filling = false;
    numbers->count = 0;
}
