/* Which rows merge, and what a merged row says. */
#include "support/coarsen_rig.h"
#include "support/moments_reference.h"

/* All batches of the queue become one, of these rows: each up to its closing brace. */
static void assert_rows(const struct queue *queue, const char *const *rows, size_t row_count)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct weir_coarsen_batch batch;
    char expected_text[4096] = "\"summaries\":[";
    char text[4096];
    const char *found;

    for (uint32_t i = 0; i < queue->batch_count; i++)
        assert_int_equal(accept(coarsen, queue, i), WEIR_OK);
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    assert_true(weir_coarsen_take(coarsen, 7, &batch));
    found = memmem(batch.bytes, batch.length, "\"summaries\":[", 13);
    assert_non_null(found);
    (void)snprintf(text, sizeof(text), "%.*s", (int)(batch.bytes + batch.length - found), found);
    for (size_t i = 0; i < row_count; i++) {
        strcat(expected_text, rows[i]);
        strcat(expected_text, i + 1 < row_count ? "}," : "}]}");
    }
    assert_string_equal(text, expected_text);
}

#define ASSERT_ROWS(queue, ...)                                                                    \
    do {                                                                                           \
        const char *const rows_of_it[] = {__VA_ARGS__};                                            \
        assert_rows(queue, rows_of_it, sizeof(rows_of_it) / sizeof(rows_of_it[0]));                \
    } while (0)

#define ROW(start, end, revision, aggregates)                                                      \
    "{\"stream\":\"s0\",\"series\":\"plant/one\",\"field\":\"f0\",\"start\":" start                \
    ",\"end\":" end ",\"revision\":" revision aggregates

static void buckets_count_from_the_epoch_in_both_directions(void **state)
{
    struct queue *queue = begin_queue();

    (void)state;
    shapes[0][0].aggregates = 1u << WEIR_AGGREGATE_SUM;
    for (int64_t i = -7; i < 7; i++)
        (void)add_single(queue, i * 10000, 10000, (double)(1LL << (i + 7)));
    (void)add_single(queue, 55000, 10000, 1);  /* lies across a boundary */
    (void)add_single(queue, 60000, 60000, 2);  /* is a bucket */
    (void)add_single(queue, 120000, 59999, 3); /* alone in its bucket */
    write_batch(queue, 0, queue->row_count, 1);
    ASSERT_ROWS(queue, ROW("-70000", "-60000", "0", ",\"sum\":1"),
                ROW("-60000", "0", "0", ",\"sum\":126"), ROW("0", "60000", "0", ",\"sum\":8064"),
                ROW("60000", "70000", "0", ",\"sum\":8192"),
                ROW("55000", "65000", "0", ",\"sum\":1"), ROW("60000", "120000", "0", ",\"sum\":2"),
                ROW("120000", "179999", "0", ",\"sum\":3"));
    release(queue);
}

static void a_revision_counts_once_or_stays(void **state)
{
    struct queue *queue = begin_queue();

    (void)state;
    shapes[0][0].aggregates = 1u << WEIR_AGGREGATE_SUM;
    add_single(queue, 0, 10000, 1)->summary.revision = 4; /* its first has left */
    (void)add_single(queue, 10000, 10000, 2);
    (void)add_single(queue, 20000, 10000, 4);
    add_single(queue, 10000, 10000, 8)->summary.revision = 1;
    add_single(queue, 10000, 10000, 16)->summary.revision = 3;
    add_single(queue, 10000, 10000, 32)->summary.revision = 2; /* out of order */
    (void)add_single(queue, 20000, 10000, 64);                 /* other samples of that window */
    add_single(queue, 20000, 10000, 128)->summary.revision = 1;
    (void)add_single(queue, 0, 7200000, 256);
    add_single(queue, 0, 7200000, 512)->summary.revision = 1;
    write_batch(queue, 0, 3, 1);
    write_batch(queue, 3, queue->row_count - 3, 2);
    ASSERT_ROWS(queue, ROW("0", "10000", "4", ",\"sum\":1"),
                ROW("10000", "30000", "0", ",\"sum\":148"),
                ROW("0", "7200000", "0", ",\"sum\":256"), ROW("0", "7200000", "1", ",\"sum\":512"));
    release(queue);
}

