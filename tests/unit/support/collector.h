/* A collector in a directory of its own, which is given messages one by one. */
#ifndef TESTS_SUPPORT_COLLECTOR_H
#define TESTS_SUPPORT_COLLECTOR_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "collect/collector.h"
#include "compact.h"

/* When the first message arrives. */
#define T0 1700000000000

struct rig {
    char directory[64];
    char path[80];
    char output[80]; /* of a sink that writes a file; empty: there is none */
    struct weir_state state;
    struct weir_spool spool;
    struct weir_sink *sink;
    struct weir_collector collector;
    struct compact_rig compact;
    atomic_bool stopping;
};

static inline struct rig *set_up(void)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    assert_non_null(rig);
    compact_init(&rig->compact);
    rig->compact.streams[0].aggregates = 1u << WEIR_AGGREGATE_MAX;
    (void)snprintf(rig->directory, sizeof(rig->directory), "/tmp/weir-test-XXXXXX");
    assert_non_null(mkdtemp(rig->directory));
    (void)snprintf(rig->path, sizeof(rig->path), "%s/fleet", rig->directory);
    assert_true(weir_state_open(&rig->state, rig->path));
    assert_true(weir_spool_open(&rig->spool, rig->path, "one"));
    rig->sink = weir_sink_create_sqlite(&rig->state);
    assert_non_null(rig->sink);
    assert_true(weir_collector_init(&rig->collector, &rig->state, rig->sink, &rig->spool));
    return rig;
}

/* A collector that writes lines, to a file beside its state. */
static inline struct rig *set_up_lines(enum weir_sink_form form)
{
    struct rig *rig = set_up();

    rig->sink->destroy(rig->sink);
    (void)snprintf(rig->output, sizeof(rig->output), "%s/lines", rig->directory);
    rig->sink = weir_sink_create_file(&rig->state, rig->output, form);
    assert_non_null(rig->sink);
    rig->collector.sink = rig->sink;
    return rig;
}

static inline void tear_down(struct rig *rig)
{
    static const char *const ends[] = {
        "", "-wal", "-shm", "-one.spool", "-one.spool-wal", "-one.spool-shm", "-one.spool.lock"};
    char path[128];

    weir_collector_finish(&rig->collector);
    rig->sink->destroy(rig->sink);
    weir_spool_close(&rig->spool);
    weir_state_close(&rig->state);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", rig->path, ends[i]);
        (void)unlink(path);
    }
    if (rig->output[0] != '\0')
        (void)unlink(rig->output);
    assert_int_equal(rmdir(rig->directory), 0);
    free(rig);
}

static inline int64_t ask(struct rig *rig, const char *sql)
{
    sqlite3_stmt *statement = weir_db_prepare(&rig->state.db, sql);
    int64_t number;

    assert_int_equal(weir_db_next(statement), SQLITE_ROW);
    number = sqlite3_column_int64(statement, 0);
    weir_db_finish(statement);
    return number;
}

/* Works through all there is. */
static inline void settle(struct rig *rig)
{
    enum weir_status status;

    do
        status = weir_collector_step(&rig->collector);
    while (status == WEIR_OK);
    assert_int_equal(status, WEIR_REFUSED);
}

static inline void put(struct rig *rig, const char *topic, const void *payload, size_t length,
                       int64_t at_ms)
{
    const struct weir_message message = {.topic = topic,
                                         .topic_length = (uint16_t)strlen(topic),
                                         .payload = payload,
                                         .payload_length = (uint32_t)length};

    assert_true(weir_spool_put(&rig->spool, &message, T0 + at_ms, &rig->stopping));
}

static inline void give(struct rig *rig, const char *topic, const void *payload, size_t length,
                        int64_t at_ms)
{
    put(rig, topic, payload, length, at_ms);
    settle(rig);
}

#endif
