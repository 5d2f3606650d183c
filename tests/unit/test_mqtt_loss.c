#include "support/mqtt_rig.h"

static void an_absent_broker_is_waited_for_in_one_line(void **state)
{
    struct weir_mqtt *mqtt;

    (void)state;
    broker_init(&broker, PLAIN);
    mqtt = create(5, "early");
    assert_false(await_connection(mqtt, true, 4500));
    assert_int_equal(count_logged("early:"), 1);
    broker_start(&broker);
    assert_true(await_connection(mqtt, true, 6000));
    assert_int_equal(count_logged("early: connected to"), 1);
    assert_int_equal(count_logged("early:"), 2);
    weir_mqtt_destroy(mqtt, 2000);
}

static void a_loss_answers_everything_and_a_return_subscribes_again(void **state)
{
    struct weir_mqtt *mqtt;
    int acknowledged;
    int lost;
    int sent = 0;

    (void)state;
    broker_init(&broker, PLAIN);
    broker_start(&broker);
    mqtt = create(5, "phoenix");
    subscribe(mqtt, "phoenix/#");
    assert_true(await_connection(mqtt, true, 5000));
    settle(mqtt, "phoenix/0");
    kill(broker.pid, SIGSTOP);
    while (sent < 15 && weir_mqtt_publish(mqtt, "phoenix/1", "x", 1, 1, false, 1) == WEIR_OK)
        sent++;
    assert_int_equal(sent, 15);
    broker_stop(&broker);
    assert_true(await_connection(mqtt, false, 5000));
    await_results(mqtt, sent, &acknowledged, &lost);
    assert_int_equal(lost, sent);
    assert_int_equal(weir_mqtt_publish(mqtt, "phoenix/1", "x", 1, 1, false, 1), WEIR_FULL);
    broker_start(&broker);
    assert_true(await_connection(mqtt, true, 10000));
    assert_int_equal(weir_mqtt_generation(mqtt), 2);
    assert_int_equal(count_logged("phoenix: lost the connection"), 1);
    assert_int_equal(count_logged("phoenix: connected to"), 2);
    settle(mqtt, "phoenix/0");
    publish(mqtt, "phoenix/2", "again", false);
    assert_true(await_messages(mqtt, 1, 5000));
    weir_mqtt_destroy(mqtt, 2000);
}

/* As much as is taken: some of it waits in the library. */
static int send_bulk(struct weir_mqtt *mqtt, const char *topic)
{
    static char payload[20000];
    int sent = 0;

    memset(payload, 'x', sizeof(payload));
    while (weir_mqtt_publish(mqtt, topic, payload, sizeof(payload), 1, false, 1) == WEIR_OK)
        sent++;
    return sent;
}

static void what_had_not_left_is_answered_and_not_sent_by_itself(void **state)
{
    struct weir_mqtt *mqtt;
    int acknowledged;
    int lost;
    int sent;

    (void)state;
    broker_init(&broker, PLAIN "max_inflight_messages 1000\n");
    broker_start(&broker);
    mqtt = create(5, "bulk");
    subscribe(mqtt, "bulk/#");
    assert_true(await_connection(mqtt, true, 5000));
    settle(mqtt, "bulk/0");
    kill(broker.pid, SIGSTOP);
    sent = send_bulk(mqtt, "bulk/1");
    assert_int_equal(sent, WEIR_MQTT_INFLIGHT_BYTES_MAX / 20000);
    broker_stop(&broker);
    assert_true(await_connection(mqtt, false, 10000));
    await_results(mqtt, sent, &acknowledged, &lost);
    assert_int_equal(lost, sent);
    broker_start(&broker);
    assert_true(await_connection(mqtt, true, 10000));
    settle(mqtt, "bulk/0");
    assert_false(await_messages(mqtt, 1, 500));
    weir_mqtt_destroy(mqtt, 2000);
}

static void a_forgotten_session_is_logged(void **state)
{
    struct weir_peer_config peer;
    struct weir_mqtt_options options;
    struct weir_mqtt *mqtt;

    (void)state;
    broker_init(&broker, PLAIN);
    broker_start(&broker);
    peer = make_peer(5);
    options = make_options(&peer, "amnesia");
    options.clean_start = false;
    mqtt = weir_mqtt_create(&options);
    assert_true(await_connection(mqtt, true, 5000));
    broker_stop(&broker);
    assert_true(await_connection(mqtt, false, 5000));
    broker_start(&broker);
    assert_true(await_connection(mqtt, true, 10000));
    assert_int_equal(count_logged("forgotten the session"), 1);
    weir_mqtt_destroy(mqtt, 2000);
}

/* With a keepalive of 4 s that is after 8 s; the library takes a few more to close. */
static void a_silent_broker_is_lost_and_found_again(void **state)
{
    struct weir_peer_config peer;
    struct weir_mqtt_options options;
    struct weir_mqtt *mqtt;
    int64_t begin_ms;
    int acknowledged;
    int lost;

    (void)state;
    broker_init(&broker, PLAIN);
    broker_start(&broker);
    peer = make_peer(5);
    peer.keepalive_s = 4;
    options = make_options(&peer, "patient");
    mqtt = weir_mqtt_create(&options);
    assert_true(await_connection(mqtt, true, 5000));
    kill(broker.pid, SIGSTOP);
    begin_ms = now();
    assert_int_equal(weir_mqtt_publish(mqtt, "a", "x", 1, 1, false, 1), WEIR_OK);
    assert_true(await_connection(mqtt, false, 20000));
    print_message("silence noticed after %d ms\n", (int)(now() - begin_ms));
    await_results(mqtt, 1, &acknowledged, &lost);
    assert_int_equal(lost, 1);
    kill(broker.pid, SIGCONT);
    assert_true(await_connection(mqtt, true, 10000));
    publish(mqtt, "a", "x", false);
    weir_mqtt_destroy(mqtt, 2000);
}

