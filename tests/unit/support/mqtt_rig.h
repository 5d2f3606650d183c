/*
 * What tests of connections share: a broker, an inbox, the log in a file, and the owner's loop.
 */
#ifndef TESTS_SUPPORT_MQTT_RIG_H
#define TESTS_SUPPORT_MQTT_RIG_H

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "broker.h"
#include "port/mqtt.h"

#define PLAIN "allow_anonymous true\n"

/* How many messages have arrived, and the newest. */
struct inbox {
    int count;
    int retained;
    char topic[64];
    char payload[64];
    size_t payload_length;
};

static struct broker broker;
static struct inbox inbox; /* under inbox_lock */
static pthread_mutex_t inbox_lock = PTHREAD_MUTEX_INITIALIZER;
static int wake_fd = -1;
static FILE *log_file;
static int kept_stderr;

static inline int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_BOOTTIME, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* The callback of every connection. */
static inline void take_message(void *context, const struct weir_message *message)
{
    (void)context;
    pthread_mutex_lock(&inbox_lock);
    snprintf(inbox.topic, sizeof(inbox.topic), "%.*s", (int)message->topic_length, message->topic);
    snprintf(inbox.payload, sizeof(inbox.payload), "%.*s", (int)message->payload_length,
             message->payload);
    inbox.payload_length = message->payload_length;
    inbox.retained += message->retained;
    inbox.count++;
    pthread_mutex_unlock(&inbox_lock);
}

static inline struct inbox copy_inbox(void)
{
    struct inbox copy;

    pthread_mutex_lock(&inbox_lock);
    copy = inbox;
    pthread_mutex_unlock(&inbox_lock);
    return copy;
}

static inline void clear_inbox(void)
{
    pthread_mutex_lock(&inbox_lock);
    memset(&inbox, 0, sizeof(inbox));
    pthread_mutex_unlock(&inbox_lock);
}

/* How often the log has a text since the test began. */
static inline int count_logged(const char *text)
{
    static char lines[65536];
    size_t length;
    int count = 0;

    rewind(log_file);
    length = fread(lines, 1, sizeof(lines) - 1, log_file);
    lines[length] = '\0';
    for (const char *at = strstr(lines, text); at; at = strstr(at + 1, text))
        count++;
    return count;
}

static inline struct weir_peer_config make_peer(int version)
{
    struct weir_peer_config peer = {.keepalive_s = 30, .version = version};

    snprintf(peer.url, sizeof(peer.url), "mqtt://127.0.0.1:%d", broker.port);
    return peer;
}

static inline struct weir_mqtt_options make_options(const struct weir_peer_config *peer,
                                                    const char *id)
{
    return (struct weir_mqtt_options){
        .label = id,
        .peer = peer,
        .client_id = id,
        .clean_start = true,
        .on_message = take_message,
        .wake_fd = wake_fd,
    };
}

static inline struct weir_mqtt *create(int version, const char *id)
{
    struct weir_peer_config peer = make_peer(version);
    struct weir_mqtt_options options = make_options(&peer, id);
    struct weir_mqtt *mqtt = weir_mqtt_create(&options);

    assert_non_null(mqtt);
    return mqtt;
}

/* Lets the connection work, for at most 20 ms. */
static inline void turn(struct weir_mqtt *mqtt)
{
    struct pollfd wake = {.fd = wake_fd, .events = POLLIN};
    eventfd_t count;

    (void)weir_mqtt_step(mqtt, now());
    if (poll(&wake, 1, 20) > 0)
        (void)eventfd_read(wake_fd, &count);
}

static inline bool await_connection(struct weir_mqtt *mqtt, bool connected, int wait_ms)
{
    int64_t end_ms = now() + wait_ms;

    while (weir_mqtt_connected(mqtt) != connected && now() < end_ms)
        turn(mqtt);
    return weir_mqtt_connected(mqtt) == connected;
}

static inline bool await_messages(struct weir_mqtt *mqtt, int count, int wait_ms)
{
    int64_t end_ms = now() + wait_ms;

    while (copy_inbox().count < count && now() < end_ms)
        turn(mqtt);
    return copy_inbox().count == count;
}

