#include "core/window.h"

#include <stdlib.h>
#include <string.h>

#include "support/moments_reference.h"
#include "support/random.h"
#include "support/unit.h"
#include "weir/limits.h"

static struct weir_window_shape make_shape(int64_t length_ms, int64_t lateness_ms,
                                           uint32_t held_count, uint32_t field_count)
{
    return (struct weir_window_shape){
        .length_ms = length_ms,
        .lateness_ms = lateness_ms,
        .pane_count = (uint32_t)((lateness_ms + length_ms - 1) / length_ms) + 1 + held_count,
        .field_count = field_count,
        .hold = held_count > 0,
    };
}

static struct weir_window *make_window(const struct weir_window_shape *shape)
{
    struct weir_window *window = calloc(1, weir_window_size(shape));

    assert_non_null(window);
    weir_window_init(window);
    return window;
}

/* Offers a sample as the pipeline does; what became due by its time is thrown away. */
static enum weir_window_fate offer(struct weir_window *window,
                                   const struct weir_window_shape *shape, int64_t time_ms,
                                   struct weir_summary *row)
{
    struct weir_sample sample = {time_ms, 1.0};
    struct weir_summary rows[WEIR_FIELD_COUNT_MAX];

    weir_window_observe(window, shape, time_ms);
    while (weir_window_take(window, shape, rows) > 0)
        ;
    return weir_window_accept(window, shape, 0, &sample, row);
}

static const int64_t lengths[] = {1, 2, 7, 10, 1000};

static void a_window_begins_at_a_multiple_of_its_length(void **state)
{
    struct weir_summary row;

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct weir_window_shape shape = make_shape(lengths[i], 0, 0, 1);

        for (int64_t k = -3; k <= 3; k++) {
            for (int64_t offset = -1; offset <= 1; offset++) {
                struct weir_window *window = make_window(&shape);
                int64_t time_ms = k * lengths[i] + offset;

                assert_int_equal(offer(window, &shape, time_ms, &row), WEIR_WINDOW_OPEN);
                weir_window_expire(window, &shape);
                assert_int_equal(weir_window_take(window, &shape, &row), 1);
                assert_int_equal(row.start_ms % lengths[i], 0);
                assert_true(row.start_ms <= time_ms && time_ms < row.end_ms);
                assert_int_equal(row.end_ms - row.start_ms, lengths[i]);
                free(window);
            }
        }
    }
}

static void a_window_closes_when_the_watermark_reaches_its_end(void **state)
{
    static const int64_t latenesses[] = {0, 1, 9, 10, 11, 25};
    struct weir_summary row;

    (void)state;
    for (size_t i = 0; i < sizeof(latenesses) / sizeof(latenesses[0]); i++) {
        struct weir_window_shape shape = make_shape(10, latenesses[i], 0, 1);

        for (int64_t start_ms = -20; start_ms <= 20; start_ms += 10) {
            for (int64_t offset = -1; offset <= 1; offset++) {
                struct weir_window *window = make_window(&shape);

                (void)offer(window, &shape, start_ms + 3, &row);
                assert_false(weir_window_due(window));
                weir_window_observe(window, &shape, start_ms + 10 + latenesses[i] + offset);
                assert_int_equal(weir_window_due(window), offset >= 0);
                assert_int_equal(weir_window_take(window, &shape, &row), offset >= 0);
                free(window);
            }
        }
    }
}

static void advancing_closes_without_regard_to_lateness(void **state)
{
    struct weir_window_shape shape = make_shape(10, 25, 0, 1);
    struct weir_window *window = make_window(&shape);
    struct weir_summary row;

    (void)state;
    (void)offer(window, &shape, 5, &row);
    weir_window_advance(window, 9);
    assert_false(weir_window_due(window));
    weir_window_advance(window, 10);
    assert_true(weir_window_due(window));
    assert_int_equal(weir_window_take(window, &shape, &row), 1);
    free(window);
}

static void the_watermark_never_goes_back(void **state)
{
    struct weir_window_shape shape = make_shape(10, 5, 0, 1);
    struct weir_window *window = make_window(&shape);
    struct weir_summary row;

    (void)state;
    weir_window_advance(window, 30);
    weir_window_advance(window, 10);
    weir_window_observe(window, &shape, 12);
    assert_int_equal(offer(window, &shape, 29, &row), WEIR_WINDOW_DROPPED);
    assert_int_equal(offer(window, &shape, 30, &row), WEIR_WINDOW_OPEN);
    free(window);
}

