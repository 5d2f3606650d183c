/*
 * What summaries weigh in compact form, and what it takes to write them.
 *
 *     bench_batch WINDOW_MS BATCH_ROWS < SAMPLES          a line of figures
 *     bench_batch --json WINDOW_MS BATCH_ROWS < SAMPLES   the same rows as JSON, a line each
 *     bench_batch --learn WINDOW_MS BATCH_ROWS < SAMPLES  what the model knows at the end of a batch
 *
 * With --sketches, too, rows have p50, p95 and p99, and so the sketch of their samples; what is learned
 * is then only what sketches are made of.
 *
 * A sample is a line: series, time in milliseconds, value. A window of a series is closed by its
 * next one; rows go out in the order of time, and then of series.
 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/moments.h"
#include "format/compact.h"
#include "format/crc32c.h"
#include "format/encode.h"

#define SERIES_MAX 4096
#define ROUNDS 5

/* A window that was closed. */
struct row {
    struct weir_summary summary;
    struct weir_sketch *sketch; /* NULL without --sketches */
};

struct store {
    uint32_t series_count;
    char names[SERIES_MAX][64];
    struct weir_moments open[SERIES_MAX];
    struct weir_sketch sketches[SERIES_MAX];
    int64_t start_ms[SERIES_MAX];
    struct row *rows;
    size_t row_count;
    size_t row_max;
    uint64_t sample_count;
    uint64_t message_bytes;
};

static struct weir_field_config field = {.name = "value"};
static struct weir_stream_config stream = {
    .name = "bench",
    .fields = &field,
    .field_count = 1,
    .quantiles = {500, 950, 990},
    .aggregates = 1u << WEIR_AGGREGATE_COUNT | 1u << WEIR_AGGREGATE_MIN | 1u << WEIR_AGGREGATE_MAX |
                  1u << WEIR_AGGREGATE_MEAN | 1u << WEIR_AGGREGATE_STDDEV |
                  1u << WEIR_AGGREGATE_LAST,
};
static struct store store;
static bool sketched;
static struct weir_compact_writer writer;
static struct weir_compact_reader reader;
static unsigned char bytes[WEIR_COMPACT_BYTES_MAX];

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint32_t find_series(const char *name)
{
    static uint32_t newest;

    for (uint32_t i = 0; i < store.series_count; i++) {
        uint32_t index = (newest + i) % store.series_count;

        if (strcmp(store.names[index], name) == 0)
            return newest = index;
    }
    assert(store.series_count < SERIES_MAX && strlen(name) < sizeof(store.names[0]));
    strcpy(store.names[store.series_count], name);
    return newest = store.series_count++;
}

static void close_window(uint32_t series, int64_t window_ms)
{
    struct row *row;

    if (store.open[series].count == 0)
        return;
    if (store.row_count == store.row_max) {
        store.row_max = store.row_max * 2 + 65536;
        store.rows = realloc(store.rows, store.row_max * sizeof(store.rows[0]));
        assert(store.rows);
    }
    row = &store.rows[store.row_count++];
    *row = (struct row){.summary = {
                            .series = series,
                            .start_ms = store.start_ms[series],
                            .end_ms = store.start_ms[series] + window_ms,
                        }};
    weir_moments_summarise(&store.open[series], &row->summary);
    store.open[series].count = 0;
    if (!sketched)
        return;
    row->sketch = malloc(sizeof(*row->sketch));
    assert(row->sketch);
    *row->sketch = store.sketches[series];
    store.sketches[series].count = 0;
}

static int compare_rows(const void *a, const void *b)
{
    const struct weir_summary *left = &((const struct row *)a)->summary;
    const struct weir_summary *right = &((const struct row *)b)->summary;

    if (left->start_ms != right->start_ms)
        return left->start_ms < right->start_ms ? -1 : 1;
    return left->series < right->series ? -1 : left->series > right->series;
}

