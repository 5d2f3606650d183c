#include <stdio.h>
#include <string.h>

#include "port/log.h"
#include "port/mqtt_connection.h"
#include "port/mqtt_greeting.h"

#define RETRY_MS_MAX 30000
#define STABLE_MS 10000      /* a connection that lasts this long begins the delays anew */
#define RESOLVE_MS_MAX 10000 /* a name lookup */
#define CONNECT_MS_MAX 15000 /* a try, should the library lose it */
#define CHECK_MS 10000       /* whether the library still thinks that it is connected */
#define REASON_COUNT_MAX 5   /* reasons logged in one absence */
#define SHORT_COUNT_NOTED 2  /* connections in a row that did not last, before that is logged */

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

    mqtt->state = WEIR_MQTT_WAITING;
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

/* What a broker does not say of itself: two clients of one name take the session from each other. */
static void note_short(struct weir_mqtt *mqtt)
{
    if (++mqtt->short_count == SHORT_COUNT_NOTED)
        weir_log_warning("%s: connections to %s do not last; does another client have the name %s?",
                         mqtt->label, mqtt->peer.config.url, mqtt->client_id);
}

static void lose(struct weir_mqtt *mqtt, int64_t now_ms, const char *reason)
{
    log_absence(mqtt, "lost the connection to", reason);
    if (now_ms - mqtt->connected_ms >= STABLE_MS) {
        mqtt->delay_ms = WEIR_MQTT_RETRY_MS_MIN;
        mqtt->short_count = 0;
    } else {
        note_short(mqtt);
    }
    wait_for_next_try(mqtt, now_ms);
    (void)weir_mqtt_settle_handle(mqtt); /* if that fails, the next try does it */
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

    mqtt->state = WEIR_MQTT_CONNECTING;
    mqtt->due_ms = now_ms + CONNECT_MS_MAX;
    if (!weir_mqtt_peer_read_password(&mqtt->peer, &password, problem) ||
        !weir_mqtt_peer_check_files(&mqtt->peer, problem) ||
        !weir_mqtt_greeting_send(&greeting, mqtt->handle, &mqtt->exchange))
        fail_try(mqtt, now_ms, problem);
    explicit_bzero(&password, sizeof(password));
}

static void begin_try(struct weir_mqtt *mqtt, int64_t now_ms)
{
    if (!weir_mqtt_settle_handle(mqtt)) {
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
    mqtt->state = WEIR_MQTT_RESOLVING;
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
    mqtt->state = WEIR_MQTT_CONNECTED;
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
        (void)weir_mqtt_renew_handle(mqtt);
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
    if (!weir_mqtt_handle_connected(mqtt))
        lose(mqtt, now_ms, "closed without a word");
}

int64_t weir_mqtt_step(struct weir_mqtt *mqtt, int64_t now_ms)
{
    struct weir_mqtt_news news;

    weir_mqtt_exchange_take_news(&mqtt->exchange, &news);
    if (mqtt->state == WEIR_MQTT_CONNECTING)
        follow_connecting(mqtt, &news, now_ms);
    if (mqtt->state == WEIR_MQTT_CONNECTED) {
        if (news.chunk_answered)
            weir_mqtt_answer_chunk(mqtt, &news);
        follow_connected(mqtt, &news, now_ms);
    }
    if (mqtt->state == WEIR_MQTT_WAITING && now_ms >= mqtt->due_ms)
        begin_try(mqtt, now_ms);
    if (mqtt->state == WEIR_MQTT_RESOLVING)
        follow_resolving(mqtt, now_ms);
    if (mqtt->state == WEIR_MQTT_CONNECTED)
        weir_mqtt_send_subscriptions(mqtt);
    return mqtt->due_ms;
}
