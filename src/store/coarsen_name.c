#include <string.h>

#include "core/series.h"
#include "store/coarsen_run.h"

uint32_t weir_coarsen_keep_name(struct weir_coarsen *coarsen, uint32_t length)
{
    const char *text = coarsen->text + coarsen->text_length;
    uint64_t slot = weir_series_hash(text, length);
    struct weir_coarsen_name *name;

    for (;; slot++) {
        uint32_t index = coarsen->name_slots[slot & coarsen->name_slot_mask];

        if (index == WEIR_COARSEN_NONE)
            break;
        name = &coarsen->names[index];
        if (name->length == length && memcmp(coarsen->text + name->offset, text, length) == 0)
            return index;
    }
    if (coarsen->name_count == coarsen->name_max)
        return WEIR_COARSEN_NONE;
    name = &coarsen->names[coarsen->name_count];
    *name = (struct weir_coarsen_name){0};
    name->offset = coarsen->text_length;
    name->length = length;
    name->slot = (uint32_t)slot & coarsen->name_slot_mask;
    coarsen->name_slots[name->slot] = coarsen->name_count;
    coarsen->text_length += length;
    return coarsen->name_count++;
}

void weir_coarsen_forget_names(struct weir_coarsen *coarsen, uint32_t name_count,
                               uint32_t text_length)
{
    /* In the reverse order, a slot that is freed is in no other's way. */
    while (coarsen->name_count > name_count)
        coarsen->name_slots[coarsen->names[--coarsen->name_count].slot] = WEIR_COARSEN_NONE;
    for (uint32_t i = 0; i < name_count; i++) {
        if (coarsen->names[i].told >= text_length)
            coarsen->names[i].told_length = 0;
    }
    coarsen->text_length = text_length;
}
