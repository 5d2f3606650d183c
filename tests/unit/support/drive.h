/*
 * A pipeline driven as `run` and `replay` do, its ledger checked after every call and its outputs
 * written down as text.
 */
#ifndef TESTS_SUPPORT_DRIVE_H
#define TESTS_SUPPORT_DRIVE_H

#include <stdlib.h>

#include "build.h"
#include "unit.h"
#include "weir/pipeline.h"

struct drive {
    struct weir_pipeline pipeline;
    const struct weir_config *config;
    void *arena;
    uint64_t arena_size;
    FILE *out;
    char *text; /* what came out, a line each */
    size_t text_length;
    uint64_t row_count;
    uint64_t sample_count; /* that the rows stand for */
};

static inline void *drive_arena(uint64_t size)
{
    void *arena = aligned_alloc(64, size);

    assert_non_null(arena);
    memset(arena, 0, size);
    return arena;
}

static inline void drive_init(struct drive *drive, const struct weir_config *config)
{
    memset(drive, 0, sizeof(*drive));
    drive->config = config;
    drive->arena_size = weir_pipeline_size(config, NULL);
    drive->arena = drive_arena(drive->arena_size);
    weir_pipeline_init(&drive->pipeline, config, drive->arena, drive->arena_size);
    drive->out = open_memstream(&drive->text, &drive->text_length);
    assert_non_null(drive->out);
}

static inline void drive_finish(struct drive *drive)
{
    (void)fclose(drive->out);
    free(drive->text);
    free(drive->arena);
}

static inline struct weir_ledger drive_ledger(const struct drive *drive)
{
    struct weir_ledger ledger;

    weir_pipeline_ledger(&drive->pipeline, &ledger);
    return ledger;
}

static inline void drive_check(const struct drive *drive)
{
    struct weir_ledger ledger = drive_ledger(drive);

    assert_true(weir_ledger_balanced(&ledger));
    if (weir_pipeline_pending(&drive->pipeline))
        return;
    assert_int_equal(ledger.summaries, drive->row_count);
    assert_int_equal(ledger.summarised, drive->sample_count);
}

static inline void drive_write_summary(struct drive *drive, const struct weir_summary *summary)
{
    const struct weir_stream_config *stream = &drive->config->streams[summary->stream];

    drive->row_count++;
    drive->sample_count += summary->revision == 0 ? summary->count : 1;
    (void)fprintf(drive->out, "%s %s %s %lld..%lld", stream->name,
                  weir_pipeline_series_name(&drive->pipeline, summary->stream, summary->series),
                  stream->fields[summary->field].name, (long long)summary->start_ms,
                  (long long)summary->end_ms);
    if (summary->revision > 0)
        (void)fprintf(drive->out, " r%u", summary->revision);
    (void)fprintf(drive->out, " n%llu sum %.17g\n", (unsigned long long)summary->count,
                  summary->sum);
}

static inline void drive_write_alert(struct drive *drive, const struct weir_alert *alert)
{
    const struct weir_rule_config *rule = &drive->config->rules[alert->rule];

    (void)fprintf(drive->out, "%s %s %s %s %s #%llu at %lld since %lld %.17g\n", rule->name,
                  alert->series == WEIR_SERIES_ALL
                      ? "*"
                      : weir_pipeline_series_name(&drive->pipeline, rule->stream, alert->series),
                  weir_event_name(alert->event), weir_level_name(alert->level),
                  weir_condition_name(alert->condition), (unsigned long long)alert->sequence,
                  (long long)alert->time_ms, (long long)alert->since_ms, alert->value);
}

/* Takes at most so many outputs. */
static inline void drive_take_some(struct drive *drive, unsigned most)
{
    struct weir_output output;

    for (unsigned i = 0; i < most && weir_pipeline_take(&drive->pipeline, &output); i++) {
        if (output.kind == WEIR_OUTPUT_SUMMARY)
            drive_write_summary(drive, &output.summary);
        else
            drive_write_alert(drive, &output.alert);
    }
    drive_check(drive);
}

static inline void drive_take(struct drive *drive)
{
    drive_take_some(drive, UINT32_MAX);
    assert_false(weir_pipeline_pending(&drive->pipeline));
}

static inline void drive_advance(struct drive *drive, int64_t now_ms)
{
    while (weir_pipeline_advance(&drive->pipeline, now_ms) == WEIR_FULL) {
        drive_check(drive);
        drive_take(drive);
    }
    drive_take(drive);
}

static inline void drive_drain(struct drive *drive)
{
    while (weir_pipeline_drain(&drive->pipeline) == WEIR_FULL) {
        drive_check(drive);
        drive_take(drive);
    }
    drive_take(drive);
    assert_int_equal(drive_ledger(drive).open, 0);
}

static inline struct weir_message drive_message(int64_t arrived_ms, const char *topic,
                                                const char *payload)
{
    return (struct weir_message){
        .topic = topic,
        .topic_length = strlen(topic),
        .payload = payload,
        .payload_length = strlen(payload),
        .arrived_ms = arrived_ms,
    };
}

static inline void drive_accept(struct drive *drive, const struct weir_message *message)
{
    drive_advance(drive, message->arrived_ms);
    while (weir_pipeline_accept(&drive->pipeline, message) == WEIR_FULL) {
        drive_check(drive);
        drive_take(drive);
    }
    drive_take(drive);
}

static inline void drive_feed(struct drive *drive, int64_t arrived_ms, const char *topic,
                              const char *payload)
{
    struct weir_message message = drive_message(arrived_ms, topic, payload);

    drive_accept(drive, &message);
}

/* What came out since the last call is this. */
static inline void drive_expect(struct drive *drive, const char *expected)
{
    (void)fflush(drive->out);
    assert_string_equal(drive->text, expected);
    (void)fclose(drive->out);
    free(drive->text);
    drive->out = open_memstream(&drive->text, &drive->text_length);
    assert_non_null(drive->out);
}

#endif
