/* Batches in compact form made coarser, beside the same rows as JSON, whose tests say what is right. */
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "core/moments.h"
#include "format/compact.h"
#include "format/crc32c.h"
#include "store/coarsen.h"
#include "support/build.h"
#include "support/random.h"

enum { BATCH_COUNT = 8, BATCH_ROWS = 200, SERIES_COUNT = 12 };

#define EPOCH 0x1234
#define START_MS 1700000000000

struct rig {
    struct build build;
    struct weir_summary rows[BATCH_COUNT][BATCH_ROWS];
    struct weir_batch json;
    struct weir_compact_writer writer;
    struct weir_compact_reader reader;
    char bytes[WEIR_COMPACT_BYTES_MAX];
    void *work[2];
    struct weir_coarsen *coarsen[2];
};

static struct rig *set_up(uint64_t bytes_max)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    struct weir_stream_config *stream;

    assert_non_null(rig);
    weir_crc32c_init();
    build_init(&rig->build);
    stream = build_stream(&rig->build, "s", "a/{b}");
    (void)build_field(stream, "f");
    (void)build_field(stream, "g");
    for (int i = 0; i < 2; i++) {
        rig->work[i] = malloc(weir_coarsen_size(WEIR_COARSEN_ROW_COUNT_MIN));
        assert_non_null(rig->work[i]);
        rig->coarsen[i] =
            weir_coarsen_init(rig->work[i], WEIR_COARSEN_ROW_COUNT_MIN, 60000, bytes_max);
    }
    return rig;
}

static void tear_down(struct rig *rig)
{
    free(rig->work[0]);
    free(rig->work[1]);
    free(rig);
}

static void draw_rows(struct test_random *random, struct weir_summary *rows, uint32_t batch)
{
    for (uint32_t i = 0; i < BATCH_ROWS; i++) {
        struct weir_moments moments = {0};
        struct weir_summary *row = &rows[i];

        *row = (struct weir_summary){.series = i % SERIES_COUNT,
                                     .field = (uint16_t)(i / SERIES_COUNT % 2)};
        row->start_ms = START_MS + 10000 * (int64_t)(batch * 10 + i / SERIES_COUNT / 2);
        row->end_ms = row->start_ms + 10000;
        for (uint32_t n = 1 + random_below(random, 20); n > 0; n--)
            weir_moments_accept(&moments, row->start_ms + random_between(random, 0, 9999),
                                (double)random_between(random, 180, 240) / 10);
        weir_moments_summarise(&moments, row);
    }
}

/* The series of a topic without labels has an empty name. */
static void name_series(char *name, uint32_t series)
{
    name[0] = '\0';
    if (series > 0)
        (void)snprintf(name, 32, "device-%u", series);
}

/* Names go with the first batch alone. */
static size_t write_compact(struct rig *rig, uint64_t sequence, const struct weir_summary *rows)
{
    static char stream_text[] = "s\0f\0\0g\0";
    const struct weir_compact_stream stream = {.aggregates = rig->build.streams[0].aggregates,
                                               .length_ms = 10000};
    const struct weir_compact_head head = {.gateway = "gate",
                                           .epoch = EPOCH,
                                           .sequence = sequence,
                                           .table = 1,
                                           .created_ms = START_MS};

    weir_compact_writer_init(&rig->writer, rig->bytes, sizeof(rig->bytes));
    for (uint32_t i = 0; i < BATCH_ROWS; i++)
        assert_int_equal(weir_compact_writer_prepare(&rig->writer, &rows[i], NULL), WEIR_OK);
    weir_compact_writer_begin(&rig->writer, &head);
    for (uint32_t i = 0; i < BATCH_ROWS; i++) {
        char name[32];
        struct weir_compact_text names = {stream_text, sizeof(stream_text), sequence == 1};
        struct weir_compact_text series = {name, 0, sequence == 1 && i < SERIES_COUNT};

        name_series(name, rows[i].series);
        series.length = (uint32_t)strlen(name);
        assert_int_equal(
            weir_compact_writer_accept(&rig->writer, &stream, &names, &series, &rows[i], NULL),
            WEIR_OK);
    }
    return weir_compact_writer_seal(&rig->writer);
}

static const char *write_json(struct rig *rig, uint64_t sequence, const struct weir_summary *rows,
                              size_t *length)
{
    static const struct weir_ledger ledger;
    const struct weir_batch_head head = {.gateway = "gate",
                                         .epoch = EPOCH,
                                         .sequence = sequence,
                                         .created_ms = START_MS,
                                         .ledger = &ledger};

    weir_batch_init(&rig->json, WEIR_BATCH_BYTES_MAX);
    for (uint32_t i = 0; i < BATCH_ROWS; i++) {
        char name[32];

        name_series(name, rows[i].series);
        assert_int_equal(weir_batch_accept(&rig->json, rig->build.streams, name, &rows[i], NULL),
                         WEIR_OK);
    }
    return weir_batch_seal(&rig->json, &head, length);
}

