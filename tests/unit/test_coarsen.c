#include "store/coarsen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/moments.h"
#include "format/batch_read.h"
#include "support/build.h"
#include "support/moments_reference.h"
#include "support/random.h"
#include "support/unit.h"

enum {
    STREAM_COUNT = 3,
    SERIES_COUNT = 3,
    FIELD_COUNT = 2,
    SHAPE_COUNT = 4,
    ROW_MAX = 4096,
    BATCH_MAX = 1024,
    SAMPLE_MAX = 1 << 18,
    SEQUENCE_FIRST = 100,
};

/* What one row is to say, and all samples behind it. */
struct row {
    struct weir_summary summary; /* stream, series and field are indices of the test's names */
    uint32_t shape;
    size_t sample_first;
    size_t sample_count;
};

struct batch {
    char *payload;
    size_t length;
    uint64_t sequence;
    uint32_t row_first;
    uint32_t row_count;
    unsigned char *sketches;
    uint32_t sketches_length;
};

/* An outbox: rows and the batches they lie in. */
struct queue {
    uint32_t row_count;
    uint32_t batch_count;
    struct row rows[ROW_MAX];
    struct weir_summary sides[ROW_MAX];
    struct batch batches[BATCH_MAX];
};

static const char *const series_names[SERIES_COUNT] = {"plant/one", "", "\"quoted\"\t\xc3\xa4"};
static const char *const field_names[FIELD_COUNT] = {"temperature", "p"};
static const int64_t bucket_ms[] = {60000, 600000, 3600000};
static const struct weir_ledger ledger = {.received = 12, .accepted = 12};

/* What the streams show, and under which units: changes at times. */
static struct weir_stream_config shapes[SHAPE_COUNT][STREAM_COUNT];
static struct weir_field_config fields[SHAPE_COUNT][STREAM_COUNT][FIELD_COUNT];
static struct weir_sample samples[SAMPLE_MAX];
static size_t sample_count;
static struct queue queues[2];
static struct row expected[ROW_MAX];
static struct weir_batch scratch;
static void *work;

static struct weir_coarsen *begin(int64_t window_ms, uint64_t batch_bytes_max)
{
    if (!work)
        work = malloc(weir_coarsen_size(WEIR_COARSEN_ROW_COUNT_MIN));
    assert_non_null(work);
    memset(work, 0xa5, weir_coarsen_size(WEIR_COARSEN_ROW_COUNT_MIN));
    return weir_coarsen_init(work, WEIR_COARSEN_ROW_COUNT_MIN, window_ms, batch_bytes_max);
}

/* Each shape shows count and min differently, so that none is mistaken for another. */
static void draw_shapes(struct test_random *random)
{
    memset(shapes, 0, sizeof(shapes));
    memset(fields, 0, sizeof(fields));
    for (uint32_t i = 0; i < SHAPE_COUNT; i++) {
        for (uint32_t s = 0; s < STREAM_COUNT; s++) {
            struct weir_stream_config *stream = &shapes[i][s];
            uint32_t others = random_below(random, 1u << WEIR_AGGREGATE_KIND_COUNT) & ~5u;

            (void)snprintf(stream->name, sizeof(stream->name), "stream-%u", s);
            stream->aggregates = others | (i & 1) | (i & 2) << 1;
            if (s == 1) {
                stream->quantile_count = i % 3;
                stream->quantiles[0] = 500;
                stream->quantiles[1] = 999;
            }
            stream->fields = fields[i][s];
            for (uint32_t f = 0; f < FIELD_COUNT; f++) {
                struct weir_field_config *field = &stream->fields[f];

                (void)snprintf(field->name, sizeof(field->name), "%s", field_names[f]);
                if (f == 0)
                    (void)snprintf(field->unit, sizeof(field->unit), i == 3 ? "m\"" : "Cel");
            }
        }
    }
}

/* The sketch is made of all samples of the row, however it came about. */
static enum weir_status encode(const struct row *row)
{
    const struct weir_stream_config *stream = &shapes[row->shape][row->summary.stream];
    struct weir_sketch sketch = {0};

    for (size_t i = 0; i < row->sample_count; i++)
        weir_sketch_accept(&sketch, samples[row->sample_first + i].value);
    return weir_batch_accept(&scratch, stream, series_names[row->summary.series], &row->summary,
                             stream->quantile_count > 0 ? &sketch : NULL);
}

static void summarise(struct row *row)
{
    struct weir_moments moments = {0};

    for (size_t i = 0; i < row->sample_count; i++)
        weir_moments_accept(&moments, samples[row->sample_first + i].time_ms,
                            samples[row->sample_first + i].value);
    weir_moments_summarise(&moments, &row->summary);
}

static void add_sample(int64_t time_ms, double value)
{
    assert_true(sample_count < SAMPLE_MAX);
    samples[sample_count++] = (struct weir_sample){time_ms, value};
}

static double draw_value(struct test_random *random, bool whole)
{
    double unit = (double)random_between(random, -1000000, 1000000);

    return whole ? unit : 20 + ldexp(unit, -24);
}

