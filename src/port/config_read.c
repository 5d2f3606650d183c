#include "port/config_read.h"

#include <stdlib.h>
#include <string.h>

#include "port/config_reading.h"
#include "port/config_source.h"
#include "port/config_token.h"
#include "port/config_value.h"
#include "weir/config.h"

#define SETTING_COUNT_MAX 40

/* The bits of "count,min,max". */
static uint32_t initial_bits(const struct weir_setting *known)
{
    const char *word = known->initial;
    uint32_t bits = 0;

    while (*word != '\0') {
        size_t length = strcspn(word, ",");

        for (size_t i = 0; i < known->choice_count; i++) {
            if (strlen(known->choices[i].name) == length &&
                strncmp(known->choices[i].name, word, length) == 0)
                bits |= 1u << known->choices[i].value;
        }
        word += length + (word[length] == ',');
    }
    return bits;
}

static void store_initial(const struct weir_setting *known, void *value)
{
    const struct weir_choice *choice;
    const char *refusal;
    int64_t number = 0;
    uint64_t bytes = 0;
    double real;

    switch (known->kind) {
    case WEIR_SETTING_NAME:
    case WEIR_SETTING_TEXT:
    case WEIR_SETTING_URL:
        memcpy(value, known->initial, strlen(known->initial) + 1);
        return;
    case WEIR_SETTING_DOUBLE:
        real = strtod(known->initial, NULL);
        memcpy(value, &real, sizeof(real));
        return;
    case WEIR_SETTING_INTEGER:
        (void)weir_value_integer(known->initial, strlen(known->initial), &number);
        break;
    case WEIR_SETTING_DURATION:
        (void)weir_value_duration(known->initial, &number);
        break;
    case WEIR_SETTING_SECONDS:
        (void)weir_value_duration(known->initial, &number);
        number /= 1000;
        break;
    case WEIR_SETTING_SIZE:
        (void)weir_value_size(known->initial, &bytes);
        number = (int64_t)bytes;
        break;
    case WEIR_SETTING_CHOICE:
    case WEIR_SETTING_AGGREGATE:
        choice = weir_table_choose(known, known->initial, &refusal);
        number = choice ? choice->value : 0;
        break;
    case WEIR_SETTING_CHOICES:
        ((struct weir_stream_config *)value)->aggregates = initial_bits(known);
        return;
    default:
        return;
    }
    weir_reading_store(known, value, number);
}

/* A value by level has its default at each of them. */
static void store_initials(const struct weir_setting *known, char *value)
{
    store_initial(known, value);
    for (uint32_t i = WEIR_LEVEL_INFO; known->level_stride > 0 && i < WEIR_LEVEL_COUNT; i++)
        store_initial(known, value + i * known->level_stride);
}

static void report_missing(const struct weir_setting *known, const config_setting_t *group,
                           const char *where, struct weir_problems *problems)
{
    char described[320];

    weir_table_describe(known, described, sizeof(described));
    weir_problem_add(problems, weir_source_place(group), "missing setting '%s' %s; expected %s",
                     known->name, where, described);
}

static void report_unknown(const struct weir_table *table, const config_setting_t *setting,
                           const char *where, struct weir_problems *problems)
{
    const char *names[SETTING_COUNT_MAX];
    const char *nearest;
    char shown[64];
    char listed[WEIR_PROBLEM_NAMES_SIZE];
    const char *name = config_setting_name(setting);

    for (size_t i = 0; i < table->count; i++)
        names[i] = table->settings[i].name;
    weir_token_quote(shown, name, strlen(name), '\'');
    nearest = weir_problem_nearest(name, names, table->count);
    if (nearest) {
        weir_problem_add(problems, weir_source_place(setting),
                         "unknown setting %s %s; did you mean '%s'?", shown, where, nearest);
        return;
    }
    weir_problem_list_names(listed, names, table->count);
    weir_problem_add(problems, weir_source_place(setting), "unknown setting %s %s; known here: %s",
                     shown, where, listed);
}

void weir_read_group(const struct weir_table *table, const config_setting_t *setting, void *base,
                     const char *where, struct weir_problems *problems)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct weir_setting *known = &table->settings[i];
        struct weir_reading reading = {
            .known = known,
            .setting = setting ? config_setting_get_member(setting, known->name) : NULL,
            .value = (char *)base + known->offset,
            .count = known->count_offset ? (uint32_t *)(void *)((char *)base + known->count_offset)
                                         : NULL,
            .level = "",
            .where = where,
            .problems = problems,
        };

        if (known->initial)
            store_initials(known, reading.value);
        if (reading.setting)
            (void)weir_reading_take(&reading);
        else if (setting && known->required)
            report_missing(known, setting, where, problems);
    }
    for (int i = 0; setting && i < config_setting_length(setting); i++) {
        const config_setting_t *member = config_setting_get_elem(setting, (unsigned)i);

        if (!weir_table_find(table, config_setting_name(member)))
            report_unknown(table, member, where, problems);
    }
}
