#include "store/record.h"

#include <stdlib.h>
#include <string.h>

#include "store/crc32c.h"
#include "support/random.h"
#include "support/records.h"
#include "support/unit.h"

#define STORE 0x1234567890abcdefu

static unsigned char bytes[WEIR_RECORD_BYTES_MAX + 64];
static char text[WEIR_PAYLOAD_LENGTH_MAX + WEIR_TOPIC_LENGTH_MAX + 64];
static struct weir_record_image image;

static int set_up(void **state)
{
    (void)state;
    weir_crc32c_init();
    return 0;
}

static size_t write_record(const struct weir_record *record, uint64_t position, int64_t before_ms)
{
    weir_record_build(&image, record, before_ms);
    assert_true(image.total_length >= WEIR_RECORD_BYTES_MIN);
    assert_true(image.total_length <= WEIR_RECORD_BYTES_MAX);
    weir_record_write(&image, bytes, STORE, position);
    return image.total_length;
}

static void expect_back(const struct weir_record *record, uint64_t position, int64_t before_ms)
{
    size_t length = write_record(record, position, before_ms);
    struct weir_record found;

    for (int checked = 0; checked < 2; checked++) {
        assert_int_equal(weir_record_read(&found, bytes, length + (position & 7), STORE, position,
                                          before_ms, checked == 1),
                         length);
        assert_true(records_equal(record, &found));
        assert_int_equal(found.time_ms,
                         weir_record_has_time(record->kind) ? record->time_ms : before_ms);
        assert_true(record->kind == WEIR_RECORD_SEGMENT
                        ? found.sequence == record->sequence
                        : found.sequence == (record->sequence & 0xff));
        if (record->kind == WEIR_RECORD_MESSAGE)
            assert_int_equal(found.message.arrived_ms, record->time_ms);
    }
}

static void every_kind_goes_there_and_back(void **state)
{
    struct test_random random = random_make(1);

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        enum weir_record_kind kind = (enum weir_record_kind)(1 + i % (WEIR_RECORD_KIND_END - 1));
        struct weir_record record =
            records_make(&random, kind, text, i % 100 == 2 ? WEIR_PAYLOAD_LENGTH_MAX : 200);
        int64_t before_ms = (int64_t)random_next(&random) >> random_below(&random, 64);

        record.time_ms = random_once_in(&random, 4)
                             ? (int64_t)random_next(&random)
                             : (int64_t)((uint64_t)before_ms + random_below(&random, 5000) - 1000);
        expect_back(&record, random_next(&random), before_ms);
    }
}

static void the_ends_of_time_and_number_go_there_and_back(void **state)
{
    const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    const size_t count = sizeof(times) / sizeof(times[0]);

    (void)state;
    for (size_t i = 0; i < count * count; i++) {
        struct weir_record step = {.kind = WEIR_RECORD_STEP,
                                   .time_ms = times[i % count],
                                   .step_ms = times[i / count],
                                   .sequence = UINT64_MAX};
        struct weir_record batches = {.kind = WEIR_RECORD_BATCHES, .number = UINT64_MAX};
        struct weir_record head = {.kind = WEIR_RECORD_SEGMENT,
                                   .time_ms = times[i % count],
                                   .store = STORE,
                                   .sequence = UINT64_MAX};

        expect_back(&step, UINT64_MAX, times[i / count]);
        expect_back(&batches, 0, times[i / count]);
        expect_back(&head, 0, times[i / count]);
    }
}

static void messages_on_the_grid_of_lengths_go_there_and_back(void **state)
{
    const size_t topics[] = {0, 1, 127, 128, 511, WEIR_TOPIC_LENGTH_MAX};
    const size_t payloads[] = {0, 1, 100, 116, 127, 128, 16250, 16383, 16384, 65535, 65536};

    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        for (size_t j = 0; j < sizeof(payloads) / sizeof(payloads[0]); j++) {
            struct weir_record record = {.kind = WEIR_RECORD_MESSAGE, .time_ms = 5};

            record.message = (struct weir_message){.topic = text,
                                                   .topic_length = topics[i],
                                                   .payload = text + 1,
                                                   .payload_length = payloads[j],
                                                   .packet_id = UINT16_MAX};
            expect_back(&record, 77, 3);
        }
    }
}

