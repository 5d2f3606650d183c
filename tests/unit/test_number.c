#include "support/unit.h"

#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/number.h"
#include "support/random.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool same(double a, double b)
{
    return a == b && signbit(a) == signbit(b);
}

/* Scans a copy of the very size of the text. Returns the bytes taken, 0 for none. */
static size_t scan_bytes(const char *text, size_t length, double *number)
{
    char *copy = malloc(length > 0 ? length : 1);
    const char *stop;
    size_t taken;

    assert_non_null(copy);
    memcpy(copy, text, length);
    stop = weir_number_scan(copy, copy + length, number);
    taken = stop ? (size_t)(stop - copy) : 0;
    free(copy);
    return taken;
}

/* The text is one number, and the double the same as the C library's. */
static void assert_nearest(const char *text)
{
    double wanted = strtod(text, NULL);
    double number = NAN;

    if (scan_bytes(text, strlen(text), &number) != strlen(text) || !same(number, wanted))
        fail_msg("%s: %.17g, not %.17g", text, number, wanted);
}

static void a_number_ends_where_its_grammar_does(void **state)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        {"0", 1},          {"-0", 2},         {"0,", 1},    {"12]", 2},   {"1.5}", 3},
        {"1e5 ", 3},       {"1E+5x", 4},      {"1e-05", 5}, {"0.0", 3},   {"0e0", 3},
        {"1.50e1", 6},     {"9-1", 1},        {"1.2.3", 3}, {"1e5e5", 3}, {"1e5.5", 3},
        {"12345678", 8},   {"0.1234567,", 9}, {"", 0},      {"-", 0},     {"+1", 0},
        {".5", 0},         {"1.", 0},         {"1.e5", 0},  {"01", 0},    {"-01.5", 0},
        {"00", 0},         {"1e", 0},         {"1e+", 0},   {"1.5e", 0},  {"-.5", 0},
        {"--1", 0},        {"nan", 0},        {"inf", 0},   {"e5", 0},    {" 1", 0},
        {"0123456789", 0}, {"01.25", 0},      {"-a", 0},    {"1.,", 0},   {"1.-5", 0},
        {"1e-", 0},
    };
    double number;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t length = scan_bytes(cases[i].text, strlen(cases[i].text), &number);

        if (length != cases[i].length)
            fail_msg("%s: %zu bytes", cases[i].text, length);
    }
}

static void no_byte_behind_the_end_is_read(void **state)
{
    const char *text = "-12345678.12345678e-12";
    double number;

    (void)state;
    for (size_t length = 0; length <= strlen(text); length++) {
        char *end;
        char part[64] = "";
        size_t taken = scan_bytes(text, length, &number);

        memcpy(part, text, length);
        (void)strtod(part, &end);
        if (taken != 0)
            assert_int_equal(taken, end - part);
        else
            assert_true(length <= 1 || !strchr("0123456789", text[length - 1]));
    }
}

static const char *const hard_numbers[] = {"0",
                                           "-0",
                                           "0.0",
                                           "-0.0e5",
                                           "1",
                                           "-1",
                                           "21.53",
                                           "0.1",
                                           "0.30000000000000004",
                                           "1700000000123",
                                           "9007199254740991",
                                           "9007199254740992",
                                           "9007199254740993",
                                           "-9007199254740993",
                                           "9007199254740995",
                                           "18446744073709551615",
                                           "18446744073709551616",
                                           "4503599627370496.5",
                                           "4503599627370497.5",
                                           "4503599627370497.50000000000000000000001",
                                           "9007199254740993.0000000000000000",
                                           "1.7976931348623157e308",
                                           "1.7976931348623158e308",
                                           "1.7976931348623159e308",
                                           "1e308",
                                           "1e309",
                                           "-1e309",
                                           "1e400",
                                           "1e99999999999999999999",
                                           "1e-99999999999999999999",
                                           "0e99999999999999999999",
                                           "4.9406564584124654e-324",
                                           "2.5e-324",
                                           "2.4703282292062327e-324",
                                           "2.4703282292062328e-324",
                                           "2e-324",
                                           "1e-324",
                                           "1e-400",
                                           "2.2250738585072014e-308",
                                           "2.2250738585072011e-308",
                                           "2.2250738585072012e-308",
                                           "1e22",
                                           "1e23",
                                           "1e-22",
                                           "1e-23",
                                           "8.5e22",
                                           "1e40",
                                           "1e41",
                                           "1e-40",
                                           "1e-41",
                                           "123456789012345678",
                                           "1234567890123456789",
                                           "12345678901234567890",
                                           "100000000000000000000000",
                                           "0.000000000000000000000000000000000000000000000012345",
                                           "6.02214076e23",
                                           "1e00000000005",
                                           "0.00000000000000000000000000000000000000e30",
                                           "123456789.12345678901234567890"};

