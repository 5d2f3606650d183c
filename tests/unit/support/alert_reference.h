/*
 * What an alert should do, written down plainly: one rule on one series, looked at once every second
 * of the clock. All times are seconds.
 */
#ifndef TESTS_SUPPORT_ALERT_REFERENCE_H
#define TESTS_SUPPORT_ALERT_REFERENCE_H

#include <math.h>
#include <string.h>

#include "unit.h"
#include "weir/config.h"

enum { REFERENCE_TOLD_MAX = 64, REFERENCE_CROSSING_MAX = 4096, REFERENCE_FLAP_PACE = 60 };

/* The rule. */
struct reference_rule {
    bool has[4];
    double limit[4]; /* above it; or seconds of silence */
    double deadband;
    long hold, clear_delay, max_gap, silent;
    long remind[4];
    long flap_count, flap_time;
    bool silence, on_change, latch;
};

struct reference_alert {
    struct reference_rule rule;
    long clock, up, listening;
    bool deaf; /* the link is down */

    bool known, heard;
    long newest; /* event time */
    double newest_value;
    long heard_at;
    bool bit[4];
    long since[4];
    int level;
    double value;
    enum weir_quality quality;
    bool silent, silent_told, restored, outage_counts_not, anew;
    bool acknowledged, latched, shelved, flapping, untold;
    long shelved_until, paced;
    long crossings[REFERENCE_CROSSING_MAX];
    int crossing_count;
    int told_level;
    int occurrence, told_occurrence;
    unsigned reminders, sequence, ignored;
    uint64_t held_back;
    long time, told_since; /* as told */
    double told_value;

    struct weir_alert told[REFERENCE_TOLD_MAX];
    int told_count;
};

static inline int reference_raw(const struct reference_alert *a)
{
    for (int level = 3; level > 0; level--) {
        if (a->bit[level])
            return level;
    }
    return 0;
}

static inline enum weir_condition reference_condition(const struct reference_alert *a)
{
    int raw = reference_raw(a);

    if (!a->known)
        return WEIR_CONDITION_UNKNOWN;
    if (raw > a->level)
        return WEIR_CONDITION_PENDING;
    if (a->level == 0)
        return WEIR_CONDITION_OK;
    return raw == a->level ? WEIR_CONDITION_ACTIVE : WEIR_CONDITION_CLEARING;
}

static inline struct weir_alert reference_read(const struct reference_alert *a)
{
    return (struct weir_alert){
        .level = (enum weir_level)a->level,
        .condition = reference_condition(a),
        .quality = a->quality,
        .time_ms = a->time * 1000,
        .since_ms = a->told_since * 1000,
        .value = a->told_value,
        .sequence = a->sequence,
        .shelved_until_ms = a->shelved ? (a->clock + a->shelved_until - a->up) * 1000 : 0,
        .reminders = a->reminders,
        .ignored = a->ignored,
        .acknowledged = a->acknowledged,
        .latched = a->latched,
        .flapping = a->flapping,
        .restored = a->restored,
    };
}

static inline void reference_tell(struct reference_alert *a, enum weir_event event)
{
    assert_true(a->told_count < REFERENCE_TOLD_MAX);
    if (event == WEIR_EVENT_STALE)
        a->silent_told = true;
    else if (event == WEIR_EVENT_FRESH)
        a->silent_told = false;
    else if (event != WEIR_EVENT_NONE) {
        a->told_level = a->level;
        a->told_occurrence = a->occurrence;
    }
    a->sequence += event != WEIR_EVENT_NONE;
    a->told[a->told_count] = reference_read(a);
    a->told[a->told_count++].event = event;
}

/* An event, unless it is shelved; the state in any case. */
static inline void reference_give(struct reference_alert *a, enum weir_event event)
{
    if (a->shelved && event != WEIR_EVENT_NONE) {
        a->held_back++;
        event = WEIR_EVENT_NONE;
    }
    reference_tell(a, event);
}

static inline void reference_stamp(struct reference_alert *a, long time)
{
    a->time = time;
    a->told_value = a->value;
}

static inline int reference_crossings_within(const struct reference_alert *a)
{
    int count = 0;

    for (int i = 0; i < a->crossing_count; i++)
        count += a->up - a->crossings[i] < a->rule.flap_time;
    return count;
}

/* While it flaps: the state once a minute. */
static inline void reference_pace(struct reference_alert *a, bool is_event)
{
    a->held_back += is_event;
    a->untold = a->up - a->paced < REFERENCE_FLAP_PACE;
    if (a->untold)
        return;
    a->paced = a->up;
    reference_tell(a, WEIR_EVENT_NONE);
}

static inline void reference_changed(struct reference_alert *a)
{
    if (a->flapping) {
        reference_pace(a, false);
        return;
    }
    reference_give(a, WEIR_EVENT_NONE);
}