/* A window's row; samples at two times at least, so that its rate is known. */
static struct row *add_window(struct queue *queue, struct test_random *random, int64_t start_ms,
                              int64_t length_ms, bool whole)
{
    struct row *row = &queue->rows[queue->row_count++];
    uint32_t extra = random_below(random, 5);

    assert_true(queue->row_count <= ROW_MAX);
    memset(row, 0, sizeof(*row));
    row->summary.stream = random_below(random, STREAM_COUNT);
    row->summary.series = random_below(random, SERIES_COUNT);
    row->summary.field = (uint16_t)random_below(random, FIELD_COUNT);
    row->summary.start_ms = start_ms;
    row->summary.end_ms = start_ms + length_ms;
    row->sample_first = sample_count;
    row->sample_count = 2 + extra;
    add_sample(start_ms, draw_value(random, whole));
    add_sample(start_ms + length_ms - 1, draw_value(random, whole));
    for (uint32_t i = 0; i < extra; i++)
        add_sample(random_between(random, start_ms, start_ms + length_ms - 1),
                   draw_value(random, whole));
    summarise(row);
    return row;
}

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
        add_sample(samples[old->sample_first + i].time_ms, samples[old->sample_first + i].value);
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

static void add_batch(struct queue *queue, const char *bytes, size_t length, uint32_t row_first,
                      uint32_t row_count, uint64_t sequence)
{
    struct batch *batch = &queue->batches[queue->batch_count++];

    assert_true(queue->batch_count <= BATCH_MAX);
    *batch = (struct batch){
        .payload = malloc(length),
        .length = length,
        .sequence = sequence,
        .row_first = row_first,
        .row_count = row_count,
    };
    assert_non_null(batch->payload);
    memcpy(batch->payload, bytes, length);
}

/* The sketches of the batch added last. */
static void add_sketches(struct queue *queue, const unsigned char *sketches, uint32_t length)
{
    struct batch *batch = &queue->batches[queue->batch_count - 1];

    batch->sketches = malloc(length + 1);
    assert_non_null(batch->sketches);
    memcpy(batch->sketches, sketches, length);
    batch->sketches_length = length;
}

static void release(struct queue *queue)
{
    while (queue->batch_count > 0) {
        free(queue->batches[--queue->batch_count].payload);
        free(queue->batches[queue->batch_count].sketches);
    }
}

/* Writes row_count rows as one batch. */
static void write_batch_of(struct queue *queue, uint32_t row_first, uint32_t row_count,
                           uint64_t sequence, enum weir_batch_clock clock)
{
    struct weir_batch_head head = {
        .clock = clock,
        .gateway = "gate",
        .epoch = 0xfedcba9876543210,
        .sequence = sequence,
        .created_ms = 1700000000000 + (int64_t)sequence,
        .ledger = &ledger,
    };
    const char *bytes;
    size_t length;

    weir_batch_init(&scratch, WEIR_BATCH_BYTES_MAX);
    for (uint32_t i = row_first; i < row_first + row_count; i++) {
        assert_int_equal(encode(&queue->rows[i]), WEIR_OK);
        queue->sides[i] = queue->rows[i].summary;
    }
    bytes = weir_batch_seal(&scratch, &head, &length);
    add_batch(queue, bytes, length, row_first, row_count, sequence);
    add_sketches(queue, scratch.sketches, scratch.sketches_length);
}

static void write_batch(struct queue *queue, uint32_t row_first, uint32_t row_count,
                        uint64_t sequence)
{
    write_batch_of(queue, row_first, row_count, sequence, WEIR_BATCH_CLOCK_RIGHT);
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

static enum weir_status accept(struct weir_coarsen *coarsen, const struct queue *queue,
                               uint32_t index)
{
    const struct batch *batch = &queue->batches[index];

    return weir_coarsen_accept(coarsen, batch->payload, batch->length,
                               queue->sides + batch->row_first, batch->row_count, batch->sketches,
                               batch->sketches_length);
}

static int64_t floor_to(int64_t time_ms, int64_t window_ms)
{
    int64_t number = time_ms / window_ms;

    return (number * window_ms > time_ms ? number - 1 : number) * window_ms;
}

static bool same_field(const struct weir_summary *a, const struct weir_summary *b)
{
    return a->stream == b->stream && a->series == b->series && a->field == b->field;
}

/* What becomes of each row of a run: members 0, it is in another; else how many rows of its window
 * it stands for, the newest of which counts. */
static uint32_t newest_row[ROW_MAX];
static uint32_t members[ROW_MAX];
static bool passes[ROW_MAX];

/* The plain way: for each row all others are looked at. */
static void expect_revisions(const struct row *rows, uint32_t count, int64_t window_ms)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_summary *row = &rows[i].summary;
        uint32_t base = i;

        newest_row[i] = i;
        members[i] = 1;
        passes[i] = row->end_ms - row->start_ms >= window_ms ||
                    floor_to(row->start_ms, window_ms) != floor_to(row->end_ms - 1, window_ms);
        if (passes[i] || row->revision == 0)
            continue;
        while (base > 0) {
            const struct weir_summary *other = &rows[--base].summary;

            if (!passes[base] && other->revision == 0 && same_field(other, row) &&
                other->start_ms == row->start_ms && other->end_ms == row->end_ms) {
                members[i] = 0;
                members[base]++;
                if (row->revision > rows[newest_row[base]].summary.revision)
                    newest_row[base] = i;
                break;
            }
        }
        passes[i] = members[i] > 0;
    }
}

