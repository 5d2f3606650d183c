/*
 * The uplink: batches wait in the outbox, oldest first, until the uplink's broker has acknowledged
 * them, and leave in the configured hours alone, at the configured rate at most.
 *
 * The outbox is on disk, the keeper's, and is sent from first. Without storage, or while storage
 * fails, it is a ring in memory of fixed size: when a batch finds it full the oldest gives way, and
 * is counted with its rows.
 */
#ifndef WEIR_COMMAND_UPLINK_H
#define WEIR_COMMAND_UPLINK_H

#include "command/done.h"
#include "command/keeper.h"
#include "weir/config.h"
#include "weir/engine.h"

struct weir_mqtt;
struct weir_uplink;

/* An uplink without a connection, that only collects; outbox_bytes of memory at outbox, 8-byte
 * aligned. keeps_rows: there is storage, or may be. NULL: out of memory; logged. */
struct weir_uplink *weir_uplink_create(void *outbox, uint64_t outbox_bytes, bool keeps_rows);
void weir_uplink_destroy(struct weir_uplink *uplink, int wait_ms);

/* Batches go to the keeper from now on, those in memory first; NULL: to the ring in memory. */
void weir_uplink_use_keeper(struct weir_uplink *uplink, struct weir_keeper *keeper);

/* The keeper is gone, and what it had with it. */
void weir_uplink_lose_keeper(struct weir_uplink *uplink);

/* True when batches are in memory alone: a snapshot would leave them behind. */
bool weir_uplink_holds_any(const struct weir_uplink *uplink);

/* Batches of this epoch up to this number have left or are given up: should they be made again, they
 * are not taken. Nothing is said of one that still waits. */
void weir_uplink_note_done(struct weir_uplink *uplink, uint64_t epoch, uint64_t sequence);
const struct weir_done *weir_uplink_done(const struct weir_uplink *uplink);

/* Takes a batch into the outbox; sends nothing. place: of the log it was made from. */
void weir_uplink_accept_batch(struct weir_uplink *uplink, const struct weir_engine_batch *batch,
                              uint64_t place);

/* Sends what is due. now_ms: CLOCK_BOOTTIME; clock_ms: the time of day, which batches may have to wait
 * for. Returns when it wants to be called again at the latest. */
int64_t weir_uplink_step(struct weir_uplink *uplink, int64_t now_ms, int64_t clock_ms);

/* Has batches wait for no hour any more: they would be lost. */
void weir_uplink_send_anyway(struct weir_uplink *uplink);

/* True while the outbox holds batches that may leave, and the uplink is there. */
bool weir_uplink_busy(const struct weir_uplink *uplink);

/* Batches and summaries waiting in the outbox, and those that fell out of it. */
struct weir_uplink_counts {
    uint64_t batches;
    uint64_t summaries;
    uint64_t batches_dropped;
    uint64_t summaries_dropped;
};
void weir_uplink_count(const struct weir_uplink *uplink, struct weir_uplink_counts *counts);

/* A connection under another configuration's uplink settings; NULL: they cannot be used; logged. */
struct weir_mqtt *weir_uplink_connect(const struct weir_config *config, int wake_fd);

/* Sends at the rate and in the hours of a configuration from now on. */
void weir_uplink_configure(struct weir_uplink *uplink, const struct weir_config *config);

/* Sends by that connection from now on, under that configuration; the outbox stays. */
void weir_uplink_exchange(struct weir_uplink *uplink, struct weir_mqtt *mqtt,
                          const struct weir_config *config);

#endif
