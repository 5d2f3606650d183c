#include "bad_disk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* A sector's. What a failed sync gave up the system believes to be on the disk. */
enum { CLEAN, DIRTY, GIVEN_UP };

static struct bad_disk *bad_of(struct weir_disk *disk)
{
    return (struct bad_disk *)disk;
}

static bool fails(struct bad_disk *bad, uint32_t calls)
{
    return calls > 0 && random_once_in(&bad->random, calls);
}

static int find(const struct bad_disk *bad, const char *name)
{
    for (int i = 0; i < BAD_DISK_FILE_MAX; i++) {
        if (bad->names[i].used && strcmp(bad->names[i].now, name) == 0)
            return i;
    }
    return -1;
}

static void release(struct bad_disk_name *name)
{
    free(name->file.cache);
    free(name->file.disk);
    free(name->file.unsynced);
    memset(name, 0, sizeof(*name));
}

static bool is_open(const struct bad_disk *bad, int index)
{
    for (int i = 0; i < BAD_DISK_HANDLE_MAX; i++) {
        if (bad->handles[i] == index)
            return true;
    }
    return false;
}

/* Files that neither have a name nor may get one back. */
static void sweep(struct bad_disk *bad)
{
    for (int i = 0; i < BAD_DISK_FILE_MAX; i++) {
        struct bad_disk_name *name = &bad->names[i];

        if (name->used && name->now[0] == '\0' && name->synced[0] == '\0' && !is_open(bad, i))
            release(name);
    }
}

static void resize(struct bad_disk_file *file, uint64_t size)
{
    if (size > file->room) {
        uint64_t room = (size + 4095) / 4096 * 4096 * 2;
        uint64_t sectors = room / BAD_DISK_SECTOR;
        uint64_t before = file->room / BAD_DISK_SECTOR;

        file->cache = realloc(file->cache, (size_t)room);
        file->disk = realloc(file->disk, (size_t)room);
        file->unsynced = realloc(file->unsynced, (size_t)sectors);
        assert(file->cache && file->disk && file->unsynced);
        memset(file->cache + file->room, 0, (size_t)(room - file->room));
        memset(file->disk + file->room, 0, (size_t)(room - file->room));
        memset(file->unsynced + before, CLEAN, (size_t)(sectors - before));
        file->room = room;
    }
    if (size < file->size) {
        memset(file->cache + size, 0, (size_t)(file->size - size));
        memset(file->disk + size, 0, (size_t)(file->size - size));
    }
    file->size = size;
}

static uint64_t used_bytes(const struct bad_disk *bad)
{
    uint64_t used = 0;

    for (int i = 0; i < BAD_DISK_FILE_MAX; i++)
        used += bad->names[i].used && bad->names[i].now[0] ? bad->names[i].file.size : 0;
    return used;
}

static int bad_open(struct weir_disk *disk, const char *name, int flags)
{
    struct bad_disk *bad = bad_of(disk);
    int index = find(bad, name);
    int handle = 0;

    if (fails(bad, bad->failed_names))
        return -EIO;
    if (index < 0 && !(flags & O_CREAT))
        return -ENOENT;
    if (index < 0) {
        sweep(bad);
        for (index = 0; index < BAD_DISK_FILE_MAX && bad->names[index].used; index++)
            continue;
        assert(index < BAD_DISK_FILE_MAX);
        bad->names[index].used = true;
        (void)snprintf(bad->names[index].now, sizeof(bad->names[index].now), "%s", name);
    }
    if (flags & O_TRUNC)
        resize(&bad->names[index].file, 0);
    while (handle < BAD_DISK_HANDLE_MAX && bad->handles[handle] >= 0)
        handle++;
    assert(handle < BAD_DISK_HANDLE_MAX);
    bad->handles[handle] = index;
    return handle;
}

static int bad_close(struct weir_disk *disk, int handle)
{
    struct bad_disk *bad = bad_of(disk);

    assert(handle >= 0 && handle < BAD_DISK_HANDLE_MAX && bad->handles[handle] >= 0);
    bad->handles[handle] = -1;
    return 0;
}

