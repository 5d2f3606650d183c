/* The series that rules expect: whether there can be such, and room for them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/config_rule.h"
#include "port/config_source.h"
#include "port/config_token.h"
#include "port/config_value.h"

/* An expected series in order of stream, name and rule. */
struct sorted {
    uint32_t stream;
    const struct weir_expected *expected;
};

static uint32_t label_count(const char *filter)
{
    uint32_t count = 0;

    for (; *filter != '\0'; filter++)
        count += *filter == '{';
    return count;
}

uint32_t weir_rule_label_count(const struct weir_stream_config *stream)
{
    uint32_t most = 0;

    for (uint32_t i = 0; i < stream->filter_count; i++) {
        uint32_t count = label_count(stream->filters[i]);

        most = count > most ? count : most;
    }
    return most;
}

static uint32_t label_count_of_series(const char *series)
{
    uint32_t count = *series != '\0';

    for (; *series != '\0'; series++)
        count += *series == '/';
    return count;
}

const char *weir_rule_check_series(const struct weir_stream_config *stream, const char *series)
{
    uint32_t count = label_count_of_series(series);

    if (!weir_value_is_text(series))
        return "UTF-8 without control characters";
    if (strlen(series) > WEIR_TOPIC_LENGTH_MAX)
        return "at most 512 bytes";
    if (strpbrk(series, "+#"))
        return "a name without + and #, which no topic has";
    for (uint32_t i = 0; i < stream->filter_count; i++) {
        if (label_count(stream->filters[i]) == count)
            return NULL;
    }
    return "a value for each label of the stream's topics, joined by '/'";
}

static const config_setting_t *list_of(const struct weir_draft *draft, uint32_t rule)
{
    const config_setting_t *list = config_setting_get_member(draft->rules[rule], "expect");

    if (!list || (!config_setting_is_array(list) && !config_setting_is_list(list)))
        return NULL;
    return list;
}

static const config_setting_t *setting_of(const struct weir_draft *draft,
                                          const struct weir_expected *expected)
{
    const struct weir_expected *first = expected;

    while (first > draft->config->expected && first[-1].rule == expected->rule)
        first--;
    return config_setting_get_elem(list_of(draft, expected->rule), (unsigned)(expected - first));
}

static void refuse(struct weir_draft *draft, const struct weir_expected *expected,
                   const char *series, const char *what)
{
    char label[WEIR_LABEL_SIZE];
    char shown[64];

    weir_label_write(label, "alert", draft->rules[expected->rule], expected->rule + 1, NULL);
    weir_token_quote(shown, series, strlen(series), '"');
    weir_problem_add(draft->problems, weir_source_value_place(setting_of(draft, expected)),
                     "'expect' in %s has %s%s", label, shown, what);
}

/* False: an element is none, which was reported; it keeps its place here as an empty name. */
static bool read_list(struct weir_draft *draft, uint32_t rule, const config_setting_t *list)
{
    struct weir_config *config = draft->config;
    const struct weir_stream_config *stream = &config->streams[config->rules[rule].stream];
    bool fits = true;

    for (int i = 0; i < config_setting_length(list); i++) {
        const config_setting_t *element = config_setting_get_elem(list, (unsigned)i);
        struct weir_expected *expected = &config->expected[config->expected_count++];
        const char *series = config_setting_get_string(element);
        const char *wrong = series ? weir_rule_check_series(stream, series) : NULL;
        char what[128];

        expected->rule = rule;
        if (series && !wrong) {
            memcpy(expected->series, series, strlen(series) + 1);
            continue;
        }
        fits = false;
        if (series) {
            (void)snprintf(what, sizeof(what), "; expected %s", wrong);
            refuse(draft, expected, series, what);
        }
    }
    return fits;
}

static int compare_sorted(const void *first, const void *second)
{
    const struct sorted *a = first;
    const struct sorted *b = second;
    int order = (a->stream > b->stream) - (a->stream < b->stream);

    if (order == 0)
        order = strcmp(a->expected->series, b->expected->series);
    if (order == 0)
        order = (a->expected > b->expected) - (a->expected < b->expected);
    return order;
}

/* As the index of series counts: each name once, with its NUL. One report a stream is enough. */
static void check_room(struct weir_draft *draft, const struct sorted *list, uint32_t count)
{
    uint64_t series = 0;
    uint64_t bytes = 0;
    bool full = false;

    for (uint32_t i = 0; i < count; i++) {
        const struct weir_expected *expected = list[i].expected;
        const struct weir_stream_config *stream = &draft->config->streams[list[i].stream];
        uint64_t bytes_max = (uint64_t)stream->max_series * WEIR_SERIES_NAME_BYTES_MEAN;

        if (i == 0 || list[i - 1].stream != list[i].stream) {
            series = 0;
            bytes = 0;
            full = false;
        } else if (strcmp(list[i - 1].expected->series, expected->series) == 0) {
            if (list[i - 1].expected->rule == expected->rule)
                refuse(draft, expected, expected->series, " twice; expected each series once");
            continue;
        }
        series++;
        bytes += strlen(expected->series) + 1;
        if (bytes_max < WEIR_SERIES_NAME_BYTES_FLOOR)
            bytes_max = WEIR_SERIES_NAME_BYTES_FLOOR;
        if (!full && (series > stream->max_series || bytes > bytes_max)) {
            refuse(draft, expected, expected->series,
                   ", for which there is no room; expected a larger 'max_series' of the stream");
            full = true;
        }
    }
}

static bool check_expected(struct weir_draft *draft)
{
    const struct weir_config *config = draft->config;
    struct sorted *list = calloc(config->expected_count, sizeof(*list));

    if (!list)
        return false;
    for (uint32_t i = 0; i < config->expected_count; i++)
        list[i] =
            (struct sorted){config->rules[config->expected[i].rule].stream, &config->expected[i]};
    qsort(list, config->expected_count, sizeof(*list), compare_sorted);
    check_room(draft, list, config->expected_count);
    free(list);
    return true;
}

bool weir_rule_read_expected(struct weir_draft *draft)
{
    struct weir_config *config = draft->config;
    uint32_t count = 0;
    bool fits = true;

    for (uint32_t i = 0; i < config->rule_count; i++) {
        const config_setting_t *list = list_of(draft, i);

        if (!list || config->rules[i].stream == UINT32_MAX)
            continue;
        count += (uint32_t)config_setting_length(list);
        if (count > WEIR_EXPECTED_COUNT_MAX) {
            weir_problem_add(draft->problems, weir_source_value_place(list),
                             "the series that all alerts expect are too many; expected at most %u",
                             (unsigned)WEIR_EXPECTED_COUNT_MAX);
            return true;
        }
    }
    if (count == 0)
        return true;
    config->expected = calloc(count, sizeof(*config->expected));
    if (!config->expected)
        return false;
    for (uint32_t i = 0; i < config->rule_count; i++) {
        if (list_of(draft, i) && config->rules[i].stream != UINT32_MAX)
            fits = read_list(draft, i, list_of(draft, i)) && fits;
    }
    return !fits || check_expected(draft);
}
