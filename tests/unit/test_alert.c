#include "core/alert_policy.h"

#include <math.h>
#include <string.h>

#include "support/random.h"
#include "support/unit.h"

/* A rule with one limit. */
struct plain {
    enum weir_operator op;
    double low;
    double high;
    double deadband;
    int64_t hold_ms;
    int64_t clear_delay_ms;
    enum weir_level level;
};

static struct plain rule_above(double high, double deadband)
{
    return (struct plain){
        .op = WEIR_OPERATOR_ABOVE,
        .high = high,
        .deadband = deadband,
        .level = WEIR_LEVEL_WARNING,
    };
}

/* A rule with its state on one series. */
struct machine {
    struct plain config;
    struct weir_alert_rule rule;
    struct weir_alert_state state;
};

static struct machine make(struct plain config)
{
    struct machine machine = {.config = config};
    struct weir_rule_config rule = {
        .comparison =
            weir_comparison_make(config.op, config.low, config.high, config.deadband, config.level),
        .hold_ms = config.hold_ms,
        .clear_delay_ms = config.clear_delay_ms,
        .max_gap_ms = INT64_MAX,
    };

    weir_alert_compile(&machine.rule, &rule);
    return machine;
}

/* Shows it a sample as the pipeline does. */
static enum weir_alert_change offer(struct machine *machine, int64_t time_ms, double value)
{
    const struct weir_alert_time now = {0};
    enum weir_alert_change change;
    struct weir_alert_news news;

    if (weir_alert_skim(&machine->state, &machine->rule, time_ms, value, 0))
        return WEIR_ALERT_SAME;
    if (!weir_alert_is_news(&machine->state, time_ms, value)) {
        machine->state.ignored++;
        return WEIR_ALERT_SAME;
    }
    assert_int_equal(weir_alert_hear(&machine->state, &machine->rule, time_ms, &now),
                     WEIR_ALERT_SAME);
    change = weir_alert_judge(&machine->state, &machine->rule, value, time_ms, &now);
    machine->state.input = value;
    news = weir_alert_publish(&machine->state, &machine->rule, NULL, change, 0);
    assert_int_equal(news.tell, change != WEIR_ALERT_SAME);
    if (news.event != WEIR_EVENT_NONE)
        weir_alert_announce(&machine->state, news.event);
    return change;
}

static struct weir_alert read(const struct machine *machine)
{
    const struct weir_alert_time now = {0};
    struct weir_alert alert = {.rule = 77, .series = 88};

    assert_true(weir_alert_read(&machine->state, &machine->rule, &now, &alert));
    assert_int_equal(alert.rule, 77);
    assert_int_equal(alert.series, 88);
    assert_int_equal(alert.event, WEIR_EVENT_NONE);
    assert_int_equal(alert.quality, WEIR_QUALITY_GOOD);
    return alert;
}

static void without_a_sample_nothing_is_known(void **state)
{
    struct machine machine = make(rule_above(85, 3));
    const struct weir_alert_time now = {0};
    struct weir_alert alert;

    (void)state;
    assert_false(weir_alert_read(&machine.state, &machine.rule, &now, &alert));
}

static void the_first_sample_tells_the_state(void **state)
{
    struct machine machine = make(rule_above(85, 3));
    struct weir_alert alert;

    (void)state;
    assert_int_equal(offer(&machine, -5, 20), WEIR_ALERT_STATE);
    alert = read(&machine);
    assert_int_equal(alert.condition, WEIR_CONDITION_OK);
    assert_int_equal(alert.level, WEIR_LEVEL_OK);
    assert_int_equal(alert.time_ms, -5);
    assert_int_equal(alert.since_ms, -5);
    assert_true(alert.value == 20 && alert.limit == 85);
    assert_int_equal(alert.id, 0);
    assert_int_equal(alert.sequence, 0);
    assert_int_equal(offer(&machine, 1, 20), WEIR_ALERT_SAME);
}

