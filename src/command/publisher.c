#include "command/publisher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command/events.h"
#include "command/info.h"
#include "command/live.h"
#include "command/removal.h"
#include "command/states.h"
#include "port/log.h"

#define INFO_EVERY_MS 10000
#define INFO_RETRY_MS 1000 /* when there was no room to send it */

#define FAREWELL_PAUSE_MS 10

/* A restart takes less: nobody need hear of it. */
#define WILL_DELAY_S 10

/* What another configuration needs, set aside before it is gone over to. */
struct next_tables {
    struct weir_live live;
    struct weir_states states;
};

struct weir_publisher {
    const char *storage; /* NULL: none */
    uint64_t generation;
    bool ready; /* messages can be heard */
    bool status_sent;
    bool info_sent; /* on this connection */
    int refusal;    /* the reason code logged last */
    int64_t info_at_ms;
    struct weir_events events;
    struct weir_states states;
    struct weir_live live;
    struct weir_removals removals;
    struct next_tables next;
    bool followed; /* by a publisher that has taken the events over */
    struct weir_reception reception;
    struct weir_info_counts counts;
    struct weir_outlet outlet;
};

void weir_publisher_plan(struct weir_publisher_plan *plan, const struct weir_config *config)
{
    *plan = (struct weir_publisher_plan){
        .event_bytes = weir_events_size(),
        .state_bytes = weir_states_size(config),
        .live_bytes = weir_live_size(config),
        .inbox_bytes = WEIR_INBOX_BYTES,
    };
    plan->total_bytes = sizeof(struct weir_publisher) + plan->event_bytes + plan->state_bytes +
                        plan->live_bytes + plan->inbox_bytes;
}

static void finish_tables(struct weir_states *states, struct weir_live *live)
{
    weir_states_finish(states);
    weir_live_finish(live);
}

static bool make_tables(struct weir_states *states, struct weir_live *live,
                        const struct weir_config *config)
{
    if (!weir_states_init(states, config))
        return false;
    if (weir_live_init(live, config))
        return true;
    weir_states_finish(states);
    return false;
}

static void free_publisher(struct weir_publisher *publisher)
{
    finish_tables(&publisher->states, &publisher->live);
    finish_tables(&publisher->next.states, &publisher->next.live);
    weir_removals_finish(&publisher->removals);
    weir_events_finish(&publisher->events);
    weir_reception_finish(&publisher->reception);
    free(publisher);
}

bool weir_publisher_connect(struct weir_publisher *publisher, int wake_fd)
{
    struct weir_outlet *outlet = &publisher->outlet;
    const struct weir_peer_config *peer = &outlet->config->broker;
    char client_id[sizeof(peer->client_id) + 4];
    struct weir_mqtt_options options = {
        .label = "broker, publishing",
        .peer = peer,
        .client_id = client_id,
        .clean_start = true,
        .will_payload = "offline",
        .will_delay_s = WILL_DELAY_S,
        .on_request = weir_inbox_accept,
        .context = &publisher->reception.inbox,
        .wake_fd = wake_fd,
    };

    if (!weir_reception_open(&publisher->reception, wake_fd)) {
        weir_log_error("no memory for what comes in by the publishing connection");
        return false;
    }
    snprintf(client_id, sizeof(client_id), "%s-out", peer->client_id);
    weir_outlet_begin(outlet, "status");
    options.will_topic = weir_outlet_topic(outlet);
    outlet->mqtt = weir_mqtt_create(&options);
    return outlet->mqtt != NULL;
}

struct weir_publisher *weir_publisher_create(struct weir_intake *intake,
                                             const struct weir_config *config)
{
    struct weir_publisher *publisher = calloc(1, sizeof(*publisher));

    if (!publisher)
        goto error;
    weir_outlet_init(&publisher->outlet, intake, config);
    weir_removals_init(&publisher->removals);
    weir_reception_init(&publisher->reception);
    if (!weir_events_init(&publisher->events) ||
        !make_tables(&publisher->states, &publisher->live, config))
        goto error_publisher;
    return publisher;

error_publisher:
    free_publisher(publisher);
error:
    weir_log_error("no memory for the publisher");
    return NULL;
}

