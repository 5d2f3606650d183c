/*
 * Doubles that were written with few digits, as integers: a value is so many ticks / scale, where
 * scale is a power of ten or, for what was a float once, of two, and ticks are those of a place k,
 * (offset + step * k) >> parts. Every k is exact: the formula gives back the double it was made from,
 * to the bit. With parts the step is no whole number of ticks: what a converter counts, rounded to
 * decimals.
 *
 * Moments are integers, too: x, the sum of the distances from the least of a window's samples, and
 * q, that of their squares; in steps or, with parts, in ticks. So mean, sum and deviation follow
 * from a few digits; what a double says beyond what they give is coded on its own.
 *
 * That decimals are integers in disguise: A. Afroozeh, L. Kuffo and P. Boncz, "ALP: Adaptive
 * Lossless floating-Point Compression", SIGMOD 2024.
 */
#ifndef WEIR_FORMAT_COMPACT_GRID_H
#define WEIR_FORMAT_COMPACT_GRID_H

#include <stdbool.h>
#include <stdint.h>

/* The scales: 10^0 to 10^12, then 2^1 to 2^40. */
#define WEIR_COMPACT_DECIMAL_MAX 12
#define WEIR_COMPACT_SCALE_COUNT (WEIR_COMPACT_DECIMAL_MAX + 1 + 40)

/* An integer that stands for a value, offset and step included: so far doubles are exact, and sums
 * of a few of them do not overflow. */
#define WEIR_COMPACT_TICKS_MAX ((int64_t)1 << 51)

/* Parts at most: what is worth telling apart, and ticks times parts are integers still. */
#define WEIR_COMPACT_PARTS_MAX 16

struct weir_compact_grid {
    uint32_t scale; /* which */
    uint32_t parts; /* a tick is 1 << parts of what step and offset count */
    int64_t step;   /* at least 1, and 1 << parts */
    int64_t offset; /* 0 <= offset < step */
};

double weir_compact_scale(uint32_t scale);

/* value * scale; false: that is no integer, or too large. */
bool weir_compact_ticks(double value, uint32_t scale, int64_t *ticks);

/* The ticks of a place; offset + step * place is at most WEIR_COMPACT_TICKS_MAX. */
static inline int64_t weir_compact_place_ticks(const struct weir_compact_grid *grid, int64_t place)
{
    return (grid->offset + grid->step * place) >> grid->parts;
}

/* What moments are counted in, in ticks. */
static inline int64_t weir_compact_unit(const struct weir_compact_grid *grid)
{
    return grid->parts > 0 ? 1 : grid->step;
}

/* The distance of two places, low and low + range, in units. */
static inline int64_t weir_compact_units(const struct weir_compact_grid *grid, int64_t low,
                                         int64_t range)
{
    return grid->parts > 0
               ? weir_compact_place_ticks(grid, low + range) - weir_compact_place_ticks(grid, low)
               : range;
}

/* The double that so many ticks stand for. */
double weir_compact_value(int64_t ticks, uint32_t scale);

/* The smallest scale, from the one given on, on which value lies. False: there is none. A decimal
 * scale is followed by decimal ones only, unless from is 0. */
bool weir_compact_find_scale(double value, uint32_t from, uint32_t *scale);

int64_t weir_compact_gcd(int64_t a, int64_t b);

/* What a window's samples come to, on a grid: low and range in places, the others in units. */
struct weir_compact_moments {
    uint64_t count;
    int64_t low;
    int64_t range;
    int64_t total;   /* x */
    int64_t squares; /* q */
};

/* True when no formula below overflows, whatever x and q are within their bounds. */
bool weir_compact_moments_fit(const struct weir_compact_grid *grid, uint64_t count, int64_t low,
                              int64_t range);

/* The formulas. */
double weir_compact_sum(const struct weir_compact_grid *grid,
                        const struct weir_compact_moments *moments);
double weir_compact_mean(const struct weir_compact_grid *grid,
                         const struct weir_compact_moments *moments);
double weir_compact_deviation(const struct weir_compact_grid *grid,
                              const struct weir_compact_moments *moments);

/* Their inverses: x from a sum, q from a deviation and x, as near as doubles tell. */
int64_t weir_compact_find_total(const struct weir_compact_grid *grid,
                                const struct weir_compact_moments *moments, double sum);
int64_t weir_compact_find_squares(const struct weir_compact_grid *grid,
                                  const struct weir_compact_moments *moments, double deviation);

#endif
