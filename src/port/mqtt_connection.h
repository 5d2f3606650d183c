/*
 * A connection, shared by its parts: its handle of the library (mqtt_handle), the supervisor, which
 * keeps it connected (mqtt_supervisor), and what is sent by it (mqtt_publish, mqtt_subscribe).
 */
#ifndef WEIR_PORT_MQTT_CONNECTION_H
#define WEIR_PORT_MQTT_CONNECTION_H

#include <MQTTAsync.h>

#include "port/mqtt.h"
#include "port/mqtt_exchange.h"
#include "port/mqtt_peer.h"
#include "port/mqtt_subscription.h"
#include "port/resolver.h"

/* The delay before the first try after a loss. */
#define WEIR_MQTT_RETRY_MS_MIN 1000

enum weir_mqtt_state {
    WEIR_MQTT_WAITING,
    WEIR_MQTT_RESOLVING,
    WEIR_MQTT_CONNECTING,
    WEIR_MQTT_CONNECTED,
};

struct weir_mqtt {
    const char *label;
    struct weir_mqtt_peer peer;
    char *client_id;
    char *will_topic; /* NULL: none */
    char *will_payload;
    int will_delay_s;
    bool clean_start;
    void (*on_message)(void *context, const struct weir_message *message);
    void (*on_request)(void *context, const struct weir_message *message,
                       const struct weir_mqtt_reply *reply);
    void *context;
    MQTTAsync handle;
    struct weir_resolver *resolver; /* NULL: the host is an address */
    struct weir_mqtt_exchange exchange;
    struct weir_mqtt_subscription subscription;

    enum weir_mqtt_state state;
    int64_t due_ms; /* the next try, or the end of patience with this one */
    int64_t delay_ms;
    int64_t connected_ms; /* since when */
    uint64_t generation;
    struct weir_mqtt_welcome welcome;
    size_t inflight; /* QoS 1 publishes whose answer was not taken */
    uint32_t random;
    char logged_reason[WEIR_MQTT_PROBLEM_SIZE];
    unsigned logged_count; /* in this absence */
    unsigned short_count;  /* connections in a row that did not last */
};

/* What the library needs once a process, before its first handle. */
void weir_mqtt_init_library(void);

/* Makes a handle by which the library calls the connection back. */
bool weir_mqtt_create_handle(struct weir_mqtt *mqtt, MQTTAsync *handle);

/* As the library sees it. Any later callback is over with when this returns: they hold the lock
 * that it takes. */
bool weir_mqtt_handle_connected(struct weir_mqtt *mqtt);

/* Takes a new handle for the old, which drops all the library still has of it. False: no memory,
 * the old one stays. */
bool weir_mqtt_renew_handle(struct weir_mqtt *mqtt);

/* Sees to it that a connection that is over leaves nothing unanswered. False: as above. */
bool weir_mqtt_settle_handle(struct weir_mqtt *mqtt);

/* Sends what is to be subscribed to, one request at a time: the next when it has been answered. */
void weir_mqtt_send_subscriptions(struct weir_mqtt *mqtt);

/* Takes the broker's answer to the newest of them, and logs refusals. */
void weir_mqtt_answer_chunk(struct weir_mqtt *mqtt, const struct weir_mqtt_news *news);

#endif
