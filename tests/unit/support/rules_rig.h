/*
 * A rule in a pipeline of one stream, driven by hand, and what its alerts tell.
 */
#ifndef TESTS_SUPPORT_RULES_RIG_H
#define TESTS_SUPPORT_RULES_RIG_H

#include <inttypes.h>
#include <math.h>

#include "drive.h"

static struct build build;
static struct drive drive;

/* One stream "s" with fields "t" and "h" over "s/{dev}", and a rule "r" on t above 50. */
static inline struct weir_rule_config *build_rule_on_t(void)
{
    struct weir_stream_config *stream;

    build_init(&build);
    stream = build_stream(&build, "s", "s/{dev}");
    (void)build_field(stream, "t");
    (void)build_field(stream, "h");
    build.config.shelve_max_ms = 1000000;
    build.config.outage_tolerance_ms = 3600000;
    return build_rule(&build, "r", 0, 0, 50);
}

static inline void begin(void)
{
    drive_init(&drive, &build.config);
}

static inline void feed(const char *series, int64_t time_ms, const char *fields)
{
    char topic[40];
    char payload[200];

    (void)snprintf(topic, sizeof(topic), "s/%s", series);
    (void)snprintf(payload, sizeof(payload), "{\"ts\":%" PRId64 ",%s}", time_ms, fields);
    drive_feed(&drive, time_ms, topic, payload);
}

static inline void feed_t(int64_t time_ms, double value)
{
    char fields[64];

    (void)snprintf(fields, sizeof(fields), "\"t\":%.17g", value);
    feed("a", time_ms, fields);
}

/* Of rule 0 on the first series. */
static inline struct weir_alert alert_now(void)
{
    struct weir_alert alert;

    assert_true(weir_pipeline_alert(&drive.pipeline, 0, 0, &alert));
    return alert;
}

static inline enum weir_status command(enum weir_command_kind kind, int64_t duration_ms)
{
    struct weir_command command = {
        .kind = kind,
        .rule = "r",
        .series = "a",
        .duration_ms = duration_ms,
    };
    struct weir_alert alert;
    enum weir_status status;

    if (weir_pipeline_alert(&drive.pipeline, 0, 0, &alert))
        command.id = alert.id;
    status = weir_pipeline_check_command(&drive.pipeline, &command);
    assert_int_equal(weir_pipeline_command(&drive.pipeline, &command), status);
    drive_take(&drive);
    return status;
}

/* What came out since, leaving out rows of windows. */
static inline void expect(const char *expected)
{
    char *kept;
    size_t length = 0;

    (void)fflush(drive.out);
    kept = malloc(drive.text_length + 1);
    assert_non_null(kept);
    for (char *line = drive.text; *line != '\0';) {
        size_t bytes = strcspn(line, "\n") + 1;

        if (!strstr(line, "..") || strstr(line, "..") > line + bytes) {
            memcpy(kept + length, line, bytes);
            length += bytes;
        }
        line += bytes;
    }
    kept[length] = '\0';
    assert_string_equal(kept, expected);
    free(kept);
    (void)fclose(drive.out);
    free(drive.text);
    drive.out = open_memstream(&drive.text, &drive.text_length);
    assert_non_null(drive.out);
}

static inline void set_levels(struct weir_comparison *comparison, double info, double warning,
                              double critical)
{
    const double highs[] = {0, info, warning, critical};

    for (int i = WEIR_LEVEL_INFO; i < WEIR_LEVEL_COUNT; i++)
        comparison->limits[i] = (struct weir_limit){true, -INFINITY, highs[i]};
}

#endif
