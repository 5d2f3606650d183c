#include "pipeline/rules.h"

#include <string.h>

#include "pipeline/outputs.h"

/* What makes an occurrence's id: the rule and series by name, and when it began. */
static uint64_t occurrence_id(const struct weir_pipeline *pipeline, uint32_t rule,
                              const char *series, const struct weir_alert_state *state)
{
    const char *name = pipeline->config->rules[rule].name;
    uint64_t parts[4] = {
        weir_series_hash(name, strlen(name)),
        weir_series_hash(series, strlen(series)),
        (uint64_t)state->since_ms,
        state->sequence,
    };

    return weir_series_hash((const char *)parts, sizeof(parts));
}

static void give_alert(struct weir_pipeline *pipeline, const struct stream_plan *plan,
                       uint32_t series, uint32_t rule_slot, enum weir_alert_change change)
{
    struct weir_alert_state *state = &alerts_of(pipeline, plan, series)[rule_slot];
    uint32_t rule = plan->rules[rule_slot].config_index;
    struct weir_output *output = add_output(pipeline);

    if (change == WEIR_ALERT_RAISED)
        state->id = occurrence_id(pipeline, rule,
                                  weir_series_name(index_of(pipeline, plan), series), state);
    output->kind = WEIR_OUTPUT_ALERT;
    weir_alert_read(state, &plan->rules[rule_slot].rule, &output->alert);
    output->alert.rule = rule;
    output->alert.series = series;
    if (change == WEIR_ALERT_RAISED)
        output->alert.event = WEIR_EVENT_RAISED;
    else if (change == WEIR_ALERT_CLEARED)
        output->alert.event = WEIR_EVENT_CLEARED;
}

void weir_rules_accept(struct weir_pipeline *pipeline, uint32_t stream, uint32_t series,
                       const struct reading *reading)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);

    for (uint32_t i = 0; i < plan->rule_count; i++) {
        const struct rule_plan *rule = &plan->rules[i];
        struct weir_sample sample = {.time_ms = reading->time_ms};
        enum weir_alert_change change;

        if (!reading_has(reading, rule->field))
            continue;
        sample.value = reading->values[rule->field];
        change = weir_alert_accept(&alerts_of(pipeline, plan, series)[i], &rule->rule, &sample);
        if (change != WEIR_ALERT_SAME)
            give_alert(pipeline, plan, series, i, change);
    }
}

static uint32_t rule_slot_of(const struct stream_plan *plan, uint32_t rule)
{
    uint32_t slot = 0;

    while (plan->rules[slot].config_index != rule)
        slot++;
    return slot;
}

bool weir_pipeline_alert(const struct weir_pipeline *pipeline, uint32_t rule, uint32_t series,
                         struct weir_alert *alert)
{
    const struct weir_rule_config *config = &pipeline->config->rules[rule];
    const struct stream_plan *plan = stream_plan_at(pipeline, config->stream);
    uint32_t slot = rule_slot_of(plan, rule);

    if (!weir_alert_read(&alerts_of(pipeline, plan, series)[slot], &plan->rules[slot].rule, alert))
        return false;
    alert->rule = rule;
    alert->series = series;
    return true;
}
