/* The log as lines of JSON: messages in the form that replay reads, and everything else in one that
 * it passes over. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "command/command.h"
#include "command/past.h"
#include "command/writer.h"
#include "format/json.h"

static const char kind_names[][12] = {
    [WEIR_RECORD_TICK] = "tick",       [WEIR_RECORD_CONFIG] = "config",
    [WEIR_RECORD_EPOCH] = "epoch",     [WEIR_RECORD_LOSSES] = "losses",
    [WEIR_RECORD_EVENTS] = "events",   [WEIR_RECORD_BATCHES] = "batches",
    [WEIR_RECORD_PAUSE] = "pause",     [WEIR_RECORD_STEP] = "step",
    [WEIR_RECORD_RESERVE] = "reserve", [WEIR_RECORD_SETTLE] = "settle",
    [WEIR_RECORD_LINK] = "link",       [WEIR_RECORD_COMMAND] = "command",
};

static void add_text(struct weir_writer *writer, const struct weir_text *text)
{
    weir_writer_add(writer, text->bytes, text->length);
}

/* Escapes what has to be and leaves the rest as it is. */
static void add_quoted(struct weir_writer *writer, const char *bytes, size_t length)
{
    size_t plain = 0;

    weir_writer_add(writer, "\"", 1);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        char escape[8];

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        weir_writer_add(writer, bytes + plain, i - plain);
        weir_writer_add(writer, escape,
                        (size_t)snprintf(escape, sizeof(escape), c < 0x20 ? "\\u%04x" : "\\%c", c));
        plain = i + 1;
    }
    weir_writer_add(writer, bytes + plain, length - plain);
    weir_writer_add(writer, "\"", 1);
}

static void add_hex(struct weir_writer *writer, const char *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";

    weir_writer_add(writer, "\"", 1);
    for (size_t i = 0; i < length; i++) {
        char pair[2] = {digits[(unsigned char)bytes[i] >> 4], digits[bytes[i] & 15]};

        weir_writer_add(writer, pair, sizeof(pair));
    }
    weir_writer_add(writer, "\"", 1);
}

static void add_bytes(struct weir_writer *writer, const char *key, const char *bytes, size_t length)
{
    bool text = weir_json_is_text(bytes, length);
    char name[32];

    weir_writer_add(writer, name,
                    (size_t)snprintf(name, sizeof(name), text ? "\"%s\":" : "\"%s_hex\":", key));
    if (text)
        add_quoted(writer, bytes, length);
    else
        add_hex(writer, bytes, length);
}

/* The topic, or the part of it that was kept, up to a whole character. */
static size_t topic_kept(const struct weir_message *message)
{
    size_t length = message->topic_length;

    if (length <= WEIR_TOPIC_LENGTH_MAX)
        return length;
    length = WEIR_TOPIC_LENGTH_MAX;
    while (length > WEIR_TOPIC_LENGTH_MAX - 4 && !weir_json_is_text(message->topic, length))
        length--;
    return length;
}

static void add_payload(struct weir_writer *writer, struct weir_text *piece,
                        const struct weir_message *message)
{
    if (message->payload_length <= WEIR_PAYLOAD_LENGTH_MAX &&
        message->topic_length <= WEIR_TOPIC_LENGTH_MAX) {
        add_bytes(writer, "payload", message->payload, message->payload_length);
        return;
    }
    weir_text_add(piece, "\"payload\":null,\"payloadlen\":");
    weir_text_add_uint(piece, message->payload_length);
    weir_text_add(piece, ",\"topiclen\":");
    weir_text_add_uint(piece, message->topic_length);
    add_text(writer, piece);
}

static void print_message(struct weir_writer *writer, const struct weir_message *message)
{
    char bytes[256];
    struct weir_text piece;

    weir_writer_add(writer, "{", 1);
    add_bytes(writer, "topic", message->topic, topic_kept(message));
    weir_text_init(&piece, bytes, sizeof(bytes));
    weir_text_add(&piece, ",\"at\":");
    weir_text_add_int(&piece, message->arrived_ms);
    weir_text_add(&piece, message->retained ? ",\"retain\":true" : "");
    weir_text_add(&piece, message->duplicate ? ",\"dup\":true" : "");
    if (message->packet_id != 0) {
        weir_text_add(&piece, ",\"mid\":");
        weir_text_add_uint(&piece, message->packet_id);
    }
    weir_text_add(&piece, message->unsynchronised ? ",\"unsynchronised\":true" : "");
    weir_text_add(&piece, ",");
    add_text(writer, &piece);
    weir_text_init(&piece, bytes, sizeof(bytes));
    add_payload(writer, &piece, message);
    weir_writer_add(writer, "}\n", 2);
}

static void add_count(struct weir_text *line, const char *name, uint64_t count)
{
    weir_text_add(line, ",\"");
    weir_text_add(line, name);
    weir_text_add(line, "\":");
    weir_text_add_uint(line, count);
}

static void add_hash(struct weir_text *line, const char *name, uint64_t hash)
{
    weir_text_add(line, ",\"");
    weir_text_add(line, name);
    weir_text_add(line, "\":\"");
    weir_text_add_hex(line, hash);
    weir_text_add(line, "\"");
}

