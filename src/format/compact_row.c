#include "format/compact_steps.h"

#include <math.h>
#include <string.h>

/* Contexts of WEIR_COMPACT_DOUBLE: on the grid the column, behind them those of raw rows. */
#define DOUBLE_RAW 8

/* Contexts of WEIR_COMPACT_LOW that are not about how well it is guessed. */
#define LOW_CONTEXT_MAX 15
#define LOW_OTHER 16

/* Steps in which a mean or deviation is told apart from what the moments give: doubles, so that it
 * is right to 4.6e-13. */
#define NEAR_BITS 12

#define HAS WEIR_COMPACT_HAS

static void fail(struct weir_compact_codec *codec)
{
    codec->coder.failed = true;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t below(uint32_t level, uint32_t distance)
{
    return level < distance ? 0 : level - distance;
}

/* Integers in the order of the doubles that they are the bits of. */
static uint64_t place_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static double value_at(uint64_t place)
{
    uint64_t bits = place >> 63 ? place & INT64_MAX : ~place;
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

double weir_compact_code_double(struct weir_compact_codec *codec, uint32_t context, double value,
                                double expected)
{
    uint64_t from = place_of(expected);

    return value_at(from + (uint64_t)weir_compact_code_signed(codec, WEIR_COMPACT_DOUBLE, context,
                                                              (int64_t)(place_of(value) - from)));
}

/* As code_double, in steps where there is something to be left out. */
static double code_near(struct weir_compact_codec *codec, uint32_t context, double value,
                        double expected)
{
    uint64_t from = place_of(expected);
    int64_t steps = (int64_t)(place_of(value) - from);

    if (fabs(expected) < WEIR_COMPACT_TINY)
        return weir_compact_code_double(codec, context, value, expected);
    steps = (steps >> NEAR_BITS) + (steps >> (NEAR_BITS - 1) & 1);
    steps = weir_compact_code_signed(codec, WEIR_COMPACT_DOUBLE, context, steps);
    return value_at(from + ((uint64_t)steps << NEAR_BITS));
}

static void code_range(struct weir_compact_codec *codec, struct weir_compact_track *track,
                       struct weir_compact_steps *steps)
{
    uint32_t context = least(track->range_level / 16, WEIR_COMPACT_CONTEXT_COUNT - 1);
    uint64_t range = weir_compact_code_about(codec, WEIR_COMPACT_RANGE, context,
                                             track->range_level / 32, (uint64_t)steps->range);

    if (range > (uint64_t)WEIR_COMPACT_TICKS_MAX * 2) {
        fail(codec);
        range = 0;
    }
    steps->range = (int64_t)range;
    track->range_level = (track->range_level * 2 + 16 * weir_compact_half_level(range)) / 3;
}

/* Has a guess remember how far it was off this time. */
static void move_miss(uint32_t *miss, int64_t distance)
{
    distance = weir_compact_clamp(distance < 0 ? -distance : distance, 0, 1 << 20) * 4;
    *miss = (uint32_t)((int64_t)*miss + (distance - (int64_t)*miss) / 3);
}

/* Four guesses of low: as it was; by last, by the mean, by the middle of the range. */
static void guess_low(const struct weir_compact_track *track, int64_t range, int64_t guess[4])
{
    guess[0] = track->low;
    guess[1] = track->last - range / 2;
    guess[2] = track->mean - range / 2;
    guess[3] = track->low + (track->range - range) / 2;
}

static void code_low(struct weir_compact_codec *codec, struct weir_compact_track *track,
                     struct weir_compact_steps *steps)
{
    int64_t guess[4];
    uint32_t best = 0;
    uint32_t level;
    int64_t miss;

    guess_low(track, steps->range, guess);
    for (uint32_t i = 1; i < 4; i++) {
        if (track->miss[i] < track->miss[best])
            best = i;
    }
    level = weir_compact_half_level(track->miss[best] / 4);
    miss = weir_compact_code_signed_about(codec, WEIR_COMPACT_LOW, least(level, LOW_CONTEXT_MAX),
                                          level / 2,
                                          (int64_t)((uint64_t)steps->low - (uint64_t)guess[best]));
    steps->low = (int64_t)((uint64_t)guess[best] + (uint64_t)miss);
    if (steps->low > WEIR_COMPACT_TICKS_MAX || steps->low < -WEIR_COMPACT_TICKS_MAX) {
        fail(codec);
        steps->low = 0;
    }
    for (uint32_t i = 0; track->known && i < 4; i++)
        move_miss(&track->miss[i], steps->low - guess[i]);
}

/* A value within the range, from its nearer end. */
static int64_t code_edge(struct weir_compact_codec *codec, uint32_t flag, int64_t range,
                         int64_t value)
{
    uint32_t level = weir_compact_level((uint64_t)range);
    bool high = value > range / 2;
    uint64_t away;

    high = weir_compact_code_flag(codec, flag, high);
    away = weir_compact_code_about(codec, WEIR_COMPACT_EDGE,
                                   least(level, WEIR_COMPACT_CONTEXT_COUNT - 1), below(level, 2),
                                   (uint64_t)(high ? range - value : value));
    if (away > (uint64_t)range) {
        fail(codec);
        away = 0;
    }
    return high ? range - (int64_t)away : (int64_t)away;
}

/* The columns that say where a row is, if not as low and range: each from the one before. */
static void code_points(struct weir_compact_codec *codec, uint32_t columns,
                        struct weir_compact_track *track, struct weir_compact_steps *steps)
{
    static const enum weir_compact_column order[] = {
        WEIR_COMPACT_COLUMN_LAST, WEIR_COMPACT_COLUMN_FIRST, WEIR_COMPACT_COLUMN_MIN,
        WEIR_COMPACT_COLUMN_MAX};
    int64_t *const points[] = {&steps->last, &steps->first, &steps->low, &steps->low};
    uint32_t context = least(weir_compact_half_level(track->miss[0] / 4), LOW_CONTEXT_MAX);
    int64_t from = track->low;
    bool begun = false;

    for (int i = 0; i < 4; i++) {
        int64_t miss;

        if (!(columns & 1u << order[i]))
            continue;
        miss = weir_compact_code_signed(codec, WEIR_COMPACT_LOW, begun ? LOW_OTHER : context,
                                        *points[i] - from);
        if (miss > 4 * WEIR_COMPACT_TICKS_MAX || miss < -4 * WEIR_COMPACT_TICKS_MAX) {
            fail(codec);
            miss = 0;
        }
        *points[i] =
            weir_compact_clamp(from + miss, -WEIR_COMPACT_TICKS_MAX, WEIR_COMPACT_TICKS_MAX);
        from = *points[i];
        if (!begun) {
            move_miss(&track->miss[0], miss);
            track->low = from;
        }
        begun = true;
    }
}

/* The sum of the samples about the place where they were guessed to be. */
static void code_sum_about(struct weir_compact_codec *codec, struct weir_compact_track *track,
                           struct weir_compact_steps *steps)
{
    uint32_t context = least(weir_compact_level(track->miss[1] / 4) / 2,
                             WEIR_COMPACT_CONTEXT_COUNT - 1 - (LOW_OTHER + 1));

    steps->total =
        weir_compact_code_signed(codec, WEIR_COMPACT_LOW, LOW_OTHER + 1 + context, steps->total);
    if (steps->total > WEIR_COMPACT_TOTAL_MAX || steps->total < -WEIR_COMPACT_TOTAL_MAX ||
        !weir_compact_is_inside(&track->grid, steps->total)) {
        fail(codec);
        steps->total = 0;
    }
    move_miss(&track->miss[1], steps->total);
}

/* The distance of the mean from low, in steps. */
static int64_t find_mean(const struct weir_compact_grid *grid, uint64_t count, int64_t total)
{
    int64_t units = total / (int64_t)count;

    return grid->parts > 0 ? (units * ((int64_t)1 << grid->parts)) / grid->step : units;
}

/* Where the row before ended, in the range of this one: below it, in a quarter of it, above it. */
static uint32_t find_entry(const struct weir_compact_track *track,
                           const struct weir_compact_steps *steps)
{
    int64_t entry = track->last - steps->low;

    if (entry < 0 || entry > steps->range)
        return entry < 0 ? 0 : 5;
    return 1 + (uint32_t)(entry * 4 / (steps->range + 1));
}

/* The places of a row that has them as low and range. Returns whether its moments are integers. */
static bool code_ranged(struct weir_compact_codec *codec, uint32_t columns,
                        struct weir_compact_track *track, struct weir_compact_row *row,
                        bool sampled, struct weir_compact_steps *steps)
{
    const struct weir_compact_grid *grid = &track->grid;
    struct weir_summary *summary = &row->summary;
    uint32_t entry;
    bool fits;

    if (summary->count > 1)
        code_range(codec, track, steps);
    else
        steps->range = 0;
    code_low(codec, track, steps);
    if (!weir_compact_is_inside(grid, steps->low) ||
        !weir_compact_is_inside(grid, steps->low + steps->range)) {
        fail(codec);
        steps->low = 0;
        steps->range = 0;
    }
    entry = find_entry(track, steps);
    if (steps->range == 0)
        steps->last = steps->first = 0;
    else if (HAS(columns, LAST))
        steps->last =
            code_edge(codec, WEIR_COMPACT_FLAG_LAST_HIGH + entry, steps->range, steps->last);
    if (steps->range > 0 && HAS(columns, FIRST))
        steps->first =
            code_edge(codec, WEIR_COMPACT_FLAG_FIRST_HIGH + entry, steps->range, steps->first);
    fits = weir_compact_moments_fit(grid, summary->count, steps->low, steps->range);
    if (sampled)
        weir_compact_code_samples(codec, track, row, fits, steps);
    else if (steps->range == 0)
        steps->total = steps->squares = 0;
    else if (fits && weir_compact_has_moments(columns))
        weir_compact_code_moments(codec, grid, columns, summary->count, steps);
    summary->min = weir_compact_at(grid, steps->low);
    summary->max = weir_compact_at(grid, steps->low + steps->range);
    summary->first = weir_compact_at(grid, steps->low + steps->first);
    summary->last = weir_compact_at(grid, steps->low + steps->last);
    track->low = steps->low;
    track->range = steps->range;
    track->last = steps->low + (HAS(columns, LAST) ? steps->last : steps->range / 2);
    track->mean =
        steps->low + (fits ? find_mean(grid, summary->count, steps->total) : steps->range / 2);
    return fits;
}

static bool code_pointed(struct weir_compact_codec *codec, uint32_t columns,
                         struct weir_compact_track *track, struct weir_summary *summary,
                         struct weir_compact_steps *steps)
{
    const struct weir_compact_grid *grid = &track->grid;
    bool fits;

    code_points(codec, columns, track, steps);
    if ((HAS(columns, LAST) && !weir_compact_is_inside(grid, steps->last)) ||
        (HAS(columns, FIRST) && !weir_compact_is_inside(grid, steps->first)) ||
        !weir_compact_is_inside(grid, steps->low) || !weir_compact_is_inside(grid, track->low)) {
        fail(codec);
        *steps = (struct weir_compact_steps){0};
        track->low = 0;
    }
    summary->min = summary->max = weir_compact_at(grid, steps->low);
    summary->first = weir_compact_at(grid, steps->first);
    summary->last = weir_compact_at(grid, steps->last);
    steps->low = track->low;
    steps->range = 0;
    fits = weir_compact_moments_fit(grid, summary->count, steps->low, 0);
    if (fits && weir_compact_has_moments(columns))
        code_sum_about(codec, track, steps);
    if (!(columns & (1u << WEIR_COMPACT_COLUMN_MIN | 1u << WEIR_COMPACT_COLUMN_MAX |
                     1u << WEIR_COMPACT_COLUMN_FIRST | 1u << WEIR_COMPACT_COLUMN_LAST)) &&
        fits)
        track->low += find_mean(grid, summary->count, steps->total);
    return fits;
}

static void code_on_grid(struct weir_compact_codec *codec, uint32_t columns,
                         struct weir_compact_track *track, struct weir_compact_row *row,
                         bool sampled, struct weir_compact_steps *steps)
{
    struct weir_summary *summary = &row->summary;
    struct weir_compact_expected expected;
    bool fits = weir_compact_has_range(columns)
                    ? code_ranged(codec, columns, track, row, sampled, steps)
                    : code_pointed(codec, columns, track, summary, steps);

    weir_compact_expect(&track->grid, summary->count, steps, fits, &expected);
    if (HAS(columns, SUM))
        summary->sum =
            weir_compact_code_double(codec, WEIR_COMPACT_COLUMN_SUM, summary->sum, expected.sum);
    if (HAS(columns, MEAN))
        summary->mean = code_near(codec, WEIR_COMPACT_COLUMN_MEAN, summary->mean,
                                  weir_compact_mean_of(columns, summary, expected.mean));
    if (HAS(columns, STDDEV))
        summary->stddev =
            code_near(codec, WEIR_COMPACT_COLUMN_STDDEV, summary->stddev, expected.deviation);
    track->known = true;
}

/* Every column as a double, from the one in front of it. */
static void code_raw(struct weir_compact_codec *codec, uint32_t columns,
                     struct weir_compact_track *track, struct weir_summary *summary)
{
    double *const values[] = {&summary->sum,    &summary->min,   &summary->max, &summary->mean,
                              &summary->stddev, &summary->first, &summary->last};
    static const enum weir_compact_column order[] = {
        WEIR_COMPACT_COLUMN_LAST,  WEIR_COMPACT_COLUMN_FIRST, WEIR_COMPACT_COLUMN_MIN,
        WEIR_COMPACT_COLUMN_MAX,   WEIR_COMPACT_COLUMN_MEAN,  WEIR_COMPACT_COLUMN_SUM,
        WEIR_COMPACT_COLUMN_STDDEV};
    double from = track->value;
    bool begun = false;

    for (int i = 0; i < 7; i++) {
        double *value = values[order[i]];
        double expected = from;

        if (!(columns & 1u << order[i]))
            continue;
        if (order[i] == WEIR_COMPACT_COLUMN_SUM)
            expected = from * (double)summary->count;
        if (order[i] == WEIR_COMPACT_COLUMN_STDDEV)
            expected = (summary->max - summary->min) / 4;
        *value = weir_compact_code_double(codec, DOUBLE_RAW + (uint32_t)order[i], *value, expected);
        if (order[i] != WEIR_COMPACT_COLUMN_SUM)
            from = *value;
        if (!begun)
            track->value = from;
        begun = true;
    }
}

/* The time from first to last. */
static void code_span(struct weir_compact_codec *codec, struct weir_compact_track *track,
                      struct weir_summary *summary)
{
    uint64_t span_ms = (uint64_t)summary->last_ms - (uint64_t)summary->first_ms;

    span_ms = (uint64_t)track->span_ms +
              (uint64_t)weir_compact_code_signed(codec, WEIR_COMPACT_SPAN, 0,
                                                 (int64_t)(span_ms - (uint64_t)track->span_ms));
    if (codec->coder.decoding) {
        summary->first_ms = 0;
        summary->last_ms = (int64_t)span_ms;
    }
    track->span_ms = (int64_t)span_ms;
}

void weir_compact_code_row(struct weir_compact_rows *rows, struct weir_compact_track *track,
                           struct weir_compact_row *row)
{
    struct weir_summary *summary = &row->summary;
    struct weir_compact_codec *codec = &rows->codec;
    uint32_t columns = rows->streams[track->slot].columns;
    enum weir_compact_form form = WEIR_COMPACT_FORM_NONE;
    struct weir_compact_steps steps = {0};

    weir_compact_code_window(rows, track, summary);
    weir_compact_code_counts(rows, track, summary);
    if (summary->count == 0) {
        fail(codec);
        return;
    }
    track->raw = weir_compact_code_flag(
        codec, track->raw ? WEIR_COMPACT_FLAG_RAW_AGAIN : WEIR_COMPACT_FLAG_RAW,
        !codec->coder.decoding && !weir_compact_fit(track, columns, summary, &steps));
    if (rows->streams[track->slot].quantile_count > 0)
        form = weir_compact_code_form(codec, track, columns, row, &steps);
    if (track->raw)
        code_raw(codec, columns, track, summary);
    else
        code_on_grid(codec, columns, track, row,
                     form == WEIR_COMPACT_FORM_GRID &&
                         summary->count <= WEIR_SKETCH_EXACT_COUNT_MAX,
                     &steps);
    if (HAS(columns, SPAN))
        code_span(codec, track, summary);
    weir_compact_code_sketch(codec, track, &steps, form, row);
}
