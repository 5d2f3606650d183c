/*
 * From messages to rows: what a batch is, whether it was here before, whether its names are known,
 * and where its rows go.
 *
 *     spool --> batch | alert --> state: seen? names? --> sink
 *
 * A step is a transaction of the state and the sink over a few messages; they leave the spool when it
 * is committed. What fails is undone and done again, so a repetition is known for one by the state.
 */
#ifndef WEIR_COLLECT_COLLECTOR_H
#define WEIR_COLLECT_COLLECTOR_H

#include "collect/alert.h"
#include "collect/batch.h"
#include "collect/sink.h"
#include "collect/spool.h"
#include "collect/state.h"

/* A message, in bytes: what the broker is allowed to send. */
#define WEIR_COLLECT_MESSAGE_BYTES_MAX (256 * 1024)

/* Since the start, and of what is committed. */
struct weir_collect_counts {
    uint64_t batches;
    uint64_t rows;
    uint64_t alerts;
    uint64_t repeated; /* batches and alert events that were here before */
    uint64_t held;     /* batches held back until their names came */
    uint64_t damaged;  /* messages put aside */
};

struct weir_collector {
    struct weir_collect_counts counts; /* to read */
    /* private */
    struct weir_state *state;
    struct weir_sink *sink;
    struct weir_spool *spool;
    struct weir_tracks *tracks;
    struct weir_collect_reader *reader;
    struct weir_alert_reader alerts;
    struct weir_collect_batch batch;
    const char *refusal; /* why the sink will never take the rows at hand; NULL: it may */
    bool complained;
    int64_t newest_ms;  /* when the message worked through last arrived */
    int64_t expired_ms; /* when weir_state_expire was called last, by this time; 0: never */
    char held[WEIR_COLLECT_MESSAGE_BYTES_MAX];
};

/* All three are borrowed, and open. False: out of memory; logged. */
bool weir_collector_init(struct weir_collector *collector, struct weir_state *state,
                         struct weir_sink *sink, struct weir_spool *spool);
void weir_collector_finish(struct weir_collector *collector);

/* Works through some messages. WEIR_OK: there may be more. WEIR_REFUSED: there are none. WEIR_FULL:
 * file or target take nothing now; the log says why, once. */
enum weir_status weir_collector_step(struct weir_collector *collector);

#endif