static void add_losses(struct weir_text *line, const struct weir_ledger *losses)
{
    add_count(line, "queue_dropped", losses->queue_dropped);
    add_count(line, "outbox_dropped", losses->outbox_dropped);
    add_count(line, "batches_dropped", losses->batches_dropped);
    add_count(line, "events_dropped", losses->events_dropped);
    add_count(line, "coarsened", losses->coarsened);
    add_count(line, "journal_lost", losses->journal_lost);
}

static void add_signed(struct weir_text *line, const char *key, int64_t number)
{
    weir_text_add(line, ",\"");
    weir_text_add(line, key);
    weir_text_add(line, "\":");
    weir_text_add_int(line, number);
}

static void add_restore(struct weir_text *line, const struct weir_alert *alert)
{
    weir_text_add(line, ",\"level\":");
    weir_text_add_quoted(line, weir_level_name(alert->level));
    weir_text_add(line, alert->acknowledged ? ",\"acked\":true" : ",\"acked\":false");
    add_signed(line, "ts", alert->time_ms);
    add_signed(line, "since", alert->since_ms);
    weir_text_add(line, ",\"value\":");
    weir_text_add_number(line, alert->value);
    add_hash(line, "id", alert->id);
    add_count(line, "seq", alert->sequence);
    add_count(line, "n", alert->reminders);
}

static void add_command(struct weir_text *line, const struct weir_command *command)
{
    static const char *const names[] = {
        [WEIR_COMMAND_ACKNOWLEDGE] = "ack",
        [WEIR_COMMAND_SHELVE] = "shelve",
        [WEIR_COMMAND_UNSHELVE] = "unshelve",
        [WEIR_COMMAND_RESTORE] = "restore",
    };

    weir_text_add(line, ",\"command\":");
    weir_text_add_quoted(line, names[command->kind]);
    if (command->kind == WEIR_COMMAND_ACKNOWLEDGE)
        add_hash(line, "id", command->id);
    if (command->kind == WEIR_COMMAND_SHELVE)
        add_signed(line, "for", command->duration_ms);
    if (command->kind == WEIR_COMMAND_RESTORE)
        add_restore(line, &command->restore);
    weir_text_add(line, ",\"rule\":");
    weir_text_add_quoted(line, command->rule);
    weir_text_add(line, ",\"series\":");
    weir_text_add_quoted(line, command->series);
}

static void print_other(struct weir_writer *writer, const struct weir_record *record)
{
    struct weir_text *line = weir_writer_line(writer);

    weir_text_add(line, "{\"record\":\"");
    weir_text_add(line, kind_names[record->kind]);
    weir_text_add(line, "\",\"at\":");
    weir_text_add_int(line, record->time_ms);
    if (record->kind == WEIR_RECORD_CONFIG)
        add_hash(line, "image", record->hash);
    if (record->kind == WEIR_RECORD_CONFIG || record->kind == WEIR_RECORD_EPOCH ||
        record->kind == WEIR_RECORD_BATCHES)
        add_hash(line, "epoch", record->epoch);
    if (record->kind == WEIR_RECORD_LOSSES)
        add_losses(line, &record->losses);
    if (record->kind == WEIR_RECORD_EVENTS || record->kind == WEIR_RECORD_BATCHES ||
        record->kind == WEIR_RECORD_RESERVE || record->kind == WEIR_RECORD_SETTLE)
        add_count(line, "number", record->number);
    if (record->kind == WEIR_RECORD_STEP || record->kind == WEIR_RECORD_PAUSE)
        add_signed(line, "step", record->step_ms);
    if (record->kind == WEIR_RECORD_LINK)
        weir_text_add(line, record->up ? ",\"up\":true" : ",\"up\":false");
    if (record->kind == WEIR_RECORD_COMMAND)
        add_command(line, &record->command);
    weir_text_add(line, "}");
    weir_writer_end(writer);
}

void weir_past_tell_gap(void *context, uint64_t from, uint64_t to, uint64_t records)
{
    (void)context;
    fprintf(stderr,
            "weir: the journal is damaged from %016" PRIx64 " to %016" PRIx64 ": %" PRIu64
            " records are missing\n",
            from, to, records);
}

int weir_past_print(const char *path, const struct weir_past_choice *choice)
{
    static struct weir_writer writer;
    struct weir_record record;
    struct weir_past past;
    bool good;

    if (!weir_past_open(&past, path))
        return WEIR_EXIT_FAILED;
    past.note_gap = weir_past_tell_gap;
    weir_writer_init(&writer, STDOUT_FILENO, "standard output");
    while (writer.error == 0 && weir_past_next(&past, &record)) {
        if (record.time_ms < choice->from_ms || record.time_ms >= choice->to_ms)
            continue;
        if (record.kind == WEIR_RECORD_MESSAGE)
            print_message(&writer, &record.message);
        else if (choice->all)
            print_other(&writer, &record);
    }
    good = past.gaps == 0;
    weir_past_close(&past);
    return weir_writer_finish(&writer) && good ? WEIR_EXIT_DONE : WEIR_EXIT_FAILED;
}
