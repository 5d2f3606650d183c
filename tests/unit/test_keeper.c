#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "command/intake.h"
#include "command/keeper.h"
#include "support/build.h"
#include "support/directory.h"
#include "support/unit.h"

#define T0 1700000400000
#define EPOCH 0xe
#define STEP_MS 5000000
#define MINUTE_MS 60000

/* Longer than the keeper waits for somebody to take up what it asks for. */
#define LONG_S 6

static atomic_bool remove_fails;
static int (*remove_really)(struct weir_disk *disk, const char *name);

static int remove_or_fail(struct weir_disk *disk, const char *name)
{
    return atomic_load(&remove_fails) ? -EIO : remove_really(disk, name);
}

/* An engine that follows its log, and the keeper behind it: the owner's side of both, by hand. */
struct rig {
    struct build build;
    struct weir_engine engine;
    void *arena;
    struct weir_storage storage;
    struct weir_journal journal;
    struct weir_keeper *keeper;
    int wake_fd;
    int64_t now_ms;
    uint32_t batch_count;
};

static int64_t read_clock(void *context, int64_t *jump_ms)
{
    *jump_ms = 0;
    return *(const int64_t *)context;
}

static void take(struct rig *rig)
{
    struct weir_engine_output output;

    while (weir_engine_take(&rig->engine, &output)) {
        const struct weir_outbox_batch batch = {
            .place = weir_journal_consumed(&rig->journal),
            .epoch = output.batch.epoch,
            .sequence = output.batch.sequence,
            .row_count = output.batch.row_count,
            .length = (uint32_t)output.batch.length,
            .bytes = output.batch.bytes,
            .rows = output.batch.rows,
        };

        if (output.kind == WEIR_ENGINE_SHIFT)
            weir_keeper_shift(rig->keeper, &output.shift);
        if (output.kind != WEIR_ENGINE_BATCH)
            continue;
        assert_true(weir_keeper_put(rig->keeper, &batch));
        rig->batch_count++;
    }
}

/* Adds a record to the log, and has the engine follow. */
static void note(struct rig *rig, struct weir_record record)
{
    assert_int_equal(weir_journal_append(&rig->journal, &record, read_clock, &rig->now_ms),
                     WEIR_OK);
    assert_true(weir_journal_peek(&rig->journal, &record));
    while (weir_intake_apply(&rig->engine, &record) != WEIR_OK)
        take(rig);
    weir_journal_consume(&rig->journal);
    take(rig);
}

static void feed(struct rig *rig)
{
    const struct weir_message message = {.topic = "a/x",
                                         .topic_length = 3,
                                         .payload = "{\"v\":1}",
                                         .payload_length = 7,
                                         .unsynchronised = true};

    rig->now_ms += MINUTE_MS;
    note(rig, (struct weir_record){.kind = WEIR_RECORD_MESSAGE, .message = message});
}

/* Waits for something that the keeper asks for. */
static void wait_wanted(struct rig *rig, struct weir_record *record, enum weir_record_kind kind)
{
    eventfd_t count;

    while (!weir_keeper_wanted(rig->keeper, record))
        (void)eventfd_read(rig->wake_fd, &count);
    assert_int_equal(record->kind, kind);
}

static void answer(struct rig *rig, const struct weir_record *record)
{
    struct weir_engine_numbers numbers;

    note(rig, *record);
    weir_engine_reserved(&rig->engine, &numbers);
    weir_keeper_answer(rig->keeper, true, &numbers);
}

/* Waits for a batch that can leave. */
static void wait_ready(struct rig *rig, struct weir_outbox_batch *batch)
{
    struct weir_record record;
    eventfd_t count;

    while (!weir_keeper_peek(rig->keeper, batch)) {
        assert_false(weir_keeper_wanted(rig->keeper, &record));
        (void)eventfd_read(rig->wake_fd, &count);
    }
}

static void init_engine(struct rig *rig)
{
    struct weir_stream_config *stream;
    uint64_t size;

    build_init(&rig->build);
    rig->build.config.uplink_every_ms = MINUTE_MS;
    rig->build.config.storage_journal_bytes = 1 << 20;
    rig->build.config.storage_outbox_bytes = 1 << 20;
    stream = build_stream(&rig->build, "s", "a/{b}");
    (void)build_field(stream, "v");
    build_on_arrival_time(stream);
    size = weir_engine_size(&rig->build.config, NULL);
    rig->arena = aligned_alloc(64, size);
    assert_non_null(rig->arena);
    memset(rig->arena, 0, size);
    weir_engine_init(&rig->engine, &rig->build.config, rig->arena, size, EPOCH, true);
}

