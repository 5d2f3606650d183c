#include "core/alert.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

static_assert(sizeof(struct weir_alert_state) == 128, "two lines of the cache");
static_assert(offsetof(struct weir_alert_state, time_ms) == 64, "the first is what is hot");

void weir_alert_compile(struct weir_alert_rule *rule, const struct weir_rule_config *config)
{
    bool silence = config->form == WEIR_RULE_SILENCE;

    *rule = (struct weir_alert_rule){
        .form = config->form,
        .on_clock = config->on_change || silence,
        .latch = config->latch,
        .has_and = config->has_and,
        .hold_ms = silence ? 0 : config->hold_ms,
        .clear_delay_ms = config->clear_delay_ms,
        .max_gap_ms = config->max_gap_ms,
        .silent_ms = silence ? 0 : config->silent_ms,
        .flap_ms = config->flap_ms,
        .flap_count = config->flap_count,
    };
    weir_alert_levels_compile(&rule->levels, &config->comparison);
    if (config->has_and)
        weir_alert_levels_compile(&rule->and_levels, &config->and_comparison);
    if (config->form != WEIR_RULE_LIMIT || config->has_and) {
        rule->levels.calm_low = INFINITY;
        rule->levels.calm_high = -INFINITY;
    }
    for (enum weir_level level = WEIR_LEVEL_INFO; level < WEIR_LEVEL_COUNT; level++) {
        rule->remind_ms[level] = config->remind_ms[level];
        if (silence && config->comparison.limits[level].set)
            rule->silence_ms[level] = llround(config->comparison.limits[level].high * 1000);
    }
}

static enum weir_level highest(unsigned levels)
{
    enum weir_level level = WEIR_LEVEL_CRITICAL;

    while (level > WEIR_LEVEL_OK && (levels & 1u << level) == 0)
        level--;
    return level;
}

/* The level by the bits and their times alone, without the latch. */
static enum weir_level natural_level(const struct weir_alert_state *state,
                                     const struct weir_alert_rule *rule, int64_t timer_ms)
{
    for (enum weir_level level = WEIR_LEVEL_CRITICAL; level > WEIR_LEVEL_OK; level--) {
        int64_t lasted_ms = timer_ms - state->since_ms[level - 1];

        if ((rule->levels.set & 1u << level) == 0)
            continue;
        if ((state->beyond & 1u << level) != 0) {
            if (level <= (enum weir_level)state->level || lasted_ms >= rule->hold_ms)
                return level;
        } else if (level <= (enum weir_level)state->level && lasted_ms < rule->clear_delay_ms) {
            return level;
        }
    }
    return WEIR_LEVEL_OK;
}

static enum weir_condition condition_of(enum weir_level level, enum weir_level raw)
{
    if (raw > level)
        return WEIR_CONDITION_PENDING;
    if (level == WEIR_LEVEL_OK)
        return WEIR_CONDITION_OK;
    return raw < level ? WEIR_CONDITION_CLEARING : WEIR_CONDITION_ACTIVE;
}

/* The level that the state told is about: the one to come, or the one there is. */
static enum weir_level shown_level(const struct weir_alert_state *state)
{
    enum weir_level raw = highest(state->beyond);

    return raw > (enum weir_level)state->level ? raw : (enum weir_level)state->level;
}

void weir_alert_align(struct weir_alert_state *state)
{
    state->condition = (uint8_t)condition_of((enum weir_level)state->level, highest(state->beyond));
}

void weir_alert_tell(struct weir_alert_state *state, int64_t time_ms)
{
    state->time_ms = time_ms;
    state->told_value = state->value;
}

static enum weir_alert_change change_level(struct weir_alert_state *state,
                                           const struct weir_alert_rule *rule,
                                           enum weir_level level, int64_t timer_ms, int64_t told_ms)
{
    enum weir_level before = (enum weir_level)state->level;
    enum weir_level about = level == WEIR_LEVEL_OK ? rule->levels.lowest : level;
    int64_t since_ms = state->since_ms[about - 1];

    state->level = (unsigned)level & 0xfu;
    state->told_since_ms = rule->on_clock ? told_ms - (timer_ms - since_ms) : since_ms;
    if (level > before)
        weir_alert_set(state, WEIR_ALERT_ACKNOWLEDGED, false);
    if (before == WEIR_LEVEL_OK)
        state->reminders = 0;
    if (level > before)
        return before == WEIR_LEVEL_OK ? WEIR_ALERT_RAISED : WEIR_ALERT_ESCALATED;
    return level == WEIR_LEVEL_OK ? WEIR_ALERT_CLEARED : WEIR_ALERT_DEESCALATED;
}

