#include "core/moments.h"

#include <math.h>

#include "core/assert.h"

void weir_moments_summarise(const struct weir_moments *moments, struct weir_summary *summary)
{
    double count = (double)moments->count;

    assert(moments->count > 0);
    summary->count = moments->count;
    summary->sum = moments->sum + moments->compensation;
    summary->min = moments->min;
    summary->max = moments->max;
    /* Where the sum is beyond the range of a double the running mean stands in, if it is not. */
    summary->mean = isfinite(summary->sum) ? summary->sum / count : moments->mean;
    summary->stddev = moments->count == 1 ? 0.0 : sqrt(moments->m2 / count);
    summary->first = moments->first;
    summary->last = moments->last;
    summary->first_ms = moments->first_ms;
    summary->last_ms = moments->last_ms;
}
