/*
 * A configuration read from libconfig files: the named file and, in name order, every *.conf in
 * conf.d/ beside it. One table of settings says what is known, of which type, between which bounds
 * and with which default; everything wrong is reported at once, each with its place.
 */
#ifndef WEIR_PORT_CONFIG_H
#define WEIR_PORT_CONFIG_H

#include <stdio.h>

#include "weir/config.h"

/* Reported problems of one load; more are counted, not listed: nobody reads further. */
#define WEIR_CONFIG_ERROR_COUNT_MAX 50

/*
 * Reads the configuration. Errors and warnings go to report, one a line:
 *
 *     weir.conf:14:3: error: unknown setting 'abov' in alert "overheat"; did you mean 'above'?
 *
 * Returns the configuration, to be freed with weir_config_destroy, or NULL after at least one
 * error. A password file that cannot be used, or that others may use, is an error. Nothing is
 * written but the report; nothing is opened but the files.
 */
struct weir_config *weir_config_load(const char *path, FILE *report);

/* The same for who connects to nobody, and may not be allowed to: password files are not opened. */
struct weir_config *weir_config_load_offline(const char *path, FILE *report);

/*
 * The same from memory: text is the content of the main file, name what the report calls it. No
 * conf.d, no password file.
 */
struct weir_config *weir_config_parse(const char *name, const char *text, FILE *report);

/* Frees a configuration. NULL is allowed. */
void weir_config_destroy(struct weir_config *config);

#endif
