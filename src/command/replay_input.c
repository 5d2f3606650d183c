#include "command/replay_input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "command/hex.h"
#include "core/assert.h"
#include "format/timestamp.h"

/* The longest that MQTT allows. */
#define MQTT_LENGTH_MAX 268435455

/* Read at once: small enough to stay in the cache until it is taken. */
#define READ_SIZE 65536

enum key {
    KEY_TOPIC,
    KEY_AT,
    KEY_TST,
    KEY_PAYLOAD,
    KEY_PAYLOAD_HEX,
    KEY_PAYLOAD_LENGTH,
    KEY_TOPIC_LENGTH,
    KEY_RETAIN,
    KEY_DUPLICATE,
    KEY_PACKET_ID,
    KEY_UNSYNCHRONISED,
    KEY_RECORD,
    KEY_COUNT
};

static const char *const key_paths[KEY_COUNT] = {
    [KEY_TOPIC] = "topic",
    [KEY_AT] = "at",
    [KEY_TST] = "tst",
    [KEY_PAYLOAD] = "payload",
    [KEY_PAYLOAD_HEX] = "payload_hex",
    [KEY_PAYLOAD_LENGTH] = "payloadlen",
    [KEY_TOPIC_LENGTH] = "topiclen",
    [KEY_RETAIN] = "retain",
    [KEY_DUPLICATE] = "dup",
    [KEY_PACKET_ID] = "mid",
    [KEY_UNSYNCHRONISED] = "unsynchronised",
    [KEY_RECORD] = "record",
};

/* A line without its newline. */
struct line {
    const char *text;
    size_t length;
};

void weir_replay_input_init(struct weir_replay_input *input, int fd)
{
    enum weir_status status;

    input->line_number = 0;
    input->bytes_read = 0;
    input->problem = NULL;
    input->fd = fd;
    input->ended = false;
    input->skipping = false;
    input->first = 0;
    input->scanned = 0;
    input->last = 0;
    status = weir_json_compile(&input->paths, key_paths, KEY_COUNT, WEIR_JSON_STACK_MAX, NULL);
    assert(status == WEIR_OK);
    (void)status;
}

/* Makes room behind the bytes not taken yet and reads more. False: reading failed. */
static bool fill(struct weir_replay_input *input)
{
    size_t room;
    ssize_t count;

    memmove(input->bytes, input->bytes + input->first, input->last - input->first);
    input->scanned -= input->first;
    input->last -= input->first;
    input->first = 0;
    room = sizeof(input->bytes) - input->last;
    do
        count = read(input->fd, input->bytes + input->last, room < READ_SIZE ? room : READ_SIZE);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return false;
    input->ended = count == 0;
    input->last += (size_t)count;
    input->bytes_read += (uint64_t)count;
    return true;
}

/* Takes the line that ends where scanning has stopped, at its newline or at the end of the
 * input. */
static void take_line(struct weir_replay_input *input, struct line *line)
{
    line->text = input->bytes + input->first;
    line->length = input->scanned - input->first;
    if (input->scanned < input->last)
        input->scanned++;
    input->first = input->scanned;
    input->line_number++;
}

/* The next line, without its newline. WEIR_REPLAY_BAD: it is too long, and was skipped. */
static enum weir_replay_outcome next_line(struct weir_replay_input *input, struct line *line)
{
    bool skipped;

    for (;;) {
        char *newline = memchr(input->bytes + input->scanned, '\n', input->last - input->scanned);

        input->scanned = newline ? (size_t)(newline - input->bytes) : input->last;
        if (newline || (input->ended && input->last > input->first))
            break;
        if (input->ended && !input->skipping)
            return WEIR_REPLAY_END;
        if (input->ended)
            break;
        if (input->skipping || input->last - input->first > WEIR_REPLAY_LINE_MAX) {
            input->skipping = true;
            input->first = input->last;
        }
        if (!fill(input)) {
            input->problem = strerror(errno);
            return WEIR_REPLAY_FAILED;
        }
    }
    skipped = input->skipping;
    input->skipping = false;
    take_line(input, line);
    if (!skipped)
        return WEIR_REPLAY_MESSAGE;
    input->problem = "the line is longer than 1 MiB";
    return WEIR_REPLAY_BAD;
}

static bool is_blank(const struct line *line)
{
    for (size_t i = 0; i < line->length; i++) {
        char c = line->text[i];

        if (c != ' ' && c != '\t' && c != '\r')
            return false;
    }
    return true;
}

/* The text of a string value, with its escapes resolved into out if there are any. */
static bool read_text(const struct weir_json_value *value, char *out, size_t size,
                      const char **text, size_t *length)
{
    ptrdiff_t unescaped;

    if (value->kind != WEIR_JSON_STRING)
        return false;
    *text = value->text;
    *length = value->length;
    if (!value->escaped)
        return true;
    unescaped = weir_json_unescape(value, out, size);
    *text = out;
    *length = (size_t)unescaped;
    return unescaped >= 0;
}

static bool read_hex(const struct weir_json_value *value, char *out, struct weir_message *message)
{
    if (value->kind != WEIR_JSON_STRING || value->length % 2 != 0)
        return false;
    for (uint32_t i = 0; i < value->length; i++) {
        if (weir_hex_digit(value->text[i]) < 0)
            return false;
    }
    for (uint32_t i = 0; i < value->length; i += 2)
        out[i / 2] = weir_hex_byte(value->text + i);
    message->payload = out;
    message->payload_length = value->length / 2;
    return true;
}

