#include "port/mqtt_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/unit.h"

static char directory[] = "/tmp/weir-peer-XXXXXX";
static struct weir_mqtt_peer peer;
static struct weir_mqtt_password password;
static char problem[WEIR_MQTT_PROBLEM_SIZE];

static bool init(const char *url)
{
    struct weir_peer_config config = {.version = 5};

    snprintf(config.url, sizeof(config.url), "%s", url);
    return weir_mqtt_peer_init(&peer, &config, problem);
}

static void assert_url(const char *url, const char *uri, const char *host, bool tls)
{
    assert_true(init(url));
    assert_string_equal(peer.uri, uri);
    assert_string_equal(peer.host, host);
    assert_int_equal(peer.tls, tls);
}

static void a_url_becomes_the_librarys_with_its_port(void **state)
{
    (void)state;
    assert_url("mqtt://broker", "tcp://broker:1883", "broker", false);
    assert_url("mqtt://10.0.0.1:1884/", "tcp://10.0.0.1:1884", "10.0.0.1", false);
    assert_url("mqtts://cloud.example", "ssl://cloud.example:8883", "cloud.example", true);
    assert_url("ws://broker", "ws://broker:80", "broker", false);
    assert_url("wss://broker/mqtt?x=1", "wss://broker:443/mqtt?x=1", "broker", true);
    assert_url("mqtt://[::1]", "tcp://[::1]:1883", "::1", false);
    assert_url("mqtts://[fd00::2]:99", "ssl://[fd00::2]:99", "fd00::2", true);
}

static void a_url_that_is_none_is_refused(void **state)
{
    static const char *const urls[] = {
        "",
        "broker",
        "tcp://broker",
        "mqtt://",
        "mqtt://:1",
        "mqtt://a:",
        "mqtt://a:0",
        "mqtt://a:65536",
        "mqtt://a:x",
        "mqtt://a:1 ",
        "mqtt://a/path",
        "mqtt://[]:1",
        "mqtt://[::1",
        "mqtt://[::1]x:1",
        "mqtt://a:1234567",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        assert_false(init(urls[i]));
}

static void a_url_with_a_password_is_refused_without_repeating_it(void **state)
{
    (void)state;
    assert_false(init("mqtt://user:hunter2@broker"));
    assert_null(strstr(problem, "hunter2"));
    assert_non_null(strstr(problem, "password_file"));
}

static void write_password(const char *text, size_t length, mode_t mode)
{
    FILE *file;

    assert_true(init("mqtt://broker"));
    snprintf(peer.config.password_file, sizeof(peer.config.password_file), "%s/password",
             directory);
    file = fopen(peer.config.password_file, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(peer.config.password_file, mode), 0);
}

static bool read_password(const char *text, mode_t mode)
{
    write_password(text, strlen(text), mode);
    return weir_mqtt_peer_read_password(&peer, &password, problem);
}

static void the_password_is_the_first_line(void **state)
{
    (void)state;
    assert_true(read_password("secret\nmore\n", 0600));
    assert_int_equal(password.length, 6);
    assert_memory_equal(password.bytes, "secret", 6);
    assert_true(read_password("no end", 0400));
    assert_int_equal(password.length, 6);
    assert_true(read_password("dos\r\n", 0600));
    assert_int_equal(password.length, 3);
}

static void without_a_password_file_there_is_no_password(void **state)
{
    (void)state;
    assert_true(init("mqtt://broker"));
    assert_true(weir_mqtt_peer_read_password(&peer, &password, problem));
    assert_int_equal(password.length, 0);
}

static void a_password_file_that_others_may_use_is_refused(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0601};

    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_false(read_password("secret\n", modes[i]));
        assert_non_null(strstr(problem, "mode"));
        assert_null(strstr(problem, "secret"));
    }
}

static void a_password_file_without_a_password_is_refused(void **state)
{
    static char long_line[WEIR_PASSWORD_LENGTH_MAX + 10];

    (void)state;
    assert_false(read_password("", 0600));
    assert_false(read_password("\nsecond line\n", 0600));
    memset(long_line, 'x', sizeof(long_line));
    write_password(long_line, sizeof(long_line), 0600);
    assert_false(weir_mqtt_peer_read_password(&peer, &password, problem));
    unlink(peer.config.password_file);
    assert_false(weir_mqtt_peer_read_password(&peer, &password, problem));
    assert_non_null(strstr(problem, "No such file"));
    snprintf(peer.config.password_file, sizeof(peer.config.password_file), "%s", directory);
    assert_false(weir_mqtt_peer_read_password(&peer, &password, problem));
}

static void tls_without_its_files_says_which(void **state)
{
    (void)state;
    assert_true(init("mqtts://broker"));
    assert_true(weir_mqtt_peer_check_files(&peer, problem));
    snprintf(peer.config.key_file, sizeof(peer.config.key_file), "%s/key.pem", directory);
    assert_false(weir_mqtt_peer_check_files(&peer, problem));
    assert_non_null(strstr(problem, "key_file"));
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_becomes_the_librarys_with_its_port),
        cmocka_unit_test(a_url_that_is_none_is_refused),
        cmocka_unit_test(a_url_with_a_password_is_refused_without_repeating_it),
        cmocka_unit_test(the_password_is_the_first_line),
        cmocka_unit_test(without_a_password_file_there_is_no_password),
        cmocka_unit_test(a_password_file_that_others_may_use_is_refused),
        cmocka_unit_test(a_password_file_without_a_password_is_refused),
        cmocka_unit_test(tls_without_its_files_says_which),
    };

    return cmocka_run_group_tests_name("mqtt_peer", tests, set_up, tear_down);
}
