#include "store/ring.h"

#include <string.h>

#include "core/assert.h"

/* In front of every record stands its length; in front of what is left over at the end, SKIP. */
#define HEADER_BYTES 8u
#define SKIP UINT64_MAX

static void write_header(const struct weir_ring *ring, uint64_t at, uint64_t length)
{
    memcpy(ring->bytes + at, &length, HEADER_BYTES);
}

static uint64_t read_header(const struct weir_ring *ring, uint64_t at)
{
    uint64_t length;

    memcpy(&length, ring->bytes + at, HEADER_BYTES);
    return length;
}

/* Bytes that a record takes, header and all. */
static uint64_t record_size(uint64_t length)
{
    return HEADER_BYTES + ((length + 7) & ~(uint64_t)7);
}

static uint64_t wrapped(const struct weir_ring *ring, uint64_t at)
{
    return at == ring->size ? 0 : at;
}

void weir_ring_init(struct weir_ring *ring, void *bytes, uint64_t size)
{
    assert(size >= 64 && size % 8 == 0 && ((uintptr_t)bytes & 7) == 0);
    ring->bytes = bytes;
    ring->size = size;
    ring->write_at = 0;
    ring->reserved = 0;
    ring->restarted = 0;
    ring->read_at = 0;
    atomic_init(&ring->appended, 0);
    atomic_init(&ring->released, 0);
    atomic_init(&ring->record_count, 0);
}

uint64_t weir_ring_record_max(const struct weir_ring *ring)
{
    return ring->size - HEADER_BYTES;
}

void *weir_ring_reserve(struct weir_ring *ring, uint64_t length)
{
    uint64_t appended = atomic_load_explicit(&ring->appended, memory_order_relaxed);
    uint64_t released = atomic_load_explicit(&ring->released, memory_order_acquire);
    uint64_t room = ring->size - (appended - released);
    uint64_t filling = 0;
    uint64_t at;

    ring->reserved = 0;
    if (length > weir_ring_record_max(ring))
        return NULL;
    if (appended == released) {
        ring->restarted = appended;
        ring->write_at = 0;
    }
    at = ring->write_at;
    if (record_size(length) > ring->size - at) {
        filling = ring->size - at;
        at = 0;
    }
    if (filling + record_size(length) > room)
        return NULL;
    if (filling > 0)
        write_header(ring, ring->write_at, SKIP);
    write_header(ring, at, length);
    ring->reserved = filling + record_size(length);
    return ring->bytes + at + HEADER_BYTES;
}

void weir_ring_commit(struct weir_ring *ring)
{
    uint64_t appended = atomic_load_explicit(&ring->appended, memory_order_relaxed);
    uint64_t end = ring->write_at + ring->reserved;

    assert(ring->reserved > 0);
    ring->write_at = wrapped(ring, end > ring->size ? end - ring->size : end);
    /* Counted before it can be seen, so that the reader's count never passes below zero. */
    atomic_fetch_add_explicit(&ring->record_count, 1, memory_order_relaxed);
    atomic_store_explicit(&ring->appended, appended + ring->reserved, memory_order_release);
    ring->reserved = 0;
}

const void *weir_ring_peek(struct weir_ring *ring, uint64_t *length)
{
    uint64_t released = atomic_load_explicit(&ring->released, memory_order_relaxed);

    if (atomic_load_explicit(&ring->appended, memory_order_acquire) == released)
        return NULL;
    if (ring->restarted == released)
        ring->read_at = 0;
    *length = read_header(ring, ring->read_at);
    if (*length == SKIP) {
        /* The record that made the filling was appended with it: the ring does not look empty
         * here. */
        released += ring->size - ring->read_at;
        atomic_store_explicit(&ring->released, released, memory_order_release);
        ring->read_at = 0;
        *length = read_header(ring, 0);
    }
    return ring->bytes + ring->read_at + HEADER_BYTES;
}

void weir_ring_release(struct weir_ring *ring)
{
    uint64_t released = atomic_load_explicit(&ring->released, memory_order_relaxed);
    uint64_t size = record_size(read_header(ring, ring->read_at));

    assert(atomic_load_explicit(&ring->appended, memory_order_relaxed) - released >= size);
    ring->read_at = wrapped(ring, ring->read_at + size);
    atomic_fetch_sub_explicit(&ring->record_count, 1, memory_order_relaxed);
    atomic_store_explicit(&ring->released, released + size, memory_order_release);
}

uint64_t weir_ring_count(const struct weir_ring *ring)
{
    return atomic_load_explicit(&ring->record_count, memory_order_relaxed);
}