static bool is_empty_message(const struct weir_json_value *values)
{
    return values[KEY_PAYLOAD].kind == WEIR_JSON_NULL &&
           values[KEY_PAYLOAD_LENGTH].kind == WEIR_JSON_NUMBER &&
           values[KEY_PAYLOAD_LENGTH].number == 0;
}

/* A whole number up to max; 0: it is none. */
static size_t read_count(const struct weir_json_value *value, double max)
{
    if (value->kind != WEIR_JSON_NUMBER || !(value->number >= 1 && value->number <= max))
        return 0;
    return (size_t)value->number;
}

/* A message of which no more than the lengths was kept, because one of them is too long. */
static bool read_lengths(const struct weir_json_value *values, struct weir_message *message)
{
    size_t topic_length = read_count(&values[KEY_TOPIC_LENGTH], MQTT_LENGTH_MAX);
    size_t payload_length = read_count(&values[KEY_PAYLOAD_LENGTH], MQTT_LENGTH_MAX);

    if (values[KEY_PAYLOAD].kind != WEIR_JSON_NULL ||
        (topic_length <= WEIR_TOPIC_LENGTH_MAX && payload_length <= WEIR_PAYLOAD_LENGTH_MAX))
        return false;
    if (topic_length > WEIR_TOPIC_LENGTH_MAX)
        message->topic_length = topic_length;
    message->payload_length = payload_length;
    return true;
}

static const char *read_payload(const struct weir_json_value *values, char *out, size_t size,
                                struct weir_message *message)
{
    const struct weir_json_value *payload = &values[KEY_PAYLOAD];

    if (payload->kind == WEIR_JSON_STRING)
        return read_text(payload, out, size, &message->payload, &message->payload_length)
                   ? NULL
                   : "\"payload\" is no text: half of a surrogate pair";
    if (read_lengths(values, message))
        return NULL;
    if (payload->kind != WEIR_JSON_MISSING) {
        message->payload = payload->text;
        message->payload_length = is_empty_message(values) ? 0 : payload->length;
        return NULL;
    }
    if (values[KEY_PAYLOAD_HEX].kind == WEIR_JSON_MISSING)
        return "no message; expected \"payload\" or \"payload_hex\"";
    return read_hex(&values[KEY_PAYLOAD_HEX], out, message)
               ? NULL
               : "\"payload_hex\" is not an even number of hexadecimal digits";
}

static const char *read_time(const struct weir_json_value *values, int64_t *time_ms)
{
    if (values[KEY_AT].kind != WEIR_JSON_MISSING)
        return weir_timestamp_read(&values[KEY_AT], WEIR_TIME_MS, time_ms)
                   ? NULL
                   : "\"at\" is not a time; expected milliseconds since 1970";
    if (values[KEY_TST].kind == WEIR_JSON_MISSING)
        return "no arrival time; expected \"at\" or \"tst\"";
    return weir_timestamp_read(&values[KEY_TST], WEIR_TIME_ISO8601, time_ms)
               ? NULL
               : "\"tst\" is not a time; expected ISO 8601 with a zone";
}

static bool is_set(const struct weir_json_value *value)
{
    return value->kind == WEIR_JSON_TRUE || (value->kind == WEIR_JSON_NUMBER && value->number != 0);
}

static void read_flags(const struct weir_json_value *values, struct weir_message *message)
{
    message->retained = is_set(&values[KEY_RETAIN]);
    message->duplicate = is_set(&values[KEY_DUPLICATE]);
    message->unsynchronised = is_set(&values[KEY_UNSYNCHRONISED]);
    message->packet_id = (uint16_t)read_count(&values[KEY_PACKET_ID], UINT16_MAX);
}

/* Returns what is wrong with the line, NULL: nothing. Without a topic it is to be passed over. */
static const char *read_message(struct weir_replay_input *input, const struct line *line,
                                struct weir_message *message)
{
    struct weir_json_value values[KEY_COUNT];
    const char *problem;
    size_t used;

    *message = (struct weir_message){0};
    if (weir_json_scan(&input->paths, line->text, line->length, values) != WEIR_OK)
        return "not valid JSON";
    if (values[KEY_TOPIC].kind == WEIR_JSON_MISSING)
        return values[KEY_RECORD].kind == WEIR_JSON_MISSING ? "no \"topic\"" : NULL;
    if (!read_text(&values[KEY_TOPIC], input->text, sizeof(input->text), &message->topic,
                   &message->topic_length))
        return "\"topic\" is not a text";
    if (message->topic_length == 0 || memchr(message->topic, '\0', message->topic_length))
        return "\"topic\" is not a topic that a message can have";
    problem = read_time(values, &message->arrived_ms);
    if (problem)
        return problem;
    read_flags(values, message);
    used = values[KEY_TOPIC].escaped ? message->topic_length : 0;
    return read_payload(values, input->text + used, sizeof(input->text) - used, message);
}

enum weir_replay_outcome weir_replay_input_next(struct weir_replay_input *input,
                                                struct weir_message *message)
{
    enum weir_replay_outcome outcome;
    struct line line;

    do {
        do
            outcome = next_line(input, &line);
        while (outcome == WEIR_REPLAY_MESSAGE && is_blank(&line));
        if (outcome != WEIR_REPLAY_MESSAGE)
            return outcome;
        input->problem = read_message(input, &line, message);
    } while (!input->problem && message->topic_length == 0);
    return input->problem ? WEIR_REPLAY_BAD : WEIR_REPLAY_MESSAGE;
}
