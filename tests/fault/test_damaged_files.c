#include <errno.h>
#include <string.h>

#include "bad_disk.h"
#include "store/outbox.h"
#include "unit/support/unit.h"

#define BATCH_FILE                                                                                 \
    WEIR_OUTBOX_DIRECTORY "/0000000000000001-0000000000000002-0000000000000003-"                   \
                          "0000000000000003-0000000000000003-000001.batch"

static struct bad_disk bad;
static struct weir_outbox outbox;
static struct weir_outbox_entry entries[WEIR_OUTBOX_COUNT_MAX];
static uint64_t file[1024];

static void open_outbox(void)
{
    assert_int_equal(weir_outbox_init(&outbox, &bad.disk, 1 << 20, entries, file, sizeof(file)), 0);
}

static const unsigned char sketches[] = {1, 2, 3, 4, 5};

static void put_batch(void)
{
    static const struct weir_summary rows[2] = {{.count = 1}, {.count = 2}};
    const struct weir_outbox_batch batch = {.place = 1,
                                            .epoch = 2,
                                            .sequence = 3,
                                            .first = 3,
                                            .last = 3,
                                            .parts = 1,
                                            .row_count = 2,
                                            .length = 333,
                                            .bytes = (const char *)entries,
                                            .rows = rows,
                                            .sketches_length = sizeof(sketches),
                                            .sketches = sketches};

    open_outbox();
    assert_int_equal(weir_outbox_add(&outbox, &batch), 0);
    assert_int_equal(outbox.count, 1);
}

static void expect_set_aside(void)
{
    struct weir_outbox_batch batch;
    uint64_t size;

    open_outbox();
    assert_int_equal(outbox.count, 1);
    assert_int_equal(weir_outbox_read(&outbox, 0, &batch), -EBADMSG);
    assert_int_equal(outbox.count, 0);
    assert_int_equal(outbox.used_bytes, 0);
    assert_int_equal(outbox.set_aside, 1);
    assert_non_null(bad_disk_bytes(&bad, BATCH_FILE ".bad", &size));
    assert_null(bad_disk_bytes(&bad, BATCH_FILE, &size));
    assert_int_equal(bad.disk.remove(&bad.disk, BATCH_FILE ".bad"), 0);
    assert_int_equal(bad.disk.sync_directory(&bad.disk, WEIR_OUTBOX_DIRECTORY), 0);
}

static void a_damaged_batch_is_set_aside(void **state)
{
    uint64_t size = weir_outbox_file_size(333, 2, sizeof(sketches));

    (void)state;
    bad_disk_init(&bad, random_make(1));
    for (uint64_t i = 0; i < 2 * size; i++) {
        uint64_t found;
        unsigned char *bytes;

        put_batch();
        bytes = bad_disk_bytes(&bad, BATCH_FILE, &found);
        assert_int_equal(found, size);
        if (i < size)
            bytes[i] ^= (unsigned char)(1u << i % 8);
        else
            bad_disk_truncate(&bad, BATCH_FILE, i - size);
        expect_set_aside();
    }
    bad_disk_finish(&bad);
}

static void a_disk_that_fails_neither_loses_nor_doubles_a_batch(void **state)
{
    (void)state;
    bad_disk_init(&bad, random_make(2));
    for (unsigned i = 0; i < 300; i++) {
        struct weir_outbox_batch batch;

        bad.failed_names = 3;
        bad.failed_writes = 5;
        bad.failed_syncs = 3;
        bad.short_writes = 2;
        open_outbox();
        batch = (struct weir_outbox_batch){.place = i,
                                           .epoch = 2,
                                           .sequence = i + 1,
                                           .first = i + 1,
                                           .last = i + 1,
                                           .parts = 1,
                                           .length = 700,
                                           .bytes = (char *)entries};
        while (weir_outbox_add(&outbox, &batch) != 0)
            continue;
        bad_disk_cut_power(&bad);
        bad_disk_heal(&bad);
        open_outbox();
        assert_int_equal(outbox.count, 1);
        assert_int_equal(weir_outbox_read(&outbox, 0, &batch), 0);
        assert_int_equal(batch.sequence, i + 1);
        bad.failed_names = 2;
        while (weir_outbox_remove(&outbox, 0, true) != 0)
            continue;
        bad_disk_heal(&bad);
        assert_int_equal(outbox.count, 0);
        open_outbox();
        assert_int_equal(outbox.count, 0);
        assert_int_equal(bad.disk.sync_directory(&bad.disk, WEIR_OUTBOX_DIRECTORY), 0);
    }
    bad_disk_finish(&bad);
}

/* Either the old one or the new one, whole, wherever the power goes. */
static void a_file_is_replaced_in_one_step(void **state)
{
    static unsigned char bytes[5000];
    static unsigned char found[6000];
    unsigned newest = 0;

    (void)state;
    bad_disk_init(&bad, random_make(3));
    for (unsigned i = 1; i < 2000; i++) {
        int error;
        int64_t length;

        memset(bytes, (int)(i & 0xff), sizeof(bytes));
        bad.failed_names = i % 3 ? 6 : 0;
        bad.failed_writes = i % 3 ? 6 : 0;
        bad.failed_syncs = i % 3 ? 6 : 0;
        error = weir_disk_replace(&bad.disk, "configs", "a", bytes, sizeof(bytes), true);
        bad_disk_heal(&bad);
        if (random_once_in(&bad.random, 2))
            bad_disk_cut_power(&bad);
        length = weir_disk_read_file(&bad.disk, "configs/a", found, sizeof(found));
        if (length < 0) {
            assert_true(error != 0 && newest == 0);
            continue;
        }
        assert_int_equal(length, sizeof(bytes));
        assert_true(found[0] == (i & 0xff) || (error != 0 && found[0] == (newest & 0xff)));
        assert_memory_equal(found, found + 1, sizeof(bytes) - 1);
        newest = found[0] == (i & 0xff) ? i : newest;
        assert_int_equal(bad.disk.sync_directory(&bad.disk, "configs"), 0);
    }
    bad_disk_finish(&bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_batch_is_set_aside),
        cmocka_unit_test(a_disk_that_fails_neither_loses_nor_doubles_a_batch),
        cmocka_unit_test(a_file_is_replaced_in_one_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
