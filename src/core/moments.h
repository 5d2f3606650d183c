/*
 * The moments of a set of samples, kept up one sample at a time.
 *
 * The sum is compensated (Neumaier 1974): its error does not grow with the number of samples, so
 * the mean is good to the last bits even where large values cancel. The second moment is updated by
 * Welford's recurrence (Welford 1962).
 */
#ifndef WEIR_CORE_MOMENTS_H
#define WEIR_CORE_MOMENTS_H

#include <stdint.h>

#include "weir/flow.h"

struct weir_moments {
    uint64_t count; /* 0: empty, as zeroed memory is; the rest then means nothing */
    double sum;
    double compensation; /* what rounding has taken from sum */
    double min;
    double max;
    double mean; /* Welford's running mean */
    double m2;   /* sum of squared differences from the mean */
    double first;
    double last;
    int64_t first_ms;
    int64_t last_ms;
};

/* Takes one finite sample in. On a tie in time the first arrived is first, the last arrived
 * last. */
static inline void weir_moments_accept(struct weir_moments *moments, int64_t time_ms, double value)
{
    double delta;
    double total;
    double added;

    if (moments->count == 0) {
        *moments = (struct weir_moments){1,   value, 0.0,   value,   value,  value,
                                         0.0, value, value, time_ms, time_ms};
        return;
    }
    moments->count++;
    total = moments->sum + value;
    added = total - moments->sum;
    moments->compensation += (moments->sum - (total - added)) + (value - added);
    moments->sum = total;
    moments->min = value < moments->min ? value : moments->min;
    moments->max = value > moments->max ? value : moments->max;
    delta = value - moments->mean;
    moments->mean += delta / (double)moments->count;
    moments->m2 += delta * (value - moments->mean);
    if (time_ms < moments->first_ms) {
        moments->first = value;
        moments->first_ms = time_ms;
    }
    if (time_ms >= moments->last_ms) {
        moments->last = value;
        moments->last_ms = time_ms;
    }
}

/* Writes what the summary says of the samples; its place and window are left alone. count > 0. */
void weir_moments_summarise(const struct weir_moments *moments, struct weir_summary *summary);

#endif
