/*
 * The series of a stream: from a key to a small index, for ever. An open-addressing table, a pool
 * of names; both of fixed size. A series is never removed, so an index stays what it is.
 */
#ifndef WEIR_CORE_SERIES_H
#define WEIR_CORE_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_SERIES_NONE UINT32_MAX

/* Lies in the arena in front of its three arrays; position-independent. */
struct weir_series_index {
    /* private */
    uint32_t count;
    uint32_t max;
    uint32_t slot_mask;
    uint32_t name_bytes;
    uint32_t name_bytes_max;
};

/* Bytes of an index for at most max series (1 or more), a multiple of 64. */
uint64_t weir_series_size(uint32_t max);

/* Makes an empty index in weir_series_size(max) bytes of zeroed memory. */
void weir_series_init(struct weir_series_index *index, uint32_t max);

uint64_t weir_series_hash(const char *key, size_t length);

/* The series of this key, whose weir_series_hash is hash, or WEIR_SERIES_NONE. */
uint32_t weir_series_find(const struct weir_series_index *index, const char *key, size_t length,
                          uint64_t hash);

/* The same, made if new; WEIR_SERIES_NONE when there is no room for another series or its name. */
uint32_t weir_series_insert(struct weir_series_index *index, const char *key, size_t length,
                            uint64_t hash);

/* True when a new key of this length could be inserted. */
bool weir_series_has_room(const struct weir_series_index *index, size_t length);

/* The key, NUL-terminated. */
const char *weir_series_name(const struct weir_series_index *index, uint32_t series);

#endif
