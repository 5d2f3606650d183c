#include "command/decode_compact.h"

#include <stdlib.h>

#include "command/decode_input.h"
#include "support/compact.h"

struct rig {
    struct compact_rig compact;
    struct weir_decode_compact *decoder;
    char bytes[WEIR_DECODE_BATCH_MAX];
};

static struct rig *set_up(void)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    assert_non_null(rig);
    compact_init(&rig->compact);
    rig->compact.streams[0].aggregates = 1u << WEIR_AGGREGATE_MAX;
    rig->decoder = weir_decode_compact_create(false);
    assert_non_null(rig->decoder);
    return rig;
}

static void tear_down(struct rig *rig)
{
    weir_decode_compact_destroy(rig->decoder);
    free(rig);
}

/* A batch of so many series from first on, as JSON, NUL-terminated. */
static const char *expand(struct rig *rig, uint32_t first, uint32_t count, bool named)
{
    struct compact_rig *compact = &rig->compact;
    struct weir_text json;

    compact->named = named;
    compact->row_count = count;
    for (uint32_t i = 0; i < count; i++)
        compact->rows[i] = (struct weir_summary){.series = first + i,
                                                 .start_ms = compact->head.created_ms - 10000,
                                                 .end_ms = compact->head.created_ms,
                                                 .count = 1};
    assert_int_equal(compact_write(compact, sizeof(compact->bytes)), count);
    compact->head.sequence++;
    weir_text_init(&json, rig->bytes, sizeof(rig->bytes) - 1);
    assert_null(weir_decode_compact_expand(rig->decoder, (const char *)compact->bytes,
                                           compact->length, &json));
    rig->bytes[json.length] = '\0';
    return rig->bytes;
}

static void names_of_earlier_batches_are_known(void **unused)
{
    struct rig *rig = set_up();

    (void)unused;
    assert_non_null(strstr(expand(rig, 40, 1, false), "\"series\":\"#40\""));
    assert_non_null(strstr(expand(rig, 40, 3, true), "\"series\":\"site/room-4/device42\""));
    assert_non_null(strstr(expand(rig, 41, 1, false), "\"series\":\"site/room-4/device41\""));
    rig->compact.head.table++;
    assert_non_null(strstr(expand(rig, 41, 1, false), "\"series\":\"#41\""));
    tear_down(rig);
}

/* Whatever has to be forgotten, and wherever within a batch there would be no more room. */
static void names_that_a_batch_brings_are_known_to_its_end(void **unused)
{
    struct rig *rig = set_up();
    uint32_t forgotten = 0;

    (void)unused;
    for (uint32_t first = 0; first < 2 * WEIR_DECODE_NAME_COUNT_MAX; first += 1000) {
        assert_null(strstr(expand(rig, first, 1000, true), "\"#"));
        forgotten += strstr(expand(rig, 0, 1, false), "\"#0\"") != NULL;
    }
    assert_int_not_equal(forgotten, 0);
    tear_down(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_earlier_batches_are_known),
        cmocka_unit_test(names_that_a_batch_brings_are_known_to_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
