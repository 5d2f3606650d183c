#include "store/outbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "format/crc32c.h"

#define MAGIC 0x31786f6274756f77u /* "woutbox1", read as a number */
#define BLOCK_BYTES 4096u
#define HEX "%016" PRIx64
#define NAME_FORMAT HEX "-" HEX "-" HEX "-" HEX "-" HEX "-%02x%02x%02x.batch"
#define HEX_SCAN "%16" SCNx64
#define NAME_SCAN                                                                                  \
    HEX_SCAN "-" HEX_SCAN "-" HEX_SCAN "-" HEX_SCAN "-" HEX_SCAN "-%2hhx%2hhx%2hhx.batch%n"
#define NAME_LENGTH (5 * 17 + 6 + 6)

/* In front of a batch's bytes, padded to eight; its rows follow, and to the file's end their
 * sketches. */
struct head {
    uint64_t magic;
    uint64_t epoch;
    uint64_t sequence;
    uint64_t place;
    uint64_t first;
    uint64_t last;
    uint32_t length;
    uint32_t row_count;
    uint32_t row_bytes; /* of one: a file of another build is not taken for one of this */
    uint32_t checksum;  /* of everything, this counted as 0 */
};

static uint64_t padded(uint64_t length)
{
    return (length + 7) & ~(uint64_t)7;
}

uint64_t weir_outbox_file_size(uint32_t length, uint32_t row_count, uint32_t sketches_length)
{
    return sizeof(struct head) + padded(length) +
           (uint64_t)row_count * sizeof(struct weir_summary) + sketches_length;
}

static uint64_t whole_blocks(uint64_t bytes)
{
    return (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
}

static struct weir_outbox_entry *entry_at(const struct weir_outbox *outbox, uint32_t index)
{
    return &outbox->entries[(outbox->first + index) % WEIR_OUTBOX_COUNT_MAX];
}

const struct weir_outbox_entry *weir_outbox_at(const struct weir_outbox *outbox, uint32_t index)
{
    assert(index < outbox->count);
    return entry_at(outbox, index);
}

/* Epochs in the order of the log; within one, by what a batch stands for. */
static bool comes_before(const struct weir_outbox_entry *left,
                         const struct weir_outbox_entry *right)
{
    if (left->epoch != right->epoch)
        return left->place < right->place;
    if (left->first != right->first)
        return left->first < right->first;
    return left->part < right->part;
}

static void insert(struct weir_outbox *outbox, const struct weir_outbox_entry *entry)
{
    uint32_t at = outbox->count;

    assert(outbox->count < WEIR_OUTBOX_COUNT_MAX);
    for (; at > 0 && comes_before(entry, entry_at(outbox, at - 1)); at--)
        *entry_at(outbox, at) = *entry_at(outbox, at - 1);
    *entry_at(outbox, at) = *entry;
    outbox->count++;
    outbox->used_bytes += entry->bytes;
}

static void drop_entry(struct weir_outbox *outbox, uint32_t index)
{
    outbox->used_bytes -= entry_at(outbox, index)->bytes;
    outbox->count--;
    if (index == 0) {
        outbox->first = (outbox->first + 1) % WEIR_OUTBOX_COUNT_MAX;
        return;
    }
    for (; index < outbox->count; index++)
        *entry_at(outbox, index) = *entry_at(outbox, index + 1);
}

static void append(struct weir_outbox *outbox, const struct weir_outbox_entry *entry)
{
    outbox->entries[outbox->count++] = *entry;
    outbox->used_bytes += entry->bytes;
}

static int compare(const void *left, const void *right)
{
    return comes_before(left, right) ? -1 : comes_before(right, left);
}

static void find_file(void *context, const char *name, uint64_t size)
{
    struct weir_outbox *outbox = context;
    struct weir_outbox_entry entry = {.bytes = whole_blocks(size)};
    int end = 0;

    if (outbox->count < WEIR_OUTBOX_COUNT_MAX &&
        sscanf(name, NAME_SCAN, &entry.place, &entry.epoch, &entry.sequence, &entry.first,
               &entry.last, &entry.level, &entry.part, &entry.parts, &end) == 8 &&
        end == NAME_LENGTH && name[end] == '\0')
        append(outbox, &entry);
}

bool weir_outbox_is_one_set(const struct weir_outbox_entry *left,
                            const struct weir_outbox_entry *right)
{
    return left->epoch == right->epoch && left->first == right->first &&
           left->last == right->last && left->level == right->level && left->parts == right->parts;
}

/* True when the set stands for an entry that is not of it. */
static bool stands_for(const struct weir_outbox_entry *set, const struct weir_outbox_entry *entry)
{
    return set->epoch == entry->epoch && set->level > entry->level && set->first <= entry->first &&
           entry->last <= set->last;
}

static uint32_t count_parts(const struct weir_outbox *outbox, const struct weir_outbox_entry *set)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < outbox->count; i++)
        count += weir_outbox_is_one_set(entry_at(outbox, i), set);
    return count;
}

