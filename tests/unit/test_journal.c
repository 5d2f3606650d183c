#include "store/journal.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "support/random.h"
#include "support/records.h"
#include "support/unit.h"

#define SEGMENT ((uint64_t)WEIR_SEGMENT_BYTES_MIN)
#define RING (4 * SEGMENT)
#define STORE 77

enum { LIST_MAX = 40000 };

struct listed {
    enum weir_record_kind kind;
    int64_t time_ms;
    uint64_t number; /* what tells it from others: text of messages, number of the rest */
    size_t length;
    struct weir_log_place place; /* in front of it */
};

static _Alignas(4096) unsigned char memory[WEIR_JOURNAL_HEAD_BYTES + RING];
static struct weir_journal journal;
static struct listed list[LIST_MAX];
static uint64_t appended;
static uint64_t consumed;
static int64_t now_ms;
static char text[WEIR_PAYLOAD_LENGTH_MAX];

static struct weir_journal_options make_options(bool written_on)
{
    return (struct weir_journal_options){
        .memory = memory,
        .ring_bytes = RING,
        .segment_bytes = SEGMENT,
        .store = STORE,
        .run = 3,
        .written_on = written_on,
    };
}

static void begin(bool written_on)
{
    const struct weir_journal_options options = make_options(written_on);
    const struct weir_log_place start = {0};

    memset(memory, 0xee, sizeof(memory));
    weir_journal_init(&journal, &options, &start, &start);
    appended = 0;
    consumed = 0;
    now_ms = 1700000000000;
}

static int64_t read_clock(void *context, int64_t *jump_ms)
{
    (void)context;
    *jump_ms = 0;
    return now_ms;
}

static void write_text(uint64_t number, size_t length)
{
    for (size_t i = 0; i < length; i++)
        text[i] = (char)(number * 31 + i);
}

static enum weir_status append(enum weir_record_kind kind, size_t length)
{
    struct weir_record record = {.kind = kind, .number = appended};
    enum weir_status status;

    write_text(appended, length);
    record.message.topic = "t/t";
    record.message.topic_length = 3;
    record.message.payload = text;
    record.message.payload_length = length;
    status = weir_journal_append(&journal, &record, read_clock, NULL);
    if (status != WEIR_OK)
        return status;
    assert_true(appended < LIST_MAX);
    list[appended] = (struct listed){.kind = kind,
                                     .time_ms = weir_record_has_time(kind) ? now_ms
                                                : appended > 0 ? list[appended - 1].time_ms
                                                               : 0,
                                     .number = appended,
                                     .length = length};
    appended++;
    return WEIR_OK;
}

static void check(const struct weir_record *record, const struct listed *expected)
{
    assert_int_equal(record->kind, expected->kind);
    assert_int_equal(record->time_ms, expected->time_ms);
    if (record->kind == WEIR_RECORD_BATCHES)
        assert_int_equal(record->number, expected->number);
    if (record->kind != WEIR_RECORD_MESSAGE)
        return;
    write_text(expected->number, expected->length);
    assert_int_equal(record->message.payload_length, expected->length);
    assert_memory_equal(record->message.payload, text, expected->length);
}

static bool consume(void)
{
    struct weir_record record;
    struct weir_record again;

    if (!weir_journal_peek(&journal, &record)) {
        assert_int_equal(consumed, appended);
        return false;
    }
    assert_true(weir_journal_peek(&journal, &again));
    check(&record, &list[consumed]);
    check(&again, &list[consumed]);
    weir_journal_place(&journal, &list[consumed].place);
    assert_int_equal(list[consumed].place.sequence, consumed);
    weir_journal_consume(&journal);
    consumed++;
    return true;
}

static void append_at_random(struct test_random *random)
{
    static const enum weir_record_kind kinds[] = {WEIR_RECORD_MESSAGE, WEIR_RECORD_MESSAGE,
                                                  WEIR_RECORD_TICK, WEIR_RECORD_BATCHES};
    size_t length = random_below(random, random_once_in(random, 50) ? 65537 : 700);

    now_ms += random_below(random, 3000);
    (void)append(kinds[random_below(random, 4)], length);
}

static void records_come_out_as_they_went_in_over_many_laps(void **state)
{
    struct test_random random = random_make(1);

    (void)state;
    for (int written_on = 0; written_on < 2; written_on++) {
        begin(written_on == 1);
        while (appended < 20000) {
            if (random_once_in(&random, 2))
                append_at_random(&random);
            else
                (void)consume();
            if (random_once_in(&random, 500))
                while (consume())
                    continue;
        }
        while (consume())
            continue;
        assert_true(weir_journal_end(&journal) > 8 * RING);
        weir_journal_finish(&journal);
    }
}

