#include "command/decode_row.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"

/* What a column holds. */
enum content { CONTENT_TEXT, CONTENT_COUNT, CONTENT_NUMBER };

static const struct column {
    char name[12];
    enum content content;
    bool required;
} columns[WEIR_COLUMN_KIND_COUNT] = {
    [WEIR_COLUMN_GATEWAY] = {"gateway", CONTENT_TEXT, true},
    [WEIR_COLUMN_EPOCH] = {"epoch", CONTENT_TEXT, true},
    [WEIR_COLUMN_SEQ] = {"seq", CONTENT_COUNT, true},
    [WEIR_COLUMN_STREAM] = {"stream", CONTENT_TEXT, true},
    [WEIR_COLUMN_SERIES] = {"series", CONTENT_TEXT, true},
    [WEIR_COLUMN_FIELD] = {"field", CONTENT_TEXT, true},
    [WEIR_COLUMN_UNIT] = {"unit", CONTENT_TEXT, false},
    [WEIR_COLUMN_START] = {"start", CONTENT_COUNT, true},
    [WEIR_COLUMN_END] = {"end", CONTENT_COUNT, true},
    [WEIR_COLUMN_REVISION] = {"revision", CONTENT_COUNT, true},
    [WEIR_COLUMN_COUNT] = {"count", CONTENT_COUNT, false},
    [WEIR_COLUMN_SUM] = {"sum", CONTENT_NUMBER, false},
    [WEIR_COLUMN_MIN] = {"min", CONTENT_NUMBER, false},
    [WEIR_COLUMN_MAX] = {"max", CONTENT_NUMBER, false},
    [WEIR_COLUMN_MEAN] = {"mean", CONTENT_NUMBER, false},
    [WEIR_COLUMN_STDDEV] = {"stddev", CONTENT_NUMBER, false},
    [WEIR_COLUMN_FIRST] = {"first", CONTENT_NUMBER, false},
    [WEIR_COLUMN_LAST] = {"last", CONTENT_NUMBER, false},
    [WEIR_COLUMN_DELTA] = {"delta", CONTENT_NUMBER, false},
    [WEIR_COLUMN_RATE] = {"rate", CONTENT_NUMBER, false},
};

/* The first column that a summary has of its own; those before it are the batch's. */
#define OWN_FIRST WEIR_COLUMN_STREAM

void weir_row_reader_init(struct weir_row_reader *reader, char *scratch, size_t scratch_size)
{
    const char *paths[WEIR_COLUMN_KIND_COUNT - OWN_FIRST];
    enum weir_status status;

    for (int i = OWN_FIRST; i < WEIR_COLUMN_KIND_COUNT; i++)
        paths[i - OWN_FIRST] = columns[i].name;
    status = weir_json_compile(&reader->paths, paths, WEIR_COLUMN_KIND_COUNT - OWN_FIRST,
                               WEIR_JSON_STACK_MAX, NULL);
    assert(status == WEIR_OK);
    (void)status;
    reader->scratch = scratch;
    reader->scratch_size = scratch_size;
}

static bool has_content(const struct column *column, const struct weir_json_value *value)
{
    switch (column->content) {
    case CONTENT_TEXT:
        return value->kind == WEIR_JSON_STRING;
    case CONTENT_COUNT:
        return weir_batch_is_count(value);
    case CONTENT_NUMBER:
        break;
    }
    return value->kind == WEIR_JSON_NUMBER;
}

/* False: there are too many, or one is no number. */
static bool read_quantiles(const char *text, struct weir_row *row)
{
    struct weir_json_value value;
    uint16_t thousandths;

    row->quantile_count = 0;
    while ((thousandths = weir_batch_next_quantile(&text, &value)) != 0) {
        if (row->quantile_count == WEIR_QUANTILE_COUNT_MAX || value.kind != WEIR_JSON_NUMBER)
            return false;
        row->quantiles[row->quantile_count].thousandths = thousandths;
        row->quantiles[row->quantile_count].text = value.text;
        row->quantiles[row->quantile_count++].length = value.length;
    }
    return true;
}

bool weir_row_reader_read(const struct weir_row_reader *reader, const struct weir_batch_view *view,
                          const char *text, size_t length, struct weir_row *row)
{
    struct weir_json_value values[WEIR_COLUMN_KIND_COUNT] = {
        [WEIR_COLUMN_GATEWAY] = view->gateway,
        [WEIR_COLUMN_EPOCH] = view->epoch,
        [WEIR_COLUMN_SEQ] = view->sequence,
    };
    size_t used = 0;

    if (weir_json_scan(&reader->paths, text, length, &values[OWN_FIRST]) != WEIR_OK ||
        !read_quantiles(text, row))
        return false;
    for (int i = 0; i < WEIR_COLUMN_KIND_COUNT; i++) {
        const struct weir_json_value *value = &values[i];
        ptrdiff_t unescaped;

        row->columns[i].text = NULL;
        row->columns[i].length = 0;
        if (value->kind == WEIR_JSON_MISSING && !columns[i].required)
            continue;
        if (!has_content(&columns[i], value))
            return false;
        row->columns[i].text = value->text;
        row->columns[i].length = value->length;
        if (value->kind != WEIR_JSON_STRING || !value->escaped)
            continue;
        unescaped = weir_json_unescape(value, reader->scratch + used, reader->scratch_size - used);
        if (unescaped < 0)
            return false;
        row->columns[i].text = reader->scratch + used;
        row->columns[i].length = (size_t)unescaped;
        used += (size_t)unescaped;
    }
    return true;
}

