#include "port/mqtt.h"

#include <MQTTAsync.h>
#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "port/log.h"
#include "port/mqtt_callbacks.h"
#include "port/mqtt_exchange.h"
#include "port/mqtt_greeting.h"
#include "port/mqtt_peer.h"
#include "port/mqtt_properties.h"
#include "port/mqtt_subscription.h"
#include "port/resolver.h"

#define RETRY_MS_MIN 1000
#define RETRY_MS_MAX 30000
#define STABLE_MS 10000           /* a connection that lasts this long begins the delays anew */
#define RESOLVE_MS_MAX 10000      /* a name lookup */
#define CONNECT_MS_MAX 15000      /* a try, should the library lose it */
#define CHECK_MS 10000            /* whether the library still thinks that it is connected */
#define PUBLISH_OVERHEAD_BYTES 16 /* of a publish packet, beside topic and payload, at most */
#define REASON_COUNT_MAX 5        /* reasons logged in one absence */

enum state { STATE_WAITING, STATE_RESOLVING, STATE_CONNECTING, STATE_CONNECTED };

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

    enum state state;
    int64_t due_ms; /* the next try, or the end of patience with this one */
    int64_t delay_ms;
    int64_t connected_ms; /* since when */
    uint64_t generation;
    struct weir_mqtt_welcome welcome;
    size_t inflight; /* QoS 1 publishes whose answer was not taken */
    uint32_t random;
    char logged_reason[WEIR_MQTT_PROBLEM_SIZE];
    unsigned logged_count; /* in this absence */
};

static int on_message(void *context, char *topic, int topic_length, MQTTAsync_message *arrived)
{
    struct weir_mqtt *mqtt = context;
    struct weir_message message = {
        .topic = topic,
        .topic_length = topic_length > 0 ? (size_t)topic_length : strlen(topic),
        .payload = arrived->payload ? arrived->payload : "",
        .payload_length = (size_t)arrived->payloadlen,
        .packet_id = arrived->qos > 0 ? (uint16_t)arrived->msgid : 0,
        .retained = arrived->retained != 0,
        .duplicate = arrived->dup != 0,
    };

    if (mqtt->on_request) {
        struct weir_mqtt_reply reply;

        weir_mqtt_properties_read_reply(&reply, &arrived->properties);
        mqtt->on_request(mqtt->context, &message, &reply);
    } else if (mqtt->on_message) {
        mqtt->on_message(mqtt->context, &message);
    }
    MQTTAsync_freeMessage(&arrived);
    MQTTAsync_free(topic);
    /* Anything else makes the library acknowledge later messages before it delivers them. */
    return 1;
}

static void on_lost(void *context, char *cause)
{
    struct weir_mqtt *mqtt = context;

    (void)cause;
    weir_mqtt_exchange_note_lost(&mqtt->exchange, "closed by the other side, or no answer");
}

static bool create_handle(struct weir_mqtt *mqtt, MQTTAsync *handle)
{
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;

    options.MQTTVersion = mqtt->peer.config.version;
    /* More than we ever give it at once: fullness is decided here, not there. */
    options.maxBufferedMessages = WEIR_MQTT_REQUEST_COUNT_MAX + 1;
    if (MQTTAsync_createWithOptions(handle, mqtt->peer.uri, mqtt->client_id,
                                    MQTTCLIENT_PERSISTENCE_NONE, NULL,
                                    &options) != MQTTASYNC_SUCCESS)
        return false;
    if (MQTTAsync_setCallbacks(*handle, mqtt, on_lost, on_message, NULL) == MQTTASYNC_SUCCESS &&
        MQTTAsync_setDisconnected(*handle, &mqtt->exchange, weir_mqtt_callbacks_disconnected) ==
            MQTTASYNC_SUCCESS)
        return true;
    MQTTAsync_destroy(handle);
    return false;
}

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

/*
 * OpenSSL sets itself up when it is first used. Left to the library, it is set up for connections
 * without TLS too, which costs 1.5 MiB of resident memory.
 *
 * With its last handle the library takes down what its receiving thread may still write to. So
 * there is a handle that nobody uses and nobody destroys.
 */
static void init_library(void)
{
    static MQTTAsync spare;
    MQTTAsync_init_options options = MQTTAsync_init_options_initializer;

    if (spare)
        return;
    MQTTAsync_global_init(&options);
    (void)MQTTAsync_create(&spare, "tcp://127.0.0.1:1", "weir-spare", MQTTCLIENT_PERSISTENCE_NONE,
                           NULL);
}

