#include "support/mqtt_rig.h"

static void check_round_trip(int version)
{
    struct weir_mqtt *mqtt;

    clear_inbox();
    mqtt = create(version, "round");
    assert_false(weir_mqtt_connected(mqtt));
    assert_int_equal(weir_mqtt_publish(mqtt, "a", "x", 1, 1, false, 1), WEIR_FULL);
    assert_true(await_connection(mqtt, true, 5000));
    assert_int_equal(weir_mqtt_generation(mqtt), 1);
    subscribe(mqtt, "sensors/+/telemetry");
    settle(mqtt, "sensors/0/telemetry");
    publish(mqtt, "sensors/7/telemetry", "21.5", false);
    assert_true(await_messages(mqtt, 1, 5000));
    assert_string_equal(copy_inbox().topic, "sensors/7/telemetry");
    assert_string_equal(copy_inbox().payload, "21.5");
    publish(mqtt, "sensors/7/telemetry", "", false);
    assert_true(await_messages(mqtt, 2, 5000));
    assert_int_equal(copy_inbox().payload_length, 0);
    weir_mqtt_destroy(mqtt, 2000);
}

static void a_message_goes_out_and_comes_in(void **state)
{
    (void)state;
    broker_init(&broker, PLAIN);
    broker_start(&broker);
    check_round_trip(5);
    check_round_trip(4);
}

static void send_many(struct weir_mqtt *mqtt, int total)
{
    struct weir_mqtt_result result;
    int64_t end_ms = now() + 20000;
    int sent = 0;
    int answered = 0;

    while (answered < total && now() < end_ms) {
        while (sent < total &&
               weir_mqtt_publish(mqtt, "many/1", "x", 1, 1, false, (uint64_t)sent) == WEIR_OK)
            sent++;
        assert_in_range(weir_mqtt_inflight(mqtt), 0, WEIR_MQTT_INFLIGHT_MAX);
        turn(mqtt);
        while (weir_mqtt_take_result(mqtt, &result)) {
            assert_int_equal(result.token, answered); /* a broker answers in order */
            assert_true(result.acknowledged);
            answered++;
        }
    }
    assert_int_equal(answered, total);
}

static void every_publish_is_answered_once(void **state)
{
    struct weir_mqtt *mqtt;

    (void)state;
    broker_init(&broker, PLAIN);
    broker_start(&broker);
    for (int version = 4; version <= 5; version++) {
        mqtt = create(version, "many");
        assert_true(await_connection(mqtt, true, 5000));
        send_many(mqtt, 1000);
        weir_mqtt_destroy(mqtt, 2000);
    }
}

static void qos_0_is_bounded_and_gets_no_answer(void **state)
{
    struct weir_mqtt_result result;
    struct weir_mqtt *mqtt;
    int sent = 0;

    (void)state;
    broker_init(&broker, PLAIN);
    broker_start(&broker);
    mqtt = create(5, "quick");
    assert_true(await_connection(mqtt, true, 5000));
    subscribe(mqtt, "quick/#");
    settle(mqtt, "quick/0");
    while (sent < 500) {
        if (weir_mqtt_publish(mqtt, "quick/1", "x", 1, 0, false, 0) == WEIR_OK)
            sent++;
        else
            turn(mqtt);
    }
    assert_true(await_messages(mqtt, 500, 5000));
    assert_false(weir_mqtt_take_result(mqtt, &result));
    weir_mqtt_destroy(mqtt, 2000);
}

static void check_kept_session(int version)
{
    struct weir_peer_config peer = make_peer(version);
    struct weir_mqtt_options options = make_options(&peer, "keeper");
    struct weir_mqtt *other = create(version, "other");
    struct weir_mqtt *mqtt;

    clear_inbox();
    options.clean_start = false;
    mqtt = weir_mqtt_create(&options);
    assert_non_null(mqtt);
    subscribe(mqtt, "kept/#");
    assert_true(await_connection(mqtt, true, 5000));
    assert_true(await_connection(other, true, 5000));
    settle(mqtt, "kept/0");
    weir_mqtt_destroy(mqtt, 2000);
    for (int i = 0; i < 5; i++)
        publish(other, "kept/1", "while you were away", false);
    assert_int_equal(copy_inbox().count, 0);
    mqtt = weir_mqtt_create(&options);
    assert_non_null(mqtt);
    assert_true(await_connection(mqtt, true, 5000));
    assert_true(await_messages(mqtt, 5, 5000));
    weir_mqtt_destroy(mqtt, 2000);
    weir_mqtt_destroy(other, 2000);
}

