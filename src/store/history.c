#include "store/history.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "format/crc32c.h"
#include "store/segments.h"

void weir_history_init(struct weir_history *history, struct weir_disk *disk,
                       const uint64_t *numbers, uint32_t count, uint64_t segment_bytes,
                       uint64_t store, const struct weir_log_place *from, void *buffer)
{
    uint32_t first = 0;

    weir_crc32c_init();
    while (from && first < count && (numbers[first] + 1) * segment_bytes <= from->position)
        first++;
    *history = (struct weir_history){
        .disk = disk,
        .numbers = numbers,
        .count = count,
        .next = first,
        .segment_bytes = segment_bytes,
        .store = store,
        .buffer = buffer,
        .begun = from || (count > 0 && numbers[0] == 0),
    };
    history->counted = history->begun;
    if (from)
        history->place = *from;
}

/* Loads the next segment that there is; false: none. */
static bool load_segment(struct weir_history *history)
{
    char name[WEIR_DISK_NAME_SIZE];
    uint64_t start;
    int64_t length;
    int handle;

    if (history->next == history->count)
        return false;
    start = history->numbers[history->next] * history->segment_bytes;
    weir_segments_name(name, history->numbers[history->next++]);
    handle = history->disk->open(history->disk, name, O_RDONLY);
    length = handle < 0 ? handle
                        : weir_disk_read_all(history->disk, handle, history->buffer,
                                             (size_t)history->segment_bytes, 0);
    if (handle >= 0)
        (void)history->disk->close(history->disk, handle);
    history->loaded = length > 0 ? (uint64_t)length : 0;
    history->unread += length < 0 && length != -ENOENT;
    if (!history->begun || history->place.position < start ||
        history->place.position >= start + history->segment_bytes) {
        history->place.position = start;
    }
    if (!history->begun && !history->torn)
        history->whole = history->place.position;
    return true;
}

/* Bytes of the buffer from the reader's place on. */
static size_t bytes_left(const struct weir_history *history, uint64_t position)
{
    uint64_t offset = position % history->segment_bytes;

    return offset < history->loaded ? (size_t)(history->loaded - offset) : 0;
}

static size_t read_at(const struct weir_history *history, struct weir_record *record,
                      uint64_t position)
{
    uint64_t offset = position % history->segment_bytes;
    uint64_t store = history->store;

    /* The first head of an unknown store names it itself: its checksum then has to agree. */
    if (store == 0) {
        if (weir_record_read(record, history->buffer + offset, bytes_left(history, position), 0,
                             position, 0, false) == 0 ||
            record->kind != WEIR_RECORD_SEGMENT)
            return 0;
        store = record->store;
    }
    return weir_record_read(record, history->buffer + offset, bytes_left(history, position), store,
                            position, history->place.time_ms, true);
}

/* Finds the next whole record behind damage; false: the segment has none. */
static bool find_record(struct weir_history *history, struct weir_record *record)
{
    uint64_t end = history->place.position - history->place.position % history->segment_bytes +
                   history->loaded;

    for (uint64_t position = history->place.position + 1; position + WEIR_RECORD_BYTES_MIN <= end;
         position++) {
        if (read_at(history, record, position) == 0)
            continue;
        history->place.position = position;
        return true;
    }
    return false;
}

static bool is_blank(const struct weir_history *history)
{
    const unsigned char *bytes = history->buffer + history->place.position % history->segment_bytes;
    size_t left = bytes_left(history, history->place.position);

    return left < WEIR_RECORD_BYTES_MIN ||
           (bytes[0] | bytes[1] | bytes[2] | bytes[3] | bytes[4]) == 0;
}

/* What is missing in front of a head was in the segment before it, if that is there. */
static void note_bad(struct weir_history *history, bool before)
{
    uint64_t number = history->numbers[history->next - 1];

    if (before && (history->next < 2 || history->numbers[history->next - 2] != --number))
        return;
    if (history->bad_count < WEIR_HISTORY_BAD_MAX &&
        (history->bad_count == 0 || history->bad[history->bad_count - 1] != number))
        history->bad[history->bad_count++] = number;
}

/* Counts what is missing in front of a good record. Only a head tells it whole. */
static void count_missing(struct weir_history *history, const struct weir_record *record)
{
    bool head = record->kind == WEIR_RECORD_SEGMENT;
    uint64_t ahead = record->sequence - history->place.sequence;
    uint64_t passed = head ? ahead : ahead & 0xff;
    uint64_t missing = history->counted ? passed : ahead & 0xff;

    if (!history->begun)
        missing = 0;

    if (missing > 0) {
        history->lost += missing;
        history->damaged++;
        note_bad(history, head);
    }
    if ((missing > 0 || history->torn) && history->note_gap)
        history->note_gap(history->gap_context, history->whole, history->place.position, missing);
    history->place.sequence += passed;
    history->begun = true;
    history->counted = history->counted || head;
    history->torn = false;
}

/* Reads the record where the reader stands, or the first whole one behind damage; 0: the segment
 * has no more. */
static size_t read_record(struct weir_history *history, struct weir_record *record)
{
    size_t length;

    if (history->loaded == 0)
        return 0;
    length = read_at(history, record, history->place.position);
    if (length > 0)
        return length;
    /* Behind a blank too: a power cut may take one page and leave the next. What is not found now
     * would be in the way of what is written there. */
    history->torn = !is_blank(history);
    return find_record(history, record) ? read_at(history, record, history->place.position) : 0;
}

bool weir_history_next(struct weir_history *history, struct weir_record *record, uint64_t *at)
{
    for (;;) {
        size_t length = read_record(history, record);

        if (length == 0) {
            if (!load_segment(history))
                return false;
            continue;
        }
        count_missing(history, record);
        history->unread = 0;
        history->place.time_ms = record->time_ms;
        if (at)
            *at = history->place.position;
        history->place.position += length;
        history->whole = history->place.position;
        switch (record->kind) {
        case WEIR_RECORD_SEGMENT:
            history->store = record->store;
            break;
        case WEIR_RECORD_END:
            history->loaded = 0;
            history->place.position =
                (history->place.position / history->segment_bytes + 1) * history->segment_bytes;
            history->whole = history->place.position;
            break;
        default:
            history->place.sequence++;
            return true;
        }
    }
}
