/* The keeper's thread: the round of what there is to do, and what it says of the disk. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "command/keeper_work.h"
#include "command/memory.h"
#include "format/batch.h"
#include "port/log.h"

#define RETRY_MS 1000
#define SQUEEZED_MS 20 /* between tries while the log waits for a snapshot to give it room */
#define SQUEEZED_MS_MAX 3000
#define PATIENCE_MS 1500 /* a call that takes longer is a fault while it lasts: alerts have two s */
#define LOOK_EVERY_MS 50

int64_t weir_keeper_monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void weir_keeper_wake_owner(struct weir_keeper *keeper)
{
    (void)eventfd_write(keeper->wake_fd, 1);
}

/* Says what does not work and what works again; every change once. */
static void note_outcome(struct weir_keeper *keeper, int error, const char *what)
{
    int before;

    pthread_mutex_lock(&keeper->lock);
    before = keeper->report.error;
    keeper->report.error = -error;
    keeper->report.what = what;
    pthread_mutex_unlock(&keeper->lock);
    if (before == -error)
        return;
    if (error != 0)
        weir_log_error("storage: %s: %s", what, strerror(-error));
    else
        weir_log_info("storage: works again");
    weir_keeper_wake_owner(keeper);
}

void weir_keeper_set_busy_since(struct weir_keeper *keeper, int64_t since_ms)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->busy_since_ms = since_ms;
    pthread_mutex_unlock(&keeper->lock);
}

void weir_keeper_note_progress(struct weir_keeper *keeper)
{
    weir_keeper_set_busy_since(keeper, weir_keeper_monotonic_ms());
}

/* Under the lock: when patience with the disk ends. */
int64_t weir_keeper_patience_end(const struct weir_keeper *keeper, int64_t now_ms)
{
    return (keeper->busy_since_ms != 0 ? keeper->busy_since_ms : now_ms) + PATIENCE_MS;
}

void weir_keeper_wait_for_work(struct weir_keeper *keeper, int64_t end_ms)
{
    struct timespec end = {.tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000};

    (void)pthread_cond_timedwait(&keeper->work, &keeper->lock, &end);
}

void weir_keeper_kick(struct weir_keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->kicked = true;
    pthread_cond_signal(&keeper->work);
    pthread_mutex_unlock(&keeper->lock);
}

/* One round of everything there is to do; what fails does not hold up the rest. */
static int work_round(struct weir_keeper *keeper, const char **what)
{
    static const struct {
        int (*act)(struct weir_keeper *keeper);
        const char *what;
    } jobs[] = {
        {weir_keeper_store_configs, "the configuration cannot be kept"},
        {weir_keeper_write_log, "the journal cannot be written"},
        {weir_keeper_settle_numbers, "the outbox cannot be written"},
        {weir_keeper_store_batches, "the outbox cannot be written"},
        {weir_keeper_shift_batches, "the outbox cannot be written"},
        {weir_keeper_serve_slot, "the outbox cannot be read"},
        {weir_keeper_store_snapshot, "the snapshot cannot be written"},
        {weir_keeper_clear_configs, "the configurations cannot be listed"},
    };
    int error = 0;

    for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
        int result;

        weir_keeper_note_progress(keeper);
        result = jobs[i].act(keeper);
        if (result != 0 && error == 0) {
            error = result;
            *what = jobs[i].what;
        }
    }
    return error;
}

static void copy_report(struct weir_keeper *keeper)
{
    const struct weir_storage *storage = keeper->storage;

    keeper->report.batches = storage->outbox.count + weir_ring_count(&keeper->staged) -
                             (keeper->slot == WEIR_KEEPER_SLOT_DONE);
    keeper->report.holes = storage->segments.holes;
}

/* Under the lock. */
static bool has_work(struct weir_keeper *keeper)
{
    bool shifts = weir_keeper_shifts(keeper);
    uint64_t length;

    return keeper->image_count > 0 || weir_keeper_is_done(keeper) ||
           (keeper->slot == WEIR_KEEPER_SLOT_EMPTY && keeper->storage->outbox.count > 0 &&
            !shifts) ||
           ((shifts || keeper->numbers.count > 0) && keeper->answered) ||
           weir_ring_peek(&keeper->staged, &length) || keeper->snapshot_full ||
           (keeper->configs.state == WEIR_KEEPER_CONFIGS_READ && !keeper->stopping) ||
           weir_keeper_log_is_due(keeper);
}

/* A log that is full of what the next snapshot makes dispensable is no fault, unless it lasts. */
static bool is_squeezed(struct weir_keeper *keeper, int error)
{
    if (error != -EBUSY)
        keeper->squeezed_since_ms = 0;
    else if (keeper->squeezed_since_ms == 0)
        keeper->squeezed_since_ms = weir_keeper_monotonic_ms();
    return error == -EBUSY &&
           weir_keeper_monotonic_ms() - keeper->squeezed_since_ms < SQUEEZED_MS_MAX;
}

