#include "command/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/batch.h"
#include "support/build.h"
#include "support/directory.h"
#include "support/unit.h"

#define T0 1700000400000
#define EPOCH 0xe
#define MINUTE_MS 60000

/* So many rows that a run of them ends within a set. */
enum { PART_COUNT = 3, PART_ROWS = 290, FILE_BYTES = 400000 };

struct rig {
    struct build build;
    struct weir_disk_real disk;
    struct weir_outbox outbox;
    struct weir_room room;
    uint64_t next_sequence;
    uint64_t next_window;
    char path[64];
};

static struct weir_batch scratch;
static _Alignas(8) char file[FILE_BYTES];
static struct weir_outbox_entry *entries;

static int reserve(void *context, uint64_t epoch, uint32_t count, uint64_t *first)
{
    struct rig *rig = context;

    assert_int_equal(epoch, EPOCH);
    *first = rig->next_sequence;
    rig->next_sequence += count;
    return 0;
}

static int use(void *context)
{
    (void)context;
    return 0;
}

static void init_rig(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    build_init(&rig->build);
    (void)build_field(build_stream(&rig->build, "s", "a/{b}"), "v");
    directory_make(rig->path, sizeof(rig->path));
    assert_int_equal(weir_disk_open(&rig->disk, rig->path), 0);
    assert_int_equal(rig->disk.disk.make_directory(&rig->disk.disk, WEIR_OUTBOX_DIRECTORY), 0);
    entries = calloc(WEIR_OUTBOX_COUNT_MAX, sizeof(*entries));
    assert_non_null(entries);
    assert_int_equal(
        weir_outbox_init(&rig->outbox, &rig->disk.disk, 1 << 20, entries, file, sizeof(file)), 0);
    assert_true(weir_room_init(&rig->room, &rig->outbox, WEIR_BATCH_BYTES_MAX, reserve, use, rig));
    rig->next_sequence = 1000;
}

static void finish_rig(struct rig *rig)
{
    weir_room_finish(&rig->room);
    weir_disk_close(&rig->disk);
    free(entries);
    directory_remove(rig->path);
}

/* Rows of a minute each, one behind the other. */
static void fill_scratch(struct rig *rig)
{
    weir_batch_init(&scratch, WEIR_BATCH_BYTES_MAX);
    for (uint32_t i = 0; i < PART_ROWS; i++) {
        int64_t start_ms = T0 + (int64_t)rig->next_window++ * MINUTE_MS;
        const struct weir_summary row = {.start_ms = start_ms,
                                         .end_ms = start_ms + MINUTE_MS,
                                         .first_ms = start_ms,
                                         .last_ms = start_ms,
                                         .count = 1};

        assert_int_equal(weir_batch_accept(&scratch, rig->build.streams, "x", &row, NULL), WEIR_OK);
    }
}

static void add_part(struct rig *rig, uint32_t set, uint8_t part)
{
    static const struct weir_ledger ledger;
    const struct weir_batch_head head = {.gateway = "gate",
                                         .epoch = EPOCH,
                                         .sequence = rig->next_sequence++,
                                         .created_ms = T0,
                                         .ledger = &ledger};
    struct weir_outbox_batch batch = {
        .epoch = EPOCH,
        .sequence = head.sequence,
        .first = (uint64_t)set * 10 + 1,
        .last = (uint64_t)set * 10 + 10,
        .level = 1,
        .part = part,
        .parts = PART_COUNT,
        .row_count = PART_ROWS,
        .rows = scratch.rows,
    };
    size_t length;

    fill_scratch(rig);
    batch.bytes = weir_batch_seal(&scratch, &head, &length);
    batch.length = (uint32_t)length;
    assert_int_equal(weir_outbox_add(&rig->outbox, &batch), 0);
}

static void add_sets(struct rig *rig, uint32_t count)
{
    for (uint32_t set = 0; set < count; set++) {
        for (uint8_t part = 0; part < PART_COUNT; part++)
            add_part(rig, set, part);
    }
}

/* Samples behind all rows of the outbox. */
static uint64_t count_samples(struct rig *rig)
{
    struct weir_outbox_batch batch;
    uint64_t count = 0;

    for (uint32_t i = 0; i < rig->outbox.count; i++) {
        assert_int_equal(weir_outbox_read(&rig->outbox, i, &batch), 0);
        for (uint32_t row = 0; row < batch.row_count; row++)
            count += batch.rows[row].count;
    }
    return count;
}

static void a_run_that_ends_within_a_set_leaves_that_whole(void **state)
{
    struct rig rig;

    (void)state;
    init_rig(&rig);
    add_sets(&rig, 12);
    assert_int_equal(weir_room_make(&rig.room, EPOCH), 0);
    assert_true(rig.outbox.count < 12 * PART_COUNT);
    assert_int_equal(count_samples(&rig), 12 * PART_COUNT * PART_ROWS);
    assert_int_equal(weir_outbox_settle(&rig.outbox), 0);
    assert_int_equal(count_samples(&rig), 12 * PART_COUNT * PART_ROWS);
    finish_rig(&rig);
}

static void a_set_of_which_a_part_is_on_its_way_stays(void **state)
{
    struct rig rig;

    (void)state;
    init_rig(&rig);
    add_sets(&rig, 3);
    weir_room_spare(&rig.room, EPOCH, weir_outbox_at(&rig.outbox, 0)->first);
    assert_int_equal(weir_room_make(&rig.room, EPOCH), 0);
    assert_true(rig.outbox.count < 3 * PART_COUNT);
    for (uint8_t part = 0; part < PART_COUNT; part++) {
        assert_int_equal(weir_outbox_at(&rig.outbox, part)->level, 1);
        assert_int_equal(weir_outbox_at(&rig.outbox, part)->first, 1);
    }
    assert_int_equal(count_samples(&rig), 3 * PART_COUNT * PART_ROWS);
    finish_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_that_ends_within_a_set_leaves_that_whole),
        cmocka_unit_test(a_set_of_which_a_part_is_on_its_way_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
