/*
 * What a collector has to know to go on: which batches it has, the names that came with them, what
 * it holds back and what it put aside; all in one SQLite file, which is also the target where that is
 * SQLite. docs/collect.md describes its tables.
 *
 * Several collectors may share the file, and so what they know. Everything between begin and commit
 * is one transaction. Calls return WEIR_FULL when the file cannot be read or written now: undo, and
 * do it again later.
 */
#ifndef WEIR_COLLECT_STATE_H
#define WEIR_COLLECT_STATE_H

#include "collect/batch.h"
#include "collect/db.h"
#include "weir/flow.h"

/* An alert event or state as it arrived. Texts are NUL-terminated. */
struct weir_collect_alert {
    const char *gateway;
    const char *rule;
    const char *stream;
    const char *series;
    const char *field; /* empty: the rule has none */
    const char *event; /* empty: it is a state */
    const char *level;
    int64_t ts_ms;
    int64_t sequence;
    double value;     /* NAN: there is none */
    double limit;     /* NAN: there is none */
    const char *text; /* all of it: a JSON object on one line */
    size_t length;
};

/* Messages put aside that are kept, and how long; of more the oldest give way. */
#define WEIR_STATE_DAMAGED_COUNT_MAX 10000
#define WEIR_STATE_DAMAGED_AGE_MS ((int64_t)90 * 24 * 3600 * 1000)

/* Batches held back, and how long: names that are to come, come within 64 batches. Of more the oldest
 * of the gateway that has most of them is put aside. */
#define WEIR_STATE_HELD_COUNT_MAX 10000
#define WEIR_STATE_HELD_AGE_MS ((int64_t)30 * 24 * 3600 * 1000)

/* How long names are kept behind the last batch of their numbering, once its gateway has sent others:
 * longer than an outbox holds anything back. */
#define WEIR_STATE_NAME_AGE_MS ((int64_t)30 * 24 * 3600 * 1000)

enum weir_state_statement {
    WEIR_STATE_BEGIN,
    WEIR_STATE_COMMIT,
    WEIR_STATE_ROLLBACK,
    WEIR_STATE_FIND_SOURCE,
    WEIR_STATE_ADD_SOURCE,
    WEIR_STATE_SET_LEDGER,
    WEIR_STATE_FIND_SPANS,
    WEIR_STATE_ADD_SPAN,
    WEIR_STATE_REMOVE_SPAN,
    WEIR_STATE_FIND_NAME,
    WEIR_STATE_SET_NAME,
    WEIR_STATE_SET_NUMBERING,
    WEIR_STATE_ADD_HELD,
    WEIR_STATE_RELEASE_HELD,
    WEIR_STATE_FIND_RELEASED,
    WEIR_STATE_PASS_RELEASED,
    WEIR_STATE_END_RELEASE,
    WEIR_STATE_COUNT_HELD,
    WEIR_STATE_FIND_MOST_HELD,
    WEIR_STATE_REMOVE_HELD,
    WEIR_STATE_PUT_HELD_ASIDE,
    WEIR_STATE_PUT_OLD_HELD_ASIDE,
    WEIR_STATE_REMOVE_OLD_HELD,
    WEIR_STATE_REMOVE_OLD_NAMES,
    WEIR_STATE_REMOVE_OLD_NUMBERINGS,
    WEIR_STATE_ADD_DAMAGED,
    WEIR_STATE_TRIM_DAMAGED,
    WEIR_STATE_REMOVE_OLD_DAMAGED,
    WEIR_STATE_ADD_ALERT,
    WEIR_STATE_SET_ALERT,
    WEIR_STATE_REMOVE_ALERT,
    WEIR_STATE_FIND_OUTPUT,
    WEIR_STATE_SET_OUTPUT,
    WEIR_STATE_COUNT_GAPS,
    WEIR_STATE_STATEMENT_COUNT,
};

struct weir_state {
    struct weir_db db;
    sqlite3_stmt *statements[WEIR_STATE_STATEMENT_COUNT];
};

/* Opens the file, which is made where there is none. False: it cannot be used; logged. */
bool weir_state_open(struct weir_state *state, const char *path);
void weir_state_close(struct weir_state *state);

enum weir_status weir_state_begin(struct weir_state *state);
enum weir_status weir_state_commit(struct weir_state *state);
void weir_state_undo(struct weir_state *state);

/* The number of a gateway's epoch. */
enum weir_status weir_state_find_source(struct weir_state *state, const char *gateway,
                                        const char *epoch, int64_t *source);