static void a_sample_is_late_when_its_window_s_end_is_reached(void **state)
{
    static const int64_t latenesses[] = {0, 1, 9, 10, 11, 25};
    struct weir_summary row;

    (void)state;
    for (size_t i = 0; i < sizeof(latenesses) / sizeof(latenesses[0]); i++) {
        struct weir_window_shape shape = make_shape(10, latenesses[i], 0, 1);

        for (int64_t offset = -1; offset <= 1; offset++) {
            struct weir_window *window = make_window(&shape);

            (void)offer(window, &shape, 100 + latenesses[i] + offset, &row);
            assert_int_equal(offer(window, &shape, 99, &row),
                             offset >= 0 ? WEIR_WINDOW_DROPPED : WEIR_WINDOW_OPEN);
            assert_int_equal(offer(window, &shape, 100, &row), WEIR_WINDOW_OPEN);
            free(window);
        }
    }
}

static void samples_in_order_and_out_of_it_find_their_own_window(void **state)
{
    static const int64_t times[] = {0, 10, 9, 10, 19, 20, 10, 0, 20};
    static const uint64_t counts[] = {3, 4, 2};
    struct weir_window_shape shape = make_shape(10, 100, 0, 1);
    struct weir_window *window = make_window(&shape);
    struct weir_summary row;

    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        assert_int_equal(offer(window, &shape, times[i], &row), WEIR_WINDOW_OPEN);
    weir_window_expire(window, &shape);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(weir_window_take(window, &shape, &row), 1);
        assert_int_equal(row.start_ms, 10 * (int64_t)i);
        assert_int_equal(row.count, counts[i]);
    }
    assert_int_equal(weir_window_take(window, &shape, &row), 0);
    free(window);
}

static void expiry_moves_the_watermark_to_the_end_of_the_newest_window(void **state)
{
    struct weir_window_shape shape = make_shape(10, 100, 0, 1);
    struct weir_window *window = make_window(&shape);
    struct weir_summary row;

    (void)state;
    (void)offer(window, &shape, 25, &row);
    (void)offer(window, &shape, 5, &row);
    weir_window_expire(window, &shape);
    assert_int_equal(weir_window_take(window, &shape, &row), 1);
    assert_int_equal(weir_window_take(window, &shape, &row), 1);
    assert_int_equal(row.end_ms, 30);
    assert_int_equal(offer(window, &shape, 29, &row), WEIR_WINDOW_DROPPED);
    assert_int_equal(offer(window, &shape, 30, &row), WEIR_WINDOW_OPEN);
    free(window);
}

static void expiry_of_nothing_changes_nothing(void **state)
{
    struct weir_window_shape shape = make_shape(10, 0, 0, 1);
    struct weir_window *window = make_window(&shape);
    struct weir_summary row;

    (void)state;
    weir_window_expire(window, &shape);
    assert_false(weir_window_due(window));
    assert_int_equal(offer(window, &shape, -1000, &row), WEIR_WINDOW_OPEN);
    free(window);
}

static void fields_without_samples_give_no_row(void **state)
{
    struct weir_window_shape shape = make_shape(10, 0, 0, 4);
    struct weir_window *window = make_window(&shape);
    struct weir_sample sample = {3, 7.0};
    struct weir_summary rows[4];

    (void)state;
    weir_window_observe(window, &shape, 3);
    (void)weir_window_accept(window, &shape, 3, &sample, rows);
    (void)weir_window_accept(window, &shape, 1, &sample, rows);
    weir_window_advance(window, 10);
    assert_int_equal(weir_window_take(window, &shape, rows), 2);
    assert_int_equal(rows[0].field, 1);
    assert_int_equal(rows[1].field, 3);
    free(window);
}

