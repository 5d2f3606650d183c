/*
 * The tracks of a fleet: a field of a series of a stream of a gateway, each with its texts, found by
 * these or, for compact batches, by their numbers. A cache: all is forgotten when it is full, and
 * comes again from the state.
 */
#ifndef WEIR_COLLECT_TRACK_H
#define WEIR_COLLECT_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Tracks known at once: 5,000 gateways of a hundred each. Memory comes as it is used, 300 bytes
 * each or so. */
#define WEIR_TRACK_COUNT_MAX (1u << 19)

/* Where the texts of a track lie, one behind the other, each closed by a NUL. */
enum weir_track_text {
    WEIR_TRACK_GATEWAY,
    WEIR_TRACK_STREAM,
    WEIR_TRACK_SERIES,
    WEIR_TRACK_FIELD,
    WEIR_TRACK_UNIT,
    WEIR_TRACK_TEXT_COUNT,
};

struct weir_track {
    int64_t id; /* in the database; 0: not looked up yet */
    const char *texts[WEIR_TRACK_TEXT_COUNT];
    uint32_t lengths[WEIR_TRACK_TEXT_COUNT];
};

/* What a compact batch calls a track. No padding: it is hashed as it lies. */
struct weir_track_number {
    int64_t source;
    uint64_t table;
    uint32_t stream;
    uint32_t series;
    uint64_t field;
};

struct weir_tracks;

struct weir_text_part {
    const char *text;
    size_t length;
};

/* NULL: no memory. */
struct weir_tracks *weir_tracks_create(void);
void weir_tracks_destroy(struct weir_tracks *tracks);

/* Forgets all tracks. */
void weir_tracks_clear(struct weir_tracks *tracks);

/* Makes room for count new tracks; forgets all others if there is none. Tracks that were found stay
 * where they are until this or weir_tracks_clear is called. */
void weir_tracks_reserve(struct weir_tracks *tracks, uint32_t count);

/* The track of these texts. At most as many new ones as were reserved. */
struct weir_track *weir_tracks_find(struct weir_tracks *tracks,
                                    const struct weir_text_part parts[WEIR_TRACK_TEXT_COUNT]);

/* The track of this number; NULL: it is not known. */
struct weir_track *weir_tracks_find_number(const struct weir_tracks *tracks,
                                           const struct weir_track_number *number);

/* Says which track a number stands for. At most as many as were reserved. */
void weir_tracks_set_number(struct weir_tracks *tracks, const struct weir_track_number *number,
                            struct weir_track *track);

#endif
