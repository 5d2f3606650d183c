#include "format/compact_steps.h"

#include <math.h>

#define HAS WEIR_COMPACT_HAS

static void know(struct weir_compact_bounds *bounds, int64_t value)
{
    bounds->free_count--;
    bounds->total += value;
    bounds->low += value * value;
}

/* What is known without total: the least, the largest, first and last. False: these are more than
 * there are samples. */
bool weir_compact_find_known(uint32_t columns, uint64_t count,
                             const struct weir_compact_steps *steps,
                             struct weir_compact_bounds *bounds)
{
    *bounds = (struct weir_compact_bounds){.free_count = (int64_t)count};
    know(bounds, 0);
    know(bounds, steps->range);
    if (HAS(columns, LAST) && steps->last != 0 && steps->last != steps->range)
        know(bounds, steps->last);
    if (HAS(columns, FIRST) && steps->first != 0 && steps->first != steps->range &&
        (!HAS(columns, LAST) || count > 3))
        know(bounds, steps->first);
    return bounds->free_count >= 0;
}

/* The bounds of squares, once total is known: all others alike; as many as can be at the ends. */
void weir_compact_bound_squares(const struct weir_compact_steps *steps,
                                struct weir_compact_bounds *bounds)
{
    int64_t rest = steps->total - bounds->total;
    int64_t known = bounds->low;

    if (bounds->free_count == 0) {
        bounds->high = bounds->low;
        return;
    }
    bounds->low += (bounds->free_count - rest % bounds->free_count) * (rest / bounds->free_count) *
                   (rest / bounds->free_count);
    bounds->low += rest % bounds->free_count * (rest / bounds->free_count + 1) *
                   (rest / bounds->free_count + 1);
    bounds->high = known + rest / steps->range * steps->range * steps->range +
                   (rest % steps->range) * (rest % steps->range);
}

/* True when a place on the grid is one that a double can be on. */
bool weir_compact_is_inside(const struct weir_compact_grid *grid, int64_t steps)
{
    double ticks = (double)steps * (double)grid->step;

    return fabs(ticks + (double)grid->offset) <= (double)WEIR_COMPACT_TICKS_MAX;
}

double weir_compact_at(const struct weir_compact_grid *grid, int64_t steps)
{
    return weir_compact_value(weir_compact_place_ticks(grid, steps), grid->scale);
}

void weir_compact_expect(const struct weir_compact_grid *grid, uint64_t count,
                         const struct weir_compact_steps *steps, bool fits,
                         struct weir_compact_expected *expected)
{
    struct weir_compact_moments moments = {count, steps->low, steps->range, steps->total,
                                           steps->squares};

    if (fits) {
        expected->sum = weir_compact_sum(grid, &moments);
        expected->mean = weir_compact_mean(grid, &moments);
        expected->deviation = weir_compact_deviation(grid, &moments);
        return;
    }
    expected->mean = weir_compact_at(grid, steps->low + steps->range / 2);
    expected->sum = expected->mean * (double)count;
    expected->deviation =
        weir_compact_value(weir_compact_units(grid, steps->low, steps->range), grid->scale) *
        (double)weir_compact_unit(grid) / 4;
}

double weir_compact_mean_of(uint32_t columns, const struct weir_summary *summary, double expected)
{
    return HAS(columns, SUM) && isfinite(summary->sum) ? summary->sum / (double)summary->count
                                                       : expected;
}

/* True when code_near gives a value back that is as good as the one given. */
static bool is_near(double value, double expected)
{
    return fabs(expected) < WEIR_COMPACT_TINY ||
           (fabs(value) >= WEIR_COMPACT_TINY && fabs(value) <= WEIR_COMPACT_HUGE);
}

bool weir_compact_find_steps(const struct weir_compact_grid *grid, double value, int64_t *steps)
{
    int64_t ticks;
    int64_t most;

    if (!weir_compact_ticks(value, grid->scale, &ticks) ||
        ticks > WEIR_COMPACT_TICKS_MAX >> grid->parts ||
        ticks < -(WEIR_COMPACT_TICKS_MAX >> grid->parts))
        return false;
    /* The last place that has no more ticks. */
    most = (ticks + 1) * ((int64_t)1 << grid->parts) - 1 - grid->offset;
    *steps = most / grid->step - (most % grid->step < 0);
    return weir_compact_place_ticks(grid, *steps) == ticks;
}

static double known_sum(const struct weir_summary *summary)
{
    return isfinite(summary->sum) ? summary->sum : summary->mean * (double)summary->count;
}

/* Total and squares in ticks, where places do not bound them. */
static void fit_ticks(const struct weir_compact_grid *grid, const struct weir_summary *summary,
                      struct weir_compact_moments *moments, struct weir_compact_steps *steps)
{
    int64_t units = weir_compact_units(grid, steps->low, steps->range);
    int64_t most = (int64_t)summary->count * units;
    int64_t squares;

    steps->total =
        weir_compact_clamp(weir_compact_find_total(grid, moments, known_sum(summary)), 0, most);
    moments->total = steps->total;
    squares = weir_compact_find_squares(grid, moments, summary->stddev);
    squares += (squares ^ steps->total) & 1;
    most *= units;
    most -= (most ^ steps->total) & 1;
    steps->squares = weir_compact_clamp(squares, steps->total & 1, most);
}

