#include "format/number.h"

#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/word.h"

_Static_assert(DBL_MANT_DIG == 53 && DBL_MAX_EXP == 1024, "a double has to be IEEE 754 binary64");

/* Digits that every 64-bit mantissa can hold. */
#define MANTISSA_DIGIT_COUNT 19

/* No double and no midpoint of two has more significant digits; the rest can only say "more". */
#define SIGNIFICANT_DIGIT_COUNT 770

/* Digits that tell any two doubles apart, and digits that doubles can tell apart. */
#define DOUBLE_DIGIT_COUNT 17
#define DECIMAL_DIGIT_COUNT 15

/* Keeps what is seldom needed out of the way of what always is. */
#define SELDOM __attribute__((cold, noinline))

/* Beyond every exponent that makes a difference, however many digits stand before the point. */
#define EXPONENT_BOUND 10000000000LL

#define POWER_EXPONENT_MIN (-40)
#define POWER_EXPONENT_MAX 40

/* The first 128 bits of 10^-40 to 10^40, cut off: exact from 10^0 on. */
static const struct power {
    uint64_t high;
    uint64_t low;
} powers[POWER_EXPONENT_MAX - POWER_EXPONENT_MIN + 1] = {
    {0x8b61313bbabce2c6, 0x2323ac4b3b3da015}, {0xae397d8aa96c1b77, 0xabec975e0a0d081a},
    {0xd9c7dced53c72255, 0x96e7bd358c904a21}, {0x881cea14545c7575, 0x7e50d64177da2e54},
    {0xaa242499697392d2, 0xdde50bd1d5d0b9e9}, {0xd4ad2dbfc3d07787, 0x955e4ec64b44e864},
    {0x84ec3c97da624ab4, 0xbd5af13bef0b113e}, {0xa6274bbdd0fadd61, 0xecb1ad8aeacdd58e},
    {0xcfb11ead453994ba, 0x67de18eda5814af2}, {0x81ceb32c4b43fcf4, 0x80eacf948770ced7},
    {0xa2425ff75e14fc31, 0xa1258379a94d028d}, {0xcad2f7f5359a3b3e, 0x096ee45813a04330},
    {0xfd87b5f28300ca0d, 0x8bca9d6e188853fc}, {0x9e74d1b791e07e48, 0x775ea264cf55347d},
    {0xc612062576589dda, 0x95364afe032a819d}, {0xf79687aed3eec551, 0x3a83ddbd83f52204},
    {0x9abe14cd44753b52, 0xc4926a9672793542}, {0xc16d9a0095928a27, 0x75b7053c0f178293},
    {0xf1c90080baf72cb1, 0x5324c68b12dd6338}, {0x971da05074da7bee, 0xd3f6fc16ebca5e03},
    {0xbce5086492111aea, 0x88f4bb1ca6bcf584}, {0xec1e4a7db69561a5, 0x2b31e9e3d06c32e5},
    {0x9392ee8e921d5d07, 0x3aff322e62439fcf}, {0xb877aa3236a4b449, 0x09befeb9fad487c2},
    {0xe69594bec44de15b, 0x4c2ebe687989a9b3}, {0x901d7cf73ab0acd9, 0x0f9d37014bf60a10},
    {0xb424dc35095cd80f, 0x538484c19ef38c94}, {0xe12e13424bb40e13, 0x2865a5f206b06fb9},
    {0x8cbccc096f5088cb, 0xf93f87b7442e45d3}, {0xafebff0bcb24aafe, 0xf78f69a51539d748},
    {0xdbe6fecebdedd5be, 0xb573440e5a884d1b}, {0x89705f4136b4a597, 0x31680a88f8953030},
    {0xabcc77118461cefc, 0xfdc20d2b36ba7c3d}, {0xd6bf94d5e57a42bc, 0x3d32907604691b4c},
    {0x8637bd05af6c69b5, 0xa63f9a49c2c1b10f}, {0xa7c5ac471b478423, 0x0fcf80dc33721d53},
    {0xd1b71758e219652b, 0xd3c36113404ea4a8}, {0x83126e978d4fdf3b, 0x645a1cac083126e9},
    {0xa3d70a3d70a3d70a, 0x3d70a3d70a3d70a3}, {0xcccccccccccccccc, 0xcccccccccccccccc},
    {0x8000000000000000, 0x0000000000000000}, {0xa000000000000000, 0x0000000000000000},
    {0xc800000000000000, 0x0000000000000000}, {0xfa00000000000000, 0x0000000000000000},
    {0x9c40000000000000, 0x0000000000000000}, {0xc350000000000000, 0x0000000000000000},
    {0xf424000000000000, 0x0000000000000000}, {0x9896800000000000, 0x0000000000000000},
    {0xbebc200000000000, 0x0000000000000000}, {0xee6b280000000000, 0x0000000000000000},
    {0x9502f90000000000, 0x0000000000000000}, {0xba43b74000000000, 0x0000000000000000},
    {0xe8d4a51000000000, 0x0000000000000000}, {0x9184e72a00000000, 0x0000000000000000},
    {0xb5e620f480000000, 0x0000000000000000}, {0xe35fa931a0000000, 0x0000000000000000},
    {0x8e1bc9bf04000000, 0x0000000000000000}, {0xb1a2bc2ec5000000, 0x0000000000000000},
    {0xde0b6b3a76400000, 0x0000000000000000}, {0x8ac7230489e80000, 0x0000000000000000},
    {0xad78ebc5ac620000, 0x0000000000000000}, {0xd8d726b7177a8000, 0x0000000000000000},
    {0x878678326eac9000, 0x0000000000000000}, {0xa968163f0a57b400, 0x0000000000000000},
    {0xd3c21bcecceda100, 0x0000000000000000}, {0x84595161401484a0, 0x0000000000000000},
    {0xa56fa5b99019a5c8, 0x0000000000000000}, {0xcecb8f27f4200f3a, 0x0000000000000000},
    {0x813f3978f8940984, 0x4000000000000000}, {0xa18f07d736b90be5, 0x5000000000000000},
    {0xc9f2c9cd04674ede, 0xa400000000000000}, {0xfc6f7c4045812296, 0x4d00000000000000},
    {0x9dc5ada82b70b59d, 0xf020000000000000}, {0xc5371912364ce305, 0x6c28000000000000},
    {0xf684df56c3e01bc6, 0xc732000000000000}, {0x9a130b963a6c115c, 0x3c7f400000000000},
    {0xc097ce7bc90715b3, 0x4b9f100000000000}, {0xf0bdc21abb48db20, 0x1e86d40000000000},
    {0x96769950b50d88f4, 0x1314448000000000}, {0xbc143fa4e250eb31, 0x17d955a000000000},
    {0xeb194f8e1ae525fd, 0x5dcfab0800000000},
};

