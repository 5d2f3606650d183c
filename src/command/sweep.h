/*
 * After every connection, and after a change of configuration: what the broker still retains of
 * this gateway is looked through. What no rule or stream of today stands behind is deleted; a state
 * of which the engine knows nothing, because an earlier process left no storage, is given back to
 * it through the log. Nothing retained is published before, so that it is not overwritten.
 *
 * The last filter asks for our own info, which the broker then hands over behind all the rest:
 * the round is over. A broker that does not is waited for a moment.
 */
#ifndef WEIR_COMMAND_SWEEP_H
#define WEIR_COMMAND_SWEEP_H

#include "command/inbox.h"
#include "command/outlet.h"
#include "format/retained.h"

#define WEIR_SWEEP_FILTER_COUNT_MAX 7

struct weir_sweep {
    /* private */
    bool active;
    bool done_once;
    int64_t quiet_at_ms;
    uint32_t rounds;
    uint64_t handed_over; /* by the broker, in this round */
    uint64_t deleted;
    uint64_t lost; /* messages that had found the inbox full when the round began */
    bool foreign_told;
    bool short_told;
    char former_prefix[WEIR_NAME_LENGTH_MAX + 1]; /* of discovery, before a change; empty: none */
    char next_prefix[WEIR_NAME_LENGTH_MAX + 1];   /* the same for the sweep to come */
    struct weir_retained retained;
};

void weir_sweep_init(struct weir_sweep *sweep);

/* Begins the first round: its filters are to be subscribed to. Not while one is under way: what the
 * broker sends for it would pass for this one's. */
void weir_sweep_begin(struct weir_sweep *sweep, const struct weir_inbox *inbox, int64_t now_ms);

/* The connection is gone, and what was subscribed to with it. */
void weir_sweep_cancel(struct weir_sweep *sweep);

/* Descriptions at the prefix that was configured before are looked through by the next sweep as
 * well. */
void weir_sweep_note_prefix(struct weir_sweep *sweep, const char *prefix);

/* Adds what a round subscribes to; returns how many. 0: no round is under way. */
size_t weir_sweep_filters(const struct weir_sweep *sweep, const struct weir_config *config,
                          struct weir_mqtt_filter filters[static WEIR_SWEEP_FILTER_COUNT_MAX]);

/* Looks at a retained message. False: there was no room to act on it; offer it again. */
bool weir_sweep_take(struct weir_sweep *sweep, struct weir_outlet *outlet,
                     const struct weir_message *message, int64_t now_ms);

enum weir_sweep_step {
    WEIR_SWEEP_IDLE,  /* nothing is under way, or nothing has changed */
    WEIR_SWEEP_AGAIN, /* another round begins: subscribe anew */
    WEIR_SWEEP_OVER,  /* the last round is over: unsubscribe */
};

/* Ends a round whose time has come. */
enum weir_sweep_step weir_sweep_step(struct weir_sweep *sweep, const struct weir_inbox *inbox,
                                     int64_t now_ms);

/* A round is under way. */
bool weir_sweep_is_active(const struct weir_sweep *sweep);

/* When weir_sweep_step has something to do; INT64_MAX: never. */
int64_t weir_sweep_deadline(const struct weir_sweep *sweep);

/* A sweep has been through to its end. */
bool weir_sweep_is_done(const struct weir_sweep *sweep);

#endif
