/*
 * The tree that paths are compiled to.
 */
#ifndef WEIR_FORMAT_JSON_PATH_H
#define WEIR_FORMAT_JSON_PATH_H

#include "format/json.h"

/* No key of a path. */
#define WEIR_JSON_NO_NODE (-1)

/* The child of a node under a key; WEIR_JSON_NO_NODE: there is none. */
int16_t weir_json_find_child(const struct weir_json_paths *paths, int16_t parent, const char *key,
                             size_t length);

#endif
