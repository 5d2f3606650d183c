/* When a run ends, and what the batches that are made of it say of themselves. */
#include "support/coarsen_rig.h"

/* As many as there is room for, and none of them is lost. */
static void a_run_ends_when_its_sketches_are_full(void **state)
{
    struct queue *queue = begin_queue();
    struct weir_coarsen *coarsen;
    uint32_t at = 0;
    uint32_t runs = 0;

    (void)state;
    shapes[0][0].quantile_count = 1;
    shapes[0][0].quantiles[0] = 500;
    for (uint32_t i = 0; i < 1000; i++) {
        struct row *row = add_single(queue, i * 1000, 1000, i);

        for (uint32_t s = 1; s < 64; s++)
            add_sample((int64_t)i * 1000 + 500, i + s / 64.0);
        row->sample_count = 64;
        summarise(row);
    }
    for (uint32_t i = 0; i < 10; i++)
        write_batch(queue, i * 100, 100, 1 + i);
    while (at < queue->batch_count) {
        uint32_t first = at;

        coarsen = begin(10000, UINT64_MAX);
        while (at < queue->batch_count && accept(coarsen, queue, at) == WEIR_OK)
            at++;
        assert_true(at > first);
        runs++;
    }
    assert_true(runs > 1);
    release(queue);
}

/* What stands behind created. */
static void assert_replaces(const struct weir_coarsen_batch *batch, const char *replaces)
{
    const char *end = batch->bytes + batch->length;
    const char *text = memmem(batch->bytes, batch->length, "\"created\":", 10);

    assert_non_null(text);
    text = memchr(text, ',', (size_t)(end - text));
    assert_non_null(text);
    assert_memory_equal(text, replaces, strlen(replaces));
}

static void replaces_is_the_seqs_of_all_that_went_in(void **state)
{
    static const uint64_t sequences[] = {7, 8, 9, 20, 6, 30};
    struct queue *queue = begin_queue();
    struct queue *other = &queues[1];
    struct weir_coarsen_batch batch;
    struct weir_coarsen *coarsen;

    (void)state;
    coarsen = begin(60000, UINT64_MAX);
    for (uint32_t i = 0; i < 6; i++) {
        (void)add_single(queue, i * 10000, 10000, 1);
        write_batch(queue, i, i == 2 ? 0 : 1, sequences[i]); /* one is empty */
        assert_int_equal(accept(coarsen, queue, i), WEIR_OK);
    }
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    assert_true(weir_coarsen_take(coarsen, 31, &batch));
    assert_replaces(&batch, ",\"replaces\":[[6,9],[20,20],[30,30]],\"ledger\":{");
    other->batch_count = 0;
    add_batch(other, batch.bytes, batch.length, 0, batch.row_count, 31);
    memcpy(other->sides, batch.rows, batch.row_count * sizeof(batch.rows[0]));
    add_batch(other, queue->batches[2].payload, queue->batches[2].length, 0, 0, 9);

    coarsen = begin(600000, UINT64_MAX);
    assert_int_equal(accept(coarsen, other, 0), WEIR_OK);
    assert_int_equal(accept(coarsen, other, 1), WEIR_OK);
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    assert_true(weir_coarsen_take(coarsen, 32, &batch));
    assert_replaces(&batch, ",\"replaces\":[[6,9],[20,20],[30,31]],\"ledger\":{");
    release(queue);
    release(other);
}

