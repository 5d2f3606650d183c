/* What the pipeline comes to: rows, with their quantiles, and the same from any place in memory. */
#include "support/pipeline_rig.h"
#include "support/random.h"

static void samples_become_one_row_a_window_and_series(void **state)
{
    (void)state;
    (void)build_climate();
    drive_init(&drive, &build.config);
    feed_value(1000, "s/a", 1000, 1);
    feed_value(2000, "s/b", 2000, 10);
    feed_value(9999, "s/a", 9999, 2);
    drive_expect(&drive, "");
    feed_value(10000, "s/a", 10000, 3);
    drive_expect(&drive, "climate a t 0..10000 n2 sum 3\n");
    drive_drain(&drive);
    drive_expect(&drive, "climate a t 10000..20000 n1 sum 3\n"
                         "climate b t 0..10000 n1 sum 10\n");
    assert_int_equal(weir_pipeline_series_count(&drive.pipeline, 0), 2);
    drive_finish(&drive);
}

static void quantiles_go_out_with_their_own_row(void **state)
{
    struct weir_stream_config *stream;

    (void)state;
    build_init(&build);
    (void)build_field(build_stream(&build, "plain", "s/{dev}"), "t");
    stream = build_stream(&build, "quantiles", "s/{dev}");
    (void)build_field(stream, "t");
    stream->lateness_ms = 20000;
    stream->revise = true;
    stream->held_count = 1;
    build_quantiles(stream);
    drive_init(&drive, &build.config);
    for (int i = 1; i <= 5; i++)
        feed_value(3000, "s/a", 3000, i * i);
    feed_value(33000, "s/a", 33000, 100);
    feed_value(33000, "s/a", 5000, 7);
    drive_expect(&drive, "plain a t 0..10000 n5 sum 55\n"
                         "quantiles a t 0..10000 n5 sum 55 p9 p25\n"
                         "quantiles a t 0..10000 r1 n6 sum 62 p7 p25\n");
    drive_drain(&drive);
    drive_expect(&drive, "plain a t 30000..40000 n1 sum 100\n"
                         "quantiles a t 30000..40000 n1 sum 100 p100 p100\n");
    drive_finish(&drive);
}

/* Each output's sketch lies in a place that is used again and again. */
static void sketches_keep_to_their_rows_when_many_wait(void **state)
{
    char expected[128];

    (void)state;
    build_init(&build);
    (void)build_field(build_stream(&build, "quantiles", "s/{dev}"), "t");
    build.streams[0].max_series = 1000;
    build_quantiles(&build.streams[0]);
    drive_init(&drive, &build.config);
    for (int i = 0; i < 1000; i++) {
        char topic[16];

        (void)snprintf(topic, sizeof(topic), "s/%d", i);
        feed_value(3000, topic, 3000, i);
    }
    drive_drain(&drive);
    (void)fflush(drive.out);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(expected, sizeof(expected), "quantiles %d t 0..10000 n1 sum %d p%d p%d\n", i,
                       i, i, i);
        assert_non_null(strstr(drive.text, expected));
    }
    drive_finish(&drive);
}

static void what_asks_for_no_quantiles_pays_nothing(void **state)
{
    struct weir_stream_plan plain[2];
    struct weir_stream_plan plans[2];
    uint64_t size;

    (void)state;
    build_init(&build);
    (void)build_field(build_stream(&build, "a", "s/{dev}"), "t");
    (void)build_field(build_stream(&build, "b", "s/{dev}"), "t");
    size = weir_pipeline_size(&build.config, plain);
    build_quantiles(&build.streams[1]);
    assert_true(weir_pipeline_size(&build.config, plans) > size);
    assert_memory_equal(&plans[0], &plain[0], sizeof(plain[0]));
    assert_int_equal(plans[0].sketch_bytes, 0);
    assert_int_equal(plans[1].sketch_bytes, sizeof(struct weir_sketch));
    /* Records are rounded up to 64 bytes, with sketches and without. */
    assert_true(plans[1].record_bytes + 64 > plain[1].record_bytes + plans[1].sketch_bytes);
}