static void read_samples(int64_t window_ms)
{
    char line[256];
    char name[64];
    char value[64];
    int64_t time_ms;

    while (fgets(line, sizeof(line), stdin)) {
        uint32_t series;
        int64_t start_ms;

        if (sscanf(line, "%63s %" SCNd64 " %63s", name, &time_ms, value) != 3)
            continue;
        series = find_series(name);
        start_ms = time_ms - (time_ms % window_ms + window_ms) % window_ms;
        if (start_ms != store.start_ms[series])
            close_window(series, window_ms);
        store.start_ms[series] = start_ms;
        weir_moments_accept(&store.open[series], time_ms, strtod(value, NULL));
        if (sketched)
            weir_sketch_accept(&store.sketches[series], strtod(value, NULL));
        store.sample_count++;
        /* PUBLISH of QoS 0: 4 bytes, the topic, {"ts":1700000000000,"v":...} */
        store.message_bytes += 4 + strlen(name) + 25 + strlen(value);
    }
    for (uint32_t i = 0; i < store.series_count; i++)
        close_window(i, window_ms);
    qsort(store.rows, store.row_count, sizeof(store.rows[0]), compare_rows);
}

/* Writes the batch that begins at `first`, of at most `max` rows; *count: those it took. */
static size_t write_batch(size_t first, uint32_t max, uint32_t *count)
{
    const struct weir_compact_head head = {.gateway = "bench",
                                           .sequence = 2,
                                           .table = 1,
                                           .created_ms = store.rows[first].summary.end_ms};
    const struct weir_compact_stream shape = {.aggregates = stream.aggregates,
                                              .length_ms = store.rows[first].summary.end_ms -
                                                           store.rows[first].summary.start_ms,
                                              .quantile_count = stream.quantile_count,
                                              .quantiles = {500, 950, 990}};
    const struct weir_compact_text none = {0};

    if (max > store.row_count - first)
        max = (uint32_t)(store.row_count - first);
    weir_compact_writer_init(&writer, bytes, sizeof(bytes));
    for (uint32_t i = 0; i < max; i++)
        (void)weir_compact_writer_prepare(&writer, &store.rows[first + i].summary,
                                          store.rows[first + i].sketch);
    for (uint32_t i = 0; i < max; i++)
        weir_compact_writer_refine(&writer, &store.rows[first + i].summary,
                                   store.rows[first + i].sketch);
    weir_compact_writer_begin(&writer, &head);
    for (*count = 0; *count < max; ++*count) {
        if (weir_compact_writer_accept(&writer, &shape, &none, &none,
                                       &store.rows[first + *count].summary,
                                       store.rows[first + *count].sketch) != WEIR_OK)
            break;
    }
    return weir_compact_writer_seal(&writer);
}

static bool is_near(double a, double b)
{
    return fabs(a - b) <= 1e-12 * fabs(b);
}

static bool is_same(const struct weir_sketch *a, const struct weir_sketch *b)
{
    unsigned char left[WEIR_SKETCH_BYTES_MAX];
    unsigned char right[WEIR_SKETCH_BYTES_MAX];
    size_t length = weir_sketch_write(a, left);

    return weir_sketch_write(b, right) == length && memcmp(left, right, length) == 0;
}

static void check_batch(size_t first, size_t length, uint32_t count)
{
    struct weir_compact_row row;

    if (weir_compact_reader_open(&reader, bytes, length) != NULL)
        abort();
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_summary *in = &store.rows[first + i].summary;
        const struct weir_summary *out = &row.summary;

        if (weir_compact_reader_next(&reader, &row) != WEIR_COMPACT_ROW ||
            out->series != in->series || out->start_ms != in->start_ms || out->count != in->count ||
            out->min != in->min || out->max != in->max || out->last != in->last ||
            !is_near(out->mean, in->mean) || !is_near(out->stddev, in->stddev) ||
            row.has_sketch != sketched ||
            (sketched && !is_same(&row.sketch, store.rows[first + i].sketch))) {
            fprintf(stderr, "row %zu does not come back\n", first + i);
            exit(1);
        }
    }
    if (weir_compact_reader_next(&reader, &row) != WEIR_COMPACT_END)
        abort();
}

