/*
 * The outbox on disk: one file a batch, in the order in which they are to leave. A batch is put in
 * place in one step, synced, and is there until it is removed. A damaged file is set aside as .bad
 * and counted.
 *
 * Batches that are made again (store/coarsen.h) are replaced by others: parts of one set, which
 * counts only when all its parts are there. Whichever of the two is whole after a crash stays.
 *
 * A file's name says all that the order needs:
 *
 *     outbox/<place>-<epoch>-<sequence>-<first>-<last>-<level><part><parts>.batch
 *
 * One thread at a time.
 */
#ifndef WEIR_STORE_OUTBOX_H
#define WEIR_STORE_OUTBOX_H

#include "store/disk.h"
#include "weir/flow.h"

#define WEIR_OUTBOX_DIRECTORY "outbox"

/* Batches at most; the index of one takes 64 bytes. A file takes a block of 4 KiB at least. */
#define WEIR_OUTBOX_COUNT_MAX 65536

/* A batch; what it points to is the caller's. */
struct weir_outbox_batch {
    uint64_t place; /* in the log, when it was made: the order in which batches leave */
    uint64_t epoch;
    uint64_t sequence;
    uint64_t first; /* the sequences, as they were made, that it stands for: its own, mostly */
    uint64_t last;
    uint8_t level; /* 0: as it was made; else how often it was made again */
    uint8_t part;  /* of its set */
    uint8_t parts; /* in the set; 1, mostly */
    uint32_t row_count;
    uint32_t length;
    const char *bytes;
    const struct weir_summary *rows; /* [row_count] */
    uint32_t sketches_length;
    const unsigned char *sketches; /* of the rows, as format/sketch_list.h */
};

/* Bytes of the file of a batch. */
uint64_t weir_outbox_file_size(uint32_t length, uint32_t row_count, uint32_t sketches_length);

struct weir_outbox_entry {
    uint64_t place;
    uint64_t epoch;
    uint64_t sequence;
    uint64_t first;
    uint64_t last;
    uint64_t bytes; /* on disk, in whole blocks */
    uint8_t level;
    uint8_t part;
    uint8_t parts;
};

#define WEIR_OUTBOX_PART_COUNT_MAX 255

struct weir_outbox {
    uint32_t count;      /* to read: batches waiting */
    uint64_t used_bytes; /* to read: on disk */
    uint64_t set_aside;  /* to read: damaged files, since the outbox was opened */
    /* private */
    struct weir_disk *disk;
    uint64_t bytes_max;
    struct weir_outbox_entry *entries; /* a ring of WEIR_OUTBOX_COUNT_MAX, oldest first */
    uint32_t first;
    void *file; /* room for a file */
    uint64_t file_size;
};

/* Finds what is there. entries: WEIR_OUTBOX_COUNT_MAX of them; file: room for the largest file. */
int weir_outbox_init(struct weir_outbox *outbox, struct weir_disk *disk, uint64_t bytes_max,
                     struct weir_outbox_entry *entries, void *file, uint64_t file_size);

/* Removes what a crash left of sets that are not whole, or of batches that one stands for. */
int weir_outbox_settle(struct weir_outbox *outbox);

/* The entry at an index, the oldest at 0. */
const struct weir_outbox_entry *weir_outbox_at(const struct weir_outbox *outbox, uint32_t index);

/* True when both are parts of one set; an entry is always of one with itself. */
bool weir_outbox_is_one_set(const struct weir_outbox_entry *left,
                            const struct weir_outbox_entry *right);

/* The name of an entry's file. */
void weir_outbox_name(char path[static WEIR_DISK_NAME_SIZE], const struct weir_outbox_entry *entry);

/* True when this batch, as it was made, is waiting, or one that stands for it. */
bool weir_outbox_has(const struct weir_outbox *outbox, uint64_t epoch, uint64_t sequence);

/* True when a file of so many bytes goes in beside what is there. */
bool weir_outbox_fits(const struct weir_outbox *outbox, uint64_t file_size);

/* Puts a batch in its place; one that is there already stays as it is. 0, or what went wrong. */
int weir_outbox_add(struct weir_outbox *outbox, const struct weir_outbox_batch *batch);

/* Reads a batch; it lies in `file`, until the next call of anything here. -EBADMSG: it was
 * damaged and has been set aside. */
int weir_outbox_read(struct weir_outbox *outbox, uint32_t index, struct weir_outbox_batch *batch);

/* Looks whether a batch is whole, and changes nothing. 0; -EBADMSG: it is damaged; or what else went
 * wrong. It then lies in `file`. */
int weir_outbox_check(struct weir_outbox *outbox, uint32_t index);

/* Makes sure of what was removed. */
int weir_outbox_sync(struct weir_outbox *outbox);

/* Removes a batch. 0: it is gone, though a power cut may still bring it back, unless synced; else it
 * is there. */
int weir_outbox_remove(struct weir_outbox *outbox, uint32_t index, bool synced);

#endif
