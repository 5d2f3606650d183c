/*
 * A record of the log, as bytes (docs/journal-format.md has the layout for strangers).
 *
 * The log is one sequence of bytes, numbered from the day the store was made: a record's position.
 * It is cut into segments of one size; no record lies across a cut, and every segment begins with a
 * WEIR_RECORD_SEGMENT, so that it can be read by itself. A record's checksum is seeded with its
 * position and the store: what an earlier lap of the ring left behind never passes for a record.
 *
 * Everything that changes the engine is a record. Times are kept as the distance from the record
 * before.
 */
#ifndef WEIR_STORE_RECORD_H
#define WEIR_STORE_RECORD_H

#include "weir/flow.h"
#include "weir/limits.h"

enum weir_record_kind {
    WEIR_RECORD_SEGMENT = 1, /* head of a segment */
    WEIR_RECORD_END,         /* the rest of the segment is not used */
    WEIR_RECORD_MESSAGE,
    WEIR_RECORD_TICK,    /* the clock reached a deadline of the engine's */
    WEIR_RECORD_CONFIG,  /* from here on another configuration holds */
    WEIR_RECORD_EPOCH,   /* from here on batches have another epoch, and numbers from 1 */
    WEIR_RECORD_LOSSES,  /* what was lost outside the engine, in all */
    WEIR_RECORD_EVENTS,  /* alert events up to a number have been delivered */
    WEIR_RECORD_BATCHES, /* batches up to a number have been delivered or given up */
    WEIR_RECORD_RESERVE, /* numbers of batches that the outbox took for its own */
    WEIR_RECORD_STEP,    /* the clock was set: times jump, nothing has passed */
    WEIR_RECORD_PAUSE,   /* nobody was there for a time */
    WEIR_RECORD_SETTLE,  /* what became of the numbers that were taken last */
    WEIR_RECORD_LINK,    /* the broker can be heard from here on, or cannot */
    WEIR_RECORD_COMMAND, /* what an operator wants of an alert, or a state of before to go on from */
};

#define WEIR_RECORD_KIND_MAX WEIR_RECORD_COMMAND

#define WEIR_RECORD_VERSION 1

struct weir_record {
    enum weir_record_kind kind;
    int64_t time_ms; /* of those that weir_record_has_time names; else read back as that of the one
                      * before */
    struct weir_message message; /* of MESSAGE; points into the bytes */
    uint64_t store;              /* of SEGMENT */
    uint64_t sequence; /* records before it, heads and ends not counted; read back whole from a
                        * SEGMENT, and its lowest eight bits from any other */
    uint64_t hash;     /* of CONFIG */
    uint64_t epoch;    /* of CONFIG, EPOCH and BATCHES */
    uint64_t number;   /* of EVENTS and BATCHES; the count of RESERVE; of SETTLE: 1, used, or 0 */
    int64_t step_ms;   /* of STEP: how far ahead; of PAUSE: how long */
    struct weir_ledger losses;   /* of LOSSES: queue_dropped and what follows it */
    bool up;                     /* of LINK */
    struct weir_command command; /* of COMMAND; points into the bytes */
};

/* Bytes of a record at most: the longest message. */
#define WEIR_RECORD_BYTES_MAX (WEIR_PAYLOAD_LENGTH_MAX + WEIR_TOPIC_LENGTH_MAX + 64)

/* Below this many bytes before a cut there is no record, not even an END: 4 + 1 + 1 + 1. */
#define WEIR_RECORD_BYTES_MIN 7

/* The bytes in front of a message's topic, or a whole record of another kind. */
#define WEIR_RECORD_HEAD_MAX 160

/*
 * A record put together: head, then topic and payload of a message. time_ms is held against
 * before_ms, the time of the record before. A message that is too long loses its bytes and keeps
 * its length. The checksum is left to weir_record_write, which knows the position.
 */
struct weir_record_image {
    unsigned char head[WEIR_RECORD_HEAD_MAX];
    size_t head_length;
    const char *topic;
    size_t topic_length;
    const char *payload;
    size_t payload_length;
    size_t total_length;
};
void weir_record_build(struct weir_record_image *image, const struct weir_record *record,
                       int64_t before_ms);

/* Writes a record's total_length bytes at `at`, for this position of this store. */
void weir_record_write(const struct weir_record_image *image, unsigned char *at, uint64_t store,
                       uint64_t position);

/*
 * Reads the record that begins at `at`, with room bytes to the cut. before_ms as above. Returns the
 * record's length in bytes; 0: there is none, or it is damaged. checked false: the checksum is
 * taken on trust (what this process wrote itself).
 */
size_t weir_record_read(struct weir_record *record, const unsigned char *at, size_t room,
                        uint64_t store, uint64_t position, int64_t before_ms, bool checked);

/* A place between two records, or the beginning of a log: {0}. */
struct weir_log_place {
    uint64_t position; /* of the next record; a cut, or behind a whole record */
    uint64_t sequence; /* records before it */
    int64_t time_ms;   /* of the record before */
};

/* True for the kinds that have a time of their own. */
bool weir_record_has_time(enum weir_record_kind kind);

/* The counts of a ledger that a LOSSES record carries are equal. */
bool weir_record_losses_equal(const struct weir_ledger *left, const struct weir_ledger *right);

#endif