static void the_plan_adds_up(void **state)
{
    struct weir_stream_plan plans[2];
    uint64_t size;

    (void)state;
    build_climate()->max_series = 1000;
    (void)build_field(build_stream(&build, "other", "o/{dev}"), "t");
    size = weir_pipeline_size(&build.config, plans);
    assert_int_equal(size % 64, 0);
    assert_int_equal(size, weir_pipeline_size(&build.config, NULL));
    assert_true(plans[0].total_bytes + plans[1].total_bytes < size);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(plans[i].record_bytes % 64, 0);
        assert_int_equal(plans[i].total_bytes, plans[i].record_bytes * build.streams[i].max_series +
                                                   plans[i].index_bytes + plans[i].decoder_bytes);
    }
    /* Each further series costs its record and its share of the index. */
    build.streams[1].max_series++;
    assert_true(weir_pipeline_size(&build.config, NULL) >= size + plans[1].record_bytes);
}

/* Rules of every form, with all that the clock does. */
static void build_random_rules(void)
{
    static struct weir_expected expected = {.series = "never/heard"};
    struct weir_rule_config *rule = build_rule(&build, "window", 0, 0, 30);

    rule->on_window = true;
    rule->of = WEIR_AGGREGATE_MAX;
    rule->silent_ms = 20000;
    rule = build_rule(&build, "apart", 1, 0, 5);
    rule->on_window = true;
    rule->of = WEIR_AGGREGATE_MEAN;
    rule->has_minus = true;
    (void)snprintf(rule->minus_series, sizeof(rule->minus_series), "a");
    rule = build_rule(&build, "both", 0, 0, 20);
    rule->has_and = true;
    rule->and_field = 1;
    rule->and_comparison = weir_comparison_make(WEIR_OPERATOR_BELOW, 15, 0, 1, WEIR_LEVEL_INFO);
    rule->flap_count = 3;
    rule->flap_ms = 30000;
    rule = build_rule(&build, "less", 0, 0, 20);
    rule->has_minus = true;
    rule->minus_field = 1;
    rule->storm_count = 5;
    rule->storm_ms = 5000;
    rule = build_rule(&build, "steep", 2, 0, 100);
    rule->form = WEIR_RULE_RATE;
    rule->slope_window_ms = 4000;
    rule->slope_unit_ms = 60000;
    rule->counter = true;
    rule = build_rule(&build, "other", 3, 0, 0);
    rule->form = WEIR_RULE_CHANGE;
    rule->on_change = true;
    rule->remind_ms[WEIR_LEVEL_CRITICAL] = 7000;
    rule = build_rule(&build, "gone", 0, 0, 3);
    rule->form = WEIR_RULE_SILENCE;
    rule->silent_ms = 3000;
    rule->grace_ms = 10000;
    rule->clear_delay_ms = 500;
    expected.rule = build.config.rule_count - 1;
    build.config.expected = &expected;
    build.config.expected_count = 1;
    build.config.shelve_max_ms = 100000;
    build.streams[0].max_past_ms = 30000;
}

/* An operator, the link, another process. */
static void random_outside(struct test_random *random, int64_t *now_ms)
{
    struct weir_command command = {
        .kind = (enum weir_command_kind)random_below(random, 3),
        .rule = build.rules[random_below(random, build.config.rule_count)].name,
        .series = random_once_in(random, 2) ? "a/1" : "x",
        .duration_ms = random_between(random, 0, 20000),
    };
    int64_t pause_ms = random_between(random, 1, 100000);

    if (random_once_in(random, 30)) {
        weir_pipeline_step_clock(&drive.pipeline, pause_ms, random_once_in(random, 2));
        weir_pipeline_resume(&drive.pipeline, pause_ms);
        *now_ms += pause_ms;
    }
    if (random_once_in(random, 30))
        weir_pipeline_set_link(&drive.pipeline, random_once_in(random, 2));
    (void)weir_pipeline_command(&drive.pipeline, &command);
    drive_take(&drive);
}