/* What the bits come to at timer_ms; changes are told as of told_ms. */
static enum weir_alert_change conclude(struct weir_alert_state *state,
                                       const struct weir_alert_rule *rule, bool was_low,
                                       int64_t timer_ms, int64_t told_ms)
{
    enum weir_level natural = natural_level(state, rule, timer_ms);
    enum weir_level before = (enum weir_level)state->level;
    enum weir_condition condition = (enum weir_condition)state->condition;
    enum weir_alert_change change = WEIR_ALERT_SAME;
    bool was_latched = weir_alert_has(state, WEIR_ALERT_LATCHED);
    bool latched =
        rule->latch && natural < before && !weir_alert_has(state, WEIR_ALERT_ACKNOWLEDGED);
    enum weir_level level = latched ? before : natural;

    if (level != before)
        change = change_level(state, rule, level, timer_ms, told_ms);
    weir_alert_set(state, WEIR_ALERT_LATCHED, latched);
    weir_alert_align(state);
    if (change == WEIR_ALERT_SAME && (state->condition != condition || latched != was_latched ||
                                      weir_alert_has(state, WEIR_ALERT_LOW) != was_low))
        change = WEIR_ALERT_STATE;
    if (change != WEIR_ALERT_SAME)
        weir_alert_tell(state, told_ms);
    return change;
}

static int64_t timer_of(const struct weir_alert_rule *rule, int64_t time_ms,
                        const struct weir_alert_time *now)
{
    return rule->on_clock ? now->up_ms : time_ms;
}

/* The bits after a value or gate; each that is another is so since timer_ms. */
static void set_bits(struct weir_alert_state *state, const struct weir_alert_rule *rule,
                     unsigned over, int64_t timer_ms)
{
    unsigned beyond = rule->has_and && !weir_alert_has(state, WEIR_ALERT_AND_BEYOND) ? 0 : over;
    unsigned changed = beyond ^ state->beyond;

    state->over = over & 0xfu;
    state->beyond = beyond & 0xfu;
    for (enum weir_level level = WEIR_LEVEL_INFO; level < WEIR_LEVEL_COUNT; level++) {
        if ((changed & 1u << level) != 0)
            state->since_ms[level - 1] = timer_ms;
    }
}

static void begin(struct weir_alert_state *state, int64_t timer_ms, int64_t told_ms)
{
    for (unsigned i = 0; i < WEIR_LEVEL_COUNT - 1; i++)
        state->since_ms[i] = timer_ms;
    state->told_since_ms = told_ms;
}

/* What is not complete begins anew: holds of levels to come, delays of those there are. */
static void renew(struct weir_alert_state *state, int64_t timer_ms)
{
    for (enum weir_level level = WEIR_LEVEL_INFO; level < WEIR_LEVEL_COUNT; level++) {
        bool beyond = (state->beyond & 1u << level) != 0;

        if (beyond != (level <= (enum weir_level)state->level))
            state->since_ms[level - 1] = timer_ms;
    }
}

enum weir_alert_change weir_alert_hear(struct weir_alert_state *state,
                                       const struct weir_alert_rule *rule, int64_t time_ms,
                                       const struct weir_alert_time *now)
{
    bool fresh =
        weir_alert_has(state, WEIR_ALERT_SILENT) && weir_alert_has(state, WEIR_ALERT_STALE_TOLD);
    bool good = state->quality == WEIR_QUALITY_GOOD;

    (void)rule;
    weir_alert_arm(state, now->listening_ms, time_ms);
    state->heard_ms = now->listening_ms;
    state->quality = WEIR_QUALITY_GOOD;
    weir_alert_set(state, WEIR_ALERT_HEARD, true);
    weir_alert_set(state, WEIR_ALERT_SILENT | WEIR_ALERT_RESTORED, false);
    if (good)
        return WEIR_ALERT_SAME;
    weir_alert_tell(state, time_ms);
    return fresh ? WEIR_ALERT_FRESH : WEIR_ALERT_STATE;
}

