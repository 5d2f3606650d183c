#include "log_rig.h"

/* Files set aside and holes, of all that a test opens. */
static uint64_t anew_count;
static uint64_t hole_count;

/* The record that was appended at a position. */
static uint64_t find_position(const struct log_rig *rig, uint64_t position)
{
    uint64_t low = 0;
    uint64_t high = rig->count;

    while (low < high) {
        uint64_t middle = (low + high) / 2;

        if (rig->records[middle].position < position)
            low = middle + 1;
        else
            high = middle;
    }
    assert_true(low < rig->count && rig->records[low].position == position);
    return low;
}

/* Marks what is missing in front of a record that was found. */
static void note_missing(struct log_rig *rig, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        assert_true(!rig->records[i].safe || rig->records[i].lost);
        rig->records[i].lost = true;
    }
}

/* What is read back: everything that is safe, nothing else than what was appended, each where and
 * when it was; what is missing is counted. Leaves the history at the end. */
static void read_back(struct log_rig *rig, struct weir_history *history)
{
    uint64_t first_kept = rig->segments.count > 0 ? rig->numbers[0] * RIG_SEGMENT : 0;
    uint64_t gap = UINT64_MAX; /* segment in which something is missing */
    uint64_t next = 0;
    uint64_t missing = 0;
    struct weir_record record;
    bool counted = false; /* from the first record on */
    bool first = true;
    uint64_t at;

    while (next < rig->count && rig->records[next].position < first_kept)
        next++;
    weir_history_init(history, &rig->bad.disk, rig->numbers, rig->segments.count, RIG_SEGMENT,
                      RIG_STORE, NULL, rig_buffer);
    for (; weir_history_next(history, &record, &at); first = false, next++) {
        uint64_t index = find_position(rig, at);
        struct rig_record *found = &rig->records[index];

        assert_true(index >= next && !found->lost);
        counted = first ? history->counted : counted;
        assert_int_equal((history->place.sequence - 1 - index) & (history->counted ? ~0ull : 255),
                         0);
        note_missing(rig, next, index);
        /* Of what is missing in front of everything only a head can tell. */
        missing += first && first_kept > 0 ? history->lost : index - next;
        assert_true(history->lost <= missing);
        gap = index > next ? at / RIG_SEGMENT : gap;
        next = index;
        assert_int_equal(history->place.position, found->end);
        assert_int_equal(rig_digest(&record), found->digest);
        /* What was lost took its part of the time along; the next head has it. */
        if (at / RIG_SEGMENT != gap)
            assert_int_equal(record.time_ms, found->time_ms);
        else
            found->time_ms = record.time_ms;
    }
    note_missing(rig, next, rig->count);
    if (counted)
        assert_in_range(history->lost, missing, missing + history->place.sequence - next);
}

static void cut_power(struct log_rig *rig)
{
    struct weir_history history;

    weir_journal_finish(&rig->journal);
    bad_disk_cut_power(&rig->bad);
    anew_count += rig->segments.set_aside;
    hole_count += rig->segments.holes;
    bad_disk_heal(&rig->bad);
    rig_find_files(rig);
    read_back(rig, &history);
    rig_go_on(rig, &history.place);
}

static void make_bad(struct log_rig *rig)
{
    rig->bad.short_writes = 3;
    rig->bad.failed_writes = 10;
    rig->bad.failed_names = 20;
    rig->bad.failed_syncs = 10;
}

/* Of a gap within a segment, only so many records can be told. */
static bool is_too_far_ahead(const struct log_rig *rig)
{
    return rig->count > 150 && !rig->records[rig->count - 150].safe;
}

static void run(struct log_rig *rig, unsigned steps, bool failing)
{
    uint64_t keep_from = 0;
    unsigned cuts = 0;
    unsigned asleep = 0;

    for (unsigned i = 0; i < steps; i++) {
        for (uint32_t j = random_below(&rig->random, 8); j > 0; j--) {
            rig->payload_max = random_once_in(&rig->random, 30) ? WEIR_PAYLOAD_LENGTH_MAX : 4000;
            (void)rig_append(rig);
        }
        rig_consume(rig, random_once_in(&rig->random, 3) ? 3 : 1000);
        if (failing && random_once_in(&rig->random, 20))
            make_bad(rig);
        if (random_once_in(&rig->random, 20))
            bad_disk_heal(&rig->bad);
        if (asleep > 0) {
            asleep--;
        } else if (is_too_far_ahead(rig)) {
            bad_disk_heal(&rig->bad);
            assert_int_equal(rig_write(rig, true, rig->segments.synced), 0);
        } else if (random_once_in(&rig->random, 2)) {
            (void)rig_write(rig, random_once_in(&rig->random, 2), keep_from);
        }
        if (random_once_in(&rig->random, 10))
            keep_from = rig->segments.synced;
        if (random_once_in(&rig->random, 500))
            asleep = 60;
        if (random_once_in(&rig->random, 60)) {
            cut_power(rig);
            cuts++;
        }
    }
    bad_disk_heal(&rig->bad);
    assert_int_equal(rig_write(rig, true, rig->segments.synced), 0);
    assert_int_equal(rig->segments.synced, weir_journal_end(&rig->journal));
    cut_power(rig);
    printf("%llu records, %llu holes, %llu written anew, %u cuts, last file %llx\n",
           (unsigned long long)rig->count, (unsigned long long)hole_count,
           (unsigned long long)anew_count, cuts,
           (unsigned long long)rig->numbers[rig->segments.count - 1]);
}

static void a_log_survives_power_cuts(void **state)
{
    static struct log_rig rig;

    (void)state;
    rig_init(&rig, 1);
    run(&rig, 6000, false);
    rig_finish(&rig);
}

static void a_log_survives_power_cuts_of_a_disk_that_fails(void **state)
{
    static struct log_rig rig;

    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        rig_init(&rig, 2 + i);
        run(&rig, 1000, true);
        rig_finish(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_survives_power_cuts),
        cmocka_unit_test(a_log_survives_power_cuts_of_a_disk_that_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
