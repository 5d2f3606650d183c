#include "format/json_text.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hexadecimal digits at text; -1: there are none. */
static int32_t read_unit(const char *text, const char *end)
{
    int32_t unit = 0;

    if (end - text < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

const char *weir_json_skip_escape(const char *text, const char *end)
{
    if (end - text < 2)
        return NULL;
    switch (text[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return text + 2;
    case 'u':
        return read_unit(text + 2, end) >= 0 ? text + 6 : NULL;
    default:
        return NULL;
    }
}

const char *weir_json_skip_sequence(const char *text, const char *end)
{
    unsigned char first = (unsigned char)text[0];
    unsigned char second_min = 0x80;
    unsigned char second_max = 0xbf;
    int length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (first < 0xc2 || first > 0xf4 || end - text < length)
        return NULL;
    if (first == 0xe0)
        second_min = 0xa0;
    else if (first == 0xed)
        second_max = 0x9f;
    else if (first == 0xf0)
        second_min = 0x90;
    else if (first == 0xf4)
        second_max = 0x8f;
    if ((unsigned char)text[1] < second_min || (unsigned char)text[1] > second_max)
        return NULL;
    for (int i = 2; i < length; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return NULL;
    }
    return text + length;
}

bool weir_json_is_text(const char *bytes, size_t length)
{
    const char *end = bytes + length;

    while (bytes < end) {
        bytes = (unsigned char)*bytes >= 0x80 ? weir_json_skip_sequence(bytes, end) : bytes + 1;
        if (!bytes)
            return false;
    }
    return true;
}

static size_t put_utf8(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* The character of a valid escape; *text is at its backslash and moved behind it. -1: lone
 * surrogate. */
static int32_t resolve_escape(const char **text, const char *end)
{
    static const char letters[] = "bfnrt";
    static const char controls[] = "\b\f\n\r\t";
    const char *cursor = *text;
    const char *letter;
    int32_t code;

    if (cursor[1] != 'u') {
        letter = strchr(letters, cursor[1]);
        *text = cursor + 2;
        return letter ? controls[letter - letters] : cursor[1];
    }
    code = read_unit(cursor + 2, end);
    *text = cursor + 6;
    if (code >= 0xd800 && code < 0xdc00 && end - cursor >= 12 && cursor[6] == '\\' &&
        cursor[7] == 'u') {
        int32_t low = read_unit(cursor + 8, end);

        if (low < 0xdc00 || low > 0xdfff)
            return -1;
        *text = cursor + 12;
        return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    return code >= 0xd800 && code < 0xe000 ? -1 : code;
}

ptrdiff_t weir_json_unescape_text(const char *text, size_t length, char *out, size_t size)
{
    const char *end = text + length;
    size_t used = 0;

    while (text < end) {
        char piece[4];
        size_t piece_length = 1;

        if (*text == '\\') {
            int32_t code = resolve_escape(&text, end);

            if (code < 0)
                return -1;
            piece_length = put_utf8((uint32_t)code, piece);
        } else {
            piece[0] = *text++;
        }
        if (piece_length > size - used)
            return -1;
        memcpy(out + used, piece, piece_length);
        used += piece_length;
    }
    return (ptrdiff_t)used;
}

ptrdiff_t weir_json_unescape(const struct weir_json_value *value, char *out, size_t size)
{
    if (value->kind != WEIR_JSON_STRING)
        return -1;
    return weir_json_unescape_text(value->text, value->length, out, size);
}
