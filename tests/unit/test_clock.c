#include "port/clock.h"

#include "support/unit.h"

#define HOUR ((int64_t)3600 * 1000)
#define NOON_2024 ((int64_t)1704110400000)

/* The two clocks of a machine, moved by hand. */
struct machine {
    struct weir_clock clock;
    int64_t realtime_ms;
    int64_t boottime_ms;
};

static void start(struct machine *machine, int64_t realtime_ms)
{
    weir_clock_init(&machine->clock);
    machine->realtime_ms = realtime_ms;
    machine->boottime_ms = 5000;
    assert_int_equal(weir_clock_update(&machine->clock, realtime_ms, 5000), realtime_ms);
}

static int64_t pass(struct machine *machine, int64_t ms)
{
    machine->realtime_ms += ms;
    machine->boottime_ms += ms;
    return weir_clock_update(&machine->clock, machine->realtime_ms, machine->boottime_ms);
}

/* What the clock has to tell of steps ahead. */
static int64_t jump_of(const struct machine *machine)
{
    return machine->clock.jump_ms;
}

static void it_follows_a_clock_that_runs_steadily(void **state)
{
    struct machine machine;

    (void)state;
    start(&machine, NOON_2024);
    for (int i = 1; i <= 1000; i++)
        assert_int_equal(pass(&machine, 7), NOON_2024 + 7 * i);
    assert_int_equal(jump_of(&machine), 0);
}

static void it_follows_small_corrections_forward_at_once(void **state)
{
    struct machine machine;

    (void)state;
    start(&machine, NOON_2024);
    machine.realtime_ms += 1500;
    assert_int_equal(pass(&machine, 10), NOON_2024 + 1510);
    assert_int_equal(jump_of(&machine), 0);
}

static void it_runs_at_half_speed_through_a_small_correction_back(void **state)
{
    struct machine machine;

    (void)state;
    start(&machine, NOON_2024);
    machine.realtime_ms -= 100;
    assert_int_equal(pass(&machine, 80), NOON_2024 + 40);
    assert_int_equal(pass(&machine, 80), NOON_2024 + 80);
    assert_int_equal(pass(&machine, 80), NOON_2024 + 140); /* they have met after 200 */
    assert_int_equal(pass(&machine, 80), NOON_2024 + 220);
    assert_int_equal(jump_of(&machine), 0);
}

static void an_hour_forward_is_one_step_and_followed_at_once(void **state)
{
    struct machine machine;

    (void)state;
    start(&machine, NOON_2024);
    machine.realtime_ms += HOUR;
    assert_int_equal(pass(&machine, 1), NOON_2024 + HOUR + 1);
    assert_int_equal(pass(&machine, 1000), NOON_2024 + HOUR + 1001);
    assert_int_equal(jump_of(&machine), HOUR);
}

static void an_hour_back_is_one_step_and_takes_two_hours_to_meet(void **state)
{
    struct machine machine;
    int64_t last_ms = NOON_2024;

    (void)state;
    start(&machine, NOON_2024);
    machine.realtime_ms -= HOUR;
    for (int64_t passed_ms = 0; passed_ms < 2 * HOUR; passed_ms += 100) {
        int64_t now_ms = pass(&machine, 100);

        assert_int_equal(now_ms, last_ms + 50);
        last_ms = now_ms;
    }
    assert_int_equal(last_ms, machine.realtime_ms);
    assert_int_equal(pass(&machine, 100), last_ms + 100);
    assert_int_equal(jump_of(&machine), 0);
}

static void half_speed_does_not_depend_on_how_often_it_is_asked(void **state)
{
    struct machine often;
    struct machine seldom;
    int64_t now_ms = 0;

    (void)state;
    start(&often, NOON_2024);
    start(&seldom, NOON_2024);
    often.realtime_ms -= HOUR;
    seldom.realtime_ms -= HOUR;
    for (int i = 0; i < 1001; i++)
        now_ms = pass(&often, 1);
    assert_int_equal(now_ms, pass(&seldom, 1001));
    assert_int_equal(now_ms, NOON_2024 + 500);
}

static void a_boot_in_1970_makes_one_step_to_the_right_time(void **state)
{
    struct machine machine;

    (void)state;
    start(&machine, 12000);
    assert_int_equal(pass(&machine, 60000), 72000);
    machine.realtime_ms = NOON_2024;
    machine.boottime_ms += 5;
    assert_int_equal(pass(&machine, 0), NOON_2024);
    assert_int_equal(pass(&machine, 40), NOON_2024 + 40);
    assert_int_equal(jump_of(&machine), NOON_2024 - 72000 - 5);
}

static void time_asleep_passes_and_is_no_step(void **state)
{
    struct machine machine;

    (void)state;
    start(&machine, NOON_2024);
    assert_int_equal(pass(&machine, 8 * HOUR), NOON_2024 + 8 * HOUR);
    assert_int_equal(jump_of(&machine), 0);
}

