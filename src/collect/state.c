#include "collect/state.h"

#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "port/log.h"

#define PAGE_BYTES 8192

/* How a state of each version becomes one of the next; the first makes the tables. */
static const char *const upgrades[] = {
    "CREATE TABLE source(id INTEGER PRIMARY KEY, gateway TEXT NOT NULL, epoch TEXT NOT NULL,"
    " seq INTEGER NOT NULL DEFAULT -1, created INTEGER, clock TEXT, ledger TEXT, arrived INTEGER,"
    " UNIQUE(gateway, epoch));"
    "CREATE TABLE span(source INTEGER, first INTEGER, last INTEGER NOT NULL,"
    " PRIMARY KEY(source, first)) WITHOUT ROWID;"
    "CREATE TABLE name(source INTEGER, tbl INTEGER, stream INTEGER, series INTEGER,"
    " text BLOB NOT NULL, PRIMARY KEY(source, tbl, stream, series)) WITHOUT ROWID;"
    "CREATE TABLE held(id INTEGER PRIMARY KEY, source INTEGER NOT NULL, tbl INTEGER NOT NULL,"
    " payload BLOB NOT NULL);"
    "CREATE INDEX held_by_table ON held(source, tbl);"
    "CREATE TABLE damaged(id INTEGER PRIMARY KEY AUTOINCREMENT, arrived INTEGER, topic TEXT,"
    " problem TEXT, payload BLOB);"
    "CREATE TABLE alert(gateway TEXT, rule TEXT, series TEXT, seq INTEGER, event TEXT, ts INTEGER,"
    " stream TEXT, field TEXT, level TEXT, value REAL, \"limit\" REAL, text TEXT NOT NULL,"
    " PRIMARY KEY(gateway, rule, series, seq, event, ts)) WITHOUT ROWID;"
    "CREATE TABLE alert_state(topic TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE output(path TEXT PRIMARY KEY, device INTEGER, inode INTEGER, length INTEGER)"
    " WITHOUT ROWID;"
    "CREATE TABLE track(id INTEGER PRIMARY KEY, gateway TEXT NOT NULL, stream TEXT NOT NULL,"
    " series TEXT NOT NULL, field TEXT NOT NULL, unit TEXT NOT NULL,"
    " UNIQUE(gateway, stream, series, field, unit));"
    "CREATE TABLE summary(track INTEGER, start_ms INTEGER, end_ms INTEGER, source INTEGER,"
    " part INTEGER, revision INTEGER NOT NULL, count INTEGER, sum REAL, min REAL, max REAL,"
    " mean REAL, stddev REAL, first REAL, last REAL, delta REAL, rate REAL, quantiles TEXT,"
    " PRIMARY KEY(track, start_ms, end_ms, source, part)) WITHOUT ROWID;"
    "CREATE VIEW summaries AS SELECT track.gateway, stream, series, field, unit, start_ms, end_ms,"
    " epoch, part, revision, count, sum, min, max, mean, stddev, first, last, delta, rate,"
    " quantiles FROM summary JOIN track ON track.id = track JOIN source ON source.id = source;"
    "CREATE VIEW gap AS SELECT gateway, epoch, before + 1 AS first, first - 1 AS last FROM"
    " (SELECT source, first, lag(last) OVER (PARTITION BY source ORDER BY first) AS before"
    " FROM span) JOIN source ON source.id = source WHERE before IS NOT NULL;"
    "CREATE VIEW gateway AS SELECT gateway, epoch, seq, created, clock, arrived, ledger,"
    " max(arrived) OVER (PARTITION BY gateway) = arrived AS newest FROM source;"
    "PRAGMA user_version = 1;",

    "ALTER TABLE held ADD COLUMN arrived INTEGER;"
    "UPDATE held SET arrived = (SELECT arrived FROM source WHERE id = source);"
    "CREATE TABLE numbering(source INTEGER, tbl INTEGER, arrived INTEGER,"
    " PRIMARY KEY(source, tbl)) WITHOUT ROWID;"
    "INSERT INTO numbering SELECT DISTINCT name.source, tbl, arrived FROM name"
    " JOIN source ON source.id = name.source;"
    "PRAGMA user_version = 2;",

    "ALTER TABLE numbering ADD COLUMN released INTEGER;"
    "CREATE INDEX numbering_released ON numbering(released) WHERE released IS NOT NULL;"
    "PRAGMA user_version = 3;",
};

#define VERSION ((int)(sizeof(upgrades) / sizeof(upgrades[0])))

