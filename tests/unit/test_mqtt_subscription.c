#include "port/mqtt_subscription.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

#define ROOM 200

static struct weir_mqtt_filter filters[ROOM];
static struct weir_mqtt_subscription subscription;
static struct weir_mqtt_chunk chunk;
static size_t refused[WEIR_MQTT_CHUNK_COUNT_MAX];
static unsigned char granted[WEIR_MQTT_CHUNK_COUNT_MAX];

static size_t name_filters(size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        snprintf(filters[i].text, sizeof(filters[i].text), "t/%zu", first + i);
        filters[i].qos = 1;
    }
    return count;
}

static bool next(void)
{
    return weir_mqtt_subscription_next(&subscription, WEIR_MQTT_CHUNK_COUNT_MAX, &chunk);
}

static size_t answer(void)
{
    return weir_mqtt_subscription_answer(&subscription, granted, sizeof(granted), refused);
}

/* Counts what is sent until nothing is left. */
static void drain(size_t *subscribed, size_t *unsubscribed)
{
    *subscribed = 0;
    *unsubscribed = 0;
    while (next()) {
        *(chunk.removes ? unsubscribed : subscribed) += chunk.count;
        assert_int_equal(answer(), 0);
    }
}

static void assert_drains(size_t subscribed, size_t unsubscribed)
{
    size_t got_subscribed;
    size_t got_unsubscribed;

    drain(&got_subscribed, &got_unsubscribed);
    assert_int_equal(got_subscribed, subscribed);
    assert_int_equal(got_unsubscribed, unsubscribed);
}

static void a_list_is_settled_when_all_of_it_is_answered(void **state)
{
    unsigned char refusal[WEIR_MQTT_CHUNK_COUNT_MAX] = {0x80};

    (void)state;
    assert_true(weir_mqtt_subscription_settled(&subscription));
    assert_true(weir_mqtt_subscription_replace(&subscription, filters, name_filters(0, 40)));
    assert_true(next());
    assert_int_equal(answer(), 0);
    assert_false(weir_mqtt_subscription_settled(&subscription));
    assert_true(next());
    assert_false(weir_mqtt_subscription_settled(&subscription));
    (void)weir_mqtt_subscription_answer(&subscription, refusal, sizeof(refusal), refused);
    assert_true(weir_mqtt_subscription_settled(&subscription));
    assert_true(weir_mqtt_subscription_replace(&subscription, filters, name_filters(0, 39)));
    assert_false(weir_mqtt_subscription_settled(&subscription));
    weir_mqtt_subscription_restart(&subscription);
    assert_false(weir_mqtt_subscription_settled(&subscription));
}

static void a_list_goes_out_in_chunks_once(void **state)
{
    (void)state;
    assert_true(weir_mqtt_subscription_replace(&subscription, filters, name_filters(0, 70)));
    assert_true(next());
    assert_int_equal(chunk.count, WEIR_MQTT_CHUNK_COUNT_MAX);
    assert_string_equal(chunk.filters[0], "t/0");
    assert_int_equal(chunk.qos[0], 1);
    assert_int_equal(answer(), 0);
    assert_drains(70 - WEIR_MQTT_CHUNK_COUNT_MAX, 0);
    assert_drains(0, 0);
}

static void every_connection_begins_anew(void **state)
{
    (void)state;
    assert_true(weir_mqtt_subscription_replace(&subscription, filters, name_filters(0, 40)));
    assert_drains(40, 0);
    weir_mqtt_subscription_restart(&subscription);
    assert_drains(40, 0);
}

static void another_list_sends_only_the_difference(void **state)
{
    (void)state;
    assert_true(weir_mqtt_subscription_replace(&subscription, filters, name_filters(0, 40)));
    assert_drains(40, 0);
    assert_true(weir_mqtt_subscription_replace(&subscription, filters, name_filters(10, 40)));
    assert_drains(10, 10);
    assert_drains(0, 0);
}

