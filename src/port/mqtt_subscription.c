#include "port/mqtt_subscription.h"

#include <stdlib.h>
#include <string.h>

#include "core/assert.h"

#define REFUSAL 0x80

void weir_mqtt_subscription_finish(struct weir_mqtt_subscription *subscription)
{
    free(subscription->entries);
    subscription->entries = NULL;
    subscription->count = 0;
}

static const struct weir_mqtt_entry *find(const struct weir_mqtt_entry *entries, size_t count,
                                          const char *filter)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(entries[i].filter.text, filter) == 0)
            return &entries[i];
    return NULL;
}

static bool is_under_way(const struct weir_mqtt_subscription *subscription, size_t entry)
{
    for (size_t i = 0; i < subscription->chunk_count; i++)
        if (subscription->chunk[i] == entry)
            return true;
    return false;
}

/* One that is under way may yet turn out either way: it is asked for again, which harms nothing. */
static void keep(const struct weir_mqtt_subscription *old, struct weir_mqtt_entry *entry)
{
    const struct weir_mqtt_entry *before = find(old->entries, old->count, entry->filter.text);

    if (!before)
        return;
    entry->complained = before->complained;
    if (before->state == WEIR_MQTT_FILTER_ACTIVE && before->filter.qos == entry->filter.qos &&
        !is_under_way(old, (size_t)(before - old->entries)))
        entry->state = WEIR_MQTT_FILTER_ACTIVE;
}

bool weir_mqtt_subscription_replace(struct weir_mqtt_subscription *subscription,
                                    const struct weir_mqtt_filter *filters, size_t count)
{
    size_t unwanted_max = subscription->count;
    struct weir_mqtt_entry *entries;
    size_t total = count;

    assert(count <= WEIR_MQTT_FILTER_COUNT_MAX);
    if (unwanted_max > WEIR_MQTT_FILTER_COUNT_MAX)
        unwanted_max = WEIR_MQTT_FILTER_COUNT_MAX;
    entries = calloc(count + unwanted_max + 1, sizeof(*entries));
    if (!entries)
        return false;
    for (size_t i = 0; i < count; i++) {
        entries[i].filter = filters[i];
        keep(subscription, &entries[i]);
    }
    for (size_t i = 0; i < subscription->count && total < count + unwanted_max; i++) {
        const struct weir_mqtt_entry *old = &subscription->entries[i];

        if (find(entries, count, old->filter.text))
            continue;
        entries[total] = *old;
        entries[total++].state = WEIR_MQTT_FILTER_UNWANTED;
    }
    free(subscription->entries);
    subscription->entries = entries;
    subscription->count = total;
    subscription->chunk_count = 0;
    return true;
}

void weir_mqtt_subscription_restart(struct weir_mqtt_subscription *subscription)
{
    for (size_t i = 0; i < subscription->count; i++)
        if (subscription->entries[i].state != WEIR_MQTT_FILTER_UNWANTED)
            subscription->entries[i].state = WEIR_MQTT_FILTER_WANTED;
    subscription->chunk_count = 0;
}

static void gather(struct weir_mqtt_subscription *subscription, enum weir_mqtt_filter_state state,
                   size_t max_count)
{
    subscription->chunk_count = 0;
    for (size_t i = 0; i < subscription->count && subscription->chunk_count < max_count; i++)
        if (subscription->entries[i].state == state)
            subscription->chunk[subscription->chunk_count++] = i;
}

bool weir_mqtt_subscription_next(struct weir_mqtt_subscription *subscription, size_t max_count,
                                 struct weir_mqtt_chunk *chunk)
{
    assert(max_count <= WEIR_MQTT_CHUNK_COUNT_MAX);
    subscription->chunk_removes = true;
    gather(subscription, WEIR_MQTT_FILTER_UNWANTED, max_count);
    if (subscription->chunk_count == 0) {
        subscription->chunk_removes = false;
        gather(subscription, WEIR_MQTT_FILTER_WANTED, max_count);
    }
    chunk->count = subscription->chunk_count;
    chunk->removes = subscription->chunk_removes;
    for (size_t i = 0; i < chunk->count; i++) {
        struct weir_mqtt_entry *entry = &subscription->entries[subscription->chunk[i]];

        chunk->filters[i] = entry->filter.text;
        chunk->qos[i] = entry->filter.qos;
        chunk->retained[i] = entry->filter.retained;
        chunk->as_published[i] = entry->filter.as_published;
    }
    return chunk->count > 0;
}

/* Whatever the broker said to it, what was to go is not asked about again. */
static void forget_chunk(struct weir_mqtt_subscription *subscription)
{
    size_t kept = 0;

    for (size_t i = 0; i < subscription->count; i++)
        if (!is_under_way(subscription, i))
            subscription->entries[kept++] = subscription->entries[i];
    subscription->count = kept;
    subscription->chunk_count = 0;
}

size_t weir_mqtt_subscription_answer(struct weir_mqtt_subscription *subscription,
                                     const unsigned char *codes, size_t count, size_t *refused)
{
    size_t refused_count = 0;

    if (subscription->chunk_removes) {
        forget_chunk(subscription);
        return 0;
    }
    for (size_t i = 0; i < subscription->chunk_count && i < count; i++) {
        struct weir_mqtt_entry *entry = &subscription->entries[subscription->chunk[i]];

        if (codes[i] < REFUSAL) {
            entry->state = WEIR_MQTT_FILTER_ACTIVE;
            entry->complained = false;
            continue;
        }
        entry->state = WEIR_MQTT_FILTER_REFUSED;
        if (!entry->complained)
            refused[refused_count++] = i;
        entry->complained = true;
    }
    return refused_count;
}

bool weir_mqtt_subscription_settled(const struct weir_mqtt_subscription *subscription)
{
    for (size_t i = 0; i < subscription->count; i++)
        if (subscription->entries[i].state == WEIR_MQTT_FILTER_WANTED ||
            subscription->entries[i].state == WEIR_MQTT_FILTER_UNWANTED)
            return false;
    return true;
}

const char *weir_mqtt_subscription_filter(const struct weir_mqtt_subscription *subscription,
                                          size_t i)
{
    assert(i < subscription->chunk_count);
    return subscription->entries[subscription->chunk[i]].filter.text;
}
