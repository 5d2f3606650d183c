/*
 * Topics below weir/v1/<gateway>/ read back: the other way round of encode.h.
 */
#ifndef WEIR_FORMAT_TOPIC_H
#define WEIR_FORMAT_TOPIC_H

#include "weir/config.h"

enum weir_topic_kind {
    WEIR_TOPIC_OTHER,   /* not of this gateway */
    WEIR_TOPIC_UNKNOWN, /* of this gateway, and of no kind below */
    WEIR_TOPIC_INFO,    /* info */
    WEIR_TOPIC_STATE,   /* alert/<rule>/<series>/state */
    WEIR_TOPIC_COMMAND, /* alert/<rule>/<series>/cmd */
    WEIR_TOPIC_LIVE,    /* live/<stream>/<series> */
};

struct weir_topic {
    enum weir_topic_kind kind;
    char name[WEIR_NAME_LENGTH_MAX + 1]; /* the rule's or stream's, whether there is one or not */
    char series[WEIR_TOPIC_LENGTH_MAX + 1];
};

/* What a topic is; text need not end in NUL. */
void weir_topic_read(struct weir_topic *topic, const struct weir_config *config, const char *text,
                     size_t length);

/* A series' name from its level of a topic, NUL-terminated in at most size bytes. False: no series
 * is written so. */
bool weir_topic_read_series(const char *level, size_t length, char *series, size_t size);

#endif