static void accept_both(struct rig *rig)
{
    struct test_random random = random_make(1);

    for (uint32_t i = 0; i < BATCH_COUNT; i++) {
        const char *text;
        size_t length;

        draw_rows(&random, rig->rows[i], i);
        text = write_json(rig, i + 1, rig->rows[i], &length);
        assert_int_equal(
            weir_coarsen_accept(rig->coarsen[0], text, length, rig->rows[i], BATCH_ROWS, NULL, 0),
            WEIR_OK);
        length = write_compact(rig, i + 1, rig->rows[i]);
        assert_int_equal(weir_coarsen_accept(rig->coarsen[1], rig->bytes, length, rig->rows[i],
                                             BATCH_ROWS, NULL, 0),
                         WEIR_OK);
    }
}

/* Takes all parts of a run; returns the number of rows. */
static uint32_t take_all(struct weir_coarsen *coarsen, uint32_t parts, struct weir_summary *rows,
                         struct weir_compact_reader *reader, bool *named)
{
    struct weir_coarsen_batch batch;
    uint32_t count = 0;

    for (uint32_t part = 0; part < parts; part++) {
        assert_true(weir_coarsen_take(coarsen, 1000000 + part, &batch));
        memcpy(rows + count, batch.rows, batch.row_count * sizeof(rows[0]));
        count += batch.row_count;
        if (!reader)
            continue;
        assert_null(weir_compact_reader_open(reader, batch.bytes, batch.length));
        assert_int_equal(reader->head.sequence, 1000000 + part);
        assert_int_equal(reader->head.table, 1);
        assert_int_equal(reader->head.range_count, part == 0);
        for (uint32_t i = 0; i < batch.row_count; i++) {
            struct weir_compact_row row;

            assert_int_equal(weir_compact_reader_next(reader, &row), WEIR_COMPACT_ROW);
            assert_int_equal(row.summary.series, batch.rows[i].series);
            assert_int_equal(row.summary.count, batch.rows[i].count);
            assert_true(row.summary.min == batch.rows[i].min &&
                        row.summary.sum == batch.rows[i].sum);
            named[row.summary.series] |= row.series_text.there;
        }
    }
    assert_false(weir_coarsen_take(coarsen, 2, &batch));
    return count;
}

static void compact_batches_become_what_json_does(void **state)
{
    static struct weir_summary rows[2][BATCH_COUNT * BATCH_ROWS];
    struct rig *rig = set_up(WEIR_BATCH_BYTES_MAX);
    struct weir_coarsen_counts counts[2];
    bool named[SERIES_COUNT] = {false};
    uint32_t parts[2];
    uint32_t count;

    (void)state;
    accept_both(rig);
    for (int i = 0; i < 2; i++) {
        parts[i] = weir_coarsen_seal(rig->coarsen[i]);
        weir_coarsen_count(rig->coarsen[i], &counts[i]);
    }
    assert_memory_equal(&counts[0], &counts[1], sizeof(counts[0]));
    assert_true(counts[1].rows_out < counts[1].rows_in / 4);
    count = take_all(rig->coarsen[0], parts[0], rows[0], NULL, NULL);
    assert_int_equal(take_all(rig->coarsen[1], parts[1], rows[1], &rig->reader, named), count);
    assert_memory_equal(rows[0], rows[1], count * sizeof(rows[0][0]));
    assert_int_equal(rig->reader.head.ranges[0].first, 1);
    assert_int_equal(rig->reader.head.ranges[0].last, BATCH_COUNT);
    for (uint32_t i = 0; i < SERIES_COUNT; i++)
        assert_true(named[i]);
    tear_down(rig);
}

static void a_run_holds_one_form_and_one_table(void **state)
{
    struct rig *rig = set_up(WEIR_BATCH_BYTES_MAX);
    const char *text;
    size_t length;

    (void)state;
    accept_both(rig);
    length = write_compact(rig, BATCH_COUNT + 1, rig->rows[0]);
    assert_int_equal(
        weir_coarsen_accept(rig->coarsen[0], rig->bytes, length, rig->rows[0], BATCH_ROWS, NULL, 0),
        WEIR_FULL);
    text = write_json(rig, BATCH_COUNT + 1, rig->rows[0], &length);
    assert_int_equal(
        weir_coarsen_accept(rig->coarsen[1], text, length, rig->rows[0], BATCH_ROWS, NULL, 0),
        WEIR_FULL);
    tear_down(rig);
}

