/*
 * SQLite as it is used here: every commit is on disk when it returns (write-ahead log, synchronous),
 * and several processes may share a file; who finds it taken waits for half a minute.
 *
 * What fails leaves its reason with weir_db_problem; the caller says it, once.
 */
#ifndef WEIR_COLLECT_DB_H
#define WEIR_COLLECT_DB_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a write-ahead log keeps of its file, in bytes: most transactions, and little of the disk. It
 * grows beyond that while somebody reads on in one transaction. */
#define WEIR_DB_LOG_BYTES_MAX (64 * 1024 * 1024)

struct weir_db {
    sqlite3 *handle;
    const char *path; /* borrowed */
    /* private */
    const atomic_bool *stopping;
};

/* Opens a file, which is made where there is none. page_bytes: of a file that is made; a power of two
 * from 512 to 65536. False: it cannot be opened; the log says why. */
bool weir_db_open(struct weir_db *db, const char *path, int page_bytes);
void weir_db_close(struct weir_db *db);

/* From now on, who finds the file taken gives up as soon as *stopping is true. The database stays
 * where it is. */
void weir_db_give_up_at(struct weir_db *db, const atomic_bool *stopping);

bool weir_db_execute(struct weir_db *db, const char *sql);

/* A statement, made once and used until weir_db_finish. NULL: it could not be made; logged. */
sqlite3_stmt *weir_db_prepare(struct weir_db *db, const char *sql);
void weir_db_finish(sqlite3_stmt *statement);

/* Runs a statement that gives no rows, and has it ready for the next time. */
bool weir_db_run(sqlite3_stmt *statement);

/* Moves on to the next row, SQLITE_ROW. At the end, SQLITE_DONE, and after a failure, any other
 * code, the statement is ready for the next time. */
int weir_db_next(sqlite3_stmt *statement);

/* Binds a text or bytes, which are borrowed until the statement is run. */
void weir_db_bind_text(sqlite3_stmt *statement, int index, const char *text, size_t length);
void weir_db_bind_bytes(sqlite3_stmt *statement, int index, const void *bytes, size_t length);

const char *weir_db_problem(const struct weir_db *db);

#endif
