#include "weir/engine.h"

#include <assert.h>
#include <string.h>

#include "core/duplicate.h"
#include "format/batch.h"

/* A batch takes at most this share of the outbox, so that a few always fit. */
#define OUTBOX_SHARE 4

struct weir_batcher {
    bool batching;
    bool sealing;        /* the next take gives the batch out */
    bool given;          /* the batch was given out and is to be made anew */
    bool held;           /* a summary waits for the next batch */
    bool unsynchronised; /* messages since the last batch arrived before the clock was right */
    int64_t doubted_ms;  /* the first of them since the clock was last set; INT64_MAX: none */
    int64_t every_ms;
    int64_t next_ms; /* the schedule's next time; INT64_MIN: the time is not known yet. Kept without
                      * batching too: the order of summaries is not to hang on it. */
    int64_t clock_ms;
    uint64_t epoch;
    uint64_t sequence; /* of the batch under construction */
    uint64_t reserved; /* the first of the numbers that were given away last */
    struct weir_ledger losses;
    struct weir_duplicates duplicates;
    struct weir_summary held_summary;
    struct weir_batch batch;
};

static uint64_t batcher_size(void)
{
    return (sizeof(struct weir_batcher) + 63) & ~(uint64_t)63;
}

uint64_t weir_engine_size(const struct weir_config *config, uint64_t *batcher_bytes)
{
    if (batcher_bytes)
        *batcher_bytes = batcher_size();
    return weir_pipeline_size(config, NULL) + batcher_size();
}

void weir_engine_init(struct weir_engine *engine, const struct weir_config *config, void *arena,
                      uint64_t arena_size, uint64_t epoch, bool batching)
{
    engine->config = config;
    engine->batcher = arena;
    assert(arena_size >= weir_engine_size(config, NULL));
    weir_pipeline_init(&engine->pipeline, config, (char *)arena + batcher_size(),
                       arena_size - batcher_size());
    engine->batcher->batching = batching;
    engine->batcher->every_ms = config->uplink_every_ms;
    engine->batcher->next_ms = INT64_MIN;
    engine->batcher->clock_ms = INT64_MIN;
    engine->batcher->epoch = epoch;
    engine->batcher->sequence = 1;
    engine->batcher->doubted_ms = INT64_MAX;
    weir_batch_init(&engine->batcher->batch, config->outbox_bytes / OUTBOX_SHARE);
}

void weir_engine_note_losses(struct weir_engine *engine, const struct weir_ledger *losses)
{
    engine->batcher->losses = *losses;
}

void weir_engine_ledger(const struct weir_engine *engine, struct weir_ledger *ledger)
{
    const struct weir_ledger *losses = &engine->batcher->losses;

    weir_pipeline_ledger(&engine->pipeline, ledger);
    ledger->queue_dropped = losses->queue_dropped;
    ledger->outbox_dropped = losses->outbox_dropped;
    ledger->batches_dropped = losses->batches_dropped;
    ledger->events_dropped = losses->events_dropped;
    ledger->coarsened = losses->coarsened;
    ledger->journal_lost = losses->journal_lost;
    ledger->duplicates = engine->batcher->duplicates.found_count;
}

void weir_engine_reserve(struct weir_engine *engine, uint64_t count)
{
    engine->batcher->reserved = engine->batcher->sequence;
    engine->batcher->sequence += count;
}

uint64_t weir_engine_reserved(const struct weir_engine *engine)
{
    return engine->batcher->reserved;
}

void weir_engine_set_epoch(struct weir_engine *engine, uint64_t epoch)
{
    engine->batcher->epoch = epoch;
    engine->batcher->sequence = 1;
}

uint64_t weir_engine_epoch(const struct weir_engine *engine)
{
    return engine->batcher->epoch;
}

uint64_t weir_engine_next_sequence(const struct weir_engine *engine)
{
    return engine->batcher->sequence;
}

static enum weir_status accept_once(struct weir_engine *engine, const struct weir_message *message)
{
    struct weir_duplicates *duplicates = &engine->batcher->duplicates;
    uint64_t mark;

    if (message->packet_id == 0)
        return weir_pipeline_accept(&engine->pipeline, message);
    mark = weir_duplicates_mark(message);
    if (message->duplicate && weir_duplicates_find(duplicates, mark))
        return WEIR_OK;
    if (weir_pipeline_accept(&engine->pipeline, message) != WEIR_OK)
        return WEIR_FULL;
    weir_duplicates_add(duplicates, mark);
    return WEIR_OK;
}

enum weir_status weir_engine_accept(struct weir_engine *engine, const struct weir_message *message)
{
    if (accept_once(engine, message) != WEIR_OK)
        return WEIR_FULL;
    engine->batcher->unsynchronised |= message->unsynchronised;
    if (message->unsynchronised && engine->batcher->doubted_ms == INT64_MAX)
        engine->batcher->doubted_ms = message->arrived_ms;
    return WEIR_OK;
}