/* Records of every length up to every distance from a cut. */
static void every_distance_from_a_cut_is_passed(void **state)
{
    (void)state;
    begin(false);
    for (unsigned distance = 0; distance < 200; distance++) {
        uint64_t before = weir_journal_end(&journal);
        uint64_t left = SEGMENT - before % SEGMENT;

        while (left > 40000 + distance) {
            assert_int_equal(append(WEIR_RECORD_MESSAGE, 20000), WEIR_OK);
            left = SEGMENT - weir_journal_end(&journal) % SEGMENT;
            while (consume())
                continue;
        }
        assert_int_equal(append(WEIR_RECORD_MESSAGE, (size_t)left - 20 - distance), WEIR_OK);
        assert_int_equal(append(WEIR_RECORD_MESSAGE, distance), WEIR_OK);
        assert_int_equal(append(WEIR_RECORD_TICK, 0), WEIR_OK);
        while (consume())
            continue;
        if (weir_journal_end(&journal) / SEGMENT == before / SEGMENT)
            assert_int_equal(append(WEIR_RECORD_MESSAGE, 60000), WEIR_OK);
        while (consume())
            continue;
    }
    weir_journal_finish(&journal);
}

static void an_engine_that_is_behind_has_messages_refused_and_counted(void **state)
{
    uint64_t refused = 0;

    (void)state;
    begin(true);
    while (append(WEIR_RECORD_MESSAGE, 1000) == WEIR_OK)
        continue;
    assert_true(weir_journal_end(&journal) > RING - 2 * SEGMENT);
    for (refused = 1; refused < 10; refused++) {
        assert_int_equal(weir_journal_refused(&journal), refused);
        assert_int_equal(append(WEIR_RECORD_MESSAGE, 1000), WEIR_FULL);
    }
    assert_int_equal(weir_journal_refused(&journal), refused);
    while (consume())
        continue;
    assert_int_equal(append(WEIR_RECORD_MESSAGE, 1000), WEIR_OK);
    while (consume())
        continue;
    weir_journal_finish(&journal);
}

static void a_writer_that_is_behind_is_overtaken(void **state)
{
    uint64_t length;

    (void)state;
    begin(true);
    while (weir_journal_end(&journal) < 10 * RING) {
        assert_int_equal(append(WEIR_RECORD_MESSAGE, 3000), WEIR_OK);
        while (consume())
            continue;
        if (weir_journal_end(&journal) <= RING)
            assert_int_equal(weir_journal_floor(&journal), 0);
        assert_true(weir_journal_end(&journal) - weir_journal_floor(&journal) <= RING);
    }
    assert_true(weir_journal_floor(&journal) > 8 * RING);
    weir_journal_release(&journal, weir_journal_end(&journal) - 10);
    assert_int_equal(weir_journal_floor(&journal), weir_journal_end(&journal) - 10);
    (void)weir_journal_bytes(&journal, weir_journal_end(&journal) - 10, &length);
    assert_int_equal(length, 10);
    weir_journal_release(&journal, 5);
    assert_int_equal(weir_journal_floor(&journal), weir_journal_end(&journal) - 10);
    weir_journal_finish(&journal);
}

/* What an earlier process left is read from a place on. */
static void expect_left_behind(uint64_t from)
{
    const struct weir_journal_options options = make_options(true);
    struct weir_log_place place = list[from].place;
    struct weir_log_place end = {0};
    struct weir_record record;
    uint64_t next;

    assert_true(weir_journal_inspect(&options, &place, &end));
    assert_int_equal(end.position, weir_journal_end(&journal));
    assert_int_equal(end.sequence, appended);
    assert_int_equal(end.time_ms, list[appended - 1].time_ms);
    assert_true(weir_journal_end(&journal) - place.position <= RING);
    if (weir_journal_end(&journal) - list[from].place.position <= RING)
        assert_int_equal(place.position, list[from].place.position);
    if (!weir_journal_read(&options, &place, &record)) {
        assert_int_equal(place.position, end.position);
        return;
    }
    next = place.sequence - 1;
    assert_true(next >= from);
    do
        check(&record, &list[next++]);
    while (weir_journal_read(&options, &place, &record));
    assert_int_equal(next, appended);
    assert_memory_equal(&place, &end, sizeof(end));
}