static void late_samples_revise_as_long_as_the_window_is_held(void **state)
{
    (void)state;
    for (uint32_t held = 1; held <= 4; held++) {
        for (int64_t lateness_ms = 0; lateness_ms <= 21; lateness_ms += 7) {
            struct weir_window_shape shape = make_shape(10, lateness_ms, held, 1);
            struct weir_window *window = make_window(&shape);
            int64_t newest_ms = 990 + lateness_ms;
            struct weir_summary row;

            for (int64_t time_ms = 0; time_ms <= newest_ms; time_ms += 10)
                (void)offer(window, &shape, time_ms, &row);
            (void)offer(window, &shape, newest_ms, &row);
            for (uint32_t back = 1; back <= held; back++) {
                int64_t start_ms = 990 - 10 * (int64_t)back;

                assert_int_equal(offer(window, &shape, start_ms + 9, &row), WEIR_WINDOW_REVISED);
                assert_int_equal(row.start_ms, start_ms);
                assert_int_equal(row.revision, 1);
                assert_int_equal(row.count, 2);
                assert_int_equal(offer(window, &shape, start_ms, &row), WEIR_WINDOW_REVISED);
                assert_int_equal(row.revision, 2);
                assert_int_equal(row.count, 3);
            }
            assert_int_equal(offer(window, &shape, 990 - 10 * (int64_t)shape.pane_count, &row),
                             WEIR_WINDOW_DROPPED);
            free(window);
        }
    }
}

static void a_field_s_first_row_is_revision_0_even_when_it_is_late(void **state)
{
    struct weir_window_shape shape = make_shape(10, 0, 2, 2);
    struct weir_window *window = make_window(&shape);
    struct weir_sample sample = {3, 7.0};
    struct weir_summary row;

    (void)state;
    (void)offer(window, &shape, 5, &row);
    (void)offer(window, &shape, 15, &row);
    assert_int_equal(weir_window_accept(window, &shape, 1, &sample, &row), WEIR_WINDOW_REVISED);
    assert_int_equal(row.field, 1);
    assert_int_equal(row.revision, 0);
    assert_int_equal(row.count, 1);
    assert_int_equal(weir_window_accept(window, &shape, 1, &sample, &row), WEIR_WINDOW_REVISED);
    assert_int_equal(row.revision, 1);
    free(window);
}

static void a_window_that_had_no_samples_is_not_held(void **state)
{
    struct weir_window_shape shape = make_shape(10, 0, 3, 1);
    struct weir_window *window = make_window(&shape);
    struct weir_summary row;

    (void)state;
    (void)offer(window, &shape, 5, &row);
    (void)offer(window, &shape, 25, &row);
    assert_int_equal(offer(window, &shape, 15, &row), WEIR_WINDOW_DROPPED);
    assert_int_equal(offer(window, &shape, 5, &row), WEIR_WINDOW_REVISED);
    free(window);
}

static void a_size_is_a_multiple_of_8_and_room_for_all_panes(void **state)
{
    (void)state;
    for (uint32_t fields = 1; fields <= WEIR_FIELD_COUNT_MAX; fields++) {
        struct weir_window_shape shape = make_shape(10, 35, 2, fields);

        assert_int_equal(weir_window_size(&shape) % 8, 0);
        assert_true(weir_window_size(&shape) >
                    (uint64_t)shape.pane_count * fields * sizeof(struct weir_moments));
    }
}

/* The plain reference: every sample is kept, and everything is worked out from all of them. */
enum { KEPT_MAX = 400 };

struct kept {
    struct weir_sample sample;
    int64_t number; /* of its window */
    uint32_t field;
    bool late;
};

struct reference {
    struct weir_window_shape shape;
    struct kept kept[KEPT_MAX];
    size_t count;
    int64_t watermark_ms;
    int64_t newest_ms;
};

static int64_t number_of(const struct reference *reference, int64_t time_ms)
{
    return (int64_t)floorl((long double)time_ms / (long double)reference->shape.length_ms);
}

static int64_t end_of(const struct reference *reference, int64_t number)
{
    return (number + 1) * reference->shape.length_ms;
}

static bool was_opened(const struct reference *reference, int64_t number)
{
    for (size_t i = 0; i < reference->count; i++) {
        if (reference->kept[i].number == number && !reference->kept[i].late)
            return true;
    }
    return false;
}

