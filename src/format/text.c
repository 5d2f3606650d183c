#include "format/text.h"

#include <math.h>
#include <string.h>

#include "format/number.h"

void weir_text_add_bytes(struct weir_text *text, const char *bytes, size_t length)
{
    if (text->overflow || length > text->size - text->length) {
        text->overflow = true;
        return;
    }
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

void weir_text_add(struct weir_text *text, const char *string)
{
    weir_text_add_bytes(text, string, strlen(string));
}

void weir_text_add_uint(struct weir_text *text, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    weir_text_add_bytes(text, digits + at, sizeof(digits) - at);
}

void weir_text_add_int(struct weir_text *text, int64_t number)
{
    if (number >= 0) {
        weir_text_add_uint(text, (uint64_t)number);
        return;
    }
    weir_text_add_bytes(text, "-", 1);
    weir_text_add_uint(text, 0 - (uint64_t)number);
}

void weir_text_add_number(struct weir_text *text, double number)
{
    char digits[WEIR_NUMBER_LENGTH_MAX];

    if (isfinite(number))
        weir_text_add_bytes(text, digits, weir_number_format(number, digits));
    else
        weir_text_add(text, "null");
}

void weir_text_add_hex(struct weir_text *text, uint64_t number)
{
    char digits[16];

    for (size_t i = sizeof(digits); i-- > 0; number >>= 4)
        digits[i] = "0123456789abcdef"[number & 15];
    weir_text_add_bytes(text, digits, sizeof(digits));
}

static void add_escape(struct weir_text *text, unsigned char c)
{
    char escape[6] = {'\\', 'u', '0', '0', "0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15]};

    if (c == '"' || c == '\\') {
        escape[1] = (char)c;
        weir_text_add_bytes(text, escape, 2);
    } else {
        weir_text_add_bytes(text, escape, sizeof(escape));
    }
}

void weir_text_add_escaped(struct weir_text *text, const char *bytes, size_t length)
{
    const char *end = bytes + length;
    const char *plain = bytes;

    for (; bytes < end; bytes++) {
        unsigned char c = (unsigned char)*bytes;

        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        weir_text_add_bytes(text, plain, (size_t)(bytes - plain));
        add_escape(text, c);
        plain = bytes + 1;
    }
    weir_text_add_bytes(text, plain, (size_t)(bytes - plain));
}

void weir_text_add_key(struct weir_text *text, const char *key)
{
    weir_text_add(text, ",\"");
    weir_text_add(text, key);
    weir_text_add(text, "\":");
}

void weir_text_add_quoted(struct weir_text *text, const char *string)
{
    weir_text_add_bytes(text, "\"", 1);
    weir_text_add_escaped(text, string, strlen(string));
    weir_text_add_bytes(text, "\"", 1);
}
