#include <math.h>

#include "format/compact_steps.h"

#define HAS WEIR_COMPACT_HAS

/* Contexts of WEIR_COMPACT_SPAN that are about what rounding adds: to the total by the count, to the
 * squares by how far they spread. */
#define ROUND_TOTAL 1
#define ROUND_TOTAL_MAX 11
#define ROUND_SQUARES 12

/* Contexts of WEIR_COMPACT_SQUARES, from here on, for two samples. */
#define SQUARES_PAIR 12

/* On a grid with parts: what places come to in ticks, about which the moments lie. */
struct rounding {
    double step;  /* in ticks */
    double shift; /* the ticks that all samples together are more than their places */
    double count;
    int64_t units; /* of the range */
    int64_t total_max;
    int64_t squares_max;
};

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

static void code_total(struct weir_compact_codec *codec, struct weir_compact_steps *steps,
                       const struct weir_compact_bounds *bounds)
{
    int64_t spread = bounds->free_count * steps->range;
    int64_t middle = bounds->total + spread / 2;
    uint32_t level = weir_compact_level((uint64_t)spread);

    steps->total =
        middle + weir_compact_code_signed_about(codec, WEIR_COMPACT_TOTAL,
                                                least(level, WEIR_COMPACT_CONTEXT_COUNT - 1),
                                                below(level, 3), steps->total - middle);
    if (steps->total < bounds->total || steps->total > bounds->total + spread) {
        fail(codec);
        steps->total = bounds->total;
    }
}

/* Of two samples squares say how far they are apart. Takes and returns what code_squares tells, which
 * is h (h + odd), h being half that distance: not every number is. */
static uint64_t code_pair(struct weir_compact_codec *codec, const struct weir_compact_steps *steps,
                          const struct weir_compact_bounds *bounds, uint64_t above)
{
    int64_t rest = steps->total - bounds->total;
    uint64_t odd = (uint64_t)rest & 1;
    uint64_t most = (uint64_t)(rest < steps->range ? rest : 2 * steps->range - rest) / 2;
    uint32_t level = weir_compact_level(most);
    uint64_t half = (uint64_t)llrint((sqrt((double)(4 * above + odd)) - (double)odd) / 2);

    half = weir_compact_code_about(codec, WEIR_COMPACT_SQUARES,
                                   least(SQUARES_PAIR + level, WEIR_COMPACT_CONTEXT_COUNT - 1),
                                   below(level, 2), half);
    if (half > most) {
        fail(codec);
        half = 0;
    }
    return half * (half + odd);
}

/* Of squares every other number is one: a sum of squares is as odd as the sum. */
static void code_squares(struct weir_compact_codec *codec, struct weir_compact_steps *steps,
                         const struct weir_compact_bounds *bounds)
{
    int64_t low = bounds->low + ((bounds->low ^ steps->total) & 1);
    int64_t span = (bounds->high - low) / 2;
    uint32_t level = weir_compact_level((uint64_t)span);
    uint64_t above = (uint64_t)(steps->squares - low) / 2;

    if (span <= 0)
        above = 0;
    else if (bounds->free_count == 2)
        above = code_pair(codec, steps, bounds, above);
    else
        above = weir_compact_code_about(codec, WEIR_COMPACT_SQUARES,
                                        least(level / 2, SQUARES_PAIR - 1), below(level, 3), above);
    if (above > (uint64_t)span) {
        fail(codec);
        above = 0;
    }
    steps->squares = low + 2 * (int64_t)above;
}

static void init_rounding(struct rounding *rounding, const struct weir_compact_grid *grid,
                          uint64_t count, const struct weir_compact_steps *steps)
{
    double parts = (double)((int64_t)1 << grid->parts);
    int64_t low = (grid->offset + grid->step * steps->low) & (((int64_t)1 << grid->parts) - 1);

    rounding->step = (double)grid->step / parts;
    rounding->count = (double)count;
    rounding->shift = (double)low / parts - 0.5;
    rounding->shift *= rounding->count;
    rounding->units = weir_compact_units(grid, steps->low, steps->range);
    rounding->total_max = (int64_t)count * rounding->units;
    rounding->squares_max = rounding->total_max * rounding->units;
}

static int64_t round_within(double value, int64_t most)
{
    return value > 0 ? value < (double)most ? llrint(value) : most : 0;
}

/* Codes a number from 0 to most by how far it is from base, in steps of 1 or, for what is as odd as
 * `odd`, of 2. */
static int64_t code_rest(struct weir_compact_codec *codec, uint32_t context, uint32_t expected,
                         int64_t value, int64_t base, int64_t step, int64_t most)
{
    int64_t rest = weir_compact_code_signed_about(codec, WEIR_COMPACT_SPAN, context, expected,
                                                  (value - base) / step);

    if (rest < -base / step || rest > (most - base) / step) {
        fail(codec);
        return 0;
    }
    return base + rest * step;
}

