#include "port/config_reading.h"

#include <string.h>

#include "format/text.h"
#include "port/config_source.h"
#include "port/config_token.h"
#include "port/config_value.h"

/* Choices of one setting. */
#define CHOICE_COUNT_MAX 32

/* What the report calls a value. An address is not shown with the password somebody put into it. */
static const char *show(const struct weir_reading *reading, const config_setting_t *setting,
                        char *buffer)
{
    size_t length;
    const char *text = weir_source_value(setting, &length);

    if (config_setting_is_group(setting))
        return "a group";
    if (config_setting_is_array(setting))
        return "an array";
    if (config_setting_is_list(setting))
        return "a list";
    if (reading->known->kind == WEIR_SETTING_URL && memchr(text, '@', length))
        return "an address with a user";
    weir_token_quote(buffer, text, length, 0);
    return buffer;
}

bool weir_reading_refuse(const struct weir_reading *reading, const config_setting_t *value,
                         const char *expected, const char *why)
{
    char buffer[64];
    char described[320];

    if (!expected) {
        weir_table_describe(reading->known, described, sizeof(described));
        expected = described;
    }
    weir_problem_add(reading->problems, weir_source_value_place(value),
                     "%s'%s' %s %s %s; expected %s%s", reading->level, reading->known->name,
                     reading->where, value == reading->setting ? "is" : "has",
                     show(reading, value, buffer), expected, why ? why : "");
    return false;
}

bool weir_reading_refuse_plain(const struct weir_reading *reading)
{
    return weir_reading_refuse(reading, reading->setting, NULL, NULL);
}

bool weir_reading_refuse_count(const struct weir_reading *reading, int count)
{
    char described[320];

    weir_table_describe(reading->known, described, sizeof(described));
    weir_problem_add(reading->problems, weir_source_value_place(reading->setting),
                     "%s'%s' %s has %d element%s; expected %s", reading->level,
                     reading->known->name, reading->where, count, count == 1 ? "" : "s", described);
    return false;
}

bool weir_reading_refuse_word(const struct weir_reading *reading, const config_setting_t *value,
                              const char *refusal)
{
    const struct weir_setting *known = reading->known;
    const char *names[CHOICE_COUNT_MAX];
    const char *word = weir_reading_string(value);
    const char *nearest = NULL;
    char why[128] = "";
    struct weir_text text;

    for (size_t i = 0; i < known->choice_count; i++)
        names[i] = known->choices[i].name;
    if (word && !refusal)
        nearest = weir_problem_nearest(word, names, known->choice_count);
    weir_text_init(&text, why, sizeof(why) - 1);
    if (refusal) {
        weir_text_add(&text, " (");
        weir_text_add(&text, refusal);
        weir_text_add(&text, ")");
    } else if (nearest) {
        weir_text_add(&text, "; did you mean \"");
        weir_text_add(&text, nearest);
        weir_text_add(&text, "\"?");
    }
    return weir_reading_refuse(reading, value, NULL, why);
}

void weir_reading_store(const struct weir_setting *known, void *value, int64_t number)
{
    if (known->size == sizeof(int64_t)) {
        memcpy(value, &number, sizeof(number));
    } else if (known->size == sizeof(int32_t)) {
        int32_t narrow = (int32_t)number;

        memcpy(value, &narrow, sizeof(narrow));
    } else if (known->size == sizeof(bool)) {
        *(bool *)value = number != 0;
    }
}

const char *weir_reading_string(const config_setting_t *setting)
{
    if (config_setting_type(setting) != CONFIG_TYPE_STRING)
        return NULL;
    return config_setting_get_string(setting);
}

bool weir_reading_integer(const config_setting_t *setting, int64_t *number)
{
    size_t length;
    const char *text = weir_source_value(setting, &length);

    if (!config_setting_is_number(setting) || config_setting_type(setting) == CONFIG_TYPE_FLOAT)
        return false;
    return weir_value_integer(text, length, number);
}

bool weir_reading_double(const config_setting_t *setting, double *number)
{
    size_t length;
    const char *text = weir_source_value(setting, &length);

    return config_setting_is_number(setting) && weir_value_double(text, length, number);
}