/* A closed window is held until a newer one takes its place in the ring. */
static bool is_held(const struct reference *reference, int64_t number)
{
    if (!reference->shape.hold || !was_opened(reference, number))
        return false;
    for (size_t i = 0; i < reference->count; i++) {
        int64_t newer = reference->kept[i].number - number;

        if (newer > 0 && newer % reference->shape.pane_count == 0)
            return false;
    }
    return true;
}

/* The row's sketch is that of these samples. */
static void check_sketch(const struct weir_sketch *found, const struct weir_sample *samples,
                         size_t count)
{
    unsigned char expected_bytes[WEIR_SKETCH_BYTES_MAX];
    unsigned char bytes[WEIR_SKETCH_BYTES_MAX];
    struct weir_sketch expected = {0};
    size_t length;

    for (size_t i = 0; i < count; i++)
        weir_sketch_accept(&expected, samples[i].value);
    length = weir_sketch_write(&expected, expected_bytes);
    assert_int_equal(weir_sketch_write(found, bytes), length);
    assert_memory_equal(bytes, expected_bytes, length);
}

static void check_row(struct weir_window *window, const struct reference *reference, int64_t number,
                      uint32_t field, const struct weir_summary *row)
{
    struct weir_sample samples[KEPT_MAX];
    size_t count = 0;
    size_t late_count = 0;

    for (size_t i = 0; i < reference->count; i++) {
        const struct kept *kept = &reference->kept[i];

        if (kept->number != number || kept->field != field)
            continue;
        samples[count++] = kept->sample;
        late_count += kept->late;
    }
    assert_true(count > 0);
    assert_int_equal(row->field, field);
    assert_int_equal(row->start_ms, end_of(reference, number) - reference->shape.length_ms);
    assert_int_equal(row->end_ms, end_of(reference, number));
    assert_int_equal(row->revision, late_count - (count == late_count));
    assert_moments(row, samples, count);
    if (reference->shape.sketched)
        check_sketch(weir_window_sketch(window, &reference->shape, row), samples, count);
    else
        assert_null(weir_window_sketch(window, &reference->shape, row));
}

static bool has_samples(const struct reference *reference, int64_t number, uint32_t field)
{
    for (size_t i = 0; i < reference->count; i++) {
        if (reference->kept[i].number == number && reference->kept[i].field == field)
            return true;
    }
    return false;
}

/* The oldest open window whose end is after `after_ms` and not after `until_ms`; false: none. */
static bool next_closing(const struct reference *reference, int64_t after_ms, int64_t until_ms,
                         int64_t *number)
{
    bool found = false;

    for (size_t i = 0; i < reference->count; i++) {
        const struct kept *kept = &reference->kept[i];
        int64_t end_ms = end_of(reference, kept->number);

        if (!kept->late && end_ms > after_ms && end_ms <= until_ms &&
            (!found || kept->number < *number)) {
            *number = kept->number;
            found = true;
        }
    }
    return found;
}

/* Moves the reference's watermark and takes from the window what has to become due by it. */
static void close_both(struct weir_window *window, struct reference *reference, int64_t time_ms)
{
    struct weir_summary rows[4];
    int64_t number = 0;
    uint32_t count;

    if (time_ms > reference->watermark_ms) {
        int64_t after_ms = reference->watermark_ms;

        while (next_closing(reference, after_ms, time_ms, &number)) {
            uint32_t row = 0;

            count = weir_window_take(window, &reference->shape, rows);
            for (uint32_t field = 0; field < reference->shape.field_count; field++) {
                if (has_samples(reference, number, field))
                    check_row(window, reference, number, field, &rows[row++]);
            }
            assert_int_equal(count, row);
            after_ms = end_of(reference, number);
        }
        reference->watermark_ms = time_ms;
    }
    assert_false(weir_window_due(window));
    assert_int_equal(weir_window_take(window, &reference->shape, rows), 0);
}