static void too_many_ranges_end_the_run(void **state)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct queue *queue = begin_queue();
    struct weir_coarsen_batch batch;

    (void)state;
    for (uint32_t i = 0; i <= WEIR_BATCH_RANGE_COUNT_MAX; i++) {
        (void)add_single(queue, i * 10000, 10000, 1);
        write_batch(queue, i, 1, UINT64_MAX - 2 * i);
        assert_int_equal(accept(coarsen, queue, i),
                         i < WEIR_BATCH_RANGE_COUNT_MAX ? WEIR_OK : WEIR_FULL);
    }
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    assert_true(weir_coarsen_take(coarsen, UINT64_MAX, &batch));
    assert_int_equal(batch.row_count, 11);
    add_batch(queue, batch.bytes, batch.length, 0, batch.row_count, 1);
    memcpy(queue->sides, batch.rows, batch.row_count * sizeof(batch.rows[0]));

    coarsen = begin(600000, UINT64_MAX);
    assert_int_equal(accept(coarsen, queue, queue->batch_count - 1), WEIR_OK);
    /* With a seq of its own that lies alone it has a range more than there may be. */
    batch.bytes = queue->batches[queue->batch_count - 1].payload;
    memcpy(memmem(batch.bytes, batch.length, "\"seq\":18446744073709551615", 26),
           "\"seq\":00000000000000000001", 26);
    memcpy(memmem(batch.bytes, batch.length, "\"seq\":0", 7), "\"seq\":1", 7);
    coarsen = begin(600000, UINT64_MAX);
    assert_int_equal(accept(coarsen, queue, queue->batch_count - 1), WEIR_REFUSED);
    release(queue);
}

static void the_batches_made_are_as_many_as_said_and_no_larger_than_allowed(void **state)
{
    struct weir_coarsen *coarsen = begin(60000, WEIR_COARSEN_BATCH_BYTES_MIN);
    struct queue *queue = begin_queue();
    struct weir_coarsen_batch batch;
    uint32_t row_count = 0;
    uint32_t batch_count;

    (void)state;
    for (uint32_t i = 0; i < WEIR_BATCH_RANGE_COUNT_MAX; i++) {
        for (uint32_t k = 0; k < 20; k++)
            (void)add_single(queue, (i * 20 + k) * 60000, 10000, 0.1 * k);
        write_batch(queue, i * 20, 20, UINT64_MAX - 2 * i);
        assert_int_equal(accept(coarsen, queue, i), WEIR_OK);
    }
    batch_count = weir_coarsen_seal(coarsen);
    assert_true(batch_count > 10);
    for (uint32_t i = 0; i < batch_count; i++) {
        const char *rows;

        assert_true(weir_coarsen_take(coarsen, i, &batch));
        rows = memmem(batch.bytes, batch.length, "\"summaries\":[", 13);
        assert_true((size_t)(batch.bytes + batch.length - rows - 13) <=
                    WEIR_COARSEN_BATCH_BYTES_MIN);
        assert_true(i > 0 || batch.length < WEIR_COARSEN_BATCH_BYTES_MIN + 1024);
        assert_replaces(&batch, i == 0 ? ",\"replaces\":[[" : ",\"ledger\":{");
        assert_memory_equal(batch.rows, queue->sides + row_count,
                            batch.row_count * sizeof(batch.rows[0]));
        row_count += batch.row_count;
    }
    assert_false(weir_coarsen_take(coarsen, 0, &batch));
    assert_int_equal(row_count, queue->row_count);
    release(queue);
}

static void a_full_run_ends_and_stays_what_it_was(void **state)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct queue *queue = begin_queue();
    struct weir_coarsen_counts counts;
    uint32_t accepted = 0;

    (void)state;
    for (uint32_t i = 0; i < 200; i++)
        (void)add_single(queue, i * 10000, 10000, 1);
    write_batch(queue, 0, 200, 1);
    while (accept(coarsen, queue, 0) == WEIR_OK)
        accepted++;
    assert_int_equal(accept(coarsen, queue, 0), WEIR_FULL);
    assert_int_equal(accepted, WEIR_COARSEN_ROW_COUNT_MIN / 200);
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    weir_coarsen_count(coarsen, &counts);
    assert_int_equal(counts.rows_in, accepted * 200);
    assert_int_equal(counts.rows_out, 34);
    assert_int_equal(counts.coarsened, accepted * 200);
    release(queue);
}

