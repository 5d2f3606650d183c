#include "format/sketch_list.h"

#include <stdlib.h>
#include <string.h>

#include "support/random.h"
#include "support/unit.h"

static const uint16_t quantiles[] = {10, 500, 999};
static const unsigned char sketches[3][4] = {"abc", "d", "efgh"};
static unsigned char bytes[3 * WEIR_SKETCH_LIST_ENTRY_BYTES_MAX];

/* Entries of rows 2, 3 and 640, with one to three quantiles. */
static size_t put_three(void)
{
    static const uint32_t rows[] = {2, 3, 640};
    size_t length = 0;

    for (uint32_t i = 0; i < 3; i++) {
        const struct weir_sketch_list_entry entry = {
            .row = rows[i],
            .quantiles = quantiles,
            .quantile_count = i + 1,
            .bytes = sketches[i],
            .length = i + 2,
        };
        size_t size = weir_sketch_list_put(bytes + length, &entry);

        assert_int_equal(size, weir_sketch_list_size(&entry));
        length += size;
    }
    return length;
}

static void rows_find_their_own_entry_and_others_none(void **state)
{
    struct weir_sketch_list list;
    struct weir_sketch_list_entry entry;
    uint32_t found = 0;

    (void)state;
    weir_sketch_list_open(&list, bytes, put_three());
    for (uint32_t row = 0; row < 641; row++) {
        assert_false(weir_sketch_list_finished(&list));
        if (!weir_sketch_list_take(&list, row, &entry))
            continue;
        assert_true(row == 2 || row == 3 || row == 640);
        assert_int_equal(entry.row, row);
        assert_int_equal(entry.length, found + 2);
        assert_memory_equal(entry.bytes, sketches[found], entry.length);
        assert_int_equal(entry.quantile_count, found + 1);
        assert_memory_equal(entry.quantiles, quantiles, (found + 1) * sizeof(quantiles[0]));
        found++;
    }
    assert_int_equal(found, 3);
    assert_true(weir_sketch_list_finished(&list));
}

static void an_empty_list_is_finished(void **state)
{
    struct weir_sketch_list list;
    struct weir_sketch_list_entry entry;

    (void)state;
    weir_sketch_list_open(&list, bytes, 0);
    assert_false(weir_sketch_list_take(&list, 0, &entry));
    assert_true(weir_sketch_list_finished(&list));
}

static void a_row_that_is_passed_over_shows(void **state)
{
    struct weir_sketch_list list;
    struct weir_sketch_list_entry entry;

    (void)state;
    weir_sketch_list_open(&list, bytes, put_three());
    assert_false(weir_sketch_list_take(&list, 5, &entry));
    assert_true(list.damaged);
    assert_false(weir_sketch_list_finished(&list));
}

static void quantiles_that_cannot_be_are_damage(void **state)
{
    static const uint16_t wrong[][2] = {{0, 500}, {500, 500}, {500, 10}, {500, 1000}};
    struct weir_sketch_list_entry entry = {.quantile_count = 2, .bytes = sketches[0], .length = 1};
    struct weir_sketch_list_entry found;
    struct weir_sketch_list list;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        entry.quantiles = wrong[i];
        weir_sketch_list_open(&list, bytes, weir_sketch_list_put(bytes, &entry));
        assert_false(weir_sketch_list_take(&list, 0, &found));
        assert_true(list.damaged);
    }
}

/* Cut anywhere, and with any byte another: nothing is read beyond the end. */
static void a_damaged_list_is_told_or_stays_within_its_bytes(void **state)
{
    struct test_random random = random_make(1);
    size_t length = put_three();

    (void)state;
    for (size_t i = 0; i < 20 * length; i++) {
        size_t cut = 1 + i % length;
        unsigned char *copy = malloc(cut);
        struct weir_sketch_list_entry entry;
        struct weir_sketch_list list;
        volatile unsigned char sum = 0; /* so that the bytes are read */

        assert_non_null(copy);
        memcpy(copy, bytes, cut);
        copy[random_below(&random, (uint32_t)cut)] ^= (unsigned char)random_below(&random, 256);
        weir_sketch_list_open(&list, copy, cut);
        for (uint32_t row = 0; row < 641; row++) {
            if (!weir_sketch_list_take(&list, row, &entry))
                continue;
            for (size_t j = 0; j < entry.length; j++)
                sum = (unsigned char)(sum ^ entry.bytes[j]);
        }
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_find_their_own_entry_and_others_none),
        cmocka_unit_test(an_empty_list_is_finished),
        cmocka_unit_test(a_row_that_is_passed_over_shows),
        cmocka_unit_test(quantiles_that_cannot_be_are_damage),
        cmocka_unit_test(a_damaged_list_is_told_or_stays_within_its_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