static void what_is_too_long_keeps_its_lengths_and_the_front_of_its_topic(void **state)
{
    static char topic[65535];
    const size_t topics[] = {3, WEIR_TOPIC_LENGTH_MAX, WEIR_TOPIC_LENGTH_MAX + 1, sizeof(topic)};
    const size_t payloads[] = {0, 9, WEIR_PAYLOAD_LENGTH_MAX, WEIR_PAYLOAD_LENGTH_MAX + 1,
                               268435455};

    (void)state;
    memset(topic, 't', sizeof(topic));
    for (size_t i = 0; i < 4 * 5; i++) {
        struct weir_record record = {.kind = WEIR_RECORD_MESSAGE};
        struct weir_record found;
        size_t length;

        record.message.topic = topic;
        record.message.topic_length = topics[i / 5];
        record.message.payload = text;
        record.message.payload_length = payloads[i % 5];
        if (topics[i / 5] <= WEIR_TOPIC_LENGTH_MAX && payloads[i % 5] <= WEIR_PAYLOAD_LENGTH_MAX)
            continue;
        length = write_record(&record, 1, 0);
        assert_true(length < WEIR_TOPIC_LENGTH_MAX + 64);
        assert_int_equal(weir_record_read(&found, bytes, length, STORE, 1, 0, true), length);
        assert_int_equal(found.message.topic_length, topics[i / 5]);
        assert_int_equal(found.message.payload_length, payloads[i % 5]);
        assert_memory_equal(found.message.topic, topic,
                            topics[i / 5] < WEIR_TOPIC_LENGTH_MAX ? topics[i / 5]
                                                                  : WEIR_TOPIC_LENGTH_MAX);
    }
}

/* The log has an END wherever there is room for one. */
static void an_end_is_the_shortest_record(void **state)
{
    struct weir_record end = {.kind = WEIR_RECORD_END, .sequence = UINT64_MAX};

    (void)state;
    assert_int_equal(write_record(&end, 0, 0), WEIR_RECORD_BYTES_MIN);
    expect_back(&end, 0, 0);
}

/* In memory of its own length, so that a sanitizer sees every byte beyond. */
static size_t read_copy(const unsigned char *from, size_t length, bool checked)
{
    unsigned char *copy = malloc(length > 0 ? length : 1);
    struct weir_record found;
    size_t result;

    assert_non_null(copy);
    memcpy(copy, from, length);
    result = weir_record_read(&found, copy, length, STORE, 4096, 1000, checked);
    free(copy);
    return result;
}

static void every_cut_and_every_flipped_bit_is_refused(void **state)
{
    struct test_random random = random_make(2);

    (void)state;
    for (unsigned i = 0; i < 220; i++) {
        enum weir_record_kind kind = (enum weir_record_kind)(1 + i % (WEIR_RECORD_KIND_END - 1));
        struct weir_record record = records_make(&random, kind, text, 60);
        size_t length;

        record.time_ms = 1000 + random_below(&random, 100);
        length = write_record(&record, 4096, 1000);
        assert_int_equal(read_copy(bytes, length, true), length);
        for (size_t cut = 0; cut < length; cut++) {
            assert_int_equal(read_copy(bytes, cut, true), 0);
            assert_int_equal(read_copy(bytes, cut, false), 0);
        }
        for (size_t bit = 0; bit < 8 * length; bit++) {
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            assert_int_equal(read_copy(bytes, length, true), 0);
            (void)read_copy(bytes, length, false);
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
    }
}

static void another_position_or_store_is_refused(void **state)
{
    struct test_random random = random_make(3);

    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        struct weir_record record = records_make(
            &random, (enum weir_record_kind)(1 + i % (WEIR_RECORD_KIND_END - 1)), text, 60);
        uint64_t position = records_number(&random);
        size_t length = write_record(&record, position, 0);
        struct weir_record found;

        assert_int_equal(weir_record_read(&found, bytes, length, STORE, position, 0, true), length);
        for (unsigned bit = 0; bit < 64; bit++) {
            assert_int_equal(weir_record_read(&found, bytes, length, STORE,
                                              position ^ (uint64_t)1 << bit, 0, true),
                             0);
            assert_int_equal(weir_record_read(&found, bytes, length, STORE ^ (uint64_t)1 << bit,
                                              position, 0, true),
                             0);
        }
    }
}

static void noise_is_harmless(void **state)
{
    struct test_random random = random_make(4);
    unsigned char noise[64];

    (void)state;
    for (unsigned i = 0; i < 300000; i++) {
        for (size_t j = 0; j < sizeof(noise); j++)
            noise[j] = (unsigned char)random_next(&random);
        noise[4] &= 0x3f;
        noise[5] %= WEIR_RECORD_KIND_END + 1;
        assert_true(read_copy(noise, sizeof(noise), false) <= sizeof(noise));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_goes_there_and_back),
        cmocka_unit_test(the_ends_of_time_and_number_go_there_and_back),
        cmocka_unit_test(messages_on_the_grid_of_lengths_go_there_and_back),
        cmocka_unit_test(what_is_too_long_keeps_its_lengths_and_the_front_of_its_topic),
        cmocka_unit_test(an_end_is_the_shortest_record),
        cmocka_unit_test(every_cut_and_every_flipped_bit_is_refused),
        cmocka_unit_test(another_position_or_store_is_refused),
        cmocka_unit_test(noise_is_harmless),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
