#include "format/text.h"
#include "port/config_table.h"
#include "port/config_value.h"

static void add_choices(struct weir_text *text, const struct weir_setting *setting)
{
    size_t taken = 0;
    size_t added = 0;

    for (size_t i = 0; i < setting->choice_count; i++)
        taken += setting->choices[i].refusal == NULL;
    for (size_t i = 0; i < setting->choice_count; i++) {
        if (setting->choices[i].refusal)
            continue;
        if (added > 0)
            weir_text_add(text, added + 1 == taken ? " or " : ", ");
        weir_text_add(text, "\"");
        weir_text_add(text, setting->choices[i].name);
        weir_text_add(text, "\"");
        added++;
    }
}

static void add_range(struct weir_text *text, const char *what, const char *low, const char *high)
{
    weir_text_add(text, what);
    weir_text_add(text, " from ");
    weir_text_add(text, low);
    weir_text_add(text, " to ");
    weir_text_add(text, high);
}

static void add_number_range(struct weir_text *text, const char *what, int64_t min, int64_t max)
{
    weir_text_add(text, what);
    weir_text_add(text, " ");
    weir_text_add_int(text, min);
    if (min != max) {
        weir_text_add(text, " to ");
        weir_text_add_int(text, max);
    }
}

static void add_duration(struct weir_text *text, const struct weir_setting *setting)
{
    char low[32];
    char high[32];

    weir_value_print_duration(low, setting->min);
    weir_value_print_duration(high, setting->max);
    add_range(text, "a duration with its unit (ms, s, m, h or d), such as \"10s\",",
              setting->min == 0 ? "0" : low, high);
    if (setting->choice_count > 0) {
        weir_text_add(text, ", or ");
        add_choices(text, setting);
    }
}

static void add_size(struct weir_text *text, const struct weir_setting *setting)
{
    char low[32];
    char high[32];

    weir_value_print_size(low, (uint64_t)setting->min);
    weir_value_print_size(high, (uint64_t)setting->max);
    add_range(text, "a size with its unit (B, KiB, MiB or GiB), such as \"64MiB\",", low, high);
}

static void add_group(struct weir_text *text, const struct weir_setting *setting)
{
    weir_text_add(text, "a group { }");
    if (setting->choices) {
        weir_text_add(text, " or ");
        add_choices(text, setting);
    } else if (setting->size > 0) {
        add_number_range(text, " or a text of", setting->min, (int64_t)setting->size - 1);
        weir_text_add(text, " bytes");
    }
}

static void add_sequence(struct weir_text *text, const struct weir_setting *setting)
{
    switch (setting->kind) {
    case WEIR_SETTING_CHOICES:
        weir_text_add(text, "an array [ ] of ");
        add_choices(text, setting);
        weir_text_add(text, ", and at most ");
        weir_text_add_int(text, setting->max);
        weir_text_add(text, " of \"p1\" to \"p99\" and \"p99.9\"");
        break;
    case WEIR_SETTING_DOUBLES:
        add_number_range(text, "an array [ ] of", setting->min, setting->max);
        weir_text_add(text, " numbers");
        break;
    case WEIR_SETTING_FILTERS:
        add_number_range(text, "an array [ ] of", setting->min, setting->max);
        weir_text_add(text, " topic filters in quotes");
        break;
    case WEIR_SETTING_WORDS:
        add_number_range(text, "an array [ ] of", setting->min, setting->max);
        weir_text_add(text, " texts in quotes");
        break;
    case WEIR_SETTING_LIST:
        add_number_range(text, "a list ( ) of", setting->min, setting->max);
        weir_text_add(text, " groups { }");
        break;
    default:
        break;
    }
}

static void add_expected(struct weir_text *text, const struct weir_setting *setting)
{
    switch (setting->kind) {
    case WEIR_SETTING_NAME:
        weir_text_add(text, "a name of 1 to 63 letters, digits, - _ .");
        break;
    case WEIR_SETTING_TEXT:
        add_number_range(text, "a text of", setting->min, (int64_t)setting->size - 1);
        weir_text_add(text, " bytes without control characters");
        break;
    case WEIR_SETTING_URL:
        weir_text_add(text, "an address such as \"mqtt://host:1883\"");
        break;
    case WEIR_SETTING_BOOL:
        weir_text_add(text, "true or false");
        break;
    case WEIR_SETTING_INTEGER:
        add_number_range(text, "a whole number from", setting->min, setting->max);
        break;
    case WEIR_SETTING_DOUBLE:
        weir_text_add(text, setting->max > 0 ? "a number of at least 0" : "a number");
        break;
    case WEIR_SETTING_DURATION:
        add_duration(text, setting);
        break;
    case WEIR_SETTING_SECONDS:
        add_number_range(text, "seconds as a whole number from", setting->min, setting->max);
        weir_text_add(text, ", or a duration such as \"30s\"");
        break;
    case WEIR_SETTING_SIZE:
        add_size(text, setting);
        break;
    case WEIR_SETTING_HOURS:
        weir_text_add(text, "hours of the day in UTC, such as \"22:30-05:00\"");
        break;
    case WEIR_SETTING_CHOICE:
        add_choices(text, setting);
        break;
    case WEIR_SETTING_AGGREGATE:
        add_choices(text, setting);
        weir_text_add(text, ", or \"p1\" to \"p99\" or \"p99.9\"");
        break;
    case WEIR_SETTING_WORD:
        weir_text_add(text, "a name in quotes");
        break;
    case WEIR_SETTING_SLOPE:
        weir_text_add(text, "a slope with its unit of time (s, min, h or d), such as "
                            "\"2.0/min\"");
        break;
    case WEIR_SETTING_GROUP:
        add_group(text, setting);
        break;
    default:
        add_sequence(text, setting);
    }
}

void weir_table_describe(const struct weir_setting *setting, char *out, size_t size)
{
    struct weir_text text;

    weir_text_init(&text, out, size - 1);
    add_expected(&text, setting);
    if (setting->level_stride > 0)
        weir_text_add(&text, ", or a group { } of such by level");
    out[text.length] = '\0';
}
