/*
 * The sketches of a batch's rows, one behind the other, for those rows that have one:
 *
 *     row, 2 bytes | length of the sketch, 2 | number of quantiles, 1 | each in thousandths, 2 |
 *     the sketch, as weir_sketch_write writes it
 *
 * in the order of rows; numbers have their lowest byte first. So rows without quantiles take
 * nothing, and who merges rows knows which quantiles they show.
 */
#ifndef WEIR_FORMAT_SKETCH_LIST_H
#define WEIR_FORMAT_SKETCH_LIST_H

#include <stdbool.h>

#include "weir/limits.h"
#include "weir/sketch.h"

/* Bytes of an entry at most. */
#define WEIR_SKETCH_LIST_ENTRY_BYTES_MAX (5 + 2 * WEIR_QUANTILE_COUNT_MAX + WEIR_SKETCH_BYTES_MAX)

/* quantiles and bytes are borrowed. */
struct weir_sketch_list_entry {
    uint32_t row; /* at most 65535 */
    uint32_t quantile_count;
    const uint16_t *quantiles; /* thousandths, rising */
    const unsigned char *bytes;
    size_t length;
};

/* Bytes that an entry takes. */
size_t weir_sketch_list_size(const struct weir_sketch_list_entry *entry);

/* Writes an entry; returns its size. */
size_t weir_sketch_list_put(unsigned char *at, const struct weir_sketch_list_entry *entry);

/* Bytes of the entries in front of a row, in a list that was put together here; the rows of those
 * behind count from it from now on. */
size_t weir_sketch_list_split(unsigned char *bytes, size_t length, uint32_t row);

/* A list on its way through its rows. */
struct weir_sketch_list {
    bool damaged; /* to read: what is left is no entry */
    /* private */
    const unsigned char *at;
    const unsigned char *end;
    uint16_t quantiles[WEIR_QUANTILE_COUNT_MAX]; /* of the entry taken last */
};

/* Begins at the front of a list, which is borrowed and not trusted. */
void weir_sketch_list_open(struct weir_sketch_list *list, const unsigned char *bytes,
                           size_t length);

/* The entry of a row, until the next call; rows are asked for in rising order. False: it has none,
 * or the list is damaged. */
bool weir_sketch_list_take(struct weir_sketch_list *list, uint32_t row,
                           struct weir_sketch_list_entry *entry);

/* True when nothing is left, and all was in order. */
bool weir_sketch_list_finished(const struct weir_sketch_list *list);

#endif
