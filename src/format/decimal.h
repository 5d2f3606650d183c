/*
 * A decimal as the nearest double, by products with powers of ten. What they cannot tell, since the
 * decimal lies too near to the midpoint of two doubles, takes longer.
 */
#ifndef WEIR_FORMAT_DECIMAL_H
#define WEIR_FORMAT_DECIMAL_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

_Static_assert(DBL_MANT_DIG == 53 && DBL_MAX_EXP == 1024, "a double has to be IEEE 754 binary64");

#define WEIR_POWER_EXPONENT_MIN (-40)
#define WEIR_POWER_EXPONENT_MAX 40

/* The largest power of ten that is a double. */
#define WEIR_EXACT_EXPONENT_MAX 22

struct weir_power {
    uint64_t high;
    uint64_t low;
};

/* The first 128 bits of 10^-40 to 10^40, cut off: exact from 10^0 on. */
extern const struct weir_power weir_powers[WEIR_POWER_EXPONENT_MAX - WEIR_POWER_EXPONENT_MIN + 1];

/* The powers of ten that are doubles. */
extern const double weir_exact_powers[WEIR_EXACT_EXPONENT_MAX + 1];

static inline bool weir_decimal_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The 128-bit product of two words. */
static inline struct weir_power weir_power_multiply_words(uint64_t a, uint64_t b)
{
    uint64_t a_low = (uint32_t)a;
    uint64_t a_high = a >> 32;
    uint64_t b_low = (uint32_t)b;
    uint64_t b_high = b >> 32;
    uint64_t low = a_low * b_low;
    uint64_t middle = a_high * b_low + (low >> 32);
    uint64_t other = a_low * b_high + (uint32_t)middle;

    return (struct weir_power){a_high * b_high + (middle >> 32) + (other >> 32),
                               other << 32 | (uint32_t)low};
}

/* floor(log2(10^exponent)), right from -350 to 350. */
static inline int weir_power_binary_exponent(int exponent)
{
    return (exponent * 217706) >> 16;
}

/* The first 128 of the 192 bits of word * power: at most two units too small. */
static inline struct weir_power weir_power_multiply(uint64_t word, const struct weir_power *power)
{
    struct weir_power product = weir_power_multiply_words(word, power->high);
    uint64_t carry = weir_power_multiply_words(word, power->low).high;

    product.low += carry;
    product.high += product.low < carry;
    return product;
}

/*
 * The nearest double of mantissa * 10^exponent, mantissa not 0. The product is known to two units
 * of its 128th bit; false when the midpoint of two doubles lies within those, or without a power.
 */
bool weir_decimal_round_product(uint64_t mantissa, int exponent, double *number);

/* The nearest double of mantissa * 10^exponent; false when it takes longer to tell. */
static inline bool weir_decimal_round(uint64_t mantissa, int exponent, double *number)
{
    if (mantissa >> 53 == 0 && exponent >= -WEIR_EXACT_EXPONENT_MAX &&
        exponent <= WEIR_EXACT_EXPONENT_MAX && FLT_EVAL_METHOD == 0) {
        if (exponent < 0)
            *number = (double)mantissa / weir_exact_powers[-exponent];
        else
            *number = (double)mantissa * weir_exact_powers[exponent];
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
    return weir_decimal_round_product(mantissa, exponent, number);
}

/* The same, however long it takes. */
double weir_decimal_round_slowly(uint64_t mantissa, int exponent);

/* The nearest double of mantissa * 10^exponent. */
static inline double weir_decimal_nearest(uint64_t mantissa, int exponent)
{
    double number;

    if (!weir_decimal_round(mantissa, exponent, &number))
        number = weir_decimal_round_slowly(mantissa, exponent);
    return number;
}

#endif
