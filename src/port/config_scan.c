#include "port/config_scan.h"

#include <stdlib.h>
#include <string.h>

#include "port/config_token.h"

/* A group, array or list that is open. */
struct frame {
    char close;                /* the bracket that ends it; 0 for the file */
    enum weir_token_kind kind; /* of an array's first element */
    uint32_t node;
    uint32_t member_count;
};

struct member {
    uint32_t offset;
    uint32_t length;
    uint32_t line;
};

struct scanner {
    struct weir_token_reader reader;
    struct weir_token token; /* the next one, not yet used */
    struct weir_scan *scan;
    unsigned depth;
    struct frame frames[WEIR_SCAN_DEPTH_MAX + 1];
    struct member members[WEIR_SCAN_DEPTH_MAX + 1][WEIR_SCAN_MEMBER_COUNT_MAX];
};

static bool advance(struct scanner *scanner)
{
    return weir_token_take(&scanner->reader, &scanner->token);
}

/* What the report calls the next token. */
static const char *found(const struct scanner *scanner, char *buffer)
{
    const struct weir_token *token = &scanner->token;

    if (token->kind == WEIR_TOKEN_END)
        return "the end of the file";
    weir_token_quote(buffer, scanner->reader.text + token->offset, token->length,
                     token->kind == WEIR_TOKEN_STRING ? 0 : '\'');
    return buffer;
}

static bool refuse(struct scanner *scanner, const char *expected)
{
    char buffer[64];

    weir_problem_add(scanner->reader.problems, weir_token_place(&scanner->reader, &scanner->token),
                     "expected %s, found %s", expected, found(scanner, buffer));
    return false;
}

static bool refuse_because(struct scanner *scanner, const char *reason)
{
    weir_problem_add(scanner->reader.problems, weir_token_place(&scanner->reader, &scanner->token),
                     "%s", reason);
    return false;
}

/* Adds a node that starts at the next token. */
static bool add_node(struct scanner *scanner)
{
    struct weir_scan *scan = scanner->scan;

    if (scan->node_count == WEIR_SCAN_NODE_COUNT_MAX)
        return refuse_because(scanner, "too many settings; expected at most 131072 in a file");
    if (scan->node_count == scan->node_max) {
        uint32_t node_max = scan->node_max ? scan->node_max * 2 : 256;
        struct weir_scan_node *nodes = realloc(scan->nodes, node_max * sizeof(*nodes));

        if (!nodes)
            return refuse_because(scanner, "out of memory");
        scan->nodes = nodes;
        scan->node_max = node_max;
    }
    scan->nodes[scan->node_count++] = (struct weir_scan_node){
        .line = scanner->token.line,
        .column = scanner->token.column,
    };
    return true;
}

/* True when the next token is the mark given. */
static bool at_mark(const struct scanner *scanner, char mark)
{
    return scanner->token.kind == WEIR_TOKEN_MARK && scanner->token.mark == mark;
}

/* What has to stand behind a value: in a group nothing, in a list a comma or the end. */
static bool end_value(struct scanner *scanner)
{
    const struct frame *frame = &scanner->frames[scanner->depth];
    char expected[] = "',' or '?'";

    if (frame->close == 0 || frame->close == '}')
        return (!at_mark(scanner, ';') && !at_mark(scanner, ',')) || advance(scanner);
    if (at_mark(scanner, frame->close))
        return true;
    if (at_mark(scanner, ',')) {
        if (!advance(scanner))
            return false;
        if (at_mark(scanner, frame->close))
            return refuse(scanner, "a value behind the last comma");
        return true;
    }
    expected[8] = frame->close;
    return refuse(scanner, expected);
}

static bool open_frame(struct scanner *scanner, char close)
{
    if (scanner->frames[scanner->depth].close == ']')
        return refuse(scanner, "a plain value in an array [ ]; groups stand in a list ( )");
    if (scanner->depth == WEIR_SCAN_DEPTH_MAX)
        return refuse_because(scanner, "nested deeper than 16 levels");
    scanner->frames[++scanner->depth] = (struct frame){
        .close = close,
        .node = scanner->scan->node_count - 1,
    };
    return advance(scanner);
}

static bool close_frame(struct scanner *scanner)
{
    const struct frame *frame = &scanner->frames[scanner->depth];
    struct weir_scan_node *node = &scanner->scan->nodes[frame->node];

    node->value_length = scanner->token.offset + 1 - node->value_offset;
    scanner->depth--;
    return advance(scanner) && end_value(scanner);
}

/* libconfig takes an array whose elements differ for a mistake, without naming the place. */
static bool check_element_kind(struct scanner *scanner)
{
    struct frame *frame = &scanner->frames[scanner->depth];

    if (frame->close != ']')
        return true;
    if (frame->member_count == 1)
        frame->kind = scanner->token.kind;
    if (frame->kind == scanner->token.kind)
        return true;
    return refuse(scanner, "values of one kind in an array [ ] (1 and 1.0 are two kinds)");
}

static bool end_scalar(struct scanner *scanner)
{
    bool string = scanner->token.kind == WEIR_TOKEN_STRING;
    struct weir_scan_node *node = &scanner->scan->nodes[scanner->scan->node_count - 1];

    if (!check_element_kind(scanner))
        return false;
    node->value_length = scanner->token.length;
    if (!advance(scanner))
        return false;
    if (string && scanner->token.kind == WEIR_TOKEN_STRING) {
        char buffer[64];

        weir_problem_add(scanner->reader.problems,
                         weir_token_place(&scanner->reader, &scanner->token),
                         "missing comma before %s; two texts side by side would become one",
                         found(scanner, buffer));
        return false;
    }
    return end_value(scanner);
}