void weir_engine_note_malformed(struct weir_engine *engine)
{
    weir_pipeline_note_malformed(&engine->pipeline);
}

bool weir_engine_pending(const struct weir_engine *engine)
{
    return engine->batcher->held || engine->batcher->sealing ||
           weir_pipeline_pending(&engine->pipeline);
}

/* The first multiple of every_ms after time_ms. */
static int64_t next_multiple(int64_t time_ms, int64_t every_ms)
{
    int64_t multiple = time_ms / every_ms * every_ms;

    return multiple > time_ms ? multiple : multiple + every_ms;
}

/* The schedule has nothing to send: go on to its first time at which there could be something. */
static void skip_schedule(struct weir_engine *engine, int64_t now_ms)
{
    struct weir_batcher *batcher = engine->batcher;
    int64_t deadline_ms = weir_pipeline_deadline(&engine->pipeline);
    int64_t quiet_ms = deadline_ms - 1 < now_ms ? deadline_ms - 1 : now_ms;

    if (quiet_ms < batcher->next_ms)
        quiet_ms = batcher->next_ms;
    batcher->next_ms = next_multiple(quiet_ms, batcher->every_ms);
}

static void seal(struct weir_batcher *batcher, int64_t clock_ms)
{
    batcher->sealing = true;
    batcher->clock_ms = clock_ms;
}

enum weir_status weir_engine_advance(struct weir_engine *engine, int64_t now_ms)
{
    struct weir_batcher *batcher = engine->batcher;

    if (batcher->next_ms == INT64_MIN)
        batcher->next_ms = next_multiple(now_ms, batcher->every_ms);
    for (;;) {
        int64_t target_ms = now_ms < batcher->next_ms ? now_ms : batcher->next_ms;

        if (weir_pipeline_advance(&engine->pipeline, target_ms) != WEIR_OK)
            return WEIR_FULL;
        if (target_ms > batcher->clock_ms)
            batcher->clock_ms = target_ms;
        if (now_ms < batcher->next_ms)
            return WEIR_OK;
        if (weir_engine_pending(engine))
            return WEIR_FULL;
        if (batcher->batch.row_count > 0 && !batcher->given) {
            seal(batcher, batcher->next_ms);
            batcher->next_ms = next_multiple(batcher->next_ms, batcher->every_ms);
            return WEIR_FULL;
        }
        skip_schedule(engine, now_ms);
    }
}

/* Bytes that a row's times may grow by: four numbers from one digit to thirteen. */
#define ROW_GROWTH 48

static bool is_doubted(const struct weir_engine *engine, const struct weir_summary *row)
{
    return engine->config->streams[row->stream].time_unit == WEIR_TIME_ARRIVAL &&
           row->end_ms > engine->batcher->doubted_ms;
}

/* Writes the batch under construction again, with the times of its doubted rows put right. */
static void correct_batch(struct weir_engine *engine, int64_t step_ms)
{
    struct weir_batch *batch = &engine->batcher->batch;
    uint32_t count = engine->batcher->given ? 0 : batch->row_count;

    if (count == 0)
        return;
    batch->row_count = 0;
    batch->rows_length = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct weir_summary row = batch->rows[i];
        enum weir_status status;

        if (is_doubted(engine, &row)) {
            row.start_ms += step_ms;
            row.end_ms += step_ms;
            row.first_ms += step_ms;
            row.last_ms += step_ms;
        }
        status = weir_batch_accept(
            batch, &engine->config->streams[row.stream],
            weir_pipeline_series_name(&engine->pipeline, row.stream, row.series), &row);
        assert(status == WEIR_OK);
        (void)status;
    }
}

/* Closes what was filled under a clock that is known to have been wrong, and puts it right. */
static enum weir_status correct(struct weir_engine *engine, int64_t step_ms)
{
    struct weir_batcher *batcher = engine->batcher;

    if (batcher->doubted_ms == INT64_MAX)
        return WEIR_OK;
    if (weir_pipeline_drain_arrival(&engine->pipeline) != WEIR_OK || weir_engine_pending(engine))
        return WEIR_FULL;
    /* No room to grow: it leaves as it is, and says what its clock was. */
    if (!batcher->given && batcher->batch.row_count > 0 &&
        batcher->batch.rows_length + batcher->batch.row_count * ROW_GROWTH >
            batcher->batch.rows_max) {
        seal(batcher, batcher->clock_ms);
        return WEIR_FULL;
    }
    correct_batch(engine, step_ms);
    return WEIR_OK;
}

enum weir_status weir_engine_step_clock(struct weir_engine *engine, int64_t now_ms, int64_t step_ms,
                                        bool set)
{
    struct weir_batcher *batcher = engine->batcher;

    if (weir_engine_advance(engine, now_ms - step_ms) != WEIR_OK || weir_engine_pending(engine))
        return WEIR_FULL;
    if (set && correct(engine, step_ms) != WEIR_OK)
        return WEIR_FULL;
    batcher->doubted_ms = INT64_MAX;
    weir_pipeline_step_clock(&engine->pipeline, step_ms, set);
    batcher->clock_ms += step_ms;
    batcher->next_ms = next_multiple(batcher->clock_ms, batcher->every_ms);
    return WEIR_OK;
}