/* Of a numbering: its gateway has sent under another since. */
#define HAS_ENDED                                                                                  \
    "EXISTS (SELECT 1 FROM source AS its JOIN source AS newer ON newer.gateway = its.gateway"      \
    " WHERE its.id = numbering.source AND newer.arrived > numbering.arrived)"

#define PUT_ASIDE                                                                                  \
    "INSERT INTO damaged(arrived, topic, problem, payload)"                                        \
    " SELECT held.arrived, 'weir/v1/' || gateway || '/batch', "
#define FROM_HELD " FROM held JOIN source ON source.id = source WHERE "

static const char *const texts[WEIR_STATE_STATEMENT_COUNT] = {
    [WEIR_STATE_BEGIN] = "BEGIN IMMEDIATE",
    [WEIR_STATE_COMMIT] = "COMMIT",
    [WEIR_STATE_ROLLBACK] = "ROLLBACK",
    [WEIR_STATE_FIND_SOURCE] = "SELECT id FROM source WHERE gateway = ? AND epoch = ?",
    [WEIR_STATE_ADD_SOURCE] = "INSERT INTO source(gateway, epoch) VALUES(?, ?)",
    [WEIR_STATE_SET_LEDGER] = "UPDATE source SET seq = ?2, created = ?3, clock = ?4, ledger = ?5,"
                              " arrived = ?6 WHERE id = ?1 AND seq < ?2",
    [WEIR_STATE_FIND_SPANS] = "SELECT first, last FROM span WHERE source = ? AND first <= ?"
                              " ORDER BY first DESC",
    [WEIR_STATE_ADD_SPAN] = "INSERT INTO span VALUES(?, ?, ?)",
    [WEIR_STATE_REMOVE_SPAN] = "DELETE FROM span WHERE source = ? AND first >= ? AND last <= ?",
    [WEIR_STATE_FIND_NAME] = "SELECT text FROM name WHERE source = ? AND tbl = ? AND stream = ?"
                             " AND series = ?",
    [WEIR_STATE_SET_NAME] = "INSERT OR IGNORE INTO name VALUES(?, ?, ?, ?, ?)",
    [WEIR_STATE_SET_NUMBERING] = "INSERT INTO numbering(source, tbl, arrived) VALUES(?1, ?2, ?3)"
                                 " ON CONFLICT DO UPDATE SET arrived = ?3",
    [WEIR_STATE_ADD_HELD] = "INSERT INTO held(source, tbl, payload, arrived) VALUES(?, ?, ?, ?)",
    [WEIR_STATE_RELEASE_HELD] = "UPDATE numbering SET released = 0 WHERE source = ?1 AND tbl = ?2"
                                " AND EXISTS (SELECT 1 FROM held WHERE source = ?1 AND tbl = ?2)",
    [WEIR_STATE_FIND_RELEASED] =
        "SELECT held.id, held.source, payload FROM numbering JOIN held ON"
        " held.source = numbering.source AND held.tbl = numbering.tbl AND id > released"
        " WHERE released IS NOT NULL LIMIT 1",
    [WEIR_STATE_PASS_RELEASED] = "UPDATE numbering SET released = ?1 WHERE (source, tbl) ="
                                 " (SELECT source, tbl FROM held WHERE id = ?1)",
    [WEIR_STATE_END_RELEASE] = "UPDATE numbering SET released = NULL WHERE released IS NOT NULL",
    [WEIR_STATE_COUNT_HELD] = "SELECT count(*) FROM held",
    [WEIR_STATE_FIND_MOST_HELD] = "SELECT min(held.id) FROM held JOIN source ON source.id = source"
                                  " GROUP BY gateway ORDER BY count(*) DESC, min(held.id) LIMIT 1",
    [WEIR_STATE_REMOVE_HELD] = "DELETE FROM held WHERE id = ?",
    [WEIR_STATE_PUT_HELD_ASIDE] = PUT_ASIDE "?2, payload" FROM_HELD "held.id = ?1",
    [WEIR_STATE_PUT_OLD_HELD_ASIDE] =
        PUT_ASIDE "'its names never came', payload" FROM_HELD "held.arrived < ?1 ORDER BY held.id",
    [WEIR_STATE_REMOVE_OLD_HELD] = "DELETE FROM held WHERE arrived < ?1",
    [WEIR_STATE_REMOVE_OLD_NAMES] = "DELETE FROM name WHERE (source, tbl) IN (SELECT source, tbl"
                                    " FROM numbering WHERE arrived < ?1 AND " HAS_ENDED ")",
    [WEIR_STATE_REMOVE_OLD_NUMBERINGS] = "DELETE FROM numbering WHERE arrived < ?1 AND " HAS_ENDED,
    [WEIR_STATE_ADD_DAMAGED] =
        "INSERT INTO damaged(arrived, topic, problem, payload) VALUES(?, ?, ?, ?)",
    [WEIR_STATE_TRIM_DAMAGED] = "DELETE FROM damaged WHERE id <= ?",
    [WEIR_STATE_REMOVE_OLD_DAMAGED] = "DELETE FROM damaged WHERE arrived < ?1",
    [WEIR_STATE_ADD_ALERT] = "INSERT OR IGNORE INTO alert VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
                             " ?)",
    [WEIR_STATE_SET_ALERT] =
        "INSERT INTO alert_state VALUES(?, ?) ON CONFLICT DO UPDATE SET text = excluded.text"
        " WHERE NOT json_valid(text) OR excluded.text ->> 'seq' >= text ->> 'seq'"
        " OR excluded.text ->> 'ts' > text ->> 'ts'",
    [WEIR_STATE_REMOVE_ALERT] = "DELETE FROM alert_state WHERE topic = ?",
    [WEIR_STATE_FIND_OUTPUT] = "SELECT device, inode, length FROM output WHERE path = ?",
    [WEIR_STATE_SET_OUTPUT] = "INSERT OR REPLACE INTO output VALUES(?, ?, ?, ?)",
    [WEIR_STATE_COUNT_GAPS] = "SELECT CAST(total(last - first + 1) AS INTEGER),"
                              " count(DISTINCT gateway) FROM gap",
};

