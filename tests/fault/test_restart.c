#include "bad_disk.h"
#include "command/intake.h"
#include "store/history.h"
#include "store/segments.h"
#include "store/snapshot.h"
#include "unit/support/build.h"
#include "unit/support/unit.h"

/* An engine that follows its log, killed and cut off at random, and a broker that delivers again
 * what was not acknowledged. Held against an engine that was never interrupted. */

enum { MESSAGE_COUNT = 6000, LIST_MAX = 60000, BATCH_MAX = 2000, FILE_MAX = 64 };

#define SEGMENT ((uint64_t)WEIR_SEGMENT_BYTES_MIN)
#define RING (4 * SEGMENT)
#define STORE 99

/* What the log has, in the end. */
struct listed {
    struct weir_record record; /* its texts point to the next two */
    char topic[16];
    char payload[64];
};

struct batch {
    uint64_t epoch;
    uint64_t sequence;
    uint64_t place;
    size_t length;
    char *bytes;
};

static struct bad_disk bad;
static struct test_random random_numbers;
static struct build build;
static struct weir_engine engine;
static unsigned char *arena;
static uint64_t arena_size;
static _Alignas(4096) unsigned char ring[WEIR_JOURNAL_HEAD_BYTES + RING];
static struct weir_journal journal;
static struct weir_segments segments;
static uint64_t numbers[FILE_MAX + 1];
static unsigned char segment_bytes[SEGMENT];
static unsigned char *snapshot;
static uint64_t run;
static struct listed list[LIST_MAX];
static uint64_t list_count;
static struct batch batches[BATCH_MAX];
static uint64_t batch_count;
static int64_t now_ms;
static uint64_t epoch;
static uint64_t duplicate_count; /* delivered again though the log had them */

static struct weir_journal_options options_of(uint64_t of_run)
{
    return (struct weir_journal_options){.memory = ring,
                                         .ring_bytes = RING,
                                         .segment_bytes = SEGMENT,
                                         .store = STORE,
                                         .run = of_run,
                                         .written_on = true};
}

static int64_t read_clock(void *context, int64_t *jump_ms)
{
    (void)context;
    *jump_ms = 0;
    return now_ms;
}

/* A batch that is made again is the same to the byte. */
static void note_batch(const struct weir_engine_batch *batch, uint64_t place)
{
    struct batch *entry;

    for (uint64_t i = 0; i < batch_count; i++) {
        if (batches[i].epoch != batch->epoch || batches[i].sequence != batch->sequence)
            continue;
        assert_int_equal(batches[i].length, batch->length);
        assert_memory_equal(batches[i].bytes, batch->bytes, batch->length);
        return;
    }
    assert_true(batch_count < BATCH_MAX);
    entry = &batches[batch_count++];
    *entry = (struct batch){batch->epoch, batch->sequence, place, batch->length, NULL};
    entry->bytes = malloc(batch->length);
    assert_non_null(entry->bytes);
    memcpy(entry->bytes, batch->bytes, batch->length);
}

static void take_outputs(uint64_t place)
{
    struct weir_engine_output output;

    while (weir_engine_take(&engine, &output)) {
        if (output.kind == WEIR_ENGINE_BATCH)
            note_batch(&output.batch, place);
    }
}

static void list_record(const struct weir_record *record)
{
    struct listed *entry = &list[list_count++];

    assert_true(list_count < LIST_MAX);
    entry->record = *record;
    if (record->kind != WEIR_RECORD_MESSAGE)
        return;
    memcpy(entry->topic, record->message.topic, record->message.topic_length);
    memcpy(entry->payload, record->message.payload, record->message.payload_length);
    entry->record.message.topic = entry->topic;
    entry->record.message.payload = entry->payload;
}

/* A batch may leave when the log is on disk up to `behind`: its record too. In front of the record
 * is not enough: should it be lost, what comes behind it may be what the batch is made from then. */
static void apply(const struct weir_record *record, uint64_t behind)
{
    while (weir_intake_apply(&engine, record) != WEIR_OK)
        take_outputs(behind);
    list_record(record);
    take_outputs(behind);
}

static void follow(void)
{
    struct weir_record record;

    while (weir_journal_peek(&journal, &record)) {
        apply(&record, weir_journal_end(&journal));
        weir_journal_consume(&journal);
    }
}

static void append(struct weir_record *record)
{
    assert_int_equal(weir_journal_append(&journal, record, read_clock, NULL), WEIR_OK);
    follow();
}

static void pass_time(int64_t ms)
{
    now_ms += ms;
    while (now_ms >= weir_engine_deadline(&engine)) {
        struct weir_record tick = {.kind = WEIR_RECORD_TICK};

        append(&tick);
    }
}

static void deliver(uint64_t index, bool again)
{
    char topic[16];
    char payload[64];
    struct weir_record record = {.kind = WEIR_RECORD_MESSAGE};

    (void)snprintf(topic, sizeof(topic), "a/%d", (int)(index % 7));
    (void)snprintf(payload, sizeof(payload), "{\"ts\":%lld,\"v\":%d}",
                   (long long)(1700000000000 + (int64_t)index * 40), (int)index);
    record.message = (struct weir_message){.topic = topic,
                                           .topic_length = strlen(topic),
                                           .payload = payload,
                                           .payload_length = strlen(payload),
                                           .packet_id = (uint16_t)(index % 60000 + 1),
                                           .duplicate = again};
    append(&record);
}