/* A batch of rows whose names, aggregates apart, are all there is to them, and all different. */
static void write_names(struct queue *queue, uint32_t seed)
{
    struct weir_batch_head head = {
        .gateway = "gate", .epoch = 0xfedcba9876543210, .ledger = &ledger, .sequence = seed};
    struct weir_summary row = {.end_ms = 1, .count = 1};
    struct weir_field_config field = {.unit = ""};
    struct weir_stream_config stream = {.fields = &field};
    const char *bytes;
    size_t length;

    weir_batch_init(&scratch, WEIR_BATCH_BYTES_MAX);
    queue->row_count = 0;
    for (;;) {
        uint32_t name = seed * 1000 + queue->row_count;

        (void)snprintf(stream.name, sizeof(stream.name), "%x", name);
        (void)snprintf(field.name, sizeof(field.name), "%x", name);
        (void)snprintf(field.unit, sizeof(field.unit), "%x", name);
        if (weir_batch_accept(&scratch, &stream, stream.name, &row, NULL) != WEIR_OK)
            break;
        queue->sides[queue->row_count++] = row;
    }
    bytes = weir_batch_seal(&scratch, &head, &length);
    add_batch(queue, bytes, length, 0, queue->row_count, seed);
}

static void an_empty_run_takes_any_batch_and_refused_names_leave_no_trace(void **state)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct queue *queue = begin_queue();
    uint32_t accepted = 0;

    (void)state;
    for (uint32_t i = 0; i < 30; i++) {
        write_names(queue, i);
        queue->sides[queue->row_count - 1].count = 0;
        assert_int_equal(accept(coarsen, queue, i), WEIR_REFUSED);
    }
    for (uint32_t i = 30; i < 60; i++) {
        enum weir_status status;

        write_names(queue, i);
        status = accept(coarsen, queue, i);
        assert_true(status == WEIR_OK || status == WEIR_FULL);
        accepted += status == WEIR_OK;
        assert_true(i > 30 || accepted == 1);
    }
    assert_true(accepted < 10);
    assert_true(weir_coarsen_seal(coarsen) > 0);
    release(queue);
}

static void another_gateway_or_epoch_ends_the_run(void **state)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct queue *queue = begin_queue();

    (void)state;
    (void)add_single(queue, 0, 10000, 1);
    for (uint64_t i = 0; i < 3; i++)
        write_batch(queue, 0, 1, i);
    memcpy(memmem(queue->batches[1].payload, queue->batches[1].length, "gate\"", 5), "late\"", 5);
    memcpy(memmem(queue->batches[2].payload, queue->batches[2].length, "fedc", 4), "0edc", 4);
    assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
    assert_int_equal(accept(coarsen, queue, 1), WEIR_FULL);
    assert_int_equal(accept(coarsen, queue, 2), WEIR_FULL);
    for (uint32_t i = 1; i < 3; i++) {
        coarsen = begin(60000, UINT64_MAX);
        assert_int_equal(accept(coarsen, queue, i), WEIR_OK);
        assert_int_equal(accept(coarsen, queue, 0), WEIR_FULL);
    }
    release(queue);
}

static void a_run_without_rows_makes_no_batch(void **state)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct queue *queue = begin_queue();
    struct weir_coarsen_batch batch;

    (void)state;
    assert_int_equal(weir_coarsen_seal(coarsen), 0);
    assert_false(weir_coarsen_take(coarsen, 1, &batch));
    coarsen = begin(60000, UINT64_MAX);
    write_batch(queue, 0, 0, 1);
    assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
    assert_int_equal(weir_coarsen_seal(coarsen), 0);
    assert_false(weir_coarsen_take(coarsen, 1, &batch));
    release(queue);
}

static bool text_has(const struct weir_coarsen_batch *batch, const char *text)
{
    return memmem(batch->bytes, batch->length, text, strlen(text)) != NULL;
}

