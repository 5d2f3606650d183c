/*
 * Times in doubt. While the clock is not known to be right, so is nothing that is dated by it: not
 * from the first such message on, until a message comes by which it was right all the time, or a
 * step by which it was not. What the step finds in the engine is put right; which batches have left
 * before, the engine says.
 */
#ifndef WEIR_PIPELINE_DOUBT_H
#define WEIR_PIPELINE_DOUBT_H

#include "pipeline/batcher.h"

/* A message that has been accepted begins doubt, or ends it. */
void weir_doubt_accept(struct weir_batcher *batcher, const struct weir_message *message);

/* True when the row's times are in doubt. */
bool weir_doubt_covers(const struct weir_engine *engine, const struct weir_summary *row);

/* Closes what was filled under a clock that is known to have been step_ms slow, and puts it right.
 * WEIR_FULL: take until nothing is left, then call again. */
enum weir_status weir_doubt_resolve(struct weir_engine *engine, int64_t step_ms);

#endif