static void a_limit_is_passed_beyond_it_not_at_it(void **state)
{
    struct plain below = {.op = WEIR_OPERATOR_BELOW, .low = 5, .level = WEIR_LEVEL_INFO};
    struct plain outside = {
        .op = WEIR_OPERATOR_OUTSIDE, .low = 5, .high = 85, .level = WEIR_LEVEL_INFO};
    const struct {
        struct plain config;
        double limit;
        double towards;
    } cases[] = {{rule_above(85, 0), 85, INFINITY},
                 {below, 5, -INFINITY},
                 {outside, 85, INFINITY},
                 {outside, 5, -INFINITY}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double beyond = nextafter(cases[i].limit, cases[i].towards);
        struct machine fresh = make(cases[i].config);
        struct machine machine = make(cases[i].config);

        assert_int_equal(offer(&fresh, 0, cases[i].limit), WEIR_ALERT_STATE);
        assert_int_equal(offer(&fresh, 1, cases[i].limit), WEIR_ALERT_SAME);
        assert_int_equal(offer(&fresh, 2, beyond), WEIR_ALERT_RAISED);
        assert_int_equal(offer(&machine, 0, beyond), WEIR_ALERT_RAISED);
        assert_true(read(&machine).limit == cases[i].limit);
        assert_true(read(&machine).value == beyond);
        assert_int_equal(offer(&machine, 1, beyond), WEIR_ALERT_SAME);
        assert_int_equal(offer(&machine, 2, cases[i].limit), WEIR_ALERT_CLEARED);
        assert_true(read(&machine).limit == cases[i].limit);
    }
}

static void a_value_is_back_when_it_has_come_back_by_the_deadband(void **state)
{
    struct plain below = {
        .op = WEIR_OPERATOR_BELOW, .low = 5, .deadband = 3, .level = WEIR_LEVEL_INFO};
    struct plain outside = {
        .op = WEIR_OPERATOR_OUTSIDE, .low = 5, .high = 85, .deadband = 3, .level = WEIR_LEVEL_INFO};
    const struct {
        struct plain config;
        double beyond;
        double back;
        double towards;
    } cases[] = {{rule_above(85, 3), 86, 82, INFINITY},
                 {below, 4, 8, -INFINITY},
                 {outside, 86, 82, INFINITY},
                 {outside, 4, 8, -INFINITY}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct machine machine = make(cases[i].config);
        struct machine fresh = make(cases[i].config);

        assert_int_equal(offer(&machine, 0, cases[i].beyond), WEIR_ALERT_RAISED);
        assert_int_equal(offer(&machine, 1, nextafter(cases[i].back, cases[i].towards)),
                         WEIR_ALERT_SAME);
        assert_int_equal(offer(&machine, 2, cases[i].back), WEIR_ALERT_CLEARED);
        /* Between limit and deadband a value that has not been beyond is inside. */
        assert_int_equal(offer(&machine, 3, nextafter(cases[i].back, cases[i].towards)),
                         WEIR_ALERT_SAME);
        assert_int_equal(offer(&fresh, 0, nextafter(cases[i].back, cases[i].towards)),
                         WEIR_ALERT_STATE);
        assert_int_equal(read(&fresh).condition, WEIR_CONDITION_OK);
    }
}

static void outside_says_which_limit_it_is_beyond(void **state)
{
    struct machine machine = make((struct plain){.op = WEIR_OPERATOR_OUTSIDE,
                                                 .low = 5,
                                                 .high = 85,
                                                 .deadband = 1,
                                                 .level = WEIR_LEVEL_INFO});

    (void)state;
    assert_int_equal(offer(&machine, 0, 50), WEIR_ALERT_STATE);
    assert_int_equal(offer(&machine, 1, 90), WEIR_ALERT_RAISED);
    assert_true(read(&machine).limit == 85);
    assert_int_equal(offer(&machine, 2, 1), WEIR_ALERT_STATE);
    assert_true(read(&machine).limit == 5);
    assert_int_equal(offer(&machine, 3, 90), WEIR_ALERT_STATE);
    assert_true(read(&machine).limit == 85);
    assert_int_equal(offer(&machine, 4, 50), WEIR_ALERT_CLEARED);
}

static void from_one_limit_to_the_other_the_value_goes_with_the_limit(void **state)
{
    struct machine machine = make((struct plain){.op = WEIR_OPERATOR_OUTSIDE,
                                                 .low = 5,
                                                 .high = 85,
                                                 .hold_ms = 10,
                                                 .level = WEIR_LEVEL_INFO});
    struct weir_alert alert;

    (void)state;
    assert_int_equal(offer(&machine, 0, 90), WEIR_ALERT_STATE);
    assert_int_equal(offer(&machine, 4, 1), WEIR_ALERT_STATE);
    alert = read(&machine);
    assert_int_equal(alert.condition, WEIR_CONDITION_PENDING);
    assert_true(alert.value == 1 && alert.limit == 5);
    assert_int_equal(offer(&machine, 5, 0), WEIR_ALERT_SAME);
    assert_int_equal(offer(&machine, 10, 2), WEIR_ALERT_RAISED);
    machine.state.id = 1234;
    assert_int_equal(offer(&machine, 12, 91), WEIR_ALERT_STATE);
    alert = read(&machine);
    assert_int_equal(alert.condition, WEIR_CONDITION_ACTIVE);
    assert_true(alert.value == 91 && alert.limit == 85);
    assert_int_equal(alert.time_ms, 12);
    assert_int_equal(alert.since_ms, 0);
    assert_int_equal(alert.id, 1234);
    assert_int_equal(alert.sequence, 1);
    assert_int_equal(offer(&machine, 13, 92), WEIR_ALERT_SAME);
    assert_true(read(&machine).value == 91);
}

