/*
 * What weir published and a broker retained, read back: the other way round of encode.h.
 */
#ifndef WEIR_FORMAT_RETAINED_H
#define WEIR_FORMAT_RETAINED_H

#include <stddef.h>

#include "format/json.h"
#include "weir/config.h"
#include "weir/flow.h"

struct weir_retained {
    /* private */
    struct weir_json_paths state;
    struct weir_json_paths discovery;
};

void weir_retained_init(struct weir_retained *retained);

/*
 * The state of a rule on a series, as far as WEIR_COMMAND_RESTORE takes it. False: the payload is no
 * state of this rule, stream, field and series.
 */
bool weir_retained_read_state(const struct weir_retained *retained, const char *payload,
                              size_t length, const struct weir_config *config,
                              const struct weir_rule_config *rule, const char *series,
                              struct weir_alert *alert);

/* The state_topic of a discovery payload, NUL-terminated in at most size bytes. False: it has
 * none. */
bool weir_retained_read_state_topic(const struct weir_retained *retained, const char *payload,
                                    size_t length, char *topic, size_t size);

#endif
