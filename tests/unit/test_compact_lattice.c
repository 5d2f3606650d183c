#include "support/random.h"
#include "support/unit.h"

#include <math.h>

#include "format/compact_lattice.h"

/* What a converter counts, rounded to ticks: step is a fraction. */
static int64_t round_place(int64_t step, int64_t parts, int64_t origin, int64_t place)
{
    return (int64_t)floor((double)(step * place + origin) / (double)parts + 0.5);
}

static bool is_on(const struct weir_compact_grid *grid, int64_t ticks)
{
    int64_t place = (int64_t)floor(
        (((double)ticks + 1) * (double)((int64_t)1 << grid->parts) - 1 - (double)grid->offset) /
        (double)grid->step);

    return weir_compact_place_ticks(grid, place) == ticks;
}

static void a_step_that_is_no_whole_number_is_found(void **state)
{
    static const int64_t steps[][2] = {{81, 2}, {1000, 7}, {327927, 1}, {405, 10}};
    struct test_random random = random_make(1);
    struct weir_compact_lattice lattice;
    int64_t ticks[300];

    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct weir_compact_grid grid = {.step = 1};
        int64_t place = random_between(&random, -5000, 5000);
        int64_t origin = random_between(&random, 0, steps[i][0]);

        weir_compact_lattice_init(&lattice);
        for (int j = 0; j < 300; j++) {
            ticks[j] = round_place(steps[i][0], steps[i][1], origin, place);
            weir_compact_lattice_accept(&lattice, (double)ticks[j]);
            place += random_between(&random, -3, 3);
        }
        assert_true(weir_compact_lattice_settle(&lattice, &grid));
        assert_true(grid.step >= (int64_t)1 << grid.parts && grid.offset >= 0 &&
                    grid.offset < grid.step);
        assert_true(fabs((double)grid.step / (double)((int64_t)1 << grid.parts) -
                         (double)steps[i][0] / (double)steps[i][1]) < 0.05);
        for (int j = 0; j < 300; j++)
            assert_true(is_on(&grid, ticks[j]));
    }
}

static void a_first_distance_of_several_steps_is_divided(void **state)
{
    static const int64_t places[] = {0, 6, 12, 9, 13, 8, 11, 3, 7};
    struct weir_compact_grid grid = {.step = 1};
    struct weir_compact_lattice lattice;

    (void)state;
    weir_compact_lattice_init(&lattice);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        weir_compact_lattice_accept(&lattice, (double)round_place(81, 2, 0, places[i]));
    assert_true(weir_compact_lattice_settle(&lattice, &grid));
    assert_int_equal(grid.step * 16 >> grid.parts, 81 * 8);
}

static void values_without_a_step_keep_the_grid_they_have(void **state)
{
    struct test_random random = random_make(2);
    struct weir_compact_grid grid = {.step = 1};
    struct weir_compact_lattice lattice;

    (void)state;
    weir_compact_lattice_init(&lattice);
    assert_false(weir_compact_lattice_settle(&lattice, &grid));
    for (int i = 0; i < 100; i++)
        weir_compact_lattice_accept(&lattice, (double)random_between(&random, 0, 1000));
    assert_false(weir_compact_lattice_settle(&lattice, &grid));
    weir_compact_lattice_init(&lattice);
    weir_compact_lattice_accept(&lattice, 5);
    weir_compact_lattice_accept(&lattice, HUGE_VAL);
    weir_compact_lattice_accept(&lattice, NAN);
    assert_false(weir_compact_lattice_settle(&lattice, &grid));
    assert_int_equal(grid.step, 1);
    assert_int_equal(grid.parts, 0);
}

static void a_step_is_not_worth_many_values_beside_it(void **state)
{
    struct weir_compact_grid grid = {.step = 1};
    struct weir_compact_lattice lattice;

    (void)state;
    weir_compact_lattice_init(&lattice);
    for (int i = 0; i < 400; i++)
        weir_compact_lattice_accept(&lattice, (double)round_place(81, 2, 0, i % 9) +
                                                  (i % 200 == 150 ? 17 : 0));
    assert_true(weir_compact_lattice_settle(&lattice, &grid));
    for (int i = 0; i < 400; i++)
        weir_compact_lattice_accept(&lattice,
                                    (double)round_place(81, 2, 0, i % 9) + (i % 40 == 20 ? 17 : 0));
    assert_false(weir_compact_lattice_settle(&lattice, &grid));
}

/* Nothing bounds a step as long as the only distances are too short, or too long, to be one. */
static void distances_that_are_no_steps_leave_the_grid_as_it_is(void **state)
{
    static const double values[][3] = {
        {200, 202, 201}, {200, 198, 199}, {-17000000000, 17000000000, -16999999999}};
    struct weir_compact_lattice lattice;

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct weir_compact_grid grid = {.step = 1};

        weir_compact_lattice_init(&lattice);
        for (int j = 0; j < 4000; j++)
            weir_compact_lattice_accept(&lattice, values[i][j == 100 ? 1 : j == 200 ? 2 : 0]);
        assert_false(weir_compact_lattice_settle(&lattice, &grid));
        assert_int_equal(grid.step, 1);
        assert_int_equal(grid.parts, 0);
    }
}

static void a_step_is_found_behind_a_distance_that_is_none(void **state)
{
    struct weir_compact_grid grid = {.step = 1};
    struct weir_compact_lattice lattice;

    (void)state;
    weir_compact_lattice_init(&lattice);
    for (int i = 0; i < 400; i++)
        weir_compact_lattice_accept(&lattice,
                                    (double)round_place(81, 2, 0, i % 9) + (i == 1 ? -39 : 0));
    assert_true(weir_compact_lattice_settle(&lattice, &grid));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_that_is_no_whole_number_is_found),
        cmocka_unit_test(a_first_distance_of_several_steps_is_divided),
        cmocka_unit_test(values_without_a_step_keep_the_grid_they_have),
        cmocka_unit_test(distances_that_are_no_steps_leave_the_grid_as_it_is),
        cmocka_unit_test(a_step_is_found_behind_a_distance_that_is_none),
        cmocka_unit_test(a_step_is_not_worth_many_values_beside_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
