/* What lies beside the batches: messages put aside, alerts, how far outputs are safe. */
#include <string.h>

#include "collect/state.h"

enum weir_status weir_state_trim_damaged(struct weir_state *state)
{
    int64_t newest = sqlite3_last_insert_rowid(state->db.handle);

    if (newest <= WEIR_STATE_DAMAGED_COUNT_MAX)
        return WEIR_OK;
    (void)sqlite3_bind_int64(state->statements[WEIR_STATE_TRIM_DAMAGED], 1,
                             newest - WEIR_STATE_DAMAGED_COUNT_MAX);
    return weir_state_run(state, WEIR_STATE_TRIM_DAMAGED);
}

enum weir_status weir_state_put_aside(struct weir_state *state, const char *topic,
                                      const char *problem, const void *bytes, size_t length,
                                      int64_t arrived_ms)
{
    sqlite3_stmt *statement = state->statements[WEIR_STATE_ADD_DAMAGED];
    enum weir_status status;

    (void)sqlite3_bind_int64(statement, 1, arrived_ms);
    weir_db_bind_text(statement, 2, topic, strlen(topic));
    weir_db_bind_text(statement, 3, problem, strlen(problem));
    weir_db_bind_bytes(statement, 4, length > 0 ? bytes : "", length);
    status = weir_state_run(state, WEIR_STATE_ADD_DAMAGED);
    return status == WEIR_OK ? weir_state_trim_damaged(state) : status;
}

enum weir_status weir_state_count_gaps(struct weir_state *state, int64_t *batches,
                                       int64_t *gateways)
{
    sqlite3_stmt *statement = state->statements[WEIR_STATE_COUNT_GAPS];
    enum weir_status status = weir_state_find(statement);

    if (status != WEIR_OK)
        return status;
    *batches = sqlite3_column_int64(statement, 0);
    *gateways = sqlite3_column_int64(statement, 1);
    (void)sqlite3_reset(statement);
    return WEIR_OK;
}

enum weir_status weir_state_note_alert(struct weir_state *state,
                                       const struct weir_collect_alert *alert)
{
    sqlite3_stmt *statement = state->statements[WEIR_STATE_ADD_ALERT];
    enum weir_status status;
    int column = 1;

    weir_db_bind_text(statement, column++, alert->gateway, strlen(alert->gateway));
    weir_db_bind_text(statement, column++, alert->rule, strlen(alert->rule));
    weir_db_bind_text(statement, column++, alert->series, strlen(alert->series));
    (void)sqlite3_bind_int64(statement, column++, alert->sequence);
    weir_db_bind_text(statement, column++, alert->event, strlen(alert->event));
    (void)sqlite3_bind_int64(statement, column++, alert->ts_ms);
    weir_db_bind_text(statement, column++, alert->stream, strlen(alert->stream));
    weir_db_bind_text(statement, column++, alert->field, strlen(alert->field));
    weir_db_bind_text(statement, column++, alert->level, strlen(alert->level));
    /* SQLite takes what is not a number for NULL. */
    (void)sqlite3_bind_double(statement, column++, alert->value);
    (void)sqlite3_bind_double(statement, column++, alert->limit);
    weir_db_bind_text(statement, column, alert->text, alert->length);
    status = weir_state_run(state, WEIR_STATE_ADD_ALERT);
    if (status == WEIR_OK && sqlite3_changes(state->db.handle) == 0)
        status = WEIR_REFUSED;
    return status;
}

enum weir_status weir_state_set_alert(struct weir_state *state, const char *topic,
                                      const struct weir_collect_alert *alert)
{
    sqlite3_stmt *statement = state->statements[WEIR_STATE_SET_ALERT];

    weir_db_bind_text(statement, 1, topic, strlen(topic));
    weir_db_bind_text(statement, 2, alert->text, alert->length);
    return weir_state_run(state, WEIR_STATE_SET_ALERT);
}

enum weir_status weir_state_remove_alert(struct weir_state *state, const char *topic)
{
    weir_db_bind_text(state->statements[WEIR_STATE_REMOVE_ALERT], 1, topic, strlen(topic));
    return weir_state_run(state, WEIR_STATE_REMOVE_ALERT);
}

enum weir_status weir_state_set_output(struct weir_state *state, const char *path,
                                       const struct weir_state_output *output)
{
    sqlite3_stmt *statement = state->statements[WEIR_STATE_SET_OUTPUT];

    weir_db_bind_text(statement, 1, path, strlen(path));
    (void)sqlite3_bind_int64(statement, 2, output->device);
    (void)sqlite3_bind_int64(statement, 3, output->inode);
    (void)sqlite3_bind_int64(statement, 4, output->length);
    return weir_state_run(state, WEIR_STATE_SET_OUTPUT);
}

enum weir_status weir_state_find_output(struct weir_state *state, const char *path,
                                        struct weir_state_output *output)
{
    sqlite3_stmt *statement = state->statements[WEIR_STATE_FIND_OUTPUT];
    enum weir_status status;

    weir_db_bind_text(statement, 1, path, strlen(path));
    status = weir_state_find(statement);
    if (status != WEIR_OK)
        return status;
    output->device = sqlite3_column_int64(statement, 0);
    output->inode = sqlite3_column_int64(statement, 1);
    output->length = sqlite3_column_int64(statement, 2);
    (void)sqlite3_reset(statement);
    return WEIR_OK;
}
