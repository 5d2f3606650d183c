/* What a pipeline takes over from the one before it when the configuration changes. */
#include <assert.h>
#include <string.h>

#include "pipeline/layout.h"

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
        const char *field = config->streams[rule->stream].fields[rule->field].name;

        slots[i] = WEIR_RULE_COUNT_MAX;
        for (uint32_t j = 0; j < from_plan->rule_count; j++) {
            const struct weir_rule_config *other = &from->rules[from_plan->rules[j].config_index];

            if (strcmp(other->name, rule->name) == 0 &&
                strcmp(from->streams[other->stream].fields[other->field].name, field) == 0)
                slots[i] = j;
        }
    }
}

/* A rule whose limits changed goes on from the state it has: the next sample is held against the
 * new ones. What is raised has the rule's new level. */
static void adopt_alert(struct weir_alert_state *state, const struct weir_alert_rule *rule,
                        const struct weir_alert_state *from)
{
    *state = *from;
    if (state->level != WEIR_LEVEL_OK)
        state->level = (uint8_t)rule->level;
}

static void adopt_stream(struct weir_pipeline *pipeline, uint32_t stream,
                         const struct weir_pipeline *from, uint32_t from_stream)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    const struct stream_plan *from_plan = stream_plan_at(from, from_stream);
    const struct weir_series_index *from_index = index_of(from, from_plan);
    bool kept = stream_is_kept(pipeline->config, from->config, stream);
    uint32_t slots[WEIR_STREAM_RULE_COUNT_MAX];

    match_rules(pipeline->config, plan, from->config, from_plan, slots);
    for (uint32_t i = 0; i < from_index->count; i++) {
        const char *name = weir_series_name(from_index, i);
        uint32_t series = weir_series_insert(index_of(pipeline, plan), name, strlen(name),
                                             weir_series_hash(name, strlen(name)));

        if (series == WEIR_SERIES_NONE)
            break;
        weir_window_init(window_of(pipeline, plan, series));
        if (kept)
            memcpy(window_of(pipeline, plan, series), window_of(from, from_plan, i),
                   (size_t)weir_window_size(&plan->shape));
        for (uint32_t r = 0; r < plan->rule_count; r++) {
            if (slots[r] != WEIR_RULE_COUNT_MAX)
                adopt_alert(&alerts_of(pipeline, plan, series)[r], &plan->rules[r].rule,
                            &alerts_of(from, from_plan, i)[slots[r]]);
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
    /* A lower bound: the next advance finds the true one. */
    state->due_ms = INT64_MIN;
    state->ledger = from_state->ledger;
    for (uint32_t i = 0; i < pipeline->config->stream_count; i++) {
        uint32_t other = find_stream(from->config, pipeline->config->streams[i].name);

        if (other < from->config->stream_count)
            adopt_stream(pipeline, i, from, other);
    }
}

enum weir_status weir_pipeline_drain_changed(struct weir_pipeline *pipeline,
                                             const struct weir_config *next)
{
    bool changed[WEIR_STREAM_COUNT_MAX];

    for (uint32_t i = 0; i < pipeline->config->stream_count; i++)
        changed[i] = !stream_is_kept(pipeline->config, next, i);
    return weir_pipeline_drain_streams(pipeline, changed);
}
