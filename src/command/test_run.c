#include "command/test_run.h"

#include <stdlib.h>
#include <string.h>

#include "command/memory.h"
#include "command/test_feed.h"
#include "core/assert.h"

/* Batches are not made. */
#define EPOCH 0

static bool make_engine(struct weir_test_run *run)
{
    run->arena_size = weir_engine_size(run->config, NULL);
    run->arena = weir_memory_map(run->arena_size);
    if (!run->arena)
        return false;
    weir_engine_init(&run->engine, run->config, run->arena, run->arena_size, EPOCH, false);
    return true;
}

/* Room for one more event. */
static bool grow(struct weir_test_run *run)
{
    uint32_t max = run->event_max ? run->event_max * 2 : 64;
    struct weir_test_event *events;

    if (run->event_count < run->event_max)
        return true;
    if (run->event_max >= WEIR_TEST_EVENT_COUNT_MAX)
        return false;
    events = realloc(run->events, max * sizeof(*events));
    if (!events)
        return false;
    run->events = events;
    run->event_max = max;
    return true;
}

static const char *series_name(const struct weir_test_run *run, const struct weir_alert *alert)
{
    if (alert->series == WEIR_SERIES_ALL)
        return WEIR_TEST_SERIES_ALL;
    return weir_pipeline_series_name(&run->engine.pipeline, run->config->rules[alert->rule].stream,
                                     alert->series);
}

static void keep_alert(struct weir_test_run *run, const struct weir_alert *alert)
{
    if (alert->event == WEIR_EVENT_NONE || (run->test->some && !run->test->wanted[alert->rule]))
        return;
    if (!grow(run)) {
        run->overflow = true;
        return;
    }
    run->events[run->event_count++] = (struct weir_test_event){
        .at_ms = run->now_ms,
        .rule = alert->rule,
        .series = series_name(run, alert),
        .event = alert->event,
        .has_level = true,
        .has_value = true,
        .level = alert->level,
        .value = alert->value,
    };
}

static void take_outputs(struct weir_test_run *run)
{
    struct weir_engine_output output;

    while (weir_engine_take(&run->engine, &output)) {
        if (output.kind == WEIR_ENGINE_ALERT)
            keep_alert(run, &output.alert);
    }
}

static void set_clock(struct weir_test_run *run, int64_t at_ms)
{
    run->now_ms = at_ms;
    while (weir_engine_advance(&run->engine, run->test->start_ms + at_ms) != WEIR_OK)
        take_outputs(run);
    take_outputs(run);
}

/* As `run` does: at every deadline on the way, and first at one that has come already. */
static void advance(struct weir_test_run *run, int64_t to_ms)
{
    int64_t deadline_ms;

    if (to_ms < run->now_ms)
        return;
    while ((deadline_ms = weir_engine_deadline(&run->engine)) < run->test->start_ms + to_ms) {
        int64_t due_ms = deadline_ms - run->test->start_ms;

        set_clock(run, due_ms > run->now_ms ? due_ms : run->now_ms);
        if (weir_engine_deadline(&run->engine) <= deadline_ms)
            break;
    }
    set_clock(run, to_ms);
}

static void send(struct weir_test_run *run, const struct weir_test_message *message)
{
    const struct weir_stream_config *stream = &run->config->streams[message->series->stream];
    int64_t now_ms = run->test->start_ms + run->now_ms;
    char payload[WEIR_TEST_PAYLOAD_SIZE];
    struct weir_message sent = {
        .topic = message->series->topic,
        .topic_length = strlen(message->series->topic),
        .payload = payload,
        .arrived_ms = now_ms,
    };
    struct weir_text text;

    weir_text_init(&text, payload, sizeof(payload));
    weir_test_payload_write(&text, stream, message->values, message->count,
                            now_ms + message->shift_ms);
    assert(!text.overflow);
    sent.payload_length = text.length;
    set_clock(run, run->now_ms);
    while (weir_engine_accept(&run->engine, &sent) != WEIR_OK)
        take_outputs(run);
    take_outputs(run);
}

static void send_all(struct weir_test_run *run, struct weir_test_feed *feed, int64_t at_ms)
{
    struct weir_test_message message;

    while (weir_test_feed_time(feed) == at_ms) {
        (void)weir_test_feed_take(feed, &message);
        if (!run->link_down && at_ms >= run->now_ms)
            send(run, &message);
    }
}

