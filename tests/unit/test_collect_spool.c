#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/spool.h"
#include "support/unit.h"

struct rig {
    char directory[64];
    char path[80];
    struct weir_spool spool;
    atomic_bool stopping;
};

static void open_rig(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    (void)snprintf(rig->directory, sizeof(rig->directory), "/tmp/weir-test-XXXXXX");
    assert_non_null(mkdtemp(rig->directory));
    (void)snprintf(rig->path, sizeof(rig->path), "%s/fleet", rig->directory);
    assert_true(weir_spool_open(&rig->spool, rig->path, "one"));
}

static void close_rig(struct rig *rig)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    char path[128];

    weir_spool_close(&rig->spool);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s-one.spool%s", rig->path, ends[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(rig->directory), 0);
}

static bool put(struct rig *rig, int number)
{
    static char payload[20000];
    const struct weir_message message = {
        .topic = "a/b", .topic_length = 3, .payload = payload, .payload_length = sizeof(payload)};

    return weir_spool_put(&rig->spool, &message, number, &rig->stopping);
}

static void assert_taken(struct rig *rig, int first, int count)
{
    struct weir_spool_message message;

    for (int i = first; i < first + count; i++) {
        assert_int_equal(weir_spool_take(&rig->spool, &message), WEIR_OK);
        assert_int_equal(message.arrived_ms, i);
        assert_int_equal(message.payload_length, 20000);
        assert_string_equal(message.topic, "a/b");
    }
}

static void assert_empty(struct rig *rig)
{
    struct weir_spool_message message;

    assert_int_equal(weir_spool_take(&rig->spool, &message), WEIR_REFUSED);
}

static void what_was_not_released_comes_again(void **state)
{
    struct rig rig;

    (void)state;
    open_rig(&rig);
    for (int i = 1; i <= 5; i++)
        assert_true(put(&rig, i));
    assert_taken(&rig, 1, 2);
    weir_spool_release(&rig.spool);
    assert_taken(&rig, 3, 3);
    assert_empty(&rig);
    weir_spool_restore(&rig.spool);
    assert_taken(&rig, 3, 1);
    weir_spool_close(&rig.spool);
    assert_true(weir_spool_open(&rig.spool, rig.path, "one"));
    assert_taken(&rig, 3, 3);
    weir_spool_release(&rig.spool);
    assert_empty(&rig);
    close_rig(&rig);
}

static void another_of_the_same_name_is_refused(void **state)
{
    struct weir_spool other;
    struct rig rig;

    (void)state;
    open_rig(&rig);
    assert_false(weir_spool_open(&other, rig.path, "one"));
    close_rig(&rig);
}

static void *put_many(void *context)
{
    struct rig *rig = context;
    intptr_t count = 0;

    while (count < 100 && put(rig, (int)count + 1))
        count++;
    return (void *)count;
}

static void set_full(struct rig *rig, const char *pages)
{
    assert_true(weir_db_execute(&rig->spool.writing, pages));
}

static void a_full_one_waits_until_there_is_room(void **state)
{
    struct weir_spool_message message;
    struct rig rig;
    pthread_t thread;
    void *count;
    int taken = 0;

    (void)state;
    open_rig(&rig);
    set_full(&rig, "PRAGMA max_page_count = 20");
    assert_int_equal(pthread_create(&thread, NULL, put_many, &rig), 0);
    while (taken < 100) {
        if (weir_spool_take(&rig.spool, &message) != WEIR_OK)
            continue;
        assert_int_equal(message.arrived_ms, ++taken);
        weir_spool_release(&rig.spool);
    }
    assert_int_equal(pthread_join(thread, &count), 0);
    assert_int_equal((intptr_t)count, 100);
    close_rig(&rig);
}

static void a_full_one_gives_up_at_a_stop(void **state)
{
    struct rig rig;

    (void)state;
    open_rig(&rig);
    set_full(&rig, "PRAGMA max_page_count = 20");
    atomic_store(&rig.stopping, true);
    assert_true((intptr_t)put_many(&rig) < 100);
    close_rig(&rig);
}

static int64_t log_bytes(const struct rig *rig)
{
    struct stat status;
    char path[128];

    (void)snprintf(path, sizeof(path), "%s-one.spool-wal", rig->path);
    assert_int_equal(stat(path, &status), 0);
    return (int64_t)status.st_size;
}

/* Many arrive while one message is at work. */
static void its_log_shrinks_again_behind_a_slow_target(void **state)
{
    struct weir_spool_message message;
    struct rig rig;

    (void)state;
    open_rig(&rig);
    assert_true(put(&rig, 0));
    assert_int_equal(weir_spool_take(&rig.spool, &message), WEIR_OK);
    while (log_bytes(&rig) <= 2 * WEIR_DB_LOG_BYTES_MAX)
        assert_true(put(&rig, 1));
    weir_spool_release(&rig.spool);
    for (int i = 0; i < 3; i++)
        assert_true(put(&rig, 2));
    assert_in_range(log_bytes(&rig), 0, WEIR_DB_LOG_BYTES_MAX);
    close_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_not_released_comes_again),
        cmocka_unit_test(another_of_the_same_name_is_refused),
        cmocka_unit_test(a_full_one_waits_until_there_is_room),
        cmocka_unit_test(a_full_one_gives_up_at_a_stop),
        cmocka_unit_test(its_log_shrinks_again_behind_a_slow_target),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
