#include <stdio.h>
#include <string.h>

#include "port/config_reading.h"
#include "port/config_source.h"
#include "port/config_token.h"
#include "port/config_value.h"

static bool read_text(const struct weir_reading *reading)
{
    const struct weir_setting *known = reading->known;
    const char *text = weir_reading_string(reading->setting);
    const char *expected = NULL;
    bool fits;

    if (!text)
        return weir_reading_refuse_plain(reading);
    fits = strlen(text) < known->size && (int64_t)strlen(text) >= known->min &&
           weir_value_is_text(text);
    if (known->kind == WEIR_SETTING_NAME)
        fits = weir_value_is_name(text);
    if (known->kind == WEIR_SETTING_URL) {
        expected = weir_value_check_url(text);
        fits = fits && !expected;
    }
    if (!fits)
        return weir_reading_refuse(reading, reading->setting, expected, NULL);
    memcpy(reading->value, text, strlen(text) + 1);
    return true;
}

static bool read_word(const struct weir_reading *reading)
{
    return weir_reading_string(reading->setting) || weir_reading_refuse_plain(reading);
}

static bool read_bool(const struct weir_reading *reading)
{
    if (config_setting_type(reading->setting) != CONFIG_TYPE_BOOL)
        return weir_reading_refuse_plain(reading);
    *(bool *)reading->value = config_setting_get_bool(reading->setting);
    return true;
}

static bool read_integer(const struct weir_reading *reading)
{
    int64_t number;

    if (!weir_reading_integer(reading->setting, &number) || number < reading->known->min ||
        number > reading->known->max)
        return weir_reading_refuse_plain(reading);
    weir_reading_store(reading->known, reading->value, number);
    return true;
}

static bool read_double(const struct weir_reading *reading)
{
    double number;

    if (!weir_reading_double(reading->setting, &number) || (reading->known->max > 0 && number < 0))
        return weir_reading_refuse_plain(reading);
    memcpy(reading->value, &number, sizeof(number));
    return true;
}

/* A duration or size that lacks its unit deserves to be told so. */
static bool refuse_quantity(const struct weir_reading *reading)
{
    const char *text = weir_reading_string(reading->setting);
    bool bare = config_setting_is_number(reading->setting);

    if (text && *text != '\0')
        bare = strspn(text, "0123456789.") == strlen(text);
    if (!bare)
        return weir_reading_refuse_plain(reading);
    return weir_reading_refuse(reading, reading->setting, NULL, " (a bare number has no unit)");
}

/* Words of choices stand beside the quantity. */
static bool read_duration(const struct weir_reading *reading)
{
    const struct weir_setting *known = reading->known;
    const char *text = weir_reading_string(reading->setting);
    const struct weir_choice *choice = NULL;
    const char *refusal;
    int64_t ms;

    if (text)
        choice = weir_table_choose(known, text, &refusal);
    if (choice) {
        weir_reading_store(known, reading->value, choice->value);
        return true;
    }
    if (!text || !weir_value_duration(text, &ms))
        return refuse_quantity(reading);
    if (ms < known->min || ms > known->max)
        return weir_reading_refuse_plain(reading);
    weir_reading_store(known, reading->value, ms);
    return true;
}

static bool read_seconds(const struct weir_reading *reading)
{
    const char *text = weir_reading_string(reading->setting);
    int64_t seconds;
    int64_t ms;

    if (text && weir_value_duration(text, &ms) && ms % 1000 == 0)
        seconds = ms / 1000;
    else if (!weir_reading_integer(reading->setting, &seconds))
        return weir_reading_refuse_plain(reading);
    if (seconds < reading->known->min || seconds > reading->known->max)
        return weir_reading_refuse_plain(reading);
    weir_reading_store(reading->known, reading->value, seconds);
    return true;
}

static bool read_size(const struct weir_reading *reading)
{
    const char *text = weir_reading_string(reading->setting);
    uint64_t bytes;

    if (!text || !weir_value_size(text, &bytes))
        return refuse_quantity(reading);
    if (bytes < (uint64_t)reading->known->min || bytes > (uint64_t)reading->known->max)
        return weir_reading_refuse_plain(reading);
    weir_reading_store(reading->known, reading->value, (int64_t)bytes);
    return true;
}

static bool read_hours(const struct weir_reading *reading)
{
    const char *text = weir_reading_string(reading->setting);
    struct weir_hours hours;

    if (!text || !weir_value_hours(text, &hours.from_ms, &hours.to_ms))
        return weir_reading_refuse_plain(reading);
    memcpy(reading->value, &hours, sizeof(hours));
    return true;
}

static bool read_choice(const struct weir_reading *reading)
{
    const char *word = weir_reading_string(reading->setting);
    const struct weir_choice *choice = NULL;
    const char *refusal = NULL;

    if (word)
        choice = weir_table_choose(reading->known, word, &refusal);
    if (!choice)
        return weir_reading_refuse_word(reading, reading->setting, refusal);
    weir_reading_store(reading->known, reading->value, choice->value);
    return true;
}

