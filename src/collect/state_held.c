/* Batches that wait for names, and what becomes of all that waits in vain. */
#include <string.h>

#include "collect/state.h"

/* Puts aside the batches held back that arrived before then, and those with ids up to this one. *count
 * is how many there were. */
static enum weir_status put_held_aside(struct weir_state *state, int64_t before_ms, int64_t last_id,
                                       int64_t *count)
{
    const enum weir_state_statement statements[] = {WEIR_STATE_PUT_HELD_ASIDE,
                                                    WEIR_STATE_REMOVE_OLD_HELD};
    enum weir_status status = WEIR_OK;

    for (int i = 0; status == WEIR_OK && i < 2; i++) {
        (void)sqlite3_bind_int64(state->statements[statements[i]], 1, before_ms);
        (void)sqlite3_bind_int64(state->statements[statements[i]], 2, last_id);
        status = weir_state_run(state, statements[i]);
    }
    if (status != WEIR_OK)
        return status;
    *count = sqlite3_changes64(state->db.handle);
    return *count > 0 ? weir_state_trim_damaged(state) : WEIR_OK;
}

static enum weir_status limit_held(struct weir_state *state, int64_t *aside)
{
    sqlite3_stmt *statement = state->statements[WEIR_STATE_COUNT_HELD];
    enum weir_status status = weir_state_find(statement);
    int64_t count;
    int64_t oldest;

    *aside = 0;
    if (status != WEIR_OK)
        return status;
    count = sqlite3_column_int64(statement, 0);
    oldest = sqlite3_column_int64(statement, 1);
    (void)sqlite3_reset(statement);
    if (count <= WEIR_STATE_HELD_COUNT_MAX)
        return WEIR_OK;
    return put_held_aside(state, INT64_MIN, oldest, aside);
}

enum weir_status weir_state_hold(struct weir_state *state, int64_t source, uint64_t table,
                                 const void *bytes, size_t length, int64_t arrived_ms,
                                 int64_t *aside)
{
    sqlite3_stmt *statement = state->statements[WEIR_STATE_ADD_HELD];
    enum weir_status status;

    (void)sqlite3_bind_int64(statement, 1, source);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)table);
    weir_db_bind_bytes(statement, 3, bytes, length);
    (void)sqlite3_bind_int64(statement, 4, arrived_ms);
    status = weir_state_run(state, WEIR_STATE_ADD_HELD);
    return status == WEIR_OK ? limit_held(state, aside) : status;
}

enum weir_status weir_state_next_held(struct weir_state *state, int64_t source, uint64_t table,
                                      struct weir_state_held *held, char *bytes, size_t size)
{
    sqlite3_stmt *statement = state->statements[WEIR_STATE_FIND_HELD];
    enum weir_status status;

    (void)sqlite3_bind_int64(statement, 1, source);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)table);
    (void)sqlite3_bind_int64(statement, 3, held->id);
    status = weir_state_find(statement);
    if (status != WEIR_OK)
        return status;
    held->id = sqlite3_column_int64(statement, 0);
    held->length = (size_t)sqlite3_column_bytes(statement, 1);
    held->arrived_ms = sqlite3_column_int64(statement, 2);
    if (held->length > size)
        status = WEIR_REFUSED;
    else
        memcpy(bytes, sqlite3_column_blob(statement, 1), held->length);
    (void)sqlite3_reset(statement);
    return status;
}

enum weir_status weir_state_release_held(struct weir_state *state, int64_t id)
{
    (void)sqlite3_bind_int64(state->statements[WEIR_STATE_REMOVE_HELD], 1, id);
    return weir_state_run(state, WEIR_STATE_REMOVE_HELD);
}

/* *count: how many rows went. */
static enum weir_status remove_old(struct weir_state *state, enum weir_state_statement which,
                                   int64_t before_ms, int64_t *count)
{
    enum weir_status status;

    (void)sqlite3_bind_int64(state->statements[which], 1, before_ms);
    status = weir_state_run(state, which);
    *count = sqlite3_changes64(state->db.handle);
    return status;
}

enum weir_status weir_state_expire(struct weir_state *state, int64_t now_ms,
                                   struct weir_state_expired *expired)
{
    int64_t numberings;
    enum weir_status status =
        put_held_aside(state, now_ms - WEIR_STATE_HELD_AGE_MS, 0, &expired->held);

    if (status == WEIR_OK)
        status = remove_old(state, WEIR_STATE_REMOVE_OLD_NAMES, now_ms - WEIR_STATE_NAME_AGE_MS,
                            &expired->names);
    if (status == WEIR_OK)
        status = remove_old(state, WEIR_STATE_REMOVE_OLD_NUMBERINGS,
                            now_ms - WEIR_STATE_NAME_AGE_MS, &numberings);
    if (status == WEIR_OK)
        status = remove_old(state, WEIR_STATE_REMOVE_OLD_DAMAGED,
                            now_ms - WEIR_STATE_DAMAGED_AGE_MS, &expired->damaged);
    return status;
}
