/*
 * A first-in first-out ring of records of any length, in memory of fixed size.
 *
 * One thread may append while another peeks and releases; nothing blocks. Records never wrap: each
 * is one piece of memory. When the ring runs empty, both ends return to its front, so that a ring
 * that is kept drained touches only its first pages.
 */
#ifndef WEIR_STORE_RING_H
#define WEIR_STORE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weir/flow.h"

struct weir_ring {
    /* private */
    unsigned char *bytes;
    uint64_t size;
    uint64_t write_at; /* the appender's */
    uint64_t reserved; /* the appender's: bytes that commit appends, 0: none */
    /* `appended` when the appender last went back to the front. It writes this only while the
     * ring is empty, the reader looks only while it is not. */
    uint64_t restarted;
    uint64_t read_at;          /* the reader's */
    _Atomic uint64_t appended; /* bytes ever, filling included */
    _Atomic uint64_t released;
    _Atomic uint64_t record_count;
};

/* Uses size bytes at bytes, 8-byte aligned, a multiple of 8 and at least 64. */
void weir_ring_init(struct weir_ring *ring, void *bytes, uint64_t size);

/* The longest record that fits an empty ring. */
uint64_t weir_ring_record_max(const struct weir_ring *ring);

/*
 * Makes room for a record of exactly length bytes and returns where to write it, 8-byte aligned; it
 * is appended by weir_ring_commit. NULL: no room.
 */
void *weir_ring_reserve(struct weir_ring *ring, uint64_t length);
void weir_ring_commit(struct weir_ring *ring);

/* The oldest record, valid until it is released; NULL: none. */
const void *weir_ring_peek(struct weir_ring *ring, uint64_t *length);

/* Lets go of the oldest record, which was peeked at. */
void weir_ring_release(struct weir_ring *ring);

/* Records appended and not released. */
uint64_t weir_ring_count(const struct weir_ring *ring);

#endif
