#include "command/recovery.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/memory.h"
#include "port/log.h"
#include "store/config_image.h"

/* Larger than any configuration within limits.h. */
#define IMAGE_BYTES_MAX (64 * 1024 * 1024)
#define SNAPSHOT_BYTES_MAX ((uint64_t)1 << 40)

struct weir_journal_options weir_recovery_journal(const struct weir_storage *storage, uint64_t run)
{
    return (struct weir_journal_options){
        .memory = storage->ring,
        .ring_bytes = storage->ring_bytes,
        .segment_bytes = storage->segment_bytes,
        .store = storage->store,
        .run = run,
        .written_on = true,
    };
}

struct weir_running *weir_recovery_config(struct weir_storage *storage, uint64_t image,
                                          uint64_t epoch)
{
    char name[WEIR_DISK_NAME_SIZE];
    void *bytes = weir_memory_map(IMAGE_BYTES_MAX);
    struct weir_config *config = NULL;
    int64_t length;

    if (!bytes)
        return NULL;
    snprintf(name, sizeof(name), WEIR_CONFIG_IMAGE_DIRECTORY "/%016" PRIx64, image);
    length = weir_disk_read_file(storage->disk, name, bytes, IMAGE_BYTES_MAX);
    if (length > 0)
        config = weir_config_image_read(bytes, (size_t)length, image);
    weir_memory_unmap(bytes, IMAGE_BYTES_MAX);
    return config ? weir_running_create(config, epoch) : NULL;
}

struct file_size {
    char name[WEIR_DISK_NAME_SIZE];
    uint64_t size;
};

static void note_size(void *context, const char *name, uint64_t size)
{
    struct file_size *file = context;

    if (strcmp(strchr(file->name, '/') + 1, name) == 0)
        file->size = size;
}

/* Restores a snapshot into what it was laid out for. */
static bool restore(struct weir_recovery *recovery, struct weir_storage *storage, const void *bytes,
                    uint64_t length)
{
    struct weir_snapshot_info info;

    if (!weir_snapshot_open(bytes, length, &info) || info.store != storage->store)
        return false;
    if (info.layout != weir_config_image_layout()) {
        weir_log_warning("storage: the state on disk is of another version of weir: it is begun "
                         "anew, open windows are lost");
        return false;
    }
    recovery->running = weir_recovery_config(storage, info.config, 0);
    if (!recovery->running || recovery->running->arena_size != info.arena_bytes)
        return false;
    recovery->extra = malloc(info.extra_bytes > 0 ? (size_t)info.extra_bytes : 1);
    if (!recovery->extra)
        return false;
    recovery->extra_bytes = info.extra_bytes;
    weir_snapshot_restore(bytes, recovery->running->arena, recovery->extra);
    recovery->start = info.place;
    recovery->epoch = weir_engine_epoch(&recovery->running->engine);
    return true;
}

static bool try_snapshot(struct weir_recovery *recovery, struct weir_storage *storage,
                         uint64_t position)
{
    struct file_size file = {.size = 0};
    void *bytes;
    int64_t length = -1;
    bool good;

    weir_snapshot_name(file.name, position);
    if (storage->disk->list(storage->disk, WEIR_SNAPSHOT_DIRECTORY, note_size, &file) != 0 ||
        file.size == 0 || file.size > SNAPSHOT_BYTES_MAX)
        return false;
    bytes = weir_memory_map(file.size);
    if (!bytes)
        return false;
    length = weir_disk_read_file(storage->disk, file.name, bytes, (size_t)file.size);
    good = length > 0 && restore(recovery, storage, bytes, (uint64_t)length);
    weir_memory_unmap(bytes, file.size);
    if (!good) {
        weir_running_destroy(recovery->running);
        free(recovery->extra);
        recovery->running = NULL;
        recovery->extra = NULL;
        recovery->extra_bytes = 0;
    }
    return good;
}

static void find_snapshot(struct weir_recovery *recovery, struct weir_storage *storage)
{
    while (storage->snapshot_count > 0 && !recovery->running) {
        uint64_t position = storage->snapshots[0];

        if (!try_snapshot(recovery, storage, position))
            weir_storage_set_snapshot_aside(storage, position);
    }
}

