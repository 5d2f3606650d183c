/*
 * Numbers of batches that are made again. They come from the engine, through the log, which is the
 * owner's; and the log says whether they are used before any of them leaves, so that no start uses
 * a number twice or leaves one out.
 */
#include <errno.h>

#include "command/keeper_work.h"
#include "core/assert.h"

#define ANSWER_WAIT_MS 5000

/* Has the owner note a record. One that it has taken up may be in the log: its answer is waited
 * for, however long that takes. */
static int ask(struct weir_keeper *keeper, const struct weir_record *record)
{
    struct weir_keeper_request *request = &keeper->request;
    int64_t end_ms = weir_keeper_monotonic_ms() + ANSWER_WAIT_MS;
    int error = 0;

    pthread_mutex_lock(&keeper->lock);
    *request = (struct weir_keeper_request){.record = *record, .open = true};
    /* It is not the disk that takes its time. */
    keeper->busy_since_ms = 0;
    weir_keeper_wake_owner(keeper);
    while (request->open && !request->taken && !keeper->stopping &&
           weir_keeper_monotonic_ms() < end_ms)
        weir_keeper_wait_for_work(keeper, end_ms);
    while (request->open && request->taken)
        pthread_cond_wait(&keeper->work, &keeper->lock);
    if (request->open)
        error = keeper->stopping ? -ECANCELED : -EAGAIN;
    else if (request->refused)
        error = -ESTALE;
    request->open = false;
    keeper->busy_since_ms = weir_keeper_monotonic_ms();
    pthread_mutex_unlock(&keeper->lock);
    return error;
}

static struct weir_engine_numbers numbers_of(struct weir_keeper *keeper)
{
    struct weir_engine_numbers numbers;

    pthread_mutex_lock(&keeper->lock);
    numbers = keeper->numbers;
    pthread_mutex_unlock(&keeper->lock);
    return numbers;
}

/* 0: the log says so, though not on disk yet. Until it does, none of them leaves. */
static int settle(struct weir_keeper *keeper, bool used)
{
    const struct weir_record record = {.kind = WEIR_RECORD_SETTLE, .number = used};
    int error = ask(keeper, &record);

    if (error != 0)
        return error;
    keeper->leave_from = weir_journal_end(keeper->journal);
    weir_keeper_kick(keeper);
    return 0;
}

/* A set is whole in the outbox or not there at all. */
static bool are_used(const struct weir_outbox *outbox, const struct weir_engine_numbers *numbers)
{
    for (uint32_t i = 0; i < outbox->count; i++) {
        const struct weir_outbox_entry *entry = weir_outbox_at(outbox, i);

        if (entry->epoch == numbers->epoch && entry->sequence - numbers->first < numbers->count)
            return true;
    }
    return false;
}

int weir_keeper_settle_numbers(struct weir_keeper *keeper)
{
    const struct weir_engine_numbers numbers = numbers_of(keeper);
    bool answered;
    int error = weir_room_settle(&keeper->room);

    pthread_mutex_lock(&keeper->lock);
    answered = keeper->answered;
    pthread_mutex_unlock(&keeper->lock);
    if (error != 0 || numbers.count == 0 || !answered)
        return error;
    error = settle(keeper, are_used(&keeper->storage->outbox, &numbers));
    return error == -EAGAIN ? 0 : error;
}

int weir_keeper_reserve(void *context, uint64_t epoch, uint32_t count, uint64_t *first)
{
    struct weir_keeper *keeper = context;
    const struct weir_record record = {
        .kind = WEIR_RECORD_RESERVE, .epoch = epoch, .number = count};
    int error = weir_keeper_settle_numbers(keeper);

    if (error == 0 && numbers_of(keeper).count > 0)
        error = -EAGAIN;
    if (error == 0)
        error = ask(keeper, &record);
    *first = numbers_of(keeper).first;
    if (error != 0)
        return error;
    keeper->log_due = true;
    return weir_keeper_write_log(keeper);
}

int weir_keeper_use_numbers(void *context)
{
    return settle(context, true);
}

bool weir_keeper_wanted(struct weir_keeper *keeper, struct weir_record *record)
{
    bool open;

    pthread_mutex_lock(&keeper->lock);
    if (!keeper->answered)
        pthread_cond_signal(&keeper->work);
    keeper->answered = true;
    open = keeper->request.open;
    keeper->request.taken = open;
    *record = keeper->request.record;
    pthread_mutex_unlock(&keeper->lock);
    return open;
}

void weir_keeper_answer(struct weir_keeper *keeper, bool noted,
                        const struct weir_engine_numbers *numbers)
{
    pthread_mutex_lock(&keeper->lock);
    assert(keeper->request.taken);
    keeper->numbers = *numbers;
    keeper->request.open = false;
    keeper->request.refused = !noted;
    pthread_cond_signal(&keeper->work);
    pthread_mutex_unlock(&keeper->lock);
}

void weir_keeper_put_numbers(struct weir_keeper *keeper, const struct weir_engine_numbers *numbers)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->numbers = *numbers;
    pthread_mutex_unlock(&keeper->lock);
}
