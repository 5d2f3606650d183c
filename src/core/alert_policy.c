#include "core/alert_policy.h"

static uint32_t ring_size(const struct weir_alert_rule *rule)
{
    /* The second newest tells when it is over. */
    return rule->flap_count < 2 ? 2 : rule->flap_count;
}

uint64_t weir_alert_flaps_size(const struct weir_alert_rule *rule)
{
    return rule->flap_count == 0
               ? 0
               : sizeof(struct weir_alert_flaps) + ring_size(rule) * sizeof(int64_t);
}

/* The time of a transition, 0 being the newest; there have to be so many. */
static int64_t transition_at(const struct weir_alert_rule *rule,
                             const struct weir_alert_flaps *flaps, uint32_t back)
{
    return flaps->up_ms[(flaps->newest + ring_size(rule) - back) % ring_size(rule)];
}

/* Counts a transition; true: it is one more than may lie within flap_ms. */
static bool count_transition(const struct weir_alert_rule *rule, struct weir_alert_flaps *flaps,
                             int64_t up_ms)
{
    bool flapping = flaps->count >= rule->flap_count &&
                    up_ms - transition_at(rule, flaps, rule->flap_count - 1) < rule->flap_ms;

    flaps->newest = (flaps->newest + 1) % ring_size(rule);
    flaps->up_ms[flaps->newest] = up_ms;
    if (flaps->count < ring_size(rule))
        flaps->count++;
    return flapping;
}

static enum weir_event event_of(enum weir_alert_change change)
{
    static const enum weir_event events[] = {
        [WEIR_ALERT_SAME] = WEIR_EVENT_NONE,
        [WEIR_ALERT_STATE] = WEIR_EVENT_NONE,
        [WEIR_ALERT_RAISED] = WEIR_EVENT_RAISED,
        [WEIR_ALERT_ESCALATED] = WEIR_EVENT_ESCALATED,
        [WEIR_ALERT_DEESCALATED] = WEIR_EVENT_DEESCALATED,
        [WEIR_ALERT_CLEARED] = WEIR_EVENT_CLEARED,
        [WEIR_ALERT_STALE] = WEIR_EVENT_STALE,
        [WEIR_ALERT_FRESH] = WEIR_EVENT_FRESH,
    };

    return events[change];
}

static bool is_transition(enum weir_alert_change change)
{
    return change >= WEIR_ALERT_RAISED && change <= WEIR_ALERT_CLEARED;
}

static struct weir_alert_news news_of(const struct weir_alert_state *state, enum weir_event event)
{
    bool held_back = event != WEIR_EVENT_NONE && weir_alert_has(state, WEIR_ALERT_SHELVED);

    return (struct weir_alert_news){
        .event = held_back ? WEIR_EVENT_NONE : event,
        .tell = true,
        .held_back = held_back,
    };
}

/* What happens while it flaps: the state at a measured pace. */
static struct weir_alert_news news_of_flapping(struct weir_alert_state *state,
                                               enum weir_alert_change change, int64_t up_ms)
{
    struct weir_alert_news news = {.event = event_of(change), .tell = true};

    if (!is_transition(change) && news.event != WEIR_EVENT_NONE)
        return news_of(state, news.event);
    news.held_back = news.event != WEIR_EVENT_NONE;
    news.event = WEIR_EVENT_NONE;
    news.tell = up_ms - state->paced_ms >= WEIR_ALERT_FLAP_PACE_MS;
    weir_alert_set(state, WEIR_ALERT_UNTOLD, !news.tell);
    if (news.tell)
        state->paced_ms = up_ms;
    return news;
}

/* Reminders are counted from here, or go on from the last; none is due for a time that has gone. */
static void pace_reminders(struct weir_alert_state *state, const struct weir_alert_rule *rule,
                           enum weir_alert_change change, int64_t up_ms)
{
    int64_t every_ms = rule->remind_ms[state->level];

    if (is_transition(change))
        state->paced_ms = up_ms;
    else if (every_ms > 0 && up_ms - state->paced_ms > every_ms)
        state->paced_ms = up_ms - every_ms;
}

struct weir_alert_news weir_alert_publish(struct weir_alert_state *state,
                                          const struct weir_alert_rule *rule,
                                          struct weir_alert_flaps *flaps,
                                          enum weir_alert_change change, int64_t up_ms)
{
    bool flaps_now =
        rule->flap_count > 0 && is_transition(change) && count_transition(rule, flaps, up_ms);