static void a_handshake_without_an_answer_ends(void **state)
{
    struct weir_peer_config peer = {.keepalive_s = 30, .version = 5};
    struct weir_mqtt_options options = make_options(&peer, "deaf");
    struct weir_mqtt *mqtt;
    int listener;
    int port;

    (void)state;
    listener = broker_listen(&port);
    snprintf(peer.url, sizeof(peer.url), "mqtt://127.0.0.1:%d", port);
    mqtt = weir_mqtt_create(&options);
    assert_true(await_log(mqtt, "deaf: cannot connect", 16000));
    assert_int_equal(count_logged(": no answer"), 1);
    weir_mqtt_destroy(mqtt, 100);
    close(listener);
}

static void check_refusal(int version)
{
    struct weir_peer_config peer = make_peer(version);
    struct weir_mqtt_options options = make_options(&peer, version == 5 ? "new" : "old");
    struct weir_mqtt *mqtt;

    snprintf(peer.username, sizeof(peer.username), "weir");
    snprintf(peer.password_file, sizeof(peer.password_file), "%s/secret", broker.directory);
    broker_write(&broker, "secret", "wrong\n", 0600);
    mqtt = weir_mqtt_create(&options);
    assert_non_null(mqtt);
    assert_true(
        await_log(mqtt, version == 5 ? "new: cannot connect" : "old: cannot connect", 5000));
    assert_int_equal(count_logged("ot authorized (code"), version == 5 ? 1 : 2);
    broker_write(&broker, "secret", "right\n", 0600);
    assert_true(await_connection(mqtt, true, 5000));
    weir_mqtt_destroy(mqtt, 2000);
}

static void a_refusal_is_told_in_words_and_the_password_read_again(void **state)
{
    char extra[256];

    (void)state;
    broker_init(&broker, "allow_anonymous false\n");
    broker_write(&broker, "passwords", "", 0600);
    if (!broker_shell(&broker, "chmod 600 passwords; mosquitto_passwd -b passwords weir right; "
                               "chmod 644 passwords; chmod 755 ."))
        skip();
    snprintf(extra, sizeof(extra), "listener %d 127.0.0.1\npassword_file %s/passwords\n",
             broker.port, broker.directory);
    broker_write(&broker, "broker.conf", extra, 0644);
    broker_start(&broker);
    check_refusal(5);
    check_refusal(4);
}

/* A broker that accepts one connection and ends it at once, by way of MQTT 5. */
static pid_t start_rude_broker(int listener, unsigned char reason)
{
    const unsigned char packets[] = {0x20, 3, 0, 0, 0, 0xe0, 2, reason, 0};
    char connect[256];
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    listener = accept(listener, NULL, NULL);
    if (read(listener, connect, sizeof(connect)) < 0 ||
        write(listener, packets, sizeof(packets)) < 0 ||
        read(listener, connect, sizeof(connect)) < 0)
        _exit(1);
    _exit(0);
}

static void check_reason(unsigned char reason, const char *words)
{
    struct weir_peer_config peer = {.keepalive_s = 30, .version = 5};
    struct weir_mqtt_options options = make_options(&peer, "rude");
    struct weir_mqtt *mqtt;
    pid_t pid;
    int listener;
    int port;

    listener = broker_listen(&port);
    snprintf(peer.url, sizeof(peer.url), "mqtt://127.0.0.1:%d", port);
    pid = start_rude_broker(listener, reason);
    assert_true(pid > 0);
    mqtt = weir_mqtt_create(&options);
    assert_true(await_log(mqtt, "rude: lost the connection", 10000));
    assert_int_equal(count_logged(words), 1);
    weir_mqtt_destroy(mqtt, 100);
    waitpid(pid, NULL, 0);
    close(listener);
}

static void the_brokers_own_reason_is_logged(void **state)
{
    (void)state;
    check_reason(139, "Server shutting down (code 139)");
}

static void a_session_taken_over_is_told_in_words(void **state)
{
    (void)state;
    check_reason(142, "by another client of the same name (code 142)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MQTT_TEST(an_absent_broker_is_waited_for_in_one_line),
        MQTT_TEST(a_loss_answers_everything_and_a_return_subscribes_again),
        MQTT_TEST(what_had_not_left_is_answered_and_not_sent_by_itself),
        MQTT_TEST(a_forgotten_session_is_logged),
        MQTT_TEST(a_silent_broker_is_lost_and_found_again),
        MQTT_TEST(a_handshake_without_an_answer_ends),
        MQTT_TEST(a_refusal_is_told_in_words_and_the_password_read_again),
        MQTT_TEST(the_brokers_own_reason_is_logged),
        MQTT_TEST(a_session_taken_over_is_told_in_words),
    };

    return cmocka_run_group_tests_name("mqtt_loss", tests, set_up_group, tear_down_group);
}
