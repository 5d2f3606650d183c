/*
 * Where the library's threads and a connection's owner meet: what has happened, which requests are
 * unanswered, and the answers. The library's callbacks write here under a short lock and wake the
 * owner, who acts on it.
 */
#ifndef WEIR_PORT_MQTT_EXCHANGE_H
#define WEIR_PORT_MQTT_EXCHANGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "port/mqtt.h"
#include "port/mqtt_subscription.h"

/* Bytes of a reason in words, its end included. */
#define WEIR_MQTT_REASON_SIZE 160

enum weir_mqtt_request_kind {
    WEIR_MQTT_REQUEST_QOS1,
    WEIR_MQTT_REQUEST_QOS0,
    WEIR_MQTT_REQUEST_SUBSCRIPTION,
    WEIR_MQTT_REQUEST_KIND_COUNT,
};

/* One request that the library has and has not answered. */
struct weir_mqtt_request {
    struct weir_mqtt_exchange *exchange;
    enum weir_mqtt_request_kind kind;
    bool used;
    size_t bytes;
    uint64_t token;
};

/* What the broker said when it accepted. */
struct weir_mqtt_welcome {
    bool session_present;
    int keepalive_s;     /* the broker's own; 0: ours holds */
    size_t receive_max;  /* unanswered publishes it takes; 0: did not say */
    uint32_t packet_max; /* bytes; 0: did not say */
};

/* What has happened since the owner last looked. */
struct weir_mqtt_news {
    bool accepted;
    bool failed; /* a try to connect */
    bool lost;
    bool closed; /* our own farewell went out */
    struct weir_mqtt_welcome welcome;
    char reason[WEIR_MQTT_REASON_SIZE]; /* of failed or lost */
    bool chunk_answered;
    unsigned char codes[WEIR_MQTT_CHUNK_COUNT_MAX];
};

/* QoS 0 may have as many on their way into the socket as QoS 1 may have unanswered. */
#define WEIR_MQTT_REQUEST_COUNT_MAX (2 * WEIR_MQTT_INFLIGHT_MAX + 1)

struct weir_mqtt_exchange {
    /* private */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int wake_fd;
    bool starved; /* a publish found no room: its owner waits for some */
    struct weir_mqtt_news news;
    const char *suspicion; /* what a failure without a reason most likely is */
    char tls_problem[WEIR_MQTT_REASON_SIZE];
    struct weir_mqtt_request requests[WEIR_MQTT_REQUEST_COUNT_MAX];
    size_t used_count[WEIR_MQTT_REQUEST_KIND_COUNT];
    size_t used_bytes;
    struct weir_mqtt_result results[WEIR_MQTT_INFLIGHT_MAX];
    size_t result_first;
    size_t result_count;
};

void weir_mqtt_exchange_init(struct weir_mqtt_exchange *exchange, int wake_fd);
void weir_mqtt_exchange_finish(struct weir_mqtt_exchange *exchange);

/* The owner's side. */

/*
 * A request to hand to the library, of so many bytes; the first may be of any length, all together
 * of WEIR_MQTT_INFLIGHT_BYTES_MAX. QoS 1: at most max_count unanswered and untaken together. NULL:
 * no room; the owner is woken when there is.
 */
struct weir_mqtt_request *weir_mqtt_exchange_reserve(struct weir_mqtt_exchange *exchange,
                                                     enum weir_mqtt_request_kind kind,
                                                     size_t max_count, size_t bytes,
                                                     uint64_t token);

/* Takes back a request that the library did not take. */
void weir_mqtt_exchange_release(struct weir_mqtt_request *request);

/* Requests unanswered, of all kinds. */
size_t weir_mqtt_exchange_count(struct weir_mqtt_exchange *exchange);

/* Answers all that is unanswered as lost. Only when the library can't answer any more. */
void weir_mqtt_exchange_abandon(struct weir_mqtt_exchange *exchange, int reason);

/* Moves what has happened to *news. */
void weir_mqtt_exchange_take_news(struct weir_mqtt_exchange *exchange, struct weir_mqtt_news *news);

/* Before a new try: what earlier ones left behind is gone. Answers stay. suspicion: what a failure
 * for which nobody gives a reason most likely is; a static string. */
void weir_mqtt_exchange_clear(struct weir_mqtt_exchange *exchange, const char *suspicion);

bool weir_mqtt_exchange_take_result(struct weir_mqtt_exchange *exchange,
                                    struct weir_mqtt_result *result);

/* Waits until nothing is unanswered, or until the farewell has gone out, at most until a time of
 * CLOCK_MONOTONIC. */
void weir_mqtt_exchange_wait_answered(struct weir_mqtt_exchange *exchange,
                                      const struct timespec *end);
void weir_mqtt_exchange_wait_closed(struct weir_mqtt_exchange *exchange,
                                    const struct timespec *end);

/* The library's side. */

void weir_mqtt_exchange_note_accepted(struct weir_mqtt_exchange *exchange,
                                      const struct weir_mqtt_welcome *welcome);
void weir_mqtt_exchange_note_failed(struct weir_mqtt_exchange *exchange, const char *reason);
void weir_mqtt_exchange_note_lost(struct weir_mqtt_exchange *exchange, const char *reason);
void weir_mqtt_exchange_note_closed(struct weir_mqtt_exchange *exchange);

/* Keeps the first thing that TLS finds wrong in a try. text need not end in NUL. */
void weir_mqtt_exchange_note_tls_problem(struct weir_mqtt_exchange *exchange, const char *text,
                                         size_t length);

/* The most telling reason there is for a failure: what TLS found, else the suspicion. */
void weir_mqtt_exchange_copy_suspicion(struct weir_mqtt_exchange *exchange,
                                       char reason[static WEIR_MQTT_REASON_SIZE]);

/* The one answer to a request. */
void weir_mqtt_exchange_answer(struct weir_mqtt_request *request, bool acknowledged, int reason);

/* The answer to a subscription; codes missing from count on are refusals. */
void weir_mqtt_exchange_answer_chunk(struct weir_mqtt_request *request, const unsigned char *codes,
                                     size_t count);

#endif
