#include <stdio.h>
#include <stdlib.h>

#include "collect/sink.h"
#include "core/assert.h"
#include "format/number.h"
#include "format/text.h"
#include "port/log.h"

/* A transaction of a few hundred thousand rows: a sync is shared by many, and the log stays small. */
#define MESSAGE_COUNT_MAX 256

enum statement { FIND_TRACK, ADD_TRACK, ADD_ROW, FIND_ROW, REPLACE_ROW, STATEMENT_COUNT };

static const char *const texts[STATEMENT_COUNT] = {
    [FIND_TRACK] = "SELECT id FROM track WHERE gateway = ? AND stream = ? AND series = ? AND"
                   " field = ? AND unit = ?",
    [ADD_TRACK] = "INSERT INTO track(gateway, stream, series, field, unit) VALUES(?, ?, ?, ?, ?)",
    [ADD_ROW] = "INSERT OR IGNORE INTO summary VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
                " ?, ?)",
    [FIND_ROW] = "SELECT part, revision FROM summary WHERE track = ? AND start_ms = ? AND"
                 " end_ms = ? AND source = ? ORDER BY part DESC LIMIT 1",
    [REPLACE_ROW] = "INSERT OR REPLACE INTO summary VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
                    " ?, ?, ?, ?)",
};

/* The columns of a row, in the order in which they are bound. */
enum column {
    COLUMN_TRACK = 1,
    COLUMN_START,
    COLUMN_END,
    COLUMN_SOURCE,
    COLUMN_PART,
    COLUMN_REVISION,
    COLUMN_COUNT, /* and the other aggregates, in their order */
    COLUMN_QUANTILES = COLUMN_COUNT + WEIR_AGGREGATE_KIND_COUNT,
};

#define QUANTILES_BYTES_MAX                                                                        \
    (WEIR_QUANTILE_COUNT_MAX * (WEIR_QUANTILE_NAME_SIZE + WEIR_NUMBER_LENGTH_MAX + 4) + 2)

struct sqlite_sink {
    struct weir_sink sink;
    struct weir_state *state;
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

static enum weir_status run(struct sqlite_sink *sqlite, enum statement which)
{
    return weir_db_run(sqlite->statements[which]) ? WEIR_OK : WEIR_FULL;
}

static void bind_track(sqlite3_stmt *statement, const struct weir_track *track)
{
    for (int i = 0; i < WEIR_TRACK_TEXT_COUNT; i++)
        weir_db_bind_text(statement, i + 1, track->texts[i], track->lengths[i]);
}

static enum weir_status find_track(struct sqlite_sink *sqlite, struct weir_track *track)
{
    sqlite3_stmt *statement = sqlite->statements[FIND_TRACK];
    enum weir_status status;

