#include "store/record.h"

#include <string.h>

#include "core/assert.h"
#include "format/crc32c.h"

/* checksum, 4 bytes; length of what follows, LEB128; kind, 1 byte; sequence, its lowest byte; what
 * the kind has. */
#define CHECKSUM_BYTES 4
#define LENGTH_BYTES_MAX 3

enum message_flag {
    FLAG_RETAINED = 1 << 0,
    FLAG_DUPLICATE = 1 << 1,
    FLAG_BARE = 1 << 2, /* too long: payload and the end of the topic were not kept */
    FLAG_PACKET_ID = 1 << 3,
    FLAG_UNSYNCHRONISED = 1 << 4,
};

static void add_byte(struct weir_record_image *image, unsigned value)
{
    assert(image->head_length < sizeof(image->head));
    image->head[image->head_length++] = (unsigned char)value;
}

static void add_number(struct weir_record_image *image, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        add_byte(image, (unsigned)(value & 0x7f) | 0x80);
    add_byte(image, (unsigned)value);
}

static void add_fixed(struct weir_record_image *image, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        add_byte(image, (unsigned)(value >> 8 * i & 0xff));
}

/* Negative numbers close to 0 stay short: 0, -1, 1, -2, ... */
static void add_signed(struct weir_record_image *image, int64_t value)
{
    add_number(image, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

static int64_t difference(int64_t left, int64_t right)
{
    return (int64_t)((uint64_t)left - (uint64_t)right);
}

static void add_message(struct weir_record_image *image, const struct weir_message *message)
{
    bool bare = message->payload_length > WEIR_PAYLOAD_LENGTH_MAX ||
                message->topic_length > WEIR_TOPIC_LENGTH_MAX;
    unsigned flags = (message->retained ? FLAG_RETAINED : 0) |
                     (message->duplicate ? FLAG_DUPLICATE : 0) | (bare ? FLAG_BARE : 0) |
                     (message->packet_id != 0 ? FLAG_PACKET_ID : 0) |
                     (message->unsynchronised ? FLAG_UNSYNCHRONISED : 0);

    add_byte(image, flags);
    if (message->packet_id != 0)
        add_number(image, message->packet_id);
    add_number(image, message->topic_length);
    if (bare)
        add_number(image, message->payload_length);
    image->topic = message->topic;
    image->topic_length = message->topic_length < WEIR_TOPIC_LENGTH_MAX ? message->topic_length
                                                                        : WEIR_TOPIC_LENGTH_MAX;
    image->payload = message->payload;
    image->payload_length = bare ? 0 : message->payload_length;
}

static void add_losses(struct weir_record_image *image, const struct weir_ledger *losses)
{
    add_number(image, losses->queue_dropped);
    add_number(image, losses->outbox_dropped);
    add_number(image, losses->batches_dropped);
    add_number(image, losses->events_dropped);
    add_number(image, losses->coarsened);
    add_number(image, losses->journal_lost);
}

static void add_double(struct weir_record_image *image, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    add_fixed(image, bits);
}

/* The names stand at the end, each with its NUL. */
static void add_command(struct weir_record_image *image, const struct weir_command *command)
{
    const struct weir_alert *restore = &command->restore;

    add_byte(image, (unsigned)command->kind);
    switch (command->kind) {
    case WEIR_COMMAND_ACKNOWLEDGE:
        add_fixed(image, command->id);
        break;
    case WEIR_COMMAND_SHELVE:
        add_signed(image, command->duration_ms);
        break;
    case WEIR_COMMAND_UNSHELVE:
        break;
    case WEIR_COMMAND_RESTORE:
        add_byte(image, (unsigned)restore->level);
        add_byte(image, restore->acknowledged);
        add_signed(image, restore->time_ms);
        add_signed(image, restore->since_ms);
        add_double(image, restore->value);
        add_fixed(image, restore->id);
        add_number(image, restore->sequence);
        add_number(image, restore->reminders);
        break;
    }
    image->topic = command->rule;
    image->topic_length = strlen(command->rule) + 1;
    image->payload = command->series;
    image->payload_length = strlen(command->series) + 1;
    assert(image->topic_length <= WEIR_NAME_LENGTH_MAX + 1 &&
           image->payload_length <= WEIR_TOPIC_LENGTH_MAX + 1);
}

static void add_body(struct weir_record_image *image, const struct weir_record *record,
                     int64_t before_ms)
{
    switch (record->kind) {
    case WEIR_RECORD_SEGMENT:
        add_byte(image, WEIR_RECORD_VERSION);
        add_fixed(image, record->store);
        add_fixed(image, (uint64_t)record->time_ms);
        add_number(image, record->sequence);
        break;
    case WEIR_RECORD_END:
        break;
    case WEIR_RECORD_MESSAGE:
        add_signed(image, difference(record->time_ms, before_ms));
        add_message(image, &record->message);
        break;
    case WEIR_RECORD_TICK:
        add_signed(image, difference(record->time_ms, before_ms));
        break;
    case WEIR_RECORD_CONFIG:
        add_fixed(image, record->hash);
        add_fixed(image, record->epoch);
        break;
    case WEIR_RECORD_EPOCH:
        add_fixed(image, record->epoch);
        break;
    case WEIR_RECORD_LOSSES:
        add_losses(image, &record->losses);
        break;
    case WEIR_RECORD_BATCHES:
        add_fixed(image, record->epoch);
        add_number(image, record->number);
        break;
    case WEIR_RECORD_EVENTS:
    case WEIR_RECORD_RESERVE:
    case WEIR_RECORD_SETTLE:
        add_number(image, record->number);
        break;
    case WEIR_RECORD_STEP:
    case WEIR_RECORD_PAUSE:
        add_signed(image, difference(record->time_ms, before_ms));
        add_signed(image, record->step_ms);
        break;
    case WEIR_RECORD_LINK:
        add_signed(image, difference(record->time_ms, before_ms));
        add_byte(image, record->up);
        break;
    case WEIR_RECORD_COMMAND:
        add_signed(image, difference(record->time_ms, before_ms));
        add_command(image, &record->command);
        break;
    }
}

void weir_record_build(struct weir_record_image *image, const struct weir_record *record,
                       int64_t before_ms)
{
    size_t body_length;
    size_t length_bytes = 1;

    image->topic_length = 0;
    image->payload_length = 0;
    image->head_length = CHECKSUM_BYTES + LENGTH_BYTES_MAX;
    add_byte(image, (unsigned)record->kind);
    add_byte(image, (unsigned)(record->sequence & 0xff));
    add_body(image, record, before_ms);
    body_length = image->head_length - CHECKSUM_BYTES - LENGTH_BYTES_MAX + image->topic_length +
                  image->payload_length;
    for (size_t rest = body_length; rest >= 0x80; rest >>= 7)
        length_bytes++;
    assert(length_bytes <= LENGTH_BYTES_MAX);
    memmove(image->head + CHECKSUM_BYTES + length_bytes,
            image->head + CHECKSUM_BYTES + LENGTH_BYTES_MAX,
            image->head_length - CHECKSUM_BYTES - LENGTH_BYTES_MAX);
    for (size_t i = 0; i < length_bytes; i++)
        image->head[CHECKSUM_BYTES + i] =
            (unsigned char)((body_length >> 7 * i & 0x7f) | (i + 1 < length_bytes ? 0x80 : 0));
    image->head_length -= LENGTH_BYTES_MAX - length_bytes;
    image->total_length = image->head_length + image->topic_length + image->payload_length;
}

static uint32_t checksum_seed(uint64_t store, uint64_t position)
{
    return (uint32_t)((store ^ position * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu >> 32);
}

void weir_record_write(const struct weir_record_image *image, unsigned char *at, uint64_t store,
                       uint64_t position)
{
    uint32_t checksum;

    memcpy(at, image->head, image->head_length);
    if (image->topic_length > 0)
        memcpy(at + image->head_length, image->topic, image->topic_length);
    if (image->payload_length > 0)
        memcpy(at + image->head_length + image->topic_length, image->payload,
               image->payload_length);
    checksum = weir_crc32c(checksum_seed(store, position), at + CHECKSUM_BYTES,
                           image->total_length - CHECKSUM_BYTES);
    for (int i = 0; i < CHECKSUM_BYTES; i++)
        at[i] = (unsigned char)(checksum >> 8 * i);
}

/* What is left to read of a record. */
struct cursor {
    const unsigned char *at;
    const unsigned char *end;
    bool good;
};

static unsigned take_byte(struct cursor *cursor)
{
    if (cursor->at == cursor->end) {
        cursor->good = false;
        return 0;
    }
    return *cursor->at++;
}

static uint64_t take_number(struct cursor *cursor)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned byte = take_byte(cursor);

        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    cursor->good = false;
    return 0;
}

static uint64_t take_fixed(struct cursor *cursor)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value |= (uint64_t)take_byte(cursor) << 8 * i;
    return value;
}

static int64_t take_signed(struct cursor *cursor)
{
    uint64_t value = take_number(cursor);

    return (int64_t)(value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

static int64_t take_time(struct cursor *cursor, int64_t before_ms)
{
    return (int64_t)((uint64_t)before_ms + (uint64_t)take_signed(cursor));
}

static void take_message(struct cursor *cursor, struct weir_message *message)
{
    unsigned flags = take_byte(cursor);
    uint64_t packet_id = flags & FLAG_PACKET_ID ? take_number(cursor) : 0;
    uint64_t topic_length = take_number(cursor);
    uint64_t payload_length = flags & FLAG_BARE ? take_number(cursor) : 0;
    uint64_t kept =
        topic_length < WEIR_TOPIC_LENGTH_MAX ? topic_length : (uint64_t)WEIR_TOPIC_LENGTH_MAX;

    if (!cursor->good || packet_id > UINT16_MAX || topic_length > SIZE_MAX ||
        payload_length > SIZE_MAX || kept > (uint64_t)(cursor->end - cursor->at)) {
        cursor->good = false;
        return;
    }
    message->topic = (const char *)cursor->at;
    message->topic_length = (size_t)topic_length;
    message->payload = (const char *)cursor->at + kept;
    message->payload_length = flags & FLAG_BARE ? (size_t)payload_length
                                                : (size_t)(cursor->end - cursor->at) - (size_t)kept;
    message->packet_id = (uint16_t)packet_id;
    message->retained = (flags & FLAG_RETAINED) != 0;
    message->duplicate = (flags & FLAG_DUPLICATE) != 0;
    message->unsynchronised = (flags & FLAG_UNSYNCHRONISED) != 0;
    cursor->at = cursor->end;
}

static void take_losses(struct cursor *cursor, struct weir_ledger *losses)
{
    memset(losses, 0, sizeof(*losses));
    losses->queue_dropped = take_number(cursor);
    losses->outbox_dropped = take_number(cursor);
    losses->batches_dropped = take_number(cursor);
    losses->events_dropped = take_number(cursor);
    losses->coarsened = take_number(cursor);
    losses->journal_lost = take_number(cursor);
}

static double take_double(struct cursor *cursor)
{
    uint64_t bits = take_fixed(cursor);
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* A text up to its NUL, at most so long without it. */
static const char *take_text(struct cursor *cursor, size_t length_max)
{
    const char *text = (const char *)cursor->at;
    size_t room = (size_t)(cursor->end - cursor->at);
    const char *end = room > 0 ? memchr(text, '\0', room) : NULL;

    if (!end || (size_t)(end - text) > length_max) {
        cursor->good = false;
        return "";
    }
    cursor->at += end - text + 1;
    return text;
}

static void take_restore(struct cursor *cursor, struct weir_alert *restore)
{
    unsigned level = take_byte(cursor);
    unsigned acknowledged = take_byte(cursor);

    memset(restore, 0, sizeof(*restore));
    cursor->good &= level < WEIR_LEVEL_COUNT && acknowledged < 2;
    restore->level = cursor->good ? (enum weir_level)level : WEIR_LEVEL_OK;
    restore->acknowledged = acknowledged == 1;
    restore->time_ms = take_signed(cursor);
    restore->since_ms = take_signed(cursor);
    restore->value = take_double(cursor);
    restore->id = take_fixed(cursor);
    restore->sequence = take_number(cursor);
    restore->reminders = (uint32_t)take_number(cursor);
}

static void take_command(struct cursor *cursor, struct weir_command *command)
{
    unsigned kind = take_byte(cursor);

    memset(command, 0, sizeof(*command));
    switch (kind) {
    case WEIR_COMMAND_ACKNOWLEDGE:
        command->id = take_fixed(cursor);
        break;
    case WEIR_COMMAND_SHELVE:
        command->duration_ms = take_signed(cursor);
        break;
    case WEIR_COMMAND_UNSHELVE:
        break;
    case WEIR_COMMAND_RESTORE:
        take_restore(cursor, &command->restore);
        break;
    default:
        cursor->good = false;
        return;
    }
    command->kind = (enum weir_command_kind)kind;
    command->rule = take_text(cursor, WEIR_NAME_LENGTH_MAX);
    command->series = take_text(cursor, WEIR_TOPIC_LENGTH_MAX);
}

static void take_body(struct cursor *cursor, struct weir_record *record, int64_t before_ms)
{
    switch (record->kind) {
    case WEIR_RECORD_SEGMENT:
        cursor->good = take_byte(cursor) == WEIR_RECORD_VERSION;
        record->store = take_fixed(cursor);
        record->time_ms = (int64_t)take_fixed(cursor);
        record->sequence = take_number(cursor);
        break;
    case WEIR_RECORD_END:
        break;
    case WEIR_RECORD_MESSAGE:
        record->time_ms = take_time(cursor, before_ms);
        take_message(cursor, &record->message);
        record->message.arrived_ms = record->time_ms;
        break;
    case WEIR_RECORD_TICK:
        record->time_ms = take_time(cursor, before_ms);
        break;
    case WEIR_RECORD_CONFIG:
        record->hash = take_fixed(cursor);
        record->epoch = take_fixed(cursor);
        break;
    case WEIR_RECORD_EPOCH:
        record->epoch = take_fixed(cursor);
        break;
    case WEIR_RECORD_LOSSES:
        take_losses(cursor, &record->losses);
        break;
    case WEIR_RECORD_BATCHES:
        record->epoch = take_fixed(cursor);
        record->number = take_number(cursor);
        break;
    case WEIR_RECORD_EVENTS:
    case WEIR_RECORD_RESERVE:
    case WEIR_RECORD_SETTLE:
        record->number = take_number(cursor);
        break;
    case WEIR_RECORD_STEP:
    case WEIR_RECORD_PAUSE:
        record->time_ms = take_time(cursor, before_ms);
        record->step_ms = take_signed(cursor);
        break;
    case WEIR_RECORD_LINK:
        record->time_ms = take_time(cursor, before_ms);
        record->up = take_byte(cursor) != 0;
        break;
    case WEIR_RECORD_COMMAND:
        record->time_ms = take_time(cursor, before_ms);
        take_command(cursor, &record->command);
        break;
    default:
        cursor->good = false;
        break;
    }
}

size_t weir_record_read(struct weir_record *record, const unsigned char *at, size_t room,
                        uint64_t store, uint64_t position, int64_t before_ms, bool checked)
{
    struct cursor cursor = {.good = true};
    uint64_t body_length;
    uint32_t checksum = 0;

    if (room < WEIR_RECORD_BYTES_MIN)
        return 0;
    cursor.at = at + CHECKSUM_BYTES;
    cursor.end = at + room;
    body_length = take_number(&cursor);
    if (!cursor.good || body_length == 0 || body_length > WEIR_RECORD_BYTES_MAX ||
        body_length > (uint64_t)(cursor.end - cursor.at))
        return 0;
    cursor.end = cursor.at + body_length;
    /* Before the checksum, because a search through damage gets here at every byte. */
    if (*cursor.at < WEIR_RECORD_SEGMENT || *cursor.at > WEIR_RECORD_KIND_MAX)
        return 0;
    for (int i = 0; i < CHECKSUM_BYTES; i++)
        checksum |= (uint32_t)at[i] << 8 * i;
    if (checked && checksum != weir_crc32c(checksum_seed(store, position), at + CHECKSUM_BYTES,
                                           (size_t)(cursor.end - at) - CHECKSUM_BYTES))
        return 0;
    record->kind = (enum weir_record_kind)take_byte(&cursor);
    record->sequence = take_byte(&cursor);
    record->time_ms = before_ms;
    take_body(&cursor, record, before_ms);
    return cursor.good && cursor.at == cursor.end ? (size_t)(cursor.end - at) : 0;
}

bool weir_record_has_time(enum weir_record_kind kind)
{
    return kind == WEIR_RECORD_SEGMENT || kind == WEIR_RECORD_MESSAGE || kind == WEIR_RECORD_TICK ||
           kind == WEIR_RECORD_STEP || kind == WEIR_RECORD_PAUSE || kind == WEIR_RECORD_LINK ||
           kind == WEIR_RECORD_COMMAND;
}

bool weir_record_losses_equal(const struct weir_ledger *left, const struct weir_ledger *right)
{
    return left->queue_dropped == right->queue_dropped &&
           left->outbox_dropped == right->outbox_dropped &&
           left->batches_dropped == right->batches_dropped &&
           left->events_dropped == right->events_dropped && left->coarsened == right->coarsened &&
           left->journal_lost == right->journal_lost;
}