/* Gathers the samples of a row's group, whose members then stand for nothing any more. Returns the
 * number of rows. */
static uint32_t expect_group(const struct row *rows, uint32_t count, int64_t window_ms,
                             uint32_t first, struct row *row)
{
    uint32_t merged = 0;

    row->summary.revision = 0;
    row->sample_first = sample_count;
    row->sample_count = 0;
    for (uint32_t i = first; i < count; i++) {
        const struct row *part = &rows[newest_row[i]];

        if (members[i] == 0 || passes[i] || !same_field(&part->summary, &row->summary) ||
            part->shape != row->shape ||
            floor_to(part->summary.start_ms, window_ms) !=
                floor_to(row->summary.start_ms, window_ms))
            continue;
        merged += members[i];
        members[i] = 0;
        if (part->summary.start_ms < row->summary.start_ms)
            row->summary.start_ms = part->summary.start_ms;
        if (part->summary.end_ms > row->summary.end_ms)
            row->summary.end_ms = part->summary.end_ms;
        for (size_t s = 0; s < part->sample_count; s++)
            add_sample(samples[part->sample_first + s].time_ms,
                       samples[part->sample_first + s].value);
        row->sample_count += part->sample_count;
    }
    return merged;
}

/* Returns the number of rows expected; *coarsened counts those merged. */
static uint32_t expect(const struct row *rows, uint32_t count, int64_t window_ms,
                       uint32_t *coarsened)
{
    uint32_t out = 0;

    *coarsened = 0;
    expect_revisions(rows, count, window_ms);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t merged = 0;

        if (members[i] == 0)
            continue;
        expected[out] = rows[newest_row[i]];
        if (!passes[i])
            merged = expect_group(rows, count, window_ms, i, &expected[out]);
        *coarsened += merged > 1 ? merged : 0;
        out++;
    }
    return out;
}

/* The row's text is that of its side table, and this is what was expected. */
static void assert_row(const struct row *row, const struct weir_summary *side, const char *text,
                       size_t length, bool whole)
{
    struct row found = *row;
    long double sum = 0;

    assert_true(same_field(side, &row->summary));
    assert_int_equal(side->start_ms, row->summary.start_ms);
    assert_int_equal(side->end_ms, row->summary.end_ms);
    assert_int_equal(side->revision, row->summary.revision);
    assert_moments(side, samples + row->sample_first, row->sample_count);
    for (size_t i = 0; i < row->sample_count; i++)
        sum += samples[row->sample_first + i].value;
    assert_true(!whole || side->sum == (double)sum);
    found.summary = *side;
    weir_batch_init(&scratch, WEIR_BATCH_BYTES_MAX);
    assert_int_equal(encode(&found), WEIR_OK);
    assert_int_equal(length, scratch.rows_length);
    assert_memory_equal(text, scratch.bytes + WEIR_BATCH_HEAD_BYTES, length);
}

/* The batch's rows are those expected from `at` on; returns where they end. */
static uint32_t assert_batch(const struct weir_coarsen_batch *batch, uint32_t at, bool whole,
                             struct weir_batch_view *view)
{
    struct weir_batch_reader reader;
    uint32_t row_count = 0;
    const char *text;
    size_t length;

    weir_batch_reader_init(&reader);
    assert_null(weir_batch_reader_open(&reader, batch->bytes, batch->length, view));
    while (weir_batch_view_next(view, &text, &length)) {
        assert_true(row_count < batch->row_count);
        assert_row(&expected[at + row_count], &batch->rows[row_count], text, length, whole);
        row_count++;
    }
    assert_int_equal(row_count, batch->row_count);
    return at + row_count;
}

