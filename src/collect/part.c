#include "collect/part.h"

#include <stdlib.h>
#include <string.h>

#include "core/fnv.h"

#define ROOT "weir/v1/"

/* Digits alone, from 1 on. */
static const char *read_number(const char *text, uint32_t *number)
{
    char *end;
    unsigned long read = *text >= '1' && *text <= '9' ? strtoul(text, &end, 10) : 0;

    if (read == 0 || read > WEIR_PART_COUNT_MAX)
        return NULL;
    *number = (uint32_t)read;
    return end;
}

bool weir_part_read(struct weir_part *part, const char *text)
{
    const char *at = read_number(text, &part->number);

    at = at && *at == '/' ? read_number(at + 1, &part->count) : NULL;
    return at && *at == '\0' && part->number <= part->count;
}

bool weir_part_has(const struct weir_part *part, const char *topic, size_t length)
{
    const size_t start = strlen(ROOT);
    const char *end = NULL;
    uint64_t hash = WEIR_FNV_START;

    if (length > start && memcmp(topic, ROOT, start) == 0)
        end = memchr(topic + start, '/', length - start);
    if (!end)
        return part->number == 1;
    hash = weir_fnv_add_bytes(hash, topic + start, (size_t)(end - topic) - start);
    return (uint32_t)(hash >> 32 ^ hash) % part->count == part->number - 1;
}
