#include "store/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "format/crc32c.h"
#include "support/random.h"
#include "support/unit.h"

static int set_up(void **state)
{
    (void)state;
    weir_crc32c_init();
    return 0;
}

static unsigned char *allocate(uint64_t size)
{
    unsigned char *memory = aligned_alloc(64, (size_t)(size + 64) / 64 * 64);

    assert_non_null(memory);
    memset(memory, 0, (size_t)size);
    return memory;
}

/* Pages of zeros and of others, the last of them not whole. */
static void fill(struct test_random *random, unsigned char *arena, uint64_t size, uint32_t pattern)
{
    for (uint64_t page = 0; page * 4096 < size; page++) {
        uint64_t left = size - page * 4096 < 4096 ? size - page * 4096 : 4096;

        if (pattern == 0 || (pattern > 1 && random_below(random, pattern) == 0))
            continue;
        if (pattern == 2 && page % 2 == 0)
            continue;
        arena[page * 4096 + random_next(random) % left] =
            (unsigned char)random_between(random, 1, 255);
    }
}

static void a_state_goes_there_and_back(void **state)
{
    struct test_random random = random_make(1);

    (void)state;
    for (unsigned i = 0; i < 1500; i++) {
        struct weir_snapshot_info info = {
            .layout = random_next(&random),
            .store = random_next(&random),
            .config = random_next(&random),
            .place = {random_next(&random), random_next(&random), (int64_t)random_next(&random)},
            .arena_bytes = i < 70 ? i : random_below(&random, 30 * 4096),
            .extra_bytes = random_below(&random, 3) * random_below(&random, 400),
        };
        uint64_t size = weir_snapshot_size_max(info.arena_bytes, info.extra_bytes);
        unsigned char *arena = allocate(info.arena_bytes);
        unsigned char *extra = allocate(info.extra_bytes);
        unsigned char *arena_back = allocate(info.arena_bytes);
        unsigned char *extra_back = allocate(info.extra_bytes);
        unsigned char *buffer = allocate(size);
        struct weir_snapshot_info found;
        uint64_t length;

        fill(&random, arena, info.arena_bytes, i % 5);
        memset(extra, 'e', (size_t)info.extra_bytes);
        memset(buffer, 0xee, (size_t)size);
        length = weir_snapshot_build(buffer, &info, arena, extra);
        assert_true(length <= size);
        assert_true(weir_snapshot_open(buffer, length, &found));
        assert_memory_equal(&found, &info, sizeof(info));
        weir_snapshot_restore(buffer, arena_back, extra_back);
        assert_memory_equal(arena, arena_back, info.arena_bytes);
        assert_memory_equal(extra, extra_back, info.extra_bytes);
        free(arena);
        free(extra);
        free(arena_back);
        free(extra_back);
        free(buffer);
    }
}

static void every_cut_and_every_flipped_bit_is_refused(void **state)
{
    struct weir_snapshot_info info = {.arena_bytes = 3 * 4096 + 100, .extra_bytes = 33};
    unsigned char *arena = allocate(info.arena_bytes);
    unsigned char *buffer = allocate(weir_snapshot_size_max(info.arena_bytes, info.extra_bytes));
    struct weir_snapshot_info found;
    uint64_t length;

    (void)state;
    arena[5000] = 1;
    memset(arena + 3 * 4096, 7, 100);
    length = weir_snapshot_build(buffer, &info, arena, "an extra of thirty-three bytes...");
    for (uint64_t cut = 0; cut < length; cut++) {
        unsigned char *copy = allocate(cut);

        memcpy(copy, buffer, (size_t)cut);
        assert_false(weir_snapshot_open(copy, cut, &found));
        free(copy);
    }
    for (uint64_t i = 0; i < length; i++) {
        buffer[i] ^= (unsigned char)(1u << i % 8);
        assert_false(weir_snapshot_open(buffer, length, &found));
        buffer[i] ^= (unsigned char)(1u << i % 8);
    }
    assert_true(weir_snapshot_open(buffer, length, &found));
    free(arena);
    free(buffer);
}

static const char *const *listed_names;

static int list_names(struct weir_disk *disk, const char *name,
                      void (*found)(void *context, const char *name, uint64_t size), void *context)
{
    (void)disk;
    assert_string_equal(name, WEIR_SNAPSHOT_DIRECTORY);
    for (const char *const *at = listed_names; *at; at++)
        found(context, *at, 1);
    return 0;
}

static void the_newest_are_listed_and_nothing_else(void **state)
{
    static const char *const names[] = {"0000000000000005",
                                        "0000000000000009.new",
                                        "00000000000000ff",
                                        "0000000000000003",
                                        "00000000000000fe",
                                        "0000000000000007.bad",
                                        "short",
                                        "0000000000000fff0",
                                        "ffffffffffffffff",
                                        NULL};
    struct weir_disk disk = {.list = list_names};
    uint64_t positions[8];

    (void)state;
    listed_names = names;
    assert_int_equal(weir_snapshot_list(&disk, positions, 8), 5);
    assert_true(positions[0] == UINT64_MAX && positions[1] == 255 && positions[2] == 254);
    assert_true(positions[3] == 5 && positions[4] == 3);
    assert_int_equal(weir_snapshot_list(&disk, positions, 2), 2);
    assert_true(positions[0] == UINT64_MAX && positions[1] == 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_goes_there_and_back),
        cmocka_unit_test(every_cut_and_every_flipped_bit_is_refused),
        cmocka_unit_test(the_newest_are_listed_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
