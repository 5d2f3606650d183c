#include <stdio.h>
#include <string.h>

#include "command/test_values.h"
#include "support/unit.h"

/* The values of a text, each as it would be sent, with blanks between. */
static const char *expand(const char *text)
{
    static char out[512];
    struct weir_test_values values;
    size_t length = 0;

    out[0] = '\0';
    assert_null(weir_test_values_read(&values, text).expected);
    for (uint32_t i = 0; i < values.run_count; i++) {
        const struct weir_test_value_run *run = &values.runs[i];

        for (uint32_t k = 0; k < run->count; k++) {
            const char *blank = length > 0 ? " " : "";

            if (run->kind == WEIR_TEST_NUMBER)
                length += (size_t)snprintf(out + length, sizeof(out) - length, "%s%g", blank,
                                           run->start + run->step * k);
            else
                length += (size_t)snprintf(out + length, sizeof(out) - length, "%s%s", blank,
                                           run->kind == WEIR_TEST_GAP ? "_" : "null");
            if (run->shift_ms != 0)
                length += (size_t)snprintf(out + length, sizeof(out) - length, "@%lld",
                                           (long long)run->shift_ms);
        }
    }
    weir_test_values_release(&values);
    return out;
}

static void runs_stand_for_their_values(void **state)
{
    static const struct {
        const char *text;
        const char *values;
    } rows[] = {
        {"", ""},
        {"  \t ", ""},
        {"21.5", "21.5"},
        {" 1 2\t3 ", "1 2 3"},
        {"20x3", "20 20 20"},
        {"20+2x5", "20 22 24 26 28"},
        {"90-2x4", "90 88 86 84"},
        {"-3-2x3", "-3 -5 -7"},
        {"-3+1x1", "-3"},
        {"1e3", "1000"},
        {"1e-3x2", "0.001 0.001"},
        {"1e-3+2e-3x2", "0.001 0.003"},
        {"0+0.1x4", "0 0.1 0.2 0.3"},
        {"1 _ 2", "1 _ 2"},
        {"_x3 1", "_ _ _ 1"},
        {"null nullx2", "null null null"},
        {"84@-5s", "84@-5000"},
        {"84x2@+250ms", "84@250 84@250"},
        {"1+1x2@-1m30s null@-1s", "1@-90000 2@-90000 null@-1000"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(expand(rows[i].text), rows[i].values);
}

static void what_is_no_run_is_pointed_at(void **state)
{
    static const struct {
        const char *text;
        const char *word;
    } rows[] = {
        {"1 x 2", "x"},       {"1 2y", "2y"},     {"+1", "+1"},
        {"1 20+2 3", "20+2"}, {"20+x5", "20+x5"}, {"20x", "20x"},
        {"20x0", "20x0"},     {"20x-1", "20x-1"}, {"20x10000001", "20x10000001"},
        {"_@-5s", "_@-5s"},   {"1@5s", "1@5s"},   {"1@-5", "1@-5"},
        {"1@", "1@"},         {"nul", "nul"},     {"_1", "_1"},
        {"nan", "nan"},       {"1e999", "1e999"}, {"1,2", "1,2"},
        {"01", "01"},         {"1x2x3", "1x2x3"}, {"0x99999999999", "0x99999999999"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_test_values values;
        struct weir_test_fault fault = weir_test_values_read(&values, rows[i].text);

        weir_test_values_release(&values);
        assert_non_null(fault.expected);
        assert_int_equal(fault.length, strlen(rows[i].word));
        assert_memory_equal(rows[i].text + fault.offset, rows[i].word, fault.length);
    }
}

static void times_in_front_of_the_value_are_told_apart(void **state)
{
    struct weir_test_values values;
    struct weir_test_fault fault = weir_test_values_read(&values, "1 5x-18");

    (void)state;
    weir_test_values_release(&values);
    assert_string_equal(fault.expected, "VALUExTIMES, such as -18x5");
}

static void a_text_has_a_maximum_of_values(void **state)
{
    struct weir_test_values values;
    struct weir_test_fault fault = weir_test_values_read(&values, "1x9999999 2 3");

    (void)state;
    weir_test_values_release(&values);
    assert_non_null(fault.expected);
    assert_int_equal(fault.offset, strlen("1x9999999 2 "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_stand_for_their_values),
        cmocka_unit_test(what_is_no_run_is_pointed_at),
        cmocka_unit_test(times_in_front_of_the_value_are_told_apart),
        cmocka_unit_test(a_text_has_a_maximum_of_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
