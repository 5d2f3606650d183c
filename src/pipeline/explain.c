/* Alerts as they are, and what comes next. */
#include "pipeline/alerts.h"

bool weir_pipeline_alert(const struct weir_pipeline *pipeline, uint32_t rule, uint32_t series,
                         struct weir_alert *alert)
{
    uint32_t stream = pipeline->config->rules[rule].stream;
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    struct weir_alert_time now = weir_alerts_time(pipeline, state_of(pipeline)->clock_ms);
    uint32_t slot = weir_alerts_slot(plan, rule);

    if (!weir_alert_read(&alerts_of(pipeline, plan, series)[slot], &plan->rules[slot].rule, &now,
                         alert))
        return false;
    alert->rule = rule;
    alert->series = series;
    return true;
}

/* The event that brings the state from one level to another. */
static enum weir_event event_to(enum weir_level from, enum weir_level to)
{
    if (to > from)
        return from == WEIR_LEVEL_OK ? WEIR_EVENT_RAISED : WEIR_EVENT_ESCALATED;
    return to == WEIR_LEVEL_OK ? WEIR_EVENT_CLEARED : WEIR_EVENT_DEESCALATED;
}

/* The level that is left when the present one is kept no longer, at that time of its timers. */
static enum weir_level level_left(const struct alert_place *place, int64_t timer_ms)
{
    const struct weir_alert_state *state = place->state;
    const struct weir_alert_rule *rule = &place->rule->rule;
    enum weir_level level = (enum weir_level)state->level;

    while (--level > WEIR_LEVEL_OK) {
        if ((rule->levels.set & 1u << level) != 0 &&
            ((state->beyond & 1u << level) != 0 ||
             timer_ms - state->since_ms[level - 1] < rule->clear_delay_ms))
            break;
    }
    return level;
}

static void offer(struct weir_explanation *explanation, enum weir_level from, enum weir_level to,
                  int64_t time_ms)
{
    if (time_ms >= explanation->next_ms)
        return;
    explanation->next = event_to(from, to);
    explanation->next_level = to;
    explanation->next_ms = time_ms;
}

/* What a hold or a delay under way comes to. */
static void explain_timers(const struct alert_place *place, const struct weir_alert_time *now,
                           struct weir_explanation *explanation)
{
    const struct weir_alert_state *state = place->state;
    const struct weir_alert_rule *rule = &place->rule->rule;
    enum weir_level present = (enum weir_level)state->level;
    int64_t shift_ms = rule->on_clock ? now->clock_ms - now->up_ms : 0;
    bool held = rule->latch && !weir_alert_has(state, WEIR_ALERT_ACKNOWLEDGED);

    for (enum weir_level level = WEIR_LEVEL_INFO; level < WEIR_LEVEL_COUNT; level++) {
        int64_t since_ms = state->since_ms[level - 1] + shift_ms;
        bool beyond = (state->beyond & 1u << level) != 0;

        explanation->levels[level].set = (rule->levels.set & 1u << level) != 0;
        explanation->levels[level].beyond = beyond;
        explanation->levels[level].since_ms = since_ms;
        if (beyond && level > present)
            offer(explanation, present, level, since_ms + rule->hold_ms);
        else if (!beyond && level == present && !held)
            offer(explanation, present,
                  level_left(place, state->since_ms[level - 1] + rule->clear_delay_ms),
                  since_ms + rule->clear_delay_ms);
    }
    explanation->next_by_clock = rule->on_clock && state->quality == WEIR_QUALITY_GOOD;
}

/* What the clock does, where that is sooner. */
static void explain_clock(const struct alert_place *place, const struct weir_alert_time *now,
                          struct weir_explanation *explanation)
{
    static const enum weir_event events[] = {
        [WEIR_ALERT_DO_EXPIRE] = WEIR_EVENT_STALE,
        [WEIR_ALERT_DO_CALM] = WEIR_EVENT_FLAP_END,
        [WEIR_ALERT_DO_REMIND] = WEIR_EVENT_REMINDER,
    };
    enum weir_level present = (enum weir_level)place->state->level;
    int64_t clock_ms;
    struct weir_alert_due due = weir_alerts_next(place, now, &clock_ms);

    if (clock_ms >= explanation->next_ms)
        return;
    switch (due.deed) {
    case WEIR_ALERT_DO_STRIKE:
        offer(explanation, present, due.level, clock_ms);
        break;
    case WEIR_ALERT_DO_EXPIRE:
    case WEIR_ALERT_DO_CALM:
    case WEIR_ALERT_DO_REMIND:
        explanation->next = events[due.deed];
        explanation->next_level = present;
        explanation->next_ms = clock_ms;
        break;
    default:
        return;
    }
    explanation->next_by_clock = true;
}

bool weir_pipeline_explain(const struct weir_pipeline *pipeline, uint32_t rule, uint32_t series,
                           struct weir_explanation *explanation)
{
    struct weir_pipeline copy = *pipeline;
    uint32_t stream = pipeline->config->rules[rule].stream;
    struct weir_alert_time now = weir_alerts_time(pipeline, state_of(pipeline)->clock_ms);
    struct alert_place place = alert_place(
        &copy, stream, series, weir_alerts_slot(stream_plan_at(pipeline, stream), rule));
    const struct weir_alert_state *state = place.state;
    int64_t silence_ms = now.listening_ms - state->heard_ms;

    *explanation = (struct weir_explanation){
        .value = state->value,
        .evaluated_ms = state->evaluated_ms,
        .silence_ms = weir_alert_has(state, WEIR_ALERT_ARMED) ? silence_ms : -1,
        .silent_at_ms = INT64_MAX,
        .and_beyond = !place.rule->rule.has_and || weir_alert_has(state, WEIR_ALERT_AND_BEYOND),
        .link_up = !state_of(pipeline)->link_down,
        .next_level = (enum weir_level)state->level,
        .next_ms = INT64_MAX,
    };
    if (!weir_pipeline_alert(pipeline, rule, series, &explanation->alert))
        return false;
    if (explanation->link_up && explanation->silence_ms >= 0 &&
        pipeline->config->rules[rule].silent_ms > 0)
        explanation->silent_at_ms =
            now.clock_ms - silence_ms + pipeline->config->rules[rule].silent_ms;
    explain_timers(&place, &now, explanation);
    explain_clock(&place, &now, explanation);
    return true;
}
