/*
 * One group of a configuration, read against its table: every setting known, of the right type and
 * inside its bounds, or reported; defaults where nothing is written.
 */
#ifndef WEIR_PORT_CONFIG_READ_H
#define WEIR_PORT_CONFIG_READ_H

#include <libconfig.h>

#include "port/config_problem.h"
#include "port/config_table.h"

/*
 * Reads a group into the struct at base that the table's offsets are for. setting may be NULL: no
 * such group is written; then only the defaults are filled in, and nothing is missing. where is
 * what the report says behind the name of a setting: `in broker`, `at top level`.
 *
 * Groups and lists inside are only checked to be such; their reader is their own.
 */
void weir_read_group(const struct weir_table *table, const config_setting_t *setting, void *base,
                     const char *where, struct weir_problems *problems);

#endif
