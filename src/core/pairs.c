#include "core/pairs.h"

static struct weir_pair *entry_at(const struct weir_pairs *pairs, uint32_t back)
{
    return (struct weir_pair *)&pairs
        ->entries[(pairs->newest + WEIR_PAIRS_COUNT - back) % WEIR_PAIRS_COUNT];
}

bool weir_pairs_add(struct weir_pairs *pairs, int64_t end_ms, double value, bool waiting)
{
    struct weir_pair *entry;
    bool lost;

    pairs->newest = (pairs->newest + 1) % WEIR_PAIRS_COUNT;
    entry = entry_at(pairs, 0);
    lost = pairs->count == WEIR_PAIRS_COUNT && entry->waiting;
    if (pairs->count < WEIR_PAIRS_COUNT)
        pairs->count++;
    *entry = (struct weir_pair){end_ms, value, waiting};
    return lost;
}

bool weir_pairs_passed(const struct weir_pairs *pairs, int64_t end_ms)
{
    return pairs->count > 0 && entry_at(pairs, 0)->end_ms >= end_ms;
}

bool weir_pairs_find(const struct weir_pairs *pairs, int64_t end_ms, double *value)
{
    for (uint32_t i = 0; i < pairs->count; i++) {
        if (entry_at(pairs, i)->end_ms != end_ms)
            continue;
        *value = entry_at(pairs, i)->value;
        return true;
    }
    return false;
}

enum weir_pairs_answer weir_pairs_take(struct weir_pairs *pairs, const struct weir_pairs *other,
                                       int64_t *end_ms, double *value, double *other_value)
{
    for (uint32_t i = pairs->count; i-- > 0;) {
        struct weir_pair *entry = entry_at(pairs, i);

        if (!entry->waiting || !weir_pairs_passed(other, entry->end_ms))
            continue;
        entry->waiting = false;
        *end_ms = entry->end_ms;
        *value = entry->value;
        return weir_pairs_find(other, entry->end_ms, other_value) ? WEIR_PAIRS_MET
                                                                  : WEIR_PAIRS_MISSING;
    }
    return WEIR_PAIRS_NONE;
}