void weir_engine_set_link(struct weir_engine *engine, bool up)
{
    weir_pipeline_set_link(&engine->pipeline, up);
}

void weir_engine_resume(struct weir_engine *engine, int64_t outage_ms)
{
    weir_pipeline_resume(&engine->pipeline, outage_ms);
}

enum weir_status weir_engine_command(struct weir_engine *engine, const struct weir_command *command)
{
    return weir_pipeline_command(&engine->pipeline, command);
}

enum weir_status weir_engine_drain(struct weir_engine *engine)
{
    struct weir_batcher *batcher = engine->batcher;

    if (weir_pipeline_drain(&engine->pipeline) != WEIR_OK || weir_engine_pending(engine))
        return WEIR_FULL;
    if (batcher->given || batcher->batch.row_count == 0)
        return WEIR_OK;
    seal(batcher, batcher->clock_ms);
    return WEIR_FULL;
}

enum weir_status weir_engine_drain_changed(struct weir_engine *engine,
                                           const struct weir_config *next)
{
    if (weir_pipeline_drain_changed(&engine->pipeline, next) != WEIR_OK ||
        weir_engine_pending(engine))
        return WEIR_FULL;
    return WEIR_OK;
}

static void give_batch(struct weir_engine *engine, struct weir_engine_output *output)
{
    struct weir_batcher *batcher = engine->batcher;
    struct weir_ledger ledger;
    struct weir_batch_head head = {
        .gateway = engine->config->gateway,
        .epoch = batcher->epoch,
        .sequence = batcher->sequence,
        .created_ms = batcher->clock_ms,
        .unsynchronised = batcher->unsynchronised,
        .ledger = &ledger,
    };

    weir_engine_ledger(engine, &ledger);
    output->kind = WEIR_ENGINE_BATCH;
    output->batch.bytes = weir_batch_seal(&batcher->batch, &head, &output->batch.length);
    output->batch.epoch = batcher->epoch;
    output->batch.sequence = batcher->sequence++;
    output->batch.rows = batcher->batch.rows;
    output->batch.row_count = batcher->batch.row_count;
    batcher->sealing = false;
    batcher->given = true;
    batcher->unsynchronised = false;
}

static enum weir_status batch_summary(struct weir_engine *engine,
                                      const struct weir_summary *summary)
{
    struct weir_batcher *batcher = engine->batcher;

    if (!batcher->batching)
        return WEIR_OK;
    if (batcher->given) {
        weir_batch_init(&batcher->batch, engine->config->outbox_bytes / OUTBOX_SHARE);
        batcher->given = false;
    }
    return weir_batch_accept(
        &batcher->batch, &engine->config->streams[summary->stream],
        weir_pipeline_series_name(&engine->pipeline, summary->stream, summary->series), summary);
}

bool weir_engine_take(struct weir_engine *engine, struct weir_engine_output *output)
{
    struct weir_batcher *batcher = engine->batcher;
    struct weir_output taken;

    if (batcher->sealing) {
        give_batch(engine, output);
        return true;
    }
    if (batcher->held) {
        taken.kind = WEIR_OUTPUT_SUMMARY;
        taken.summary = batcher->held_summary;
        batcher->held = false;
    } else if (!weir_pipeline_take(&engine->pipeline, &taken)) {
        return false;
    }
    if (taken.kind == WEIR_OUTPUT_ALERT) {
        output->kind = WEIR_ENGINE_ALERT;
        output->alert = taken.alert;
        return true;
    }
    if (batch_summary(engine, &taken.summary) == WEIR_FULL) {
        batcher->held = true;
        batcher->held_summary = taken.summary;
        seal(batcher, batcher->clock_ms);
        give_batch(engine, output);
        return true;
    }
    output->kind = WEIR_ENGINE_SUMMARY;
    output->summary = taken.summary;
    return true;
}

int64_t weir_engine_deadline(const struct weir_engine *engine)
{
    const struct weir_batcher *batcher = engine->batcher;
    int64_t deadline_ms = weir_pipeline_deadline(&engine->pipeline);

    if (batcher->batching && batcher->next_ms < deadline_ms)
        return batcher->next_ms;
    return deadline_ms;
}

void weir_engine_adopt(struct weir_engine *engine, const struct weir_engine *from)
{
    bool batching = engine->batcher->batching;

    assert(!weir_engine_pending(from));
    weir_pipeline_adopt(&engine->pipeline, &from->pipeline);
    memcpy(engine->batcher, from->batcher, sizeof(*engine->batcher));
    engine->batcher->batching = batching;
    engine->batcher->every_ms = engine->config->uplink_every_ms;
    engine->batcher->next_ms =
        engine->batcher->clock_ms == INT64_MIN
            ? INT64_MIN
            : next_multiple(engine->batcher->clock_ms, engine->batcher->every_ms);
}
