#include "support/unit.h"

#include <float.h>
#include <stdlib.h>

#include "core/moments.h"
#include "support/compact.h"

static struct compact_rig *set_up(void)
{
    struct compact_rig *rig = malloc(sizeof(*rig));

    assert_non_null(rig);
    compact_init(rig);
    return rig;
}

static void round_trip(struct compact_rig *rig)
{
    assert_int_equal(compact_write(rig, sizeof(rig->bytes)), rig->row_count);
    compact_check(rig, rig->row_count);
}

/* A decimal as a sensor prints it. */
static double decimal(struct test_random *random, int digits, int64_t width)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "%" PRId64 "e-%d", random_between(random, -width, width),
                   digits);
    return strtod(text, NULL);
}

/* The row of a window of such decimals, and the sketch of its samples, if asked for. */
static struct weir_summary draw_sketched(struct test_random *random, int digits, int64_t width,
                                         uint32_t count, struct weir_sketch *sketch)
{
    struct weir_moments moments = {0};
    struct weir_summary row = {.series = random_below(random, 40),
                               .field = (uint16_t)random_below(random, 3),
                               .stream = random_below(random, 4)};

    row.start_ms = 1700000000000 + 10000 * random_between(random, -3, 3);
    row.end_ms = row.start_ms + 10000;
    for (uint32_t i = 0; i < count; i++) {
        double value = decimal(random, digits, width);

        weir_moments_accept(&moments, row.start_ms + i, value);
        if (sketch)
            weir_sketch_accept(sketch, value);
    }
    weir_moments_summarise(&moments, &row);
    return row;
}

static uint32_t draw_count(struct test_random *random)
{
    return 1 + random_below(random, random_once_in(random, 3) ? 3 : 90);
}

static struct weir_summary draw_row(struct test_random *random, int digits, int64_t width)
{
    return draw_sketched(random, digits, width, draw_count(random), NULL);
}

static void rows_of_decimals_come_back(void **state)
{
    struct test_random random = random_make(1);
    struct compact_rig *rig = set_up();

    (void)state;
    for (uint32_t round = 0; round < 300; round++) {
        int64_t width = random_between(&random, 0, 1 << random_below(&random, 30));

        rig->row_count = 1 + random_below(&random, 200);
        for (uint32_t i = 0; i < 4; i++)
            rig->streams[i].aggregates = random_below(&random, ALL_AGGREGATES + 1);
        for (uint32_t i = 0; i < rig->row_count; i++) {
            int digits = random_once_in(&random, 50) ? 14 : (int)(round % 7);

            rig->rows[i] = draw_row(&random, digits, width);
        }
        round_trip(rig);
    }
    free(rig);
}

/* What the figures of the format are about: moments cost a few bits, not two doubles. */
static void decimals_need_few_bytes(void **state)
{
    struct test_random random = random_make(2);
    struct compact_rig *rig = set_up();

    (void)state;
    rig->streams[0].aggregates = 1u << WEIR_AGGREGATE_COUNT | 1u << WEIR_AGGREGATE_MIN |
                                 1u << WEIR_AGGREGATE_MAX | 1u << WEIR_AGGREGATE_MEAN |
                                 1u << WEIR_AGGREGATE_STDDEV | 1u << WEIR_AGGREGATE_LAST;
    rig->row_count = 1000;
    for (uint32_t i = 0; i < rig->row_count; i++) {
        struct weir_moments moments = {0};

        rig->rows[i] =
            (struct weir_summary){.series = i % 20, .start_ms = 1700000000000 + i / 20 * 10000};
        rig->rows[i].end_ms = rig->rows[i].start_ms + 10000;
        for (int sample = 0; sample < 10; sample++)
            weir_moments_accept(&moments, sample, 21.5 + decimal(&random, 1, 5));
        weir_moments_summarise(&moments, &rig->rows[i]);
        rig->rows[i].min = nearbyint(rig->rows[i].min * 10) / 10;
        rig->rows[i].max = nearbyint(rig->rows[i].max * 10) / 10;
        rig->rows[i].last = nearbyint(rig->rows[i].last * 10) / 10;
    }
    round_trip(rig);
    assert_true(rig->length < 4 * rig->row_count);
    free(rig);
}

