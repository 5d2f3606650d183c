#include "port/config_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "format/text.h"
#include "port/config_source.h"
#include "port/config_token.h"
#include "port/config_value.h"
#include "weir/config.h"

/* Names that a report lists when none is near the unknown one. */
#define LISTED_LENGTH_MAX 160
#define SETTING_COUNT_MAX 32

/* One setting on its way from the file to its struct. */
struct reading {
    const struct weir_setting *known;
    const config_setting_t *setting;
    void *value; /* where it goes */
    uint32_t *count;
    const char *where;
    struct weir_problems *problems;
};

/* What the report calls a value. An address is not shown with the password somebody put into it. */
static const char *show(const struct reading *reading, const config_setting_t *setting,
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

/* Refuses a value, or an element of it; expected overrides what the table says, why is added. */
static bool refuse(const struct reading *reading, const config_setting_t *value,
                   const char *expected, const char *why)
{
    char buffer[64];
    char described[320];

    if (!expected) {
        weir_table_describe(reading->known, described, sizeof(described));
        expected = described;
    }
    weir_problem_add(reading->problems, weir_source_value_place(value),
                     "'%s' %s %s %s; expected %s%s", reading->known->name, reading->where,
                     value == reading->setting ? "is" : "has", show(reading, value, buffer),
                     expected, why ? why : "");
    return false;
}

static bool refuse_plain(const struct reading *reading)
{
    return refuse(reading, reading->setting, NULL, NULL);
}

static bool refuse_count(const struct reading *reading, int count)
{
    char described[320];

    weir_table_describe(reading->known, described, sizeof(described));
    weir_problem_add(reading->problems, weir_source_value_place(reading->setting),
                     "'%s' %s has %d element%s; expected %s", reading->known->name, reading->where,
                     count, count == 1 ? "" : "s", described);
    return false;
}

/* True when the setting has as many elements as it may have. */
static bool count_fits(const struct reading *reading)
{
    int count = config_setting_length(reading->setting);

    if (count >= reading->known->min && count <= reading->known->max)
        return true;
    return refuse_count(reading, count);
}

static void store_integer(const struct weir_setting *known, void *value, int64_t number)
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

static bool is_number(const config_setting_t *setting)
{
    return config_setting_is_number(setting);
}

static const char *string_of(const config_setting_t *setting)
{
    if (config_setting_type(setting) != CONFIG_TYPE_STRING)
        return NULL;
    return config_setting_get_string(setting);
}

static bool integer_of(const config_setting_t *setting, int64_t *number)
{
    size_t length;
    const char *text = weir_source_value(setting, &length);

    if (!is_number(setting) || config_setting_type(setting) == CONFIG_TYPE_FLOAT)
        return false;
    return weir_value_integer(text, length, number);
}

static bool double_of(const config_setting_t *setting, double *number)
{
    size_t length;
    const char *text = weir_source_value(setting, &length);

    return is_number(setting) && weir_value_double(text, length, number);
}

static bool read_text(const struct reading *reading)
{
    const struct weir_setting *known = reading->known;
    const char *text = string_of(reading->setting);
    const char *expected = NULL;
    bool fits;

    if (!text)
        return refuse_plain(reading);
    fits = strlen(text) < known->size && (int64_t)strlen(text) >= known->min &&
           weir_value_is_text(text);
    if (known->kind == WEIR_SETTING_NAME)
        fits = weir_value_is_name(text);
    if (known->kind == WEIR_SETTING_URL) {
        expected = weir_value_check_url(text);
        fits = fits && !expected;
    }
    if (!fits)
        return refuse(reading, reading->setting, expected, NULL);
    memcpy(reading->value, text, strlen(text) + 1);
    return true;
}

static bool read_word(const struct reading *reading)
{
    return string_of(reading->setting) || refuse_plain(reading);
}

static bool read_bool(const struct reading *reading)
{
    if (config_setting_type(reading->setting) != CONFIG_TYPE_BOOL)
        return refuse_plain(reading);
    *(bool *)reading->value = config_setting_get_bool(reading->setting);
    return true;
}

static bool read_integer(const struct reading *reading)
{
    int64_t number;

    if (!integer_of(reading->setting, &number) || number < reading->known->min ||
        number > reading->known->max)
        return refuse_plain(reading);
    store_integer(reading->known, reading->value, number);
    return true;
}

static bool read_double(const struct reading *reading)
{
    double number;

    if (!double_of(reading->setting, &number) || (reading->known->max > 0 && number < 0))
        return refuse_plain(reading);
    memcpy(reading->value, &number, sizeof(number));
    return true;
}

/* A duration or size that lacks its unit deserves to be told so. */
static bool refuse_quantity(const struct reading *reading)
{
    const char *text = string_of(reading->setting);
    bool bare = is_number(reading->setting);

    if (text && *text != '\0')
        bare = strspn(text, "0123456789.") == strlen(text);
    if (!bare)
        return refuse_plain(reading);
    return refuse(reading, reading->setting, NULL, " (a bare number has no unit)");
}

/* Words of choices stand beside the quantity. */
static bool read_duration(const struct reading *reading)
{
    const struct weir_setting *known = reading->known;
    const char *text = string_of(reading->setting);
    const struct weir_choice *choice = NULL;
    const char *refusal;
    int64_t ms;

    if (text)
        choice = weir_table_choose(known, text, &refusal);
    if (choice) {
        store_integer(known, reading->value, choice->value);
        return true;
    }
    if (!text || !weir_value_duration(text, &ms))
        return refuse_quantity(reading);
    if (ms < known->min || ms > known->max)
        return refuse_plain(reading);
    store_integer(known, reading->value, ms);
    return true;
}

static bool read_seconds(const struct reading *reading)
{
    const char *text = string_of(reading->setting);
    int64_t seconds;
    int64_t ms;

    if (text && weir_value_duration(text, &ms) && ms % 1000 == 0)
        seconds = ms / 1000;
    else if (!integer_of(reading->setting, &seconds))
        return refuse_plain(reading);
    if (seconds < reading->known->min || seconds > reading->known->max)
        return refuse_plain(reading);
    store_integer(reading->known, reading->value, seconds);
    return true;
}

static bool read_size(const struct reading *reading)
{
    const char *text = string_of(reading->setting);
    uint64_t bytes;

    if (!text || !weir_value_size(text, &bytes))
        return refuse_quantity(reading);
    if (bytes < (uint64_t)reading->known->min || bytes > (uint64_t)reading->known->max)
        return refuse_plain(reading);
    store_integer(reading->known, reading->value, (int64_t)bytes);
    return true;
}

/* Says why a word is none of the choices, with the word it may have been meant for. */
static bool refuse_word(const struct reading *reading, const config_setting_t *value,
                        const char *refusal)
{
    const struct weir_setting *known = reading->known;
    const char *names[SETTING_COUNT_MAX];
    const char *word = string_of(value);
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
    return refuse(reading, value, NULL, why);
}

static bool read_choice(const struct reading *reading)
{
    const char *word = string_of(reading->setting);
    const struct weir_choice *choice = NULL;
    const char *refusal = NULL;

    if (word)
        choice = weir_table_choose(reading->known, word, &refusal);
    if (!choice)
        return refuse_word(reading, reading->setting, refusal);
    store_integer(reading->known, reading->value, choice->value);
    return true;
}

static bool is_sequence(const config_setting_t *setting)
{
    return config_setting_is_array(setting) || config_setting_is_list(setting);
}

/* Takes a quantile in, in its place. False: there are too many. */
static bool add_quantile(struct weir_stream_config *stream, uint16_t thousandths)
{
    uint32_t at = stream->quantile_count;

    for (uint32_t i = 0; i < stream->quantile_count; i++) {
        if (stream->quantiles[i] == thousandths)
            return true;
    }
    if (at == WEIR_QUANTILE_COUNT_MAX)
        return false;
    for (; at > 0 && stream->quantiles[at - 1] > thousandths; at--)
        stream->quantiles[at] = stream->quantiles[at - 1];
    stream->quantiles[at] = thousandths;
    stream->quantile_count++;
    return true;
}

static bool read_aggregate(const struct reading *reading, const config_setting_t *element)
{
    struct weir_stream_config *stream = reading->value;
    const char *word = string_of(element);
    uint16_t thousandths = word ? weir_quantile_find(word, strlen(word)) : 0;
    const struct weir_choice *choice = NULL;
    const char *refusal = NULL;

    if (thousandths > 0)
        return add_quantile(stream, thousandths) ||
               refuse_word(reading, element, "one more than that");
    if (word)
        choice = weir_table_choose(reading->known, word, &refusal);
    if (!choice)
        return refuse_word(reading, element, refusal);
    stream->aggregates |= 1u << choice->value;
    return true;
}

static bool read_choices(const struct reading *reading)
{
    struct weir_stream_config *stream = reading->value;
    int count = config_setting_length(reading->setting);
    bool fits = true;

    if (!is_sequence(reading->setting))
        return refuse_plain(reading);
    if (count == 0)
        return refuse_count(reading, count);
    stream->aggregates = 0;
    for (int i = 0; i < count; i++)
        fits &= read_aggregate(reading, config_setting_get_elem(reading->setting, (unsigned)i));
    return fits;
}

static bool read_doubles(const struct reading *reading)
{
    double *values = reading->value;
    uint32_t count = (uint32_t)config_setting_length(reading->setting);
    bool fits = true;

    /* One number stands for an array of one where that is enough. */
    if (is_number(reading->setting) && reading->known->min <= 1) {
        if (reading->count)
            *reading->count = 1;
        return double_of(reading->setting, values) || refuse_plain(reading);
    }
    if (!is_sequence(reading->setting))
        return refuse_plain(reading);
    if (!count_fits(reading))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const config_setting_t *element = config_setting_get_elem(reading->setting, i);

        if (!double_of(element, &values[i]))
            fits = refuse(reading, element, NULL, NULL);
    }
    if (reading->count)
        *reading->count = count;
    return fits;
}

