/* Main's side of the keeper, round by round and when the process stops. */
#include <errno.h>
#include <stdlib.h>

#include "command/daemon.h"
#include "port/log.h"

static void note_number(struct weir_daemon *daemon, enum weir_record_kind kind, uint64_t number,
                        uint64_t *noted)
{
    struct weir_record record = {.kind = kind, .number = number};

    if (number > *noted && weir_intake_note(&daemon->intake, &record))
        *noted = number;
}

/* False: there is no room in the log now. */
static bool note_batches(struct weir_daemon *daemon)
{
    const struct weir_done *done = weir_uplink_done(daemon->uplink);
    struct weir_record record = {
        .kind = WEIR_RECORD_BATCHES,
        .epoch = done->entries[done->newest].epoch,
        .number = done->entries[done->newest].sequence,
    };

    if (record.number <= weir_done_find(&daemon->batches_done, record.epoch))
        return true;
    if (!weir_intake_note(&daemon->intake, &record))
        return false;
    weir_done_note(&daemon->batches_done, record.epoch, record.number);
    return true;
}

void weir_daemon_note_done(struct weir_daemon *daemon)
{
    if (!daemon->keeper)
        return;
    note_number(daemon, WEIR_RECORD_EVENTS, weir_publisher_events_done(daemon->publisher),
                &daemon->events_done);
    if (daemon->uplink && note_batches(daemon))
        weir_keeper_note_done(daemon->keeper);
}

/* A disk that fails takes the log with it: what leaves from now on must not meet, after a restart,
 * what is made again from an older log. So it has an epoch of its own. */
static void follow_faults(struct weir_daemon *daemon)
{
    struct weir_keeper_report report;

    weir_keeper_report(daemon->keeper, &report);
    /* Behind a hole in the log on disk nothing made before it can be made again. */
    if (report.holes != daemon->holes) {
        daemon->holes = report.holes;
        weir_daemon_begin_epoch(daemon);
        weir_keeper_want_snapshot(daemon->keeper);
    }
    if (report.error == daemon->storage_error)
        return;
    if (daemon->storage_error == 0)
        weir_daemon_begin_epoch(daemon);
    if (report.error == ETIMEDOUT)
        weir_log_error("storage: %s", report.what);
    if (daemon->uplink)
        weir_uplink_use_keeper(daemon->uplink, report.error == 0 ? daemon->keeper : NULL);
    if (report.error == 0 && daemon->storage_error != ETIMEDOUT)
        weir_keeper_want_snapshot(daemon->keeper);
    daemon->storage_error = report.error;
    weir_publisher_set_storage(daemon->publisher, report.error == 0 ? "good" : report.what);
}

/* The outbox asks for numbers of batches, to make some again, or says what became of them. */
static void answer_keeper(struct weir_daemon *daemon)
{
    struct weir_engine *engine;
    struct weir_engine_numbers numbers;
    struct weir_record record;
    bool noted;

    if (!weir_keeper_wanted(daemon->keeper, &record))
        return;
    engine = weir_intake_lock(&daemon->intake);
    weir_daemon_step_engine(daemon);
    noted = record.kind != WEIR_RECORD_RESERVE || weir_engine_epoch(engine) == record.epoch;
    while (noted && !weir_intake_note(&daemon->intake, &record))
        weir_daemon_step_engine(daemon);
    weir_daemon_step_engine(daemon);
    weir_engine_reserved(engine, &numbers);
    weir_keeper_answer(daemon->keeper, noted, &numbers);
    weir_intake_unlock(&daemon->intake);
}

/* Under the lock. */
static void take_snapshot(struct weir_daemon *daemon)
{
    struct weir_log_place place;
    uint64_t extra_bytes;
    void *extra;

    weir_daemon_step_engine(daemon);
    weir_journal_place(daemon->journal, &place);
    extra_bytes = weir_publisher_save(daemon->publisher, NULL);
    extra = malloc((size_t)extra_bytes);
    if (!extra)
        return;
    (void)weir_publisher_save(daemon->publisher, extra);
    weir_keeper_take_snapshot(daemon->keeper, daemon->running, &place, extra, extra_bytes);
    free(extra);
}

/* Not while batches are in memory alone: the log has to be there to make them again. */
static bool wants_snapshot(const struct weir_daemon *daemon)
{
    return weir_keeper_wants_snapshot(daemon->keeper) &&
           !(daemon->uplink && weir_uplink_holds_any(daemon->uplink));
}

void weir_daemon_step_storage(struct weir_daemon *daemon)
{
    if (daemon->opening && weir_opening_step(daemon->opening, weir_daemon_boottime_ms())) {
        weir_opening_destroy(daemon->opening);
        daemon->opening = NULL;
        weir_daemon_attach_storage(daemon);
    }
    if (!daemon->keeper)
        return;
    follow_faults(daemon);
    answer_keeper(daemon);
    weir_daemon_note_done(daemon);
    if (!wants_snapshot(daemon))
        return;
    weir_intake_lock(&daemon->intake);
    take_snapshot(daemon);
    weir_intake_unlock(&daemon->intake);
}

void weir_daemon_stop_storage(struct weir_daemon *daemon, int wait_ms)
{
    weir_opening_destroy(daemon->opening);
    daemon->opening = NULL;
    if (!daemon->keeper)
        return;
    weir_daemon_note_done(daemon);
    weir_keeper_want_snapshot(daemon->keeper);
    if (wants_snapshot(daemon)) {
        weir_intake_lock(&daemon->intake);
        take_snapshot(daemon);
        weir_intake_unlock(&daemon->intake);
    }
    switch (weir_keeper_destroy(daemon->keeper, wait_ms)) {
    case WEIR_KEEPER_DONE:
        weir_storage_close(&daemon->storage, true);
        break;
    case WEIR_KEEPER_FAILED:
        weir_storage_close(&daemon->storage, false);
        break;
    case WEIR_KEEPER_STUCK:
        break; /* its thread may still come back to it, before the process ends */
    }
    daemon->keeper = NULL;
    if (daemon->uplink)
        weir_uplink_lose_keeper(daemon->uplink);
}
