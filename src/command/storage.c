#include "command/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "command/memory.h"
#include "command/storage_ring.h"
#include "format/batch.h"
#include "format/crc32c.h"
#include "port/log.h"
#include "store/config_image.h"

#define MAGIC 0x3165726f74737277u /* "wrstore1", read as a number */
#define IDENTITY_COPY "store.copy"
#define CLOSED_NAME "closed" /* there: the run before brought everything to disk */
#define RING_SEGMENTS 4

/* A daemon that is told to stop has ended within five seconds. */
#define LOCK_WAIT_MS 8000
#define LOCK_STEP_MS 100

/* Files of a log at most: the largest one there can be, in the smallest segments. */
#define SEGMENT_COUNT_MAX (8 * 1024 * 1024)

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

static bool find_identity(struct weir_disk *disk, struct identity *identity, bool *whole)
{
    struct identity copy;
    bool found = read_identity(disk, WEIR_STORAGE_NAME, identity);
    bool copied = read_identity(disk, IDENTITY_COPY, &copy);

    *whole = found && copied && copy.store == identity->store;
    if (copied && (!found || copy.run > identity->run))
        *identity = copy;
    return found || copied;
}

static int write_identity(struct weir_disk *disk, struct identity *identity)
{
    int error;

    identity->checksum = weir_crc32c(0, identity, offsetof(struct identity, checksum));
    error = weir_disk_replace(disk, ".", WEIR_STORAGE_NAME, identity, sizeof(*identity), true);
    if (error == 0)
        error = weir_disk_replace(disk, ".", IDENTITY_COPY, identity, sizeof(*identity), true);
    return error;
}

static bool complain(const struct weir_storage *storage, const char *path, const char *what,
                     int error)
{
    if (storage->quiet)
        return false;
    weir_log_error("storage: %s: %s: %s", path, what, strerror(-error));
    return false;
}

static bool open_disk(struct weir_storage *storage, const char *path)
{
    int error = weir_disk_open(&storage->real, path);

    if (error != 0)
        return complain(storage, path, "cannot be opened", error);
    storage->disk = &storage->real.disk;
    return true;
}

static const char *const directories[] = {WEIR_SEGMENTS_DIRECTORY, WEIR_SNAPSHOT_DIRECTORY,
                                          WEIR_CONFIG_IMAGE_DIRECTORY, WEIR_OUTBOX_DIRECTORY};
#define DIRECTORY_COUNT (sizeof(directories) / sizeof(directories[0]))

static int make_directories(struct weir_disk *disk)
{
    int error = 0;

    for (size_t i = 0; error == 0 && i < DIRECTORY_COUNT; i++)
        error = disk->make_directory(disk, directories[i]);
    return error;
}

