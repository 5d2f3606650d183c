#include "command/keeper.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>

#include "command/room.h"
#include "format/batch.h"
#include "port/log.h"
#include "store/config_image.h"
#include "store/ring.h"

#define RETRY_MS 1000
#define SQUEEZED_MS 20 /* between tries while the log waits for a snapshot to give it room */
#define SQUEEZED_MS_MAX 3000
#define PATIENCE_MS 1500 /* a call that takes longer is a fault while it lasts: alerts have two s */
#define WRITE_EVERY_MS 1000
#define RESERVE_WAIT_MS 5000
#define IMAGE_COUNT_MAX 8
#define LOOK_EVERY_MS 50

/* A snapshot is taken when the log behind it has grown by so many times its size. */
#define SNAPSHOT_FACTOR 16
#define SNAPSHOT_LOG_SHARE 3 /* and at a third of the log on disk, so that two fit */

/* A batch on its way; its bytes, padded to eight, and its rows follow. */
struct staged {
    uint64_t place;
    uint64_t epoch;
    uint64_t sequence;
    uint32_t row_count;
    uint32_t length;
};

/* A configuration as bytes, from the heap. */
struct image {
    void *bytes;
    size_t length;
    uint64_t hash;
};

/* Numbers of batches that the thread asks the owner for. */
struct reservation {
    uint64_t epoch;
    uint32_t count; /* 0: nothing is asked for */
    bool refused;
    uint64_t first;
    uint64_t id; /* of the request: an answer that comes too late is none */
};

enum slot_state { SLOT_EMPTY, SLOT_READY, SLOT_DONE };

struct weir_keeper {
    struct weir_storage *storage;
    struct weir_journal *journal;
    int64_t sync_ms;
    int wake_fd;
    pthread_t thread;
    pthread_mutex_t lock; /* on what follows, but for what the thread alone has */
    pthread_cond_t work;
    pthread_cond_t progress;
    bool following; /* the log is written on */
    bool stopping;
    bool stopped;
    bool unwaited; /* nobody waits for the log to be synced any more */
    bool kicked;
    struct weir_keeper_report report;
    int64_t busy_since_ms; /* of what the disk does now; 0: nothing */
    uint64_t synced;

    struct weir_ring staged; /* owner to thread */
    void *staged_bytes;

    enum slot_state slot;
    struct weir_outbox_batch slot_batch;
    char slot_bytes[WEIR_BATCH_HEAD_BYTES + WEIR_BATCH_BYTES_MAX];

    bool snapshot_wanted;
    bool snapshot_full; /* the buffer holds one that is to be written */
    void *snapshot;
    uint64_t snapshot_size; /* of the buffer */
    uint64_t snapshot_length;
    uint64_t snapshot_place;
    uint64_t snapshot_newest; /* the place of the newest on disk */
    uint64_t snapshot_newest_length;

    struct image images[IMAGE_COUNT_MAX]; /* to be kept, the oldest first */
    uint32_t image_count;

    struct weir_room room; /* the thread's */
    struct reservation wanted;

    uint64_t condemned[WEIR_HISTORY_BAD_MAX];
    uint32_t condemned_count;

    int64_t written_ms; /* the thread's: when the log was last written */
    bool log_due;       /* the thread's: this round writes it */
    int64_t squeezed_since_ms;
    int last_error;
};

static int64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void wake(struct weir_keeper *keeper)
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
    wake(keeper);
}

static void set_busy_since(struct weir_keeper *keeper, int64_t since_ms)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->busy_since_ms = since_ms;
    pthread_mutex_unlock(&keeper->lock);
}

static void note_progress(struct weir_keeper *keeper)
{
    set_busy_since(keeper, monotonic_ms());
}

/* Under the lock: when patience with the disk ends. */
static int64_t patience_end(const struct weir_keeper *keeper, int64_t now_ms)
{
    return (keeper->busy_since_ms != 0 ? keeper->busy_since_ms : now_ms) + PATIENCE_MS;
}

/* Under the lock. */
static bool log_is_due(struct weir_keeper *keeper)
{
    const struct weir_segments *segments = &keeper->storage->segments;
    uint64_t end = weir_journal_end(keeper->journal);
    int64_t every_ms = keeper->sync_ms < 0 ? WRITE_EVERY_MS : keeper->sync_ms;

    if (!keeper->following || (end == segments->written && segments->synced == end))
        return false;
    return keeper->kicked || keeper->stopping || weir_ring_count(&keeper->staged) > 0 ||
           keeper->snapshot_full || monotonic_ms() - keeper->written_ms >= every_ms ||
           end - segments->written > keeper->storage->ring_bytes / 4;
}

