/*
 * The log alone on one core: what a message costs on its way through the ring in memory, and how
 * fast a start reads it back from disk and through the engine.
 *
 *     bench_journal MESSAGES DIRECTORY     prints pass_ns=N recover_ns=N, CPU a message
 */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "store/history.h"
#include "store/journal.h"
#include "store/segments.h"
#include "weir/engine.h"

#define SEGMENT_BYTES (1024 * 1024)
#define RING_BYTES (4 * SEGMENT_BYTES)
#define SERIES 1000
#define STORE 7
#define START_MS 1700000000000

static uint64_t numbers[4096 + 1];

static int64_t nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t clock_ms = START_MS;

static int64_t read_clock(void *context, int64_t *jump_ms)
{
    (void)context;
    *jump_ms = 0;
    return clock_ms;
}

static void *map(size_t size, int flags)
{
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        exit(1);
    return memory;
}

/* A message of about 80 bytes, as a device of bench_load sends it. */
static void append(struct weir_journal *journal, uint64_t number)
{
    char topic[64];
    char payload[128];
    struct weir_record record = {.kind = WEIR_RECORD_MESSAGE};

    clock_ms = START_MS + (int64_t)number;
    record.message = (struct weir_message){
        .topic = topic,
        .topic_length = (size_t)snprintf(topic, sizeof(topic), "sensors/dev%04u/telemetry",
                                         (unsigned)(number % SERIES)),
        .payload = payload,
        .payload_length = (size_t)snprintf(
            payload, sizeof(payload), "{\"ts\":%lld,\"temperature\":%u.25,\"humidity\":%u.5}",
            (long long)clock_ms, (unsigned)(20 + number % 10), (unsigned)(40 + number % 7)),
        .packet_id = (uint16_t)(number % 65535 + 1),
    };
    if (weir_journal_append(journal, &record, read_clock, NULL) != WEIR_OK)
        exit(1);
}

/* What making the messages costs is measured by itself and taken off. */
static double measure_making(uint64_t count)
{
    int64_t start = nanoseconds();
    size_t length = 0;

    for (uint64_t i = 0; i < count; i++) {
        char topic[64];
        char payload[128];

        length += (size_t)snprintf(topic, sizeof(topic), "sensors/dev%04u/telemetry",
                                   (unsigned)(i % SERIES));
        length += (size_t)snprintf(
            payload, sizeof(payload), "{\"ts\":%lld,\"temperature\":%u.25,\"humidity\":%u.5}",
            (long long)(START_MS + (int64_t)i), (unsigned)(20 + i % 10), (unsigned)(40 + i % 7));
    }
    if (length == 0)
        exit(1);
    return (double)(nanoseconds() - start) / (double)count;
}

static double measure_pass(uint64_t count, struct weir_disk *disk)
{
    const struct weir_log_place start = {0};
    struct weir_journal_options options = {
        .memory = map(WEIR_JOURNAL_HEAD_BYTES + RING_BYTES, MAP_SHARED),
        .ring_bytes = RING_BYTES,
        .segment_bytes = SEGMENT_BYTES,
        .store = STORE,
        .written_on = disk != NULL,
    };
    struct weir_segments segments;
    struct weir_journal journal;
    struct weir_record record;
    int64_t began;

    weir_journal_init(&journal, &options, &start, &start);
    if (disk && weir_segments_init(&segments, disk, SEGMENT_BYTES, numbers, 4096) != 0)
        exit(1);
    began = nanoseconds();
    for (uint64_t i = 0; i < count; i++) {
        append(&journal, i);
        while (weir_journal_peek(&journal, &record))
            weir_journal_consume(&journal);
        if (disk && i % 1000 == 999) {
            if (weir_segments_write(&segments, &journal, 0) != 0)
                exit(1);
            weir_journal_release(&journal, segments.written);
        }
    }
    if (disk && weir_segments_write(&segments, &journal, 0) != 0)
        exit(1);
    return (double)(nanoseconds() - began) / (double)count;
}

static void make_config(struct weir_config *config)
{
    struct weir_stream_config *stream = calloc(1, sizeof(*stream));

    stream->fields = calloc(2, sizeof(*stream->fields));
    config->streams = stream;
    config->stream_count = 1;
    config->rules = calloc(1, sizeof(*config->rules));
    config->uplink_every_ms = 60000;
    config->outbox_bytes = 1 << 20;
    snprintf(config->gateway, sizeof(config->gateway), "bench");
    snprintf(stream->name, sizeof(stream->name), "telemetry");
    snprintf(stream->filters[0], sizeof(stream->filters[0]), "sensors/{device}/telemetry");
    stream->filter_count = 1;
    stream->time_unit = WEIR_TIME_MS;
    snprintf(stream->time_path, sizeof(stream->time_path), "ts");
    stream->max_future_ms = 300000;
    stream->max_past_ms = INT64_MAX;
    stream->field_count = 2;
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "temperature" : "humidity";

        snprintf(stream->fields[i].name, sizeof(stream->fields[i].name), "%s", name);
        snprintf(stream->fields[i].path, sizeof(stream->fields[i].path), "%s", name);
        stream->fields[i].min = -INFINITY;
        stream->fields[i].max = INFINITY;
    }
    stream->window_ms = 10000;
    stream->lateness_ms = 2000;
    stream->idle_ms = 30000;
    stream->aggregates = 1u << WEIR_AGGREGATE_COUNT | 1u << WEIR_AGGREGATE_MEAN;
    stream->max_series = SERIES;
}

static void take_all(struct weir_engine *engine)
{
    struct weir_engine_output output;

    while (weir_engine_take(engine, &output))
        continue;
}

static double measure_recovery(uint64_t count, struct weir_disk *disk)
{
    static struct weir_config config;
    struct weir_history history;
    struct weir_record record;
    struct weir_engine engine;
    uint32_t segment_count = 0;
    uint64_t read = 0;
    uint64_t size;
    int64_t began;

    make_config(&config);
    size = weir_engine_size(&config, NULL);
    weir_engine_init(&engine, &config, map(size, MAP_PRIVATE), size, 1, true);
    while (segment_count == 0 || numbers[segment_count] > 0)
        segment_count++;
    weir_history_init(&history, disk, numbers, segment_count, SEGMENT_BYTES, STORE, NULL,
                      map(SEGMENT_BYTES, MAP_PRIVATE));
    began = nanoseconds();
    while (weir_history_next(&history, &record, NULL)) {
        while (weir_engine_advance(&engine, record.time_ms) != WEIR_OK)
            take_all(&engine);
        while (weir_engine_accept(&engine, &record.message) != WEIR_OK)
            take_all(&engine);
        read++;
    }
    if (read != count || history.lost > 0)
        exit(1);
    return (double)(nanoseconds() - began) / (double)count;
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? (uint64_t)atoll(argv[1]) : 1000000;
    struct weir_disk_real real;
    double making;
    double pass;

    if (argc < 3 || weir_disk_open(&real, argv[2]) != 0 ||
        real.disk.make_directory(&real.disk, WEIR_SEGMENTS_DIRECTORY) != 0)
        return 1;
    making = measure_making(count);
    pass = measure_pass(count, NULL) - making;
    (void)measure_pass(count, &real.disk);
    printf("pass_ns=%.1f recover_ns=%.1f\n", pass, measure_recovery(count, &real.disk));
    return 0;
}