static int try_lock(const struct weir_storage *storage)
{
    return flock(storage->lock, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
}

/* The lock goes with the process, however it ends. */
static int take_lock(struct weir_storage *storage, const char *path)
{
    const struct timespec pause = {.tv_nsec = LOCK_STEP_MS * 1000000L};
    int error;

    storage->lock = storage->disk->open(storage->disk, "lock", O_RDWR | O_CREAT);
    if (storage->lock < 0)
        return storage->lock;
    error = try_lock(storage);
    if (error == -EWOULDBLOCK && !storage->quiet)
        weir_log_info("storage: %s is in use by another weir; waiting for it to end", path);
    for (int waited_ms = 0; error == -EWOULDBLOCK && !storage->quiet && waited_ms < LOCK_WAIT_MS;
         waited_ms += LOCK_STEP_MS) {
        (void)nanosleep(&pause, NULL);
        error = try_lock(storage);
    }
    storage->in_use = error == -EWOULDBLOCK;
    return error;
}

static int identify(struct weir_storage *storage, const struct weir_config *config,
                    struct identity *identity)
{
    bool found = find_identity(storage->disk, identity, &storage->whole);

    if (!found) {
        *identity = (struct identity){
            .magic = MAGIC,
            .version = WEIR_RECORD_VERSION,
            .segment_bytes = weir_segments_size(config->storage_journal_bytes),
        };
        if (getrandom(&identity->store, sizeof(identity->store), 0) != sizeof(identity->store))
            return -errno;
    }
    identity->run++;
    storage->store = identity->store;
    storage->run = identity->run;
    storage->fresh = !found;
    storage->segment_bytes = identity->segment_bytes;
    storage->ring_bytes = RING_SEGMENTS * identity->segment_bytes;
    return 0;
}

static uint64_t numbers_bytes(uint32_t segment_count)
{
    return (segment_count + (uint64_t)1) * sizeof(uint64_t);
}

static uint64_t batch_file_bytes(void)
{
    return weir_outbox_file_size(WEIR_BATCH_HEAD_BYTES + WEIR_BATCH_BYTES_MAX,
                                 WEIR_BATCH_ROW_COUNT_MAX, WEIR_BATCH_SKETCH_BYTES_MAX);
}

void weir_storage_plan(struct weir_storage_plan *plan, const struct weir_config *config)
{
    uint64_t segment_bytes = weir_segments_size(config->storage_journal_bytes);
    uint32_t count = weir_segments_count_max(config->storage_journal_bytes, segment_bytes);

    *plan = (struct weir_storage_plan){
        .segment_bytes = segment_bytes,
        .journal_bytes = count * segment_bytes,
        .ring_bytes = WEIR_JOURNAL_HEAD_BYTES + RING_SEGMENTS * segment_bytes,
        .work_bytes = segment_bytes + numbers_bytes(count) + batch_file_bytes() +
                      WEIR_OUTBOX_COUNT_MAX * sizeof(struct weir_outbox_entry),
    };
}

static int allocate_all(struct weir_storage *storage, uint32_t segment_count)
{
    storage->file_size = batch_file_bytes();
    storage->buffer = weir_memory_map(storage->segment_bytes);
    storage->numbers = weir_memory_map(numbers_bytes(segment_count));
    storage->entries = weir_memory_map(WEIR_OUTBOX_COUNT_MAX * sizeof(*storage->entries));
    storage->file = weir_memory_map(storage->file_size);
    return storage->buffer && storage->numbers && storage->entries && storage->file ? 0 : -ENOMEM;
}

/* Files of a store that nothing else is left of. */
static void set_strangers_aside(struct weir_storage *storage)
{
    while (storage->segments.count > 0 &&
           weir_segments_set_aside(&storage->segments, storage->segments.numbers[0]) == 0)
        weir_log_error("storage: a segment of an unknown store is set aside as .bad");
    while (storage->snapshot_count > 0)
        weir_storage_set_snapshot_aside(storage, storage->snapshots[0]);
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
    if (config && storage->fresh)
        set_strangers_aside(storage);
    error =
        weir_outbox_init(&storage->outbox, storage->disk, config ? config->storage_outbox_bytes : 0,
                         storage->entries, storage->file, storage->file_size);
    return error == 0 && config ? weir_outbox_settle(&storage->outbox) : error;
}

void weir_storage_set_snapshot_aside(struct weir_storage *storage, uint64_t position)
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

static void count_file(void *context, const char *name, uint64_t size)
{
    (void)name;
    (void)size;
    ++*(uint32_t *)context;
}

/* What a power cut left of a file that was being put in place. */
static void remove_leftover(void *context, const char *name, uint64_t size)
{
    struct weir_storage *storage = context;
    size_t length = strlen(name);
    char path[WEIR_DISK_NAME_SIZE];

    (void)size;
    if (length < 4 || strcmp(name + length - 4, ".new") != 0 ||
        length + sizeof(WEIR_CONFIG_IMAGE_DIRECTORY) >= sizeof(path))
        return;
    snprintf(path, sizeof(path), "%s/%s", storage->listed, name);
    (void)storage->disk->remove(storage->disk, path);
}

static void remove_leftovers(struct weir_storage *storage)
{
    for (size_t i = 0; i < DIRECTORY_COUNT; i++) {
        storage->listed = directories[i];
        (void)storage->disk->list(storage->disk, directories[i], remove_leftover, storage);
    }
}

bool weir_storage_open(struct weir_storage *storage, const struct weir_config *config, bool quiet)
{
    const char *path = config->storage_path;
    struct identity identity = {0};
    int error;

    memset(storage, 0, sizeof(*storage));
    storage->lock = -1;
    storage->quiet = quiet;
    storage->segments.handle = -1;
    weir_crc32c_init();
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return complain(storage, path, "cannot be made", -errno);
    if (!open_disk(storage, path))
        return false;
    error = take_lock(storage, path);
    if (error == 0)
        error = make_directories(storage->disk);
    if (error == 0)
        error = identify(storage, config, &identity);
    if (error == 0) {
        uint32_t count =
            weir_segments_count_max(config->storage_journal_bytes, storage->segment_bytes);
        uint32_t found = 0;

        /* A log that has been made smaller still has all its files. */
        error = storage->disk->list(storage->disk, WEIR_SEGMENTS_DIRECTORY, count_file, &found);
        if (error == 0)
            error = allocate_all(storage, found > count ? found : count);
        if (error == 0)
            error = find_files(storage, config, found > count ? found : count);
        if (error == 0)
            weir_segments_limit(&storage->segments, count);
    }
    if (error == 0 && !weir_storage_ring_map(storage, path))
        error = -errno;
    if (error == 0) {
        weir_storage_ring_claim(storage);
        remove_leftovers(storage);
        storage->closed = storage->disk->remove(storage->disk, CLOSED_NAME) == 0 &&
                          storage->disk->sync_directory(storage->disk, ".") == 0;
        error = write_identity(storage->disk, &identity);
    }
    if (error == 0)
        return true;
    weir_storage_close(storage, false);
    if (storage->in_use && !quiet)
        weir_log_error("storage: %s is in use by another weir", path);
    return !storage->in_use && complain(storage, path, "cannot be used", error);
}

bool weir_storage_open_history(struct weir_storage *storage, const char *path)
{
    struct identity identity;
    int error;

    memset(storage, 0, sizeof(*storage));
    storage->lock = -1;
    storage->segments.handle = -1;
    weir_crc32c_init();
    if (!open_disk(storage, path))
        return false;
    if (!find_identity(storage->disk, &identity, &storage->whole)) {
        weir_storage_close(storage, false);
        weir_log_error("storage: %s holds no store of weir's", path);
        return false;
    }
    storage->store = identity.store;
    storage->run = identity.run;
    storage->segment_bytes = identity.segment_bytes;
    storage->ring_bytes = RING_SEGMENTS * identity.segment_bytes;
    error = allocate_all(storage, SEGMENT_COUNT_MAX);
    /* In front of the files: what leaves the ring meanwhile is then in them. */
    weir_storage_ring_copy(storage, path);
    if (error == 0)
        error = find_files(storage, NULL, SEGMENT_COUNT_MAX);
    if (error == 0)
        return true;
    weir_storage_close(storage, false);
    return complain(storage, path, "cannot be read", error);
}

void weir_storage_close(struct weir_storage *storage, bool cleanly)
{
    if (!storage->disk)
        return;
    weir_segments_finish(&storage->segments);
    if (cleanly && storage->ring &&
        weir_disk_replace(storage->disk, ".", CLOSED_NAME, "", 0, true) == 0)
        (void)unlink(storage->ring_path);
    weir_memory_unmap(storage->ring, WEIR_JOURNAL_HEAD_BYTES + storage->ring_bytes);
    weir_memory_unmap(storage->buffer, storage->segment_bytes);
    weir_memory_unmap(storage->numbers, numbers_bytes(storage->segments.room));
    weir_memory_unmap(storage->entries, WEIR_OUTBOX_COUNT_MAX * sizeof(*storage->entries));
    weir_memory_unmap(storage->file, storage->file_size);
    if (storage->lock >= 0)
        (void)storage->disk->close(storage->disk, storage->lock);
    weir_disk_close(&storage->real);
    storage->disk = NULL;
}