static const int64_t starts[] = {-10000, 0, 10000};

static void it_is_raised_by_the_sample_that_completes_the_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (int64_t offset = -1; offset <= 1; offset++) {
            struct machine machine = make(rule_above(85, 0));
            struct weir_alert alert;

            machine.rule.hold_ms = 5000;
            assert_int_equal(offer(&machine, starts[i], 90), WEIR_ALERT_STATE);
            assert_int_equal(read(&machine).condition, WEIR_CONDITION_PENDING);
            assert_int_equal(read(&machine).level, WEIR_LEVEL_OK);
            assert_int_equal(offer(&machine, starts[i] + 5000 + offset, 91),
                             offset >= 0 ? WEIR_ALERT_RAISED : WEIR_ALERT_SAME);
            if (offset < 0)
                continue;
            alert = read(&machine);
            assert_int_equal(alert.condition, WEIR_CONDITION_ACTIVE);
            assert_int_equal(alert.level, WEIR_LEVEL_WARNING);
            assert_int_equal(alert.since_ms, starts[i]);
            assert_int_equal(alert.time_ms, starts[i] + 5000 + offset);
            assert_true(alert.value == 91);
            assert_int_equal(alert.sequence, 1);
        }
    }
}

static void coming_back_during_the_hold_starts_it_anew(void **state)
{
    struct machine machine = make(rule_above(85, 0));

    (void)state;
    machine.rule.hold_ms = 5000;
    assert_int_equal(offer(&machine, 0, 90), WEIR_ALERT_STATE);
    assert_int_equal(offer(&machine, 4000, 80), WEIR_ALERT_STATE);
    assert_int_equal(read(&machine).condition, WEIR_CONDITION_OK);
    assert_int_equal(offer(&machine, 4001, 90), WEIR_ALERT_STATE);
    assert_int_equal(offer(&machine, 9000, 90), WEIR_ALERT_SAME);
    assert_int_equal(offer(&machine, 9001, 90), WEIR_ALERT_RAISED);
    assert_int_equal(read(&machine).since_ms, 4001);
}

static void it_is_cleared_by_the_sample_that_completes_the_delay(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (int64_t offset = -1; offset <= 1; offset++) {
            struct machine machine = make(rule_above(85, 0));
            struct weir_alert alert;

            machine.rule.clear_delay_ms = 10000;
            assert_int_equal(offer(&machine, starts[i] - 1, 90), WEIR_ALERT_RAISED);
            machine.state.id = 1234;
            assert_int_equal(offer(&machine, starts[i], 80), WEIR_ALERT_STATE);
            assert_int_equal(read(&machine).condition, WEIR_CONDITION_CLEARING);
            assert_int_equal(read(&machine).level, WEIR_LEVEL_WARNING);
            assert_int_equal(offer(&machine, starts[i] + 10000 + offset, 79),
                             offset >= 0 ? WEIR_ALERT_CLEARED : WEIR_ALERT_SAME);
            if (offset < 0)
                continue;
            alert = read(&machine);
            assert_int_equal(alert.condition, WEIR_CONDITION_OK);
            assert_int_equal(alert.level, WEIR_LEVEL_OK);
            assert_int_equal(alert.since_ms, starts[i]);
            assert_int_equal(alert.time_ms, starts[i] + 10000 + offset);
            assert_int_equal(alert.sequence, 2);
            assert_int_equal(alert.id, 1234);
        }
    }
}

static void going_beyond_again_while_clearing_keeps_the_occurrence(void **state)
{
    struct machine machine = make(rule_above(85, 3));

    (void)state;
    machine.rule.clear_delay_ms = 10;
    assert_int_equal(offer(&machine, 0, 90), WEIR_ALERT_RAISED);
    machine.state.id = 1234;
    assert_int_equal(offer(&machine, 1, 80), WEIR_ALERT_STATE);
    assert_int_equal(offer(&machine, 5, 84), WEIR_ALERT_SAME);
    assert_int_equal(offer(&machine, 6, 86), WEIR_ALERT_STATE);
    assert_int_equal(read(&machine).condition, WEIR_CONDITION_ACTIVE);
    assert_int_equal(read(&machine).since_ms, 0);
    assert_int_equal(read(&machine).id, 1234);
    assert_int_equal(read(&machine).sequence, 1);
    assert_int_equal(offer(&machine, 20, 84), WEIR_ALERT_SAME);
    assert_int_equal(offer(&machine, 21, 80), WEIR_ALERT_STATE);
    assert_int_equal(offer(&machine, 31, 80), WEIR_ALERT_CLEARED);
}

