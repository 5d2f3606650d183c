/* Batches, side tables and sketches that are damaged: refused, without a trace. */
#include "format/batch_read.h"
#include "support/coarsen_rig.h"

static void damaged_sketches_are_refused(void **state)
{
    struct queue *queue = begin_queue();
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct batch *batch = &queue->batches[0];

    (void)state;
    shapes[0][0].quantile_count = 1;
    shapes[0][0].quantiles[0] = 500;
    for (int64_t i = 0; i < 3; i++)
        (void)add_single(queue, i * 10000, 10000, 0.1);
    write_batch(queue, 0, 3, 1);
    for (uint32_t i = 0; i < batch->sketches_length; i++) {
        uint32_t whole = batch->sketches_length;
        /* What a quantile or a sample is cannot be told from what it was. */
        bool silent = i % 17 == 5 || i % 17 == 6 || i % 17 >= 9;

        batch->sketches[i] ^= 0xff;
        assert_true(silent || accept(coarsen, queue, 0) == WEIR_REFUSED);
        batch->sketches[i] ^= 0xff;
        batch->sketches_length = i;
        assert_int_equal(accept(coarsen, queue, 0), i % 17 ? WEIR_REFUSED : WEIR_OK);
        batch->sketches_length = whole;
        coarsen = begin(60000, UINT64_MAX);
    }
    assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
    release(queue);
}

static void a_side_table_of_other_rows_is_refused(void **state)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct queue *queue = begin_queue();
    struct weir_summary kept;

    (void)state;
    (void)add_single(queue, 0, 10000, 1);
    (void)add_single(queue, 10000, 10000, 2);
    write_batch(queue, 0, 2, 1);
    kept = queue->sides[1];
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        change;                                                                                    \
        assert_int_equal(accept(coarsen, queue, 0), WEIR_REFUSED);                                 \
        queue->sides[1] = kept;                                                                    \
    } while (0)
    REFUSED(queue->sides[1].start_ms--);
    REFUSED(queue->sides[1].end_ms++);
    REFUSED(queue->sides[1].revision++);
    REFUSED(queue->sides[1].count++);
    REFUSED(queue->sides[1].count = 0);
    REFUSED(queue->sides[1].sum = NAN);
    REFUSED(queue->sides[1].first_ms = INT64_MIN);
    REFUSED(queue->sides[1].first_ms++);
    REFUSED(queue->sides[1].last_ms = INT64_MAX);
    REFUSED(queue->sides[1] = queue->sides[0]);
#undef REFUSED
    queue->batches[0].row_count = 1;
    assert_int_equal(accept(coarsen, queue, 0), WEIR_REFUSED);
    queue->batches[0].row_count = 3;
    assert_int_equal(accept(coarsen, queue, 0), WEIR_REFUSED);
    queue->batches[0].row_count = 2;
    assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
    release(queue);
}

/* A run around whatever became of a batch between two good ones. */
static void run_with(const struct queue *queue, const char *text, size_t length)
{
    struct weir_coarsen *coarsen = begin(60000, UINT64_MAX);
    struct weir_coarsen_batch batch;
    enum weir_status status;
    uint32_t batch_count;
    char *copy = malloc(length + 1);

    assert_non_null(copy);
    memcpy(copy + 1, text, length); /* the end is where the sanitizer looks */
    assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
    status =
        weir_coarsen_accept(coarsen, copy + 1, length, queue->sides + queue->batches[1].row_first,
                            queue->batches[1].row_count, NULL, 0);
    free(copy);
    assert_int_equal(accept(coarsen, queue, 2), WEIR_OK);
    batch_count = weir_coarsen_seal(coarsen);
    assert_int_equal(batch_count, 1);
    assert_true(weir_coarsen_take(coarsen, 99, &batch));
    if (status == WEIR_OK)
        return;
    /* Nothing of it stayed: this is what comes of the other two. */
    assert_int_equal(queues[1].batches[0].length, batch.length);
    assert_memory_equal(queues[1].batches[0].payload, batch.bytes, batch.length);
    assert_memory_equal(queues[1].sides, batch.rows, batch.row_count * sizeof(batch.rows[0]));
}

static void replace_payload(struct batch *batch, const struct weir_coarsen_batch *from)
{
    free(batch->payload);
    batch->payload = malloc(from->length);
    assert_non_null(batch->payload);
    memcpy(batch->payload, from->bytes, from->length);
    batch->length = from->length;
}

/* Three batches, of which the middle one replaces another, and in the other queue what comes of the
 * outer two. */
static void set_up_damage(struct test_random *random)
{
    struct queue *queue = &queues[0];
    struct weir_coarsen_batch batch;
    struct weir_coarsen *coarsen;

    draw_shapes(random);
    queue->row_count = 0;
    queue->batch_count = 0;
    sample_count = 0;
    for (int i = 0; i < 9; i++)
        (void)add_window(queue, random, i * 10000, 10000, false);
    for (uint32_t i = 0; i < 3; i++)
        write_batch(queue, i * 3, 3, 10 + i);
    coarsen = begin(1000, UINT64_MAX);
    assert_int_equal(accept(coarsen, queue, 1), WEIR_OK);
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    assert_true(weir_coarsen_take(coarsen, 20, &batch));
    replace_payload(&queue->batches[1], &batch);

    coarsen = begin(60000, UINT64_MAX);
    assert_int_equal(accept(coarsen, queue, 0), WEIR_OK);
    assert_int_equal(accept(coarsen, queue, 2), WEIR_OK);
    assert_int_equal(weir_coarsen_seal(coarsen), 1);
    assert_true(weir_coarsen_take(coarsen, 99, &batch));
    queues[1].batch_count = 0;
    add_batch(&queues[1], batch.bytes, batch.length, 0, batch.row_count, 99);
    memcpy(queues[1].sides, batch.rows, batch.row_count * sizeof(batch.rows[0]));
}

static void damaged_batches_change_nothing(void **state)
{
    static const char bytes[] = {'"', '\\', '0', '9', '-',  ',',    '{', '}',
                                 '[', ']',  ' ', 'a', '\0', '\xff', '.', 'e'};
    struct test_random random = random_make(5);
    struct queue *queue = &queues[0];
    struct weir_batch_reader reader;
    struct weir_batch_view view;
    char *text;

    (void)state;
    set_up_damage(&random);
    text = queue->batches[1].payload;
    weir_batch_reader_init(&reader);
    for (size_t at = 0; at < queue->batches[1].length; at++) {
        char kept = text[at];

        assert_non_null(weir_batch_reader_open(&reader, text, at, &view));
        run_with(queue, text, at);
        for (size_t i = 0; i < sizeof(bytes); i++) {
            text[at] = bytes[i];
            run_with(queue, text, queue->batches[1].length);
        }
        for (unsigned bit = 0; bit < 8; bit++) {
            text[at] = (char)(kept ^ (char)(1u << bit));
            run_with(queue, text, queue->batches[1].length);
        }
        text[at] = kept;
    }
    release(queue);
    release(&queues[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_sketches_are_refused),
        cmocka_unit_test(a_side_table_of_other_rows_is_refused),
        cmocka_unit_test(damaged_batches_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down_group);
}