/* The value of the newest node, from the next token on. */
static bool take_value(struct scanner *scanner)
{
    struct weir_scan_node *node = &scanner->scan->nodes[scanner->scan->node_count - 1];
    char buffer[64];

    node->value_line = scanner->token.line;
    node->value_column = scanner->token.column;
    node->value_offset = scanner->token.offset;
    switch (scanner->token.kind) {
    case WEIR_TOKEN_STRING:
    case WEIR_TOKEN_INTEGER:
    case WEIR_TOKEN_FLOAT:
    case WEIR_TOKEN_BOOL:
        return end_scalar(scanner);
    case WEIR_TOKEN_NAME:
        weir_problem_add(scanner->reader.problems,
                         weir_token_place(&scanner->reader, &scanner->token),
                         "%s is no value; a text stands in quotes", found(scanner, buffer));
        return false;
    case WEIR_TOKEN_MARK:
        if (scanner->token.mark == '{')
            return open_frame(scanner, '}');
        if (scanner->token.mark == '[')
            return open_frame(scanner, ']');
        if (scanner->token.mark == '(')
            return open_frame(scanner, ')');
        break;
    case WEIR_TOKEN_END:
        break;
    }
    return refuse(scanner, "a value");
}

static bool add_member(struct scanner *scanner)
{
    struct frame *frame = &scanner->frames[scanner->depth];
    struct member *members = scanner->members[scanner->depth];
    const struct weir_token *token = &scanner->token;
    const char *text = scanner->reader.text;
    char buffer[64];

    for (uint32_t i = 0; i < frame->member_count; i++) {
        if (members[i].length == token->length &&
            memcmp(text + members[i].offset, text + token->offset, token->length) == 0) {
            weir_problem_add(scanner->reader.problems, weir_token_place(&scanner->reader, token),
                             "%s is set a second time; the first is in line %u",
                             found(scanner, buffer), (unsigned)members[i].line);
            return false;
        }
    }
    if (frame->member_count == WEIR_SCAN_MEMBER_COUNT_MAX)
        return refuse_because(scanner, "too many settings; expected at most 256 in a group");
    members[frame->member_count++] = (struct member){token->offset, token->length, token->line};
    return true;
}

static bool take_setting(struct scanner *scanner)
{
    if (scanner->token.kind != WEIR_TOKEN_NAME)
        return refuse(scanner, scanner->depth > 0 ? "the name of a setting or '}'"
                                                  : "the name of a setting");
    if (!add_member(scanner) || !add_node(scanner) || !advance(scanner))
        return false;
    if (!at_mark(scanner, '=') && !at_mark(scanner, ':'))
        return refuse(scanner, "'=' behind the name of a setting");
    return advance(scanner) && take_value(scanner);
}

static bool take_element(struct scanner *scanner)
{
    struct frame *frame = &scanner->frames[scanner->depth];

    if (frame->member_count == WEIR_SCAN_ELEMENT_COUNT_MAX)
        return refuse_because(scanner, "too many elements; expected at most 1024 in a list");
    frame->member_count++;
    return add_node(scanner) && take_value(scanner);
}

static bool refuse_end(struct scanner *scanner)
{
    const struct frame *frame = &scanner->frames[scanner->depth];
    const struct weir_scan_node *node = &scanner->scan->nodes[frame->node];
    char open = scanner->reader.text[node->value_offset];

    weir_problem_add(scanner->reader.problems, weir_token_place(&scanner->reader, &scanner->token),
                     "expected '%c', found the end of the file; '%c' was opened in line %u",
                     frame->close, open, (unsigned)node->value_line);
    return false;
}

static bool scan_all(struct scanner *scanner)
{
    if (!advance(scanner) || !add_node(scanner))
        return false;
    for (;;) {
        struct frame *frame = &scanner->frames[scanner->depth];
        bool taken;

        if (scanner->token.kind == WEIR_TOKEN_END)
            return scanner->depth == 0 || refuse_end(scanner);
        if (frame->close != 0 && at_mark(scanner, frame->close)) {
            taken = close_frame(scanner);
        } else if (frame->close == 0 || frame->close == '}') {
            taken = take_setting(scanner);
        } else {
            taken = take_element(scanner);
        }
        if (!taken)
            return false;
    }
}

enum weir_status weir_scan_text(struct weir_scan *scan, const char *text, size_t length,
                                struct weir_place file, struct weir_problems *problems)
{
    struct scanner *scanner = calloc(1, sizeof(*scanner));
    bool scanned;

    *scan = (struct weir_scan){0};
    if (!scanner) {
        weir_problem_add(problems, file, "out of memory");
        return WEIR_REFUSED;
    }
    scanner->scan = scan;
    weir_token_init(&scanner->reader, text, length, file, problems);
    scanned = scan_all(scanner);
    if (scanned)
        scan->nodes[0] = (struct weir_scan_node){1, 1, 1, 1, 0, (uint32_t)length};
    free(scanner);
    return scanned ? WEIR_OK : WEIR_REFUSED;
}

void weir_scan_release(struct weir_scan *scan)
{
    free(scan->nodes);
    *scan = (struct weir_scan){0};
}