struct weir_mqtt *weir_mqtt_create(const struct weir_mqtt_options *options)
{
    struct weir_mqtt *mqtt = calloc(1, sizeof(*mqtt));
    char problem[WEIR_MQTT_PROBLEM_SIZE] = "out of memory";

    if (!mqtt)
        goto error;
    init_library();
    mqtt->label = options->label;
    mqtt->clean_start = options->clean_start;
    mqtt->will_delay_s = options->will_delay_s;
    mqtt->on_message = options->on_message;
    mqtt->on_request = options->on_request;
    mqtt->context = options->context;
    mqtt->delay_ms = RETRY_MS_MIN;
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
    if (!create_handle(mqtt, &mqtt->handle))
        goto error_mqtt;
    return mqtt;

error_mqtt:
    free_mqtt(mqtt);
error:
    weir_log_error("%s: %s", options->label, problem);
    return NULL;
}

/* Any later callback is over with when this returns: they hold the lock that it takes. */
static bool library_connected(struct weir_mqtt *mqtt)
{
    return MQTTAsync_isConnected(mqtt->handle) != 0;
}

/*
 * Takes a new handle for the old, which drops all the library still has of it. The other order
 * would stop the library's threads whenever this is the only connection.
 */
static bool renew_handle(struct weir_mqtt *mqtt)
{
    MQTTAsync handle;

    if (!create_handle(mqtt, &handle))
        return false;
    MQTTAsync_destroy(&mqtt->handle);
    mqtt->handle = handle;
    weir_mqtt_exchange_abandon(&mqtt->exchange, MQTTASYNC_DISCONNECTED);
    return true;
}

/*
 * Sees to it that a connection that is over leaves nothing unanswered. What was sent, the library
 * answers when it closes the session; what still waited in its queue it would send on the next
 * connection, on top of what its owner then sends again.
 */
static bool settle(struct weir_mqtt *mqtt)
{
    bool connected = library_connected(mqtt);

    if (!connected && weir_mqtt_exchange_count(&mqtt->exchange) == 0)
        return true;
    return renew_handle(mqtt);
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
    if (mqtt->state == STATE_CONNECTED && wait_ms > 0)
        say_goodbye(mqtt, wait_ms);
    MQTTAsync_destroy(&mqtt->handle);
    free_mqtt(mqtt);
}

/* Logs why there is no connection, unless that has just been said. */
static void log_absence(struct weir_mqtt *mqtt, const char *what, const char *reason)
{
    if (strcmp(mqtt->logged_reason, reason) == 0 || mqtt->logged_count >= REASON_COUNT_MAX)
        return;
    mqtt->logged_count++;
    snprintf(mqtt->logged_reason, sizeof(mqtt->logged_reason), "%s", reason);
    weir_log_warning("%s: %s %s: %s", mqtt->label, what, mqtt->peer.config.url, reason);
}

static void log_presence(struct weir_mqtt *mqtt)
{
    const char *url = mqtt->peer.config.url;

    mqtt->logged_reason[0] = '\0';
    mqtt->logged_count = 0;
    if (mqtt->clean_start || mqtt->welcome.session_present || mqtt->generation == 0)
        weir_log_info("%s: connected to %s", mqtt->label, url);
    else
        weir_log_warning(
            "%s: connected to %s, which has forgotten the session and what it held for us",
            mqtt->label, url);
}

static uint32_t draw(struct weir_mqtt *mqtt)
{
    mqtt->random ^= mqtt->random << 13;
    mqtt->random ^= mqtt->random >> 17;
    mqtt->random ^= mqtt->random << 5;
    return mqtt->random;
}

static void wait_for_next_try(struct weir_mqtt *mqtt, int64_t now_ms)
{
    int64_t jitter_ms = (int64_t)(draw(mqtt) % (uint32_t)(mqtt->delay_ms / 4));

    mqtt->state = STATE_WAITING;
    mqtt->due_ms = now_ms + mqtt->delay_ms - jitter_ms;
    mqtt->delay_ms *= 2;
    if (mqtt->delay_ms > RETRY_MS_MAX)
        mqtt->delay_ms = RETRY_MS_MAX;
}

static void fail_try(struct weir_mqtt *mqtt, int64_t now_ms, const char *reason)
{
    log_absence(mqtt, "cannot connect to", reason);
    wait_for_next_try(mqtt, now_ms);
}

