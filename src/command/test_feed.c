#include "command/test_feed.h"

#include <string.h>

/* Moves a cursor that stands on a gap, or behind a run, to the next value. */
static void settle(struct weir_test_cursor *cursor, const struct weir_test_series *series)
{
    const struct weir_test_values *values = &series->values;

    for (; cursor->run < values->run_count; cursor->run++) {
        const struct weir_test_value_run *run = &values->runs[cursor->run];

        if (run->kind != WEIR_TEST_GAP && cursor->index < run->count)
            return;
        cursor->at_ms += (run->count - cursor->index) * series->interval_ms;
        cursor->index = 0;
    }
    cursor->at_ms = INT64_MAX;
}

static void step(struct weir_test_cursor *cursor, const struct weir_test_series *series)
{
    cursor->index++;
    cursor->at_ms += series->interval_ms;
    settle(cursor, series);
}

void weir_test_feed_init(struct weir_test_feed *feed, const struct weir_test *test)
{
    feed->test = test;
    for (uint32_t i = 0; i < test->series_count; i++) {
        feed->cursors[i] = (struct weir_test_cursor){0};
        settle(&feed->cursors[i], &test->series[i]);
    }
}

int64_t weir_test_feed_time(const struct weir_test_feed *feed)
{
    int64_t earliest_ms = INT64_MAX;

    for (uint32_t i = 0; i < feed->test->series_count; i++) {
        if (feed->cursors[i].at_ms < earliest_ms)
            earliest_ms = feed->cursors[i].at_ms;
    }
    return earliest_ms;
}

static const struct weir_test_value_run *run_of(const struct weir_test_feed *feed, uint32_t index)
{
    return &feed->test->series[index].values.runs[feed->cursors[index].run];
}

static void add_value(struct weir_test_message *message, struct weir_test_feed *feed,
                      uint32_t index)
{
    const struct weir_test_value_run *run = run_of(feed, index);
    struct weir_test_cursor *cursor = &feed->cursors[index];

    message->values[message->count++] = (struct weir_test_value){
        .field = feed->test->series[index].field,
        .null = run->kind == WEIR_TEST_NULL,
        .number = run->start + run->step * cursor->index,
    };
    step(cursor, &feed->test->series[index]);
}

static bool goes_along(const struct weir_test_feed *feed, uint32_t index,
                       const struct weir_test_message *message)
{
    const struct weir_test_series *series = &feed->test->series[index];

    return feed->cursors[index].at_ms == message->at_ms &&
           series->stream == message->series->stream &&
           run_of(feed, index)->shift_ms == message->shift_ms &&
           strcmp(series->name, message->series->name) == 0;
}

bool weir_test_feed_take(struct weir_test_feed *feed, struct weir_test_message *message)
{
    int64_t at_ms = weir_test_feed_time(feed);
    uint32_t first = 0;

    if (at_ms == INT64_MAX)
        return false;
    while (feed->cursors[first].at_ms != at_ms)
        first++;
    message->at_ms = at_ms;
    message->shift_ms = run_of(feed, first)->shift_ms;
    message->series = &feed->test->series[first];
    message->count = 0;
    add_value(message, feed, first);
    for (uint32_t i = first + 1; i < feed->test->series_count; i++) {
        if (goes_along(feed, i, message))
            add_value(message, feed, i);
    }
    return true;
}
