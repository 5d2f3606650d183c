/*
 * The engine: the pipeline and, behind it, the batch that its summaries go into. What `run` and
 * `replay` share; they differ only in where messages and time come from and where outputs go.
 *
 * Like the pipeline it is fed (accept), told the time (advance) and drained (take), reads no clock,
 * does no I/O and takes no memory. All its state lies in one arena.
 *
 * A batch is given out when the schedule says so (weir_config_offset_ms after every multiple of
 * uplink_every_ms since the epoch, if it has rows then) and before that whenever it is full or has
 * come to uplink_max_bytes, which its last row may exceed.
 */
#ifndef WEIR_ENGINE_H
#define WEIR_ENGINE_H

#include "weir/pipeline.h"

enum weir_engine_output_kind {
    WEIR_ENGINE_SUMMARY,
    WEIR_ENGINE_ALERT,
    WEIR_ENGINE_BATCH,
    WEIR_ENGINE_SHIFT,
};

struct weir_engine_batch {
    const char *bytes; /* valid until the next take */
    size_t length;
    uint64_t epoch;
    uint64_t sequence;
    const struct weir_summary *rows; /* [row_count], what the bytes were made from */
    uint32_t row_count;
    const unsigned char *sketches; /* those of the rows that have one, as format/sketch_list.h */
    size_t sketches_length;
};

/* The clock was found to have been step_ms slow: the doubted rows of these batches, which were given
 * out before, are as much too early. */
struct weir_engine_shift {
    uint64_t epoch;
    uint64_t first; /* sequences */
    uint64_t last;
    int64_t step_ms;
};

struct weir_engine_output {
    enum weir_engine_output_kind kind;
    const struct weir_sketch *sketch; /* of a summary; as weir_pipeline_peek gives it */
    union {
        struct weir_summary summary;
        struct weir_alert alert;
        struct weir_engine_batch batch;
        struct weir_engine_shift shift;
    };
};

struct weir_engine {
    struct weir_pipeline pipeline; /* to read: names, states; not to feed */
    /* private */
    const struct weir_config *config;
    struct weir_batcher *batcher;
};

/* Bytes of arena, multiples of 64; batcher_bytes, if not NULL, receives the batch's share. */
uint64_t weir_engine_size(const struct weir_config *config, uint64_t *batcher_bytes);

/*
 * Lays the engine out in zeroed, 64-byte aligned memory of weir_engine_size bytes. config is
 * borrowed. epoch is the batches' and their numbers begin at 1; batching false: summaries only.
 */
void weir_engine_init(struct weir_engine *engine, const struct weir_config *config, void *arena,
                      uint64_t arena_size, uint64_t epoch, bool batching);

/* Counts from outside the engine, for the ledgers it gives out: queue_dropped and what follows it,
 * but for duplicates. */
void weir_engine_note_losses(struct weir_engine *engine, const struct weir_ledger *losses);

/*
 * Takes the next count numbers of batches away, for batches that are made elsewhere, and says later
 * whether they are used. Numbers that are not leave no gap: an empty batch has the first of them and
 * replaces the rest.
 */
void weir_engine_reserve(struct weir_engine *engine, uint64_t count);
void weir_engine_settle(struct weir_engine *engine, bool used);

/* The numbers that were taken last and are not settled; count 0: none. */
struct weir_engine_numbers {
    uint64_t epoch;
    uint64_t first;
    uint64_t count;
};
void weir_engine_reserved(const struct weir_engine *engine, struct weir_engine_numbers *numbers);

/* Begins another life: batches have this epoch from now on, and numbers from 1. */
void weir_engine_set_epoch(struct weir_engine *engine, uint64_t epoch);

/* The epoch, and the number that the next batch will have. */
uint64_t weir_engine_epoch(const struct weir_engine *engine);
uint64_t weir_engine_next_sequence(const struct weir_engine *engine);

/*
 * As weir_pipeline_accept. A message that says it is a duplicate and equals the newest with its
 * packet id among the last WEIR_DUPLICATE_COUNT_MAX is counted in `duplicates` and nowhere else.
 */
enum weir_status weir_engine_accept(struct weir_engine *engine, const struct weir_message *message);

/* As weir_pipeline_note_malformed. */
void weir_engine_note_malformed(struct weir_engine *engine);

/* Tells the time, schedule included. WEIR_FULL: take until nothing is left, then call again. */
enum weir_status weir_engine_advance(struct weir_engine *engine, int64_t now_ms);

/*
 * Tells the time after step_ms in which nothing has passed: the clock was set ahead, or nobody was
 * there. What waits for a series to fall silent waits on for as long as it would have.
 *
 * A clock that was set puts right what is still here of the time before: windows of streams on
 * arrival time that messages of an unsynchronised clock went into are closed, and their rows, and
 * those of the batch under construction, get times that are later by step_ms. They need not begin
 * at a multiple of the window's length. Which batches have left the engine with such rows is an
 * output. A message of a synchronised clock ends the doubt: what arrived before it was right.
 * WEIR_FULL as with advance.
 */
enum weir_status weir_engine_step_clock(struct weir_engine *engine, int64_t now_ms, int64_t step_ms,
                                        bool set);

/* As weir_pipeline_set_link, weir_pipeline_resume and weir_pipeline_command, which say more. */
void weir_engine_set_link(struct weir_engine *engine, bool up);
void weir_engine_resume(struct weir_engine *engine, int64_t outage_ms);
enum weir_status weir_engine_command(struct weir_engine *engine,
                                     const struct weir_command *command);

/* Closes every open window and then the batch. WEIR_FULL as with advance. */
enum weir_status weir_engine_drain(struct weir_engine *engine);

/* Moves the oldest output to *output; false when there is none. A summary has gone into the
 * batch, if there is batching, when it comes out here. */
bool weir_engine_take(struct weir_engine *engine, struct weir_engine_output *output);

/* True when take has something to give. */
bool weir_engine_pending(const struct weir_engine *engine);

/* The earliest time at which advance may have something to do; INT64_MAX: none. */
int64_t weir_engine_deadline(const struct weir_engine *engine);

/* The whole ledger. */
void weir_engine_ledger(const struct weir_engine *engine, struct weir_ledger *ledger);

/* Closes the open windows of every stream that `next` does not have unchanged. WEIR_FULL as with
 * advance; ends with nothing left to take. */
enum weir_status weir_engine_drain_changed(struct weir_engine *engine,
                                           const struct weir_config *next);

/* Takes over from an engine of another configuration what weir_pipeline_adopt does, and the
 * batch: its rows, number and epoch. from has nothing left to take. */
void weir_engine_adopt(struct weir_engine *engine, const struct weir_engine *from);

#endif
