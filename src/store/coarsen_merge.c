#include "store/coarsen_run.h"

#include <math.h>
#include <string.h>

/* The bucket that holds time_ms: rounded down, below the epoch too. */
static int64_t bucket_of(const struct weir_coarsen *coarsen, int64_t time_ms)
{
    int64_t number = time_ms / coarsen->window_ms;

    return time_ms % coarsen->window_ms < 0 ? number - 1 : number;
}

static bool fits_bucket(const struct weir_coarsen *coarsen, const struct weir_summary *summary)
{
    return summary->end_ms - summary->start_ms < coarsen->window_ms &&
           bucket_of(coarsen, summary->start_ms) == bucket_of(coarsen, summary->end_ms - 1);
}

/* The newest segment from first on that does not contradict the row. */
static uint32_t find_segment(const struct weir_coarsen *coarsen, uint32_t first, uint32_t row,
                             uint32_t known)
{
    uint32_t shown = coarsen->rows[row].shown;
    uint32_t index = first;

    while (index != WEIR_COARSEN_NONE) {
        const struct weir_coarsen_segment *segment = &coarsen->segments[index];

        if (((segment->shown ^ shown) & segment->known & known) == 0 &&
            weir_coarsen_same_quantiles(coarsen, segment->row, row))
            break;
        index = segment->older;
    }
    return index;
}

static void find_segments(struct weir_coarsen *coarsen)
{
    coarsen->segment_count = 0;
    for (uint32_t i = 0; i < coarsen->name_count; i++)
        coarsen->names[i].segment = WEIR_COARSEN_NONE;
    for (uint32_t i = 0; i < coarsen->row_count; i++) {
        struct weir_coarsen_row *row = &coarsen->rows[i];
        struct weir_coarsen_name *stream = &coarsen->names[coarsen->names[row->track].stream];
        uint32_t known = weir_encode_aggregates(&coarsen->summaries[i]);

        row->segment = find_segment(coarsen, stream->segment, i, known);
        if (row->segment == WEIR_COARSEN_NONE) {
            row->segment = coarsen->segment_count++;
            coarsen->segments[row->segment] =
                (struct weir_coarsen_segment){.older = stream->segment, .row = i};
            stream->segment = row->segment;
        }
        coarsen->segments[row->segment].shown |= row->shown;
        coarsen->segments[row->segment].known |= known;
    }
}

static uint64_t hash(uint32_t track, int64_t first, int64_t second)
{
    uint64_t word = track * 0x9e3779b97f4a7c15u + (uint64_t)first * 0xbf58476d1ce4e5b9u +
                    (uint64_t)second * 0x94d049bb133111ebu;

    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
    return word ^ (word >> 32);
}

/* The slot of the newest row of this row's window; a free one: there is none. */
static uint32_t *find_window(const struct weir_coarsen *coarsen, uint32_t row)
{
    const struct weir_summary *summary = &coarsen->summaries[row];
    uint32_t track = coarsen->rows[row].track;
    uint64_t at = hash(track, summary->start_ms, summary->end_ms);

    for (;; at++) {
        uint32_t *slot = &coarsen->slots[at & coarsen->slot_mask];

        if (*slot == WEIR_COARSEN_NONE ||
            (coarsen->rows[*slot].track == track &&
             coarsen->summaries[*slot].start_ms == summary->start_ms &&
             coarsen->summaries[*slot].end_ms == summary->end_ms))
            return slot;
    }
}

/* The slot of the first row of this row's group; a free one: there is none. */
static uint32_t *find_group(const struct weir_coarsen *coarsen, uint32_t row)
{
    const struct weir_coarsen_row *shape = &coarsen->rows[coarsen->rows[row].revised];
    int64_t bucket = bucket_of(coarsen, coarsen->summaries[row].start_ms);
    uint64_t at = hash(shape->track, bucket, shape->segment);

    for (;; at++) {
        uint32_t *slot = &coarsen->slots[at & coarsen->slot_mask];
        const struct weir_coarsen_row *other;

        if (*slot == WEIR_COARSEN_NONE)
            return slot;
        other = &coarsen->rows[coarsen->rows[*slot].revised];
        if (other->track == shape->track && other->unit == shape->unit &&
            other->segment == shape->segment &&
            coarsen->summaries[*slot].doubted == coarsen->summaries[row].doubted &&
            bucket_of(coarsen, coarsen->summaries[*slot].start_ms) == bucket)
            return slot;
    }
}

static void clear_slots(struct weir_coarsen *coarsen)
{
    memset(coarsen->slots, 0xff, ((size_t)coarsen->slot_mask + 1) * sizeof(coarsen->slots[0]));
}

/* Finds what passes, and which revisions stand behind a row of revision 0: the newest such row of
 * the window, since an older one is of samples that were not carried on. */
