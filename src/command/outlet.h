/*
 * The way out to the gateway's broker, shared by all that is published there: the connection, and
 * room to put a topic and a payload together.
 */
#ifndef WEIR_COMMAND_OUTLET_H
#define WEIR_COMMAND_OUTLET_H

#include "command/intake.h"
#include "format/text.h"
#include "port/mqtt.h"
#include "weir/engine.h"

/* An alert's topic with the longest names, each byte of a series percent-encoded. */
#define WEIR_OUTLET_TOPIC_SIZE 2048

/* An alert with the longest names, or the newest summaries of a series with every field. */
#define WEIR_OUTLET_PAYLOAD_SIZE 65536

/* A number in decimal digits. */
#define WEIR_OUTLET_NUMBER_SIZE 21

/* What an answer belongs to. */
enum weir_outlet_kind {
    WEIR_OUTLET_STATUS,
    WEIR_OUTLET_INFO,
    WEIR_OUTLET_EVENT,
    WEIR_OUTLET_STATE,
    WEIR_OUTLET_REMOVAL,
    WEIR_OUTLET_LIVE,
    WEIR_OUTLET_DELETION,
    WEIR_OUTLET_DISCOVERY,
    WEIR_OUTLET_ANSWER,
};

/* An answer's token: the kind in the upper part, a number in the lower. */
#define WEIR_OUTLET_NUMBER_BITS 56

struct weir_outlet {
    struct weir_intake *intake;       /* borrowed */
    const struct weir_config *config; /* borrowed */
    struct weir_mqtt *mqtt;           /* NULL: not connected anywhere yet */
    struct weir_text topic;           /* both are put together by whoever sends next */
    struct weir_text payload;
    struct weir_mqtt_properties properties;
    /* private */
    char sequence[WEIR_OUTLET_NUMBER_SIZE];
    char topic_bytes[WEIR_OUTLET_TOPIC_SIZE];
    char payload_bytes[WEIR_OUTLET_PAYLOAD_SIZE];
};

void weir_outlet_init(struct weir_outlet *outlet, struct weir_intake *intake,
                      const struct weir_config *config);

/* Begins a publish: the payload and the properties are empty, and the topic is weir/v1/<gateway>/
 * and what is given. */
void weir_outlet_begin(struct weir_outlet *outlet, const char *topic_end);

/* Begins a publish to a whole topic. */
void weir_outlet_begin_at(struct weir_outlet *outlet, const char *topic);

/* Has the properties say what an alert's payload says; an event's expires after a day. rule is
 * borrowed until the publish is sent. */
void weir_outlet_describe(struct weir_outlet *outlet, const char *rule,
                          const struct weir_alert *alert);

/* Begins and writes a publish of an alert; topic_end is state or event. Under the intake's lock. */
void weir_outlet_write_alert(struct weir_outlet *outlet, const struct weir_engine *engine,
                             const struct weir_alert *alert, const char *topic_end);

/* The topic as a string, valid until the next begin. */
const char *weir_outlet_topic(struct weir_outlet *outlet);

/* Publishes what was put together, as weir_mqtt_publish does; what did not fit is refused. */
enum weir_status weir_outlet_send(struct weir_outlet *outlet, int qos, bool retain,
                                  enum weir_outlet_kind kind, uint64_t number);

#endif