static uint64_t keep_from(const struct weir_storage *storage)
{
    return storage->snapshot_count > 0 ? storage->snapshots[storage->snapshot_count - 1] : 0;
}

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
static bool snapshot_is_due(const struct weir_keeper *keeper)
{
    uint64_t grown = weir_journal_end(keeper->journal) - keeper->snapshot_newest;

    return !keeper->snapshot_full &&
           (keeper->snapshot_wanted ||
            (keeper->report.error == 0 && grown > snapshot_distance(keeper)));
}

static int write_log(struct weir_keeper *keeper)
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
    due = snapshot_is_due(keeper);
    pthread_cond_broadcast(&keeper->progress);
    pthread_mutex_unlock(&keeper->lock);
    if (due)
        wake(keeper);
    return error;
}

static int store_image(struct weir_keeper *keeper, const struct image *image)
{
    char name[WEIR_DISK_NAME_SIZE];

    snprintf(name, sizeof(name), "%016" PRIx64, image->hash);
    return weir_disk_replace(keeper->storage->disk, WEIR_CONFIG_IMAGE_DIRECTORY, name, image->bytes,
                             image->length, true);
}

/* The images are appended to by the owner and taken from here alone: the first stays where it is. */
static int store_config(struct weir_keeper *keeper)
{
    for (;;) {
        struct image image = {0};
        int error;

        pthread_mutex_lock(&keeper->lock);
        if (keeper->image_count > 0)
            image = keeper->images[0];
        pthread_mutex_unlock(&keeper->lock);
        if (!image.bytes)
            return 0;
        error = store_image(keeper, &image);
        /* The log must not name on disk what is not there. */
        if (error != 0) {
            keeper->log_due = false;
            return error;
        }
        pthread_mutex_lock(&keeper->lock);
        keeper->image_count--;
        memmove(keeper->images, keeper->images + 1, keeper->image_count * sizeof(image));
        pthread_cond_broadcast(&keeper->progress);
        pthread_mutex_unlock(&keeper->lock);
        free(image.bytes);
    }
}

static enum slot_state slot_of(struct weir_keeper *keeper)
{
    enum slot_state slot;

    pthread_mutex_lock(&keeper->lock);
    slot = keeper->slot;
    pthread_mutex_unlock(&keeper->lock);
    return slot;
}

static void wait_for_work(struct weir_keeper *keeper, int64_t end_ms)
{
    struct timespec end = {.tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000};

    (void)pthread_cond_timedwait(&keeper->work, &keeper->lock, &end);
}

/*
 * Numbers of batches come from the engine, through the log, which is the owner's. Waits for them
 * and for the log to be on disk up to there, so that no other start gives them out again.
 */
static int reserve(void *context, uint64_t epoch, uint32_t count, uint64_t *first)
{
    struct weir_keeper *keeper = context;
    struct reservation *wanted = &keeper->wanted;
    int64_t end_ms = monotonic_ms() + RESERVE_WAIT_MS;
    int error = 0;

    pthread_mutex_lock(&keeper->lock);
    *wanted = (struct reservation){.epoch = epoch, .count = count, .id = wanted->id + 1};
    wake(keeper);
    while (wanted->count > 0 && !keeper->stopping && monotonic_ms() < end_ms)
        wait_for_work(keeper, end_ms);
    if (wanted->count > 0)
        error = -ECANCELED;
    else if (wanted->refused)
        error = -ESTALE;
    wanted->count = 0;
    *first = wanted->first;
    pthread_mutex_unlock(&keeper->lock);
    if (error == 0) {
        keeper->log_due = true;
        error = write_log(keeper);
    }
    return error;
}

static void copy_counts(struct weir_keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->busy_since_ms = monotonic_ms(); /* many calls to the disk, but each had its answer */
    keeper->report.batches_dropped = keeper->room.batches_dropped;
    keeper->report.summaries_dropped = keeper->room.summaries_dropped;
    keeper->report.coarsened = keeper->room.coarsened;
    keeper->report.dropped_epoch = keeper->room.dropped_epoch;
    keeper->report.dropped_sequence = keeper->room.dropped_sequence;
    pthread_mutex_unlock(&keeper->lock);
}