static void write_log(void)
{
    uint64_t positions[2];
    int count = weir_snapshot_list(&bad.disk, positions, 2);

    assert_int_equal(weir_segments_write(&segments, &journal, count == 2 ? positions[1] : 0), 0);
}

static void sync_log(void)
{
    write_log();
    assert_int_equal(weir_segments_sync(&segments), 0);
    weir_journal_release(&journal, segments.synced);
}

static void take_snapshot(void)
{
    struct weir_snapshot_info info = {
        .store = STORE, .arena_bytes = arena_size, .extra_bytes = sizeof(list_count)};
    char name[WEIR_DISK_NAME_SIZE];
    uint64_t positions[3];
    uint64_t length;

    sync_log();
    weir_journal_place(&journal, &info.place);
    length = weir_snapshot_build(snapshot, &info, arena, &list_count);
    weir_snapshot_name(name, info.place.position);
    assert_int_equal(weir_disk_replace(&bad.disk, WEIR_SNAPSHOT_DIRECTORY, strchr(name, '/') + 1,
                                       snapshot, (size_t)length, true),
                     0);
    if (weir_snapshot_list(&bad.disk, positions, 3) == 3) {
        weir_snapshot_name(name, positions[2]);
        assert_int_equal(bad.disk.remove(&bad.disk, name), 0);
    }
}

static void make_engine(void)
{
    memset(arena, 0, (size_t)arena_size);
    weir_engine_init(&engine, &build.config, arena, arena_size, 1, true);
}

/* The state of the newest snapshot, or none. */
static bool restore(struct weir_log_place *start)
{
    struct weir_snapshot_info info;
    char name[WEIR_DISK_NAME_SIZE];
    uint64_t position;
    int64_t length;

    make_engine();
    list_count = 0;
    *start = (struct weir_log_place){0};
    if (weir_snapshot_list(&bad.disk, &position, 1) != 1)
        return false;
    weir_snapshot_name(name, position);
    length = weir_disk_read_file(&bad.disk, name, snapshot,
                                 weir_snapshot_size_max(arena_size, sizeof(list_count)));
    assert_true(weir_snapshot_open(snapshot, (uint64_t)length, &info));
    memset(arena, 0, (size_t)arena_size);
    weir_snapshot_restore(snapshot, arena, &list_count);
    *start = info.place;
    return true;
}

/* As recovery.c and restart.c do it. */
static void start_again(bool killed)
{
    struct weir_journal_options options = options_of(run++);
    struct weir_history history;
    struct weir_log_place start;
    struct weir_log_place last;
    struct weir_log_place at;
    struct weir_record record;
    uint64_t position;
    bool restored = restore(&start);
    bool found;

    memset(numbers, 0, sizeof(numbers));
    assert_int_equal(weir_segments_init(&segments, &bad.disk, SEGMENT, numbers, FILE_MAX), 0);
    weir_history_init(&history, &bad.disk, numbers, segments.count, SEGMENT, STORE,
                      restored ? &start : NULL, segment_bytes);
    while (weir_history_next(&history, &record, &position))
        apply(&record, position + 1);
    at = last = history.place;
    found = weir_journal_inspect(&options, &at, &last);
    assert_int_equal(found, killed);
    if (killed) {
        assert_int_equal(history.damaged, 0);
        assert_int_equal(at.position, history.place.position);
    }
    options.run = run;
    weir_segments_start(&segments, at.position);
    weir_journal_init(&journal, &options, &at, &last);
    weir_journal_release(&journal, at.position);
    follow();
    if (history.damaged > 0) {
        struct weir_record next = {.kind = WEIR_RECORD_EPOCH, .epoch = ++epoch};

        append(&next);
    }
}

/* What had not left with the log on disk has not left. */
static void forget_batches(uint64_t synced)
{
    uint64_t kept = 0;

    for (uint64_t i = 0; i < batch_count; i++) {
        if (batches[i].place <= synced)
            batches[kept++] = batches[i];
        else
            free(batches[i].bytes);
    }
    batch_count = kept;
}

static void stop(bool killed)
{
    uint64_t synced = segments.synced;

    weir_segments_finish(&segments);
    weir_journal_finish(&journal);
    if (killed)
        return;
    forget_batches(synced);
    bad_disk_cut_power(&bad);
    memset(ring, 0, sizeof(ring));
}

/* True when the log that survived has the message. */
static bool is_listed(uint64_t index)
{
    char payload[64];
    size_t length = (size_t)snprintf(payload, sizeof(payload), "{\"ts\":%lld,\"v\":%d}",
                                     (long long)(1700000000000 + (int64_t)index * 40), (int)index);

    for (uint64_t i = list_count; i > 0; i--) {
        const struct weir_message *message = &list[i - 1].record.message;

        if (list[i - 1].record.kind == WEIR_RECORD_MESSAGE && message->payload_length == length &&
            memcmp(message->payload, payload, length) == 0)
            return true;
    }
    return false;
}