static void a_shift_moves_what_is_in_doubt_and_nothing_else(void **state)
{
    struct weir_coarsen *coarsen = begin(1, UINT64_MAX);
    struct queue *queue = begin_queue();
    struct weir_coarsen_counts counts;
    struct weir_coarsen_batch batch;

    (void)state;
    shapes[0][0].aggregates = 1u << WEIR_AGGREGATE_SUM;
    (void)add_single(queue, 0, 10000, 1);
    add_single(queue, 10000, 10000, 2)->summary.doubted = 1;
    add_single(queue, 10000, 10000, 4)->summary.revision = 1;
    write_batch_of(queue, 0, 2, 1, WEIR_BATCH_CLOCK_UNSYNCHRONISED);
    write_batch_of(queue, 2, 1, 2, WEIR_BATCH_CLOCK_UNSYNCHRONISED);
    weir_coarsen_shift(coarsen, 5000000);
    assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
    assert_int_equal(accept(coarsen, queue, 1), WEIR_OK);
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    weir_coarsen_count(coarsen, &counts);
    assert_int_equal(counts.shifted, 1);
    assert_int_equal(counts.rows_out, 3);
    assert_true(weir_coarsen_take(coarsen, 3, &batch));
    assert_int_equal(batch.rows[0].start_ms, 0);
    assert_int_equal(batch.rows[1].start_ms, 5010000);
    assert_int_equal(batch.rows[1].first_ms, queue->sides[1].first_ms + 5000000);
    assert_int_equal(batch.rows[1].doubted, 0);
    assert_int_equal(batch.rows[2].start_ms, 10000);
    assert_true(text_has(&batch, "\"start\":5010000,\"end\":5020000,"));
    assert_true(text_has(&batch, "\"created\":1700005000002,\"clock\":\"corrected\""));
    assert_true(text_has(&batch, "\"replaces\":[[1,2]]"));
    release(queue);
}

static void another_clock_ends_the_run_and_its_word_is_kept(void **state)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct queue *queue = begin_queue();
    struct weir_coarsen_batch batch;

    (void)state;
    (void)add_single(queue, 0, 10000, 1);
    (void)add_single(queue, 10000, 10000, 2);
    add_single(queue, 20000, 10000, 2)->summary.doubted = 1;
    (void)add_single(queue, 30000, 10000, 2);
    write_batch_of(queue, 0, 1, 1, WEIR_BATCH_CLOCK_UNSYNCHRONISED);
    write_batch_of(queue, 1, 2, 2, WEIR_BATCH_CLOCK_UNSYNCHRONISED);
    write_batch(queue, 3, 1, 3);
    assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
    assert_int_equal(accept(coarsen, queue, 1), WEIR_OK);
    assert_int_equal(accept(coarsen, queue, 2), WEIR_FULL);
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    assert_true(weir_coarsen_take(coarsen, 4, &batch));
    assert_int_equal(batch.row_count, 2);
    assert_true(text_has(&batch, "\"clock\":\"unsynchronised\""));
    release(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_ends_when_its_sketches_are_full),
        cmocka_unit_test(replaces_is_the_seqs_of_all_that_went_in),
        cmocka_unit_test(too_many_ranges_end_the_run),
        cmocka_unit_test(the_batches_made_are_as_many_as_said_and_no_larger_than_allowed),
        cmocka_unit_test(a_full_run_ends_and_stays_what_it_was),
        cmocka_unit_test(an_empty_run_takes_any_batch_and_refused_names_leave_no_trace),
        cmocka_unit_test(another_gateway_or_epoch_ends_the_run),
        cmocka_unit_test(a_run_without_rows_makes_no_batch),
        cmocka_unit_test(a_shift_moves_what_is_in_doubt_and_nothing_else),
        cmocka_unit_test(another_clock_ends_the_run_and_its_word_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down_group);
}
