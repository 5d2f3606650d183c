#include "command/publisher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command/live.h"
#include "command/removal.h"
#include "command/resend.h"
#include "format/encode.h"
#include "port/log.h"
#include "port/mqtt.h"

/* Events that wait for the broker: a bad hour's, in half a MiB that is touched only then. */
#define EVENT_COUNT_MAX 4096

#define INFO_EVERY_MS 10000
#define INFO_RETRY_MS 1000 /* when there was no room to send it */

#define FAREWELL_PAUSE_MS 10

/* An alert with the longest names, or the newest summaries of a series with every field. */
#define PAYLOAD_BYTES 65536
#define TOPIC_BYTES 2048

/* What an answer belongs to: the kind in the upper part of the token, a number in the lower. */
enum token_kind { TOKEN_STATUS, TOKEN_INFO, TOKEN_EVENT, TOKEN_STATE, TOKEN_REMOVAL };
#define TOKEN_NUMBER_BITS 56

/* What another configuration needs, set aside before it is gone over to. */
struct next_tables {
    bool live_made;
    struct weir_live live;
    bool *state_dirty;
};

struct weir_publisher {
    struct weir_intake *intake;
    const struct weir_config *config;
    const char *storage; /* NULL: none */
    struct weir_mqtt *mqtt;
    uint64_t generation;
    bool status_sent;
    int refusal; /* the reason code logged last */
    int64_t info_at_ms;
    struct weir_alert *events; /* [EVENT_COUNT_MAX] */
    bool *event_acknowledged;
    struct weir_resend event_queue;
    uint64_t events_dropped;
    uint64_t state_first[WEIR_RULE_COUNT_MAX + 1]; /* where a rule's states begin among all */
    bool *state_dirty;                             /* the broker lacks the newest */
    uint64_t dirty_count;
    uint64_t dirty_cursor;
    uint8_t numbering; /* of the states: rises with every exchange */
    struct weir_live live;
    struct weir_removals removals;
    struct next_tables next;
    bool followed; /* by a publisher that has taken the events over */
    char topic[TOPIC_BYTES];
    char payload[PAYLOAD_BYTES];
};

void weir_publisher_plan(struct weir_publisher_plan *plan, const struct weir_config *config)
{
    *plan = (struct weir_publisher_plan){
        .event_bytes = EVENT_COUNT_MAX * (uint64_t)(sizeof(struct weir_alert) + sizeof(bool)),
        .state_bytes = sizeof(bool),
        .live_bytes = weir_live_size(config),
    };
    for (uint32_t i = 0; i < config->rule_count; i++)
        plan->state_bytes +=
            config->streams[config->rules[i].stream].max_series * (uint64_t)sizeof(bool);
    plan->total_bytes =
        sizeof(struct weir_publisher) + plan->event_bytes + plan->state_bytes + plan->live_bytes;
}

static uint64_t make_token(enum token_kind kind, uint64_t number)
{
    return (uint64_t)kind << TOKEN_NUMBER_BITS | number;
}

static void number_states(struct weir_publisher *publisher)
{
    const struct weir_config *config = publisher->config;

    for (uint32_t i = 0; i < config->rule_count; i++)
        publisher->state_first[i + 1] =
            publisher->state_first[i] + config->streams[config->rules[i].stream].max_series;
}

static uint64_t state_count(const struct weir_publisher *publisher)
{
    return publisher->state_first[publisher->config->rule_count];
}

/* NULL: out of memory. The engine, which is there already, has more bytes for each: it fits. */
static bool *make_states(const struct weir_config *config)
{
    size_t count = 1;

    for (uint32_t i = 0; i < config->rule_count; i++)
        count += config->streams[config->rules[i].stream].max_series;
    return calloc(count, sizeof(bool));
}

static void mark_state(struct weir_publisher *publisher, uint64_t number)
{
    publisher->dirty_count += !publisher->state_dirty[number];
    publisher->state_dirty[number] = true;
}

