#include "command/test_values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command/test_line.h"
#include "format/number.h"

#define BLANKS " \t"

/* Takes a word off the front. */
static bool take(const char **text, const char *end, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(end - *text) < length || memcmp(*text, word, length) != 0)
        return false;
    *text += length;
    return true;
}

static const char *read_count(const char **text, const char *end, uint32_t *count)
{
    uint64_t number = 0;

    if (*text == end || **text < '0' || **text > '9')
        return "VALUExTIMES, such as -18x5";
    for (; *text < end && **text >= '0' && **text <= '9'; ++*text) {
        number = number * 10 + (unsigned)(**text - '0');
        if (number > WEIR_TEST_VALUE_COUNT_MAX)
            return "at most 10000000 values";
    }
    if (number == 0)
        return "at least one value";
    *count = (uint32_t)number;
    return NULL;
}

static const char *read_shift(const char *text, const char *end, int64_t *shift_ms)
{
    bool back = text < end && *text == '-';

    if (text == end || (*text != '-' && *text != '+') ||
        !weir_test_duration_read(text + 1, (size_t)(end - text - 1), shift_ms))
        return "a sign and a duration behind @, such as @-5s";
    if (back)
        *shift_ms = -*shift_ms;
    return NULL;
}

/* Start, and step if there is one. */
static const char *read_number(const char **text, const char *end, struct weir_test_value_run *run)
{
    *text = weir_number_scan(*text, end, &run->start);
    if (!*text || !isfinite(run->start))
        return "a value, a ramp such as 20+2x5, a gap _ or null";
    if (*text < end && (**text == '+' || **text == '-')) {
        double sign = *(*text)++ == '-' ? -1 : 1;

        *text = weir_number_scan(*text, end, &run->step);
        if (!*text || !isfinite(run->step))
            return "a step behind the first value, such as 20+2x5";
        if (*text == end || **text != 'x')
            return "a number of values behind the step, such as 20+2x5";
        run->step *= sign;
    }
    return NULL;
}

/* Returns what was expected, NULL: it is a run. */
static const char *read_run(const char *text, const char *end, struct weir_test_value_run *run)
{
    const char *expected = NULL;

    *run = (struct weir_test_value_run){.kind = WEIR_TEST_NUMBER, .count = 1};
    if (take(&text, end, "_"))
        run->kind = WEIR_TEST_GAP;
    else if (take(&text, end, "null"))
        run->kind = WEIR_TEST_NULL;
    else
        expected = read_number(&text, end, run);
    if (!expected && take(&text, end, "x"))
        expected = read_count(&text, end, &run->count);
    if (!expected && run->kind != WEIR_TEST_GAP && take(&text, end, "@"))
        return read_shift(text, end, &run->shift_ms);
    if (!expected && text != end)
        expected = "a blank behind it";
    return expected;
}

struct weir_test_fault weir_test_values_read(struct weir_test_values *values, const char *text)
{
    /* A run takes at least one byte and a blank. */
    size_t run_max = strlen(text) / 2 + 1;
    struct weir_test_fault fault = {0};
    uint64_t count = 0;

    *values = (struct weir_test_values){.runs = calloc(run_max, sizeof(*values->runs))};
    if (!values->runs)
        return (struct weir_test_fault){.expected = "memory, of which there is no more"};
    for (fault.offset = strspn(text, BLANKS); text[fault.offset] != '\0';
         fault.offset += strspn(text + fault.offset, BLANKS)) {
        struct weir_test_value_run *run = &values->runs[values->run_count++];

        fault.length = strcspn(text + fault.offset, BLANKS);
        fault.expected = read_run(text + fault.offset, text + fault.offset + fault.length, run);
        if (fault.expected)
            return fault;
        count += run->count;
        if (count > WEIR_TEST_VALUE_COUNT_MAX) {
            fault.expected = "at most 10000000 values";
            return fault;
        }
        fault.offset += fault.length;
    }
    return fault;
}

void weir_test_values_release(struct weir_test_values *values)
{
    free(values->runs);
    *values = (struct weir_test_values){0};
}
