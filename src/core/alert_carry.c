#include "core/alert_carry.h"

#include <math.h>

void weir_alert_resume(struct weir_alert_state *state, const struct weir_alert_rule *rule,
                       bool anew)
{
    if (!weir_alert_has(state, WEIR_ALERT_HEARD | WEIR_ALERT_ARMED))
        return;
    state->quality = WEIR_QUALITY_STALE;
    weir_alert_set(state, WEIR_ALERT_RESTORED, true);
    weir_alert_set(state, anew || rule->on_clock ? WEIR_ALERT_RENEW : WEIR_ALERT_SHIFT, true);
}

/* The levels of the rule up to one. */
static unsigned levels_up_to(const struct weir_alert_rule *rule, enum weir_level level)
{
    return rule->levels.set & ((2u << level) - 1);
}

static enum weir_level level_of(const struct weir_alert_rule *rule, enum weir_level level)
{
    return level == WEIR_LEVEL_OK ? level : weir_alert_levels_nearest(&rule->levels, level);
}

bool weir_alert_restore(struct weir_alert_state *state, const struct weir_alert_rule *rule,
                        const struct weir_alert *told, const struct weir_alert_time *now)
{
    enum weir_level level = level_of(rule, told->level);
    /* One from the future would make every sample a late one. */
    int64_t time_ms = told->time_ms < now->clock_ms ? told->time_ms : now->clock_ms;
    uint32_t ignored = state->ignored;

    if (state->condition != WEIR_CONDITION_UNKNOWN) {
        if (told->sequence > state->sequence)
            state->sequence = (uint32_t)told->sequence;
        return false;
    }
    *state = (struct weir_alert_state){
        .evaluated_ms = time_ms,
        .value = told->value,
        .input = NAN,
        .heard_ms = now->listening_ms,
        .level = (unsigned)level & 0xfu,
        .announced_level = (unsigned)level & 0xfu,
        .over = levels_up_to(rule, level) & 0xfu,
        .beyond = levels_up_to(rule, level) & 0xfu,
        .flags = WEIR_ALERT_HEARD | WEIR_ALERT_ARMED,
        .reminders = (uint16_t)(told->reminders < UINT16_MAX ? told->reminders : UINT16_MAX),
        .told_since_ms = told->since_ms,
        .id = told->id,
        .announced_id = told->id,
        .paced_ms = now->up_ms,
        .sequence = (uint32_t)told->sequence,
        .ignored = ignored,
    };
    for (unsigned i = 0; i < WEIR_LEVEL_COUNT - 1; i++)
        state->since_ms[i] = rule->on_clock ? now->up_ms : time_ms;
    weir_alert_set(state, WEIR_ALERT_AND_BEYOND, level > WEIR_LEVEL_OK);
    weir_alert_set(state, WEIR_ALERT_ACKNOWLEDGED, told->acknowledged);
    weir_alert_align(state);
    weir_alert_tell(state, told->time_ms);
    weir_alert_resume(state, rule, false);
    return true;
}

void weir_alert_adopt(struct weir_alert_state *state, const struct weir_alert_rule *rule,
                      const struct weir_alert_state *from, const struct weir_alert_rule *from_rule,
                      bool comparable)
{
    unsigned kept;

    *state = *from;
    if (state->condition == WEIR_CONDITION_UNKNOWN)
        return;
    state->level = (unsigned)level_of(rule, (enum weir_level)from->level) & 0xfu;
    state->announced_level =
        (unsigned)level_of(rule, (enum weir_level)from->announced_level) & 0xfu;
    /* Of levels that are new the value is taken to be beyond, as far as the level goes. */
    kept = levels_up_to(rule, (enum weir_level)state->level) & ~from_rule->levels.set;
    state->over = ((from->over & rule->levels.set) | kept) & 0xfu;
    state->beyond = ((from->beyond & rule->levels.set) | kept) & 0xfu;
    weir_alert_align(state);
    if (comparable && !isnan(state->value)) {
        weir_alert_set(state, WEIR_ALERT_REJUDGE, true);
        return;
    }
    /* The next value is no repetition, and not late, beside one of another kind. */
    weir_alert_set(state, WEIR_ALERT_HEARD, false);
    weir_alert_set(state, WEIR_ALERT_RENEW, true);
}

static int64_t earlier(int64_t left_ms, int64_t right_ms)
{
    return left_ms < right_ms ? left_ms : right_ms;
}

void weir_alert_recede(struct weir_alert_state *state, const struct weir_alert_rule *rule,
                       int64_t time_ms)
{
    state->evaluated_ms = earlier(state->evaluated_ms, time_ms);
    for (unsigned i = 0; !rule->on_clock && i < WEIR_LEVEL_COUNT - 1; i++)
        state->since_ms[i] = earlier(state->since_ms[i], time_ms);
}

void weir_alert_shift(struct weir_alert_state *state, const struct weir_alert_rule *rule,
                      int64_t step_ms, bool of_samples)
{
    if (!weir_alert_has(state, WEIR_ALERT_HEARD | WEIR_ALERT_ARMED))
        return;
    if (of_samples)
        state->evaluated_ms += step_ms;
    state->time_ms += step_ms;
    state->told_since_ms += step_ms;
    for (unsigned i = 0; !rule->on_clock && i < WEIR_LEVEL_COUNT - 1; i++)
        state->since_ms[i] += step_ms;
}
