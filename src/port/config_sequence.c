#include <string.h>

#include "port/config_reading.h"
#include "port/config_value.h"

static bool is_sequence(const config_setting_t *setting)
{
    return config_setting_is_array(setting) || config_setting_is_list(setting);
}

/* True when the setting has as many elements as it may have. */
static bool count_fits(const struct weir_reading *reading)
{
    int count = config_setting_length(reading->setting);

    if (count >= reading->known->min && count <= reading->known->max)
        return true;
    return weir_reading_refuse_count(reading, count);
}

bool weir_reading_take_choices(const struct weir_reading *reading)
{
    int count = config_setting_length(reading->setting);
    bool fits = true;
    uint32_t bits = 0;

    if (!is_sequence(reading->setting))
        return weir_reading_refuse_plain(reading);
    if (count == 0)
        return weir_reading_refuse_count(reading, count);
    for (int i = 0; i < count; i++) {
        const config_setting_t *element = config_setting_get_elem(reading->setting, (unsigned)i);
        const char *word = weir_reading_string(element);
        const struct weir_choice *choice = NULL;
        const char *refusal = NULL;

        if (word)
            choice = weir_table_choose(reading->known, word, &refusal);
        if (choice)
            bits |= 1u << choice->value;
        else
            fits = weir_reading_refuse_word(reading, element, refusal);
    }
    memcpy(reading->value, &bits, sizeof(bits));
    return fits;
}

bool weir_reading_take_doubles(const struct weir_reading *reading)
{
    double *values = reading->value;
    uint32_t count = (uint32_t)config_setting_length(reading->setting);
    bool fits = true;

    /* One number stands for an array of one where that is enough. */
    if (config_setting_is_number(reading->setting) && reading->known->min <= 1) {
        if (reading->count)
            *reading->count = 1;
        return weir_reading_double(reading->setting, values) || weir_reading_refuse_plain(reading);
    }
    if (!is_sequence(reading->setting))
        return weir_reading_refuse_plain(reading);
    if (!count_fits(reading))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const config_setting_t *element = config_setting_get_elem(reading->setting, i);

        if (!weir_reading_double(element, &values[i]))
            fits = weir_reading_refuse(reading, element, NULL, NULL);
    }
    if (reading->count)
        *reading->count = count;
    return fits;
}

bool weir_reading_take_words(const struct weir_reading *reading)
{
    bool fits = true;

    if (!is_sequence(reading->setting))
        return weir_reading_refuse_plain(reading);
    if (!count_fits(reading))
        return false;
    for (int i = 0; i < config_setting_length(reading->setting); i++) {
        const config_setting_t *element = config_setting_get_elem(reading->setting, (unsigned)i);

        if (!weir_reading_string(element))
            fits = weir_reading_refuse(reading, element, NULL, NULL);
    }
    return fits;
}

bool weir_reading_take_filters(const struct weir_reading *reading)
{
    uint32_t count = (uint32_t)config_setting_length(reading->setting);
    bool fits = true;

    if (!is_sequence(reading->setting))
        return weir_reading_refuse_plain(reading);
    if (!count_fits(reading))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const config_setting_t *element = config_setting_get_elem(reading->setting, i);
        const char *text = weir_reading_string(element);
        const char *expected = NULL;

        if (text)
            expected = weir_value_check_filter(text);
        if (!text || expected)
            fits = weir_reading_refuse(reading, element, expected, NULL);
        else
            memcpy((char *)reading->value + i * reading->known->size, text, strlen(text) + 1);
    }
    *reading->count = count;
    return fits;
}

bool weir_reading_take_list(const struct weir_reading *reading)
{
    bool fits = true;

    /* () and [] are both empty. */
    if (!config_setting_is_list(reading->setting) &&
        !(config_setting_is_array(reading->setting) &&
          config_setting_length(reading->setting) == 0))
        return weir_reading_refuse_plain(reading);
    if (!count_fits(reading))
        return false;
    for (int i = 0; i < config_setting_length(reading->setting); i++) {
        const config_setting_t *element = config_setting_get_elem(reading->setting, (unsigned)i);

        if (!config_setting_is_group(element))
            fits = weir_reading_refuse(reading, element, NULL, NULL);
    }
    return fits;
}