/* Marks every state there is, after a connection was made. Under the lock. */
static void mark_all_states(struct weir_publisher *publisher, const struct weir_engine *engine)
{
    struct weir_alert alert;

    for (uint32_t i = 0; i < publisher->config->rule_count; i++) {
        uint32_t stream = publisher->config->rules[i].stream;
        uint32_t count = weir_pipeline_series_count(&engine->pipeline, stream);

        for (uint32_t j = 0; j < count; j++) {
            if (weir_pipeline_alert(&engine->pipeline, i, j, &alert))
                mark_state(publisher, publisher->state_first[i] + j);
        }
    }
}

static bool allocate(struct weir_publisher *publisher)
{
    number_states(publisher);
    publisher->events = calloc(EVENT_COUNT_MAX, sizeof(*publisher->events));
    publisher->event_acknowledged = calloc(EVENT_COUNT_MAX, sizeof(bool));
    publisher->state_dirty = make_states(publisher->config);
    return publisher->events && publisher->event_acknowledged && publisher->state_dirty &&
           weir_live_init(&publisher->live, publisher->config);
}

static void free_publisher(struct weir_publisher *publisher)
{
    weir_live_finish(&publisher->live);
    weir_removals_finish(&publisher->removals);
    if (publisher->next.live_made)
        weir_live_finish(&publisher->next.live);
    free(publisher->next.state_dirty);
    free(publisher->state_dirty);
    free(publisher->event_acknowledged);
    free(publisher->events);
    free(publisher);
}

static void write_topic(struct weir_publisher *publisher, const char *rest)
{
    struct weir_text text;

    weir_text_init(&text, publisher->topic, TOPIC_BYTES);
    weir_encode_topic_root(&text, publisher->config);
    weir_text_add(&text, rest);
    weir_text_add_bytes(&text, "", 1);
}

bool weir_publisher_connect(struct weir_publisher *publisher, int wake_fd)
{
    char client_id[sizeof(publisher->config->broker.client_id) + 4];
    struct weir_mqtt_options options = {
        .label = "broker, publishing",
        .peer = &publisher->config->broker,
        .client_id = client_id,
        .clean_start = true,
        .will_topic = publisher->topic,
        .will_payload = "offline",
        .wake_fd = wake_fd,
    };

    snprintf(client_id, sizeof(client_id), "%s-out", publisher->config->broker.client_id);
    write_topic(publisher, "status");
    publisher->mqtt = weir_mqtt_create(&options);
    return publisher->mqtt != NULL;
}

struct weir_publisher *weir_publisher_create(struct weir_intake *intake,
                                             const struct weir_config *config)
{
    struct weir_publisher *publisher = calloc(1, sizeof(*publisher));

    if (!publisher)
        goto error;
    publisher->intake = intake;
    publisher->config = config;
    weir_removals_init(&publisher->removals);
    if (!allocate(publisher))
        goto error_publisher;
    weir_resend_init(&publisher->event_queue, publisher->event_acknowledged, EVENT_COUNT_MAX);
    return publisher;

error_publisher:
    free_publisher(publisher);
error:
    weir_log_error("no memory for the publisher");
    return NULL;
}

/* An event that the broker or the library will not have, or the queue has no room for: counted, its
 * state is retained all the same. */
static void give_up_event(struct weir_publisher *publisher, uint64_t number)
{
    weir_resend_answer(&publisher->event_queue, number, true);
    publisher->events_dropped++;
}

void weir_publisher_accept_alert(struct weir_publisher *publisher, const struct weir_alert *alert)
{
    uint64_t number;

    mark_state(publisher, publisher->state_first[alert->rule] + alert->series);
    if (alert->event == WEIR_EVENT_NONE)
        return;
    /* Always numbered: the log speaks of events by number, and they must be the same ones when it is
     * followed again, however many were waiting at the time. */
    if (!weir_resend_add(&publisher->event_queue, &number)) {
        give_up_event(publisher, publisher->event_queue.first);
        (void)weir_resend_add(&publisher->event_queue, &number);
    }
    publisher->events[number % EVENT_COUNT_MAX] = *alert;
}

