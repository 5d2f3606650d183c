#include "command/storage_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "command/memory.h"
#include "port/log.h"

/* Where the ring may lie, first of all in what systemd names; and last in the state directory. */
#define RING_PLACE_COUNT 4

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

static bool name_ring(struct weir_storage *storage, const char *directory)
{
    int length = snprintf(storage->ring_path, sizeof(storage->ring_path),
                          "%s/weir-%016" PRIx64 ".ring", directory, storage->store);

    return length > 0 && (size_t)length < sizeof(storage->ring_path);
}

static void list_ring_places(const char *places[static RING_PLACE_COUNT], const char *path)
{
    places[0] = getenv("RUNTIME_DIRECTORY");
    places[1] = "/run/weir";
    places[2] = "/dev/shm";
    places[3] = path;
}

static bool map_ring_in(struct weir_storage *storage, const char *directory)
{
    return name_ring(storage, directory) && map_ring_file(storage);
}

bool weir_storage_ring_map(struct weir_storage *storage, const char *path)
{
    const char *places[RING_PLACE_COUNT];

    list_ring_places(places, path);
    for (size_t i = 0; i < RING_PLACE_COUNT - 1; i++) {
        if (places[i] && is_tmpfs(places[i]) && map_ring_in(storage, places[i]))
            return true;
    }
    storage->ring_on_disk = true;
    weir_log_warning("storage: no tmpfs for the log's newest part; it lies in %s, and messages may "
                     "have to wait for the disk",
                     path);
    return map_ring_in(storage, path);
}

static bool read_exactly(int handle, void *bytes, uint64_t length, uint64_t offset)
{
    char *at = bytes;

    while (length > 0) {
        ssize_t count = pread(handle, at, (size_t)length, (off_t)offset);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        at += count;
        offset += (uint64_t)count;
        length -= (uint64_t)count;
    }
    return true;
}

/* The head before the rest: what it says is whole then is, and what is overwritten meanwhile does
 * not pass for a record. */
static bool copy_ring_file(struct weir_storage *storage, uid_t owner)
{
    uint64_t size = WEIR_JOURNAL_HEAD_BYTES + storage->ring_bytes;
    int handle = open(storage->ring_path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    bool copied;

    if (handle < 0)
        return false;
    copied = fstat(handle, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == owner &&
             (uint64_t)status.st_size == size &&
             read_exactly(handle, storage->ring, WEIR_JOURNAL_HEAD_BYTES, 0);
    atomic_thread_fence(memory_order_seq_cst);
    copied = copied && read_exactly(handle, (char *)storage->ring + WEIR_JOURNAL_HEAD_BYTES,
                                    storage->ring_bytes, WEIR_JOURNAL_HEAD_BYTES);
    close(handle);
    return copied;
}

static bool is_own_ring(const struct weir_storage *storage)
{
    const struct weir_journal_head *head = storage->ring;

    return head->store == storage->store && head->run == storage->run;
}

void weir_storage_ring_copy(struct weir_storage *storage, const char *path)
{
    const char *places[RING_PLACE_COUNT];
    char name[300];
    struct stat status;

    snprintf(name, sizeof(name), "%s/" WEIR_STORAGE_NAME, path);
    storage->ring = weir_memory_map(WEIR_JOURNAL_HEAD_BYTES + storage->ring_bytes);
    if (!storage->ring || stat(name, &status) != 0)
        goto none;
    list_ring_places(places, path);
    for (size_t i = 0; i < RING_PLACE_COUNT; i++) {
        if (places[i] && name_ring(storage, places[i]) && copy_ring_file(storage, status.st_uid) &&
            is_own_ring(storage))
            return;
    }
none:
    weir_memory_unmap(storage->ring, WEIR_JOURNAL_HEAD_BYTES + storage->ring_bytes);
    storage->ring = NULL;
}

void weir_storage_ring_claim(struct weir_storage *storage)
{
    const struct weir_journal_options options = {
        .memory = storage->ring,
        .ring_bytes = storage->ring_bytes,
        .segment_bytes = storage->segment_bytes,
        .store = storage->store,
        .run = storage->run - 1,
    };

    weir_journal_claim(&options, storage->run);
}