/* A configuration with something of everything. */
static void build_random(struct test_random *random)
{
    static const int64_t latenesses[] = {0, 2000, 10000, 25000};
    struct weir_stream_config *stream;

    build_init(&build);
    stream = build_stream(&build, "event", "s/{site}/{dev}");
    stream->lateness_ms = latenesses[random_below(random, 4)];
    (void)build_field(stream, "t");
    (void)build_field(stream, "h");
    stream->fields[0].max = 50;
    stream->fields[1].invalid[stream->fields[1].invalid_count++] = 7;
    build_quantiles(stream);
    stream = build_stream(&build, "revised", "s/{site}/+");
    stream->lateness_ms = latenesses[random_below(random, 4)];
    stream->revise = true;
    stream->held_count = 1 + random_below(random, 3);
    stream->window_ms = 5000;
    stream->idle_ms = 1000;
    stream->max_series = 3;
    (void)build_field(stream, "t");
    build_quantiles(stream);
    stream = build_stream(&build, "arrival", "s/{site}/#");
    build_on_arrival_time(stream);
    stream->window_ms = 1000;
    stream->max_series = 4;
    (void)build_field(stream, "h");
    stream = build_stream(&build, "number", "n/{dev}");
    build_on_arrival_time(stream);
    stream->format = WEIR_PAYLOAD_NUMBER;
    (void)build_field(stream, "v");
    build_rule(&build, "hot", 0, 0, 20)->comparison.deadband = 5;
    build_rule(&build, "held", 1, 0, 10)->hold_ms = 3000;
    build_rule(&build, "slow", 2, 0, 10)->clear_delay_ms = 2000;
    (void)build_rule(&build, "plain", 3, 0, 10);
    build_random_rules();
}

static void draw_payload(struct test_random *random, int64_t now_ms, char *payload, size_t size)
{
    static const char *const odd[] = {"",     "null",  "{",           "[1,2]",
                                      "\x80", "{}",    "{\"t\":nan}", "{\"ts\":\"x\",\"t\":1}",
                                      "12 ",  "\"x\"", "true",        "{\"h\":7,\"t\":51}"};
    int64_t time_ms = now_ms - random_between(random, -1000, 40000);

    if (random_once_in(random, 8)) {
        (void)snprintf(payload, size, "%s", odd[random_below(random, 12)]);
        return;
    }
    if (random_once_in(random, 50))
        time_ms = now_ms + random_between(random, 290000, 310000);
    (void)snprintf(payload, size, "{\"ts\":%" PRId64 ",\"t\":%d,\"h\":\"%d\"}", time_ms,
                   (int)random_below(random, 60), (int)random_below(random, 30));
}

/* One message or one tick. The input depends on random and now alone. */
static void random_step(struct test_random *random, int64_t *now_ms)
{
    static const char *const topics[] = {"s/a/1", "s/a/2", "s/b/1", "s/c/9", "s/d/1",
                                         "s/e",   "s",     "n/x",   "n/y",   "z"};
    char payload[128];
    struct weir_message message;
    int64_t before_ms = weir_pipeline_deadline(&drive.pipeline);
    uint64_t row_count = drive.row_count;

    *now_ms += random_once_in(random, 40) ? random_between(random, 0, 60000)
                                          : random_between(random, 0, 500);
    drive_advance(&drive, *now_ms);
    /* Before the deadline there is nothing to do, and after an advance nothing is left to do. */
    if (*now_ms < before_ms)
        assert_int_equal(drive.row_count, row_count);
    assert_true(weir_pipeline_deadline(&drive.pipeline) > *now_ms);
    draw_payload(random, *now_ms, payload, sizeof(payload));
    message = drive_message(*now_ms, topics[random_below(random, 10)], payload);
    message.retained = random_once_in(random, 20);
    drive_accept(&drive, &message);
    if (random_once_in(random, 500))
        drive_drain(&drive);
    if (random_once_in(random, 10))
        random_outside(random, now_ms);
}