static void accept_both(struct weir_window *window, struct reference *reference, uint32_t field,
                        const struct weir_sample *sample)
{
    int64_t number = number_of(reference, sample->time_ms);
    bool late = end_of(reference, number) <= reference->watermark_ms;
    enum weir_window_fate expected = WEIR_WINDOW_OPEN;
    struct weir_summary row;

    if (late)
        expected = is_held(reference, number) ? WEIR_WINDOW_REVISED : WEIR_WINDOW_DROPPED;
    assert_int_equal(weir_window_accept(window, &reference->shape, field, sample, &row), expected);
    if (expected == WEIR_WINDOW_DROPPED)
        return;
    reference->kept[reference->count++] = (struct kept){*sample, number, field, late};
    if (expected == WEIR_WINDOW_REVISED)
        check_row(window, reference, number, field, &row);
}

static int64_t newest_open_end(const struct reference *reference)
{
    int64_t end_ms = INT64_MIN;

    for (size_t i = 0; i < reference->count; i++) {
        if (end_of(reference, reference->kept[i].number) > end_ms)
            end_ms = end_of(reference, reference->kept[i].number);
    }
    return end_ms;
}

static void step(struct test_random *random, struct weir_window *window,
                 struct reference *reference, int64_t *centre_ms)
{
    int64_t length_ms = reference->shape.length_ms;
    int64_t reach_ms = reference->shape.lateness_ms + 2 * length_ms;
    struct weir_sample sample;
    int64_t time_ms;

    *centre_ms += random_between(random, 0, length_ms);
    if (random_once_in(random, 20)) {
        time_ms = *centre_ms - random_between(random, 0, reach_ms);
        weir_window_advance(window, time_ms);
        close_both(window, reference, time_ms);
    } else if (random_once_in(random, 30)) {
        weir_window_expire(window, &reference->shape);
        close_both(window, reference, newest_open_end(reference));
    }
    sample.time_ms = *centre_ms + random_between(random, -reach_ms, length_ms);
    sample.value = (double)random_between(random, -1000, 1000) / 7;
    weir_window_observe(window, &reference->shape, sample.time_ms);
    if (sample.time_ms > reference->newest_ms)
        reference->newest_ms = sample.time_ms;
    close_both(window, reference, reference->newest_ms - reference->shape.lateness_ms);
    do
        accept_both(window, reference, random_below(random, reference->shape.field_count), &sample);
    while (random_once_in(random, 3) && reference->count < KEPT_MAX);
}

static void random_streams_agree_with_the_reference(void **state)
{
    static struct reference reference;
    struct test_random random = random_make(1);

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        int64_t length_ms = lengths[i];
        const int64_t latenesses[] = {
            0, 1, length_ms - 1, length_ms, length_ms + 1, 3 * length_ms + 2};

        for (size_t j = 0; j < 6 * 4 * 10; j++) {
            int64_t centre_ms = -5 * length_ms;
            struct weir_window *window;

            reference = (struct reference){
                .shape = make_shape(length_ms, latenesses[j % 6], (uint32_t)(j / 6 % 4),
                                    1 + random_below(&random, 3)),
                .watermark_ms = INT64_MIN,
                .newest_ms = INT64_MIN,
            };
            reference.shape.sketched = j % 2;
            window = make_window(&reference.shape);
            while (reference.count < KEPT_MAX / 2)
                step(&random, window, &reference, &centre_ms);
            weir_window_expire(window, &reference.shape);
            close_both(window, &reference, newest_open_end(&reference));
            free(window);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_begins_at_a_multiple_of_its_length),
        cmocka_unit_test(a_window_closes_when_the_watermark_reaches_its_end),
        cmocka_unit_test(advancing_closes_without_regard_to_lateness),
        cmocka_unit_test(the_watermark_never_goes_back),
        cmocka_unit_test(a_sample_is_late_when_its_window_s_end_is_reached),
        cmocka_unit_test(samples_in_order_and_out_of_it_find_their_own_window),
        cmocka_unit_test(expiry_moves_the_watermark_to_the_end_of_the_newest_window),
        cmocka_unit_test(expiry_of_nothing_changes_nothing),
        cmocka_unit_test(fields_without_samples_give_no_row),
        cmocka_unit_test(late_samples_revise_as_long_as_the_window_is_held),
        cmocka_unit_test(a_field_s_first_row_is_revision_0_even_when_it_is_late),
        cmocka_unit_test(a_window_that_had_no_samples_is_not_held),
        cmocka_unit_test(a_size_is_a_multiple_of_8_and_room_for_all_panes),
        cmocka_unit_test(random_streams_agree_with_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
