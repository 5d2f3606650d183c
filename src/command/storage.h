/*
 * The state directory, opened: journal/, snapshots/, configs/, outbox/, and the file `store` that
 * says whose they are. One process at a time.
 *
 * The log's ring lies in memory that outlives the process: a file on a tmpfs ($RUNTIME_DIRECTORY,
 * /run/weir, /dev/shm), so that appending never waits for a disk; where there is none, a file of
 * the state directory. Without storage it is memory of the process' own.
 */
#ifndef WEIR_COMMAND_STORAGE_H
#define WEIR_COMMAND_STORAGE_H

#include "store/history.h"
#include "store/journal.h"
#include "store/outbox.h"
#include "store/segments.h"
#include "store/snapshot.h"
#include "weir/config.h"

/* Snapshots kept: should the newest be damaged, there is the one before it. */
#define WEIR_SNAPSHOT_COUNT_MAX 2

struct weir_storage {
    struct weir_disk *disk;
    uint64_t store; /* its name, drawn when it was made */
    uint64_t run;   /* times it was gone on with, this one counted */
    bool fresh;     /* it was made just now */
    uint64_t segment_bytes;
    uint64_t ring_bytes;
    void *ring; /* WEIR_JOURNAL_HEAD_BYTES + ring_bytes; what the run before left is still in it */
    bool ring_kept; /* it is the ring of the run before */
    struct weir_segments segments;
    struct weir_outbox outbox;
    uint64_t snapshots[WEIR_SNAPSHOT_COUNT_MAX]; /* positions, newest first */
    uint32_t snapshot_count;
    unsigned char *buffer; /* a segment's bytes */
    /* private */
    struct weir_disk_real real;
    int lock;
    char ring_path[300];
    uint64_t *numbers;
    struct weir_outbox_entry *entries;
    void *file;
    uint64_t file_size;
};

/* Opens or makes the state directory of a configuration. False: it cannot be used; logged. */
bool weir_storage_open(struct weir_storage *storage, const struct weir_config *config);

/* Says on disk that this run goes on with the store: once what the run before left in the ring has
 * been found, and before the ring is made this run's. Until then a start that ends has not been.
 * False: it cannot be written; logged. */
bool weir_storage_claim(struct weir_storage *storage);

/* Opens an existing one to read its history alone, while weir runs or not: disk, store, segments,
 * snapshots and buffer. */
bool weir_storage_open_history(struct weir_storage *storage, const char *path);

/* cleanly: everything is on disk, the ring is not needed any more. */
void weir_storage_close(struct weir_storage *storage, bool cleanly);

/* Sets damaged segments, or what cannot belong to this store, aside. */
void weir_storage_set_snapshots_aside(struct weir_storage *storage, uint64_t position);

/* Memory of the process' own for a log without storage; NULL: there is none. */
void *weir_storage_map_ring(uint64_t ring_bytes);

#endif
