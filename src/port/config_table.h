/*
 * The table of settings: all that is known, with type, bounds, default and the place in the plain
 * structs that the value goes to. What is not in it is an unknown setting.
 */
#ifndef WEIR_PORT_CONFIG_TABLE_H
#define WEIR_PORT_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum weir_setting_kind {
    WEIR_SETTING_NAME,     /* letters, digits, - _ . */
    WEIR_SETTING_TEXT,     /* of min to size - 1 bytes */
    WEIR_SETTING_URL,      /* of a broker */
    WEIR_SETTING_BOOL,     /* true or false */
    WEIR_SETTING_INTEGER,  /* min to max */
    WEIR_SETTING_DOUBLE,   /* min to max; both 0: any finite number */
    WEIR_SETTING_DURATION, /* min to max ms; words of choices as well */
    WEIR_SETTING_SECONDS,  /* min to max: an integer, or a duration of whole seconds */
    WEIR_SETTING_SIZE,     /* min to max bytes */
    WEIR_SETTING_HOURS,    /* of the day: a struct weir_hours */
    WEIR_SETTING_CHOICE,   /* a word of choices */
    WEIR_SETTING_AGGREGATE, /* a word of choices; or a quantile: its thousandths go to count_offset */
    WEIR_SETTING_CHOICES,   /* several of them, and max quantiles: the aggregates of a stream */
    WEIR_SETTING_DOUBLES,   /* min to max numbers; how many goes to count_offset, if not 0 */
    WEIR_SETTING_FILTERS,   /* min to max topic filters of size bytes; likewise */
    WEIR_SETTING_WORD,      /* a text that is looked up later: the reader of the group stores it */
    WEIR_SETTING_WORDS,     /* min to max of them */
    WEIR_SETTING_SLOPE,     /* "2.0/min", as struct weir_slope_limit */
    WEIR_SETTING_GROUP, /* has a table of its own; a word of choices, or a text as well, if there
                            * are choices or a size */
    WEIR_SETTING_LIST,  /* of groups: min to max; each has a table of its own */
};

/* Words and sizes stand in the tables as they are: a pointer takes eight bytes, a relocation of 24, and
 * the word. */
struct weir_choice {
    char name[12];
    int32_t value;
    const char *refusal; /* why this well-known word is not taken; NULL: it is */
};

struct weir_setting {
    char name[20];
    enum weir_setting_kind kind;
    int64_t min;
    int64_t max;
    const char *initial; /* the default, as it would be written between quotes; NULL: zero */
    const struct weir_choice *choices;
    uint32_t offset; /* of the value in the struct of the group; 0: that struct */
    uint32_t size;   /* of the value; of one element for kinds that have several */
    uint32_t count_offset;
    bool required;
    uint8_t choice_count;
    uint16_t level_stride; /* not 0: it may be a group of values by level as well. There is then a
                            * place for each enum weir_level, so far apart; a value without a level
                            * goes to that of WEIR_LEVEL_OK. Levels go to count_offset, as bits. */
};

/* The settings of one group. */
struct weir_table {
    const struct weir_setting *settings;
    size_t count;
};

/* Offsets are those of struct weir_config. */
extern const struct weir_table weir_table_top;
extern const struct weir_table weir_table_broker;
extern const struct weir_table weir_table_uplink;
extern const struct weir_table weir_table_storage;
extern const struct weir_table weir_table_alerting;
extern const struct weir_table weir_table_discovery;

/* Of struct weir_stream_config. */
extern const struct weir_table weir_table_stream;
extern const struct weir_table weir_table_time;
extern const struct weir_table weir_table_window;

/* Of files beside the main one, which have nothing else. */
extern const struct weir_table weir_table_addition;

/* Of struct weir_field_config. */
extern const struct weir_table weir_table_field;

/* Of struct weir_rule_draft. */
extern const struct weir_table weir_table_alert;
extern const struct weir_table weir_table_and;
extern const struct weir_table weir_table_minus;
extern const struct weir_table weir_table_flap;
extern const struct weir_table weir_table_storm;

/* The setting of that name, NULL: the table has none. */
const struct weir_setting *weir_table_find(const struct weir_table *table, const char *name);

/* The choice of that word, NULL: there is none, or it is not taken; then *refusal says why, or is
 * NULL. */
const struct weir_choice *weir_table_choose(const struct weir_setting *setting, const char *word,
                                            const char **refusal);

/* Writes what a setting's value has to be, as in "expected an integer from 0 to 2". */
void weir_table_describe(const struct weir_setting *setting, char *out, size_t size);

#endif
