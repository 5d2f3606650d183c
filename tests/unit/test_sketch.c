#include "weir/sketch.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/random.h"
#include "support/unit.h"

enum { SAMPLE_MAX = 20000, ROUND_COUNT = 400 };

static const uint16_t thousandths[] = {10,  20,  50,  100, 250, 333, 490, 500,
                                       510, 660, 750, 900, 950, 980, 990, 999};

enum { QUANTILE_COUNT = sizeof(thousandths) / sizeof(thousandths[0]) };

static double samples[SAMPLE_MAX];
static double sorted[SAMPLE_MAX];

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return a < b ? -1 : a > b;
}

static void sketch_samples(struct weir_sketch *sketch, size_t first, size_t count)
{
    sketch->count = 0;
    for (size_t i = first; i < first + count; i++)
        weir_sketch_accept(sketch, samples[i]);
}

/* The nearest rank, from its definition. */
static size_t rank_of(size_t count, uint16_t fraction)
{
    size_t rank = 1;

    while (rank * 1000 < count * fraction)
        rank++;
    return rank;
}

static void check_quantiles(const struct weir_sketch *sketch, size_t count)
{
    double quantiles[QUANTILE_COUNT];
    long double span;

    assert_int_equal(sketch->count, count);
    memcpy(sorted, samples, count * sizeof(sorted[0]));
    qsort(sorted, count, sizeof(sorted[0]), compare);
    span = (long double)sorted[count - 1] - sorted[0];
    weir_sketch_quantiles(sketch, thousandths, QUANTILE_COUNT, sorted[0], sorted[count - 1],
                          quantiles);
    for (size_t i = 0; i < QUANTILE_COUNT; i++) {
        double exact = sorted[rank_of(count, thousandths[i]) - 1];
        long double error = fabsl((long double)quantiles[i] - exact);

        assert_true(quantiles[i] >= sorted[0] && quantiles[i] <= sorted[count - 1]);
        if (count <= WEIR_SKETCH_EXACT_COUNT_MAX)
            assert_true(error == 0);
        else
            assert_true(error <= span / 127);
    }
}

static bool same_bytes(const struct weir_sketch *left, const struct weir_sketch *right)
{
    unsigned char left_bytes[WEIR_SKETCH_BYTES_MAX];
    unsigned char right_bytes[WEIR_SKETCH_BYTES_MAX];
    size_t length = weir_sketch_write(left, left_bytes);

    return weir_sketch_write(right, right_bytes) == length &&
           memcmp(left_bytes, right_bytes, length) == 0;
}

/* What a gateway sees, and what it had better survive. */
static double draw_sample(struct test_random *random, unsigned kind, size_t i)
{
    double uniform = (double)(random_next(random) >> 11) * 0x1p-53;
    uint64_t bits = random_next(random);
    double any;

    switch (kind) {
    case 0:
        return 20 + round(uniform * 100) / 10;
    case 1:
        return -1e6 + uniform;
    case 2:
        return exp(-20 * log(uniform + 0x1p-60));
    case 3:
        return i % 100 == 0 ? 1e300 * uniform : uniform;
    case 4:
        return (double)random_below(random, 300) * DBL_TRUE_MIN;
    case 5:
        return (bits & 1 ? 1 : -1) * DBL_MAX * uniform;
    case 6:
        return random_below(random, 2) ? 0.0 : -0.0;
    case 7:
        return 1e16 + 2 * (double)random_below(random, 200);
    case 8:
        return (double)i;
    case 9:
        return -(double)i * 0.1;
    case 10:
        return nextafter(1.0, bits & 1 ? 0.0 : 2.0);
    case 11:
        return (double)random_between(random, -3, 3) * 0x1p-1022 * uniform;
    default:
        memcpy(&any, &bits, sizeof(any));
        return isfinite(any) ? any : 1.5;
    }
}

enum { KIND_COUNT = 13 };

