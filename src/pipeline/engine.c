#include "weir/engine.h"

#include <assert.h>
#include <string.h>

#include "core/duplicate.h"
#include "format/batch.h"
#include "format/crc32c.h"
#include "format/sketch_list.h"
#include "pipeline/compact_batch.h"

/* What a batch in compact form is taken for, until there has been one. */
static const struct weir_compact_batch_written batch_first = {
    .length = 116, .head_length = 100, .row_count = 1};

/* A batch takes at most this share of the outbox, so that a few always fit. */
#define OUTBOX_SHARE 4

struct weir_batcher {
    bool batching;
    bool sealing;                /* the next take gives the batch out */
    bool given;                  /* the batch was given out and is to be made anew */
    bool shifting;               /* the next take gives the shift out */
    uint32_t adopted_count;      /* rows of the batch that another configuration has made */
    enum weir_batch_clock clock; /* of the messages since the last batch */
    int64_t doubted_ms;          /* the first message whose time is in doubt; INT64_MAX: none is */
    uint64_t doubted_sequence;   /* of the batch under construction then */
    int64_t every_ms;
    int64_t offset_ms; /* of the schedule, from multiples of every_ms */
    int64_t next_ms; /* the schedule's next time; INT64_MIN: the time is not known yet. Kept without
                      * batching too: the order of summaries is not to hang on it. */
    int64_t clock_ms;
    uint64_t epoch;
    uint64_t sequence; /* of the batch under construction */
    bool filling;      /* the next take gives out a batch for the numbers that are not used */
    struct weir_engine_numbers reserved; /* given away, and not settled */
    char filler[WEIR_BATCH_EMPTY_BYTES];
    struct weir_engine_shift shift;
    struct weir_ledger losses;
    struct weir_duplicates duplicates;
    uint32_t given_count; /* rows of the batch that have left in another: they were too large */
    uint32_t given_sketches_length;
    struct weir_compact_batch_written weighed; /* the newest in compact form */
    struct weir_naming naming;
    struct weir_batch batch;
    struct weir_compact_writer writer; /* no state: all zeros while nothing is written */
    uint32_t named_series[];           /* weir_naming_size bytes, if the format is compact */
};

static_assert(WEIR_BATCH_ROW_COUNT_MAX <= WEIR_COMPACT_ROW_COUNT_MAX, "they fit one writer");

static bool is_compact(const struct weir_config *config)
{
    return config->uplink_format == WEIR_BATCH_COMPACT;
}

static uint64_t batcher_size(const struct weir_config *config)
{
    uint64_t size =
        sizeof(struct weir_batcher) + (is_compact(config) ? weir_naming_size(config) : 0);

    return (size + 63) & ~(uint64_t)63;
}

uint64_t weir_engine_size(const struct weir_config *config, uint64_t *batcher_bytes)
{
    if (batcher_bytes)
        *batcher_bytes = batcher_size(config);
    return weir_pipeline_size(config, NULL) + batcher_size(config);
}

static void set_schedule(struct weir_engine *engine)
{
    engine->batcher->every_ms = engine->config->uplink_every_ms;
    engine->batcher->offset_ms = weir_config_offset_ms(engine->config);
}

void weir_engine_init(struct weir_engine *engine, const struct weir_config *config, void *arena,
                      uint64_t arena_size, uint64_t epoch, bool batching)
{
    weir_crc32c_init();
    engine->config = config;
    engine->batcher = arena;
    assert(arena_size >= weir_engine_size(config, NULL));
    weir_pipeline_init(&engine->pipeline, config, (char *)arena + batcher_size(config),
                       arena_size - batcher_size(config));
    engine->batcher->batching = batching;
    set_schedule(engine);
    engine->batcher->weighed = batch_first;
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

/* What is in the batch under construction was right. */
static void end_doubt(struct weir_batcher *batcher)
{
    if (batcher->doubted_ms == INT64_MAX)
        return;
    batcher->doubted_ms = INT64_MAX;
    for (uint32_t i = 0; i < batcher->batch.row_count; i++)
        batcher->batch.rows[i].doubted = 0;
}

enum weir_status weir_engine_accept(struct weir_engine *engine, const struct weir_message *message)
{
    struct weir_batcher *batcher = engine->batcher;

    if (accept_once(engine, message) != WEIR_OK)
        return WEIR_FULL;
    if (!message->unsynchronised) {
        end_doubt(batcher);
        return WEIR_OK;
    }
    batcher->clock = WEIR_BATCH_CLOCK_UNSYNCHRONISED;
    if (batcher->doubted_ms == INT64_MAX) {
        batcher->doubted_ms = message->arrived_ms;
        batcher->doubted_sequence = batcher->sequence;
    }
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

/* The first time of the schedule after time_ms. */
static int64_t find_next(const struct weir_batcher *batcher, int64_t time_ms)
{
    int64_t since_ms = time_ms - batcher->offset_ms;
    int64_t multiple_ms = since_ms / batcher->every_ms * batcher->every_ms;

    if (multiple_ms <= since_ms)
        multiple_ms += batcher->every_ms;
    return multiple_ms + batcher->offset_ms;
}

/* The schedule has nothing to send: go on to its first time at which there could be something. */
static void skip_schedule(struct weir_engine *engine, int64_t now_ms)
{
    struct weir_batcher *batcher = engine->batcher;
    int64_t deadline_ms = weir_pipeline_deadline(&engine->pipeline);
    int64_t quiet_ms = deadline_ms - 1 < now_ms ? deadline_ms - 1 : now_ms;

    if (quiet_ms < batcher->next_ms)
        quiet_ms = batcher->next_ms;
    batcher->next_ms = find_next(batcher, quiet_ms);
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
        batcher->next_ms = find_next(batcher, now_ms);
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
            batcher->next_ms = find_next(batcher, batcher->next_ms);
            return WEIR_FULL;
        }
        skip_schedule(engine, now_ms);
    }
}

