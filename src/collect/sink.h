/*
 * Where rows go. A sink takes the rows of a transaction and makes them safe before the state's
 * commit says that they are:
 *
 *     begin    accept_row, accept_ledger, accept_alert ...    finish | undo
 */
#ifndef WEIR_COLLECT_SINK_H
#define WEIR_COLLECT_SINK_H

#include <stdatomic.h>

#include "collect/state.h"

struct weir_sink {
    unsigned message_count_max; /* of a transaction */

    /* Looks whether all is as it was left, before the state's transaction begins. WEIR_FULL: it is not,
     * for now. NULL: there is nothing to look at. */
    enum weir_status (*begin)(struct weir_sink *sink);

    enum weir_status (*accept_row)(struct weir_sink *sink, const struct weir_collect_batch *batch,
                                   int64_t source, const struct weir_collect_row *row);
    enum weir_status (*accept_ledger)(struct weir_sink *sink,
                                      const struct weir_collect_batch *batch);
    enum weir_status (*accept_alert)(struct weir_sink *sink,
                                     const struct weir_collect_alert *alert);

    /* Makes safe what was accepted. WEIR_FULL: it cannot be, for now; WEIR_REFUSED: never. undo
     * comes next then. */
    enum weir_status (*finish)(struct weir_sink *sink);

    /* Takes back what was accepted since the transaction began. */
    void (*undo)(struct weir_sink *sink);
    void (*destroy)(struct weir_sink *sink);

    char problem[512]; /* of the call that failed last; empty: the state's */
};

/* The SQLite file of the state itself. */
struct weir_sink *weir_sink_create_sqlite(struct weir_state *state);

enum weir_sink_form { WEIR_SINK_NDJSON, WEIR_SINK_LINE };

/* A file that is appended to; path is borrowed. The state remembers how far it is safe: what stands
 * behind that when it is opened again was written in a transaction that did not end, and is cut
 * off. A file that is moved away while it is open is begun anew with the next transaction. */
struct weir_sink *weir_sink_create_file(struct weir_state *state, const char *path,
                                        enum weir_sink_form form);

/* An HTTP endpoint that takes InfluxDB's line protocol: a POST a transaction. token_file: a file
 * whose first line goes with each, "Authorization: Token ..."; NULL: none. A POST under way is given
 * up when *stopping becomes true. */
struct weir_sink *weir_sink_create_http(const char *url, const char *token_file,
                                        const atomic_bool *stopping);

#endif
