#include "support/collector.h"

#define HOUR_MS ((int64_t)3600 * 1000)
#define DAY_MS (24 * HOUR_MS)

/* A batch of three series of the gateway "gate", the next of its epoch, under this numbering. */
static void put_batch(struct rig *rig, uint64_t epoch, uint64_t table, bool named, int64_t at_ms)
{
    struct compact_rig *compact = &rig->compact;

    compact->head.epoch = epoch;
    compact->head.table = table;
    compact->head.sequence++;
    compact->named = named;
    compact->row_count = 3;
    for (uint32_t i = 0; i < compact->row_count; i++)
        compact->rows[i] =
            (struct weir_summary){.series = i,
                                  .start_ms = (int64_t)compact->head.sequence * 10000,
                                  .end_ms = (int64_t)compact->head.sequence * 10000 + 10000,
                                  .count = 1};
    assert_int_equal(compact_write(compact, sizeof(compact->bytes)), compact->row_count);
    put(rig, "weir/v1/gate/batch", compact->bytes, compact->length, at_ms);
}

static void give_batch(struct rig *rig, uint64_t epoch, uint64_t table, bool named, int64_t at_ms)
{
    put_batch(rig, epoch, table, named, at_ms);
    settle(rig);
}

static int64_t count_names(struct rig *rig, uint64_t table)
{
    char sql[80];

    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM name WHERE tbl = %d", (int)table);
    return ask(rig, sql);
}

static void names_of_a_numbering_go_when_it_ended_a_month_ago(void **unused)
{
    struct rig *rig = set_up();

    (void)unused;
    give_batch(rig, 1, 10, true, 0);
    give_batch(rig, 1, 20, true, DAY_MS);
    give_batch(rig, 2, 30, true, 2 * DAY_MS);
    give_batch(rig, 2, 30, false, 30 * DAY_MS);
    assert_int_equal(count_names(rig, 10), 4);
    give_batch(rig, 2, 30, false, 30 * DAY_MS + HOUR_MS);
    assert_int_equal(count_names(rig, 10), 0);
    assert_int_equal(count_names(rig, 20), 4);
    give_batch(rig, 2, 30, false, 31 * DAY_MS + HOUR_MS);
    assert_int_equal(count_names(rig, 20), 0);
    assert_int_equal(count_names(rig, 30), 4);
    assert_int_equal(ask(rig, "SELECT count(*) FROM numbering"), 1);
    /* What is stored stays, and so does what is known to be there. */
    assert_int_equal(ask(rig, "SELECT count(*) FROM summaries WHERE series LIKE 'site/%'"), 18);
    assert_int_equal(ask(rig, "SELECT count(*) FROM source"), 2);
    tear_down(rig);
}

static void names_of_a_gateway_that_is_silent_for_long_are_kept(void **unused)
{
    struct rig *rig = set_up();

    (void)unused;
    give_batch(rig, 1, 10, true, 0);
    give(rig, "weir/v1/other/batch", "no batch", 8, 400 * DAY_MS);
    give_batch(rig, 1, 10, false, 800 * DAY_MS);
    assert_int_equal(ask(rig, "SELECT count(*) FROM held"), 0);
    assert_int_equal(ask(rig, "SELECT count(*) FROM summaries"), 6);
    tear_down(rig);
}

static void batches_held_back_for_a_month_are_put_aside(void **unused)
{
    struct rig *rig = set_up();

    (void)unused;
    give_batch(rig, 1, 10, false, 0);
    give_batch(rig, 1, 20, false, DAY_MS);
    give_batch(rig, 1, 30, true, 30 * DAY_MS + HOUR_MS);
    assert_int_equal(ask(rig, "SELECT count(*) FROM held WHERE tbl = 20"), 1);
    assert_int_equal(ask(rig, "SELECT count(*) FROM held"), 1);
    assert_int_equal(ask(rig, "SELECT count(*) FROM damaged WHERE topic = 'weir/v1/gate/batch'"
                              " AND problem = 'its names never came' AND arrived = 1700000000000"),
                     1);
    assert_int_equal(rig->collector.counts.damaged, 1);
    give_batch(rig, 1, 20, true, 30 * DAY_MS + 2 * HOUR_MS);
    assert_int_equal(ask(rig, "SELECT count(*) FROM held"), 0);
    assert_int_equal(ask(rig, "SELECT count(*) FROM summaries"), 9);
    tear_down(rig);
}

