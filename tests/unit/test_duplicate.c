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

static void a_mark_is_found_until_so_many_others_came(void **state)
{
    (void)state;
    memset(&duplicates, 0, sizeof(duplicates));
    assert_false(weir_duplicates_find(&duplicates, 0));
    for (uint64_t i = 1; i <= 1000; i++) {
        uint64_t oldest = i > WEIR_DUPLICATE_COUNT_MAX ? i - WEIR_DUPLICATE_COUNT_MAX + 1 : 1;

        weir_duplicates_add(&duplicates, i * 3);
        assert_true(weir_duplicates_find(&duplicates, i * 3));
        assert_true(weir_duplicates_find(&duplicates, oldest * 3));
        assert_false(weir_duplicates_find(&duplicates, (oldest - 1) * 3));
        assert_false(weir_duplicates_find(&duplicates, i * 3 + 1));
        assert_int_equal(duplicates.found_count, i * 2);
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
        cmocka_unit_test(what_makes_a_message_another_makes_another_mark),
        cmocka_unit_test(every_bit_of_every_length_counts),
        cmocka_unit_test(what_is_too_long_is_known_by_its_lengths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
