/*
 * The work area of coarsen, and what its files do on it: the two forms of a batch, read and written
 * (coarsen_json, coarsen_compact), names, sketches, and merging.
 */
#ifndef WEIR_STORE_COARSEN_RUN_H
#define WEIR_STORE_COARSEN_RUN_H

#include "format/batch_read.h"
#include "format/compact.h"
#include "format/sketch_list.h"
#include "store/coarsen.h"
#include "store/range.h"
#include "weir/config.h"

#define WEIR_COARSEN_NONE UINT32_MAX

/* A text, or several, in the pool, each closed by a NUL: a stream's name; a unit; or the names of a
 * stream, a series and a field, which together are a track. */
struct weir_coarsen_name {
    uint32_t offset;
    uint32_t length;
    uint32_t slot;    /* where it stands in the table of names */
    uint32_t stream;  /* of a track: its stream's name */
    uint32_t segment; /* of a stream, while merging: the newest of its segments, or none */
    /* In compact form, where streams and series are numbers, which these name. */
    uint32_t series;         /* of a track: its series */
    uint32_t aggregates;     /* of a stream: what it shows */
    int64_t length_ms;       /* of a stream: of its windows */
    uint32_t told;           /* of a stream or series: where the name is that came with it */
    uint32_t told_length;    /* 0: none did; counts a NUL, since a name may be empty */
    uint32_t told_part;      /* the part made last that it went into */
    uint32_t quantile_count; /* of a stream */
    uint16_t quantiles[WEIR_QUANTILE_COUNT_MAX];
};

/* In a run in compact form, the batches that are made. */
#define WEIR_COARSEN_PART_COUNT_MAX 256

/* What a stream shows in some of its rows, which may merge. */
struct weir_coarsen_segment {
    uint32_t shown; /* bit 1 << enum weir_aggregate */
    uint32_t known; /* aggregates that some row could show, so that we know whether it would */
    uint32_t older; /* another of the stream's segments, or none */
    uint32_t row;   /* one of its rows: all show the same quantiles */
};

/* What stands beside each summary. Other rows are named by their index. */
struct weir_coarsen_row {
    uint32_t track;
    uint32_t unit;
    uint32_t shown;
    uint32_t sketch_offset; /* of its entry in the sketches, for row 0 */
    uint32_t sketch_length; /* of the entry; 0: it has none */
    /* From here on: while merging. */
    uint32_t segment;
    uint32_t revised; /* the revision that supersedes it; itself: none does */
    uint32_t count;   /* rows it stands for: itself and its revisions */
    uint32_t next;    /* of the same group */
    uint32_t last;    /* of a group's first row: the group's last */
    bool passes;      /* unchanged */
    bool leads;       /* the first of its group */
};

struct weir_coarsen {
    int64_t window_ms;
    int64_t shift_ms; /* 0: none */
    uint64_t batch_bytes_max;
    bool sealed;
    uint32_t row_max;
    uint32_t name_max;
    uint32_t text_max;
    uint32_t sketches_max;
    uint32_t slot_mask;      /* of slots */
    uint32_t name_slot_mask; /* of name_slots */
    uint32_t row_count;      /* of the run; sealed: of what is made of it */
    uint32_t name_count;
    uint32_t text_length;
    uint32_t sketches_length;
    uint32_t segment_count;
    uint32_t taken_count; /* rows */
    struct weir_coarsen_counts counts;

    /* The envelope. gateway is empty in an empty run. */
    bool begun;
    char gateway[WEIR_NAME_LENGTH_MAX + 1];
    uint64_t epoch;
    int64_t created_ms;
    enum weir_batch_clock clock;
    size_t ledger_length;
    char ledger[WEIR_BATCH_LEDGER_BYTES_MAX];
    struct weir_range_list ranges;

    /* Of a run in compact form. */
    bool compact;
    struct weir_compact_head head;
    uint32_t part_count;                         /* that were sealed */
    uint32_t parts[WEIR_COARSEN_PART_COUNT_MAX]; /* their rows */
    uint32_t taken_part;
    uint32_t pass; /* counts the parts that were written, those not kept included */

    struct weir_summary *summaries;
    struct weir_coarsen_row *rows;
    struct weir_coarsen_segment *segments;
    struct weir_coarsen_name *names;
    uint32_t *slots; /* rows by window, then by bucket */
    uint32_t *name_slots;
    char *text;              /* the pool of names */
    unsigned char *sketches; /* sketches_max bytes of entries, and behind them those of merging */

