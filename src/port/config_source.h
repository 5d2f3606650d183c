/*
 * One file of the configuration: its text, libconfig's tree of it, and where in the text each
 * setting of the tree stands.
 */
#ifndef WEIR_PORT_CONFIG_SOURCE_H
#define WEIR_PORT_CONFIG_SOURCE_H

#include <libconfig.h>
#include <stddef.h>
#include <stdint.h>

#include "port/config_problem.h"
#include "port/config_scan.h"
#include "weir/flow.h"

/* A file, in bytes: far above any configuration that limits.h allows to be of use, and read at
 * once. */
#define WEIR_SOURCE_BYTES_MAX (1024 * 1024)

struct weir_source {
    struct weir_place file;
    /* private */
    char *name;
    char *text;
    size_t length;
    struct weir_scan scan;
    config_t config;
};

/*
 * Reads the file at name. Its problems are reported under that name, after those of files with a
 * lower order. WEIR_REFUSED: a problem was added. Either way the source is to be released; it stays
 * where it is as long as it is used.
 */
enum weir_status weir_source_load(struct weir_source *source, const char *name, uint32_t order,
                                  struct weir_problems *problems);

/* The same from memory; text is copied. */
enum weir_status weir_source_parse(struct weir_source *source, const char *name, const char *text,
                                   size_t length, struct weir_problems *problems);

void weir_source_release(struct weir_source *source);

config_setting_t *weir_source_root(const struct weir_source *source);

/* Where a setting of any loaded source stands: its name, or its value. */
struct weir_place weir_source_place(const config_setting_t *setting);
struct weir_place weir_source_value_place(const config_setting_t *setting);

/* The value of a setting as it is written, not NUL-terminated. */
const char *weir_source_value(const config_setting_t *setting, size_t *length);

#endif
