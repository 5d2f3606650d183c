/*
 * Batches put together by hand or drawn at random, as an outbox would hold them, and a run for
 * them.
 */
#ifndef TESTS_SUPPORT_COARSEN_RIG_H
#define TESTS_SUPPORT_COARSEN_RIG_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/moments.h"
#include "random.h"
#include "store/coarsen.h"
#include "unit.h"

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
static const struct weir_ledger ledger = {.received = 12, .accepted = 12};

/* What the streams show, and under which units: changes at times. */
static struct weir_stream_config shapes[SHAPE_COUNT][STREAM_COUNT];
static struct weir_field_config fields[SHAPE_COUNT][STREAM_COUNT][FIELD_COUNT];
static struct weir_sample drawn[SAMPLE_MAX];
static size_t sample_count;
static struct queue queues[2];
static struct weir_batch scratch;
static void *work;

static inline struct weir_coarsen *begin(int64_t window_ms, uint64_t batch_bytes_max)
{
    if (!work)
        work = malloc(weir_coarsen_size(WEIR_COARSEN_ROW_COUNT_MIN));
    assert_non_null(work);
    memset(work, 0xa5, weir_coarsen_size(WEIR_COARSEN_ROW_COUNT_MIN));
    return weir_coarsen_init(work, WEIR_COARSEN_ROW_COUNT_MIN, window_ms, batch_bytes_max);
}

/* Each shape shows count and min differently, so that none is mistaken for another. */
static inline void draw_shapes(struct test_random *random)
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
static inline enum weir_status encode(const struct row *row)
{
    const struct weir_stream_config *stream = &shapes[row->shape][row->summary.stream];
    struct weir_sketch sketch = {0};

    for (size_t i = 0; i < row->sample_count; i++)
        weir_sketch_accept(&sketch, drawn[row->sample_first + i].value);
    return weir_batch_accept(&scratch, stream, series_names[row->summary.series], &row->summary,
                             stream->quantile_count > 0 ? &sketch : NULL);
}

static inline void summarise(struct row *row)
{
    struct weir_moments moments = {0};

    for (size_t i = 0; i < row->sample_count; i++)
        weir_moments_accept(&moments, drawn[row->sample_first + i].time_ms,
                            drawn[row->sample_first + i].value);
    weir_moments_summarise(&moments, &row->summary);
}

static inline void add_sample(int64_t time_ms, double value)
{
    assert_true(sample_count < SAMPLE_MAX);
    drawn[sample_count++] = (struct weir_sample){time_ms, value};
}

static inline double draw_value(struct test_random *random, bool whole)
{
    double unit = (double)random_between(random, -1000000, 1000000);

    return whole ? unit : 20 + ldexp(unit, -24);
}

/* A window's row; samples at two times at least, so that its rate is known. */
static inline struct row *add_window(struct queue *queue, struct test_random *random,
                                     int64_t start_ms, int64_t length_ms, bool whole)
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

static inline void add_batch(struct queue *queue, const char *bytes, size_t length,
                             uint32_t row_first, uint32_t row_count, uint64_t sequence)
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
static inline void add_sketches(struct queue *queue, const unsigned char *sketches, uint32_t length)
{
    struct batch *batch = &queue->batches[queue->batch_count - 1];

    batch->sketches = malloc(length + 1);
    assert_non_null(batch->sketches);
    memcpy(batch->sketches, sketches, length);
    batch->sketches_length = length;
}

static inline void release(struct queue *queue)
{
    while (queue->batch_count > 0) {
        free(queue->batches[--queue->batch_count].payload);
        free(queue->batches[queue->batch_count].sketches);
    }
}

/* Writes row_count rows as one batch. */
static inline void write_batch_of(struct queue *queue, uint32_t row_first, uint32_t row_count,
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

static inline void write_batch(struct queue *queue, uint32_t row_first, uint32_t row_count,
                               uint64_t sequence)
{
    write_batch_of(queue, row_first, row_count, sequence, WEIR_BATCH_CLOCK_RIGHT);
}

static inline enum weir_status accept(struct weir_coarsen *coarsen, const struct queue *queue,
                                      uint32_t index)
{
    const struct batch *batch = &queue->batches[index];

    return weir_coarsen_accept(coarsen, batch->payload, batch->length,
                               queue->sides + batch->row_first, batch->row_count, batch->sketches,
                               batch->sketches_length);
}

/* One stream of all aggregates, for tests that put their rows together by hand. */
static inline struct queue *begin_queue(void)
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
static inline struct row *add_single(struct queue *queue, int64_t start_ms, int64_t length_ms,
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

static inline int tear_down_group(void **state)
{
    (void)state;
    free(work);
    return 0;
}

#endif