static void hard_numbers_become_the_nearest_double(void **state)
{

    (void)state;
    for (size_t i = 0; i < COUNT_OF(hard_numbers); i++)
        assert_nearest(hard_numbers[i]);
}

static void numbers_of_a_thousand_digits_become_the_nearest_double(void **state)
{
    /* The smallest midpoint: half of 2^-1074. Its digits end in 5; a later digit tips it over. */
    static char text[4096];
    int length = snprintf(text, 1200, "%.1075f", 0x1p-1074);
    double number;

    (void)state;
    assert_true(length > 1000);
    assert_nearest(text);
    for (int zeros = 0; zeros <= 1000; zeros += 250) {
        (void)snprintf(text, sizeof(text), "9007199254740993.%0*d1", zeros + 1, 0);
        assert_nearest(text);
        (void)snprintf(text, sizeof(text), "9007199254740993.%0*d", zeros + 1, 0);
        assert_nearest(text);
        (void)snprintf(text, sizeof(text), "0.%0*d1e%d", zeros + 1, 0, zeros + 2);
        assert_int_equal(scan_bytes(text, strlen(text), &number), strlen(text));
        assert_true(number == 1.0);
        (void)snprintf(text, sizeof(text), "1%0*de-%d", zeros + 1, 0, zeros + 1);
        assert_int_equal(scan_bytes(text, strlen(text), &number), strlen(text));
        assert_true(number == 1.0);
    }
    for (int i = 0; i < 2000; i++)
        text[i] = "3141592653589793"[i % 16];
    memcpy(text + 2000, "e-1999", 7);
    assert_nearest(text);
    text[1] = '.';
    memcpy(text + 2000, "e-300", 6);
    assert_nearest(text);
}

static void random_decimals_become_the_nearest_double(void **state)
{
    struct test_random random = random_make(1);

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        bool wild = random_once_in(&random, 4);
        uint32_t digits = 1 + random_below(&random, wild ? 24 : 19);
        uint32_t whole = 1 + random_below(&random, digits);
        char text[80];
        size_t used = 0;

        if (random_once_in(&random, 2))
            text[used++] = '-';
        text[used++] =
            (char)('0' + (whole == 1 ? random_below(&random, 10) : 1 + random_below(&random, 9)));
        for (uint32_t k = 1; k < digits; k++) {
            if (k == whole)
                text[used++] = '.';
            text[used++] = (char)('0' + random_below(&random, 10));
        }
        text[used] = '\0';
        if (random_once_in(&random, 2))
            (void)snprintf(text + used, sizeof(text) - used, "e%" PRId64,
                           wild ? random_between(&random, -345, 310)
                                : random_between(&random, -45, 45));
        assert_nearest(text);
    }
}

/* Odd 54-bit numbers over a power of two lie halfway between two doubles. */
static void midpoints_round_to_even_and_their_neighbours_do_not(void **state)
{
    static const uint64_t fives[] = {1, 5, 25, 125, 625};
    struct test_random random = random_make(2);

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t k = random_below(&random, 5);
        uint64_t middle = ((uint64_t)1 << 53 | random_next(&random) >> 11 | 1) * fives[k];
        char text[80];

        for (int64_t off = -1; off <= 1; off++) {
            (void)snprintf(text, sizeof(text), "%" PRIu64 "e-%u", middle + (uint64_t)off, k);
            assert_nearest(text);
        }
        (void)snprintf(text, sizeof(text), "%" PRIu64 ".00000000000000000000000000001e-%u", middle,
                       k);
        assert_nearest(text);
    }
}

static double random_double(struct test_random *random)
{
    uint64_t bits = random_next(random);
    double number;

    switch (random_below(random, 6)) {
    case 0:
        memcpy(&number, &bits, sizeof(number));
        return isfinite(number) ? number : 0.0;
    case 1:
        return (double)random_between(random, -1000000, 1000000) / 100;
    case 2:
        return ldexp((double)(bits >> 11), -(int)random_below(random, 80));
    case 3:
        return ldexp(1.0, (int)random_below(random, 2098) - 1074);
    case 4:
        return (double)(int64_t)bits;
    default:
        return (double)random_between(random, 0, 100000) *
               pow(10, (double)random_between(random, -20, 20));
    }
}

static void doubles_as_printed_elsewhere_are_read_back(void **state)
{
    struct test_random random = random_make(3);

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        double number = random_double(&random);
        double back = NAN;
        char text[64];
        int length = snprintf(text, sizeof(text), "%.17g", number);

        assert_int_equal(scan_bytes(text, (size_t)length, &back), length);
        if (!same(back, number))
            fail_msg("%s: %.17g", text, back);
        (void)snprintf(text, sizeof(text), "%.*g", 1 + (int)random_below(&random, 16), number);
        assert_nearest(text);
    }
}