static const uint32_t small_powers[] = {1,      10,      100,      1000,     10000,
                                        100000, 1000000, 10000000, 100000000};

/* The powers of ten that are doubles. */
static const double exact_powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

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
    while (text < end && is_digit(*text)) {
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

/* The 128-bit product of two words. */
static inline struct power multiply_words(uint64_t a, uint64_t b)
{
    uint64_t a_low = (uint32_t)a;
    uint64_t a_high = a >> 32;
    uint64_t b_low = (uint32_t)b;
    uint64_t b_high = b >> 32;
    uint64_t low = a_low * b_low;
    uint64_t middle = a_high * b_low + (low >> 32);
    uint64_t other = a_low * b_high + (uint32_t)middle;

    return (struct power){a_high * b_high + (middle >> 32) + (other >> 32),
                          other << 32 | (uint32_t)low};
}

/* floor(log2(10^exponent)), right from -350 to 350. */
static inline int power_binary_exponent(int exponent)
{
    return (exponent * 217706) >> 16;
}

/* The first 128 of the 192 bits of word * power: at most two units too small. */
static inline struct power multiply_power(uint64_t word, const struct power *power)
{
    struct power product = multiply_words(word, power->high);
    uint64_t carry = multiply_words(word, power->low).high;

    product.low += carry;
    product.high += product.low < carry;
    return product;
}

/*
 * The nearest double of mantissa * 10^exponent, mantissa not 0. The product is known to two units
 * of its 128th bit; false when the midpoint of two doubles lies within those, or without a power.
 */
static bool round_product(uint64_t mantissa, int exponent, double *number)
{
    int zeros = __builtin_clzll(mantissa);
    struct power product;
    uint64_t scale_bits;
    uint64_t half;
    uint64_t rest;
    uint64_t bits;
    double scale;
    int shift;

    if (exponent < POWER_EXPONENT_MIN || exponent > POWER_EXPONENT_MAX)
        return false;
    product = multiply_power(mantissa << zeros, &powers[exponent - POWER_EXPONENT_MIN]);
    shift = 10 + (int)(product.high >> 63);
    half = (uint64_t)1 << (shift - 1);
    rest = product.high & (2 * half - 1);
    if ((rest == half && product.low == 0) || (rest == half - 1 && product.low >= UINT64_MAX - 1))
        return false;
    bits = (product.high >> shift) + (rest >= half);
    scale_bits = (uint64_t)(1023 + 1 + power_binary_exponent(exponent) - zeros + shift) << 52;
    memcpy(&scale, &scale_bits, sizeof(scale));
    *number = (double)bits * scale;
    return true;
}

/* The nearest double of mantissa * 10^exponent; false when it takes longer to tell. */
static inline bool round_decimal(uint64_t mantissa, int exponent, double *number)
{
    if (mantissa >> 53 == 0 && exponent >= -22 && exponent <= 22 && FLT_EVAL_METHOD == 0) {
        if (exponent < 0)
            *number = (double)mantissa / exact_powers[-exponent];
        else
            *number = (double)mantissa * exact_powers[exponent];
        return true;
    }
    if (mantissa == 0 || exponent < -343) {
        *number = 0.0;
        return true;
    }
    if (exponent > 308) {
        *number = HUGE_VAL;
        return true;
    }
    return round_product(mantissa, exponent, number);
}

/* strtod is given no point, which the locale may spell otherwise. */
SELDOM static double read_slowly(uint64_t mantissa, int exponent)
{
    char buffer[40];

    snprintf(buffer, sizeof(buffer), "%" PRIu64 "e%d", mantissa, exponent);
    return strtod(buffer, NULL);
}

/* The nearest double of mantissa * 10^exponent. */
static inline double read_exact(uint64_t mantissa, int exponent)
{
    double number;

    if (!round_decimal(mantissa, exponent, &number))
        number = read_slowly(mantissa, exponent);
    return number;
}

/* Of a number with more digits than the mantissa holds; text is at its sign. */
SELDOM static double read_long(const char *text, const char *end,
                               const struct weir_decimal *decimal)
{
    char buffer[SIGNIFICANT_DIGIT_COUNT + 1 + 16];
    size_t count = 0;
    bool more = false;

    for (; text < end && *text != 'e' && *text != 'E'; text++) {
        if (!is_digit(*text) || (count == 0 && *text == '0'))
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
        number = read_exact(decimal->mantissa, decimal->exponent);
    } else {
        double above;

        /* The digits left out cannot matter where both neighbours round to the same double. */
        if (!round_decimal(decimal->mantissa, decimal->exponent, &number) ||
            !round_decimal(decimal->mantissa + 1, decimal->exponent, &above) || number != above)
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

/* A positive number as (digits + rest / 2^64) * 10^exponent, digits having 17 of them. */
struct expansion {
    uint64_t digits;
    uint64_t rest;
    int exponent;
};

static const uint64_t digits_max = 100000000000000000; /* 10^17 */

static bool expand_quickly(double number, struct expansion *expansion)
{
    uint64_t bits;
    int binary_exponent;
    int exponent;

    memcpy(&bits, &number, sizeof(bits));
    binary_exponent = (int)(bits >> 52) - 1023;
    if (binary_exponent == -1023)
        return false;
    bits = (bits << 11) | (uint64_t)1 << 63;
    /* floor(log10(2^binary_exponent)): the number's own may be one more, which the second round
     * sees */
    exponent = DOUBLE_DIGIT_COUNT - 1 - ((binary_exponent * 78913) >> 18);
    for (;; exponent--) {
        struct power product;
        int shift;

        if (exponent < POWER_EXPONENT_MIN || exponent > POWER_EXPONENT_MAX)
            return false;
        product = multiply_power(bits, &powers[exponent - POWER_EXPONENT_MIN]);
        shift = 62 - binary_exponent - power_binary_exponent(exponent);
        expansion->digits = product.high >> shift;
        if (expansion->digits < digits_max) {
            expansion->rest = product.high << (64 - shift) | product.low >> shift;
            expansion->exponent = -exponent;
            return true;
        }
    }
}

static void expand_slowly(double number, struct expansion *expansion)
{
    char buffer[64];
    uint64_t rest = 0;
    int count = 0;
    const char *text = buffer;

    snprintf(buffer, sizeof(buffer), "%.24e", number);
    expansion->digits = 0;
    for (; *text != 'e'; text++) {
        /* What is no digit is the locale's point. */
        if (!is_digit(*text))
            continue;
        if (count++ < DOUBLE_DIGIT_COUNT)
            expansion->digits = expansion->digits * 10 + (uint64_t)(*text - '0');
        else
            rest = rest * 10 + (uint64_t)(*text - '0');
    }
    expansion->rest = rest * (UINT64_MAX / 100000000);
    expansion->exponent = (int)strtol(text + 1, NULL, 10) - (DOUBLE_DIGIT_COUNT - 1);
}

/* True when the expansion is nearer to the unit above it than to the one below; even at halfway. */
static bool rounds_up(const struct expansion *expansion, uint64_t unit)
{
    const uint64_t half_rest = (uint64_t)1 << 63;
    uint64_t over = expansion->digits % unit;
    bool odd = expansion->digits / unit % 2 != 0;

    if (unit == 1)
        return expansion->rest > half_rest || (expansion->rest == half_rest && odd);
    return over > unit / 2 || (over == unit / 2 && (expansion->rest != 0 || odd));
}

/*
 * The decimal of the fewest digits that reads back to number. One of a given count of digits that
 * does lies right beside the number, below or above it; any of DECIMAL_DIGIT_COUNT is the only one
 * of so many, so that a shorter one is the same without its zeros. Only subnormals have to be tried
 * from one digit on.
 */
static void find_shortest(double number, struct weir_decimal *shortest)
{
    int count = number < DBL_MIN ? 1 : DECIMAL_DIGIT_COUNT;
    struct expansion expansion;
    uint64_t unit = 1;

    if (!expand_quickly(number, &expansion))
        expand_slowly(number, &expansion);
    for (int i = count; i < DOUBLE_DIGIT_COUNT; i++)
        unit *= 10;
    for (;; count++, unit /= 10) {
        bool up = rounds_up(&expansion, unit);

        shortest->exponent = expansion.exponent + DOUBLE_DIGIT_COUNT - count;
        shortest->mantissa = expansion.digits / unit + up;
        if (unit == 1 || read_exact(shortest->mantissa, shortest->exponent) == number)
            break;
        shortest->mantissa = expansion.digits / unit + !up;
        if (read_exact(shortest->mantissa, shortest->exponent) == number)
            break;
    }
    while (shortest->mantissa % 10 == 0) {
        shortest->mantissa /= 10;
        shortest->exponent++;
    }
}

/* Writes the count digits of value, at least one. */
static void write_digits(uint64_t value, char *out, int count)
{
    do {
        out[--count] = (char)('0' + value % 10);
        value /= 10;
    } while (count > 0);
}

static int count_digits(uint64_t value)
{
    int count = 1;

    while (value >= 10) {
        value /= 10;
        count++;
    }
    return count;
}

/* Writes digits with the point behind the first `whole` of them. */
static char *write_positional(const char *digits, int count, int whole, char *out)
{
    if (whole <= 0) {
        *out++ = '0';
        *out++ = '.';
        memset(out, '0', (size_t)-whole);
        out += -whole;
        memcpy(out, digits, (size_t)count);
        return out + count;
    }
    if (whole >= count) {
        memcpy(out, digits, (size_t)count);
        memset(out + count, '0', (size_t)(whole - count));
        return out + whole;
    }
    memcpy(out, digits, (size_t)whole);
    out += whole;
    *out++ = '.';
    memcpy(out, digits + whole, (size_t)(count - whole));
    return out + (count - whole);
}

static char *write_scientific(const char *digits, int count, int exponent, char *out)
{
    unsigned magnitude = (unsigned)(exponent < 0 ? -exponent : exponent);
    int magnitude_count = count_digits(magnitude);

    *out++ = digits[0];
    if (count > 1) {
        *out++ = '.';
        memcpy(out, digits + 1, (size_t)(count - 1));
        out += count - 1;
    }
    *out++ = 'e';
    if (exponent < 0)
        *out++ = '-';
    write_digits(magnitude, out, magnitude_count);
    return out + magnitude_count;
}

size_t weir_number_format(double number, char *out)
{
    struct weir_decimal shortest = {.exponent = 0};
    char digits[20];
    char *start = out;
    int count;
    int whole;

    assert(isfinite(number));
    if (signbit(number))
        *out++ = '-';
    number = fabs(number);
    if (number < 9007199254740992.0 && number == (double)(int64_t)number)
        shortest.mantissa = (uint64_t)number;
    else
        find_shortest(number, &shortest);
    count = count_digits(shortest.mantissa);
    whole = count + shortest.exponent;
    write_digits(shortest.mantissa, digits, count);
    if (whole > -6 && whole <= 21)
        out = write_positional(digits, count, whole, out);
    else
        out = write_scientific(digits, count, whole - 1, out);
    return (size_t)(out - start);
}