static enum weir_status accept_row(struct weir_engine *engine, const struct weir_summary *row,
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

/* Bytes that a row's times may grow by: four numbers from one digit to thirteen. */
#define ROW_GROWTH 48

static bool is_doubted(const struct weir_engine *engine, const struct weir_summary *row)
{
    return engine->config->streams[row->stream].time_unit == WEIR_TIME_ARRIVAL &&
           row->end_ms > engine->batcher->doubted_ms;
}

/* Puts the times of the doubted rows of the batch under construction right; it is written again. What
 * is written of sketches is what was read. */
static void correct_batch(struct weir_engine *engine, int64_t step_ms)
{
    struct weir_batch *batch = &engine->batcher->batch;
    uint32_t count = engine->batcher->given ? 0 : batch->row_count;
    struct weir_sketch_list_entry entry;
    struct weir_sketch_list list;
    struct weir_sketch sketch;

    if (count == 0)
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

        if (row.doubted) {
            row.doubted = 0;
            row.start_ms += step_ms;
            row.end_ms += step_ms;
            row.first_ms += step_ms;
            row.last_ms += step_ms;
        }
        status = accept_row(engine, &row, sketched ? &sketch : NULL);
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
    /* No room to grow, or no names at hand: it leaves as it is, and says what its clock was. */
    if (!batcher->given && batcher->batch.row_count > 0 &&
        (batcher->adopted_count > 0 ||
         batcher->batch.rows_length + batcher->batch.row_count * ROW_GROWTH >
             batcher->batch.rows_max)) {
        seal(batcher, batcher->clock_ms);
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
    batcher->next_ms = find_next(batcher, batcher->clock_ms);
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
    struct weir_batcher *batcher = engine->batcher;

    if (weir_pipeline_drain_changed(&engine->pipeline, next) != WEIR_OK ||
        weir_engine_pending(engine))
        return WEIR_FULL;
    /* Compact rows are written, with their names, when the batch is closed. */
    if ((is_compact(engine->config) || is_compact(next)) && !batcher->given &&
        batcher->batch.row_count > 0) {
        seal(batcher, batcher->clock_ms);
        return WEIR_FULL;
    }
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

static void give_batch(struct weir_engine *engine, struct weir_engine_output *output)
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

static void give_filler(struct weir_engine *engine, struct weir_engine_output *output)
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

/*
 * True when the batch under construction has come to what is enough. What rows in compact form take is
 * only known when they are written: it is guessed by the batch before, with an eighth to spare, so that
 * few are left for another batch.
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

static enum weir_status batch_summary(struct weir_engine *engine,
                                      const struct weir_summary *summary,
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
    if (accept_row(engine, summary, sketch) != WEIR_OK)
        return WEIR_FULL;
    if (is_enough(engine))
        seal(batcher, batcher->clock_ms);
    return WEIR_OK;
}

bool weir_engine_take(struct weir_engine *engine, struct weir_engine_output *output)
{
    struct weir_batcher *batcher = engine->batcher;
    const struct weir_output *oldest;
    struct weir_output taken;

    if (batcher->sealing) {
        give_batch(engine, output);
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
        give_filler(engine, output);
        return true;
    }
    oldest = weir_pipeline_peek(&engine->pipeline, &output->sketch);
    if (!oldest)
        return false;
    taken = *oldest;
    if (taken.kind == WEIR_OUTPUT_SUMMARY)
        taken.summary.doubted = is_doubted(engine, &taken.summary);
    /* It stays where it is until the next batch has it. */
    if (taken.kind == WEIR_OUTPUT_SUMMARY &&
        batch_summary(engine, &taken.summary, output->sketch) == WEIR_FULL) {
        seal(batcher, batcher->clock_ms);
        give_batch(engine, output);
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

    if (batcher->batching && batcher->next_ms < deadline_ms)
        return batcher->next_ms;
    return deadline_ms;
}

void weir_engine_adopt(struct weir_engine *engine, const struct weir_engine *from)
{
    bool batching = engine->batcher->batching;

    assert(!weir_engine_pending(from));
    weir_pipeline_adopt(&engine->pipeline, &from->pipeline);
    memcpy(engine->batcher, from->batcher, offsetof(struct weir_batcher, writer));
    engine->batcher->naming = (struct weir_naming){0};
    engine->batcher->batching = batching;
    engine->batcher->adopted_count = engine->batcher->given ? 0 : engine->batcher->batch.row_count;
    set_schedule(engine);
    engine->batcher->next_ms = engine->batcher->clock_ms == INT64_MIN
                                   ? INT64_MIN
                                   : find_next(engine->batcher, engine->batcher->clock_ms);
}
