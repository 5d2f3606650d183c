/* What happens to alerts from outside: operators, the link, another process, a clock that is set. */
#include <string.h>

#include "core/alert_carry.h"
#include "core/assert.h"
#include "pipeline/alerts.h"
#include "pipeline/outputs.h"

/* Where a command's rule and series are. False: there is no such rule; series WEIR_SERIES_NONE: the
 * rule's stream has none of this name. */
static bool find_place(struct weir_pipeline *pipeline, const struct weir_command *command,
                       struct alert_place *place)
{
    const struct weir_config *config = pipeline->config;
    size_t length = strlen(command->series);
    uint32_t rule = 0;
    uint32_t stream;
    uint32_t series;

    while (rule < config->rule_count && strcmp(config->rules[rule].name, command->rule) != 0)
        rule++;
    if (rule == config->rule_count)
        return false;
    stream = config->rules[rule].stream;
    series = weir_series_find(index_of(pipeline, stream_plan_at(pipeline, stream)), command->series,
                              length, weir_series_hash(command->series, length));
    *place = alert_place(pipeline, stream, series == WEIR_SERIES_NONE ? 0 : series,
                         weir_alerts_slot(stream_plan_at(pipeline, stream), rule));
    place->series = series;
    return true;
}

static bool is_known(const struct alert_place *place)
{
    return place->series != WEIR_SERIES_NONE &&
           (place->state->condition != WEIR_CONDITION_UNKNOWN ||
            weir_alert_has(place->state, WEIR_ALERT_ARMED));
}

enum weir_status weir_pipeline_check_command(const struct weir_pipeline *pipeline,
                                             const struct weir_command *command)
{
    struct weir_pipeline copy = *pipeline;
    struct alert_place place;
    bool good = false;

    if (!find_place(&copy, command, &place))
        return WEIR_REFUSED;
    switch (command->kind) {
    case WEIR_COMMAND_ACKNOWLEDGE:
        good = is_known(&place) && place.state->level != WEIR_LEVEL_OK &&
               place.state->id == command->id;
        break;
    case WEIR_COMMAND_SHELVE:
        good = is_known(&place) && command->duration_ms > 0 &&
               command->duration_ms <= pipeline->config->shelve_max_ms;
        break;
    case WEIR_COMMAND_UNSHELVE:
        good = is_known(&place) && weir_alert_has(place.state, WEIR_ALERT_SHELVED);
        break;
    case WEIR_COMMAND_RESTORE:
        good = place.series != WEIR_SERIES_NONE ||
               weir_series_has_room(index_of(pipeline, place.stream), strlen(command->series));
        break;
    }
    return good ? WEIR_OK : WEIR_REFUSED;
}

static void acknowledge(const struct alert_place *place, const struct weir_alert_time *now)
{
    if (!weir_alert_has(place->state, WEIR_ALERT_ACKNOWLEDGED))
        weir_alerts_give(place, weir_alert_acknowledge(place->state, &place->rule->rule, now), now);
}

static void shelve(const struct alert_place *place, int64_t duration_ms,
                   const struct weir_alert_time *now)
{
    const struct weir_alert_news news = {.tell = true};

    weir_alert_shelve(place->state, now->up_ms + duration_ms);
    weir_alert_tell(place->state, now->clock_ms);
    weir_alerts_give_news(place, news, now);
}

static void restore(const struct alert_place *place, const struct weir_command *command,
                    const struct weir_alert_time *now)
{
    struct alert_place found = *place;
    const struct weir_alert_news news = {.tell = true};

    if (found.series == WEIR_SERIES_NONE) {
        found.series = weir_layout_make_series(found.pipeline, found.stream, command->series,
                                               strlen(command->series));
        found.state = &alerts_of(found.pipeline, found.stream,
                                 found.series)[found.rule - found.stream->rules];
    }
    if (weir_alert_restore(found.state, &found.rule->rule, &command->restore, now))
        weir_alerts_give_news(&found, news, now);
    weir_alerts_expect(&found, now);
}

