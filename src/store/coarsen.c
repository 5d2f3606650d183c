#include "store/coarsen.h"

#include <string.h>

#include "core/assert.h"
#include "store/coarsen_run.h"

/* Bytes of the pool of names, a row. */
#define TEXT_BYTES_MEAN 32

/* Bytes of the sketches, a row: a run of rows that have one holds a few batches. */
#define SKETCH_BYTES_MEAN 32

static_assert(WEIR_COARSEN_ROW_COUNT_MIN * SKETCH_BYTES_MEAN >= WEIR_BATCH_SKETCH_BYTES_MAX,
              "any one batch fits");

struct layout {
    uint64_t summaries;
    uint64_t rows;
    uint64_t segments;
    uint64_t names;
    uint64_t slots;
    uint64_t name_slots;
    uint64_t text;
    uint64_t sketches;
    uint64_t total;
};

static uint64_t round_up_8(uint64_t bytes)
{
    return (bytes + 7) & ~(uint64_t)7;
}

/* At most half full, so that a probe ends soon. */
static uint32_t slot_count(uint32_t max)
{
    uint32_t count = 16;

    while (count < 2 * max)
        count *= 2;
    return count;
}

static void compute_layout(uint32_t row_max, struct layout *layout)
{
    uint64_t at = round_up_8(sizeof(struct weir_coarsen));

    assert(row_max >= WEIR_COARSEN_ROW_COUNT_MIN && row_max <= WEIR_COARSEN_ROW_COUNT_MAX);
    layout->summaries = at;
    at += row_max * sizeof(struct weir_summary);
    layout->rows = at;
    at += round_up_8(row_max * sizeof(struct weir_coarsen_row));
    layout->segments = at;
    at += round_up_8(row_max * sizeof(struct weir_coarsen_segment));
    layout->names = at;
    at += round_up_8(row_max / 2 * sizeof(struct weir_coarsen_name));
    layout->slots = at;
    at += slot_count(row_max) * sizeof(uint32_t);
    layout->name_slots = at;
    at += slot_count(row_max / 2) * sizeof(uint32_t);
    layout->text = at;
    at += round_up_8((uint64_t)row_max * TEXT_BYTES_MEAN);
    layout->sketches = at;
    at += 2 * (uint64_t)row_max * SKETCH_BYTES_MEAN; /* merging makes no more of them */
    layout->total = at;
}

uint64_t weir_coarsen_size(uint32_t row_max)
{
    struct layout layout;

    compute_layout(row_max, &layout);
    return layout.total;
}

struct weir_coarsen *weir_coarsen_init(void *work, uint32_t row_max, int64_t window_ms,
                                       uint64_t batch_bytes_max)
{
    struct weir_coarsen *coarsen = work;
    char *bytes = work;
    struct layout layout;

    assert(window_ms > 0 && batch_bytes_max >= WEIR_COARSEN_BATCH_BYTES_MIN);
    compute_layout(row_max, &layout);
    memset(coarsen, 0, offsetof(struct weir_coarsen, batch));
    coarsen->window_ms = window_ms;
    coarsen->batch_bytes_max =
        batch_bytes_max < WEIR_BATCH_BYTES_MAX ? batch_bytes_max : WEIR_BATCH_BYTES_MAX;
    coarsen->row_max = row_max;
    coarsen->name_max = row_max / 2;
    coarsen->text_max = row_max * TEXT_BYTES_MEAN;
    coarsen->sketches_max = row_max * SKETCH_BYTES_MEAN;
    coarsen->slot_mask = slot_count(row_max) - 1;
    coarsen->name_slot_mask = slot_count(row_max / 2) - 1;
    coarsen->summaries = (struct weir_summary *)(bytes + layout.summaries);
    coarsen->rows = (struct weir_coarsen_row *)(bytes + layout.rows);
    coarsen->segments = (struct weir_coarsen_segment *)(bytes + layout.segments);
    coarsen->names = (struct weir_coarsen_name *)(bytes + layout.names);
    coarsen->slots = (uint32_t *)(bytes + layout.slots);
    coarsen->name_slots = (uint32_t *)(bytes + layout.name_slots);
    coarsen->text = bytes + layout.text;
    coarsen->sketches = (unsigned char *)bytes + layout.sketches;
    memset(coarsen->name_slots, 0xff,
           ((size_t)coarsen->name_slot_mask + 1) * sizeof(coarsen->name_slots[0]));
    coarsen->stream.fields = &coarsen->field;
    coarsen->stream.field_count = 1;
    weir_coarsen_init_json(coarsen);
    return coarsen;
}

