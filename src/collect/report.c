#include "collect/report.h"

#include <stdio.h>

#include "port/log.h"

/* SQLite writes the JSON. */
static const char *const queries[] = {
    "SELECT json_object('type', 'gateway', 'gateway', gateway, 'epoch', epoch, 'seq', seq,"
    " 'created', created, 'arrived', arrived) FROM gateway WHERE newest ORDER BY gateway",
    "SELECT json_object('type', 'gap', 'gateway', gateway, 'epoch', epoch, 'first', first,"
    " 'last', last) FROM gap ORDER BY gateway, epoch, first",
    "SELECT json_object('type', 'held', 'gateway', gateway, 'epoch', epoch, 'batches', count(*))"
    " FROM held JOIN source ON source.id = source GROUP BY source.id ORDER BY gateway, epoch",
    "SELECT json_object('type', 'damaged', 'id', id, 'arrived', arrived, 'topic', topic,"
    " 'problem', problem, 'bytes', length(payload)) FROM damaged ORDER BY id",
};

static bool print(struct weir_state *state, const char *query)
{
    sqlite3_stmt *statement = weir_db_prepare(&state->db, query);
    int code = SQLITE_ERROR;

    if (!statement)
        return false;
    while ((code = weir_db_next(statement)) == SQLITE_ROW)
        puts((const char *)sqlite3_column_text(statement, 0));
    if (code != SQLITE_DONE)
        weir_log_error("cannot read %s: %s", state->db.path, weir_db_problem(&state->db));
    weir_db_finish(statement);
    return code == SQLITE_DONE;
}

bool weir_report_print(struct weir_state *state)
{
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
        if (!print(state, queries[i]))
            return false;
    if (fflush(stdout) == 0)
        return true;
    weir_log_error("cannot write standard output");
    return false;
}
