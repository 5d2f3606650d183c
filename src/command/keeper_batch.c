/* Batches on their way into the outbox, and the one that leaves it next. */
#include <errno.h>
#include <string.h>

#include "command/keeper_work.h"
#include "core/assert.h"
#include "port/log.h"

/* A batch on its way; its bytes, padded to eight, its rows and their sketches follow. */
struct staged {
    uint64_t place;
    uint64_t epoch;
    uint64_t sequence;
    uint32_t row_count;
    uint32_t length;
    uint64_t sketches_length;
};

bool weir_keeper_is_done(const struct weir_keeper *keeper)
{
    return keeper->slot == WEIR_KEEPER_SLOT_DONE &&
           keeper->storage->segments.synced >= keeper->done_from;
}

static void copy_counts(struct weir_keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->busy_since_ms =
        weir_keeper_monotonic_ms(); /* many calls to the disk, but each had its answer */
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

/* Takes back the batch that is ready to leave, unless it may have left. */
static void clear_slot(struct weir_keeper *keeper)
{
    bool out;

    pthread_mutex_lock(&keeper->lock);
    if (keeper->slot == WEIR_KEEPER_SLOT_READY)
        keeper->slot = WEIR_KEEPER_SLOT_EMPTY;
    out = keeper->slot != WEIR_KEEPER_SLOT_EMPTY;
    weir_room_spare(&keeper->room, keeper->slot_batch.epoch, out ? keeper->slot_batch.first : 0);
    pthread_mutex_unlock(&keeper->lock);
}

static int store_batch(struct weir_keeper *keeper, const struct staged *staged)
{
    struct weir_outbox *outbox = &keeper->storage->outbox;
    const char *bytes = (const char *)(staged + 1);
    const struct weir_summary *rows =
        (const struct weir_summary *)(const void *)(bytes + ((staged->length + 7) & ~7u));
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
        .rows = rows,
        .sketches_length = (uint32_t)staged->sketches_length,
        .sketches = (const unsigned char *)(rows + staged->row_count),
    };
    int error = 0;

    /* One that a restart made again makes no room for itself. */
    if (weir_outbox_has(outbox, batch.epoch, batch.sequence))
        return 0;
    while (error == 0 && outbox->count > 0 &&
           !weir_outbox_fits(outbox, weir_outbox_file_size(batch.length, batch.row_count,
                                                           batch.sketches_length))) {
        clear_slot(keeper);
        error = weir_room_make(&keeper->room, batch.epoch);
    }
    copy_counts(keeper);
    if (error == 0)
        error = weir_outbox_add(outbox, &batch);
    if (error == 0)
        weir_room_note_batch(&keeper->room, batch.epoch, batch.sequence);
    return error;
}

int weir_keeper_store_batches(struct weir_keeper *keeper)
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
        weir_keeper_note_progress(keeper);
    }
    return 0;
}

bool weir_keeper_shifts(const struct weir_keeper *keeper)
{
    return keeper->shift_count > 0 || weir_room_shifts(&keeper->room);
}

static void take_shifts(struct weir_keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    for (uint32_t i = 0; i < keeper->shift_count; i++)
        weir_room_add_shift(&keeper->room, &keeper->shifts[i]);
    keeper->shift_count = 0;
    pthread_mutex_unlock(&keeper->lock);
}

/* A run at a time: what else there is to do is not held up by all of them. */
int weir_keeper_shift_batches(struct weir_keeper *keeper)
{
    bool answered;
    int error;

    take_shifts(keeper);
    if (!weir_room_shifts(&keeper->room))
        return 0;
    pthread_mutex_lock(&keeper->lock);
    answered = keeper->answered;
    pthread_mutex_unlock(&keeper->lock);
    if (!answered)
        return 0;
    clear_slot(keeper);
    error = weir_room_shift(&keeper->room);
    return error == -EAGAIN ? 0 : error;
}

