#include "format/compact_grid.h"

#include <math.h>
#include <string.h>

/* count * range: its square fits 62 bits. */
#define SPREAD_MAX ((double)(1u << 31))

/* The sum of all samples, in ticks. */
#define SUM_MAX 2305843009213693952.0

double weir_compact_scale(uint32_t scale)
{
    static const double tens[] = {1e0, 1e1, 1e2, 1e3,  1e4,  1e5, 1e6,
                                  1e7, 1e8, 1e9, 1e10, 1e11, 1e12};

    if (scale <= WEIR_COMPACT_DECIMAL_MAX)
        return tens[scale];
    return (double)((uint64_t)1 << (scale - WEIR_COMPACT_DECIMAL_MAX));
}

static bool equal_bits(double a, double b)
{
    uint64_t left, right;

    memcpy(&left, &a, sizeof(left));
    memcpy(&right, &b, sizeof(right));
    return left == right;
}

double weir_compact_value(int64_t ticks, uint32_t scale)
{
    return (double)ticks / weir_compact_scale(scale);
}

bool weir_compact_ticks(double value, uint32_t scale, int64_t *ticks)
{
    double scaled = value * weir_compact_scale(scale);

    if (!(fabs(scaled) <= (double)WEIR_COMPACT_TICKS_MAX))
        return false;
    *ticks = llrint(scaled);
    return equal_bits(weir_compact_value(*ticks, scale), value);
}

bool weir_compact_find_scale(double value, uint32_t from, uint32_t *scale)
{
    uint32_t end = from <= WEIR_COMPACT_DECIMAL_MAX && from > 0 ? WEIR_COMPACT_DECIMAL_MAX + 1
                                                                : WEIR_COMPACT_SCALE_COUNT;
    int64_t ticks;

    for (*scale = from; *scale < end; ++*scale) {
        if (weir_compact_ticks(value, *scale, &ticks))
            return true;
    }
    return false;
}

int64_t weir_compact_gcd(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

bool weir_compact_moments_fit(const struct weir_compact_grid *grid, uint64_t count, int64_t low,
                              int64_t range)
{
    double units = (double)weir_compact_units(grid, low, range);
    double spread = (double)count * units;
    double farthest =
        fabs((double)(grid->parts > 0 ? weir_compact_place_ticks(grid, low) : low)) + units + 1;

    farthest *= (double)weir_compact_unit(grid);
    return spread < SPREAD_MAX && (double)count * farthest < SUM_MAX;
}

/* The sum in ticks. */
static int64_t sum_ticks(const struct weir_compact_grid *grid,
                         const struct weir_compact_moments *moments)
{
    return (int64_t)moments->count * weir_compact_place_ticks(grid, moments->low) +
           weir_compact_unit(grid) * moments->total;
}

double weir_compact_sum(const struct weir_compact_grid *grid,
                        const struct weir_compact_moments *moments)
{
    return (double)sum_ticks(grid, moments) / weir_compact_scale(grid->scale);
}

double weir_compact_mean(const struct weir_compact_grid *grid,
                         const struct weir_compact_moments *moments)
{
    double divisor = (double)moments->count * weir_compact_scale(grid->scale);

    return (double)sum_ticks(grid, moments) / divisor;
}

double weir_compact_deviation(const struct weir_compact_grid *grid,
                              const struct weir_compact_moments *moments)
{
    int64_t count = (int64_t)moments->count;
    int64_t variance = count * moments->squares - moments->total * moments->total;
    double divisor = (double)count * weir_compact_scale(grid->scale);
    double spread = variance > 0 ? sqrt((double)variance) : 0.0;

    spread *= (double)weir_compact_unit(grid);
    return spread / divisor;
}

int64_t weir_compact_find_total(const struct weir_compact_grid *grid,
                                const struct weir_compact_moments *moments, double sum)
{
    double low = (double)moments->count * (double)weir_compact_place_ticks(grid, moments->low);
    double ticks = sum * weir_compact_scale(grid->scale) - low;

    ticks /= (double)weir_compact_unit(grid);
    return fabs(ticks) < SPREAD_MAX ? llrint(ticks) : -1;
}

int64_t weir_compact_find_squares(const struct weir_compact_grid *grid,
                                  const struct weir_compact_moments *moments, double deviation)
{
    double spread = deviation * (double)moments->count * weir_compact_scale(grid->scale);
    double total = (double)moments->total;
    double squares;

    spread /= (double)weir_compact_unit(grid);
    squares = (spread * spread + total * total) / (double)moments->count;
    return fabs(squares) < SUM_MAX ? llrint(squares) : -1;
}
