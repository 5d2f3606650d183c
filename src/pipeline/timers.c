/* What the clock does to the alerts of a series, each at its very time, and to storms. */
#include "pipeline/outputs.h"
#include "pipeline/rules.h"

/* Outputs that one deed can cause: two events, or a storm and the state in place of one. */
#define DEED_OUTPUT_MAX 4

/* The time at which something was due, the scan being a little late. */
static struct weir_alert_time time_of(const struct weir_alert_due *due,
                                      const struct weir_alert_time *now)
{
    int64_t late_ms = now->up_ms - due->up_ms;

    return (struct weir_alert_time){
        .clock_ms = now->clock_ms - late_ms,
        .up_ms = now->up_ms - late_ms,
        .listening_ms = now->listening_ms - late_ms,
    };
}

static void act(const struct alert_place *place, const struct weir_alert_due *due,
                const struct weir_alert_time *at)
{
    struct weir_alert_state *state = place->state;
    const struct weir_alert_rule *rule = &place->rule->rule;

    switch (due->deed) {
    case WEIR_ALERT_DO_NOTHING:
        break;
    case WEIR_ALERT_DO_REJUDGE:
        weir_alerts_give(place, weir_alert_rejudge(state, rule, at), at);
        break;
    case WEIR_ALERT_DO_EXPIRE:
        weir_alerts_give(place, weir_alert_expire(state, rule, at), at);
        break;
    case WEIR_ALERT_DO_STRIKE:
        weir_alerts_give(place, weir_alert_strike(state, rule, due->level, at), at);
        break;
    case WEIR_ALERT_DO_SETTLE:
        weir_alerts_give(place, weir_alert_settle(state, rule, at), at);
        break;
    case WEIR_ALERT_DO_UNSHELVE:
        weir_alerts_unshelve(place, at);
        break;
    case WEIR_ALERT_DO_CALM:
        weir_alert_tell(state, at->clock_ms);
        weir_alerts_give_news(place, weir_alert_calm(state, at->up_ms), at);
        break;
    case WEIR_ALERT_DO_RETELL:
        weir_alerts_give_news(place, weir_alert_retell(state, at->up_ms), at);
        break;
    case WEIR_ALERT_DO_REMIND:
        weir_alert_tell(state, at->clock_ms);
        weir_alerts_give_news(place, weir_alert_remind(state, at->up_ms), at);
        break;
    }
}

/* Judges the windows that the other series has closed by now. */
static enum weir_status advance_pairs(const struct alert_place *place,
                                      const struct weir_alert_time *now)
{
    struct weir_pairs *pairs = alert_extra(place, place->series, place->rule->pairs_offset);
    const struct weir_pairs *other = weir_alerts_other_pairs(place);

    while (other && other != pairs) {
        int64_t end_ms;
        double value;
        double other_value;

        if (output_room(place->pipeline) < DEED_OUTPUT_MAX)
            return WEIR_FULL;
        switch (weir_pairs_take(pairs, other, &end_ms, &value, &other_value)) {
        case WEIR_PAIRS_NONE:
            return WEIR_OK;
        case WEIR_PAIRS_MET:
            weir_rules_judge_window(place, value - other_value, end_ms, now);
            break;
        case WEIR_PAIRS_MISSING:
            place->state->ignored++;
            break;
        }
    }
    return WEIR_OK;
}

static enum weir_status advance_alert(const struct alert_place *place,
                                      const struct weir_alert_time *now, int64_t *due_ms)
{
    int64_t clock_ms;

    if (place->rule->has_minus_series && advance_pairs(place, now) != WEIR_OK)
        return WEIR_FULL;
    for (;;) {
        struct weir_alert_due due = weir_alerts_next(place, now, &clock_ms);
        struct weir_alert_time at;

        if (due.up_ms > now->up_ms)
            break;
        if (output_room(place->pipeline) < DEED_OUTPUT_MAX)
            return WEIR_FULL;
        at = time_of(&due, now);
        act(place, &due, &at);
    }
    if (clock_ms < *due_ms)
        *due_ms = clock_ms;
    return WEIR_OK;
}

enum weir_status weir_rules_advance(struct weir_pipeline *pipeline, uint32_t stream,
                                    uint32_t series, int64_t clock_ms, int64_t *due_ms)
{
    uint32_t count = stream_plan_at(pipeline, stream)->rule_count;
    struct weir_alert_time now = weir_alerts_time(pipeline, clock_ms);

    *due_ms = INT64_MAX;
    for (uint32_t i = 0; i < count; i++) {
        struct alert_place place = alert_place(pipeline, stream, series, i);

        if (advance_alert(&place, &now, due_ms) != WEIR_OK)
            return WEIR_FULL;
    }
    return WEIR_OK;
}

enum weir_status weir_rules_advance_storms(struct weir_pipeline *pipeline, uint32_t stream,
                                           int64_t clock_ms, int64_t *due_ms)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    struct weir_alert_time now = weir_alerts_time(pipeline, clock_ms);

    *due_ms = INT64_MAX;
    for (uint32_t i = 0; i < plan->rule_count; i++) {
        const struct rule_plan *rule = &plan->rules[i];
        struct weir_alert_storm *storm = storm_of(pipeline, rule);
        struct weir_alert_due due = {.up_ms = INT64_MAX};

        if (rule->storm_count == 0)
            continue;
        while ((due.up_ms = weir_alert_storm_due(storm, rule->storm_ms)) <= now.up_ms) {
            struct weir_alert_time at = time_of(&due, &now);

            if (output_room(pipeline) == 0)
                return WEIR_FULL;
            if (weir_alert_storm_settle(storm, rule->storm_count, rule->storm_ms))
                weir_alerts_give_storm(pipeline, rule, storm, WEIR_EVENT_STORM_END, &at);
        }
        if (due.up_ms != INT64_MAX && clock_ms + (due.up_ms - now.up_ms) < *due_ms)
            *due_ms = clock_ms + (due.up_ms - now.up_ms);
    }
    return WEIR_OK;
}