/* Moves the state to another address and goes on with a handle made anew for it. */
static void relocate(void)
{
    uint64_t size = drive.arena_size;
    void *copy = drive_arena(size);
    void *arena = drive_arena(size);
    struct weir_pipeline pipeline;

    memcpy(copy, drive.arena, size);
    memset(drive.arena, 0xee, size);
    weir_pipeline_init(&pipeline, drive.config, arena, size);
    memcpy(arena, copy, size);
    free(copy);
    free(drive.arena);
    drive.arena = arena;
    drive.pipeline = pipeline;
}

/* All outputs of a random run, to be freed. */
static char *run_random(uint64_t test, bool relocating, struct weir_ledger *ledger)
{
    struct test_random random = random_make(test);
    int64_t now_ms = 1000000;
    char *text;

    build_random(&random);
    drive_init(&drive, &build.config);
    for (unsigned i = 0; i < 2000; i++) {
        random_step(&random, &now_ms);
        if (relocating && i % 97 == 0)
            relocate();
    }
    drive_drain(&drive);
    *ledger = drive_ledger(&drive);
    (void)fflush(drive.out);
    text = strdup(drive.text);
    assert_non_null(text);
    drive_finish(&drive);
    return text;
}

/* Notes which events the text tells of; true: all have been seen. */
static bool note_events(const char *text, bool *seen)
{
    bool all = true;
    char word[16];

    for (int event = 0; event <= WEIR_EVENT_STORM_END; event++) {
        (void)snprintf(word, sizeof(word), " %s ", weir_event_name((enum weir_event)event));
        seen[event] |= strstr(text, word) != NULL;
        all &= seen[event];
    }
    return all;
}

static void two_runs_over_the_same_input_give_the_same_wherever_the_state_lies(void **state)
{
    bool seen[WEIR_EVENT_STORM_END + 1] = {[WEIR_EVENT_ESCALATED] = true,
                                           [WEIR_EVENT_DEESCALATED] = true,
                                           [WEIR_EVENT_REMOVED] = true};
    bool all = false;

    (void)state;
    /* Some events are rare. */
    for (uint64_t test = 1; test <= 12 || (!all && test <= 200); test++) {
        struct weir_ledger ledgers[2];
        char *texts[2];

        for (unsigned i = 0; i < 2; i++)
            texts[i] = run_random(test, i == 1, &ledgers[i]);
        assert_string_equal(texts[0], texts[1]);
        assert_memory_equal(&ledgers[0], &ledgers[1], sizeof(ledgers[0]));
        /* A run that left a count at zero has not tested it. */
        assert_true(ledgers[0].late_dropped > 0 && ledgers[0].over_budget > 0);
        assert_true(ledgers[0].invalid > 0 && ledgers[0].clock_ahead > 0);
        assert_true(ledgers[0].malformed > 0 && ledgers[0].unmatched > 0);
        assert_true(ledgers[0].late > ledgers[0].late_dropped);
        assert_true(strstr(texts[0], "raised") && strstr(texts[0], "cleared"));
        assert_true(strstr(texts[0], " r1 n") && strstr(texts[0], "pending"));
        all = note_events(texts[0], seen);
        free(texts[0]);
        free(texts[1]);
    }
    assert_true(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_become_one_row_a_window_and_series),
        cmocka_unit_test(quantiles_go_out_with_their_own_row),
        cmocka_unit_test(sketches_keep_to_their_rows_when_many_wait),
        cmocka_unit_test(what_asks_for_no_quantiles_pays_nothing),
        cmocka_unit_test(the_plan_adds_up),
        cmocka_unit_test(two_runs_over_the_same_input_give_the_same_wherever_the_state_lies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
