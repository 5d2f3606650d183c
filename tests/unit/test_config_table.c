#include "support/unit.h"

#include <string.h>

#include "port/config_table.h"

static const struct weir_table *const tables[] = {
    &weir_table_top,      &weir_table_broker,    &weir_table_uplink, &weir_table_storage,
    &weir_table_alerting, &weir_table_discovery, &weir_table_stream, &weir_table_time,
    &weir_table_window,   &weir_table_addition,  &weir_table_field,  &weir_table_alert,
    &weir_table_and,      &weir_table_minus,     &weir_table_flap,   &weir_table_storm,
};

/* A word as long as its place has no NUL, and the compiler takes it. */
static void every_word_ends_within_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        assert_int_not_equal(tables[i]->count, 0);
        for (size_t j = 0; j < tables[i]->count; j++) {
            const struct weir_setting *setting = &tables[i]->settings[j];

            assert_in_range(strnlen(setting->name, sizeof(setting->name)), 1,
                            sizeof(setting->name) - 1);
            for (uint8_t k = 0; k < setting->choice_count; k++)
                assert_in_range(strnlen(setting->choices[k].name, sizeof(setting->choices[k].name)),
                                1, sizeof(setting->choices[k].name) - 1);
        }
    }
}

static void every_setting_is_found_by_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (size_t j = 0; j < tables[i]->count; j++)
            assert_ptr_equal(weir_table_find(tables[i], tables[i]->settings[j].name),
                             &tables[i]->settings[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_ends_within_its_place),
        cmocka_unit_test(every_setting_is_found_by_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
