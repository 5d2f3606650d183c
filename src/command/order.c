#include "command/order.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "format/json.h"
#include "port/config_value.h"

#define DEPTH_MAX 4

enum member {
    MEMBER_COMMAND,
    MEMBER_RULE,
    MEMBER_SERIES,
    MEMBER_ID,
    MEMBER_FOR,
    MEMBER_BY,
    MEMBER_FORM,
    MEMBER_COUNT,
};

static const char *const member_names[MEMBER_COUNT] = {"command", "rule", "series", "id",
                                                       "for",     "by",   "form"};

static const char *const kind_names[] = {
    [WEIR_ORDER_ACKNOWLEDGE] = "ack",
    [WEIR_ORDER_SHELVE] = "shelve",
    [WEIR_ORDER_UNSHELVE] = "unshelve",
    [WEIR_ORDER_EXPLAIN] = "explain",
};

#define KIND_COUNT (sizeof(kind_names) / sizeof(kind_names[0]))

/* A member's text; one that is missing leaves out as it is. */
static bool read_text(const struct weir_json_value *values, enum member member, char *out,
                      size_t size, char problem[static WEIR_ORDER_PROBLEM_SIZE])
{
    ptrdiff_t length;

    if (values[member].kind == WEIR_JSON_MISSING)
        return true;
    length = weir_json_unescape(&values[member], out, size - 1);
    if (length < 0 || memchr(out, '\0', (size_t)length)) {
        (void)snprintf(problem, WEIR_ORDER_PROBLEM_SIZE,
                       "\"%s\" has to be a text of at most %zu bytes", member_names[member],
                       size - 1);
        return false;
    }
    out[length] = '\0';
    return true;
}

static bool read_kind(struct weir_order *order, const char *word,
                      char problem[static WEIR_ORDER_PROBLEM_SIZE])
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(word, kind_names[i]) != 0)
            continue;
        order->kind = (enum weir_order_kind)i;
        return true;
    }
    (void)snprintf(problem, WEIR_ORDER_PROBLEM_SIZE,
                   "\"command\" has to be ack, shelve, unshelve or explain");
    return false;
}

bool weir_order_read_id(const char *text, uint64_t *id)
{
    int end = 0;

    return strlen(text) == 16 && strspn(text, "0123456789abcdef") == 16 &&
           sscanf(text, "%16" SCNx64 "%n", id, &end) == 1 && end == 16;
}

static bool read_details(struct weir_order *order, const struct weir_json_value *values,
                         char problem[static WEIR_ORDER_PROBLEM_SIZE])
{
    char text[WEIR_NAME_LENGTH_MAX + 1] = "";

    if (!read_text(values, MEMBER_ID, text, sizeof(text), problem))
        return false;
    order->has_id = text[0] != '\0';
    if (order->has_id && !weir_order_read_id(text, &order->id)) {
        (void)snprintf(problem, WEIR_ORDER_PROBLEM_SIZE, "\"id\" has to be 16 hexadecimal digits");
        return false;
    }
    text[0] = '\0';
    if (!read_text(values, MEMBER_FOR, text, sizeof(text), problem))
        return false;
    if (order->kind == WEIR_ORDER_SHELVE &&
        (!weir_value_duration(text, &order->duration_ms) || order->duration_ms <= 0)) {
        (void)snprintf(problem, WEIR_ORDER_PROBLEM_SIZE,
                       "\"for\" has to be a duration, like \"2h\"");
        return false;
    }
    text[0] = '\0';
    if (!read_text(values, MEMBER_FORM, text, sizeof(text), problem))
        return false;
    order->as_text = strcmp(text, "text") == 0;
    return read_text(values, MEMBER_BY, order->by, sizeof(order->by), problem);
}

static bool read_object(struct weir_order *order, const char *text, size_t length,
                        char problem[static WEIR_ORDER_PROBLEM_SIZE])
{
    struct weir_json_value values[MEMBER_COUNT];
    struct weir_json_paths paths;
    char word[16] = "";
    enum weir_status status =
        weir_json_compile(&paths, member_names, MEMBER_COUNT, DEPTH_MAX, NULL);

    assert(status == WEIR_OK);
    status = weir_json_scan(&paths, text, length, values);
    if (status != WEIR_OK) {
        (void)snprintf(problem, WEIR_ORDER_PROBLEM_SIZE, "a command has to be a JSON object");
        return false;
    }
    return read_text(values, MEMBER_COMMAND, word, sizeof(word), problem) &&
           read_kind(order, word, problem) &&
           read_text(values, MEMBER_RULE, order->rule, sizeof(order->rule), problem) &&
           read_text(values, MEMBER_SERIES, order->series, sizeof(order->series), problem) &&
           read_details(order, values, problem);
}

bool weir_order_read(struct weir_order *order, const char *text, size_t length,
                     char problem[static WEIR_ORDER_PROBLEM_SIZE])
{
    static const enum weir_order_kind bare[] = {WEIR_ORDER_ACKNOWLEDGE, WEIR_ORDER_UNSHELVE};

    order->has_id = false;
    order->by[0] = '\0';
    for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++) {
        const char *name = kind_names[bare[i]];

        order->kind = bare[i];
        if (length == strlen(name) && memcmp(text, name, length) == 0)
            return true;
    }
    if (length > WEIR_ORDER_LENGTH_MAX) {
        (void)snprintf(problem, WEIR_ORDER_PROBLEM_SIZE, "a command has at most %d bytes",
                       WEIR_ORDER_LENGTH_MAX);
        return false;
    }
    return read_object(order, text, length, problem);
}

static void add_member(struct weir_text *text, enum member member, const char *value)
{
    weir_text_add(text, member == MEMBER_COMMAND ? "{" : ",");
    weir_text_add_quoted(text, member_names[member]);
    weir_text_add(text, ":");
    weir_text_add_quoted(text, value);
}

void weir_order_write(struct weir_text *text, const struct weir_order *order)
{
    char bytes[32];

    add_member(text, MEMBER_COMMAND, kind_names[order->kind]);
    add_member(text, MEMBER_RULE, order->rule);
    add_member(text, MEMBER_SERIES, order->series);
    if (order->has_id) {
        (void)snprintf(bytes, sizeof(bytes), "%016" PRIx64, order->id);
        add_member(text, MEMBER_ID, bytes);
    }
    if (order->kind == WEIR_ORDER_SHELVE) {
        weir_value_print_duration(bytes, order->duration_ms);
        add_member(text, MEMBER_FOR, bytes);
    }
    if (order->by[0] != '\0')
        add_member(text, MEMBER_BY, order->by);
    if (order->kind == WEIR_ORDER_EXPLAIN)
        add_member(text, MEMBER_FORM, order->as_text ? "text" : "json");
    weir_text_add(text, "}");
}

void weir_order_answer(struct weir_text *text, const char *problem)
{
    if (!problem) {
        weir_text_add(text, "{\"ok\":true}");
        return;
    }
    weir_text_add(text, "{\"ok\":false,\"error\":");
    weir_text_add_quoted(text, problem);
    weir_text_add(text, "}");
}
