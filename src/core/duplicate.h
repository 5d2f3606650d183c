/*
 * The newest messages that were to be acknowledged, by their marks: what a broker delivers again,
 * because it did not get our acknowledgement, is found here. An id is free for another message only
 * when the broker has that acknowledgement, so a repeat equals the newest message with its id.
 */
#ifndef WEIR_CORE_DUPLICATE_H
#define WEIR_CORE_DUPLICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "weir/flow.h"
#include "weir/limits.h"

/* Zeroed: empty. Position-independent. */
struct weir_duplicates {
    uint64_t found_count; /* to read */
    /* private */
    uint64_t count;
    uint64_t marks[WEIR_DUPLICATE_COUNT_MAX];
};

/* What a message is known by: its packet id, and above it 48 bits of a hash of topic and payload. */
uint64_t weir_duplicates_mark(const struct weir_message *message);

/* True when the newest mark of the same packet id is this one; counts it. Looks from the newest
 * back: what is found costs as much as the broker had unanswered, what is not, all of them. */
bool weir_duplicates_find(struct weir_duplicates *duplicates, uint64_t mark);

/* Adds a mark; the oldest gives way. */
void weir_duplicates_add(struct weir_duplicates *duplicates, uint64_t mark);

#endif
