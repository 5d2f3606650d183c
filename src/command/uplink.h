/*
 * The uplink: batches wait in the outbox, oldest first, until the uplink's broker has acknowledged
 * them.
 *
 * The outbox is a ring in memory of fixed size. When a batch finds it full the oldest gives way,
 * and is counted with its rows.
 */
#ifndef WEIR_COMMAND_UPLINK_H
#define WEIR_COMMAND_UPLINK_H

#include "weir/config.h"
#include "weir/engine.h"

struct weir_uplink;

/* outbox_bytes of memory at outbox, 8-byte aligned. NULL: out of memory or unusable options;
 * logged. */
struct weir_uplink *weir_uplink_create(const struct weir_config *config, void *outbox,
                                       uint64_t outbox_bytes, int wake_fd);
void weir_uplink_destroy(struct weir_uplink *uplink, int wait_ms);

/* Takes a batch into the outbox; sends nothing. */
void weir_uplink_accept_batch(struct weir_uplink *uplink, const struct weir_engine_batch *batch);

/* Sends what is due. now_ms: CLOCK_BOOTTIME. Returns when it wants to be called again at the
 * latest. */
int64_t weir_uplink_step(struct weir_uplink *uplink, int64_t now_ms);

/* True while the outbox holds batches and the uplink is there. */
bool weir_uplink_busy(const struct weir_uplink *uplink);

/* Batches and summaries waiting in the outbox, and those that fell out of it. */
struct weir_uplink_counts {
    uint64_t batches;
    uint64_t summaries;
    uint64_t batches_dropped;
    uint64_t summaries_dropped;
};
void weir_uplink_count(const struct weir_uplink *uplink, struct weir_uplink_counts *counts);

/* Connects under another configuration's uplink settings from now on; the outbox stays. False: they
 * cannot be used, and the old ones stay. */
bool weir_uplink_exchange(struct weir_uplink *uplink, const struct weir_config *config);

#endif
