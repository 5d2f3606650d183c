/* What a pipeline takes over from the one before it when the configuration changes. */
#include <string.h>

#include "core/alert_carry.h"
#include "core/assert.h"
#include "pipeline/alerts.h"

/* The stream of `config` with the same name; config->stream_count: none. */
static uint32_t find_stream(const struct weir_config *config, const char *name)
{
    uint32_t i = 0;

    while (i < config->stream_count && strcmp(config->streams[i].name, name) != 0)
        i++;
    return i;
}

static bool stream_is_kept(const struct weir_config *config, const struct weir_config *next,
                           uint32_t stream)
{
    uint32_t other = find_stream(next, config->streams[stream].name);

    return other < next->stream_count &&
           weir_stream_hash(&config->streams[stream]) == weir_stream_hash(&next->streams[other]);
}

/* Which rule of `from` each rule of a stream goes on from: the one of its name on the same field;
 * WEIR_RULE_COUNT_MAX: none. */
static void match_rules(const struct weir_config *config, const struct stream_plan *plan,
                        const struct weir_config *from, const struct stream_plan *from_plan,
                        uint32_t *slots)
{
    for (uint32_t i = 0; i < plan->rule_count; i++) {
        const struct weir_rule_config *rule = &config->rules[plan->rules[i].config_index];

        slots[i] = WEIR_RULE_COUNT_MAX;
        for (uint32_t j = 0; j < from_plan->rule_count; j++) {
            if (weir_rule_is_same(config, rule, from,
                                  &from->rules[from_plan->rules[j].config_index]))
                slots[i] = j;
        }
    }
}

static bool comparisons_are_same(const struct weir_comparison *left,
                                 const struct weir_comparison *right)
{
    for (enum weir_level level = WEIR_LEVEL_INFO; level < WEIR_LEVEL_COUNT; level++) {
        const struct weir_limit *limit = &left->limits[level];
        const struct weir_limit *other = &right->limits[level];

        if (limit->set != other->set ||
            (limit->set && (limit->low != other->low || limit->high != other->high)))
            return false;
    }
    return left->op == right->op && left->deadband == right->deadband;
}

/* Their second fields, if they have any. */
static bool fields_are_same(const struct weir_config *config, const struct weir_rule_config *rule,
                            const struct weir_config *from, const struct weir_rule_config *other)
{
    const struct weir_field_config *fields = config->streams[rule->stream].fields;
    const struct weir_field_config *from_fields = from->streams[other->stream].fields;

    if (rule->has_and != other->has_and || rule->has_minus != other->has_minus ||
        strcmp(rule->minus_series, other->minus_series) != 0)
        return false;
    return (!rule->has_and ||
            strcmp(fields[rule->and_field].name, from_fields[other->and_field].name) == 0) &&
           (!rule->has_minus || rule->minus_series[0] != '\0' ||
            strcmp(fields[rule->minus_field].name, from_fields[other->minus_field].name) == 0);
}

/* Both judge the same value, on the same timeline, but for a second field. */
static bool is_comparable(const struct weir_rule_config *left, const struct weir_rule_config *right)
{
    return left->form == right->form && left->on_window == right->on_window &&
           left->of == right->of && left->of_quantile == right->of_quantile &&
           left->on_change == right->on_change && left->slope_window_ms == right->slope_window_ms &&
           left->slope_unit_ms == right->slope_unit_ms && left->counter == right->counter &&
           (!left->has_and || comparisons_are_same(&left->and_comparison, &right->and_comparison));
}

/* And they come to the same. */
static bool judges_the_same(const struct weir_rule_config *left,
                            const struct weir_rule_config *right)
{
    return comparisons_are_same(&left->comparison, &right->comparison) &&
           left->hold_ms == right->hold_ms && left->clear_delay_ms == right->clear_delay_ms &&
           left->latch == right->latch;
}

static void adopt_extras(const struct alert_place *to, const struct alert_place *from,
                         const struct weir_rule_config *config,
                         const struct weir_rule_config *from_config, bool comparable)
{
    const struct rule_plan *rule = to->rule;

    if (config->flap_count == from_config->flap_count && config->flap_ms == from_config->flap_ms)
        memcpy(alert_flaps(to), alert_flaps(from), (size_t)weir_alert_flaps_size(&rule->rule));
    if (!comparable)
        return;
    if (rule->slope_offset != 0)
        memcpy(alert_extra(to, to->series, rule->slope_offset),
               alert_extra(from, from->series, from->rule->slope_offset),
               sizeof(struct weir_slope));
    if (rule->pairs_offset != 0)
        memcpy(alert_extra(to, to->series, rule->pairs_offset),
               alert_extra(from, from->series, from->rule->pairs_offset),
               sizeof(struct weir_pairs));
}

