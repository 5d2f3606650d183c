/*
 * The pipeline: messages in, summaries and alerts out. A deterministic state machine: what it gives
 * out is a function of the configuration and the calls made, and of nothing else. It reads no
 * clock, does no I/O, takes no memory and calls nobody back.
 *
 * It is fed (accept), told the time (advance) and drained (take):
 *
 *     weir_pipeline_advance(p, now)   until WEIR_OK, taking between
 *     weir_pipeline_accept(p, m)      until WEIR_OK, taking between
 *     while (weir_pipeline_take(p, &output)) ...
 *
 * All state lies in one arena that the caller owns and refers to itself by index, so a copy of the
 * arena is a copy of the state. One thread at a time.
 */
#ifndef WEIR_PIPELINE_H
#define WEIR_PIPELINE_H

#include "weir/config.h"
#include "weir/flow.h"
#include "weir/sketch.h"

enum weir_output_kind { WEIR_OUTPUT_SUMMARY, WEIR_OUTPUT_ALERT };

struct weir_output {
    enum weir_output_kind kind;
    union {
        struct weir_summary summary;
        struct weir_alert alert;
    };
};

/* The byte plan: where the arena's bytes go, for one stream. */
struct weir_stream_plan {
    uint64_t record_bytes;  /* one series: its windows and the states of its alerts */
    uint64_t sketch_bytes;  /* of it: the sketches for quantiles */
    uint64_t index_bytes;   /* the table from names to series, and the names, for max_series */
    uint64_t decoder_bytes; /* compiled paths and filters */
    uint64_t total_bytes;   /* max_series records, index and decoder */
};

/* A handle on the arena. */
struct weir_pipeline {
    /* private */
    const struct weir_config *config;
    unsigned char *arena;
    uint64_t plans_offset;
    uint64_t outputs_offset;
    uint64_t sketches_offset;
    uint64_t state_offset;
    uint32_t output_max;
    uint32_t message_output_max;
};

/*
 * Bytes of arena that the configuration needs. plans, if not NULL, has room for
 * config->stream_count entries and receives each stream's share.
 */
uint64_t weir_pipeline_size(const struct weir_config *config, struct weir_stream_plan *plans);

/*
 * Lays the pipeline out in the arena, which is zeroed memory of at least weir_pipeline_size bytes,
 * 64-byte aligned (mmap's and calloc'd pages are; untouched pages then cost nothing). config is
 * borrowed and has to outlive the pipeline; there is nothing to free but the arena.
 */
void weir_pipeline_init(struct weir_pipeline *pipeline, const struct weir_config *config,
                        void *arena, uint64_t arena_size);

/*
 * Offers one message. Call advance with its arrival time first. WEIR_FULL: the outputs waiting
 * leave no room for what this message could cause; nothing was changed. Any other fate of the
 * message is in the ledger.
 */
enum weir_status weir_pipeline_accept(struct weir_pipeline *pipeline,
                                      const struct weir_message *message);

/* Closes the open windows of every stream on arrival time. WEIR_FULL as with advance. */
enum weir_status weir_pipeline_drain_arrival(struct weir_pipeline *pipeline);

/*
 * Moves the clock ahead by step_ms in which nothing has passed, and with it the time at which each
 * series was heard last, in streams on event time. set: the clock was wrong before; what alerts of
 * streams on arrival time tell of the time before is put right. Not while a call has answered
 * WEIR_FULL.
 */
void weir_pipeline_step_clock(struct weir_pipeline *pipeline, int64_t step_ms, bool set);

/*
 * Whether messages can reach this engine at all: true until it is told otherwise. While they cannot,
 * no series is counted as silent.
 */
void weir_pipeline_set_link(struct weir_pipeline *pipeline, bool up);

/*
 * Another process goes on from this state after outage_ms: every alert is `restored` and its
 * quality stale, without an event, until a sample confirms it. The time between counts neither for
 * hold nor for clear_delay; beyond the configuration's outage_tolerance_ms they begin anew.
 */
void weir_pipeline_resume(struct weir_pipeline *pipeline, int64_t outage_ms);

/*
 * Does what an operator wants. WEIR_FULL as with accept. WEIR_REFUSED: there is no such rule or
 * series, nothing of this id is raised, or the duration is out of range; nothing was changed.
 * RESTORE of a state that is known already raises its sequence, if it was behind, and is not
 * refused; a series that is new is made, as a message would.
 */
enum weir_status weir_pipeline_command(struct weir_pipeline *pipeline,
                                       const struct weir_command *command);