static int read_version(struct weir_state *state)
{
    sqlite3_stmt *statement = weir_db_prepare(&state->db, "PRAGMA user_version");
    int version = -1;

    if (statement && weir_db_next(statement) == SQLITE_ROW)
        version = sqlite3_column_int(statement, 0);
    weir_db_finish(statement);
    return version;
}

/* Of several collectors that start at once, one makes the tables. */
static bool set_up(struct weir_state *state)
{
    int version;
    bool done = true;

    if (!weir_db_execute(&state->db, texts[WEIR_STATE_BEGIN])) {
        weir_log_error("cannot use %s: %s", state->db.path, weir_db_problem(&state->db));
        return false;
    }
    version = read_version(state);
    if (version > VERSION)
        weir_log_error("%s is of version %d; this program knows %d", state->db.path, version,
                       VERSION);
    done = version >= 0 && version <= VERSION;
    for (; done && version < VERSION; version++) {
        done = weir_db_execute(&state->db, upgrades[version]);
        if (!done)
            weir_log_error("%s: %s", state->db.path, weir_db_problem(&state->db));
    }
    return weir_db_execute(&state->db,
                           done ? texts[WEIR_STATE_COMMIT] : texts[WEIR_STATE_ROLLBACK]) &&
           done;
}

bool weir_state_open(struct weir_state *state, const char *path)
{
    memset(state, 0, sizeof(*state));
    if (!weir_db_open(&state->db, path, PAGE_BYTES))
        return false;
    if (!set_up(state))
        goto error;
    for (int i = 0; i < WEIR_STATE_STATEMENT_COUNT; i++) {
        state->statements[i] = weir_db_prepare(&state->db, texts[i]);
        if (!state->statements[i])
            goto error;
    }
    return true;

error:
    weir_state_close(state);
    return false;
}

void weir_state_close(struct weir_state *state)
{
    for (int i = 0; i < WEIR_STATE_STATEMENT_COUNT; i++)
        weir_db_finish(state->statements[i]);
    weir_db_close(&state->db);
}

enum weir_status weir_state_run(struct weir_state *state, enum weir_state_statement statement)
{
    return weir_db_run(state->statements[statement]) ? WEIR_OK : WEIR_FULL;
}

enum weir_status weir_state_begin(struct weir_state *state)
{
    return weir_state_run(state, WEIR_STATE_BEGIN);
}

enum weir_status weir_state_commit(struct weir_state *state)
{
    return weir_state_run(state, WEIR_STATE_COMMIT);
}

/* A failure may have rolled back already. */
void weir_state_undo(struct weir_state *state)
{
    if (!sqlite3_get_autocommit(state->db.handle))
        (void)weir_state_run(state, WEIR_STATE_ROLLBACK);
}

enum weir_status weir_state_find(sqlite3_stmt *statement)
{
    int code = weir_db_next(statement);

    if (code == SQLITE_ROW)
        return WEIR_OK;
    return code == SQLITE_DONE ? WEIR_REFUSED : WEIR_FULL;
}