/* Under the lock: until there is something to do. */
static void wait_round(struct weir_keeper *keeper, int error)
{
    if (error != 0) {
        int64_t retry_ms = weir_keeper_monotonic_ms() + (error == -EBUSY ? SQUEEZED_MS : RETRY_MS);

        while (!keeper->stopping && weir_keeper_monotonic_ms() < retry_ms)
            weir_keeper_wait_for_work(keeper, retry_ms);
        return;
    }
    while (!keeper->stopping && !has_work(keeper)) {
        /* Nobody tells when the log grows: that would cost a call a message. It may fill the ring
         * long before it is due. */
        weir_keeper_wait_for_work(keeper, weir_keeper_monotonic_ms() + LOOK_EVERY_MS);
    }
}

static void *keep(void *context)
{
    struct weir_keeper *keeper = context;
    int error = 0;

    pthread_mutex_lock(&keeper->lock);
    for (;;) {
        const char *what = "works";

        wait_round(keeper, error);
        keeper->log_due = weir_keeper_log_is_due(keeper);
        keeper->kicked = false;
        if (keeper->log_due)
            keeper->written_ms = weir_keeper_monotonic_ms();
        pthread_mutex_unlock(&keeper->lock);
        error = work_round(keeper, &what);
        keeper->last_error = error;
        if (!is_squeezed(keeper, error))
            note_outcome(keeper, error, what);
        pthread_mutex_lock(&keeper->lock);
        keeper->busy_since_ms = 0;
        copy_report(keeper);
        if (keeper->stopping && (error != 0 || !has_work(keeper)))
            break;
    }
    keeper->stopped = true;
    pthread_cond_broadcast(&keeper->progress);
    pthread_mutex_unlock(&keeper->lock);
    return NULL;
}

static void init_conditions(struct weir_keeper *keeper)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&keeper->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->work, &attributes);
    pthread_cond_init(&keeper->progress, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void free_keeper(struct weir_keeper *keeper)
{
    weir_memory_unmap(keeper->snapshot, keeper->snapshot_size);
    weir_memory_unmap(keeper->staged_bytes, WEIR_KEEPER_STAGED_BYTES);
    weir_room_finish(&keeper->room);
    for (uint32_t i = 0; i < keeper->image_count; i++)
        free(keeper->images[i].bytes);
    pthread_cond_destroy(&keeper->work);
    pthread_cond_destroy(&keeper->progress);
    pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}

struct weir_keeper *weir_keeper_create(struct weir_storage *storage, struct weir_journal *journal,
                                       int64_t sync_ms, int wake_fd)
{
    struct weir_keeper *keeper = calloc(1, sizeof(*keeper));

    if (!keeper)
        goto error;
    init_conditions(keeper);
    keeper->storage = storage;
    keeper->journal = journal;
    keeper->sync_ms = sync_ms;
    keeper->wake_fd = wake_fd;
    keeper->report.what = "works";
    keeper->synced = storage->segments.synced;
    keeper->snapshot_newest = storage->snapshot_count > 0 ? storage->snapshots[0] : 0;
    keeper->staged_bytes = weir_memory_map(WEIR_KEEPER_STAGED_BYTES);
    if (!keeper->staged_bytes)
        goto error_keeper;
    weir_ring_init(&keeper->staged, keeper->staged_bytes, WEIR_KEEPER_STAGED_BYTES);
    if (!weir_room_init(&keeper->room, &storage->outbox, WEIR_BATCH_BYTES_MAX, weir_keeper_reserve,
                        weir_keeper_use_numbers, keeper))
        goto error_keeper;
    copy_report(keeper);
    if (pthread_create(&keeper->thread, NULL, keep, keeper) == 0)
        return keeper;

error_keeper:
    free_keeper(keeper);
error:
    weir_log_error("storage: no thread to keep it");
    return NULL;
}

enum weir_keeper_end weir_keeper_destroy(struct weir_keeper *keeper, int wait_ms)
{
    int64_t end_ms = weir_keeper_monotonic_ms() + wait_ms;
    struct timespec end = {.tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000};
    bool done;

    pthread_mutex_lock(&keeper->lock);
    keeper->stopping = true;
    pthread_cond_signal(&keeper->work);
    while (!keeper->stopped &&
           pthread_cond_timedwait(&keeper->progress, &keeper->lock, &end) != ETIMEDOUT)
        continue;
    done = keeper->stopped;
    pthread_mutex_unlock(&keeper->lock);
    if (!done) {
        weir_log_error("storage: the disk does not answer; what it has not taken is lost");
        return WEIR_KEEPER_STUCK;
    }
    pthread_join(keeper->thread, NULL);
    done = keeper->last_error == 0;
    free_keeper(keeper);
    return done ? WEIR_KEEPER_DONE : WEIR_KEEPER_FAILED;
}

void weir_keeper_report(struct weir_keeper *keeper, struct weir_keeper_report *report)
{
    pthread_mutex_lock(&keeper->lock);
    *report = keeper->report;
    if (report->error == 0 &&
        weir_keeper_monotonic_ms() > weir_keeper_patience_end(keeper, weir_keeper_monotonic_ms())) {
        report->error = ETIMEDOUT;
        report->what = "the disk does not answer";
    }
    pthread_mutex_unlock(&keeper->lock);
}
