#include "weir/sketch.h"

#include <math.h>
#include <string.h>

#include "core/assert.h"

#define EXACT_MAX WEIR_SKETCH_EXACT_COUNT_MAX
#define BIN_MAX WEIR_SKETCH_BIN_COUNT_MAX

/* Of the smallest double, 2^-1074, and of the bins for a span from -DBL_MAX to DBL_MAX. */
#define EXPONENT_MIN (-1074)
#define EXPONENT_MAX 1018

/* A double's last bit is at most so many times a bin: with its 53 bits a bin's number has 61. */
#define HEAD_BITS 8
#define NUMBER_MAX ((int64_t)1 << (53 + HEAD_BITS))

#define BIN_FULL (((uint64_t)1 << 48) - 1)

/* A double as number * 2^exponent, exactly. */
struct scaled {
    int64_t number;
    int exponent;
};

static struct scaled scale(double value)
{
    struct scaled scaled;
    uint64_t bits;
    unsigned biased;

    memcpy(&bits, &value, sizeof(bits));
    biased = (unsigned)(bits >> 52) & 0x7ff;
    scaled.number = (int64_t)(bits & (((uint64_t)1 << 52) - 1));
    if (biased > 0)
        scaled.number |= (int64_t)1 << 52;
    else
        biased = 1;
    if (bits >> 63)
        scaled.number = -scaled.number;
    scaled.exponent = (int)biased - 1 + EXPONENT_MIN;
    return scaled;
}

/* number / 2^bits, rounded down. */
static int64_t halve(int64_t number, int64_t bits)
{
    int64_t shift = bits < 63 ? bits : 63;

    return number >= 0 ? number >> shift : ~(~number >> shift);
}

/* The bin of a value whose head leaves room for it. */
static int64_t bin_of(const struct weir_sketch *sketch, const struct scaled *scaled)
{
    int64_t bits = sketch->exponent - scaled->exponent;

    assert(bits >= -HEAD_BITS);
    return bits > 0 ? halve(scaled->number, bits) : scaled->number * ((int64_t)1 << -bits);
}

static uint32_t place_of(int64_t bin)
{
    return (uint32_t)bin & (BIN_MAX - 1);
}

uint64_t weir_sketch_bin_count(const struct weir_sketch *sketch, int64_t bin)
{
    uint32_t place = place_of(bin);

    return (uint64_t)sketch->bins.high[place] << 32 | sketch->bins.low[place];
}

void weir_sketch_fill_bin(struct weir_sketch *sketch, int64_t bin, uint64_t count)
{
    uint32_t place = place_of(bin);

    if (count > BIN_FULL)
        count = BIN_FULL;
    sketch->bins.low[place] = (uint32_t)count;
    sketch->bins.high[place] = (uint16_t)(count >> 32);
}

/* Makes the bins 2^bits times as wide. */
static void widen(struct weir_sketch *sketch, int64_t bits)
{
    int64_t first = halve(sketch->first, bits);
    int64_t last = halve(sketch->last, bits);
    uint64_t counts[BIN_MAX] = {0};

    if (bits == 0)
        return;
    for (int64_t bin = sketch->first; bin <= sketch->last; bin++)
        counts[place_of(halve(bin, bits))] += weir_sketch_bin_count(sketch, bin);
    memset(&sketch->bins, 0, sizeof(sketch->bins));
    for (int64_t bin = first; bin <= last; bin++)
        weir_sketch_fill_bin(sketch, bin, counts[place_of(bin)]);
    sketch->first = first;
    sketch->last = last;
    sketch->exponent += bits;
}

/* Makes the bins so wide that these, numbered as now, lie within reach too. */
static void reach(struct weir_sketch *sketch, int64_t first, int64_t last)
{
    int64_t bits = 0;

    if (first > sketch->first)
        first = sketch->first;
    if (last < sketch->last)
        last = sketch->last;
    while (halve(last, bits) - halve(first, bits) >= BIN_MAX)
        bits++;
    widen(sketch, bits);
    sketch->first = halve(first, bits);
    sketch->last = halve(last, bits);
}

/* Counts a sample in its bin. */
static void count_sample(struct weir_sketch *sketch, double value)
{
    struct scaled scaled = scale(value);
    uint32_t place;
    int64_t bin;

    if (scaled.exponent - HEAD_BITS > sketch->exponent)
        widen(sketch, scaled.exponent - HEAD_BITS - sketch->exponent);
    bin = bin_of(sketch, &scaled);
    if (bin < sketch->first || bin > sketch->last) {
        reach(sketch, bin, bin);
        bin = bin_of(sketch, &scaled);
    }
    place = place_of(bin);
    if (sketch->bins.low[place] < UINT32_MAX)
        sketch->bins.low[place]++;
    else
        weir_sketch_fill_bin(sketch, bin, weir_sketch_bin_count(sketch, bin) + 1);
}

