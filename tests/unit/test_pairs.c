#include "core/pairs.h"

#include "support/unit.h"

static struct weir_pairs left;
static struct weir_pairs right;

static int set_up(void **state)
{
    (void)state;
    left = right = (struct weir_pairs){0};
    return 0;
}

static void expect_take(enum weir_pairs_answer expected, int64_t expected_end_ms)
{
    int64_t end_ms = 0;
    double value = 0;
    double other = 0;

    assert_int_equal(weir_pairs_take(&left, &right, &end_ms, &value, &other), expected);
    assert_int_equal(end_ms, expected_end_ms);
    assert_true(expected != WEIR_PAIRS_MET || (value == (double)end_ms && other == -value));
}

static bool put(struct weir_pairs *pairs, int64_t end_ms, double sign)
{
    return weir_pairs_add(pairs, end_ms, sign * (double)end_ms, true);
}

static void a_window_waits_until_the_other_has_got_to_it(void **state)
{
    (void)state;
    expect_take(WEIR_PAIRS_NONE, 0);
    (void)put(&left, 10, 1);
    (void)put(&left, 20, 1);
    (void)put(&left, 30, 1);
    expect_take(WEIR_PAIRS_NONE, 0);
    (void)put(&right, 10, -1);
    expect_take(WEIR_PAIRS_MET, 10);
    expect_take(WEIR_PAIRS_NONE, 0);
    (void)put(&right, 30, -1);
    expect_take(WEIR_PAIRS_MISSING, 20);
    expect_take(WEIR_PAIRS_MET, 30);
    expect_take(WEIR_PAIRS_NONE, 0);
    assert_true(weir_pairs_passed(&right, 30) && !weir_pairs_passed(&right, 31));
}

static void the_oldest_that_waits_gives_way_and_that_is_said(void **state)
{
    (void)state;
    for (int64_t i = 1; i <= WEIR_PAIRS_COUNT; i++)
        assert_false(put(&left, i, 1));
    assert_true(put(&left, WEIR_PAIRS_COUNT + 1, 1));
    (void)put(&right, 2, -1);
    expect_take(WEIR_PAIRS_MET, 2);
    expect_take(WEIR_PAIRS_NONE, 0);
    /* What waits no more is no loss. */
    assert_false(put(&left, WEIR_PAIRS_COUNT + 2, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_window_waits_until_the_other_has_got_to_it, set_up),
        cmocka_unit_test_setup(the_oldest_that_waits_gives_way_and_that_is_said, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