/* Where in the outbox the batch in the slot is; its count: nowhere. Not always in front: a restart
 * makes batches again that are older than what it found. */
static uint32_t find_slot(struct weir_keeper *keeper)
{
    const struct weir_outbox *outbox = &keeper->storage->outbox;
    uint32_t index = 0;

    for (; index < outbox->count; index++) {
        const struct weir_outbox_entry *entry = weir_outbox_at(outbox, index);

        if (entry->epoch == keeper->slot_batch.epoch &&
            entry->sequence == keeper->slot_batch.sequence)
            break;
    }
    return index;
}

static int make_room(struct weir_keeper *keeper, uint64_t epoch)
{
    bool out;

    pthread_mutex_lock(&keeper->lock);
    out = keeper->slot != SLOT_EMPTY;
    weir_room_spare(&keeper->room, 1, keeper->slot_batch.epoch,
                    out ? keeper->slot_batch.sequence : 0);
    pthread_mutex_unlock(&keeper->lock);
    return weir_room_make(&keeper->room, epoch);
}

static int store_batch(struct weir_keeper *keeper, const struct staged *staged)
{
    struct weir_outbox *outbox = &keeper->storage->outbox;
    const char *bytes = (const char *)(staged + 1);
    struct weir_outbox_batch batch = {
        .place = staged->place,
        .epoch = staged->epoch,
        .sequence = staged->sequence,
        .first = staged->sequence,
        .last = staged->sequence,
        .parts = 1,
        .row_count = staged->row_count,
        .length = staged->length,
        .bytes = bytes,
        .rows = (const struct weir_summary *)(const void *)(bytes + ((staged->length + 7) & ~7u)),
    };
    int error = 0;

    /* One that a restart made again makes no room for itself. */
    if (weir_outbox_has(outbox, batch.epoch, batch.sequence))
        return 0;
    while (error == 0 && outbox->count > 0 &&
           !weir_outbox_fits(outbox, weir_outbox_file_size(batch.length, batch.row_count)))
        error = make_room(keeper, batch.epoch);
    copy_counts(keeper);
    return error == 0 ? weir_outbox_add(outbox, &batch) : error;
}

static int store_batches(struct weir_keeper *keeper)
{
    uint64_t length;
    const struct staged *staged;

    while ((staged = weir_ring_peek(&keeper->staged, &length)) != NULL) {
        int error = 0;

        if (keeper->storage->segments.synced < staged->place)
            return 0;
        error = store_batch(keeper, staged);
        if (error != 0)
            return error;
        weir_ring_release(&keeper->staged);
        note_progress(keeper);
    }
    return 0;
}