void weir_publisher_accept_summary(struct weir_publisher *publisher,
                                   const struct weir_summary *summary,
                                   const struct weir_sketch *sketch)
{
    weir_live_accept(&publisher->live, summary, sketch);
}

uint64_t weir_publisher_dropped(const struct weir_publisher *publisher)
{
    return publisher->events_dropped;
}

/* An event in the state that is kept. */
struct saved_event {
    uint64_t acknowledged;
    struct weir_alert alert;
};

uint64_t weir_publisher_save(const struct weir_publisher *publisher, void *state)
{
    const struct weir_resend *queue = &publisher->event_queue;
    uint64_t count = queue->end - queue->first;
    struct saved_event *events = (struct saved_event *)((uint64_t *)state + 2);

    if (state) {
        ((uint64_t *)state)[0] = queue->first;
        ((uint64_t *)state)[1] = queue->end;
        memset(events, 0, (size_t)count * sizeof(*events));
        for (uint64_t i = 0; i < count; i++) {
            events[i].acknowledged =
                publisher->event_acknowledged[(queue->first + i) % EVENT_COUNT_MAX];
            events[i].alert = publisher->events[(queue->first + i) % EVENT_COUNT_MAX];
        }
    }
    return 2 * sizeof(uint64_t) + count * sizeof(*events);
}

void weir_publisher_restore(struct weir_publisher *publisher, const void *state, uint64_t length)
{
    const uint64_t *bounds = state;
    const struct saved_event *events = (const struct saved_event *)(bounds + 2);
    struct weir_resend *queue = &publisher->event_queue;
    uint64_t number;

    if (length < 2 * sizeof(*bounds) || bounds[1] - bounds[0] > EVENT_COUNT_MAX ||
        length != 2 * sizeof(*bounds) + (bounds[1] - bounds[0]) * sizeof(*events))
        return;
    queue->first = queue->next = queue->end = bounds[0];
    for (; queue->end < bounds[1]; events++) {
        (void)weir_resend_add(queue, &number);
        publisher->events[number % EVENT_COUNT_MAX] = events->alert;
        if (events->acknowledged)
            weir_resend_answer(queue, number, true);
    }
}

uint64_t weir_publisher_events_done(const struct weir_publisher *publisher)
{
    return publisher->event_queue.first;
}

void weir_publisher_note_events_done(struct weir_publisher *publisher, uint64_t number)
{
    while (publisher->event_queue.first < number && !weir_resend_is_empty(&publisher->event_queue))
        weir_resend_answer(&publisher->event_queue, publisher->event_queue.first, true);
}

void weir_publisher_forget_removals(struct weir_publisher *publisher)
{
    weir_removals_forget(&publisher->removals, publisher->config);
}

void weir_publisher_set_storage(struct weir_publisher *publisher, const char *state)
{
    publisher->storage = state;
    publisher->info_at_ms = 0;
}

static enum weir_status publish(struct weir_publisher *publisher, const struct weir_text *payload,
                                int qos, bool retain, uint64_t token)
{
    return weir_mqtt_publish(publisher->mqtt, publisher->topic, payload->bytes, payload->length,
                             qos, retain, token);
}

static void send_status(struct weir_publisher *publisher)
{
    struct weir_text payload;

    if (publisher->status_sent)
        return;
    write_topic(publisher, "status");
    weir_text_init(&payload, publisher->payload, PAYLOAD_BYTES);
    weir_text_add(&payload, "online");
    publisher->status_sent =
        publish(publisher, &payload, 1, true, make_token(TOKEN_STATUS, 0)) == WEIR_OK;
}