static void a_kept_session_delivers_what_came_meanwhile(void **state)
{
    (void)state;
    broker_init(&broker, PLAIN);
    broker_start(&broker);
    check_kept_session(5);
    check_kept_session(4);
}

static void the_will_is_sent_for_a_loss_and_not_for_a_farewell(void **state)
{
    struct weir_peer_config peer;
    struct weir_mqtt_options options;
    struct weir_mqtt *watcher;
    struct weir_mqtt *mqtt;
    struct weir_mqtt *other;

    (void)state;
    broker_init(&broker, PLAIN);
    broker_start(&broker);
    peer = make_peer(5);
    options = make_options(&peer, "mortal");
    options.will_topic = "status/mortal";
    options.will_payload = "offline";
    watcher = create(5, "watcher");
    subscribe(watcher, "status/#");
    assert_true(await_connection(watcher, true, 5000));
    settle(watcher, "status/0");
    mqtt = weir_mqtt_create(&options);
    assert_true(await_connection(mqtt, true, 5000));
    weir_mqtt_destroy(mqtt, 2000);
    assert_false(await_messages(watcher, 1, 500));
    mqtt = weir_mqtt_create(&options);
    assert_true(await_connection(mqtt, true, 5000));
    other = create(5, "mortal");
    assert_true(await_connection(other, true, 5000));
    assert_true(await_messages(watcher, 1, 5000));
    assert_string_equal(copy_inbox().payload, "offline");
    weir_mqtt_destroy(other, 2000);
    weir_mqtt_destroy(mqtt, 2000);
    weir_mqtt_destroy(watcher, 2000);
}

static void retained_messages_are_not_asked_for(void **state)
{
    struct weir_mqtt *mqtt;

    (void)state;
    broker_init(&broker, PLAIN);
    broker_start(&broker);
    mqtt = create(5, "fresh");
    assert_true(await_connection(mqtt, true, 5000));
    publish(mqtt, "old/1", "old", true);
    subscribe(mqtt, "old/#");
    settle(mqtt, "old/2");
    publish(mqtt, "old/1", "", true);
    assert_true(await_messages(mqtt, 1, 5000));
    assert_int_equal(copy_inbox().retained, 0);
    weir_mqtt_destroy(mqtt, 2000);
}

static void retained_messages_come_again_for_a_filter_that_was_left_out_and_is_back(void **state)
{
    static const struct weir_mqtt_filter filter = {.text = "kept/#", .qos = 1, .retained = true};

    (void)state;
    broker_init(&broker, PLAIN);
    broker_start(&broker);
    for (int version = 4; version <= 5; version++) {
        struct weir_mqtt *mqtt = create(version, version == 4 ? "old" : "new");

        assert_true(await_connection(mqtt, true, 5000));
        publish(mqtt, "kept/1", "x", true);
        clear_inbox();
        weir_mqtt_subscribe(mqtt, &filter, 1);
        assert_true(await_messages(mqtt, 1, 5000));
        weir_mqtt_subscribe(mqtt, NULL, 0);
        weir_mqtt_subscribe(mqtt, &filter, 1);
        assert_true(await_messages(mqtt, 2, 5000));
        assert_int_equal(copy_inbox().retained, 2);
        weir_mqtt_destroy(mqtt, 2000);
    }
}

static char correlation[16];

static void take_request(void *context, const struct weir_message *message,
                         const struct weir_mqtt_reply *reply)
{
    pthread_mutex_lock(&inbox_lock);
    snprintf(correlation, sizeof(correlation), "%.*s", (int)reply->correlation_length,
             reply->correlation ? (const char *)reply->correlation : "");
    pthread_mutex_unlock(&inbox_lock);
    take_message(context, message);
}

/* Sends with correlation data to itself; 3.1.1 leaves it out. */
static void check_properties(int version, const char *expected)
{
    static const struct weir_mqtt_filter filter = {.text = "p/1", .qos = 1};
    const struct weir_mqtt_properties properties = {
        .content_type = "application/json",
        .expiry_s = 60,
        .correlation = "c0",
        .correlation_length = 2,
        .pairs = {{"rule", "hot"}, {"level", "info"}},
        .pair_count = 2,
    };
    struct weir_mqtt_publication publication = {
        .topic = "p/1", .payload = "{}", .payload_length = 2, .qos = 1, .properties = &properties};
    struct weir_peer_config peer = make_peer(version);
    struct weir_mqtt_options options = make_options(&peer, version == 4 ? "old" : "new");
    struct weir_mqtt *mqtt;

    options.on_request = take_request;
    mqtt = weir_mqtt_create(&options);
    assert_non_null(mqtt);
    assert_true(await_connection(mqtt, true, 5000));
    weir_mqtt_subscribe(mqtt, &filter, 1);
    settle(mqtt, "p/1");
    assert_int_equal(weir_mqtt_send(mqtt, &publication), WEIR_OK);
    assert_true(await_messages(mqtt, 1, 5000));
    assert_string_equal(correlation, expected);
    assert_string_equal(copy_inbox().payload, "{}");
    weir_mqtt_destroy(mqtt, 2000);
}

