#include "core/slope.h"

#include <math.h>
#include <string.h>

static int64_t eighth_of(const struct weir_slope_shape *shape)
{
    return (shape->window_ms + WEIR_SLOPE_BUCKET_COUNT - 1) / WEIR_SLOPE_BUCKET_COUNT;
}

/* The number of the eighth that holds time_ms: rounded down, below the epoch too. */
static int64_t number_of(const struct weir_slope_shape *shape, int64_t time_ms)
{
    int64_t length_ms = eighth_of(shape);
    int64_t number = time_ms / length_ms;

    return number * length_ms > time_ms ? number - 1 : number;
}

static struct weir_slope_bucket *bucket_at(struct weir_slope *slope, int64_t number)
{
    return &slope->buckets[(uint64_t)number % WEIR_SLOPE_BUCKET_COUNT];
}

/* Makes an eighth the newest one: those that fall out of the window are emptied. */
static void move_to(struct weir_slope *slope, int64_t number)
{
    if (number - slope->number >= WEIR_SLOPE_BUCKET_COUNT)
        slope->number = number - WEIR_SLOPE_BUCKET_COUNT;
    while (slope->number < number)
        memset(bucket_at(slope, ++slope->number), 0, sizeof(*slope->buckets));
}

static void begin(struct weir_slope *slope, int64_t number)
{
    memset(slope, 0, sizeof(*slope));
    slope->number = number;
}

static void add(struct weir_slope_bucket *bucket, int64_t time_ms, double value)
{
    double from_ms;
    double from;

    if (bucket->count == 0)
        bucket->first_ms = time_ms;
    from_ms = (double)(time_ms - bucket->first_ms) - bucket->mean_ms;
    from = value - bucket->mean;
    bucket->count++;
    bucket->mean_ms += from_ms / bucket->count;
    bucket->mean += from / bucket->count;
    bucket->square_ms += from_ms * ((double)(time_ms - bucket->first_ms) - bucket->mean_ms);
    bucket->product += from_ms * (value - bucket->mean);
}

/* Joins a later bucket to an earlier one. */
static void join(struct weir_slope_bucket *sum, const struct weir_slope_bucket *bucket)
{
    double count = sum->count + bucket->count;
    double from_ms;
    double from;

    if (bucket->count == 0)
        return;
    if (sum->count == 0) {
        *sum = *bucket;
        return;
    }
    from_ms = (double)(bucket->first_ms - sum->first_ms) + bucket->mean_ms - sum->mean_ms;
    from = bucket->mean - sum->mean;
    sum->square_ms += bucket->square_ms + from_ms * from_ms * sum->count * bucket->count / count;
    sum->product += bucket->product + from_ms * from * sum->count * bucket->count / count;
    sum->mean_ms += from_ms * bucket->count / count;
    sum->mean += from * bucket->count / count;
    sum->count = count;
}

bool weir_slope_accept(struct weir_slope *slope, const struct weir_slope_shape *shape,
                       int64_t time_ms, double value, double *change)
{
    int64_t number = number_of(shape, time_ms);
    struct weir_slope_bucket sum = {0};

    if (slope->count == 0 || time_ms - slope->last_ms > shape->max_gap_ms)
        begin(slope, number);
    else if (shape->counter && value < slope->last)
        slope->offset += slope->last - value;
    move_to(slope, number);
    slope->last = value;
    slope->last_ms = time_ms;
    slope->count++;
    add(bucket_at(slope, number), time_ms, value + slope->offset);
    for (int64_t i = number - WEIR_SLOPE_BUCKET_COUNT + 1; i <= number; i++)
        join(&sum, bucket_at(slope, i));
    if (sum.count < WEIR_SLOPE_SAMPLES_MIN || time_ms - sum.first_ms < shape->window_ms / 2 ||
        sum.square_ms == 0)
        return false;
    *change = sum.product / sum.square_ms;
    return isfinite(*change);
}

void weir_slope_shift(struct weir_slope *slope, const struct weir_slope_shape *shape,
                      int64_t step_ms)
{
    struct weir_slope before = *slope;
    int64_t moved = number_of(shape, slope->last_ms + step_ms) - slope->number;

    slope->last_ms += step_ms;
    slope->number += moved;
    for (int64_t i = before.number - WEIR_SLOPE_BUCKET_COUNT + 1; i <= before.number; i++) {
        *bucket_at(slope, i + moved) = *bucket_at(&before, i);
        bucket_at(slope, i + moved)->first_ms += step_ms;
    }
}
