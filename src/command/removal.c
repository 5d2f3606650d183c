#include "command/removal.h"

#include <stdlib.h>
#include <string.h>

#include "format/encode.h"

#define TOPIC_BYTES WEIR_OUTLET_TOPIC_SIZE
#define PAYLOAD_BYTES WEIR_OUTLET_PAYLOAD_SIZE

void weir_removals_init(struct weir_removals *removals)
{
    *removals = (struct weir_removals){0};
}

static void free_item(struct weir_removal *item)
{
    free(item->topic);
    free(item->payload);
    *item = (struct weir_removal){0};
}

void weir_removals_finish(struct weir_removals *removals)
{
    for (uint64_t i = 0; i < removals->resend.max; i++)
        free_item(&removals->items[i]);
    free(removals->items);
    free(removals->acknowledged);
    weir_removals_init(removals);
}

static bool rule_is_kept(const struct weir_config *config, const struct weir_rule_config *rule,
                         const struct weir_config *next)
{
    for (uint32_t i = 0; i < next->rule_count; i++) {
        if (weir_rule_is_same(config, rule, next, &next->rules[i]))
            return true;
    }
    return false;
}

/* The alerts that are gone, one after the other: *rule and *series are where to look on from. */
static bool next_gone(const struct weir_engine *from, const struct weir_config *next,
                      uint32_t *rule, uint32_t *series, struct weir_alert *alert)
{
    const struct weir_config *config = from->config;

    for (; *rule < config->rule_count; ++*rule, *series = 0) {
        uint32_t stream = config->rules[*rule].stream;

        if (rule_is_kept(config, &config->rules[*rule], next))
            continue;
        while (*series < weir_pipeline_series_count(&from->pipeline, stream)) {
            if (weir_pipeline_alert(&from->pipeline, *rule, (*series)++, alert))
                return true;
        }
    }
    return false;
}

static bool make_item(struct weir_removal *item, const struct weir_text *topic,
                      const char *topic_end, const struct weir_text *payload, const char *rule,
                      const struct weir_alert *alert)
{
    size_t end_length = strlen(topic_end);

    item->topic = malloc(topic->length + end_length + 1);
    item->payload = malloc(payload->length + 1);
    if (!item->topic || !item->payload)
        return false;
    memcpy(item->topic, topic->bytes, topic->length);
    memcpy(item->topic + topic->length, topic_end, end_length + 1);
    memcpy(item->payload, payload->bytes, payload->length);
    item->payload[payload->length] = '\0';
    item->retain = payload->length == 0;
    memcpy(item->rule, rule, strlen(rule) + 1);
    item->alert = *alert;
    return true;
}

static bool add_gone(struct weir_removals *removals, const struct weir_engine *from,
                     struct weir_alert *alert)
{
    const struct weir_config *config = from->config;
    const struct weir_rule_config *rule = &config->rules[alert->rule];
    const char *series = weir_pipeline_series_name(&from->pipeline, rule->stream, alert->series);
    static const struct weir_text nothing = {.bytes = ""};
    char topic_bytes[TOPIC_BYTES];
    char payload_bytes[PAYLOAD_BYTES];
    struct weir_text topic;
    struct weir_text payload;
    uint64_t number;

    weir_text_init(&topic, topic_bytes, sizeof(topic_bytes));
    weir_encode_alert_topic(&topic, config, series, alert->rule);
    weir_text_init(&payload, payload_bytes, sizeof(payload_bytes));
    alert->event = WEIR_EVENT_REMOVED;
    alert->sequence++;
    weir_encode_alert_payload(&payload, config, series, alert);
    return weir_resend_add(&removals->resend, &number) &&
           make_item(&removals->items[number % removals->resend.max], &topic, "event", &payload,
                     rule->name, alert) &&
           weir_resend_add(&removals->resend, &number) &&
           make_item(&removals->items[number % removals->resend.max], &topic, "state", &nothing,
                     rule->name, alert);
}

/* Room for max items; the engine has more bytes for each, so that it fits. False: out of memory;
 * nothing is held. */
static bool make_list(struct weir_removals *removals, uint64_t max)
{
    weir_removals_init(removals);
    removals->items = calloc((size_t)max, sizeof(*removals->items));
    removals->acknowledged = calloc((size_t)max, sizeof(*removals->acknowledged));
    if (!removals->items || !removals->acknowledged) {
        weir_removals_finish(removals);
        return false;
    }
    weir_resend_init(&removals->resend, removals->acknowledged, max);
    return true;
}

/* Moves what still waits to the end of a longer list. */
static void move_waiting(struct weir_removals *to, struct weir_removals *from)
{
    for (uint64_t i = from->resend.first; i < from->resend.end; i++) {
        struct weir_removal *item = &from->items[i % from->resend.max];
        uint64_t number;

        if (from->acknowledged[i % from->resend.max] || !weir_resend_add(&to->resend, &number))
            continue;
        to->items[number % to->resend.max] = *item;
        *item = (struct weir_removal){0};
    }
}

