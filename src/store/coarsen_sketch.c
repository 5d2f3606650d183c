/* The sketches of a run: entries of sketch lists, each for itself, in a pool. */
#include <string.h>

#include "core/assert.h"
#include "store/coarsen_run.h"

enum weir_status weir_coarsen_read_sketch(struct weir_coarsen *coarsen,
                                          struct weir_sketch_list *list, uint32_t index,
                                          const struct weir_summary *summary,
                                          struct weir_coarsen_row *row)
{
    struct weir_sketch_list_entry entry;
    struct weir_sketch sketch;

    row->sketch_length = 0;
    if (!weir_sketch_list_take(list, index, &entry))
        return list->damaged ? WEIR_REFUSED : WEIR_OK;
    if (weir_sketch_read(&sketch, entry.bytes, entry.length) != WEIR_OK ||
        sketch.count != summary->count)
        return WEIR_REFUSED;
    if (weir_sketch_list_size(&entry) > coarsen->sketches_max - coarsen->sketches_length)
        return WEIR_FULL;
    entry.row = 0;
    row->sketch_offset = coarsen->sketches_length;
    row->sketch_length =
        (uint32_t)weir_sketch_list_put(coarsen->sketches + row->sketch_offset, &entry);
    coarsen->sketches_length += row->sketch_length;
    return WEIR_OK;
}

bool weir_coarsen_sketch(const struct weir_coarsen *coarsen, const struct weir_coarsen_row *row,
                         struct weir_sketch_list *list, struct weir_sketch_list_entry *entry,
                         struct weir_sketch *sketch)
{
    weir_sketch_list_open(list, coarsen->sketches + row->sketch_offset, row->sketch_length);
    return weir_sketch_list_take(list, 0, entry) &&
           weir_sketch_read(sketch, entry->bytes, entry->length) == WEIR_OK;
}

bool weir_coarsen_same_quantiles(const struct weir_coarsen *coarsen, uint32_t left, uint32_t right)
{
    const struct weir_coarsen_row *rows[] = {&coarsen->rows[left], &coarsen->rows[right]};
    struct weir_sketch_list_entry entries[2] = {0};
    struct weir_sketch_list lists[2];

    for (int i = 0; i < 2; i++) {
        weir_sketch_list_open(&lists[i], coarsen->sketches + rows[i]->sketch_offset,
                              rows[i]->sketch_length);
        if (!weir_sketch_list_take(&lists[i], 0, &entries[i]))
            return rows[0]->sketch_length == rows[1]->sketch_length;
    }
    return entries[0].quantile_count == entries[1].quantile_count &&
           memcmp(entries[0].quantiles, entries[1].quantiles,
                  entries[0].quantile_count * sizeof(entries[0].quantiles[0])) == 0;
}

void weir_coarsen_merge_sketches(struct weir_coarsen *coarsen, uint32_t first,
                                 struct weir_coarsen_row *row)
{
    unsigned char bytes[WEIR_SKETCH_BYTES_MAX];
    struct weir_sketch_list_entry entry;
    struct weir_sketch_list list;
    struct weir_sketch total = {0};
    struct weir_sketch part;

    for (uint32_t i = first; i != WEIR_COARSEN_NONE; i = coarsen->rows[i].next) {
        const struct weir_coarsen_row *member = &coarsen->rows[coarsen->rows[i].revised];

        if (!weir_coarsen_sketch(coarsen, member, &list, &entry, &part))
            return;
        weir_sketch_merge(&total, &part);
    }
    entry.length = weir_sketch_write(&total, bytes);
    entry.bytes = bytes;
    row->sketch_offset = coarsen->sketches_length;
    row->sketch_length = (uint32_t)weir_sketch_list_size(&entry);
    coarsen->sketches_length += row->sketch_length;
    assert(coarsen->sketches_length <= 2 * coarsen->sketches_max);
    (void)weir_sketch_list_put(coarsen->sketches + row->sketch_offset, &entry);
}
