/*
 * A second look at the text of a configuration file, before libconfig's own: it keeps what
 * libconfig forgets (columns, and values as they are written) and refuses what libconfig lets pass
 * (a comma forgotten between two strings, a lone point as a number, a comment that never ends).
 */
#ifndef WEIR_PORT_CONFIG_SCAN_H
#define WEIR_PORT_CONFIG_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "port/config_problem.h"
#include "weir/flow.h"

/* Nesting of groups and lists: four times what the table of settings has a use for. */
#define WEIR_SCAN_DEPTH_MAX 16

/* Settings of one group: libconfig looks through all of them for each one it adds. */
#define WEIR_SCAN_MEMBER_COUNT_MAX 256

/* Elements of one array or list: four times the longest one that limits.h allows. */
#define WEIR_SCAN_ELEMENT_COUNT_MAX 1024

/* Settings and elements of a file: the largest configuration that limits.h allows, twice. */
#define WEIR_SCAN_NODE_COUNT_MAX 131072

/* A setting, or an element of an array or list. */
struct weir_scan_node {
    uint32_t line; /* of the name; of the value where there is no name */
    uint32_t column;
    uint32_t value_line;
    uint32_t value_column;
    uint32_t value_offset; /* the value as it is written, in bytes of the text */
    uint32_t value_length;
};

struct weir_scan {
    struct weir_scan_node
        *nodes; /* the file itself, then everything in it in the order of the text */
    uint32_t node_count;
    /* private */
    uint32_t node_max;
};

/*
 * Scans text[0..length); file is its name and order. WEIR_REFUSED: a problem was added. Either way
 * the scan is to be released.
 */
enum weir_status weir_scan_text(struct weir_scan *scan, const char *text, size_t length,
                                struct weir_place file, struct weir_problems *problems);

void weir_scan_release(struct weir_scan *scan);

#endif
