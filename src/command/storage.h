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
    uint64_t run;   /* times it was opened, this one counted */
    bool fresh;     /* it was made just now */
    bool closed;    /* the run before brought everything to disk */
    bool whole;     /* both copies of its name are good */
    bool in_use;    /* it could not be opened: another process has it */
    uint64_t segment_bytes;
    uint64_t ring_bytes;
    void *ring; /* WEIR_JOURNAL_HEAD_BYTES + ring_bytes; what the run before left is still in it */
    bool ring_on_disk; /* no tmpfs: a power cut may leave a part of it */
    struct weir_segments segments;
    struct weir_outbox outbox;
    uint64_t snapshots[WEIR_SNAPSHOT_COUNT_MAX]; /* positions, newest first */
    uint32_t snapshot_count;
    unsigned char *buffer; /* a segment's bytes */
    /* private */
    struct weir_disk_real real;
    bool quiet;
    const char *listed; /* the directory that is being gone through */
    int lock;
    char ring_path[300];
    uint64_t *numbers;
    struct weir_outbox_entry *entries;
    void *file;
    uint64_t file_size;
};

/* What a configuration's storage takes, if the store is yet to be made: one that is there keeps the
 * size of its segments. */
struct weir_storage_plan {
    uint64_t segment_bytes;
    uint64_t journal_bytes; /* on disk, in whole segments */
    uint64_t ring_bytes;    /* in memory, with its head */
    uint64_t work_bytes;    /* in memory: indices and buffers */
};
void weir_storage_plan(struct weir_storage_plan *plan, const struct weir_config *config);

/* Opens or makes the state directory of a configuration. One that another process has is waited for
 * as long as the end of a daemon may take, unless quiet. False: it cannot be used; logged, unless
 * quiet. */
bool weir_storage_open(struct weir_storage *storage, const struct weir_config *config, bool quiet);

/* Opens an existing one to be read alone, while weir runs or not. Writes nothing. ring is a copy of
 * what the process that has the store open, or had it last, keeps there; NULL: there is none. */
bool weir_storage_open_history(struct weir_storage *storage, const char *path);

/* cleanly: everything is on disk, the ring is not needed any more. */
void weir_storage_close(struct weir_storage *storage, bool cleanly);

/* Sets the snapshot of a position aside: it is damaged, or of another store. */
void weir_storage_set_snapshot_aside(struct weir_storage *storage, uint64_t position);

/* Memory of the process' own for a log without storage; NULL: there is none. */
void *weir_storage_map_ring(uint64_t ring_bytes);

#endif
