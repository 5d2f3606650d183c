#include "format/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/decimal.h"
#include "format/word.h"

/* Digits that every 64-bit mantissa can hold. */
#define MANTISSA_DIGIT_COUNT 19

/* No double and no midpoint of two has more significant digits; the rest can only say "more". */
#define SIGNIFICANT_DIGIT_COUNT 770

/* Keeps what is seldom needed out of the way of what always is. */
#define SELDOM __attribute__((cold, noinline))

/* Beyond every exponent that makes a difference, however many digits stand before the point. */
#define EXPONENT_BOUND 10000000000LL

static const uint32_t small_powers[] = {1,      10,      100,      1000,     10000,
                                        100000, 1000000, 10000000, 100000000};

/* The value of the first `count` (1 to 8) bytes of a word of digits 0 to 9. */
static inline uint64_t join_digits(uint64_t word, unsigned count)
{
    word <<= 64 - 8 * count;
    word = (word * 10 + (word >> 8)) & 0x00ff00ff00ff00ff;
    word = (word * 100 + (word >> 16)) & 0x0000ffff0000ffff;
    return (word * 10000 + (word >> 32)) & 0xffffffff;
}

/* The number of leading digits of a word, text ^ "00000000". */
static inline unsigned count_leading_digits(uint64_t word)
{
    return weir_word_first(((word + WEIR_WORD_FILL(0x76)) | word) & WEIR_WORD_FILL(0x80));
}

/* Appends the digits at text to *value, modulo 2^64. Returns the byte after them. */
static inline const char *take_digits(const char *text, const char *end, uint64_t *value)
{
    for (;;) {
        uint64_t word = weir_word_load_within(text, end) ^ WEIR_WORD_FILL('0');
        unsigned count = count_leading_digits(word);

        if (count == 0)
            return text;
        *value = *value * small_powers[count] + join_digits(word, count);
        text += count;
        if (count < 8)
            return text;
    }
}

/*
 * Most measurements are digits.digits within eight bytes: taken in one step, the point closed up.
 * Returns the byte after them, or NULL when the text is not of this kind.
 */
static inline const char *take_short(const char *text, const char *end, uint64_t *value,
                                     ptrdiff_t *fraction_length)
{
    uint64_t word = weir_word_load_within(text, end) ^ WEIR_WORD_FILL('0');
    unsigned whole = count_leading_digits(word);
    unsigned count;
    uint64_t mask;

    if (whole - 1 > 5 || ((word >> (8 * whole)) & 0xff) != ('.' ^ '0'))
        return NULL;
    mask = ((uint64_t)1 << (8 * whole)) - 1;
    word = (word & mask) | ((word >> 8) & ~mask) | (uint64_t)0xff << 56;
    count = count_leading_digits(word);
    if (count == 7 || count == whole)
        return NULL;
    *value = join_digits(word, count);
    *fraction_length = (ptrdiff_t)(count - whole);
    return text + count + 1;
}

/* Reads what follows the e. NULL: no digit. */
SELDOM static const char *take_exponent(const char *text, const char *end, int64_t *exponent)
{
    bool negative = text < end && *text == '-';
    const char *start;

    if (text < end && (*text == '-' || *text == '+'))
        text++;
    start = text;
    while (text < end && weir_decimal_is_digit(*text)) {
        if (*exponent < EXPONENT_BOUND)
            *exponent = *exponent * 10 + (*text - '0');
        text++;
    }
    if (negative)
        *exponent = -*exponent;
    return text > start ? text : NULL;
}

static int32_t clamp_exponent(int64_t exponent)
{
    if (exponent > INT32_MAX)
        return INT32_MAX;
    return exponent < INT32_MIN ? INT32_MIN : (int32_t)exponent;
}

/* Reads digits with a point among them whose number the mantissa cannot hold. */
SELDOM static void keep_leading_digits(const char *text, const char *stop, int64_t exponent,
                                       struct weir_decimal *decimal)
{
    bool fraction = false;
    int count = 0;

    decimal->mantissa = 0;
    decimal->exact = true;
    for (; text < stop; text++) {
        if (*text == '.') {
            fraction = true;
        } else if (count < MANTISSA_DIGIT_COUNT) {
            decimal->mantissa = decimal->mantissa * 10 + (uint64_t)(*text - '0');
            count += decimal->mantissa != 0;
            exponent -= fraction;
        } else {
            decimal->exact = decimal->exact && *text == '0';
            exponent += !fraction;
        }
    }
    decimal->exponent = clamp_exponent(exponent);
}

/*
 * Splits digits[.digits][e[sign]digits]. Strict is JSON's grammar; otherwise leading zeros may
 * stand and one side of the point may be bare.
 */
