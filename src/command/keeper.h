/*
 * The keeper: the thread that brings to disk what has to be there, so that nobody else ever waits
 * for one. It writes the log and syncs it, puts batches into the outbox and takes them out, and
 * puts snapshots in place.
 *
 * The order is what makes a restart exact: a batch goes into the outbox when the log that it was
 * made from is on disk; a snapshot when every batch made before it is in the outbox. So whatever
 * leaves can be made again, the same to the byte.
 *
 * When the disk fails the keeper tries again every second, and says so: the log then lives in its
 * ring alone, and batches are the caller's to keep.
 */
#ifndef WEIR_COMMAND_KEEPER_H
#define WEIR_COMMAND_KEEPER_H

#include "command/running.h"
#include "command/storage.h"

struct weir_keeper;

/* Bytes of batches on their way to the outbox: six full ones. */
#define WEIR_KEEPER_STAGED_BYTES (1024 * 1024)

/* Bytes of log behind a snapshot of so many bytes after which another is due. */
uint64_t weir_keeper_snapshot_distance(uint64_t journal_bytes, uint64_t segment_bytes,
                                       uint64_t snapshot_bytes);

/* All are borrowed. sync_ms as in the configuration; wake_fd is an eventfd, written to when there
 * is something new. NULL: no memory or no thread; logged. */
struct weir_keeper *weir_keeper_create(struct weir_storage *storage, struct weir_journal *journal,
                                       int64_t sync_ms, int wake_fd);

/* From now on the log is written on. Until then its files stay as they are, for whoever reads
 * them. */
void weir_keeper_follow(struct weir_keeper *keeper);

enum weir_keeper_end {
    WEIR_KEEPER_DONE,   /* everything is on disk */
    WEIR_KEEPER_FAILED, /* not everything is */
    WEIR_KEEPER_STUCK,  /* the disk does not answer: thread and storage are left to themselves */
};

/* Brings everything to disk that is still to go there, for wait_ms at most. */
enum weir_keeper_end weir_keeper_destroy(struct weir_keeper *keeper, int wait_ms);

/* From now on nobody waits for the disk: the process is about to end. */
void weir_keeper_stop_waiting(struct weir_keeper *keeper);

/* Waits until the log is on disk up to its present end, or the keeper knows that it cannot be. Any
 * thread. */
void weir_keeper_wait_synced(struct weir_keeper *keeper);

/* Hands over a batch, which is copied. False: the disk is that far behind. */
bool weir_keeper_put(struct weir_keeper *keeper, const struct weir_outbox_batch *batch);

/* The batch that is to leave next, valid until it is done with; false: there is none yet. From now
 * on it may have left: it keeps its bytes. */
bool weir_keeper_peek(struct weir_keeper *keeper, struct weir_outbox_batch *batch);

/* The batch that was peeked at has left, or is given up. */
void weir_keeper_done(struct weir_keeper *keeper);

/* The log says so. One that stands for others goes only then: without it and without that word, a
 * restart would make those again. */
void weir_keeper_note_done(struct weir_keeper *keeper);

/* Has the times of batches that were put before put right. */
void weir_keeper_shift(struct weir_keeper *keeper, const struct weir_engine_shift *shift);

/* Keeps an image of a configuration at hand. */
void weir_keeper_put_config(struct weir_keeper *keeper, const struct weir_running *running);

/* True when it is time for a snapshot and there is room to take one. */
bool weir_keeper_wants_snapshot(struct weir_keeper *keeper);

/* Asks for one as soon as can be. */
void weir_keeper_want_snapshot(struct weir_keeper *keeper);

/* Segments that are damaged: set aside when the next snapshot has made them dispensable. Before the
 * first of them. */
void weir_keeper_condemn(struct weir_keeper *keeper, const uint64_t *numbers, uint32_t count);

/* Takes a snapshot: copies the state now, writes it when its turn comes. Only when wanted. */
void weir_keeper_take_snapshot(struct weir_keeper *keeper, const struct weir_running *running,
                               const struct weir_log_place *place, const void *extra,
                               uint64_t extra_bytes);

/* A record that the keeper wants to have noted: RESERVE, for the epoch that it names, or SETTLE;
 * false: none. It is answered at once, with the engine's numbers behind it: the keeper waits. Before
 * the first call the keeper asks for nothing. */
bool weir_keeper_wanted(struct weir_keeper *keeper, struct weir_record *record);
void weir_keeper_answer(struct weir_keeper *keeper, bool noted,
                        const struct weir_engine_numbers *numbers);

/* Numbers that an earlier process took and did not settle. */
void weir_keeper_put_numbers(struct weir_keeper *keeper, const struct weir_engine_numbers *numbers);

struct weir_keeper_report {
    int error;                /* errno of what does not work now; 0: all is well */
    const char *what;         /* in words */
    uint64_t batches;         /* waiting: in the outbox or on their way there */
    uint64_t batches_dropped; /* of a full outbox */
    uint64_t summaries_dropped;
    uint64_t dropped_epoch; /* of the newest of them */
    uint64_t dropped_sequence;
    uint64_t coarsened;
    uint64_t holes; /* times that the log on disk lost touch with its ring */
};
void weir_keeper_report(struct weir_keeper *keeper, struct weir_keeper_report *report);

#endif