static void what_was_put_aside_goes_after_three_months(void **unused)
{
    struct rig *rig = set_up();

    (void)unused;
    give(rig, "weir/v1/gate/batch", "no batch", 8, 0);
    give(rig, "weir/v1/gate/batch", "no batch", 8, 80 * DAY_MS);
    assert_int_equal(ask(rig, "SELECT count(*) FROM damaged"), 2);
    give_batch(rig, 1, 10, true, 91 * DAY_MS);
    assert_int_equal(ask(rig, "SELECT count(*) FROM damaged"), 1);
    tear_down(rig);
}

static void a_clock_that_jumps_to_and_fro_loses_no_name_in_use(void **unused)
{
    struct rig *rig = set_up();

    (void)unused;
    give_batch(rig, 1, 10, true, 0);
    give_batch(rig, 1, 10, false, 4000 * DAY_MS);
    give_batch(rig, 1, 10, false, HOUR_MS);
    give_batch(rig, 1, 20, true, 2 * HOUR_MS);
    give_batch(rig, 1, 20, false, 4001 * DAY_MS);
    assert_int_equal(count_names(rig, 20), 4);
    give_batch(rig, 1, 20, false, 3 * HOUR_MS);
    assert_int_equal(ask(rig, "SELECT count(*) FROM held"), 0);
    assert_int_equal(ask(rig, "SELECT count(*) FROM summaries"), 18);
    tear_down(rig);
}

/* A target that takes a message at a time, and refuses the fourth transaction for good. */
static struct {
    struct weir_collector *collector;
    unsigned count;
    uint64_t row_count;
    uint64_t row_count_max; /* of a transaction */
} target;

static enum weir_status finish(struct weir_sink *sink)
{
    uint64_t row_count = target.collector->counts.rows - target.row_count;

    if (row_count > target.row_count_max)
        target.row_count_max = row_count;
    target.row_count = target.collector->counts.rows;
    if (++target.count != 4)
        return WEIR_OK;
    (void)snprintf(sink->problem, sizeof(sink->problem), "a type conflict");
    return WEIR_REFUSED;
}

static void batches_held_back_go_on_one_by_one(void **unused)
{
    struct rig *rig = set_up();

    (void)unused;
    for (int i = 0; i < 5; i++)
        give_batch(rig, 1, 10, false, i);
    target.collector = &rig->collector;
    rig->sink->message_count_max = 1;
    rig->sink->finish = finish;
    give_batch(rig, 1, 10, true, 10);
    assert_int_equal(target.row_count_max, 3);
    assert_int_equal(ask(rig, "SELECT count(*) FROM held"), 0);
    assert_int_equal(ask(rig, "SELECT count(*) FROM summaries"), 15);
    assert_int_equal(ask(rig, "SELECT count(*) FROM damaged WHERE problem = 'a type conflict' AND"
                              " topic = 'weir/v1/gate/batch' AND arrived = 1700000000002"),
                     1);
    assert_int_equal(ask(rig, "SELECT count(*) FROM damaged"), 1);
    tear_down(rig);
}

static void what_was_to_go_on_does_so_after_a_kill(void **unused)
{
    struct rig *rig = set_up();

    (void)unused;
    for (int i = 0; i < 5; i++)
        give_batch(rig, 1, 10, false, i);
    rig->sink->message_count_max = 1;
    put_batch(rig, 1, 10, true, 10);
    assert_int_equal(weir_collector_step(&rig->collector), WEIR_OK);
    assert_int_equal(ask(rig, "SELECT count(*) FROM held"), 4);
    weir_collector_finish(&rig->collector);
    assert_true(weir_collector_init(&rig->collector, &rig->state, rig->sink, &rig->spool));
    settle(rig);
    assert_int_equal(ask(rig, "SELECT count(*) FROM held"), 0);
    assert_int_equal(ask(rig, "SELECT count(*) FROM summaries"), 18);
    tear_down(rig);
}