static void send_info(struct weir_publisher *publisher, int64_t now_ms)
{
    enum weir_status status;
    struct weir_ledger ledger;
    struct weir_text payload;

    if (now_ms < publisher->info_at_ms)
        return;
    weir_engine_ledger(weir_intake_lock(publisher->intake), &ledger);
    weir_intake_unlock(publisher->intake);
    write_topic(publisher, "info");
    weir_text_init(&payload, publisher->payload, PAYLOAD_BYTES);
    weir_text_add(&payload, "{\"schema\":\"weir.info/1\",\"gateway\":");
    weir_text_add_quoted(&payload, publisher->config->gateway);
    weir_text_add(&payload, ",\"version\":\"" WEIR_VERSION "\",\"config_hash\":\"");
    weir_text_add_hex(&payload, publisher->config->hash);
    weir_text_add(&payload, "\",\"clock\":\"");
    weir_text_add(&payload, weir_clock_synchronised() ? "synchronised" : "unsynchronised");
    weir_text_add(&payload, "\",\"storage\":");
    weir_text_add_quoted(&payload, publisher->storage ? publisher->storage : "none");
    weir_text_add(&payload, ",\"ledger\":{");
    weir_encode_ledger(&payload, &ledger);
    weir_text_add(&payload, "}}");
    status = publish(publisher, &payload, 1, true, make_token(TOKEN_INFO, 0));
    publisher->info_at_ms = now_ms + (status == WEIR_FULL ? INFO_RETRY_MS : INFO_EVERY_MS);
}

static void write_alert(struct weir_publisher *publisher, const struct weir_engine *engine,
                        const struct weir_alert *alert, const char *topic_end,
                        struct weir_text *payload)
{
    uint32_t stream = publisher->config->rules[alert->rule].stream;
    const char *series = weir_pipeline_series_name(&engine->pipeline, stream, alert->series);
    struct weir_text topic;

    weir_text_init(&topic, publisher->topic, TOPIC_BYTES);
    weir_encode_alert_topic(&topic, publisher->config, series, alert->rule);
    weir_text_add(&topic, topic_end);
    weir_text_add_bytes(&topic, "", 1);
    weir_text_init(payload, publisher->payload, PAYLOAD_BYTES);
    weir_encode_alert_payload(payload, publisher->config, series, alert);
}

static void send_events(struct weir_publisher *publisher)
{
    enum weir_status status;
    struct weir_text payload;
    uint64_t number;

    while (weir_resend_peek(&publisher->event_queue, &number)) {
        write_alert(publisher, weir_intake_lock(publisher->intake),
                    &publisher->events[number % EVENT_COUNT_MAX], "event", &payload);
        weir_intake_unlock(publisher->intake);
        status = publish(publisher, &payload, 1, false, make_token(TOKEN_EVENT, number));
        if (status == WEIR_FULL)
            return;
        weir_resend_sent(&publisher->event_queue);
        if (status == WEIR_REFUSED)
            give_up_event(publisher, number);
    }
}

static void find_dirty_state(struct weir_publisher *publisher, uint32_t *rule, uint32_t *series)
{
    uint64_t count = state_count(publisher);

    while (!publisher->state_dirty[publisher->dirty_cursor])
        publisher->dirty_cursor = (publisher->dirty_cursor + 1) % count;
    *rule = 0;
    while (publisher->state_first[*rule + 1] <= publisher->dirty_cursor)
        ++*rule;
    *series = (uint32_t)(publisher->dirty_cursor - publisher->state_first[*rule]);
}

/* A state's token carries which numbering its number is of: another configuration has another. */
#define STATE_NUMBER_BITS 48

static uint64_t state_token(const struct weir_publisher *publisher)
{
    return make_token(TOKEN_STATE, (uint64_t)publisher->numbering << STATE_NUMBER_BITS |
                                       publisher->dirty_cursor);
}

static void take_state_answer(struct weir_publisher *publisher, uint64_t number, bool told)
{
    uint64_t state = number & (((uint64_t)1 << STATE_NUMBER_BITS) - 1);

    if (!told && number >> STATE_NUMBER_BITS == publisher->numbering &&
        state < state_count(publisher))
        mark_state(publisher, state);
}