/* Total and squares of a row, if they can be integers, within their bounds. */
static bool fit_moments(const struct weir_compact_grid *grid, uint32_t columns,
                        const struct weir_summary *summary, struct weir_compact_steps *steps)
{
    struct weir_compact_moments moments = {summary->count, steps->low, steps->range, 0, 0};
    struct weir_compact_bounds bounds;

    if (!weir_compact_find_known(columns, summary->count, steps, &bounds))
        return false;
    if (grid->parts > 0) {
        fit_ticks(grid, summary, &moments, steps);
        return true;
    }
    moments.total = steps->total =
        weir_compact_clamp(weir_compact_find_total(grid, &moments, known_sum(summary)),
                           bounds.total, bounds.total + bounds.free_count * steps->range);
    weir_compact_bound_squares(steps, &bounds);
    bounds.low += (bounds.low ^ steps->total) & 1;
    steps->squares = weir_compact_find_squares(grid, &moments, summary->stddev);
    steps->squares += (steps->squares ^ steps->total) & 1;
    bounds.high -= (bounds.high ^ steps->total) & 1;
    steps->squares = weir_compact_clamp(steps->squares, bounds.low, bounds.high);
    return true;
}

/* The places of a row, in steps. False: some value is not on the grid, or they contradict each
 * other. */
static bool fit_places(const struct weir_compact_grid *grid, uint32_t columns,
                       const struct weir_summary *summary, struct weir_compact_steps *steps)
{
    int64_t high = 0;

    if ((HAS(columns, MIN) && !weir_compact_find_steps(grid, summary->min, &steps->low)) ||
        (HAS(columns, MAX) && !weir_compact_find_steps(grid, summary->max, &high)) ||
        (HAS(columns, FIRST) && !weir_compact_find_steps(grid, summary->first, &steps->first)) ||
        (HAS(columns, LAST) && !weir_compact_find_steps(grid, summary->last, &steps->last)))
        return false;
    if (!weir_compact_has_range(columns)) {
        steps->low = HAS(columns, MAX) ? high : steps->low;
        return true;
    }
    steps->range = high - steps->low;
    steps->first -= HAS(columns, FIRST) ? steps->low : 0;
    steps->last -= HAS(columns, LAST) ? steps->low : 0;
    return steps->range >= 0 && steps->first >= 0 && steps->first <= steps->range &&
           steps->last >= 0 && steps->last <= steps->range &&
           (summary->count > 1 || steps->range == 0);
}

/* The place that code_points leaves in low. */
static int64_t find_place(const struct weir_compact_track *track, uint32_t columns,
                          const struct weir_compact_steps *steps)
{
    if (HAS(columns, LAST))
        return steps->last;
    if (HAS(columns, FIRST))
        return steps->first;
    return HAS(columns, MIN) || HAS(columns, MAX) ? steps->low : track->low;
}

bool weir_compact_is_expected(const struct weir_compact_grid *grid, uint32_t columns,
                              const struct weir_summary *summary,
                              const struct weir_compact_steps *steps, bool fits)
{
    struct weir_compact_expected expected;

    weir_compact_expect(grid, summary->count, steps, fits, &expected);
    return (!HAS(columns, MEAN) ||
            is_near(summary->mean, weir_compact_mean_of(columns, summary, expected.mean))) &&
           (!HAS(columns, STDDEV) || is_near(summary->stddev, expected.deviation));
}

/* The row as integers. False: it does not come back as it is, and is to be coded raw. */
bool weir_compact_fit(const struct weir_compact_track *track, uint32_t columns,
                      const struct weir_summary *summary, struct weir_compact_steps *steps)
{
    const struct weir_compact_grid *grid = &track->grid;
    struct weir_compact_steps placed;
    bool fits;

    *steps = (struct weir_compact_steps){0};
    if (summary->count == 0 || !fit_places(grid, columns, summary, steps))
        return false;
    placed = *steps;
    if (!weir_compact_has_range(columns)) {
        placed.low = find_place(track, columns, steps);
        if (!weir_compact_is_inside(grid, placed.low))
            return false;
    }
    fits = weir_compact_moments_fit(grid, summary->count, placed.low, placed.range);
    if (fits && weir_compact_has_moments(columns)) {
        if (placed.range > 0 && !fit_moments(grid, columns, summary, &placed))
            return false;
        if (!weir_compact_has_range(columns)) {
            struct weir_compact_moments about = {summary->count, placed.low, 0, 0, 0};

            placed.total = weir_compact_find_total(grid, &about, known_sum(summary));
            if (placed.total > WEIR_COMPACT_TOTAL_MAX || placed.total < -WEIR_COMPACT_TOTAL_MAX ||
                !weir_compact_is_inside(grid, placed.total) ||
                !weir_compact_is_inside(grid, placed.low + placed.total / (int64_t)summary->count))
                return false;
        }
        steps->total = placed.total;
        steps->squares = placed.squares;
    }
    return weir_compact_is_expected(grid, columns, summary, &placed, fits);
}
