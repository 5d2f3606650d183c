#include "collect/db.h"

#include <stdio.h>

#include "port/log.h"

#define BUSY_MS 30000
#define PAUSE_MS 10 /* between looks whether a file is free */

static bool set_up(struct weir_db *db, int page_bytes)
{
    char pragma[64];

    (void)snprintf(pragma, sizeof(pragma), "PRAGMA page_size = %d", page_bytes);
    if (!weir_db_execute(db, pragma))
        return false;
    (void)snprintf(pragma, sizeof(pragma), "PRAGMA journal_size_limit = %d", WEIR_DB_LOG_BYTES_MAX);
    return weir_db_execute(db, pragma) && weir_db_execute(db, "PRAGMA journal_mode = WAL") &&
           weir_db_execute(db, "PRAGMA synchronous = FULL") &&
           weir_db_execute(db, "PRAGMA cache_size = -65536");
}

bool weir_db_open(struct weir_db *db, const char *path, int page_bytes)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

    db->path = path;
    db->handle = NULL;
    if (sqlite3_open_v2(path, &db->handle, flags, NULL) == SQLITE_OK &&
        sqlite3_busy_timeout(db->handle, BUSY_MS) == SQLITE_OK && set_up(db, page_bytes))
        return true;
    weir_log_error("cannot open %s: %s", path, weir_db_problem(db));
    weir_db_close(db);
    return false;
}

/* Called by SQLite, with how often it was before. */
static int wait_for_file(void *context, int count)
{
    const struct weir_db *db = context;

    if (count >= BUSY_MS / PAUSE_MS || atomic_load(db->stopping))
        return 0;
    (void)sqlite3_sleep(PAUSE_MS);
    return 1;
}

void weir_db_give_up_at(struct weir_db *db, const atomic_bool *stopping)
{
    db->stopping = stopping;
    (void)sqlite3_busy_handler(db->handle, wait_for_file, db);
}

void weir_db_close(struct weir_db *db)
{
    (void)sqlite3_close(db->handle);
    db->handle = NULL;
}

bool weir_db_execute(struct weir_db *db, const char *sql)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK;
}

sqlite3_stmt *weir_db_prepare(struct weir_db *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
        SQLITE_OK)
        weir_log_error("%s is not what it should be: %s", db->path, weir_db_problem(db));
    return statement;
}

void weir_db_finish(sqlite3_stmt *statement)
{
    (void)sqlite3_finalize(statement);
}

bool weir_db_run(sqlite3_stmt *statement)
{
    (void)sqlite3_step(statement);
    return sqlite3_reset(statement) == SQLITE_OK;
}

int weir_db_next(sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);

    if (code != SQLITE_ROW)
        (void)sqlite3_reset(statement);
    return code;
}

void weir_db_bind_text(sqlite3_stmt *statement, int index, const char *text, size_t length)
{
    (void)sqlite3_bind_text64(statement, index, text, length, SQLITE_STATIC, SQLITE_UTF8);
}

void weir_db_bind_bytes(sqlite3_stmt *statement, int index, const void *bytes, size_t length)
{
    (void)sqlite3_bind_blob64(statement, index, bytes, length, SQLITE_STATIC);
}

const char *weir_db_problem(const struct weir_db *db)
{
    return db->handle ? sqlite3_errmsg(db->handle) : "out of memory";
}
