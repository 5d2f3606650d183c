/*
 * One setting on its way from the file to its struct: what the readers of all kinds of values need,
 * and how they refuse one.
 */
#ifndef WEIR_PORT_CONFIG_READING_H
#define WEIR_PORT_CONFIG_READING_H

#include <libconfig.h>
#include <stdbool.h>
#include <stdint.h>

#include "port/config_problem.h"
#include "port/config_table.h"

struct weir_reading {
    const struct weir_setting *known;
    const config_setting_t *setting;
    void *value;       /* where it goes */
    uint32_t *count;   /* where its number goes; NULL: nowhere */
    const char *level; /* "'warning' of ", in front of the setting's name; else empty */
    const char *where; /* as weir_read_group has it */
    struct weir_problems *problems;
};

/*
 * Reads a setting, or one of several elements, as its kind says. False: it was refused, and a
 * problem was added.
 */
bool weir_reading_take(const struct weir_reading *reading);

/* The kinds that have several elements; config_sequence.c. */
bool weir_reading_take_choices(const struct weir_reading *reading);
bool weir_reading_take_doubles(const struct weir_reading *reading);
bool weir_reading_take_words(const struct weir_reading *reading);
bool weir_reading_take_filters(const struct weir_reading *reading);
bool weir_reading_take_list(const struct weir_reading *reading);

/* Stores an integer in a member of known's size. */
void weir_reading_store(const struct weir_setting *known, void *value, int64_t number);

/* The value of a setting as plain C; NULL and false: it is of another type. */
const char *weir_reading_string(const config_setting_t *setting);
bool weir_reading_integer(const config_setting_t *setting, int64_t *number);
bool weir_reading_double(const config_setting_t *setting, double *number);

/*
 * Each adds a problem and returns false. value is the setting or one of its elements; expected
 * overrides what the table says, why is put behind it; NULL: nothing of that kind.
 */
bool weir_reading_refuse(const struct weir_reading *reading, const config_setting_t *value,
                         const char *expected, const char *why);
bool weir_reading_refuse_plain(const struct weir_reading *reading);
bool weir_reading_refuse_count(const struct weir_reading *reading, int count);

/* Says why a word is none of the choices, with the word it may have been meant for. */
bool weir_reading_refuse_word(const struct weir_reading *reading, const config_setting_t *value,
                              const char *refusal);

#endif