static void another_unit_or_other_aggregates_do_not_merge(void **state)
{
    struct queue *queue = begin_queue();

    (void)state;
    for (uint32_t i = 0; i < SHAPE_COUNT; i++)
        shapes[i][0].aggregates = 1u << WEIR_AGGREGATE_SUM;
    shapes[2][0].aggregates |= 1u << WEIR_AGGREGATE_COUNT;
    (void)snprintf(fields[1][0][0].unit, sizeof(fields[1][0][0].unit), "K");
    for (uint32_t i = 0; i < 6; i++)
        add_single(queue, i * 10000, 10000, 1 << i)->shape = i % 3;
    write_batch(queue, 0, 6, 1);
    ASSERT_ROWS(queue, ROW("0", "40000", "0", ",\"sum\":9"),
                "{\"stream\":\"s0\",\"series\":\"plant/one\",\"field\":\"f0\",\"unit\":\"K\","
                "\"start\":10000,\"end\":50000,\"revision\":0,\"sum\":18",
                ROW("20000", "60000", "0", ",\"count\":2,\"sum\":36"));
    release(queue);
}

static void rows_of_other_quantiles_do_not_merge(void **state)
{
    struct queue *queue = begin_queue();

    (void)state;
    for (uint32_t i = 0; i < SHAPE_COUNT; i++) {
        shapes[i][0].aggregates = 1u << WEIR_AGGREGATE_SUM;
        shapes[i][0].quantile_count = i;
        shapes[i][0].quantiles[0] = (uint16_t)(100 + 10 * i);
        shapes[i][0].quantiles[1] = 500;
    }
    for (uint32_t i = 0; i < 6; i++)
        add_single(queue, i * 10000, 10000, 1 << i)->shape = i % 3;
    write_batch(queue, 0, 6, 1);
    ASSERT_ROWS(queue, ROW("0", "40000", "0", ",\"sum\":9"),
                ROW("10000", "50000", "0", ",\"sum\":18,\"p11\":2"),
                ROW("20000", "60000", "0", ",\"sum\":36,\"p12\":4,\"p50\":4"));
    release(queue);
}

static void the_places_of_the_newest_row_are_passed_on(void **state)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct queue *queue = begin_queue();
    struct weir_coarsen_batch batch;

    (void)state;
    (void)add_single(queue, 0, 10000, 1);
    (void)add_single(queue, 10000, 10000, 2);
    write_batch(queue, 0, 2, 1);
    queue->sides[1].stream = 7;
    queue->sides[1].series = 8;
    queue->sides[1].field = 9;
    assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    assert_true(weir_coarsen_take(coarsen, 2, &batch));
    assert_int_equal(batch.row_count, 1);
    assert_int_equal(batch.rows[0].stream, 7);
    assert_int_equal(batch.rows[0].series, 8);
    assert_int_equal(batch.rows[0].field, 9);
    release(queue);
}

static void a_rate_that_single_samples_cannot_show_is_learnt_from_the_stream(void **state)
{
    struct queue *queue = begin_queue();

    (void)state;
    shapes[0][0].aggregates = 1u << WEIR_AGGREGATE_RATE;
    (void)add_single(queue, 0, 10000, 1);
    (void)add_single(queue, 10000, 10000, 2);
    write_batch(queue, 0, 2, 1);
    ASSERT_ROWS(queue, ROW("0", "20000", "0", ""));
    add_single(queue, 0, 10000, 5)->summary.series = 1;
    queue->rows[2].summary.first_ms -= 1000;
    write_batch(queue, 2, 1, 2);
    ASSERT_ROWS(queue, ROW("0", "20000", "0", ",\"rate\":0.1"),
                "{\"stream\":\"s0\",\"series\":\"\",\"field\":\"f0\",\"start\":0,\"end\":10000,"
                "\"revision\":0,\"rate\":0");
    release(queue);
}