static void assert_envelope(const struct weir_batch_view *view, uint64_t sequence,
                            const struct batch *newest)
{
    struct weir_batch_reader reader;
    struct weir_batch_view from;
    uint64_t found;

    weir_batch_reader_init(&reader);
    assert_null(weir_batch_reader_open(&reader, newest->payload, newest->length, &from));
    assert_true(weir_batch_read_count(&view->sequence, &found) && found == sequence);
    assert_int_equal(view->gateway.length, from.gateway.length);
    assert_memory_equal(view->gateway.text, from.gateway.text, from.gateway.length);
    assert_int_equal(view->epoch.length, from.epoch.length);
    assert_memory_equal(view->epoch.text, from.epoch.text, from.epoch.length);
    assert_int_equal(view->created.length, from.created.length);
    assert_memory_equal(view->created.text, from.created.text, from.created.length);
    assert_int_equal(view->ledger.length, from.ledger.length);
    assert_memory_equal(view->ledger.text, from.ledger.text, from.ledger.length);
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
    assert_near(found, (long double)other, 1e-12L * fabsl((long double)other));
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

/* One stream of all aggregates, for tests that put their rows together by hand. */
static struct queue *begin_queue(void)
{
    struct queue *queue = &queues[0];

    memset(shapes, 0, sizeof(shapes));
    memset(fields, 0, sizeof(fields));
    for (uint32_t i = 0; i < SHAPE_COUNT; i++) {
        for (uint32_t s = 0; s < STREAM_COUNT; s++) {
            (void)snprintf(shapes[i][s].name, sizeof(shapes[i][s].name), "s%u", s);
            shapes[i][s].aggregates = (1u << WEIR_AGGREGATE_KIND_COUNT) - 1;
            shapes[i][s].fields = fields[i][s];
            for (uint32_t f = 0; f < FIELD_COUNT; f++)
                (void)snprintf(fields[i][s][f].name, sizeof(fields[i][s][f].name), "f%u", f);
        }
    }
    queue->row_count = 0;
    queue->batch_count = 0;
    sample_count = 0;
    return queue;
}

/* A row of one sample, in the middle of its window. */
static struct row *add_single(struct queue *queue, int64_t start_ms, int64_t length_ms,
                              double value)
{
    struct row *row = &queue->rows[queue->row_count++];

    memset(row, 0, sizeof(*row));
    row->summary.start_ms = start_ms;
    row->summary.end_ms = start_ms + length_ms;
    row->sample_first = sample_count;
    row->sample_count = 1;
    add_sample(start_ms + length_ms / 2, value);
    summarise(row);
    return row;
}

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

static void damaged_sketches_are_refused(void **state)
{
    struct queue *queue = begin_queue();
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct batch *batch = &queue->batches[0];

    (void)state;
    shapes[0][0].quantile_count = 1;
    shapes[0][0].quantiles[0] = 500;
    for (int64_t i = 0; i < 3; i++)
        (void)add_single(queue, i * 10000, 10000, 0.1);
    write_batch(queue, 0, 3, 1);
    for (uint32_t i = 0; i < batch->sketches_length; i++) {
        uint32_t whole = batch->sketches_length;
        /* What a quantile or a sample is cannot be told from what it was. */
        bool silent = i % 17 == 5 || i % 17 == 6 || i % 17 >= 9;

        batch->sketches[i] ^= 0xff;
        assert_true(silent || accept(coarsen, queue, 0) == WEIR_REFUSED);
        batch->sketches[i] ^= 0xff;
        batch->sketches_length = i;
        assert_int_equal(accept(coarsen, queue, 0), i % 17 ? WEIR_REFUSED : WEIR_OK);
        batch->sketches_length = whole;
        coarsen = begin(60000, UINT64_MAX);
    }
    assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
    release(queue);
}

/* As many as there is room for, and none of them is lost. */
static void a_run_ends_when_its_sketches_are_full(void **state)
{
    struct queue *queue = begin_queue();
    struct weir_coarsen *coarsen;
    uint32_t at = 0;
    uint32_t runs = 0;

    (void)state;
    shapes[0][0].quantile_count = 1;
    shapes[0][0].quantiles[0] = 500;
    for (uint32_t i = 0; i < 1000; i++) {
        struct row *row = add_single(queue, i * 1000, 1000, i);

        for (uint32_t s = 1; s < 64; s++)
            add_sample((int64_t)i * 1000 + 500, i + s / 64.0);
        row->sample_count = 64;
        summarise(row);
    }
    for (uint32_t i = 0; i < 10; i++)
        write_batch(queue, i * 100, 100, 1 + i);
    while (at < queue->batch_count) {
        uint32_t first = at;

        coarsen = begin(10000, UINT64_MAX);
        while (at < queue->batch_count && accept(coarsen, queue, at) == WEIR_OK)
            at++;
        assert_true(at > first);
        runs++;
    }
    assert_true(runs > 1);
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

/* Against long double over the rows, at the promise, however large the mean is. */
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
        long double total = 0;
        long double sum = 0;
        long double squares = 0;

        for (uint32_t i = 0; i < count; i++) {
            struct weir_summary *row =
                &add_single(queue, i * 10000, 10000,
                            offset + (double)random_between(&random, -1000, 1000) / 7)
                     ->summary;

            row->count = 1 + random_below(&random, 1000);
            row->sum = row->mean * (double)row->count;
            row->stddev = row->count == 1 ? 0 : (double)random_below(&random, 1000) / 3;
            total += (long double)row->count;
            sum += row->sum;
        }
        for (uint32_t i = 0; i < count; i++) {
            const struct weir_summary *row = &queue->rows[i].summary;
            long double away = row->mean - sum / total;

            squares +=
                (long double)row->count * ((long double)row->stddev * row->stddev + away * away);
        }
        shapes[0][0].aggregates = 1u << WEIR_AGGREGATE_COUNT;
        write_batch(queue, 0, count, 1);
        assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
        assert_int_equal(weir_coarsen_seal(coarsen), 1);
        assert_true(weir_coarsen_take(coarsen, 2, &batch));
        assert_int_equal(batch.row_count, 1);
        assert_near(batch.rows[0].sum, sum, 1e-15L * fabsl(sum) + 1e-18L * total * 1e3L);
        assert_near(batch.rows[0].mean, sum / total, 1e-12L * fabsl(sum / total));
        assert_near(batch.rows[0].stddev, sqrtl(squares / total), 1e-12L * sqrtl(squares / total));
        release(queue);
    }
}

