#include "command/states.h"

#include <stdlib.h>

/* The number in a token: of the state, below the numbering that it is of. */
#define STATE_BITS 48

uint64_t weir_states_size(const struct weir_config *config)
{
    uint64_t count = 1;

    for (uint32_t i = 0; i < config->rule_count; i++)
        count += config->streams[config->rules[i].stream].max_series;
    return count * sizeof(bool);
}

bool weir_states_init(struct weir_states *states, const struct weir_config *config)
{
    *states = (struct weir_states){.rule_count = config->rule_count};
    for (uint32_t i = 0; i < config->rule_count; i++)
        states->first[i + 1] =
            states->first[i] + config->streams[config->rules[i].stream].max_series;
    /* The engine, which is there already, has more bytes for each: it fits. */
    states->dirty = calloc(1, (size_t)weir_states_size(config));
    return states->dirty != NULL;
}

void weir_states_finish(struct weir_states *states)
{
    free(states->dirty);
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

static void mark(struct weir_states *states, uint64_t number)
{
    states->dirty_count += !states->dirty[number];
    states->dirty[number] = true;
}

void weir_states_accept(struct weir_states *states, const struct weir_alert *alert)
{
    mark(states, states->first[alert->rule] + alert->series);
}

void weir_states_mark_all(struct weir_states *states, const struct weir_engine *engine)
{
    struct weir_alert alert;

    for (uint32_t i = 0; i < states->rule_count; i++) {
        uint32_t stream = engine->config->rules[i].stream;
        uint32_t count = weir_pipeline_series_count(&engine->pipeline, stream);

        for (uint32_t j = 0; j < count; j++) {
            if (weir_pipeline_alert(&engine->pipeline, i, j, &alert))
                mark(states, states->first[i] + j);
        }
    }
}

static void find_dirty(struct weir_states *states, uint32_t *rule, uint32_t *series)
{
    uint64_t count = states->first[states->rule_count];

    while (!states->dirty[states->cursor])
        states->cursor = (states->cursor + 1) % count;
    *rule = 0;
    while (states->first[*rule + 1] <= states->cursor)
        ++*rule;
    *series = (uint32_t)(states->cursor - states->first[*rule]);
}

static bool send_state(struct weir_states *states, struct weir_outlet *outlet, uint32_t rule,
                       uint32_t series)
{
    uint64_t number = (uint64_t)states->numbering << STATE_BITS | states->cursor;
    const struct weir_engine *engine = weir_intake_lock(outlet->intake);
    struct weir_alert alert;
    bool known = weir_pipeline_alert(&engine->pipeline, rule, series, &alert);

    if (known)
        weir_outlet_write_alert(outlet, engine, &alert, "state");
    weir_intake_unlock(outlet->intake);
    return !known || weir_outlet_send(outlet, 1, true, WEIR_OUTLET_STATE, number) != WEIR_FULL;
}

void weir_states_send(struct weir_states *states, struct weir_outlet *outlet)
{
    while (states->dirty_count > 0) {
        uint32_t rule;
        uint32_t series;

        find_dirty(states, &rule, &series);
        if (!send_state(states, outlet, rule, series))
            return;
        states->dirty[states->cursor] = false;
        states->dirty_count--;
    }
}

void weir_states_answer(struct weir_states *states, uint64_t number, bool told)
{
    uint64_t state = number & (((uint64_t)1 << STATE_BITS) - 1);

    if (!told && number >> STATE_BITS == states->numbering &&
        state < states->first[states->rule_count])
        mark(states, state);
}

bool weir_states_is_empty(const struct weir_states *states)
{
    return states->dirty_count == 0;
}