static void lines_that_could_not_be_taken_back_come_once(void **unused)
{
    struct rig *rig = set_up_lines(WEIR_SINK_LINE);
    char line[512];
    FILE *file;
    int count = 0;

    (void)unused;
    put_batch(rig, 1, 10, true, 0);
    assert_true(weir_db_execute(&rig->state.db, "ALTER TABLE output RENAME TO away"));
    assert_int_equal(weir_collector_step(&rig->collector), WEIR_FULL);
    assert_true(weir_db_execute(&rig->state.db, "ALTER TABLE away RENAME TO output"));
    (void)weir_collector_step(&rig->collector);
    settle(rig);
    file = fopen(rig->output, "re");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        count++;
    (void)fclose(file);
    assert_int_equal(count, 3);
    tear_down(rig);
}

#define ALERT "{\"schema\":\"weir.alert/1\",\"gateway\":\"gate\",\"rule\":\"r\",\"stream\":\"s\","
#define STATE_TOPIC "weir/v1/gate/alert/r/a/state"

static void give_state(struct rig *rig, int sequence, int ts, const char *level)
{
    char text[256];

    (void)snprintf(text, sizeof(text),
                   ALERT "\"series\":\"a\",\"field\":\"t\",\"seq\":%d,\"level\":\"%s\",\"ts\":%d}",
                   sequence, level, ts);
    give(rig, STATE_TOPIC, text, strlen(text), 0);
}

static void a_state_is_not_replaced_by_an_older_one(void **unused)
{
    struct rig *rig = set_up();

    (void)unused;
    give_state(rig, 4, 1000, "critical");
    give_state(rig, 5, 2000, "ok");
    give_state(rig, 4, 1000, "critical");
    assert_int_equal(ask(rig, "SELECT text ->> 'level' = 'ok' FROM alert_state"), 1);
    /* A gateway that begins anew counts from 1. */
    give_state(rig, 1, 3000, "warning");
    assert_int_equal(ask(rig, "SELECT text ->> 'level' = 'warning' FROM alert_state"), 1);
    give(rig, STATE_TOPIC, "", 0, 0);
    assert_int_equal(ask(rig, "SELECT count(*) FROM alert_state"), 0);
    tear_down(rig);
}

static void an_event_of_a_rule_without_a_field_is_kept(void **unused)
{
    static const char event[] = ALERT
        "\"series\":\"a\",\"field\":null,\"seq\":1,\"event\":\"raised\",\"level\":\"warning\","
        "\"ts\":1000,\"value\":null,\"limit\":60}";
    struct rig *rig = set_up();

    (void)unused;
    give(rig, "weir/v1/gate/alert/r/a/event", event, strlen(event), 0);
    assert_int_equal(ask(rig, "SELECT count(*) FROM damaged"), 0);
    assert_int_equal(ask(rig, "SELECT count(*) FROM alert WHERE rule = 'r' AND field = ''"), 1);
    tear_down(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_a_numbering_go_when_it_ended_a_month_ago),
        cmocka_unit_test(names_of_a_gateway_that_is_silent_for_long_are_kept),
        cmocka_unit_test(batches_held_back_for_a_month_are_put_aside),
        cmocka_unit_test(what_was_put_aside_goes_after_three_months),
        cmocka_unit_test(a_clock_that_jumps_to_and_fro_loses_no_name_in_use),
        cmocka_unit_test(batches_held_back_go_on_one_by_one),
        cmocka_unit_test(what_was_to_go_on_does_so_after_a_kill),
        cmocka_unit_test(lines_that_could_not_be_taken_back_come_once),
        cmocka_unit_test(a_state_is_not_replaced_by_an_older_one),
        cmocka_unit_test(an_event_of_a_rule_without_a_field_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
