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

static enum weir_status encode(const struct row *row)
{
    return weir_batch_accept(&scratch, &shapes[row->shape][row->summary.stream],
                             series_names[row->summary.series], &row->summary);
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
    row->summary.field = random_below(random, FIELD_COUNT);
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
    *batch = (struct batch){malloc(length), length, sequence, row_first, row_count};
    assert_non_null(batch->payload);
    memcpy(batch->payload, bytes, length);
}

static void release(struct queue *queue)
{
    while (queue->batch_count > 0)
        free(queue->batches[--queue->batch_count].payload);
}

/* Writes row_count rows as one batch. */
static void write_batch(struct queue *queue, uint32_t row_first, uint32_t row_count,
                        uint64_t sequence)
{
    struct weir_batch_head head = {
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
                               queue->sides + batch->row_first, batch->row_count);
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

/* The plain way: for each row all others are looked at. Returns the number of rows expected;
 * *coarsened counts those merged. */
static uint32_t expect(const struct row *rows, uint32_t count, int64_t window_ms,
                       uint32_t *coarsened)
{
    static uint32_t newest[ROW_MAX];
    static uint32_t members[ROW_MAX]; /* 0: in another */
    static bool passes[ROW_MAX];
    uint32_t out = 0;

    *coarsened = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_summary *row = &rows[i].summary;
        uint32_t base = i;

        newest[i] = i;
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
                if (row->revision > rows[newest[base]].summary.revision)
                    newest[base] = i;
                break;
            }
        }
        passes[i] = members[i] > 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct row *row = &expected[out];
        uint32_t merged = 0;

        if (members[i] == 0)
            continue;
        *row = rows[newest[i]];
        out++;
        if (passes[i])
            continue;
        row->summary.revision = 0;
        row->sample_first = sample_count;
        row->sample_count = 0;
        for (uint32_t k = i; k < count; k++) {
            const struct row *part = &rows[newest[k]];

            if (members[k] == 0 || passes[k] || !same_field(&part->summary, &row->summary) ||
                part->shape != row->shape ||
                floor_to(part->summary.start_ms, window_ms) !=
                    floor_to(row->summary.start_ms, window_ms))
                continue;
            merged += members[k];
            members[k] = 0;
            if (part->summary.start_ms < row->summary.start_ms)
                row->summary.start_ms = part->summary.start_ms;
            if (part->summary.end_ms > row->summary.end_ms)
                row->summary.end_ms = part->summary.end_ms;
            for (size_t s = 0; s < part->sample_count; s++)
                add_sample(samples[part->sample_first + s].time_ms,
                           samples[part->sample_first + s].value);
            row->sample_count += part->sample_count;
        }
        *coarsened += merged > 1 ? merged : 0;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_runs_agree_with_the_plain_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
