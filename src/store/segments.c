#include "store/segments.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"

#define NAME_FORMAT "%016" PRIx64 ".seg"
#define SEGMENT_BYTES_MAX (1024 * 1024)
#define SEGMENTS_OF_A_LOG 64
#define SEGMENT_COUNT_MIN 8 /* as in the smallest log: two snapshots' share each, and some */
#define BESIDE_SIZE (WEIR_DISK_NAME_SIZE + 4)

uint64_t weir_segments_size(uint64_t journal_bytes)
{
    uint64_t size = WEIR_SEGMENT_BYTES_MIN;

    while (size < SEGMENT_BYTES_MAX && size * 2 * SEGMENTS_OF_A_LOG <= journal_bytes)
        size *= 2;
    return size;
}

uint32_t weir_segments_count_max(uint64_t journal_bytes, uint64_t segment_bytes)
{
    uint64_t count = journal_bytes / segment_bytes;

    /* The size of a segment stays what it was when the store was made; the log may shrink. */
    if (count < SEGMENT_COUNT_MIN)
        return SEGMENT_COUNT_MIN;
    return count > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)count;
}

void weir_segments_name(char name[static WEIR_DISK_NAME_SIZE], uint64_t number)
{
    snprintf(name, WEIR_DISK_NAME_SIZE, WEIR_SEGMENTS_DIRECTORY "/" NAME_FORMAT, number);
}

/* Keeps the newest, should there be more than may be. */
static void add_number(struct weir_segments *segments, uint64_t number)
{
    uint32_t at = segments->count;

    while (at > 0 && segments->numbers[at - 1] > number)
        at--;
    if (segments->count == segments->room) {
        if (at == 0)
            return;
        memmove(segments->numbers, segments->numbers + 1, (at - 1) * sizeof(*segments->numbers));
        at--;
    } else {
        memmove(segments->numbers + at + 1, segments->numbers + at,
                (segments->count - at) * sizeof(*segments->numbers));
        segments->count++;
    }
    segments->numbers[at] = number;
}

static void find_file(void *context, const char *name, uint64_t size)
{
    uint64_t number;
    int end = 0;

    (void)size;
    if (sscanf(name, "%16" SCNx64 ".seg%n", &number, &end) == 1 && end == 20 && name[end] == '\0')
        add_number(context, number);
}

int weir_segments_init(struct weir_segments *segments, struct weir_disk *disk,
                       uint64_t segment_bytes, uint64_t *numbers, uint32_t count_max)
{
    assert(count_max >= 2);
    *segments = (struct weir_segments){.disk = disk,
                                       .segment_bytes = segment_bytes,
                                       .numbers = numbers,
                                       .count_max = count_max,
                                       .room = count_max,
                                       .handle = -1};
    return disk->list(disk, WEIR_SEGMENTS_DIRECTORY, find_file, segments);
}

static void close_file(struct weir_segments *segments)
{
    if (segments->handle >= 0)
        (void)segments->disk->close(segments->disk, segments->handle);
    segments->handle = -1;
}

void weir_segments_finish(struct weir_segments *segments)
{
    close_file(segments);
    segments->anew = false;
}

void weir_segments_start(struct weir_segments *segments, uint64_t position)
{
    weir_segments_finish(segments);
    segments->synced = position;
    segments->written = position;
}

static void remove_number(struct weir_segments *segments, uint64_t number)
{
    uint32_t at = 0;

    while (at < segments->count && segments->numbers[at] != number)
        at++;
    if (at == segments->count)
        return;
    memmove(segments->numbers + at, segments->numbers + at + 1,
            (segments->count - at - 1) * sizeof(*segments->numbers));
    segments->count--;
}

int weir_segments_set_aside(struct weir_segments *segments, uint64_t number)
{
    char name[WEIR_DISK_NAME_SIZE];
    char aside[WEIR_DISK_NAME_SIZE + 4];
    int error;

    weir_segments_name(name, number);
    snprintf(aside, sizeof(aside), "%s.bad", name);
    error = segments->disk->rename(segments->disk, name, aside);
    if (error == 0) {
        remove_number(segments, number);
        segments->set_aside++;
    }
    return error;
}

