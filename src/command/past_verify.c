/* Whether a store is whole, from its first record to its last batch. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "command/memory.h"
#include "command/past.h"
#include "port/config.h"
#include "store/config_image.h"

/* Configurations that are known to be good; of more, some are read twice. */
#define KNOWN_COUNT_MAX 16

#define IMAGE_BYTES_MAX (64 * 1024 * 1024)
#define SNAPSHOT_BYTES_MAX ((uint64_t)1 << 40)

struct report {
    struct weir_past past;
    FILE *out;
    uint64_t damaged;
    uint64_t records;
    uint64_t snapshot_count;
    uint64_t needed_from;  /* position from which configurations are needed */
    uint64_t snapshot_end; /* the newest snapshot's position */
    uint64_t known[KNOWN_COUNT_MAX];
    uint32_t known_count;
};

static void report_gap(void *context, uint64_t from, uint64_t to, uint64_t records)
{
    struct report *report = context;
    uint64_t segment_bytes = report->past.storage.segment_bytes;
    uint64_t number = from / segment_bytes;

    /* The head that tells what is missing is the first of its segment: it was in the one before. */
    if (from == to && from > 0)
        number = (from - 1) / segment_bytes;
    report->damaged++;
    fprintf(report->out,
            "segment %016" PRIx64 ": damaged or missing from %016" PRIx64 " to %016" PRIx64
            ": %" PRIu64 " records lost\n",
            number, from, to, records);
}

static void report_file(struct report *report, const char *name, const char *what)
{
    report->damaged++;
    fprintf(report->out, "%s: %s\n", name, what);
}

struct file_size {
    const char *name;
    uint64_t size;
};

static void note_size(void *context, const char *name, uint64_t size)
{
    struct file_size *file = context;

    if (strcmp(file->name, name) == 0)
        file->size = size;
}

/* A whole file, to be unmapped by its size; NULL with *length negative: what went wrong. */
static void *read_whole(struct weir_disk *disk, const char *directory, const char *name,
                        uint64_t size_max, int64_t *length, uint64_t *size)
{
    struct file_size file = {.name = strchr(name, '/') + 1};
    void *bytes;

    *length = -ENOENT;
    if (disk->list(disk, directory, note_size, &file) != 0 || file.size == 0)
        return NULL;
    *length = -EFBIG;
    if (file.size > size_max)
        return NULL;
    bytes = weir_memory_map(file.size);
    *size = file.size;
    *length = bytes ? weir_disk_read_file(disk, name, bytes, (size_t)file.size) : -ENOMEM;
    if (bytes && *length < 0) {
        weir_memory_unmap(bytes, file.size);
        bytes = NULL;
    }
    return bytes;
}

/* 0: good; or what is wrong, -EBADMSG for damage. */
static int check_image(struct report *report, uint64_t hash)
{
    char name[WEIR_DISK_NAME_SIZE];
    struct weir_config *config;
    int64_t length;
    uint64_t size;
    void *bytes;

    for (uint32_t i = 0; i < report->known_count; i++) {
        if (report->known[i] == hash)
            return 0;
    }
    snprintf(name, sizeof(name), WEIR_CONFIG_IMAGE_DIRECTORY "/%016" PRIx64, hash);
    bytes = read_whole(report->past.storage.disk, WEIR_CONFIG_IMAGE_DIRECTORY, name,
                       IMAGE_BYTES_MAX, &length, &size);
    if (!bytes)
        return (int)length;
    config = weir_config_image_read(bytes, (size_t)length, hash);
    weir_memory_unmap(bytes, size);
    if (!config)
        return -EBADMSG;
    weir_config_destroy(config);
    if (report->known_count < KNOWN_COUNT_MAX)
        report->known[report->known_count++] = hash;
    return 0;
}

/* A configuration that a restart would need. */
static void need_image(struct report *report, uint64_t hash)
{
    char name[WEIR_DISK_NAME_SIZE];
    int error = check_image(report, hash);

    if (error == 0)
        return;
    snprintf(name, sizeof(name), WEIR_CONFIG_IMAGE_DIRECTORY "/%016" PRIx64, hash);
    report_file(report, name,
                error == -ENOENT ? "missing, and needed"
                                 : "needed, and damaged or of another version of weir");
}

