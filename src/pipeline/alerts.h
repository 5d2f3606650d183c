/*
 * The alert states in the records, the time as they see it, and their way out.
 */
#ifndef WEIR_PIPELINE_ALERTS_H
#define WEIR_PIPELINE_ALERTS_H

#include "core/alert_due.h"
#include "pipeline/layout.h"

/* One rule on one series. */
struct alert_place {
    struct weir_pipeline *pipeline;
    const struct stream_plan *stream;
    const struct rule_plan *rule;
    struct weir_alert_state *state;
    uint32_t stream_index;
    uint32_t series;
};

/* slot is the rule's place in the stream's plan. */
static inline struct alert_place alert_place(struct weir_pipeline *pipeline, uint32_t stream,
                                             uint32_t series, uint32_t slot)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);

    return (struct alert_place){
        .pipeline = pipeline,
        .stream = plan,
        .rule = &plan->rules[slot],
        .state = &alerts_of(pipeline, plan, series)[slot],
        .stream_index = stream,
        .series = series,
    };
}

/* What the rule has in a record at an offset of its plan. */
static inline void *alert_extra(const struct alert_place *place, uint32_t series, uint32_t offset)
{
    return (char *)alerts_of(place->pipeline, place->stream, series) + offset;
}

static inline struct weir_alert_flaps *alert_flaps(const struct alert_place *place)
{
    return alert_extra(place, place->series, place->rule->flaps_offset);
}

static inline struct weir_alert_storm *storm_of(const struct weir_pipeline *pipeline,
                                                const struct rule_plan *rule)
{
    return (struct weir_alert_storm *)(pipeline->arena + rule->storm_offset);
}

/* The engine's time when its clock is at clock_ms. */
static inline struct weir_alert_time weir_alerts_time(const struct weir_pipeline *pipeline,
                                                      int64_t clock_ms)
{
    const struct pipeline_state *state = state_of(pipeline);
    int64_t up_ms = clock_ms - state->skipped_ms;
    int64_t heard_until_ms = state->link_down ? state->link_down_ms : up_ms;

    return (struct weir_alert_time){
        .clock_ms = clock_ms,
        .up_ms = up_ms,
        .listening_ms = heard_until_ms - state->unheard_ms,
    };
}

/* What the clock does next to it; up_ms of the answer as time of the clock. */
struct weir_alert_due weir_alerts_next(const struct alert_place *place,
                                       const struct weir_alert_time *now, int64_t *clock_ms);

/* Has the scan look at it again in time. */
void weir_alerts_expect(const struct alert_place *place, const struct weir_alert_time *now);

/* Gives out what a change comes to; at most two outputs, and one more where a storm begins. */
void weir_alerts_give(const struct alert_place *place, enum weir_alert_change change,
                      const struct weir_alert_time *now);
void weir_alerts_give_news(const struct alert_place *place, struct weir_alert_news news,
                           const struct weir_alert_time *now);

/* The beginning or the end of the storm of a rule. */
void weir_alerts_give_storm(struct weir_pipeline *pipeline, const struct rule_plan *rule,
                            struct weir_alert_storm *storm, enum weir_event event,
                            const struct weir_alert_time *now);

/* Tells what has changed while it was shelved. */
void weir_alerts_unshelve(const struct alert_place *place, const struct weir_alert_time *now);

/* What the series that the rule subtracts has closed; NULL: it is not there yet. */
const struct weir_pairs *weir_alerts_other_pairs(const struct alert_place *place);

/* The place of a rule in its stream's plan. */
uint32_t weir_alerts_slot(const struct stream_plan *plan, uint32_t rule);

/* Makes the series that rules expect, and counts their silence from now on. */
void weir_alerts_arm(struct weir_pipeline *pipeline);

#endif
