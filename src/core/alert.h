/*
 * A rule on one series: a state machine that is shown samples and told the time.
 *
 *     unknown --> ok --> pending --> active --> clearing --> ok
 *                 ^---------'           ^-----------'
 *
 * For each level there is a bit, the value is beyond its limit, and the time since when the bit is
 * what it is. After each value, at time t,
 *
 *     a level is reached:  its bit is set, for at least `hold`
 *     a level is kept:     it is not above the present one, and its bit is set, or has not been
 *                          cleared for `clear_delay`
 *
 * and the new level is the highest that is reached or kept; with `latch` never a lower one until
 * somebody has acknowledged it. These times are event time, and then only a sample completes them:
 * silence is no evidence. For a rule on the clock (`on_change`, and silence itself) they are up
 * time, and pass by themselves.
 *
 * Quality freezes the condition: while it is not good nothing is completed, and nothing is cleared,
 * but by a window that closes then: its samples were good.
 *
 * Which of the changes are events that are given out is for core/alert_policy.h to say; when the
 * clock has something to do, for core/alert_due.h; how a state goes on under another process or
 * rule, for core/alert_carry.h.
 */
#ifndef WEIR_CORE_ALERT_H
#define WEIR_CORE_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/alert_levels.h"
#include "weir/config.h"
#include "weir/flow.h"

/* A rule as the machine needs it. */
struct weir_alert_rule {
    struct weir_alert_levels levels;
    struct weir_alert_levels and_levels; /* of one level */
    enum weir_rule_form form;
    bool on_clock; /* hold and clear_delay run on up time */
    bool latch;
    bool has_and;
    int64_t hold_ms;
    int64_t clear_delay_ms;
    int64_t max_gap_ms;
    int64_t silent_ms;                    /* 0: never; and with WEIR_RULE_SILENCE */
    int64_t silence_ms[WEIR_LEVEL_COUNT]; /* limits of WEIR_RULE_SILENCE */
    int64_t remind_ms[WEIR_LEVEL_COUNT];
    int64_t flap_ms;
    uint32_t flap_count;
};

/*
 * The engine's time. up: what has passed of the clock, its steps and pauses left out; so it never
 * jumps. listening: up, less what passed while no message could come.
 */
struct weir_alert_time {
    int64_t clock_ms;
    int64_t up_ms;
    int64_t listening_ms;
};

enum weir_alert_flag {
    WEIR_ALERT_HEARD = 1 << 0, /* a sample has come: evaluated_ms and input hold */
    WEIR_ALERT_ARMED = 1 << 1, /* silence counts: heard_ms holds */
    WEIR_ALERT_ACKNOWLEDGED = 1 << 2,
    WEIR_ALERT_LATCHED = 1 << 3, /* only the latch holds the level */
    WEIR_ALERT_RESTORED = 1 << 4,
    WEIR_ALERT_LOW = 1 << 5,         /* the lower limit was passed last */
    WEIR_ALERT_AND_BEYOND = 1 << 6,  /* the other field is beyond its limit */
    WEIR_ALERT_SHIFT = 1 << 7,       /* the time up to the next sample counts for nothing, */
    WEIR_ALERT_RENEW = 1 << 8,       /* or what is not complete begins anew with it */
    WEIR_ALERT_REJUDGE = 1 << 9,     /* the limits are other ones: hold the value against them */
    WEIR_ALERT_SILENT = 1 << 10,     /* nothing heard for `silent` */
    WEIR_ALERT_STALE_TOLD = 1 << 11, /* `stale` was given out last, not `fresh` */
    WEIR_ALERT_SHELVED = 1 << 12,
    WEIR_ALERT_FLAPPING = 1 << 13,
    WEIR_ALERT_UNTOLD = 1 << 14, /* flapping: a state is still to be given out */
};

/* The state of one rule on one series; all zero is unknown. The first line of the cache is all that
 * most samples need. */
struct weir_alert_state {
    /* private */
    int64_t evaluated_ms;                   /* event time of the newest sample */
    double value;                           /* judged last */
    double input;                           /* what that was made from */
    int64_t heard_ms;                       /* listening time of the newest sample */
    int64_t since_ms[WEIR_LEVEL_COUNT - 1]; /* by level from info on: the bit is so since */
    uint8_t condition;
    uint8_t quality;
    uint8_t level : 4;
    uint8_t announced_level : 4; /* policy: what was given out last */
    uint8_t over : 4;            /* levels that the value is beyond */
    uint8_t beyond : 4;          /* the same, the other field regarded */
    uint16_t flags;
    uint16_t reminders;

    int64_t time_ms; /* what is told: when it came about, */
    double told_value;
    int64_t told_since_ms;
    uint64_t id;
    uint64_t announced_id;
    int64_t shelved_until_ms; /* up time */
    int64_t paced_ms; /* up time of the last reminder or, while flapping, of the last state told */
    uint32_t sequence;
    uint32_t ignored;
};

