/*
 * JSON as plainly as it can be read: by recursion, byte by byte, and once more for every step of a
 * path.
 */
#ifndef TESTS_SUPPORT_JSON_REFERENCE_H
#define TESTS_SUPPORT_JSON_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/json.h"

struct reference {
    const char *cursor;
    const char *end;
    unsigned depth_left;
};

static inline bool reference_value(struct reference *reference);

static inline int reference_peek(const struct reference *reference)
{
    return reference->cursor < reference->end ? (unsigned char)*reference->cursor : -1;
}

static inline bool reference_take(struct reference *reference, char c)
{
    if (reference_peek(reference) != (unsigned char)c)
        return false;
    reference->cursor++;
    return true;
}

static inline void reference_blanks(struct reference *reference)
{
    while (reference_take(reference, ' ') || reference_take(reference, '\t') ||
           reference_take(reference, '\n') || reference_take(reference, '\r'))
        ;
}

static inline bool reference_digits(struct reference *reference)
{
    const char *start = reference->cursor;

    while (reference_peek(reference) >= '0' && reference_peek(reference) <= '9')
        reference->cursor++;
    return reference->cursor > start;
}

static inline bool reference_number(struct reference *reference)
{
    (void)reference_take(reference, '-');
    if (!reference_take(reference, '0') && !reference_digits(reference))
        return false;
    if (reference_take(reference, '.') && !reference_digits(reference))
        return false;
    if (reference_take(reference, 'e') || reference_take(reference, 'E')) {
        if (!reference_take(reference, '+'))
            (void)reference_take(reference, '-');
        return reference_digits(reference);
    }
    return true;
}

static inline bool reference_word(struct reference *reference, const char *word)
{
    while (*word) {
        if (!reference_take(reference, *word++))
            return false;
    }
    return true;
}

/* The code unit of four hexadecimal digits; -1: none. */
static inline long reference_unit(struct reference *reference)
{
    char digits[5] = "";

    for (int i = 0; i < 4; i++) {
        int c = reference_peek(reference);

        if (c <= 0 || !strchr("0123456789abcdefABCDEF", c))
            return -1;
        digits[i] = (char)c;
        reference->cursor++;
    }
    return strtol(digits, NULL, 16);
}

/* The code point of a UTF-8 sequence; -1: not valid. */
static inline long reference_sequence(struct reference *reference)
{
    static const long smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    int first = reference_peek(reference);
    int length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : 4;
    long code = length == 1 ? first : first & (0x7f >> length);

    if (first < 0 || (first >= 0x80 && first >> 6 == 2) || first >> 3 == 31)
        return -1;
    reference->cursor++;
    for (int i = 1; i < length; i++) {
        int c = reference_peek(reference);

        if (c < 0 || c >> 6 != 2)
            return -1;
        code = code * 64 + (c & 0x3f);
        reference->cursor++;
    }
    if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return -1;
    return code;
}

/*
 * Reads a string. codes, if not NULL, receives its characters, lone surrogates included, `room` of
 * them at most; *count their number.
 */
static inline bool reference_string(struct reference *reference, long *codes, size_t room,
                                    size_t *count)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char characters[] = "\"\\/\b\f\n\r\t";

    *count = 0;
    if (!reference_take(reference, '"'))
        return false;
    while (!reference_take(reference, '"')) {
        bool joins = false;
        long code;

        if (reference_peek(reference) < 0x20)
            return false;
        if (!reference_take(reference, '\\')) {
            code = reference_sequence(reference);
        } else if (reference_take(reference, 'u')) {
            code = reference_unit(reference);
            joins = code >= 0xdc00 && code < 0xe000 && *count > 0 && codes && *count <= room &&
                    codes[*count - 1] >= 0xd800 && codes[*count - 1] < 0xdc00;
        } else {
            const char *letter = NULL;

            if (reference_peek(reference) > 0)
                letter = strchr(letters, reference_peek(reference));
            if (!letter)
                return false;
            code = characters[letter - letters];
            reference->cursor++;
        }
        if (code < 0)
            return false;
        if (joins)
            codes[*count - 1] = 0x10000 + ((codes[*count - 1] - 0xd800) << 10) + (code - 0xdc00);
        else if ((*count)++ < room && codes)
            codes[*count - 1] = code;
    }
    return true;
}