static void another_qos_is_a_difference(void **state)
{
    (void)state;
    assert_true(weir_mqtt_subscription_replace(&subscription, filters, name_filters(0, 3)));
    assert_drains(3, 0);
    filters[1].qos = 2;
    assert_true(weir_mqtt_subscription_replace(&subscription, filters, 3));
    assert_true(next());
    assert_int_equal(chunk.count, 1);
    assert_int_equal(chunk.qos[0], 2);
}

static void what_went_while_away_is_unsubscribed_at_the_next_connection(void **state)
{
    (void)state;
    assert_true(weir_mqtt_subscription_replace(&subscription, filters, name_filters(0, 5)));
    assert_drains(5, 0);
    assert_true(weir_mqtt_subscription_replace(&subscription, filters, name_filters(0, 2)));
    weir_mqtt_subscription_restart(&subscription);
    assert_drains(2, 3);
}

static void what_comes_back_is_not_unsubscribed(void **state)
{
    (void)state;
    assert_true(weir_mqtt_subscription_replace(&subscription, filters, name_filters(0, 5)));
    assert_drains(5, 0);
    assert_true(weir_mqtt_subscription_replace(&subscription, filters, 0));
    assert_true(weir_mqtt_subscription_replace(&subscription, filters, name_filters(0, 5)));
    assert_drains(5, 0);
}

static void an_answer_to_the_list_before_changes_nothing(void **state)
{
    (void)state;
    assert_true(weir_mqtt_subscription_replace(&subscription, filters, name_filters(0, 5)));
    assert_true(next());
    assert_true(weir_mqtt_subscription_replace(&subscription, filters, name_filters(0, 6)));
    assert_int_equal(answer(), 0);
    assert_drains(6, 0);
}

static void a_refusal_is_news_once_until_it_is_granted(void **state)
{
    unsigned char codes[WEIR_MQTT_CHUNK_COUNT_MAX] = {1, 0x87, 1};

    (void)state;
    assert_true(weir_mqtt_subscription_replace(&subscription, filters, name_filters(0, 3)));
    for (int i = 0; i < 3; i++) {
        assert_true(next());
        assert_int_equal(
            weir_mqtt_subscription_answer(&subscription, codes, sizeof(codes), refused),
            i == 0 ? 1 : 0);
        assert_false(next());
        weir_mqtt_subscription_restart(&subscription);
    }
    assert_drains(3, 0);
    weir_mqtt_subscription_restart(&subscription);
    assert_true(next());
    assert_int_equal(weir_mqtt_subscription_answer(&subscription, codes, sizeof(codes), refused),
                     1);
    assert_string_equal(weir_mqtt_subscription_filter(&subscription, refused[0]), "t/1");
}

static void many_lists_while_away_stay_bounded(void **state)
{
    size_t subscribed;
    size_t unsubscribed;

    (void)state;
    for (size_t i = 0; i < 100; i++)
        assert_true(
            weir_mqtt_subscription_replace(&subscription, filters, name_filters(i * ROOM, ROOM)));
    drain(&subscribed, &unsubscribed);
    assert_int_equal(subscribed, ROOM);
    assert_in_range(unsubscribed, ROOM, WEIR_MQTT_FILTER_COUNT_MAX);
}

static int set_up(void **state)
{
    (void)state;
    memset(&subscription, 0, sizeof(subscription));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    weir_mqtt_subscription_finish(&subscription);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_list_is_settled_when_all_of_it_is_answered),
        TEST(a_list_goes_out_in_chunks_once),
        TEST(every_connection_begins_anew),
        TEST(another_list_sends_only_the_difference),
        TEST(another_qos_is_a_difference),
        TEST(what_went_while_away_is_unsubscribed_at_the_next_connection),
        TEST(what_comes_back_is_not_unsubscribed),
        TEST(an_answer_to_the_list_before_changes_nothing),
        TEST(a_refusal_is_news_once_until_it_is_granted),
        TEST(many_lists_while_away_stay_bounded),
    };

    return cmocka_run_group_tests_name("mqtt_subscription", tests, NULL, NULL);
}
