#include "pipeline/windows.h"

#include "core/assert.h"
#include "pipeline/outputs.h"
#include "pipeline/rules.h"

static void give_summary(struct weir_pipeline *pipeline, uint32_t stream, uint32_t series,
                         const struct weir_summary *row)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    uint64_t number = state_of(pipeline)->output_first + state_of(pipeline)->output_count;
    struct weir_output *output = add_output(pipeline);

    if (plan->shape.sketched)
        *sketch_at(pipeline, number) =
            *weir_window_sketch(window_of(pipeline, plan, series), &plan->shape, row);
    output->kind = WEIR_OUTPUT_SUMMARY;
    output->summary = *row;
    output->summary.stream = stream;
    output->summary.series = series;
    state_of(pipeline)->ledger.summaries++;
}

/* Closes the windows of a series that are due, as far as there is room. */
static enum weir_status close_due(struct weir_pipeline *pipeline, uint32_t stream, uint32_t series)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    struct weir_window *window = window_of(pipeline, plan, series);
    struct weir_ledger *ledger = &state_of(pipeline)->ledger;
    struct weir_summary rows[WEIR_FIELD_COUNT_MAX];

    while (weir_window_due(window)) {
        uint32_t count;

        if (output_room(pipeline) < plan->close_output_max)
            return WEIR_FULL;
        count = weir_window_take(window, &plan->shape, rows);
        for (uint32_t i = 0; i < count; i++) {
            ledger->open -= rows[i].count;
            ledger->summarised += rows[i].count;
            give_summary(pipeline, stream, series, &rows[i]);
        }
        weir_rules_close(pipeline, stream, series, rows, count);
    }
    return WEIR_OK;
}

void weir_windows_observe(struct weir_pipeline *pipeline, uint32_t stream, uint32_t series,
                          const struct reading *reading)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    struct weir_window *window = window_of(pipeline, plan, series);
    enum weir_status status;

    if (plan->time_unit == WEIR_TIME_ARRIVAL)
        weir_window_advance(window, state_of(pipeline)->clock_ms);
    else
        weir_window_observe(window, &plan->shape, reading->time_ms);
    status = close_due(pipeline, stream, series);
    assert(status == WEIR_OK);
    (void)status;
}

static void accept_sample(struct weir_pipeline *pipeline, uint32_t stream, uint32_t series,
                          uint32_t field, const struct weir_sample *sample)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    struct weir_ledger *ledger = &state_of(pipeline)->ledger;
    struct weir_summary row;

    switch (
        weir_window_accept(window_of(pipeline, plan, series), &plan->shape, field, sample, &row)) {
    case WEIR_WINDOW_OPEN:
        ledger->open++;
        break;
    case WEIR_WINDOW_REVISED:
        ledger->late++;
        ledger->summarised++;
        give_summary(pipeline, stream, series, &row);
        break;
    case WEIR_WINDOW_DROPPED:
        ledger->late++;
        ledger->late_dropped++;
        break;
    }
}

void weir_windows_accept(struct weir_pipeline *pipeline, uint32_t stream, uint32_t series,
                         const struct reading *reading)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    struct pipeline_state *state = state_of(pipeline);
    struct weir_window *window = window_of(pipeline, plan, series);

    for (uint32_t valid = reading->valid; valid != 0; valid &= valid - 1) {
        uint32_t field = (uint32_t)__builtin_ctz(valid);
        struct weir_sample sample = {reading->time_ms, reading->values[field]};

        accept_sample(pipeline, stream, series, field, &sample);
    }
    window->touched_ms = state->clock_ms;
    expect_due(pipeline, stream, windows_due(plan, window));
}

enum weir_status weir_windows_advance(struct weir_pipeline *pipeline, uint32_t stream,
                                      uint32_t series, int64_t now_ms)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    struct weir_window *window = window_of(pipeline, plan, series);

    if (now_ms >= windows_due(plan, window)) {
        if (plan->time_unit == WEIR_TIME_ARRIVAL && now_ms != INT64_MAX)
            weir_window_advance(window, now_ms);
        else
            weir_window_expire(window, &plan->shape);
    }
    return close_due(pipeline, stream, series);
}
