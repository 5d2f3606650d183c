/*
 * Which changes of an alert become events: what an operator has shelved and what flaps is held back,
 * what goes on is told again. The state goes on whatever is held back.
 */
#ifndef WEIR_CORE_ALERT_POLICY_H
#define WEIR_CORE_ALERT_POLICY_H

#include "core/alert.h"

/* While a state flaps it is told at most so often. */
#define WEIR_ALERT_FLAP_PACE_MS 60000

/* The newest transitions of a state: a ring in weir_alert_flaps_size bytes of zeroed memory. */
struct weir_alert_flaps {
    /* private */
    uint32_t newest;
    uint32_t count;
    int64_t up_ms[];
};

/* Bytes for a rule, a multiple of 8; 0: it never flaps. */
uint64_t weir_alert_flaps_size(const struct weir_alert_rule *rule);

/* What is to be given out. */
struct weir_alert_news {
    enum weir_event event; /* NONE: the state alone */
    bool tell;             /* give the state out now */
    bool held_back;        /* there was an event */
};

/* What a change is to the outside, at this up time. */
struct weir_alert_news weir_alert_publish(struct weir_alert_state *state,
                                          const struct weir_alert_rule *rule,
                                          struct weir_alert_flaps *flaps,
                                          enum weir_alert_change change, int64_t up_ms);

/* The event has really been given out: raises the sequence. */
void weir_alert_announce(struct weir_alert_state *state, enum weir_event event);

/* The up time at which flapping ends if nothing comes, as of up_ms; and its end. */
int64_t weir_alert_calm_due(const struct weir_alert_rule *rule,
                            const struct weir_alert_flaps *flaps, int64_t up_ms);
struct weir_alert_news weir_alert_calm(struct weir_alert_state *state, int64_t up_ms);

/* Told again, though it flaps. */
struct weir_alert_news weir_alert_retell(struct weir_alert_state *state, int64_t up_ms);

/* The up time of the next reminder; INT64_MAX: none. And that reminder. */
int64_t weir_alert_reminder_due(const struct weir_alert_state *state,
                                const struct weir_alert_rule *rule);
struct weir_alert_news weir_alert_remind(struct weir_alert_state *state, int64_t up_ms);

void weir_alert_shelve(struct weir_alert_state *state, int64_t until_up_ms);

/*
 * No longer shelved: what has changed since the last event is told of, quality first. NONE: there
 * is nothing to tell of. Give out the one, then ask for the other.
 */
void weir_alert_unshelve(struct weir_alert_state *state);
enum weir_event weir_alert_catch_up_quality(const struct weir_alert_state *state);
enum weir_event weir_alert_catch_up_level(struct weir_alert_state *state, int64_t up_ms);

#endif
