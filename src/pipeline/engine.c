#include "weir/engine.h"

#include "core/assert.h"
#include "format/crc32c.h"
#include "pipeline/doubt.h"

uint64_t weir_engine_size(const struct weir_config *config, uint64_t *batcher_bytes)
{
    if (batcher_bytes)
        *batcher_bytes = weir_batcher_size(config);
    return weir_pipeline_size(config, NULL) + weir_batcher_size(config);
}

void weir_engine_init(struct weir_engine *engine, const struct weir_config *config, void *arena,
                      uint64_t arena_size, uint64_t epoch, bool batching)
{
    weir_crc32c_init();
    engine->config = config;
    engine->batcher = arena;
    assert(arena_size >= weir_engine_size(config, NULL));
    weir_pipeline_init(&engine->pipeline, config, (char *)arena + weir_batcher_size(config),
                       arena_size - weir_batcher_size(config));
    weir_batcher_init(engine->batcher, config, epoch, batching);
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
    struct weir_batcher *batcher = engine->batcher;

    batcher->reserved = (struct weir_engine_numbers){batcher->epoch, batcher->sequence, count};
    batcher->sequence += count;
}

void weir_engine_settle(struct weir_engine *engine, bool used)
{
    engine->batcher->filling = !used && engine->batcher->reserved.count > 0;
    if (!engine->batcher->filling)
        engine->batcher->reserved.count = 0;
}

void weir_engine_reserved(const struct weir_engine *engine, struct weir_engine_numbers *numbers)
{
    *numbers = engine->batcher->reserved;
}

void weir_engine_set_epoch(struct weir_engine *engine, uint64_t epoch)
{
    engine->batcher->epoch = epoch;
    engine->batcher->sequence = 1;
    engine->batcher->doubted_sequence = 1;
    weir_naming_end(&engine->batcher->naming);
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
    struct weir_batcher *batcher = engine->batcher;

    if (accept_once(engine, message) != WEIR_OK)
        return WEIR_FULL;
    weir_doubt_accept(batcher, message);
    return WEIR_OK;
}

void weir_engine_note_malformed(struct weir_engine *engine)
{
    weir_pipeline_note_malformed(&engine->pipeline);
}

bool weir_engine_pending(const struct weir_engine *engine)
{
    return engine->batcher->sealing || engine->batcher->shifting || engine->batcher->filling ||
           weir_pipeline_pending(&engine->pipeline);
}

/* The schedule has nothing to send: go on to its first time at which there could be something. */
static void skip_schedule(struct weir_engine *engine, int64_t now_ms)
{
    struct weir_batcher *batcher = engine->batcher;
    int64_t deadline_ms = weir_pipeline_deadline(&engine->pipeline);
    int64_t quiet_ms = deadline_ms - 1 < now_ms ? deadline_ms - 1 : now_ms;

    if (quiet_ms < batcher->schedule.next_ms)
        quiet_ms = batcher->schedule.next_ms;
    weir_schedule_advance(&batcher->schedule, quiet_ms);
}

enum weir_status weir_engine_advance(struct weir_engine *engine, int64_t now_ms)
{
    struct weir_batcher *batcher = engine->batcher;

    if (batcher->schedule.next_ms == INT64_MIN)
        weir_schedule_advance(&batcher->schedule, now_ms);
    for (;;) {
        int64_t target_ms = now_ms < batcher->schedule.next_ms ? now_ms : batcher->schedule.next_ms;

        if (weir_pipeline_advance(&engine->pipeline, target_ms) != WEIR_OK)
            return WEIR_FULL;
        if (target_ms > batcher->clock_ms)
            batcher->clock_ms = target_ms;
        if (now_ms < batcher->schedule.next_ms)
            return WEIR_OK;
        if (weir_engine_pending(engine))
            return WEIR_FULL;
        if (weir_batcher_holds_any(batcher)) {
            weir_batcher_seal(batcher, batcher->schedule.next_ms);
            weir_schedule_advance(&batcher->schedule, batcher->schedule.next_ms);
            return WEIR_FULL;
        }
        skip_schedule(engine, now_ms);
    }
}