static void adopt_alert(const struct alert_place *to, const struct alert_place *from)
{
    const struct weir_rule_config *config = &to->pipeline->config->rules[to->rule->config_index];
    const struct weir_rule_config *from_config =
        &from->pipeline->config->rules[from->rule->config_index];
    bool comparable =
        is_comparable(config, from_config) &&
        fields_are_same(to->pipeline->config, config, from->pipeline->config, from_config);

    if (comparable && judges_the_same(config, from_config))
        *to->state = *from->state;
    else
        weir_alert_adopt(to->state, &to->rule->rule, from->state, &from->rule->rule, comparable);
    /* Reminders of today's settings are not due for the time before them. */
    if (memcmp(config->remind_ms, from_config->remind_ms, sizeof(config->remind_ms)) != 0)
        to->state->paced_ms =
            weir_alerts_time(to->pipeline, state_of(to->pipeline)->clock_ms).up_ms;
    adopt_extras(to, from, config, from_config, comparable);
}

/* A storm goes on, whichever events made it; where there are to be none any more it is over. */
static void adopt_storm(struct weir_pipeline *pipeline, const struct rule_plan *rule,
                        const struct weir_pipeline *from, const struct rule_plan *from_rule)
{
    struct weir_alert_time now = weir_alerts_time(pipeline, state_of(pipeline)->clock_ms);
    struct rule_plan ended = *from_rule;
    struct weir_alert_storm storm;

    if (from_rule->storm_count == 0)
        return;
    storm = *storm_of(from, from_rule);
    ended.config_index = rule->config_index;
    if (rule->storm_count > 0)
        weir_alert_storm_adopt(storm_of(pipeline, rule), &storm);
    else if (storm.raging)
        weir_alerts_give_storm(pipeline, &ended, &storm, WEIR_EVENT_STORM_END, &now);
}

static void adopt_stream(struct weir_pipeline *pipeline, uint32_t stream,
                         const struct weir_pipeline *from, uint32_t from_stream)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    const struct stream_plan *from_plan = stream_plan_at(from, from_stream);
    const struct weir_series_index *from_index = index_of(from, from_plan);
    bool kept = stream_is_kept(pipeline->config, from->config, stream);
    bool live = plan->window_rule_count > 0 && from_plan->window_rule_count > 0;
    struct weir_pipeline source = *from;
    uint32_t slots[WEIR_STREAM_RULE_COUNT_MAX];

    match_rules(pipeline->config, plan, from->config, from_plan, slots);
    for (uint32_t r = 0; r < plan->rule_count; r++) {
        if (slots[r] != WEIR_RULE_COUNT_MAX)
            adopt_storm(pipeline, &plan->rules[r], from, &from_plan->rules[slots[r]]);
    }
    for (uint32_t i = 0; i < from_index->count; i++) {
        const char *name = weir_series_name(from_index, i);
        uint32_t series = weir_layout_make_series(pipeline, plan, name, strlen(name));

        if (series == WEIR_SERIES_NONE)
            break;
        if (kept)
            memcpy(window_of(pipeline, plan, series), window_of(from, from_plan, i),
                   (size_t)weir_window_size(&plan->shape));
        if (live)
            *live_of(pipeline, plan, series) = *live_of(from, from_plan, i);
        for (uint32_t r = 0; r < plan->rule_count; r++) {
            struct alert_place to = alert_place(pipeline, stream, series, r);
            struct alert_place place;

            if (slots[r] == WEIR_RULE_COUNT_MAX)
                continue;
            place = alert_place(&source, from_stream, i, slots[r]);
            adopt_alert(&to, &place);
        }
    }
    if (kept)
        state_of(pipeline)->streams[stream] = state_of(from)->streams[from_stream];
}

void weir_pipeline_adopt(struct weir_pipeline *pipeline, const struct weir_pipeline *from)
{
    struct pipeline_state *state = state_of(pipeline);
    const struct pipeline_state *from_state = state_of(from);

    assert(from_state->output_count == 0 && !from_state->scanning);
    state->clock_ms = from_state->clock_ms;
    state->skipped_ms = from_state->skipped_ms;
    state->unheard_ms = from_state->unheard_ms;
    state->link_down_ms = from_state->link_down_ms;
    state->link_down = from_state->link_down;
    state->ledger = from_state->ledger;
    for (uint32_t i = 0; i < pipeline->config->stream_count; i++) {
        uint32_t other = find_stream(from->config, pipeline->config->streams[i].name);

        if (other < from->config->stream_count)
            adopt_stream(pipeline, i, from, other);
        /* A lower bound: the next advance finds the true one. */
        expect_rules_due(pipeline, i, state->clock_ms);
    }
    if (state->clock_ms != INT64_MIN)
        weir_alerts_arm(pipeline);
}

enum weir_status weir_pipeline_drain_changed(struct weir_pipeline *pipeline,
                                             const struct weir_config *next)
{
    bool changed[WEIR_STREAM_COUNT_MAX];

    for (uint32_t i = 0; i < pipeline->config->stream_count; i++)
        changed[i] = !stream_is_kept(pipeline->config, next, i);
    return weir_pipeline_drain_streams(pipeline, changed);
}
