/* The log brought to disk. */
#include <errno.h>
#include <inttypes.h>

#include "command/keeper_work.h"
#include "port/log.h"

#define WRITE_EVERY_MS 1000

/* Under the lock. */
bool weir_keeper_log_is_due(struct weir_keeper *keeper)
{
    const struct weir_segments *segments = &keeper->storage->segments;
    uint64_t end = weir_journal_end(keeper->journal);
    int64_t every_ms = keeper->sync_ms < 0 ? WRITE_EVERY_MS : keeper->sync_ms;

    if (!keeper->following || (end == segments->written && segments->synced == end))
        return false;
    return keeper->kicked || keeper->stopping || weir_ring_count(&keeper->staged) > 0 ||
           keeper->snapshot_full || weir_keeper_monotonic_ms() - keeper->written_ms >= every_ms ||
           end - segments->written > keeper->storage->ring_bytes / 4;
}

static uint64_t keep_from(const struct weir_storage *storage)
{
    return storage->snapshot_count > 0 ? storage->snapshots[storage->snapshot_count - 1] : 0;
}

int weir_keeper_write_log(struct weir_keeper *keeper)
{
    struct weir_segments *segments = &keeper->storage->segments;
    uint64_t holes = segments->holes;
    bool due;
    int error;

    if (!keeper->log_due)
        return 0;
    error = weir_segments_write(segments, keeper->journal, keep_from(keeper->storage));
    if (error == 0 && keeper->sync_ms >= 0)
        error = weir_segments_sync(segments);
    else if (error == 0)
        segments->synced = segments->written;
    /* The log on disk goes on with the next segment: it had better begin. */
    if (segments->holes != holes)
        weir_journal_cut(keeper->journal);
    weir_journal_release(keeper->journal, segments->synced);
    pthread_mutex_lock(&keeper->lock);
    keeper->synced = segments->synced;
    if (error == -EBUSY || segments->holes != holes)
        keeper->snapshot_wanted = true;
    due = weir_keeper_snapshot_is_due(keeper);
    pthread_cond_broadcast(&keeper->progress);
    pthread_mutex_unlock(&keeper->lock);
    if (due)
        weir_keeper_wake_owner(keeper);
    return error;
}

void weir_keeper_follow(struct weir_keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->following = true;
    pthread_cond_signal(&keeper->work);
    pthread_mutex_unlock(&keeper->lock);
}

void weir_keeper_stop_waiting(struct weir_keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->unwaited = true;
    pthread_cond_broadcast(&keeper->progress);
    pthread_mutex_unlock(&keeper->lock);
}

void weir_keeper_wait_synced(struct weir_keeper *keeper)
{
    uint64_t end = weir_journal_end(keeper->journal);

    pthread_mutex_lock(&keeper->lock);
    while (keeper->synced < end && keeper->report.error == 0 && !keeper->stopped &&
           !keeper->unwaited) {
        int64_t end_ms = weir_keeper_patience_end(keeper, weir_keeper_monotonic_ms());
        struct timespec until = {.tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000};

        keeper->kicked = true;
        pthread_cond_signal(&keeper->work);
        if (pthread_cond_timedwait(&keeper->progress, &keeper->lock, &until) == ETIMEDOUT)
            break;
    }
    pthread_mutex_unlock(&keeper->lock);
}
