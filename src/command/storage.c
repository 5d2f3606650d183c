#include "command/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "format/batch.h"
#include "port/log.h"
#include "store/config_image.h"
#include "store/crc32c.h"

#define MAGIC 0x3165726f74737277u /* "wrstore1", read as a number */
#define IDENTITY_NAME "store"
#define IDENTITY_COPY "store.copy"
#define RING_SEGMENTS 4

/* The file `store`, and its copy: one of the two is always whole. */
struct identity {
    uint64_t magic;
    uint64_t store;
    uint64_t segment_bytes;
    uint64_t run;
    uint32_t version;
    uint32_t checksum; /* of what is in front of it */
};

static bool read_identity(struct weir_disk *disk, const char *name, struct identity *identity)
{
    return weir_disk_read_file(disk, name, identity, sizeof(*identity)) ==
               (int64_t)sizeof(*identity) &&
           identity->magic == MAGIC && identity->version == WEIR_RECORD_VERSION &&
           identity->checksum == weir_crc32c(0, identity, offsetof(struct identity, checksum)) &&
           identity->segment_bytes >= WEIR_SEGMENT_BYTES_MIN &&
           (identity->segment_bytes & (identity->segment_bytes - 1)) == 0;
}

static bool find_identity(struct weir_disk *disk, struct identity *identity)
{
    struct identity copy;
    bool found = read_identity(disk, IDENTITY_NAME, identity);
    bool copied = read_identity(disk, IDENTITY_COPY, &copy);

    if (copied && (!found || copy.run > identity->run))
        *identity = copy;
    return found || copied;
}

static int write_identity(struct weir_disk *disk, struct identity *identity)
{
    int error;

    identity->checksum = weir_crc32c(0, identity, offsetof(struct identity, checksum));
    error = weir_disk_replace(disk, ".", IDENTITY_NAME, identity, sizeof(*identity), true);
    if (error == 0)
        error = weir_disk_replace(disk, ".", IDENTITY_COPY, identity, sizeof(*identity), true);
    return error;
}