static void first_and_last_of_one_time_are_the_earlier_and_the_later_rows(void **state)
{
    struct queue *queue = begin_queue();

    (void)state;
    shapes[0][0].aggregates = 1u << WEIR_AGGREGATE_FIRST | 1u << WEIR_AGGREGATE_LAST;
    for (int i = 1; i <= 3; i++)
        (void)add_single(queue, 0, 10000, i);
    write_batch(queue, 0, 3, 1);
    ASSERT_ROWS(queue, ROW("0", "10000", "0", ",\"first\":1,\"last\":3"));
    release(queue);
}

static void equal_values_keep_no_deviation(void **state)
{
    struct queue *queue = begin_queue();

    (void)state;
    shapes[0][0].aggregates = 1u << WEIR_AGGREGATE_STDDEV;
    for (int i = 0; i < 600; i++)
        (void)add_single(queue, i * 100, 100, 0.1);
    write_batch(queue, 0, 600, 1);
    ASSERT_ROWS(queue, ROW("0", "60000", "0", ",\"stddev\":0"));
    release(queue);
}

/* Against twice the precision over the rows, at the promise, however large the mean is. */
static void mean_and_deviation_are_good_to_twelve_digits(void **state)
{
    static const double offsets[] = {0, 1, -20, 1e6, -1e9};
    struct test_random random = random_make(4);

    (void)state;
    for (uint32_t round = 0; round < 200; round++) {
        struct weir_coarsen *coarsen = begin(3600000, UINT64_MAX);
        uint32_t count = 2 + random_below(&random, 300);
        double offset = offsets[random_below(&random, 5)];
        struct queue *queue = begin_queue();
        struct weir_coarsen_batch batch;
        double total = 0;
        struct double_double sum = {0};
        struct double_double squares = {0};
        struct double_double mean;
        struct double_double stddev;

        for (uint32_t i = 0; i < count; i++) {
            struct weir_summary *row =
                &add_single(queue, i * 10000, 10000,
                            offset + (double)random_between(&random, -1000, 1000) / 7)
                     ->summary;

            row->count = 1 + random_below(&random, 1000);
            row->sum = row->mean * (double)row->count;
            row->stddev = row->count == 1 ? 0 : (double)random_below(&random, 1000) / 3;
            total += (double)row->count;
            sum = dd_add(sum, dd_of(row->sum));
        }
        mean = dd_divide(sum, dd_of(total));
        for (uint32_t i = 0; i < count; i++) {
            const struct weir_summary *row = &queue->rows[i].summary;
            struct double_double away = dd_subtract(dd_of(row->mean), mean);
            struct double_double variance = dd_add(
                dd_multiply(dd_of(row->stddev), dd_of(row->stddev)), dd_multiply(away, away));

            squares = dd_add(squares, dd_multiply(dd_of((double)row->count), variance));
        }
        stddev = dd_root(dd_divide(squares, dd_of(total)));
        shapes[0][0].aggregates = 1u << WEIR_AGGREGATE_COUNT;
        write_batch(queue, 0, count, 1);
        assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
        assert_int_equal(weir_coarsen_seal(coarsen), 1);
        assert_true(weir_coarsen_take(coarsen, 2, &batch));
        assert_int_equal(batch.row_count, 1);
        assert_near(batch.rows[0].sum, sum, 1e-15 * fabs(sum.high) + 1e-15 * total);
        assert_near(batch.rows[0].mean, mean, 1e-12 * fabs(mean.high));
        assert_near(batch.rows[0].stddev, stddev, 1e-12 * stddev.high);
        release(queue);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_count_from_the_epoch_in_both_directions),
        cmocka_unit_test(a_revision_counts_once_or_stays),
        cmocka_unit_test(another_unit_or_other_aggregates_do_not_merge),
        cmocka_unit_test(rows_of_other_quantiles_do_not_merge),
        cmocka_unit_test(the_places_of_the_newest_row_are_passed_on),
        cmocka_unit_test(a_rate_that_single_samples_cannot_show_is_learnt_from_the_stream),
        cmocka_unit_test(first_and_last_of_one_time_are_the_earlier_and_the_later_rows),
        cmocka_unit_test(equal_values_keep_no_deviation),
        cmocka_unit_test(mean_and_deviation_are_good_to_twelve_digits),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down_group);
}
