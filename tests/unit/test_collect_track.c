#include <stdio.h>
#include <string.h>

#include "collect/track.h"
#include "support/unit.h"

static struct weir_track *find(struct weir_tracks *tracks, const char *series, const char *field)
{
    const struct weir_text_part parts[WEIR_TRACK_TEXT_COUNT] = {
        [WEIR_TRACK_GATEWAY] = {"plant-7", 7},
        [WEIR_TRACK_STREAM] = {"climate", 7},
        [WEIR_TRACK_SERIES] = {series, strlen(series)},
        [WEIR_TRACK_FIELD] = {field, strlen(field)},
        [WEIR_TRACK_UNIT] = {"", 0},
    };

    return weir_tracks_find(tracks, parts);
}

static void a_track_is_its_texts(void **state)
{
    struct weir_tracks *tracks = weir_tracks_create();
    struct weir_track *track;

    (void)state;
    assert_non_null(tracks);
    track = find(tracks, "hall", "t");
    assert_ptr_equal(find(tracks, "hall", "t"), track);
    assert_ptr_not_equal(find(tracks, "hal", "lt"), track);
    assert_ptr_not_equal(find(tracks, "hall", "h"), track);
    assert_string_equal(track->texts[WEIR_TRACK_GATEWAY], "plant-7");
    assert_string_equal(track->texts[WEIR_TRACK_SERIES], "hall");
    assert_string_equal(track->texts[WEIR_TRACK_UNIT], "");
    weir_tracks_destroy(tracks);
}

static void a_number_stands_for_a_track_of_its_source_and_table(void **state)
{
    const struct weir_track_number number = {.source = 1, .table = 2, .series = 3};
    const struct weir_track_number other = {.source = 1, .table = 3, .series = 3};
    struct weir_tracks *tracks = weir_tracks_create();
    struct weir_track *track;

    (void)state;
    assert_non_null(tracks);
    track = find(tracks, "hall", "t");
    assert_null(weir_tracks_find_number(tracks, &number));
    weir_tracks_set_number(tracks, &number, track);
    assert_ptr_equal(weir_tracks_find_number(tracks, &number), track);
    assert_null(weir_tracks_find_number(tracks, &other));
    weir_tracks_clear(tracks);
    assert_null(weir_tracks_find_number(tracks, &number));
    weir_tracks_destroy(tracks);
}

static void when_full_all_are_forgotten_and_found_again(void **state)
{
    struct weir_tracks *tracks = weir_tracks_create();
    char series[32];

    (void)state;
    assert_non_null(tracks);
    for (uint32_t i = 0; i < WEIR_TRACK_COUNT_MAX + 10; i++) {
        (void)snprintf(series, sizeof(series), "series-%u", i);
        weir_tracks_reserve(tracks, 1);
        find(tracks, series, "t")->id = i + 1;
    }
    assert_int_equal(find(tracks, series, "t")->id, WEIR_TRACK_COUNT_MAX + 10);
    assert_int_equal(find(tracks, "series-0", "t")->id, 0);
    weir_tracks_destroy(tracks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_track_is_its_texts),
        cmocka_unit_test(a_number_stands_for_a_track_of_its_source_and_table),
        cmocka_unit_test(when_full_all_are_forgotten_and_found_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