static bool read_aggregate(const struct weir_reading *reading)
{
    const char *word = weir_reading_string(reading->setting);

    *reading->count = word ? weir_quantile_find(word, strlen(word)) : 0;
    return *reading->count > 0 || read_choice(reading);
}

static bool read_slope(const struct weir_reading *reading)
{
    const char *text = weir_reading_string(reading->setting);
    const char *expected = NULL;
    struct weir_slope_limit slope;

    if (text)
        expected = weir_value_read_slope(text, &slope);
    if (!text || expected)
        return weir_reading_refuse(reading, reading->setting, expected, NULL);
    memcpy(reading->value, &slope, sizeof(slope));
    return true;
}

static bool read_group_kind(const struct weir_reading *reading)
{
    if (config_setting_is_group(reading->setting))
        return true;
    if (!weir_reading_string(reading->setting))
        return weir_reading_refuse_plain(reading);
    if (reading->known->choices)
        return read_choice(reading);
    return reading->known->size > 0 ? read_text(reading) : weir_reading_refuse_plain(reading);
}

static bool take_value(const struct weir_reading *reading)
{
    static bool (*const readers[])(const struct weir_reading *) = {
        [WEIR_SETTING_NAME] = read_text,
        [WEIR_SETTING_TEXT] = read_text,
        [WEIR_SETTING_URL] = read_text,
        [WEIR_SETTING_BOOL] = read_bool,
        [WEIR_SETTING_INTEGER] = read_integer,
        [WEIR_SETTING_DOUBLE] = read_double,
        [WEIR_SETTING_DURATION] = read_duration,
        [WEIR_SETTING_SECONDS] = read_seconds,
        [WEIR_SETTING_SIZE] = read_size,
        [WEIR_SETTING_HOURS] = read_hours,
        [WEIR_SETTING_CHOICE] = read_choice,
        [WEIR_SETTING_AGGREGATE] = read_aggregate,
        [WEIR_SETTING_CHOICES] = weir_reading_take_choices,
        [WEIR_SETTING_DOUBLES] = weir_reading_take_doubles,
        [WEIR_SETTING_FILTERS] = weir_reading_take_filters,
        [WEIR_SETTING_WORD] = read_word,
        [WEIR_SETTING_WORDS] = weir_reading_take_words,
        [WEIR_SETTING_SLOPE] = read_slope,
        [WEIR_SETTING_GROUP] = read_group_kind,
        [WEIR_SETTING_LIST] = weir_reading_take_list,
    };

    return readers[reading->known->kind](reading);
}

static bool refuse_level(const struct weir_reading *reading, const config_setting_t *member)
{
    const char *names[WEIR_LEVEL_COUNT];
    const char *name = config_setting_name(member);
    const char *nearest;
    char shown[64];

    for (uint32_t i = WEIR_LEVEL_INFO; i < WEIR_LEVEL_COUNT; i++)
        names[i - 1] = weir_level_name((enum weir_level)i);
    nearest = weir_problem_nearest(name, names, WEIR_LEVEL_COUNT - 1);
    weir_token_quote(shown, name, strlen(name), '\'');
    weir_problem_add(reading->problems, weir_source_place(member),
                     "unknown level %s of '%s' %s; %s%s%s", shown, reading->known->name,
                     reading->where,
                     nearest ? "did you mean '" : "known here: info, warning, critical",
                     nearest ? nearest : "", nearest ? "'?" : "");
    return false;
}

/* Reads the value of one level; WEIR_LEVEL_OK: it is written without one. */
static bool take_level(const struct weir_reading *reading, const config_setting_t *setting,
                       enum weir_level level)
{
    struct weir_setting known = *reading->known;
    struct weir_reading one = *reading;
    char prefix[32];

    (void)snprintf(prefix, sizeof(prefix), "'%s' of ", weir_level_name(level));
    if (level != WEIR_LEVEL_OK) {
        known.level_stride = 0;
        one.known = &known;
        one.level = prefix;
    }
    one.setting = setting;
    one.count = NULL;
    one.value = (char *)reading->value + level * reading->known->level_stride;
    if (!take_value(&one))
        return false;
    *reading->count |= 1u << level;
    return true;
}

static bool take_levels(const struct weir_reading *reading)
{
    bool fits = true;

    if (config_setting_length(reading->setting) == 0)
        return weir_reading_refuse(reading, reading->setting, NULL, " (it is empty)");
    for (int i = 0; i < config_setting_length(reading->setting); i++) {
        const config_setting_t *member = config_setting_get_elem(reading->setting, (unsigned)i);
        uint32_t level = WEIR_LEVEL_INFO;

        while (level < WEIR_LEVEL_COUNT &&
               strcmp(config_setting_name(member), weir_level_name((enum weir_level)level)) != 0)
            level++;
        if (level == WEIR_LEVEL_COUNT)
            fits = refuse_level(reading, member);
        else
            fits = take_level(reading, member, (enum weir_level)level) && fits;
    }
    return fits;
}

bool weir_reading_take(const struct weir_reading *reading)
{
    if (reading->known->level_stride == 0)
        return take_value(reading);
    if (config_setting_is_group(reading->setting))
        return take_levels(reading);
    return take_level(reading, reading->setting, WEIR_LEVEL_OK);
}
