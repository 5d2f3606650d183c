/*
 * Latency through a broker, two ways in turn: a publish to its own subscription (the bare round
 * trip), and a sample beyond a limit to the alert event that it raises.
 *
 *     bench_rtt --port N --sample-topic T --event-filter F [--rounds 1000] [--pause-ms 5]
 *               [--above 95] [--below 20]
 *
 * Each round raises the alert and clears it again, so the rule has neither hold nor delay. Ends
 * with one line of microseconds:
 *     bare_median_us=N bare_p99_us=N alert_median_us=N alert_p99_us=N rounds=N lost=N
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wire.h"

#define ECHO_TOPIC "bench/echo"
#define ANSWER_WAIT_MS 2000

struct probe {
    struct wire sender;
    struct wire receiver;
    int64_t *bare_ns;
    int64_t *alert_ns;
    size_t bare_count;
    size_t alert_count;
    size_t lost;
};

static void pause_ms(double milliseconds)
{
    int64_t ns = (int64_t)(milliseconds * 1e6);
    struct timespec wait = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

    nanosleep(&wait, NULL);
}

/* Waits for a publish on the echo topic or on another one; the time from start, or -1. */
static int64_t wait_answer(struct probe *probe, int64_t start_ns, bool echo)
{
    struct wire_packet packet;

    while (wire_read(&probe->receiver, &packet, ANSWER_WAIT_MS)) {
        int64_t end_ns = wire_monotonic_ns();
        size_t length;
        const char *topic = wire_publish_topic(&packet, &length);

        if (topic == NULL)
            continue;
        bool is_echo = length == strlen(ECHO_TOPIC) && memcmp(topic, ECHO_TOPIC, length) == 0;
        if (is_echo == echo)
            return end_ns - start_ns;
    }
    probe->lost++;
    return -1;
}

static int64_t measure(struct probe *probe, const char *topic, double value, bool echo)
{
    uint8_t packet[512];
    char payload[128];
    size_t payload_offset;
    size_t id_offset;

    snprintf(payload, sizeof(payload), "{\"ts\":%lld,\"temperature\":%.2f,\"humidity\":40.00}",
             (long long)wire_realtime_ms(), value);
    size_t length = wire_build_publish(&probe->sender, packet, sizeof(packet), topic, payload, 0,
                                       &payload_offset, &id_offset);
    int64_t start_ns = wire_monotonic_ns();
    wire_write(&probe->sender, packet, length);
    return wait_answer(probe, start_ns, echo);
}

static void measure_rounds(struct probe *probe, int argc, char **argv, size_t rounds)
{
    const char *topic = wire_option(argc, argv, "--sample-topic", NULL);
    double gap_ms = wire_option_number(argc, argv, "--pause-ms", 5);
    double above = wire_option_number(argc, argv, "--above", 95);
    double below = wire_option_number(argc, argv, "--below", 20);

    for (size_t i = 0; i < rounds; i++) {
        int64_t took_ns = measure(probe, ECHO_TOPIC, above, true);
        if (took_ns >= 0)
            probe->bare_ns[probe->bare_count++] = took_ns;
        pause_ms(gap_ms);

        took_ns = measure(probe, topic, above, false);
        if (took_ns >= 0)
            probe->alert_ns[probe->alert_count++] = took_ns;
        pause_ms(gap_ms);

        measure(probe, topic, below, false);
        pause_ms(gap_ms);
        if (probe->lost > 5)
            wire_fail("no alert events arrive: %zu lost in %zu rounds", probe->lost, i + 1);
    }
}

static int compare_ns(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

/* By nearest rank, in microseconds. */
static double quantile_us(const int64_t *sorted_ns, size_t count, size_t percent)
{
    return count == 0 ? 0.0 : (double)sorted_ns[(count * percent + 99) / 100 - 1] / 1e3;
}

int main(int argc, char **argv)
{
    static struct probe probe;
    int port = (int)wire_option_number(argc, argv, "--port", 0);
    size_t rounds = (size_t)wire_option_number(argc, argv, "--rounds", 1000);
    const char *filter = wire_option(argc, argv, "--event-filter", NULL);

    if (port <= 0 || rounds == 0 || filter == NULL ||
        wire_option(argc, argv, "--sample-topic", NULL) == NULL)
        wire_fail("usage: bench_rtt --port N --sample-topic T --event-filter F [--rounds N] "
                  "[--pause-ms N] [--above V] [--below V]");
    probe.bare_ns = calloc(rounds, sizeof(*probe.bare_ns));
    probe.alert_ns = calloc(rounds, sizeof(*probe.alert_ns));
    if (probe.bare_ns == NULL || probe.alert_ns == NULL)
        wire_fail("no memory for %zu rounds", rounds);
    wire_connect(&probe.sender, port, "bench-rtt-sender", 4);
    wire_connect(&probe.receiver, port, "bench-rtt-receiver", 4);
    wire_subscribe(&probe.receiver, ECHO_TOPIC);
    wire_subscribe(&probe.receiver, filter);

    measure_rounds(&probe, argc, argv, rounds);
    wire_finish(&probe.sender);
    wire_finish(&probe.receiver);

    qsort(probe.bare_ns, probe.bare_count, sizeof(*probe.bare_ns), compare_ns);
    qsort(probe.alert_ns, probe.alert_count, sizeof(*probe.alert_ns), compare_ns);
    printf("bare_median_us=%.1f bare_p99_us=%.1f alert_median_us=%.1f alert_p99_us=%.1f "
           "rounds=%zu lost=%zu\n",
           quantile_us(probe.bare_ns, probe.bare_count, 50),
           quantile_us(probe.bare_ns, probe.bare_count, 99),
           quantile_us(probe.alert_ns, probe.alert_count, 50),
           quantile_us(probe.alert_ns, probe.alert_count, 99), rounds, probe.lost);
    free(probe.bare_ns);
    free(probe.alert_ns);
    return 0;
}