static inline __attribute__((always_inline)) const char *
split_digits(const char *text, const char *end, bool strict, struct weir_decimal *decimal)
{
    const char *start = text;
    const char *stop;
    ptrdiff_t fraction_length = 0;
    ptrdiff_t digit_count;
    int64_t exponent = 0;
    uint64_t mantissa = 0;

    stop = take_short(text, end, &mantissa, &fraction_length);
    if (stop) {
        digit_count = stop - start - 1;
    } else {
        stop = take_digits(text, end, &mantissa);
        digit_count = stop - start;
        if (stop < end && *stop == '.') {
            const char *fraction = stop + 1;

            stop = take_digits(fraction, end, &mantissa);
            fraction_length = stop - fraction;
            digit_count += fraction_length;
            if (strict && fraction_length == 0)
                return NULL;
        }
    }
    if (digit_count == 0)
        return NULL;
    if (strict &&
        (digit_count == fraction_length || (*start == '0' && digit_count - fraction_length > 1)))
        return NULL;
    text = stop;
    if (text < end && (*text == 'e' || *text == 'E')) {
        text = take_exponent(text + 1, end, &exponent);
        if (!text)
            return NULL;
    }
    if (digit_count > MANTISSA_DIGIT_COUNT) {
        keep_leading_digits(start, stop, exponent, decimal);
        return text;
    }
    decimal->mantissa = mantissa;
    decimal->exponent = clamp_exponent(exponent - fraction_length);
    decimal->exact = true;
    return text;
}

static inline const char *scan_decimal(const char *text, const char *end,
                                       struct weir_decimal *decimal)
{
    decimal->negative = text < end && *text == '-';
    return split_digits(text + decimal->negative, end, true, decimal);
}

const char *weir_decimal_scan(const char *text, const char *end, struct weir_decimal *decimal)
{
    return scan_decimal(text, end, decimal);
}

/* Of a number with more digits than the mantissa holds; text is at its sign. */
SELDOM static double read_long(const char *text, const char *end,
                               const struct weir_decimal *decimal)
{
    char buffer[SIGNIFICANT_DIGIT_COUNT + 1 + 16];
    size_t count = 0;
    bool more = false;

    for (; text < end && *text != 'e' && *text != 'E'; text++) {
        if (!weir_decimal_is_digit(*text) || (count == 0 && *text == '0'))
            continue;
        if (count < SIGNIFICANT_DIGIT_COUNT)
            buffer[count++] = *text;
        else
            more = more || *text != '0';
    }
    if (more)
        buffer[count++] = '1';
    snprintf(buffer + count, sizeof(buffer) - count, "e%d",
             decimal->exponent + MANTISSA_DIGIT_COUNT - (int)count);
    return strtod(buffer, NULL);
}

/* The nearest double of a decimal that was split from text[0..end). */
static inline double read_decimal(const char *text, const char *end,
                                  const struct weir_decimal *decimal)
{
    double number;

    if (decimal->exact) {
        number = weir_decimal_nearest(decimal->mantissa, decimal->exponent);
    } else {
        double above;

        /* The digits left out cannot matter where both neighbours round to the same double. */
        if (!weir_decimal_round(decimal->mantissa, decimal->exponent, &number) ||
            !weir_decimal_round(decimal->mantissa + 1, decimal->exponent, &above) ||
            number != above)
            number = read_long(text, end, decimal);
    }
    return decimal->negative ? -number : number;
}

const char *weir_number_scan(const char *text, const char *end, double *number)
{
    struct weir_decimal decimal;
    const char *stop = scan_decimal(text, end, &decimal);

    if (stop)
        *number = read_decimal(text, stop, &decimal);
    return stop;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim_blanks(const char **text, const char **end)
{
    while (*text < *end && is_blank(**text))
        (*text)++;
    while (*text < *end && is_blank((*end)[-1]))
        (*end)--;
}

static bool is_word(const char *text, const char *end, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(end - text) != length)
        return false;
    for (size_t i = 0; i < length; i++) {
        if ((text[i] | 0x20) != word[i])
            return false;
    }
    return true;
}

/* Splits a trimmed text as people write numbers. */
static bool split_loosely(const char *text, const char *end, struct weir_decimal *decimal)
{
    decimal->negative = text < end && *text == '-';
    if (text < end && (*text == '-' || *text == '+'))
        text++;
    return split_digits(text, end, false, decimal) == end;
}

bool weir_decimal_parse(const char *text, size_t length, struct weir_decimal *decimal)
{
    const char *end;

    if (length == 0 || length > WEIR_NUMBER_TEXT_LENGTH_MAX)
        return false;
    end = text + length;
    trim_blanks(&text, &end);
    return split_loosely(text, end, decimal);
}

bool weir_number_parse(const char *text, size_t length, double *number)
{
    struct weir_decimal decimal;
    const char *end;

    if (length == 0 || length > WEIR_NUMBER_TEXT_LENGTH_MAX)
        return false;
    end = text + length;
    trim_blanks(&text, &end);
    if (is_word(text, end, "true") || is_word(text, end, "on")) {
        *number = 1.0;
        return true;
    }
    if (is_word(text, end, "false") || is_word(text, end, "off")) {
        *number = 0.0;
        return true;
    }
    if (!split_loosely(text, end, &decimal))
        return false;
    *number = read_decimal(text, end, &decimal);
    return isfinite(*number);
}
