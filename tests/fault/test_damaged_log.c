#include <fcntl.h>

#include "bad_disk.h"
#include "store/crc32c.h"
#include "store/history.h"
#include "store/segments.h"
#include "unit/support/records.h"

/* Small segments, so that every byte of several can be tried. */
enum { SEGMENT = 2048, FILE_MAX = 32, RECORD_COUNT = 300 };

#define STORE 0x1234abcdu

struct written {
    uint32_t checksum; /* of the bytes */
    uint64_t position;
    uint64_t end;
    int64_t time_ms;
};

static struct bad_disk bad;
static struct written written[RECORD_COUNT];
static uint64_t numbers[FILE_MAX];
static uint32_t file_count;
static unsigned char files[FILE_MAX][SEGMENT];
static uint64_t used[FILE_MAX]; /* up to its end or the last record */
static unsigned char buffer[SEGMENT];

static uint64_t put(struct weir_record *record, uint64_t position, int64_t before_ms)
{
    static struct weir_record_image image;

    weir_record_build(&image, record, before_ms);
    assert_true(position % SEGMENT + image.total_length <= SEGMENT);
    weir_record_write(&image, files[position / SEGMENT] + position % SEGMENT, STORE, position);
    used[position / SEGMENT] = position % SEGMENT + image.total_length;
    return position + image.total_length;
}

static void put_file(uint32_t number)
{
    char name[WEIR_DISK_NAME_SIZE];
    int handle;

    weir_segments_name(name, number);
    handle = bad.disk.open(&bad.disk, name, O_RDWR | O_CREAT | O_TRUNC);
    assert_int_equal(weir_disk_write_all(&bad.disk, handle, files[number], SEGMENT, 0), 0);
    (void)bad.disk.close(&bad.disk, handle);
}