/* What stands behind created. */
static void assert_replaces(const struct weir_coarsen_batch *batch, const char *replaces)
{
    const char *end = batch->bytes + batch->length;
    const char *text = memmem(batch->bytes, batch->length, "\"created\":", 10);

    assert_non_null(text);
    text = memchr(text, ',', (size_t)(end - text));
    assert_non_null(text);
    assert_memory_equal(text, replaces, strlen(replaces));
}

static void replaces_is_the_seqs_of_all_that_went_in(void **state)
{
    static const uint64_t sequences[] = {7, 8, 9, 20, 6, 30};
    struct queue *queue = begin_queue();
    struct queue *other = &queues[1];
    struct weir_coarsen_batch batch;
    struct weir_coarsen *coarsen;

    (void)state;
    coarsen = begin(60000, UINT64_MAX);
    for (uint32_t i = 0; i < 6; i++) {
        (void)add_single(queue, i * 10000, 10000, 1);
        write_batch(queue, i, i == 2 ? 0 : 1, sequences[i]); /* one is empty */
        assert_int_equal(accept(coarsen, queue, i), WEIR_OK);
    }
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    assert_true(weir_coarsen_take(coarsen, 31, &batch));
    assert_replaces(&batch, ",\"replaces\":[[6,9],[20,20],[30,30]],\"ledger\":{");
    other->batch_count = 0;
    add_batch(other, batch.bytes, batch.length, 0, batch.row_count, 31);
    memcpy(other->sides, batch.rows, batch.row_count * sizeof(batch.rows[0]));
    add_batch(other, queue->batches[2].payload, queue->batches[2].length, 0, 0, 9);

    coarsen = begin(600000, UINT64_MAX);
    assert_int_equal(accept(coarsen, other, 0), WEIR_OK);
    assert_int_equal(accept(coarsen, other, 1), WEIR_OK);
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    assert_true(weir_coarsen_take(coarsen, 32, &batch));
    assert_replaces(&batch, ",\"replaces\":[[6,9],[20,20],[30,31]],\"ledger\":{");
    release(queue);
    release(other);
}

static void too_many_ranges_end_the_run(void **state)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct queue *queue = begin_queue();
    struct weir_coarsen_batch batch;

    (void)state;
    for (uint32_t i = 0; i <= WEIR_BATCH_RANGE_COUNT_MAX; i++) {
        (void)add_single(queue, i * 10000, 10000, 1);
        write_batch(queue, i, 1, UINT64_MAX - 2 * i);
        assert_int_equal(accept(coarsen, queue, i),
                         i < WEIR_BATCH_RANGE_COUNT_MAX ? WEIR_OK : WEIR_FULL);
    }
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    assert_true(weir_coarsen_take(coarsen, UINT64_MAX, &batch));
    assert_int_equal(batch.row_count, 11);
    add_batch(queue, batch.bytes, batch.length, 0, batch.row_count, 1);
    memcpy(queue->sides, batch.rows, batch.row_count * sizeof(batch.rows[0]));

    coarsen = begin(600000, UINT64_MAX);
    assert_int_equal(accept(coarsen, queue, queue->batch_count - 1), WEIR_OK);
    /* With a seq of its own that lies alone it has a range more than there may be. */
    batch.bytes = queue->batches[queue->batch_count - 1].payload;
    memcpy(memmem(batch.bytes, batch.length, "\"seq\":18446744073709551615", 26),
           "\"seq\":00000000000000000001", 26);
    memcpy(memmem(batch.bytes, batch.length, "\"seq\":0", 7), "\"seq\":1", 7);
    coarsen = begin(600000, UINT64_MAX);
    assert_int_equal(accept(coarsen, queue, queue->batch_count - 1), WEIR_REFUSED);
    release(queue);
}

static void the_batches_made_are_as_many_as_said_and_no_larger_than_allowed(void **state)
{
    struct weir_coarsen *coarsen = begin(60000, WEIR_COARSEN_BATCH_BYTES_MIN);
    struct queue *queue = begin_queue();
    struct weir_coarsen_batch batch;
    uint32_t row_count = 0;
    uint32_t batch_count;

    (void)state;
    for (uint32_t i = 0; i < WEIR_BATCH_RANGE_COUNT_MAX; i++) {
        for (uint32_t k = 0; k < 20; k++)
            (void)add_single(queue, (i * 20 + k) * 60000, 10000, 0.1 * k);
        write_batch(queue, i * 20, 20, UINT64_MAX - 2 * i);
        assert_int_equal(accept(coarsen, queue, i), WEIR_OK);
    }
    batch_count = weir_coarsen_seal(coarsen);
    assert_true(batch_count > 10);
    for (uint32_t i = 0; i < batch_count; i++) {
        const char *rows;

        assert_true(weir_coarsen_take(coarsen, i, &batch));
        rows = memmem(batch.bytes, batch.length, "\"summaries\":[", 13);
        assert_true((size_t)(batch.bytes + batch.length - rows - 13) <=
                    WEIR_COARSEN_BATCH_BYTES_MIN);
        assert_true(i > 0 || batch.length < WEIR_COARSEN_BATCH_BYTES_MIN + 1024);
        assert_replaces(&batch, i == 0 ? ",\"replaces\":[[" : ",\"ledger\":{");
        assert_memory_equal(batch.rows, queue->sides + row_count,
                            batch.row_count * sizeof(batch.rows[0]));
        row_count += batch.row_count;
    }
    assert_false(weir_coarsen_take(coarsen, 0, &batch));
    assert_int_equal(row_count, queue->row_count);
    release(queue);
}

