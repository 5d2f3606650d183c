#include "weir/pipeline.h"

#include <string.h>

#include "core/assert.h"
#include "pipeline/decode.h"
#include "pipeline/outputs.h"
#include "pipeline/rules.h"
#include "pipeline/windows.h"

const struct weir_output *weir_pipeline_peek(const struct weir_pipeline *pipeline,
                                             const struct weir_sketch **sketch)
{
    const struct pipeline_state *state = state_of(pipeline);
    const struct weir_output *output = output_at(pipeline, state->output_first);

    if (state->output_count == 0)
        return NULL;
    if (sketch)
        *sketch = output->kind == WEIR_OUTPUT_SUMMARY &&
                          stream_plan_at(pipeline, output->summary.stream)->shape.sketched
                      ? sketch_at(pipeline, state->output_first)
                      : NULL;
    return output;
}

bool weir_pipeline_take(struct weir_pipeline *pipeline, struct weir_output *output)
{
    struct pipeline_state *state = state_of(pipeline);
    const struct weir_output *oldest = weir_pipeline_peek(pipeline, NULL);

    if (!oldest)
        return false;
    *output = *oldest;
    state->output_first++;
    state->output_count--;
    return true;
}

bool weir_pipeline_pending(const struct weir_pipeline *pipeline)
{
    return state_of(pipeline)->output_count > 0;
}

/* As much as the cache can fetch while a payload is read. */
enum { PREFETCH_RULE_COUNT = 8, PREFETCH_WINDOW_BYTES = 512 };

/* Brings a series' record into the cache while the payload is read. */
static void prefetch_series(const struct weir_pipeline *pipeline, const struct stream_plan *plan,
                            uint32_t series)
{
    const struct weir_alert_state *states = alerts_of(pipeline, plan, series);
    const char *window = (const char *)window_of(pipeline, plan, series);
    uint32_t size = plan->live_offset - (uint32_t)(window - (const char *)states);

    for (uint32_t i = 0; i < plan->rule_count && i < PREFETCH_RULE_COUNT; i++)
        __builtin_prefetch(&states[i], 1);
    for (uint32_t i = 0; i < size && i < PREFETCH_WINDOW_BYTES; i += 64)
        __builtin_prefetch(window + i, 1);
}

/* Offers a message that matched a stream to it; false when it is not in the stream's format. */
static bool accept_matched(struct weir_pipeline *pipeline, uint32_t stream,
                           const struct weir_key *key, const struct weir_message *message)
{
    struct stream_plan *plan = stream_plan_at(pipeline, stream);
    struct weir_series_index *index = index_of(pipeline, plan);
    uint64_t hash = weir_series_hash(key->text, key->length);
    uint32_t series = weir_series_find(index, key->text, key->length, hash);
    struct reading reading;
    bool readable;

    if (series != WEIR_SERIES_NONE)
        prefetch_series(pipeline, plan, series);
    readable = weir_decode_read(pipeline, plan, message, &reading);
    if (!readable || (reading.count == 0 && series == WEIR_SERIES_NONE))
        return readable;
    if (series == WEIR_SERIES_NONE)
        series = weir_layout_make_series(pipeline, plan, key->text, key->length);
    if (series == WEIR_SERIES_NONE) {
        state_of(pipeline)->ledger.over_budget += reading.count;
        return true;
    }
    if (reading.count > 0) {
        weir_windows_observe(pipeline, stream, series, &reading);
        weir_windows_accept(pipeline, stream, series, &reading);
    }
    if (plan->rule_count > 0)
        weir_rules_accept(pipeline, stream, series, &reading);
    return true;
}

static bool stream_matches(const struct weir_pipeline *pipeline, const struct stream_plan *plan,
                           const struct weir_message *message, struct weir_key *key)
{
    const struct weir_filter *filters =
        (const struct weir_filter *)(pipeline->arena + plan->filters_offset);

    for (uint32_t i = 0; i < plan->filter_count; i++) {
        if (weir_filter_match(&filters[i], message->topic, message->topic_length, key))
            return true;
    }
    return false;
}

enum weir_status weir_pipeline_accept(struct weir_pipeline *pipeline,
                                      const struct weir_message *message)
{
    struct weir_ledger *ledger = &state_of(pipeline)->ledger;
    bool matched = false;
    bool accepted = false;
    struct weir_key key;

    assert(!state_of(pipeline)->scanning);
    if (output_room(pipeline) < pipeline->message_output_max)
        return WEIR_FULL;
    ledger->received++;
    if (message->topic_length > WEIR_TOPIC_LENGTH_MAX) {
        ledger->oversize++;
        return WEIR_OK;
    }
    for (uint32_t i = 0; i < pipeline->config->stream_count; i++) {
        if (!stream_matches(pipeline, stream_plan_at(pipeline, i), message, &key))
            continue;
        matched = true;
        if (message->payload_length > WEIR_PAYLOAD_LENGTH_MAX)
            break;
        accepted |= accept_matched(pipeline, i, &key, message);
    }
    if (!matched)
        ledger->unmatched++;
    else if (message->payload_length > WEIR_PAYLOAD_LENGTH_MAX)
        ledger->oversize++;
    else if (accepted)
        ledger->accepted++;
    else
        ledger->malformed++;
    return WEIR_OK;
}

void weir_pipeline_note_malformed(struct weir_pipeline *pipeline)
{
    state_of(pipeline)->ledger.received++;
    state_of(pipeline)->ledger.malformed++;
}

void weir_pipeline_ledger(const struct weir_pipeline *pipeline, struct weir_ledger *ledger)
{
    *ledger = state_of(pipeline)->ledger;
}

const char *weir_pipeline_series_name(const struct weir_pipeline *pipeline, uint32_t stream,
                                      uint32_t series)
{
    if (series == WEIR_SERIES_ALL)
        return "*";
    return weir_series_name(index_of(pipeline, stream_plan_at(pipeline, stream)), series);
}

bool weir_pipeline_find_series(const struct weir_pipeline *pipeline, uint32_t stream,
                               const char *name, uint32_t *series)
{
    size_t length = strlen(name);

    *series = weir_series_find(index_of(pipeline, stream_plan_at(pipeline, stream)), name, length,
                               weir_series_hash(name, length));
    return *series != WEIR_SERIES_NONE;
}

uint32_t weir_pipeline_series_count(const struct weir_pipeline *pipeline, uint32_t stream)
{
    return index_of(pipeline, stream_plan_at(pipeline, stream))->count;
}
