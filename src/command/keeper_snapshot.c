/* Snapshots: when one is due, and how it comes to disk. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command/keeper_work.h"
#include "command/memory.h"
#include "port/log.h"
#include "store/config_image.h"

/* A snapshot is taken when the log behind it has grown by so many times its size. */
#define SNAPSHOT_FACTOR 16
#define SNAPSHOT_LOG_SHARE 3 /* and at a third of the log on disk, so that two fit */

uint64_t weir_keeper_snapshot_distance(uint64_t journal_bytes, uint64_t segment_bytes,
                                       uint64_t snapshot_bytes)
{
    uint64_t least = 2 * segment_bytes;
    uint64_t most = journal_bytes / SNAPSHOT_LOG_SHARE;
    uint64_t distance = SNAPSHOT_FACTOR * snapshot_bytes;

    if (distance < least)
        distance = least;
    return distance < most ? distance : most;
}

/* Under the lock. */
static uint64_t snapshot_distance(const struct weir_keeper *keeper)
{
    const struct weir_storage *storage = keeper->storage;

    return weir_keeper_snapshot_distance(storage->segments.count_max * storage->segment_bytes,
                                         storage->segment_bytes, keeper->snapshot_newest_length);
}

/* Under the lock. */
bool weir_keeper_snapshot_is_due(const struct weir_keeper *keeper)
{
    uint64_t grown = weir_journal_end(keeper->journal) - keeper->snapshot_newest;

    return !keeper->snapshot_full &&
           (keeper->snapshot_wanted ||
            (keeper->report.error == 0 && grown > snapshot_distance(keeper)));
}

/* Keeps the newest and the one before it. */
static void add_snapshot(struct weir_storage *storage, uint64_t place)
{
    char name[WEIR_DISK_NAME_SIZE];

    if (storage->snapshot_count > 0 && storage->snapshots[0] == place)
        return;
    if (storage->snapshot_count == WEIR_SNAPSHOT_COUNT_MAX) {
        weir_snapshot_name(name, storage->snapshots[--storage->snapshot_count]);
        (void)storage->disk->remove(storage->disk, name);
    }
    memmove(storage->snapshots + 1, storage->snapshots,
            storage->snapshot_count * sizeof(*storage->snapshots));
    storage->snapshots[0] = place;
    storage->snapshot_count++;
}

static void set_condemned_aside(struct weir_keeper *keeper)
{
    uint64_t numbers[WEIR_HISTORY_BAD_MAX];
    uint32_t count;

    pthread_mutex_lock(&keeper->lock);
    count = keeper->condemned_count;
    keeper->condemned_count = 0;
    memcpy(numbers, keeper->condemned, sizeof(numbers));
    pthread_mutex_unlock(&keeper->lock);
    for (uint32_t i = 0; i < count; i++) {
        if (numbers[i] < keeper->snapshot_place / keeper->storage->segment_bytes &&
            weir_segments_set_aside(&keeper->storage->segments, numbers[i]) == 0)
            weir_log_warning("storage: damaged segment %016" PRIx64 " is set aside as .bad",
                             numbers[i]);
    }
}

int weir_keeper_store_snapshot(struct weir_keeper *keeper)
{
    char name[WEIR_DISK_NAME_SIZE];
    bool squeezed;
    bool ready;
    int error;

    pthread_mutex_lock(&keeper->lock);
    squeezed = keeper->report.error == EBUSY;
    ready = keeper->snapshot_full && keeper->image_count == 0 &&
            ((weir_ring_count(&keeper->staged) == 0 && !weir_keeper_shifts(keeper) &&
              keeper->storage->segments.synced >= keeper->snapshot_place) ||
             squeezed);
    pthread_mutex_unlock(&keeper->lock);
    if (!ready)
        return 0;
    /* As long as it may be: it is no sign that the disk is gone. */
    weir_keeper_set_busy_since(keeper, 0);
    weir_snapshot_name(name, keeper->snapshot_place);
    error = weir_disk_replace(keeper->storage->disk, WEIR_SNAPSHOT_DIRECTORY, strchr(name, '/') + 1,
                              keeper->snapshot, (size_t)keeper->snapshot_length, true);
    if (error != 0)
        return error;
    add_snapshot(keeper->storage, keeper->snapshot_place);
    weir_log_debug("storage: a snapshot of %" PRIu64 " bytes", keeper->snapshot_length);
    /* The log that had no room is not needed any more: it goes on behind the snapshot. */
    if (squeezed)
        weir_segments_skip(&keeper->storage->segments, keeper->snapshot_place);
    set_condemned_aside(keeper);
    if (keeper->configs.state == WEIR_KEEPER_CONFIGS_WAIT)
        keeper->configs.state = WEIR_KEEPER_CONFIGS_READ;
    weir_memory_reset(keeper->snapshot, keeper->snapshot_size);
    pthread_mutex_lock(&keeper->lock);
    keeper->snapshot_newest = keeper->snapshot_place;
    keeper->snapshot_newest_length = keeper->snapshot_length;
    keeper->snapshot_full = false;
    pthread_mutex_unlock(&keeper->lock);
    return 0;
}

bool weir_keeper_wants_snapshot(struct weir_keeper *keeper)
{
    bool wanted;

    pthread_mutex_lock(&keeper->lock);
    wanted = weir_keeper_snapshot_is_due(keeper);
    pthread_mutex_unlock(&keeper->lock);
    return wanted;
}

void weir_keeper_want_snapshot(struct weir_keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->snapshot_wanted = true;
    pthread_mutex_unlock(&keeper->lock);
}

void weir_keeper_condemn(struct weir_keeper *keeper, const uint64_t *numbers, uint32_t count)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->condemned_count = count;
    if (count > 0)
        memcpy(keeper->condemned, numbers, count * sizeof(*numbers));
    pthread_mutex_unlock(&keeper->lock);
}

void weir_keeper_take_snapshot(struct weir_keeper *keeper, const struct weir_running *running,
                               const struct weir_log_place *place, const void *extra,
                               uint64_t extra_bytes)
{
    const struct weir_snapshot_info info = {
        .layout = weir_config_image_layout(),
        .store = keeper->storage->store,
        .config = running->image,
        .place = *place,
        .arena_bytes = running->arena_size,
        .extra_bytes = extra_bytes,
    };
    uint64_t size = weir_snapshot_size_max(info.arena_bytes, extra_bytes);

    if (size > keeper->snapshot_size) {
        weir_memory_unmap(keeper->snapshot, keeper->snapshot_size);
        keeper->snapshot = weir_memory_map(size);
        keeper->snapshot_size = keeper->snapshot ? size : 0;
    }
    if (!keeper->snapshot)
        return;
    keeper->snapshot_length = weir_snapshot_build(keeper->snapshot, &info, running->arena, extra);
    pthread_mutex_lock(&keeper->lock);
    keeper->snapshot_place = place->position;
    keeper->snapshot_wanted = false;
    keeper->snapshot_full = true;
    pthread_cond_signal(&keeper->work);
    pthread_mutex_unlock(&keeper->lock);
}
