/*
 * A row's values as integers on its track's grid, and what they say of each other: within which
 * bounds the moments lie, and which doubles these give.
 */
#ifndef WEIR_FORMAT_COMPACT_STEPS_H
#define WEIR_FORMAT_COMPACT_STEPS_H

#include "format/compact_row.h"

#define WEIR_COMPACT_HAS(columns, column) (((columns)&1u << WEIR_COMPACT_COLUMN_##column) != 0)

/* A mean or deviation beyond these is not told in steps: doubles are too far apart, or end. */
#define WEIR_COMPACT_TINY 0x1p-900
#define WEIR_COMPACT_HUGE 0x1p900

/* The sum of samples about a place that is not the least of them, at most. */
#define WEIR_COMPACT_TOTAL_MAX INT32_MAX

/* A row as integers: low from the grid's offset, the others from low; total and squares in units. */
struct weir_compact_steps {
    int64_t low;
    int64_t range;
    int64_t first;
    int64_t last;
    int64_t total;
    int64_t squares;
};

/* The bounds within which total and squares lie; what is known of the samples is taken out. */
struct weir_compact_bounds {
    int64_t free_count; /* samples of which nothing is known but the range */
    int64_t total;      /* of those that are known */
    int64_t low;        /* of squares, and high */
    int64_t high;
};

/* What the moments give for sum, mean and deviation, or something near where they are too large. */
struct weir_compact_expected {
    double sum;
    double mean;
    double deviation;
};

static inline int64_t weir_compact_clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Rows with these columns say where they are by the least value and the range. */
static inline bool weir_compact_has_range(uint32_t columns)
{
    return WEIR_COMPACT_HAS(columns, MIN) && WEIR_COMPACT_HAS(columns, MAX);
}

static inline bool weir_compact_has_moments(uint32_t columns)
{
    return WEIR_COMPACT_HAS(columns, SUM) || WEIR_COMPACT_HAS(columns, MEAN) ||
           WEIR_COMPACT_HAS(columns, STDDEV);
}

/* Codes a double, as far as it is from the one expected. */
double weir_compact_code_double(struct weir_compact_codec *codec, uint32_t context, double value,
                                double expected);

/* The place of a value; false: it is not on the grid. */
bool weir_compact_find_steps(const struct weir_compact_grid *grid, double value, int64_t *steps);

/* True when a place on the grid is one that a double can be on. */
bool weir_compact_is_inside(const struct weir_compact_grid *grid, int64_t steps);

/* The double at a place that is inside. */
double weir_compact_at(const struct weir_compact_grid *grid, int64_t steps);

/* What is known without total: the least, the largest, first and last. False: these are more than
 * there are samples. count * range < 2^31. */
bool weir_compact_find_known(uint32_t columns, uint64_t count,
                             const struct weir_compact_steps *steps,
                             struct weir_compact_bounds *bounds);

/* The bounds of squares, once total is known: all others alike; as many as can be at the ends. */
void weir_compact_bound_squares(const struct weir_compact_steps *steps,
                                struct weir_compact_bounds *bounds);

/* Codes total and, if it is a column, squares, of a row whose range is not 0 and that fits. */
void weir_compact_code_moments(struct weir_compact_codec *codec,
                               const struct weir_compact_grid *grid, uint32_t columns,
                               uint64_t count, struct weir_compact_steps *steps);

/* fits: weir_compact_moments_fit. */
void weir_compact_expect(const struct weir_compact_grid *grid, uint64_t count,
                         const struct weir_compact_steps *steps, bool fits,
                         struct weir_compact_expected *expected);

/* The mean as its sum gives it, if the row has that. */
double weir_compact_mean_of(uint32_t columns, const struct weir_summary *summary, double expected);

/* True when mean and deviation can be told by what they are expected to be. */
bool weir_compact_is_expected(const struct weir_compact_grid *grid, uint32_t columns,
                              const struct weir_summary *summary,
                              const struct weir_compact_steps *steps, bool fits);

/* The row as integers. False: it would not come back as it is, and is to be coded raw. */
bool weir_compact_fit(const struct weir_compact_track *track, uint32_t columns,
                      const struct weir_summary *summary, struct weir_compact_steps *steps);

/* How a row's sketch is told. */
enum weir_compact_form {
    WEIR_COMPACT_FORM_GRID,     /* samples, or bins, at places of the grid */
    WEIR_COMPACT_FORM_ANYWHERE, /* bins, wherever they are */
    WEIR_COMPACT_FORM_PLAIN,    /* as weir_sketch_write has it */
    WEIR_COMPACT_FORM_NONE,     /* there is none */
};

/* Codes which form a row's sketch has; steps: of a row that is not raw. */
enum weir_compact_form weir_compact_code_form(struct weir_compact_codec *codec,
                                              const struct weir_compact_track *track,
                                              uint32_t columns, struct weir_compact_row *row,
                                              const struct weir_compact_steps *steps);

/* Codes the samples between the least and the largest, where they are told at all; total and squares
 * follow from them, if they fit. */
void weir_compact_code_samples(struct weir_compact_codec *codec,
                               const struct weir_compact_track *track, struct weir_compact_row *row,
                               bool fits, struct weir_compact_steps *steps);

/* Codes what else there is of a sketch, behind the row's values. */
void weir_compact_code_sketch(struct weir_compact_codec *codec,
                              const struct weir_compact_track *track,
                              const struct weir_compact_steps *steps, enum weir_compact_form form,
                              struct weir_compact_row *row);

#endif
