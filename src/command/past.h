/*
 * The past: the whole log of a store, front to back, while weir runs or not. The segments on disk
 * come first, then what is only in the ring of a weir that runs or was killed, as the ring was when
 * the past was opened. Writes nothing.
 */
#ifndef WEIR_COMMAND_PAST_H
#define WEIR_COMMAND_PAST_H

#include "command/storage.h"

struct weir_past {
    struct weir_storage storage;
    struct weir_log_place place; /* behind the newest record */
    bool ring_found;
    bool in_ring;      /* the newest record was found in the ring alone */
    uint64_t lost;     /* records missing so far */
    uint64_t gaps;     /* places where something is missing or cannot be read */
    uint64_t ring_end; /* position; 0: there is no ring, or nothing more in it */
    /* To be set behind open, or NULL: as in weir_history. */
    void (*note_gap)(void *context, uint64_t from, uint64_t to, uint64_t records);
    void *gap_context;
    /* private */
    struct weir_history history;
    struct weir_journal_options ring;
    bool begun;
};

/* False: there is no store, or it cannot be read; logged. */
bool weir_past_open(struct weir_past *past, const char *path);
void weir_past_close(struct weir_past *past);

/* The next record but for heads and ends, valid until the next call; false: there is none. */
bool weir_past_next(struct weir_past *past, struct weir_record *record);

/* A note_gap that writes to stderr. */
void weir_past_tell_gap(void *context, uint64_t from, uint64_t to, uint64_t records);

/* The number of the segment that the newest record is in. */
uint64_t weir_past_segment(const struct weir_past *past);

/* What `weir journal` does, each to its exit status. */

struct weir_past_choice {
    int64_t from_ms; /* this time and later */
    int64_t to_ms;   /* before this time */
    bool all;        /* records that are no messages as well */
};

/* A line a message. */
int weir_past_print(const char *path, const struct weir_past_choice *choice);

/* A line a segment, snapshot, and so on. */
int weir_past_list(const char *path);

/* What is damaged or missing. */
int weir_past_verify(const char *path);

/* A time as ISO 8601, UTC, to the millisecond. */
#define WEIR_PAST_TIME_SIZE 96
void weir_past_write_time(char text[static WEIR_PAST_TIME_SIZE], int64_t time_ms);

#endif