static void a_decimal_keeps_its_digits(void **state)
{
    static const struct {
        const char *text;
        struct weir_decimal decimal;
    } cases[] = {
        {"0", {0, 0, false, true}},
        {"-0.00", {0, -2, true, true}},
        {"1740899649.12", {174089964912, -2, false, true}},
        {"-1.5e3", {15, 2, true, true}},
        {"9999999999999999999", {9999999999999999999u, 0, false, true}},
        {"12345678901234567890", {1234567890123456789, 1, false, true}},
        {"12345678901234567891", {1234567890123456789, 1, false, false}},
        {"1.2345678901234567890000", {1234567890123456789, -18, false, true}},
        {"0.000000000000000000000000012", {12, -27, false, true}},
        {"1e2147483647", {1, 2147483647, false, true}},
        {"1e99999999999", {1, 2147483647, false, true}},
        {"1e-99999999999", {1, -2147483647 - 1, false, true}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *text = cases[i].text;
        struct weir_decimal decimal;

        assert_ptr_equal(weir_decimal_scan(text, text + strlen(text), &decimal),
                         text + strlen(text));
        if (decimal.mantissa != cases[i].decimal.mantissa ||
            decimal.exponent != cases[i].decimal.exponent ||
            decimal.negative != cases[i].decimal.negative ||
            decimal.exact != cases[i].decimal.exact)
            fail_msg("%s: %" PRIu64 "e%" PRId32, text, decimal.mantissa, decimal.exponent);
    }
}

static void texts_of_people_and_devices_are_read(void **state)
{
    static const struct {
        const char *text;
        double number;
    } good[] = {{"21.5", 21.5}, {" 21.5\r\n", 21.5}, {"+21.5", 21.5},     {"-21.5", -21.5},
                {".5", 0.5},    {"-.5", -0.5},       {"+.5e1", 5},        {"5.", 5},
                {"5.e1", 50},   {"007", 7},          {"-0021.50", -21.5}, {"0", 0},
                {"1e-400", 0},  {"true", 1},         {"TRUE", 1},         {"False", 0},
                {" on ", 1},    {"On", 1},           {"oFF", 0},          {"\t1E5", 1e5}};
    static const char *const bad[] = {
        "",    " ",   "+",     "-",     ".",   "-.",   "+-1",   "--1",   "- 1",   "1 2",   "1,5",
        "0x1", "1e",  "1e+",   "e5",    ".e5", "nan",  "inf",   "-inf",  "NaN",   "1e309", "yes",
        "tru", "onn", "o\016", "1.2.3", "1_0", "12 %", "21.5C", "\0131", "truE1", "+on",   "+true"};
    double number;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        if (!weir_number_parse(good[i].text, strlen(good[i].text), &number) ||
            number != good[i].number)
            fail_msg("\"%s\": %.17g", good[i].text, number);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (weir_number_parse(bad[i], strlen(bad[i]), &number))
            fail_msg("\"%s\" accepted: %.17g", bad[i], number);
    }
    assert_false(weir_number_parse("1\0", 2, &number));
}

static void a_text_of_the_greatest_length_is_read_and_no_longer_one(void **state)
{
    char text[WEIR_NUMBER_TEXT_LENGTH_MAX + 1];
    struct weir_decimal decimal;
    double number;

    (void)state;
    memset(text, '0', sizeof(text));
    text[1] = '.';
    text[WEIR_NUMBER_TEXT_LENGTH_MAX - 1] = '1';
    assert_true(weir_number_parse(text, WEIR_NUMBER_TEXT_LENGTH_MAX, &number));
    assert_true(weir_decimal_parse(text, WEIR_NUMBER_TEXT_LENGTH_MAX, &decimal));
    assert_int_equal(decimal.exponent, 2 - WEIR_NUMBER_TEXT_LENGTH_MAX);
    assert_false(weir_number_parse(text, WEIR_NUMBER_TEXT_LENGTH_MAX + 1, &number));
    assert_false(weir_decimal_parse(text, WEIR_NUMBER_TEXT_LENGTH_MAX + 1, &decimal));
}

static const char *format(double number)
{
    static char text[WEIR_NUMBER_LENGTH_MAX + 1];
    char *exact = malloc(WEIR_NUMBER_LENGTH_MAX);
    size_t length;

    assert_non_null(exact);
    length = weir_number_format(number, exact);
    assert_in_range(length, 1, WEIR_NUMBER_LENGTH_MAX);
    memcpy(text, exact, length);
    text[length] = '\0';
    free(exact);
    return text;
}

