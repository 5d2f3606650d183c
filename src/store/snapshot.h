/*
 * A snapshot: the engine's arena, word for word, and the place in the log that it stands for. Files
 * snapshots/<position>; two are kept.
 *
 * It is for this machine and this layout of the state alone, which `layout` names. Pages that hold
 * nothing but zeros are left out.
 */
#ifndef WEIR_STORE_SNAPSHOT_H
#define WEIR_STORE_SNAPSHOT_H

#include "store/disk.h"
#include "store/record.h"

#define WEIR_SNAPSHOT_DIRECTORY "snapshots"

struct weir_snapshot_info {
    uint64_t layout;
    uint64_t store;
    uint64_t config;             /* what the arena was laid out for */
    struct weir_log_place place; /* of the first record that the arena has not seen */
    uint64_t arena_bytes;
    uint64_t extra_bytes; /* of the daemon's own */
};

/* Bytes of a snapshot at most. */
uint64_t weir_snapshot_size_max(uint64_t arena_bytes, uint64_t extra_bytes);

/* Writes a snapshot into a buffer of that size; its length. */
uint64_t weir_snapshot_build(void *buffer, const struct weir_snapshot_info *info, const void *arena,
                             const void *extra);

/* Reads what a snapshot says of itself. False: it is damaged. */
bool weir_snapshot_open(const void *buffer, uint64_t length, struct weir_snapshot_info *info);

/* The configuration of a snapshot, as its head says. 0, or what went wrong; -EBADMSG: it is none. */
int weir_snapshot_read_config(struct weir_disk *disk, uint64_t position, uint64_t *config);

/* Fills a zeroed arena and extra, as large as the info says. */
void weir_snapshot_restore(const void *buffer, void *arena, void *extra);

/* The name of the snapshot of a position. */
void weir_snapshot_name(char name[static WEIR_DISK_NAME_SIZE], uint64_t position);

/* The positions of the snapshots there are, newest first, max at most; their count, or an error. */
int weir_snapshot_list(struct weir_disk *disk, uint64_t *positions, uint32_t max);

#endif
