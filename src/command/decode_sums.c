#include "command/decode_sums.h"

#include "core/assert.h"
#include "format/crc32c.h"

#define STEP WEIR_DECODE_SUMS_STEP

void weir_decode_sums_init(struct weir_decode_sums *sums)
{
    sums->read_bytes = 0;
    sums->count = 0;
    sums->sums[0] = 0;
}

void weir_decode_sums_forget(struct weir_decode_sums *sums, size_t first)
{
    if (sums->count > first / STEP)
        sums->count = first / STEP;
}

static uint32_t add(struct weir_decode_sums *sums, uint32_t sum, const char *bytes, size_t length)
{
    sums->read_bytes += length;
    return weir_crc32c(sum, bytes, length);
}

static uint32_t sum_to(struct weir_decode_sums *sums, const char *bytes, size_t end)
{
    size_t steps = end / STEP;

    for (; sums->count < steps; sums->count++)
        sums->sums[sums->count + 1] =
            add(sums, sums->sums[sums->count], bytes + sums->count * STEP, STEP);
    return add(sums, sums->sums[steps], bytes + steps * STEP, end % STEP);
}

uint32_t weir_decode_sums_find(struct weir_decode_sums *sums, const char *bytes, size_t first,
                               size_t last)
{
    assert(first <= last && last <= WEIR_DECODE_SUMS_BYTES_MAX);
    return weir_crc32c_behind(sum_to(sums, bytes, first), sum_to(sums, bytes, last), last - first);
}