static bool is_known(const struct weir_segments *segments, uint64_t number)
{
    return segments->count > 0 && segments->numbers[segments->count - 1] == number;
}

void weir_segments_limit(struct weir_segments *segments, uint32_t count_max)
{
    assert(count_max >= 2 && count_max <= segments->room);
    segments->count_max = count_max;
}

static bool is_spent(const struct weir_segments *segments, uint64_t keep_from)
{
    return segments->count > 1 && (segments->numbers[0] + 1) * segments->segment_bytes <= keep_from;
}

/* A file that has a name is counted, whatever happens to it next. */
static void note_file(struct weir_segments *segments, uint64_t number)
{
    if (is_known(segments, number))
        return;
    add_number(segments, number);
    segments->named = true;
}

/* Gives the oldest file the name of a new one. */
static int reuse_oldest(struct weir_segments *segments, uint64_t number)
{
    char oldest[WEIR_DISK_NAME_SIZE];
    char name[WEIR_DISK_NAME_SIZE];
    int error;

    weir_segments_name(oldest, segments->numbers[0]);
    weir_segments_name(name, number);
    error = segments->disk->rename(segments->disk, oldest, name);
    if (error == 0 || error == -ENOENT)
        remove_number(segments, segments->numbers[0]);
    if (error == 0)
        note_file(segments, number);
    return error == -ENOENT ? 0 : error;
}

static void name_beside(char beside[static BESIDE_SIZE], uint64_t number)
{
    char name[WEIR_DISK_NAME_SIZE];

    weir_segments_name(name, number);
    snprintf(beside, BESIDE_SIZE, "%s.new", name);
}

/* What was synced of a segment whose file cannot be trusted with more. */
static int copy_front(struct weir_segments *segments, const char *name, int target)
{
    struct weir_disk *disk = segments->disk;
    const uint64_t end = segments->synced % segments->segment_bytes;
    int source = disk->open(disk, name, O_RDONLY);
    unsigned char page[4096];
    int error = source < 0 ? source : 0;

    for (uint64_t at = 0; error == 0 && at < end; at += sizeof(page)) {
        size_t length = end - at < sizeof(page) ? (size_t)(end - at) : sizeof(page);
        int64_t count = weir_disk_read_all(disk, source, page, length, at);

        if (count != (int64_t)length)
            error = count < 0 ? (int)count : -EIO;
        else
            error = weir_disk_write_all(disk, target, page, length, at);
    }
    if (source >= 0)
        (void)disk->close(disk, source);
    return error;
}

static int open_anew(struct weir_segments *segments, uint64_t number)
{
    struct weir_disk *disk = segments->disk;
    char name[WEIR_DISK_NAME_SIZE];
    char beside[BESIDE_SIZE];
    int error;
    int handle;

    weir_segments_name(name, number);
    name_beside(beside, number);
    handle = disk->open(disk, beside, O_RDWR | O_CREAT | O_TRUNC);
    if (handle < 0)
        return handle;
    error = disk->allocate(disk, handle, segments->segment_bytes);
    if (error == 0 && segments->synced % segments->segment_bytes > 0)
        error = copy_front(segments, name, handle);
    if (error != 0) {
        (void)disk->close(disk, handle);
        return error;
    }
    segments->handle = handle;
    return 0;
}

/* What was written anew is on disk. */
static int put_in_place(struct weir_segments *segments, uint64_t number)
{
    struct weir_disk *disk = segments->disk;
    char name[WEIR_DISK_NAME_SIZE];
    char beside[BESIDE_SIZE];
    int error;

    weir_segments_name(name, number);
    name_beside(beside, number);
    error = disk->rename(disk, beside, name);
    if (error == 0)
        error = disk->sync_directory(disk, WEIR_SEGMENTS_DIRECTORY);
    if (error == 0) {
        segments->anew = false;
        segments->set_aside++;
    }
    return error;
}

/* A log that was made smaller gives up what it has too many of. */
static void drop_surplus(struct weir_segments *segments, uint64_t keep_from)
{
    char name[WEIR_DISK_NAME_SIZE];

    while (segments->count > segments->count_max && is_spent(segments, keep_from)) {
        weir_segments_name(name, segments->numbers[0]);
        if (segments->disk->remove(segments->disk, name) != 0)
            return;
        remove_number(segments, segments->numbers[0]);
    }
}