static double hostile(struct test_random *random)
{
    static const double values[] = {
        0.0, -0.0,    DBL_MIN,  4.9e-324, -2.2e-310, DBL_MAX, -DBL_MAX, 9007199254740993.0,
        0.1, 1.0 / 3, INFINITY, NAN,      1e300,     -1e-300, 20.5};
    uint64_t bits = random_next(random);
    double value;

    if (!random_once_in(random, 4))
        return values[random_below(random, sizeof(values) / sizeof(values[0]))];
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* Samples and bins, on the grid and off it, with and without the moments that they tell. */
static void sketches_come_back(void **state)
{
    static const uint32_t counts[] = {1, 2, 3, 63, 64, 65, 66, 300, 5000};
    struct test_random random = random_make(9);
    struct compact_rig *rig = set_up();

    (void)state;
    for (uint32_t round = 0; round < 300; round++) {
        int64_t width = random_between(&random, 0, 1 << random_below(&random, 30));

        rig->row_count = 1 + random_below(&random, 100);
        memset(rig->sketches, 0, sizeof(rig->sketches));
        for (uint32_t i = 0; i < 4; i++) {
            rig->streams[i].aggregates = random_below(&random, ALL_AGGREGATES + 1);
            rig->streams[i].quantile_count = 1;
            rig->streams[i].quantiles[0] = 500;
        }
        for (uint32_t i = 0; i < rig->row_count; i++) {
            int digits = random_once_in(&random, 30) ? 14 : (int)(round % 7);
            uint32_t count =
                random_once_in(&random, 2) ? counts[random_below(&random, 9)] : draw_count(&random);

            rig->rows[i] = draw_sketched(&random, digits, width, count,
                                         random_once_in(&random, 20) ? NULL : &rig->sketches[i]);
        }
        round_trip(rig);
    }
    free(rig);
}

/* A sketch that is not of the row, whose bins lie elsewhere, or too many samples: it goes as it is. */
static void sketches_of_anything_come_back(void **state)
{
    struct test_random random = random_make(10);
    struct compact_rig *rig = set_up();

    (void)state;
    rig->streams[0].quantile_count = 1;
    rig->streams[0].quantiles[0] = 1;
    for (uint32_t round = 0; round < 300; round++) {
        rig->row_count = 20;
        memset(rig->sketches, 0, sizeof(rig->sketches));
        for (uint32_t i = 0; i < rig->row_count; i++) {
            uint32_t count = draw_count(&random);
            struct weir_sketch *sketch = &rig->sketches[i];

            (void)draw_sketched(&random, 1, 1000, count, sketch);
            rig->rows[i] = draw_sketched(&random, 1, 1000, count, NULL);
            rig->rows[i].stream = 0;
            for (uint32_t left = random_below(&random, 30); left > 0 && count > 64; left--) {
                const struct weir_sketch copy = *sketch;

                weir_sketch_merge(sketch, &copy);
            }
            rig->rows[i].count = sketch->count;
            if (random_once_in(&random, 4))
                rig->rows[i].min = hostile(&random);
            if (random_once_in(&random, 4))
                rig->rows[i].max = hostile(&random);
        }
        round_trip(rig);
    }
    free(rig);
}

static int64_t hostile_time(struct test_random *random)
{
    static const int64_t times[] = {INT64_MIN, INT64_MAX, 0, -1, 1700000000000, 9007199254740992};

    return random_once_in(random, 3) ? (int64_t)random_next(random)
                                     : times[random_below(random, 6)];
}

static void rows_of_anything_come_back(void **state)
{
    static const uint64_t counts[] = {1, 2, 3, UINT64_MAX, 1ull << 53, 1ull << 31};
    struct test_random random = random_make(3);
    struct compact_rig *rig = set_up();

    (void)state;
    for (uint32_t round = 0; round < 400; round++) {
        rig->row_count = 1 + random_below(&random, 100);
        for (uint32_t i = 0; i < 4; i++)
            rig->streams[i].aggregates = random_below(&random, ALL_AGGREGATES + 1);
        for (uint32_t i = 0; i < rig->row_count; i++) {
            struct weir_summary *row = &rig->rows[i];
            double *const values[] = {&row->sum,    &row->min,   &row->max, &row->mean,
                                      &row->stddev, &row->first, &row->last};

            *row = draw_row(&random, 1, 100);
            for (uint32_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
                if (random_once_in(&random, 2))
                    *values[v] = hostile(&random);
            }
            row->count = counts[random_below(&random, 6)];
            row->revision = random_once_in(&random, 2) ? 0 : (uint32_t)random_next(&random);
            row->start_ms = hostile_time(&random);
            row->end_ms = (int64_t)((uint64_t)row->start_ms + random_below(&random, UINT32_MAX));
            row->first_ms = hostile_time(&random);
            row->last_ms = (int64_t)((uint64_t)row->first_ms + random_below(&random, 100000));
            row->series = random_below(&random, INT32_MAX);
        }
        round_trip(rig);
    }
    free(rig);
}

/* The row of a window of one value. */
static struct weir_summary single_row(uint32_t series, double value, int64_t start_ms)
{
    struct weir_moments moments = {0};
    struct weir_summary row = {.series = series, .start_ms = start_ms, .end_ms = start_ms + 10000};

    weir_moments_accept(&moments, start_ms, value);
    weir_moments_summarise(&moments, &row);
    return row;
}

/* Where a row shows neither end nor edge, its place follows the mean, which need not be on the
 * grid. */
static void means_leave_the_grid_and_come_back(void **state)
{
    static const double values[] = {0,     0x1p51, 0x1p52,  0x1p52, 0x1p52, 0x1p53,
                                    1e300, 0x1p51, -0x1p52, 0,      -0x1p52};
    struct compact_rig *rig = set_up();

    (void)state;
    for (int kind = WEIR_AGGREGATE_SUM; kind <= WEIR_AGGREGATE_LAST; kind++) {
        rig->streams[0].aggregates = 1u << kind;
        rig->row_count = 0;
        for (uint32_t i = 0; i < 3 * sizeof(values) / sizeof(values[0]); i++) {
            uint32_t at = i % (sizeof(values) / sizeof(values[0]));

            rig->rows[rig->row_count++] = single_row(i % 2, values[at], 10000 * (int64_t)i);
        }
        round_trip(rig);
    }
    free(rig);
}

static void every_row_may_be_of_another_series(void **state)
{
    struct test_random random = random_make(4);
    struct compact_rig *rig = set_up();

    (void)state;
    rig->row_count = WEIR_COMPACT_ROW_COUNT_MAX;
    for (uint32_t i = 0; i < rig->row_count; i++) {
        rig->rows[i] = draw_row(&random, 2, 1000);
        rig->rows[i].stream = i % WEIR_STREAM_COUNT_MAX;
        rig->rows[i].series = 1000000 - i;
    }
    round_trip(rig);
    assert_int_equal(weir_compact_writer_prepare(&rig->writer, &rig->rows[0], NULL), WEIR_FULL);
    free(rig);
}

static void names_come_with_the_first_row_of_their_series(void **state)
{
    struct test_random random = random_make(5);
    struct compact_rig *rig = set_up();
    struct weir_compact_row row;
    bool seen[200] = {false};

    (void)state;
    rig->named = true;
    rig->row_count = 600;
    for (uint32_t i = 0; i < rig->row_count; i++) {
        rig->rows[i] = draw_row(&random, 2, 1000);
        rig->rows[i].stream = 0;
        rig->rows[i].field = 0;
        rig->rows[i].series = random_below(&random, 200);
    }
    round_trip(rig);
    assert_null(weir_compact_reader_open(&rig->reader, rig->bytes, rig->length));
    for (uint32_t i = 0; i < rig->row_count; i++) {
        char name[64];
        uint32_t length = compact_name(name, &rig->rows[i]);

        assert_int_equal(weir_compact_reader_next(&rig->reader, &row), WEIR_COMPACT_ROW);
        assert_int_equal(row.stream_text.there, i == 0);
        assert_int_equal(row.series_text.there, !seen[row.summary.series]);
        seen[row.summary.series] = true;
        if (!row.series_text.there)
            continue;
        assert_int_equal(row.series_text.length, length);
        assert_memory_equal(row.series_text.bytes, name, length);
    }
    free(rig);
}

static void a_batch_that_is_full_ends_before_the_row(void **state)
{
    struct test_random random = random_make(6);
    struct compact_rig *rig = set_up();
    uint32_t count;

    (void)state;
    rig->named = true;
    rig->row_count = WEIR_COMPACT_ROW_COUNT_MAX;
    for (uint32_t i = 0; i < rig->row_count; i++) {
        rig->rows[i] = draw_row(&random, 2, 1000);
        rig->rows[i].min = (double)random_next(&random);
        rig->rows[i].max = rig->rows[i].min * (double)random_next(&random);
        rig->rows[i].mean = rig->rows[i].max / 3;
        rig->rows[i].series = i;
    }
    count = compact_write(rig, WEIR_COMPACT_BYTES_MIN);
    assert_in_range(count, 1, rig->row_count - 1);
    compact_check(rig, count);
    free(rig);
}

static void the_envelope_comes_back(void **state)
{
    struct test_random random = random_make(7);
    struct compact_rig *rig = set_up();
    uint64_t *counts = (uint64_t *)&rig->head.ledger;

    (void)state;
    for (uint32_t round = 0; round < 200; round++) {
        struct weir_compact_head *head = &rig->head;
        uint64_t at = 0;

        memset(head, 0, sizeof(*head));
        for (uint32_t i = random_below(&random, WEIR_NAME_LENGTH_MAX + 1); i > 0; i--)
            head->gateway[i - 1] = (char)('a' + random_below(&random, 26));
        head->epoch = random_next(&random);
        head->sequence = random_next(&random) >> random_below(&random, 64);
        head->table = head->sequence - (head->sequence >> random_below(&random, 64)) / 2;
        head->created_ms = hostile_time(&random);
        head->clock = (enum weir_batch_clock)random_below(&random, 3);
        head->range_count = random_below(&random, WEIR_BATCH_RANGE_COUNT_MAX + 1);
        for (uint32_t i = 0; i < head->range_count; i++) {
            head->ranges[i].first = at + 1 + random_below(&random, 1000);
            at = head->ranges[i].last = head->ranges[i].first + random_below(&random, 1000);
        }
        for (size_t i = 0; i < sizeof(head->ledger) / sizeof(uint64_t); i++)
            counts[i] = random_next(&random) >> random_below(&random, 64) >> 1;
        rig->row_count = random_below(&random, 2);
        rig->rows[0] = draw_row(&random, 1, 100);
        round_trip(rig);
        assert_memory_equal(&rig->reader.head, head, sizeof(*head));
    }
    free(rig);
}

/* A sketch that was read can be asked, whatever was read. */
static void ask(const struct weir_compact_row *row)
{
    const uint16_t thousandths[] = {1, 500, 999};
    double quantiles[3];

    assert_int_equal(row->sketch.count, row->summary.count);
    weir_sketch_quantiles(&row->sketch, thousandths, 3, row->summary.min, row->summary.max,
                          quantiles);
}

/* Opens bytes whose checksum is right, and reads them to their end. */
static void read_through(struct compact_rig *rig, const unsigned char *bytes, size_t length)
{
    struct weir_compact_row row;
    enum weir_compact_outcome outcome = WEIR_COMPACT_ROW;

    if (weir_compact_reader_open(&rig->reader, bytes, length))
        return;
    for (uint32_t i = 0; outcome == WEIR_COMPACT_ROW; i++) {
        assert_true(i <= WEIR_COMPACT_ROW_COUNT_MAX);
        outcome = weir_compact_reader_next(&rig->reader, &row);
        if (outcome == WEIR_COMPACT_ROW && row.has_sketch)
            ask(&row);
    }
}

static void write_crc(unsigned char *bytes, size_t length)
{
    uint32_t crc = weir_crc32c(0, bytes, length - 4);

    for (int i = 0; i < 4; i++)
        bytes[length - 4 + (size_t)i] = (unsigned char)(crc >> 8 * i);
}

static void damage_is_found_and_harms_nothing(void **state)
{
    struct test_random random = random_make(8);
    struct compact_rig *rig = set_up();
    unsigned char *bytes;

    (void)state;
    rig->named = true;
    rig->row_count = 60;
    for (uint32_t i = 0; i < 4; i++) {
        rig->streams[i].quantile_count = 1;
        rig->streams[i].quantiles[0] = 950;
    }
    for (uint32_t i = 0; i < rig->row_count; i++)
        rig->rows[i] = draw_sketched(&random, random_once_in(&random, 9) ? 14 : 2, 1000,
                                     draw_count(&random), &rig->sketches[i]);
    round_trip(rig);
    bytes = malloc(rig->length);
    assert_non_null(bytes);
    for (size_t at = 0; at < rig->length; at++) {
        memcpy(bytes, rig->bytes, rig->length);
        bytes[at] ^= (unsigned char)(1u << random_below(&random, 8));
        assert_non_null(weir_compact_reader_open(&rig->reader, bytes, rig->length));
        assert_non_null(weir_compact_reader_open(&rig->reader, rig->bytes, at));
        write_crc(bytes, rig->length);
        read_through(rig, bytes, rig->length);
    }
    free(bytes);
    free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_decimals_come_back),
        cmocka_unit_test(decimals_need_few_bytes),
        cmocka_unit_test(rows_of_anything_come_back),
        cmocka_unit_test(means_leave_the_grid_and_come_back),
        cmocka_unit_test(sketches_come_back),
        cmocka_unit_test(sketches_of_anything_come_back),
        cmocka_unit_test(every_row_may_be_of_another_series),
        cmocka_unit_test(names_come_with_the_first_row_of_their_series),
        cmocka_unit_test(a_batch_that_is_full_ends_before_the_row),
        cmocka_unit_test(the_envelope_comes_back),
        cmocka_unit_test(damage_is_found_and_harms_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