static void an_older_sample_or_a_repeated_one_moves_nothing_and_is_counted(void **state)
{
    struct machine machine = make(rule_above(85, 0));
    struct weir_alert_state before;

    (void)state;
    assert_int_equal(offer(&machine, 10, 20), WEIR_ALERT_STATE);
    assert_int_equal(offer(&machine, 20, 20), WEIR_ALERT_SAME);
    before = machine.state;
    assert_int_equal(offer(&machine, 19, 90), WEIR_ALERT_SAME);
    assert_int_equal(offer(&machine, 12, 20), WEIR_ALERT_SAME);
    assert_int_equal(offer(&machine, 20, 20), WEIR_ALERT_SAME);
    assert_int_equal(machine.state.ignored, 3);
    before.ignored = 3;
    assert_memory_equal(&before, &machine.state, sizeof(before));
    /* Another value at the same time is news: a device's clock may be coarse. */
    assert_int_equal(offer(&machine, 20, 90), WEIR_ALERT_RAISED);
    assert_int_equal(offer(&machine, 20, 90), WEIR_ALERT_SAME);
    assert_int_equal(offer(&machine, 19, 20), WEIR_ALERT_SAME);
    assert_int_equal(offer(&machine, 20, 20), WEIR_ALERT_CLEARED);
}

static void an_unused_limit_is_never_passed(void **state)
{
    struct plain below = {.op = WEIR_OPERATOR_BELOW, .low = 5, .high = 5, .level = WEIR_LEVEL_INFO};
    struct plain above = rule_above(85, 0);
    struct machine machine = make(below);

    (void)state;
    assert_int_equal(offer(&machine, 0, 1e308), WEIR_ALERT_STATE);
    assert_int_equal(read(&machine).condition, WEIR_CONDITION_OK);
    above.low = 85;
    machine = make(above);
    assert_int_equal(offer(&machine, 0, -1e308), WEIR_ALERT_STATE);
    assert_int_equal(read(&machine).condition, WEIR_CONDITION_OK);
}

/* The plain reference: the state is worked out anew from every sample so far. */
enum { KEPT_MAX = 120 };

struct reference {
    struct plain config;
    struct weir_sample kept[KEPT_MAX]; /* those that were news */
    size_t count;
};

struct verdict {
    enum weir_alert_change change; /* by the newest sample */
    enum weir_condition condition;
    enum weir_level level;
    int64_t since_ms;
    uint64_t sequence;
    struct weir_sample behind; /* the newest change */
};

/* Beyond the limit at sample `at`: what the newest sample says that does not leave it open. */
static bool is_beyond(const struct reference *reference, size_t at)
{
    const struct plain *config = &reference->config;
    bool has_high = config->op != WEIR_OPERATOR_BELOW;
    bool has_low = config->op != WEIR_OPERATOR_ABOVE;

    for (size_t i = at + 1; i-- > 0;) {
        double value = reference->kept[i].value;

        if ((has_high && value > config->high) || (has_low && value < config->low))
            return true;
        if (!(has_high && value > config->high - config->deadband) &&
            !(has_low && value < config->low + config->deadband))
            return false;
    }
    return false;
}

/* Which limit that was: true for the lower one of two. */
static bool is_low(const struct reference *reference, size_t at)
{
    const struct plain *config = &reference->config;

    for (size_t i = at + 1; config->op == WEIR_OPERATOR_OUTSIDE && i-- > 0;) {
        if (reference->kept[i].value > config->high)
            return false;
        if (reference->kept[i].value < config->low)
            return true;
    }
    return false;
}

static struct verdict judge(const struct reference *reference)
{
    const struct weir_sample *kept = reference->kept;
    struct verdict verdict = {.since_ms = kept[0].time_ms};
    bool timing = false;
    int64_t timer_ms = 0;