static void a_full_run_ends_and_stays_what_it_was(void **state)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct queue *queue = begin_queue();
    struct weir_coarsen_counts counts;
    uint32_t accepted = 0;

    (void)state;
    for (uint32_t i = 0; i < 200; i++)
        (void)add_single(queue, i * 10000, 10000, 1);
    write_batch(queue, 0, 200, 1);
    while (accept(coarsen, queue, 0) == WEIR_OK)
        accepted++;
    assert_int_equal(accept(coarsen, queue, 0), WEIR_FULL);
    assert_int_equal(accepted, WEIR_COARSEN_ROW_COUNT_MIN / 200);
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    weir_coarsen_count(coarsen, &counts);
    assert_int_equal(counts.rows_in, accepted * 200);
    assert_int_equal(counts.rows_out, 34);
    assert_int_equal(counts.coarsened, accepted * 200);
    release(queue);
}

/* A batch of rows whose names, aggregates apart, are all there is to them, and all different. */
static void write_names(struct queue *queue, uint32_t seed)
{
    struct weir_batch_head head = {
        .gateway = "gate", .epoch = 0xfedcba9876543210, .ledger = &ledger, .sequence = seed};
    struct weir_summary row = {.end_ms = 1, .count = 1};
    struct weir_field_config field = {.unit = ""};
    struct weir_stream_config stream = {.fields = &field};
    const char *bytes;
    size_t length;

    weir_batch_init(&scratch, WEIR_BATCH_BYTES_MAX);
    queue->row_count = 0;
    for (;;) {
        uint32_t name = seed * 1000 + queue->row_count;

        (void)snprintf(stream.name, sizeof(stream.name), "%x", name);
        (void)snprintf(field.name, sizeof(field.name), "%x", name);
        (void)snprintf(field.unit, sizeof(field.unit), "%x", name);
        if (weir_batch_accept(&scratch, &stream, stream.name, &row, NULL) != WEIR_OK)
            break;
        queue->sides[queue->row_count++] = row;
    }
    bytes = weir_batch_seal(&scratch, &head, &length);
    add_batch(queue, bytes, length, 0, queue->row_count, seed);
}

static void an_empty_run_takes_any_batch_and_refused_names_leave_no_trace(void **state)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct queue *queue = begin_queue();
    uint32_t accepted = 0;

    (void)state;
    for (uint32_t i = 0; i < 30; i++) {
        write_names(queue, i);
        queue->sides[queue->row_count - 1].count = 0;
        assert_int_equal(accept(coarsen, queue, i), WEIR_REFUSED);
    }
    for (uint32_t i = 30; i < 60; i++) {
        enum weir_status status;

        write_names(queue, i);
        status = accept(coarsen, queue, i);
        assert_true(status == WEIR_OK || status == WEIR_FULL);
        accepted += status == WEIR_OK;
        assert_true(i > 30 || accepted == 1);
    }
    assert_true(accepted < 10);
    assert_true(weir_coarsen_seal(coarsen) > 0);
    release(queue);
}

static void another_gateway_or_epoch_ends_the_run(void **state)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct queue *queue = begin_queue();

    (void)state;
    (void)add_single(queue, 0, 10000, 1);
    for (uint64_t i = 0; i < 3; i++)
        write_batch(queue, 0, 1, i);
    memcpy(memmem(queue->batches[1].payload, queue->batches[1].length, "gate\"", 5), "late\"", 5);
    memcpy(memmem(queue->batches[2].payload, queue->batches[2].length, "fedc", 4), "0edc", 4);
    assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
    assert_int_equal(accept(coarsen, queue, 1), WEIR_FULL);
    assert_int_equal(accept(coarsen, queue, 2), WEIR_FULL);
    for (uint32_t i = 1; i < 3; i++) {
        coarsen = begin(60000, UINT64_MAX);
        assert_int_equal(accept(coarsen, queue, i), WEIR_OK);
        assert_int_equal(accept(coarsen, queue, 0), WEIR_FULL);
    }
    release(queue);
}

static void a_run_without_rows_makes_no_batch(void **state)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct queue *queue = begin_queue();
    struct weir_coarsen_batch batch;

    (void)state;
    assert_int_equal(weir_coarsen_seal(coarsen), 0);
    assert_false(weir_coarsen_take(coarsen, 1, &batch));
    coarsen = begin(60000, UINT64_MAX);
    write_batch(queue, 0, 0, 1);
    assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
    assert_int_equal(weir_coarsen_seal(coarsen), 0);
    assert_false(weir_coarsen_take(coarsen, 1, &batch));
    release(queue);
}

