/* What a gateway that is broken, or means harm, may send: it must not reach beyond itself. */
#include "support/collector.h"

static void give_compact(struct rig *rig)
{
    rig->compact.head.sequence++;
    assert_int_equal(compact_write(&rig->compact, sizeof(rig->compact.bytes)),
                     rig->compact.row_count);
    give(rig, "weir/v1/gate/batch", rig->compact.bytes, rig->compact.length, 0);
}

/* Of a row with bins for a sketch, ends that are no numbers. */
static void quantiles_between_ends_that_are_no_numbers_are_left_out(void **unused)
{
    struct rig *rig = set_up_lines(WEIR_SINK_LINE);
    struct compact_rig *compact = &rig->compact;
    struct weir_sketch *sketch = &compact->sketches[0];
    char line[512] = "";
    FILE *file;

    (void)unused;
    compact->named = true;
    compact->row_count = 1;
    compact->streams[0].quantile_count = 2;
    compact->streams[0].quantiles[0] = 1;
    compact->streams[0].quantiles[1] = 500;
    memset(sketch, 0, sizeof(*sketch));
    for (int i = 0; i < 100; i++)
        weir_sketch_accept(sketch, i);
    compact->rows[0] = (struct weir_summary){
        .start_ms = 10000, .end_ms = 20000, .count = 100, .min = (double)NAN, .max = 99};
    give_compact(rig);
    file = fopen(rig->output, "re");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    (void)fclose(file);
    assert_null(strstr(line, "nan"));
    assert_null(strstr(line, "p0.1="));
    assert_non_null(strstr(line, "p50="));
    tear_down(rig);
}

static void names_that_are_not_utf_8_are_put_aside(void **unused)
{
    static char stream[] = "climate\0temperature\0Cel\0";
    static char series[] = "hall-\xff";
    const struct weir_compact_text stream_text = {stream, sizeof(stream) - 1, true};
    const struct weir_compact_text series_text = {series, sizeof(series) - 1, true};
    const struct weir_summary row = {.start_ms = 10000, .end_ms = 20000, .count = 1};
    struct rig *rig = set_up();
    struct compact_rig *compact = &rig->compact;

    (void)unused;
    weir_compact_writer_init(&compact->writer, compact->bytes, sizeof(compact->bytes));
    assert_int_equal(weir_compact_writer_prepare(&compact->writer, &row, NULL), WEIR_OK);
    weir_compact_writer_begin(&compact->writer, &compact->head);
    assert_int_equal(weir_compact_writer_accept(&compact->writer, &compact->streams[0],
                                                &stream_text, &series_text, &row, NULL),
                     WEIR_OK);
    compact->length = weir_compact_writer_seal(&compact->writer);
    give(rig, "weir/v1/gate/batch", compact->bytes, compact->length, 0);
    assert_int_equal(ask(rig, "SELECT count(*) FROM summaries"), 0);
    assert_int_equal(ask(rig, "SELECT problem = 'its names are not UTF-8' FROM damaged"), 1);
    tear_down(rig);
}

/* Both of them of bytes that are escaped in JSON. */
static void a_line_has_room_for_any_gateway_and_epoch(void **unused)
{
    char gateway[2 * WEIR_NAME_LENGTH_MAX + 1] = "";
    char epoch[6 * WEIR_COLLECT_EPOCH_LENGTH_MAX + 1] = "";
    char topic[128] = "weir/v1/";
    char text[1024];
    char expected[1024];
    char line[1024] = "";
    struct rig *rig = set_up_lines(WEIR_SINK_NDJSON);
    FILE *file;

    (void)unused;
    for (int i = 0; i < WEIR_NAME_LENGTH_MAX; i++) {
        strcat(gateway, "\\\"");
        strcat(topic, "\"");
    }
    for (int i = 0; i < WEIR_COLLECT_EPOCH_LENGTH_MAX; i++)
        strcat(epoch, "\\u0001");
    strcat(topic, "/batch");
    (void)snprintf(text, sizeof(text),
                   "{\"schema\":\"weir.batch/1\",\"gateway\":\"%s\",\"epoch\":\"%s\",\"seq\":41,"
                   "\"ledger\":{},\"summaries\":[]}",
                   gateway, epoch);
    (void)snprintf(expected, sizeof(expected),
                   "{\"type\":\"ledger\",\"gateway\":\"%s\",\"epoch\":\"%s\",\"seq\":41}\n",
                   gateway, epoch);
    give(rig, topic, text, strlen(text), 0);
    file = fopen(rig->output, "re");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    (void)fclose(file);
    assert_string_equal(line, expected);
    tear_down(rig);
}

