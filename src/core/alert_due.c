#include "core/alert_due.h"

static void offer(struct weir_alert_due *due, enum weir_alert_deed deed, int64_t up_ms)
{
    if (up_ms < due->up_ms)
        *due = (struct weir_alert_due){.deed = deed, .up_ms = up_ms};
}

/* Silence: of the levels to come, or of quality. */
static void offer_silence(struct weir_alert_due *due, const struct weir_alert_state *state,
                          const struct weir_alert_rule *rule, const struct weir_alert_time *now)
{
    int64_t heard_up_ms = state->heard_ms + (now->up_ms - now->listening_ms);

    if (!weir_alert_has(state, WEIR_ALERT_ARMED))
        return;
    if (rule->silent_ms > 0 && !weir_alert_has(state, WEIR_ALERT_SILENT))
        offer(due, WEIR_ALERT_DO_EXPIRE, heard_up_ms + rule->silent_ms);
    if (rule->form != WEIR_RULE_SILENCE)
        return;
    for (enum weir_level level = WEIR_LEVEL_INFO; level < WEIR_LEVEL_COUNT; level++) {
        int64_t up_ms = heard_up_ms + rule->silence_ms[level];

        if ((rule->levels.set & ~(unsigned)state->over & 1u << level) == 0 || up_ms >= due->up_ms)
            continue;
        *due = (struct weir_alert_due){WEIR_ALERT_DO_STRIKE, level, up_ms};
    }
}

/* The hold of a level to come, or the delay of the one there is: either leads to another state. */
static void offer_timers(struct weir_alert_due *due, const struct weir_alert_state *state,
                         const struct weir_alert_rule *rule)
{
    for (enum weir_level level = WEIR_LEVEL_INFO; level < WEIR_LEVEL_COUNT; level++) {
        bool beyond = (state->beyond & 1u << level) != 0;

        if (beyond && level > (enum weir_level)state->level)
            offer(due, WEIR_ALERT_DO_SETTLE, state->since_ms[level - 1] + rule->hold_ms);
        else if (!beyond && level == (enum weir_level)state->level &&
                 !weir_alert_has(state, WEIR_ALERT_LATCHED))
            offer(due, WEIR_ALERT_DO_SETTLE, state->since_ms[level - 1] + rule->clear_delay_ms);
    }
}

struct weir_alert_due weir_alert_next(const struct weir_alert_state *state,
                                      const struct weir_alert_rule *rule,
                                      const struct weir_alert_flaps *flaps,
                                      const struct weir_alert_time *now, bool listening)
{
    struct weir_alert_due due = {.deed = WEIR_ALERT_DO_NOTHING, .up_ms = INT64_MAX};

    /* Before anything that the rule's new settings would have had done earlier. */
    if (weir_alert_has(state, WEIR_ALERT_REJUDGE))
        return (struct weir_alert_due){.deed = WEIR_ALERT_DO_REJUDGE, .up_ms = now->up_ms};
    if (listening)
        offer_silence(&due, state, rule, now);
    if (rule->on_clock && state->quality == WEIR_QUALITY_GOOD &&
        !weir_alert_has(state, WEIR_ALERT_RENEW))
        offer_timers(&due, state, rule);
    if (weir_alert_has(state, WEIR_ALERT_SHELVED))
        offer(&due, WEIR_ALERT_DO_UNSHELVE, state->shelved_until_ms);
    if (weir_alert_has(state, WEIR_ALERT_FLAPPING))
        offer(&due, WEIR_ALERT_DO_CALM, weir_alert_calm_due(rule, flaps, now->up_ms));
    if (weir_alert_has(state, WEIR_ALERT_UNTOLD))
        offer(&due, WEIR_ALERT_DO_RETELL, state->paced_ms + WEIR_ALERT_FLAP_PACE_MS);
    offer(&due, WEIR_ALERT_DO_REMIND, weir_alert_reminder_due(state, rule));
    return due;
}