static void a_side_table_of_other_rows_is_refused(void **state)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct queue *queue = begin_queue();
    struct weir_summary kept;

    (void)state;
    (void)add_single(queue, 0, 10000, 1);
    (void)add_single(queue, 10000, 10000, 2);
    write_batch(queue, 0, 2, 1);
    kept = queue->sides[1];
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        change;                                                                                    \
        assert_int_equal(accept(coarsen, queue, 0), WEIR_REFUSED);                                 \
        queue->sides[1] = kept;                                                                    \
    } while (0)
    REFUSED(queue->sides[1].start_ms--);
    REFUSED(queue->sides[1].end_ms++);
    REFUSED(queue->sides[1].revision++);
    REFUSED(queue->sides[1].count++);
    REFUSED(queue->sides[1].count = 0);
    REFUSED(queue->sides[1].sum = NAN);
    REFUSED(queue->sides[1].first_ms = INT64_MIN);
    REFUSED(queue->sides[1].first_ms++);
    REFUSED(queue->sides[1].last_ms = INT64_MAX);
    REFUSED(queue->sides[1] = queue->sides[0]);
#undef REFUSED
    queue->batches[0].row_count = 1;
    assert_int_equal(accept(coarsen, queue, 0), WEIR_REFUSED);
    queue->batches[0].row_count = 3;
    assert_int_equal(accept(coarsen, queue, 0), WEIR_REFUSED);
    queue->batches[0].row_count = 2;
    assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
    release(queue);
}

/* A run around whatever became of a batch between two good ones. */
static void run_with(const struct queue *queue, const char *text, size_t length)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct weir_coarsen_batch batch;
    enum weir_status status;
    uint32_t batch_count;
    char *copy = malloc(length + 1);

    assert_non_null(copy);
    memcpy(copy + 1, text, length); /* the end is where the sanitizer looks */
    assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
    status =
        weir_coarsen_accept(coarsen, copy + 1, length, queue->sides + queue->batches[1].row_first,
                            queue->batches[1].row_count, NULL, 0);
    free(copy);
    assert_int_equal(accept(coarsen, queue, 2), WEIR_OK);
    batch_count = weir_coarsen_seal(coarsen);
    assert_int_equal(batch_count, 1);
    assert_true(weir_coarsen_take(coarsen, 99, &batch));
    if (status == WEIR_OK)
        return;
    /* Nothing of it stayed: this is what comes of the other two. */
    assert_int_equal(queues[1].batches[0].length, batch.length);
    assert_memory_equal(queues[1].batches[0].payload, batch.bytes, batch.length);
    assert_memory_equal(queues[1].sides, batch.rows, batch.row_count * sizeof(batch.rows[0]));
}

static void replace_payload(struct batch *batch, const struct weir_coarsen_batch *from)
{
    free(batch->payload);
    batch->payload = malloc(from->length);
    assert_non_null(batch->payload);
    memcpy(batch->payload, from->bytes, from->length);
    batch->length = from->length;
}

/* Three batches, of which the middle one replaces another, and in the other queue what comes of the
 * outer two. */
static void set_up_damage(struct test_random *random)
{
    struct queue *queue = &queues[0];
    struct weir_coarsen_batch batch;
    struct weir_coarsen *coarsen;

    draw_shapes(random);
    queue->row_count = 0;
    queue->batch_count = 0;
    sample_count = 0;
    for (int i = 0; i < 9; i++)
        (void)add_window(queue, random, i * 10000, 10000, false);
    for (uint32_t i = 0; i < 3; i++)
        write_batch(queue, i * 3, 3, 10 + i);
    coarsen = begin(1000, UINT64_MAX);
    assert_int_equal(accept(coarsen, queue, 1), WEIR_OK);
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    assert_true(weir_coarsen_take(coarsen, 20, &batch));
    replace_payload(&queue->batches[1], &batch);

    coarsen = begin(60000, UINT64_MAX);
    assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
    assert_int_equal(accept(coarsen, queue, 2), WEIR_OK);
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    assert_true(weir_coarsen_take(coarsen, 99, &batch));
    queues[1].batch_count = 0;
    add_batch(&queues[1], batch.bytes, batch.length, 0, batch.row_count, 99);
    memcpy(queues[1].sides, batch.rows, batch.row_count * sizeof(batch.rows[0]));
}