/* From samples to bins. */
static void spread(struct weir_sketch *sketch)
{
    double samples[EXACT_MAX];
    uint64_t count = sketch->count;
    struct scaled scaled;

    memcpy(samples, sketch->samples, (size_t)count * sizeof(samples[0]));
    memset(&sketch->bins, 0, sizeof(sketch->bins));
    sketch->exponent = EXPONENT_MIN;
    for (uint64_t i = 0; i < count; i++) {
        scaled = scale(samples[i]);
        if (scaled.exponent - HEAD_BITS > sketch->exponent)
            sketch->exponent = scaled.exponent - HEAD_BITS;
    }
    scaled = scale(samples[0]);
    sketch->first = sketch->last = bin_of(sketch, &scaled);
    for (uint64_t i = 0; i < count; i++)
        count_sample(sketch, samples[i]);
}

void weir_sketch_lay_bins(struct weir_sketch *sketch, uint64_t count, double min, double max)
{
    const struct scaled ends[] = {scale(min), scale(max)};

    assert(isfinite(min) && isfinite(max) && min <= max && count > EXACT_MAX);
    memset(sketch, 0, sizeof(*sketch));
    sketch->count = count;
    sketch->exponent = EXPONENT_MIN;
    for (int i = 0; i < 2; i++) {
        if (ends[i].exponent - HEAD_BITS > sketch->exponent)
            sketch->exponent = ends[i].exponent - HEAD_BITS;
    }
    sketch->first = sketch->last = bin_of(sketch, &ends[0]);
    reach(sketch, sketch->first, bin_of(sketch, &ends[1]));
}

int64_t weir_sketch_find_bin(const struct weir_sketch *sketch, double value)
{
    const struct scaled scaled = scale(value);

    return bin_of(sketch, &scaled);
}

void weir_sketch_accept(struct weir_sketch *sketch, double value)
{
    assert(isfinite(value));
    if (sketch->count < EXACT_MAX) {
        sketch->samples[sketch->count++] = value + 0.0; /* -0 becomes 0 */
        return;
    }
    if (sketch->count == EXACT_MAX)
        spread(sketch);
    count_sample(sketch, value);
    sketch->count++;
}

/* Adds the bins of another histogram. */
static void add_bins(struct weir_sketch *sketch, const struct weir_sketch *other)
{
    int64_t bits = other->exponent - sketch->exponent;

    if (bits > 0)
        widen(sketch, bits);
    bits = sketch->exponent - other->exponent;
    reach(sketch, halve(other->first, bits), halve(other->last, bits));
    bits = sketch->exponent - other->exponent;
    for (int64_t bin = other->first; bin <= other->last; bin++) {
        int64_t wide = halve(bin, bits);

        weir_sketch_fill_bin(
            sketch, wide, weir_sketch_bin_count(sketch, wide) + weir_sketch_bin_count(other, bin));
    }
    sketch->count += other->count;
}

void weir_sketch_merge(struct weir_sketch *sketch, const struct weir_sketch *other)
{
    struct weir_sketch few;

    if (sketch->count > EXACT_MAX && other->count > EXACT_MAX) {
        add_bins(sketch, other);
        return;
    }
    if (other->count > EXACT_MAX) {
        few = *sketch;
        *sketch = *other;
        other = &few;
    }
    for (uint64_t i = 0; i < other->count; i++)
        weir_sketch_accept(sketch, other->samples[i]);
}