    for (size_t i = 0; i < reference->count; i++) {
        bool raised = verdict.level != WEIR_LEVEL_OK;
        enum weir_condition before = verdict.condition;

        verdict.change = WEIR_ALERT_SAME;
        if (is_beyond(reference, i) == raised) {
            timing = false;
        } else if (!timing) {
            timing = true;
            timer_ms = kept[i].time_ms;
        }
        if (timing && kept[i].time_ms - timer_ms >=
                          (raised ? reference->config.clear_delay_ms : reference->config.hold_ms)) {
            raised = !raised;
            verdict.level = raised ? reference->config.level : WEIR_LEVEL_OK;
            verdict.change = raised ? WEIR_ALERT_RAISED : WEIR_ALERT_CLEARED;
            verdict.since_ms = timer_ms;
            verdict.sequence++;
            timing = false;
        }
        if (raised)
            verdict.condition = timing ? WEIR_CONDITION_CLEARING : WEIR_CONDITION_ACTIVE;
        else
            verdict.condition = timing ? WEIR_CONDITION_PENDING : WEIR_CONDITION_OK;
        if (verdict.change == WEIR_ALERT_SAME &&
            (verdict.condition != before ||
             (i > 0 && is_beyond(reference, i - 1) && is_beyond(reference, i) &&
              is_low(reference, i - 1) != is_low(reference, i))))
            verdict.change = WEIR_ALERT_STATE;
        if (verdict.change != WEIR_ALERT_SAME)
            verdict.behind = kept[i];
    }
    return verdict;
}

static struct plain draw_rule(struct test_random *random)
{
    return (struct plain){
        .op = (enum weir_operator)random_below(random, 3),
        .low = (double)random_between(random, -3, -1),
        .high = (double)random_between(random, 1, 3),
        .deadband = (double)random_below(random, 3) / 2,
        .hold_ms = random_once_in(random, 2) ? 0 : random_between(random, 1, 8),
        .clear_delay_ms = random_once_in(random, 2) ? 0 : random_between(random, 1, 8),
        .level = (enum weir_level)random_between(random, WEIR_LEVEL_INFO, WEIR_LEVEL_CRITICAL),
    };
}

static void check_sample(struct machine *machine, struct reference *reference,
                         const struct weir_sample *sample)
{
    bool news =
        reference->count == 0 || sample->time_ms >= reference->kept[reference->count - 1].time_ms;
    enum weir_alert_change change = offer(machine, sample->time_ms, sample->value);
    struct verdict verdict;
    struct weir_alert alert;

    if (news)
        reference->kept[reference->count++] = *sample;
    verdict = judge(reference);
    alert = read(machine);
    assert_int_equal(change, news ? verdict.change : WEIR_ALERT_SAME);
    assert_int_equal(alert.condition, verdict.condition);
    assert_int_equal(alert.level, verdict.level);
    assert_int_equal(alert.since_ms, verdict.since_ms);
    assert_int_equal(alert.sequence, verdict.sequence);
    assert_int_equal(alert.time_ms, verdict.behind.time_ms);
    assert_true(alert.value == verdict.behind.value);
    if (reference->config.op == WEIR_OPERATOR_OUTSIDE)
        assert_true(alert.limit == (is_low(reference, reference->count - 1)
                                        ? reference->config.low
                                        : reference->config.high));
}

static void random_samples_agree_with_the_reference(void **state)
{
    static struct reference reference;
    struct test_random random = random_make(1);

    (void)state;
    for (unsigned round = 0; round < 600; round++) {
        struct machine machine = make(draw_rule(&random));
        int64_t now_ms = random_between(&random, -100, 100);

        reference = (struct reference){.config = machine.config};
        while (reference.count < KEPT_MAX) {
            struct weir_sample sample;

            now_ms += random_between(&random, 0, 3);
            sample.time_ms = now_ms - (random_once_in(&random, 5) ? random_below(&random, 6) : 0);
            sample.value = (double)random_between(&random, -8, 8) / 2;
            check_sample(&machine, &reference, &sample);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_sample_nothing_is_known),
        cmocka_unit_test(the_first_sample_tells_the_state),
        cmocka_unit_test(a_limit_is_passed_beyond_it_not_at_it),
        cmocka_unit_test(a_value_is_back_when_it_has_come_back_by_the_deadband),
        cmocka_unit_test(outside_says_which_limit_it_is_beyond),
        cmocka_unit_test(from_one_limit_to_the_other_the_value_goes_with_the_limit),
        cmocka_unit_test(it_is_raised_by_the_sample_that_completes_the_hold),
        cmocka_unit_test(coming_back_during_the_hold_starts_it_anew),
        cmocka_unit_test(it_is_cleared_by_the_sample_that_completes_the_delay),
        cmocka_unit_test(going_beyond_again_while_clearing_keeps_the_occurrence),
        cmocka_unit_test(an_older_sample_or_a_repeated_one_moves_nothing_and_is_counted),
        cmocka_unit_test(an_unused_limit_is_never_passed),
        cmocka_unit_test(random_samples_agree_with_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
