/*
 * The floor under weir: an MQTTAsync subscriber that takes every message and throws it away, on the
 * same library as weir.
 *
 *     bench_baseline_paho --port N [--qos 0] [--filter sensors/#]
 */
#include <MQTTAsync.h>
#include <semaphore.h>
#include <stdio.h>

#include "baseline.h"
#include "wire.h"

struct baseline {
    MQTTAsync client;
    sem_t done;
    const char *filter;
    int qos;
    unsigned long long count;
};

static int discard(void *context, char *topic, int topic_length, MQTTAsync_message *message)
{
    struct baseline *baseline = context;

    (void)topic_length;
    baseline->count++;
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

static void on_failure(void *context, MQTTAsync_failureData5 *failure)
{
    (void)context;
    wire_fail("refused: code %d, reason %d", failure->code, (int)failure->reasonCode);
}

static void on_subscribed(void *context, MQTTAsync_successData5 *success)
{
    struct baseline *baseline = context;

    (void)success;
    sem_post(&baseline->done);
}

static void on_connected(void *context, MQTTAsync_successData5 *success)
{
    struct baseline *baseline = context;
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;

    (void)success;
    options.onSuccess5 = on_subscribed;
    options.onFailure5 = on_failure;
    options.context = baseline;
    if (MQTTAsync_subscribe(baseline->client, baseline->filter, baseline->qos, &options) !=
        MQTTASYNC_SUCCESS)
        wire_fail("cannot subscribe");
}

static void connect_client(struct baseline *baseline, int port)
{
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer5;
    char url[64];

    snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", port);
    if (MQTTAsync_createWithOptions(&baseline->client, url, "bench-paho",
                                    MQTTCLIENT_PERSISTENCE_NONE, NULL,
                                    &create) != MQTTASYNC_SUCCESS ||
        MQTTAsync_setCallbacks(baseline->client, baseline, NULL, discard, NULL) !=
            MQTTASYNC_SUCCESS)
        wire_fail("cannot make the client");
    connect.cleanstart = 1;
    connect.onSuccess5 = on_connected;
    connect.onFailure5 = on_failure;
    connect.context = baseline;
    if (MQTTAsync_connect(baseline->client, &connect) != MQTTASYNC_SUCCESS)
        wire_fail("cannot connect to port %d", port);
}

int main(int argc, char **argv)
{
    static struct baseline baseline;
    int port = (int)wire_option_number(argc, argv, "--port", 0);

    if (port <= 0)
        wire_fail("usage: bench_baseline_paho --port N [--qos 0|1|2] [--filter F]");
    baseline.filter = wire_option(argc, argv, "--filter", "sensors/#");
    baseline.qos = (int)wire_option_number(argc, argv, "--qos", 0);
    sem_init(&baseline.done, 0, 0);
    baseline_block_signals();
    connect_client(&baseline, port);
    sem_wait(&baseline.done);
    baseline_ready();
    baseline_wait();
    baseline_report(baseline.count);
    MQTTAsync_destroy(&baseline.client);
    return 0;
}