void weir_coarsen_shift(struct weir_coarsen *coarsen, int64_t step_ms)
{
    assert(!coarsen->begun && coarsen->window_ms == 1);
    coarsen->shift_ms = step_ms;
}

bool weir_coarsen_is_sound(const struct weir_summary *summary)
{
    return summary->count > 0 && summary->start_ms >= -WEIR_COARSEN_TIME_MS_MAX &&
           summary->end_ms <= WEIR_COARSEN_TIME_MS_MAX && summary->start_ms <= summary->first_ms &&
           summary->first_ms <= summary->last_ms && summary->last_ms < summary->end_ms;
}

void weir_coarsen_shift_rows(struct weir_coarsen *coarsen, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; coarsen->shift_ms != 0 && i < first + count; i++) {
        struct weir_summary *row = &coarsen->summaries[i];

        if (!row->doubted)
            continue;
        weir_summary_correct(row, coarsen->shift_ms);
        coarsen->counts.shifted++;
    }
}

enum weir_status weir_coarsen_join_ranges(struct weir_range_list *list,
                                          const struct weir_range_list *add)
{
    for (uint32_t i = 0; i < add->count; i++) {
        if (weir_range_accept(list, add->ranges[i].first, add->ranges[i].last) != WEIR_OK)
            return WEIR_FULL;
    }
    return WEIR_OK;
}

enum weir_status weir_coarsen_accept(struct weir_coarsen *coarsen, const char *payload,
                                     size_t length, const struct weir_summary *rows,
                                     uint32_t row_count, const unsigned char *sketches,
                                     uint32_t sketches_length)
{
    uint32_t name_count = coarsen->name_count;
    uint32_t text_length = coarsen->text_length;
    uint32_t kept_length = coarsen->sketches_length;
    struct weir_sketch_list list;
    enum weir_status status;

    assert(!coarsen->sealed);
    if (length == 0 || length > WEIR_BATCH_HEAD_BYTES + WEIR_BATCH_BYTES_MAX)
        return WEIR_REFUSED;
    weir_sketch_list_open(&list, sketches, sketches_length);
    if (payload[0] == WEIR_COMPACT_MAGIC[0])
        status = weir_coarsen_accept_compact(coarsen, payload, length, rows, row_count, &list);
    else
        status = weir_coarsen_accept_json(coarsen, payload, length, rows, row_count, &list);
    if (status == WEIR_OK)
        return WEIR_OK;
    coarsen->sketches_length = kept_length;
    weir_coarsen_forget_names(coarsen, name_count, text_length);
    return status == WEIR_FULL && !coarsen->begun ? WEIR_REFUSED : status;
}

uint32_t weir_coarsen_seal(struct weir_coarsen *coarsen)
{
    assert(!coarsen->sealed);
    coarsen->sealed = true;
    weir_coarsen_merge(coarsen);
    return coarsen->compact ? weir_coarsen_seal_compact(coarsen) : weir_coarsen_seal_json(coarsen);
}

void weir_coarsen_count(const struct weir_coarsen *coarsen, struct weir_coarsen_counts *counts)
{
    assert(coarsen->sealed);
    *counts = coarsen->counts;
}

bool weir_coarsen_take(struct weir_coarsen *coarsen, uint64_t sequence,
                       struct weir_coarsen_batch *batch)
{
    assert(coarsen->sealed);
    if (coarsen->taken_count == coarsen->row_count)
        return false;
    if (coarsen->compact)
        weir_coarsen_take_compact(coarsen, sequence, batch);
    else
        weir_coarsen_take_json(coarsen, sequence, batch);
    return true;
}
