/*
 * One supervised connection to an MQTT broker, over paho's MQTTAsync.
 *
 * Threads: on_message runs on the library's thread, inside its lock; it may neither wait nor call
 * anything of this header. Everything else is called from one thread, the owner's, and all
 * connections of a process have the same owner: the library's list of requests is common to all of
 * them and not guarded while a connection is taken down. Whenever there is something for that
 * thread to do (connected, lost, a publish answered), wake_fd, an eventfd, is written; the owner
 * then calls weir_mqtt_step. The library's threads start with the first try to connect and take
 * over the owner's signal mask of that moment.
 *
 * The connection is supervised on the monotonic clock the owner passes in: after a loss or a
 * refusal the next try comes after 1 s, then 2, 4, ... 30 s, with up to a quarter of jitter taken
 * off. A connection that did not last 10 s goes on where the tries before it had got to. It is
 * logged once when it is lost or cannot be made, once more for each further reason, and once when
 * it is there again. A try that hangs ends after 15 s at the latest, a connection whose peer has
 * gone silent after twice the keepalive and a few seconds (for which the broker is told three
 * quarters of it).
 *
 * Ignoring SIGPIPE is the process' business, before the first connection.
 */
#ifndef WEIR_PORT_MQTT_H
#define WEIR_PORT_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weir/config.h"
#include "weir/flow.h"

/* Publishes that may be waiting for their answer at once, on one connection. */
#define WEIR_MQTT_INFLIGHT_MAX 64

/* Bytes of payload that may be unanswered at once, on one connection; a single publish may be
 * longer. The library keeps a copy of each, and loses track of those still queued when a connection
 * goes. */
#define WEIR_MQTT_INFLIGHT_BYTES_MAX ((size_t)256 * 1024)

struct weir_mqtt_filter {
    char text[WEIR_TOPIC_LENGTH_MAX + 1]; /* an MQTT topic filter */
    bool retained; /* what the broker retains there is wanted as well. MQTT 3.1.1 cannot choose */
    bool as_published; /* what comes live and is to be retained says so. MQTT 3.1.1 never does */
    int qos;
};

/* Where the sender of a message wants its answer; MQTT 5. Not NUL-terminated. */
struct weir_mqtt_reply {
    const char *topic; /* NULL: nowhere */
    size_t topic_length;
    const void *correlation; /* to be sent with the answer; NULL: none */
    size_t correlation_length;
};

struct weir_mqtt_options {
    const char *label; /* what the log calls this connection: "broker", "uplink"; borrowed */
    const struct weir_peer_config *peer; /* borrowed for the call */
    const char *client_id;
    bool clean_start; /* false: the broker keeps the session for 7 days, and what arrives while we
                       * are away */
    const char *will_topic; /* NULL: none. Retained, QoS 1 */
    const char *will_payload;
    int will_delay_s; /* how long the broker waits with it for us to come back; MQTT 5 */
    void (*on_message)(void *context, const struct weir_message *message); /* NULL: none */
    void (*on_request)(void *context, const struct weir_message *message,
                       const struct weir_mqtt_reply *reply); /* in place of on_message; NULL */
    void *context;
    int wake_fd;
};

struct weir_mqtt_result {
    uint64_t token;
    bool acknowledged; /* false: refused or lost with the connection; it may be sent again */
    int reason;        /* MQTT 5 reason code where the broker gave one, else 0 or a paho error */
};

#define WEIR_MQTT_PAIR_COUNT_MAX 4

/* What MQTT 5 carries beside a payload; 3.1.1 leaves it out. All of it is borrowed for the call. */
struct weir_mqtt_properties {
    const char *content_type; /* of a payload that is UTF-8; NULL: nothing is said */
    uint32_t expiry_s;        /* until when it is worth delivering; 0: always */
    const void *correlation;
    size_t correlation_length; /* 0: none */
    struct {
        const char *name;
        const char *value;
    } pairs[WEIR_MQTT_PAIR_COUNT_MAX]; /* user properties */
    size_t pair_count;
};

struct weir_mqtt_publication {
    const char *topic; /* NUL-terminated, with neither + nor # (asserted: the caller encodes) */
    const void *payload;
    size_t payload_length;
    int qos; /* 0 or 1 */
    bool retain;
    uint64_t token;
    const struct weir_mqtt_properties *properties; /* NULL: none */
};

struct weir_mqtt;

/* Makes a connection, not yet connected. NULL: out of memory, or options that can't work (a
 * password file that is unreadable or that others may read, a URL that is none); logged. The
 * password file is read again at every try to connect. */
struct weir_mqtt *weir_mqtt_create(const struct weir_mqtt_options *options);

/* Waits for answers still due and says goodbye, together at most wait_ms (no will is then sent),
 * and frees. The last connection of a process also ends the library's threads, which takes another
 * second. */
void weir_mqtt_destroy(struct weir_mqtt *mqtt, int wait_ms);

/* Replaces the filters to subscribe to; takes effect at once when connected, and at every connect.
 * What is no longer among them is unsubscribed; what was left out and is there again is subscribed
 * to anew. In their order. Copies. At most WEIR_STREAM_COUNT_MAX * WEIR_FILTER_COUNT_MAX. A filter
 * that the broker refuses is logged once. Out of memory: logged, the list stays as it was. */
void weir_mqtt_subscribe(struct weir_mqtt *mqtt, const struct weir_mqtt_filter *filters,
                         size_t count);

/* Lets the supervisor work. now_ms: CLOCK_BOOTTIME. Returns the time of the next call that is due;
 * what comes before that writes wake_fd. */
int64_t weir_mqtt_step(struct weir_mqtt *mqtt, int64_t now_ms);

bool weir_mqtt_connected(const struct weir_mqtt *mqtt);

/* True when connected, and the broker has answered to every filter, be it by a refusal. */
bool weir_mqtt_subscribed(const struct weir_mqtt *mqtt);

/* Rises by one with every connection made: who publishes retained state sends it anew then. */
uint64_t weir_mqtt_generation(const struct weir_mqtt *mqtt);

/*
 * Publishes. The payload is copied. For QoS 1 the answer, exactly one, comes through
 * weir_mqtt_take_result under the token; with the connection's loss everything unanswered is
 * answered. WEIR_FULL: not connected, or WEIR_MQTT_INFLIGHT_MAX unanswered (of QoS 0: on their way
 * out), or WEIR_MQTT_INFLIGHT_BYTES_MAX, or as many as the broker takes at once; nothing was sent,
 * and wake_fd tells when there is room. WEIR_REFUSED: longer than the broker takes, or the library
 * turned it down for another reason.
 */
enum weir_status weir_mqtt_send(struct weir_mqtt *mqtt,
                                const struct weir_mqtt_publication *publication);

/* The same, without properties. */
enum weir_status weir_mqtt_publish(struct weir_mqtt *mqtt, const char *topic, const void *payload,
                                   size_t payload_length, int qos, bool retain, uint64_t token);

/* Moves the oldest answer to *result; false when there is none. */
bool weir_mqtt_take_result(struct weir_mqtt *mqtt, struct weir_mqtt_result *result);

/* QoS 1 publishes whose answer has not been taken. */
size_t weir_mqtt_inflight(const struct weir_mqtt *mqtt);

#endif
