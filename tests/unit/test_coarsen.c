/* Random outboxes made coarser, in one step or in many, against the plain way. */
#include "support/coarsen_reference.h"

static const int64_t bucket_ms[] = {60000, 600000, 3600000};

/* A revision of an older row that is its window's newest; false: it is not, or it was merged. */
static bool add_revision(struct queue *queue, struct test_random *random, uint32_t of, bool whole)
{
    const struct row *old = &queue->rows[of];
    struct row *row = &queue->rows[queue->row_count];

    for (uint32_t i = of + 1; i < queue->row_count; i++) {
        const struct weir_summary *other = &queue->rows[i].summary;

        if (other->stream == old->summary.stream && other->series == old->summary.series &&
            other->field == old->summary.field && other->start_ms == old->summary.start_ms &&
            other->end_ms == old->summary.end_ms)
            return false;
    }
    assert_true(queue->row_count < ROW_MAX);
    *row = *old;
    row->sample_first = sample_count;
    for (size_t i = 0; i < old->sample_count; i++)
        add_sample(drawn[old->sample_first + i].time_ms, drawn[old->sample_first + i].value);
    add_sample(random_between(random, row->summary.start_ms, row->summary.end_ms - 1),
               draw_value(random, whole));
    row->sample_count++;
    row->summary.revision++;
    summarise(row);
    queue->row_count++;
    return true;
}

/* Rows in the order in which weir would write them, more or less: windows, revisions, a change of
 * what is shown, parts of a window from before and after a change. */
static void draw_rows(struct queue *queue, struct test_random *random, uint32_t count, bool whole)
{
    static const int64_t lengths_ms[] = {1000, 5000, 7000, 10000, 10000, 60000, 600000, 7200000};
    int64_t length_ms = lengths_ms[random_below(random, 8)];
    int64_t number = 1700000000000 / length_ms;
    uint32_t shape = 0;

    queue->row_count = 0;
    sample_count = 0;
    while (queue->row_count < count) {
        uint32_t first = queue->row_count;

        if (random_once_in(random, 20) && first > 0)
            (void)add_revision(queue, random, random_below(random, first), whole);
        else
            (void)add_window(queue, random, number * length_ms, length_ms, whole);
        if (random_once_in(random, 6))
            number += random_once_in(random, 30) ? random_below(random, 1000) : 1;
        if (random_once_in(random, 500)) {
            length_ms = lengths_ms[random_below(random, 8)];
            number = queue->rows[first].summary.end_ms / length_ms;
        }
        if (random_once_in(random, 200))
            shape = random_below(random, SHAPE_COUNT);
        queue->rows[first].shape = shape;
    }
    /* What left already: revisions stay behind without their first row. */
    if (random_once_in(random, 2)) {
        uint32_t left = random_below(random, queue->row_count);

        queue->row_count -= left;
        memmove(queue->rows, queue->rows + left, queue->row_count * sizeof(queue->rows[0]));
    }
}

static void draw_batches(struct queue *queue, struct test_random *random)
{
    uint64_t sequence = SEQUENCE_FIRST;
    uint32_t at = 0;

    queue->batch_count = 0;
    while (at < queue->row_count) {
        uint32_t count = random_below(random, 40);

        count = count < queue->row_count - at ? count : queue->row_count - at;
        write_batch(queue, at, count, sequence++);
        at += count;
    }
}

/* Seals a run, compares all that it gives, and puts it into `to` under numbers from *sequence. */
static void take_run(struct weir_coarsen *coarsen, struct queue *to, uint32_t expected_count,
                     const struct batch *newest, uint64_t *sequence, bool whole)
{
    uint32_t batch_count = weir_coarsen_seal(coarsen);
    struct weir_coarsen_batch batch;
    uint32_t at = 0;

    for (uint32_t i = 0; i < batch_count; i++) {
        struct weir_batch_range ranges[WEIR_BATCH_RANGE_COUNT_MAX];
        struct weir_batch_view view;
        uint32_t range_count;
        uint32_t first = at;

        assert_true(weir_coarsen_take(coarsen, *sequence, &batch));
        at = assert_batch(&batch, first, whole, &view);
        assert_envelope(&view, *sequence, newest);
        assert_true(weir_batch_view_ranges(&view, ranges, &range_count));
        assert_int_equal(range_count > 0, i == 0);
        memcpy(to->rows + to->row_count, expected + first, (at - first) * sizeof(expected[0]));
        memcpy(to->sides + to->row_count, batch.rows, (at - first) * sizeof(batch.rows[0]));
        add_batch(to, batch.bytes, batch.length, to->row_count, at - first, (*sequence)++);
        add_sketches(to, batch.sketches, batch.sketches_length);
        to->row_count += at - first;
    }
    assert_int_equal(at, expected_count);
    assert_false(weir_coarsen_take(coarsen, 0, &batch));
}

