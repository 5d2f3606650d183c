#include "store/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/crc32c.h"

#define MAGIC 0x31746f6873706e73u /* "snpshot1", read as a number */
#define PAGE_BYTES 4096u
#define NAME_FORMAT "%016" PRIx64

/* In front of everything; extents and the extra bytes follow. */
struct head {
    uint64_t magic;
    uint64_t length;
    uint32_t checksum; /* of everything, this counted as 0 */
    uint32_t extent_count;
    struct weir_snapshot_info info;
};

/* Pages of the arena that lie together; their bytes follow. */
struct extent {
    uint64_t offset;
    uint64_t length;
};

uint64_t weir_snapshot_size_max(uint64_t arena_bytes, uint64_t extra_bytes)
{
    uint64_t pages = (arena_bytes + PAGE_BYTES - 1) / PAGE_BYTES;

    return sizeof(struct head) + arena_bytes + (pages / 2 + 1) * sizeof(struct extent) +
           extra_bytes;
}

static bool is_zero(const unsigned char *bytes, uint64_t length)
{
    return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, (size_t)length - 1) == 0);
}

static uint64_t page_length(uint64_t offset, uint64_t arena_bytes)
{
    return arena_bytes - offset < PAGE_BYTES ? arena_bytes - offset : PAGE_BYTES;
}

/* The next run of pages from offset on that are not all zeros; length 0: none. */
static struct extent next_extent(const unsigned char *arena, uint64_t arena_bytes, uint64_t offset)
{
    struct extent extent;

    while (offset < arena_bytes && is_zero(arena + offset, page_length(offset, arena_bytes)))
        offset += page_length(offset, arena_bytes);
    extent.offset = offset;
    while (offset < arena_bytes && !is_zero(arena + offset, page_length(offset, arena_bytes)))
        offset += page_length(offset, arena_bytes);
    extent.length = offset - extent.offset;
    return extent;
}

uint64_t weir_snapshot_build(void *buffer, const struct weir_snapshot_info *info, const void *arena,
                             const void *extra)
{
    struct head *head = buffer;
    unsigned char *at = (unsigned char *)(head + 1);
    struct extent extent = {0};

    memset(head, 0, sizeof(*head));
    head->magic = MAGIC;
    head->info = *info;
    for (;;) {
        extent = next_extent(arena, info->arena_bytes, extent.offset + extent.length);
        if (extent.length == 0)
            break;
        memcpy(at, &extent, sizeof(extent));
        memcpy(at + sizeof(extent), (const char *)arena + extent.offset, (size_t)extent.length);
        at += sizeof(extent) + extent.length;
        head->extent_count++;
    }
    if (info->extra_bytes > 0)
        memcpy(at, extra, (size_t)info->extra_bytes);
    at += info->extra_bytes;
    head->length = (uint64_t)(at - (unsigned char *)buffer);
    head->checksum = weir_crc32c(0, buffer, (size_t)head->length);
    return head->length;
}

/* The extents lie inside both the snapshot and the arena. */
static bool extents_fit(const struct head *head, const unsigned char *bytes)
{
    uint64_t left = head->length - sizeof(*head);
    uint64_t end = 0;
    struct extent extent;

    if (head->info.extra_bytes > left)
        return false;
    left -= head->info.extra_bytes;
    for (uint32_t i = 0; i < head->extent_count; i++) {
        if (left < sizeof(extent))
            return false;
        memcpy(&extent, bytes, sizeof(extent));
        left -= sizeof(extent);
        if (extent.length > left || extent.offset < end || extent.offset > head->info.arena_bytes ||
            extent.length > head->info.arena_bytes - extent.offset)
            return false;
        left -= extent.length;
        end = extent.offset + extent.length;
        bytes += sizeof(extent) + extent.length;
    }
    return left == 0;
}

bool weir_snapshot_open(const void *buffer, uint64_t length, struct weir_snapshot_info *info)
{
    static const unsigned char zeros[sizeof(uint32_t)];
    const unsigned char *bytes = buffer;
    const size_t hole = offsetof(struct head, checksum);
    struct head head;
    uint32_t checksum;

    if (length < sizeof(head))
        return false;
    memcpy(&head, buffer, sizeof(head));
    if (head.magic != MAGIC || head.length != length)
        return false;
    checksum = weir_crc32c(0, bytes, hole);
    checksum = weir_crc32c(checksum, zeros, sizeof(zeros));
    checksum =
        weir_crc32c(checksum, bytes + hole + sizeof(zeros), (size_t)length - hole - sizeof(zeros));
    *info = head.info;
    return checksum == head.checksum && extents_fit(&head, bytes + sizeof(head));
}

void weir_snapshot_restore(const void *buffer, void *arena, void *extra)
{
    const struct head *head = buffer;
    const unsigned char *at = (const unsigned char *)(head + 1);
    struct extent extent;

    for (uint32_t i = 0; i < head->extent_count; i++) {
        memcpy(&extent, at, sizeof(extent));
        memcpy((char *)arena + extent.offset, at + sizeof(extent), (size_t)extent.length);
        at += sizeof(extent) + extent.length;
    }
    if (head->info.extra_bytes > 0)
        memcpy(extra, at, (size_t)head->info.extra_bytes);
}

void weir_snapshot_name(char name[static WEIR_DISK_NAME_SIZE], uint64_t position)
{
    snprintf(name, WEIR_DISK_NAME_SIZE, WEIR_SNAPSHOT_DIRECTORY "/" NAME_FORMAT, position);
}

int weir_snapshot_read_config(struct weir_disk *disk, uint64_t position, uint64_t *config)
{
    char name[WEIR_DISK_NAME_SIZE];
    struct head head = {0};
    int64_t length;
    int handle;

    weir_snapshot_name(name, position);
    handle = disk->open(disk, name, O_RDONLY);
    if (handle < 0)
        return handle;
    length = weir_disk_read_all(disk, handle, &head, sizeof(head), 0);
    (void)disk->close(disk, handle);
    *config = head.info.config;
    if (length < 0)
        return (int)length;
    return head.magic == MAGIC ? 0 : -EBADMSG;
}

struct found_list {
    uint64_t *positions;
    uint32_t max;
    uint32_t count;
};

static void find_file(void *context, const char *name, uint64_t size)
{
    struct found_list *list = context;
    uint64_t position;
    uint32_t at;
    int end = 0;

    (void)size;
    if (sscanf(name, "%16" SCNx64 "%n", &position, &end) != 1 || end != 16 || name[end] != '\0')
        return;
    at = list->count;
    while (at > 0 && list->positions[at - 1] < position)
        at--;
    if (at == list->max)
        return;
    if (list->count == list->max)
        list->count--;
    memmove(list->positions + at + 1, list->positions + at,
            (list->count - at) * sizeof(*list->positions));
    list->positions[at] = position;
    list->count++;
}

int weir_snapshot_list(struct weir_disk *disk, uint64_t *positions, uint32_t max)
{
    struct found_list list = {.positions = positions, .max = max};
    int error = disk->list(disk, WEIR_SNAPSHOT_DIRECTORY, find_file, &list);

    return error < 0 ? error : (int)list.count;
}
