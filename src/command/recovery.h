/*
 * Where a start goes on from: the newest snapshot that is whole, and the log behind it.
 */
#ifndef WEIR_COMMAND_RECOVERY_H
#define WEIR_COMMAND_RECOVERY_H

#include "command/done.h"
#include "command/running.h"
#include "command/storage.h"

struct weir_recovery {
    struct weir_running *running; /* the state at `start`; NULL: there is none, begin afresh */
    struct weir_log_place start;  /* of the first record that the state has not seen */
    struct weir_log_place end;    /* where the log on disk ends */
    struct weir_log_place ring;   /* where the ring goes on from, `end` or later */
    struct weir_log_place last;   /* where the log ends */
    bool ring_found;              /* the ring of the process before is there */
    struct weir_done done;        /* batches that need not leave again */
    uint64_t epoch;               /* of the snapshot */
    uint64_t lost;                /* records that are missing between start and last */
    uint64_t damaged;             /* places where they are missing */
    uint64_t bad[WEIR_HISTORY_BAD_MAX]; /* the segments in which they are */
    uint32_t bad_count;
    void *extra; /* the daemon's own part of the snapshot */
    uint64_t extra_bytes;
};

/* The options of the storage's journal; run is that of the process whose ring it is. */
struct weir_journal_options weir_recovery_journal(const struct weir_storage *storage, uint64_t run);

/* Finds out; logs what it finds. */
void weir_recovery_begin(struct weir_recovery *recovery, struct weir_storage *storage);

/* Finds where the log ends, and no state. */
void weir_recovery_find_end(struct weir_recovery *recovery, struct weir_storage *storage);

void weir_recovery_finish(struct weir_recovery *recovery);

/* The state that a CONFIG record goes over to, laid out and empty; NULL: its image is gone, or there
 * is no memory. */
struct weir_running *weir_recovery_config(struct weir_storage *storage, uint64_t image,
                                          uint64_t epoch);

#endif
