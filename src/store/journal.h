/*
 * The newest part of the log, in memory: a ring that any thread appends to, that the engine
 * follows, and that a writer (store/segments.h), if there is storage, brings to disk.
 *
 * The ring lies in memory that the caller provides. In memory that outlives the process (a file on
 * a tmpfs) a killed process loses nothing: its head says where the log ends.
 *
 * Nothing here waits for a disk. The appender needs room: bytes that the engine has consumed and the
 * writer let go of. If it is the engine that is behind, the record is refused. If it is only the
 * writer, the oldest bytes are overwritten all the same and the writer finds out: the log on disk
 * then has a hole, the engine's state has none.
 */
#ifndef WEIR_STORE_JOURNAL_H
#define WEIR_STORE_JOURNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/record.h"

/* The smallest segment: two of the longest records. */
#define WEIR_SEGMENT_BYTES_MIN (128 * 1024)

/* In front of the ring: a page of its own. */
#define WEIR_JOURNAL_HEAD_BYTES 4096

/* What a process that is killed leaves to the next. */
struct weir_journal_head {
    uint64_t magic;
    uint64_t store;
    _Atomic uint64_t run;
    _Atomic uint64_t next_run; /* of who is about to take it over; 0: nobody yet */
    uint64_t ring_bytes;
    uint64_t segment_bytes;
    _Atomic uint64_t end; /* records below are whole */
};

struct weir_journal {
    /* private */
    struct weir_journal_head *head;
    unsigned char *ring;
    uint64_t ring_bytes;
    uint64_t segment_bytes;
    uint64_t store;
    bool written_on; /* there is a writer, who holds bytes until they are on disk */
    bool closed;     /* under the lock */

    pthread_mutex_t lock; /* the appenders' */
    int64_t end_ms;       /* time of the newest record */
    int64_t jump_ms;      /* of the clock, not in the log yet */
    uint64_t sequence;    /* records appended ever */
    struct weir_record_image image;

    int64_t consumed_ms; /* the engine's side: time of the newest record consumed */
    uint64_t consumed_sequence;
    size_t peeked; /* bytes of the record peeked at, and the time it leaves behind */
    int64_t peeked_ms;

    _Atomic uint64_t consumed; /* positions */
    _Atomic uint64_t held;     /* the writer still needs what is at and above */
    _Atomic uint64_t refused;  /* messages */
};

/* Where a journal lies and whose it is. */
struct weir_journal_options {
    void *memory;           /* WEIR_JOURNAL_HEAD_BYTES + ring_bytes, page-aligned */
    uint64_t ring_bytes;    /* a multiple of segment_bytes, twice it at least */
    uint64_t segment_bytes; /* a power of two, WEIR_SEGMENT_BYTES_MIN at least */
    uint64_t store;
    uint64_t run; /* rises with every process that opens the store */
    bool written_on;
};

/* The log goes on at `end`; the engine and the writer follow from `start`, whose bytes the memory
 * already holds up to end. */
void weir_journal_init(struct weir_journal *journal, const struct weir_journal_options *options,
                       const struct weir_log_place *start, const struct weir_log_place *end);
void weir_journal_finish(struct weir_journal *journal);

/*
 * Says that the process next_run is about to take over the memory that options->run left, if it is
 * that. Say it before it is known elsewhere that next_run has begun: however soon that process
 * ends, the memory then is still known for what was left last.
 */
void weir_journal_claim(const struct weir_journal_options *options, uint64_t next_run);

/*
 * The memory of an earlier process, read on from a place: true when it is a ring of this store, run
 * and size; *end, if not NULL, is its last place. A place that it does not reach back to is moved to
 * the first it has.
 */
bool weir_journal_inspect(const struct weir_journal_options *options, struct weir_log_place *place,
                          struct weir_log_place *end);

/* Reads the record at a place of such memory, and moves the place on; false: there is no more. */
bool weir_journal_read(const struct weir_journal_options *options, struct weir_log_place *place,
                       struct weir_record *record);

/* Any thread. The record's time is what `clock` says under the appenders' lock, so that times rise
 * in the order of the log; when it says that the clock has jumped, a STEP goes in front. WEIR_FULL:
 * the engine is that far behind. WEIR_REFUSED: the journal is closed, there is another. */
enum weir_status weir_journal_append(struct weir_journal *journal, struct weir_record *record,
                                     int64_t (*clock)(void *context, int64_t *jump_ms),
                                     void *context);

/* The engine's side: the oldest record not consumed; false: none. Valid until consumed. */
bool weir_journal_peek(struct weir_journal *journal, struct weir_record *record);
void weir_journal_consume(struct weir_journal *journal);

/* Takes no more records; the engine's side, and only when it has consumed everything: else false. */
bool weir_journal_close(struct weir_journal *journal);

/* The engine's side: the place of the next record. */
void weir_journal_place(const struct weir_journal *journal, struct weir_log_place *place);

/* Positions: where the log ends, and up to where the engine is. */
uint64_t weir_journal_end(const struct weir_journal *journal);
uint64_t weir_journal_consumed(const struct weir_journal *journal);

/* Messages that found no room. */
uint64_t weir_journal_refused(const struct weir_journal *journal);

/* The writer's side: the bytes at a position, and how many of them follow without a break; 0 when
 * `position` is the end. */
const unsigned char *weir_journal_bytes(const struct weir_journal *journal, uint64_t position,
                                        uint64_t *length);

/* The lowest position whose bytes are still whole. Ask again after reading them. */
uint64_t weir_journal_floor(const struct weir_journal *journal);

/* Lowers what the writer still needs: bytes that an earlier process left unwritten. At the start. */
void weir_journal_hold(struct weir_journal *journal, uint64_t position);

/* Ends the segment that the log is in. */
void weir_journal_cut(struct weir_journal *journal);

/* Lets go of what is below a position. Its memory stays: a file on a tmpfs has it reserved. */
void weir_journal_release(struct weir_journal *journal, uint64_t position);

#endif
