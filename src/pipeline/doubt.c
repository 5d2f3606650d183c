#include "pipeline/doubt.h"

#include "core/assert.h"
#include "format/sketch_list.h"

/* Bytes that a row's times may grow by: four numbers from one digit to thirteen. */
#define ROW_GROWTH 48

/* What is in the batch under construction was right. */
static void end_doubt(struct weir_batcher *batcher)
{
    if (batcher->doubted_ms == INT64_MAX)
        return;
    batcher->doubted_ms = INT64_MAX;
    for (uint32_t i = 0; i < batcher->batch.row_count; i++)
        batcher->batch.rows[i].doubted = 0;
}

void weir_doubt_accept(struct weir_batcher *batcher, const struct weir_message *message)
{
    if (!message->unsynchronised) {
        end_doubt(batcher);
        return;
    }
    batcher->clock = WEIR_BATCH_CLOCK_UNSYNCHRONISED;
    if (batcher->doubted_ms == INT64_MAX) {
        batcher->doubted_ms = message->arrived_ms;
        batcher->doubted_sequence = batcher->sequence;
    }
}

bool weir_doubt_covers(const struct weir_engine *engine, const struct weir_summary *row)
{
    return engine->config->streams[row->stream].time_unit == WEIR_TIME_ARRIVAL &&
           row->end_ms > engine->batcher->doubted_ms;
}

/* Puts the times of the doubted rows of the batch under construction right; it is written again.
 * What is written of sketches is what was read. */
static void correct_batch(struct weir_engine *engine, int64_t step_ms)
{
    struct weir_batch *batch = &engine->batcher->batch;
    uint32_t count = batch->row_count;
    struct weir_sketch_list_entry entry;
    struct weir_sketch_list list;
    struct weir_sketch sketch;

    if (!weir_batcher_holds_any(engine->batcher))
        return;
    weir_sketch_list_open(&list, batch->sketches, batch->sketches_length);
    batch->row_count = 0;
    batch->rows_length = 0;
    batch->sketches_length = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct weir_summary row = batch->rows[i];
        bool sketched = weir_sketch_list_take(&list, i, &entry) &&
                        weir_sketch_read(&sketch, entry.bytes, entry.length) == WEIR_OK;
        enum weir_status status;

        if (row.doubted)
            weir_summary_correct(&row, step_ms);
        status = weir_batcher_write(engine, &row, sketched ? &sketch : NULL);
        assert(status == WEIR_OK);
        (void)status;
    }
}

enum weir_status weir_doubt_resolve(struct weir_engine *engine, int64_t step_ms)
{
    struct weir_batcher *batcher = engine->batcher;

    if (batcher->doubted_ms == INT64_MAX)
        return WEIR_OK;
    if (weir_pipeline_drain_arrival(&engine->pipeline) != WEIR_OK || weir_engine_pending(engine))
        return WEIR_FULL;
    /* No room to grow, or no names at hand: it leaves as it is, and says what its clock was. */
    if (weir_batcher_holds_any(batcher) &&
        (batcher->adopted_count > 0 ||
         batcher->batch.rows_length + batcher->batch.row_count * ROW_GROWTH >
             batcher->batch.rows_max)) {
        weir_batcher_seal(batcher, batcher->clock_ms);
        return WEIR_FULL;
    }
    correct_batch(engine, step_ms);
    if (batcher->clock == WEIR_BATCH_CLOCK_UNSYNCHRONISED)
        batcher->clock = WEIR_BATCH_CLOCK_CORRECTED;
    batcher->shift = (struct weir_engine_shift){
        .epoch = batcher->epoch,
        .first = batcher->doubted_sequence,
        .last = batcher->sequence - 1,
        .step_ms = step_ms,
    };
    batcher->shifting = batcher->batching && batcher->shift.last >= batcher->shift.first;
    return WEIR_OK;
}
