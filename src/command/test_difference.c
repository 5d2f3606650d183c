#include "command/test_difference.h"

#include <stdlib.h>

/* Where in both lists the comparison stands. */
struct position {
    const struct weir_test_event *expected;
    const struct weir_test_event *expected_end;
    const struct weir_test_event *came;
    const struct weir_test_event *came_end;
};

static bool fits_later(const struct position *at)
{
    for (const struct weir_test_event *event = at->came;
         event < at->came_end && event->at_ms == at->expected->at_ms; event++) {
        if (weir_test_event_fits(at->expected, event))
            return true;
    }
    return false;
}

/* Takes the next line off one list, or off both. */
static struct weir_test_difference take(struct position *at)
{
    bool expected_left = at->expected < at->expected_end;
    bool came_left = at->came < at->came_end;

    if (expected_left && came_left && weir_test_event_fits(at->expected, at->came)) {
        at->came++;
        return (struct weir_test_difference){WEIR_TEST_SAME, at->expected++};
    }
    if (expected_left && came_left && at->came->at_ms == at->expected->at_ms) {
        if (fits_later(at))
            return (struct weir_test_difference){WEIR_TEST_UNEXPECTED, at->came++};
        return (struct weir_test_difference){WEIR_TEST_MISSING, at->expected++};
    }
    if (expected_left && (!came_left || at->expected->at_ms < at->came->at_ms))
        return (struct weir_test_difference){WEIR_TEST_MISSING, at->expected++};
    return (struct weir_test_difference){WEIR_TEST_UNEXPECTED, at->came++};
}

bool weir_test_compare(struct weir_test_comparison *comparison, const struct weir_test *test,
                       const struct weir_test_run *run)
{
    struct position at = {
        .expected = test->events,
        .expected_end = test->events + test->event_count,
        .came = run->events,
        .came_end = run->events + run->event_count,
    };
    size_t max = (size_t)test->event_count + run->event_count;

    *comparison = (struct weir_test_comparison){
        .lines = calloc(max + 1, sizeof(struct weir_test_difference))};
    if (!comparison->lines)
        return false;
    comparison->first = UINT32_MAX;
    while (at.expected < at.expected_end || at.came < at.came_end) {
        struct weir_test_difference line = take(&at);

        if (line.verdict != WEIR_TEST_SAME && comparison->first == UINT32_MAX)
            comparison->first = comparison->count;
        comparison->lines[comparison->count++] = line;
    }
    if (comparison->first == UINT32_MAX)
        comparison->first = comparison->count;
    return true;
}