static void send_states(struct weir_publisher *publisher)
{
    while (publisher->dirty_count > 0) {
        struct weir_text payload;
        struct weir_alert alert;
        const struct weir_engine *engine;
        uint32_t rule;
        uint32_t series;
        bool known;

        find_dirty_state(publisher, &rule, &series);
        engine = weir_intake_lock(publisher->intake);
        known = weir_pipeline_alert(&engine->pipeline, rule, series, &alert);
        if (known)
            write_alert(publisher, engine, &alert, "state", &payload);
        weir_intake_unlock(publisher->intake);
        if (known && publish(publisher, &payload, 1, true, state_token(publisher)) == WEIR_FULL)
            return;
        publisher->state_dirty[publisher->dirty_cursor] = false;
        publisher->dirty_count--;
    }
}

static void send_removals(struct weir_publisher *publisher)
{
    const struct weir_removal *removal;
    uint64_t number;

    while (weir_removals_peek(&publisher->removals, &removal, &number)) {
        if (publisher->followed && !removal->retain) {
            weir_removals_answer(&publisher->removals, number, true);
            continue;
        }
        enum weir_status status = weir_mqtt_publish(
            publisher->mqtt, removal->topic, removal->payload, strlen(removal->payload), 1,
            removal->retain, make_token(TOKEN_REMOVAL, number));

        if (status == WEIR_FULL)
            return;
        if (status == WEIR_REFUSED) {
            weir_removals_answer(&publisher->removals, number, true);
            continue;
        }
        weir_removals_sent(&publisher->removals);
    }
}

static void write_live(struct weir_publisher *publisher, uint32_t stream_index, uint32_t series,
                       struct weir_text *payload)
{
    const struct weir_stream_config *stream = &publisher->config->streams[stream_index];
    const struct weir_summary *newest = weir_live_newest(&publisher->live, stream_index, series);
    const struct weir_sketch *sketches = weir_live_sketches(&publisher->live, stream_index, series);
    const struct weir_engine *engine = weir_intake_lock(publisher->intake);
    const char *name = weir_pipeline_series_name(&engine->pipeline, stream_index, series);
    const char *separator = "";
    struct weir_text topic;

    weir_text_init(&topic, publisher->topic, TOPIC_BYTES);
    weir_encode_topic_root(&topic, publisher->config);
    weir_text_add(&topic, "live/");
    weir_text_add(&topic, stream->name);
    weir_text_add(&topic, "/");
    weir_encode_topic_level(&topic, name);
    weir_text_add_bytes(&topic, "", 1);
    weir_text_init(payload, publisher->payload, PAYLOAD_BYTES);
    weir_text_add(payload, "{\"schema\":\"weir.live/1\",\"gateway\":");
    weir_text_add_quoted(payload, publisher->config->gateway);
    weir_text_add(payload, ",\"summaries\":[");
    for (uint32_t i = 0; i < stream->field_count; i++) {
        if (newest[i].count == 0)
            continue;
        weir_text_add(payload, separator);
        weir_text_add(payload, "{");
        weir_encode_summary(payload, stream, name, &newest[i], sketches ? &sketches[i] : NULL);
        weir_text_add(payload, "}");
        separator = ",";
    }
    weir_text_add(payload, "]}");
    weir_intake_unlock(publisher->intake);
}

static void send_live(struct weir_publisher *publisher)
{
    uint32_t stream;
    uint32_t series;

    while (weir_live_take(&publisher->live, &stream, &series)) {
        struct weir_text payload;

        write_live(publisher, stream, series, &payload);
        if (publish(publisher, &payload, 0, true, 0) == WEIR_FULL) {
            weir_live_put_back(&publisher->live, stream, series);
            return;
        }
    }
}

/* MQTT 5 reason codes from here on are refusals: asking again would bring the same answer. */
#define REASON_REFUSED 0x80

