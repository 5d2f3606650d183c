#include "core/series.h"

#include <string.h>

#include "core/assert.h"
#include "weir/limits.h"

struct slot {
    uint32_t hash;
    uint32_t series_plus_one; /* 0: free, as zeroed memory is */
    uint32_t name_offset;
    uint32_t name_length;
};

static uint64_t round_up_64(uint64_t bytes)
{
    return (bytes + 63) & ~(uint64_t)63;
}

/* At most half full, so that a probe ends soon. */
static uint32_t slot_count(uint32_t max)
{
    uint32_t count = 16;

    while (count < 2 * max)
        count *= 2;
    return count;
}

static uint32_t name_bytes_max(uint32_t max)
{
    uint32_t bytes = max * WEIR_SERIES_NAME_BYTES_MEAN;

    return bytes < WEIR_SERIES_NAME_BYTES_FLOOR ? WEIR_SERIES_NAME_BYTES_FLOOR : bytes;
}

uint64_t weir_series_size(uint32_t max)
{
    return round_up_64(sizeof(struct weir_series_index)) +
           round_up_64((uint64_t)slot_count(max) * sizeof(struct slot)) +
           round_up_64((uint64_t)max * sizeof(uint32_t)) + round_up_64(name_bytes_max(max));
}

static struct slot *slots_of(const struct weir_series_index *index)
{
    return (struct slot *)((char *)index + round_up_64(sizeof(*index)));
}

/* Offsets of the names, by series. */
static uint32_t *offsets_of(const struct weir_series_index *index)
{
    return (uint32_t *)((char *)slots_of(index) +
                        round_up_64(((uint64_t)index->slot_mask + 1) * sizeof(struct slot)));
}

static char *names_of(const struct weir_series_index *index)
{
    return (char *)offsets_of(index) + round_up_64((uint64_t)index->max * sizeof(uint32_t));
}

void weir_series_init(struct weir_series_index *index, uint32_t max)
{
    assert(max > 0 && max <= WEIR_SERIES_COUNT_MAX);
    *index = (struct weir_series_index){
        .max = max,
        .slot_mask = slot_count(max) - 1,
        .name_bytes_max = name_bytes_max(max),
    };
}

/* Eight bytes at a time, each mixed in by a multiplication; the finish is MurmurHash3's. */
uint64_t weir_series_hash(const char *key, size_t length)
{
    uint64_t hash = 0x9e3779b97f4a7c15U ^ length;
    uint64_t word;

    while (length >= 8) {
        memcpy(&word, key, 8);
        hash = (hash ^ word) * 0xff51afd7ed558ccdU;
        hash ^= hash >> 32;
        key += 8;
        length -= 8;
    }
    word = 0;
    memcpy(&word, key, length);
    hash = (hash ^ word) * 0xff51afd7ed558ccdU;
    hash ^= hash >> 33;
    hash *= 0xc4ceb9fe1a85ec53U;
    return hash ^ hash >> 33;
}

/* The slot that holds the key, or the free one where it would go. */
static struct slot *probe(const struct weir_series_index *index, const char *key, size_t length,
                          uint32_t hash)
{
    struct slot *slots = slots_of(index);
    const char *names = names_of(index);

    for (uint32_t i = hash & index->slot_mask;; i = (i + 1) & index->slot_mask) {
        struct slot *slot = &slots[i];

        if (slot->series_plus_one == 0)
            return slot;
        if (slot->hash == hash && slot->name_length == length &&
            memcmp(names + slot->name_offset, key, length) == 0)
            return slot;
    }
}

uint32_t weir_series_find(const struct weir_series_index *index, const char *key, size_t length,
                          uint64_t hash)
{
    return probe(index, key, length, (uint32_t)hash)->series_plus_one - 1;
}

bool weir_series_has_room(const struct weir_series_index *index, size_t length)
{
    return index->count < index->max && length + 1 <= index->name_bytes_max - index->name_bytes;
}

uint32_t weir_series_insert(struct weir_series_index *index, const char *key, size_t length,
                            uint64_t hash)
{
    struct slot *slot = probe(index, key, length, (uint32_t)hash);
    char *name;

    if (slot->series_plus_one != 0)
        return slot->series_plus_one - 1;
    if (!weir_series_has_room(index, length))
        return WEIR_SERIES_NONE;
    name = names_of(index) + index->name_bytes;
    memcpy(name, key, length);
    name[length] = '\0';
    *slot = (struct slot){
        .hash = (uint32_t)hash,
        .series_plus_one = index->count + 1,
        .name_offset = index->name_bytes,
        .name_length = (uint32_t)length,
    };
    offsets_of(index)[index->count] = index->name_bytes;
    index->name_bytes += (uint32_t)length + 1;
    return index->count++;
}

const char *weir_series_name(const struct weir_series_index *index, uint32_t series)
{
    assert(series < index->count);
    return names_of(index) + offsets_of(index)[series];
}