/* Takes out what has left, and has the next one ready. */
int weir_keeper_serve_slot(struct weir_keeper *keeper)
{
    struct weir_outbox *outbox = &keeper->storage->outbox;
    enum weir_keeper_slot slot;
    struct weir_outbox_batch batch;
    bool done;
    int error = 0;

    pthread_mutex_lock(&keeper->lock);
    slot = keeper->slot;
    done = weir_keeper_is_done(keeper);
    pthread_mutex_unlock(&keeper->lock);
    if (done) {
        uint32_t index = find_slot(keeper);

        error = index < outbox->count ? weir_outbox_remove(outbox, index, true) : 0;
        if (error != 0)
            return error;
        pthread_mutex_lock(&keeper->lock);
        keeper->slot = slot = WEIR_KEEPER_SLOT_EMPTY;
        pthread_mutex_unlock(&keeper->lock);
    }
    /* What is to be put right does not leave before, nor what the log does not know for certain. */
    if (slot != WEIR_KEEPER_SLOT_EMPTY || outbox->count == 0 || weir_room_shifts(&keeper->room) ||
        keeper->room.torn || keeper->storage->segments.synced < keeper->leave_from)
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
    batch.sketches = NULL;
    keeper->slot_batch = batch;
    keeper->slot = WEIR_KEEPER_SLOT_READY;
    pthread_mutex_unlock(&keeper->lock);
    weir_keeper_wake_owner(keeper);
    return 0;
}

bool weir_keeper_put(struct weir_keeper *keeper, const struct weir_outbox_batch *batch)
{
    size_t padded = ((size_t)batch->length + 7) & ~(size_t)7;
    size_t row_bytes = batch->row_count * sizeof(*batch->rows);
    uint64_t log_end = weir_journal_end(keeper->journal);
    struct staged *staged = weir_ring_reserve(
        &keeper->staged, sizeof(*staged) + padded + row_bytes + batch->sketches_length);

    if (!staged)
        return false;
    *staged = (struct staged){
        /* A batch of a log in memory, before there was storage, has a place of its own. */
        .place = batch->place < log_end ? batch->place : log_end,
        .epoch = batch->epoch,
        .sequence = batch->sequence,
        .row_count = batch->row_count,
        .length = batch->length,
        .sketches_length = batch->sketches_length,
    };
    memcpy(staged + 1, batch->bytes, batch->length);
    if (row_bytes > 0)
        memcpy((char *)(staged + 1) + padded, batch->rows, row_bytes);
    if (batch->sketches_length > 0)
        memcpy((char *)(staged + 1) + padded + row_bytes, batch->sketches, batch->sketches_length);
    weir_ring_commit(&keeper->staged);
    weir_keeper_kick(keeper);
    return true;
}

bool weir_keeper_peek(struct weir_keeper *keeper, struct weir_outbox_batch *batch)
{
    bool ready;

    pthread_mutex_lock(&keeper->lock);
    ready = keeper->slot == WEIR_KEEPER_SLOT_READY || keeper->slot == WEIR_KEEPER_SLOT_OUT;
    if (ready) {
        keeper->slot = WEIR_KEEPER_SLOT_OUT;
        *batch = keeper->slot_batch;
    }
    pthread_mutex_unlock(&keeper->lock);
    return ready;
}

void weir_keeper_done(struct weir_keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    assert(keeper->slot == WEIR_KEEPER_SLOT_OUT);
    keeper->slot = WEIR_KEEPER_SLOT_DONE;
    keeper->done_from = keeper->slot_batch.level > 0 ? UINT64_MAX : 0;
    keeper->report.batches--;
    pthread_cond_signal(&keeper->work);
    pthread_mutex_unlock(&keeper->lock);
}

void weir_keeper_note_done(struct weir_keeper *keeper)
{
    uint64_t end = weir_journal_end(keeper->journal);

    pthread_mutex_lock(&keeper->lock);
    if (keeper->slot == WEIR_KEEPER_SLOT_DONE && end < keeper->done_from) {
        keeper->done_from = end;
        keeper->kicked = true;
        pthread_cond_signal(&keeper->work);
    }
    pthread_mutex_unlock(&keeper->lock);
}

void weir_keeper_shift(struct weir_keeper *keeper, const struct weir_engine_shift *shift)
{
    pthread_mutex_lock(&keeper->lock);
    /* So many at once means that the disk hangs: the oldest keeps its times, and its mark. */
    if (keeper->shift_count == WEIR_ROOM_SHIFT_COUNT_MAX)
        memmove(keeper->shifts, keeper->shifts + 1, --keeper->shift_count * sizeof(*shift));
    keeper->shifts[keeper->shift_count++] = *shift;
    pthread_cond_signal(&keeper->work);
    pthread_mutex_unlock(&keeper->lock);
}
