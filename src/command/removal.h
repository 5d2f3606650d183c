/*
 * Alerts that a new configuration no longer has: for each an event that says so, and the deletion
 * of its retained state. Texts are kept, since the engine that knew the names is gone when they are
 * sent.
 */
#ifndef WEIR_COMMAND_REMOVAL_H
#define WEIR_COMMAND_REMOVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command/outlet.h"
#include "command/resend.h"

struct weir_removal {
    char *topic;
    char *payload; /* empty and retained: the deletion */
    bool retain;
    char rule[WEIR_NAME_LENGTH_MAX + 1];
    struct weir_alert alert;
};

struct weir_removals {
    /* private */
    struct weir_removal *items;
    bool *acknowledged;
    struct weir_resend resend;
};

void weir_removals_init(struct weir_removals *removals);
void weir_removals_finish(struct weir_removals *removals);

/*
 * Adds every alert with a state in `from` whose rule, on the stream and field of the same names,
 * `to` does not have. What still waits is kept. False: out of memory; nothing was added.
 */
bool weir_removals_add(struct weir_removals *removals, const struct weir_engine *from,
                       const struct weir_engine *to);

/* Adds to an empty list a copy of what waits in another. False: out of memory; nothing was
 * added. */
bool weir_removals_copy(struct weir_removals *removals, const struct weir_removals *from);

/* Takes as sent what is said of rules that the configuration has: they were removed and came back. */
void weir_removals_forget(struct weir_removals *removals, const struct weir_config *config);

/* Sends what there is room for; deletions_only: what is said of them is taken as sent. */
void weir_removals_send(struct weir_removals *removals, struct weir_outlet *outlet,
                        bool deletions_only);

/* What became of one that was sent. */
void weir_removals_answer(struct weir_removals *removals, uint64_t number, bool acknowledged);
bool weir_removals_is_empty(const struct weir_removals *removals);

#endif
