#include "store/range.h"
#include "support/random.h"
#include "support/unit.h"

enum { NUMBER_COUNT = 200 };

static void assert_ranges(const struct weir_range_list *list, const bool *in)
{
    uint32_t found = 0;

    for (uint64_t i = 0; i < NUMBER_COUNT; i++) {
        if (!in[i] || (i > 0 && in[i - 1]))
            continue;
        assert_true(found < list->count);
        assert_int_equal(list->ranges[found].first, i);
        while (i + 1 < NUMBER_COUNT && in[i + 1])
            i++;
        assert_int_equal(list->ranges[found++].last, i);
    }
    assert_int_equal(found, list->count);
}

static void random_ranges_are_joined_as_a_set_is(void **state)
{
    struct test_random random = random_make(1);

    (void)state;
    for (uint32_t round = 0; round < 500; round++) {
        struct weir_range_list list = {0};
        bool in[NUMBER_COUNT] = {false};

        for (int i = 0; i < 60; i++) {
            uint32_t first = random_below(&random, NUMBER_COUNT);
            uint32_t last = first + random_below(&random, round % 10 + 1);

            last = last < NUMBER_COUNT ? last : NUMBER_COUNT - 1;
            for (uint32_t k = first; k <= last; k++)
                in[k] = true;
            assert_int_equal(weir_range_accept(&list, first, last), WEIR_OK);
            assert_ranges(&list, in);
        }
    }
}

static void a_full_list_takes_what_joins_and_refuses_what_does_not(void **state)
{
    struct weir_range_list list = {0};
    struct weir_range_list before;

    (void)state;
    for (uint64_t i = 0; i < WEIR_BATCH_RANGE_COUNT_MAX; i++)
        assert_int_equal(weir_range_accept(&list, i * 10, i * 10), WEIR_OK);
    before = list;
    assert_int_equal(weir_range_accept(&list, 5, 5), WEIR_FULL);
    assert_int_equal(weir_range_accept(&list, UINT64_MAX, UINT64_MAX), WEIR_FULL);
    assert_memory_equal(&list, &before, sizeof(list));
    assert_int_equal(weir_range_accept(&list, 1, 1), WEIR_OK);
    assert_int_equal(weir_range_accept(&list, 1, 9), WEIR_OK);
    assert_int_equal(list.count, WEIR_BATCH_RANGE_COUNT_MAX - 1);
    assert_int_equal(weir_range_accept(&list, 0, UINT64_MAX), WEIR_OK);
    assert_int_equal(list.count, 1);
    assert_true(list.ranges[0].first == 0 && list.ranges[0].last == UINT64_MAX);
}

static void the_largest_number_joins_its_neighbour(void **state)
{
    struct weir_range_list list = {0};

    (void)state;
    assert_int_equal(weir_range_accept(&list, UINT64_MAX, UINT64_MAX), WEIR_OK);
    assert_int_equal(weir_range_accept(&list, 0, 0), WEIR_OK);
    assert_int_equal(list.count, 2);
    assert_int_equal(weir_range_accept(&list, UINT64_MAX - 1, UINT64_MAX - 1), WEIR_OK);
    assert_int_equal(list.count, 2);
    assert_true(list.ranges[1].first == UINT64_MAX - 1 && list.ranges[1].last == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_ranges_are_joined_as_a_set_is),
        cmocka_unit_test(a_full_list_takes_what_joins_and_refuses_what_does_not),
        cmocka_unit_test(the_largest_number_joins_its_neighbour),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