static void properties_go_out_and_come_in_with_mqtt_5(void **state)
{
    (void)state;
    broker_init(&broker, PLAIN);
    broker_start(&broker);
    check_properties(5, "c0");
    check_properties(4, "");
}

static void another_list_of_filters_takes_effect_at_once(void **state)
{
    struct weir_mqtt *mqtt;

    (void)state;
    broker_init(&broker, PLAIN);
    broker_start(&broker);
    mqtt = create(4, "changing");
    subscribe(mqtt, "first/#");
    assert_true(await_connection(mqtt, true, 5000));
    settle(mqtt, "first/0");
    subscribe(mqtt, "second/#");
    settle(mqtt, "second/0");
    publish(mqtt, "first/1", "x", false);
    publish(mqtt, "second/1", "x", false);
    assert_true(await_messages(mqtt, 1, 5000));
    assert_false(await_messages(mqtt, 2, 300));
    assert_string_equal(copy_inbox().topic, "second/1");
    weir_mqtt_destroy(mqtt, 2000);
}

static void all_of_a_long_list_is_subscribed_to(void **state)
{
    static struct weir_mqtt_filter filters[300];
    struct weir_mqtt *mqtt;
    char topic[32];

    (void)state;
    broker_init(&broker, PLAIN);
    broker_start(&broker);
    mqtt = create(5, "long");
    for (size_t i = 0; i < 300; i++) {
        snprintf(filters[i].text, sizeof(filters[i].text), "long/%zu/+", i);
        filters[i].qos = 0;
    }
    weir_mqtt_subscribe(mqtt, filters, 300);
    assert_true(await_connection(mqtt, true, 5000));
    settle(mqtt, "long/299/x");
    for (int i = 0; i < 300; i++) {
        snprintf(topic, sizeof(topic), "long/%d/x", i);
        while (weir_mqtt_publish(mqtt, topic, "x", 1, 0, false, 0) != WEIR_OK)
            turn(mqtt);
    }
    assert_true(await_messages(mqtt, 300, 5000));
    weir_mqtt_destroy(mqtt, 2000);
}

static void what_the_broker_would_not_take_is_refused(void **state)
{
    static char payload[5000];
    struct weir_mqtt *mqtt;

    (void)state;
    broker_init(&broker, PLAIN "max_packet_size 4096\n");
    broker_start(&broker);
    mqtt = create(5, "bulky");
    assert_true(await_connection(mqtt, true, 5000));
    memset(payload, 'x', sizeof(payload));
    assert_int_equal(weir_mqtt_publish(mqtt, "a", payload, sizeof(payload), 1, false, 1),
                     WEIR_REFUSED);
    assert_int_equal(weir_mqtt_inflight(mqtt), 0);
    publish(mqtt, "a", "small", false);
    assert_true(weir_mqtt_connected(mqtt));
    weir_mqtt_destroy(mqtt, 2000);
}

static void a_host_is_looked_up_by_name(void **state)
{
    struct weir_peer_config peer;
    struct weir_mqtt_options options;
    struct weir_mqtt *mqtt;

    (void)state;
    broker_init(&broker, PLAIN);
    broker_start(&broker);
    peer = make_peer(5);
    options = make_options(&peer, "named");
    snprintf(peer.url, sizeof(peer.url), "mqtt://localhost:%d", broker.port);
    mqtt = weir_mqtt_create(&options);
    assert_true(await_connection(mqtt, true, 10000));
    weir_mqtt_destroy(mqtt, 2000);
    snprintf(peer.url, sizeof(peer.url), "mqtt://no-such-host.invalid:%d", broker.port);
    mqtt = weir_mqtt_create(&options);
    assert_true(await_log(mqtt, "named: cannot connect to mqtt://no-such-host.invalid", 15000));
    weir_mqtt_destroy(mqtt, 2000);
}

