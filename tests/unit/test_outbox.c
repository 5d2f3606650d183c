#include "store/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/random.h"
#include "support/unit.h"

enum { FILE_SIZE = 65536, LIST_MAX = 64 };

static char directory[] = "/tmp/test_outbox.XXXXXX";
static struct weir_disk_real real;
static struct weir_outbox outbox;
static struct weir_outbox_entry entries[WEIR_OUTBOX_COUNT_MAX];
static uint64_t file[FILE_SIZE / 8];
static struct weir_summary rows[8];
static char bytes[20000];

static void open_outbox(uint64_t bytes_max)
{
    assert_int_equal(weir_outbox_init(&outbox, &real.disk, bytes_max, entries, file, sizeof(file)),
                     0);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/test_outbox.XXXXXX");
    if (!mkdtemp(directory) || weir_disk_open(&real, directory) != 0)
        return -1;
    if (real.disk.make_directory(&real.disk, WEIR_OUTBOX_DIRECTORY) != 0)
        return -1;
    open_outbox(1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    char command[64];

    (void)state;
    weir_disk_close(&real);
    (void)snprintf(command, sizeof(command), "rm -r %s", directory);
    return system(command);
}

/* All of it follows from its numbers. */
static struct weir_outbox_batch make(uint64_t place, uint64_t epoch, uint64_t sequence)
{
    for (size_t i = 0; i < sizeof(rows); i++)
        ((unsigned char *)rows)[i] = (unsigned char)(sequence * 7 + i);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(place + epoch + i);
    return (struct weir_outbox_batch){
        .place = place,
        .epoch = epoch,
        .sequence = sequence,
        .first = sequence,
        .last = sequence,
        .parts = 1,
        .row_count = (uint32_t)(sequence % 8),
        .length = (uint32_t)(sequence * 331 % sizeof(bytes)),
        .bytes = bytes,
        .rows = rows,
        .sketches_length = (uint32_t)(sequence % 13),
        .sketches = (const unsigned char *)bytes + 1,
    };
}

static int add(uint64_t place, uint64_t epoch, uint64_t sequence)
{
    struct weir_outbox_batch batch = make(place, epoch, sequence);

    return weir_outbox_add(&outbox, &batch);
}

static void expect(uint32_t index, uint64_t place, uint64_t epoch, uint64_t sequence)
{
    struct weir_outbox_batch expected = make(place, epoch, sequence);
    struct weir_outbox_batch found;

    assert_int_equal(weir_outbox_read(&outbox, index, &found), 0);
    assert_int_equal(found.place, place);
    assert_int_equal(found.epoch, epoch);
    assert_int_equal(found.sequence, sequence);
    assert_int_equal(found.length, expected.length);
    assert_int_equal(found.row_count, expected.row_count);
    assert_memory_equal(found.bytes, bytes, expected.length);
    assert_int_equal((uintptr_t)found.rows % 8, 0);
    assert_memory_equal(found.rows, rows, expected.row_count * sizeof(*rows));
    assert_int_equal(found.sketches_length, expected.sketches_length);
    assert_memory_equal(found.sketches, expected.sketches, expected.sketches_length);
}

struct listed {
    uint64_t place;
    uint64_t sequence;
};

static void it_agrees_with_a_list_over_restarts(void **state)
{
    struct test_random random = random_make(1);
    struct listed list[LIST_MAX];
    uint32_t count = 0;

    (void)state;
    for (uint64_t i = 1; i < 1500; i++) {
        uint64_t place = i / 3 + random_below(&random, 20);
        uint64_t sequence = i * 7919 % 1500 + 1; /* each once, in no order */
        uint64_t blocks = 0;

        if (count < LIST_MAX && random_once_in(&random, 2)) {
            uint32_t at = count;

            assert_int_equal(add(place, 5, sequence), 0);
            assert_int_equal(add(place + 9, 5, sequence), 0);
            for (; at > 0 && list[at - 1].sequence > sequence; at--)
                list[at] = list[at - 1];
            list[at] = (struct listed){place, sequence};
            count++;
        } else if (count > 0) {
            uint32_t at = random_once_in(&random, 2) ? 0 : random_below(&random, count);

            assert_int_equal(weir_outbox_remove(&outbox, at, at % 2 == 0), 0);
            count--;
            memmove(list + at, list + at + 1, (count - at) * sizeof(*list));
        }
        if (random_once_in(&random, 50))
            open_outbox(1 << 20);
        assert_int_equal(outbox.count, count);
        for (uint32_t j = 0; j < count; j++) {
            assert_int_equal(weir_outbox_at(&outbox, j)->sequence, list[j].sequence);
            assert_true(weir_outbox_has(&outbox, 5, list[j].sequence));
            assert_false(weir_outbox_has(&outbox, 6, list[j].sequence));
            blocks += weir_outbox_at(&outbox, j)->bytes;
        }
        assert_int_equal(outbox.used_bytes, blocks);
        if (count > 0) {
            uint32_t at = random_below(&random, count);

            expect(at, list[at].place, 5, list[at].sequence);
        }
    }
}

static void whole_blocks_count_against_the_limit(void **state)
{
    (void)state;
    open_outbox(3 * 4096);
    assert_true(weir_outbox_fits(&outbox, 3 * 4096));
    assert_false(weir_outbox_fits(&outbox, 3 * 4096 + 1));
    assert_int_equal(add(1, 1, 8), 0);
    assert_int_equal(outbox.used_bytes, 4096);
    assert_true(weir_outbox_fits(&outbox, 2 * 4096));
    assert_false(weir_outbox_fits(&outbox, 2 * 4096 + 1));
}

static void a_file_that_has_another_s_name_is_set_aside(void **state)
{
    struct weir_outbox_batch batch;
    struct weir_outbox_entry entry;
    char from[WEIR_DISK_NAME_SIZE];
    char to[WEIR_DISK_NAME_SIZE];

    (void)state;
    assert_int_equal(add(1, 1, 1), 0);
    weir_outbox_name(from, weir_outbox_at(&outbox, 0));
    entry = *weir_outbox_at(&outbox, 0);
    entry.sequence = 2;
    weir_outbox_name(to, &entry);
    assert_int_equal(real.disk.rename(&real.disk, from, to), 0);
    open_outbox(1 << 20);
    assert_int_equal(weir_outbox_read(&outbox, 0, &batch), -EBADMSG);
    assert_int_equal(outbox.count, 0);
    assert_int_equal(outbox.set_aside, 1);
    open_outbox(1 << 20);
    assert_int_equal(outbox.count, 0);
}

static int (*real_sync_directory)(struct weir_disk *disk, const char *name);

static int fail_to_sync(struct weir_disk *disk, const char *name)
{
    (void)disk;
    (void)name;
    return -EIO;
}

static void one_removal_removes_one_batch_though_the_disk_fails(void **state)
{
    (void)state;
    assert_int_equal(add(1, 1, 1), 0);
    assert_int_equal(add(2, 1, 2), 0);
    real_sync_directory = real.disk.sync_directory;
    real.disk.sync_directory = fail_to_sync;
    while (weir_outbox_remove(&outbox, 0, true) != 0)
        continue;
    real.disk.sync_directory = real_sync_directory;
    assert_int_equal(outbox.count, 1);
    expect(0, 2, 1, 2);
}

/* A part of a set that stands for the batches first to last. */
static void add_part(uint64_t sequence, uint64_t first, uint64_t last, uint8_t part, uint8_t parts)
{
    struct weir_outbox_batch batch = make(first, 1, sequence);

    batch.first = first;
    batch.last = last;
    batch.level = 1;
    batch.part = part;
    batch.parts = parts;
    assert_int_equal(weir_outbox_add(&outbox, &batch), 0);
}

static void expect_sequences(const uint64_t *sequences, uint32_t count)
{
    assert_int_equal(outbox.count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(weir_outbox_at(&outbox, i)->sequence, sequences[i]);
}

static void a_set_stands_for_its_batches_in_their_place(void **state)
{
    static const uint64_t order[] = {1, 10, 11, 5};

    (void)state;
    assert_int_equal(add(1, 1, 1), 0);
    assert_int_equal(add(5, 1, 5), 0);
    add_part(11, 2, 4, 1, 2);
    add_part(10, 2, 4, 0, 2);
    expect_sequences(order, 4);
    assert_true(weir_outbox_has(&outbox, 1, 3));
    assert_false(weir_outbox_has(&outbox, 1, 6));
    assert_int_equal(add(3, 1, 3), 0);
    expect_sequences(order, 4);
}

static void after_a_crash_a_whole_set_stays(void **state)
{
    static const uint64_t order[] = {1, 10, 11};

    (void)state;
    for (uint64_t i = 1; i <= 4; i++)
        assert_int_equal(add(i, 1, i), 0);
    add_part(10, 2, 4, 0, 2);
    add_part(11, 2, 4, 1, 2);
    open_outbox(1 << 20);
    assert_int_equal(weir_outbox_settle(&outbox), 0);
    expect_sequences(order, 3);
    open_outbox(1 << 20);
    expect_sequences(order, 3);
}

static void after_a_crash_a_part_of_a_set_goes(void **state)
{
    static const uint64_t order[] = {1, 2, 3, 4};

    (void)state;
    for (uint64_t i = 1; i <= 4; i++)
        assert_int_equal(add(i, 1, i), 0);
    add_part(11, 2, 4, 1, 2);
    open_outbox(1 << 20);
    assert_int_equal(weir_outbox_settle(&outbox), 0);
    expect_sequences(order, 4);
}

static void the_rest_of_a_set_that_is_leaving_stays(void **state)
{
    static const uint64_t order[] = {11, 5};

    (void)state;
    assert_int_equal(add(5, 1, 5), 0);
    add_part(11, 2, 4, 1, 2);
    open_outbox(1 << 20);
    assert_int_equal(weir_outbox_settle(&outbox), 0);
    expect_sequences(order, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_agrees_with_a_list_over_restarts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_set_stands_for_its_batches_in_their_place, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(after_a_crash_a_whole_set_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_a_crash_a_part_of_a_set_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_rest_of_a_set_that_is_leaving_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whole_blocks_count_against_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_has_another_s_name_is_set_aside, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_removal_removes_one_batch_though_the_disk_fails, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