enum weir_status weir_state_find_source(struct weir_state *state, const char *gateway,
                                        const char *epoch, int64_t *source)
{
    sqlite3_stmt *statement = state->statements[WEIR_STATE_FIND_SOURCE];
    enum weir_status status;

    weir_db_bind_text(statement, 1, gateway, strlen(gateway));
    weir_db_bind_text(statement, 2, epoch, strlen(epoch));
    status = weir_state_find(statement);
    if (status == WEIR_OK) {
        *source = sqlite3_column_int64(statement, 0);
        (void)sqlite3_reset(statement);
    }
    if (status != WEIR_REFUSED)
        return status;
    statement = state->statements[WEIR_STATE_ADD_SOURCE];
    weir_db_bind_text(statement, 1, gateway, strlen(gateway));
    weir_db_bind_text(statement, 2, epoch, strlen(epoch));
    status = weir_state_run(state, WEIR_STATE_ADD_SOURCE);
    *source = sqlite3_last_insert_rowid(state->db.handle);
    return status;
}

/* Widens the range to all spans that it touches. */
static enum weir_status widen(struct weir_state *state, int64_t source, int64_t *first,
                              int64_t *last)
{
    sqlite3_stmt *statement = state->statements[WEIR_STATE_FIND_SPANS];
    int code;

    (void)sqlite3_bind_int64(statement, 1, source);
    (void)sqlite3_bind_int64(statement, 2, *last < INT64_MAX ? *last + 1 : *last);
    while ((code = weir_db_next(statement)) == SQLITE_ROW) {
        int64_t span_first = sqlite3_column_int64(statement, 0);
        int64_t span_last = sqlite3_column_int64(statement, 1);

        if (span_last < *first - 1)
            break;
        if (span_first < *first)
            *first = span_first;
        if (span_last > *last)
            *last = span_last;
    }
    (void)sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? WEIR_OK : WEIR_FULL;
}

static enum weir_status add_range(struct weir_state *state, int64_t source, uint64_t from,
                                  uint64_t to)
{
    int64_t range[2] = {(int64_t)from, (int64_t)to};
    enum weir_status status = widen(state, source, &range[0], &range[1]);

    for (int i = WEIR_STATE_REMOVE_SPAN; status == WEIR_OK && i >= WEIR_STATE_ADD_SPAN; i--) {
        (void)sqlite3_bind_int64(state->statements[i], 1, source);
        (void)sqlite3_bind_int64(state->statements[i], 2, range[0]);
        (void)sqlite3_bind_int64(state->statements[i], 3, range[1]);
        status = weir_state_run(state, (enum weir_state_statement)i);
    }
    return status;
}

/* WEIR_REFUSED: it is there. */
static enum weir_status look_for(struct weir_state *state, int64_t source, uint64_t sequence)
{
    sqlite3_stmt *statement = state->statements[WEIR_STATE_FIND_SPANS];
    enum weir_status status;
    bool there;

    (void)sqlite3_bind_int64(statement, 1, source);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)sequence);
    status = weir_state_find(statement);
    if (status != WEIR_OK)
        return status == WEIR_REFUSED ? WEIR_OK : status;
    there = sqlite3_column_int64(statement, 1) >= (int64_t)sequence;
    (void)sqlite3_reset(statement);
    return there ? WEIR_REFUSED : WEIR_OK;
}

static enum weir_status set_ledger(struct weir_state *state, int64_t source,
                                   const struct weir_collect_batch *batch, int64_t arrived_ms)
{
    sqlite3_stmt *statement = state->statements[WEIR_STATE_SET_LEDGER];

    (void)sqlite3_bind_int64(statement, 1, source);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)batch->sequence);
    (void)sqlite3_bind_int64(statement, 3, batch->created_ms);
    if (batch->clock)
        weir_db_bind_text(statement, 4, batch->clock, strlen(batch->clock));
    else
        (void)sqlite3_bind_null(statement, 4);
    weir_db_bind_text(statement, 5, batch->ledger, strlen(batch->ledger));
    (void)sqlite3_bind_int64(statement, 6, arrived_ms);
    return weir_state_run(state, WEIR_STATE_SET_LEDGER);
}

enum weir_status weir_state_note_batch(struct weir_state *state, int64_t source,
                                       const struct weir_collect_batch *batch, int64_t arrived_ms)
{
    enum weir_status status = look_for(state, source, batch->sequence);

    if (status == WEIR_OK)
        status = add_range(state, source, batch->sequence, batch->sequence);
    for (uint32_t i = 0; status == WEIR_OK && i < batch->range_count; i++)
        status = add_range(state, source, batch->ranges[i].first, batch->ranges[i].last);
    if (status == WEIR_OK && batch->compact)
        status = weir_state_note_numbering(state, source, batch->table, arrived_ms);
    return status == WEIR_OK ? set_ledger(state, source, batch, arrived_ms) : status;
}
