/*
 * Records drawn at random, and held against each other.
 */
#ifndef TESTS_SUPPORT_RECORDS_H
#define TESTS_SUPPORT_RECORDS_H

#include <string.h>

#include "random.h"
#include "store/record.h"
#include "unit.h"

/* A number of any magnitude. */
static inline uint64_t records_number(struct test_random *random)
{
    return random_next(random) >> random_below(random, 64);
}

/* A message of at most so many bytes of payload, its text in a buffer of the caller's. */
static inline struct weir_message records_message(struct test_random *random, char *text,
                                                  size_t payload_max)
{
    size_t topic_length = random_below(random, 40);
    size_t payload_length = (size_t)(random_next(random) % (payload_max + 1));

    for (size_t i = 0; i < topic_length + payload_length; i++)
        text[i] = (char)random_next(random);
    return (struct weir_message){
        .topic = text,
        .topic_length = topic_length,
        .payload = text + topic_length,
        .payload_length = payload_length,
        .packet_id = random_once_in(random, 2) ? (uint16_t)random_next(random) : 0,
        .retained = random_once_in(random, 2),
        .duplicate = random_once_in(random, 2),
        .unsynchronised = random_once_in(random, 2),
    };
}

/* A command, its names in a buffer of 40 bytes of the caller's. */
static inline struct weir_command records_command(struct test_random *random, char *text)
{
    size_t rule_length = random_below(random, 20);
    size_t series_length = random_below(random, 18);

    memset(text, 'n', rule_length + 1 + series_length);
    text[rule_length] = '\0';
    text[rule_length + 1 + series_length] = '\0';
    return (struct weir_command){
        .kind = (enum weir_command_kind)random_below(random, WEIR_COMMAND_RESTORE + 1),
        .rule = text,
        .series = text + rule_length + 1,
        .id = random_next(random),
        .duration_ms = (int64_t)random_next(random),
        .restore = {.level = (enum weir_level)random_below(random, WEIR_LEVEL_COUNT),
                    .acknowledged = random_once_in(random, 2),
                    .time_ms = (int64_t)random_next(random),
                    .since_ms = (int64_t)random_next(random),
                    .value = (double)random_next(random),
                    .id = random_next(random),
                    .sequence = records_number(random),
                    .reminders = (uint32_t)random_next(random)},
    };
}

/* A record of this kind; text: 40 + payload_max bytes. The time is left to the caller. */
static inline struct weir_record
records_make(struct test_random *random, enum weir_record_kind kind, char *text, size_t payload_max)
{
    struct weir_record record = {.kind = kind};

    record.store = random_next(random);
    record.sequence = records_number(random);
    record.hash = random_next(random);
    record.epoch = random_next(random);
    record.number = records_number(random);
    record.step_ms = (int64_t)records_number(random) * (random_once_in(random, 2) ? 1 : -1);
    record.losses.queue_dropped = records_number(random);
    record.losses.outbox_dropped = records_number(random);
    record.losses.batches_dropped = records_number(random);
    record.losses.events_dropped = records_number(random);
    record.losses.coarsened = records_number(random);
    record.losses.journal_lost = records_number(random);
    record.up = random_once_in(random, 2);
    if (kind == WEIR_RECORD_MESSAGE)
        record.message = records_message(random, text, payload_max);
    if (kind == WEIR_RECORD_COMMAND)
        record.command = records_command(random, text);
    return record;
}

static inline bool records_messages_equal(const struct weir_message *left,
                                          const struct weir_message *right)
{
    return left->topic_length == right->topic_length &&
           left->payload_length == right->payload_length && left->packet_id == right->packet_id &&
           left->retained == right->retained && left->duplicate == right->duplicate &&
           left->unsynchronised == right->unsynchronised &&
           memcmp(left->topic, right->topic, left->topic_length) == 0 &&
           memcmp(left->payload, right->payload, left->payload_length) == 0;
}

static inline bool records_commands_equal(const struct weir_command *left,
                                          const struct weir_command *right)
{
    const struct weir_alert *from = &left->restore;
    const struct weir_alert *to = &right->restore;

    if (left->kind != right->kind || strcmp(left->rule, right->rule) != 0 ||
        strcmp(left->series, right->series) != 0)
        return false;
    switch (left->kind) {
    case WEIR_COMMAND_ACKNOWLEDGE:
        return left->id == right->id;
    case WEIR_COMMAND_SHELVE:
        return left->duration_ms == right->duration_ms;
    case WEIR_COMMAND_RESTORE:
        return from->level == to->level && from->acknowledged == to->acknowledged &&
               from->time_ms == to->time_ms && from->since_ms == to->since_ms &&
               from->value == to->value && from->id == to->id && from->sequence == to->sequence &&
               from->reminders == to->reminders;
    default:
        return true;
    }
}

/* All that the kind keeps, but for time and sequence. */
static inline bool records_equal(const struct weir_record *left, const struct weir_record *right)
{
    if (left->kind != right->kind)
        return false;
    switch (left->kind) {
    case WEIR_RECORD_SEGMENT:
        return left->store == right->store;
    case WEIR_RECORD_MESSAGE:
        return records_messages_equal(&left->message, &right->message);
    case WEIR_RECORD_CONFIG:
        return left->hash == right->hash && left->epoch == right->epoch;
    case WEIR_RECORD_EPOCH:
        return left->epoch == right->epoch;
    case WEIR_RECORD_LOSSES:
        return weir_record_losses_equal(&left->losses, &right->losses);
    case WEIR_RECORD_EVENTS:
    case WEIR_RECORD_BATCHES:
    case WEIR_RECORD_RESERVE:
    case WEIR_RECORD_SETTLE:
        return left->number == right->number;
    case WEIR_RECORD_STEP:
    case WEIR_RECORD_PAUSE:
        return left->step_ms == right->step_ms;
    case WEIR_RECORD_LINK:
        return left->up == right->up;
    case WEIR_RECORD_COMMAND:
        return records_commands_equal(&left->command, &right->command);
    default:
        return true;
    }
}

#endif