static bool is_refused(struct weir_publisher *publisher, const struct weir_mqtt_result *result)
{
    if (result->acknowledged || result->reason < REASON_REFUSED)
        return false;
    if (result->reason != publisher->refusal)
        weir_log_warning("broker: refuses publishes under weir/v1/%s, reason code %d",
                         publisher->config->gateway, result->reason);
    publisher->refusal = result->reason;
    return true;
}

static void take_answer(struct weir_publisher *publisher, const struct weir_mqtt_result *result)
{
    uint64_t number = result->token & (((uint64_t)1 << TOKEN_NUMBER_BITS) - 1);
    bool refused = is_refused(publisher, result);

    switch ((enum token_kind)(result->token >> TOKEN_NUMBER_BITS)) {
    case TOKEN_STATUS:
        publisher->status_sent = result->acknowledged || refused;
        break;
    case TOKEN_INFO:
        break;
    case TOKEN_EVENT:
        if (refused)
            give_up_event(publisher, number);
        else
            weir_resend_answer(&publisher->event_queue, number, result->acknowledged);
        break;
    case TOKEN_STATE:
        take_state_answer(publisher, number, result->acknowledged || refused);
        break;
    case TOKEN_REMOVAL:
        weir_removals_answer(&publisher->removals, number, result->acknowledged || refused);
        break;
    }
}

static void take_answers(struct weir_publisher *publisher)
{
    struct weir_mqtt_result result;

    while (weir_mqtt_take_result(publisher->mqtt, &result))
        take_answer(publisher, &result);
}

static void begin_connection(struct weir_publisher *publisher)
{
    publisher->generation = weir_mqtt_generation(publisher->mqtt);
    publisher->status_sent = false;
    publisher->info_at_ms = 0;
    mark_all_states(publisher, weir_intake_lock(publisher->intake));
    weir_intake_unlock(publisher->intake);
    weir_live_put_all_back(&publisher->live);
}

int64_t weir_publisher_step(struct weir_publisher *publisher, int64_t now_ms)
{
    int64_t next_ms = weir_mqtt_step(publisher->mqtt, now_ms);

    take_answers(publisher);
    if (!weir_mqtt_connected(publisher->mqtt))
        return next_ms;
    if (weir_mqtt_generation(publisher->mqtt) != publisher->generation)
        begin_connection(publisher);
    send_status(publisher);
    send_events(publisher);
    send_removals(publisher);
    send_states(publisher);
    send_live(publisher);
    send_info(publisher, now_ms);
    return next_ms < publisher->info_at_ms ? next_ms : publisher->info_at_ms;
}

bool weir_publisher_busy(const struct weir_publisher *publisher)
{
    return weir_mqtt_connected(publisher->mqtt) &&
           (weir_mqtt_inflight(publisher->mqtt) > 0 || publisher->dirty_count > 0 ||
            !weir_resend_is_empty(&publisher->event_queue) ||
            !weir_removals_is_empty(&publisher->removals));
}

/* Deletes what lies retained at a broker that is left for good, as far as that goes in the time. */
static void clean_up(struct weir_publisher *publisher, int wait_ms)
{
    const struct timespec pause = {.tv_nsec = FAREWELL_PAUSE_MS * 1000000L};

    for (int waited_ms = 0; waited_ms < wait_ms; waited_ms += FAREWELL_PAUSE_MS) {
        take_answers(publisher);
        send_removals(publisher);
        if (weir_removals_is_empty(&publisher->removals))
            return;
        (void)nanosleep(&pause, NULL);
    }
}

void weir_publisher_destroy(struct weir_publisher *publisher, int wait_ms)
{
    if (publisher->status_sent) {
        if (publisher->followed)
            clean_up(publisher, wait_ms);
        publisher->info_at_ms = 0;
        send_info(publisher, 0);
        write_topic(publisher, "status");
        /* Without room for the word the will has to say it: no farewell then. */
        if (weir_mqtt_publish(publisher->mqtt, publisher->topic, "offline", 7, 1, true,
                              make_token(TOKEN_STATUS, 0)) != WEIR_OK)
            wait_ms = 0;
    }
    if (publisher->mqtt)
        weir_mqtt_destroy(publisher->mqtt, wait_ms);
    free_publisher(publisher);
}

