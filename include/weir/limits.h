/*
 * Every maximum of weir, with its reason. Storage is sized from the configuration; these are the
 * ceilings the configuration itself has to stay under.
 */
#ifndef WEIR_LIMITS_H
#define WEIR_LIMITS_H

/* A topic, in bytes. MQTT allows 65,535; real fields stay under 200, and a bound lets a label
 * key be built on the stack. A message on a longer topic is counted oversize. */
#define WEIR_TOPIC_LENGTH_MAX 512

/* A payload, in bytes: the largest a sensor gateway has a use for. Larger is counted oversize. */
#define WEIR_PAYLOAD_LENGTH_MAX 65536

/* Nesting of a JSON payload. Sixteen levels hold every published sensor format; a bound keeps the
 * scanner's stack fixed. */
#define WEIR_JSON_DEPTH_MAX 16

/* Names of gateways, streams, fields, rules and labels, in bytes without the closing NUL. They
 * become parts of topics and of file names. */
#define WEIR_NAME_LENGTH_MAX 63

/* A unit's text ("Cel", "m3/h"), in bytes. */
#define WEIR_UNIT_LENGTH_MAX 31

/* A path into a payload as written, in bytes. */
#define WEIR_PATH_LENGTH_MAX 255

/* Steps of a path: no deeper than a payload may be. */
#define WEIR_PATH_STEP_COUNT_MAX WEIR_JSON_DEPTH_MAX

/* Streams of a configuration. Each message is offered to every stream in turn. */
#define WEIR_STREAM_COUNT_MAX 64

/* Topic filters of a stream. */
#define WEIR_FILTER_COUNT_MAX 16

/* Segments a compiled topic filter may have: text and wildcards alternate. */
#define WEIR_FILTER_SEGMENT_COUNT_MAX 32

/* Fields of a stream; the scanner keeps one value for each on its stack. */
#define WEIR_FIELD_COUNT_MAX 32

/* Sentinel values of a field (999, -127, ...). */
#define WEIR_INVALID_COUNT_MAX 8

/* Quantiles of a stream. More show no more of a distribution than the bins of a sketch know of it;
 * sixteen take half a KiB of a row at most. */
#define WEIR_QUANTILE_COUNT_MAX 16

/* Alert rules of a configuration, and of one stream (each costs a state in every series of it). */
#define WEIR_RULE_COUNT_MAX 256
#define WEIR_STREAM_RULE_COUNT_MAX 32

/* Series that rules expect, in all: each is made at the start, and has a line in a file. */
#define WEIR_EXPECTED_COUNT_MAX 4096

/* Transitions that are counted as flapping: each costs 8 bytes in every series of the rule. */
#define WEIR_FLAP_COUNT_MAX 16

/* Events that are counted as a storm: each costs 8 bytes a rule. */
#define WEIR_STORM_COUNT_MAX 1000

/* Series of a stream: index arithmetic stays in 32 bits with room to spare. */
#define WEIR_SERIES_COUNT_MAX 1000000

/* Windows a series holds at once, open and held for revision together. */
#define WEIR_PANE_COUNT_MAX 64

/* A window's length and every other configured duration, in milliseconds: one year. */
#define WEIR_DURATION_MS_MAX (366LL * 24 * 3600 * 1000)

/* Bytes set aside for the names of a stream's series: so many a series on average, and never
 * less in all than the floor. A series whose name no longer fits is beyond the budget and
 * counted so. */
#define WEIR_SERIES_NAME_BYTES_MEAN 64
#define WEIR_SERIES_NAME_BYTES_FLOOR 65536

/* Messages of QoS 1 and 2 among which a repeated one is looked for. A broker delivers again whatever
 * it has no answer to, and keeps to the 100 that weir asks for only if it likes: mosquitto 2.0.11,
 * working off what it has queued, sends up to 100 more with each answer. Half as many as there are
 * packet ids: an id that comes round again is not taken for its message of the round before. */
#define WEIR_DUPLICATE_COUNT_MAX 32768

/* The rows of one batch in encoded form, in bytes. With its envelope a batch stays under 64 KiB:
 * every cloud broker takes it (the smallest common limit is 128 KiB), the envelope is 1 % of it,
 * and the three copies there may be of one cost little memory. */
#define WEIR_BATCH_BYTES_MAX (62 * 1024)

/* The least size at which a batch may be made to leave: below, its envelope is most of it. */
#define WEIR_BATCH_BYTES_MIN 1024

#endif