static void *allocate(uint64_t size)
{
    void *memory = size > SIZE_MAX ? MAP_FAILED
                                   : mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

void *weir_storage_map_ring(uint64_t ring_bytes)
{
    void *memory = mmap(NULL, (size_t)(WEIR_JOURNAL_HEAD_BYTES + ring_bytes),
                        PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

/* Maps the ring's file at a path of one's own, made if need be; all of its memory is reserved. */
static bool map_ring_file(struct weir_storage *storage)
{
    uint64_t size = WEIR_JOURNAL_HEAD_BYTES + storage->ring_bytes;
    int handle =
        open(storage->ring_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    struct stat status;
    void *memory = MAP_FAILED;

    if (handle < 0)
        return false;
    if (fstat(handle, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
        fallocate(handle, 0, 0, (off_t)size) == 0)
        memory = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
    close(handle);
    if (memory == MAP_FAILED)
        return false;
    storage->ring = memory;
    return true;
}

static bool is_tmpfs(const char *path)
{
    struct statfs status;

    return statfs(path, &status) == 0 && status.f_type == TMPFS_MAGIC && access(path, W_OK) == 0;
}

static bool map_ring_in(struct weir_storage *storage, const char *directory)
{
    int length = snprintf(storage->ring_path, sizeof(storage->ring_path),
                          "%s/weir-%016" PRIx64 ".ring", directory, storage->store);

    return length > 0 && (size_t)length < sizeof(storage->ring_path) && map_ring_file(storage);
}

static bool map_ring(struct weir_storage *storage, const char *path)
{
    const char *candidates[] = {getenv("RUNTIME_DIRECTORY"), "/run/weir", "/dev/shm"};

    for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
        if (candidates[i] && is_tmpfs(candidates[i]) && map_ring_in(storage, candidates[i]))
            return true;
    }
    weir_log_warning("storage: no tmpfs for the log's newest part; it lies in %s, and messages may "
                     "have to wait for the disk",
                     path);
    return map_ring_in(storage, path);
}

static bool complain(const char *path, const char *what, int error)
{
    weir_log_error("storage: %s: %s: %s", path, what, strerror(-error));
    return false;
}

static bool open_disk(struct weir_storage *storage, const char *path)
{
    int error = weir_disk_open(&storage->real, path);

    if (error != 0)
        return complain(path, "cannot be opened", error);
    storage->disk = &storage->real.disk;
    return true;
}

static int make_directories(struct weir_disk *disk)
{
    static const char *const names[] = {WEIR_SEGMENTS_DIRECTORY, WEIR_SNAPSHOT_DIRECTORY,
                                        WEIR_CONFIG_IMAGE_DIRECTORY, WEIR_OUTBOX_DIRECTORY};
    int error = 0;

    for (size_t i = 0; error == 0 && i < sizeof(names) / sizeof(names[0]); i++)
        error = disk->make_directory(disk, names[i]);
    return error;
}

/* The lock goes with the process, however it ends. */
static int take_lock(struct weir_storage *storage)
{
    storage->lock = storage->disk->open(storage->disk, "lock", O_RDWR | O_CREAT);
    if (storage->lock < 0)
        return storage->lock;
    return flock(storage->lock, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
}

static int identify(struct weir_storage *storage, const struct weir_config *config)
{
    struct identity identity = {0};
    bool found = find_identity(storage->disk, &identity);

    if (!found) {
        identity = (struct identity){
            .magic = MAGIC,
            .version = WEIR_RECORD_VERSION,
            .segment_bytes = weir_segments_size(config->storage_journal_bytes),
        };
        if (getrandom(&identity.store, sizeof(identity.store), 0) != sizeof(identity.store))
            return -errno;
    }
    storage->store = identity.store;
    storage->run = identity.run + 1;
    storage->fresh = !found;
    storage->segment_bytes = identity.segment_bytes;
    storage->ring_bytes = RING_SEGMENTS * identity.segment_bytes;
    return found ? 0 : write_identity(storage->disk, &identity);
}

bool weir_storage_claim(struct weir_storage *storage)
{
    struct identity identity;
    int error = find_identity(storage->disk, &identity) ? 0 : -EIO;

    if (error == 0) {
        identity.run = storage->run;
        error = write_identity(storage->disk, &identity);
    }
    return error == 0 || complain(IDENTITY_NAME, "cannot be written", error);
}

static int allocate_all(struct weir_storage *storage, uint32_t segment_count)
{
    storage->file_size = weir_outbox_file_size(WEIR_BATCH_HEAD_BYTES + WEIR_BATCH_BYTES_MAX,
                                               WEIR_BATCH_ROW_COUNT_MAX);
    storage->buffer = allocate(storage->segment_bytes);
    storage->numbers = allocate((segment_count + 1) * sizeof(*storage->numbers));
    storage->entries = allocate(WEIR_OUTBOX_COUNT_MAX * sizeof(*storage->entries));
    storage->file = allocate(storage->file_size);
    return storage->buffer && storage->numbers && storage->entries && storage->file ? 0 : -ENOMEM;
}

/* Files of a store that nothing else is left of. */
static void set_strangers_aside(struct weir_storage *storage)
{
    while (storage->segments.count > 0 &&
           weir_segments_set_aside(&storage->segments, storage->segments.numbers[0]) == 0)
        weir_log_error("storage: a segment of an unknown store is set aside as .bad");
    while (storage->snapshot_count > 0)
        weir_storage_set_snapshots_aside(storage, storage->snapshots[0]);
}

static int find_files(struct weir_storage *storage, const struct weir_config *config,
                      uint32_t segment_count)
{
    int error = weir_segments_init(&storage->segments, storage->disk, storage->segment_bytes,
                                   storage->numbers, segment_count);
    int count;

    if (error != 0)
        return error;
    count = weir_snapshot_list(storage->disk, storage->snapshots, WEIR_SNAPSHOT_COUNT_MAX);
    if (count < 0)
        return count;
    storage->snapshot_count = (uint32_t)count;
    if (!config)
        return 0;
    if (storage->fresh)
        set_strangers_aside(storage);
    return weir_outbox_init(&storage->outbox, storage->disk, config->storage_outbox_bytes,
                            storage->entries, storage->file, storage->file_size);
}

void weir_storage_set_snapshots_aside(struct weir_storage *storage, uint64_t position)
{
    char name[WEIR_DISK_NAME_SIZE];
    char aside[WEIR_DISK_NAME_SIZE + 4];
    uint32_t at = 0;

    while (at < storage->snapshot_count && storage->snapshots[at] != position)
        at++;
    if (at == storage->snapshot_count)
        return;
    weir_snapshot_name(name, position);
    snprintf(aside, sizeof(aside), "%s.bad", name);
    if (storage->disk->rename(storage->disk, name, aside) == 0)
        weir_log_error("storage: snapshot %016" PRIx64 " is damaged or of another store; it is set "
                       "aside as .bad",
                       position);
    storage->snapshot_count--;
    memmove(storage->snapshots + at, storage->snapshots + at + 1,
            (storage->snapshot_count - at) * sizeof(*storage->snapshots));
}

bool weir_storage_open(struct weir_storage *storage, const struct weir_config *config)
{
    const char *path = config->storage_path;
    uint32_t segment_count;
    int error;

    memset(storage, 0, sizeof(*storage));
    storage->lock = -1;
    weir_crc32c_init();
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return complain(path, "cannot be made", -errno);
    if (!open_disk(storage, path))
        return false;
    error = take_lock(storage);
    if (error == -EWOULDBLOCK)
        weir_log_error("storage: %s is in use by another weir", path);
    if (error == 0)
        error = make_directories(storage->disk);
    if (error == 0)
        error = identify(storage, config);
    if (error == 0) {
        segment_count =
            weir_segments_count_max(config->storage_journal_bytes, storage->segment_bytes);
        error = allocate_all(storage, segment_count);
        if (error == 0)
            error = find_files(storage, config, segment_count);
    }
    if (error == 0 && map_ring(storage, path))
        return true;
    if (error == 0)
        error = -errno;
    weir_storage_close(storage, false);
    return complain(path, "cannot be used", error);
}

bool weir_storage_open_history(struct weir_storage *storage, const char *path)
{
    struct identity identity;
    int error;

    memset(storage, 0, sizeof(*storage));
    storage->lock = -1;
    weir_crc32c_init();
    if (!open_disk(storage, path))
        return false;
    if (!find_identity(storage->disk, &identity)) {
        weir_storage_close(storage, false);
        weir_log_error("storage: %s holds no store of weir's", path);
        return false;
    }
    storage->store = identity.store;
    storage->run = identity.run;
    storage->segment_bytes = identity.segment_bytes;
    error = allocate_all(storage, WEIR_OUTBOX_COUNT_MAX);
    if (error == 0)
        error = find_files(storage, NULL, WEIR_OUTBOX_COUNT_MAX);
    if (error == 0)
        return true;
    weir_storage_close(storage, false);
    return complain(path, "cannot be read", error);
}

static void release(void *memory, uint64_t size)
{
    if (memory)
        munmap(memory, (size_t)size);
}

void weir_storage_close(struct weir_storage *storage, bool cleanly)
{
    if (!storage->disk)
        return;
    weir_segments_finish(&storage->segments);
    if (cleanly && storage->ring)
        (void)unlink(storage->ring_path);
    release(storage->ring, WEIR_JOURNAL_HEAD_BYTES + storage->ring_bytes);
    release(storage->buffer, storage->segment_bytes);
    release(storage->numbers, (storage->segments.count_max + 1) * sizeof(*storage->numbers));
    release(storage->entries, WEIR_OUTBOX_COUNT_MAX * sizeof(*storage->entries));
    release(storage->file, storage->file_size);
    if (storage->lock >= 0)
        (void)storage->disk->close(storage->disk, storage->lock);
    weir_disk_close(&storage->real);
    storage->disk = NULL;
}
