/* Batches that wait for names, and what becomes of all that waits in vain. */
#include <assert.h>
#include <string.h>

#include "collect/state.h"

enum weir_status weir_state_remove_held(struct weir_state *state, int64_t id)
{
    (void)sqlite3_bind_int64(state->statements[WEIR_STATE_REMOVE_HELD], 1, id);
    return weir_state_run(state, WEIR_STATE_REMOVE_HELD);
}

enum weir_status weir_state_put_held_aside(struct weir_state *state, int64_t id,
                                           const char *problem)
{
    sqlite3_stmt *statement = state->statements[WEIR_STATE_PUT_HELD_ASIDE];
    enum weir_status status;

    (void)sqlite3_bind_int64(statement, 1, id);
    weir_db_bind_text(statement, 2, problem, strlen(problem));
    status = weir_state_run(state, WEIR_STATE_PUT_HELD_ASIDE);
    if (status == WEIR_OK)
        status = weir_state_trim_damaged(state);
    return status == WEIR_OK ? weir_state_remove_held(state, id) : status;
}

/* *number: what the statement finds. */
static enum weir_status find_number(struct weir_state *state, enum weir_state_statement which,
                                    int64_t *number)
{
    enum weir_status status = weir_state_find(state->statements[which]);

    if (status != WEIR_OK)
        return status;
    *number = sqlite3_column_int64(state->statements[which], 0);
    (void)sqlite3_reset(state->statements[which]);
    return WEIR_OK;
}

/* A gateway whose names never come must not push out what is held back of others. */
static enum weir_status limit_held(struct weir_state *state, int64_t *aside)
{
    int64_t count;
    int64_t oldest;
    enum weir_status status = find_number(state, WEIR_STATE_COUNT_HELD, &count);

    *aside = 0;
    if (status != WEIR_OK || count <= WEIR_STATE_HELD_COUNT_MAX)
        return status;
    status = find_number(state, WEIR_STATE_FIND_MOST_HELD, &oldest);
    if (status == WEIR_OK)
        status = weir_state_put_held_aside(state, oldest, "its names never came");
    *aside = status == WEIR_OK;
    return status;
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

enum weir_status weir_state_release_held(struct weir_state *state, int64_t source, uint64_t table)
{
    sqlite3_stmt *statement = state->statements[WEIR_STATE_RELEASE_HELD];

    (void)sqlite3_bind_int64(statement, 1, source);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)table);
    return weir_state_run(state, WEIR_STATE_RELEASE_HELD);
}

enum weir_status weir_state_next_released(struct weir_state *state, struct weir_state_held *held,
                                          char *bytes, size_t size)
{
    sqlite3_stmt *statement = state->statements[WEIR_STATE_FIND_RELEASED];
    enum weir_status status = weir_state_find(statement);

    if (status != WEIR_OK)
        return status;
    held->id = sqlite3_column_int64(statement, 0);
    held->source = sqlite3_column_int64(statement, 1);
    held->length = (size_t)sqlite3_column_bytes(statement, 2);
    assert(held->length > 0 && held->length <= size);
    memcpy(bytes, sqlite3_column_blob(statement, 2), held->length);
    (void)sqlite3_reset(statement);
    return WEIR_OK;
}

enum weir_status weir_state_pass_released(struct weir_state *state, int64_t id)
{
    (void)sqlite3_bind_int64(state->statements[WEIR_STATE_PASS_RELEASED], 1, id);
    return weir_state_run(state, WEIR_STATE_PASS_RELEASED);
}

enum weir_status weir_state_end_release(struct weir_state *state)
{
    return weir_state_run(state, WEIR_STATE_END_RELEASE);
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
    int64_t held_ms = now_ms - WEIR_STATE_HELD_AGE_MS;
    enum weir_status status =
        remove_old(state, WEIR_STATE_PUT_OLD_HELD_ASIDE, held_ms, &expired->held);

    if (status == WEIR_OK && expired->held > 0)
        status = weir_state_trim_damaged(state);
    if (status == WEIR_OK)
        status = remove_old(state, WEIR_STATE_REMOVE_OLD_HELD, held_ms, &expired->held);
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
