/*
 * The tumbling windows of one series: a ring of panes over [k * length, (k + 1) * length), counted
 * from the epoch, with a watermark that closes them. A pane has the moments of every field, and a
 * sketch of it where quantiles are asked for.
 *
 * Life of a pane: free -> open (first sample) -> closed (its end was reached; its rows are given
 * out) -> free, or held for revision until a newer window needs its place.
 */
#ifndef WEIR_CORE_WINDOW_H
#define WEIR_CORE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/moments.h"
#include "weir/flow.h"
#include "weir/sketch.h"

/* What all series of a stream share. */
struct weir_window_shape {
    int64_t length_ms;
    int64_t lateness_ms;
    uint32_t pane_count; /* weir_stream_pane_count */
    uint32_t field_count;
    bool hold;     /* closed panes are held for revision */
    bool sketched; /* panes have a sketch of every field too */
};

/* One series' windows: this head, then the panes; weir_window_size bytes in all. */
struct weir_window {
    /* private */
    int64_t watermark_ms; /* windows ending at or before it are closed */
    int64_t newest_ms;    /* the largest event time */
    int64_t touched_ms;   /* the engine's clock at the newest sample */
    int64_t close_ms;     /* the end of the oldest open window; INT64_MAX: none is open */
    int64_t current_ms;   /* start of the window hit last, and its pane */
    uint32_t current_pane;
    uint32_t open_count;
};

/* What became of a sample. */
enum weir_window_fate {
    WEIR_WINDOW_OPEN,    /* counted in an open window */
    WEIR_WINDOW_REVISED, /* counted in a held one: take the revision */
    WEIR_WINDOW_DROPPED, /* too late */
};

/* Bytes of one series' windows, a multiple of 8. */
uint64_t weir_window_size(const struct weir_window_shape *shape);

/* Makes windows without samples in zeroed memory. */
void weir_window_init(struct weir_window *window);

/* Moves the watermark: to time_ms - lateness for a sample's event time, or to time_ms itself. It
 * never goes back. Take what has become due before the next accept. */
void weir_window_observe(struct weir_window *window, const struct weir_window_shape *shape,
                         int64_t time_ms);
void weir_window_advance(struct weir_window *window, int64_t time_ms);

/* Moves the watermark to the end of the newest open window. */
void weir_window_expire(struct weir_window *window, const struct weir_window_shape *shape);

/* True when the oldest open window is due. */
static inline bool weir_window_due(const struct weir_window *window)
{
    return window->close_ms <= window->watermark_ms;
}

/*
 * Closes the oldest open window that is due and writes a row for each field that has samples, in
 * the order of fields; rows has room for field_count. Only the window's own part of a row is
 * written (field, revision, times, moments). Returns the number of rows; 0: nothing is due.
 */
uint32_t weir_window_take(struct weir_window *window, const struct weir_window_shape *shape,
                          struct weir_summary *rows);

/* Counts a sample of one field. For WEIR_WINDOW_REVISED the window's row goes out anew: *row. */
enum weir_window_fate weir_window_accept(struct weir_window *window,
                                         const struct weir_window_shape *shape, uint32_t field,
                                         const struct weir_sample *sample,
                                         struct weir_summary *row);

/* The sketch behind a row that was just given out, until the next accept; NULL: the shape has
 * none. */
const struct weir_sketch *weir_window_sketch(struct weir_window *window,
                                             const struct weir_window_shape *shape,
                                             const struct weir_summary *row);

#endif