    bind_track(statement, track);
    status = weir_state_find(statement);
    if (status == WEIR_OK) {
        track->id = sqlite3_column_int64(statement, 0);
        (void)sqlite3_reset(statement);
    }
    if (status != WEIR_REFUSED)
        return status;
    bind_track(sqlite->statements[ADD_TRACK], track);
    status = run(sqlite, ADD_TRACK);
    if (status == WEIR_OK)
        track->id = sqlite3_last_insert_rowid(sqlite->state->db.handle);
    return status;
}

static void bind_quantiles(sqlite3_stmt *statement, const struct weir_collect_row *row)
{
    char bytes[QUANTILES_BYTES_MAX];
    char name[WEIR_QUANTILE_NAME_SIZE];
    struct weir_text text;

    weir_text_init(&text, bytes, sizeof(bytes));
    for (uint32_t i = 0; i < row->quantile_count; i++) {
        weir_quantile_name(row->thousandths[i], name);
        weir_text_add(&text, i > 0 ? "," : "{");
        weir_text_add_quoted(&text, name);
        weir_text_add(&text, ":");
        weir_text_add_number(&text, row->quantiles[i]);
    }
    weir_text_add(&text, "}");
    assert(!text.overflow);
    (void)sqlite3_bind_text64(statement, COLUMN_QUANTILES, bytes, text.length, SQLITE_TRANSIENT,
                              SQLITE_UTF8);
}

static void bind_row(sqlite3_stmt *statement, int64_t source, const struct weir_collect_row *row,
                     int64_t part)
{
    (void)sqlite3_bind_int64(statement, COLUMN_TRACK, row->track->id);
    (void)sqlite3_bind_int64(statement, COLUMN_START, row->start_ms);
    (void)sqlite3_bind_int64(statement, COLUMN_END, row->end_ms);
    (void)sqlite3_bind_int64(statement, COLUMN_SOURCE, source);
    (void)sqlite3_bind_int64(statement, COLUMN_PART, part);
    (void)sqlite3_bind_int64(statement, COLUMN_REVISION, (int64_t)row->revision);
    for (int i = 0; i < WEIR_AGGREGATE_KIND_COUNT; i++) {
        if (!(row->aggregates & 1u << i))
            (void)sqlite3_bind_null(statement, COLUMN_COUNT + i);
        else if (i == WEIR_AGGREGATE_COUNT)
            (void)sqlite3_bind_int64(statement, COLUMN_COUNT, (int64_t)row->count);
        else
            (void)sqlite3_bind_double(statement, COLUMN_COUNT + i, row->values[i]);
    }
    if (row->quantile_count > 0)
        bind_quantiles(statement, row);
    else
        (void)sqlite3_bind_null(statement, COLUMN_QUANTILES);
}

/* The window is there: a higher revision takes its place, a lower one is out of date. The same one
 * from another batch is another part of the window, as when a reload closed it halfway. */
static enum weir_status revise(struct sqlite_sink *sqlite, int64_t source,
                               const struct weir_collect_row *row)
{
    sqlite3_stmt *statement = sqlite->statements[FIND_ROW];
    int64_t revision;
    int64_t part;

    (void)sqlite3_bind_int64(statement, COLUMN_TRACK, row->track->id);
    (void)sqlite3_bind_int64(statement, COLUMN_START, row->start_ms);
    (void)sqlite3_bind_int64(statement, COLUMN_END, row->end_ms);
    (void)sqlite3_bind_int64(statement, COLUMN_SOURCE, source);
    if (weir_state_find(statement) != WEIR_OK)
        return WEIR_FULL;
    part = sqlite3_column_int64(statement, 0);
    revision = sqlite3_column_int64(statement, 1);
    (void)sqlite3_reset(statement);
    if ((int64_t)row->revision < revision)
        return WEIR_OK;
    bind_row(sqlite->statements[REPLACE_ROW], source, row,
             (int64_t)row->revision > revision ? part : part + 1);
    return run(sqlite, REPLACE_ROW);
}

static enum weir_status accept_row(struct weir_sink *sink, const struct weir_collect_batch *batch,
                                   int64_t source, const struct weir_collect_row *row)
{
    struct sqlite_sink *sqlite = (struct sqlite_sink *)sink;
    enum weir_status status = WEIR_OK;

    (void)batch;
    if (row->track->id == 0)
        status = find_track(sqlite, row->track);
    if (status != WEIR_OK)
        return status;
    bind_row(sqlite->statements[ADD_ROW], source, row, 0);
    status = run(sqlite, ADD_ROW);
    if (status == WEIR_OK && sqlite3_changes(sqlite->state->db.handle) == 0)
        status = revise(sqlite, source, row);
    return status;
}

/* Ledgers and alerts are in the state already. */
static enum weir_status accept_ledger(struct weir_sink *sink,
                                      const struct weir_collect_batch *batch)
{
    (void)sink;
    (void)batch;
    return WEIR_OK;
}

static enum weir_status accept_alert(struct weir_sink *sink, const struct weir_collect_alert *alert)
{
    (void)sink;
    (void)alert;
    return WEIR_OK;
}

/* The state's commit and rollback are this sink's. */
static enum weir_status finish(struct weir_sink *sink)
{
    (void)sink;
    return WEIR_OK;
}

static void undo(struct weir_sink *sink)
{
    (void)sink;
}

static void destroy(struct weir_sink *sink)
{
    struct sqlite_sink *sqlite = (struct sqlite_sink *)sink;

    for (int i = 0; i < STATEMENT_COUNT; i++)
        weir_db_finish(sqlite->statements[i]);
    free(sqlite);
}

struct weir_sink *weir_sink_create_sqlite(struct weir_state *state)
{
    struct sqlite_sink *sqlite = calloc(1, sizeof(*sqlite));

    if (!sqlite) {
        weir_log_error("out of memory");
        return NULL;
    }
    sqlite->sink = (struct weir_sink){
        .message_count_max = MESSAGE_COUNT_MAX,
        .accept_row = accept_row,
        .accept_ledger = accept_ledger,
        .accept_alert = accept_alert,
        .finish = finish,
        .undo = undo,
        .destroy = destroy,
    };
    sqlite->state = state;
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        sqlite->statements[i] = weir_db_prepare(&state->db, texts[i]);
        if (!sqlite->statements[i]) {
            destroy(&sqlite->sink);
            return NULL;
        }
    }
    return &sqlite->sink;
}
