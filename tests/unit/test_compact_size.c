/* What batches of given rows weigh: the same on every machine, so that a percent is seen. */
#include "support/unit.h"

#include <stdlib.h>

#include "core/moments.h"
#include "support/compact.h"

enum { SERIES_COUNT = 10, WINDOW_COUNT = 100 };

/* A plant's sensors: they print counts of so many ticks, step / parts, with so many decimals. */
struct plant {
    uint32_t aggregates;
    int samples; /* of a row */
    int64_t step;
    int64_t parts;
    double scale;
    int64_t walk; /* how far, in counts, the mean may go from sample to sample */
    int64_t noise;
    bool sketched;
    size_t bytes_max; /* of a batch: half a percent above what it was */
};

enum {
    USUAL = 1 << WEIR_AGGREGATE_COUNT | 1 << WEIR_AGGREGATE_MIN | 1 << WEIR_AGGREGATE_MAX |
            1 << WEIR_AGGREGATE_MEAN | 1 << WEIR_AGGREGATE_STDDEV | 1 << WEIR_AGGREGATE_LAST
};

static struct weir_summary draw_row(struct test_random *random, const struct plant *plant,
                                    int64_t *place, struct weir_sketch *sketch)
{
    struct weir_moments moments = {0};
    struct weir_summary row = {0};

    for (int i = 0; i < plant->samples; i++) {
        int64_t count = *place + random_between(random, -plant->noise, plant->noise);
        double value = (double)(count * plant->step / plant->parts) / plant->scale;

        *place += random_between(random, -plant->walk, plant->walk);
        weir_moments_accept(&moments, i, value);
        if (plant->sketched)
            weir_sketch_accept(sketch, value);
    }
    weir_moments_summarise(&moments, &row);
    return row;
}

static void check_size(const struct plant *plant)
{
    struct test_random random = {.state = 20};
    struct compact_rig *rig = malloc(sizeof(*rig));
    int64_t places[SERIES_COUNT];

    assert_non_null(rig);
    compact_init(rig);
    rig->streams[0].aggregates = plant->aggregates;
    rig->streams[0].quantile_count = plant->sketched;
    rig->streams[0].quantiles[0] = 950;
    for (int i = 0; i < SERIES_COUNT; i++)
        places[i] = random_between(&random, 1000, 5000);
    for (uint32_t i = 0; i < SERIES_COUNT * WINDOW_COUNT; i++) {
        uint32_t series = i % SERIES_COUNT;
        struct weir_summary *row = &rig->rows[i];

        *row = draw_row(&random, plant, &places[series], &rig->sketches[i]);
        row->series = series;
        row->start_ms = 1700000000000 + 10000 * (int64_t)(i / SERIES_COUNT);
        row->end_ms = row->start_ms + 10000;
    }
    rig->row_count = SERIES_COUNT * WINDOW_COUNT;
    assert_int_equal(compact_write(rig, sizeof(rig->bytes)), rig->row_count);
    compact_check(rig, rig->row_count);
    printf("%zu bytes, at most %zu\n", rig->length, plant->bytes_max);
    assert_true(rig->length <= plant->bytes_max);
    free(rig);
}

static void rows_weigh_what_they_did(void **state)
{
    static const struct plant plants[] = {
        {USUAL, 16, 1, 1, 10, 0, 1, false, 1138},        /* a thermometer at rest */
        {USUAL, 16, 1, 1, 100, 3, 5, false, 3400},       /* one that moves */
        {USUAL, 5, 1, 1, 100, 3, 5, false, 2356},        /* of few samples */
        {USUAL, 16, 1, 1, 1e6, 0, 500000, false, 14611}, /* noise */
        {USUAL, 16, 46, 1, 100, 1, 1, false, 2360},      /* whole steps */
        {USUAL, 16, 81, 2, 1000, 1, 2, false, 3961},     /* counts of a converter */
        {USUAL, 16, 81, 2, 1000, 1, 2, true, 3176},      /* and their sketches */
        {1 << WEIR_AGGREGATE_COUNT | 1 << WEIR_AGGREGATE_MEAN, 16, 1, 1, 100, 3, 5, false, 1211},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(plants) / sizeof(plants[0]); i++)
        check_size(&plants[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_weigh_what_they_did),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
