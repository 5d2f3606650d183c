#include "command/decode_compact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/series.h"

#define SLOT_COUNT (2 * WEIR_DECODE_NAME_COUNT_MAX)
#define TEXT_BYTES (16 * 1024 * 1024)

/* What a batch can add at most: a name of a series with each row, and those of its streams. */
#define BATCH_NAME_COUNT_MAX (WEIR_COMPACT_ROW_COUNT_MAX + WEIR_STREAM_COUNT_MAX)
#define BATCH_TEXT_BYTES_MAX                                                                       \
    (WEIR_COMPACT_ROW_COUNT_MAX * (WEIR_TOPIC_LENGTH_MAX + 1) +                                    \
     WEIR_STREAM_COUNT_MAX * (WEIR_COMPACT_STREAM_TEXT_MAX + 1))

/* In place of a series: the stream itself. */
#define NO_SERIES UINT32_MAX

/* What a name is the name of. */
struct key {
    uint64_t gateway; /* a hash */
    uint64_t epoch;
    uint64_t table;
    uint32_t stream;
    uint32_t series;
};

struct name {
    struct key key;
    uint32_t offset;
    uint32_t length; /* 0: the slot is empty; counts the NUL that follows */
};

struct weir_decode_compact {
    uint32_t name_count;
    uint32_t text_length;
    struct name *names; /* SLOT_COUNT, zeros at first: memory comes as it is used */
    char *text;
    struct weir_compact_reader reader;
    struct weir_compact_row row;
    struct weir_stream_config stream; /* as whose row the one at hand is written */
    struct weir_field_config fields[WEIR_FIELD_COUNT_MAX];
    char series[WEIR_TOPIC_LENGTH_MAX + 1];
    bool sketches;
};

struct weir_decode_compact *weir_decode_compact_create(bool sketches)
{
    struct weir_decode_compact *compact = calloc(1, sizeof(*compact));

    if (!compact)
        return NULL;
    compact->sketches = sketches;
    compact->names = calloc(SLOT_COUNT, sizeof(compact->names[0]));
    compact->text = malloc(TEXT_BYTES);
    compact->stream.fields = compact->fields;
    if (compact->names && compact->text)
        return compact;
    weir_decode_compact_destroy(compact);
    return NULL;
}

void weir_decode_compact_destroy(struct weir_decode_compact *compact)
{
    if (!compact)
        return;
    free(compact->names);
    free(compact->text);
    free(compact);
}

static struct key make_key(const struct weir_decode_compact *compact, uint32_t series)
{
    const struct weir_compact_head *head = &compact->reader.head;

    return (struct key){
        .gateway = weir_series_hash(head->gateway, (uint32_t)strlen(head->gateway)),
        .epoch = head->epoch,
        .table = head->table,
        .stream = compact->row.summary.stream,
        .series = series,
    };
}

/* The slot of a key: its name's, or an empty one. */
static struct name *find_name(struct weir_decode_compact *compact, const struct key *key)
{
    uint64_t slot = weir_series_hash((const char *)key, sizeof(*key));

    for (;; slot++) {
        struct name *name = &compact->names[slot % SLOT_COUNT];

        if (name->length == 0 || memcmp(&name->key, key, sizeof(*key)) == 0)
            return name;
    }
}

/* Makes room for the names of a batch: of what it says itself, nothing may be forgotten halfway. */
static void reserve_names(struct weir_decode_compact *compact)
{
    if (WEIR_DECODE_NAME_COUNT_MAX - compact->name_count >= BATCH_NAME_COUNT_MAX &&
        TEXT_BYTES - compact->text_length >= BATCH_TEXT_BYTES_MAX)
        return;
    memset(compact->names, 0, SLOT_COUNT * sizeof(compact->names[0]));
    compact->name_count = 0;
    compact->text_length = 0;
}

static void keep_name(struct weir_decode_compact *compact, uint32_t series,
                      const struct weir_compact_text *text)
{
    struct key key = make_key(compact, series);
    struct name *name = find_name(compact, &key);

    if (name->length == text->length + 1 &&
        memcmp(compact->text + name->offset, text->bytes, text->length) == 0)
        return;
    compact->name_count += name->length == 0;
    assert(compact->name_count <= WEIR_DECODE_NAME_COUNT_MAX &&
           TEXT_BYTES - compact->text_length > text->length);
    *name = (struct name){key, compact->text_length, text->length + 1};
    memcpy(compact->text + name->offset, text->bytes, text->length);
    compact->text[name->offset + text->length] = '\0';
    compact->text_length += name->length;
}

