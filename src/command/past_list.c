/* What lies in a state directory, a line each. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "command/command.h"
#include "command/past.h"
#include "store/config_image.h"

/* What is known of the segment that is being read. */
struct segment {
    uint64_t number;
    uint64_t begin; /* positions of its first and behind its last record */
    uint64_t end;
    uint64_t records;
    int64_t first_ms;
    int64_t last_ms;
    bool damaged;
};

struct listing {
    const char *path;
    struct weir_past past;
    struct segment segment;
    uint32_t next;      /* index of the first file that is not listed */
    uint64_t damage_to; /* newest damage; it may begin in the segment before */
    uint64_t damage_from;
    bool damage;
    uint64_t ring_begin;
    uint64_t ring_records; /* in the ring alone */
};

static uint64_t file_bytes(const char *path, const char *name)
{
    char whole[512];
    struct stat status;

    (void)snprintf(whole, sizeof(whole), "%s/%s", path, name);
    return stat(whole, &status) == 0 ? (uint64_t)status.st_size : 0;
}

static void print_segment(const struct segment *segment, uint64_t bytes)
{
    char first[WEIR_PAST_TIME_SIZE] = "-";
    char last[WEIR_PAST_TIME_SIZE] = "-";

    if (segment->records > 0) {
        weir_past_write_time(first, segment->first_ms);
        weir_past_write_time(last, segment->last_ms);
    }
    printf("segment %016" PRIx64 "  %016" PRIx64 "-%016" PRIx64 "  %" PRIu64
           " records  %s  %s  %" PRIu64 " bytes  %s\n",
           segment->number, segment->begin, segment->end, segment->records, first, last, bytes,
           segment->damaged ? "damaged" : "good");
}

/* The files in front of a number, of which no record could be read. */
static void print_unread(struct listing *listing, uint64_t number)
{
    const struct weir_segments *files = &listing->past.storage.segments;
    char name[WEIR_DISK_NAME_SIZE];

    while (listing->next < files->count && files->numbers[listing->next] < number) {
        struct segment unread = {.number = files->numbers[listing->next++], .damaged = true};

        unread.begin = unread.number * listing->past.storage.segment_bytes;
        unread.end = unread.begin;
        weir_segments_name(name, unread.number);
        print_segment(&unread, file_bytes(listing->path, name));
    }
}

/* Prints what is known when all of it is: at the first record behind it. */
static void end_segment(struct listing *listing)
{
    const struct weir_segments *files = &listing->past.storage.segments;
    struct segment *segment = &listing->segment;
    char name[WEIR_DISK_NAME_SIZE];

    if (segment->records == 0)
        return;
    print_unread(listing, segment->number);
    weir_segments_name(name, segment->number);
    if (listing->next < files->count && files->numbers[listing->next] == segment->number) {
        listing->next++;
        print_segment(segment, file_bytes(listing->path, name));
    } else {
        print_segment(segment, 0);
    }
    segment->records = 0;
}

/* What is missing at the end of a segment is found out at the head of the next. */
static void note_damage(void *context, uint64_t from, uint64_t to, uint64_t records)
{
    struct listing *listing = context;
    uint64_t segment_bytes = listing->past.storage.segment_bytes;

    listing->damage = true;
    listing->damage_from = from / segment_bytes;
    if (from % segment_bytes == 0 && records > 0 && from == to && from > 0)
        listing->damage_from--;
    listing->damage_to = (to - 1) / segment_bytes;
    if (listing->segment.records > 0 && listing->segment.number >= listing->damage_from)
        listing->segment.damaged = true;
}

static void add_record(struct listing *listing, const struct weir_record *record, uint64_t begin)
{
    struct segment *segment = &listing->segment;
    uint64_t number = weir_past_segment(&listing->past);
    uint64_t segment_bytes = listing->past.storage.segment_bytes;

    if (segment->records > 0 && segment->number != number)
        end_segment(listing);
    if (segment->records == 0)
        *segment = (struct segment){
            .number = number,
            .begin = begin / segment_bytes == number ? begin : number * segment_bytes,
            .damaged =
                listing->damage && listing->damage_from <= number && listing->damage_to >= number,
        };
    /* Before the first message no time is known. */
    if (segment->first_ms == 0)
        segment->first_ms = record->time_ms;
    segment->records++;
    segment->last_ms = record->time_ms;
    segment->end = listing->past.place.position;
}

static void list_log(struct listing *listing)
{
    struct weir_past *past = &listing->past;
    struct weir_record record;
    uint64_t begin = 0;

    past->note_gap = note_damage;
    past->gap_context = listing;
    while (weir_past_next(past, &record)) {
        add_record(listing, &record, begin);
        if (past->in_ring && listing->ring_records++ == 0)
            listing->ring_begin = begin;
        begin = past->place.position;
    }
    end_segment(listing);
    print_unread(listing, UINT64_MAX);
    if (past->ring_found)
        printf("ring  %016" PRIx64 "-%016" PRIx64 "  %" PRIu64 " records that are not on disk\n",
               listing->ring_records > 0 ? listing->ring_begin : begin, begin,
               listing->ring_records);
}

static void list_snapshots(const struct listing *listing)
{
    const struct weir_storage *storage = &listing->past.storage;
    char name[WEIR_DISK_NAME_SIZE];

    for (uint32_t i = storage->snapshot_count; i > 0; i--) {
        weir_snapshot_name(name, storage->snapshots[i - 1]);
        printf("snapshot %016" PRIx64 "  %" PRIu64 " bytes\n", storage->snapshots[i - 1],
               file_bytes(listing->path, name));
    }
}

static void list_aside_file(void *context, const char *name, uint64_t size)
{
    const char *directory = context;
    size_t length = strlen(name);

    if (length > 4 && strcmp(name + length - 4, ".bad") == 0)
        printf("set aside %s/%s  %" PRIu64 " bytes\n", directory, name, size);
}

static void list_aside(struct weir_disk *disk)
{
    static const char *const names[] = {WEIR_SEGMENTS_DIRECTORY, WEIR_SNAPSHOT_DIRECTORY,
                                        WEIR_CONFIG_IMAGE_DIRECTORY, WEIR_OUTBOX_DIRECTORY};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char name[WEIR_DISK_NAME_SIZE];

        (void)snprintf(name, sizeof(name), "%s", names[i]);
        (void)disk->list(disk, name, list_aside_file, name);
    }
}

int weir_past_list(const char *path)
{
    struct listing listing = {.path = path};

    if (!weir_past_open(&listing.past, path))
        return WEIR_EXIT_FAILED;
    list_log(&listing);
    list_snapshots(&listing);
    printf("outbox  %" PRIu32 " batches  %" PRIu64 " bytes\n", listing.past.storage.outbox.count,
           listing.past.storage.outbox.used_bytes);
    list_aside(listing.past.storage.disk);
    weir_past_close(&listing.past);
    return WEIR_EXIT_DONE;
}
