/*
 * What rules cost on the path of a sample: the pipeline on one core, fed numbers that stay inside
 * the limits, with rules and without, in turn.
 *
 *     bench_alert RULES SERIES MESSAGES     prints nanoseconds of CPU a rule and sample
 *
 * RULES, at most 32, are on the one field of SERIES series.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "weir/pipeline.h"

#define START_MS 1700000000000

enum { TOPIC_BYTES = 32, ROUNDS = 5 };

struct run {
    struct weir_pipeline pipeline;
    uint32_t series_count;
    uint64_t sent;
};

static int64_t nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct weir_config *make_config(uint32_t rule_count, uint32_t series_count)
{
    struct weir_config *config = calloc(1, sizeof(*config));
    struct weir_stream_config *stream = calloc(1, sizeof(*stream));

    config->streams = stream;
    config->stream_count = 1;
    config->rules = calloc(rule_count + 1, sizeof(*config->rules));
    config->rule_count = rule_count;
    snprintf(stream->name, sizeof(stream->name), "telemetry");
    snprintf(stream->filters[0], sizeof(stream->filters[0]), "s/{device}");
    stream->filter_count = 1;
    stream->format = WEIR_PAYLOAD_NUMBER;
    stream->fields = calloc(1, sizeof(*stream->fields));
    stream->field_count = 1;
    stream->fields[0].min = -INFINITY;
    stream->fields[0].max = INFINITY;
    stream->window_ms = 10000;
    stream->max_past_ms = INT64_MAX;
    stream->max_series = series_count;
    for (uint32_t i = 0; i < rule_count; i++) {
        struct weir_rule_config *rule = &config->rules[i];

        snprintf(rule->name, sizeof(rule->name), "rule%u", i);
        rule->comparison =
            weir_comparison_make(WEIR_OPERATOR_ABOVE, 0, 100 + i, 1, WEIR_LEVEL_WARNING);
        rule->max_gap_ms = INT64_MAX;
        rule->flap_count = 5;
        rule->flap_ms = 600000;
        rule->storm_count = 100;
        rule->storm_ms = 10000;
    }
    return config;
}

static void start(struct run *run, uint32_t rule_count, uint32_t series_count)
{
    const struct weir_config *config = make_config(rule_count, series_count);
    uint64_t size = weir_pipeline_size(config, NULL);
    void *arena = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (arena == MAP_FAILED)
        exit(1);
    weir_pipeline_init(&run->pipeline, config, arena, size);
    run->series_count = series_count;
    run->sent = 0;
}

static void drain(struct run *run)
{
    struct weir_output output;

    while (weir_pipeline_take(&run->pipeline, &output))
        ;
}

/* Nanoseconds a message; each series speaks once a second. */
static double feed(struct run *run, uint64_t count)
{
    int64_t begun = nanoseconds();

    for (uint64_t i = 0; i < count; i++, run->sent++) {
        char topic[TOPIC_BYTES];
        char payload[4] = {'2', (char)('0' + run->sent % 9), '.', (char)('0' + run->sent % 7)};
        struct weir_message message = {
            .topic = topic,
            .topic_length = (size_t)snprintf(topic, sizeof(topic), "s/dev%u",
                                             (unsigned)(run->sent * 7919u % run->series_count)),
            .payload = payload,
            .payload_length = sizeof(payload),
            .arrived_ms = START_MS + (int64_t)(run->sent * 1000 / run->series_count),
        };

        while (weir_pipeline_advance(&run->pipeline, message.arrived_ms) != WEIR_OK)
            drain(run);
        while (weir_pipeline_accept(&run->pipeline, &message) != WEIR_OK)
            drain(run);
    }
    drain(run);
    return (double)(nanoseconds() - begun) / (double)count;
}

static int compare(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;

    return difference < 0 ? -1 : difference > 0;
}

int main(int argc, char **argv)
{
    uint32_t rule_count = argc > 1 ? (uint32_t)atoi(argv[1]) : 32;
    uint32_t series_count = argc > 2 ? (uint32_t)atoi(argv[2]) : 313;
    uint64_t message_count = argc > 3 ? (uint64_t)atoll(argv[3]) : 300000;
    static struct run with;
    static struct run without;
    double costs[ROUNDS];

    start(&with, rule_count, series_count);
    start(&without, 0, series_count);
    feed(&with, series_count * 2);
    feed(&without, series_count * 2);
    for (int i = 0; i < ROUNDS; i++) {
        double bare = feed(&without, message_count);

        costs[i] = (feed(&with, message_count) - bare) / rule_count;
    }
    qsort(costs, ROUNDS, sizeof(costs[0]), compare);
    printf("%.2f\n", costs[ROUNDS / 2]);
    return 0;
}
