/*
 * The alerts of a configuration in words, as `weir check` prints them: what a rule came to be read
 * as, defaults included.
 */
#ifndef WEIR_COMMAND_CHECK_ALERTS_H
#define WEIR_COMMAND_CHECK_ALERTS_H

#include "format/text.h"
#include "weir/config.h"

/* Bytes that the words of any rule fit in. */
#define WEIR_CHECK_ALERT_SIZE 2048

/* Adds "temperature above 60 info, 75 warning; hold 5s". */
void weir_check_describe_alert(struct weir_text *text, const struct weir_config *config,
                               uint32_t rule);

/* Prints all alerts, each with the number of series that it may look at. */
void weir_check_print_alerts(const struct weir_config *config);

#endif