/* A crash left a set and what it replaces: the set, if all of it is there, else the others. */
static int settle_set(struct weir_outbox *outbox, const struct weir_outbox_entry set)
{
    bool whole = count_parts(outbox, &set) == set.parts;
    bool beside = false;
    int error = 0;

    for (uint32_t i = 0; i < outbox->count; i++)
        beside = beside || stands_for(&set, entry_at(outbox, i));
    for (uint32_t i = 0; beside && error == 0 && i < outbox->count;) {
        const struct weir_outbox_entry *entry = entry_at(outbox, i);

        if (whole ? stands_for(&set, entry) : weir_outbox_is_one_set(&set, entry))
            error = weir_outbox_remove(outbox, i, true);
        else
            i++;
    }
    return error;
}

int weir_outbox_settle(struct weir_outbox *outbox)
{
    int error = 0;

    /* The highest level first: what it stands for need not be looked at any more. */
    for (uint8_t level = UINT8_MAX; error == 0 && level > 0; level--) {
        for (uint32_t i = 0; error == 0 && i < outbox->count; i++) {
            uint32_t count = outbox->count;

            if (entry_at(outbox, i)->level != level)
                continue;
            error = settle_set(outbox, *entry_at(outbox, i));
            if (outbox->count != count)
                i = 0;
        }
    }
    return error;
}

int weir_outbox_init(struct weir_outbox *outbox, struct weir_disk *disk, uint64_t bytes_max,
                     struct weir_outbox_entry *entries, void *file, uint64_t file_size)
{
    int error;

    weir_crc32c_init();
    *outbox = (struct weir_outbox){.disk = disk,
                                   .bytes_max = bytes_max,
                                   .entries = entries,
                                   .file = file,
                                   .file_size = file_size};
    error = disk->list(disk, WEIR_OUTBOX_DIRECTORY, find_file, outbox);
    qsort(outbox->entries, outbox->count, sizeof(*outbox->entries), compare);
    return error;
}

bool weir_outbox_has(const struct weir_outbox *outbox, uint64_t epoch, uint64_t sequence)
{
    for (uint32_t i = outbox->count; i > 0; i--) {
        const struct weir_outbox_entry *entry = entry_at(outbox, i - 1);

        if (entry->epoch == epoch && entry->first <= sequence && sequence <= entry->last)
            return true;
    }
    return false;
}

bool weir_outbox_fits(const struct weir_outbox *outbox, uint64_t file_size)
{
    return outbox->count < WEIR_OUTBOX_COUNT_MAX &&
           outbox->used_bytes + whole_blocks(file_size) <= outbox->bytes_max;
}

static void name_file(char name[static NAME_LENGTH + 1], const struct weir_outbox_entry *entry)
{
    snprintf(name, NAME_LENGTH + 1, NAME_FORMAT, entry->place, entry->epoch, entry->sequence,
             entry->first, entry->last, entry->level, entry->part, entry->parts);
}

void weir_outbox_name(char path[static WEIR_DISK_NAME_SIZE], const struct weir_outbox_entry *entry)
{
    char name[NAME_LENGTH + 1];

    name_file(name, entry);
    snprintf(path, WEIR_DISK_NAME_SIZE, WEIR_OUTBOX_DIRECTORY "/%s", name);
}

static uint64_t build_file(struct weir_outbox *outbox, const struct weir_outbox_batch *batch)
{
    uint64_t size = weir_outbox_file_size(batch->length, batch->row_count, batch->sketches_length);
    struct head *head = outbox->file;
    char *at = (char *)(head + 1);

    assert(size <= outbox->file_size);
    memset(outbox->file, 0, (size_t)size);
    *head = (struct head){
        .magic = MAGIC,
        .epoch = batch->epoch,
        .sequence = batch->sequence,
        .place = batch->place,
        .first = batch->first,
        .last = batch->last,
        .length = batch->length,
        .row_count = batch->row_count,
        .row_bytes = sizeof(struct weir_summary),
    };
    memcpy(at, batch->bytes, batch->length);
    if (batch->row_count > 0)
        memcpy(at + padded(batch->length), batch->rows,
               batch->row_count * sizeof(struct weir_summary));
    if (batch->sketches_length > 0)
        memcpy((char *)outbox->file + size - batch->sketches_length, batch->sketches,
               batch->sketches_length);
    head->checksum = weir_crc32c(0, outbox->file, (size_t)size);
    return size;
}

int weir_outbox_add(struct weir_outbox *outbox, const struct weir_outbox_batch *batch)
{
    char name[NAME_LENGTH + 1];
    struct weir_outbox_entry entry = {
        .place = batch->place,
        .epoch = batch->epoch,
        .sequence = batch->sequence,
        .first = batch->first,
        .last = batch->last,
        .level = batch->level,
        .part = batch->part,
        .parts = batch->parts,
    };
    uint64_t size;
    int error;

    if (batch->level == 0 && weir_outbox_has(outbox, batch->epoch, batch->sequence))
        return 0;
    if (outbox->count == WEIR_OUTBOX_COUNT_MAX)
        return -ENOSPC;
    size = build_file(outbox, batch);
    entry.bytes = whole_blocks(size);
    name_file(name, &entry);
    error = weir_disk_replace(outbox->disk, WEIR_OUTBOX_DIRECTORY, name, outbox->file, (size_t)size,
                              true);
    if (error == 0)
        insert(outbox, &entry);
    return error;
}

