#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/series.h"
#include "support/random.h"
#include "weir/limits.h"

static struct weir_series_index *make(uint32_t max)
{
    struct weir_series_index *index = aligned_alloc(64, weir_series_size(max));

    assert_non_null(index);
    memset(index, 0, weir_series_size(max));
    weir_series_init(index, max);
    return index;
}

static uint32_t insert(struct weir_series_index *index, const char *key)
{
    return weir_series_insert(index, key, strlen(key), weir_series_hash(key, strlen(key)));
}

static uint32_t find(const struct weir_series_index *index, const char *key)
{
    return weir_series_find(index, key, strlen(key), weir_series_hash(key, strlen(key)));
}

static void a_new_key_is_numbered_and_found_again(void **state)
{
    struct weir_series_index *index = make(10);

    (void)state;
    assert_int_equal(find(index, "plant/a"), WEIR_SERIES_NONE);
    assert_int_equal(insert(index, "plant/a"), 0);
    assert_int_equal(insert(index, "plant/b"), 1);
    assert_int_equal(insert(index, "plant/a"), 0);
    assert_int_equal(find(index, "plant/a"), 0);
    assert_int_equal(find(index, "plant/b"), 1);
    assert_int_equal(find(index, "plant/"), WEIR_SERIES_NONE);
    assert_int_equal(find(index, "plant/bb"), WEIR_SERIES_NONE);
    assert_string_equal(weir_series_name(index, 0), "plant/a");
    assert_string_equal(weir_series_name(index, 1), "plant/b");
    free(index);
}

static void the_empty_key_is_a_key(void **state)
{
    struct weir_series_index *index = make(2);

    (void)state;
    assert_int_equal(find(index, ""), WEIR_SERIES_NONE);
    assert_int_equal(insert(index, ""), 0);
    assert_int_equal(insert(index, "x"), 1);
    assert_int_equal(find(index, ""), 0);
    assert_string_equal(weir_series_name(index, 0), "");
    free(index);
}

static void keys_of_one_hash_are_kept_apart(void **state)
{
    struct weir_series_index *index = make(5);
    uint64_t hash = UINT64_MAX; /* the last slot: the probe goes round the end */

    (void)state;
    assert_int_equal(weir_series_insert(index, "a", 1, hash), 0);
    assert_int_equal(weir_series_insert(index, "b", 1, hash), 1);
    assert_int_equal(weir_series_insert(index, "ab", 2, hash), 2);
    assert_int_equal(weir_series_find(index, "a", 1, hash), 0);
    assert_int_equal(weir_series_find(index, "b", 1, hash), 1);
    assert_int_equal(weir_series_find(index, "ab", 2, hash), 2);
    assert_int_equal(weir_series_find(index, "c", 1, hash), WEIR_SERIES_NONE);
    free(index);
}

static void beyond_the_maximum_old_keys_are_found_and_new_ones_refused(void **state)
{
    struct weir_series_index *index = make(3);

    (void)state;
    assert_int_equal(insert(index, "a"), 0);
    assert_int_equal(insert(index, "b"), 1);
    assert_int_equal(insert(index, "c"), 2);
    assert_int_equal(insert(index, "d"), WEIR_SERIES_NONE);
    assert_int_equal(find(index, "d"), WEIR_SERIES_NONE);
    assert_int_equal(insert(index, "c"), 2);
    free(index);
}

static void a_key_whose_name_has_no_room_is_refused_and_a_shorter_one_taken(void **state)
{
    struct weir_series_index *index = make(1000);
    char key[WEIR_TOPIC_LENGTH_MAX + 1];
    uint32_t fitting = WEIR_SERIES_NAME_BYTES_FLOOR / sizeof(key);

    (void)state;
    memset(key, 'n', sizeof(key));
    for (uint32_t i = 0; i < fitting; i++) {
        (void)snprintf(key, sizeof(key), "%0*u", WEIR_TOPIC_LENGTH_MAX, i);
        assert_int_equal(insert(index, key), i);
    }
    (void)snprintf(key, sizeof(key), "%0*u", WEIR_TOPIC_LENGTH_MAX, fitting);
    assert_int_equal(insert(index, key), WEIR_SERIES_NONE);
    assert_int_equal(insert(index, "short"), fitting);
    assert_string_equal(weir_series_name(index, fitting), "short");
    assert_int_equal(insert(index, key), WEIR_SERIES_NONE);
    free(index);
}