/* The index of the rule of `to` that a rule of `from` goes on as; to's rule count: none. */
static uint32_t find_rule(const struct weir_config *from, uint32_t rule,
                          const struct weir_config *to)
{
    const struct weir_rule_config *old = &from->rules[rule];
    uint32_t i = 0;

    while (i < to->rule_count && !weir_removals_rule_is_same(from, old, to, &to->rules[i]))
        i++;
    return i;
}

/* Gives an event the indices of another configuration; series keep theirs. False: it has no such
 * rule or series any more. */
static bool renumber_event(struct weir_alert *event, const struct weir_engine *from,
                           const struct weir_engine *to)
{
    uint32_t rule = find_rule(from->config, event->rule, to->config);

    if (rule == to->config->rule_count ||
        event->series >= weir_pipeline_series_count(&to->pipeline, to->config->rules[rule].stream))
        return false;
    event->rule = rule;
    return true;
}

static void renumber_events(struct weir_publisher *publisher, const struct weir_engine *from,
                            const struct weir_engine *to)
{
    struct weir_resend *queue = &publisher->event_queue;

    for (uint64_t i = queue->first; i < queue->end; i++) {
        if (!publisher->event_acknowledged[i % EVENT_COUNT_MAX] &&
            !renumber_event(&publisher->events[i % EVENT_COUNT_MAX], from, to))
            give_up_event(publisher, i);
    }
}

void weir_publisher_inherit(struct weir_publisher *publisher, struct weir_publisher *old,
                            const struct weir_engine *from, const struct weir_engine *to)
{
    const struct weir_resend *queue = &old->event_queue;

    old->followed = true;
    publisher->storage = old->storage;
    if (!weir_removals_add(&old->removals, from, to) ||
        !weir_removals_copy(&publisher->removals, &old->removals))
        weir_log_error("out of memory: not every alert that is gone is said to be removed");
    publisher->events_dropped = old->events_dropped;
    publisher->event_queue.first = publisher->event_queue.next = publisher->event_queue.end =
        queue->first;
    for (uint64_t i = queue->first; i < queue->end; i++) {
        struct weir_alert event = old->events[i % EVENT_COUNT_MAX];
        bool acknowledged = old->event_acknowledged[i % EVENT_COUNT_MAX];
        uint64_t number;

        (void)weir_resend_add(&publisher->event_queue, &number);
        if (acknowledged)
            weir_resend_answer(&publisher->event_queue, number, true);
        else if (!renumber_event(&event, from, to))
            give_up_event(publisher, number);
        publisher->events[number % EVENT_COUNT_MAX] = event;
    }
}

bool weir_publisher_prepare(struct weir_publisher *publisher, const struct weir_config *next)
{
    struct next_tables *tables = &publisher->next;

    free(tables->state_dirty);
    tables->state_dirty = make_states(next);
    if (tables->live_made)
        weir_live_finish(&tables->live);
    tables->live_made = tables->state_dirty && weir_live_init(&tables->live, next);
    return tables->live_made;
}

void weir_publisher_exchange(struct weir_publisher *publisher, const struct weir_engine *from,
                             const struct weir_engine *to)
{
    struct next_tables *tables = &publisher->next;

    if (!weir_removals_add(&publisher->removals, from, to))
        weir_log_error("out of memory: not every alert that is gone is said to be removed");
    renumber_events(publisher, from, to);
    weir_live_finish(&publisher->live);
    free(publisher->state_dirty);
    publisher->config = to->config;
    publisher->live = tables->live;
    publisher->state_dirty = tables->state_dirty;
    *tables = (struct next_tables){0};
    publisher->dirty_count = publisher->dirty_cursor = 0;
    number_states(publisher);
    publisher->numbering++;
    publisher->info_at_ms = 0;
    mark_all_states(publisher, to);
}