bool weir_removals_add(struct weir_removals *removals, const struct weir_engine *from,
                       const struct weir_engine *to)
{
    uint64_t max = removals->resend.end - removals->resend.first;
    struct weir_removals longer;
    struct weir_alert alert;
    uint32_t rule = 0;
    uint32_t series = 0;

    while (next_gone(from, to->config, &rule, &series, &alert))
        max += 2;
    if (max == removals->resend.end - removals->resend.first)
        return true;
    if (!make_list(&longer, max))
        return false;
    /* Numbers go on, so that an answer to one of before means nothing. */
    longer.resend.first = longer.resend.next = longer.resend.end = removals->resend.end;
    rule = series = 0;
    while (next_gone(from, to->config, &rule, &series, &alert)) {
        if (!add_gone(&longer, from, &alert))
            goto error;
    }
    move_waiting(&longer, removals);
    weir_removals_finish(removals);
    *removals = longer;
    return true;

error:
    weir_removals_finish(&longer);
    return false;
}

bool weir_removals_copy(struct weir_removals *removals, const struct weir_removals *from)
{
    const struct weir_resend *waiting = &from->resend;
    struct weir_removals copy;

    if (weir_removals_is_empty(from))
        return true;
    if (!make_list(&copy, waiting->end - waiting->first))
        return false;
    for (uint64_t i = waiting->first; i < waiting->end; i++) {
        const struct weir_removal *item = &from->items[i % waiting->max];
        struct weir_removal *other;
        uint64_t number;

        if (from->acknowledged[i % waiting->max] || !weir_resend_add(&copy.resend, &number))
            continue;
        other = &copy.items[number];
        *other = *item;
        other->topic = strdup(item->topic);
        other->payload = strdup(item->payload);
        if (!other->topic || !other->payload) {
            weir_removals_finish(&copy);
            return false;
        }
    }
    weir_removals_finish(removals);
    *removals = copy;
    return true;
}

/* The rule is the level of the topic behind .../alert/. */
static bool has_rule(const struct weir_config *config, const char *topic)
{
    const char *name = strstr(topic, "/alert/");
    size_t length;

    if (!name)
        return false;
    name += strlen("/alert/");
    length = strcspn(name, "/");
    for (uint32_t i = 0; i < config->rule_count; i++) {
        if (strlen(config->rules[i].name) == length &&
            memcmp(config->rules[i].name, name, length) == 0)
            return true;
    }
    return false;
}

void weir_removals_forget(struct weir_removals *removals, const struct weir_config *config)
{
    struct weir_resend *waiting = &removals->resend;

    for (uint64_t i = waiting->first; i < waiting->end; i++) {
        if (!removals->acknowledged[i % waiting->max] &&
            has_rule(config, removals->items[i % waiting->max].topic))
            removals->acknowledged[i % waiting->max] = true;
    }
    while (waiting->first < waiting->end && removals->acknowledged[waiting->first % waiting->max])
        waiting->first++;
    if (waiting->next < waiting->first)
        waiting->next = waiting->first;
}

void weir_removals_answer(struct weir_removals *removals, uint64_t number, bool acknowledged)
{
    weir_resend_answer(&removals->resend, number, acknowledged);
    if (removals->resend.max > 0 && weir_resend_is_empty(&removals->resend)) {
        uint64_t end = removals->resend.end;

        weir_removals_finish(removals);
        removals->resend.first = removals->resend.next = removals->resend.end = end;
    }
}

/* False: there was no room. */
static bool send_item(struct weir_removals *removals, uint64_t number, struct weir_outlet *outlet)
{
    const struct weir_removal *item = &removals->items[number % removals->resend.max];

    weir_outlet_begin_at(outlet, item->topic);
    weir_text_add(&outlet->payload, item->payload);
    if (!item->retain)
        weir_outlet_describe(outlet, item->rule, &item->alert);
    switch (weir_outlet_send(outlet, 1, item->retain, WEIR_OUTLET_REMOVAL, number)) {
    case WEIR_FULL:
        return false;
    case WEIR_REFUSED:
        weir_removals_answer(removals, number, true);
        break;
    case WEIR_OK:
        weir_resend_sent(&removals->resend);
        break;
    }
    return true;
}

void weir_removals_send(struct weir_removals *removals, struct weir_outlet *outlet,
                        bool deletions_only)
{
    uint64_t number;

    while (weir_resend_peek(&removals->resend, &number)) {
        if (deletions_only && !removals->items[number % removals->resend.max].retain)
            weir_removals_answer(removals, number, true);
        else if (!send_item(removals, number, outlet))
            return;
    }
}

bool weir_removals_is_empty(const struct weir_removals *removals)
{
    return weir_resend_is_empty(&removals->resend);
}
