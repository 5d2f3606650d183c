#include "command/events.h"

#include <stdlib.h>
#include <string.h>

uint64_t weir_events_size(void)
{
    return WEIR_EVENT_COUNT_MAX * (uint64_t)(sizeof(struct weir_alert) + sizeof(bool));
}

bool weir_events_init(struct weir_events *events)
{
    events->alerts = calloc(WEIR_EVENT_COUNT_MAX, sizeof(*events->alerts));
    events->acknowledged = calloc(WEIR_EVENT_COUNT_MAX, sizeof(bool));
    weir_resend_init(&events->queue, events->acknowledged, WEIR_EVENT_COUNT_MAX);
    return events->alerts && events->acknowledged;
}

void weir_events_finish(struct weir_events *events)
{
    free(events->acknowledged);
    free(events->alerts);
}

static struct weir_alert *alert_at(const struct weir_events *events, uint64_t number)
{
    return &events->alerts[number % WEIR_EVENT_COUNT_MAX];
}

/* An event that the broker or the library will not have, or the queue has no room for: counted, its
 * state is retained all the same. */
static void give_up(struct weir_events *events, uint64_t number)
{
    weir_resend_answer(&events->queue, number, true);
    events->dropped++;
}

void weir_events_accept(struct weir_events *events, const struct weir_alert *alert)
{
    uint64_t number;

    /* Always numbered: the log speaks of events by number, and they must be the same ones when it is
     * followed again, however many were waiting at the time. */
    if (!weir_resend_add(&events->queue, &number)) {
        give_up(events, events->queue.first);
        (void)weir_resend_add(&events->queue, &number);
    }
    *alert_at(events, number) = *alert;
}

void weir_events_send(struct weir_events *events, struct weir_outlet *outlet)
{
    enum weir_status status;
    uint64_t number;

    while (weir_resend_peek(&events->queue, &number)) {
        weir_outlet_write_alert(outlet, weir_intake_lock(outlet->intake), alert_at(events, number),
                                "event");
        weir_intake_unlock(outlet->intake);
        status = weir_outlet_send(outlet, 1, false, WEIR_OUTLET_EVENT, number);
        if (status == WEIR_FULL)
            return;
        weir_resend_sent(&events->queue);
        if (status == WEIR_REFUSED)
            give_up(events, number);
    }
}

void weir_events_answer(struct weir_events *events, uint64_t number, bool acknowledged,
                        bool refused)
{
    if (refused)
        give_up(events, number);
    else
        weir_resend_answer(&events->queue, number, acknowledged);
}

bool weir_events_is_empty(const struct weir_events *events)
{
    return weir_resend_is_empty(&events->queue);
}

uint64_t weir_events_done(const struct weir_events *events)
{
    return events->queue.first;
}

void weir_events_note_done(struct weir_events *events, uint64_t number)
{
    while (events->queue.first < number && !weir_resend_is_empty(&events->queue))
        weir_resend_answer(&events->queue, events->queue.first, true);
}

/* An event in the state that is kept. */
struct saved_event {
    uint64_t acknowledged;
    struct weir_alert alert;
};

uint64_t weir_events_save(const struct weir_events *events, void *state)
{
    const struct weir_resend *queue = &events->queue;
    uint64_t count = queue->end - queue->first;
    struct saved_event *saved = (struct saved_event *)((uint64_t *)state + 2);

    if (state) {
        ((uint64_t *)state)[0] = queue->first;
        ((uint64_t *)state)[1] = queue->end;
        memset(saved, 0, (size_t)count * sizeof(*saved));
        for (uint64_t i = 0; i < count; i++) {
            saved[i].acknowledged = events->acknowledged[(queue->first + i) % WEIR_EVENT_COUNT_MAX];
            saved[i].alert = *alert_at(events, queue->first + i);
        }
    }
    return 2 * sizeof(uint64_t) + count * sizeof(*saved);
}

void weir_events_restore(struct weir_events *events, const void *state, uint64_t length)
{
    const uint64_t *bounds = state;
    const struct saved_event *saved = (const struct saved_event *)(bounds + 2);
    struct weir_resend *queue = &events->queue;
    uint64_t number;

    if (length < 2 * sizeof(*bounds) || bounds[1] - bounds[0] > WEIR_EVENT_COUNT_MAX ||
        length != 2 * sizeof(*bounds) + (bounds[1] - bounds[0]) * sizeof(*saved))
        return;
    queue->first = queue->next = queue->end = bounds[0];
    for (; queue->end < bounds[1]; saved++) {
        (void)weir_resend_add(queue, &number);
        *alert_at(events, number) = saved->alert;
        if (saved->acknowledged)
            weir_resend_answer(queue, number, true);
    }
}

/* The index of the rule of `to` that a rule of `from` goes on as; to's rule count: none. */
static uint32_t find_rule(const struct weir_config *from, uint32_t rule,
                          const struct weir_config *to)
{
    const struct weir_rule_config *old = &from->rules[rule];
    uint32_t i = 0;

    while (i < to->rule_count && !weir_rule_is_same(from, old, to, &to->rules[i]))
        i++;
    return i;
}

/* Gives an event the indices of another configuration; series keep theirs. False: it has no such
 * rule or series any more. */
static bool renumber(struct weir_alert *event, const struct weir_engine *from,
                     const struct weir_engine *to)
{
    uint32_t rule = find_rule(from->config, event->rule, to->config);

    if (rule == to->config->rule_count ||
        (event->series != WEIR_SERIES_ALL &&
         event->series >=
             weir_pipeline_series_count(&to->pipeline, to->config->rules[rule].stream)))
        return false;
    event->rule = rule;
    return true;
}

void weir_events_renumber(struct weir_events *events, const struct weir_engine *from,
                          const struct weir_engine *to)
{
    for (uint64_t i = events->queue.first; i < events->queue.end; i++) {
        if (!events->acknowledged[i % WEIR_EVENT_COUNT_MAX] &&
            !renumber(alert_at(events, i), from, to))
            give_up(events, i);
    }
}

void weir_events_inherit(struct weir_events *events, const struct weir_events *old,
                         const struct weir_engine *from, const struct weir_engine *to)
{
    const struct weir_resend *queue = &old->queue;

    events->dropped = old->dropped;
    events->queue.first = events->queue.next = events->queue.end = queue->first;
    for (uint64_t i = queue->first; i < queue->end; i++) {
        struct weir_alert event = *alert_at(old, i);
        uint64_t number;

        (void)weir_resend_add(&events->queue, &number);
        if (old->acknowledged[i % WEIR_EVENT_COUNT_MAX])
            weir_resend_answer(&events->queue, number, true);
        else if (!renumber(&event, from, to))
            give_up(events, number);
        *alert_at(events, number) = event;
    }
}