    struct weir_batch_reader reader;
    struct weir_json_paths row_paths;
    struct weir_stream_config stream; /* for encoding a row */
    struct weir_field_config field;
    struct weir_batch batch;
    struct weir_compact_reader compact_reader;
    struct weir_compact_row compact_row;
    struct weir_compact_writer writer;
};

/* Times beyond are no times: so differences need no check. */
#define WEIR_COARSEN_TIME_MS_MAX ((int64_t)1 << 62)

/* What stands in front of a name, so that the same text in another role is another name. */
#define WEIR_COARSEN_STREAM 's'
#define WEIR_COARSEN_SERIES 'r'
#define WEIR_COARSEN_TRACK 't'
#define WEIR_COARSEN_UNIT 'u'

/* The name that stands, length bytes long, behind the pool: its index there, kept if it is new.
 * WEIR_COARSEN_NONE: there are too many. */
uint32_t weir_coarsen_keep_name(struct weir_coarsen *coarsen, uint32_t length);

/* Takes the newest names back, but for name_count of them and text_length bytes of text, and what
 * was told since. */
void weir_coarsen_forget_names(struct weir_coarsen *coarsen, uint32_t name_count,
                               uint32_t text_length);

/* True for what a window can say, so that nothing overflows later. */
bool weir_coarsen_is_sound(const struct weir_summary *summary);

/* Adds the ranges to the list. WEIR_FULL: they are too many; the list is then of no use. */
enum weir_status weir_coarsen_join_ranges(struct weir_range_list *list,
                                          const struct weir_range_list *add);

/* Puts the times of rows right, if that is what the run is for. */
void weir_coarsen_shift_rows(struct weir_coarsen *coarsen, uint32_t first, uint32_t count);

/* For init: the paths at which a row has its members. */
void weir_coarsen_init_json(struct weir_coarsen *coarsen);

/* As weir_coarsen_accept, of a batch of its form; names and sketches that it adds are taken back by
 * the caller if it fails. */
enum weir_status weir_coarsen_accept_json(struct weir_coarsen *coarsen, const char *payload,
                                          size_t length, const struct weir_summary *rows,
                                          uint32_t row_count, struct weir_sketch_list *list);
enum weir_status weir_coarsen_accept_compact(struct weir_coarsen *coarsen, const char *payload,
                                             size_t length, const struct weir_summary *rows,
                                             uint32_t row_count, struct weir_sketch_list *list);

/* Divides the merged rows into batches of the form, and writes the next. */
uint32_t weir_coarsen_seal_json(struct weir_coarsen *coarsen);
void weir_coarsen_take_json(struct weir_coarsen *coarsen, uint64_t sequence,
                            struct weir_coarsen_batch *batch);
uint32_t weir_coarsen_seal_compact(struct weir_coarsen *coarsen);
void weir_coarsen_take_compact(struct weir_coarsen *coarsen, uint64_t sequence,
                               struct weir_coarsen_batch *batch);

/* Takes the sketch of the row at `index` of a batch, if it has one, behind those of the run.
 * WEIR_FULL: there is no room; WEIR_REFUSED: it is damaged, or not of this summary. */
enum weir_status weir_coarsen_read_sketch(struct weir_coarsen *coarsen,
                                          struct weir_sketch_list *list, uint32_t index,
                                          const struct weir_summary *summary,
                                          struct weir_coarsen_row *row);

/* The sketch of a row, and the quantiles it shows, which lie in *list. False: it has none. */
bool weir_coarsen_sketch(const struct weir_coarsen *coarsen, const struct weir_coarsen_row *row,
                         struct weir_sketch_list *list, struct weir_sketch_list_entry *entry,
                         struct weir_sketch *sketch);

/* True when two rows, by their index, show the same quantiles, or neither any. */
bool weir_coarsen_same_quantiles(const struct weir_coarsen *coarsen, uint32_t left, uint32_t right);

/* Makes one sketch of those of a group's rows, which all have one or none; *row refers to it. */
void weir_coarsen_merge_sketches(struct weir_coarsen *coarsen, uint32_t first,
                                 struct weir_coarsen_row *row);

/* Merges the rows of the run where they lie: what comes out takes the front of summaries and rows,
 * in which track, unit, shown and sketch then count. Sets row_count and counts. */
void weir_coarsen_merge(struct weir_coarsen *coarsen);

#endif
