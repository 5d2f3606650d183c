/*
 * Sequence numbers as ranges, sorted; none overlaps or touches the next.
 */
#ifndef WEIR_STORE_RANGE_H
#define WEIR_STORE_RANGE_H

#include "format/batch.h"

struct weir_range_list {
    uint32_t count; /* 0: empty, as zeroed memory is */
    struct weir_batch_range ranges[WEIR_BATCH_RANGE_COUNT_MAX];
};

/* Adds the numbers from first to last, first <= last, which may be in the list already. WEIR_FULL:
 * that would make too many ranges; nothing was changed. */
enum weir_status weir_range_accept(struct weir_range_list *list, uint64_t first, uint64_t last);

#endif
