/*
 * Alert events on their way to the broker: a queue of fixed length, in order, sent again until they
 * are acknowledged. When it is full the oldest gives way, one that is on its way too, and is counted.
 */
#ifndef WEIR_COMMAND_EVENTS_H
#define WEIR_COMMAND_EVENTS_H

#include "command/outlet.h"
#include "command/resend.h"

/* Events that wait: a bad hour's, in half a MiB that is touched only then. */
#define WEIR_EVENT_COUNT_MAX 4096

struct weir_events {
    uint64_t dropped; /* found no room, or were refused */
    /* private */
    struct weir_alert *alerts; /* [WEIR_EVENT_COUNT_MAX] */
    bool *acknowledged;
    struct weir_resend queue;
};

/* Bytes that weir_events_init takes. */
uint64_t weir_events_size(void);

/* *events is zeroed. False: out of memory; weir_events_finish is still due. */
bool weir_events_init(struct weir_events *events);
void weir_events_finish(struct weir_events *events);

void weir_events_accept(struct weir_events *events, const struct weir_alert *alert);

/* Sends what there is room for. */
void weir_events_send(struct weir_events *events, struct weir_outlet *outlet);

/* What became of an event that was sent. refused: it is given up. */
void weir_events_answer(struct weir_events *events, uint64_t number, bool acknowledged,
                        bool refused);

bool weir_events_is_empty(const struct weir_events *events);

/* Events are numbered from the first there ever was. The number below which all are delivered or
 * given up; and what an earlier process knew of it. */
uint64_t weir_events_done(const struct weir_events *events);
void weir_events_note_done(struct weir_events *events, uint64_t number);

/* What waits, as bytes for the next process: written to state, 8-byte aligned; returns how many.
 * state NULL: counts them only. */
uint64_t weir_events_save(const struct weir_events *events, void *state);
void weir_events_restore(struct weir_events *events, const void *state, uint64_t length);

/* Goes over to the indices of another configuration; what has none there is given up. */
void weir_events_renumber(struct weir_events *events, const struct weir_engine *from,
                          const struct weir_engine *to);

/* Takes over, into an empty queue, what waits in another, and its count. */
void weir_events_inherit(struct weir_events *events, const struct weir_events *old,
                         const struct weir_engine *from, const struct weir_engine *to);

#endif
