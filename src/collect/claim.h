/*
 * The name of a collector at a broker, taken on this machine: a broker gives the session of a name to
 * whoever connects last, so that two would divide the batches between them by chance, each taking the
 * connection from the other.
 */
#ifndef WEIR_COLLECT_CLAIM_H
#define WEIR_COLLECT_CLAIM_H

#include <stdbool.h>

/* Claims the name for this process, until it ends. False: another has it, or it cannot be claimed;
 * logged. */
bool weir_claim_take(const char *name, const char *broker_url);

#endif