static inline bool reference_container(struct reference *reference, char open, char close)
{
    if (!reference_take(reference, open) || reference->depth_left == 0)
        return false;
    reference->depth_left--;
    reference_blanks(reference);
    if (!reference_take(reference, close)) {
        for (;;) {
            size_t count;

            if (open == '{') {
                reference_blanks(reference);
                if (!reference_string(reference, NULL, 0, &count))
                    return false;
                reference_blanks(reference);
                if (!reference_take(reference, ':'))
                    return false;
            }
            if (!reference_value(reference))
                return false;
            if (reference_take(reference, close))
                break;
            if (!reference_take(reference, ','))
                return false;
        }
    }
    reference->depth_left++;
    return true;
}

/* Reads a value and the blanks around it. */
static inline bool reference_value(struct reference *reference)
{
    size_t count;
    bool valid;

    reference_blanks(reference);
    switch (reference_peek(reference)) {
    case '{':
        valid = reference_container(reference, '{', '}');
        break;
    case '[':
        valid = reference_container(reference, '[', ']');
        break;
    case '"':
        valid = reference_string(reference, NULL, 0, &count);
        break;
    case 't':
        valid = reference_word(reference, "true");
        break;
    case 'f':
        valid = reference_word(reference, "false");
        break;
    case 'n':
        valid = reference_word(reference, "null");
        break;
    default:
        valid = reference_number(reference);
        break;
    }
    reference_blanks(reference);
    return valid;
}

static inline bool reference_valid(const char *text, size_t length, unsigned depth_max)
{
    struct reference reference = {text, text + length, depth_max};

    return reference_value(&reference) && reference.cursor == reference.end;
}

/* True when the key that is read next is `key`, of length bytes. */
static inline bool reference_key(struct reference *reference, const char *key, size_t length)
{
    struct reference wanted = {key, key + length, 0};
    long codes[512];
    size_t count;
    size_t i = 0;

    (void)reference_string(reference, codes, 512, &count);
    while (i < count && i < 512 && wanted.cursor < wanted.end) {
        if (reference_sequence(&wanted) != codes[i])
            return false;
        i++;
    }
    return i == count && wanted.cursor == wanted.end;
}

/* The member or element under one step of the valid value at text; NULL: there is none. */
static inline const char *reference_step(const char *text, const char *end, const char *step,
                                         size_t length)
{
    struct reference reference = {text, end, WEIR_JSON_STACK_MAX};
    bool object = *text == '{';
    const char *found = NULL;
    char index_text[16];
    size_t index = 0;

    if (*text != '{' && *text != '[')
        return NULL;
    reference.cursor++;
    reference_blanks(&reference);
    if (reference_take(&reference, object ? '}' : ']'))
        return NULL;
    do {
        bool wanted;

        reference_blanks(&reference);
        if (object) {
            wanted = reference_key(&reference, step, length);
            reference_blanks(&reference);
            (void)reference_take(&reference, ':');
            reference_blanks(&reference);
        } else {
            (void)snprintf(index_text, sizeof(index_text), "%zu", index++);
            wanted = strlen(index_text) == length && memcmp(index_text, step, length) == 0;
        }
        if (wanted)
            found = reference.cursor;
        (void)reference_value(&reference);
    } while (reference_take(&reference, ','));
    return found;
}

/* What a path without quotes finds in a valid text. */
static inline struct weir_json_value reference_find(const char *text, size_t length,
                                                    const char *path)
{
    struct weir_json_value value = {.kind = WEIR_JSON_MISSING};
    struct reference reference = {text, text + length, WEIR_JSON_STACK_MAX};
    const char *end = text + length;

    reference_blanks(&reference);
    text = reference.cursor;
    while (text && path) {
        size_t step_length = strcspn(path, ".");

        text = reference_step(text, end, path, step_length);
        path = path[step_length] == '.' ? path + step_length + 1 : NULL;
    }
    if (!text)
        return value;
    reference.cursor = text;
    (void)reference_value(&reference);
    length = (size_t)(reference.cursor - text);
    while (strchr(" \t\r\n", text[length - 1]))
        length--;
    value.kind = *text == '{'   ? WEIR_JSON_OBJECT
                 : *text == '[' ? WEIR_JSON_ARRAY
                 : *text == '"' ? WEIR_JSON_STRING
                 : *text == 't' ? WEIR_JSON_TRUE
                 : *text == 'f' ? WEIR_JSON_FALSE
                 : *text == 'n' ? WEIR_JSON_NULL
                                : WEIR_JSON_NUMBER;
    value.text = text;
    value.length = (uint32_t)length;
    if (value.kind == WEIR_JSON_STRING) {
        value.text++;
        value.length -= 2;
        value.escaped = memchr(value.text, '\\', value.length) != NULL;
    }
    return value;
}

#endif