/* Copies the next of several names; false: there is none, or it is too long. */
static bool take_name(const char **text, const char *end, char *out, size_t length_max)
{
    size_t length;

    if (*text == end)
        return false;
    length = strnlen(*text, (size_t)(end - *text));
    if (length > length_max || *text + length == end)
        return false;
    memcpy(out, *text, length + 1);
    *text += length + 1;
    return true;
}

static void name_stream(struct weir_decode_compact *compact, uint32_t stream, uint32_t field)
{
    struct key key = make_key(compact, NO_SERIES);
    const struct name *name = find_name(compact, &key);
    const char *text = compact->text + name->offset;
    const char *end = text + (name->length > 0 ? name->length - 1 : 0);

    (void)snprintf(compact->stream.name, sizeof(compact->stream.name), "#%u", stream);
    for (uint32_t i = 0; i < WEIR_FIELD_COUNT_MAX; i++) {
        (void)snprintf(compact->fields[i].name, sizeof(compact->fields[i].name), "#%u", i);
        compact->fields[i].unit[0] = '\0';
    }
    if (!take_name(&text, end, compact->stream.name, WEIR_NAME_LENGTH_MAX))
        return;
    for (uint32_t i = 0; i <= field; i++) {
        if (!take_name(&text, end, compact->fields[i].name, WEIR_NAME_LENGTH_MAX) ||
            !take_name(&text, end, compact->fields[i].unit, WEIR_UNIT_LENGTH_MAX))
            return;
    }
}

static void name_series(struct weir_decode_compact *compact, uint32_t series)
{
    struct key key = make_key(compact, series);
    const struct name *name = find_name(compact, &key);

    if (name->length > 0)
        memcpy(compact->series, compact->text + name->offset, name->length);
    else
        (void)snprintf(compact->series, sizeof(compact->series), "#%u", series);
}

static void write_sketch(const struct weir_sketch *sketch, struct weir_text *json)
{
    unsigned char bytes[WEIR_SKETCH_BYTES_MAX];
    size_t length = weir_sketch_write(sketch, bytes);

    weir_text_add(json, ",\"sketch\":\"");
    for (size_t i = 0; i < length; i++) {
        char digits[3];

        (void)snprintf(digits, sizeof(digits), "%02x", bytes[i]);
        weir_text_add(json, digits);
    }
    weir_text_add(json, "\"");
}

static void write_row(struct weir_decode_compact *compact, struct weir_text *json)
{
    const struct weir_compact_row *row = &compact->row;

    if (row->stream_text.there)
        keep_name(compact, NO_SERIES, &row->stream_text);
    if (row->series_text.there)
        keep_name(compact, row->summary.series, &row->series_text);
    name_stream(compact, row->summary.stream, row->summary.field);
    name_series(compact, row->summary.series);
    compact->stream.aggregates = row->stream.aggregates;
    compact->stream.quantile_count = row->stream.quantile_count;
    memcpy(compact->stream.quantiles, row->stream.quantiles, sizeof(row->stream.quantiles));
    weir_encode_summary(json, &compact->stream, compact->series, &row->summary,
                        row->has_sketch ? &row->sketch : NULL);
    if (compact->sketches && row->has_sketch)
        write_sketch(&row->sketch, json);
}

const char *weir_decode_compact_expand(struct weir_decode_compact *compact, const char *bytes,
                                       size_t length, struct weir_text *json)
{
    const struct weir_compact_head *head = &compact->reader.head;
    const char *problem = weir_compact_reader_open(&compact->reader, bytes, length);
    enum weir_compact_outcome outcome;
    uint32_t count = 0;
    struct weir_batch_head envelope = {
        .gateway = head->gateway,
        .ledger = &head->ledger,
        .ranges = head->ranges,
    };

    if (problem)
        return problem;
    reserve_names(compact);
    envelope.epoch = head->epoch;
    envelope.sequence = head->sequence;
    envelope.created_ms = head->created_ms;
    envelope.clock = head->clock;
    envelope.range_count = head->range_count;
    weir_batch_write_head(json, &envelope);
    while ((outcome = weir_compact_reader_next(&compact->reader, &compact->row)) ==
           WEIR_COMPACT_ROW) {
        weir_text_add(json, count++ > 0 ? ",{" : "{");
        write_row(compact, json);
        weir_text_add(json, "}");
    }
    weir_text_add(json, "]}");
    if (outcome == WEIR_COMPACT_DAMAGED)
        return "damaged: it cannot be read to its end";
    return json->overflow ? "as JSON it is too long" : NULL;
}
