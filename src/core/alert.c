#include "core/alert.h"

#include <math.h>

void weir_alert_compile(struct weir_alert_rule *rule, const struct weir_rule_config *config)
{
    const struct weir_comparison *comparison = &config->comparison;
    enum weir_level level = WEIR_LEVEL_INFO;
    const struct weir_limit *limit;

    while (level < WEIR_LEVEL_CRITICAL && !comparison->limits[level].set)
        level++;
    limit = &comparison->limits[level];
    *rule = (struct weir_alert_rule){
        .raise_above = limit->high,
        .raise_below = limit->low,
        .clear_at_most = limit->high - comparison->deadband,
        .clear_at_least = limit->low + comparison->deadband,
        .hold_ms = config->hold_ms,
        .clear_delay_ms = config->clear_delay_ms,
        .level = level,
    };
}

static void judge_value(struct weir_alert_state *state, const struct weir_alert_rule *rule,
                        double value)
{
    if (value > rule->raise_above) {
        state->beyond = true;
        state->low = false;
    } else if (value < rule->raise_below) {
        state->beyond = true;
        state->low = true;
    } else if (value <= rule->clear_at_most && value >= rule->clear_at_least) {
        state->beyond = false;
    }
}

static void change(struct weir_alert_state *state, enum weir_condition condition,
                   const struct weir_sample *sample)
{
    state->condition = (uint8_t)condition;
    state->time_ms = sample->time_ms;
    state->value = sample->value;
}

static enum weir_alert_change change_level(struct weir_alert_state *state, enum weir_level level,
                                           const struct weir_sample *sample)
{
    bool raised = level > state->level;

    change(state, raised ? WEIR_CONDITION_ACTIVE : WEIR_CONDITION_OK, sample);
    state->level = (uint8_t)level;
    state->since_ms = state->timer_ms;
    state->sequence++;
    return raised ? WEIR_ALERT_RAISED : WEIR_ALERT_CLEARED;
}

/* unknown, ok and pending: the level is ok, and stays so or is raised. */
static enum weir_alert_change step_quiet(struct weir_alert_state *state,
                                         const struct weir_alert_rule *rule,
                                         const struct weir_sample *sample)
{
    enum weir_condition before = (enum weir_condition)state->condition;

    if (before == WEIR_CONDITION_UNKNOWN)
        state->since_ms = sample->time_ms;
    if (!state->beyond) {
        if (before == WEIR_CONDITION_OK)
            return WEIR_ALERT_SAME;
        change(state, WEIR_CONDITION_OK, sample);
        return WEIR_ALERT_STATE;
    }
    if (before != WEIR_CONDITION_PENDING)
        state->timer_ms = sample->time_ms;
    if (sample->time_ms - state->timer_ms >= rule->hold_ms)
        return change_level(state, rule->level, sample);
    if (before == WEIR_CONDITION_PENDING)
        return WEIR_ALERT_SAME;
    change(state, WEIR_CONDITION_PENDING, sample);
    return WEIR_ALERT_STATE;
}

/* active and clearing. */
static enum weir_alert_change step_raised(struct weir_alert_state *state,
                                          const struct weir_alert_rule *rule,
                                          const struct weir_sample *sample)
{
    bool was_active = state->condition == WEIR_CONDITION_ACTIVE;

    if (state->beyond) {
        if (was_active)
            return WEIR_ALERT_SAME;
        change(state, WEIR_CONDITION_ACTIVE, sample);
        return WEIR_ALERT_STATE;
    }
    if (was_active)
        state->timer_ms = sample->time_ms;
    if (sample->time_ms - state->timer_ms >= rule->clear_delay_ms)
        return change_level(state, WEIR_LEVEL_OK, sample);
    if (!was_active)
        return WEIR_ALERT_SAME;
    change(state, WEIR_CONDITION_CLEARING, sample);
    return WEIR_ALERT_STATE;
}

enum weir_alert_change weir_alert_step(struct weir_alert_state *state,
                                       const struct weir_alert_rule *rule,
                                       const struct weir_sample *sample)
{
    bool was_low = state->low;
    enum weir_alert_change done;

    if (state->condition != WEIR_CONDITION_UNKNOWN && sample->time_ms < state->evaluated_ms)
        return WEIR_ALERT_SAME;
    state->evaluated_ms = sample->time_ms;
    judge_value(state, rule, sample->value);
    done = state->level == WEIR_LEVEL_OK ? step_quiet(state, rule, sample)
                                         : step_raised(state, rule, sample);
    /* From beyond one limit to beyond the other: the value told goes with the limit told. */
    if (done == WEIR_ALERT_SAME && state->low != was_low) {
        change(state, (enum weir_condition)state->condition, sample);
        done = WEIR_ALERT_STATE;
    }
    return done;
}

bool weir_alert_read(const struct weir_alert_state *state, const struct weir_alert_rule *rule,
                     struct weir_alert *alert)
{
    if (state->condition == WEIR_CONDITION_UNKNOWN)
        return false;
    alert->event = WEIR_EVENT_NONE;
    alert->level = (enum weir_level)state->level;
    alert->condition = (enum weir_condition)state->condition;
    alert->quality = WEIR_QUALITY_GOOD;
    alert->time_ms = state->time_ms;
    alert->since_ms = state->since_ms;
    alert->value = state->value;
    alert->limit = isinf(rule->raise_above) || (state->low && !isinf(rule->raise_below))
                       ? rule->raise_below
                       : rule->raise_above;
    alert->id = state->id;
    alert->sequence = state->sequence;
    return true;
}