static bool read_filters(const struct reading *reading)
{
    uint32_t count = (uint32_t)config_setting_length(reading->setting);
    bool fits = true;

    if (!is_sequence(reading->setting))
        return refuse_plain(reading);
    if (!count_fits(reading))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const config_setting_t *element = config_setting_get_elem(reading->setting, i);
        const char *text = string_of(element);
        const char *expected = NULL;

        if (text)
            expected = weir_value_check_filter(text);
        if (!text || expected)
            fits = refuse(reading, element, expected, NULL);
        else
            memcpy((char *)reading->value + i * reading->known->size, text, strlen(text) + 1);
    }
    *reading->count = count;
    return fits;
}

static bool read_list(const struct reading *reading)
{
    bool fits = true;

    /* () and [] are both empty. */
    if (!config_setting_is_list(reading->setting) &&
        !(config_setting_is_array(reading->setting) &&
          config_setting_length(reading->setting) == 0))
        return refuse_plain(reading);
    if (!count_fits(reading))
        return false;
    for (int i = 0; i < config_setting_length(reading->setting); i++) {
        const config_setting_t *element = config_setting_get_elem(reading->setting, (unsigned)i);

        if (!config_setting_is_group(element))
            fits = refuse(reading, element, NULL, NULL);
    }
    return fits;
}

