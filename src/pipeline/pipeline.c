#include "weir/pipeline.h"

#include <assert.h>
#include <string.h>

#include "format/number.h"
#include "format/timestamp.h"
#include "pipeline/layout.h"

/* The valid values of one message for one stream, and where they belong. */
struct reading {
    int64_t time_ms;
    uint32_t count;
    struct {
        uint32_t field;
        double value;
    } values[WEIR_FIELD_COUNT_MAX];
};

static uint32_t output_room(const struct weir_pipeline *pipeline)
{
    return pipeline->output_max - (uint32_t)state_of(pipeline)->output_count;
}

static struct weir_output *output_at(const struct weir_pipeline *pipeline, uint64_t number)
{
    return (struct weir_output *)(pipeline->arena + pipeline->outputs_offset) +
           (number & (pipeline->output_max - 1));
}

/* The caller has made sure of the room. */
static struct weir_output *add_output(struct weir_pipeline *pipeline)
{
    struct pipeline_state *state = state_of(pipeline);

    assert(state->output_count < pipeline->output_max);
    return output_at(pipeline, state->output_first + state->output_count++);
}

bool weir_pipeline_take(struct weir_pipeline *pipeline, struct weir_output *output)
{
    struct pipeline_state *state = state_of(pipeline);

    if (state->output_count == 0)
        return false;
    *output = *output_at(pipeline, state->output_first);
    state->output_first++;
    state->output_count--;
    return true;
}

bool weir_pipeline_pending(const struct weir_pipeline *pipeline)
{
    return state_of(pipeline)->output_count > 0;
}

static void give_summary(struct weir_pipeline *pipeline, uint32_t stream, uint32_t series,
                         const struct weir_summary *row)
{
    struct weir_output *output = add_output(pipeline);

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

        if (output_room(pipeline) < plan->field_count)
            return WEIR_FULL;
        count = weir_window_take(window, &plan->shape, rows);
        for (uint32_t i = 0; i < count; i++) {
            ledger->open -= rows[i].count;
            ledger->summarised += rows[i].count;
            give_summary(pipeline, stream, series, &rows[i]);
        }
    }
    return WEIR_OK;
}

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

static void accept_sample(struct weir_pipeline *pipeline, uint32_t stream, uint32_t series,
                          uint32_t field, const struct weir_sample *sample, bool retained)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    const struct field_plan *field_plan = &plan->fields[field];
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
    if (retained)
        return;
    for (uint32_t i = 0; i < field_plan->rule_count; i++) {
        uint32_t slot = field_plan->rule_first + i;
        enum weir_alert_change change = weir_alert_accept(&alerts_of(pipeline, plan, series)[slot],
                                                          &plan->rules[slot].rule, sample);

        if (change != WEIR_ALERT_SAME)
            give_alert(pipeline, plan, series, slot, change);
    }
}

static bool value_is_valid(const struct field_plan *field, double value)
{
    if (!(value >= field->min && value <= field->max))
        return false;
    for (uint32_t i = 0; i < field->invalid_count; i++) {
        if (value == field->invalid[i])
            return false;
    }
    return true;
}

/* Counts one present value; keeps it when it is valid. */
static void read_value(struct weir_ledger *ledger, const struct stream_plan *plan, uint32_t field,
                       bool readable, double value, struct reading *reading)
{
    ledger->samples++;
    if (!readable || !value_is_valid(&plan->fields[field], value)) {
        ledger->invalid++;
        return;
    }
    reading->values[reading->count].field = field;
    reading->values[reading->count].value = value;
    reading->count++;
}

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!strchr(" \t\r\n", text[i]) || text[i] == '\0')
            return false;
    }
    return true;
}

static bool read_number(struct weir_pipeline *pipeline, const struct stream_plan *plan,
                        const struct weir_message *message, struct reading *reading)
{
    double value = 0;
    bool readable = weir_number_parse(message->payload, message->payload_length, &value);

    if (!readable && is_blank(message->payload, message->payload_length))
        return false;
    reading->time_ms = message->arrived_ms;
    read_value(&state_of(pipeline)->ledger, plan, 0, readable, value, reading);
    return true;
}

/* Event time: what the payload says, unless that cannot be. */
static int64_t event_time(struct weir_ledger *ledger, const struct stream_plan *plan,
                          const struct weir_message *message, const struct weir_json_value *value)
{
    int64_t time_ms;

    if (!weir_timestamp_read(value, plan->time_unit, &time_ms)) {
        ledger->time_unreadable++;
        return message->arrived_ms;
    }
    if (time_ms > message->arrived_ms && time_ms - message->arrived_ms > plan->max_future_ms) {
        ledger->clock_ahead++;
        return message->arrived_ms;
    }
    return time_ms;
}

