/*
 * The retained states of alerts: a bit each says that the broker does not have the newest, so any
 * number of changes while it is away ends in one message. Where discovery is on, a state's
 * description goes ahead of its first message.
 */
#ifndef WEIR_COMMAND_STATES_H
#define WEIR_COMMAND_STATES_H

#include "command/outlet.h"

/* How many states there are of each kind; a state may be of several. */
struct weir_states_counts {
    uint64_t levels[WEIR_LEVEL_COUNT];
    uint64_t stale;
    uint64_t shelved;
    uint64_t flapping;
};

struct weir_states {
    /* private */
    uint64_t first[WEIR_RULE_COUNT_MAX + 1]; /* where a rule's states begin among all */
    uint32_t rule_count;
    uint8_t *marks; /* see states.c */
    struct weir_states_counts counts;
    uint64_t dirty_count;
    uint64_t cursor;
    uint8_t numbering; /* rises with every configuration: answers carry which one they are of */
};

/* Bytes that weir_states_init takes. */
uint64_t weir_states_size(const struct weir_config *config);

/* False: out of memory; nothing is held. */
bool weir_states_init(struct weir_states *states, const struct weir_config *config);
void weir_states_finish(struct weir_states *states);

/* Goes over to the states of another configuration, which are taken over. */
void weir_states_exchange(struct weir_states *states, struct weir_states *next);

/* As of the newest that was accepted or marked. */
const struct weir_states_counts *weir_states_count(const struct weir_states *states);

/* A state has changed. */
void weir_states_accept(struct weir_states *states, const struct weir_alert *alert);

/* Every state there is has to be sent, and described. Under the intake's lock. */
void weir_states_mark_all(struct weir_states *states, const struct weir_engine *engine);

/* Sends what there is room for. */
void weir_states_send(struct weir_states *states, struct weir_outlet *outlet);

/* What became of a state that was sent; told: it need not be sent again. */
void weir_states_answer(struct weir_states *states, uint64_t number, bool told);

/* True when the broker has been sent the newest of each. */
bool weir_states_is_empty(const struct weir_states *states);

#endif
