#include "command/sweep.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command/discovery.h"
#include "format/topic.h"
#include "port/log.h"

/* Longer than a broker pauses between retained messages. */
#define QUIET_MS 1000

/* Each round lets go of what it found; more would not find more. */
#define ROUND_COUNT_MAX 64

void weir_sweep_init(struct weir_sweep *sweep)
{
    *sweep = (struct weir_sweep){0};
    weir_retained_init(&sweep->retained);
}

static void begin_round(struct weir_sweep *sweep, const struct weir_inbox *inbox, int64_t now_ms)
{
    sweep->active = true;
    sweep->quiet_at_ms = now_ms + QUIET_MS;
    sweep->handed_over = 0;
    sweep->deleted = 0;
    sweep->lost = weir_inbox_dropped(inbox);
}

void weir_sweep_begin(struct weir_sweep *sweep, const struct weir_inbox *inbox, int64_t now_ms)
{
    memcpy(sweep->former_prefix, sweep->next_prefix, sizeof(sweep->former_prefix));
    sweep->next_prefix[0] = '\0';
    sweep->rounds = 1;
    begin_round(sweep, inbox, now_ms);
}

void weir_sweep_note_prefix(struct weir_sweep *sweep, const char *prefix)
{
    /* Nothing was described since the first of several changes. */
    if (sweep->next_prefix[0] == '\0')
        (void)snprintf(sweep->next_prefix, sizeof(sweep->next_prefix), "%s", prefix);
}

void weir_sweep_cancel(struct weir_sweep *sweep)
{
    sweep->active = false;
}

static struct weir_mqtt_filter *add_filter(struct weir_mqtt_filter *filters, size_t *count)
{
    struct weir_mqtt_filter *filter = &filters[(*count)++];

    *filter = (struct weir_mqtt_filter){.qos = 1, .retained = true};
    return filter;
}

static void add_own(struct weir_mqtt_filter *filters, size_t *count,
                    const struct weir_config *config, const char *end)
{
    struct weir_mqtt_filter *filter = add_filter(filters, count);

    (void)snprintf(filter->text, sizeof(filter->text), "weir/v1/%s/%s", config->gateway, end);
}

static void add_discovery(struct weir_mqtt_filter *filters, size_t *count,
                          const struct weir_config *config, const char *prefix)
{
    if (prefix[0] == '\0')
        return;
    weir_discovery_filter(config, prefix, "binary_sensor", add_filter(filters, count)->text);
    weir_discovery_filter(config, prefix, "sensor", add_filter(filters, count)->text);
}

size_t weir_sweep_filters(const struct weir_sweep *sweep, const struct weir_config *config,
                          struct weir_mqtt_filter filters[static WEIR_SWEEP_FILTER_COUNT_MAX])
{
    size_t count = 0;

    if (!sweep->active)
        return 0;
    add_own(filters, &count, config, "alert/+/+/state");
    add_own(filters, &count, config, "live/+/+");
    add_discovery(filters, &count, config, config->discovery);
    if (strcmp(sweep->former_prefix, config->discovery) != 0)
        add_discovery(filters, &count, config, sweep->former_prefix);
    add_own(filters, &count, config, "info");
    return count;
}

static const struct weir_rule_config *find_rule(const struct weir_config *config, const char *name)
{
    for (uint32_t i = 0; i < config->rule_count; i++) {
        if (strcmp(config->rules[i].name, name) == 0)
            return &config->rules[i];
    }
    return NULL;
}

static bool stream_is_live(const struct weir_config *config, const char *name)
{
    for (uint32_t i = 0; i < config->stream_count; i++) {
        if (strcmp(config->streams[i].name, name) == 0)
            return config->streams[i].live;
    }
    return false;
}

/* False: there was no room. */
static bool delete_retained(struct weir_sweep *sweep, struct weir_outlet *outlet,
                            const struct weir_message *message)
{
    weir_outlet_begin_at(outlet, "");
    weir_text_add_bytes(&outlet->topic, message->topic, message->topic_length);
    if (weir_outlet_send(outlet, 1, true, WEIR_OUTLET_DELETION, 0) == WEIR_FULL)
        return false;
    sweep->deleted++;
    return true;
}

static bool delete_foreign(struct weir_sweep *sweep, struct weir_outlet *outlet,
                           const struct weir_message *message)
{
    if (!delete_retained(sweep, outlet, message))
        return false;
    if (!sweep->foreign_told)
        weir_log_warning("broker: retains what is no state of ours at %.*s; it is deleted, as any "
                         "further is",
                         (int)message->topic_length, message->topic);
    sweep->foreign_told = true;
    return true;
}

/* Whether the engine has a state of its own, which is then published over this one; else whether it
 * would take this one. One with fewer events behind it is of a process that has just begun. */
