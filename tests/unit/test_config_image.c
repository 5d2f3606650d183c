#include "store/config_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/config.h"
#include "support/build.h"
#include "support/unit.h"

static struct build build;
static struct weir_expected expected[BUILD_RULE_MAX];

static void make(uint32_t stream_count, uint32_t rule_count)
{
    build_init(&build);
    for (uint32_t i = 0; i < stream_count; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        struct weir_stream_config *stream = build_stream(&build, name, "x/{y}");

        for (uint32_t j = 0; j < i; j++)
            (void)build_field(stream, "f");
    }
    for (uint32_t i = 0; i < rule_count && stream_count > 1; i++)
        build_rule(&build, "r", 1, 0, i)->of_quantile = (uint16_t)i;
    build.config.expected = expected;
    build.config.expected_count = build.config.rule_count / 2;
    for (uint32_t i = 0; i < build.config.expected_count; i++) {
        expected[i].rule = i;
        (void)snprintf(expected[i].series, sizeof(expected[i].series), "x%u", (unsigned)i);
    }
}

static void *write_image(const struct weir_config *config, size_t *length, uint64_t *hash)
{
    void *image;

    *length = weir_config_image_size(config);
    image = malloc(*length);
    assert_non_null(image);
    *hash = weir_config_image_write(config, image);
    return image;
}

static void a_configuration_goes_there_and_back(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < BUILD_STREAM_MAX * BUILD_RULE_MAX; i++) {
        struct weir_config *back;
        uint64_t hash;
        uint64_t hash_again;
        size_t length;
        size_t length_again;
        void *image;
        void *again;

        make(i % (BUILD_STREAM_MAX + 1), i % BUILD_RULE_MAX);
        image = write_image(&build.config, &length, &hash);
        back = weir_config_image_read(image, length, hash);
        assert_non_null(back);
        again = write_image(back, &length_again, &hash_again);
        assert_int_equal(length, length_again);
        assert_true(hash == hash_again);
        assert_memory_equal(image, again, length);
        assert_int_equal(weir_config_hash(back), weir_config_hash(&build.config));
        for (uint32_t j = 0; j < back->stream_count; j++)
            assert_true(weir_stream_hash(&back->streams[j]) == weir_stream_hash(&build.streams[j]));
        weir_config_destroy(back);
        free(image);
        free(again);
    }
}

static void every_cut_and_every_flipped_bit_is_refused(void **state)
{
    uint64_t hash;
    size_t length;
    unsigned char *image;

    (void)state;
    make(2, 2);
    image = write_image(&build.config, &length, &hash);
    for (size_t cut = 0; cut < length; cut += cut < length - 64 ? 61 : 1)
        assert_null(weir_config_image_read(image, cut, hash));
    for (size_t i = 0; i < length; i += 7) {
        image[i] ^= (unsigned char)(1u << i % 8);
        assert_null(weir_config_image_read(image, length, hash));
        image[i] ^= (unsigned char)(1u << i % 8);
    }
    for (unsigned bit = 0; bit < 64; bit++)
        assert_null(weir_config_image_read(image, length, hash ^ (uint64_t)1 << bit));
    free(image);
}

static void what_means_the_same_in_another_order_is_another_image(void **state)
{
    uint64_t hashes[2];
    size_t length;

    (void)state;
    for (int i = 0; i < 2; i++) {
        build_init(&build);
        (void)build_stream(&build, i == 0 ? "a" : "b", "x/{y}");
        (void)build_stream(&build, i == 0 ? "b" : "a", "x/{y}");
        free(write_image(&build.config, &length, &hashes[i]));
    }
    assert_true(hashes[0] != hashes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_configuration_goes_there_and_back),
        cmocka_unit_test(every_cut_and_every_flipped_bit_is_refused),
        cmocka_unit_test(what_means_the_same_in_another_order_is_another_image),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
