#include "command/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/unit.h"

static char name[64];
static char received[1024];
static int manager;
static struct weir_service service;

/* The next message; empty: there is none. */
static const char *hear(void)
{
    ssize_t length = recv(manager, received, sizeof(received) - 1, 0);

    received[length > 0 ? length : 0] = '\0';
    return received;
}

static void hear_nothing(void)
{
    assert_string_equal(hear(), "");
}

static void begin(const char *watchdog_us, const struct weir_service_look *look)
{
    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", watchdog_us, 1);
    unsetenv("WATCHDOG_PID");
    weir_service_init(&service, look, 1000);
}

static void the_start_is_over_with_the_subscriptions(void **state)
{
    struct weir_service_look look = {0};

    (void)state;
    begin("0", &look);
    assert_int_equal(weir_service_step(&service, false, 1000), 11000);
    assert_int_equal(weir_service_step(&service, false, 2000), 11000);
    hear_nothing();
    (void)weir_service_step(&service, true, 2001);
    assert_string_equal(hear(), "READY=1");
    (void)weir_service_step(&service, true, 2002);
    hear_nothing();
}

static void a_broker_that_is_away_does_not_hold_up_the_start(void **state)
{
    struct weir_service_look look = {0};
    int64_t ready_ms = 1000 + WEIR_SERVICE_READY_MS;

    (void)state;
    begin("0", &look);
    assert_int_equal(weir_service_step(&service, false, ready_ms - 1), ready_ms);
    hear_nothing();
    (void)weir_service_step(&service, false, ready_ms);
    assert_string_equal(hear(), "READY=1");
}

static void the_status_says_how_it_goes(void **state)
{
    struct weir_service_look look = {.received = 500000};

    (void)state;
    begin("0", &look);
    look = (struct weir_service_look){
        .received = 501000, .alerts = 2, .batches = 3, .connected = true, .storage = "good"};
    weir_service_tell(&service, &look, 3000);
    assert_string_equal(hear(), "STATUS=500 messages/s, 2 alerts, 3 batches wait, "
                                "broker connected, storage: good");
    weir_service_tell(&service, &(struct weir_service_look){.received = 501000}, 3000);
    assert_string_equal(
        hear(), "STATUS=0 messages/s, 0 alerts, 0 batches wait, broker away, storage: none");
    hear_nothing();
    assert_int_equal(weir_service_step(&service, false, 3000), 1000 + WEIR_SERVICE_READY_MS);
}

/* True: the watchdog was fed. */
static bool tell(uint64_t consumed, uint64_t end)
{
    struct weir_service_look look = {.log_end = end, .log_consumed = consumed};
    bool still;

    weir_service_tell(&service, &look, 2000);
    still = strstr(hear(), "the engine stands still") != NULL;
    if (still)
        hear_nothing();
    else
        assert_string_equal(hear(), "WATCHDOG=1");
    return !still;
}

static void the_watchdog_is_fed_while_the_engine_follows(void **state)
{
    struct weir_service_look look = {0};

    (void)state;
    begin("4000000", &look);
    assert_int_equal(weir_service_step(&service, false, 1000), 3000);
    assert_true(tell(0, 0));      /* nothing to do */
    assert_true(tell(0, 100));    /* come this moment */
    assert_true(tell(50, 1000));  /* behind, and on its way */
    assert_false(tell(50, 2000)); /* stuck */
    assert_false(tell(50, 2000));
    assert_true(tell(60, 2000));
    assert_true(tell(10, 10)); /* another log, whose positions begin anew */
}

static void a_reload_begins_and_ends(void **state)
{
    struct weir_service_look look = {0};
    long long monotonic_us = 0;

    (void)state;
    begin("0", &look);
    weir_service_reload(&service);
    weir_service_reloaded(&service, false);
    hear_nothing(); /* the start is not over */
    (void)weir_service_step(&service, true, 1000);
    assert_string_equal(hear(), "READY=1");
    weir_service_reload(&service);
    assert_int_equal(sscanf(hear(), "RELOADING=1\nMONOTONIC_USEC=%lld", &monotonic_us), 1);
    assert_true(monotonic_us > 0);
    weir_service_reloaded(&service, true);
    assert_string_equal(hear(), "READY=1");
    weir_service_tell(&service, &look, 2000);
    assert_non_null(strstr(hear(), "the newest configuration is refused"));
    weir_service_reload(&service);
    weir_service_reloaded(&service, false);
    (void)hear();
    assert_string_equal(hear(), "READY=1");
    weir_service_tell(&service, &look, 2000);
    assert_null(strstr(hear(), "refused"));
    weir_service_stop(&service);
    assert_int_equal(strncmp(hear(), "STOPPING=1\n", 11), 0);
}

/* A manager that is slow to read gets what it missed of the end of a start or a reload. */
static void ready_is_said_until_it_gets_there(void **state)
{
    struct weir_service_look look = {0};

    (void)state;
    begin("0", &look);
    while (weir_notify_send(&service.notify, "x"))
        continue;
    (void)weir_service_step(&service, true, 1500);
    while (hear()[0] != '\0')
        assert_string_equal(received, "x");
    assert_int_equal(weir_service_step(&service, true, 20000), 1000 + WEIR_SERVICE_BEAT_MS);
    assert_string_equal(hear(), "READY=1");
}

static void nobody_to_tell_costs_nothing(void **state)
{
    struct weir_service_look look = {0};

    (void)state;
    unsetenv("NOTIFY_SOCKET");
    weir_service_init(&service, &look, 1000);
    assert_true(weir_service_step(&service, true, 1000) == INT64_MAX);
    hear_nothing();
}

static int set_up(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(name, sizeof(name), "@weir-service-%ld", (long)getpid());

    (void)state;
    memcpy(address.sun_path + 1, name + 1, (size_t)length - 1);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (manager < 0)
        return -1;
    return bind(manager, (struct sockaddr *)&address,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length));
}

static int tear_down(void **state)
{
    (void)state;
    return close(manager);
}

static int end(void **state)
{
    (void)state;
    weir_service_finish(&service);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_start_is_over_with_the_subscriptions, end),
        cmocka_unit_test_teardown(a_broker_that_is_away_does_not_hold_up_the_start, end),
        cmocka_unit_test_teardown(the_status_says_how_it_goes, end),
        cmocka_unit_test_teardown(the_watchdog_is_fed_while_the_engine_follows, end),
        cmocka_unit_test_teardown(a_reload_begins_and_ends, end),
        cmocka_unit_test_teardown(ready_is_said_until_it_gets_there, end),
        cmocka_unit_test_teardown(nobody_to_tell_costs_nothing, end),
    };

    return cmocka_run_group_tests_name("service", tests, set_up, tear_down);
}