static void note_done(struct weir_recovery *recovery, const struct weir_record *record)
{
    if (record->kind == WEIR_RECORD_BATCHES)
        weir_done_note(&recovery->done, record->epoch, record->number);
}

/* The log would go on where files lie that cannot be read now: what is in them is not to be written
 * over. */
static void set_unread_aside(struct weir_segments *segments, uint64_t position)
{
    uint32_t at = segments->count;

    while (at > 0 && segments->numbers[at - 1] * segments->segment_bytes >= position) {
        if (weir_segments_set_aside(segments, segments->numbers[--at]) == 0)
            weir_log_error("storage: a segment that cannot be read is set aside as .bad");
    }
}

/* Reads the log once to its end, on disk and in the ring. */
static void scan(struct weir_recovery *recovery, struct weir_storage *storage)
{
    const struct weir_journal_options options = weir_recovery_journal(storage, storage->run - 1);
    struct weir_history history;
    struct weir_record record;
    struct weir_log_place at;

    weir_history_init(&history, storage->disk, storage->segments.numbers, storage->segments.count,
                      storage->segment_bytes, storage->store,
                      recovery->running ? &recovery->start : NULL, storage->buffer);
    while (weir_history_next(&history, &record, NULL))
        note_done(recovery, &record);
    recovery->lost = history.lost;
    recovery->damaged = history.damaged;
    recovery->bad_count = history.bad_count;
    memcpy(recovery->bad, history.bad, sizeof(history.bad));
    recovery->end = recovery->ring = recovery->last = history.place;
    at = history.place;
    if (history.unread > 0)
        set_unread_aside(&storage->segments, history.place.position);
    if (!weir_journal_inspect(&options, &at, &recovery->last)) {
        recovery->damaged += history.unread > 0;
        return;
    }
    recovery->ring_found = true;
    recovery->ring = at;
    while (weir_journal_read(&options, &at, &record))
        note_done(recovery, &record);
    if (recovery->ring.position != recovery->end.position) {
        struct weir_log_place first = recovery->ring;

        /* The first head behind the hole tells how many records were in it. */
        if (weir_journal_read(&options, &first, &record))
            recovery->lost += first.sequence - 1 - recovery->end.sequence;
        recovery->damaged++;
    }
}

/* Without a snapshot, the log can be followed if its beginning is there. */
static void begin_with_log(struct weir_recovery *recovery, struct weir_storage *storage)
{
    const struct weir_journal_options options = weir_recovery_journal(storage, storage->run - 1);
    struct weir_log_place at = {0};
    struct weir_history history;
    struct weir_record record;
    bool found;

    weir_history_init(&history, storage->disk, storage->segments.numbers, storage->segments.count,
                      storage->segment_bytes, storage->store, NULL, storage->buffer);
    found = weir_history_next(&history, &record, NULL);
    if (!found)
        found = weir_journal_inspect(&options, &at, NULL) &&
                weir_journal_read(&options, &at, &record) && at.sequence == 1;
    else
        found = history.place.sequence == 1;
    if (!found || record.kind != WEIR_RECORD_CONFIG)
        return;
    recovery->running = weir_recovery_config(storage, record.hash, record.epoch);
    recovery->epoch = record.epoch;
}

void weir_recovery_begin(struct weir_recovery *recovery, struct weir_storage *storage)
{
    memset(recovery, 0, sizeof(*recovery));
    find_snapshot(recovery, storage);
    if (!recovery->running)
        begin_with_log(recovery, storage);
    scan(recovery, storage);
    if (recovery->damaged > 0)
        weir_log_error("storage: the journal is damaged: %" PRIu64 " of its records are lost",
                       recovery->lost);
    if (recovery->running)
        weir_log_info("storage: goes on from %016" PRIx64 ", %" PRIu64 " records behind it",
                      recovery->start.position, recovery->last.sequence - recovery->start.sequence);
}

void weir_recovery_find_end(struct weir_recovery *recovery, struct weir_storage *storage)
{
    memset(recovery, 0, sizeof(*recovery));
    scan(recovery, storage);
}

void weir_recovery_finish(struct weir_recovery *recovery)
{
    free(recovery->extra);
}
