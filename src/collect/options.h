/* The command line of `weir collect`. */
#ifndef WEIR_COLLECT_OPTIONS_H
#define WEIR_COLLECT_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "collect/part.h"
#include "weir/config.h"

enum weir_collect_target {
    WEIR_COLLECT_SQLITE,
    WEIR_COLLECT_NDJSON,
    WEIR_COLLECT_LINE,
    WEIR_COLLECT_HTTP,
};

/* Texts are borrowed from the arguments. */
struct weir_collect_options {
    struct weir_peer_config broker;
    const char *group; /* NULL: none */
    struct weir_part part;
    char name[WEIR_NAME_LENGTH_MAX + 1];
    enum weir_collect_target target;
    const char *to; /* the path or URL of the target */
    char state[4000];
    const char *token_file; /* NULL: none */
    bool alerts;
    bool report; /* print what is known, and end */
};

/* Reads the arguments. False: there is nothing to do, *exit_status says how to end. */
bool weir_collect_options_read(struct weir_collect_options *options, int argc, char **argv,
                               int *exit_status);

#endif
