#include "command/done.h"

#include "support/unit.h"

static void nothing_is_done_of_an_epoch_that_was_not_noted(void **state)
{
    struct weir_done done = {0};

    (void)state;
    assert_int_equal(weir_done_find(&done, 0), 0);
    weir_done_note(&done, 7, 3);
    assert_int_equal(weir_done_find(&done, 8), 0);
    weir_done_note(&done, 8, 0);
    assert_int_equal(weir_done_find(&done, 8), 0);
}

static void a_number_only_rises(void **state)
{
    struct weir_done done = {0};

    (void)state;
    weir_done_note(&done, 7, 3);
    weir_done_note(&done, 9, 1);
    weir_done_note(&done, 7, 2);
    assert_int_equal(weir_done_find(&done, 7), 3);
    assert_int_equal(done.entries[done.newest].epoch, 9);
    weir_done_note(&done, 7, 4);
    assert_int_equal(weir_done_find(&done, 7), 4);
    assert_int_equal(weir_done_find(&done, 9), 1);
    assert_int_equal(done.entries[done.newest].epoch, 7);
}

static void the_oldest_epoch_is_forgotten_first(void **state)
{
    struct weir_done done = {0};

    (void)state;
    for (uint64_t epoch = 1; epoch <= WEIR_DONE_EPOCH_COUNT_MAX + 1; epoch++)
        weir_done_note(&done, epoch, 10 + epoch);
    assert_int_equal(weir_done_find(&done, 1), 0);
    for (uint64_t epoch = 2; epoch <= WEIR_DONE_EPOCH_COUNT_MAX + 1; epoch++)
        assert_int_equal(weir_done_find(&done, epoch), 10 + epoch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_done_of_an_epoch_that_was_not_noted),
        cmocka_unit_test(a_number_only_rises),
        cmocka_unit_test(the_oldest_epoch_is_forgotten_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
