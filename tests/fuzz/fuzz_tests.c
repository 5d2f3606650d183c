/* What tests of alerts are written in: values, expected events and actions, each read or refused,
 * and the latter two written as they were read. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "command/test_line.h"
#include "command/test_values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct weir_rule_config rules[] = {{.name = "overheat"}, {.name = "frost"}};
static const struct weir_config config = {.rules = rules, .rule_count = 2};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_values(const char *text)
{
    struct weir_test_values values;
    struct weir_test_fault fault = weir_test_values_read(&values, text);
    uint64_t count = 0;

    require(!fault.expected || fault.offset + fault.length <= strlen(text));
    for (uint32_t i = 0; i < values.run_count && !fault.expected; i++)
        count += values.runs[i].count;
    require(count <= WEIR_TEST_VALUE_COUNT_MAX);
    weir_test_values_release(&values);
}

static void check_event(char *line)
{
    struct weir_test_complaint complaint = {""};
    struct weir_test_event event;
    struct weir_test_event again;
    char out[WEIR_TEST_LINE_SIZE];
    struct weir_text text;

    if (!weir_test_event_read(&event, line, &config, &complaint)) {
        require(complaint.text[0] != '\0');
        return;
    }
    weir_text_init(&text, out, sizeof(out) - 1);
    weir_test_event_write(&text, &config, &event);
    if (text.overflow)
        return;
    out[text.length] = '\0';
    require(weir_test_event_read(&again, out, &config, &complaint));
    require(weir_test_event_fits(&event, &again) && weir_test_event_fits(&again, &event));
}

static void check_action(char *line)
{
    struct weir_test_complaint complaint = {""};
    struct weir_test_action action;
    struct weir_test_action again;
    char out[WEIR_TEST_LINE_SIZE];
    struct weir_text text;

    if (!weir_test_action_read(&action, line, &config, &complaint)) {
        require(complaint.text[0] != '\0');
        return;
    }
    weir_text_init(&text, out, sizeof(out) - 1);
    weir_test_action_write(&text, &config, &action);
    if (text.overflow)
        return;
    out[text.length] = '\0';
    require(weir_test_action_read(&again, out, &config, &complaint));
    require(again.kind == action.kind && again.at_ms == action.at_ms && again.rule == action.rule &&
            again.duration_ms == action.duration_ms);
    require(!action.series || strcmp(again.series, action.series) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void (*const checks[])(char *line) = {check_event, check_action};

    for (int i = 0; i < 3; i++) {
        char *line = calloc(1, size + 1);

        require(line);
        if (size > 0)
            memcpy(line, data, size);
        if (i < 2)
            checks[i](line);
        else
            check_values(line);
        free(line);
    }
    return 0;
}
