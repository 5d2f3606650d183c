/*
 * The best of the packaged libraries, for comparison: a libmosquitto subscriber that takes every
 * message and throws it away.
 *
 *     bench_baseline_mosquitto --port N [--qos 0] [--filter sensors/#]
 */
#include <mosquitto.h>
#include <stddef.h>

#include "baseline.h"
#include "wire.h"

struct baseline {
    const char *filter;
    int qos;
    unsigned long long count;
};

static void on_connect(struct mosquitto *client, void *context, int code)
{
    struct baseline *baseline = context;

    if (code != 0)
        wire_fail("refused: %s", mosquitto_reason_string(code));
    if (mosquitto_subscribe(client, NULL, baseline->filter, baseline->qos) != MOSQ_ERR_SUCCESS)
        wire_fail("cannot subscribe");
}

static void on_subscribe(struct mosquitto *client, void *context, int id, int count,
                         const int *granted)
{
    (void)client;
    (void)context;
    (void)id;
    if (count < 1 || granted[0] > 2)
        wire_fail("subscription refused");
    baseline_ready();
}

static void discard(struct mosquitto *client, void *context,
                    const struct mosquitto_message *message)
{
    struct baseline *baseline = context;

    (void)client;
    (void)message;
    baseline->count++;
}

int main(int argc, char **argv)
{
    static struct baseline baseline;
    int port = (int)wire_option_number(argc, argv, "--port", 0);

    if (port <= 0)
        wire_fail("usage: bench_baseline_mosquitto --port N [--qos 0|1|2] [--filter F]");
    baseline.filter = wire_option(argc, argv, "--filter", "sensors/#");
    baseline.qos = (int)wire_option_number(argc, argv, "--qos", 0);
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new("bench-mosquitto", true, &baseline);
    if (client == NULL)
        wire_fail("cannot make the client");
    mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_subscribe_callback_set(client, on_subscribe);
    mosquitto_message_callback_set(client, discard);
    baseline_block_signals();
    if (mosquitto_connect(client, "127.0.0.1", port, 60) != MOSQ_ERR_SUCCESS ||
        mosquitto_loop_start(client) != MOSQ_ERR_SUCCESS)
        wire_fail("cannot connect to port %d", port);
    baseline_wait();
    baseline_report(baseline.count);
    mosquitto_disconnect(client);
    mosquitto_loop_stop(client, false);
    mosquitto_destroy(client);
    mosquitto_lib_cleanup();
    return 0;
}
