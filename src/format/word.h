/*
 * Text eight bytes at a time. The first byte of the text is the lowest of the word, and marks are
 * bytes whose top bit is set; the first mark is always true, marks behind it may be false.
 */
#ifndef WEIR_FORMAT_WORD_H
#define WEIR_FORMAT_WORD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte has to be the lowest");

/* A word with the same byte eight times. */
#define WEIR_WORD_FILL(byte) (0x0101010101010101u * (uint64_t)(byte))

static inline uint64_t weir_word_load(const char *text)
{
    uint64_t word;

    memcpy(&word, text, sizeof(word));
    return word;
}

/* The last bytes of a text, fewer than eight, with zeros behind them. */
static inline uint64_t weir_word_load_tail(const char *text, size_t length)
{
    uint32_t low;
    uint32_t high;

    if (length >= 4) {
        memcpy(&low, text, sizeof(low));
        memcpy(&high, text + length - 4, sizeof(high));
        return low | (uint64_t)high << (8 * (length - 4));
    }
    if (length == 0)
        return 0;
    return (uint64_t)(unsigned char)text[0] |
           (uint64_t)(unsigned char)text[length / 2] << (8 * (length / 2)) |
           (uint64_t)(unsigned char)text[length - 1] << (8 * (length - 1));
}

/* The next eight bytes of a text, zeros standing for those behind its end. */
static inline uint64_t weir_word_load_within(const char *text, const char *end)
{
    size_t left = (size_t)(end - text);

    return left >= 8 ? weir_word_load(text) : weir_word_load_tail(text, left);
}

/* Marks the bytes that equal `byte`. */
static inline uint64_t weir_word_mark_equal(uint64_t word, unsigned char byte)
{
    uint64_t other = word ^ WEIR_WORD_FILL(byte);

    return (other - WEIR_WORD_FILL(1)) & ~other & WEIR_WORD_FILL(0x80);
}

/* Marks the bytes below `byte`, which is at most 0x80. */
static inline uint64_t weir_word_mark_below(uint64_t word, unsigned char byte)
{
    return (word - WEIR_WORD_FILL(byte)) & ~word & WEIR_WORD_FILL(0x80);
}

/* The index of the first marked byte; 8 without any. */
static inline unsigned weir_word_first(uint64_t marks)
{
    return marks ? (unsigned)__builtin_ctzll(marks) / 8 : 8;
}

#endif
