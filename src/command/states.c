#include "command/states.h"

#include <stdlib.h>

#include "command/discovery.h"

/* What is noted of a state. */
enum mark {
    MARK_LEVEL = 3 << 0, /* enum weir_level; with MARK_KNOWN */
    MARK_STALE = 1 << 2,
    MARK_SHELVED = 1 << 3,
    MARK_FLAPPING = 1 << 4,
    MARK_KNOWN = 1 << 5,
    MARK_DESCRIBED = 1 << 6, /* on this connection */
    MARK_DIRTY = 1 << 7,     /* the broker lacks the newest */
};

/* The number in a token: of the state, below the numbering that it is of. */
#define STATE_BITS 48

uint64_t weir_states_size(const struct weir_config *config)
{
    uint64_t count = 1;

    for (uint32_t i = 0; i < config->rule_count; i++)
        count += config->streams[config->rules[i].stream].max_series;
    return count * sizeof(uint8_t);
}

bool weir_states_init(struct weir_states *states, const struct weir_config *config)
{
    *states = (struct weir_states){.rule_count = config->rule_count};
    for (uint32_t i = 0; i < config->rule_count; i++)
        states->first[i + 1] =
            states->first[i] + config->streams[config->rules[i].stream].max_series;
    /* The engine, which is there already, has more bytes for each: it fits. */
    states->marks = calloc(1, (size_t)weir_states_size(config));
    return states->marks != NULL;
}

void weir_states_finish(struct weir_states *states)
{
    free(states->marks);
    *states = (struct weir_states){0};
}

void weir_states_exchange(struct weir_states *states, struct weir_states *next)
{
    uint8_t numbering = states->numbering;

    weir_states_finish(states);
    *states = *next;
    states->numbering = (uint8_t)(numbering + 1);
    *next = (struct weir_states){0};
}

static void mark_dirty(struct weir_states *states, uint64_t number)
{
    states->dirty_count += !(states->marks[number] & MARK_DIRTY);
    states->marks[number] |= MARK_DIRTY;
}

/* Adds a state to the counts, or (by = -1) takes it away; of none the newest is unknown. */
static void count_state(struct weir_states_counts *counts, unsigned marks, uint64_t by)
{
    if (!(marks & MARK_KNOWN))
        return;
    counts->levels[marks & MARK_LEVEL] += by;
    counts->stale += marks & MARK_STALE ? by : 0;
    counts->shelved += marks & MARK_SHELVED ? by : 0;
    counts->flapping += marks & MARK_FLAPPING ? by : 0;
}

void weir_states_accept(struct weir_states *states, const struct weir_alert *alert)
{
    uint64_t number = states->first[alert->rule] + alert->series;
    unsigned marks =
        MARK_KNOWN | alert->level | (alert->quality == WEIR_QUALITY_STALE ? MARK_STALE : 0u) |
        (alert->shelved_until_ms != 0 ? MARK_SHELVED : 0u) | (alert->flapping ? MARK_FLAPPING : 0u);

    count_state(&states->counts, states->marks[number], UINT64_MAX);
    count_state(&states->counts, marks, 1);
    states->marks[number] &= MARK_DESCRIBED | MARK_DIRTY;
    states->marks[number] |= (uint8_t)marks;
    mark_dirty(states, number);
}

const struct weir_states_counts *weir_states_count(const struct weir_states *states)
{
    return &states->counts;
}

void weir_states_mark_all(struct weir_states *states, const struct weir_engine *engine)
{
    struct weir_alert alert;
    uint64_t total = states->first[states->rule_count];

    for (uint64_t i = 0; i < total; i++)
        states->marks[i] &= (uint8_t)~MARK_DESCRIBED;
    for (uint32_t i = 0; i < states->rule_count; i++) {
        uint32_t stream = engine->config->rules[i].stream;
        uint32_t count = weir_pipeline_series_count(&engine->pipeline, stream);

        for (uint32_t j = 0; j < count; j++) {
            if (!weir_pipeline_alert(&engine->pipeline, i, j, &alert))
                continue;
            alert.rule = i;
            alert.series = j;
            weir_states_accept(states, &alert);
        }
    }
}

static void find_dirty(struct weir_states *states, uint32_t *rule, uint32_t *series)
{
    uint64_t count = states->first[states->rule_count];

    while (!(states->marks[states->cursor] & MARK_DIRTY))
        states->cursor = (states->cursor + 1) % count;
    *rule = 0;
    while (states->first[*rule + 1] <= states->cursor)
        ++*rule;
    *series = (uint32_t)(states->cursor - states->first[*rule]);
}

/* False: there was no room. */
static bool describe(struct weir_states *states, struct weir_outlet *outlet, uint32_t rule,
                     uint32_t series)
{
    uint8_t *marks = &states->marks[states->cursor];

    if (*marks & MARK_DESCRIBED || !weir_discovery_is_on(outlet))
        return true;
    if (weir_discovery_send_alert(outlet, rule, series) == WEIR_FULL)
        return false;
    *marks |= MARK_DESCRIBED;
    return true;
}

/* False: there was no room. */
static bool send_state(struct weir_states *states, struct weir_outlet *outlet, uint32_t rule,
                       uint32_t series)
{
    uint64_t number = (uint64_t)states->numbering << STATE_BITS | states->cursor;
    const struct weir_engine *engine = weir_intake_lock(outlet->intake);
    struct weir_alert alert;
    bool known = weir_pipeline_alert(&engine->pipeline, rule, series, &alert);

    weir_intake_unlock(outlet->intake);
    if (!known)
        return true;
    if (!describe(states, outlet, rule, series))
        return false;
    weir_outlet_write_alert(outlet, weir_intake_lock(outlet->intake), &alert, "state");
    weir_intake_unlock(outlet->intake);
    return weir_outlet_send(outlet, 1, true, WEIR_OUTLET_STATE, number) != WEIR_FULL;
}

void weir_states_send(struct weir_states *states, struct weir_outlet *outlet)
{
    while (states->dirty_count > 0) {
        uint32_t rule;
        uint32_t series;

        find_dirty(states, &rule, &series);
        if (!send_state(states, outlet, rule, series))
            return;
        states->marks[states->cursor] &= (uint8_t)~MARK_DIRTY;
        states->dirty_count--;
    }
}

void weir_states_answer(struct weir_states *states, uint64_t number, bool told)
{
    uint64_t state = number & (((uint64_t)1 << STATE_BITS) - 1);

    if (!told && number >> STATE_BITS == states->numbering &&
        state < states->first[states->rule_count])
        mark_dirty(states, state);
}

bool weir_states_is_empty(const struct weir_states *states)
{
    return states->dirty_count == 0;
}
