/*
 * Which filters a connection is to be subscribed to, and what the broker knows of it: bookkeeping,
 * no I/O. Requests go out in chunks, one at a time: next says what to send, answer what came of it.
 */
#ifndef WEIR_PORT_MQTT_SUBSCRIPTION_H
#define WEIR_PORT_MQTT_SUBSCRIPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "port/mqtt.h"

/* Filters of one request: with the longest filters it stays under 17 KiB. */
#define WEIR_MQTT_CHUNK_COUNT_MAX 32

/* Filters a list may have, and as many again that are no longer wanted and still have to be told
 * so. */
#define WEIR_MQTT_FILTER_COUNT_MAX ((size_t)WEIR_STREAM_COUNT_MAX * WEIR_FILTER_COUNT_MAX)

enum weir_mqtt_filter_state {
    WEIR_MQTT_FILTER_WANTED,
    WEIR_MQTT_FILTER_ACTIVE,
    WEIR_MQTT_FILTER_REFUSED,  /* not asked again before the next connection */
    WEIR_MQTT_FILTER_UNWANTED, /* to be unsubscribed */
};

struct weir_mqtt_subscription {
    /* private */
    struct weir_mqtt_entry {
        struct weir_mqtt_filter filter;
        enum weir_mqtt_filter_state state;
        bool complained; /* its refusal was reported and it has not been granted since */
    } * entries;
    size_t count;
    size_t chunk[WEIR_MQTT_CHUNK_COUNT_MAX]; /* entries under way */
    size_t chunk_count;
    bool chunk_removes;
};

/* What to send. The texts are valid until the list changes. */
struct weir_mqtt_chunk {
    char *filters[WEIR_MQTT_CHUNK_COUNT_MAX];
    int qos[WEIR_MQTT_CHUNK_COUNT_MAX];
    bool retained[WEIR_MQTT_CHUNK_COUNT_MAX];
    bool as_published[WEIR_MQTT_CHUNK_COUNT_MAX];
    size_t count;
    bool removes; /* unsubscribe */
};

/* subscription is zeroed. */
void weir_mqtt_subscription_finish(struct weir_mqtt_subscription *subscription);

/* Another list. What the old one had and this one has not becomes unwanted. An answer under way
 * will be ignored. False: out of memory; nothing was changed. */
bool weir_mqtt_subscription_replace(struct weir_mqtt_subscription *subscription,
                                    const struct weir_mqtt_filter *filters, size_t count);

/* A new connection: everything is to be subscribed to again, nothing is under way. */
void weir_mqtt_subscription_restart(struct weir_mqtt_subscription *subscription);

/* The next request, of at most max_count filters: what is unwanted first. False: nothing is left to
 * send. */
bool weir_mqtt_subscription_next(struct weir_mqtt_subscription *subscription, size_t max_count,
                                 struct weir_mqtt_chunk *chunk);

/*
 * The answer to the newest request: a code for each filter in its order, 0x80 and above a refusal.
 * refused has room for WEIR_MQTT_CHUNK_COUNT_MAX and receives the places in codes of filters whose
 * refusal is news. Returns how many.
 */
size_t weir_mqtt_subscription_answer(struct weir_mqtt_subscription *subscription,
                                     const unsigned char *codes, size_t count, size_t *refused);

/* True when the broker has answered to everything on the list. */
bool weir_mqtt_subscription_settled(const struct weir_mqtt_subscription *subscription);

/* The filter in place i of the newest request. */
const char *weir_mqtt_subscription_filter(const struct weir_mqtt_subscription *subscription,
                                          size_t i);

#endif