static void start_keeper(struct rig *rig)
{
    rig->keeper = weir_keeper_create(&rig->storage, &rig->journal, 0, rig->wake_fd);
    assert_non_null(rig->keeper);
    weir_keeper_follow(rig->keeper);
}

static void stop_keeper(struct rig *rig)
{
    assert_int_equal(weir_keeper_destroy(rig->keeper, 10000), WEIR_KEEPER_DONE);
}

static void init_rig(struct rig *rig)
{
    const struct weir_log_place start = {0};
    struct weir_journal_options options = {.written_on = true};
    char *path = rig->build.config.storage_path;

    memset(rig, 0, sizeof(*rig));
    rig->now_ms = T0;
    init_engine(rig);
    directory_make(path, sizeof(rig->build.config.storage_path));
    assert_true(weir_storage_open(&rig->storage, &rig->build.config, false));
    remove_really = rig->storage.disk->remove;
    rig->storage.disk->remove = remove_or_fail;
    options.memory = rig->storage.ring;
    options.ring_bytes = rig->storage.ring_bytes;
    options.segment_bytes = rig->storage.segment_bytes;
    options.store = rig->storage.store;
    options.run = rig->storage.run;
    weir_segments_start(&rig->storage.segments, 0);
    weir_journal_init(&rig->journal, &options, &start, &start);
    rig->wake_fd = eventfd(0, EFD_CLOEXEC);
    assert_true(rig->wake_fd >= 0);
    start_keeper(rig);
}

static void finish_rig(struct rig *rig)
{
    weir_storage_close(&rig->storage, true);
    weir_journal_finish(&rig->journal);
    directory_remove(rig->build.config.storage_path);
    close(rig->wake_fd);
    free(rig->arena);
}

static void count_batch(void *context, const char *name, uint64_t size)
{
    (void)size;
    *(uint32_t *)context += strstr(name, ".batch") != NULL && strstr(name, ".new") == NULL;
}

/* Batches of a wrong clock, all in the outbox: they are made again at once. */
static void feed_all(struct rig *rig)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < 5; i++)
        feed(rig);
    assert_true(rig->batch_count > 3);
    for (; count != rig->batch_count; usleep(1000)) {
        count = 0;
        assert_int_equal(
            rig->storage.disk->list(rig->storage.disk, WEIR_OUTBOX_DIRECTORY, count_batch, &count),
            0);
    }
}

/* Batches of a wrong clock, and the clock set. Returns the record that says that what they have
 * become is in use; it is not answered. */
static void make_again(struct rig *rig, struct weir_record *record)
{
    feed_all(rig);
    rig->now_ms += STEP_MS;
    note(rig, (struct weir_record){.kind = WEIR_RECORD_STEP, .step_ms = STEP_MS});
    wait_wanted(rig, record, WEIR_RECORD_RESERVE);
    assert_int_equal(record->epoch, EPOCH);
    answer(rig, record);
    wait_wanted(rig, record, WEIR_RECORD_SETTLE);
    assert_int_equal(record->number, 1);
}

static void what_the_owner_has_taken_up_counts_however_late_it_answers(void **state)
{
    struct weir_outbox_batch batch;
    struct weir_record record;
    struct rig rig;

    (void)state;
    init_rig(&rig);
    make_again(&rig, &record);
    sleep(LONG_S);
    answer(&rig, &record);
    wait_ready(&rig, &batch);
    assert_int_equal(batch.first, 1);
    assert_int_equal(batch.last, rig.batch_count);
    assert_int_equal(batch.sequence, rig.batch_count + 1);
    stop_keeper(&rig);
    assert_int_equal(rig.storage.outbox.count, 1);
    finish_rig(&rig);
}

static void a_disk_that_fails_half_way_leaves_nothing_twice(void **state)
{
    struct weir_keeper_report report = {0};
    struct weir_outbox_batch batch;
    struct weir_record record;
    struct rig rig;

    (void)state;
    init_rig(&rig);
    make_again(&rig, &record);
    atomic_store(&remove_fails, true);
    answer(&rig, &record);
    for (; report.error == 0; usleep(1000))
        weir_keeper_report(rig.keeper, &report);
    assert_int_equal(report.error, EIO);
    assert_false(weir_keeper_peek(rig.keeper, &batch));
    atomic_store(&remove_fails, false);
    wait_ready(&rig, &batch);
    assert_int_equal(batch.sequence, rig.batch_count + 1);
    stop_keeper(&rig);
    assert_int_equal(rig.storage.outbox.count, 1);
    finish_rig(&rig);
}