/* Takes out what has left, and has the next one ready. */
static int serve_slot(struct weir_keeper *keeper)
{
    struct weir_outbox *outbox = &keeper->storage->outbox;
    enum slot_state slot = slot_of(keeper);
    struct weir_outbox_batch batch;
    int error = 0;

    if (slot == SLOT_DONE) {
        uint32_t index = find_slot(keeper);

        error = index < outbox->count ? weir_outbox_remove(outbox, index, true) : 0;
        if (error != 0)
            return error;
        pthread_mutex_lock(&keeper->lock);
        keeper->slot = slot = SLOT_EMPTY;
        pthread_mutex_unlock(&keeper->lock);
    }
    if (slot != SLOT_EMPTY || outbox->count == 0)
        return 0;
    error = weir_outbox_read(outbox, 0, &batch);
    if (error == -EBADMSG) {
        weir_log_error("storage: a damaged batch is set aside as .bad");
        return 0;
    }
    if (error != 0)
        return error;
    pthread_mutex_lock(&keeper->lock);
    memcpy(keeper->slot_bytes, batch.bytes, batch.length);
    batch.bytes = keeper->slot_bytes;
    batch.rows = NULL;
    keeper->slot_batch = batch;
    keeper->slot = SLOT_READY;
    pthread_mutex_unlock(&keeper->lock);
    wake(keeper);
    return 0;
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

static int store_snapshot(struct weir_keeper *keeper)
{
    char name[WEIR_DISK_NAME_SIZE];
    bool squeezed;
    bool ready;
    int error;

    pthread_mutex_lock(&keeper->lock);
    squeezed = keeper->report.error == EBUSY;
    ready = keeper->snapshot_full && keeper->image_count == 0 &&
            ((weir_ring_count(&keeper->staged) == 0 &&
              keeper->storage->segments.synced >= keeper->snapshot_place) ||
             squeezed);
    pthread_mutex_unlock(&keeper->lock);
    if (!ready)
        return 0;
    /* As long as it may be: it is no sign that the disk is gone. */
    set_busy_since(keeper, 0);
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
    (void)madvise(keeper->snapshot, (size_t)keeper->snapshot_size, MADV_DONTNEED);
    pthread_mutex_lock(&keeper->lock);
    keeper->snapshot_newest = keeper->snapshot_place;
    keeper->snapshot_newest_length = keeper->snapshot_length;
    keeper->snapshot_full = false;
    pthread_mutex_unlock(&keeper->lock);
    return 0;
}

/* One round of everything there is to do; what fails does not hold up the rest. */
static int work_round(struct weir_keeper *keeper, const char **what)
{
    static const struct {
        int (*act)(struct weir_keeper *keeper);
        const char *what;
    } jobs[] = {
        {store_config, "the configuration cannot be kept"},
        {write_log, "the journal cannot be written"},
        {store_batches, "the outbox cannot be written"},
        {serve_slot, "the outbox cannot be read"},
        {store_snapshot, "the snapshot cannot be written"},
    };
    int error = 0;

    for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
        int result;

        note_progress(keeper);
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

    keeper->report.batches =
        storage->outbox.count + weir_ring_count(&keeper->staged) - (keeper->slot == SLOT_DONE);
    keeper->report.holes = storage->segments.holes;
}

/* Under the lock. */
static bool has_work(struct weir_keeper *keeper)
{
    uint64_t length;
    const struct staged *staged = weir_ring_peek(&keeper->staged, &length);

    return keeper->image_count > 0 || keeper->slot == SLOT_DONE ||
           (keeper->slot == SLOT_EMPTY && keeper->storage->outbox.count > 0) || staged ||
           keeper->snapshot_full || log_is_due(keeper);
}

/* A log that is full of what the next snapshot makes dispensable is no fault, unless it lasts. */
static bool is_squeezed(struct weir_keeper *keeper, int error)
{
    if (error != -EBUSY)
        keeper->squeezed_since_ms = 0;
    else if (keeper->squeezed_since_ms == 0)
        keeper->squeezed_since_ms = monotonic_ms();
    return error == -EBUSY && monotonic_ms() - keeper->squeezed_since_ms < SQUEEZED_MS_MAX;
}

/* Under the lock: until there is something to do. */
static void wait_round(struct weir_keeper *keeper, int error)
{
    int64_t now_ms = monotonic_ms();

    if (error != 0) {
        int64_t retry_ms = now_ms + (error == -EBUSY ? SQUEEZED_MS : RETRY_MS);

        while (!keeper->stopping && (now_ms = monotonic_ms()) < retry_ms)
            wait_for_work(keeper, retry_ms);
        return;
    }
    while (!keeper->stopping && !has_work(keeper)) {
        /* Nobody tells when the log grows: that would cost a call a message. It may fill the ring
         * long before it is due. */
        wait_for_work(keeper, monotonic_ms() + LOOK_EVERY_MS);
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
        keeper->log_due = log_is_due(keeper);
        keeper->kicked = false;
        if (keeper->log_due)
            keeper->written_ms = monotonic_ms();
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
    if (keeper->snapshot)
        munmap(keeper->snapshot, (size_t)keeper->snapshot_size);
    if (keeper->staged_bytes)
        munmap(keeper->staged_bytes, WEIR_KEEPER_STAGED_BYTES);
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
    keeper->staged_bytes = weir_running_map(WEIR_KEEPER_STAGED_BYTES);
    if (!keeper->staged_bytes)
        goto error_keeper;
    weir_ring_init(&keeper->staged, keeper->staged_bytes, WEIR_KEEPER_STAGED_BYTES);
    if (!weir_room_init(&keeper->room, &storage->outbox, WEIR_BATCH_BYTES_MAX, reserve, keeper))
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

void weir_keeper_follow(struct weir_keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->following = true;
    pthread_cond_signal(&keeper->work);
    pthread_mutex_unlock(&keeper->lock);
}

enum weir_keeper_end weir_keeper_destroy(struct weir_keeper *keeper, int wait_ms)
{
    int64_t end_ms = monotonic_ms() + wait_ms;
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

static void kick(struct weir_keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->kicked = true;
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
        int64_t end_ms = patience_end(keeper, monotonic_ms());
        struct timespec until = {.tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000};

        keeper->kicked = true;
        pthread_cond_signal(&keeper->work);
        if (pthread_cond_timedwait(&keeper->progress, &keeper->lock, &until) == ETIMEDOUT)
            break;
    }
    pthread_mutex_unlock(&keeper->lock);
}

bool weir_keeper_put(struct weir_keeper *keeper, const struct weir_outbox_batch *batch)
{
    size_t padded = ((size_t)batch->length + 7) & ~(size_t)7;
    size_t row_bytes = batch->row_count * sizeof(*batch->rows);
    uint64_t log_end = weir_journal_end(keeper->journal);
    struct staged *staged =
        weir_ring_reserve(&keeper->staged, sizeof(*staged) + padded + row_bytes);

    if (!staged)
        return false;
    *staged = (struct staged){
        /* A batch of a log in memory, before there was storage, has a place of its own. */
        .place = batch->place < log_end ? batch->place : log_end,
        .epoch = batch->epoch,
        .sequence = batch->sequence,
        .row_count = batch->row_count,
        .length = batch->length,
    };
    memcpy(staged + 1, batch->bytes, batch->length);
    if (row_bytes > 0)
        memcpy((char *)(staged + 1) + padded, batch->rows, row_bytes);
    weir_ring_commit(&keeper->staged);
    kick(keeper);
    return true;
}

bool weir_keeper_peek(struct weir_keeper *keeper, struct weir_outbox_batch *batch)
{
    bool ready;

    pthread_mutex_lock(&keeper->lock);
    ready = keeper->slot == SLOT_READY;
    if (ready)
        *batch = keeper->slot_batch;
    pthread_mutex_unlock(&keeper->lock);
    return ready;
}

void weir_keeper_done(struct weir_keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    assert(keeper->slot == SLOT_READY);
    keeper->slot = SLOT_DONE;
    keeper->report.batches--;
    pthread_cond_signal(&keeper->work);
    pthread_mutex_unlock(&keeper->lock);
}

void weir_keeper_put_config(struct weir_keeper *keeper, const struct weir_running *running)
{
    size_t length = weir_config_image_size(running->config);
    void *image = malloc(length);

    if (!image) {
        weir_log_error("storage: no memory to keep the configuration in");
        return;
    }
    (void)weir_config_image_write(running->config, image);
    pthread_mutex_lock(&keeper->lock);
    /* Reloads by the dozen while the disk fails: the log is not written, the newest will do. */
    if (keeper->image_count == IMAGE_COUNT_MAX)
        free(keeper->images[--keeper->image_count].bytes);
    keeper->images[keeper->image_count++] = (struct image){image, length, running->image};
    pthread_cond_signal(&keeper->work);
    pthread_mutex_unlock(&keeper->lock);
}

bool weir_keeper_wants_snapshot(struct weir_keeper *keeper)
{
    bool wanted;

    pthread_mutex_lock(&keeper->lock);
    wanted = snapshot_is_due(keeper);
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
        if (keeper->snapshot)
            munmap(keeper->snapshot, (size_t)keeper->snapshot_size);
        keeper->snapshot = weir_running_map(size);
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

uint32_t weir_keeper_wanted(struct weir_keeper *keeper, uint64_t *epoch, uint64_t *id)
{
    uint32_t count;

    pthread_mutex_lock(&keeper->lock);
    count = keeper->wanted.count;
    *epoch = keeper->wanted.epoch;
    *id = keeper->wanted.id;
    pthread_mutex_unlock(&keeper->lock);
    return count;
}

void weir_keeper_grant(struct weir_keeper *keeper, uint64_t id, bool granted, uint64_t first)
{
    pthread_mutex_lock(&keeper->lock);
    if (keeper->wanted.id == id && keeper->wanted.count > 0) {
        keeper->wanted.count = 0;
        keeper->wanted.refused = !granted;
        keeper->wanted.first = first;
        pthread_cond_signal(&keeper->work);
    }
    pthread_mutex_unlock(&keeper->lock);
}

void weir_keeper_report(struct weir_keeper *keeper, struct weir_keeper_report *report)
{
    pthread_mutex_lock(&keeper->lock);
    *report = keeper->report;
    if (report->error == 0 && monotonic_ms() > patience_end(keeper, monotonic_ms())) {
        report->error = ETIMEDOUT;
        report->what = "the disk does not answer";
    }
    pthread_mutex_unlock(&keeper->lock);
}
