#include "port/config_token.h"

#include <ctype.h>
#include <string.h>

#define QUOTED_LENGTH_MAX 48

void weir_token_init(struct weir_token_reader *reader, const char *text, size_t length,
                     struct weir_place file, struct weir_problems *problems)
{
    *reader = (struct weir_token_reader){
        .text = text,
        .length = length,
        .file = file,
        .problems = problems,
        .line = 1,
    };
}

struct weir_place weir_token_place(const struct weir_token_reader *reader,
                                   const struct weir_token *token)
{
    struct weir_place place = reader->file;

    place.line = token->line;
    place.column = token->column;
    return place;
}

void weir_token_quote(char *out, const char *text, size_t length, char quote)
{
    bool cut = length > QUOTED_LENGTH_MAX;
    size_t shown = cut ? QUOTED_LENGTH_MAX : length;
    char *cursor = out;

    /* Not in the middle of a UTF-8 sequence. */
    while (cut && shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80)
        shown--;
    if (quote)
        *cursor++ = quote;
    for (size_t i = 0; i < shown; i++)
        *cursor++ = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
    if (cut) {
        memcpy(cursor, "...", 3);
        cursor += 3;
    }
    if (quote)
        *cursor++ = quote;
    *cursor = '\0';
}

static int peek(const struct weir_token_reader *reader, size_t ahead)
{
    size_t offset = reader->offset + ahead;

    return offset < reader->length ? (unsigned char)reader->text[offset] : -1;
}

static void step(struct weir_token_reader *reader)
{
    if (reader->text[reader->offset++] == '\n') {
        reader->line++;
        reader->line_offset = reader->offset;
    }
}

static void mark_start(const struct weir_token_reader *reader, struct weir_token *token)
{
    *token = (struct weir_token){
        .line = reader->line,
        .column = (uint32_t)(reader->offset - reader->line_offset + 1),
        .offset = (uint32_t)reader->offset,
    };
}

static bool skip_comment(struct weir_token_reader *reader)
{
    struct weir_token start;

    if (peek(reader, 0) == '#' || peek(reader, 1) == '/') {
        while (peek(reader, 0) != '\n' && peek(reader, 0) != -1)
            step(reader);
        return true;
    }
    mark_start(reader, &start);
    step(reader);
    step(reader);
    while (peek(reader, 0) != '*' || peek(reader, 1) != '/') {
        if (peek(reader, 0) == -1) {
            weir_problem_add(reader->problems, weir_token_place(reader, &start),
                             "this comment has no end; expected '*/'");
            return false;
        }
        step(reader);
    }
    step(reader);
    step(reader);
    return true;
}

static bool skip_blanks(struct weir_token_reader *reader)
{
    for (;;) {
        int c = peek(reader, 0);

        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            step(reader);
        } else if (c == '#' || (c == '/' && (peek(reader, 1) == '/' || peek(reader, 1) == '*'))) {
            if (!skip_comment(reader))
                return false;
        } else {
            return true;
        }
    }
}

/* Bytes of the escape at the reader's backslash; 0: there is no such escape. */
static size_t escape_length(const struct weir_token_reader *reader)
{
    int c = peek(reader, 1);

    if (c > 0 && strchr("nrtf\\\"", c))
        return 2;
    if (c != 'x' && c != 'X')
        return 0;
    if (peek(reader, 2) < 0 || !isxdigit(peek(reader, 2)) || peek(reader, 3) < 0 ||
        !isxdigit(peek(reader, 3)))
        return 0;
    return peek(reader, 2) == '0' && peek(reader, 3) == '0' ? 0 : 4;
}

static bool take_string(struct weir_token_reader *reader, struct weir_token *token)
{
    token->kind = WEIR_TOKEN_STRING;
    step(reader);
    for (;;) {
        int c = peek(reader, 0);
        size_t length = 1;

        if (c == -1 || c == '\n') {
            weir_problem_add(reader->problems, weir_token_place(reader, token),
                             "this text has no end; expected '\"' on the same line");
            return false;
        }
        if (c == '\\')
            length = escape_length(reader);
        if (length == 0) {
            struct weir_token at;

            mark_start(reader, &at);
            weir_problem_add(
                reader->problems, weir_token_place(reader, &at),
                "unknown escape in a text; expected \\\\ \\\" \\n \\r \\t \\f or \\x and "
                "two hexadecimal digits other than 00");
            return false;
        }
        for (size_t i = 0; i < length; i++)
            step(reader);
        if (c == '"')
            break;
    }
    return true;
}

static size_t count_digits(const char *text, size_t length)
{
    size_t count = 0;

    while (count < length && isdigit((unsigned char)text[count]))
        count++;
    return count;
}