static void find_revisions(struct weir_coarsen *coarsen)
{
    clear_slots(coarsen);
    for (uint32_t i = 0; i < coarsen->row_count; i++) {
        struct weir_coarsen_row *row = &coarsen->rows[i];
        struct weir_coarsen_row *first;
        uint32_t revision = coarsen->summaries[i].revision;
        uint32_t *slot;

        row->revised = i;
        row->count = 1;
        row->next = WEIR_COARSEN_NONE;
        row->last = i;
        row->leads = false;
        row->passes = !fits_bucket(coarsen, &coarsen->summaries[i]);
        if (row->passes)
            continue;
        slot = find_window(coarsen, i);
        if (revision == 0) {
            *slot = i;
        } else if (*slot == WEIR_COARSEN_NONE) {
            row->passes = true;
        } else {
            first = &coarsen->rows[*slot];
            first->count++;
            row->count = 0;
            if (revision >= coarsen->summaries[first->revised].revision)
                first->revised = i;
        }
    }
}

static void find_groups(struct weir_coarsen *coarsen)
{
    clear_slots(coarsen);
    for (uint32_t i = 0; i < coarsen->row_count; i++) {
        struct weir_coarsen_row *row = &coarsen->rows[i];
        struct weir_coarsen_row *first;
        uint32_t *slot;

        if (row->passes || row->count == 0)
            continue;
        slot = find_group(coarsen, i);
        if (*slot == WEIR_COARSEN_NONE) {
            *slot = i;
            row->leads = true;
        } else {
            first = &coarsen->rows[*slot];
            coarsen->rows[first->last].next = i;
            first->last = i;
        }
    }
}

/* A total, the sum's compensation (see core/moments.h) beside it; the mean runs. */
static void join(struct weir_summary *total, double *compensation, const struct weir_summary *part)
{
    double sum = total->sum + part->sum;
    double added = sum - total->sum;

    total->stream = part->stream;
    total->series = part->series;
    total->field = part->field;
    *compensation += (total->sum - (sum - added)) + (part->sum - added);
    total->sum = sum;
    total->count += part->count;
    total->mean += (part->mean - total->mean) * ((double)part->count / (double)total->count);
    total->start_ms = part->start_ms < total->start_ms ? part->start_ms : total->start_ms;
    total->end_ms = part->end_ms > total->end_ms ? part->end_ms : total->end_ms;
    total->min = part->min < total->min ? part->min : total->min;
    total->max = part->max > total->max ? part->max : total->max;
    if (part->first_ms < total->first_ms) {
        total->first = part->first;
        total->first_ms = part->first_ms;
    }
    if (part->last_ms >= total->last_ms) {
        total->last = part->last;
        total->last_ms = part->last_ms;
    }
}

/* Chan's formula for all parts at once (Chan, Golub, LeVeque 1979): with the mean of all known
 * first, its rounding counts in the second order only. Of equal samples, not at all. */
static double merged_stddev(const struct weir_coarsen *coarsen, uint32_t first,
                            const struct weir_summary *total)
{
    double variance = 0.0;

    if (total->min == total->max)
        return 0.0;
    for (uint32_t i = first; i != WEIR_COARSEN_NONE; i = coarsen->rows[i].next) {
        const struct weir_summary *part = &coarsen->summaries[coarsen->rows[i].revised];
        double difference = part->mean - total->mean;

        variance += (part->stddev * part->stddev + difference * difference) *
                    ((double)part->count / (double)total->count);
    }
    return sqrt(variance);
}

/* The rows of the group as one; returns how many they were. */
static uint32_t merge_group(const struct weir_coarsen *coarsen, uint32_t first,
                            struct weir_summary *total)
{
    uint32_t count = coarsen->rows[first].count;
    uint32_t next = coarsen->rows[first].next;
    double compensation = 0.0;

    *total = coarsen->summaries[coarsen->rows[first].revised];
    total->revision = 0;
    if (next == WEIR_COARSEN_NONE)
        return count;
    for (uint32_t i = next; i != WEIR_COARSEN_NONE; i = coarsen->rows[i].next) {
        join(total, &compensation, &coarsen->summaries[coarsen->rows[i].revised]);
        count += coarsen->rows[i].count;
    }
    total->sum += compensation;
    if (isfinite(total->sum))
        total->mean = total->sum / (double)total->count;
    total->stddev = merged_stddev(coarsen, first, total);
    return count;
}

void weir_coarsen_merge(struct weir_coarsen *coarsen)
{
    uint32_t out = 0;

    find_segments(coarsen);
    find_revisions(coarsen);
    find_groups(coarsen);
    coarsen->counts.rows_in = coarsen->row_count;
    coarsen->counts.coarsened = 0;
    /* What is written lies at or before what is read: a group is read at its first row. */
    for (uint32_t i = 0; i < coarsen->row_count; i++) {
        const struct weir_coarsen_row *shape = &coarsen->rows[coarsen->rows[i].revised];
        struct weir_summary summary = coarsen->summaries[i];
        struct weir_coarsen_row row = *shape;
        uint32_t count = 1;

        if (coarsen->rows[i].leads)
            count = merge_group(coarsen, i, &summary);
        else if (!coarsen->rows[i].passes)
            continue;
        if (count > 1) {
            row.shown = coarsen->segments[shape->segment].shown;
            coarsen->counts.coarsened += count;
            weir_coarsen_merge_sketches(coarsen, i, &row);
        }
        coarsen->summaries[out] = summary;
        coarsen->rows[out++] = row;
    }
    coarsen->row_count = out;
    coarsen->counts.rows_out = out;
}