/* Nobody is there for a while; then another process goes on from the state of this one. */
static void restart(struct weir_test_run *run, int64_t outage_ms)
{
    int64_t now_ms;

    run->now_ms += outage_ms;
    now_ms = run->test->start_ms + run->now_ms;
    while (weir_engine_step_clock(&run->engine, now_ms, outage_ms, false) != WEIR_OK)
        take_outputs(run);
    weir_engine_resume(&run->engine, outage_ms);
}

/* The occurrence that the newest state of a series is about; 0: none. */
static uint64_t occurrence(const struct weir_test_run *run, const struct weir_test_action *action)
{
    const struct weir_pipeline *pipeline = &run->engine.pipeline;
    uint32_t stream = run->config->rules[action->rule].stream;
    struct weir_alert alert;

    for (uint32_t i = 0; i < weir_pipeline_series_count(pipeline, stream); i++) {
        if (strcmp(weir_pipeline_series_name(pipeline, stream, i), action->series) == 0)
            return weir_pipeline_alert(pipeline, action->rule, i, &alert) ? alert.id : 0;
    }
    return 0;
}

static void command(struct weir_test_run *run, const struct weir_test_action *action)
{
    static const enum weir_command_kind kinds[] = {
        [WEIR_TEST_ACKNOWLEDGE] = WEIR_COMMAND_ACKNOWLEDGE,
        [WEIR_TEST_SHELVE] = WEIR_COMMAND_SHELVE,
        [WEIR_TEST_UNSHELVE] = WEIR_COMMAND_UNSHELVE,
    };
    const struct weir_command command = {
        .kind = kinds[action->kind],
        .rule = run->config->rules[action->rule].name,
        .series = action->series,
        .id = occurrence(run, action),
        .duration_ms = action->duration_ms,
    };
    enum weir_status status;

    while ((status = weir_engine_command(&run->engine, &command)) == WEIR_FULL)
        take_outputs(run);
    if (status != WEIR_OK && !run->refused)
        run->refused = action;
}

static void act(struct weir_test_run *run, const struct weir_test_action *action)
{
    switch (action->kind) {
    case WEIR_TEST_RESTART:
        restart(run, action->duration_ms);
        break;
    case WEIR_TEST_LINK_DOWN:
    case WEIR_TEST_LINK_UP:
        run->link_down = action->kind == WEIR_TEST_LINK_DOWN;
        weir_engine_set_link(&run->engine, !run->link_down);
        break;
    default:
        command(run, action);
    }
    take_outputs(run);
}

/* The clock runs to here whatever else happens. */
static int64_t end_of(const struct weir_test *test)
{
    int64_t end_ms = test->until_ms;

    if (test->event_count > 0 && test->events[test->event_count - 1].at_ms > end_ms)
        end_ms = test->events[test->event_count - 1].at_ms;
    return end_ms;
}

static void run_through(struct weir_test_run *run, struct weir_test_feed *feed)
{
    const struct weir_test_action *action = run->test->actions;
    const struct weir_test_action *last = action + run->test->action_count;

    for (;;) {
        int64_t next_ms = weir_test_feed_time(feed);

        if (action < last && action->at_ms < next_ms)
            next_ms = action->at_ms;
        if (next_ms == INT64_MAX)
            break;
        advance(run, next_ms);
        send_all(run, feed, next_ms);
        for (; action < last && action->at_ms <= next_ms; action++)
            act(run, action);
    }
    advance(run, end_of(run->test) > run->now_ms ? end_of(run->test) : run->now_ms);
}

bool weir_test_run(struct weir_test_run *run, const struct weir_config *config,
                   const struct weir_test *test)
{
    struct weir_test_feed *feed = malloc(sizeof(*feed));
    bool made;

    *run = (struct weir_test_run){.config = config, .test = test};
    made = feed && make_engine(run);
    if (made) {
        weir_test_feed_init(feed, test);
        set_clock(run, 0);
        run_through(run, feed);
    }
    free(feed);
    return made;
}

void weir_test_run_release(struct weir_test_run *run)
{
    free(run->events);
    weir_memory_unmap(run->arena, run->arena_size);
}
