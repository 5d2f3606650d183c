#include "command/decode_input.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/compact.h"
#include "format/crc32c.h"
#include "support/random.h"
#include "support/unit.h"

/* Bytes that may be read for checksums, for each byte of the input: every third may begin a batch, and
 * the two ends of a batch cost a step each at most. */
#define READ_MAX (1 + 2 * WEIR_DECODE_SUMS_STEP / 3)

/* What a batch of the version that is read begins with. */
#define HEAD WEIR_COMPACT_MAGIC "\x03"

struct rig {
    int fd;
    size_t size;
    uint64_t batch_count; /* compact ones */
    uint64_t batch_bytes;
    uint64_t bad_count;
    uint64_t last_offset; /* of a batch */
    struct weir_decode_input input;
};

static struct rig *set_up(void)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    assert_non_null(rig);
    assert_int_equal(HEAD[2], WEIR_COMPACT_VERSION);
    weir_crc32c_init();
    rig->fd = memfd_create("input", MFD_CLOEXEC);
    assert_true(rig->fd >= 0);
    return rig;
}

static void tear_down(struct rig *rig)
{
    close(rig->fd);
    free(rig);
}

static void add(struct rig *rig, const void *bytes, size_t length)
{
    assert_int_equal(write(rig->fd, bytes, length), (ssize_t)length);
    rig->size += length;
}

/* As many times as it takes to come to size bytes, or just beyond. */
static void add_until(struct rig *rig, const void *bytes, size_t length, size_t size)
{
    char many[64 * 32];

    for (int i = 0; i < 64; i++)
        memcpy(many + (size_t)i * length, bytes, length);
    while (rig->size < size)
        add(rig, many, 64 * length);
}

/* A frame that is right, around so many bytes of nothing. */
static void add_batch(struct rig *rig, size_t length)
{
    static unsigned char bytes[WEIR_COMPACT_BYTES_MAX + WEIR_COMPACT_FRAME_BYTES_MAX];
    uint32_t crc;

    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, WEIR_COMPACT_MAGIC, 2);
    bytes[2] = WEIR_COMPACT_VERSION;
    for (int i = 0; i < 3; i++)
        bytes[3 + i] = (unsigned char)(length >> 8 * i);
    crc = weir_crc32c(0, bytes, 6 + length);
    for (int i = 0; i < 4; i++)
        bytes[6 + length + (size_t)i] = (unsigned char)(crc >> 8 * i);
    add(rig, bytes, length + WEIR_COMPACT_FRAME_BYTES_MAX);
}

static void take_all(struct rig *rig)
{
    enum weir_decode_outcome outcome;
    const char *text;
    size_t length;

    assert_int_equal(lseek(rig->fd, 0, SEEK_SET), 0);
    weir_decode_input_init(&rig->input, rig->fd);
    while ((outcome = weir_decode_input_next(&rig->input, &text, &length)) != WEIR_DECODE_END) {
        assert_int_not_equal(outcome, WEIR_DECODE_FAILED);
        rig->bad_count += outcome == WEIR_DECODE_BAD;
        if (outcome != WEIR_DECODE_BATCH || text[0] != WEIR_COMPACT_MAGIC[0])
            continue;
        rig->batch_count++;
        rig->batch_bytes += length;
        rig->last_offset = rig->input.offset;
    }
    assert_in_range(rig->input.sums.read_bytes, 0, READ_MAX * rig->size);
}

static void heads_that_claim_much_cost_little_and_hide_nothing(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
    } heads[] = {
        {HEAD, 3},                              /* the next is its length */
        {HEAD "\x00\xf0\x00", 6},               /* nearly as long as may be */
        {HEAD "\xff\xff\xff", 6},               /* longer than may be */
        {HEAD "\x00\x00\x00", 6},               /* as short as may be */
        {"{\"\n" HEAD "\x00\xf0\x00", 9},       /* behind JSON that is cut off */
        {"{\"schema\":\"weir.batch/" HEAD, 25}, /* within a batch that is cut off */
        {"ab " HEAD "\x10\xf0\x00", 9},         /* among digits */
        {HEAD "\x01\x00\x00\x00xxxx\n", 12},    /* a line each */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct rig *rig = set_up();
        size_t at[3];

        for (int part = 0; part < 3; part++) {
            add_until(rig, heads[i].bytes, heads[i].length, (size_t)(part + 1) * 1000 * 1000);
            at[part] = rig->size;
            add_batch(rig, 500);
        }
        add(rig, heads[i].bytes, heads[i].length);
        take_all(rig);
        assert_int_equal(rig->last_offset, at[2]);
        assert_int_equal(rig->batch_count, 3);
        assert_int_not_equal(rig->bad_count, 0);
        tear_down(rig);
    }
}

static void what_is_refused_is_said_once_for_all_it_claimed(void **state)
{
    struct rig *rig = set_up();

    (void)state;
    add_batch(rig, 100);
    add_until(rig, HEAD "\x00\xf0\x00", 6, 50 * 1000);
    add_batch(rig, 200);
    take_all(rig);
    assert_int_equal(rig->batch_count, 2);
    assert_int_equal(rig->batch_bytes, 300 + 2 * WEIR_COMPACT_FRAME_BYTES_MAX);
    assert_int_equal(rig->bad_count, 1);
    tear_down(rig);
}

static void damaged_batches_one_behind_the_other_are_refused_each(void **state)
{
    struct rig *rig = set_up();

    (void)state;
    for (int i = 0; i < 5; i++) {
        add_batch(rig, 1000);
        assert_int_equal(pwrite(rig->fd, "x", 1, (off_t)rig->size - 500), 1);
    }
    add_batch(rig, 1000);
    take_all(rig);
    assert_int_equal(rig->bad_count, 5);
    assert_int_equal(rig->batch_count, 1);
    tear_down(rig);
}

static void batches_among_noise_are_found_wherever_they_lie_in_the_buffer(void **state)
{
    struct test_random random = random_make(1);
    struct rig *rig = set_up();
    uint64_t count = 0;

    (void)state;
    while (rig->size < 9 * 1000 * 1000) {
        for (uint32_t i = random_below(&random, 3000); i > 0; i--)
            add(rig, HEAD "\x00\xff\x00-", 3 + random_below(&random, 5));
        add_batch(rig, random_below(&random, WEIR_COMPACT_BYTES_MAX));
        count++;
    }
    take_all(rig);
    assert_int_equal(rig->batch_count, count);
    tear_down(rig);
}

/* The bytes that digits stand for take their place. */
static void digits_in_between_leave_the_checksums_of_what_follows_right(void **state)
{
    struct rig *rig = set_up();

    (void)state;
    add(rig, HEAD "\x00\x10\x00-", 7);
    add_batch(rig, 100);
    for (size_t i = 0; i < 100; i++) {
        add(rig, "\nb777020000000000000000ff\n", 26);
        add_batch(rig, i);
    }
    take_all(rig);
    assert_int_equal(rig->bad_count, 1);
    assert_int_equal(rig->batch_count, 201);
    tear_down(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_that_claim_much_cost_little_and_hide_nothing),
        cmocka_unit_test(what_is_refused_is_said_once_for_all_it_claimed),
        cmocka_unit_test(damaged_batches_one_behind_the_other_are_refused_each),
        cmocka_unit_test(batches_among_noise_are_found_wherever_they_lie_in_the_buffer),
        cmocka_unit_test(digits_in_between_leave_the_checksums_of_what_follows_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
