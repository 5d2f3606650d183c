/* Names of compact batches. */
#include <string.h>

#include "collect/state.h"
#include "format/compact_row.h"

static sqlite3_stmt *bind_name(struct weir_state *state, enum weir_state_statement which,
                               int64_t source, uint64_t table, uint32_t stream, uint32_t series)
{
    sqlite3_stmt *statement = state->statements[which];

    (void)sqlite3_bind_int64(statement, 1, source);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)table);
    (void)sqlite3_bind_int64(statement, 3, stream);
    (void)sqlite3_bind_int64(statement, 4, series);
    return statement;
}

enum weir_status weir_state_note_numbering(struct weir_state *state, int64_t source, uint64_t table,
                                           int64_t arrived_ms)
{
    sqlite3_stmt *statement = state->statements[WEIR_STATE_SET_NUMBERING];

    (void)sqlite3_bind_int64(statement, 1, source);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)table);
    (void)sqlite3_bind_int64(statement, 3, arrived_ms);
    return weir_state_run(state, WEIR_STATE_SET_NUMBERING);
}

enum weir_status weir_state_keep_name(struct weir_state *state, int64_t source, uint64_t table,
                                      const struct weir_collect_name *name, bool *fresh)
{
    sqlite3_stmt *statement =
        bind_name(state, WEIR_STATE_SET_NAME, source, table, name->stream, name->series);
    enum weir_status status;

    weir_db_bind_bytes(statement, 5, name->text, name->length);
    status = weir_state_run(state, WEIR_STATE_SET_NAME);
    if (status == WEIR_OK && sqlite3_changes(state->db.handle) > 0)
        *fresh = true;
    return status;
}

/* Takes the next of several names that are NUL-terminated each. */
static bool take_part(const char **at, const char *end, size_t length_max,
                      struct weir_text_part *part)
{
    const char *nul = *at < end ? memchr(*at, '\0', (size_t)(end - *at)) : NULL;

    if (!nul || (size_t)(nul - *at) > length_max)
        return false;
    *part = (struct weir_text_part){*at, (size_t)(nul - *at)};
    *at = nul + 1;
    return true;
}

/* The names of a stream: its own, then field and unit of every field. */
static bool split_stream(const char *text, size_t length, uint32_t field,
                         struct weir_text_part parts[WEIR_TRACK_TEXT_COUNT])
{
    const char *end = text + length;

    if (!take_part(&text, end, WEIR_NAME_LENGTH_MAX, &parts[WEIR_TRACK_STREAM]))
        return false;
    for (uint32_t i = 0; i <= field; i++) {
        if (!take_part(&text, end, WEIR_NAME_LENGTH_MAX, &parts[WEIR_TRACK_FIELD]) ||
            !take_part(&text, end, WEIR_UNIT_LENGTH_MAX, &parts[WEIR_TRACK_UNIT]))
            return false;
    }
    return true;
}

static enum weir_status find_name(struct weir_state *state, int64_t source, uint64_t table,
                                  uint32_t stream, uint32_t series, char *bytes, size_t size,
                                  size_t *length)
{
    sqlite3_stmt *statement = bind_name(state, WEIR_STATE_FIND_NAME, source, table, stream, series);
    enum weir_status status = weir_state_find(statement);

    if (status != WEIR_OK)
        return status;
    *length = (size_t)sqlite3_column_bytes(statement, 0);
    if (*length > size)
        status = WEIR_REFUSED;
    else if (*length > 0)
        memcpy(bytes, sqlite3_column_blob(statement, 0), *length);
    (void)sqlite3_reset(statement);
    return status;
}

enum weir_status weir_state_find_track(struct weir_state *state, struct weir_tracks *tracks,
                                       int64_t source, const struct weir_collect_batch *batch,
                                       struct weir_collect_row *row)
{
    struct weir_track_number number = {source, batch->table, row->stream, row->series, row->field};
    char stream[WEIR_COMPACT_STREAM_TEXT_MAX];
    char series[WEIR_TOPIC_LENGTH_MAX];
    struct weir_text_part parts[WEIR_TRACK_TEXT_COUNT] = {
        [WEIR_TRACK_GATEWAY] = {batch->gateway, strlen(batch->gateway)},
    };
    enum weir_status status;
    size_t length;

    row->track = weir_tracks_find_number(tracks, &number);
    if (row->track)
        return WEIR_OK;
    status = find_name(state, source, batch->table, row->stream, WEIR_COLLECT_NO_SERIES, stream,
                       sizeof(stream), &length);
    if (status != WEIR_OK)
        return status;
    if (!split_stream(stream, length, row->field, parts))
        return WEIR_REFUSED;
    status = find_name(state, source, batch->table, row->stream, row->series, series,
                       sizeof(series), &length);
    if (status != WEIR_OK)
        return status;
    if (memchr(series, '\0', length))
        return WEIR_REFUSED;
    parts[WEIR_TRACK_SERIES] = (struct weir_text_part){series, length};
    row->track = weir_tracks_find(tracks, parts);
    weir_tracks_set_number(tracks, &number, row->track);
    return WEIR_OK;
}