static bool read_json(struct weir_pipeline *pipeline, struct stream_plan *plan,
                      const struct weir_message *message, struct reading *reading)
{
    struct weir_ledger *ledger = &state_of(pipeline)->ledger;
    struct weir_json_value values[WEIR_JSON_PATH_COUNT_MAX];

    if (weir_json_shape_scan(&plan->shape_cache, &plan->paths, message->payload,
                             message->payload_length, values) != WEIR_OK)
        return false;
    reading->time_ms = message->arrived_ms;
    if (plan->time_unit != WEIR_TIME_ARRIVAL)
        reading->time_ms = event_time(ledger, plan, message, &values[plan->field_count]);
    for (uint32_t i = 0; i < plan->field_count; i++) {
        double value = 0;
        bool readable;

        if (values[i].kind == WEIR_JSON_MISSING)
            continue;
        readable = weir_json_number(&values[i], &value);
        read_value(ledger, plan, i, readable, value, reading);
    }
    return true;
}

/* Brings a series' record into the cache while the payload is read. */
static void prefetch_series(const struct weir_pipeline *pipeline, const struct stream_plan *plan,
                            uint32_t series)
{
    const char *record = (const char *)alerts_of(pipeline, plan, series);
    uint32_t size = plan->record_size < 512 ? plan->record_size : 512;

    for (uint32_t i = 0; i < size; i += 64)
        __builtin_prefetch(record + i, 1);
}