/* Takes a file apart; false: it is not what it should be. */
static bool open_file(struct weir_outbox *outbox, uint64_t length, struct weir_outbox_batch *batch)
{
    struct head *head = outbox->file;
    uint32_t checksum;
    uint64_t rows_end;

    if (length < sizeof(*head) || head->magic != MAGIC ||
        head->row_bytes != sizeof(struct weir_summary) ||
        head->row_count > length / sizeof(struct weir_summary))
        return false;
    rows_end = weir_outbox_file_size(head->length, head->row_count, 0);
    if (length < rows_end)
        return false;
    checksum = head->checksum;
    head->checksum = 0;
    if (checksum != weir_crc32c(0, outbox->file, (size_t)length))
        return false;
    *batch = (struct weir_outbox_batch){
        .place = head->place,
        .epoch = head->epoch,
        .sequence = head->sequence,
        .first = head->first,
        .last = head->last,
        .row_count = head->row_count,
        .length = head->length,
        .bytes = (const char *)(head + 1),
        .rows = (const struct weir_summary *)(const void *)((const char *)(head + 1) +
                                                            padded(head->length)),
        .sketches_length = (uint32_t)(length - rows_end),
        .sketches = (const unsigned char *)outbox->file + rows_end,
    };
    return true;
}

/* The name says what is in it: a batch is removed by it. */
static bool is_of(const struct weir_outbox_entry *entry, const struct weir_outbox_batch *batch)
{
    return entry->place == batch->place && entry->epoch == batch->epoch &&
           entry->sequence == batch->sequence;
}

static int set_aside(struct weir_outbox *outbox, uint32_t index)
{
    char path[WEIR_DISK_NAME_SIZE];
    char aside[WEIR_DISK_NAME_SIZE + 4];
    int error;

    weir_outbox_name(path, entry_at(outbox, index));
    snprintf(aside, sizeof(aside), "%s.bad", path);
    error = outbox->disk->rename(outbox->disk, path, aside);
    if (error != 0 && error != -ENOENT)
        return error;
    drop_entry(outbox, index);
    outbox->set_aside++;
    return -EBADMSG;
}

/* -EBADMSG: it is not what it should be. */
static int load(struct weir_outbox *outbox, uint32_t index, struct weir_outbox_batch *batch)
{
    char path[WEIR_DISK_NAME_SIZE];
    int64_t length;

    weir_outbox_name(path, weir_outbox_at(outbox, index));
    length = weir_disk_read_file(outbox->disk, path, outbox->file, (size_t)outbox->file_size);
    if (length == -EFBIG)
        return -EBADMSG;
    if (length < 0)
        return (int)length;
    if (!open_file(outbox, (uint64_t)length, batch) || !is_of(weir_outbox_at(outbox, index), batch))
        return -EBADMSG;
    batch->level = weir_outbox_at(outbox, index)->level;
    batch->part = weir_outbox_at(outbox, index)->part;
    batch->parts = weir_outbox_at(outbox, index)->parts;
    return 0;
}

int weir_outbox_read(struct weir_outbox *outbox, uint32_t index, struct weir_outbox_batch *batch)
{
    int error = load(outbox, index, batch);

    return error == -EBADMSG || error == -ENOENT ? set_aside(outbox, index) : error;
}

int weir_outbox_check(struct weir_outbox *outbox, uint32_t index)
{
    const struct weir_outbox_entry *entry = weir_outbox_at(outbox, index);
    struct weir_outbox_batch batch;
    int error = load(outbox, index, &batch);

    if (error == 0 && (batch.place != entry->place || batch.epoch != entry->epoch ||
                       batch.sequence != entry->sequence))
        return -EBADMSG;
    return error;
}

int weir_outbox_remove(struct weir_outbox *outbox, uint32_t index, bool synced)
{
    char path[WEIR_DISK_NAME_SIZE];
    int error;

    weir_outbox_name(path, weir_outbox_at(outbox, index));
    error = outbox->disk->remove(outbox->disk, path);
    if (error != 0 && error != -ENOENT)
        return error;
    drop_entry(outbox, index);
    /* Gone all the same: a caller that tried again would remove the next one. */
    if (synced)
        (void)outbox->disk->sync_directory(outbox->disk, WEIR_OUTBOX_DIRECTORY);
    return 0;
}

int weir_outbox_sync(struct weir_outbox *outbox)
{
    return outbox->disk->sync_directory(outbox->disk, WEIR_OUTBOX_DIRECTORY);
}