static void lose(struct weir_mqtt *mqtt, int64_t now_ms, const char *reason)
{
    if (now_ms - mqtt->connected_ms >= STABLE_MS)
        mqtt->delay_ms = RETRY_MS_MIN;
    log_absence(mqtt, "lost the connection to", reason);
    wait_for_next_try(mqtt, now_ms);
    (void)settle(mqtt); /* if that fails, the next try does it */
}

/*
 * The library pings after a keepalive and gives up one and a half later: told three quarters, it
 * has found out by twice the time. A broker that wants less than that it does not hear, but asks
 * for the right one at the next connection.
 */
static int choose_keepalive(const struct weir_mqtt *mqtt)
{
    int keepalive_s = (mqtt->peer.config.keepalive_s * 3 + 3) / 4;
    int wanted_s = mqtt->welcome.keepalive_s;

    return wanted_s > 0 && wanted_s < keepalive_s ? wanted_s : keepalive_s;
}

static void try_connect(struct weir_mqtt *mqtt, int64_t now_ms)
{
    struct weir_mqtt_password password;
    struct weir_mqtt_greeting greeting = {
        .peer = &mqtt->peer,
        .password = &password,
        .will_topic = mqtt->will_topic,
        .will_payload = mqtt->will_payload,
        .will_delay_s = mqtt->will_delay_s,
        .clean_start = mqtt->clean_start,
        .receives = mqtt->on_message || mqtt->on_request,
        .keepalive_s = choose_keepalive(mqtt),
    };
    char problem[WEIR_MQTT_PROBLEM_SIZE] = "the library cannot begin";

    mqtt->state = STATE_CONNECTING;
    mqtt->due_ms = now_ms + CONNECT_MS_MAX;
    if (!weir_mqtt_peer_read_password(&mqtt->peer, &password, problem) ||
        !weir_mqtt_peer_check_files(&mqtt->peer, problem) ||
        !weir_mqtt_greeting_send(&greeting, mqtt->handle, &mqtt->exchange))
        fail_try(mqtt, now_ms, problem);
    explicit_bzero(&password, sizeof(password));
}

static void begin_try(struct weir_mqtt *mqtt, int64_t now_ms)
{
    if (!settle(mqtt)) {
        fail_try(mqtt, now_ms, "out of memory");
        return;
    }
    weir_mqtt_exchange_clear(&mqtt->exchange,
                             mqtt->peer.tls ? "nobody there, or a certificate for another name"
                                            : "nobody there, or the handshake was broken off");
    if (!mqtt->resolver) {
        try_connect(mqtt, now_ms);
        return;
    }
    mqtt->state = STATE_RESOLVING;
    mqtt->due_ms = now_ms + RESOLVE_MS_MAX;
    if (!weir_resolver_begin(mqtt->resolver))
        fail_try(mqtt, now_ms, "no thread to look the name up");
}

static void follow_resolving(struct weir_mqtt *mqtt, int64_t now_ms)
{
    const char *problem;

    if (weir_resolver_busy(mqtt->resolver)) {
        if (now_ms >= mqtt->due_ms)
            fail_try(mqtt, now_ms, "the name lookup has no answer");
        return;
    }
    problem = weir_resolver_problem(mqtt->resolver);
    if (problem)
        fail_try(mqtt, now_ms, problem);
    else
        try_connect(mqtt, now_ms);
}

static void begin_connection(struct weir_mqtt *mqtt, const struct weir_mqtt_welcome *welcome,
                             int64_t now_ms)
{
    mqtt->state = STATE_CONNECTED;
    mqtt->due_ms = now_ms + CHECK_MS;
    mqtt->connected_ms = now_ms;
    mqtt->welcome = *welcome;
    log_presence(mqtt);
    mqtt->generation++;
    weir_mqtt_subscription_restart(&mqtt->subscription);
}

static void follow_connecting(struct weir_mqtt *mqtt, const struct weir_mqtt_news *news,
                              int64_t now_ms)
{
    if (news->accepted)
        begin_connection(mqtt, &news->welcome, now_ms);
    else if (news->failed || news->lost)
        fail_try(mqtt, now_ms, news->reason);
    else if (now_ms >= mqtt->due_ms) {
        fail_try(mqtt, now_ms, "no answer");
        (void)renew_handle(mqtt);
    }
}

