/* A random walk through everything that can happen to one alert, held against a plain reference. */
#include <inttypes.h>
#include <limits.h>

#include "support/alert_reference.h"
#include "support/drive.h"
#include "support/random.h"

enum { EPISODE_COUNT = 2000, STEP_COUNT = 500, TOLERANCE = 50, START = 1000000 };

static struct build build;
static struct drive drive;
static struct reference_alert reference;
static struct test_random randomness;

static long pick(const long *choices, uint32_t count)
{
    return choices[random_below(&randomness, count)];
}

#define PICK(...)                                                                                  \
    pick((const long[]){__VA_ARGS__}, sizeof((const long[]){__VA_ARGS__}) / sizeof(long))

/* Limits a little apart, of one level or more. */
static void draw_levels(struct reference_rule *rule)
{
    uint32_t levels = 1 + random_below(&randomness, 7);
    double limit = rule->silence ? 4 : 3;

    for (int level = 1; level < 4; level++) {
        rule->has[level] = (levels >> (level - 1) & 1) != 0;
        rule->limit[level] = limit;
        limit += rule->silence ? 7 : 2;
    }
    rule->deadband = rule->silence ? 0 : random_below(&randomness, 2);
}

static void draw_rule(struct reference_rule *rule)
{
    *rule = (struct reference_rule){
        .silence = random_once_in(&randomness, 5),
        .on_change = random_once_in(&randomness, 3),
        .latch = random_once_in(&randomness, 4),
        .hold = PICK(0, 0, 1, 3, 6),
        .clear_delay = PICK(0, 0, 1, 4, 9),
        .max_gap = PICK(LONG_MAX, LONG_MAX, 2, 5),
        .silent = PICK(0, 5, 12),
        .flap_count = PICK(0, 0, 1, 3, 5),
        .flap_time = PICK(10, 30, 200),
    };
    draw_levels(rule);
    for (int level = 1; level < 4; level++)
        rule->remind[level] = PICK(0, 0, 7, 25);
    if (rule->silence) {
        rule->hold = 0;
        rule->silent = 0;
    }
}

static int64_t milliseconds(long seconds)
{
    return seconds == LONG_MAX ? INT64_MAX : (int64_t)seconds * 1000;
}

static void build_alert(const struct reference_rule *from)
{
    struct weir_rule_config *rule;

    build_init(&build);
    (void)build_field(build_stream(&build, "s", "s/{dev}"), "t");
    build.config.shelve_max_ms = 1000000;
    build.config.outage_tolerance_ms = TOLERANCE * 1000;
    rule = build_rule(&build, "r", 0, 0, 0);
    rule->form = from->silence ? WEIR_RULE_SILENCE : WEIR_RULE_LIMIT;
    rule->comparison = (struct weir_comparison){.deadband = from->deadband};
    for (int level = 1; level < 4; level++) {
        rule->comparison.limits[level] =
            (struct weir_limit){from->has[level], -INFINITY, from->limit[level]};
        rule->remind_ms[level] = milliseconds(from->remind[level]);
        if (from->silence && from->has[level] && rule->silent_ms == 0)
            rule->silent_ms = (int64_t)from->limit[level] * 1000;
    }
    rule->hold_ms = milliseconds(from->hold);
    rule->clear_delay_ms = milliseconds(from->clear_delay);
    rule->max_gap_ms = milliseconds(from->max_gap);
    if (!from->silence)
        rule->silent_ms = milliseconds(from->silent);
    rule->on_change = from->on_change;
    rule->latch = from->latch;
    rule->flap_count = (uint32_t)from->flap_count;
    rule->flap_ms = milliseconds(from->flap_time);
}

static void expect_equal(const struct weir_alert *expected, const struct weir_alert *found)
{
    assert_int_equal(found->event, expected->event);
    assert_int_equal(found->level, expected->level);
    assert_int_equal(found->condition, expected->condition);
    assert_int_equal(found->quality, expected->quality);
    assert_int_equal(found->time_ms, expected->time_ms);
    assert_int_equal(found->since_ms, expected->since_ms);
    assert_true(found->value == expected->value);
    assert_int_equal(found->sequence, expected->sequence);
    assert_int_equal(found->shelved_until_ms, expected->shelved_until_ms);
    assert_int_equal(found->reminders, expected->reminders);
    assert_int_equal(found->ignored, expected->ignored);
    assert_int_equal(found->acknowledged, expected->acknowledged);
    assert_int_equal(found->latched, expected->latched);
    assert_int_equal(found->flapping, expected->flapping);
    assert_int_equal(found->restored, expected->restored);
}