/* Opens the file of the segment that is written to, made if need be. */
static int open_segment(struct weir_segments *segments, uint64_t number, uint64_t keep_from)
{
    struct weir_disk *disk = segments->disk;
    char name[WEIR_DISK_NAME_SIZE];
    bool made = !is_known(segments, number);
    int error = 0;
    int handle;

    weir_segments_name(name, number);
    if (made)
        drop_surplus(segments, keep_from);
    if (made && segments->count >= segments->count_max) {
        if (is_spent(segments, keep_from))
            error = reuse_oldest(segments, number);
        else if (segments->count >= segments->room)
            return -EBUSY;
    }
    if (error != 0)
        return error;
    handle = disk->open(disk, name, O_RDWR | O_CREAT);
    if (handle < 0)
        return handle;
    error = disk->allocate(disk, handle, segments->segment_bytes);
    if (error == -ENOSPC && made && is_spent(segments, keep_from)) {
        (void)disk->close(disk, handle);
        error = reuse_oldest(segments, number);
        handle = error == 0 ? disk->open(disk, name, O_RDWR | O_CREAT) : -1;
        if (handle < 0)
            return error != 0 ? error : handle;
    }
    note_file(segments, number);
    if (error == 0 && segments->named)
        error = disk->sync_directory(disk, WEIR_SEGMENTS_DIRECTORY);
    if (error != 0) {
        (void)disk->close(disk, handle);
        return error;
    }
    segments->named = false;
    segments->handle = handle;
    return 0;
}

/* The ring has overtaken the writer: the log on disk goes on with the next whole segment. */
static void leap(struct weir_segments *segments, uint64_t floor)
{
    weir_segments_finish(segments);
    segments->written =
        (floor + segments->segment_bytes - 1) / segments->segment_bytes * segments->segment_bytes;
    segments->synced = segments->written;
    segments->holes++;
}

void weir_segments_skip(struct weir_segments *segments, uint64_t position)
{
    if (position > segments->written)
        leap(segments, position);
}

/* Writes to the end of the log or of the segment. */
static int write_piece(struct weir_segments *segments, const struct weir_journal *journal,
                       uint64_t keep_from)
{
    uint64_t number = segments->written / segments->segment_bytes;
    const unsigned char *bytes;
    uint64_t length;
    int error = 0;

    if (segments->handle < 0)
        error = segments->anew ? open_anew(segments, number)
                               : open_segment(segments, number, keep_from);
    if (error != 0)
        return error;
    bytes = weir_journal_bytes(journal, segments->written, &length);
    error = weir_disk_write_all(segments->disk, segments->handle, bytes, (size_t)length,
                                segments->written % segments->segment_bytes);
    if (error != 0)
        return error;
    if (weir_journal_floor(journal) > segments->written) {
        leap(segments, weir_journal_floor(journal));
        return 0;
    }
    segments->written += length;
    return 0;
}

int weir_segments_write(struct weir_segments *segments, const struct weir_journal *journal,
                        uint64_t keep_from)
{
    int error = 0;

    if (weir_journal_floor(journal) > segments->written)
        leap(segments, weir_journal_floor(journal));
    while (error == 0 && segments->written < weir_journal_end(journal)) {
        error = write_piece(segments, journal, keep_from);
        /* A whole segment is synced before the next is begun: only one is ever open. */
        if (error == 0 && segments->written % segments->segment_bytes == 0 &&
            segments->handle >= 0) {
            error = weir_segments_sync(segments);
            if (error == 0)
                close_file(segments);
        }
    }
    return error;
}

int weir_segments_sync(struct weir_segments *segments)
{
    uint64_t number = (segments->written - 1) / segments->segment_bytes;
    int error;

    if (segments->handle < 0 || segments->synced == segments->written)
        return 0;
    error = segments->disk->sync(segments->disk, segments->handle);
    if (error == 0 && segments->anew)
        error = put_in_place(segments, number);
    if (error == 0) {
        segments->synced = segments->written;
        return 0;
    }
    /* Whether these pages ever reach the disk nobody knows: they are written again, elsewhere. */
    close_file(segments);
    segments->anew = true;
    segments->written = segments->synced;
    return error;
}