/* One level: the queue in runs of run_max batches at most. */
static void coarsen_queue(const struct queue *from, struct queue *to, struct test_random *random,
                          int64_t window_ms, uint32_t run_max, uint64_t *sequence, bool whole)
{
    uint32_t at = 0;

    to->row_count = 0;
    to->batch_count = 0;
    while (at < from->batch_count) {
        struct weir_coarsen *coarsen = begin(
            window_ms, WEIR_COARSEN_BATCH_BYTES_MIN + random_below(random, WEIR_BATCH_BYTES_MAX));
        uint32_t end = at + 1 + random_below(random, run_max);
        uint32_t row_first = from->batches[at].row_first;
        struct weir_coarsen_counts counts;
        uint32_t row_count = 0;
        uint32_t expected_count;
        uint32_t coarsened;

        end = end < from->batch_count ? end : from->batch_count;
        for (; at < end; at++) {
            assert_int_equal(accept(coarsen, from, at), WEIR_OK);
            row_count += from->batches[at].row_count;
        }
        expected_count = expect(from->rows + row_first, row_count, window_ms, &coarsened);
        take_run(coarsen, to, expected_count, &from->batches[end - 1], sequence, whole);
        weir_coarsen_count(coarsen, &counts);
        assert_int_equal(counts.rows_in, row_count);
        assert_int_equal(counts.rows_out, expected_count);
        assert_int_equal(counts.coarsened, coarsened);
    }
}

static void random_runs_agree_with_the_plain_way(void **state)
{
    struct test_random random = random_make(1);

    (void)state;
    for (uint32_t round = 0; round < 120; round++) {
        struct queue *from = &queues[0];
        struct queue *to = &queues[1];
        bool whole = round % 2 == 0;
        uint64_t sequence = 1000000;

        draw_shapes(&random);
        draw_rows(from, &random, 50 + random_below(&random, 1200), whole);
        draw_batches(from, &random);
        for (size_t i = 0; i < sizeof(bucket_ms) / sizeof(bucket_ms[0]); i++) {
            struct queue *other = from;

            coarsen_queue(from, to, &random, bucket_ms[i], 1 + random_below(&random, 60), &sequence,
                          whole);
            release(from);
            from = to;
            to = other;
        }
        release(from);
    }
}

/* Counts and sums of everything, by field and hour. */
static void count_hours(const struct queue *queue, uint64_t *counts, double *sums, uint32_t max)
{
    memset(counts, 0, max * sizeof(*counts));
    memset(sums, 0, max * sizeof(*sums));
    for (uint32_t i = 0; i < queue->row_count; i++) {
        const struct weir_summary *row = &queue->sides[i];
        uint64_t hour = (uint64_t)(row->start_ms - 1699999200000) / 3600000;
        uint64_t at =
            ((hour * STREAM_COUNT + row->stream) * SERIES_COUNT + row->series) * FIELD_COUNT +
            row->field;

        assert_true(at < max);
        counts[at] += row->count;
        sums[at] += row->sum;
    }
}

static void no_count_and_no_sum_is_lost_in_any_number_of_runs(void **state)
{
    enum { CELL_MAX = 4096 };
    static uint64_t counts[2][CELL_MAX];
    static double sums[2][CELL_MAX];
    struct test_random random = random_make(2);

    (void)state;
    for (uint32_t round = 0; round < 50; round++) {
        struct queue *from = &queues[0];
        struct queue *to = &queues[1];
        uint64_t sequence = 1000000;

        draw_shapes(&random);
        from->row_count = 0;
        sample_count = 0;
        for (uint32_t i = 0; i < 1000; i++)
            (void)add_window(from, &random, 1700000000000 + i / 12 * 10000, 10000, true);
        draw_batches(from, &random);
        for (size_t i = 0; i < 10; i++) {
            struct queue *other = from;

            count_hours(from, counts[0], sums[0], CELL_MAX);
            coarsen_queue(from, to, &random, bucket_ms[i / 4], 1 + random_below(&random, 20),
                          &sequence, true);
            count_hours(to, counts[1], sums[1], CELL_MAX);
            assert_memory_equal(counts[0], counts[1], sizeof(counts[0]));
            assert_memory_equal(sums[0], sums[1], sizeof(sums[0]));
            release(from);
            from = to;
            to = other;
        }
        release(from);
    }
}