static inline void reference_crossed(struct reference_alert *a, enum weir_event event)
{
    assert_true(a->crossing_count < REFERENCE_CROSSING_MAX);
    a->crossings[a->crossing_count++] = a->up;
    if (a->flapping) {
        reference_pace(a, true);
        return;
    }
    a->paced = a->up;
    if (a->rule.flap_count > 0 && reference_crossings_within(a) > a->rule.flap_count) {
        a->flapping = true;
        event = WEIR_EVENT_FLAPPING;
    }
    reference_give(a, event);
}

/* What the bits come to at time t of their timeline, told as of `as_of`. True: it was told. */
static inline bool reference_conclude(struct reference_alert *a, long t, long as_of,
                                      struct weir_alert before)
{
    bool by_clock = a->rule.on_change || a->rule.silence;
    int natural = 0;
    int old = a->level;

    for (int level = 1; level < 4; level++) {
        bool kept = level <= old && (a->bit[level] || t - a->since[level] < a->rule.clear_delay);
        bool reached = a->bit[level] && t - a->since[level] >= a->rule.hold;

        if (a->rule.has[level] && (kept || reached))
            natural = level;
    }
    a->latched = a->rule.latch && natural < old && !a->acknowledged;
    a->level = a->latched ? old : natural;
    if (a->level != old) {
        int about = a->level;

        while (!a->rule.has[about])
            about++;
        a->told_since = by_clock ? as_of - (t - a->since[about]) : a->since[about];
        if (old == 0) {
            a->occurrence++;
            a->reminders = 0;
        }
        if (a->level > old)
            a->acknowledged = false;
        reference_stamp(a, as_of);
        reference_crossed(a, a->level > old  ? old == 0 ? WEIR_EVENT_RAISED : WEIR_EVENT_ESCALATED
                             : a->level == 0 ? WEIR_EVENT_CLEARED
                                             : WEIR_EVENT_DEESCALATED);
        return true;
    }
    if (reference_condition(a) == before.condition && a->latched == before.latched)
        return false;
    reference_stamp(a, as_of);
    reference_changed(a);
    return true;
}

static inline void reference_set_bit(struct reference_alert *a, int level, bool bit, long t)
{
    if (a->bit[level] != bit)
        a->since[level] = t;
    a->bit[level] = bit;
}

static inline void reference_judge(struct reference_alert *a, double value, long time,
                                   bool changed_already)
{
    bool by_clock = a->rule.on_change || a->rule.silence;
    struct weir_alert before = reference_read(a);
    long t = by_clock ? a->up : time;
    int shown = reference_raw(a) > a->level ? reference_raw(a) : a->level;
    int shown_after;

    for (int level = 1; level < 4; level++) {
        if (!a->known)
            a->since[level] = t;
        else if (a->outage_counts_not)
            a->since[level] += time - a->newest;
    }
    if (!a->known)
        a->told_since = time;
    for (int level = 1; level < 4; level++) {
        if (a->rule.has[level] && value > a->rule.limit[level])
            reference_set_bit(a, level, true, t);
        else if (a->rule.has[level] && value <= a->rule.limit[level] - a->rule.deadband)
            reference_set_bit(a, level, false, t);
        if ((a->anew || (a->known && !by_clock && time - a->newest > a->rule.max_gap)) &&
            a->bit[level] != (level <= a->level))
            a->since[level] = t;
    }
    a->value = value;
    a->known = true;
    a->anew = a->outage_counts_not = false;
    a->newest = time;
    if (reference_conclude(a, t, time, before))
        return;
    shown_after = reference_raw(a) > a->level ? reference_raw(a) : a->level;
    if (!changed_already && shown == shown_after)
        return;
    reference_stamp(a, time);
    reference_changed(a);
}

static inline void reference_sample(struct reference_alert *a, double value, long time)
{
    bool changed = a->quality != WEIR_QUALITY_GOOD;
    bool fresh = a->silent && a->silent_told;

    if (a->heard && (time < a->newest || (time == a->newest && value == a->newest_value))) {
        a->ignored++;
        return;
    }
    a->heard = true;
    a->heard_at = a->listening;
    a->quality = WEIR_QUALITY_GOOD;
    a->silent = a->restored = false;
    if (changed)
        reference_stamp(a, time);
    if (fresh)
        reference_give(a, WEIR_EVENT_FRESH);
    reference_judge(a, a->rule.silence ? 0 : value, time, changed && !fresh);
    a->newest_value = value;
}

static inline void reference_invalid(struct reference_alert *a, long time)
{
    if (a->rule.silence || !a->heard || time < a->newest || a->silent ||
        a->quality == WEIR_QUALITY_BAD)
        return;
    a->quality = WEIR_QUALITY_BAD;
    a->anew |= a->rule.on_change;
    reference_stamp(a, time);
    reference_changed(a);
}

