/*
 * What `weir run` is made of, and the parts of it that have files of their own: outputs.c (what
 * leaves the engine), reload.c (another configuration), restart.c (the state of the process
 * before), restart_replay.c (the log behind it), keeping.c (the keeping of this one's).
 *
 * All of it belongs to the main thread.
 */
#ifndef WEIR_COMMAND_DAEMON_H
#define WEIR_COMMAND_DAEMON_H

#include "command/control.h"
#include "command/intake.h"
#include "command/keeper.h"
#include "command/opening.h"
#include "command/publisher.h"
#include "command/recovery.h"
#include "command/running.h"
#include "command/service.h"
#include "command/storage.h"
#include "command/uplink.h"
#include "port/clock.h"
#include "port/mqtt.h"

/* How long a farewell may take: three connections within the five seconds promised for a stop. */
#define WEIR_STOP_DISCONNECT_MS 400

struct weir_daemon {
    const char *config_path;
    struct weir_running *running;
    struct weir_clock clock;
    struct weir_journal *journal; /* one of these two */
    struct weir_journal memory_journal;
    struct weir_journal stored_journal;
    void *ring; /* of the journal, without storage */
    uint64_t ring_bytes;
    struct weir_intake intake;
    struct weir_storage storage;
    struct weir_keeper *keeper;   /* NULL: no storage */
    struct weir_opening *opening; /* storage that could not be had at the start; NULL: none */
    int storage_error;            /* what was said last to be wrong with it; 0: nothing */
    void *outbox;
    uint64_t outbox_size;
    struct weir_mqtt *input;
    struct weir_publisher *publisher;
    struct weir_control control;
    struct weir_uplink *uplink; /* NULL: none configured, or one that a reload could not make */
    struct weir_uplink_counts unsent; /* batches that had no uplink to go to */
    struct weir_ledger losses;        /* as the log has them */
    struct weir_ledger base;          /* what was lost before this process began */
    uint64_t events_done;             /* as the log has them */
    struct weir_done batches_done;    /* as the log has them */
    uint64_t log_epoch;               /* of the log, where a restart is */
    uint64_t replayed;                /* where in the log a restart is; 0: it is over */
    bool replay_damaged;              /* something was missing: another epoch is due */
    bool replay_moved;                /* to an epoch that the log does not name: it is to get one */
    uint64_t holes;                   /* of the log on disk, seen so far */
    uint64_t epoch;                   /* of an engine that begins afresh */
    struct weir_service service;
    int64_t clock_looked_ms; /* when it was last asked whether the clock is right */
    int64_t settle_by_ms;    /* until then messages wait for what was retained */
    bool settled;
    bool link_noted;        /* the log says of this process whether the broker can be heard, ... */
    bool link_up;           /* ... and that it says */
    int64_t complain_at_ms; /* not before then about commands */
    int wake_fd;
    int signal_fd;
    bool stopping;
};

int64_t weir_daemon_boottime_ms(void);

/* outputs.c. Under the intake's lock. */

/* Brings what was lost outside the engine into the log, should it have changed. */
void weir_daemon_note_losses(struct weir_daemon *daemon);

/* Takes everything that the engine has to give. */
void weir_daemon_take_outputs(struct weir_daemon *daemon);

/* Lets the engine follow the log to its end, ticks included. */
void weir_daemon_step_engine(struct weir_daemon *daemon);

/* Closes the windows of the streams that `next` does not have unchanged, or (NULL) all of them. */
void weir_daemon_drain(struct weir_daemon *daemon, const struct weir_config *next);

/* reload.c */

/* Makes an uplink that collects, and connects nowhere. False: no memory. */
bool weir_daemon_create_uplink(struct weir_daemon *daemon, const struct weir_config *config);

/* Makes the connections of the configuration that runs, input last. False: one cannot be;
 * logged. */
bool weir_daemon_connect(struct weir_daemon *daemon);

/* Goes over to another configuration, state and all. False: it cannot be used; nothing was
 * changed, and next is freed. noted: the log says so already, and is passed by the caller. */
bool weir_daemon_change(struct weir_daemon *daemon, struct weir_running *next, bool noted);

/* Leaves the state behind and begins with an empty one, as an earlier process did here. */
void weir_daemon_begin_anew(struct weir_daemon *daemon, struct weir_running *next);

/* Reads the configuration anew and goes over to it. False: it is refused; nothing was changed. */
bool weir_daemon_reload(struct weir_daemon *daemon);

/* restart.c */

/* Opens the storage, brings up the journal, the intake, the publisher and the uplink, and goes on
 * where the process before stopped. Takes config over. False: no start is possible. */
bool weir_daemon_start_state(struct weir_daemon *daemon, struct weir_config *config);

/* Storage has come late: it is taken up with the state there is. What it kept of an earlier process
 * is not joined to that, but for the batches in its outbox. */
void weir_daemon_attach_storage(struct weir_daemon *daemon);

/* Begins a new epoch, for what is not to meet what has left before. */
void weir_daemon_begin_epoch(struct weir_daemon *daemon);

/* restart_replay.c */

/* Lets the engine of a snapshot follow the log behind it, from the disk and from the ring. */
void weir_daemon_replay_log(struct weir_daemon *daemon, const struct weir_recovery *recovery);

/* keeping.c */

/* Has the log say what has left or is given up. */
void weir_daemon_note_done(struct weir_daemon *daemon);

/* After every round: notes what has left, takes a snapshot if one is due, follows the storage's
 * faults. */
void weir_daemon_step_storage(struct weir_daemon *daemon);

/* The last of it: everything on disk. */
void weir_daemon_stop_storage(struct weir_daemon *daemon, int wait_ms);

#endif
