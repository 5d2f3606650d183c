#include "pipeline/rules.h"

#include <math.h>

#include "core/alert_carry.h"

/* What a sample's value comes to by the form of the rule, judged. */
static enum weir_alert_change judge_form(const struct alert_place *place, double value,
                                         int64_t time_ms, const struct weir_alert_time *now)
{
    const struct rule_plan *rule = place->rule;
    struct weir_alert_state *state = place->state;
    double slope;

    switch (rule->rule.form) {
    case WEIR_RULE_LIMIT:
        break;
    case WEIR_RULE_CHANGE:
        value = state->condition != WEIR_CONDITION_UNKNOWN && !isnan(state->input) &&
                value != state->input;
        break;
    case WEIR_RULE_SILENCE:
        value = 0;
        break;
    case WEIR_RULE_RATE:
        if (!weir_slope_accept(alert_extra(place, place->series, rule->slope_offset), &rule->slope,
                               time_ms, value, &slope)) {
            weir_alert_miss(state);
            state->evaluated_ms = time_ms;
            return WEIR_ALERT_SAME;
        }
        value = slope * rule->slope_unit_ms;
        break;
    }
    return weir_alert_judge(state, &rule->rule, value, time_ms, now);
}

/* A sample for the rule that is news. */
static void accept_news(const struct alert_place *place, double value, int64_t time_ms,
                        const struct weir_alert_time *now)
{
    struct weir_alert_state *state = place->state;
    enum weir_alert_change heard = weir_alert_hear(state, &place->rule->rule, time_ms, now);
    enum weir_alert_change change;

    if (heard == WEIR_ALERT_FRESH)
        weir_alerts_give(place, heard, now);
    change = judge_form(place, value, time_ms, now);
    state->input = value;
    if (change == WEIR_ALERT_SAME && heard == WEIR_ALERT_STATE) {
        weir_alert_tell(state, time_ms);
        change = WEIR_ALERT_STATE;
    }
    weir_alerts_give(place, change, now);
    weir_alerts_expect(place, now);
}

static void accept_sample(const struct alert_place *place, double value, int64_t time_ms,
                          const struct weir_alert_time *now)
{
    if (weir_alert_is_news(place->state, time_ms, value))
        accept_news(place, value, time_ms, now);
    else
        place->state->ignored++;
}

/* Before what was judged. A window is judged as of its end, which may be yet to come. */
static bool is_late(const struct alert_place *place, int64_t time_ms)
{
    return time_ms < place->state->evaluated_ms &&
           (!place->rule->on_window ||
            time_ms < live_of(place->pipeline, place->stream, place->series)->newest_ms);
}

static void spoil(const struct alert_place *place, int64_t time_ms,
                  const struct weir_alert_time *now)
{
    if (is_late(place, time_ms))
        return;
    weir_alerts_give(place, weir_alert_spoil(place->state, &place->rule->rule, time_ms), now);
    weir_alerts_expect(place, now);
}

/* For a rule on windows a sample is a sign of life. */
static void accept_sign(const struct alert_place *place, int64_t time_ms,
                        const struct weir_alert_time *now)
{
    struct weir_alert_state *state = place->state;

    if (is_late(place, time_ms)) {
        state->ignored++;
        return;
    }
    weir_alerts_give(place, weir_alert_hear(state, &place->rule->rule, time_ms, now), now);
    weir_alerts_expect(place, now);
}

/* The other field has crossed its limit: the rule's own last value counts again, or no more. */
static void judge_again(const struct alert_place *place, int64_t time_ms,
                        const struct weir_alert_time *now)
{
    struct weir_alert_state *state = place->state;
    int64_t evaluated_ms = state->evaluated_ms;

    if (state->condition == WEIR_CONDITION_UNKNOWN || state->quality != WEIR_QUALITY_GOOD ||
        weir_alert_has(state, WEIR_ALERT_SHIFT | WEIR_ALERT_RENEW))
        return;
    weir_alerts_give(place, weir_alert_judge(state, &place->rule->rule, state->value, time_ms, now),
                     now);
    state->evaluated_ms = evaluated_ms;
    weir_alerts_expect(place, now);
}

/* A rule that looks at two fields. */
static void accept_two(const struct alert_place *place, const struct reading *reading,
                       const struct weir_alert_time *now)
{
    const struct rule_plan *rule = place->rule;
    struct weir_alert_state *state = place->state;
    bool complete = reading_has(reading, rule->field);
    double value = complete ? reading->values[rule->field] : 0;
    bool gated = false;

    if (rule->has_minus_field) {
        complete = complete && reading_has(reading, rule->minus_field);
        value -= complete ? reading->values[rule->minus_field] : 0;
    }
    if (rule->rule.has_and && reading_has(reading, rule->and_field) &&
        (reading->time_ms >= state->evaluated_ms || !weir_alert_has(state, WEIR_ALERT_HEARD))) {
        bool before = weir_alert_has(state, WEIR_ALERT_AND_BEYOND);

        weir_alert_gate(state, &rule->rule, reading->values[rule->and_field]);
        gated = weir_alert_has(state, WEIR_ALERT_AND_BEYOND) != before;
    }
    if (complete && weir_alert_is_news(state, reading->time_ms, value)) {
        accept_news(place, value, reading->time_ms, now);
        return;
    }
    state->ignored += complete;
    if (gated)
        judge_again(place, reading->time_ms, now);
}

