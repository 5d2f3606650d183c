/*
 * A log on a bad disk, beside a plain list of what was appended to it.
 */
#ifndef TESTS_FAULT_LOG_RIG_H
#define TESTS_FAULT_LOG_RIG_H

#include "bad_disk.h"
#include "store/crc32c.h"
#include "store/history.h"
#include "store/journal.h"
#include "store/segments.h"
#include "unit/support/records.h"

enum { RIG_RECORD_MAX = 200000, RIG_FILE_MAX = 8, RIG_RING_SEGMENTS = 4 };

#define RIG_SEGMENT ((uint64_t)WEIR_SEGMENT_BYTES_MIN)
#define RIG_RING (RIG_RING_SEGMENTS * RIG_SEGMENT)
#define RIG_STORE 0x5707e5707e5707eu

struct rig_record {
    uint32_t digest;
    int64_t time_ms; /* of it or the one before */
    uint64_t position;
    uint64_t end;
    bool safe; /* a sync said so */
    bool lost; /* a power cut took it */
};

struct log_rig {
    struct bad_disk bad;
    struct test_random random;
    struct weir_journal journal;
    struct weir_segments segments;
    uint64_t numbers[RIG_FILE_MAX + 1];
    struct rig_record *records; /* by sequence */
    uint64_t count;
    int64_t now_ms;
    size_t payload_max;
};

static _Alignas(4096) unsigned char rig_ring[WEIR_JOURNAL_HEAD_BYTES + RIG_RING];
static unsigned char rig_buffer[RIG_SEGMENT];
static char rig_text[WEIR_RECORD_BYTES_MAX];
static struct weir_record_image rig_image;

/* Of all but time and sequence. */
static inline uint32_t rig_digest(const struct weir_record *record)
{
    struct weir_record copy = *record;
    uint32_t digest;

    copy.sequence = 0;
    copy.time_ms = 0;
    weir_record_build(&rig_image, &copy, 0);
    digest = weir_crc32c(0, rig_image.head + 4, rig_image.head_length - 4);
    digest = weir_crc32c(digest, rig_image.topic, rig_image.topic_length);
    return weir_crc32c(digest, rig_image.payload, rig_image.payload_length);
}

static inline struct weir_journal_options rig_options(void)
{
    return (struct weir_journal_options){
        .memory = rig_ring,
        .ring_bytes = RIG_RING,
        .segment_bytes = RIG_SEGMENT,
        .store = RIG_STORE,
        .run = 1,
        .written_on = true,
    };
}

/* Goes on at a place, with a ring that remembers nothing. */
static inline void rig_go_on(struct log_rig *rig, const struct weir_log_place *place)
{
    const struct weir_journal_options options = rig_options();

    memset(rig_ring, 0xa5, sizeof(rig_ring));
    weir_journal_init(&rig->journal, &options, place, place);
    weir_segments_start(&rig->segments, place->position);
    if (rig->now_ms < place->time_ms)
        rig->now_ms = place->time_ms;
    rig->count = place->sequence;
    if (rig->count > 0)
        rig->records[rig->count - 1].time_ms = place->time_ms;
}

static inline void rig_find_files(struct log_rig *rig)
{
    memset(rig->numbers, 0, sizeof(rig->numbers));
    assert_int_equal(
        weir_segments_init(&rig->segments, &rig->bad.disk, RIG_SEGMENT, rig->numbers, RIG_FILE_MAX),
        0);
}

static inline void rig_init(struct log_rig *rig, uint64_t test)
{
    const struct weir_log_place start = {0};

    memset(rig, 0, sizeof(*rig));
    rig->random = random_make(test);
    rig->payload_max = 3000;
    rig->now_ms = 1700000000000;
    rig->records = calloc(RIG_RECORD_MAX, sizeof(*rig->records));
    assert_non_null(rig->records);
    bad_disk_init(&rig->bad, random_make(test + 1000));
    rig_find_files(rig);
    rig_go_on(rig, &start);
    rig->now_ms = 1700000000000;
}

static inline void rig_finish(struct log_rig *rig)
{
    weir_segments_finish(&rig->segments);
    assert_int_equal(bad_disk_open_count(&rig->bad), 0);
    weir_journal_finish(&rig->journal);
    bad_disk_finish(&rig->bad);
    free(rig->records);
}

static inline int64_t rig_clock(void *context, int64_t *jump_ms)
{
    struct log_rig *rig = context;

    *jump_ms = 0;
    return rig->now_ms += random_below(&rig->random, 50);
}

/* False: it was refused. */
static inline bool rig_append(struct log_rig *rig)
{
    enum weir_record_kind kind =
        random_once_in(&rig->random, 4)
            ? (enum weir_record_kind)random_between(&rig->random, WEIR_RECORD_MESSAGE,
                                                    WEIR_RECORD_KIND_END - 1)
            : WEIR_RECORD_MESSAGE;
    struct weir_record record = records_make(&rig->random, kind, rig_text, rig->payload_max);
    struct rig_record *entry = &rig->records[rig->count];

    assert_true(rig->count < RIG_RECORD_MAX);
    if (weir_journal_append(&rig->journal, &record, rig_clock, rig) != WEIR_OK)
        return false;
    *entry = (struct rig_record){.digest = rig_digest(&record),
                                 .time_ms = weir_record_has_time(kind) ? record.time_ms
                                            : rig->count > 0           ? entry[-1].time_ms
                                                                       : 0};
    entry->end = weir_journal_end(&rig->journal);
    record.sequence = rig->count;
    weir_record_build(&rig_image, &record, rig->count > 0 ? entry[-1].time_ms : 0);
    entry->position = entry->end - rig_image.total_length;
    rig->count++;
    return true;
}

/* The engine follows to the end, or some of the way. */
static inline void rig_consume(struct log_rig *rig, uint32_t most)
{
    struct weir_log_place place;
    struct weir_record record;

    for (uint32_t i = 0; i < most && weir_journal_peek(&rig->journal, &record); i++) {
        const struct rig_record *entry;

        weir_journal_place(&rig->journal, &place);
        entry = &rig->records[place.sequence];
        assert_int_equal(place.position, entry->position);
        assert_int_equal(record.time_ms, entry->time_ms);
        assert_int_equal(rig_digest(&record), entry->digest);
        weir_journal_consume(&rig->journal);
    }
}

/* One round of the keeper's. */
static inline int rig_write(struct log_rig *rig, bool synced, uint64_t keep_from)
{
    uint64_t from = rig->segments.synced;
    uint64_t holes = rig->segments.holes;
    int error = weir_segments_write(&rig->segments, &rig->journal, keep_from);

    if (error == 0 && synced)
        error = weir_segments_sync(&rig->segments);
    weir_journal_release(&rig->journal, rig->segments.synced);
    for (uint64_t i = rig->count; i > 0 && rig->records[i - 1].position >= from; i--) {
        if (holes == rig->segments.holes && rig->records[i - 1].end <= rig->segments.synced)
            rig->records[i - 1].safe = true;
    }
    return error;
}

#endif