static bool is_integer(const char *text, size_t length)
{
    size_t suffix = 0;

    while (suffix < 2 && suffix < length && text[length - 1 - suffix] == 'L')
        suffix++;
    length -= suffix;
    if (length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        for (size_t i = 2; i < length; i++) {
            if (!isxdigit((unsigned char)text[i]))
                return false;
        }
        return true;
    }
    if (length > 0 && (text[0] == '+' || text[0] == '-')) {
        text++;
        length--;
    }
    return length > 0 && count_digits(text, length) == length;
}

static bool is_float(const char *text, size_t length)
{
    size_t at = length > 0 && (text[0] == '+' || text[0] == '-');
    size_t digits = count_digits(text + at, length - at);

    at += digits;
    if (at < length && text[at] == '.') {
        size_t more = count_digits(text + at + 1, length - at - 1);

        at += 1 + more;
        digits += more;
    }
    if (digits == 0)
        return false;
    if (at < length && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        if (at < length && (text[at] == '+' || text[at] == '-'))
            at++;
        digits = count_digits(text + at, length - at);
        if (digits == 0)
            return false;
        at += digits;
    }
    return at == length;
}

/* Everything that a number could go on with, so that "10s" is one token and can be told as such. */
static bool take_number(struct weir_token_reader *reader, struct weir_token *token)
{
    const char *text = reader->text + token->offset;
    char shown[64];
    size_t length = 0;
    int before = 0;
    int c = peek(reader, 0);

    while (c > 0 && (isalnum(c) || c == '_' || c == '.' ||
                     ((c == '+' || c == '-') && (length == 0 || before == 'e' || before == 'E')))) {
        before = c;
        step(reader);
        length++;
        c = peek(reader, 0);
    }
    if (is_integer(text, length)) {
        token->kind = WEIR_TOKEN_INTEGER;
        return true;
    }
    if (is_float(text, length)) {
        token->kind = WEIR_TOKEN_FLOAT;
        return true;
    }
    weir_token_quote(shown, text, length, 0);
    if (isdigit((unsigned char)text[0]) && isalpha((unsigned char)text[length - 1]))
        weir_problem_add(reader->problems, weir_token_place(reader, token),
                         "'%s' is no number; a value with a unit is a text in quotes: \"%s\"",
                         shown, shown);
    else
        weir_problem_add(reader->problems, weir_token_place(reader, token), "'%s' is no number",
                         shown);
    return false;
}

static bool equals_word(const char *text, size_t length, const char *word)
{
    if (length != strlen(word))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (tolower((unsigned char)text[i]) != word[i])
            return false;
    }
    return true;
}

static void take_word(struct weir_token_reader *reader, struct weir_token *token)
{
    const char *text = reader->text + token->offset;
    size_t length = 0;
    int c = peek(reader, 0);

    while (c > 0 && (isalnum(c) || c == '_' || c == '-' || c == '*')) {
        step(reader);
        length++;
        c = peek(reader, 0);
    }
    token->kind = WEIR_TOKEN_NAME;
    if (equals_word(text, length, "true") || equals_word(text, length, "false"))
        token->kind = WEIR_TOKEN_BOOL;
}

static void report_garbage(struct weir_token_reader *reader, const struct weir_token *token)
{
    const char *text = reader->text + reader->offset;
    struct weir_place place = weir_token_place(reader, token);
    size_t left = reader->length - reader->offset;

    if (left >= 8 && memcmp(text, "@include", 8) == 0)
        weir_problem_add(reader->problems, place,
                         "@include is not taken; further streams and alerts stand in the files of "
                         "conf.d/");
    else if (isprint((unsigned char)*text))
        weir_problem_add(reader->problems, place, "unexpected character '%c'", *text);
    else
        weir_problem_add(reader->problems, place, "unexpected byte 0x%02x",
                         (unsigned)(unsigned char)*text);
}

bool weir_token_take(struct weir_token_reader *reader, struct weir_token *token)
{
    int c;

    if (!skip_blanks(reader))
        return false;
    mark_start(reader, token);
    c = peek(reader, 0);
    if (c == -1)
        return true;
    if (c == '"') {
        if (!take_string(reader, token))
            return false;
    } else if (isdigit(c) || c == '+' || c == '-' || c == '.') {
        if (!take_number(reader, token))
            return false;
    } else if (isalpha(c) || c == '*') {
        take_word(reader, token);
    } else if (c != 0 && strchr("=:;,{}[]()", c)) {
        token->kind = WEIR_TOKEN_MARK;
        token->mark = (char)c;
        step(reader);
    } else {
        report_garbage(reader, token);
        return false;
    }
    token->length = (uint32_t)(reader->offset - token->offset);
    return true;
}