/* The first thing that is due now; false: nothing is. */
static inline bool reference_look(struct reference_alert *a)
{
    struct weir_alert before = reference_read(a);
    bool active = reference_condition(a) == WEIR_CONDITION_ACTIVE;

    if (a->heard && !a->deaf && a->rule.silent > 0 && !a->rule.silence && !a->silent &&
        a->listening - a->heard_at >= a->rule.silent) {
        a->silent = true;
        a->anew |= a->rule.on_change;
        a->quality = WEIR_QUALITY_STALE;
        reference_stamp(a, a->clock);
        reference_give(a, WEIR_EVENT_STALE);
        return true;
    }
    for (int level = 1; a->heard && !a->deaf && a->rule.silence && level < 4; level++) {
        if (!a->rule.has[level] || a->bit[level] ||
            a->listening - a->heard_at < (long)a->rule.limit[level])
            continue;
        a->quality = WEIR_QUALITY_STALE;
        a->value = a->rule.limit[level];
        reference_set_bit(a, level, true, a->up);
        (void)reference_conclude(a, a->up, a->clock, before);
        return true;
    }
    if (a->known && (a->rule.on_change || a->rule.silence) && a->quality == WEIR_QUALITY_GOOD &&
        !a->anew && reference_conclude(a, a->up, a->clock, before))
        return true;
    if (a->shelved && a->up >= a->shelved_until)
        return false; /* the caller's */
    if (a->flapping && reference_crossings_within(a) < 2) {
        a->flapping = a->untold = false;
        a->paced = a->up;
        reference_stamp(a, a->clock);
        reference_give(a, WEIR_EVENT_FLAP_END);
        return true;
    }
    if (a->untold && a->up - a->paced >= REFERENCE_FLAP_PACE) {
        a->untold = false;
        a->paced = a->up;
        reference_tell(a, WEIR_EVENT_NONE);
        return true;
    }
    if (active && !a->acknowledged && !a->shelved && !a->flapping && a->rule.remind[a->level] > 0 &&
        a->up - a->paced >= a->rule.remind[a->level]) {
        a->paced = a->up;
        a->reminders++;
        reference_stamp(a, a->clock);
        reference_give(a, WEIR_EVENT_REMINDER);
        return true;
    }
    return false;
}

static inline void reference_unshelve(struct reference_alert *a)
{
    enum weir_event event = WEIR_EVENT_NONE;
    bool quality = a->silent != a->silent_told;

    a->shelved = false;
    reference_stamp(a, a->clock);
    if (quality)
        reference_tell(a, a->silent ? WEIR_EVENT_STALE : WEIR_EVENT_FRESH);
    if (!a->flapping) {
        a->paced = a->up;
        if (a->level == 0)
            event = a->told_level == 0 ? WEIR_EVENT_NONE : WEIR_EVENT_CLEARED;
        else if (a->told_level == 0 || a->occurrence != a->told_occurrence)
            event = WEIR_EVENT_RAISED;
        else if (a->level != a->told_level)
            event = a->level > a->told_level ? WEIR_EVENT_ESCALATED : WEIR_EVENT_DEESCALATED;
        else if (!a->acknowledged)
            event = WEIR_EVENT_REMINDER;
        a->reminders += event == WEIR_EVENT_REMINDER;
    }
    if (event != WEIR_EVENT_NONE || !quality)
        reference_tell(a, event);
}

/* Everything that is due now. */
static inline void reference_settle(struct reference_alert *a)
{
    for (;;) {
        if (reference_look(a))
            continue;
        if (!a->shelved || a->up < a->shelved_until)
            return;
        reference_unshelve(a);
    }
}

static inline void reference_advance(struct reference_alert *a, long seconds)
{
    reference_settle(a);
    for (; seconds > 0; seconds--) {
        a->clock++;
        a->up++;
        a->listening += !a->deaf;
        reference_settle(a);
    }
}

static inline void reference_acknowledge(struct reference_alert *a)
{
    bool by_clock = a->rule.on_change || a->rule.silence;
    struct weir_alert before = reference_read(a);

    if (a->acknowledged)
        return;
    a->acknowledged = true;
    if ((!by_clock || a->quality == WEIR_QUALITY_GOOD) &&
        reference_conclude(a, by_clock ? a->up : a->newest, a->clock, before))
        return;
    reference_stamp(a, a->clock);
    reference_changed(a);
}

static inline void reference_restart(struct reference_alert *a, long outage, bool tolerated)
{
    a->clock += outage;
    if (!a->heard)
        return;
    a->quality = WEIR_QUALITY_STALE;
    a->restored = true;
    if (tolerated && !a->rule.on_change && !a->rule.silence)
        a->outage_counts_not = true;
    else
        a->anew = true;
}

#endif
