/*
 * A disk in memory that fails as it is told to.
 *
 * What was written lies in a cache until it is synced. A power cut leaves of every file's sectors
 * that were not, each by itself, what is in the cache or what was on the disk: pages reach a disk
 * in any order. Names are as durable as their directory's last sync says, each file by itself.
 */
#ifndef TESTS_FAULT_BAD_DISK_H
#define TESTS_FAULT_BAD_DISK_H

#include "store/disk.h"
#include "unit/support/random.h"

#define BAD_DISK_SECTOR 512
#define BAD_DISK_FILE_MAX 64
#define BAD_DISK_HANDLE_MAX 16

/* The bytes of a file; several names may lead to one, over time. */
struct bad_disk_file {
    unsigned char *cache;
    unsigned char *disk;
    unsigned char *unsynced; /* a sector each */
    uint64_t size;
    uint64_t room;
};

struct bad_disk_name {
    char now[WEIR_DISK_NAME_SIZE + 8];    /* empty: none */
    char synced[WEIR_DISK_NAME_SIZE + 8]; /* after a power cut, or `now` */
    struct bad_disk_file file;
    bool used;
};

struct bad_disk {
    struct weir_disk disk;
    /* One call in so many fails; 0: none. To be set. */
    uint32_t short_writes;
    uint32_t failed_writes; /* ENOSPC or EIO, after some of it was written */
    uint32_t failed_syncs;  /* some sectors reach the disk, none is tried again */
    uint32_t failed_reads;
    uint32_t failed_names; /* open, rename, remove, sync of a directory */
    uint64_t size_max;     /* of all files; more: ENOSPC; 0: no limit */
    /* private */
    struct test_random random;
    struct bad_disk_name names[BAD_DISK_FILE_MAX];
    int handles[BAD_DISK_HANDLE_MAX]; /* index of names; -1: free */
};

void bad_disk_init(struct bad_disk *bad, struct test_random random);
void bad_disk_finish(struct bad_disk *bad);

/* No more failures. */
void bad_disk_heal(struct bad_disk *bad);

/* The power goes; handles with it. */
void bad_disk_cut_power(struct bad_disk *bad);

/* The bytes of a file as they are now; NULL: there is none. */
unsigned char *bad_disk_bytes(struct bad_disk *bad, const char *name, uint64_t *size);

/* Makes a file shorter. */
void bad_disk_truncate(struct bad_disk *bad, const char *name, uint64_t size);

/* Handles that are open. */
int bad_disk_open_count(const struct bad_disk *bad);

#endif
