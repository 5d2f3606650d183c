#include "store/ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "support/random.h"
#include "support/unit.h"

static struct weir_ring ring;
static uint64_t memory[512];

static unsigned char *bytes_of_memory(void)
{
    return (unsigned char *)memory;
}

static void make(uint64_t size)
{
    assert_true(size <= sizeof(memory));
    weir_ring_init(&ring, memory, size);
}

static bool append(uint64_t length, unsigned char filling)
{
    void *bytes = weir_ring_reserve(&ring, length);

    if (!bytes)
        return false;
    assert_int_equal((uintptr_t)bytes & 7, 0);
    memset(bytes, filling, length);
    weir_ring_commit(&ring);
    return true;
}

static void expect(uint64_t length, unsigned char filling)
{
    uint64_t found = 0;
    const unsigned char *bytes = weir_ring_peek(&ring, &found);

    assert_non_null(bytes);
    assert_int_equal(found, length);
    assert_int_equal((uintptr_t)bytes & 7, 0);
    for (uint64_t i = 0; i < length; i++)
        assert_int_equal(bytes[i], filling);
    weir_ring_release(&ring);
}

static void expect_nothing(void)
{
    uint64_t length;

    assert_null(weir_ring_peek(&ring, &length));
    assert_int_equal(weir_ring_count(&ring), 0);
}

static void records_come_out_in_the_order_they_went_in(void **state)
{
    (void)state;
    make(256);
    expect_nothing();
    assert_true(append(3, 'a'));
    assert_true(append(0, 'b'));
    assert_true(append(17, 'c'));
    assert_int_equal(weir_ring_count(&ring), 3);
    expect(3, 'a');
    expect(0, 'b');
    expect(17, 'c');
    expect_nothing();
}

static void a_record_may_be_peeked_at_again(void **state)
{
    uint64_t first_length = 0;
    uint64_t second_length = 0;

    (void)state;
    make(64);
    assert_true(append(9, 'a'));
    assert_ptr_equal(weir_ring_peek(&ring, &first_length), weir_ring_peek(&ring, &second_length));
    assert_int_equal(first_length, second_length);
    assert_int_equal(weir_ring_count(&ring), 1);
    expect(9, 'a');
}

static void what_is_not_committed_is_not_there(void **state)
{
    (void)state;
    make(64);
    assert_non_null(weir_ring_reserve(&ring, 40));
    expect_nothing();
    assert_true(append(8, 'a'));
    assert_non_null(weir_ring_reserve(&ring, 16));
    assert_true(append(24, 'b'));
    expect(8, 'a');
    expect(24, 'b');
    expect_nothing();
}

static void the_longest_record_fits_an_empty_ring_wherever_it_ran_empty(void **state)
{
    (void)state;
    make(64);
    for (uint64_t length = 0; length <= 56; length++) {
        assert_true(append(length, 'a'));
        expect(length, 'a');
        assert_true(append(weir_ring_record_max(&ring), 'b'));
        expect(weir_ring_record_max(&ring), 'b');
    }
    assert_null(weir_ring_reserve(&ring, weir_ring_record_max(&ring) + 1));
    assert_null(weir_ring_reserve(&ring, UINT64_MAX));
    assert_null(weir_ring_reserve(&ring, UINT64_MAX - 7));
    expect_nothing();
}

static void a_full_ring_refuses_and_takes_again_after_a_release(void **state)
{
    (void)state;
    make(64);
    for (unsigned i = 0; i < 4; i++)
        assert_true(append(8, (unsigned char)i));
    assert_null(weir_ring_reserve(&ring, 0));
    assert_int_equal(weir_ring_count(&ring), 4);
    for (unsigned i = 4; i < 50; i++) {
        expect(8, (unsigned char)(i - 4));
        assert_null(weir_ring_reserve(&ring, 9));
        assert_true(append(8, (unsigned char)i));
        assert_null(weir_ring_reserve(&ring, 0));
    }
}

static void what_does_not_fit_before_the_end_goes_to_the_front(void **state)
{
    uint64_t length;

    (void)state;
    make(128);
    assert_true(append(40, 'a'));
    assert_true(append(40, 'b'));
    expect(40, 'a');
    assert_null(weir_ring_reserve(&ring, 41));
    assert_true(append(33, 'c'));
    assert_null(weir_ring_reserve(&ring, 0));
    expect(40, 'b');
    assert_ptr_equal(weir_ring_peek(&ring, &length), bytes_of_memory() + 8);
    assert_true(append(64, 'd'));
    expect(33, 'c');
    expect(64, 'd');
    expect_nothing();
}

