/*
 * A directory for files, as the store uses it: few calls, each of which may fail. The real one is
 * weir_disk_open; tests have one that fails on purpose.
 *
 * Names are relative to the directory. Calls return 0 or a count, or a negative errno.
 */
#ifndef WEIR_STORE_DISK_H
#define WEIR_STORE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir_disk {
    /* flags as of open(2); a new file is its owner's alone. Returns a handle. */
    int (*open)(struct weir_disk *disk, const char *name, int flags);
    int (*close)(struct weir_disk *disk, int handle);

    /* May write or read less than is asked for. */
    int64_t (*write)(struct weir_disk *disk, int handle, const void *bytes, size_t length,
                     uint64_t offset);
    int64_t (*read)(struct weir_disk *disk, int handle, void *bytes, size_t length,
                    uint64_t offset);

    /* Makes sure that writing the file's first size bytes finds room; its size is that after. */
    int (*allocate)(struct weir_disk *disk, int handle, uint64_t size);
    int (*sync)(struct weir_disk *disk, int handle);
    int (*rename)(struct weir_disk *disk, const char *from, const char *to);
    int (*remove)(struct weir_disk *disk, const char *name);
    int (*make_directory)(struct weir_disk *disk, const char *name);
    int (*sync_directory)(struct weir_disk *disk, const char *name);

    /* Calls found for every regular file in a directory, in no order. */
    int (*list)(struct weir_disk *disk, const char *name,
                void (*found)(void *context, const char *name, uint64_t size), void *context);
};

struct weir_disk_real {
    struct weir_disk disk;
    /* private */
    int directory;
};

/* The real disk, below an existing directory. */
int weir_disk_open(struct weir_disk_real *real, const char *path);
void weir_disk_close(struct weir_disk_real *real);

/* All of it, or an error: a short write is gone on with. */
int weir_disk_write_all(struct weir_disk *disk, int handle, const void *bytes, size_t length,
                        uint64_t offset);

/* Reads to the end of the file or of the room; the count. */
int64_t weir_disk_read_all(struct weir_disk *disk, int handle, void *bytes, size_t length,
                           uint64_t offset);

/*
 * Puts a file in place in one step: written beside, synced (unless told not to), renamed, and the
 * directory synced. The file is `directory`/`name`, or `name` where directory is ".".
 */
int weir_disk_replace(struct weir_disk *disk, const char *directory, const char *name,
                      const void *bytes, size_t length, bool synced);

/* Reads a whole file of at most size bytes; its length. -EFBIG: it is longer. */
int64_t weir_disk_read_file(struct weir_disk *disk, const char *name, void *bytes, size_t size);

/* The longest name, directory and end included. */
#define WEIR_DISK_NAME_SIZE 160

#endif
