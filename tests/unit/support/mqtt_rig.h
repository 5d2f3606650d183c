/*
 * What tests of connections share: a broker, an inbox, the log in a file, and the owner's loop.
 */
#ifndef TESTS_SUPPORT_MQTT_RIG_H
#define TESTS_SUPPORT_MQTT_RIG_H

#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "broker.h"
#include "port/mqtt.h"

#define PLAIN "allow_anonymous true\n"

/* How many messages have arrived, and the newest. */
struct inbox {
    atomic_int count;
    atomic_int retained;
    char topic[64];
    char payload[64];
    size_t payload_length;
};

static struct broker broker;
static struct inbox inbox;
static int wake_fd = -1;
static FILE *log_file;
static int kept_stderr;

static inline int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_BOOTTIME, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static inline void take_message(void *context, const struct weir_message *message)
{
    struct inbox *box = context;

    snprintf(box->topic, sizeof(box->topic), "%.*s", (int)message->topic_length, message->topic);
    snprintf(box->payload, sizeof(box->payload), "%.*s", (int)message->payload_length,
             message->payload);
    box->payload_length = message->payload_length;
    if (message->retained)
        atomic_fetch_add(&box->retained, 1);
    atomic_fetch_add(&box->count, 1);
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
        .context = &inbox,
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

/* Lets the connection work, for at most 50 ms. */
static inline void turn(struct weir_mqtt *mqtt)
{
    struct pollfd wake = {.fd = wake_fd, .events = POLLIN};
    eventfd_t count;

    (void)weir_mqtt_step(mqtt, now());
    if (poll(&wake, 1, 50) > 0)
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

    while (atomic_load(&inbox.count) < count && now() < end_ms)
        turn(mqtt);
    return atomic_load(&inbox.count) == count;
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
    for (int i = 0; i < 4; i++)
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
    int before = atomic_load(&inbox.count);
    int64_t end_ms = now() + 10000;

    while (atomic_load(&inbox.count) == before && now() < end_ms) {
        (void)weir_mqtt_publish(mqtt, topic, "probe", 5, 0, false, 0);
        for (int i = 0; i < 4; i++)
            turn(mqtt);
    }
    assert_true(atomic_load(&inbox.count) > before);
    /* Probes sent before the subscription did not come back; what was sent last is the end. */
    assert_int_equal(weir_mqtt_publish(mqtt, topic, "end", 3, 0, false, 0), WEIR_OK);
    while (strcmp(inbox.payload, "end") != 0 && now() < end_ms)
        turn(mqtt);
    memset(&inbox, 0, sizeof(inbox));
}

static inline int set_up(void **state)
{
    (void)state;
    memset(&inbox, 0, sizeof(inbox));
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

/* The library's threads end with its last connection, which takes a second: one is there throughout. */
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