static void the_last_byte_for_names_is_used(void **state)
{
    struct weir_series_index *index = make(1000);
    uint32_t left = WEIR_SERIES_NAME_BYTES_FLOOR;
    char key[WEIR_TOPIC_LENGTH_MAX + 1];

    (void)state;
    for (uint32_t i = 0; left > 2 * sizeof(key); i++) {
        (void)snprintf(key, sizeof(key), "%0*u", WEIR_TOPIC_LENGTH_MAX, i);
        assert_int_not_equal(insert(index, key), WEIR_SERIES_NONE);
        left -= (uint32_t)sizeof(key);
    }
    memset(key, 'k', sizeof(key));
    key[left / 2] = '\0';
    assert_int_not_equal(insert(index, key), WEIR_SERIES_NONE);
    left -= left / 2 + 1;
    memset(key, 'm', sizeof(key));
    key[left] = '\0';
    assert_int_equal(insert(index, key), WEIR_SERIES_NONE);
    key[left - 1] = '\0';
    assert_int_not_equal(insert(index, key), WEIR_SERIES_NONE);
    assert_int_equal(insert(index, ""), WEIR_SERIES_NONE);
    free(index);
}

static void a_copy_elsewhere_is_the_same_index(void **state)
{
    struct weir_series_index *index = make(100);
    struct weir_series_index *copy = make(100);
    char key[16];

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof(key), "k%u", i);
        assert_int_equal(insert(index, key), i);
    }
    memcpy(copy, index, weir_series_size(100));
    memset(index, 0xff, weir_series_size(100));
    for (uint32_t i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof(key), "k%u", i);
        assert_int_equal(find(copy, key), i);
        assert_string_equal(weir_series_name(copy, i), key);
    }
    free(index);
    free(copy);
}

static void sizes_are_multiples_of_64_and_grow_with_the_maximum(void **state)
{
    uint64_t before = 0;

    (void)state;
    for (uint32_t max = 1; max < WEIR_SERIES_COUNT_MAX; max = max * 3 + 1) {
        assert_int_equal(weir_series_size(max) % 64, 0);
        assert_true(weir_series_size(max) >= before);
        before = weir_series_size(max);
    }
}

static void random_keys_agree_with_a_list(void **state)
{
    enum { MAX = 200, KEY_COUNT = 300 };
    struct test_random random = random_make(1);
    struct weir_series_index *index = make(MAX);
    uint32_t expected[KEY_COUNT];
    uint32_t count = 0;

    (void)state;
    for (uint32_t i = 0; i < KEY_COUNT; i++)
        expected[i] = WEIR_SERIES_NONE;
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t n = random_below(&random, KEY_COUNT);
        char key[64];

        /* Lengths from 1 to 40, so that every tail of the hash's words occurs. */
        (void)snprintf(key, sizeof(key), "%0*u", (int)(1 + n % 40), n);
        if (random_once_in(&random, 2)) {
            if (expected[n] == WEIR_SERIES_NONE && count < MAX)
                expected[n] = count++;
            assert_int_equal(insert(index, key), expected[n]);
        }
        assert_int_equal(find(index, key), expected[n]);
        if (expected[n] != WEIR_SERIES_NONE)
            assert_string_equal(weir_series_name(index, expected[n]), key);
    }
    free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_key_is_numbered_and_found_again),
        cmocka_unit_test(the_empty_key_is_a_key),
        cmocka_unit_test(keys_of_one_hash_are_kept_apart),
        cmocka_unit_test(beyond_the_maximum_old_keys_are_found_and_new_ones_refused),
        cmocka_unit_test(a_key_whose_name_has_no_room_is_refused_and_a_shorter_one_taken),
        cmocka_unit_test(the_last_byte_for_names_is_used),
        cmocka_unit_test(a_copy_elsewhere_is_the_same_index),
        cmocka_unit_test(sizes_are_multiples_of_64_and_grow_with_the_maximum),
        cmocka_unit_test(random_keys_agree_with_a_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
