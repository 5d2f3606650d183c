#include "command/publisher.h"

#include "support/build.h"
#include "support/unit.h"

enum { EVENT_COUNT = 6000 };

static struct build build;
static struct weir_intake intake; /* not asked for anything without a connection */

static struct weir_publisher *make_publisher(void)
{
    struct weir_stream_config *stream;

    build_init(&build);
    stream = build_stream(&build, "s", "a/{b}");
    (void)build_field(stream, "v");
    (void)build_rule(&build, "hot", 0, 0, 10);
    return weir_publisher_create(&intake, &build.config);
}

/* Events first up to end; what was delivered is noted behind so many of them. */
static void feed(struct weir_publisher *publisher, uint64_t done, uint64_t noted_behind)
{
    for (uint64_t i = 0; i < EVENT_COUNT; i++) {
        const struct weir_alert alert = {.event = WEIR_EVENT_RAISED, .sequence = i + 1};

        weir_publisher_accept_alert(publisher, &alert);
        if (i + 1 == noted_behind)
            weir_publisher_note_events_done(publisher, done);
    }
}

static void events_are_numbered_alike_whenever_deliveries_are_noted(void **state)
{
    static const uint64_t behind[] = {4000, 4096, 4097, 4500, EVENT_COUNT};

    (void)state;
    for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
        struct weir_publisher *publisher = make_publisher();

        assert_non_null(publisher);
        feed(publisher, 3900, behind[i]);
        assert_int_equal(weir_publisher_events_done(publisher), 3900);
        weir_publisher_note_events_done(publisher, 5000);
        assert_int_equal(weir_publisher_events_done(publisher), 5000);
        weir_publisher_destroy(publisher, 0);
    }
}

static void a_full_queue_gives_up_the_oldest_and_counts_it(void **state)
{
    struct weir_publisher *publisher = make_publisher();

    (void)state;
    assert_non_null(publisher);
    feed(publisher, 0, 1);
    assert_int_equal(weir_publisher_dropped(publisher), EVENT_COUNT - 4096);
    assert_int_equal(weir_publisher_events_done(publisher), EVENT_COUNT - 4096);
    weir_publisher_destroy(publisher, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_numbered_alike_whenever_deliveries_are_noted),
        cmocka_unit_test(a_full_queue_gives_up_the_oldest_and_counts_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