static void add(struct weir_writer *writer, const char *string)
{
    weir_writer_add(writer, string, strlen(string));
}

static void add_column(struct weir_writer *writer, const struct weir_row *row,
                       enum weir_column column)
{
    weir_writer_add(writer, row->columns[column].text, row->columns[column].length);
}

void weir_row_write_csv_head(struct weir_writer *writer)
{
    for (int i = 0; i < WEIR_COLUMN_KIND_COUNT; i++) {
        add(writer, i > 0 ? "," : "");
        add(writer, columns[i].name);
    }
    add(writer, ",quantiles\n");
}

static void add_quantile(struct weir_writer *writer, const struct weir_row *row, uint32_t index)
{
    char name[WEIR_QUANTILE_NAME_SIZE];

    weir_quantile_name(row->quantiles[index].thousandths, name);
    add(writer, name);
    add(writer, "=");
    weir_writer_add(writer, row->quantiles[index].text, row->quantiles[index].length);
}

/* Quotes where the text has a comma, a quote or the end of a line in it; a quote is doubled. */
static void add_csv(struct weir_writer *writer, const char *text, size_t length)
{
    bool quoted = false;

    for (size_t i = 0; i < length; i++)
        quoted |= text[i] == ',' || text[i] == '"' || text[i] == '\r' || text[i] == '\n';
    if (!quoted) {
        weir_writer_add(writer, text, length);
        return;
    }
    add(writer, "\"");
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"')
            add(writer, "\"");
        weir_writer_add(writer, text + i, 1);
    }
    add(writer, "\"");
}

void weir_row_write_csv(struct weir_writer *writer, const struct weir_row *row)
{
    for (int i = 0; i < WEIR_COLUMN_KIND_COUNT; i++) {
        add(writer, i > 0 ? "," : "");
        if (row->columns[i].text)
            add_csv(writer, row->columns[i].text, row->columns[i].length);
    }
    for (uint32_t i = 0; i < row->quantile_count; i++) {
        add(writer, i > 0 ? ";" : ",");
        add_quantile(writer, row, i);
    }
    add(writer, row->quantile_count > 0 ? "\n" : ",\n");
}

/* A name of line protocol: what would end it, one of `special`, goes behind a backslash. */
static void add_name(struct weir_writer *writer, const char *text, size_t length,
                     const char *special)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        char escape[3] = {'%', "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15]};

        if (c < 0x20 || c == 0x7f || (c == '\\' && i + 1 == length)) {
            weir_writer_add(writer, escape, sizeof(escape));
            continue;
        }
        if (strchr(special, c))
            add(writer, "\\");
        weir_writer_add(writer, text + i, 1);
    }
}

static void add_tag(struct weir_writer *writer, const struct weir_row *row, enum weir_column column)
{
    if (row->columns[column].length == 0)
        return;
    add(writer, ",");
    add(writer, columns[column].name);
    add(writer, "=");
    add_name(writer, row->columns[column].text, row->columns[column].length, ",= ");
}

static bool read_count(const struct weir_row *row, enum weir_column column, uint64_t *count)
{
    const struct weir_json_value value = {.kind = WEIR_JSON_NUMBER,
                                          .text = row->columns[column].text,
                                          .length = (uint32_t)row->columns[column].length};

    return weir_batch_read_count(&value, count);
}

/* A coarser row may begin where a finer one began, and must not take its place. */
static void add_window(struct weir_writer *writer, const struct weir_row *row)
{
    char bytes[32];
    uint64_t start;
    uint64_t end;

    if (!read_count(row, WEIR_COLUMN_START, &start) || !read_count(row, WEIR_COLUMN_END, &end))
        return;
    (void)snprintf(bytes, sizeof(bytes), ",window=%" PRIu64, end - start);
    add(writer, bytes);
}

void weir_row_write_line(struct weir_writer *writer, const struct weir_row *row)
{
    add_name(writer, row->columns[WEIR_COLUMN_STREAM].text, row->columns[WEIR_COLUMN_STREAM].length,
             ", ");
    add_tag(writer, row, WEIR_COLUMN_FIELD);
    add_tag(writer, row, WEIR_COLUMN_GATEWAY);
    add_tag(writer, row, WEIR_COLUMN_SERIES);
    add_tag(writer, row, WEIR_COLUMN_UNIT);
    add_window(writer, row);
    add(writer, " revision=");
    add_column(writer, row, WEIR_COLUMN_REVISION);
    add(writer, "i");
    for (int i = WEIR_COLUMN_COUNT; i < WEIR_COLUMN_KIND_COUNT; i++) {
        if (!row->columns[i].text)
            continue;
        add(writer, ",");
        add(writer, columns[i].name);
        add(writer, "=");
        add_column(writer, row, (enum weir_column)i);
        add(writer, columns[i].content == CONTENT_COUNT ? "i" : "");
    }
    for (uint32_t i = 0; i < row->quantile_count; i++) {
        add(writer, ",");
        add_quantile(writer, row, i);
    }
    add(writer, " ");
    add_column(writer, row, WEIR_COLUMN_START);
    add(writer, "000000\n");
}
