#include <stdio.h>
#include <string.h>

#include "collect/part.h"
#include "support/unit.h"

static struct weir_part read_part(const char *text)
{
    struct weir_part part;

    assert_true(weir_part_read(&part, text));
    return part;
}

static bool has(const struct weir_part *part, const char *topic)
{
    return weir_part_has(part, topic, strlen(topic));
}

static void a_part_is_one_of_so_many(void **state)
{
    static const char *const wrong[] = {
        "",     "1",     "/",    "1/",    "/2",     "0/2",
        "3/2",  "1/0",   "-1/2", "+1/2",  "1/2 ",   " 1/2",
        "01/2", "1/2/3", "1/x",  "1.0/2", "1/1001", "99999999999999999999/2"};
    struct weir_part part;

    (void)state;
    part = read_part("2/3");
    assert_int_equal(part.number, 2);
    assert_int_equal(part.count, 3);
    part = read_part("1000/1000");
    assert_int_equal(part.number, WEIR_PART_COUNT_MAX);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(weir_part_read(&part, wrong[i]));
}

/* So that another release, or another machine, does not move a gateway. */
static void where_a_gateway_belongs_stays_so(void **state)
{
    static const struct {
        const char *topic;
        uint32_t number;
    } known[] = {
        {"weir/v1/a/batch", 2},
        {"weir/v1/plant-7/batch", 2},
        {"weir/v1/plant-8/batch", 2},
    };
    struct weir_part part = {.count = 3};

    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        for (part.number = 1; part.number <= part.count; part.number++)
            assert_int_equal(has(&part, known[i].topic), part.number == known[i].number);
}

static void each_gateway_is_in_one_part_with_all_its_topics(void **state)
{
    static const char *const starts[] = {"plant-", "", "gw-a.", "00-1b-44-11-"};

    (void)state;
    for (uint32_t count = 1; count <= 7; count++) {
        for (size_t n = 0; n < sizeof(starts) / sizeof(starts[0]); n++) {
            uint32_t found[8] = {0};

            /* Odd ones alone: what a name ends with must not decide. */
            for (uint32_t i = 1; i < 2000; i += 2) {
                char name[32];
                char batch[64];
                char event[64];
                uint32_t owners = 0;

                (void)snprintf(name, sizeof(name), "%s%u", starts[n], i);
                (void)snprintf(batch, sizeof(batch), "weir/v1/%s/batch", name);
                (void)snprintf(event, sizeof(event), "weir/v1/%s/alert/hot/s/event", name);
                for (uint32_t number = 1; number <= count; number++) {
                    struct weir_part part = {number, count};

                    owners += has(&part, batch);
                    found[number] += has(&part, batch);
                    assert_int_equal(has(&part, event), has(&part, batch));
                }
                assert_int_equal(owners, 1);
            }
            for (uint32_t number = 1; number <= count; number++)
                assert_in_range(found[number], 750 / count, 1250 / count);
        }
    }
}

static void what_is_no_gateway_s_is_the_first_part_s(void **state)
{
    static const char *const topics[] = {"", "weir/v1/", "weir/v1/a", "weir/v2/a/batch", "x"};
    const struct weir_part first = {1, 2};
    const struct weir_part second = {2, 2};

    (void)state;
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        assert_true(has(&first, topics[i]));
        assert_false(has(&second, topics[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_is_one_of_so_many),
        cmocka_unit_test(where_a_gateway_belongs_stays_so),
        cmocka_unit_test(each_gateway_is_in_one_part_with_all_its_topics),
        cmocka_unit_test(what_is_no_gateway_s_is_the_first_part_s),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