static inline bool await_log(struct weir_mqtt *mqtt, const char *text, int wait_ms)
{
    int64_t end_ms = now() + wait_ms;

    while (count_logged(text) == 0 && now() < end_ms)
        turn(mqtt);
    return count_logged(text) > 0;
}

static inline void await_results(struct weir_mqtt *mqtt, int count, int *acknowledged, int *lost)
{
    struct weir_mqtt_result result;
    int64_t end_ms = now() + 20000;

    *acknowledged = 0;
    *lost = 0;
    while (*acknowledged + *lost < count && now() < end_ms) {
        while (weir_mqtt_take_result(mqtt, &result))
            *(result.acknowledged ? acknowledged : lost) += 1;
        turn(mqtt);
    }
    turn(mqtt);
    assert_false(weir_mqtt_take_result(mqtt, &result));
    assert_int_equal(*acknowledged + *lost, count);
    assert_int_equal(weir_mqtt_inflight(mqtt), 0);
}

static inline void subscribe(struct weir_mqtt *mqtt, const char *filter)
{
    struct weir_mqtt_filter one = {.qos = 1};

    snprintf(one.text, sizeof(one.text), "%s", filter);
    weir_mqtt_subscribe(mqtt, &one, 1);
}

static inline void publish(struct weir_mqtt *mqtt, const char *topic, const char *payload,
                           bool retain)
{
    int acknowledged;
    int lost;

    assert_int_equal(weir_mqtt_publish(mqtt, topic, payload, strlen(payload), 1, retain, 1),
                     WEIR_OK);
    await_results(mqtt, 1, &acknowledged, &lost);
    assert_int_equal(acknowledged, 1);
}

/* Waits until a subscription has reached the broker: the subscriber hears its own probe. */
static inline void settle(struct weir_mqtt *mqtt, const char *topic)
{
    int before = copy_inbox().count;
    int64_t end_ms = now() + 10000;

    while (copy_inbox().count == before && now() < end_ms) {
        (void)weir_mqtt_publish(mqtt, topic, "probe", 5, 0, false, 0);
        for (int i = 0; i < 4 && copy_inbox().count == before; i++)
            turn(mqtt);
    }
    assert_true(copy_inbox().count > before);
    /* Probes sent before the subscription did not come back; what was sent last is the end. */
    assert_int_equal(weir_mqtt_publish(mqtt, topic, "end", 3, 0, false, 0), WEIR_OK);
    while (strcmp(copy_inbox().payload, "end") != 0 && now() < end_ms)
        turn(mqtt);
    clear_inbox();
}

static inline int set_up(void **state)
{
    (void)state;
    clear_inbox();
    memset(&broker, 0, sizeof(broker));
    wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    log_file = tmpfile();
    kept_stderr = dup(STDERR_FILENO);
    if (wake_fd < 0 || !log_file || kept_stderr < 0)
        return -1;
    fcntl(fileno(log_file), F_SETFL, O_APPEND);
    return dup2(fileno(log_file), STDERR_FILENO) < 0 ? -1 : 0;
}

/* Passes the log on, for whoever looks into a failure. */
static inline int tear_down(void **state)
{
    char line[1024];

    (void)state;
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    rewind(log_file);
    while (fgets(line, sizeof(line), log_file))
        fputs(line, stderr);
    fclose(log_file);
    close(wake_fd);
    if (broker.port != 0)
        broker_finish(&broker);
    return 0;
}

/* The library's threads end with its last connection, which takes a second: one is there
 * throughout. */
static struct weir_mqtt *bystander;

static inline int set_up_group(void **state)
{
    static const struct weir_peer_config peer = {
        .url = "mqtt://127.0.0.1", .keepalive_s = 30, .version = 5};
    struct weir_mqtt_options options = make_options(&peer, "bystander");

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    bystander = weir_mqtt_create(&options);
    return bystander ? 0 : -1;
}

static inline int tear_down_group(void **state)
{
    (void)state;
    weir_mqtt_destroy(bystander, 0);
    return 0;
}

#define MQTT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
