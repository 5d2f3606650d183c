/*
 * What it takes to receive batches and store their rows in SQLite, without MQTT.
 *
 *     bench_collect DIRECTORY GATEWAYS SERIES BATCHES
 *
 * Every gateway sends compact batches of 1,000 rows in turn: its series, window by window. All of
 * them go into the spool, each with a commit of its own, and from there into an SQLite file. Prints a
 * line of figures: ns a row, of wall clock and of CPU.
 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collect/collector.h"
#include "format/compact.h"
#include "format/crc32c.h"

#define ROWS 1000
#define WINDOW_MS 10000
#define START_MS 1700000400000

static const uint32_t aggregates = 1u << WEIR_AGGREGATE_COUNT | 1u << WEIR_AGGREGATE_MIN |
                                   1u << WEIR_AGGREGATE_MAX | 1u << WEIR_AGGREGATE_MEAN |
                                   1u << WEIR_AGGREGATE_STDDEV | 1u << WEIR_AGGREGATE_LAST;

static struct weir_compact_writer writer;
static unsigned char bytes[WEIR_COMPACT_BYTES_MAX];
static struct weir_state state;
static struct weir_spool spool;
static struct weir_collector collector;
static char path[4096];

static double read_s(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct weir_summary make_row(uint32_t number, uint32_t series_count)
{
    uint32_t series = number % series_count;
    int64_t start_ms = START_MS + (int64_t)(number / series_count) * WINDOW_MS;
    double value = round(200 + 50 * sin(number * 0.01 + series)) / 10;

    return (struct weir_summary){
        .series = series,
        .start_ms = start_ms,
        .end_ms = start_ms + WINDOW_MS,
        .first_ms = start_ms,
        .last_ms = start_ms + 9000,
        .count = 10,
        .min = value - 0.5,
        .max = value + 0.5,
        .mean = value,
        .sum = value * 10,
        .stddev = 0.25,
        .first = value,
        .last = value + 0.1,
    };
}

static size_t make_batch(uint32_t gateway, uint32_t sequence, uint32_t series_count)
{
    static char stream_name[] = "climate\0temperature\0Cel\0";
    const struct weir_compact_stream stream = {.aggregates = aggregates, .length_ms = WINDOW_MS};
    struct weir_compact_head head = {.epoch = gateway + 1, .sequence = sequence, .table = 1};
    uint32_t first = (sequence - 1) * ROWS;
    struct weir_summary row;
    char name[64];

    (void)snprintf(head.gateway, sizeof(head.gateway), "plant-%u", gateway);
    head.created_ms = START_MS + (int64_t)((first + ROWS) / series_count) * WINDOW_MS;
    weir_compact_writer_init(&writer, bytes, sizeof(bytes));
    for (uint32_t i = 0; i < ROWS; i++) {
        row = make_row(first + i, series_count);
        if (weir_compact_writer_prepare(&writer, &row, NULL) != WEIR_OK)
            abort();
    }
    weir_compact_writer_begin(&writer, &head);
    for (uint32_t i = 0; i < ROWS; i++) {
        bool named = first + i < series_count;
        struct weir_compact_text series = {.bytes = name, .there = named};
        const struct weir_compact_text names = {stream_name, sizeof(stream_name) - 1,
                                                first + i == 0};

        row = make_row(first + i, series_count);
        series.length = (uint32_t)snprintf(name, sizeof(name), "hall-%u/sensor-%u", row.series / 10,
                                           row.series);
        if (weir_compact_writer_accept(&writer, &stream, &names, &series, &row, NULL) != WEIR_OK)
            abort();
    }
    return weir_compact_writer_seal(&writer);
}

static void fill_spool(uint32_t gateway_count, uint32_t series_count, uint32_t batch_count,
                       double *wall_s, double *cpu_s)
{
    const atomic_bool stopping = false;
    char topic[64];

    for (uint32_t i = 0; i < batch_count; i++) {
        uint32_t gateway = i % gateway_count;
        size_t length = make_batch(gateway, i / gateway_count + 1, series_count);
        int topic_length = snprintf(topic, sizeof(topic), "weir/v1/plant-%u/batch", gateway);
        const struct weir_message message = {.topic = topic,
                                             .topic_length = (size_t)topic_length,
                                             .payload = (const char *)bytes,
                                             .payload_length = length};
        double begin_s = read_s(CLOCK_MONOTONIC);
        double begin_cpu_s = read_s(CLOCK_PROCESS_CPUTIME_ID);

        if (!weir_spool_put(&spool, &message, START_MS, &stopping))
            abort();
        *wall_s += read_s(CLOCK_MONOTONIC) - begin_s;
        *cpu_s += read_s(CLOCK_PROCESS_CPUTIME_ID) - begin_cpu_s;
    }
}

int main(int argc, char **argv)
{
    struct weir_sink *sink;
    double rows;
    double wall_s = 0;
    double cpu_s = 0;
    double put_s;
    uint32_t counts[3];

    if (argc != 5)
        return 2;
    for (int i = 0; i < 3; i++)
        counts[i] = (uint32_t)strtoul(argv[i + 2], NULL, 10);
    weir_crc32c_init();
    (void)snprintf(path, sizeof(path), "%s/fleet.db", argv[1]);
    if (!weir_state_open(&state, path) || !weir_spool_open(&spool, path, "bench"))
        return 1;
    sink = weir_sink_create_sqlite(&state);
    if (!sink || !weir_collector_init(&collector, &state, sink, &spool))
        return 1;
    fill_spool(counts[0], counts[1], counts[2], &wall_s, &cpu_s);
    put_s = wall_s;
    wall_s -= read_s(CLOCK_MONOTONIC);
    cpu_s -= read_s(CLOCK_PROCESS_CPUTIME_ID);
    while (weir_collector_step(&collector) == WEIR_OK)
        ;
    wall_s += read_s(CLOCK_MONOTONIC);
    cpu_s += read_s(CLOCK_PROCESS_CPUTIME_ID);
    rows = (double)collector.counts.rows;
    if (collector.counts.rows != (uint64_t)ROWS * counts[2])
        return 1;
    printf("{\"rows\":%.0f,\"wall_ns\":%.0f,\"cpu_ns\":%.0f,\"put_us\":%.0f}\n", rows,
           wall_s / rows * 1e9, cpu_s / rows * 1e9, put_s / counts[2] * 1e6);
    weir_collector_finish(&collector);
    sink->destroy(sink);
    weir_spool_close(&spool);
    weir_state_close(&state);
    return 0;
}
