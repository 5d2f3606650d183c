/*
 * The log on disk, read from front to back: what recovery, `weir journal` and `replay --journal`
 * have in common. It goes on behind damage: every record is checked by itself, and what is missing
 * between two good ones is counted by their sequence.
 */
#ifndef WEIR_STORE_HISTORY_H
#define WEIR_STORE_HISTORY_H

#include "store/disk.h"
#include "store/record.h"

/* Damaged segments that are told by number; of more, the count alone is right. */
#define WEIR_HISTORY_BAD_MAX 16

struct weir_history {
    struct weir_log_place place; /* where the reader stands: behind the newest whole record */
    uint64_t lost;               /* records missing so far; exact where a later segment tells */
    uint64_t damaged;            /* places where something is missing between two good records */
    bool torn; /* behind the newest record there are bytes that are no record: a write that
                       * was cut short, or what the file held before */
    uint64_t bad[WEIR_HISTORY_BAD_MAX]; /* segments in which they are */
    uint32_t bad_count;
    uint32_t unread; /* segments behind the newest record that are there and could not be read */
    uint64_t store;  /* whose log it is; 0 before the first segment, if not known */
    /* To be set behind init, or NULL: told of every place where something is missing or cannot be
     * read. The log is whole up to `from` and goes on at `to`; so many records are missing. */
    void (*note_gap)(void *context, uint64_t from, uint64_t to, uint64_t records);
    void *gap_context;
    /* private */
    uint64_t whole; /* the end of the newest whole record */
    struct weir_disk *disk;
    const uint64_t *numbers;
    uint32_t count;
    uint32_t next;
    uint64_t segment_bytes;
    unsigned char *buffer;
    uint64_t loaded; /* bytes in the buffer */
    bool begun;      /* the place is that of a record, so that what is missing can be told */
    bool counted;    /* its sequence is known whole */
};

/* Reads the segments by number, from a place on; NULL: all there is. store 0: any. buffer:
 * segment_bytes. */
void weir_history_init(struct weir_history *history, struct weir_disk *disk,
                       const uint64_t *numbers, uint32_t count, uint64_t segment_bytes,
                       uint64_t store, const struct weir_log_place *from, void *buffer);

/* Reads the next record but for heads and ends; false: there is none. The record is valid until the
 * next call. `at`, if not NULL, receives its position. */
bool weir_history_next(struct weir_history *history, struct weir_record *record, uint64_t *at);

#endif
