/*
 * The text of JSON's strings: where it ends, whether it is valid, and what it stands for.
 */
#ifndef WEIR_FORMAT_JSON_TEXT_H
#define WEIR_FORMAT_JSON_TEXT_H

#include "format/json.h"
#include "format/word.h"

/* text is at a backslash. Returns the byte after the escape, NULL: it is none. */
const char *weir_json_skip_escape(const char *text, const char *end);

/* text is at a byte of 0x80 or more. Returns the byte after the UTF-8 sequence, NULL: none. */
const char *weir_json_skip_sequence(const char *text, const char *end);

/* text is behind the opening quote. Returns the closing one, NULL: the string is not valid. */
static inline const char *weir_json_find_quote(const char *text, const char *end, bool *escaped)
{
    *escaped = false;
    for (;;) {
        uint64_t word = weir_word_load_within(text, end);
        uint64_t special = weir_word_mark_equal(word, '"') | weir_word_mark_equal(word, '\\') |
                           weir_word_mark_below(word, 0x20) | (word & WEIR_WORD_FILL(0x80));

        text += weir_word_first(special);
        if (!special)
            continue;
        if (text >= end)
            return NULL;
        if (*text == '"')
            return text;
        if (*text == '\\') {
            *escaped = true;
            text = weir_json_skip_escape(text, end);
        } else {
            text = (unsigned char)*text >= 0x80 ? weir_json_skip_sequence(text, end) : NULL;
        }
        if (!text)
            return NULL;
    }
}

/* Resolves the escapes of a valid text. Returns the length, -1: more than size bytes, or a lone
 * surrogate. */
ptrdiff_t weir_json_unescape_text(const char *text, size_t length, char *out, size_t size);

#endif
