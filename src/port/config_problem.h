/*
 * What is wrong with a configuration: collected while it is read, told at once and in order of
 * place.
 */
#ifndef WEIR_PORT_CONFIG_PROBLEM_H
#define WEIR_PORT_CONFIG_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "port/config.h"

/* Bytes of a problem's text; longer ones are cut. */
#define WEIR_PROBLEM_LENGTH_MAX 511

/* A place in a file. */
struct weir_place {
    const char *file;    /* as the report calls it; borrowed */
    uint32_t file_order; /* files are reported in this order */
    uint32_t line;       /* from 1; 0: the file as a whole */
    uint32_t column;     /* from 1, in bytes */
};

struct weir_problems {
    /* private */
    struct weir_problem {
        struct weir_place place;
        uint32_t order; /* of being found */
        bool warning;
        char text[WEIR_PROBLEM_LENGTH_MAX + 1];
    } list[WEIR_CONFIG_ERROR_COUNT_MAX];
    uint32_t count;
    uint32_t unlisted_count;
    uint32_t error_count;
};

__attribute__((format(printf, 3, 4))) void
weir_problem_add(struct weir_problems *problems, struct weir_place place, const char *format, ...);

/* The same for what is odd, yet no reason to refuse. */
__attribute__((format(printf, 3, 4))) void
weir_problem_warn(struct weir_problems *problems, struct weir_place place, const char *format, ...);

/* Writes all problems to report in order of file, line and column; the list stays. */
void weir_problem_print(struct weir_problems *problems, FILE *report);

/*
 * The candidate that name was most likely meant to be: one that begins so, else one at most two
 * slips of the finger away, or a third of its length, else one that it contains. NULL when there is
 * none.
 */
const char *weir_problem_nearest(const char *name, const char *const *candidates, size_t count);

/* Bytes of a list of names, its end included. */
#define WEIR_PROBLEM_NAMES_SIZE 192

/* Writes the names with commas between; of many those that fit, and then an ellipsis. */
void weir_problem_list_names(char listed[static WEIR_PROBLEM_NAMES_SIZE], const char *const *names,
                             size_t count);

#endif
