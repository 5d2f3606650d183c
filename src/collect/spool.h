/*
 * What has arrived and is not worked through: a file that a message is in before its acknowledgement
 * leaves.
 *
 * The MQTT library acknowledges a message when the callback returns, and hands out one at a time; so
 * the callback stores it, synced, and returns. What the message says is another thread's work, and
 * may take as long as a target is away. Of a crash anywhere the worst is a message that is there
 * twice, and its second copy is known by its number.
 *
 * When the file cannot take it (a full disk, WEIR_SPOOL_BYTES_MAX waiting), the callback tries again
 * until it can: nothing is acknowledged meanwhile, and the broker keeps what it has. The library's
 * lock is held then; so who empties the spool must call nothing of the library.
 *
 * put belongs to one thread; take, release and restore to another.
 */
#ifndef WEIR_COLLECT_SPOOL_H
#define WEIR_COLLECT_SPOOL_H

#include <stdatomic.h>

#include "collect/db.h"
#include "weir/flow.h"

/* Of messages that wait, on disk: hours of a large fleet, and little of the disk. */
#define WEIR_SPOOL_BYTES_MAX ((int64_t)4 << 30)

struct weir_spool {
    struct weir_db reading; /* to read: for its problem */
    /* private */
    char path[4096];
    int lock_fd;
    bool complained; /* that it takes nothing, and when */
    int64_t complained_s;
    int64_t taken; /* id of the message that was taken last */
    struct weir_db writing;
    sqlite3_stmt *insert;
    sqlite3_stmt *select;
    sqlite3_stmt *remove;
};

/* A message as it lies there. topic and payload are borrowed until the next call. */
struct weir_spool_message {
    const char *topic; /* NUL-terminated */
    const void *payload;
    size_t payload_length;
    int64_t arrived_ms;
};

/* Opens the spool beside a state file, `path`-`name`.spool. False: it cannot be opened, or another
 * process has it; logged. */
bool weir_spool_open(struct weir_spool *spool, const char *path, const char *name);
void weir_spool_close(struct weir_spool *spool);

/* Stores a message. Returns when it is on disk, or false when *stopping became true before. */
bool weir_spool_put(struct weir_spool *spool, const struct weir_message *message,
                    int64_t arrived_ms, const atomic_bool *stopping);

/* Takes the oldest message that was not taken. WEIR_REFUSED: there is none. WEIR_FULL: it cannot be
 * read now; weir_db_problem of reading says why. */
enum weir_status weir_spool_take(struct weir_spool *spool, struct weir_spool_message *message);

/* Forgets what was taken. A failure does no harm: it is taken again at the next start. */
void weir_spool_release(struct weir_spool *spool);

/* What was taken and not released is taken anew. */
void weir_spool_restore(struct weir_spool *spool);

#endif
