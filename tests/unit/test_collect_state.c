#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/state.h"
#include "support/random.h"
#include "support/unit.h"

enum { NUMBER_COUNT = 120 };

struct rig {
    char path[64];
    struct weir_state state;
    struct weir_collect_batch batch;
};

static void open_rig(struct rig *rig)
{
    int fd;

    memset(rig, 0, sizeof(*rig));
    (void)snprintf(rig->path, sizeof(rig->path), "/tmp/weir-test-XXXXXX");
    fd = mkstemp(rig->path);
    assert_true(fd >= 0);
    close(fd);
    assert_true(weir_state_open(&rig->state, rig->path));
    assert_int_equal(weir_state_begin(&rig->state), WEIR_OK);
}

static void close_rig(struct rig *rig)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[80];

    assert_int_equal(weir_state_commit(&rig->state), WEIR_OK);
    weir_state_close(&rig->state);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", rig->path, ends[i]);
        (void)unlink(path);
    }
}

static int64_t ask(struct rig *rig, const char *sql)
{
    sqlite3_stmt *statement = weir_db_prepare(&rig->state.db, sql);
    int64_t number;

    assert_int_equal(weir_db_next(statement), SQLITE_ROW);
    number = sqlite3_column_int64(statement, 0);
    weir_db_finish(statement);
    return number;
}

/* The gaps of a set: what is not in it between its least and its largest. */
static int64_t count_missing(const bool *in)
{
    int64_t missing = 0;
    int64_t since = -1;

    for (int64_t i = 0; i < NUMBER_COUNT; i++) {
        if (in[i] && since >= 0)
            missing += i - since - 1;
        if (in[i])
            since = i;
    }
    return missing;
}

static int64_t count_runs(const bool *in)
{
    int64_t runs = 0;

    for (int i = 0; i < NUMBER_COUNT; i++)
        runs += in[i] && (i == 0 || !in[i - 1]);
    return runs;
}

static void batches_are_known_and_missing_as_in_a_set(void **unused)
{
    struct test_random random = random_make(1);
    struct rig rig;

    (void)unused;
    open_rig(&rig);
    for (int round = 0; round < 20; round++) {
        bool in[NUMBER_COUNT] = {false};
        int64_t source;
        int64_t missing;
        int64_t gateways;

        (void)snprintf(rig.batch.epoch, sizeof(rig.batch.epoch), "%d", round);
        assert_int_equal(weir_state_find_source(&rig.state, "g", rig.batch.epoch, &source),
                         WEIR_OK);
        for (int i = 0; i < 40; i++) {
            uint64_t sequence = random_below(&random, NUMBER_COUNT);
            uint64_t first = random_below(&random, NUMBER_COUNT - 4);
            uint64_t last = first + random_below(&random, 4);

            rig.batch.sequence = sequence;
            rig.batch.ranges[0] = (struct weir_batch_range){first, last};
            rig.batch.range_count = random_below(&random, 2);
            assert_int_equal(weir_state_note_batch(&rig.state, source, &rig.batch, 0),
                             in[sequence] ? WEIR_REFUSED : WEIR_OK);
            for (uint64_t k = first; k <= last && rig.batch.range_count > 0 && !in[sequence]; k++)
                in[k] = in[k] || k != sequence;
            in[sequence] = true;
        }
        assert_int_equal(weir_state_count_gaps(&rig.state, &missing, &gateways), WEIR_OK);
        assert_int_equal(missing, count_missing(in));
        assert_int_equal(ask(&rig, "SELECT count(*) FROM span"), count_runs(in));
        assert_true(weir_db_execute(&rig.state.db, "DELETE FROM span"));
    }
    close_rig(&rig);
}

static void the_ledger_is_that_of_the_newest_batch(void **unused)
{
    static const uint64_t sequences[] = {3, 9, 4};
    struct rig rig;
    int64_t source;

    (void)unused;
    open_rig(&rig);
    assert_int_equal(weir_state_find_source(&rig.state, "g", "e", &source), WEIR_OK);
    for (int i = 0; i < 3; i++) {
        rig.batch.sequence = sequences[i];
        (void)snprintf(rig.batch.ledger, sizeof(rig.batch.ledger), "{\"received\":%d}",
                       (int)sequences[i]);
        assert_int_equal(weir_state_note_batch(&rig.state, source, &rig.batch, 0), WEIR_OK);
    }
    assert_int_equal(ask(&rig, "SELECT ledger ->> 'received' FROM source"), 9);
    close_rig(&rig);
}

static void a_name_that_came_twice_is_fresh_once(void **unused)
{
    const struct weir_collect_name name = {1, 2, "hall-1", 6};
    struct rig rig;
    bool fresh = false;

    (void)unused;
    open_rig(&rig);
    assert_int_equal(weir_state_keep_name(&rig.state, 1, 7, &name, &fresh), WEIR_OK);
    assert_true(fresh);
    fresh = false;
    assert_int_equal(weir_state_keep_name(&rig.state, 1, 7, &name, &fresh), WEIR_OK);
    assert_false(fresh);
    assert_int_equal(weir_state_keep_name(&rig.state, 1, 8, &name, &fresh), WEIR_OK);
    assert_true(fresh);
    close_rig(&rig);
}

static void of_what_is_put_aside_the_oldest_gives_way(void **unused)
{
    struct rig rig;

    (void)unused;
    open_rig(&rig);
    for (int i = 0; i < WEIR_STATE_DAMAGED_COUNT_MAX + 5; i++)
        assert_int_equal(weir_state_put_aside(&rig.state, "topic", "problem", "x", 1, i), WEIR_OK);
    assert_int_equal(ask(&rig, "SELECT count(*) FROM damaged"), WEIR_STATE_DAMAGED_COUNT_MAX);
    assert_int_equal(ask(&rig, "SELECT min(arrived) FROM damaged"), 5);
    close_rig(&rig);
}