    if (change == WEIR_ALERT_SAME)
        return (struct weir_alert_news){.event = WEIR_EVENT_NONE};
    if (weir_alert_has(state, WEIR_ALERT_FLAPPING))
        return news_of_flapping(state, change, up_ms);
    pace_reminders(state, rule, change, up_ms);
    if (!flaps_now)
        return news_of(state, event_of(change));
    weir_alert_set(state, WEIR_ALERT_FLAPPING, true);
    return news_of(state, WEIR_EVENT_FLAPPING);
}

void weir_alert_announce(struct weir_alert_state *state, enum weir_event event)
{
    state->sequence++;
    if (event == WEIR_EVENT_STALE || event == WEIR_EVENT_FRESH) {
        weir_alert_set(state, WEIR_ALERT_STALE_TOLD, event == WEIR_EVENT_STALE);
        return;
    }
    state->announced_level = state->level;
    state->announced_id = state->id;
}

int64_t weir_alert_calm_due(const struct weir_alert_rule *rule,
                            const struct weir_alert_flaps *flaps, int64_t up_ms)
{
    /* The rule has had other settings. */
    if (rule->flap_count == 0 || flaps->count < 2)
        return up_ms;
    return transition_at(rule, flaps, 1) + rule->flap_ms;
}

struct weir_alert_news weir_alert_calm(struct weir_alert_state *state, int64_t up_ms)
{
    state->paced_ms = up_ms;
    weir_alert_set(state, WEIR_ALERT_FLAPPING | WEIR_ALERT_UNTOLD, false);
    return news_of(state, WEIR_EVENT_FLAP_END);
}

struct weir_alert_news weir_alert_retell(struct weir_alert_state *state, int64_t up_ms)
{
    state->paced_ms = up_ms;
    weir_alert_set(state, WEIR_ALERT_UNTOLD, false);
    return news_of(state, WEIR_EVENT_NONE);
}

int64_t weir_alert_reminder_due(const struct weir_alert_state *state,
                                const struct weir_alert_rule *rule)
{
    int64_t every_ms = rule->remind_ms[state->level];

    if (every_ms == 0 || state->condition != WEIR_CONDITION_ACTIVE ||
        weir_alert_has(state, WEIR_ALERT_ACKNOWLEDGED | WEIR_ALERT_SHELVED | WEIR_ALERT_FLAPPING))
        return INT64_MAX;
    return state->paced_ms + every_ms;
}

static void count_reminder(struct weir_alert_state *state, int64_t up_ms)
{
    state->paced_ms = up_ms;
    if (state->reminders < UINT16_MAX)
        state->reminders++;
}

struct weir_alert_news weir_alert_remind(struct weir_alert_state *state, int64_t up_ms)
{
    count_reminder(state, up_ms);
    return news_of(state, WEIR_EVENT_REMINDER);
}

void weir_alert_shelve(struct weir_alert_state *state, int64_t until_up_ms)
{
    weir_alert_set(state, WEIR_ALERT_SHELVED, true);
    state->shelved_until_ms = until_up_ms;
}

void weir_alert_unshelve(struct weir_alert_state *state)
{
    weir_alert_set(state, WEIR_ALERT_SHELVED, false);
}

enum weir_event weir_alert_catch_up_quality(const struct weir_alert_state *state)
{
    bool silent = weir_alert_has(state, WEIR_ALERT_SILENT);

    if (silent == weir_alert_has(state, WEIR_ALERT_STALE_TOLD))
        return WEIR_EVENT_NONE;
    return silent ? WEIR_EVENT_STALE : WEIR_EVENT_FRESH;
}

enum weir_event weir_alert_catch_up_level(struct weir_alert_state *state, int64_t up_ms)
{
    if (weir_alert_has(state, WEIR_ALERT_FLAPPING))
        return WEIR_EVENT_NONE;
    state->paced_ms = up_ms;
    if (state->level == WEIR_LEVEL_OK)
        return state->announced_level == WEIR_LEVEL_OK ? WEIR_EVENT_NONE : WEIR_EVENT_CLEARED;
    if (state->announced_level == WEIR_LEVEL_OK || state->id != state->announced_id)
        return WEIR_EVENT_RAISED;
    if (state->level != state->announced_level)
        return state->level > state->announced_level ? WEIR_EVENT_ESCALATED
                                                     : WEIR_EVENT_DEESCALATED;
    if (weir_alert_has(state, WEIR_ALERT_ACKNOWLEDGED))
        return WEIR_EVENT_NONE;
    count_reminder(state, up_ms);
    return WEIR_EVENT_REMINDER;
}
