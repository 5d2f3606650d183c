/*
 * The newest messages that were to be acknowledged, by their marks: what a broker delivers again,
 * because it did not get our acknowledgement, is found here.
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

/* What a message is known by: a hash of packet id, topic and payload. */
uint64_t weir_duplicates_mark(const struct weir_message *message);

/* True when the mark is among the newest; counts it. */
bool weir_duplicates_find(struct weir_duplicates *duplicates, uint64_t mark);

/* Adds a mark; the oldest gives way. */
void weir_duplicates_add(struct weir_duplicates *duplicates, uint64_t mark);

#endif
