#include "collect/track.h"

#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/series.h"
#include "weir/limits.h"

#define SLOT_COUNT (2 * WEIR_TRACK_COUNT_MAX)

/* The texts of one, at most. */
#define TEXT_BYTES_MAX (3 * WEIR_NAME_LENGTH_MAX + WEIR_TOPIC_LENGTH_MAX + WEIR_UNIT_LENGTH_MAX + 5)
#define TEXTS_BYTES ((size_t)WEIR_TRACK_COUNT_MAX * 128)

struct numbered {
    struct weir_track_number number;
    struct weir_track *track; /* NULL: the slot is empty */
};

struct weir_tracks {
    uint32_t count;
    uint32_t number_count;
    size_t text_length;
    struct weir_track *tracks;
    struct weir_track **by_text; /* SLOT_COUNT */
    struct numbered *by_number;  /* SLOT_COUNT */
    char *texts;
};

struct weir_tracks *weir_tracks_create(void)
{
    struct weir_tracks *tracks = calloc(1, sizeof(*tracks));

    if (!tracks)
        return NULL;
    tracks->tracks = calloc(WEIR_TRACK_COUNT_MAX, sizeof(tracks->tracks[0]));
    tracks->by_text = calloc(SLOT_COUNT, sizeof(struct weir_track *));
    tracks->by_number = calloc(SLOT_COUNT, sizeof(tracks->by_number[0]));
    tracks->texts = malloc(TEXTS_BYTES);
    if (tracks->tracks && tracks->by_text && tracks->by_number && tracks->texts)
        return tracks;
    weir_tracks_destroy(tracks);
    return NULL;
}

void weir_tracks_destroy(struct weir_tracks *tracks)
{
    if (!tracks)
        return;
    free(tracks->tracks);
    free((void *)tracks->by_text);
    free(tracks->by_number);
    free(tracks->texts);
    free(tracks);
}

void weir_tracks_clear(struct weir_tracks *tracks)
{
    if (tracks->count == 0)
        return;
    memset((void *)tracks->by_text, 0, SLOT_COUNT * sizeof(struct weir_track *));
    memset(tracks->by_number, 0, SLOT_COUNT * sizeof(tracks->by_number[0]));
    tracks->count = 0;
    tracks->number_count = 0;
    tracks->text_length = 0;
}

void weir_tracks_reserve(struct weir_tracks *tracks, uint32_t count)
{
    if (WEIR_TRACK_COUNT_MAX - tracks->count < count ||
        WEIR_TRACK_COUNT_MAX - tracks->number_count < count ||
        TEXTS_BYTES - tracks->text_length < (size_t)count * TEXT_BYTES_MAX)
        weir_tracks_clear(tracks);
}

/* Writes the texts one behind the other; returns the length of all. */
static size_t join(const struct weir_text_part parts[WEIR_TRACK_TEXT_COUNT],
                   char joined[static TEXT_BYTES_MAX])
{
    size_t length = 0;

    for (int i = 0; i < WEIR_TRACK_TEXT_COUNT; i++) {
        assert(parts[i].length < TEXT_BYTES_MAX - length);
        memcpy(joined + length, parts[i].text, parts[i].length);
        length += parts[i].length;
        joined[length++] = '\0';
    }
    return length;
}

static struct weir_track *add_track(struct weir_tracks *tracks,
                                    const struct weir_text_part parts[WEIR_TRACK_TEXT_COUNT],
                                    const char *joined, size_t length)
{
    struct weir_track *track = &tracks->tracks[tracks->count++];
    const char *text = tracks->texts + tracks->text_length;

    assert(tracks->count <= WEIR_TRACK_COUNT_MAX && TEXTS_BYTES - tracks->text_length >= length);
    memcpy(tracks->texts + tracks->text_length, joined, length);
    tracks->text_length += length;
    track->id = 0;
    for (int i = 0; i < WEIR_TRACK_TEXT_COUNT; i++) {
        track->texts[i] = text;
        track->lengths[i] = (uint32_t)parts[i].length;
        text += parts[i].length + 1;
    }
    return track;
}

static bool is_same(const struct weir_track *track, const char *joined, size_t length)
{
    const int last = WEIR_TRACK_TEXT_COUNT - 1;
    const char *end = track->texts[last] + track->lengths[last] + 1;

    return (size_t)(end - track->texts[0]) == length &&
           memcmp(track->texts[0], joined, length) == 0;
}

struct weir_track *weir_tracks_find(struct weir_tracks *tracks,
                                    const struct weir_text_part parts[WEIR_TRACK_TEXT_COUNT])
{
    char joined[TEXT_BYTES_MAX];
    size_t length = join(parts, joined);
    uint64_t slot = weir_series_hash(joined, length);

    for (;; slot++) {
        struct weir_track **track = &tracks->by_text[slot % SLOT_COUNT];

        if (!*track)
            *track = add_track(tracks, parts, joined, length);
        else if (!is_same(*track, joined, length))
            continue;
        return *track;
    }
}

static struct numbered *find_slot(const struct weir_tracks *tracks,
                                  const struct weir_track_number *number)
{
    uint64_t slot = weir_series_hash((const char *)number, sizeof(*number));

    for (;; slot++) {
        struct numbered *found = &tracks->by_number[slot % SLOT_COUNT];

        if (!found->track || memcmp(&found->number, number, sizeof(*number)) == 0)
            return found;
    }
}

struct weir_track *weir_tracks_find_number(const struct weir_tracks *tracks,
                                           const struct weir_track_number *number)
{
    return find_slot(tracks, number)->track;
}

void weir_tracks_set_number(struct weir_tracks *tracks, const struct weir_track_number *number,
                            struct weir_track *track)
{
    struct numbered *slot = find_slot(tracks, number);

    tracks->number_count += slot->track == NULL;
    assert(tracks->number_count <= WEIR_TRACK_COUNT_MAX);
    *slot = (struct numbered){*number, track};
}
