/*
 * A sketch of the distribution of a set of samples, for its quantiles: the samples themselves while
 * they are few, then a histogram whose bins are as wide as the samples are apart. Fixed size, no
 * pointers: a copy goes on as the original would.
 *
 * The histogram has bins [k * 2^e, (k + 1) * 2^e), counted from zero, for every integer k. All
 * samples together lie in at most WEIR_SKETCH_BIN_COUNT_MAX neighbouring bins; where they would
 * not, e grows and pairs of bins become one (the dyadic form of the uniform collapse of Epicoco et
 * al., "UDDSketch", 2020, with bins of equal width instead of equal ratio). Since floor(k / 2)
 * halves every bin's place exactly, nothing is ever counted in a neighbour's bin.
 *
 * Error. A quantile by nearest rank (rank ceil(q * n), the first being 1) is
 *
 *   - the sample itself up to WEIR_SKETCH_EXACT_COUNT_MAX samples, and at rank 1 and n always;
 *   - else within (max - min) / 127, 0.79 %, of the sample of that rank.
 *
 * For e is the smallest exponent that serves. So at e - 1 the samples needed more than 128 bins,
 * max - min > 127 * 2^(e - 1), and the middle of the bin that the rank falls in is off by at most
 * 2^(e - 1). The middle has no rounding: below 2^52 k + 1/2 is a double, and from there on, as at
 * the smallest exponent, a bin holds one double, its lower end, which is then the answer. e begins
 * where the largest sample's last bit is 2^8 bins wide; samples that all fit into 128 bins there
 * are equal. It holds for any finite doubles, denormal ones and spans beyond the largest double
 * included.
 *
 * Merging. The state is a function of the samples as a multiset, but for the order in which few of
 * them lie in memory: e, the bins and their counts do not depend on the order in which samples
 * were accepted or sketches merged. What weir_sketch_write gives is the same byte for byte. -0 is
 * taken as 0.
 *
 * A bin counts up to 2^48 - 1 and then stands still. No window comes to that: it is a year of eight
 * million samples a second.
 */
#ifndef WEIR_SKETCH_H
#define WEIR_SKETCH_H

#include "weir/flow.h"

/* Samples that are kept as they are. */
#define WEIR_SKETCH_EXACT_COUNT_MAX 64

/* Bins; a power of two, so that a bin's place is its number's last bits. Half a bin is 1 % of the
 * span with 101. */
#define WEIR_SKETCH_BIN_COUNT_MAX 128

/* Bytes that weir_sketch_write writes at most. */
#define WEIR_SKETCH_BYTES_MAX 920

struct weir_sketch {
    uint64_t count; /* 0: empty, as zeroed memory is; the rest then means nothing */
    /* To read, beyond WEIR_SKETCH_EXACT_COUNT_MAX samples: */
    int64_t first; /* the bin of the smallest sample, and of the largest */
    int64_t last;
    int64_t exponent; /* e */
    /* private */
    union {
        double samples[WEIR_SKETCH_EXACT_COUNT_MAX];
        struct {
            uint32_t low[WEIR_SKETCH_BIN_COUNT_MAX]; /* of the counts, bin k at k modulo 128 */
            uint16_t high[WEIR_SKETCH_BIN_COUNT_MAX];
        } bins;
    };
};

/* Takes one finite sample in. */
void weir_sketch_accept(struct weir_sketch *sketch, double value);

/* Takes in all samples of another sketch. */
void weir_sketch_merge(struct weir_sketch *sketch, const struct weir_sketch *other);

/*
 * The quantiles at `count` fractions, thousandths from 1 to 999 in rising order, of a sketch that
 * is not empty. min and max are those of the samples; every quantile lies between them.
 */
void weir_sketch_quantiles(const struct weir_sketch *sketch, const uint16_t *thousandths,
                           uint32_t count, double min, double max, double *quantiles);

/* The samples of a sketch that is not beyond WEIR_SKETCH_EXACT_COUNT_MAX, rising. */
void weir_sketch_sort(const struct weir_sketch *sketch,
                      double sorted[static WEIR_SKETCH_EXACT_COUNT_MAX]);

/*
 * A sketch bin by bin, for who writes it in another form: exponent, first and last are those of any
 * `count` samples, more than WEIR_SKETCH_EXACT_COUNT_MAX, of which the smallest and the largest, both
 * finite, are these. All bins are empty; the caller fills those from first to last with as many
 * samples as there are.
 */
void weir_sketch_lay_bins(struct weir_sketch *sketch, uint64_t count, double min, double max);

/* The bin that a finite value between the smallest and the largest belongs to. */
int64_t weir_sketch_find_bin(const struct weir_sketch *sketch, double value);

/* Samples in a bin, from first to last. */
uint64_t weir_sketch_bin_count(const struct weir_sketch *sketch, int64_t bin);
void weir_sketch_fill_bin(struct weir_sketch *sketch, int64_t bin, uint64_t count);

/*
 * The sketch as bytes that mean the same on any machine. Integers are LEB128, seven bits a byte,
 * the lowest first; signed ones zigzag: 2i for i >= 0, else -2i - 1.
 *
 *     count
 *     up to 64 samples:  the different ones, rising, each as how often it is there and the 8 bytes
 *                        of a double, lowest first
 *     more:              e and the first bin, both signed; then for each bin from it on its count,
 *                        until all samples are counted; 0 and a number stand for so many empty bins
 *
 * Returns the number of bytes. Merging never takes more bytes than the parts did together.
 */
size_t weir_sketch_write(const struct weir_sketch *sketch,
                         unsigned char bytes[static WEIR_SKETCH_BYTES_MAX]);

/* Reads exactly so many bytes. WEIR_REFUSED: they are not what write can have written; *sketch then
 * holds nothing of use. */
enum weir_status weir_sketch_read(struct weir_sketch *sketch, const unsigned char *bytes,
                                  size_t length);

#endif