static int set_up(void **state)
{
    struct test_random random = random_make(1);
    char text[200];
    uint64_t position = 0;
    int64_t now_ms = 0;

    (void)state;
    weir_crc32c_init();
    bad_disk_init(&bad, random);
    for (uint64_t i = 0; i < RECORD_COUNT; i++) {
        enum weir_record_kind kind = (enum weir_record_kind)random_between(
            &random, WEIR_RECORD_MESSAGE, WEIR_RECORD_KIND_END - 1);
        struct weir_record record = records_make(
            &random, random_once_in(&random, 2) ? kind : WEIR_RECORD_MESSAGE, text, 100);

        if (SEGMENT - position % SEGMENT < 220) {
            struct weir_record end = {.kind = WEIR_RECORD_END, .sequence = i};

            (void)put(&end, position, now_ms);
            position = (position / SEGMENT + 1) * SEGMENT;
        }
        if (position % SEGMENT == 0) {
            struct weir_record head = {
                .kind = WEIR_RECORD_SEGMENT, .store = STORE, .sequence = i, .time_ms = now_ms};

            position = put(&head, position, now_ms);
        }
        record.sequence = i;
        record.time_ms =
            weir_record_has_time(record.kind) ? now_ms + random_below(&random, 1000) : now_ms;
        written[i].position = position;
        position = put(&record, position, now_ms);
        written[i].end = position;
        written[i].time_ms = now_ms = record.time_ms;
        written[i].checksum =
            weir_crc32c(0, files[written[i].position / SEGMENT] + written[i].position % SEGMENT,
                        (size_t)(position - written[i].position));
    }
    file_count = (uint32_t)(position / SEGMENT) + 1;
    assert_true(file_count > 4 && file_count <= FILE_MAX);
    for (uint32_t i = 0; i < file_count; i++) {
        numbers[i] = i;
        put_file(i);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bad_disk_finish(&bad);
    return 0;
}

/* Reads it all while [from, to) is damaged: what it does not touch is found, and the rest counted
 * where something follows. */
static void expect_all_but(uint64_t from, uint64_t to, uint64_t store)
{
    const struct weir_log_place start = {0};
    struct weir_history history;
    struct weir_record record;
    uint64_t missing = 0;
    uint64_t next = 0;
    uint64_t at;

    weir_history_init(&history, &bad.disk, numbers, file_count, SEGMENT, store,
                      store ? &start : NULL, buffer);
    for (; weir_history_next(&history, &record, &at); next++) {
        for (; next < RECORD_COUNT && written[next].position != at; next++, missing++)
            assert_true(store == 0 || (written[next].end > from && written[next].position < to));
        assert_true(next < RECORD_COUNT);
        assert_int_equal(history.place.position, written[next].end);
        assert_int_equal(weir_crc32c(0, buffer + at % SEGMENT, (size_t)(written[next].end - at)),
                         written[next].checksum);
        assert_true(written[next].end <= from || written[next].position >= to);
        if (store != 0)
            assert_int_equal(history.place.sequence, next + 1);
        if (at / SEGMENT != from / SEGMENT || written[next].end <= from)
            assert_int_equal(record.time_ms, written[next].time_ms);
    }
    for (uint64_t i = next; i < RECORD_COUNT; i++)
        assert_true(written[i].end > from && written[i].position < to);
    if (store != 0) {
        assert_int_equal(history.lost, missing);
        assert_int_equal(history.damaged, missing > 0 ? 1 : 0);
        assert_int_equal(history.bad_count, missing > 0 ? 1 : 0);
        assert_true(missing == 0 || history.bad[0] == from / SEGMENT);
    }
}

static void a_whole_log_is_read_whole(void **state)
{
    (void)state;
    expect_all_but(UINT64_MAX, UINT64_MAX, STORE);
    expect_all_but(UINT64_MAX, UINT64_MAX, 0);
}

static void one_flipped_bit_costs_one_record(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < file_count; i++) {
        char name[WEIR_DISK_NAME_SIZE];
        unsigned char *bytes;
        uint64_t size;

        weir_segments_name(name, i);
        bytes = bad_disk_bytes(&bad, name, &size);
        for (uint64_t j = 0; j < used[i]; j++) {
            bytes[j] ^= (unsigned char)(1u << j % 8);
            expect_all_but((uint64_t)i * SEGMENT + j, (uint64_t)i * SEGMENT + j + 1, STORE);
            bytes[j] ^= (unsigned char)(1u << j % 8);
        }
    }
}

static void a_cut_costs_what_was_cut_off(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < file_count; i++) {
        char name[WEIR_DISK_NAME_SIZE];

        weir_segments_name(name, i);
        for (uint64_t j = used[i]; j > 0; j--) {
            bad_disk_truncate(&bad, name, j - 1);
            expect_all_but((uint64_t)i * SEGMENT + j - 1, (uint64_t)(i + 1) * SEGMENT, STORE);
        }
        put_file(i);
    }
}

/* Whose log it is only the heads tell then: a segment without one cannot be read before. */
static void a_log_of_an_unknown_store_gives_nothing_that_was_not_written(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < file_count; i += file_count - 1) {
        char name[WEIR_DISK_NAME_SIZE];
        unsigned char *bytes;
        uint64_t size;

        weir_segments_name(name, i);
        bytes = bad_disk_bytes(&bad, name, &size);
        for (uint64_t j = 0; j < used[i]; j++) {
            bytes[j] ^= (unsigned char)(1u << j % 8);
            expect_all_but((uint64_t)i * SEGMENT + j, (uint64_t)i * SEGMENT + j + 1, 0);
            bytes[j] ^= (unsigned char)(1u << j % 8);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_log_is_read_whole),
        cmocka_unit_test(one_flipped_bit_costs_one_record),
        cmocka_unit_test(a_cut_costs_what_was_cut_off),
        cmocka_unit_test(a_log_of_an_unknown_store_gives_nothing_that_was_not_written),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
