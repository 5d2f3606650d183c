/* Doing what an operator asks for, to the daemon or, for an explanation, to any pipeline. */
#ifndef WEIR_COMMAND_OPERATE_H
#define WEIR_COMMAND_OPERATE_H

#include "command/daemon.h"
#include "command/order.h"

/* Writes {"ok":true,...} with the explanation. False: problem says why there is none. */
bool weir_operate_explain(const struct weir_pipeline *pipeline, const struct weir_config *config,
                          const struct weir_order *order, struct weir_text *answer,
                          char problem[static WEIR_ORDER_PROBLEM_SIZE]);

/* Obeys the commands that have come in by MQTT. True: there was one, and its outcome waits to be
 * sent. */
bool weir_operate_step(struct weir_daemon *daemon);

/* A line from the local socket; context is the daemon. */
void weir_operate_take_line(void *context, const char *line, size_t length,
                            struct weir_text *answer);

#endif
