#include "collect/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "port/log.h"

#define PAGE_BYTES 16384
#define RETRY_MS 200
#define COMPLAINT_S 60

static bool take_lock(struct weir_spool *spool)
{
    char path[sizeof(spool->path) + sizeof(".lock")];

    (void)snprintf(path, sizeof(path), "%s.lock", spool->path);
    spool->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (spool->lock_fd < 0) {
        weir_log_error("cannot open %s: %s", path, strerror(errno));
        return false;
    }
    if (flock(spool->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    weir_log_error("%s belongs to another collector; --name makes them two", spool->path);
    close(spool->lock_fd);
    return false;
}

static bool prepare(struct weir_spool *spool)
{
    char pragma[64];

    (void)snprintf(pragma, sizeof(pragma), "PRAGMA max_page_count = %lld",
                   (long long)(WEIR_SPOOL_BYTES_MAX / PAGE_BYTES));
    /* What a power cut brings back of what was removed is removed again. */
    if (!weir_db_execute(&spool->writing, "CREATE TABLE IF NOT EXISTS message(id INTEGER PRIMARY "
                                          "KEY AUTOINCREMENT, topic, payload, arrived)") ||
        !weir_db_execute(&spool->writing, pragma) ||
        !weir_db_execute(&spool->reading, "PRAGMA synchronous = NORMAL")) {
        weir_log_error("cannot use %s: %s", spool->path, weir_db_problem(&spool->writing));
        return false;
    }
    spool->insert = weir_db_prepare(&spool->writing,
                                    "INSERT INTO message(topic, payload, arrived) VALUES(?, ?, ?)");
    spool->select =
        weir_db_prepare(&spool->reading, "SELECT id, topic, payload, arrived FROM message "
                                         "WHERE id > ? ORDER BY id LIMIT 1");
    spool->remove = weir_db_prepare(&spool->reading, "DELETE FROM message WHERE id <= ?");
    return spool->insert && spool->select && spool->remove;
}

bool weir_spool_open(struct weir_spool *spool, const char *path, const char *name)
{
    memset(spool, 0, sizeof(*spool));
    (void)snprintf(spool->path, sizeof(spool->path), "%s-%s.spool", path, name);
    if (!take_lock(spool))
        return false;
    if (weir_db_open(&spool->writing, spool->path, PAGE_BYTES) &&
        weir_db_open(&spool->reading, spool->path, PAGE_BYTES) && prepare(spool))
        return true;
    weir_spool_close(spool);
    return false;
}

void weir_spool_close(struct weir_spool *spool)
{
    weir_db_finish(spool->insert);
    weir_db_finish(spool->select);
    weir_db_finish(spool->remove);
    weir_db_close(&spool->writing);
    weir_db_close(&spool->reading);
    close(spool->lock_fd);
}

static void wait_a_moment(void)
{
    nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000L}, NULL);
}

/* One that is as good as full stands still at every message, and is not to say so at each. */
static bool is_news(struct weir_spool *spool)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    if (spool->complained && now.tv_sec < spool->complained_s + COMPLAINT_S)
        return false;
    spool->complained = true;
    spool->complained_s = now.tv_sec;
    return true;
}

bool weir_spool_put(struct weir_spool *spool, const struct weir_message *message,
                    int64_t arrived_ms, const atomic_bool *stopping)
{
    bool said = false;

    weir_db_bind_text(spool->insert, 1, message->topic, message->topic_length);
    weir_db_bind_bytes(spool->insert, 2, message->payload, message->payload_length);
    (void)sqlite3_bind_int64(spool->insert, 3, arrived_ms);
    while (!weir_db_run(spool->insert)) {
        if (is_news(spool)) {
            weir_log_error("%s takes nothing more, and nothing is acknowledged: %s", spool->path,
                           weir_db_problem(&spool->writing));
            said = true;
        }
        if (atomic_load(stopping))
            return false;
        wait_a_moment();
    }
    if (said)
        weir_log_info("%s takes messages again", spool->path);
    return true;
}

enum weir_status weir_spool_take(struct weir_spool *spool, struct weir_spool_message *message)
{
    int code;

    (void)sqlite3_reset(spool->select);
    (void)sqlite3_bind_int64(spool->select, 1, spool->taken);
    code = weir_db_next(spool->select);
    if (code != SQLITE_ROW)
        return code == SQLITE_DONE ? WEIR_REFUSED : WEIR_FULL;
    spool->taken = sqlite3_column_int64(spool->select, 0);
    message->topic = (const char *)sqlite3_column_text(spool->select, 1);
    message->payload = sqlite3_column_blob(spool->select, 2);
    message->payload_length = (size_t)sqlite3_column_bytes(spool->select, 2);
    message->arrived_ms = sqlite3_column_int64(spool->select, 3);
    return message->topic ? WEIR_OK : WEIR_FULL;
}

void weir_spool_release(struct weir_spool *spool)
{
    (void)sqlite3_reset(spool->select);
    (void)sqlite3_bind_int64(spool->remove, 1, spool->taken);
    (void)weir_db_run(spool->remove);
}

void weir_spool_restore(struct weir_spool *spool)
{
    (void)sqlite3_reset(spool->select);
    spool->taken = 0;
}