void weir_sketch_sort(const struct weir_sketch *sketch, double sorted[static EXACT_MAX])
{
    for (uint64_t i = 0; i < sketch->count; i++) {
        uint64_t at = i;

        for (; at > 0 && sorted[at - 1] > sketch->samples[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = sketch->samples[i];
    }
}

/* ceil(count * thousandths / 1000), which the product may be too large for. */
static uint64_t nearest_rank(uint64_t count, uint64_t thousandths)
{
    return count / 1000 * thousandths + (count % 1000 * thousandths + 999) / 1000;
}

static double middle_of(const struct weir_sketch *sketch, int64_t bin)
{
    int exponent = (int)sketch->exponent;

    if (exponent == EXPONENT_MIN || bin >= (int64_t)1 << 52 || bin <= -((int64_t)1 << 52))
        return ldexp((double)bin, exponent);
    return ldexp((double)bin + 0.5, exponent);
}

static double clamp(double value, double min, double max)
{
    if (value < min)
        return min;
    return value > max ? max : value;
}

void weir_sketch_quantiles(const struct weir_sketch *sketch, const uint16_t *thousandths,
                           uint32_t count, double min, double max, double *quantiles)
{
    double sorted[EXACT_MAX];
    int64_t bin = sketch->first;
    uint64_t passed = 0; /* samples in the bins before this one */

    assert(sketch->count > 0);
    if (sketch->count <= EXACT_MAX)
        weir_sketch_sort(sketch, sorted);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t rank = nearest_rank(sketch->count, thousandths[i]);

        assert(thousandths[i] > 0 && thousandths[i] < 1000);
        if (sketch->count <= EXACT_MAX) {
            quantiles[i] = sorted[rank - 1];
        } else if (rank == 1 || rank == sketch->count) {
            quantiles[i] = rank == 1 ? min : max;
        } else {
            for (; bin < sketch->last && passed + weir_sketch_bin_count(sketch, bin) < rank; bin++)
                passed += weir_sketch_bin_count(sketch, bin);
            quantiles[i] = clamp(middle_of(sketch, bin), min, max);
        }
    }
}

static unsigned char *put_number(unsigned char *at, uint64_t number)
{
    for (; number >= 0x80; number >>= 7)
        *at++ = (unsigned char)(number | 0x80);
    *at++ = (unsigned char)number;
    return at;
}

static uint64_t zigzag(int64_t number)
{
    return number >= 0 ? (uint64_t)number << 1 : ~((uint64_t)number << 1);
}

static unsigned char *put_samples(unsigned char *at, const struct weir_sketch *sketch)
{
    double sorted[EXACT_MAX];

    weir_sketch_sort(sketch, sorted);
    for (uint64_t i = 0, next; i < sketch->count; i = next) {
        uint64_t bits;

        for (next = i + 1; next < sketch->count && sorted[next] == sorted[i];)
            next++;
        at = put_number(at, next - i);
        memcpy(&bits, &sorted[i], sizeof(bits));
        for (unsigned shift = 0; shift < 64; shift += 8)
            *at++ = (unsigned char)(bits >> shift);
    }
    return at;
}

static unsigned char *put_bins(unsigned char *at, const struct weir_sketch *sketch)
{
    uint64_t empty = 0;

    at = put_number(at, zigzag(sketch->exponent));
    at = put_number(at, zigzag(sketch->first));
    for (int64_t bin = sketch->first; bin <= sketch->last; bin++) {
        uint64_t count = weir_sketch_bin_count(sketch, bin);

        if (count == 0) {
            empty++;
            continue;
        }
        if (empty > 0) {
            at = put_number(at, 0);
            at = put_number(at, empty);
            empty = 0;
        }
        at = put_number(at, count);
    }
    return at;
}

size_t weir_sketch_write(const struct weir_sketch *sketch,
                         unsigned char bytes[static WEIR_SKETCH_BYTES_MAX])
{
    unsigned char *at = put_number(bytes, sketch->count);

    at = sketch->count <= EXACT_MAX ? put_samples(at, sketch) : put_bins(at, sketch);
    assert(at <= bytes + WEIR_SKETCH_BYTES_MAX);
    return (size_t)(at - bytes);
}

/* Bytes that are left to read. */
struct input {
    const unsigned char *at;
    const unsigned char *end;
};

static bool get_number(struct input *input, uint64_t *number)
{
    *number = 0;
    for (unsigned shift = 0; shift < 64 && input->at < input->end; shift += 7) {
        uint64_t bits = *input->at & 0x7f;

        if (shift == 63 && bits > 1)
            return false;
        *number |= bits << shift;
        if (!(*input->at++ & 0x80))
            return true;
    }
    return false;
}

static bool get_signed(struct input *input, int64_t min, int64_t max, int64_t *number)
{
    uint64_t bits;

    if (!get_number(input, &bits))
        return false;
    *number = (int64_t)(bits >> 1);
    if (bits & 1)
        *number = -*number - 1;
    return *number >= min && *number <= max;
}

static bool get_samples(struct input *input, struct weir_sketch *sketch)
{
    for (uint64_t i = 0; i < sketch->count;) {
        uint64_t times;
        uint64_t bits = 0;
        double value;

        if (!get_number(input, &times) || times == 0 || times > sketch->count - i ||
            input->end - input->at < 8)
            return false;
        for (unsigned shift = 0; shift < 64; shift += 8)
            bits |= (uint64_t)*input->at++ << shift;
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value))
            return false;
        for (; times > 0; times--)
            sketch->samples[i++] = value + 0.0;
    }
    return true;
}

static bool get_bins(struct input *input, struct weir_sketch *sketch)
{
    uint64_t left = sketch->count;
    uint64_t number = 0;
    int64_t bin;

    if (!get_signed(input, EXPONENT_MIN, EXPONENT_MAX, &sketch->exponent) ||
        !get_signed(input, -NUMBER_MAX, NUMBER_MAX, &sketch->first))
        return false;
    memset(&sketch->bins, 0, sizeof(sketch->bins));
    for (bin = sketch->first; left > 0; bin++) {
        if (!get_number(input, &number))
            return false;
        if (number == 0) {
            if (!get_number(input, &number) || number == 0 || number >= BIN_MAX ||
                bin == sketch->first)
                return false;
            bin += (int64_t)number;
            if (!get_number(input, &number) || number == 0)
                return false;
        }
        if (bin - sketch->first >= BIN_MAX || number > left || number > BIN_FULL)
            return false;
        weir_sketch_fill_bin(sketch, bin, number);
        left -= number;
    }
    sketch->last = bin - 1;
    return true;
}

enum weir_status weir_sketch_read(struct weir_sketch *sketch, const unsigned char *bytes,
                                  size_t length)
{
    struct input input = {bytes, bytes + length};
    bool whole;

    if (!get_number(&input, &sketch->count))
        return WEIR_REFUSED;
    whole = sketch->count <= EXACT_MAX ? get_samples(&input, sketch) : get_bins(&input, sketch);
    return whole && input.at == input.end ? WEIR_OK : WEIR_REFUSED;
}