static struct bad_disk_file *file_of(struct bad_disk *bad, int handle)
{
    assert(handle >= 0 && handle < BAD_DISK_HANDLE_MAX && bad->handles[handle] >= 0);
    return &bad->names[bad->handles[handle]].file;
}

static void put_bytes(struct bad_disk_file *file, const void *bytes, size_t length, uint64_t offset)
{
    if (length == 0)
        return;
    if (offset + length > file->size)
        resize(file, offset + length);
    memcpy(file->cache + offset, bytes, length);
    for (uint64_t i = offset / BAD_DISK_SECTOR; i <= (offset + length - 1) / BAD_DISK_SECTOR; i++)
        file->unsynced[i] = DIRTY;
}

static int64_t bad_write(struct weir_disk *disk, int handle, const void *bytes, size_t length,
                         uint64_t offset)
{
    struct bad_disk *bad = bad_of(disk);
    struct bad_disk_file *file = file_of(bad, handle);
    bool failed = fails(bad, bad->failed_writes);

    if (bad->size_max > 0 && offset + length > file->size &&
        used_bytes(bad) + offset + length - file->size > bad->size_max)
        return -ENOSPC;
    if (length > 1 && (failed || fails(bad, bad->short_writes)))
        length = 1 + (size_t)(random_next(&bad->random) % (length - 1));
    put_bytes(file, bytes, length, offset);
    if (failed)
        return random_once_in(&bad->random, 2) ? -EIO : -ENOSPC;
    return (int64_t)length;
}

static int64_t bad_read(struct weir_disk *disk, int handle, void *bytes, size_t length,
                        uint64_t offset)
{
    struct bad_disk *bad = bad_of(disk);
    const struct bad_disk_file *file = file_of(bad, handle);

    if (fails(bad, bad->failed_reads))
        return -EIO;
    if (offset >= file->size)
        return 0;
    if (length > file->size - offset)
        length = (size_t)(file->size - offset);
    memcpy(bytes, file->cache + offset, length);
    return (int64_t)length;
}

static int bad_allocate(struct weir_disk *disk, int handle, uint64_t size)
{
    struct bad_disk *bad = bad_of(disk);
    struct bad_disk_file *file = file_of(bad, handle);

    if (fails(bad, bad->failed_writes) || (bad->size_max > 0 && size > file->size &&
                                           used_bytes(bad) + size - file->size > bad->size_max))
        return -ENOSPC;
    if (size > file->size)
        resize(file, size);
    return 0;
}

static void settle_sector(struct bad_disk_file *file, uint64_t sector, bool kept)
{
    unsigned char *cache = file->cache + sector * BAD_DISK_SECTOR;
    unsigned char *disk = file->disk + sector * BAD_DISK_SECTOR;

    memcpy(kept ? disk : cache, kept ? cache : disk, BAD_DISK_SECTOR);
    file->unsynced[sector] = CLEAN;
}

static int bad_sync(struct weir_disk *disk, int handle)
{
    struct bad_disk *bad = bad_of(disk);
    struct bad_disk_file *file = file_of(bad, handle);
    bool failed = fails(bad, bad->failed_syncs);

    for (uint64_t i = 0; i < file->room / BAD_DISK_SECTOR; i++) {
        if (file->unsynced[i] != DIRTY)
            continue;
        if (failed && random_once_in(&bad->random, 2))
            file->unsynced[i] = GIVEN_UP;
        else
            settle_sector(file, i, true);
    }
    return failed ? -EIO : 0;
}

static int bad_rename(struct weir_disk *disk, const char *from, const char *to)
{
    struct bad_disk *bad = bad_of(disk);
    int index = find(bad, from);
    int target = find(bad, to);

    if (fails(bad, bad->failed_names))
        return -EIO;
    if (index < 0)
        return -ENOENT;
    if (target >= 0)
        bad->names[target].now[0] = '\0';
    (void)snprintf(bad->names[index].now, sizeof(bad->names[index].now), "%s", to);
    return 0;
}

static int bad_remove(struct weir_disk *disk, const char *name)
{
    struct bad_disk *bad = bad_of(disk);
    int index = find(bad, name);

    if (fails(bad, bad->failed_names))
        return -EIO;
    if (index < 0)
        return -ENOENT;
    bad->names[index].now[0] = '\0';
    return 0;
}

