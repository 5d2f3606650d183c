/*
 * Rows, ledgers and alert events as lines: NDJSON as `weir decode` writes it, and InfluxDB's line
 * protocol. In the latter an alert event is a point of the measurement weir_alert.
 */
#ifndef WEIR_COLLECT_LINE_H
#define WEIR_COLLECT_LINE_H

#include "collect/sink.h"
#include "command/writer.h"

void weir_line_write_row(struct weir_writer *writer, enum weir_sink_form form,
                         const struct weir_collect_batch *batch,
                         const struct weir_collect_row *row);

/* Line protocol has no ledgers. */
void weir_line_write_ledger(struct weir_writer *writer, enum weir_sink_form form,
                            const struct weir_collect_batch *batch);

void weir_line_write_alert(struct weir_writer *writer, enum weir_sink_form form,
                           const struct weir_collect_alert *alert);

#endif