enum weir_status weir_pipeline_command(struct weir_pipeline *pipeline,
                                       const struct weir_command *command)
{
    struct weir_alert_time now = weir_alerts_time(pipeline, state_of(pipeline)->clock_ms);
    struct alert_place place;

    assert(!state_of(pipeline)->scanning);
    if (output_room(pipeline) < pipeline->message_output_max)
        return WEIR_FULL;
    if (weir_pipeline_check_command(pipeline, command) != WEIR_OK)
        return WEIR_REFUSED;
    (void)find_place(pipeline, command, &place);
    switch (command->kind) {
    case WEIR_COMMAND_ACKNOWLEDGE:
        acknowledge(&place, &now);
        break;
    case WEIR_COMMAND_SHELVE:
        shelve(&place, command->duration_ms, &now);
        break;
    case WEIR_COMMAND_UNSHELVE:
        weir_alerts_unshelve(&place, &now);
        break;
    case WEIR_COMMAND_RESTORE:
        restore(&place, command, &now);
        return WEIR_OK;
    }
    weir_alerts_expect(&place, &now);
    return WEIR_OK;
}

void weir_pipeline_set_link(struct weir_pipeline *pipeline, bool up)
{
    struct pipeline_state *state = state_of(pipeline);
    int64_t up_ms = state->clock_ms - state->skipped_ms;

    if (state->link_down != up || state->clock_ms == INT64_MIN)
        return;
    state->link_down = !up;
    if (!up) {
        state->link_down_ms = up_ms;
        return;
    }
    state->unheard_ms += up_ms - state->link_down_ms;
    /* Silence counts again: the scan finds out from when. */
    for (uint32_t i = 0; i < pipeline->config->stream_count; i++)
        expect_rules_due(pipeline, i, state->clock_ms);
}

/* Calls a function for every alert. */
static void visit(struct weir_pipeline *pipeline,
                  void (*function)(const struct alert_place *place, int64_t argument),
                  int64_t argument)
{
    for (uint32_t i = 0; i < pipeline->config->stream_count; i++) {
        const struct stream_plan *plan = stream_plan_at(pipeline, i);

        for (uint32_t j = 0; j < index_of(pipeline, plan)->count; j++) {
            for (uint32_t k = 0; k < plan->rule_count; k++) {
                struct alert_place place = alert_place(pipeline, i, j, k);

                function(&place, argument);
            }
        }
    }
}

static void resume_alert(const struct alert_place *place, int64_t outage_ms)
{
    weir_alert_resume(place->state, &place->rule->rule,
                      outage_ms > place->pipeline->config->outage_tolerance_ms);
}

void weir_pipeline_resume(struct weir_pipeline *pipeline, int64_t outage_ms)
{
    visit(pipeline, resume_alert, outage_ms);
}

/* What came about by the clock alone, or by samples that have its time, came about later by the new
 * clock. */
static void shift_alert(const struct alert_place *place, int64_t step_ms)
{
    bool on_arrival = place->stream->time_unit == WEIR_TIME_ARRIVAL;

    if (!on_arrival && place->rule->rule.form != WEIR_RULE_SILENCE)
        return;
    weir_alert_shift(place->state, &place->rule->rule, step_ms, on_arrival);
    if (place->rule->rule.form == WEIR_RULE_RATE)
        weir_slope_shift(alert_extra(place, place->series, place->rule->slope_offset),
                         &place->rule->slope, step_ms);
}

static void step_windows(struct weir_pipeline *pipeline, uint32_t stream, int64_t step_ms)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);

    if (plan->time_unit == WEIR_TIME_ARRIVAL)
        return;
    for (uint32_t i = 0; i < index_of(pipeline, plan)->count; i++)
        window_of(pipeline, plan, i)->touched_ms += step_ms;
}

void weir_pipeline_step_clock(struct weir_pipeline *pipeline, int64_t step_ms, bool set)
{
    struct pipeline_state *state = state_of(pipeline);

    assert(!state->scanning);
    state->clock_ms += step_ms;
    state->skipped_ms += step_ms;
    for (uint32_t i = 0; i < pipeline->config->stream_count; i++) {
        step_windows(pipeline, i, step_ms);
        /* A lower bound: the next scan finds the true one. */
        if (state->streams[i].due_ms != INT64_MAX)
            expect_due(pipeline, i, state->clock_ms);
        if (state->streams[i].rules_due_ms != INT64_MAX)
            expect_rules_due(pipeline, i, state->clock_ms);
    }
    if (set)
        visit(pipeline, shift_alert, step_ms);
}
