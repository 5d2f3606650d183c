/*
 * Summaries, alerts and the ledger as members of JSON objects, in the contract's words and order.
 * The caller writes the braces and whatever else goes into the object.
 */
#ifndef WEIR_FORMAT_ENCODE_H
#define WEIR_FORMAT_ENCODE_H

#include "format/text.h"
#include "weir/config.h"
#include "weir/flow.h"
#include "weir/sketch.h"

/* "stream":...,"series":...,"field":..., then the unit if any, the window, revision and the
 * aggregates that the stream asks for, quantiles last. An aggregate that is not finite, and a rate
 * over no time, is left out; so are quantiles where sketch is NULL. */
void weir_encode_summary(struct weir_text *text, const struct weir_stream_config *stream,
                         const char *series, const struct weir_summary *summary,
                         const struct weir_sketch *sketch);

/* The aggregates, bit 1 << enum weir_aggregate, that are not left out where a stream asks for
 * all. */
uint32_t weir_encode_aggregates(const struct weir_summary *summary);

/* "rule":...,"stream":...,"series":...,"event":...,"level":...,"ts":...,"value":...,"limit":... */
void weir_encode_alert(struct weir_text *text, const struct weir_config *config, const char *series,
                       const struct weir_alert *alert);

#define WEIR_ENCODE_ALERT_SCHEMA "weir.alert/1"

/* The whole payload of an alert's topics, braces included. Without event in a state. */
void weir_encode_alert_payload(struct weir_text *text, const struct weir_config *config,
                               const char *series, const struct weir_alert *alert);

/* "received":..., and every other count. */
void weir_encode_ledger(struct weir_text *text, const struct weir_ledger *ledger);

/* weir/v1/<gateway>/, the root of every topic. */
void weir_encode_topic_root(struct weir_text *text, const struct weir_config *config);

/* The root, alert/<rule>/<series>/: state or event goes behind. */
void weir_encode_alert_topic(struct weir_text *text, const struct weir_config *config,
                             const char *series, uint32_t rule);

/* A series' name as one level of a topic: / becomes . and what a level cannot hold is
 * percent-encoded. */
void weir_encode_topic_level(struct weir_text *text, const char *series);

#endif
