#include "command/recovery.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/build.h"
#include "support/directory.h"
#include "support/unit.h"

/* A store whose process was killed, and its ring lost. */
struct rig {
    struct build build;
    struct weir_storage storage;
    struct weir_journal journal;
};

static int64_t fail_to_read(struct weir_disk *disk, int handle, void *bytes, size_t length,
                            uint64_t offset)
{
    (void)disk;
    (void)handle;
    (void)bytes;
    (void)length;
    (void)offset;
    return -EIO;
}

static void append(struct rig *rig, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct weir_record record = {.kind = WEIR_RECORD_EVENTS, .number = i};

        assert_int_equal(weir_journal_append(&rig->journal, &record, NULL, NULL), WEIR_OK);
        assert_true(weir_journal_peek(&rig->journal, &record));
        weir_journal_consume(&rig->journal);
    }
}

static void init_rig(struct rig *rig, uint32_t record_count)
{
    struct weir_config *config = &rig->build.config;
    const struct weir_log_place start = {0};
    struct weir_journal_options options;

    memset(rig, 0, sizeof(*rig));
    build_init(&rig->build);
    config->storage_journal_bytes = 1 << 20;
    config->storage_outbox_bytes = 1 << 20;
    directory_make(config->storage_path, sizeof(config->storage_path));
    assert_true(weir_storage_open(&rig->storage, config, false));
    options = weir_recovery_journal(&rig->storage, rig->storage.run);
    weir_segments_start(&rig->storage.segments, 0);
    weir_journal_init(&rig->journal, &options, &start, &start);
    append(rig, record_count);
    assert_int_equal(weir_segments_write(&rig->storage.segments, &rig->journal, 0), 0);
    assert_int_equal(weir_segments_sync(&rig->storage.segments), 0);
    assert_int_equal(unlink(rig->storage.ring_path), 0);
    weir_storage_close(&rig->storage, false);
    assert_true(weir_storage_open(&rig->storage, config, false));
}

static void finish_rig(struct rig *rig)
{
    weir_storage_close(&rig->storage, true);
    weir_journal_finish(&rig->journal);
    directory_remove(rig->build.config.storage_path);
}

static bool has_segment(const struct rig *rig, uint64_t number, const char *end)
{
    char name[WEIR_DISK_NAME_SIZE];
    char path[500];

    weir_segments_name(name, number);
    (void)snprintf(path, sizeof(path), "%s/%s%s", rig->build.config.storage_path, name, end);
    return access(path, F_OK) == 0;
}

static void a_segment_that_cannot_be_read_is_not_written_over(void **state)
{
    struct weir_recovery recovery;
    struct rig rig;

    (void)state;
    init_rig(&rig, 100);
    rig.storage.disk->read = fail_to_read;
    weir_recovery_find_end(&recovery, &rig.storage);
    assert_true(recovery.damaged > 0);
    assert_true(has_segment(&rig, 0, ".bad"));
    assert_false(has_segment(&rig, 0, ""));
    assert_int_equal(rig.storage.segments.count, 0);
    weir_recovery_finish(&recovery);
    finish_rig(&rig);
}

static void a_segment_that_can_be_read_stays(void **state)
{
    struct weir_recovery recovery;
    struct rig rig;

    (void)state;
    init_rig(&rig, 100);
    weir_recovery_find_end(&recovery, &rig.storage);
    assert_int_equal(recovery.damaged, 0);
    assert_int_equal(recovery.last.sequence, 100);
    assert_true(has_segment(&rig, 0, ""));
    assert_false(has_segment(&rig, 0, ".bad"));
    weir_recovery_finish(&recovery);
    finish_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_that_cannot_be_read_is_not_written_over),
        cmocka_unit_test(a_segment_that_can_be_read_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
