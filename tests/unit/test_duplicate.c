#include "core/duplicate.h"

#include <string.h>

#include "support/random.h"
#include "support/unit.h"

static struct weir_duplicates duplicates;

static struct weir_message make_message(uint16_t packet_id, const char *topic, const char *payload)
{
    return (struct weir_message){
        .topic = topic,
        .topic_length = strlen(topic),
        .payload = payload,
        .payload_length = strlen(payload),
        .packet_id = packet_id,
    };
}

/* Ids in turn, as most brokers give them; a mark has its id at the bottom. */
static uint64_t make_mark(uint64_t number, uint64_t contents)
{
    return contents << 16 | (number % UINT16_MAX + 1);
}

static void a_mark_is_found_until_so_many_others_came(void **state)
{
    uint64_t found_count = 0;

    (void)state;
    memset(&duplicates, 0, sizeof(duplicates));
    assert_false(weir_duplicates_find(&duplicates, 0));
    for (uint64_t i = 1; i <= 2 * UINT16_MAX; i++) {
        uint64_t oldest = i > WEIR_DUPLICATE_COUNT_MAX ? i - WEIR_DUPLICATE_COUNT_MAX + 1 : 1;

        weir_duplicates_add(&duplicates, make_mark(i, i));
        if (i > 1000 && i % 997 != 0)
            continue;
        assert_true(weir_duplicates_find(&duplicates, make_mark(i, i)));
        assert_true(weir_duplicates_find(&duplicates, make_mark(oldest, oldest)));
        assert_false(weir_duplicates_find(&duplicates, make_mark(oldest - 1, oldest - 1)));
        assert_false(weir_duplicates_find(&duplicates, make_mark(i, i + 1)));
        found_count += 2;
        assert_int_equal(duplicates.found_count, found_count);
    }
}

static void the_newest_with_an_id_is_what_may_come_again(void **state)
{
    (void)state;
    memset(&duplicates, 0, sizeof(duplicates));
    weir_duplicates_add(&duplicates, make_mark(1, 5));
    weir_duplicates_add(&duplicates, make_mark(2, 6));
    weir_duplicates_add(&duplicates, make_mark(1, 7));
    assert_false(weir_duplicates_find(&duplicates, make_mark(1, 5)));
    assert_true(weir_duplicates_find(&duplicates, make_mark(2, 6)));
    assert_true(weir_duplicates_find(&duplicates, make_mark(1, 7)));
}

/* All devices say the same all day: what is new has an id that has come round. */
static void an_id_that_comes_round_is_not_taken_for_a_repeat(void **state)
{
    (void)state;
    memset(&duplicates, 0, sizeof(duplicates));
    for (uint64_t i = 0; i < UINT16_MAX; i++) {
        assert_false(weir_duplicates_find(&duplicates, make_mark(i, 1)));
        weir_duplicates_add(&duplicates, make_mark(i, 1));
    }
    for (uint64_t i = 0; i < 1000; i++) {
        assert_false(weir_duplicates_find(&duplicates, make_mark(i, 1)));
        weir_duplicates_add(&duplicates, make_mark(i, 1));
    }
}

static void what_makes_a_message_another_makes_another_mark(void **state)
{
    struct weir_message first = make_message(7, "a/b", "payload of some length");
    const struct weir_message others[] = {
        make_message(8, "a/b", "payload of some length"),
        make_message(7, "a/c", "payload of some length"),
        make_message(7, "a/b", "payload of some lengti"),
        make_message(7, "a/b", "payload of some lengt"),
        make_message(7, "a/bp", "ayload of some length"),
        make_message(7, "a/", "bpayload of some length"),
        make_message(7, "a/b", ""),
        make_message(7, "", "a/bpayload of some length"),
    };
    struct weir_message again = make_message(7, "a/b", "payload of some length");

    (void)state;
    again.duplicate = true;
    again.retained = true;
    again.arrived_ms = 99;
    assert_true(weir_duplicates_mark(&first) == weir_duplicates_mark(&again));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_true(weir_duplicates_mark(&first) != weir_duplicates_mark(&others[i]));
}

static void every_bit_of_every_length_counts(void **state)
{
    struct test_random random = random_make(1);
    char payload[40];

    (void)state;
    for (size_t length = 1; length <= sizeof(payload); length++) {
        struct weir_message message = make_message(1, "t", "");
        uint64_t mark;

        for (size_t i = 0; i < length; i++)
            payload[i] = (char)random_next(&random);
        message.payload = payload;
        message.payload_length = length;
        mark = weir_duplicates_mark(&message);
        for (size_t bit = 0; bit < 8 * length; bit++) {
            payload[bit / 8] = (char)(payload[bit / 8] ^ 1 << bit % 8);
            assert_true(weir_duplicates_mark(&message) != mark);
            payload[bit / 8] = (char)(payload[bit / 8] ^ 1 << bit % 8);
        }
    }
}

/* The log keeps the lengths of what is too long, not its bytes: they are not to be looked at. */
static void what_is_too_long_is_known_by_its_lengths(void **state)
{
    struct weir_message message = {.topic = NULL, .topic_length = 3, .packet_id = 1};
    uint64_t mark;

    (void)state;
    message.payload_length = WEIR_PAYLOAD_LENGTH_MAX + 1;
    mark = weir_duplicates_mark(&message);
    message.payload_length++;
    assert_true(weir_duplicates_mark(&message) != mark);
    message.payload_length--;
    message.topic_length++;
    assert_true(weir_duplicates_mark(&message) != mark);
    message.payload_length = 0;
    message.topic_length = WEIR_TOPIC_LENGTH_MAX + 1;
    mark = weir_duplicates_mark(&message);
    message.packet_id++;
    assert_true(weir_duplicates_mark(&message) != mark);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mark_is_found_until_so_many_others_came),
        cmocka_unit_test(the_newest_with_an_id_is_what_may_come_again),
        cmocka_unit_test(an_id_that_comes_round_is_not_taken_for_a_repeat),
        cmocka_unit_test(what_makes_a_message_another_makes_another_mark),
        cmocka_unit_test(every_bit_of_every_length_counts),
        cmocka_unit_test(what_is_too_long_is_known_by_its_lengths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