static void numbers_print_as_people_write_them(void **state)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {{0.0, "0"},
                 {-0.0, "-0"},
                 {1, "1"},
                 {-1, "-1"},
                 {10, "10"},
                 {21.53, "21.53"},
                 {-40.125, "-40.125"},
                 {0.1, "0.1"},
                 {0.3, "0.3"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {1.0 / 3, "0.3333333333333333"},
                 {2.0 / 3, "0.6666666666666666"},
                 {100, "100"},
                 {1700000000123, "1700000000123"},
                 {9007199254740991, "9007199254740991"},
                 {9007199254740992, "9007199254740992"},
                 {1e15, "1000000000000000"},
                 {1e16, "10000000000000000"},
                 {1e20, "100000000000000000000"},
                 {1e21, "1e21"},
                 {1.5e21, "1.5e21"},
                 {123456789012345680000.0, "123456789012345680000"},
                 {1e-6, "0.000001"},
                 {1.5e-6, "0.0000015"},
                 {1e-7, "1e-7"},
                 {-1.25e-7, "-1.25e-7"},
                 {1e22, "1e22"},
                 {1e23, "1e23"},
                 {1e100, "1e100"},
                 {DBL_MAX, "1.7976931348623157e308"},
                 {-DBL_MIN, "-2.2250738585072014e-308"},
                 {0x1p-1074, "5e-324"},
                 {0.000001234567890123456, "0.000001234567890123456"},
                 {1.00000762939453125, "1.0000076293945312"},
                 {5e-324 * 3, "1.5e-323"},
                 {0x1p-1022 - 0x1p-1074, "2.225073858507201e-308"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(format(cases[i].number), cases[i].text);
}

/* Digits of a decimal without the zeros around them. */
static int count_digits(const char *text)
{
    int count = 0;
    int zeros = 0;

    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (*text == '0' && count == 0))
            continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        count++;
    }
    return count - zeros;
}

static void every_text_reads_back_and_none_is_shorter(void **state)
{
    struct test_random random = random_make(4);

    (void)state;
    for (unsigned i = 0; i < 60000; i++) {
        double number = random_double(&random);
        const char *text = format(number);
        char other[400];
        double back = NAN;
        int digits = 1;

        if (scan_bytes(text, strlen(text), &back) != strlen(text) || !same(back, number) ||
            !same(strtod(text, NULL), number))
            fail_msg("%s is not %.17g", text, number);
        do
            (void)snprintf(other, sizeof(other), "%.*g", digits++, number);
        while (strtod(other, NULL) != number);
        if (count_digits(text) > count_digits(other))
            fail_msg("%s is longer than %s", text, other);
    }
}

static void every_hundredth_prints_with_two_decimals(void **state)
{
    char wanted[32];

    (void)state;
    for (int i = -99999; i < 100000; i += 7) {
        int length = snprintf(wanted, sizeof(wanted), "%s%d.%02d", i < 0 ? "-" : "", abs(i) / 100,
                              abs(i) % 100);

        while (wanted[length - 1] == '0')
            wanted[--length] = '\0';
        if (wanted[length - 1] == '.')
            wanted[--length] = '\0';
        assert_string_equal(format(i / 100.0), wanted);
    }
}

static void a_locale_with_a_comma_changes_nothing(void **state)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    const char *found = NULL;
    double number;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names) && !found; i++)
        found = setlocale(LC_ALL, names[i]);
    if (!found) {
        print_message("skipped: no such locale here\n");
        skip();
        return;
    }
    assert_int_equal(scan_bytes("1.5e-300", 8, &number), 8);
    assert_true(number == 1.5e-300);
    assert_true(weir_number_parse("4503599627370496.50000000000000000001", 37, &number));
    assert_true(number == 4503599627370497.0);
    assert_string_equal(format(1.5e-300), "1.5e-300");
    assert_string_equal(format(21.53), "21.53");
    (void)setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_ends_where_its_grammar_does),
        cmocka_unit_test(no_byte_behind_the_end_is_read),
        cmocka_unit_test(hard_numbers_become_the_nearest_double),
        cmocka_unit_test(numbers_of_a_thousand_digits_become_the_nearest_double),
        cmocka_unit_test(random_decimals_become_the_nearest_double),
        cmocka_unit_test(midpoints_round_to_even_and_their_neighbours_do_not),
        cmocka_unit_test(doubles_as_printed_elsewhere_are_read_back),
        cmocka_unit_test(a_decimal_keeps_its_digits),
        cmocka_unit_test(texts_of_people_and_devices_are_read),
        cmocka_unit_test(a_text_of_the_greatest_length_is_read_and_no_longer_one),
        cmocka_unit_test(numbers_print_as_people_write_them),
        cmocka_unit_test(every_text_reads_back_and_none_is_shorter),
        cmocka_unit_test(every_hundredth_prints_with_two_decimals),
        cmocka_unit_test(a_locale_with_a_comma_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
