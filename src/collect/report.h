/* What a collector knows, for people and programs. */
#ifndef WEIR_COLLECT_REPORT_H
#define WEIR_COLLECT_REPORT_H

#include "collect/state.h"

/* Prints a JSON object a line to stdout: every gateway's newest epoch, every range of missing batches,
 * how many batches are held back of each gateway, and every message put aside. False: it cannot be
 * read; logged. */
bool weir_report_print(struct weir_state *state);

#endif