static void apply_reading(struct weir_pipeline *pipeline, uint32_t stream, uint32_t series,
                          const struct reading *reading, bool retained)
{
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    struct pipeline_state *state = state_of(pipeline);
    struct stream_state *stream_state = &state->streams[stream];
    struct weir_window *window = window_of(pipeline, plan, series);
    enum weir_status status;
    int64_t due_ms;

    if (plan->time_unit == WEIR_TIME_ARRIVAL)
        weir_window_advance(window, state->clock_ms);
    else
        weir_window_observe(window, &plan->shape, reading->time_ms);
    status = close_due(pipeline, stream, series);
    assert(status == WEIR_OK);
    (void)status;
    for (uint32_t i = 0; i < reading->count; i++) {
        struct weir_sample sample = {reading->time_ms, reading->values[i].value};
        accept_sample(pipeline, stream, series, reading->values[i].field, &sample, retained);
    }
    window->touched_ms = state->clock_ms;
    due_ms =
        plan->time_unit == WEIR_TIME_ARRIVAL ? window->close_ms : state->clock_ms + plan->idle_ms;
    if (due_ms < stream_state->due_ms)
        stream_state->due_ms = due_ms;
    if (due_ms < state->due_ms)
        state->due_ms = due_ms;
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

    reading.count = 0;
    if (series != WEIR_SERIES_NONE)
        prefetch_series(pipeline, plan, series);
    readable = plan->format == WEIR_PAYLOAD_JSON ? read_json(pipeline, plan, message, &reading)
                                                 : read_number(pipeline, plan, message, &reading);
    if (!readable || reading.count == 0)
        return readable;
    if (series == WEIR_SERIES_NONE) {
        series = weir_series_insert(index, key->text, key->length, hash);
        if (series == WEIR_SERIES_NONE) {
            state_of(pipeline)->ledger.over_budget += reading.count;
            return true;
        }
        weir_window_init(window_of(pipeline, plan, series));
    }
    apply_reading(pipeline, stream, series, &reading, message->retained);
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

/* When the windows of a series are due by the clock alone. */
static int64_t series_due(const struct stream_plan *plan, const struct weir_window *window)
{
    if (window->open_count == 0)
        return INT64_MAX;
    return plan->time_unit == WEIR_TIME_ARRIVAL ? window->close_ms
                                                : window->touched_ms + plan->idle_ms;
}

/* The scan's pass over the series of its stream, from where it stands. */
static enum weir_status scan_stream(struct weir_pipeline *pipeline)
{
    struct pipeline_state *state = state_of(pipeline);
    const struct stream_plan *plan = stream_plan_at(pipeline, state->scan_stream);
    uint32_t series_count = index_of(pipeline, plan)->count;

    for (; state->scan_series < series_count; state->scan_series++) {
        struct weir_window *window = window_of(pipeline, plan, state->scan_series);

        if (state->scan_now_ms >= series_due(plan, window)) {
            if (plan->time_unit == WEIR_TIME_ARRIVAL && state->scan_now_ms != INT64_MAX)
                weir_window_advance(window, state->scan_now_ms);
            else
                weir_window_expire(window, &plan->shape);
        }
        if (close_due(pipeline, state->scan_stream, state->scan_series) != WEIR_OK)
            return WEIR_FULL;
        if (series_due(plan, window) < state->scan_due_ms)
            state->scan_due_ms = series_due(plan, window);
    }
    state->streams[state->scan_stream].due_ms = state->scan_due_ms;
    return WEIR_OK;
}

/* Goes on with the scan under way, if there is one, to its end. */
static enum weir_status finish_scan(struct weir_pipeline *pipeline)
{
    struct pipeline_state *state = state_of(pipeline);

    if (!state->scanning)
        return WEIR_OK;
    for (; state->scan_stream < pipeline->config->stream_count; state->scan_stream++) {
        if (state->scan_wanted[state->scan_stream] && scan_stream(pipeline) != WEIR_OK)
            return WEIR_FULL;
        state->scan_series = 0;
        state->scan_due_ms = INT64_MAX;
    }
    state->scanning = false;
    state->due_ms = INT64_MAX;
    for (uint32_t i = 0; i < pipeline->config->stream_count; i++) {
        if (state->streams[i].due_ms < state->due_ms)
            state->due_ms = state->streams[i].due_ms;
    }
    return WEIR_OK;
}

/*
 * Closes what is due at now_ms (INT64_MAX: all that is open) in the streams that `wanted` names
 * (NULL: those with something due). A scan that was cut short is finished first, at its own time:
 * the caller may have moved on to a later time, or to a drain.
 */
static enum weir_status scan_streams(struct weir_pipeline *pipeline, int64_t now_ms,
                                     const bool *wanted)
{
    struct pipeline_state *state = state_of(pipeline);

    if (finish_scan(pipeline) != WEIR_OK)
        return WEIR_FULL;
    for (uint32_t i = 0; i < pipeline->config->stream_count; i++)
        state->scan_wanted[i] = wanted ? wanted[i] : state->streams[i].due_ms <= now_ms;
    state->scanning = true;
    state->scan_now_ms = now_ms;
    state->scan_stream = 0;
    state->scan_series = 0;
    state->scan_due_ms = INT64_MAX;
    return finish_scan(pipeline);
}

enum weir_status weir_pipeline_advance(struct weir_pipeline *pipeline, int64_t now_ms)
{
    struct pipeline_state *state = state_of(pipeline);

    if (now_ms > state->clock_ms)
        state->clock_ms = now_ms;
    if (!state->scanning && weir_pipeline_deadline(pipeline) > state->clock_ms)
        return WEIR_OK;
    return scan_streams(pipeline, state->clock_ms, NULL);
}

enum weir_status weir_pipeline_drain_arrival(struct weir_pipeline *pipeline)
{
    bool wanted[WEIR_STREAM_COUNT_MAX];

    for (uint32_t i = 0; i < pipeline->config->stream_count; i++)
        wanted[i] = stream_plan_at(pipeline, i)->time_unit == WEIR_TIME_ARRIVAL;
    return weir_pipeline_drain_streams(pipeline, wanted);
}

void weir_pipeline_set_link(struct weir_pipeline *pipeline, bool up)
{
    (void)pipeline;
    (void)up;
}

void weir_pipeline_resume(struct weir_pipeline *pipeline, int64_t outage_ms)
{
    (void)pipeline;
    (void)outage_ms;
}

enum weir_status weir_pipeline_check_command(const struct weir_pipeline *pipeline,
                                             const struct weir_command *command)
{
    (void)pipeline;
    (void)command;
    return WEIR_REFUSED;
}

enum weir_status weir_pipeline_command(struct weir_pipeline *pipeline,
                                       const struct weir_command *command)
{
    return weir_pipeline_check_command(pipeline, command);
}

bool weir_pipeline_explain(const struct weir_pipeline *pipeline, uint32_t rule, uint32_t series,
                           struct weir_explanation *explanation)
{
    memset(explanation, 0, sizeof(*explanation));
    return weir_pipeline_alert(pipeline, rule, series, &explanation->alert);
}

void weir_pipeline_step_clock(struct weir_pipeline *pipeline, int64_t step_ms, bool set)
{
    (void)set;
    struct pipeline_state *state = state_of(pipeline);

    assert(!state->scanning);
    state->clock_ms += step_ms;
    state->due_ms = INT64_MAX;
    for (uint32_t i = 0; i < pipeline->config->stream_count; i++) {
        const struct stream_plan *plan = stream_plan_at(pipeline, i);
        struct stream_state *stream = &state->streams[i];

        if (plan->time_unit != WEIR_TIME_ARRIVAL) {
            for (uint32_t j = 0; j < index_of(pipeline, plan)->count; j++)
                window_of(pipeline, plan, j)->touched_ms += step_ms;
            if (stream->due_ms != INT64_MAX)
                stream->due_ms += step_ms;
        }
        if (stream->due_ms < state->due_ms)
            state->due_ms = stream->due_ms;
    }
}

enum weir_status weir_pipeline_drain(struct weir_pipeline *pipeline)
{
    bool all[WEIR_STREAM_COUNT_MAX];

    memset(all, true, sizeof(all));
    return weir_pipeline_drain_streams(pipeline, all);
}

enum weir_status weir_pipeline_drain_streams(struct weir_pipeline *pipeline, const bool *wanted)
{
    return scan_streams(pipeline, INT64_MAX, wanted);
}

int64_t weir_pipeline_deadline(const struct weir_pipeline *pipeline)
{
    return state_of(pipeline)->due_ms;
}

void weir_pipeline_ledger(const struct weir_pipeline *pipeline, struct weir_ledger *ledger)
{
    *ledger = state_of(pipeline)->ledger;
}

const char *weir_pipeline_series_name(const struct weir_pipeline *pipeline, uint32_t stream,
                                      uint32_t series)
{
    return weir_series_name(index_of(pipeline, stream_plan_at(pipeline, stream)), series);
}

uint32_t weir_pipeline_series_count(const struct weir_pipeline *pipeline, uint32_t stream)
{
    return index_of(pipeline, stream_plan_at(pipeline, stream))->count;
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