static void a_password_that_cannot_be_read_is_an_error_at_once(void **state)
{
    struct weir_peer_config peer;
    struct weir_mqtt_options options;

    (void)state;
    broker_init(&broker, PLAIN);
    peer = make_peer(5);
    options = make_options(&peer, "open");
    snprintf(peer.password_file, sizeof(peer.password_file), "%s/secret", broker.directory);
    broker_write(&broker, "secret", "hunter2\n", 0644);
    assert_null(weir_mqtt_create(&options));
    assert_int_equal(count_logged("mode 644"), 1);
    assert_int_equal(count_logged("hunter2"), 0);
}

static void a_destruction_waits_for_the_last_words(void **state)
{
    struct weir_mqtt *watcher;
    struct weir_mqtt *mqtt;

    (void)state;
    broker_init(&broker, PLAIN);
    broker_start(&broker);
    watcher = create(5, "watcher");
    subscribe(watcher, "last/#");
    assert_true(await_connection(watcher, true, 5000));
    settle(watcher, "last/0");
    mqtt = create(5, "leaving");
    assert_true(await_connection(mqtt, true, 5000));
    for (int i = 0; i < 15; i++)
        assert_int_equal(weir_mqtt_publish(mqtt, "last/1", "x", 1, 1, false, 1), WEIR_OK);
    weir_mqtt_destroy(mqtt, 5000);
    assert_true(await_messages(watcher, 15, 5000));
    weir_mqtt_destroy(watcher, 2000);
}

#define MAKE_CERTIFICATES                                                                          \
    "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem "   \
    "&& "                                                                                          \
    "openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr "  \
    "&& "                                                                                          \
    "echo subjectAltName=DNS:localhost > san && "                                                  \
    "openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "           \
    "-extfile san -out server.pem && chmod 644 *.key *.pem && chmod 755 ."

static void check_tls(const char *host, bool own_authority, bool connects, const char *logged)
{
    struct weir_peer_config peer = make_peer(5);
    struct weir_mqtt_options options = make_options(&peer, host);
    struct weir_mqtt *mqtt;

    snprintf(peer.url, sizeof(peer.url), "mqtts://%s:%d", host, broker.port);
    if (own_authority)
        snprintf(peer.ca_file, sizeof(peer.ca_file), "%s/ca.pem", broker.directory);
    mqtt = weir_mqtt_create(&options);
    assert_non_null(mqtt);
    assert_true(await_log(mqtt, logged, 15000));
    assert_int_equal(weir_mqtt_connected(mqtt), connects);
    weir_mqtt_destroy(mqtt, 2000);
}

static void tls_checks_the_chain_and_the_name(void **state)
{
    char extra[512];

    (void)state;
    broker_init(&broker, PLAIN);
    if (!broker_shell(&broker, MAKE_CERTIFICATES))
        skip();
    snprintf(extra, sizeof(extra),
             "listener %d\nallow_anonymous true\ncertfile %s/server.pem\nkeyfile %s/server.key\n",
             broker.port, broker.directory, broker.directory);
    broker_write(&broker, "broker.conf", extra, 0644);
    broker_start(&broker);
    check_tls("localhost", true, true, "localhost: connected");
    check_tls("localhost", false, false, "localhost: cannot connect");
    assert_int_equal(count_logged("certificate verify failed"), 1);
    check_tls("127.0.0.1", true, false, "127.0.0.1: cannot connect");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MQTT_TEST(a_message_goes_out_and_comes_in),
        MQTT_TEST(every_publish_is_answered_once),
        MQTT_TEST(qos_0_is_bounded_and_gets_no_answer),
        MQTT_TEST(a_kept_session_delivers_what_came_meanwhile),
        MQTT_TEST(the_will_is_sent_for_a_loss_and_not_for_a_farewell),
        MQTT_TEST(retained_messages_are_not_asked_for),
        MQTT_TEST(retained_messages_come_again_for_a_filter_that_was_left_out_and_is_back),
        MQTT_TEST(properties_go_out_and_come_in_with_mqtt_5),
        MQTT_TEST(another_list_of_filters_takes_effect_at_once),
        MQTT_TEST(all_of_a_long_list_is_subscribed_to),
        MQTT_TEST(what_the_broker_would_not_take_is_refused),
        MQTT_TEST(a_host_is_looked_up_by_name),
        MQTT_TEST(a_password_that_cannot_be_read_is_an_error_at_once),
        MQTT_TEST(a_destruction_waits_for_the_last_words),
        MQTT_TEST(tls_checks_the_chain_and_the_name),
    };

    return cmocka_run_group_tests_name("mqtt", tests, set_up_group, tear_down_group);
}
