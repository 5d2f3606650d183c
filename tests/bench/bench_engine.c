/*
 * The engine alone on one core: messages with a topic and a JSON payload of three fields into
 * windows with count, min, max, mean and stddev, under two alert rules. No broker, no queue, no
 * thread.
 *
 *     bench_engine SERIES MESSAGES [batches]     prints nanoseconds of CPU a message
 *
 * With batches the summaries are also encoded into uplink batches.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "weir/engine.h"

/* Prebuilt messages: enough that every series has one, few enough to build quickly. */
struct field {
    struct weir_message *messages;
    char *texts;
    uint32_t series_count;
};

#define START_MS 1700000000000

enum { TEXT_BYTES = 128, ROUND_COUNT = 4 };

static int64_t nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void set_field(struct weir_field_config *field, const char *name)
{
    snprintf(field->name, sizeof(field->name), "%s", name);
    snprintf(field->path, sizeof(field->path), "%s", name);
    field->min = -INFINITY;
    field->max = INFINITY;
}

static void set_rule(struct weir_rule_config *rule, const char *name, uint32_t field, double high)
{
    snprintf(rule->name, sizeof(rule->name), "%s", name);
    rule->field = field;
    rule->max_gap_ms = INT64_MAX;
    rule->comparison = weir_comparison_make(WEIR_OPERATOR_ABOVE, 0, high, 1, WEIR_LEVEL_WARNING);
}

static void make_config(struct weir_config *config, uint32_t series_count)
{
    struct weir_stream_config *stream = calloc(1, sizeof(*stream));

    stream->fields = calloc(2, sizeof(*stream->fields));
    config->streams = stream;
    config->stream_count = 1;
    config->rules = calloc(2, sizeof(*config->rules));
    config->rule_count = 2;
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
    set_field(&stream->fields[0], "temperature");
    set_field(&stream->fields[1], "humidity");
    stream->window_ms = 10000;
    stream->lateness_ms = 2000;
    stream->idle_ms = 30000;
    stream->aggregates = 1u << WEIR_AGGREGATE_COUNT | 1u << WEIR_AGGREGATE_MIN |
                         1u << WEIR_AGGREGATE_MAX | 1u << WEIR_AGGREGATE_MEAN |
                         1u << WEIR_AGGREGATE_STDDEV;
    stream->max_series = series_count;
    set_rule(&config->rules[0], "hot", 0, 85);
    set_rule(&config->rules[1], "damp", 1, 95);
}

/* Messages of every series, ROUND_COUNT times over, their times rising. */
static void make_messages(struct field *field, uint32_t series_count)
{
    size_t count = (size_t)series_count * ROUND_COUNT;

    field->series_count = series_count;
    field->messages = calloc(count, sizeof(*field->messages));
    field->texts = calloc(count, TEXT_BYTES);
    for (size_t i = 0; i < count; i++) {
        char *topic = field->texts + i * TEXT_BYTES;
        char *payload = topic + 40;
        struct weir_message *message = &field->messages[i];

        /* Neighbours in time are no neighbours in memory. */
        snprintf(topic, 40, "sensors/dev%05u/telemetry", (unsigned)((i * 7919u) % series_count));
        snprintf(payload, TEXT_BYTES - 40,
                 "{\"ts\":1700000000000,\"temperature\":%.2f,\"humidity\":%.1f}",
                 15 + 10.0 * rand() / RAND_MAX, 30 + 40.0 * rand() / RAND_MAX);
        message->topic = topic;
        message->topic_length = strlen(topic);
        message->payload = payload;
        message->payload_length = strlen(payload);
    }
}

/* Puts the time into a prebuilt payload: its digits are kept and counted up, which costs next to
 * nothing beside what is measured. */
static void stamp(struct weir_message *message, int64_t time_ms)
{
    static char digits[] = "1700000000000";
    static int64_t shown_ms = START_MS;

    for (; shown_ms < time_ms; shown_ms++) {
        char *digit = digits + sizeof(digits) - 2;

        while (++*digit > '9')
            *digit-- = '0';
    }
    message->arrived_ms = time_ms;
    memcpy((char *)message->payload + 6, digits, sizeof(digits) - 1);
}

static void drain(struct weir_engine *engine)
{
    struct weir_engine_output output;

    while (weir_engine_take(engine, &output))
        ;
}

static void feed(struct weir_engine *engine, struct field *field, uint64_t first, uint64_t count)
{
    size_t message_count = (size_t)field->series_count * ROUND_COUNT;

    for (uint64_t i = first; i < first + count; i++) {
        struct weir_message *message = &field->messages[i % message_count];

        /* Each device speaks once a second. */
        stamp(message, START_MS + (int64_t)(i * 1000 / field->series_count));
        while (weir_engine_advance(engine, message->arrived_ms) != WEIR_OK)
            drain(engine);
        while (weir_engine_accept(engine, message) != WEIR_OK)
            drain(engine);
    }
    drain(engine);
}

int main(int argc, char **argv)
{
    uint32_t series_count = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000;
    uint64_t message_count = argc > 2 ? (uint64_t)atoll(argv[2]) : 5000000;
    static struct weir_config config;
    static struct field field;
    struct weir_engine engine;
    struct weir_ledger ledger;
    uint64_t size;
    void *arena;
    int64_t start;
    double spent;

    make_config(&config, series_count);
    make_messages(&field, series_count);
    size = weir_engine_size(&config, NULL);
    arena = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (arena == MAP_FAILED)
        return 1;
    weir_engine_init(&engine, &config, arena, size, 0, argc > 3);
    feed(&engine, &field, 0, series_count);
    start = nanoseconds();
    feed(&engine, &field, series_count, message_count);
    spent = (double)(nanoseconds() - start);
    weir_engine_ledger(&engine, &ledger);
    if (!weir_ledger_balanced(&ledger) || ledger.accepted != message_count + series_count)
        return 1;
    printf("%.1f\n", spent / (double)message_count);
    return 0;
}