/* What became of the state. */
enum weir_alert_change {
    WEIR_ALERT_SAME,
    WEIR_ALERT_STATE, /* it is another, without an event */
    WEIR_ALERT_RAISED,
    WEIR_ALERT_ESCALATED,
    WEIR_ALERT_DEESCALATED,
    WEIR_ALERT_CLEARED,
    WEIR_ALERT_STALE,
    WEIR_ALERT_FRESH,
};

void weir_alert_compile(struct weir_alert_rule *rule, const struct weir_rule_config *config);

static inline bool weir_alert_has(const struct weir_alert_state *state, unsigned flags)
{
    return (state->flags & flags) != 0;
}

static inline void weir_alert_set(struct weir_alert_state *state, unsigned flags, bool on)
{
    state->flags = (uint16_t)(on ? state->flags | flags : state->flags & ~flags);
}

/* False: a sample of this time and value is late or a repetition, and moves nothing. One of the same
 * time and another value counts: clocks of devices are coarse. */
static inline bool weir_alert_is_news(const struct weir_alert_state *state, int64_t time_ms,
                                      double input)
{
    return time_ms > state->evaluated_ms || !weir_alert_has(state, WEIR_ALERT_HEARD) ||
           (time_ms == state->evaluated_ms && input != state->input);
}

/* The quick way for a sample that changes nothing: true when it was taken. For rules of the form
 * LIMIT without another field; listening_ms: the time. */
static inline bool weir_alert_skim(struct weir_alert_state *state,
                                   const struct weir_alert_rule *rule, int64_t time_ms,
                                   double value, int64_t listening_ms)
{
    if (state->condition != WEIR_CONDITION_OK || state->quality != WEIR_QUALITY_GOOD ||
        weir_alert_has(state, WEIR_ALERT_SHIFT | WEIR_ALERT_RENEW | WEIR_ALERT_REJUDGE) ||
        !(value >= rule->levels.calm_low && value <= rule->levels.calm_high) ||
        !weir_alert_is_news(state, time_ms, value))
        return false;
    state->evaluated_ms = time_ms;
    state->value = value;
    state->input = value;
    state->heard_ms = listening_ms;
    return true;
}

/* A good sample that is news has come, of this event time: SAME, STATE or FRESH. Its value is
 * judged after that. */
enum weir_alert_change weir_alert_hear(struct weir_alert_state *state,
                                       const struct weir_alert_rule *rule, int64_t time_ms,
                                       const struct weir_alert_time *now);

/* Judges a value of this event time, not older than one before. After RAISED the caller gives the
 * state the id of this occurrence. */
enum weir_alert_change weir_alert_judge(struct weir_alert_state *state,
                                        const struct weir_alert_rule *rule, double value,
                                        int64_t time_ms, const struct weir_alert_time *now);

/* The other field of an `and` has this value; judge the rule's own again after it. */
void weir_alert_gate(struct weir_alert_state *state, const struct weir_alert_rule *rule,
                     double value);

/* A sample without a value that can be used has come: SAME or STATE. */
enum weir_alert_change weir_alert_spoil(struct weir_alert_state *state,
                                        const struct weir_alert_rule *rule, int64_t time_ms);

/* There is no value to judge for this sample: what is not complete begins anew with the next. */
void weir_alert_miss(struct weir_alert_state *state);

/* Silence counts from listening_ms on, if it did not yet. */
void weir_alert_arm(struct weir_alert_state *state, int64_t listening_ms, int64_t clock_ms);

/* At the times that core/alert_due.h names: nothing was heard for `silent`; or for the limit of this
 * level, with WEIR_RULE_SILENCE; a hold or delay on the clock is over; limits have changed. */
enum weir_alert_change weir_alert_expire(struct weir_alert_state *state,
                                         const struct weir_alert_rule *rule,
                                         const struct weir_alert_time *now);
enum weir_alert_change weir_alert_strike(struct weir_alert_state *state,
                                         const struct weir_alert_rule *rule, enum weir_level level,
                                         const struct weir_alert_time *now);
enum weir_alert_change weir_alert_settle(struct weir_alert_state *state,
                                         const struct weir_alert_rule *rule,
                                         const struct weir_alert_time *now);
enum weir_alert_change weir_alert_rejudge(struct weir_alert_state *state,
                                          const struct weir_alert_rule *rule,
                                          const struct weir_alert_time *now);

/* Somebody has seen the occurrence that is raised. */
enum weir_alert_change weir_alert_acknowledge(struct weir_alert_state *state,
                                              const struct weir_alert_rule *rule,
                                              const struct weir_alert_time *now);

/* What is told came about now, of the value judged last. */
void weir_alert_tell(struct weir_alert_state *state, int64_t time_ms);

/* Brings the condition into line with level and bits. */
void weir_alert_align(struct weir_alert_state *state);

/* Writes the whole state, with event none; false while it is unknown and not expected. rule and
 * series are left alone. */
bool weir_alert_read(const struct weir_alert_state *state, const struct weir_alert_rule *rule,
                     const struct weir_alert_time *now, struct weir_alert *alert);

#endif
