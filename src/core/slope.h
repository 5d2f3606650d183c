/*
 * The slope of a value: least squares over a sliding window, in fixed memory.
 *
 * The window is cut into eighths, counted from the epoch, each with the count, the means and the
 * sums of squares and products about the means of its samples; they are joined pairwise (Chan,
 * Golub, LeVeque, "Algorithms for computing the sample variance", 1983; for products Pebay,
 * SAND2008-6212). So the slope is over the newest seven eighths of the window and what there is of
 * the eighth under way.
 */
#ifndef WEIR_CORE_SLOPE_H
#define WEIR_CORE_SLOPE_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR_SLOPE_BUCKET_COUNT 8

/* Of fewer samples, or over less than half of the window, there is no slope. */
#define WEIR_SLOPE_SAMPLES_MIN 3

struct weir_slope_shape {
    int64_t window_ms;
    int64_t max_gap_ms; /* a longer gap between samples begins anew; INT64_MAX: none does */
    bool counter;       /* the value only rises: a fall is a reset, and counts as no change */
};

/* All zero is without samples. */
struct weir_slope {
    /* private */
    int64_t last_ms;
    int64_t number; /* of the newest eighth */
    double last;    /* value as it came */
    double offset;  /* counter: what resets took away */
    uint64_t count; /* samples at all since it began */
    struct weir_slope_bucket {
        int64_t first_ms;
        double count;
        double mean_ms; /* less first_ms */
        double mean;
        double square_ms; /* sum of (time - mean)^2 */
        double product;   /* sum of (time - mean) (value - mean) */
    } buckets[WEIR_SLOPE_BUCKET_COUNT];
};

/*
 * Counts a sample, not older than the one before. True: *change is the change a millisecond. False:
 * there are too few samples, or over too little time.
 */
bool weir_slope_accept(struct weir_slope *slope, const struct weir_slope_shape *shape,
                       int64_t time_ms, double value, double *change);

/* Times were wrong by step_ms. */
void weir_slope_shift(struct weir_slope *slope, const struct weir_slope_shape *shape,
                      int64_t step_ms);

#endif