static void time_asleep_during_half_speed_counts_half(void **state)
{
    struct machine machine;

    (void)state;
    start(&machine, NOON_2024);
    machine.realtime_ms -= HOUR;
    assert_int_equal(pass(&machine, HOUR), NOON_2024 + HOUR / 2);
    assert_int_equal(pass(&machine, 8 * HOUR), NOON_2024 + 8 * HOUR);
    assert_int_equal(jump_of(&machine), 0);
}

static void it_never_goes_back_whatever_the_clocks_do(void **state)
{
    struct machine machine;
    int64_t last_ms = NOON_2024;
    uint32_t random = 12345;

    (void)state;
    start(&machine, NOON_2024);
    for (int i = 0; i < 200000; i++) {
        int64_t passed_ms;
        int64_t now_ms;

        random = random * 1664525 + 1013904223;
        passed_ms = random >> 24;
        if ((random & 0xff00) == 0)
            machine.realtime_ms += (int64_t)(random >> 8) - (1 << 23);
        now_ms = pass(&machine, passed_ms);
        assert_true(now_ms >= last_ms + passed_ms / 2);
        assert_true(now_ms >= machine.realtime_ms);
        last_ms = now_ms;
    }
}

static void a_boottime_that_goes_back_stands_for_the_newest(void **state)
{
    struct machine machine;

    (void)state;
    start(&machine, NOON_2024);
    (void)pass(&machine, 1000);
    assert_int_equal(weir_clock_update(&machine.clock, machine.realtime_ms, 0), NOON_2024 + 1000);
    assert_int_equal(pass(&machine, 10), NOON_2024 + 1010);
}

static void a_jump_is_told_once_and_only_to_who_asks(void **state)
{
    struct machine machine;

    (void)state;
    start(&machine, NOON_2024);
    machine.realtime_ms += HOUR;
    (void)pass(&machine, 1000);
    (void)pass(&machine, 1000);
    assert_int_equal(machine.clock.jump_ms, HOUR);
    machine.realtime_ms += WEIR_CLOCK_STEP_MS - 1;
    (void)pass(&machine, 1000);
    assert_int_equal(machine.clock.jump_ms, HOUR);
}

static void a_time_of_day_of_another_age_is_not_believed(void **state)
{
    struct machine machine;

    (void)state;
    start(&machine, NOON_2024);
    machine.realtime_ms = 12345;
    for (int i = 1; i <= 100; i++)
        assert_int_equal(pass(&machine, 1000), NOON_2024 + 1000 * i);
    machine.realtime_ms = NOON_2024 + HOUR;
    assert_int_equal(pass(&machine, 0), NOON_2024 + HOUR);
    assert_int_equal(machine.clock.jump_ms, HOUR - 100000);
}

static void it_goes_on_from_an_earlier_process(void **state)
{
    struct weir_clock clock;
    int64_t jump_ms;
    int64_t now_ms;

    (void)state;
    weir_clock_init(&clock);
    weir_clock_resume(&clock, NOON_2024);
    now_ms = weir_clock_read(&clock, &jump_ms);
    assert_true(now_ms - jump_ms - NOON_2024 >= 0 && now_ms - jump_ms - NOON_2024 < 60000);
    (void)weir_clock_read(&clock, &jump_ms);
    assert_int_equal(jump_ms, 0);
}

static void the_real_clock_moves_forward(void **state)
{
    struct weir_clock clock;
    int64_t last_ms;

    (void)state;
    weir_clock_init(&clock);
    last_ms = weir_clock_now(&clock);
    assert_true(last_ms > NOON_2024);
    for (int i = 0; i < 10000; i++) {
        int64_t now_ms = weir_clock_now(&clock);

        assert_true(now_ms >= last_ms);
        last_ms = now_ms;
    }
    (void)weir_clock_synchronised();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_follows_a_clock_that_runs_steadily),
        cmocka_unit_test(it_follows_small_corrections_forward_at_once),
        cmocka_unit_test(it_runs_at_half_speed_through_a_small_correction_back),
        cmocka_unit_test(an_hour_forward_is_one_step_and_followed_at_once),
        cmocka_unit_test(an_hour_back_is_one_step_and_takes_two_hours_to_meet),
        cmocka_unit_test(half_speed_does_not_depend_on_how_often_it_is_asked),
        cmocka_unit_test(a_boot_in_1970_makes_one_step_to_the_right_time),
        cmocka_unit_test(time_asleep_passes_and_is_no_step),
        cmocka_unit_test(time_asleep_during_half_speed_counts_half),
        cmocka_unit_test(it_never_goes_back_whatever_the_clocks_do),
        cmocka_unit_test(a_boottime_that_goes_back_stands_for_the_newest),
        cmocka_unit_test(a_jump_is_told_once_and_only_to_who_asks),
        cmocka_unit_test(a_time_of_day_of_another_age_is_not_believed),
        cmocka_unit_test(it_goes_on_from_an_earlier_process),
        cmocka_unit_test(the_real_clock_moves_forward),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