static void damaged_batches_change_nothing(void **state)
{
    static const char bytes[] = {'"', '\\', '0', '9', '-',  ',',    '{', '}',
                                 '[', ']',  ' ', 'a', '\0', '\xff', '.', 'e'};
    struct test_random random = random_make(5);
    struct queue *queue = &queues[0];
    struct weir_batch_reader reader;
    struct weir_batch_view view;
    char *text;

    (void)state;
    set_up_damage(&random);
    text = queue->batches[1].payload;
    weir_batch_reader_init(&reader);
    for (size_t at = 0; at < queue->batches[1].length; at++) {
        char kept = text[at];

        assert_non_null(weir_batch_reader_open(&reader, text, at, &view));
        run_with(queue, text, at);
        for (size_t i = 0; i < sizeof(bytes); i++) {
            text[at] = bytes[i];
            run_with(queue, text, queue->batches[1].length);
        }
        for (unsigned bit = 0; bit < 8; bit++) {
            text[at] = (char)(kept ^ (char)(1u << bit));
            run_with(queue, text, queue->batches[1].length);
        }
        text[at] = kept;
    }
    release(queue);
    release(&queues[1]);
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

static bool text_has(const struct weir_coarsen_batch *batch, const char *text)
{
    return memmem(batch->bytes, batch->length, text, strlen(text)) != NULL;
}

static void a_shift_moves_what_is_in_doubt_and_nothing_else(void **state)
{
    struct weir_coarsen *coarsen = begin(1, UINT64_MAX);
    struct queue *queue = begin_queue();
    struct weir_coarsen_counts counts;
    struct weir_coarsen_batch batch;

    (void)state;
    shapes[0][0].aggregates = 1u << WEIR_AGGREGATE_SUM;
    (void)add_single(queue, 0, 10000, 1);
    add_single(queue, 10000, 10000, 2)->summary.doubted = 1;
    add_single(queue, 10000, 10000, 4)->summary.revision = 1;
    write_batch_of(queue, 0, 2, 1, WEIR_BATCH_CLOCK_UNSYNCHRONISED);
    write_batch_of(queue, 2, 1, 2, WEIR_BATCH_CLOCK_UNSYNCHRONISED);
    weir_coarsen_shift(coarsen, 5000000);
    assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
    assert_int_equal(accept(coarsen, queue, 1), WEIR_OK);
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    weir_coarsen_count(coarsen, &counts);
    assert_int_equal(counts.shifted, 1);
    assert_int_equal(counts.rows_out, 3);
    assert_true(weir_coarsen_take(coarsen, 3, &batch));
    assert_int_equal(batch.rows[0].start_ms, 0);
    assert_int_equal(batch.rows[1].start_ms, 5010000);
    assert_int_equal(batch.rows[1].first_ms, queue->sides[1].first_ms + 5000000);
    assert_int_equal(batch.rows[1].doubted, 0);
    assert_int_equal(batch.rows[2].start_ms, 10000);
    assert_true(text_has(&batch, "\"start\":5010000,\"end\":5020000,"));
    assert_true(text_has(&batch, "\"created\":1700005000002,\"clock\":\"corrected\""));
    assert_true(text_has(&batch, "\"replaces\":[[1,2]]"));
    release(queue);
}

static void another_clock_ends_the_run_and_its_word_is_kept(void **state)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct queue *queue = begin_queue();
    struct weir_coarsen_batch batch;

    (void)state;
    (void)add_single(queue, 0, 10000, 1);
    (void)add_single(queue, 10000, 10000, 2);
    add_single(queue, 20000, 10000, 2)->summary.doubted = 1;
    (void)add_single(queue, 30000, 10000, 2);
    write_batch_of(queue, 0, 1, 1, WEIR_BATCH_CLOCK_UNSYNCHRONISED);
    write_batch_of(queue, 1, 2, 2, WEIR_BATCH_CLOCK_UNSYNCHRONISED);
    write_batch(queue, 3, 1, 3);
    assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
    assert_int_equal(accept(coarsen, queue, 1), WEIR_OK);
    assert_int_equal(accept(coarsen, queue, 2), WEIR_FULL);
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    assert_true(weir_coarsen_take(coarsen, 4, &batch));
    assert_int_equal(batch.row_count, 2);
    assert_true(text_has(&batch, "\"clock\":\"unsynchronised\""));
    release(queue);
}

static int tear_down_group(void **state)
{
    (void)state;
    free(work);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_runs_agree_with_the_plain_way),
        cmocka_unit_test(no_count_and_no_sum_is_lost_in_any_number_of_runs),
        cmocka_unit_test(step_by_step_is_at_once),
        cmocka_unit_test(buckets_count_from_the_epoch_in_both_directions),
        cmocka_unit_test(a_revision_counts_once_or_stays),
        cmocka_unit_test(another_unit_or_other_aggregates_do_not_merge),
        cmocka_unit_test(rows_of_other_quantiles_do_not_merge),
        cmocka_unit_test(damaged_sketches_are_refused),
        cmocka_unit_test(a_run_ends_when_its_sketches_are_full),
        cmocka_unit_test(the_places_of_the_newest_row_are_passed_on),
        cmocka_unit_test(a_rate_that_single_samples_cannot_show_is_learnt_from_the_stream),
        cmocka_unit_test(first_and_last_of_one_time_are_the_earlier_and_the_later_rows),
        cmocka_unit_test(equal_values_keep_no_deviation),
        cmocka_unit_test(mean_and_deviation_are_good_to_twelve_digits),
        cmocka_unit_test(replaces_is_the_seqs_of_all_that_went_in),
        cmocka_unit_test(too_many_ranges_end_the_run),
        cmocka_unit_test(the_batches_made_are_as_many_as_said_and_no_larger_than_allowed),
        cmocka_unit_test(a_full_run_ends_and_stays_what_it_was),
        cmocka_unit_test(an_empty_run_takes_any_batch_and_refused_names_leave_no_trace),
        cmocka_unit_test(another_gateway_or_epoch_ends_the_run),
        cmocka_unit_test(a_run_without_rows_makes_no_batch),
        cmocka_unit_test(a_side_table_of_other_rows_is_refused),
        cmocka_unit_test(damaged_batches_change_nothing),
        cmocka_unit_test(a_shift_moves_what_is_in_doubt_and_nothing_else),
        cmocka_unit_test(another_clock_ends_the_run_and_its_word_is_kept),
        cmocka_unit_test(weir_decode_reads_what_is_made),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down_group);
}