static void of_what_is_held_back_the_oldest_is_put_aside(void **unused)
{
    struct rig rig;
    int64_t source;
    int64_t aside;

    (void)unused;
    open_rig(&rig);
    assert_int_equal(weir_state_find_source(&rig.state, "g", "e", &source), WEIR_OK);
    for (int i = 0; i < WEIR_STATE_HELD_COUNT_MAX + 5; i++)
        assert_int_equal(weir_state_hold(&rig.state, source, 7, "x", 1, i, &aside), WEIR_OK);
    assert_int_equal(aside, 1);
    assert_int_equal(ask(&rig, "SELECT count(*) FROM held"), WEIR_STATE_HELD_COUNT_MAX);
    assert_int_equal(ask(&rig, "SELECT min(arrived) FROM held"), 5);
    assert_int_equal(ask(&rig, "SELECT count(*) FROM damaged WHERE arrived < 5 AND"
                               " topic = 'weir/v1/g/batch' AND problem = 'its names never came'"),
                     5);
    close_rig(&rig);
}

static void a_gateway_that_has_most_held_back_gives_way(void **unused)
{
    struct rig rig;
    int64_t quiet;
    int64_t loud[2];
    int64_t aside;

    (void)unused;
    open_rig(&rig);
    assert_int_equal(weir_state_find_source(&rig.state, "quiet", "e", &quiet), WEIR_OK);
    assert_int_equal(weir_state_find_source(&rig.state, "loud", "e", &loud[0]), WEIR_OK);
    assert_int_equal(weir_state_find_source(&rig.state, "loud", "f", &loud[1]), WEIR_OK);
    assert_int_equal(weir_state_hold(&rig.state, quiet, 7, "x", 1, 0, &aside), WEIR_OK);
    for (int i = 0; i < WEIR_STATE_HELD_COUNT_MAX + 5; i++)
        assert_int_equal(weir_state_hold(&rig.state, loud[i % 2], 7, "x", 1, i, &aside), WEIR_OK);
    assert_int_equal(ask(&rig, "SELECT count(*) FROM held"), WEIR_STATE_HELD_COUNT_MAX);
    assert_int_equal(ask(&rig, "SELECT count(*) FROM damaged WHERE topic = 'weir/v1/loud/batch'"),
                     6);
    close_rig(&rig);
}

static void a_state_of_the_first_version_goes_on(void **unused)
{
    const struct weir_collect_name name = {1, 2, "hall-1", 6};
    struct rig rig;
    int64_t source;
    int64_t aside;
    bool fresh = false;

    (void)unused;
    open_rig(&rig);
    rig.batch.sequence = 3;
    assert_int_equal(weir_state_find_source(&rig.state, "g", "e", &source), WEIR_OK);
    assert_int_equal(weir_state_note_batch(&rig.state, source, &rig.batch, 1234), WEIR_OK);
    assert_int_equal(weir_state_keep_name(&rig.state, source, 7, &name, &fresh), WEIR_OK);
    assert_int_equal(weir_state_hold(&rig.state, source, 7, "x", 1, 1, &aside), WEIR_OK);
    assert_true(weir_db_execute(&rig.state.db, "DROP TABLE numbering;"
                                               "ALTER TABLE held DROP COLUMN arrived;"
                                               "PRAGMA user_version = 1"));
    assert_int_equal(weir_state_commit(&rig.state), WEIR_OK);
    weir_state_close(&rig.state);
    assert_true(weir_state_open(&rig.state, rig.path));
    assert_int_equal(weir_state_begin(&rig.state), WEIR_OK);
    assert_int_equal(ask(&rig, "SELECT arrived FROM held"), 1234);
    assert_int_equal(ask(&rig, "SELECT arrived FROM numbering WHERE tbl = 7"), 1234);
    assert_int_equal(weir_state_note_batch(&rig.state, source, &rig.batch, 0), WEIR_REFUSED);
    close_rig(&rig);
}

static void a_state_of_a_later_version_is_refused(void **unused)
{
    struct weir_state state;
    struct rig rig;

    (void)unused;
    open_rig(&rig);
    assert_true(weir_db_execute(&rig.state.db, "PRAGMA user_version = 99"));
    assert_int_equal(weir_state_commit(&rig.state), WEIR_OK);
    assert_false(weir_state_open(&state, rig.path));
    assert_int_equal(weir_state_begin(&rig.state), WEIR_OK);
    close_rig(&rig);
}

static void what_is_undone_was_never_there(void **unused)
{
    struct rig rig;
    int64_t source;

    (void)unused;
    open_rig(&rig);
    assert_int_equal(weir_state_find_source(&rig.state, "g", "e", &source), WEIR_OK);
    weir_state_undo(&rig.state);
    weir_state_undo(&rig.state);
    assert_int_equal(weir_state_begin(&rig.state), WEIR_OK);
    assert_int_equal(ask(&rig, "SELECT count(*) FROM source"), 0);
    close_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_are_known_and_missing_as_in_a_set),
        cmocka_unit_test(the_ledger_is_that_of_the_newest_batch),
        cmocka_unit_test(a_name_that_came_twice_is_fresh_once),
        cmocka_unit_test(of_what_is_put_aside_the_oldest_gives_way),
        cmocka_unit_test(of_what_is_held_back_the_oldest_is_put_aside),
        cmocka_unit_test(a_gateway_that_has_most_held_back_gives_way),
        cmocka_unit_test(a_state_of_the_first_version_goes_on),
        cmocka_unit_test(a_state_of_a_later_version_is_refused),
        cmocka_unit_test(what_is_undone_was_never_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