static void a_ring_that_is_kept_drained_touches_only_its_front(void **state)
{
    (void)state;
    memset(memory, 0xee, sizeof(memory));
    make(sizeof(memory));
    for (unsigned i = 0; i < 1000; i++) {
        assert_true(append(20, (unsigned char)i));
        assert_true(append(20, (unsigned char)i));
        expect(20, (unsigned char)i);
        expect(20, (unsigned char)i);
    }
    for (size_t i = 64; i < sizeof(memory); i++)
        assert_int_equal(bytes_of_memory()[i], 0xee);
}

static void random_appends_and_releases_agree_with_a_list(void **state)
{
    enum { LIST_MAX = 64 };
    struct test_random random = random_make(1);
    struct {
        uint64_t length;
        unsigned char filling;
    } list[LIST_MAX];

    (void)state;
    for (uint64_t size = 64; size <= 512; size += 8) {
        size_t first = 0;
        size_t count = 0;

        make(size);
        for (unsigned i = 0; i < 2000; i++) {
            uint64_t length = random_below(&random, random_once_in(&random, 4) ? 200 : 30);

            if (random_once_in(&random, 2) && append(length, (unsigned char)i)) {
                list[(first + count) % LIST_MAX].length = length;
                list[(first + count++) % LIST_MAX].filling = (unsigned char)i;
            } else if (count == 0) {
                assert_int_equal(append(length, 0), length <= size - 8);
                if (length <= size - 8)
                    expect(length, 0);
            } else if (random_once_in(&random, 2)) {
                expect(list[first].length, list[first].filling);
                first = (first + 1) % LIST_MAX;
                count--;
            }
            assert_int_equal(weir_ring_count(&ring), count);
        }
    }
}

enum { PASSED_COUNT = 100000 };

/* Lengths and contents follow from the number, so that the reader can check every byte. */
static uint64_t passed_length(uint32_t number)
{
    return sizeof(number) + (number * 2654435761u >> 16) % 90;
}

static void *append_all(void *argument)
{
    (void)argument;
    for (uint32_t number = 0; number < PASSED_COUNT;) {
        uint64_t length = passed_length(number);
        unsigned char *bytes = weir_ring_reserve(&ring, length);

        if (!bytes) {
            sched_yield();
            continue;
        }
        memcpy(bytes, &number, sizeof(number));
        memset(bytes + sizeof(number), (int)(number & 0xff), length - sizeof(number));
        weir_ring_commit(&ring);
        number++;
        /* Pauses of all lengths, so that the ring runs empty as well as full. */
        if (number % 64 == 0 && number / 4096 % 2 == 0)
            sched_yield();
    }
    return NULL;
}

static bool is_passed(const unsigned char *bytes, uint64_t length, uint32_t number)
{
    uint32_t found;

    memcpy(&found, bytes, sizeof(found));
    if (length != passed_length(number) || found != number)
        return false;
    for (uint64_t i = sizeof(found); i < length; i++) {
        if (bytes[i] != (unsigned char)number)
            return false;
    }
    return true;
}

static void two_threads_pass_every_record_whole_and_in_order(void **state)
{
    pthread_t appender;
    uint32_t number = 0;
    uint64_t length;

    (void)state;
    make(256);
    assert_int_equal(pthread_create(&appender, NULL, append_all, NULL), 0);
    while (number < PASSED_COUNT) {
        const unsigned char *bytes = weir_ring_peek(&ring, &length);

        if (!bytes) {
            sched_yield();
            continue;
        }
        assert_true(weir_ring_count(&ring) > 0);
        assert_true(is_passed(bytes, length, number));
        weir_ring_release(&ring);
        number++;
        if (number % 64 == 0 && number / 4096 % 2 == 1)
            sched_yield();
    }
    assert_int_equal(pthread_join(appender, NULL), 0);
    expect_nothing();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_out_in_the_order_they_went_in),
        cmocka_unit_test(a_record_may_be_peeked_at_again),
        cmocka_unit_test(what_is_not_committed_is_not_there),
        cmocka_unit_test(the_longest_record_fits_an_empty_ring_wherever_it_ran_empty),
        cmocka_unit_test(a_full_ring_refuses_and_takes_again_after_a_release),
        cmocka_unit_test(what_does_not_fit_before_the_end_goes_to_the_front),
        cmocka_unit_test(a_ring_that_is_kept_drained_touches_only_its_front),
        cmocka_unit_test(random_appends_and_releases_agree_with_a_list),
        cmocka_unit_test(two_threads_pass_every_record_whole_and_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