enum weir_alert_change weir_alert_judge(struct weir_alert_state *state,
                                        const struct weir_alert_rule *rule, double value,
                                        int64_t time_ms, const struct weir_alert_time *now)
{
    int64_t timer_ms = timer_of(rule, time_ms, now);
    bool known = state->condition != WEIR_CONDITION_UNKNOWN;
    int64_t gap_ms = known ? time_ms - state->evaluated_ms : 0;
    bool was_low = weir_alert_has(state, WEIR_ALERT_LOW);
    bool low = was_low;
    bool anew =
        weir_alert_has(state, WEIR_ALERT_RENEW) || (!rule->on_clock && gap_ms > rule->max_gap_ms);
    enum weir_level shown = shown_level(state);
    enum weir_alert_change change;
    unsigned over;

    if (!known) {
        begin(state, timer_ms, time_ms);
    } else if (weir_alert_has(state, WEIR_ALERT_SHIFT)) {
        for (unsigned i = 0; i < WEIR_LEVEL_COUNT - 1; i++)
            state->since_ms[i] += gap_ms;
    }
    state->value = value;
    over = weir_alert_levels_judge(&rule->levels, state->over, value, &low);
    weir_alert_set(state, WEIR_ALERT_LOW, low);
    set_bits(state, rule, over, timer_ms);
    if (anew)
        renew(state, timer_ms);
    weir_alert_set(state, WEIR_ALERT_SHIFT | WEIR_ALERT_RENEW | WEIR_ALERT_REJUDGE, false);
    state->evaluated_ms = time_ms;
    change = conclude(state, rule, was_low, timer_ms, time_ms);
    /* Pending of one level and then of another: the limit told is another. */
    if (change == WEIR_ALERT_SAME && shown_level(state) != shown) {
        weir_alert_tell(state, time_ms);
        change = WEIR_ALERT_STATE;
    }
    return change;
}

void weir_alert_gate(struct weir_alert_state *state, const struct weir_alert_rule *rule,
                     double value)
{
    unsigned bit = 1u << rule->and_levels.lowest;
    unsigned before = weir_alert_has(state, WEIR_ALERT_AND_BEYOND) ? bit : 0;
    bool low = false;

    weir_alert_set(state, WEIR_ALERT_AND_BEYOND,
                   weir_alert_levels_judge(&rule->and_levels, before, value, &low) != 0);
}

enum weir_alert_change weir_alert_spoil(struct weir_alert_state *state,
                                        const struct weir_alert_rule *rule, int64_t time_ms)
{
    if (!weir_alert_has(state, WEIR_ALERT_HEARD) || weir_alert_has(state, WEIR_ALERT_SILENT) ||
        state->quality == WEIR_QUALITY_BAD)
        return WEIR_ALERT_SAME;
    state->quality = WEIR_QUALITY_BAD;
    if (rule->on_clock)
        weir_alert_miss(state);
    weir_alert_tell(state, time_ms);
    return WEIR_ALERT_STATE;
}

void weir_alert_miss(struct weir_alert_state *state)
{
    weir_alert_set(state, WEIR_ALERT_RENEW, true);
}

void weir_alert_arm(struct weir_alert_state *state, int64_t listening_ms, int64_t clock_ms)
{
    if (weir_alert_has(state, WEIR_ALERT_ARMED))
        return;
    state->heard_ms = listening_ms;
    weir_alert_set(state, WEIR_ALERT_ARMED, true);
    if (state->condition != WEIR_CONDITION_UNKNOWN)
        return;
    state->value = NAN;
    state->told_since_ms = clock_ms;
    weir_alert_tell(state, clock_ms);
}

enum weir_alert_change weir_alert_expire(struct weir_alert_state *state,
                                         const struct weir_alert_rule *rule,
                                         const struct weir_alert_time *now)
{
    state->quality = WEIR_QUALITY_STALE;
    weir_alert_set(state, WEIR_ALERT_SILENT, true);
    if (rule->on_clock)
        weir_alert_miss(state);
    weir_alert_tell(state, now->clock_ms);
    return WEIR_ALERT_STALE;
}

enum weir_alert_change weir_alert_strike(struct weir_alert_state *state,
                                         const struct weir_alert_rule *rule, enum weir_level level,
                                         const struct weir_alert_time *now)
{
    bool was_low = weir_alert_has(state, WEIR_ALERT_LOW);

    if (state->condition == WEIR_CONDITION_UNKNOWN)
        begin(state, now->up_ms, now->clock_ms);
    state->quality = WEIR_QUALITY_STALE;
    state->value = (double)rule->silence_ms[level] / 1000;
    set_bits(state, rule, state->over | 1u << level, now->up_ms);
    return conclude(state, rule, was_low, now->up_ms, now->clock_ms);
}

