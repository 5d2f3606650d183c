/*
 * Room in a full outbox: resolution goes before data. The oldest run of batches that can be made
 * coarser is, by one step: into windows of a minute, then of ten, then of an hour. Only when
 * nothing can be made coarser any more does the oldest batch give way.
 *
 * A batch that is on its way, or may have left before the process before ended, keeps its bytes.
 * Batches of an earlier epoch cannot be replaced, since its numbers are all given out; they only
 * give way.
 *
 * By the same replacement the times of batches are put right when the clock is found to have been
 * slow. That goes before making room, so that a run is of one clock.
 */
#ifndef WEIR_COMMAND_ROOM_H
#define WEIR_COMMAND_ROOM_H

#include "store/outbox.h"
#include "weir/engine.h"

#define WEIR_ROOM_STEP_COUNT 3

/* Shifts kept: the newest, for batches that come to the outbox behind them. */
#define WEIR_ROOM_SHIFT_COUNT_MAX 4

struct weir_room_shift {
    struct weir_engine_shift shift;
    uint64_t next; /* sequence up to which it has been gone through; behind last: it is done */
};

struct weir_room {
    uint64_t batches_dropped; /* to read */
    uint64_t summaries_dropped;
    uint64_t dropped_epoch; /* of the newest that was */
    uint64_t dropped_sequence;
    uint64_t coarsened; /* summaries that are one with others now */
    /* private */
    struct weir_outbox *outbox;
    uint64_t batch_bytes_max;
    void *work;
    uint64_t next[WEIR_ROOM_STEP_COUNT]; /* sequence up to which a step has been gone through */
    uint64_t epoch;
    struct weir_room_shift shifts[WEIR_ROOM_SHIFT_COUNT_MAX]; /* the newest first; zeroed: none */
    uint64_t found_epoch; /* of the oldest batch that was there at the start */
    uint64_t found_first; /* what is older has left, and is made again by the start; 0: none */
    uint64_t sent_epoch;  /* of the one that is on its way */
    uint64_t sent_first;  /* 0: none */
    bool torn;            /* a set and what it stands for may both be there */
    /* Takes count numbers of this epoch; 0, or an error: -ESTALE, there is another epoch by now. */
    int (*reserve)(void *context, uint64_t epoch, uint32_t count, uint64_t *first);
    /* They are in use; or, with an error, for certain not. */
    int (*use)(void *context);
    void *context;
};

/* False: no memory. batch_bytes_max: of the rows of a batch. */
bool weir_room_init(struct weir_room *room, struct weir_outbox *outbox, uint64_t batch_bytes_max,
                    int (*reserve)(void *context, uint64_t epoch, uint32_t count, uint64_t *first),
                    int (*use)(void *context), void *context);
void weir_room_finish(struct weir_room *room);

/* Bytes of memory that it works in. */
uint64_t weir_room_work_bytes(void);

/* Names the batch that is on its way, by the first that it stands for; 0: none is. The other parts
 * of its set stay with it. */
void weir_room_spare(struct weir_room *room, uint64_t epoch, uint64_t first);

/* Ends what a failing disk left half done. Until it answers 0, nothing may leave. */
int weir_room_settle(struct weir_room *room);

/* Takes up a shift of batches that are in the outbox, or come to it. */
void weir_room_add_shift(struct weir_room *room, const struct weir_engine_shift *shift);

/* A batch has come to the outbox: shifts that it falls under have it to do. */
void weir_room_note_batch(struct weir_room *room, uint64_t epoch, uint64_t sequence);

/* True while there are batches that a shift has not gone through. */
bool weir_room_shifts(const struct weir_room *room);

/* Puts the times of some of them right. 0, or what went wrong. */
int weir_room_shift(struct weir_room *room);

/* Makes some room for a batch of this epoch. 0, or what went wrong. */
int weir_room_make(struct weir_room *room, uint64_t epoch);

#endif
