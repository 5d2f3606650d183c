/* The log behind a snapshot, through the same engine. */
#include "command/daemon.h"
#include "port/log.h"

/* A configuration that the log went over to; or, under another epoch, began anew with. */
static void replay_config(struct weir_daemon *daemon, const struct weir_record *record)
{
    bool anew = record->epoch != daemon->log_epoch;
    struct weir_running *next;

    daemon->log_epoch = record->epoch;
    if (!anew && record->hash == daemon->running->image)
        return;
    next = weir_recovery_config(&daemon->storage, record->hash, record->epoch);
    if (!next) {
        weir_log_warning("storage: a configuration of the past cannot be read; the one before it "
                         "goes on in its place");
        daemon->replay_damaged = true;
        return;
    }
    if (anew)
        weir_daemon_begin_anew(daemon, next);
    else if (!weir_daemon_change(daemon, next, true))
        weir_log_warning("storage: a configuration of the past cannot be gone over to");
}

static void replay_record(struct weir_daemon *daemon, const struct weir_record *record)
{
    while (weir_intake_apply(&daemon->running->engine, record) != WEIR_OK)
        weir_daemon_take_outputs(daemon);
    weir_daemon_take_outputs(daemon);
    switch (record->kind) {
    case WEIR_RECORD_CONFIG:
        replay_config(daemon, record);
        break;
    case WEIR_RECORD_EVENTS:
        weir_publisher_note_events_done(daemon->publisher, record->number);
        break;
    case WEIR_RECORD_EPOCH:
        daemon->log_epoch = record->epoch;
        break;
    case WEIR_RECORD_LOSSES:
        daemon->losses = record->losses;
        break;
    default:
        break;
    }
}

/*
 * What is made from a log with a hole must not meet what had left before under its number: it has
 * another epoch, the same however often it is made. But not what has left already, as far as its
 * number goes: that is not to leave twice.
 */
static void replay_damage(struct weir_daemon *daemon)
{
    struct weir_engine *engine = &daemon->running->engine;
    uint64_t epoch = weir_engine_epoch(engine);

    if (!daemon->replay_damaged ||
        (daemon->uplink && weir_engine_next_sequence(engine) <=
                               weir_done_find(weir_uplink_done(daemon->uplink), epoch)))
        return;
    weir_engine_set_epoch(engine, (epoch ^ daemon->replayed) * 0x9e3779b97f4a7c15u);
    daemon->replay_damaged = false;
    daemon->replay_moved = true;
}

static void replay_disk(struct weir_daemon *daemon, const struct weir_recovery *recovery)
{
    struct weir_storage *storage = &daemon->storage;
    struct weir_history history;
    struct weir_record record;
    uint64_t damaged = 0;

    weir_history_init(&history, storage->disk, storage->segments.numbers, storage->segments.count,
                      storage->segment_bytes, storage->store,
                      recovery->start.position > 0 ? &recovery->start : NULL, storage->buffer);
    while (weir_history_next(&history, &record, &daemon->replayed)) {
        daemon->replayed++;
        daemon->replay_damaged |= history.damaged != damaged;
        damaged = history.damaged;
        replay_damage(daemon);
        replay_record(daemon, &record);
    }
}

void weir_daemon_replay_log(struct weir_daemon *daemon, const struct weir_recovery *recovery)
{
    struct weir_record record;

    replay_disk(daemon, recovery);
    daemon->replay_damaged |= recovery->ring.position != recovery->end.position;
    /* Not before: what is written meanwhile would be read from disk, and then from the ring. */
    weir_keeper_follow(daemon->keeper);
    while (weir_journal_peek(daemon->journal, &record)) {
        replay_damage(daemon);
        replay_record(daemon, &record);
        weir_journal_consume(daemon->journal);
    }
    daemon->replayed = 0;
}
