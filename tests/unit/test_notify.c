#include "port/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/unit.h"

static char directory[] = "/tmp/weir-notify-XXXXXX";
static char path[64];
static char received[256];

/* A socket as a service manager has it; name as in $NOTIFY_SOCKET. */
static int listen_on(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    memcpy(address.sun_path, name, length);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    assert_int_equal(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
                     0);
    return fd;
}

static const char *receive(int fd)
{
    ssize_t length = recv(fd, received, sizeof(received) - 1, 0);

    received[length > 0 ? length : 0] = '\0';
    return received;
}

static void check_delivery(const char *name)
{
    int fd = listen_on(name);
    struct weir_notify notify;

    setenv("NOTIFY_SOCKET", name, 1);
    weir_notify_init(&notify);
    assert_true(weir_notify_heard(&notify));
    assert_true(weir_notify_send(&notify, "READY=1\nSTATUS=good"));
    assert_string_equal(receive(fd), "READY=1\nSTATUS=good");
    weir_notify_finish(&notify);
    assert_false(weir_notify_heard(&notify));
    close(fd);
}

static void a_message_reaches_a_path(void **state)
{
    (void)state;
    check_delivery(path);
    unlink(path);
}

static void a_message_reaches_an_abstract_name(void **state)
{
    char name[80];

    (void)state;
    snprintf(name, sizeof(name), "@%s", path);
    check_delivery(name);
}

static void without_a_socket_nobody_is_told(void **state)
{
    struct weir_notify notify;

    (void)state;
    unsetenv("NOTIFY_SOCKET");
    weir_notify_init(&notify);
    assert_false(weir_notify_heard(&notify));
    assert_true(weir_notify_send(&notify, "READY=1"));
    weir_notify_finish(&notify);
}

static void a_name_that_is_none_is_not_used(void **state)
{
    char longest[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
    const char *names[] = {"", "/", "@", "relative", "vsock:2:1234", longest};
    struct weir_notify notify;

    (void)state;
    memset(longest, '/', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        weir_notify_init(&notify);
        assert_false(weir_notify_heard(&notify));
        weir_notify_finish(&notify);
    }
}

/* The socket of a manager that has gone, or that reads nothing. */
static void what_does_not_get_there_is_said(void **state)
{
    struct weir_notify notify;
    int fd = listen_on(path);
    int sent = 0;

    (void)state;
    setenv("NOTIFY_SOCKET", path, 1);
    weir_notify_init(&notify);
    while (sent < 100000 && weir_notify_send(&notify, "WATCHDOG=1"))
        sent++;
    assert_in_range(sent, 1, 99999);
    assert_string_equal(receive(fd), "WATCHDOG=1");
    assert_true(weir_notify_send(&notify, "WATCHDOG=1"));
    close(fd);
    unlink(path);
    assert_false(weir_notify_send(&notify, "READY=1"));
    fd = listen_on(path);
    assert_true(weir_notify_send(&notify, "READY=1"));
    assert_string_equal(receive(fd), "READY=1");
    weir_notify_finish(&notify);
    close(fd);
    unlink(path);
}

static int64_t read_watchdog(const char *period, const char *process)
{
    struct weir_notify notify;

    setenv("NOTIFY_SOCKET", path, 1);
    setenv("WATCHDOG_USEC", period, 1);
    if (process)
        setenv("WATCHDOG_PID", process, 1);
    else
        unsetenv("WATCHDOG_PID");
    weir_notify_init(&notify);
    weir_notify_finish(&notify);
    return notify.watchdog_ms;
}

static void the_watchdog_is_ours_or_none(void **state)
{
    char self[24];

    (void)state;
    snprintf(self, sizeof(self), "%ld", (long)getpid());
    assert_int_equal(read_watchdog("30000000", NULL), 30000);
    assert_int_equal(read_watchdog("30000000", self), 30000);
    assert_int_equal(read_watchdog("500", self), 1);
    assert_int_equal(read_watchdog("30000000", "1"), 0);
    assert_int_equal(read_watchdog("30000000", "x"), 0);
    assert_int_equal(read_watchdog("", self), 0);
    assert_int_equal(read_watchdog("-1", self), 0);
    assert_int_equal(read_watchdog("5s", self), 0);
    assert_int_equal(read_watchdog("99999999999999999999999", self), 0);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof(path), "%s/notify", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_reaches_a_path),
        cmocka_unit_test(a_message_reaches_an_abstract_name),
        cmocka_unit_test(without_a_socket_nobody_is_told),
        cmocka_unit_test(a_name_that_is_none_is_not_used),
        cmocka_unit_test(what_does_not_get_there_is_said),
        cmocka_unit_test(the_watchdog_is_ours_or_none),
    };

    return cmocka_run_group_tests_name("notify", tests, set_up, tear_down);
}