static int bad_make_directory(struct weir_disk *disk, const char *name)
{
    (void)disk;
    (void)name;
    return 0;
}

static int bad_sync_directory(struct weir_disk *disk, const char *name)
{
    struct bad_disk *bad = bad_of(disk);

    (void)name;
    if (fails(bad, bad->failed_names))
        return -EIO;
    for (int i = 0; i < BAD_DISK_FILE_MAX; i++)
        memcpy(bad->names[i].synced, bad->names[i].now, sizeof(bad->names[i].now));
    sweep(bad);
    return 0;
}

static int bad_list(struct weir_disk *disk, const char *name,
                    void (*found)(void *context, const char *name, uint64_t size), void *context)
{
    struct bad_disk *bad = bad_of(disk);
    size_t length = strlen(name);

    for (int i = BAD_DISK_FILE_MAX - 1; i >= 0; i--) {
        const struct bad_disk_name *entry = &bad->names[i];

        if (entry->used && strncmp(entry->now, name, length) == 0 && entry->now[length] == '/')
            found(context, entry->now + length + 1, entry->file.size);
    }
    return 0;
}

void bad_disk_init(struct bad_disk *bad, struct test_random random)
{
    memset(bad, 0, sizeof(*bad));
    bad->random = random;
    bad->disk = (struct weir_disk){
        .open = bad_open,
        .close = bad_close,
        .write = bad_write,
        .read = bad_read,
        .allocate = bad_allocate,
        .sync = bad_sync,
        .rename = bad_rename,
        .remove = bad_remove,
        .make_directory = bad_make_directory,
        .sync_directory = bad_sync_directory,
        .list = bad_list,
    };
    for (int i = 0; i < BAD_DISK_HANDLE_MAX; i++)
        bad->handles[i] = -1;
}

void bad_disk_finish(struct bad_disk *bad)
{
    for (int i = 0; i < BAD_DISK_FILE_MAX; i++)
        release(&bad->names[i]);
}

void bad_disk_heal(struct bad_disk *bad)
{
    bad->short_writes = 0;
    bad->failed_writes = 0;
    bad->failed_syncs = 0;
    bad->failed_reads = 0;
    bad->failed_names = 0;
    bad->size_max = 0;
}

/* A file system's log brings names to disk in their order: all since the last sync, or none. */
static void cut_names(struct bad_disk *bad)
{
    bool kept = random_once_in(&bad->random, 2);

    for (int i = 0; i < BAD_DISK_FILE_MAX; i++) {
        struct bad_disk_name *name = &bad->names[i];

        memcpy(kept ? name->synced : name->now, kept ? name->now : name->synced, sizeof(name->now));
    }
    sweep(bad);
}

void bad_disk_cut_power(struct bad_disk *bad)
{
    for (int i = 0; i < BAD_DISK_HANDLE_MAX; i++)
        bad->handles[i] = -1;
    cut_names(bad);
    for (int i = 0; i < BAD_DISK_FILE_MAX; i++) {
        struct bad_disk_file *file = &bad->names[i].file;

        for (uint64_t j = 0; j < file->room / BAD_DISK_SECTOR; j++) {
            if (file->unsynced[j] != CLEAN)
                settle_sector(file, j,
                              file->unsynced[j] == DIRTY && random_once_in(&bad->random, 2));
        }
    }
}

unsigned char *bad_disk_bytes(struct bad_disk *bad, const char *name, uint64_t *size)
{
    int index = find(bad, name);

    if (index < 0)
        return NULL;
    *size = bad->names[index].file.size;
    return bad->names[index].file.cache;
}

void bad_disk_truncate(struct bad_disk *bad, const char *name, uint64_t size)
{
    int index = find(bad, name);

    assert(index >= 0);
    resize(&bad->names[index].file, size);
}

int bad_disk_open_count(const struct bad_disk *bad)
{
    int count = 0;

    for (int i = 0; i < BAD_DISK_HANDLE_MAX; i++)
        count += bad->handles[i] >= 0;
    return count;
}
