#include "command/past.h"

#include <stdio.h>
#include <time.h>

static void note_gap(void *context, uint64_t from, uint64_t to, uint64_t records)
{
    struct weir_past *past = context;

    past->lost += records;
    past->gaps++;
    if (past->note_gap)
        past->note_gap(past->gap_context, from, to, records);
}

bool weir_past_open(struct weir_past *past, const char *path)
{
    struct weir_storage *storage = &past->storage;

    *past = (struct weir_past){0};
    if (!weir_storage_open_history(storage, path))
        return false;
    past->ring_found = storage->ring != NULL;
    past->ring = (struct weir_journal_options){
        .memory = storage->ring,
        .ring_bytes = storage->ring_bytes,
        .segment_bytes = storage->segment_bytes,
        .store = storage->store,
        .run = storage->run,
        .written_on = true,
    };
    weir_history_init(&past->history, storage->disk, storage->segments.numbers,
                      storage->segments.count, storage->segment_bytes, storage->store, NULL,
                      storage->buffer);
    past->history.note_gap = note_gap;
    past->history.gap_context = past;
    return true;
}

void weir_past_close(struct weir_past *past)
{
    weir_storage_close(&past->storage, false);
}

static void enter_ring(struct weir_past *past)
{
    const struct weir_journal_head *head = past->storage.ring;

    past->in_ring = true;
    if (past->ring_found && weir_journal_inspect(&past->ring, &past->place, NULL))
        past->ring_end = head->end;
}

/* Goes on at the next segment where a record cannot be read. */
static bool next_in_ring(struct weir_past *past, struct weir_record *record)
{
    const struct weir_log_place before = past->place;
    uint64_t segment_bytes = past->ring.segment_bytes;
    uint64_t to = before.position;
    uint64_t missing;

    if (past->ring_end == 0)
        return false;
    while (!weir_journal_read(&past->ring, &past->place, record)) {
        to = (past->place.position / segment_bytes + 1) * segment_bytes;
        if (to >= past->ring_end) {
            if (past->place.position < past->ring_end)
                note_gap(past, past->place.position, past->ring_end, 0);
            past->ring_end = 0;
            return false;
        }
        past->place.position = to;
    }
    missing = past->place.sequence - 1 - before.sequence;
    if (past->begun && missing > 0)
        note_gap(past, before.position, to, missing);
    past->begun = true;
    return true;
}

bool weir_past_next(struct weir_past *past, struct weir_record *record)
{
    if (!past->in_ring) {
        bool found = weir_history_next(&past->history, record, NULL);

        past->place = past->history.place;
        if (found) {
            past->begun = true;
            return true;
        }
        enter_ring(past);
    }
    return next_in_ring(past, record);
}

uint64_t weir_past_segment(const struct weir_past *past)
{
    return (past->place.position - 1) / past->storage.segment_bytes;
}

void weir_past_write_time(char text[static WEIR_PAST_TIME_SIZE], int64_t time_ms)
{
    int64_t millisecond = ((time_ms % 1000) + 1000) % 1000;
    time_t second = (time_t)((time_ms - millisecond) / 1000);
    struct tm parts = {0};

    (void)gmtime_r(&second, &parts);
    (void)snprintf(text, WEIR_PAST_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                   parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                   parts.tm_min, parts.tm_sec, (int)millisecond);
}
