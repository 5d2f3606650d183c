#include "format/crc32c.h"

#include <string.h>

#include "support/random.h"
#include "support/unit.h"

static int set_up(void **state)
{
    (void)state;
    weir_crc32c_init();
    return 0;
}

static void the_vectors_of_rfc_3720_come_out(void **state)
{
    unsigned char bytes[32];

    (void)state;
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(weir_crc32c(0, bytes, sizeof(bytes)), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(weir_crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43);
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(weir_crc32c(0, bytes, sizeof(bytes)), 0x46dd794e);
    assert_int_equal(weir_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(weir_crc32c(0, "", 0), 0);
}

/* Bit by bit, as the polynomial says. */
static uint32_t reference(uint32_t crc, const unsigned char *bytes, size_t length)
{
    crc = ~crc;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static void any_length_at_any_address_agrees_with_the_polynomial(void **state)
{
    struct test_random random = random_make(1);
    unsigned char bytes[128];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)random_next(&random);
    for (size_t start = 0; start < 9; start++) {
        for (size_t length = 0; start + length <= sizeof(bytes); length++) {
            uint32_t seed = (uint32_t)random_next(&random);

            assert_int_equal(weir_crc32c(seed, bytes + start, length),
                             reference(seed, bytes + start, length));
        }
    }
}

static void any_split_gives_the_same(void **state)
{
    struct test_random random = random_make(2);
    unsigned char bytes[100];
    uint32_t whole;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)random_next(&random);
    whole = weir_crc32c(0, bytes, sizeof(bytes));
    for (size_t first = 0; first <= sizeof(bytes); first++) {
        for (size_t second = first; second <= sizeof(bytes); second++) {
            uint32_t crc = weir_crc32c(0, bytes, first);

            crc = weir_crc32c(crc, bytes + first, second - first);
            assert_int_equal(weir_crc32c(crc, bytes + second, sizeof(bytes) - second), whole);
        }
    }
}

static void the_checksum_of_the_rest_follows_from_those_of_both(void **state)
{
    struct test_random random = random_make(3);
    static unsigned char bytes[70000];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)random_next(&random);
    for (int round = 0; round < 300; round++) {
        size_t size = round < 200 ? (size_t)round : sizeof(bytes);
        size_t first = random_below(&random, (uint32_t)size + 1);
        uint32_t found = weir_crc32c_behind(weir_crc32c(0, bytes, first),
                                            weir_crc32c(0, bytes, size), size - first);

        assert_int_equal(found, weir_crc32c(0, bytes + first, size - first));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_3720_come_out),
        cmocka_unit_test(any_length_at_any_address_agrees_with_the_polynomial),
        cmocka_unit_test(any_split_gives_the_same),
        cmocka_unit_test(the_checksum_of_the_rest_follows_from_those_of_both),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
