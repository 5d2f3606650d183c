#include "command/reception.h"

#include <stdio.h>
#include <string.h>

void weir_reception_init(struct weir_reception *reception)
{
    weir_sweep_init(&reception->sweep);
}

bool weir_reception_open(struct weir_reception *reception, int wake_fd)
{
    return weir_inbox_init(&reception->inbox, wake_fd);
}

void weir_reception_finish(struct weir_reception *reception)
{
    weir_inbox_finish(&reception->inbox);
}

void weir_reception_begin(struct weir_reception *reception)
{
    weir_sweep_cancel(&reception->sweep);
    reception->sweep_due = true;
}

void weir_reception_exchange(struct weir_reception *reception, const struct weir_config *from,
                             const struct weir_config *to)
{
    if (strcmp(from->discovery, to->discovery) != 0)
        weir_sweep_note_prefix(&reception->sweep, from->discovery);
    reception->sweep_due = true;
}

static void subscribe(struct weir_reception *reception, const struct weir_outlet *outlet)
{
    const struct weir_config *config = outlet->config;
    struct weir_mqtt_filter filters[2 + WEIR_SWEEP_FILTER_COUNT_MAX];
    size_t count = 0;

    if (config->commands) {
        filters[count] = (struct weir_mqtt_filter){.qos = 1, .as_published = true};
        snprintf(filters[count].text, sizeof(filters[count].text), "weir/v1/%s/alert/+/+/cmd",
                 config->gateway);
        count++;
    }
    if (config->discovery[0] != '\0') {
        filters[count] = (struct weir_mqtt_filter){.qos = 1};
        snprintf(filters[count].text, sizeof(filters[count].text), "%s/status", config->discovery);
        count++;
    }
    count += weir_sweep_filters(&reception->sweep, config, &filters[count]);
    weir_mqtt_subscribe(outlet->mqtt, filters, count);
}

static bool is_home_assistant(const struct weir_config *config, const struct weir_message *message)
{
    size_t length = strlen(config->discovery);

    return length > 0 && message->topic_length == length + strlen("/status") &&
           memcmp(message->topic, config->discovery, length) == 0 &&
           memcmp(message->topic + length, "/status", strlen("/status")) == 0;
}

static bool is_command(const struct weir_config *config, const struct weir_message *message,
                       struct weir_topic *topic)
{
    weir_topic_read(topic, config, message->topic, message->topic_length);
    return topic->kind == WEIR_TOPIC_COMMAND && config->commands;
}

/* False: there was no room to act on it, or it is a command. */
static bool take_message(struct weir_reception *reception, struct weir_outlet *outlet,
                         const struct weir_message *message, int64_t now_ms, bool *announce)
{
    struct weir_topic topic;

    if (is_home_assistant(outlet->config, message)) {
        *announce |= message->payload_length == 6 && memcmp(message->payload, "online", 6) == 0;
        return true;
    }
    if (is_command(outlet->config, message, &topic))
        return false;
    return !message->retained || weir_sweep_take(&reception->sweep, outlet, message, now_ms);
}

enum weir_reception_news weir_reception_take(struct weir_reception *reception,
                                             struct weir_outlet *outlet, int64_t now_ms)
{
    struct weir_message message;
    struct weir_mqtt_reply reply;
    bool announce = false;
    bool taken = false;

    while (weir_inbox_peek(&reception->inbox, &message, &reply) &&
           take_message(reception, outlet, &message, now_ms, &announce)) {
        weir_inbox_release(&reception->inbox);
        taken = true;
    }
    if (announce)
        return WEIR_RECEPTION_ANNOUNCE;
    return taken ? WEIR_RECEPTION_TAKEN : WEIR_RECEPTION_NOTHING;
}

void weir_reception_step(struct weir_reception *reception, struct weir_outlet *outlet,
                         int64_t now_ms)
{
    if (reception->sweep_due && !weir_sweep_is_active(&reception->sweep)) {
        reception->sweep_due = false;
        weir_sweep_begin(&reception->sweep, &reception->inbox, now_ms);
        subscribe(reception, outlet);
    }
    switch (weir_sweep_step(&reception->sweep, &reception->inbox, now_ms)) {
    case WEIR_SWEEP_AGAIN:
        weir_mqtt_subscribe(outlet->mqtt, NULL, 0);
        subscribe(reception, outlet);
        break;
    case WEIR_SWEEP_OVER:
        subscribe(reception, outlet);
        break;
    case WEIR_SWEEP_IDLE:
        break;
    }
}

int64_t weir_reception_deadline(const struct weir_reception *reception)
{
    return weir_sweep_deadline(&reception->sweep);
}

bool weir_reception_is_sweeping(const struct weir_reception *reception)
{
    return reception->sweep_due || weir_sweep_is_active(&reception->sweep);
}

bool weir_reception_is_settled(const struct weir_reception *reception)
{
    return weir_sweep_is_done(&reception->sweep);
}

bool weir_reception_peek_command(struct weir_reception *reception, const struct weir_config *config,
                                 struct weir_reception_command *command)
{
    struct weir_message message;
    struct weir_mqtt_reply reply;

    if (weir_answer_is_waiting(&reception->answer) ||
        !weir_inbox_peek(&reception->inbox, &message, &reply) ||
        !is_command(config, &message, &command->topic))
        return false;
    command->payload = message.payload;
    command->payload_length = message.payload_length;
    command->retained = message.retained;
    return true;
}

void weir_reception_answer_command(struct weir_reception *reception, bool done,
                                   const struct weir_text *answer)
{
    struct weir_message message;
    struct weir_mqtt_reply reply;

    if (weir_inbox_peek(&reception->inbox, &message, &reply))
        weir_answer_put(&reception->answer, &reply, answer);
    weir_inbox_release(&reception->inbox);
    reception->commands_done += done;
    reception->commands_refused += !done;
}

void weir_reception_send_answer(struct weir_reception *reception, struct weir_outlet *outlet)
{
    weir_answer_send(&reception->answer, outlet);
}