static void check_snapshot(struct report *report, uint64_t position)
{
    struct weir_storage *storage = &report->past.storage;
    struct weir_snapshot_info info;
    char name[WEIR_DISK_NAME_SIZE];
    int64_t length;
    uint64_t size;
    void *bytes;
    bool good;

    weir_snapshot_name(name, position);
    bytes = read_whole(storage->disk, WEIR_SNAPSHOT_DIRECTORY, name, SNAPSHOT_BYTES_MAX, &length,
                       &size);
    /* A running weir has replaced it by a newer one. */
    if (length == -ENOENT && report->past.ring_found)
        return;
    report->snapshot_count++;
    good = bytes && weir_snapshot_open(bytes, (uint64_t)length, &info) &&
           info.store == storage->store && info.place.position == position;
    weir_memory_unmap(bytes, size);
    if (!good) {
        report_file(report, name, "damaged");
        return;
    }
    if (position > report->snapshot_end)
        report->snapshot_end = position;
    if (info.layout != weir_config_image_layout()) {
        fprintf(report->out, "%s: whole, but of another version of weir\n", name);
        return;
    }
    if (position < report->needed_from)
        report->needed_from = position;
    need_image(report, info.config);
}

static void check_snapshots(struct report *report)
{
    const struct weir_storage *storage = &report->past.storage;

    report->needed_from = UINT64_MAX;
    for (uint32_t i = storage->snapshot_count; i > 0; i--)
        check_snapshot(report, storage->snapshots[i - 1]);
    if (report->needed_from == UINT64_MAX)
        report->needed_from = 0;
}

static void check_log(struct report *report)
{
    struct weir_past *past = &report->past;
    struct weir_record record;

    past->note_gap = report_gap;
    past->gap_context = report;
    while (weir_past_next(past, &record)) {
        report->records++;
        if (record.kind == WEIR_RECORD_CONFIG && past->place.position > report->needed_from)
            need_image(report, record.hash);
    }
    if (past->place.position >= report->snapshot_end)
        return;
    report->damaged++;
    fprintf(report->out,
            "the journal ends at %016" PRIx64 ", before the newest snapshot at %016" PRIx64 "\n",
            past->place.position, report->snapshot_end);
}

static void check_outbox(struct report *report)
{
    struct weir_outbox *outbox = &report->past.storage.outbox;
    char name[WEIR_DISK_NAME_SIZE];

    for (uint32_t i = 0; i < outbox->count; i++) {
        const struct weir_outbox_entry *entry = weir_outbox_at(outbox, i);
        int error = weir_outbox_check(outbox, i);

        /* -ENOENT: it has left meanwhile. */
        if (error == 0 || error == -ENOENT)
            continue;
        weir_outbox_name(name, entry);
        report_file(report, name, error == -EBADMSG ? "damaged" : strerror(-error));
    }
}

static void check_image_file(void *context, const char *name, uint64_t size)
{
    struct report *report = context;
    uint64_t hash;
    int end = 0;

    (void)size;
    if (sscanf(name, "%16" SCNx64 "%n", &hash, &end) == 1 && end == 16 && name[end] == '\0' &&
        check_image(report, hash) == -EBADMSG)
        fprintf(report->out,
                WEIR_CONFIG_IMAGE_DIRECTORY "/%s: damaged or of another version of weir\n", name);
}

static void check_all(struct report *report)
{
    struct weir_storage *storage = &report->past.storage;

    if (!storage->whole)
        report_file(report, "store", "it or its copy is damaged");
    check_snapshots(report);
    check_log(report);
    check_outbox(report);
    (void)storage->disk->list(storage->disk, WEIR_CONFIG_IMAGE_DIRECTORY, check_image_file, report);
    fprintf(report->out,
            "%" PRIu64 " records in %" PRIu32 " segments%s, %" PRIu64 " snapshots, %" PRIu32
            " batches: ",
            report->records, storage->segments.count,
            report->past.ring_found ? " and the ring" : "", report->snapshot_count,
            storage->outbox.count);
    if (report->damaged == 0)
        fprintf(report->out, "good\n");
    else
        fprintf(report->out, "%" PRIu64 " damaged, %" PRIu64 " records lost\n", report->damaged,
                report->past.lost);
}

/* *again: what was found may be the doing of a weir that writes meanwhile. */
static int verify(const char *path, char **text, bool *again)
{
    struct report report = {0};
    size_t length;

    if (!weir_past_open(&report.past, path))
        return WEIR_EXIT_FAILED;
    report.out = open_memstream(text, &length);
    if (report.out) {
        check_all(&report);
        (void)fclose(report.out);
    }
    *again = report.past.ring_found && report.damaged > 0;
    weir_past_close(&report.past);
    return report.out && report.damaged == 0 ? WEIR_EXIT_DONE : WEIR_EXIT_FAILED;
}

int weir_past_verify(const char *path)
{
    char *text = NULL;
    bool again = false;
    int result = verify(path, &text, &again);

    if (again) {
        free(text);
        text = NULL;
        result = verify(path, &text, &again);
    }
    if (text)
        fputs(text, stdout);
    free(text);
    return result;
}