/* Notes the batch and those that it stands for. WEIR_REFUSED: it was noted before. */
enum weir_status weir_state_note_batch(struct weir_state *state, int64_t source,
                                       const struct weir_collect_batch *batch, int64_t arrived_ms);

/* Notes that a batch came under this numbering: its names are kept on. weir_state_note_batch does. */
enum weir_status weir_state_note_numbering(struct weir_state *state, int64_t source, uint64_t table,
                                           int64_t arrived_ms);

/* Keeps a name; *fresh becomes true if it was not known, and is left alone otherwise. */
enum weir_status weir_state_keep_name(struct weir_state *state, int64_t source, uint64_t table,
                                      const struct weir_collect_name *name, bool *fresh);

/* Finds the track of a row of a compact batch. WEIR_REFUSED: a name of it is not known. */
enum weir_status weir_state_find_track(struct weir_state *state, struct weir_tracks *tracks,
                                       int64_t source, const struct weir_collect_batch *batch,
                                       struct weir_collect_row *row);

/* Holds a batch back whose names have not come. *aside: how many were put aside to make room. */
enum weir_status weir_state_hold(struct weir_state *state, int64_t source, uint64_t table,
                                 const void *bytes, size_t length, int64_t arrived_ms,
                                 int64_t *aside);

/* Names came: what was held back of their table may go on now, by weir_state_next_released. */
enum weir_status weir_state_release_held(struct weir_state *state, int64_t source, uint64_t table);

/* A batch held back. */
struct weir_state_held {
    int64_t id;
    int64_t source;
    size_t length;
};

/* The next batch whose names may have come; WEIR_REFUSED: there is none. It is the next until it is
 * passed. The bytes are copied into the caller's size bytes. */
enum weir_status weir_state_next_released(struct weir_state *state, struct weir_state_held *held,
                                          char *bytes, size_t size);

/* Passes one over whose names have not come all the same. */
enum weir_status weir_state_pass_released(struct weir_state *state, int64_t id);

/* Notes that there is no next one. */
enum weir_status weir_state_end_release(struct weir_state *state);

/* Forgets a batch held back; or puts it aside, with what is wrong with it. */
enum weir_status weir_state_remove_held(struct weir_state *state, int64_t id);
enum weir_status weir_state_put_held_aside(struct weir_state *state, int64_t id,
                                           const char *problem);

/* What weir_state_expire removed, or put aside. */
struct weir_state_expired {
    int64_t names;
    int64_t held;    /* batches held back that are put aside now */
    int64_t damaged; /* messages put aside that are gone now */
};

/* Lets go of what nobody will ask for any more: names of numberings that ended, what was put aside
 * long ago; what was held back for too long is put aside. */
enum weir_status weir_state_expire(struct weir_state *state, int64_t now_ms,
                                   struct weir_state_expired *expired);

/* Puts a message aside, with what is wrong with it. */
enum weir_status weir_state_put_aside(struct weir_state *state, const char *topic,
                                      const char *problem, const void *bytes, size_t length,
                                      int64_t arrived_ms);

/* Makes the oldest give way, right after some were added. */
enum weir_status weir_state_trim_damaged(struct weir_state *state);

/* The numbers of batches that are missing between others, and of gateways they are missing of. */
enum weir_status weir_state_count_gaps(struct weir_state *state, int64_t *batches,
                                       int64_t *gateways);

/* Keeps an alert event. WEIR_REFUSED: it was kept before. */
enum weir_status weir_state_note_alert(struct weir_state *state,
                                       const struct weir_collect_alert *alert);

/* Keeps the state of an alert. It takes the place of the one before, unless that is newer by its seq
 * and no older by its time: another collector may have been faster. */
enum weir_status weir_state_set_alert(struct weir_state *state, const char *topic,
                                      const struct weir_collect_alert *alert);
enum weir_status weir_state_remove_alert(struct weir_state *state, const char *topic);

/* Remembers how far an output file is safe, and finds it: WEIR_REFUSED: it is not known. */
struct weir_state_output {
    int64_t device;
    int64_t inode;
    int64_t length;
};
enum weir_status weir_state_set_output(struct weir_state *state, const char *path,
                                       const struct weir_state_output *output);
enum weir_status weir_state_find_output(struct weir_state *state, const char *path,
                                        struct weir_state_output *output);

/* For who binds statements: runs one; finds the first row of one, which is to be reset after WEIR_OK.
 * WEIR_REFUSED: there is none. */
enum weir_status weir_state_run(struct weir_state *state, enum weir_state_statement statement);
enum weir_status weir_state_find(sqlite3_stmt *statement);

#endif
