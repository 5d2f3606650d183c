/*
 * Numbers of twice the precision of a double, as the sum of two: 106 bits on every architecture,
 * where a long double has 53, 64 or 113. Dekker, A floating-point technique for extending the
 * available precision, 1971. Factors are below 2^996.
 */
#ifndef TESTS_SUPPORT_DOUBLE_DOUBLE_H
#define TESTS_SUPPORT_DOUBLE_DOUBLE_H

#include <math.h>

/* high is the nearest double. */
struct double_double {
    double high;
    double low;
};

static inline struct double_double dd_of(double value)
{
    return (struct double_double){.high = value};
}

/* low is the smaller one. */
static inline struct double_double dd_join(double high, double low)
{
    double sum = high + low;

    return (struct double_double){sum, low - (sum - high)};
}

static inline struct double_double dd_add(struct double_double left, struct double_double right)
{
    double sum = left.high + right.high;
    double added = sum - left.high;
    double error = (left.high - (sum - added)) + (right.high - added);

    return dd_join(sum, error + (left.low + right.low));
}

static inline struct double_double dd_subtract(struct double_double left,
                                               struct double_double right)
{
    return dd_add(left, (struct double_double){-right.high, -right.low});
}

/* Two halves of 26 bits, whose products are exact; fma would do, but is slow where it is emulated. */
static inline struct double_double dd_split(double value)
{
    double shifted = value * (0x1p27 + 1);
    double high = shifted - (shifted - value);

    return (struct double_double){high, value - high};
}

static inline struct double_double dd_multiply(struct double_double left,
                                               struct double_double right)
{
    struct double_double a = dd_split(left.high);
    struct double_double b = dd_split(right.high);
    double product = left.high * right.high;
    double error = (a.high * b.high - product) + a.high * b.low + a.low * b.high + a.low * b.low;

    return dd_join(product, error + (left.high * right.low + left.low * right.high));
}

static inline struct double_double dd_divide(struct double_double left, struct double_double right)
{
    double quotient = left.high / right.high;
    struct double_double rest = dd_subtract(left, dd_multiply(dd_of(quotient), right));

    return dd_join(quotient, rest.high / right.high);
}

static inline struct double_double dd_root(struct double_double value)
{
    double root = sqrt(value.high);
    struct double_double rest = dd_subtract(value, dd_multiply(dd_of(root), dd_of(root)));

    return root > 0 ? dd_join(root, rest.high / (2 * root)) : dd_of(root);
}

#endif