static void follow_connected(struct weir_mqtt *mqtt, const struct weir_mqtt_news *news,
                             int64_t now_ms)
{
    if (news->lost) {
        lose(mqtt, now_ms, news->reason);
        return;
    }
    if (now_ms < mqtt->due_ms)
        return;
    mqtt->due_ms = now_ms + CHECK_MS;
    if (!library_connected(mqtt))
        lose(mqtt, now_ms, "closed without a word");
}

static void answer_chunk(struct weir_mqtt *mqtt, const struct weir_mqtt_news *news)
{
    size_t refused[WEIR_MQTT_CHUNK_COUNT_MAX];
    size_t count = weir_mqtt_subscription_answer(&mqtt->subscription, news->codes,
                                                 sizeof(news->codes), refused);

    for (size_t i = 0; i < count; i++)
        weir_log_warning("%s: refuses the subscription to '%s' (code %d)", mqtt->label,
                         weir_mqtt_subscription_filter(&mqtt->subscription, refused[i]),
                         news->codes[refused[i]]);
}

static int send_chunk(struct weir_mqtt *mqtt, const struct weir_mqtt_chunk *chunk,
                      struct weir_mqtt_request *request)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    MQTTSubscribe_options plain = MQTTSubscribe_options_initializer;
    MQTTSubscribe_options options[WEIR_MQTT_CHUNK_COUNT_MAX];
    int version = mqtt->peer.config.version;

    if (chunk->removes) {
        weir_mqtt_callbacks_set_unsubscribe(&response, version, request);
        return MQTTAsync_unsubscribeMany(mqtt->handle, (int)chunk->count, chunk->filters,
                                         &response);
    }
    for (size_t i = 0; i < chunk->count; i++) {
        options[i] = plain;
        options[i].retainHandling = chunk->retained[i] ? 0 : 2;
        options[i].retainAsPublished = chunk->as_published[i];
    }
    response.subscribeOptions = options[0];
    response.subscribeOptionsCount = (int)chunk->count;
    response.subscribeOptionsList = options;
    weir_mqtt_callbacks_set_subscribe(&response, version, request);
    return MQTTAsync_subscribeMany(mqtt->handle, (int)chunk->count, chunk->filters, chunk->qos,
                                   &response);
}

/* One request at a time; the next goes out when it has been answered. */
static void send_subscriptions(struct weir_mqtt *mqtt)
{
    size_t max = mqtt->peer.config.version >= MQTTVERSION_5 ? WEIR_MQTT_CHUNK_COUNT_MAX : 1;
    struct weir_mqtt_request *request;
    struct weir_mqtt_chunk chunk;
    struct weir_mqtt_news refusal;
    int result;

    request = weir_mqtt_exchange_reserve(&mqtt->exchange, WEIR_MQTT_REQUEST_SUBSCRIPTION, 1, 0, 0);
    if (!request)
        return;
    while (weir_mqtt_subscription_next(&mqtt->subscription, max, &chunk)) {
        result = send_chunk(mqtt, &chunk, request);
        if (result == MQTTASYNC_SUCCESS)
            return;
        if (result == MQTTASYNC_DISCONNECTED)
            break;
        memset(refusal.codes, MQTT_BAD_SUBSCRIBE, sizeof(refusal.codes));
        answer_chunk(mqtt, &refusal);
    }
    weir_mqtt_exchange_release(request);
}

void weir_mqtt_subscribe(struct weir_mqtt *mqtt, const struct weir_mqtt_filter *filters,
                         size_t count)
{
    if (!weir_mqtt_subscription_replace(&mqtt->subscription, filters, count)) {
        weir_log_error("%s: out of memory, the subscriptions stay as they were", mqtt->label);
        return;
    }
    if (mqtt->state == STATE_CONNECTED)
        send_subscriptions(mqtt);
}

int64_t weir_mqtt_step(struct weir_mqtt *mqtt, int64_t now_ms)
{
    struct weir_mqtt_news news;

    weir_mqtt_exchange_take_news(&mqtt->exchange, &news);
    if (mqtt->state == STATE_CONNECTING)
        follow_connecting(mqtt, &news, now_ms);
    if (mqtt->state == STATE_CONNECTED) {
        if (news.chunk_answered)
            answer_chunk(mqtt, &news);
        follow_connected(mqtt, &news, now_ms);
    }
    if (mqtt->state == STATE_WAITING && now_ms >= mqtt->due_ms)
        begin_try(mqtt, now_ms);
    if (mqtt->state == STATE_RESOLVING)
        follow_resolving(mqtt, now_ms);
    if (mqtt->state == STATE_CONNECTED)
        send_subscriptions(mqtt);
    return mqtt->due_ms;
}