static void what_is_left_behind_is_read_on_from_any_place(void **state)
{
    struct test_random random = random_make(2);
    struct weir_journal_options options = make_options(true);
    struct weir_log_place place = {0};

    (void)state;
    begin(true);
    for (unsigned i = 0; i < 200; i++) {
        do
            append_at_random(&random);
        while (!random_once_in(&random, 50));
        while (consume())
            continue;
        for (unsigned j = 0; j < 5; j++)
            expect_left_behind(random_below(&random, (uint32_t)consumed));
    }
    place = list[consumed - 1].place;
    for (unsigned i = 0; i < 4; i++) {
        options = make_options(true);
        options.store += i == 0;
        options.run += i == 1;
        options.ring_bytes -= i == 2 ? SEGMENT : 0;
        options.segment_bytes *= i == 3 ? 2 : 1;
        assert_false(weir_journal_inspect(&options, &place, NULL));
    }
    place.position = weir_journal_end(&journal) + 1;
    options = make_options(true);
    assert_false(weir_journal_inspect(&options, &place, NULL));
    weir_journal_finish(&journal);
}

/* Killed while it wrote over its oldest part: that is gone, the rest is not. */
static void a_half_written_record_costs_no_more_than_what_it_lies_on(void **state)
{
    const struct weir_journal_options options = make_options(true);

    (void)state;
    begin(true);
    while (weir_journal_end(&journal) < 3 * RING + 1000) {
        assert_int_equal(append(WEIR_RECORD_MESSAGE, 3000), WEIR_OK);
        while (consume())
            continue;
    }
    for (uint64_t i = 0; i < appended; i++) {
        struct weir_log_place place = list[i].place;
        struct weir_log_place end;
        struct weir_record record;

        if (place.position < weir_journal_end(&journal) - RING)
            continue;
        memset(memory + WEIR_JOURNAL_HEAD_BYTES + weir_journal_end(&journal) % RING, 0x55, 3100);
        assert_true(weir_journal_inspect(&options, &place, &end));
        assert_int_equal(end.position, weir_journal_end(&journal));
        assert_int_equal(end.sequence, appended);
        assert_true(weir_journal_read(&options, &place, &record));
        check(&record, &list[place.sequence - 1]);
        break;
    }
    weir_journal_finish(&journal);
}

enum { PASSED_COUNT = 60000 };

static void *append_all(void *argument)
{
    static char payload[3000];

    (void)argument;
    for (uint32_t i = 0; i < PASSED_COUNT;) {
        struct weir_record record = {.kind = WEIR_RECORD_MESSAGE};

        memset(payload, (int)(i & 0xff), sizeof(payload));
        memcpy(payload, &i, sizeof(i));
        record.message = (struct weir_message){
            .topic = "t",
            .topic_length = 1,
            .payload = payload,
            .payload_length = 4 + (i * 2654435761u >> 16) % 2900,
        };
        if (weir_journal_append(&journal, &record, read_clock, NULL) == WEIR_OK)
            i++;
        else
            sched_yield();
    }
    return NULL;
}

static void two_threads_pass_every_record_whole_and_in_order(void **state)
{
    struct weir_record record;
    pthread_t appender;

    (void)state;
    begin(true);
    assert_int_equal(pthread_create(&appender, NULL, append_all, NULL), 0);
    for (uint32_t i = 0; i < PASSED_COUNT; i++) {
        uint32_t number;

        while (!weir_journal_peek(&journal, &record))
            sched_yield();
        memcpy(&number, record.message.payload, sizeof(number));
        assert_int_equal(number, i);
        assert_int_equal(record.message.payload_length, 4 + (i * 2654435761u >> 16) % 2900);
        for (size_t j = 4; j < record.message.payload_length; j++)
            assert_int_equal((unsigned char)record.message.payload[j], i & 0xff);
        weir_journal_consume(&journal);
        if (i % 100 == 0)
            weir_journal_release(&journal, weir_journal_consumed(&journal));
    }
    assert_int_equal(pthread_join(appender, NULL), 0);
    assert_false(weir_journal_peek(&journal, &record));
    weir_journal_finish(&journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_out_as_they_went_in_over_many_laps),
        cmocka_unit_test(every_distance_from_a_cut_is_passed),
        cmocka_unit_test(an_engine_that_is_behind_has_messages_refused_and_counted),
        cmocka_unit_test(a_writer_that_is_behind_is_overtaken),
        cmocka_unit_test(what_is_left_behind_is_read_on_from_any_place),
        cmocka_unit_test(a_half_written_record_costs_no_more_than_what_it_lies_on),
        cmocka_unit_test(two_threads_pass_every_record_whole_and_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