static bool is_known(const struct weir_outlet *outlet, const struct weir_rule_config *rule,
                     const struct weir_command *command, bool *wanted)
{
    const struct weir_pipeline *pipeline = &weir_intake_lock(outlet->intake)->pipeline;
    uint32_t rule_index = (uint32_t)(rule - outlet->config->rules);
    struct weir_alert alert;
    uint32_t series;
    bool known = weir_pipeline_find_series(pipeline, rule->stream, command->series, &series) &&
                 weir_pipeline_alert(pipeline, rule_index, series, &alert) &&
                 alert.sequence >= command->restore.sequence;

    *wanted = weir_pipeline_check_command(pipeline, command) != WEIR_REFUSED;
    weir_intake_unlock(outlet->intake);
    return known;
}

static bool take_state(struct weir_sweep *sweep, struct weir_outlet *outlet,
                       const struct weir_message *message, const struct weir_topic *topic)
{
    const struct weir_rule_config *rule = find_rule(outlet->config, topic->name);
    struct weir_record record = {.kind = WEIR_RECORD_COMMAND};
    bool wanted;

    if (!rule)
        return delete_retained(sweep, outlet, message);
    record.command = (struct weir_command){
        .kind = WEIR_COMMAND_RESTORE, .rule = rule->name, .series = topic->series};
    if (!weir_retained_read_state(&sweep->retained, message->payload, message->payload_length,
                                  outlet->config, rule, topic->series, &record.command.restore))
        return is_known(outlet, rule, &record.command, &wanted) ||
               delete_foreign(sweep, outlet, message);
    if (is_known(outlet, rule, &record.command, &wanted))
        return true;
    return wanted ? weir_intake_note(outlet->intake, &record)
                  : delete_retained(sweep, outlet, message);
}

/* Descriptions that are not of this gateway's topics are somebody else's. */
static bool take_description(struct weir_sweep *sweep, struct weir_outlet *outlet,
                             const struct weir_message *message)
{
    char text[WEIR_OUTLET_TOPIC_SIZE];
    struct weir_topic state;

    if (!weir_retained_read_state_topic(&sweep->retained, message->payload, message->payload_length,
                                        text, sizeof(text)))
        return true;
    weir_topic_read(&state, outlet->config, text, strlen(text));
    if (state.kind == WEIR_TOPIC_OTHER ||
        weir_discovery_stands(outlet->config, message->topic, message->topic_length, &state))
        return true;
    return delete_retained(sweep, outlet, message);
}

bool weir_sweep_take(struct weir_sweep *sweep, struct weir_outlet *outlet,
                     const struct weir_message *message, int64_t now_ms)
{
    struct weir_topic topic;
    bool taken = true;

    weir_topic_read(&topic, outlet->config, message->topic, message->topic_length);
    switch (topic.kind) {
    case WEIR_TOPIC_INFO:
        sweep->quiet_at_ms = INT64_MIN;
        return true;
    case WEIR_TOPIC_STATE:
        taken = take_state(sweep, outlet, message, &topic);
        break;
    case WEIR_TOPIC_LIVE:
        taken =
            stream_is_live(outlet->config, topic.name) || delete_retained(sweep, outlet, message);
        break;
    case WEIR_TOPIC_UNKNOWN:
        taken = delete_foreign(sweep, outlet, message);
        break;
    case WEIR_TOPIC_COMMAND:
        break;
    case WEIR_TOPIC_OTHER:
        taken = take_description(sweep, outlet, message);
        break;
    }
    sweep->handed_over += taken;
    if (sweep->quiet_at_ms != INT64_MIN)
        sweep->quiet_at_ms = now_ms + QUIET_MS;
    return taken;
}

/* Brokers drop what is beyond the queue they keep for a client. */
static void tell_short(struct weir_sweep *sweep)
{
    if (!sweep->short_told && sweep->handed_over > 0)
        weir_log_warning("broker: handed over %" PRIu64 " retained messages and not all there are; "
                         "raise its queue (mosquitto: max_queued_messages), or old ones stay",
                         sweep->handed_over);
    sweep->short_told = true;
}

enum weir_sweep_step weir_sweep_step(struct weir_sweep *sweep, const struct weir_inbox *inbox,
                                     int64_t now_ms)
{
    bool complete = sweep->quiet_at_ms == INT64_MIN;
    bool lost = weir_inbox_dropped(inbox) != sweep->lost;

    if (!sweep->active || now_ms < sweep->quiet_at_ms)
        return WEIR_SWEEP_IDLE;
    if ((lost || (!complete && sweep->deleted > 0)) && sweep->rounds < ROUND_COUNT_MAX) {
        sweep->rounds++;
        begin_round(sweep, inbox, now_ms);
        return WEIR_SWEEP_AGAIN;
    }
    if (!complete)
        tell_short(sweep);
    sweep->active = false;
    sweep->done_once = true;
    return WEIR_SWEEP_OVER;
}

bool weir_sweep_is_active(const struct weir_sweep *sweep)
{
    return sweep->active;
}

int64_t weir_sweep_deadline(const struct weir_sweep *sweep)
{
    return sweep->active ? sweep->quiet_at_ms : INT64_MAX;
}

bool weir_sweep_is_done(const struct weir_sweep *sweep)
{
    return sweep->done_once;
}