bool weir_mqtt_connected(const struct weir_mqtt *mqtt)
{
    return mqtt->state == STATE_CONNECTED;
}

bool weir_mqtt_subscribed(const struct weir_mqtt *mqtt)
{
    return weir_mqtt_connected(mqtt) && weir_mqtt_subscription_settled(&mqtt->subscription);
}

uint64_t weir_mqtt_generation(const struct weir_mqtt *mqtt)
{
    return mqtt->generation;
}

static bool is_too_long(const struct weir_mqtt *mqtt,
                        const struct weir_mqtt_publication *publication)
{
    size_t packet_max = mqtt->welcome.packet_max;
    size_t length =
        strlen(publication->topic) + publication->payload_length + PUBLISH_OVERHEAD_BYTES;

    if (publication->payload_length > INT_MAX / 2)
        return true;
    if (publication->properties)
        length += weir_mqtt_properties_length(publication->properties);
    return packet_max > 0 && length > packet_max;
}

/* Returns the library's result. */
static int hand_over(struct weir_mqtt *mqtt, const struct weir_mqtt_publication *publication,
                     struct weir_mqtt_request *request)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    const char *payload = publication->payload ? publication->payload : "";
    int result = MQTTASYNC_FAILURE;

    weir_mqtt_callbacks_set_publish(&response, mqtt->peer.config.version, request);
    if (mqtt->peer.config.version < MQTTVERSION_5 || !publication->properties ||
        weir_mqtt_properties_write(&response.properties, publication->properties))
        result = MQTTAsync_send(mqtt->handle, publication->topic, (int)publication->payload_length,
                                payload, publication->qos, publication->retain, &response);
    MQTTProperties_free(&response.properties);
    return result;
}

enum weir_status weir_mqtt_send(struct weir_mqtt *mqtt,
                                const struct weir_mqtt_publication *publication)
{
    bool answered = publication->qos == 1;
    size_t max_count = WEIR_MQTT_INFLIGHT_MAX;
    struct weir_mqtt_request *request;
    int result;

    assert(publication->qos == 0 || publication->qos == 1);
    assert(publication->topic[0] != '\0' && !strpbrk(publication->topic, "+#"));
    if (mqtt->state != STATE_CONNECTED)
        return WEIR_FULL;
    if (is_too_long(mqtt, publication))
        return WEIR_REFUSED;
    if (answered && mqtt->welcome.receive_max > 0 && mqtt->welcome.receive_max < max_count)
        max_count = mqtt->welcome.receive_max;
    request = weir_mqtt_exchange_reserve(
        &mqtt->exchange, answered ? WEIR_MQTT_REQUEST_QOS1 : WEIR_MQTT_REQUEST_QOS0, max_count,
        publication->payload_length, publication->token);
    if (!request)
        return WEIR_FULL;
    result = hand_over(mqtt, publication, request);
    if (result == MQTTASYNC_SUCCESS) {
        mqtt->inflight += answered;
        return WEIR_OK;
    }
    weir_mqtt_exchange_release(request);
    return result == MQTTASYNC_DISCONNECTED || result == MQTTASYNC_MAX_BUFFERED_MESSAGES ||
                   result == MQTTASYNC_NO_MORE_MSGIDS
               ? WEIR_FULL
               : WEIR_REFUSED;
}

enum weir_status weir_mqtt_publish(struct weir_mqtt *mqtt, const char *topic, const void *payload,
                                   size_t payload_length, int qos, bool retain, uint64_t token)
{
    const struct weir_mqtt_publication publication = {
        .topic = topic,
        .payload = payload,
        .payload_length = payload_length,
        .qos = qos,
        .retain = retain,
        .token = token,
    };

    return weir_mqtt_send(mqtt, &publication);
}

bool weir_mqtt_take_result(struct weir_mqtt *mqtt, struct weir_mqtt_result *result)
{
    bool taken = weir_mqtt_exchange_take_result(&mqtt->exchange, result);

    mqtt->inflight -= taken;
    return taken;
}

size_t weir_mqtt_inflight(const struct weir_mqtt *mqtt)
{
    return mqtt->inflight;
}