enum weir_alert_change weir_alert_settle(struct weir_alert_state *state,
                                         const struct weir_alert_rule *rule,
                                         const struct weir_alert_time *now)
{
    return conclude(state, rule, weir_alert_has(state, WEIR_ALERT_LOW), now->up_ms, now->clock_ms);
}

/* The levels whose limit a silence has reached. */
static unsigned levels_of_silence(const struct weir_alert_rule *rule, int64_t silence_ms)
{
    unsigned levels = 0;

    for (enum weir_level level = WEIR_LEVEL_INFO; level < WEIR_LEVEL_COUNT; level++) {
        if (silence_ms >= rule->silence_ms[level])
            levels |= 1u << level;
    }
    return levels & rule->levels.set;
}

enum weir_alert_change weir_alert_rejudge(struct weir_alert_state *state,
                                          const struct weir_alert_rule *rule,
                                          const struct weir_alert_time *now)
{
    int64_t timer_ms = timer_of(rule, state->evaluated_ms, now);
    bool was_low = weir_alert_has(state, WEIR_ALERT_LOW);
    bool low = was_low;
    unsigned over;

    if (rule->form == WEIR_RULE_SILENCE)
        over = levels_of_silence(rule, now->listening_ms - state->heard_ms);
    else
        over = weir_alert_levels_judge(&rule->levels, state->over, state->value, &low);
    weir_alert_set(state, WEIR_ALERT_REJUDGE, false);
    weir_alert_set(state, WEIR_ALERT_LOW, low);
    set_bits(state, rule, over, timer_ms);
    return conclude(state, rule, was_low, timer_ms, now->clock_ms);
}

enum weir_alert_change weir_alert_acknowledge(struct weir_alert_state *state,
                                              const struct weir_alert_rule *rule,
                                              const struct weir_alert_time *now)
{
    int64_t timer_ms = timer_of(rule, state->evaluated_ms, now);
    enum weir_alert_change change = WEIR_ALERT_SAME;

    weir_alert_set(state, WEIR_ALERT_ACKNOWLEDGED, true);
    /* On a clock that runs while the condition is frozen, nothing has been proven since. */
    if (!rule->on_clock || state->quality == WEIR_QUALITY_GOOD)
        change =
            conclude(state, rule, weir_alert_has(state, WEIR_ALERT_LOW), timer_ms, now->clock_ms);
    if (change == WEIR_ALERT_SAME) {
        weir_alert_tell(state, now->clock_ms);
        change = WEIR_ALERT_STATE;
    }
    return change;
}

bool weir_alert_read(const struct weir_alert_state *state, const struct weir_alert_rule *rule,
                     const struct weir_alert_time *now, struct weir_alert *alert)
{
    if (state->condition == WEIR_CONDITION_UNKNOWN && !weir_alert_has(state, WEIR_ALERT_ARMED))
        return false;
    alert->event = WEIR_EVENT_NONE;
    alert->level = (enum weir_level)state->level;
    alert->condition = (enum weir_condition)state->condition;
    alert->quality = (enum weir_quality)state->quality;
    alert->time_ms = state->time_ms;
    alert->since_ms = state->told_since_ms;
    alert->value = state->told_value;
    alert->limit =
        weir_alert_levels_limit(&rule->levels, shown_level(state),
                                weir_alert_has(state, WEIR_ALERT_LOW), state->told_value);
    alert->id = state->id;
    alert->sequence = state->sequence;
    alert->shelved_until_ms = weir_alert_has(state, WEIR_ALERT_SHELVED)
                                  ? now->clock_ms + state->shelved_until_ms - now->up_ms
                                  : 0;
    alert->reminders = state->reminders;
    alert->ignored = state->ignored;
    alert->held_back = 0;
    alert->acknowledged = weir_alert_has(state, WEIR_ALERT_ACKNOWLEDGED);
    alert->latched = weir_alert_has(state, WEIR_ALERT_LATCHED);
    alert->flapping = weir_alert_has(state, WEIR_ALERT_FLAPPING);
    alert->restored = weir_alert_has(state, WEIR_ALERT_RESTORED);
    return true;
}
