#include "port/mqtt.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "port/log.h"
#include "port/mqtt_callbacks.h"
#include "port/mqtt_connection.h"

static bool copy_text(char **copy, const char *text)
{
    if (!text)
        return true;
    *copy = strdup(text);
    return *copy != NULL;
}

static void free_mqtt(struct weir_mqtt *mqtt)
{
    if (mqtt->resolver)
        weir_resolver_destroy(mqtt->resolver);
    weir_mqtt_subscription_finish(&mqtt->subscription);
    weir_mqtt_exchange_finish(&mqtt->exchange);
    free(mqtt->client_id);
    free(mqtt->will_topic);
    free(mqtt->will_payload);
    free(mqtt);
}

/* Says why, unless there is no memory. */
static bool check_peer(struct weir_mqtt *mqtt, const struct weir_peer_config *config,
                       char problem[static WEIR_MQTT_PROBLEM_SIZE])
{
    struct weir_mqtt_password password;
    bool good = weir_mqtt_peer_init(&mqtt->peer, config, problem) &&
                weir_mqtt_peer_read_password(&mqtt->peer, &password, problem);

    explicit_bzero(&password, sizeof(password));
    return good;
}

struct weir_mqtt *weir_mqtt_create(const struct weir_mqtt_options *options)
{
    struct weir_mqtt *mqtt = calloc(1, sizeof(*mqtt));
    char problem[WEIR_MQTT_PROBLEM_SIZE] = "out of memory";

    if (!mqtt)
        goto error;
    weir_mqtt_init_library();
    mqtt->label = options->label;
    mqtt->clean_start = options->clean_start;
    mqtt->will_delay_s = options->will_delay_s;
    mqtt->on_message = options->on_message;
    mqtt->on_request = options->on_request;
    mqtt->context = options->context;
    mqtt->delay_ms = WEIR_MQTT_RETRY_MS_MIN;
    mqtt->due_ms = INT64_MIN;
    if (getrandom(&mqtt->random, sizeof(mqtt->random), GRND_NONBLOCK) < 0)
        mqtt->random = (uint32_t)(uintptr_t)mqtt;
    mqtt->random |= 1; /* the generator stands still at 0 */
    weir_mqtt_exchange_init(&mqtt->exchange, options->wake_fd);
    if (!check_peer(mqtt, options->peer, problem))
        goto error_mqtt;
    if (!copy_text(&mqtt->client_id, options->client_id) ||
        !copy_text(&mqtt->will_topic, options->will_topic) ||
        !copy_text(&mqtt->will_payload, options->will_payload))
        goto error_mqtt;
    if (!weir_resolver_is_address(mqtt->peer.host)) {
        mqtt->resolver = weir_resolver_create(mqtt->peer.host, options->wake_fd);
        if (!mqtt->resolver)
            goto error_mqtt;
    }
    if (!weir_mqtt_create_handle(mqtt, &mqtt->handle))
        goto error_mqtt;
    return mqtt;

error_mqtt:
    free_mqtt(mqtt);
error:
    weir_log_error("%s: %s", options->label, problem);
    return NULL;
}

static void set_timespec(struct timespec *time, int ahead_ms)
{
    (void)clock_gettime(CLOCK_MONOTONIC, time);
    time->tv_sec += ahead_ms / 1000;
    time->tv_nsec += (long)(ahead_ms % 1000) * 1000000;
    if (time->tv_nsec >= 1000000000) {
        time->tv_nsec -= 1000000000;
        time->tv_sec++;
    }
}

static void say_goodbye(struct weir_mqtt *mqtt, int wait_ms)
{
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
    MQTTAsync_disconnectOptions options5 = MQTTAsync_disconnectOptions_initializer5;
    bool new_version = mqtt->peer.config.version >= MQTTVERSION_5;
    struct timespec end;

    set_timespec(&end, wait_ms);
    weir_mqtt_exchange_wait_answered(&mqtt->exchange, &end);
    if (new_version)
        options = options5;
    weir_mqtt_callbacks_set_disconnect(&options, mqtt->peer.config.version, &mqtt->exchange);
    if (MQTTAsync_disconnect(mqtt->handle, &options) == MQTTASYNC_SUCCESS)
        weir_mqtt_exchange_wait_closed(&mqtt->exchange, &end);
}

void weir_mqtt_destroy(struct weir_mqtt *mqtt, int wait_ms)
{
    if (mqtt->state == WEIR_MQTT_CONNECTED && wait_ms > 0)
        say_goodbye(mqtt, wait_ms);
    MQTTAsync_destroy(&mqtt->handle);
    free_mqtt(mqtt);
}

bool weir_mqtt_connected(const struct weir_mqtt *mqtt)
{
    return mqtt->state == WEIR_MQTT_CONNECTED;
}

uint64_t weir_mqtt_generation(const struct weir_mqtt *mqtt)
{
    return mqtt->generation;
}
