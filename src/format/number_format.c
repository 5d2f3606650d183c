#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "format/decimal.h"
#include "format/number.h"

/* Digits that tell any two doubles apart, and digits that doubles can tell apart. */
#define DOUBLE_DIGIT_COUNT 17
#define DECIMAL_DIGIT_COUNT 15

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
        struct weir_power product;
        int shift;

        if (exponent < WEIR_POWER_EXPONENT_MIN || exponent > WEIR_POWER_EXPONENT_MAX)
            return false;
        product = weir_power_multiply(bits, &weir_powers[exponent - WEIR_POWER_EXPONENT_MIN]);
        shift = 62 - binary_exponent - weir_power_binary_exponent(exponent);
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
        if (!weir_decimal_is_digit(*text))
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
        if (unit == 1 || weir_decimal_nearest(shortest->mantissa, shortest->exponent) == number)
            break;
        shortest->mantissa = expansion.digits / unit + !up;
        if (weir_decimal_nearest(shortest->mantissa, shortest->exponent) == number)
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
