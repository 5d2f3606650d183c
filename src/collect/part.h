/*
 * One of several parts of a fleet: a gateway belongs to one of them by its name alone, so that
 * collectors on machines that share nothing divide the fleet, and each has all that a gateway sends.
 */
#ifndef WEIR_COLLECT_PART_H
#define WEIR_COLLECT_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every part receives what all gateways send; many more would be wasteful. */
#define WEIR_PART_COUNT_MAX 1000

struct weir_part {
    uint32_t number; /* 1 to count */
    uint32_t count;
};

/* Reads "2/3". False: it is something else. */
bool weir_part_read(struct weir_part *part, const char *text);

/* True when a message of this topic, weir/v1/<gateway>/..., is the part's: the FNV-1a of the name, of
 * 64 bits, its halves folded by exclusive or, modulo count, is number - 1. A topic of another form is
 * the first part's. */
bool weir_part_has(const struct weir_part *part, const char *topic, size_t length);

#endif
