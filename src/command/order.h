/*
 * What an operator asks for, by MQTT or by the local socket, and the answer: JSON both.
 *
 *     {"command":"ack","rule":"overheat","series":"plant/dev42","id":"0123456789abcdef"}
 *     {"command":"shelve","rule":"overheat","series":"plant/dev42","for":"2h","by":"night shift"}
 *     {"command":"unshelve","rule":"overheat","series":"plant/dev42"}
 *     {"command":"explain","rule":"overheat","series":"plant/dev42","form":"text"}
 *
 * ack without an id takes the occurrence that is raised; form is json or text, json if left out.
 * ack and unshelve may also stand alone, as bare words. Over MQTT the topic names rule and series,
 * and there is no explain.
 */
#ifndef WEIR_COMMAND_ORDER_H
#define WEIR_COMMAND_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/text.h"
#include "weir/limits.h"

/* An order as text, in bytes: the longest names, every byte of them escaped. */
#define WEIR_ORDER_LENGTH_MAX 4096

/* Bytes of a text that says what is wrong, its end included. */
#define WEIR_ORDER_PROBLEM_SIZE 1024

enum weir_order_kind {
    WEIR_ORDER_ACKNOWLEDGE,
    WEIR_ORDER_SHELVE,
    WEIR_ORDER_UNSHELVE,
    WEIR_ORDER_EXPLAIN,
};

struct weir_order {
    enum weir_order_kind kind;
    char rule[WEIR_NAME_LENGTH_MAX + 1];
    char series[WEIR_TOPIC_LENGTH_MAX + 1];
    bool has_id;
    uint64_t id;
    int64_t duration_ms;
    char by[WEIR_NAME_LENGTH_MAX + 1]; /* who wants it, for the log; empty: not said */
    bool as_text;                      /* an explanation for people */
};

/* Reads an order; what it does not name of rule and series is left as it is in *order. False:
 * problem says what is wrong. */
bool weir_order_read(struct weir_order *order, const char *text, size_t length,
                     char problem[static WEIR_ORDER_PROBLEM_SIZE]);

/* Writes an order for weir_order_read. */
void weir_order_write(struct weir_text *text, const struct weir_order *order);

/* 16 hexadecimal digits, as payloads have them. False: not of this form. */
bool weir_order_read_id(const char *text, uint64_t *id);

/* Writes {"ok":true}, or with a problem {"ok":false,"error":...}. */
void weir_order_answer(struct weir_text *text, const char *problem);

#endif