/* What came out is what the reference told, and what is the state is so there, too. */
static void expect_reference(void)
{
    struct weir_output output;
    struct weir_alert expected = reference_read(&reference);
    struct weir_alert found;
    int count = 0;

    while (weir_pipeline_take(&drive.pipeline, &output)) {
        if (output.kind != WEIR_OUTPUT_ALERT)
            continue;
        assert_true(count < reference.told_count);
        expect_equal(&reference.told[count++], &output.alert);
    }
    assert_int_equal(count, reference.told_count);
    reference.told_count = 0;
    assert_int_equal(drive_ledger(&drive).events_held_back, reference.held_back);
    assert_int_equal(weir_pipeline_series_count(&drive.pipeline, 0) > 0 &&
                         weir_pipeline_alert(&drive.pipeline, 0, 0, &found),
                     reference.heard);
    if (reference.heard)
        expect_equal(&expected, &found);
}

static void advance(long seconds)
{
    reference_advance(&reference, seconds);
    while (weir_pipeline_advance(&drive.pipeline, reference.clock * 1000) != WEIR_OK)
        expect_reference();
    expect_reference();
}

static void send(const char *value, long time, bool retained)
{
    char payload[80];
    struct weir_message message;

    (void)snprintf(payload, sizeof(payload), "{\"ts\":%ld000,\"t\":%s}", time, value);
    message = drive_message(reference.clock * 1000, "s/a", payload);
    message.retained = retained;
    assert_int_equal(weir_pipeline_accept(&drive.pipeline, &message), WEIR_OK);
}

static void step_sample(void)
{
    static long level;
    char text[16];
    long time;

    advance(PICK(0, 0, 1, 1, 2, 3));
    time = reference.clock - PICK(0, 0, 0, 0, 0, 0, 1, 2, 5);
    level += PICK(-2, -1, 0, 0, 1, 2);
    level = level < 0 ? 0 : level > 9 ? 9 : level;
    (void)snprintf(text, sizeof(text), "%ld", level);
    if (random_once_in(&randomness, 15)) {
        send("null", time, false);
        reference_invalid(&reference, time);
    } else if (random_once_in(&randomness, 25)) {
        send(text, time, true);
        reference.ignored++;
    } else {
        send(text, time, false);
        reference_sample(&reference, (double)level, time);
    }
}

/* True when the command is to be done. */
static bool give_command(enum weir_command_kind kind, long duration, bool good)
{
    struct weir_command command = {
        .kind = kind, .rule = "r", .series = "a", .duration_ms = duration * 1000};
    struct weir_alert alert = {.id = 1};
    enum weir_status status;

    if (weir_pipeline_series_count(&drive.pipeline, 0) > 0)
        (void)weir_pipeline_alert(&drive.pipeline, 0, 0, &alert);
    command.id = alert.id;
    /* What is due at this very moment has been done before. */
    advance(0);
    status = weir_pipeline_command(&drive.pipeline, &command);
    assert_int_equal(status, good ? WEIR_OK : WEIR_REFUSED);
    return good;
}

static void step_operator(void)
{
    long duration = PICK(1, 5, 30);

    advance(0);
    switch (random_below(&randomness, 3)) {
    case 0:
        if (give_command(WEIR_COMMAND_ACKNOWLEDGE, 0, reference.level > 0))
            reference_acknowledge(&reference);
        break;
    case 1:
        if (!give_command(WEIR_COMMAND_SHELVE, duration, reference.heard))
            break;
        reference.shelved = true;
        reference.shelved_until = reference.up + duration;
        reference_stamp(&reference, reference.clock);
        reference_tell(&reference, WEIR_EVENT_NONE);
        break;
    default:
        if (give_command(WEIR_COMMAND_UNSHELVE, 0, reference.shelved))
            reference_unshelve(&reference);
        break;
    }
}

static void step_outside(void)
{
    long outage = PICK(1, 10, TOLERANCE, TOLERANCE + 1, 500);

    advance(0);
    if (random_once_in(&randomness, 2)) {
        reference.deaf = !reference.deaf;
        weir_pipeline_set_link(&drive.pipeline, !reference.deaf);
        return;
    }
    weir_pipeline_step_clock(&drive.pipeline, outage * 1000, false);
    weir_pipeline_resume(&drive.pipeline, outage * 1000);
    reference_restart(&reference, outage, outage <= TOLERANCE);
}

static void step(void)
{
    uint32_t draw = random_below(&randomness, 100);

    if (draw < 80)
        step_sample();
    else if (draw < 90)
        advance(PICK(1, 4, 10, 40, 130));
    else if (draw < 97)
        step_operator();
    else
        step_outside();
    expect_reference();
}

static void every_step_of_a_million_is_as_the_reference_has_it(void **state)
{
    (void)state;
    randomness = random_make(1);
    for (int i = 0; i < EPISODE_COUNT; i++) {
        memset(&reference, 0, sizeof(reference));
        draw_rule(&reference.rule);
        reference.clock = START;
        build_alert(&reference.rule);
        drive_init(&drive, &build.config);
        advance(0);
        for (int j = 0; j < STEP_COUNT; j++)
            step();
        drive_finish(&drive);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_of_a_million_is_as_the_reference_has_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