static size_t write_all(uint32_t batch_rows, bool check)
{
    size_t total = 0;
    size_t at = 0;

    while (at < store.row_count) {
        uint32_t count;
        size_t length = write_batch(at, batch_rows, &count);

        total += length;
        if (check)
            check_batch(at, length, count);
        at += count;
    }
    return total;
}

static void measure(uint32_t batch_rows)
{
    int64_t best_ns = INT64_MAX;
    size_t total = write_all(batch_rows, true);

    for (int i = 0; i < ROUNDS; i++) {
        int64_t begin_ns = now_ns();

        (void)write_all(batch_rows, false);
        if (now_ns() - begin_ns < best_ns)
            best_ns = now_ns() - begin_ns;
    }
    printf("{\"samples\":%" PRIu64 ",\"rows\":%zu,\"bytes\":%zu,\"message_bytes\":%" PRIu64
           ",\"bytes_per_row\":%.3f,\"values_per_second\":%.0f}\n",
           store.sample_count, store.row_count, total, store.message_bytes,
           (double)total / (double)store.row_count,
           (double)store.row_count * 7 * 1e9 / (double)best_ns);
}

static void print_json(void)
{
    char line[1024];

    for (size_t i = 0; i < store.row_count; i++) {
        const struct weir_summary *row = &store.rows[i].summary;
        struct weir_text text;

        weir_text_init(&text, line, sizeof(line));
        weir_encode_summary(&text, &stream, store.names[row->series], row, store.rows[i].sketch);
        printf("{%.*s}\n", (int)text.length, line);
    }
}

/* True for the states of the kinds that sketches alone have. */
static bool is_of_sketches(size_t bit)
{
    return bit >= offsetof(struct weir_compact_model, numbers[WEIR_COMPACT_SAMPLE]) /
                      sizeof(struct weir_coder_bit) &&
           bit < offsetof(struct weir_compact_model, text) / sizeof(struct weir_coder_bit);
}

/* The mean, over all batches in which it was met, of where each estimate ended, as log odds. */
static void learn(uint32_t batch_rows)
{
    static double sums[WEIR_COMPACT_BIT_COUNT];
    static uint32_t counts[WEIR_COMPACT_BIT_COUNT];
    static struct weir_compact_model fresh;
    size_t at = 0;

    weir_compact_model_init(&fresh);
    while (at < store.row_count) {
        const struct weir_coder_bit *before = (const struct weir_coder_bit *)&fresh;
        const struct weir_coder_bit *after =
            (const struct weir_coder_bit *)&writer.rows.codec.model;
        uint32_t count;

        (void)write_batch(at, batch_rows, &count);
        for (size_t i = 0; i < WEIR_COMPACT_BIT_COUNT; i++) {
            double chance = after[i].chance / 65536.0;

            if (after[i].seen == before[i].seen)
                continue;
            sums[i] += log(chance / (1 - chance));
            counts[i]++;
        }
        at += count;
    }
    for (size_t i = 0; i < WEIR_COMPACT_BIT_COUNT; i++) {
        bool counts_here = counts[i] > 0 && (!sketched || is_of_sketches(i));

        printf("%u %.4f\n", counts_here ? counts[i] : 0, counts_here ? sums[i] / counts[i] : 0.0);
    }
}

int main(int argc, char **argv)
{
    bool json = false;
    bool learns = false;
    int64_t window_ms;
    uint32_t batch_rows;

    if (argc < 3)
        return 2;
    for (int i = 1; i < argc - 2; i++) {
        json |= strcmp(argv[i], "--json") == 0;
        learns |= strcmp(argv[i], "--learn") == 0;
        sketched |= strcmp(argv[i], "--sketches") == 0;
    }
    stream.quantile_count = sketched ? 3 : 0;
    window_ms = strtoll(argv[argc - 2], NULL, 10);
    batch_rows = (uint32_t)strtoul(argv[argc - 1], NULL, 10);
    weir_crc32c_init();
    read_samples(window_ms);
    if (json)
        print_json();
    else if (learns)
        learn(batch_rows);
    else
        measure(batch_rows);
    return 0;
}