static void assert_close(double found, double other)
{
    assert_near(found, dd_of(other), 1e-12 * fabs(other));
}

static void step_by_step_is_at_once(void **state)
{
    static struct weir_summary once[ROW_MAX];
    struct test_random random = random_make(3);

    (void)state;
    for (uint32_t round = 0; round < 20; round++) {
        struct queue *from = &queues[0];
        struct queue *to = &queues[1];
        uint64_t sequence = 1000000;
        uint32_t once_count = 0;

        draw_shapes(&random);
        from->row_count = 0;
        sample_count = 0;
        for (uint32_t i = 0; i < 3000; i++)
            (void)add_window(from, &random, 1700000000000 + i / 3 * 10000, 10000, round % 2 == 0);
        draw_batches(from, &random);
        for (size_t i = 0; i < 4; i++) {
            struct weir_coarsen *coarsen = begin(bucket_ms[i == 0 ? 2 : i - 1], UINT64_MAX);
            struct queue *other = from;
            uint32_t coarsened;
            uint32_t count;

            for (uint32_t b = 0; b < from->batch_count; b++)
                assert_int_equal(accept(coarsen, from, b), WEIR_OK);
            count = expect(from->rows, from->row_count, bucket_ms[i == 0 ? 2 : i - 1], &coarsened);
            to->row_count = 0;
            to->batch_count = 0;
            take_run(coarsen, to, count, &from->batches[from->batch_count - 1], &sequence,
                     round % 2 == 0);
            if (i == 0) {
                once_count = to->row_count;
                memcpy(once, to->sides, once_count * sizeof(once[0]));
                release(to);
                continue;
            }
            release(from);
            from = to;
            to = other;
        }
        assert_int_equal(from->row_count, once_count);
        for (uint32_t i = 0; i < once_count; i++) {
            struct weir_summary stepped = from->sides[i];

            assert_close(stepped.mean, once[i].mean);
            assert_close(stepped.stddev, once[i].stddev);
            stepped.mean = once[i].mean;
            stepped.stddev = once[i].stddev;
            if (round % 2 != 0) {
                assert_close(stepped.sum, once[i].sum);
                stepped.sum = once[i].sum;
            }
            assert_memory_equal(&stepped, &once[i], sizeof(stepped));
        }
        release(from);
    }
}

/* Every output of a random run goes through `weir decode`, which must find each of its rows. */
static void weir_decode_reads_what_is_made(void **state)
{
    struct test_random random = random_make(6);
    const char *weir = getenv("WEIR_BIN");
    char path[] = "/tmp/weir-coarsen-XXXXXX";
    char command[512];
    uint64_t sequence = 1;
    uint32_t line_count = 0;
    char line[4096];
    FILE *file;
    int fd;

    (void)state;
    if (!weir)
        skip();
    draw_shapes(&random);
    draw_rows(&queues[0], &random, 1000, false);
    draw_batches(&queues[0], &random);
    coarsen_queue(&queues[0], &queues[1], &random, 600000, 10, &sequence, false);
    fd = mkstemp(path);
    assert_true(fd >= 0);
    file = fdopen(fd, "w");
    assert_non_null(file);
    for (uint32_t i = 0; i < queues[1].batch_count; i++)
        fprintf(file, "%.*s\n", (int)queues[1].batches[i].length, queues[1].batches[i].payload);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(command, sizeof(command), "'%s' decode --to csv %s", weir, path);
    file = popen(command, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        line_count++;
    assert_int_equal(pclose(file), 0);
    assert_int_equal(remove(path), 0);
    assert_int_equal(line_count, queues[1].row_count + 1);
    release(&queues[0]);
    release(&queues[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_runs_agree_with_the_plain_way),
        cmocka_unit_test(no_count_and_no_sum_is_lost_in_any_number_of_runs),
        cmocka_unit_test(step_by_step_is_at_once),
        cmocka_unit_test(weir_decode_reads_what_is_made),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down_group);
}