void weir_publisher_accept_alert(struct weir_publisher *publisher, const struct weir_alert *alert)
{
    if (alert->series != WEIR_SERIES_ALL)
        weir_states_accept(&publisher->states, alert);
    if (alert->event != WEIR_EVENT_NONE)
        weir_events_accept(&publisher->events, alert);
}

void weir_publisher_accept_summary(struct weir_publisher *publisher,
                                   const struct weir_summary *summary,
                                   const struct weir_sketch *sketch)
{
    weir_live_accept(&publisher->live, summary, sketch);
}

uint64_t weir_publisher_active(const struct weir_publisher *publisher)
{
    const struct weir_states_counts *counts = weir_states_count(&publisher->states);
    uint64_t active = 0;

    for (int level = WEIR_LEVEL_INFO; level < WEIR_LEVEL_COUNT; level++)
        active += counts->levels[level];
    return active;
}

uint64_t weir_publisher_dropped(const struct weir_publisher *publisher)
{
    return publisher->events.dropped;
}

uint64_t weir_publisher_save(const struct weir_publisher *publisher, void *state)
{
    return weir_events_save(&publisher->events, state);
}

void weir_publisher_restore(struct weir_publisher *publisher, const void *state, uint64_t length)
{
    weir_events_restore(&publisher->events, state, length);
}

uint64_t weir_publisher_events_done(const struct weir_publisher *publisher)
{
    return weir_events_done(&publisher->events);
}

void weir_publisher_note_events_done(struct weir_publisher *publisher, uint64_t number)
{
    weir_events_note_done(&publisher->events, number);
}

void weir_publisher_forget_removals(struct weir_publisher *publisher)
{
    weir_removals_forget(&publisher->removals, publisher->outlet.config);
}

bool weir_publisher_set_ready(struct weir_publisher *publisher)
{
    bool before = publisher->ready;

    publisher->ready = true;
    return !before;
}

void weir_publisher_set_storage(struct weir_publisher *publisher, const char *state)
{
    publisher->storage = state;
    publisher->info_at_ms = 0;
}

static enum weir_status send_status_word(struct weir_outlet *outlet, const char *word)
{
    weir_outlet_begin(outlet, "status");
    weir_text_add(&outlet->payload, word);
    return weir_outlet_send(outlet, 1, true, WEIR_OUTLET_STATUS, 0);
}

static void send_status(struct weir_publisher *publisher)
{
    if (!publisher->status_sent && publisher->ready &&
        !weir_reception_is_sweeping(&publisher->reception))
        publisher->status_sent = send_status_word(&publisher->outlet, "online") == WEIR_OK;
}

static enum weir_status send_info_now(struct weir_publisher *publisher)
{
    publisher->counts.commands_done = publisher->reception.commands_done;
    publisher->counts.commands_refused = publisher->reception.commands_refused;
    publisher->counts.states = *weir_states_count(&publisher->states);
    return weir_info_send(&publisher->outlet, publisher->storage, &publisher->counts);
}

static void send_info(struct weir_publisher *publisher, int64_t now_ms)
{
    enum weir_status status;

    if (now_ms < publisher->info_at_ms)
        return;
    status = send_info_now(publisher);
    publisher->info_sent |= status != WEIR_FULL;
    publisher->info_at_ms = now_ms + (status == WEIR_FULL ? INFO_RETRY_MS : INFO_EVERY_MS);
}

/* MQTT 5 reason codes from here on are refusals: asking again would bring the same answer. */
#define REASON_REFUSED 0x80

static bool is_refused(struct weir_publisher *publisher, const struct weir_mqtt_result *result)
{
    if (result->acknowledged || result->reason < REASON_REFUSED)
        return false;
    if (result->reason != publisher->refusal)
        weir_log_warning("broker: refuses publishes under weir/v1/%s, reason code %d",
                         publisher->outlet.config->gateway, result->reason);
    publisher->refusal = result->reason;
    return true;
}

