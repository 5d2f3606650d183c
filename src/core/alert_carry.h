/*
 * The state of an alert under another process, another configuration, another clock.
 */
#ifndef WEIR_CORE_ALERT_CARRY_H
#define WEIR_CORE_ALERT_CARRY_H

#include "core/alert.h"

/* Another process goes on with the state. anew: it took so long that what is not complete begins
 * anew; else the time between counts for nothing. */
void weir_alert_resume(struct weir_alert_state *state, const struct weir_alert_rule *rule,
                       bool anew);

/* Makes an unknown state the one that is told of, to be confirmed by a sample. A known one only has
 * its sequence raised, and the answer is false. */
bool weir_alert_restore(struct weir_alert_state *state, const struct weir_alert_rule *rule,
                        const struct weir_alert *told, const struct weir_alert_time *now);

/* Goes on from the state of a rule that had other settings. comparable: what is judged is the same, so
 * that the last value can be held against the new limits. */
void weir_alert_adopt(struct weir_alert_state *state, const struct weir_alert_rule *rule,
                      const struct weir_alert_state *from, const struct weir_alert_rule *from_rule,
                      bool comparable);

/* What was judged as of a later time is of this event time. */
void weir_alert_recede(struct weir_alert_state *state, const struct weir_alert_rule *rule,
                       int64_t time_ms);

/* The clock that the times of the state come from was behind by step_ms. of_samples: so do the times
 * of samples. */
void weir_alert_shift(struct weir_alert_state *state, const struct weir_alert_rule *rule,
                      int64_t step_ms, bool of_samples);

#endif
