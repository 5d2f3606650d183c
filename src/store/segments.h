/*
 * The log on disk: files of one size, journal/<number>.seg, each a segment at its place in the log.
 * They are allocated whole; when there are as many as may be, the oldest becomes the newest.
 *
 * What weir_segments_write has written is what the journal's ring has: writing it again to the same
 * place does no harm, so that a write that failed half way is simply made again. A sync that failed
 * is not: the segment is written anew, beside the file (<number>.seg.new), which it takes the place
 * of when it is on disk. So nothing that was synced is ever out of reach.
 */
#ifndef WEIR_STORE_SEGMENTS_H
#define WEIR_STORE_SEGMENTS_H

#include "store/disk.h"
#include "store/journal.h"

#define WEIR_SEGMENTS_DIRECTORY "journal"

struct weir_segments {
    uint64_t synced;    /* positions, to read: on disk for certain */
    uint64_t written;   /* handed to the system */
    uint64_t set_aside; /* files found damaged or written anew, since the store was opened */
    uint64_t holes;     /* times the ring overtook the writer */
    /* private */
    struct weir_disk *disk;
    uint64_t segment_bytes;
    uint32_t count_max;
    uint32_t room; /* of numbers */
    uint32_t count;
    uint64_t *numbers; /* of the files, rising; count_max + 1 */
    int handle;        /* of the newest; -1: none is open */
    bool named;        /* the newest has a name that is not synced */
    bool anew;         /* the newest is written a second time, beside the first */
};

/* The segment size for a log of so many bytes on disk. */
uint64_t weir_segments_size(uint64_t journal_bytes);

/* Files at most for a log of so many bytes. */
uint32_t weir_segments_count_max(uint64_t journal_bytes, uint64_t segment_bytes);

/* Finds the files there are. numbers: room for count_max + 1, zeroed. */
int weir_segments_init(struct weir_segments *segments, struct weir_disk *disk,
                       uint64_t segment_bytes, uint64_t *numbers, uint32_t count_max);
void weir_segments_finish(struct weir_segments *segments);

/* From now on count_max files at most, those needed excepted: fewer than there may have been. */
void weir_segments_limit(struct weir_segments *segments, uint32_t count_max);

/* Where writing goes on. */
void weir_segments_start(struct weir_segments *segments, uint64_t position);

/*
 * Writes what the journal has up to its end. Files that end at or below keep_from may be used
 * again. 0, or what went wrong; -EBUSY: there are as many files as may be, and all are needed.
 */
int weir_segments_write(struct weir_segments *segments, const struct weir_journal *journal,
                        uint64_t keep_from);

/* Leaves out what is below a position: the log on disk goes on with the next whole segment. */
void weir_segments_skip(struct weir_segments *segments, uint64_t position);

/* Syncs what is written. When it fails, what was not synced is to be written again. */
int weir_segments_sync(struct weir_segments *segments);

/* Renames a file to .bad. */
int weir_segments_set_aside(struct weir_segments *segments, uint64_t number);

/* The name of a segment's file. */
void weir_segments_name(char name[static WEIR_DISK_NAME_SIZE], uint64_t number);

#endif
