/*
 * A load generator: prebuilt telemetry of many devices, sent at Poisson arrivals.
 *
 *     bench_load --port N [--rate 1000] [--seconds 10] [--devices 1000] [--qos 0] [--version 4]
 *                [--seed 1]
 *
 * Ends with one line: sent=N seconds=S acknowledged=N behind_ms=N (at worst, of the plan).
 */
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "wire.h"

#define PACKET_BYTES 160
#define BATCH_BYTES 65536
#define ANSWER_WAIT_MS 5000

struct packet {
    uint8_t bytes[PACKET_BYTES];
    uint32_t length;
    uint32_t payload_offset;
    uint32_t id_offset;
};

struct load {
    struct wire wire;
    struct packet *packets;
    uint32_t device_count;
    size_t pad; /* blanks behind each payload */
    int qos;
    uint64_t random;
    uint16_t packet_id;
    uint64_t sent;
    uint64_t acknowledged;
    size_t batch_length;
    uint8_t batch[BATCH_BYTES];
};

static uint64_t next_random(struct load *load)
{
    load->random ^= load->random << 13;
    load->random ^= load->random >> 7;
    load->random ^= load->random << 17;
    return load->random;
}

/* In (0, 1]. */
static double next_uniform(struct load *load)
{
    return ((double)(next_random(load) >> 11) + 1.0) / 9007199254740992.0;
}

static void put_digits(uint8_t *out, int64_t value, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        out[i] = (uint8_t)('0' + value % 10);
        value /= 10;
    }
}

static void build_packets(struct load *load)
{
    load->packets = calloc(load->device_count, sizeof(*load->packets));
    if (load->packets == NULL)
        wire_fail("no memory for %u devices", load->device_count);
    for (uint32_t i = 0; i < load->device_count; i++) {
        struct packet *packet = &load->packets[i];
        size_t payload_offset;
        size_t id_offset;
        char topic[64];
        char payload[256];

        snprintf(payload, sizeof(payload), "%s%*s",
                 "{\"ts\":1700000000000,\"temperature\":20.00,\"humidity\":40.00}", (int)load->pad,
                 "");
        snprintf(topic, sizeof(topic), "sensors/dev%04u/telemetry", i);
        packet->length =
            (uint32_t)wire_build_publish(&load->wire, packet->bytes, sizeof(packet->bytes), topic,
                                         payload, load->qos, &payload_offset, &id_offset);
        packet->payload_offset = (uint32_t)payload_offset;
        packet->id_offset = (uint32_t)id_offset;
    }
}

static void flush(struct load *load)
{
    wire_write(&load->wire, load->batch, load->batch_length);
    load->batch_length = 0;
}

/* False when no answer came within wait_ms. */
static bool take_answer(struct load *load, int wait_ms)
{
    struct wire_packet packet;

    if (load->acknowledged == load->sent || !wire_read(&load->wire, &packet, wait_ms))
        return false;
    load->acknowledged += packet.first == 0x40;
    return true;
}

static void append_message(struct load *load, int64_t now_ms)
{
    struct packet *packet = &load->packets[next_random(load) % load->device_count];
    uint8_t *payload = packet->bytes + packet->payload_offset;

    /* {"ts":1700000000000,"temperature":20.00,"humidity":40.00}: digits at fixed places. */
    put_digits(payload + 6, now_ms, 13);
    put_digits(payload + 34, 15 + (int64_t)(next_random(load) % 10), 2);
    put_digits(payload + 37, (int64_t)(next_random(load) % 100), 2);
    put_digits(payload + 51, 40 + (int64_t)(next_random(load) % 20), 2);
    if (load->qos > 0) {
        load->packet_id = load->packet_id == UINT16_MAX ? 1 : (uint16_t)(load->packet_id + 1);
        packet->bytes[packet->id_offset] = (uint8_t)(load->packet_id >> 8);
        packet->bytes[packet->id_offset + 1] = (uint8_t)load->packet_id;
        while (load->sent - load->acknowledged >= load->wire.receive_max) {
            flush(load);
            take_answer(load, ANSWER_WAIT_MS);
        }
    }
    if (load->batch_length + packet->length > sizeof(load->batch))
        flush(load);
    memcpy(load->batch + load->batch_length, packet->bytes, packet->length);
    load->batch_length += packet->length;
    load->sent++;
}

static void sleep_until(int64_t when_ns)
{
    struct timespec when = {.tv_sec = when_ns / 1000000000, .tv_nsec = when_ns % 1000000000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) != 0)
        continue;
}

/* Returns how far it fell behind at worst, in nanoseconds. */
static int64_t send_all(struct load *load, double rate, double seconds)
{
    int64_t start_ns = wire_monotonic_ns();
    double due_s = 0.0;
    int64_t behind_max_ns = 0;

    while (due_s < seconds) {
        int64_t due_ns = start_ns + (int64_t)(due_s * 1e9);
        int64_t now_ns = wire_monotonic_ns();

        if (due_ns > now_ns) {
            flush(load);
            while (load->qos > 0 && take_answer(load, 0))
                continue;
            sleep_until(due_ns);
            now_ns = wire_monotonic_ns();
        }
        if (now_ns - due_ns > behind_max_ns)
            behind_max_ns = now_ns - due_ns;
        append_message(load, wire_realtime_ms());
        due_s += -log(next_uniform(load)) / rate;
    }
    flush(load);
    return behind_max_ns;
}

int main(int argc, char **argv)
{
    static struct load load;
    int port = (int)wire_option_number(argc, argv, "--port", 0);
    double rate = wire_option_number(argc, argv, "--rate", 1000);
    double seconds = wire_option_number(argc, argv, "--seconds", 10);
    int version = (int)wire_option_number(argc, argv, "--version", 4);

    load.device_count = (uint32_t)wire_option_number(argc, argv, "--devices", 1000);
    load.pad = (size_t)wire_option_number(argc, argv, "--pad", 0);
    load.qos = (int)wire_option_number(argc, argv, "--qos", 0);
    load.random = 0x9e3779b97f4a7c15 ^ (uint64_t)wire_option_number(argc, argv, "--seed", 1);
    if (port <= 0 || rate <= 0 || load.device_count == 0 || load.qos < 0 || load.qos > 1 ||
        (version != 4 && version != 5))
        wire_fail("usage: bench_load --port N [--rate N] [--seconds N] [--devices N] [--qos 0|1] "
                  "[--version 4|5] [--seed N]");

    /* The default slack of 50 us would round the arrivals of 20,000/s into pairs. */
    prctl(PR_SET_TIMERSLACK, 1);
    wire_connect(&load.wire, port, "bench-load", version);
    build_packets(&load);

    int64_t start_ns = wire_monotonic_ns();
    int64_t behind_ns = send_all(&load, rate, seconds);
    int64_t end_ns = wire_monotonic_ns();
    while (load.qos > 0 && take_answer(&load, ANSWER_WAIT_MS))
        continue;
    wire_finish(&load.wire);
    free(load.packets);
    printf("sent=%llu seconds=%.3f acknowledged=%llu behind_ms=%.1f\n",
           (unsigned long long)load.sent, (double)(end_ns - start_ns) / 1e9,
           (unsigned long long)load.acknowledged, (double)behind_ns / 1e6);
    return load.qos > 0 && load.acknowledged < load.sent ? 1 : 0;
}