/* Copies the oldest batch, and takes it out of the outbox: it has left. */
static void have_left(struct rig *rig, struct weir_outbox_batch *batch, char *bytes,
                      struct weir_summary *rows)
{
    assert_int_equal(weir_outbox_read(&rig->storage.outbox, 0, batch), 0);
    memcpy(bytes, batch->bytes, batch->length);
    memcpy(rows, batch->rows, batch->row_count * sizeof(*rows));
    batch->bytes = bytes;
    batch->rows = rows;
    batch->sketches_length = 0;
    assert_int_equal(weir_outbox_remove(&rig->storage.outbox, 0, true), 0);
}

static void what_had_left_when_a_start_makes_it_again_keeps_its_bytes(void **state)
{
    struct weir_outbox_batch left;
    struct weir_outbox_batch batch;
    struct weir_summary rows[10];
    struct weir_record record;
    char bytes[4096];
    struct rig rig;

    (void)state;
    init_rig(&rig);
    feed_all(&rig);
    stop_keeper(&rig);
    have_left(&rig, &left, bytes, rows);
    start_keeper(&rig);
    assert_true(weir_keeper_put(rig.keeper, &left));
    make_again(&rig, &record);
    answer(&rig, &record);
    wait_ready(&rig, &batch);
    assert_int_equal(batch.sequence, 1);
    assert_int_equal(batch.length, left.length);
    assert_memory_equal(batch.bytes, bytes, left.length);
    weir_keeper_done(rig.keeper);
    wait_ready(&rig, &batch);
    assert_int_equal(batch.sequence, 2);
    weir_keeper_done(rig.keeper);
    wait_ready(&rig, &batch);
    assert_int_equal(batch.first, 3);
    assert_int_equal(batch.level, 1);
    stop_keeper(&rig);
    finish_rig(&rig);
}

static void what_stands_for_others_goes_when_the_log_says_that_it_left(void **state)
{
    (void)state;
    for (int noted = 0; noted < 2; noted++) {
        struct weir_outbox_batch batch;
        struct weir_record record;
        struct rig rig;

        init_rig(&rig);
        make_again(&rig, &record);
        answer(&rig, &record);
        wait_ready(&rig, &batch);
        weir_keeper_done(rig.keeper);
        if (noted) {
            note(&rig, (struct weir_record){
                           .kind = WEIR_RECORD_BATCHES, .epoch = EPOCH, .number = batch.last});
            weir_keeper_note_done(rig.keeper);
        }
        stop_keeper(&rig);
        assert_int_equal(rig.storage.outbox.count, !noted);
        finish_rig(&rig);
    }
}

static void name_config(const struct rig *rig, char name[400], uint64_t hash)
{
    (void)snprintf(name, 400, "%s/configs/%016" PRIx64, rig->build.config.storage_path, hash);
}

static bool has_config(const struct rig *rig, uint64_t hash)
{
    char name[400];

    name_config(rig, name, hash);
    return access(name, F_OK) == 0;
}

static void make_config(const struct rig *rig, uint64_t hash)
{
    char name[400];
    int handle;

    name_config(rig, name, hash);
    handle = open(name, O_WRONLY | O_CREAT, 0600);
    assert_true(handle >= 0);
    close(handle);
}

static void take_snapshot(struct rig *rig, uint64_t hash)
{
    const struct weir_running running = {.arena = rig->arena,
                                         .arena_size = weir_engine_size(&rig->build.config, NULL),
                                         .image = hash};
    struct weir_log_place place;

    weir_keeper_want_snapshot(rig->keeper);
    assert_true(weir_keeper_wants_snapshot(rig->keeper));
    weir_journal_place(&rig->journal, &place);
    weir_keeper_take_snapshot(rig->keeper, &running, &place, NULL, 0);
}

static void a_configuration_that_nothing_speaks_of_goes(void **state)
{
    struct rig rig;

    (void)state;
    init_rig(&rig);
    for (uint64_t hash = 1; hash <= 5; hash++)
        make_config(&rig, hash);
    note(&rig, (struct weir_record){.kind = WEIR_RECORD_CONFIG, .hash = 2, .epoch = EPOCH});
    feed_all(&rig);
    note(&rig, (struct weir_record){.kind = WEIR_RECORD_CONFIG, .hash = 5, .epoch = EPOCH});
    take_snapshot(&rig, 3);
    while (has_config(&rig, 1) || has_config(&rig, 4))
        usleep(1000);
    assert_true(has_config(&rig, 2));
    assert_true(has_config(&rig, 3));
    assert_true(has_config(&rig, 5));
    stop_keeper(&rig);
    finish_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_owner_has_taken_up_counts_however_late_it_answers),
        cmocka_unit_test(a_disk_that_fails_half_way_leaves_nothing_twice),
        cmocka_unit_test(what_had_left_when_a_start_makes_it_again_keeps_its_bytes),
        cmocka_unit_test(a_configuration_that_nothing_speaks_of_goes),
        cmocka_unit_test(what_stands_for_others_goes_when_the_log_says_that_it_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