/* A rule that is not plain. */
static void accept_joined(const struct alert_place *place, const struct reading *reading,
                          const struct weir_alert_time *now)
{
    const struct rule_plan *rule = place->rule;

    if (rule->rule.form == WEIR_RULE_SILENCE) {
        if (reading->valid != 0)
            accept_sample(place, reading->values[__builtin_ctz(reading->valid)], reading->time_ms,
                          now);
    } else if ((reading->invalid & rule->fields) != 0) {
        spoil(place, reading->time_ms, now);
    } else if (!rule->on_window) {
        accept_two(place, reading, now);
    } else if (reading_has(reading, rule->field)) {
        accept_sign(place, reading->time_ms, now);
    }
}

/* A reading of the past: counted, and nothing else. */
__attribute__((noinline)) static void ignore(struct weir_pipeline *pipeline,
                                             const struct stream_plan *plan, uint32_t series,
                                             const struct reading *reading)
{
    for (uint32_t i = 0; i < plan->rule_count; i++) {
        uint32_t fields =
            plan->rules[i].rule.form == WEIR_RULE_SILENCE ? UINT32_MAX : 1u << plan->rules[i].field;

        if ((reading->valid & fields) != 0)
            alerts_of(pipeline, plan, series)[i].ignored++;
    }
}

/* Follows which windows hold samples that are not of the past. */
static void note_live(struct series_live *live, const struct reading *reading)
{
    if (reading->past) {
        live->interrupted |= live->heard != 0 && reading->time_ms > live->newest_ms;
        return;
    }
    if (live->heard == 0)
        live->first_ms = reading->time_ms;
    if (live->interrupted && reading->time_ms > live->newest_ms) {
        live->gap_from_ms = live->newest_ms;
        live->gap_to_ms = reading->time_ms;
    }
    if (live->heard == 0 || reading->time_ms > live->newest_ms)
        live->newest_ms = reading->time_ms;
    live->heard = 1;
    live->interrupted = 0;
}

/* Kept out of the way of the samples that change nothing. */
__attribute__((noinline)) static void accept_slowly(struct weir_pipeline *pipeline, uint32_t stream,
                                                    uint32_t series, uint32_t slot,
                                                    const struct reading *reading)
{
    struct weir_alert_time now = weir_alerts_time(pipeline, state_of(pipeline)->clock_ms);
    struct alert_place place = alert_place(pipeline, stream, series, slot);

    accept_sample(&place, reading->values[place.rule->field], reading->time_ms, &now);
}

/* The values of one field, past the rules that look at samples of it alone. */
static void accept_plain(struct weir_pipeline *pipeline, uint32_t stream, uint32_t series,
                         uint32_t field, const struct reading *reading, int64_t listening_ms)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    struct weir_alert_state *states = alerts_of(pipeline, plan, series);
    uint32_t end = plan->fields[field].rule_first + plan->fields[field].rule_count;

    for (uint32_t i = plan->fields[field].rule_first; i < end; i++) {
        if (!weir_alert_skim(&states[i], &plan->rules[i].rule, reading->time_ms,
                             reading->values[field], listening_ms))
            accept_slowly(pipeline, stream, series, i, reading);
    }
}

/* The rules that are not plain, and values of no use. */
__attribute__((noinline)) static void accept_rest(struct weir_pipeline *pipeline, uint32_t stream,
                                                  uint32_t series, const struct reading *reading)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    struct weir_alert_time now = weir_alerts_time(pipeline, state_of(pipeline)->clock_ms);

    for (uint32_t i = plan->plain_count; i < plan->rule_count; i++) {
        struct alert_place place = alert_place(pipeline, stream, series, i);

        accept_joined(&place, reading, &now);
    }
    for (uint32_t i = 0; reading->invalid != 0 && i < plan->plain_count; i++) {
        struct alert_place place = alert_place(pipeline, stream, series, i);

        if ((reading->invalid & plan->rules[i].fields) != 0)
            spoil(&place, reading->time_ms, &now);
    }
}

void weir_rules_accept(struct weir_pipeline *pipeline, uint32_t stream, uint32_t series,
                       const struct reading *reading)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    struct weir_alert_time now = weir_alerts_time(pipeline, state_of(pipeline)->clock_ms);

    if (plan->window_rule_count > 0 && reading->valid != 0)
        note_live(live_of(pipeline, plan, series), reading);
    if (reading->past) {
        ignore(pipeline, plan, series, reading);
        return;
    }
    for (uint32_t valid = reading->valid; valid != 0; valid &= valid - 1)
        accept_plain(pipeline, stream, series, (uint32_t)__builtin_ctz(valid), reading,
                     now.listening_ms);
    if (plan->plain_count < plan->rule_count || reading->invalid != 0)
        accept_rest(pipeline, stream, series, reading);
    if (plan->silence_min_ms != INT64_MAX)
        expect_rules_due(pipeline, stream, now.clock_ms + plan->silence_min_ms);
}

