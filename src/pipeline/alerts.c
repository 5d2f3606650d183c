#include "pipeline/alerts.h"

#include <math.h>
#include <string.h>

#include "pipeline/outputs.h"

struct weir_alert_due weir_alerts_next(const struct alert_place *place,
                                       const struct weir_alert_time *now, int64_t *clock_ms)
{
    struct weir_alert_due due =
        weir_alert_next(place->state, &place->rule->rule, alert_flaps(place), now,
                        !state_of(place->pipeline)->link_down);

    *clock_ms = due.up_ms == INT64_MAX ? INT64_MAX : now->clock_ms + (due.up_ms - now->up_ms);
    return due;
}

void weir_alerts_expect(const struct alert_place *place, const struct weir_alert_time *now)
{
    int64_t clock_ms;

    (void)weir_alerts_next(place, now, &clock_ms);
    expect_rules_due(place->pipeline, place->stream_index, clock_ms);
}

/* An occurrence is named by its rule and series, when it began, and the one before it. */
static uint64_t occurrence_id(const struct weir_pipeline *pipeline, const struct rule_plan *rule,
                              const char *series, int64_t since_ms, uint64_t before)
{
    const char *name = pipeline->config->rules[rule->config_index].name;
    uint64_t parts[4] = {
        weir_series_hash(name, strlen(name)),
        weir_series_hash(series, strlen(series)),
        (uint64_t)since_ms,
        before,
    };

    return weir_series_hash((const char *)parts, sizeof(parts));
}

static void add_state(const struct alert_place *place, enum weir_event event,
                      const struct weir_alert_time *now)
{
    struct weir_output *output = add_output(place->pipeline);

    output->kind = WEIR_OUTPUT_ALERT;
    (void)weir_alert_read(place->state, &place->rule->rule, now, &output->alert);
    output->alert.rule = place->rule->config_index;
    output->alert.series = place->series;
    output->alert.event = event;
}

void weir_alerts_give_storm(struct weir_pipeline *pipeline, const struct rule_plan *rule,
                            struct weir_alert_storm *storm, enum weir_event event,
                            const struct weir_alert_time *now)
{
    struct weir_output *output = add_output(pipeline);

    if (event == WEIR_EVENT_STORM) {
        storm->since_ms = now->clock_ms;
        storm->id = occurrence_id(pipeline, rule, "*", now->clock_ms, storm->id);
    }
    storm->sequence++;
    output->kind = WEIR_OUTPUT_ALERT;
    output->alert = (struct weir_alert){
        .rule = rule->config_index,
        .series = WEIR_SERIES_ALL,
        .event = event,
        .time_ms = now->clock_ms,
        .since_ms = storm->since_ms,
        .value = NAN,
        .limit = rule->storm_count,
        .id = storm->id,
        .sequence = storm->sequence,
        .held_back = event == WEIR_EVENT_STORM_END ? storm->held_back : 0,
    };
}

/* False: a storm of the rule holds the event back. */
static bool passes_storm(const struct alert_place *place, const struct weir_alert_time *now)
{
    const struct rule_plan *rule = place->rule;
    struct weir_alert_storm *storm = storm_of(place->pipeline, rule);
    enum weir_alert_storm_verdict verdict;

    if (rule->storm_count == 0)
        return true;
    verdict = weir_alert_storm_accept(storm, rule->storm_count, rule->storm_ms, now->up_ms);
    if (verdict == WEIR_ALERT_STORM_BEGINS) {
        weir_alerts_give_storm(place->pipeline, rule, storm, WEIR_EVENT_STORM, now);
        expect_rules_due(place->pipeline, place->stream_index, now->clock_ms + rule->storm_ms);
    }
    return verdict == WEIR_ALERT_STORM_PASS;
}

void weir_alerts_give_news(const struct alert_place *place, struct weir_alert_news news,
                           const struct weir_alert_time *now)
{
    if (news.event != WEIR_EVENT_NONE && !passes_storm(place, now)) {
        news.event = WEIR_EVENT_NONE;
        news.held_back = true;
    }
    if (news.held_back)
        state_of(place->pipeline)->ledger.events_held_back++;
    if (news.event != WEIR_EVENT_NONE)
        weir_alert_announce(place->state, news.event);
    if (news.tell)
        add_state(place, news.event, now);
}

void weir_alerts_give(const struct alert_place *place, enum weir_alert_change change,
                      const struct weir_alert_time *now)
{
    const struct weir_series_index *index = index_of(place->pipeline, place->stream);
    struct weir_alert_state *state = place->state;

    if (change == WEIR_ALERT_RAISED)
        state->id =
            occurrence_id(place->pipeline, place->rule, weir_series_name(index, place->series),
                          state->told_since_ms, state->id);
    weir_alerts_give_news(
        place,
        weir_alert_publish(state, &place->rule->rule, alert_flaps(place), change, now->up_ms), now);
}

void weir_alerts_unshelve(const struct alert_place *place, const struct weir_alert_time *now)
{
    struct weir_alert_news news = {.tell = true};
    enum weir_event quality;
    enum weir_event level;

    weir_alert_unshelve(place->state);
    weir_alert_tell(place->state, now->clock_ms);
    quality = weir_alert_catch_up_quality(place->state);
    if (quality != WEIR_EVENT_NONE) {
        news.event = quality;
        weir_alerts_give_news(place, news, now);
    }
    level = weir_alert_catch_up_level(place->state, now->up_ms);
    if (level == WEIR_EVENT_NONE && quality != WEIR_EVENT_NONE)
        return;
    news.event = level;
    weir_alerts_give_news(place, news, now);
}

const struct weir_pairs *weir_alerts_other_pairs(const struct alert_place *place)
{
    const char *name = place->pipeline->config->rules[place->rule->config_index].minus_series;
    size_t length = strlen(name);
    uint32_t series = weir_series_find(index_of(place->pipeline, place->stream), name, length,
                                       weir_series_hash(name, length));

    return series == WEIR_SERIES_NONE ? NULL
                                      : alert_extra(place, series, place->rule->pairs_offset);
}

uint32_t weir_alerts_slot(const struct stream_plan *plan, uint32_t rule)
{
    uint32_t slot = 0;

    while (plan->rules[slot].config_index != rule)
        slot++;
    return slot;
}

void weir_alerts_arm(struct weir_pipeline *pipeline)
{
    struct weir_alert_time now = weir_alerts_time(pipeline, state_of(pipeline)->clock_ms);

    for (uint32_t i = 0; i < pipeline->config->expected_count; i++) {
        const struct weir_expected *expected = &pipeline->config->expected[i];
        const struct weir_rule_config *rule = &pipeline->config->rules[expected->rule];
        const struct stream_plan *plan = stream_plan_at(pipeline, rule->stream);
        uint32_t series =
            weir_layout_make_series(pipeline, plan, expected->series, strlen(expected->series));
        struct alert_place place;

        if (series == WEIR_SERIES_NONE)
            continue;
        place = alert_place(pipeline, rule->stream, series, weir_alerts_slot(plan, expected->rule));
        weir_alert_arm(place.state, now.listening_ms + rule->grace_ms - rule->silent_ms,
                       now.clock_ms);
        weir_alerts_expect(&place, &now);
    }
}