static size_t draw_samples(struct test_random *random, unsigned kind)
{
    static const size_t counts[] = {1, 2, 63, 64, 65, 66, 127, 128, 129, 200, 1000, 3000};
    size_t count = counts[random_below(random, sizeof(counts) / sizeof(counts[0]))];

    for (size_t i = 0; i < count; i++)
        samples[i] = draw_sample(random, kind, i);
    return count;
}

static void quantiles_are_exact_while_samples_are_few_and_then_within_the_bound(void **state)
{
    struct test_random random = random_make(1);
    struct weir_sketch sketch;

    (void)state;
    for (unsigned i = 0; i < ROUND_COUNT; i++) {
        size_t count = draw_samples(&random, i % KIND_COUNT);

        sketch_samples(&sketch, 0, count);
        check_quantiles(&sketch, count);
    }
}

static void the_sixty_fifth_sample_makes_it_a_histogram(void **state)
{
    double quantile;
    const uint16_t median = 500;
    struct weir_sketch sketch;

    (void)state;
    for (size_t i = 0; i < 65; i++)
        samples[i] = sqrt((double)i);
    sketch_samples(&sketch, 0, 64);
    weir_sketch_quantiles(&sketch, &median, 1, samples[0], samples[63], &quantile);
    assert_true(quantile == samples[31]);
    weir_sketch_accept(&sketch, samples[64]);
    weir_sketch_quantiles(&sketch, &median, 1, samples[0], samples[64], &quantile);
    assert_true(quantile != samples[32]);
    assert_true(fabs(quantile - samples[32]) <= samples[64] / 127);
}

static void equal_samples_come_out_exactly(void **state)
{
    static const double values[] = {0.1,      -273.15, DBL_MAX,       -DBL_MAX, DBL_TRUE_MIN, 0.0,
                                    0x1p1000, 1e-300,  -DBL_TRUE_MIN, DBL_MIN,  1e16 + 2};
    struct weir_sketch sketch;
    double quantile;

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        for (size_t j = 0; j < 1000; j++)
            samples[j] = values[i];
        sketch_samples(&sketch, 0, 1000);
        weir_sketch_quantiles(&sketch, &thousandths[7], 1, values[i], values[i], &quantile);
        assert_true(quantile == values[i]);
    }
}

static void the_first_and_the_last_rank_are_exact(void **state)
{
    static const uint16_t ends[] = {1, 999};
    struct weir_sketch sketch;
    double quantiles[2];

    (void)state;
    for (size_t i = 0; i < 900; i++)
        samples[i] = pow((double)i, 3);
    sketch_samples(&sketch, 0, 900);
    weir_sketch_quantiles(&sketch, ends, 2, samples[0], samples[899], quantiles);
    assert_true(quantiles[0] == samples[0] && quantiles[1] == samples[899]);
}

static void the_order_of_samples_does_not_matter(void **state)
{
    struct test_random random = random_make(2);
    struct weir_sketch forward;
    struct weir_sketch shuffled;

    (void)state;
    for (unsigned i = 0; i < ROUND_COUNT; i++) {
        size_t count = draw_samples(&random, i % KIND_COUNT);

        sketch_samples(&forward, 0, count);
        for (size_t j = count - 1; j > 0; j--) {
            size_t other = random_below(&random, (uint32_t)j + 1);
            double kept = samples[j];

            samples[j] = samples[other];
            samples[other] = kept;
        }
        sketch_samples(&shuffled, 0, count);
        assert_true(same_bytes(&forward, &shuffled));
    }
}

/* Parts of any sizes, merged in any order, in pairs first or one after the other. */
static void merging_in_any_order_gives_the_sketch_of_all(void **state)
{
    enum { PART_COUNT = 4 };
    struct test_random random = random_make(3);
    struct weir_sketch parts[PART_COUNT];
    struct weir_sketch whole;

    (void)state;
    for (unsigned i = 0; i < ROUND_COUNT; i++) {
        size_t count = draw_samples(&random, i % KIND_COUNT);
        size_t first = 0;
        uint32_t left = PART_COUNT;

        sketch_samples(&whole, 0, count);
        for (size_t j = 0; j < PART_COUNT; j++) {
            size_t size = j + 1 == PART_COUNT
                              ? count - first
                              : random_below(&random, (uint32_t)(count - first) + 1);

            sketch_samples(&parts[j], first, size);
            first += size;
        }
        for (; left > 1; left--) {
            uint32_t to = random_below(&random, left);
            uint32_t from = (to + 1 + random_below(&random, left - 1)) % left;

            weir_sketch_merge(&parts[to], &parts[from]);
            parts[from] = parts[left - 1];
        }
        assert_true(same_bytes(&whole, &parts[0]));
        check_quantiles(&parts[0], count);
    }
}