static void expect_as_uninterrupted(void)
{
    uint64_t count = list_count;
    uint64_t message_count = 0;
    struct weir_ledger ledger;
    struct weir_ledger expected;

    weir_engine_ledger(&engine, &ledger);
    make_engine();
    list_count = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct weir_record record = list[i].record;

        message_count += record.kind == WEIR_RECORD_MESSAGE;
        apply(&record, 0);
    }
    weir_engine_ledger(&engine, &expected);
    assert_memory_equal(&ledger, &expected, sizeof(ledger));
    assert_int_equal(ledger.received, MESSAGE_COUNT);
    assert_int_equal(ledger.samples, MESSAGE_COUNT);
    assert_int_equal(ledger.duplicates, message_count - MESSAGE_COUNT);
    if (epoch == 1)
        assert_int_equal(ledger.duplicates, duplicate_count);
    assert_true(weir_ledger_balanced(&ledger));
    for (uint64_t i = 0; i < batch_count; i++)
        assert_true(batches[i].epoch == 1 || batches[i].epoch <= epoch);
}

static void begin(uint64_t test)
{
    const struct weir_log_place start = {0};
    const struct weir_journal_options options = options_of(1);
    struct weir_stream_config *stream;

    random_numbers = random_make(test);
    bad_disk_init(&bad, random_make(test + 100));
    build_init(&build);
    stream = build_stream(&build, "s", "a/{b}");
    (void)build_field(stream, "v");
    stream->window_ms = 1000;
    stream->lateness_ms = 500;
    (void)build_rule(&build, "high", 0, 0, 3000);
    build.config.uplink_every_ms = 5000;
    arena_size = weir_engine_size(&build.config, NULL);
    arena = aligned_alloc(64, (size_t)arena_size);
    snapshot = malloc((size_t)weir_snapshot_size_max(arena_size, sizeof(list_count)));
    assert_true(arena && snapshot);
    make_engine();
    list_count = batch_count = duplicate_count = 0;
    now_ms = 1700000000000;
    run = epoch = 1;
    memset(numbers, 0, sizeof(numbers));
    assert_int_equal(weir_segments_init(&segments, &bad.disk, SEGMENT, numbers, FILE_MAX), 0);
    weir_segments_start(&segments, 0);
    memset(ring, 0, sizeof(ring));
    weir_journal_init(&journal, &options, &start, &start);
}

static void finish(void)
{
    for (uint64_t i = 0; i < batch_count; i++)
        free(batches[i].bytes);
    weir_segments_finish(&segments);
    weir_journal_finish(&journal);
    bad_disk_finish(&bad);
    free(arena);
    free(snapshot);
}

/* Kills acknowledge what is in the ring; with power cuts, only what is on disk. The broker has so
 * many messages unanswered at most, which is its own matter and not ours. */
static void run_broker(bool killing, uint32_t unanswered_max)
{
    uint64_t acknowledged = 0;
    unsigned stops = 0;

    for (uint64_t sent = 0; sent < MESSAGE_COUNT;) {
        pass_time(random_between(&random_numbers, 0, 80));
        deliver(sent++, false);
        if (random_once_in(&random_numbers, 10))
            write_log();
        if (sent - acknowledged > unanswered_max ||
            random_once_in(&random_numbers, unanswered_max / 3)) {
            if (!killing || random_once_in(&random_numbers, 4))
                sync_log();
            acknowledged = sent - (killing ? random_below(&random_numbers, 3) % sent : 0);
        }
        if (random_once_in(&random_numbers, 400))
            take_snapshot();
        if (!random_once_in(&random_numbers, 100))
            continue;
        stop(killing);
        start_again(killing);
        stops++;
        for (uint64_t i = acknowledged; i < sent; i++) {
            bool listed = is_listed(i);

            assert_true(listed || !killing);
            duplicate_count += listed;
            pass_time(random_between(&random_numbers, 0, 5));
            deliver(i, true);
        }
    }
    printf("%llu records, %llu batches, %u stops, %llu epochs\n", (unsigned long long)list_count,
           (unsigned long long)batch_count, stops, (unsigned long long)epoch);
}

static void a_kill_loses_nothing_and_counts_nothing_twice(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 5; i++) {
        begin(i);
        run_broker(true, 90);
        assert_int_equal(epoch, 1);
        expect_as_uninterrupted();
        finish();
    }
}

static void any_number_delivered_again_counts_once(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 5; i++) {
        begin(100 + i);
        run_broker(true, 900);
        expect_as_uninterrupted();
        assert_true(duplicate_count > 900);
        finish();
    }
}

static void a_power_cut_loses_nothing_that_was_acknowledged(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 5; i++) {
        begin(50 + i);
        run_broker(false, 90);
        expect_as_uninterrupted();
        finish();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_loses_nothing_and_counts_nothing_twice),
        cmocka_unit_test(any_number_delivered_again_counts_once),
        cmocka_unit_test(a_power_cut_loses_nothing_that_was_acknowledged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