enum weir_status weir_engine_step_clock(struct weir_engine *engine, int64_t now_ms, int64_t step_ms,
                                        bool set)
{
    struct weir_batcher *batcher = engine->batcher;

    if (weir_engine_advance(engine, now_ms - step_ms) != WEIR_OK || weir_engine_pending(engine))
        return WEIR_FULL;
    if (set && weir_doubt_resolve(engine, step_ms) != WEIR_OK)
        return WEIR_FULL;
    batcher->doubted_ms = INT64_MAX;
    weir_pipeline_step_clock(&engine->pipeline, step_ms, set);
    batcher->clock_ms += step_ms;
    weir_schedule_advance(&batcher->schedule, batcher->clock_ms);
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
    if (!weir_batcher_holds_any(batcher))
        return WEIR_OK;
    weir_batcher_seal(batcher, batcher->clock_ms);
    return WEIR_FULL;
}

enum weir_status weir_engine_drain_changed(struct weir_engine *engine,
                                           const struct weir_config *next)
{
    struct weir_batcher *batcher = engine->batcher;

    if (weir_pipeline_drain_changed(&engine->pipeline, next) != WEIR_OK ||
        weir_engine_pending(engine))
        return WEIR_FULL;
    /* Compact rows are written, with their names, when the batch is closed. */
    if ((engine->config->uplink_format == WEIR_BATCH_COMPACT ||
         next->uplink_format == WEIR_BATCH_COMPACT) &&
        weir_batcher_holds_any(batcher)) {
        weir_batcher_seal(batcher, batcher->clock_ms);
        return WEIR_FULL;
    }
    return WEIR_OK;
}

bool weir_engine_take(struct weir_engine *engine, struct weir_engine_output *output)
{
    struct weir_batcher *batcher = engine->batcher;
    const struct weir_output *oldest;
    struct weir_output taken;

    if (batcher->sealing) {
        weir_batcher_give(engine, output);
        return true;
    }
    if (batcher->shifting) {
        output->kind = WEIR_ENGINE_SHIFT;
        output->sketch = NULL;
        output->shift = batcher->shift;
        batcher->shifting = false;
        return true;
    }
    if (batcher->filling) {
        output->sketch = NULL;
        weir_batcher_give_filler(engine, output);
        return true;
    }
    oldest = weir_pipeline_peek(&engine->pipeline, &output->sketch);
    if (!oldest)
        return false;
    taken = *oldest;
    if (taken.kind == WEIR_OUTPUT_SUMMARY)
        taken.summary.doubted = weir_doubt_covers(engine, &taken.summary);
    /* It stays where it is until the next batch has it. */
    if (taken.kind == WEIR_OUTPUT_SUMMARY &&
        weir_batcher_accept(engine, &taken.summary, output->sketch) == WEIR_FULL) {
        weir_batcher_seal(batcher, batcher->clock_ms);
        weir_batcher_give(engine, output);
        return true;
    }
    (void)weir_pipeline_take(&engine->pipeline, &taken);
    if (taken.kind == WEIR_OUTPUT_ALERT) {
        output->kind = WEIR_ENGINE_ALERT;
        output->alert = taken.alert;
    } else {
        output->kind = WEIR_ENGINE_SUMMARY;
        output->summary = taken.summary;
    }
    return true;
}

int64_t weir_engine_deadline(const struct weir_engine *engine)
{
    const struct weir_batcher *batcher = engine->batcher;
    int64_t deadline_ms = weir_pipeline_deadline(&engine->pipeline);

    if (batcher->batching && batcher->schedule.next_ms < deadline_ms)
        return batcher->schedule.next_ms;
    return deadline_ms;
}

void weir_engine_adopt(struct weir_engine *engine, const struct weir_engine *from)
{
    assert(!weir_engine_pending(from));
    weir_pipeline_adopt(&engine->pipeline, &from->pipeline);
    weir_batcher_adopt(engine->batcher, from->batcher, engine->config);
}