static void what_its_table_contradicts_is_refused(void **state)
{
    struct rig *rig = set_up(WEIR_BATCH_BYTES_MAX);
    struct weir_summary wrong[BATCH_ROWS];
    size_t length;

    (void)state;
    accept_both(rig);
    length = write_compact(rig, BATCH_COUNT + 1, rig->rows[0]);
    memcpy(wrong, rig->rows[0], sizeof(wrong));
    wrong[BATCH_ROWS - 1].count++;
    assert_int_equal(
        weir_coarsen_accept(rig->coarsen[1], rig->bytes, length, wrong, BATCH_ROWS, NULL, 0),
        WEIR_REFUSED);
    assert_int_equal(weir_coarsen_accept(rig->coarsen[1], rig->bytes, length, rig->rows[0],
                                         BATCH_ROWS - 1, NULL, 0),
                     WEIR_REFUSED);
    rig->bytes[length / 2] ^= 1;
    assert_int_equal(
        weir_coarsen_accept(rig->coarsen[1], rig->bytes, length, rig->rows[0], BATCH_ROWS, NULL, 0),
        WEIR_REFUSED);
    assert_true(weir_coarsen_seal(rig->coarsen[1]) > 0);
    tear_down(rig);
}

enum { LONG_NAME_LENGTH = 250 };

/* A batch of one row for each series. Named rows lie on two grids in turn, so that none begins with
 * what its neighbour knows; with the rows that are not named, all lie on one. */
static void accept_long_names(struct rig *rig, struct test_random *random, uint64_t sequence,
                              uint32_t series, bool named)
{
    static char stream_text[] = "s\0f\0\0g\0";
    const struct weir_compact_stream stream = {.aggregates = 1u << WEIR_AGGREGATE_LAST,
                                               .length_ms = 10000};
    const struct weir_compact_text names = {stream_text, sizeof(stream_text), false};
    const struct weir_compact_head head = {
        .gateway = "gate", .epoch = EPOCH, .sequence = sequence, .table = 1};
    struct weir_summary *rows = rig->rows[0];
    char name[LONG_NAME_LENGTH];
    size_t length;

    weir_compact_writer_init(&rig->writer, rig->bytes, sizeof(rig->bytes));
    for (uint32_t i = 0; i < BATCH_ROWS; i++) {
        struct weir_moments moments = {0};

        rows[i] = (struct weir_summary){.series = series + i, .start_ms = START_MS};
        rows[i].start_ms += 60000 * (int64_t)sequence;
        rows[i].end_ms = rows[i].start_ms + 10000;
        weir_moments_accept(&moments, rows[i].start_ms, named ? 1000003 : 1000003.6);
        weir_moments_accept(&moments, rows[i].start_ms, named && i % 2 == 0 ? 1000003 : 1000003.5);
        weir_moments_summarise(&moments, &rows[i]);
        assert_int_equal(weir_compact_writer_prepare(&rig->writer, &rows[i], NULL), WEIR_OK);
    }
    weir_compact_writer_begin(&rig->writer, &head);
    for (uint32_t i = 0; i < BATCH_ROWS; i++) {
        const struct weir_compact_text text = {name, sizeof(name), named};

        for (size_t at = 0; at < sizeof(name); at++)
            name[at] = (char)random_between(random, 'a', 'z');
        assert_int_equal(
            weir_compact_writer_accept(&rig->writer, &stream, &names, &text, &rows[i], NULL),
            WEIR_OK);
    }
    length = weir_compact_writer_seal(&rig->writer);
    assert_int_equal(
        weir_coarsen_accept(rig->coarsen[1], rig->bytes, length, rows, BATCH_ROWS, NULL, 0),
        WEIR_OK);
}

/* What does not fit into a part is not to have a say in how its rows are written. */
static void parts_that_are_full_hold_what_was_said(void **state)
{
    struct test_random random = random_make(2);
    struct rig *rig = set_up(WEIR_BATCH_BYTES_MAX);
    struct weir_coarsen_batch batch;
    uint32_t parts;

    (void)state;
    for (uint32_t i = 0; i < 2; i++)
        accept_long_names(rig, &random, i + 1, i * BATCH_ROWS, true);
    for (uint32_t i = 0; i < 2; i++)
        accept_long_names(rig, &random, i + 3, i * BATCH_ROWS, false);
    parts = weir_coarsen_seal(rig->coarsen[1]);
    assert_true(parts > 1);
    for (uint32_t part = 0; part < parts; part++)
        assert_true(weir_coarsen_take(rig->coarsen[1], 1000000 + part, &batch));
    assert_false(weir_coarsen_take(rig->coarsen[1], 2000000, &batch));
    tear_down(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compact_batches_become_what_json_does),
        cmocka_unit_test(a_run_holds_one_form_and_one_table),
        cmocka_unit_test(what_its_table_contradicts_is_refused),
        cmocka_unit_test(parts_that_are_full_hold_what_was_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
