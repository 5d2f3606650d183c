/*
 * The rules of the streams: samples past them, alerts out of them.
 */
#ifndef WEIR_PIPELINE_RULES_H
#define WEIR_PIPELINE_RULES_H

#include "pipeline/decode.h"

/* Shows the values of a reading to the rules of their fields. There has to be room for a message's
 * outputs. */
void weir_rules_accept(struct weir_pipeline *pipeline, uint32_t stream, uint32_t series,
                       const struct reading *reading);

#endif