static bool read_group_kind(const struct reading *reading)
{
    return config_setting_is_group(reading->setting) || refuse_plain(reading);
}

static bool read_setting(const struct reading *reading)
{
    static bool (*const readers[])(const struct reading *) = {
        [WEIR_SETTING_NAME] = read_text,         [WEIR_SETTING_TEXT] = read_text,
        [WEIR_SETTING_URL] = read_text,          [WEIR_SETTING_BOOL] = read_bool,
        [WEIR_SETTING_INTEGER] = read_integer,   [WEIR_SETTING_DOUBLE] = read_double,
        [WEIR_SETTING_DURATION] = read_duration, [WEIR_SETTING_SECONDS] = read_seconds,
        [WEIR_SETTING_SIZE] = read_size,         [WEIR_SETTING_CHOICE] = read_choice,
        [WEIR_SETTING_CHOICES] = read_choices,   [WEIR_SETTING_DOUBLES] = read_doubles,
        [WEIR_SETTING_FILTERS] = read_filters,   [WEIR_SETTING_WORD] = read_word,
        [WEIR_SETTING_GROUP] = read_group_kind,  [WEIR_SETTING_LIST] = read_list,
    };

    return readers[reading->known->kind](reading);
}

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
        choice = weir_table_choose(known, known->initial, &refusal);
        number = choice ? choice->value : 0;
        break;
    case WEIR_SETTING_CHOICES:
        ((struct weir_stream_config *)value)->aggregates = initial_bits(known);
        return;
    default:
        return;
    }
    store_integer(known, value, number);
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
    char listed[LISTED_LENGTH_MAX + 1] = "";
    struct weir_text text;
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
    weir_text_init(&text, listed, LISTED_LENGTH_MAX);
    for (size_t i = 0; i < table->count; i++) {
        weir_text_add(&text, i > 0 ? ", " : "");
        weir_text_add(&text, names[i]);
    }
    listed[text.length] = '\0';
    weir_problem_add(problems, weir_source_place(setting), "unknown setting %s %s; known here: %s",
                     shown, where, listed);
}

void weir_read_group(const struct weir_table *table, const config_setting_t *setting, void *base,
                     const char *where, struct weir_problems *problems)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct weir_setting *known = &table->settings[i];
        struct reading reading = {
            .known = known,
            .setting = setting ? config_setting_get_member(setting, known->name) : NULL,
            .value = (char *)base + known->offset,
            .count = known->count_offset ? (uint32_t *)(void *)((char *)base + known->count_offset)
                                         : NULL,
            .where = where,
            .problems = problems,
        };

        if (known->initial)
            store_initial(known, reading.value);
        if (reading.setting)
            (void)read_setting(&reading);
        else if (setting && known->required)
            report_missing(known, setting, where, problems);
    }
    for (int i = 0; setting && i < config_setting_length(setting); i++) {
        const config_setting_t *member = config_setting_get_elem(setting, (unsigned)i);

        if (!weir_table_find(table, config_setting_name(member)))
            report_unknown(table, member, where, problems);
    }
}