static void merging_takes_no_more_bytes_than_the_parts(void **state)
{
    struct test_random random = random_make(4);
    unsigned char bytes[WEIR_SKETCH_BYTES_MAX];
    struct weir_sketch left;
    struct weir_sketch right;

    (void)state;
    for (unsigned i = 0; i < ROUND_COUNT; i++) {
        size_t count = draw_samples(&random, i % KIND_COUNT);
        size_t split = random_below(&random, (uint32_t)count + 1);
        size_t length;

        sketch_samples(&left, 0, split);
        sketch_samples(&right, split, count - split);
        length = weir_sketch_write(&left, bytes) + weir_sketch_write(&right, bytes);
        weir_sketch_merge(&left, &right);
        assert_true(weir_sketch_write(&left, bytes) <= length);
    }
}

static void a_copy_goes_on_as_the_original(void **state)
{
    struct test_random random = random_make(5);
    struct weir_sketch whole;
    struct weir_sketch moved;

    (void)state;
    for (unsigned i = 0; i < ROUND_COUNT; i++) {
        unsigned char bytes[WEIR_SKETCH_BYTES_MAX];
        size_t count = draw_samples(&random, i % KIND_COUNT);
        size_t split = random_below(&random, (uint32_t)count + 1);

        sketch_samples(&whole, 0, count);
        sketch_samples(&moved, 0, split);
        assert_int_equal(weir_sketch_read(&moved, bytes, weir_sketch_write(&moved, bytes)),
                         WEIR_OK);
        for (size_t j = split; j < count; j++)
            weir_sketch_accept(&moved, samples[j]);
        assert_true(same_bytes(&whole, &moved));
    }
}

/* A count is pushed to its limits by merging a sketch with itself. */
static void counts_beyond_32_bits_are_kept(void **state)
{
    static const uint16_t quarters[] = {250, 251, 999};
    unsigned char bytes[WEIR_SKETCH_BYTES_MAX];
    struct weir_sketch sketch;
    struct weir_sketch read;
    double quantiles[3];

    (void)state;
    for (size_t i = 0; i < 100; i++)
        samples[i] = i < 25 ? 1.0 : 1000.0;
    sketch_samples(&sketch, 0, 100);
    for (int i = 0; i < 38; i++) {
        struct weir_sketch copy = sketch;

        weir_sketch_merge(&sketch, &copy);
    }
    assert_int_equal(sketch.count, (uint64_t)100 << 38);
    assert_int_equal(weir_sketch_read(&read, bytes, weir_sketch_write(&sketch, bytes)), WEIR_OK);
    assert_true(same_bytes(&sketch, &read));
    weir_sketch_accept(&read, 1.0);
    weir_sketch_quantiles(&read, quarters, 3, 1.0, 1000.0, quantiles);
    assert_true(quantiles[0] < 10 && quantiles[1] > 990 && quantiles[2] > 990);
}

static void a_sample_carries_a_full_counter_over(void **state)
{
    unsigned char bytes[32] = {0};
    unsigned char written[WEIR_SKETCH_BYTES_MAX];
    struct weir_sketch sketch;
    size_t length = 0;

    (void)state;
    /* 2^32 - 1 samples in bin 0 of width 2^-1074: zeros. */
    for (int copy = 0; copy < 2; copy++) {
        for (int i = 0; i < 4; i++)
            bytes[length++] = 0xff;
        bytes[length++] = 0x0f;
        if (copy == 0) {
            bytes[length++] = 0xe3; /* zigzag 2147 */
            bytes[length++] = 0x10;
            bytes[length++] = 0;
        }
    }
    assert_int_equal(weir_sketch_read(&sketch, bytes, length), WEIR_OK);
    weir_sketch_accept(&sketch, 0.0);
    length = weir_sketch_write(&sketch, written);
    assert_int_equal(weir_sketch_read(&sketch, written, length), WEIR_OK);
    assert_int_equal(sketch.count, (uint64_t)1 << 32);
}

