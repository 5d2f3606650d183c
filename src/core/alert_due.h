/*
 * What the clock alone will do to an alert next, and when: one list for those who do it and those
 * who explain it.
 */
#ifndef WEIR_CORE_ALERT_DUE_H
#define WEIR_CORE_ALERT_DUE_H

#include "core/alert_policy.h"

enum weir_alert_deed {
    WEIR_ALERT_DO_NOTHING,
    WEIR_ALERT_DO_REJUDGE,
    WEIR_ALERT_DO_EXPIRE, /* quality becomes stale */
    WEIR_ALERT_DO_STRIKE, /* a limit of silence is reached */
    WEIR_ALERT_DO_SETTLE, /* a hold or delay on the clock is over */
    WEIR_ALERT_DO_UNSHELVE,
    WEIR_ALERT_DO_CALM, /* flapping is over */
    WEIR_ALERT_DO_RETELL,
    WEIR_ALERT_DO_REMIND,
};

struct weir_alert_due {
    enum weir_alert_deed deed;
    enum weir_level level; /* of STRIKE */
    int64_t up_ms;         /* INT64_MAX with NOTHING; may have passed */
};

/* The first of them; of several at one time in the order above. listening: messages can come, or
 * silence does not count. */
struct weir_alert_due weir_alert_next(const struct weir_alert_state *state,
                                      const struct weir_alert_rule *rule,
                                      const struct weir_alert_flaps *flaps,
                                      const struct weir_alert_time *now, bool listening);

#endif
