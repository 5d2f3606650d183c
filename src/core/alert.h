/*
 * A threshold rule on one series: a state machine that sees every sample once, in event time.
 *
 *     unknown --> ok --> pending --> active --> clearing --> ok
 *                 ^---------'           ^-----------'
 *
 * The value is beyond the limit from the sample that passes it to the sample that comes back by the
 * deadband; between the two it stays what it was. From beyond one limit straight to beyond the
 * other, the condition goes on with the new value and limit. `hold` and `clear_delay` run in event
 * time and are completed only by a sample: silence alone completes neither.
 */
#ifndef WEIR_CORE_ALERT_H
#define WEIR_CORE_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "weir/config.h"
#include "weir/flow.h"

/* A rule as the machine needs it: every form is a pair of limits, unused ones infinite. */
struct weir_alert_rule {
    double raise_above;
    double raise_below;
    double clear_at_most; /* inside again: at most this, and ... */
    double clear_at_least;
    int64_t hold_ms;
    int64_t clear_delay_ms;
    enum weir_level level;
};

/* The state of one rule on one series; all zero is unknown. */
struct weir_alert_state {
    /* private */
    int64_t evaluated_ms; /* event time of the newest sample seen */
    int64_t timer_ms;     /* when pending or clearing began */
    int64_t since_ms;
    int64_t time_ms; /* the sample behind the newest change */
    double value;
    uint64_t id;
    uint32_t sequence;
    uint8_t condition;
    uint8_t level;
    bool beyond; /* of a limit, by the rule above */
    bool low;    /* of the lower one */
};

/* What a sample did. */
enum weir_alert_change {
    WEIR_ALERT_SAME,
    WEIR_ALERT_STATE, /* the state is another, without an event */
    WEIR_ALERT_RAISED,
    WEIR_ALERT_CLEARED,
};

void weir_alert_compile(struct weir_alert_rule *rule, const struct weir_rule_config *config);

/* The slow half of weir_alert_accept. */
enum weir_alert_change weir_alert_step(struct weir_alert_state *state,
                                       const struct weir_alert_rule *rule,
                                       const struct weir_sample *sample);

/* Shows the machine a sample. One older than the newest seen is no news and changes nothing. After
 * WEIR_ALERT_RAISED the caller gives the state the id of this occurrence. */
static inline enum weir_alert_change weir_alert_accept(struct weir_alert_state *state,
                                                       const struct weir_alert_rule *rule,
                                                       const struct weir_sample *sample)
{
    if (state->condition == WEIR_CONDITION_OK && sample->value <= rule->raise_above &&
        sample->value >= rule->raise_below) {
        if (sample->time_ms > state->evaluated_ms)
            state->evaluated_ms = sample->time_ms;
        return WEIR_ALERT_SAME;
    }
    return weir_alert_step(state, rule, sample);
}

/* Writes the whole state, with event none; false while it is unknown. rule and series are left
 * alone. */
bool weir_alert_read(const struct weir_alert_state *state, const struct weir_alert_rule *rule,
                     struct weir_alert *alert);

#endif