/* The next batches of the gateway "gate", by number; ranges: in JSON. */
static void give_json(struct rig *rig, const char *gateway, uint64_t sequence, const char *ranges)
{
    char topic[64];
    char text[512];

    (void)snprintf(topic, sizeof(topic), "weir/v1/%s/batch", gateway);
    (void)snprintf(text, sizeof(text),
                   "{\"schema\":\"weir.batch/1\",\"gateway\":\"%s\",\"epoch\":\"e\",\"seq\":%llu,"
                   "\"replaces\":%s,\"ledger\":{},\"summaries\":[{\"stream\":\"climate\","
                   "\"series\":\"a\",\"field\":\"t\",\"start\":%llu,\"end\":%llu,\"revision\":0}]}",
                   gateway, (unsigned long long)sequence, ranges, (unsigned long long)sequence,
                   (unsigned long long)sequence);
    give(rig, topic, text, strlen(text), 0);
}

static void a_batch_cannot_stand_for_those_to_come(void **unused)
{
    struct rig *rig = set_up();

    (void)unused;
    give_json(rig, "gate", 5, "[[3,4]]");
    give_json(rig, "gate", 6, "[[1,2],[7,100]]");
    give_json(rig, "gate", 6, "[[6,6]]");
    give_json(rig, "gate", 7, "[]");
    assert_int_equal(ask(rig, "SELECT count(*) FROM damaged"), 2);
    assert_int_equal(ask(rig, "SELECT count(*) FROM summaries WHERE start_ms IN (5, 7)"), 2);
    assert_int_equal(ask(rig, "SELECT first = 6 AND last = 6 FROM gap"), 1);
    tear_down(rig);
}

static void gaps_are_counted_up_to_the_largest_number(void **unused)
{
    struct rig *rig = set_up();
    int64_t batches;
    int64_t gateways;

    (void)unused;
    for (int i = 0; i < 2; i++) {
        give_json(rig, i == 0 ? "a" : "b", 0, "[]");
        give_json(rig, i == 0 ? "a" : "b", INT64_MAX, "[]");
    }
    assert_int_equal(weir_state_count_gaps(&rig->state, &batches, &gateways), WEIR_OK);
    assert_int_equal(gateways, 2);
    assert_int_equal(batches, INT64_MAX);
    tear_down(rig);
}

static void what_is_no_state_of_an_alert_is_put_aside(void **unused)
{
    static const char *const bad[] = {
        "no state", "{}", "\xff",
        "{\"schema\":\"weir.alert/1\",\"gateway\":\"other\",\"rule\":\"r\",\"stream\":\"s\","
        "\"series\":\"a\",\"field\":\"t\",\"seq\":1,\"level\":\"ok\",\"ts\":1}"};
    struct rig *rig = set_up();

    (void)unused;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        give(rig, "weir/v1/gate/alert/r/a/state", bad[i], strlen(bad[i]), 0);
    assert_int_equal(ask(rig, "SELECT count(*) FROM alert_state"), 0);
    assert_int_equal(ask(rig, "SELECT count(*) FROM damaged"), 4);
    tear_down(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_between_ends_that_are_no_numbers_are_left_out),
        cmocka_unit_test(names_that_are_not_utf_8_are_put_aside),
        cmocka_unit_test(a_line_has_room_for_any_gateway_and_epoch),
        cmocka_unit_test(a_batch_cannot_stand_for_those_to_come),
        cmocka_unit_test(gaps_are_counted_up_to_the_largest_number),
        cmocka_unit_test(what_is_no_state_of_an_alert_is_put_aside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