/* The total in ticks, by that of the places. */
static int64_t code_total_ticks(struct weir_compact_codec *codec, const struct rounding *rounding,
                                int64_t places, int64_t total)
{
    double base = rounding->step * (double)places;
    uint32_t level = weir_compact_level((uint64_t)rounding->count);

    base += rounding->shift;
    return code_rest(codec, least(ROUND_TOTAL + below(level, 1), ROUND_TOTAL_MAX), 0, total,
                     round_within(base, rounding->total_max), 1, rounding->total_max);
}

/* What is more in squares of ticks, over those of places, because total is more than its places. */
static double lean(const struct rounding *rounding, int64_t places, int64_t total)
{
    double more = rounding->step * (double)places;

    more = 2 * ((double)total - more);
    return more * (double)places / rounding->count;
}

static int64_t code_squares_ticks(struct weir_compact_codec *codec, const struct rounding *rounding,
                                  const struct weir_compact_steps *placed,
                                  const struct weir_compact_steps *steps)
{
    double mean = (double)placed->total * (double)placed->total / rounding->count;
    double base = rounding->step * (double)placed->squares;
    double spread = rounding->step * rounding->step;
    uint32_t level;
    int64_t from;

    base += lean(rounding, placed->total, steps->total);
    base *= rounding->step;
    spread *= (double)placed->squares - mean;
    level = weir_compact_level((uint64_t)round_within(spread, INT64_MAX >> 1));
    from = round_within(base, rounding->squares_max);
    from += (from ^ steps->total) & 1;
    return code_rest(codec, least(ROUND_SQUARES + level / 4, WEIR_COMPACT_CONTEXT_COUNT - 1),
                     below(level / 2, 2), steps->squares, from, 2, rounding->squares_max);
}

/* The places of the samples, as near as their ticks tell. */
static int64_t place_total(const struct rounding *rounding,
                           const struct weir_compact_bounds *bounds,
                           const struct weir_compact_steps *steps)
{
    int64_t total = llrint(((double)steps->total - rounding->shift) / rounding->step);

    return weir_compact_clamp(total, bounds->total,
                              bounds->total + bounds->free_count * steps->range);
}

static int64_t place_squares(const struct rounding *rounding,
                             const struct weir_compact_bounds *bounds, int64_t places,
                             const struct weir_compact_steps *steps)
{
    double about = (double)steps->squares / rounding->step;
    int64_t low = bounds->low + ((bounds->low ^ places) & 1);
    int64_t high = bounds->high - ((bounds->high ^ places) & 1);
    int64_t squares;

    about -= lean(rounding, places, steps->total);
    squares = llrint(about / rounding->step);
    return weir_compact_clamp(squares + ((squares ^ places) & 1), low, high > low ? high : low);
}

/* Moments on a grid with parts: those of the places, and what rounding adds to them. */
static void code_rounded(struct weir_compact_codec *codec, const struct weir_compact_grid *grid,
                         uint32_t columns, uint64_t count, struct weir_compact_bounds *bounds,
                         struct weir_compact_steps *steps)
{
    struct weir_compact_steps placed = *steps;
    struct rounding rounding;

    init_rounding(&rounding, grid, count, steps);
    if (!codec->coder.decoding)
        placed.total = place_total(&rounding, bounds, steps);
    code_total(codec, &placed, bounds);
    if (HAS(columns, STDDEV)) {
        weir_compact_bound_squares(&placed, bounds);
        if (!codec->coder.decoding)
            placed.squares = place_squares(&rounding, bounds, placed.total, steps);
        code_squares(codec, &placed, bounds);
    }
    steps->total = code_total_ticks(codec, &rounding, placed.total, steps->total);
    if (HAS(columns, STDDEV))
        steps->squares = code_squares_ticks(codec, &rounding, &placed, steps);
}

void weir_compact_code_moments(struct weir_compact_codec *codec,
                               const struct weir_compact_grid *grid, uint32_t columns,
                               uint64_t count, struct weir_compact_steps *steps)
{
    struct weir_compact_bounds bounds;

    if (!weir_compact_find_known(columns, count, steps, &bounds)) {
        fail(codec);
        return;
    }
    if (grid->parts > 0) {
        code_rounded(codec, grid, columns, count, &bounds, steps);
        return;
    }
    code_total(codec, steps, &bounds);
    if (!HAS(columns, STDDEV))
        return;
    weir_compact_bound_squares(steps, &bounds);
    code_squares(codec, steps, &bounds);
}