static void take_answer(struct weir_publisher *publisher, const struct weir_mqtt_result *result)
{
    uint64_t number = result->token & (((uint64_t)1 << WEIR_OUTLET_NUMBER_BITS) - 1);
    bool refused = is_refused(publisher, result);

    switch ((enum weir_outlet_kind)(result->token >> WEIR_OUTLET_NUMBER_BITS)) {
    case WEIR_OUTLET_STATUS:
        publisher->status_sent = result->acknowledged || refused;
        break;
    case WEIR_OUTLET_EVENT:
        weir_events_answer(&publisher->events, number, result->acknowledged, refused);
        break;
    case WEIR_OUTLET_STATE:
        weir_states_answer(&publisher->states, number, result->acknowledged || refused);
        break;
    case WEIR_OUTLET_REMOVAL:
        weir_removals_answer(&publisher->removals, number, result->acknowledged || refused);
        break;
    case WEIR_OUTLET_INFO:
    case WEIR_OUTLET_LIVE:
    case WEIR_OUTLET_DELETION:
    case WEIR_OUTLET_DISCOVERY:
    case WEIR_OUTLET_ANSWER:
        break;
    }
}

static void take_answers(struct weir_publisher *publisher)
{
    struct weir_mqtt_result result;

    while (weir_mqtt_take_result(publisher->outlet.mqtt, &result))
        take_answer(publisher, &result);
}

/* Everything that is retained is to be said anew. */
static void tell_all(struct weir_publisher *publisher)
{
    struct weir_intake *intake = publisher->outlet.intake;

    weir_states_mark_all(&publisher->states, weir_intake_lock(intake));
    weir_intake_unlock(intake);
    weir_live_mark_all(&publisher->live);
}

static void begin_connection(struct weir_publisher *publisher)
{
    publisher->generation = weir_mqtt_generation(publisher->outlet.mqtt);
    publisher->status_sent = false;
    publisher->info_sent = false;
    publisher->info_at_ms = 0;
    weir_reception_begin(&publisher->reception);
    tell_all(publisher);
}

/* What is retained waits until what was retained before has been looked at. */
static void send_all(struct weir_publisher *publisher, int64_t now_ms)
{
    struct weir_outlet *outlet = &publisher->outlet;

    send_status(publisher);
    weir_reception_send_answer(&publisher->reception, outlet);
    weir_events_send(&publisher->events, outlet);
    weir_removals_send(&publisher->removals, outlet, publisher->followed);
    if (!weir_reception_is_sweeping(&publisher->reception)) {
        weir_states_send(&publisher->states, outlet);
        weir_live_send(&publisher->live, outlet);
    }
    send_info(publisher, now_ms);
}

static int64_t earlier(int64_t left, int64_t right)
{
    return left < right ? left : right;
}

int64_t weir_publisher_step(struct weir_publisher *publisher, int64_t now_ms)
{
    struct weir_mqtt *mqtt = publisher->outlet.mqtt;
    int64_t next_ms = weir_mqtt_step(mqtt, now_ms);
    enum weir_reception_news news;

    take_answers(publisher);
    if (!weir_mqtt_connected(mqtt))
        return next_ms;
    if (weir_mqtt_generation(mqtt) != publisher->generation)
        begin_connection(publisher);
    news = weir_reception_take(&publisher->reception, &publisher->outlet, now_ms);
    if (news == WEIR_RECEPTION_ANNOUNCE)
        tell_all(publisher);
    send_all(publisher, now_ms);
    if (publisher->info_sent && !publisher->followed)
        weir_reception_step(&publisher->reception, &publisher->outlet, now_ms);
    if (news != WEIR_RECEPTION_NOTHING)
        return now_ms;
    next_ms = earlier(next_ms, weir_reception_deadline(&publisher->reception));
    return earlier(next_ms, publisher->info_at_ms);
}