static bool is_live(const struct series_live *live, int64_t start_ms, int64_t end_ms)
{
    return live->heard != 0 && end_ms > live->first_ms && start_ms <= live->newest_ms &&
           !(start_ms > live->gap_from_ms && end_ms <= live->gap_to_ms);
}

/* The row of a field among those of a window; NULL: it has none. */
static const struct weir_summary *row_of(const struct weir_summary *rows, uint32_t count,
                                         uint32_t field)
{
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].field == field)
            return &rows[i];
    }
    return NULL;
}

void weir_rules_judge_window(const struct alert_place *place, double value, int64_t end_ms,
                             const struct weir_alert_time *now)
{
    struct weir_alert_state *state = place->state;

    if (end_ms <= state->evaluated_ms && state->condition != WEIR_CONDITION_UNKNOWN) {
        state->ignored++;
        return;
    }
    weir_alerts_give(place, judge_form(place, value, end_ms, now), now);
    state->input = value;
    weir_alerts_expect(place, now);
}

/* A window's value less that of another series: now, or when the scan finds that the other has closed
 * the window. */
static void pair_window(const struct alert_place *place, double value, int64_t end_ms,
                        const struct weir_alert_time *now)
{
    struct weir_pairs *pairs = alert_extra(place, place->series, place->rule->pairs_offset);
    const struct weir_pairs *other = weir_alerts_other_pairs(place);
    double other_value;

    if (other == pairs) {
        (void)weir_pairs_add(pairs, end_ms, value, false);
        expect_rules_due(place->pipeline, place->stream_index, now->clock_ms);
    } else if (!other || !weir_pairs_passed(other, end_ms)) {
        place->state->ignored += weir_pairs_add(pairs, end_ms, value, true);
    } else if (weir_pairs_find(other, end_ms, &other_value)) {
        weir_rules_judge_window(place, value - other_value, end_ms, now);
    } else {
        place->state->ignored++;
    }
}

/* What the rule judges of a window, whose sketches lie where they were when it closed. */
static double value_of(const struct alert_place *place, const struct weir_summary *row)
{
    const struct weir_window_shape *shape = &place->stream->shape;
    const struct rule_plan *rule = place->rule;
    double value;

    if (rule->of_quantile == 0)
        return weir_summary_value(row, rule->of);
    weir_sketch_quantiles(
        weir_window_sketch(window_of(place->pipeline, place->stream, place->series), shape, row),
        &rule->of_quantile, 1, row->min, row->max, &value);
    return value;
}

static void close_window(const struct alert_place *place, const struct weir_summary *rows,
                         uint32_t count, const struct weir_alert_time *now)
{
    const struct rule_plan *rule = place->rule;
    const struct weir_summary *row = row_of(rows, count, rule->field);
    const struct weir_summary *minus = NULL;
    const struct weir_summary *gate = NULL;
    double value;

    if (rule->rule.has_and)
        gate = row_of(rows, count, rule->and_field);
    if (gate && isfinite(value_of(place, gate)))
        weir_alert_gate(place->state, &rule->rule, value_of(place, gate));
    if (rule->has_minus_field)
        minus = row_of(rows, count, rule->minus_field);
    if (!row || (rule->has_minus_field && !minus))
        return;
    value = value_of(place, row);
    if (minus)
        value -= value_of(place, minus);
    if (!isfinite(value))
        return;
    if (rule->has_minus_series)
        pair_window(place, value, row->end_ms, now);
    else
        weir_rules_judge_window(place, value, row->end_ms, now);
}

void weir_rules_reopen(struct weir_pipeline *pipeline, uint32_t stream)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    uint32_t count = plan->window_rule_count > 0 ? index_of(pipeline, plan)->count : 0;

    for (uint32_t series = 0; series < count; series++) {
        const struct series_live *live = live_of(pipeline, plan, series);

        for (uint32_t i = plan->plain_count; live->heard != 0 && i < plan->rule_count; i++) {
            struct alert_place place = alert_place(pipeline, stream, series, i);

            if (place.rule->on_window)
                weir_alert_recede(place.state, &place.rule->rule, live->newest_ms);
        }
    }
}

void weir_rules_close(struct weir_pipeline *pipeline, uint32_t stream, uint32_t series,
                      const struct weir_summary *rows, uint32_t count)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    struct weir_alert_time now = weir_alerts_time(pipeline, state_of(pipeline)->clock_ms);

    if (plan->window_rule_count == 0 || count == 0 ||
        !is_live(live_of(pipeline, plan, series), rows[0].start_ms, rows[0].end_ms))
        return;
    for (uint32_t i = plan->plain_count; i < plan->rule_count; i++) {
        struct alert_place place = alert_place(pipeline, stream, series, i);

        if (place.rule->on_window)
            close_window(&place, rows, count, &now);
    }
}
