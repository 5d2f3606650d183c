/*
 * The newest values of a series by the windows they are of, and which of them still wait for another
 * series to close the same window.
 */
#ifndef WEIR_CORE_PAIRS_H
#define WEIR_CORE_PAIRS_H

#include <stdbool.h>
#include <stdint.h>

/* Windows that one series may be ahead of the other. */
#define WEIR_PAIRS_COUNT 4

/* All zero is empty. Windows come in the order of their ends. */
struct weir_pairs {
    /* private */
    uint32_t newest;
    uint32_t count;
    struct weir_pair {
        int64_t end_ms;
        double value;
        uint64_t waiting;
    } entries[WEIR_PAIRS_COUNT];
};

/* Adds a window's value. True: it takes the place of one that still waited. */
bool weir_pairs_add(struct weir_pairs *pairs, int64_t end_ms, double value, bool waiting);

/* True when the series has closed this window or a later one. */
bool weir_pairs_passed(const struct weir_pairs *pairs, int64_t end_ms);

/* The value of a window; false: it is not there. */
bool weir_pairs_find(const struct weir_pairs *pairs, int64_t end_ms, double *value);

enum weir_pairs_answer {
    WEIR_PAIRS_NONE,    /* nothing waits that the other series has got to */
    WEIR_PAIRS_MET,     /* both have closed the window of *end_ms */
    WEIR_PAIRS_MISSING, /* the other has gone past the window without it */
};

/* The oldest window that waits and that the other series has got to; it waits no more. */
enum weir_pairs_answer weir_pairs_take(struct weir_pairs *pairs, const struct weir_pairs *other,
                                       int64_t *end_ms, double *value, double *other_value);

#endif