static void damaged_bytes_are_refused_or_read_without_harm(void **state)
{
    struct test_random random = random_make(6);
    unsigned char bytes[WEIR_SKETCH_BYTES_MAX];
    double quantiles[QUANTILE_COUNT];

    (void)state;
    for (unsigned i = 0; i < ROUND_COUNT * 50; i++) {
        size_t count = draw_samples(&random, i % KIND_COUNT);
        struct weir_sketch sketch;
        size_t length;
        size_t cut;
        unsigned char *copy;

        count = count > 200 ? 200 : count;
        sketch_samples(&sketch, 0, count);
        length = weir_sketch_write(&sketch, bytes);
        cut = random_below(&random, (uint32_t)length);
        copy = malloc(length); /* as long as it is: reading past it shows */
        memcpy(copy, bytes, length);
        assert_int_equal(weir_sketch_read(&sketch, copy, cut), WEIR_REFUSED);
        copy[cut] ^= (unsigned char)(1u << random_below(&random, 8));
        if (weir_sketch_read(&sketch, copy, length) == WEIR_OK && sketch.count > 0) {
            weir_sketch_accept(&sketch, samples[0]);
            weir_sketch_quantiles(&sketch, thousandths, QUANTILE_COUNT, -1.0, 1.0, quantiles);
            assert_true(weir_sketch_write(&sketch, bytes) <= WEIR_SKETCH_BYTES_MAX);
        }
        free(copy);
    }
}

/* What a sketch is made of, found from its ends, bin by bin, as another form of it is read. */
static void bins_are_laid_out_by_the_ends_alone(void **state)
{
    struct test_random random = random_make(12);
    struct weir_sketch laid;
    struct weir_sketch sketch;

    (void)state;
    for (unsigned round = 0; round < ROUND_COUNT; round++) {
        size_t count = 65 + random_below(&random, 500);

        for (size_t i = 0; i < count; i++)
            samples[i] = draw_sample(&random, round % 10, i);
        sketch_samples(&sketch, 0, count);
        memcpy(sorted, samples, count * sizeof(sorted[0]));
        qsort(sorted, count, sizeof(sorted[0]), compare);
        weir_sketch_lay_bins(&laid, count, sorted[0], sorted[count - 1]);
        for (int64_t bin = laid.first; bin <= laid.last; bin++) {
            uint64_t found = 0;

            for (size_t i = 0; i < count; i++)
                found += weir_sketch_find_bin(&laid, samples[i]) == bin;
            weir_sketch_fill_bin(&laid, bin, found);
        }
        assert_true(same_bytes(&sketch, &laid));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_exact_while_samples_are_few_and_then_within_the_bound),
        cmocka_unit_test(the_sixty_fifth_sample_makes_it_a_histogram),
        cmocka_unit_test(equal_samples_come_out_exactly),
        cmocka_unit_test(the_first_and_the_last_rank_are_exact),
        cmocka_unit_test(the_order_of_samples_does_not_matter),
        cmocka_unit_test(merging_in_any_order_gives_the_sketch_of_all),
        cmocka_unit_test(merging_takes_no_more_bytes_than_the_parts),
        cmocka_unit_test(a_copy_goes_on_as_the_original),
        cmocka_unit_test(counts_beyond_32_bits_are_kept),
        cmocka_unit_test(a_sample_carries_a_full_counter_over),
        cmocka_unit_test(bins_are_laid_out_by_the_ends_alone),
        cmocka_unit_test(damaged_bytes_are_refused_or_read_without_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