/* What weir_pipeline_command would answer but for WEIR_FULL; changes nothing. */
enum weir_status weir_pipeline_check_command(const struct weir_pipeline *pipeline,
                                             const struct weir_command *command);

/* Counts a message that was received but is in no form in which it could be offered. */
void weir_pipeline_note_malformed(struct weir_pipeline *pipeline);

/*
 * Tells the time: closes what is due. A time before the newest one is ignored. WEIR_FULL: part of
 * what is due waits for room.
 */
enum weir_status weir_pipeline_advance(struct weir_pipeline *pipeline, int64_t now_ms);

/* Closes every open window, whatever the time. WEIR_FULL as with advance. */
enum weir_status weir_pipeline_drain(struct weir_pipeline *pipeline);

/*
 * The oldest output where it lies, NULL: none is waiting. *sketch, if sketch is not NULL, becomes
 * the sketch behind a summary whose stream asks for quantiles, else NULL. Both are valid, taken or
 * not, until the pipeline is fed or told the time.
 */
const struct weir_output *weir_pipeline_peek(const struct weir_pipeline *pipeline,
                                             const struct weir_sketch **sketch);

/* Moves the oldest output to *output; false when none is waiting. */
bool weir_pipeline_take(struct weir_pipeline *pipeline, struct weir_output *output);

/* True when an output is waiting. */
bool weir_pipeline_pending(const struct weir_pipeline *pipeline);

/* The earliest time at which advance may have something to do; INT64_MAX: none. */
int64_t weir_pipeline_deadline(const struct weir_pipeline *pipeline);

/* The ledger as of now; counts from outside the engine (queue, outbox, events) are 0 in it. */
void weir_pipeline_ledger(const struct weir_pipeline *pipeline, struct weir_ledger *ledger);

/* A series' name, NUL-terminated, valid as long as the arena; of WEIR_SERIES_ALL an asterisk. */
const char *weir_pipeline_series_name(const struct weir_pipeline *pipeline, uint32_t stream,
                                      uint32_t series);

/* The series of a name; false: the stream has not seen it. */
bool weir_pipeline_find_series(const struct weir_pipeline *pipeline, uint32_t stream,
                               const char *name, uint32_t *series);

/* Series that a stream has seen: their indices are 0 up to this. */
uint32_t weir_pipeline_series_count(const struct weir_pipeline *pipeline, uint32_t stream);

/* The state of a rule on a series now, with event none; false while the series has no state and is
 * not expected to have one. */
bool weir_pipeline_alert(const struct weir_pipeline *pipeline, uint32_t rule, uint32_t series,
                         struct weir_alert *alert);

/* Why a state is as it is, and what would come next. */
struct weir_explanation {
    struct weir_alert alert; /* as weir_pipeline_alert; rule names file and line */
    double value;            /* judged last; NaN: nothing yet */
    int64_t evaluated_ms;    /* event time of the newest sample */
    int64_t silence_ms;      /* heard so long ago, our own outages not counted; -1: never */
    int64_t silent_at_ms;    /* the clock's time at which quality becomes stale; INT64_MAX: never */
    bool and_beyond;         /* the rule's other field is beyond its limit, or there is none */
    bool link_up;
    struct weir_explanation_level {
        bool set;         /* the rule has this level */
        bool beyond;      /* the value is beyond its limit, deadband regarded */
        int64_t since_ms; /* when that became so */
    } levels[WEIR_LEVEL_COUNT];
    enum weir_event next; /* NONE: nothing without another value */
    enum weir_level next_level;
    int64_t next_ms;    /* not before this time, */
    bool next_by_clock; /* by the clock alone; else by a sample of that event time or later */
};

/* False as weir_pipeline_alert. */
bool weir_pipeline_explain(const struct weir_pipeline *pipeline, uint32_t rule, uint32_t series,
                           struct weir_explanation *explanation);

/*
 * Takes over from another pipeline: the windows of every stream that is the same in both
 * configurations (weir_stream_hash), the state of every rule of the same name on the same stream
 * and field, the ledger and the clock. from has nothing left to take, and the windows of its other
 * streams were closed by weir_pipeline_drain_changed, so that their samples are summarised and not
 * lost. The end of a storm whose rule knows none any more may be waiting then.
 */
void weir_pipeline_adopt(struct weir_pipeline *pipeline, const struct weir_pipeline *from);

/* Closes the open windows of every stream that `next` does not have unchanged. WEIR_FULL as
 * advance. */
enum weir_status weir_pipeline_drain_changed(struct weir_pipeline *pipeline,
                                             const struct weir_config *next);

#endif
