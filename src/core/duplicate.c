#include "core/duplicate.h"

#include <string.h>

#define PACKET_ID ((uint64_t)UINT16_MAX) /* its bits of a mark */

/* The finalizer of MurmurHash3 (Appleby, public domain), word by word. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0xff51afd7ed558ccdu;
    return hash ^ hash >> 32;
}

static uint64_t mix_bytes(uint64_t hash, const char *bytes, size_t length)
{
    uint64_t word;

    hash = mix(hash, length);
    for (; length >= sizeof(word); bytes += sizeof(word), length -= sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        hash = mix(hash, word);
    }
    word = 0;
    if (length > 0)
        memcpy(&word, bytes, length);
    return mix(hash, word);
}

static uint64_t hash_contents(const struct weir_message *message)
{
    bool bare = message->payload_length > WEIR_PAYLOAD_LENGTH_MAX ||
                message->topic_length > WEIR_TOPIC_LENGTH_MAX;
    uint64_t hash = mix(mix(0, message->payload_length), message->topic_length);

    /* What is too long loses its bytes on the way, so that its lengths have to do. */
    if (bare)
        return hash;
    hash = mix_bytes(hash, message->topic, message->topic_length);
    return mix_bytes(hash, message->payload, message->payload_length);
}

static uint64_t packet_id(uint64_t mark)
{
    return mark & PACKET_ID;
}

uint64_t weir_duplicates_mark(const struct weir_message *message)
{
    return (hash_contents(message) & ~PACKET_ID) | message->packet_id;
}

bool weir_duplicates_find(struct weir_duplicates *duplicates, uint64_t mark)
{
    uint64_t count =
        duplicates->count < WEIR_DUPLICATE_COUNT_MAX ? duplicates->count : WEIR_DUPLICATE_COUNT_MAX;

    for (uint64_t age = 1; age <= count; age++) {
        uint64_t found = duplicates->marks[(duplicates->count - age) % WEIR_DUPLICATE_COUNT_MAX];

        if (packet_id(found) != packet_id(mark))
            continue;
        duplicates->found_count += found == mark;
        return found == mark;
    }
    return false;
}

void weir_duplicates_add(struct weir_duplicates *duplicates, uint64_t mark)
{
    duplicates->marks[duplicates->count++ % WEIR_DUPLICATE_COUNT_MAX] = mark;
}