bool weir_publisher_peek_command(struct weir_publisher *publisher,
                                 struct weir_reception_command *command)
{
    return weir_reception_peek_command(&publisher->reception, publisher->outlet.config, command);
}

void weir_publisher_answer_command(struct weir_publisher *publisher, bool done,
                                   const struct weir_text *answer)
{
    weir_reception_answer_command(&publisher->reception, done, answer);
    if (weir_mqtt_connected(publisher->outlet.mqtt))
        weir_reception_send_answer(&publisher->reception, &publisher->outlet);
}

bool weir_publisher_is_settled(const struct weir_publisher *publisher)
{
    return weir_reception_is_settled(&publisher->reception);
}

bool weir_publisher_busy(const struct weir_publisher *publisher)
{
    const struct weir_mqtt *mqtt = publisher->outlet.mqtt;

    return weir_mqtt_connected(mqtt) &&
           (weir_mqtt_inflight(mqtt) > 0 || !weir_states_is_empty(&publisher->states) ||
            !weir_events_is_empty(&publisher->events) ||
            !weir_removals_is_empty(&publisher->removals));
}

/* Deletes what lies retained at a broker that is left for good, as far as that goes in the time. */
static void clean_up(struct weir_publisher *publisher, int wait_ms)
{
    const struct timespec pause = {.tv_nsec = FAREWELL_PAUSE_MS * 1000000L};

    for (int waited_ms = 0; waited_ms < wait_ms; waited_ms += FAREWELL_PAUSE_MS) {
        take_answers(publisher);
        weir_removals_send(&publisher->removals, &publisher->outlet, true);
        if (weir_removals_is_empty(&publisher->removals))
            return;
        (void)nanosleep(&pause, NULL);
    }
}

void weir_publisher_destroy(struct weir_publisher *publisher, int wait_ms)
{
    struct weir_outlet *outlet = &publisher->outlet;

    if (publisher->status_sent) {
        if (publisher->followed)
            clean_up(publisher, wait_ms);
        (void)send_info_now(publisher);
        /* Without room for the word the will has to say it: no farewell then. */
        if (send_status_word(outlet, "offline") != WEIR_OK)
            wait_ms = 0;
    }
    if (outlet->mqtt)
        weir_mqtt_destroy(outlet->mqtt, wait_ms);
    free_publisher(publisher);
}

static void add_removals(struct weir_removals *removals, const struct weir_engine *from,
                         const struct weir_engine *to)
{
    if (!weir_removals_add(removals, from, to))
        weir_log_error("out of memory: not every alert that is gone is said to be removed");
}

void weir_publisher_inherit(struct weir_publisher *publisher, struct weir_publisher *old,
                            const struct weir_engine *from, const struct weir_engine *to)
{
    old->followed = true;
    publisher->storage = old->storage;
    add_removals(&old->removals, from, to);
    if (!weir_removals_copy(&publisher->removals, &old->removals))
        weir_log_error("out of memory: alerts that are gone are not said to be removed");
    weir_events_inherit(&publisher->events, &old->events, from, to);
}

bool weir_publisher_prepare(struct weir_publisher *publisher, const struct weir_config *next)
{
    finish_tables(&publisher->next.states, &publisher->next.live);
    return make_tables(&publisher->next.states, &publisher->next.live, next);
}

void weir_publisher_exchange(struct weir_publisher *publisher, const struct weir_engine *from,
                             const struct weir_engine *to)
{
    add_removals(&publisher->removals, from, to);
    weir_events_renumber(&publisher->events, from, to);
    weir_reception_exchange(&publisher->reception, from->config, to->config);
    weir_states_exchange(&publisher->states, &publisher->next.states);
    weir_live_finish(&publisher->live);
    publisher->live = publisher->next.live;
    publisher->next.live = (struct weir_live){0};
    publisher->outlet.config = to->config;
    publisher->info_at_ms = 0;
    weir_states_mark_all(&publisher->states, to);
}
