#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/batch.h"
#include "format/batch_read.h"
#include "support/build.h"

static const struct weir_ledger ledger = {.received = 3, .accepted = 3, .summaries = 2};

static const struct weir_batch_head head = {
    .gateway = "gate",
    .epoch = 0xabc,
    .sequence = 41,
    .created_ms = 1700000000000,
    .ledger = &ledger,
};

struct fixture {
    struct build build;
    struct weir_summary summary;
    struct weir_batch batch;
    struct weir_batch_reader reader;
    struct weir_batch_view view;
};

static struct fixture *set_up(void)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct weir_stream_config *stream;

    assert_non_null(fixture);
    build_init(&fixture->build);
    stream = build_stream(&fixture->build, "s", "a/{b}");
    stream->aggregates = 1u << WEIR_AGGREGATE_COUNT;
    (void)build_field(stream, "f");
    fixture->summary = (struct weir_summary){.start_ms = 10, .end_ms = 20, .count = 1};
    weir_batch_init(&fixture->batch, WEIR_BATCH_BYTES_MAX);
    weir_batch_reader_init(&fixture->reader);
    return fixture;
}

static enum weir_status accept(struct fixture *fixture)
{
    return weir_batch_accept(&fixture->batch, &fixture->build.streams[0], "x", &fixture->summary,
                             NULL);
}

static const char *open_text(struct fixture *fixture, const char *text, size_t length)
{
    return weir_batch_reader_open(&fixture->reader, text, length, &fixture->view);
}

static const char *open_string(struct fixture *fixture, const char *text)
{
    return open_text(fixture, text, strlen(text));
}

static void assert_value(const struct weir_json_value *value, const char *expected)
{
    assert_int_equal(value->length, strlen(expected));
    assert_memory_equal(value->text, expected, value->length);
}

static void assert_next(struct fixture *fixture, const char *expected)
{
    const char *text;
    size_t length;

    assert_true(weir_batch_view_next(&fixture->view, &text, &length));
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(text, expected, length);
}

static void assert_end(struct fixture *fixture)
{
    const char *text;
    size_t length;

    assert_false(weir_batch_view_next(&fixture->view, &text, &length));
}

static void a_batch_is_the_envelope_around_its_rows(void **state)
{
    struct fixture *fixture = set_up();
    const char *bytes;
    char *text;
    size_t length;

    (void)state;
    assert_int_equal(accept(fixture), WEIR_OK);
    fixture->summary.count = 2;
    assert_int_equal(accept(fixture), WEIR_OK);
    bytes = weir_batch_seal(&fixture->batch, &head, &length);
    text = strndup(bytes, length);
    assert_string_equal(
        text, "{\"schema\":\"weir.batch/1\",\"gateway\":\"gate\",\"epoch\":\"0000000000000abc\","
              "\"seq\":41,\"created\":1700000000000,\"ledger\":{\"received\":3,\"accepted\":3,"
              "\"unmatched\":0,\"oversize\":0,\"malformed\":0,\"samples\":0,\"summarised\":0,"
              "\"open\":0,\"late_dropped\":0,\"invalid\":0,\"over_budget\":0,\"late\":0,"
              "\"clock_ahead\":0,\"time_unreadable\":0,\"summaries\":2,\"historical\":0,"
              "\"events_held_back\":0,\"queue_dropped\":0,"
              "\"outbox_dropped\":0,\"batches_dropped\":0,\"events_dropped\":0,"
              "\"coarsened\":0,\"journal_lost\":0,\"duplicates\":0},\"summaries\":["
              "{\"stream\":\"s\",\"series\":\"x\",\"field\":\"f\",\"start\":10,\"end\":20,"
              "\"revision\":0,\"count\":1},"
              "{\"stream\":\"s\",\"series\":\"x\",\"field\":\"f\",\"start\":10,\"end\":20,"
              "\"revision\":0,\"count\":2}]}");
    free(text);
    free(fixture);
}

static void the_longest_envelope_fits_its_gap(void **state)
{
    struct fixture *fixture = set_up();
    struct weir_ledger full;
    char gateway[WEIR_NAME_LENGTH_MAX + 1];
    struct weir_batch_range ranges[WEIR_BATCH_RANGE_COUNT_MAX];
    char ledger_text[WEIR_BATCH_LEDGER_BYTES_MAX];
    struct weir_batch_head longest = {
        .gateway = gateway,
        .epoch = UINT64_MAX,
        .sequence = UINT64_MAX,
        .created_ms = INT64_MIN,
        .ledger = &full,
        .ranges = ranges,
        .range_count = WEIR_BATCH_RANGE_COUNT_MAX,
    };
    const char *bytes;
    size_t length;

    (void)state;
    memset(ranges, 0xff, sizeof(ranges));
    memset(&full, 0xff, sizeof(full));
    memset(gateway, '\x01', sizeof(gateway) - 1);
    gateway[sizeof(gateway) - 1] = '\0';
    bytes = weir_batch_seal(&fixture->batch, &longest, &length);
    assert_null(open_text(fixture, bytes, length));
    assert_true(fixture->view.ledger.length <= WEIR_BATCH_LEDGER_BYTES_MAX);
    assert_end(fixture);

    memset(ledger_text, ' ', sizeof(ledger_text));
    ledger_text[0] = '{';
    ledger_text[sizeof(ledger_text) - 1] = '}';
    longest.ledger_text = ledger_text;
    longest.ledger_length = sizeof(ledger_text);
    bytes = weir_batch_seal(&fixture->batch, &longest, &length);
    assert_null(open_text(fixture, bytes, length));
    assert_int_equal(fixture->view.ledger.length, sizeof(ledger_text));
    free(fixture);
}

static void a_batch_can_stand_for_others(void **state)
{
    static const struct weir_batch_range ranges[] = {{1, 7}, {9, 9}, {11, UINT64_MAX}};
    static const char start[] = "{\"schema\":\"weir.batch/1\",\"gateway\":\"gate\","
                                "\"epoch\":\"0000000000000abc\",\"seq\":41,"
                                "\"created\":1700000000000,"
                                "\"replaces\":[[1,7],[9,9],[11,18446744073709551615]],"
                                "\"ledger\":{\"a\": 1},\"summaries\":[{";
    struct weir_batch_range found[WEIR_BATCH_RANGE_COUNT_MAX];
    struct weir_batch_head other = head;
    struct fixture *fixture = set_up();
    uint32_t found_count;
    const char *bytes;
    size_t length;

    (void)state;
    other.ranges = ranges;
    other.range_count = 3;
    other.ledger_text = "{\"a\": 1}";
    other.ledger_length = strlen(other.ledger_text);
    assert_int_equal(accept(fixture), WEIR_OK);
    bytes = weir_batch_seal(&fixture->batch, &other, &length);
    assert_memory_equal(bytes, start, strlen(start));
    assert_null(open_text(fixture, bytes, length));
    assert_value(&fixture->view.created, "1700000000000");
    assert_true(weir_batch_view_ranges(&fixture->view, found, &found_count));
    assert_int_equal(found_count, 3);
    assert_memory_equal(found, ranges, sizeof(ranges));
    bytes = weir_batch_seal(&fixture->batch, &head, &length);
    assert_null(open_text(fixture, bytes, length));
    assert_true(weir_batch_view_ranges(&fixture->view, found, &found_count));
    assert_int_equal(found_count, 0);
    free(fixture);
}

/* The number of ranges, -1: refused. */
static int count_ranges(struct fixture *fixture, const char *replaces)
{
    struct weir_batch_range found[WEIR_BATCH_RANGE_COUNT_MAX];
    uint32_t count;
    char text[2048];
    int length = snprintf(text, sizeof(text),
                          "{\"schema\":\"weir.batch/1\",\"gateway\":\"g\",\"epoch\":\"e\","
                          "\"seq\":1,\"ledger\":{},\"summaries\":[],\"replaces\":%s}",
                          replaces);

    assert_null(open_text(fixture, text, (size_t)length));
    return weir_batch_view_ranges(&fixture->view, found, &count) ? (int)count : -1;
}

static void replaces_is_a_list_of_ranges(void **state)
{
    static const char *const refused[] = {
        "1",
        "{}",
        "null",
        "[1]",
        "[[]]",
        "[[1]]",
        "[[1,2,3]]",
        "[[2,1]]",
        "[[-1,2]]",
        "[[1,2.0]]",
        "[[1,1e3]]",
        "[[1,\"2\"]]",
        "[[[1,2]]]",
        "[[1,2],3]",
        "[[1,2],[]]",
        "[[1,2],{}]",
        "[[1,18446744073709551616]]",
    };
    struct fixture *fixture = set_up();
    char text[1024] = "[";

    (void)state;
    assert_int_equal(count_ranges(fixture, "[]"), 0);
    assert_int_equal(count_ranges(fixture, " [ ] "), 0);
    assert_int_equal(count_ranges(fixture, "[[1,1]]"), 1);
    assert_int_equal(count_ranges(fixture, " [ [ 1 , 18446744073709551615 ] ,\n[0,0] ] "), 2);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_int_equal(count_ranges(fixture, refused[i]), -1);
    for (int i = 0; i < WEIR_BATCH_RANGE_COUNT_MAX; i++)
        strcat(text, i > 0 ? ",[1,1]" : "[1,1]");
    strcat(text, "]");
    assert_int_equal(count_ranges(fixture, text), WEIR_BATCH_RANGE_COUNT_MAX);
    text[strlen(text) - 1] = '\0';
    strcat(text, ",[1,1]]");
    assert_int_equal(count_ranges(fixture, text), -1);
    free(fixture);
}

static void counts_and_integers_are_read_to_their_limits(void **state)
{
    static const struct {
        const char *text;
        bool is_count;
        uint64_t count;
        bool is_int;
        int64_t number;
    } cases[] = {
        {"0", true, 0, true, 0},
        {"-0", false, 0, true, 0},
        {"9223372036854775807", true, INT64_MAX, true, INT64_MAX},
        {"9223372036854775808", true, 1ULL << 63, false, 0},
        {"-9223372036854775807", false, 0, true, -INT64_MAX},
        {"18446744073709551615", true, UINT64_MAX, false, 0},
        {"18446744073709551616", false, 0, false, 0},
        {"99999999999999999999", false, 0, false, 0},
        {"1.0", false, 0, false, 0},
        {"1e1", false, 0, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_json_value value = {.kind = WEIR_JSON_NUMBER,
                                        .text = cases[i].text,
                                        .length = (uint32_t)strlen(cases[i].text)};
        uint64_t count;
        int64_t number;

        assert_int_equal(weir_batch_read_count(&value, &count), cases[i].is_count);
        assert_true(!cases[i].is_count || count == cases[i].count);
        assert_int_equal(weir_batch_read_int(&value, &number), cases[i].is_int);
        assert_true(!cases[i].is_int || number == cases[i].number);
        value.kind = WEIR_JSON_STRING;
        assert_false(weir_batch_read_count(&value, &count));
        assert_false(weir_batch_read_int(&value, &number));
    }
}

static void a_batch_takes_rows_until_it_is_full_and_no_byte_more(void **state)
{
    struct fixture *fixture = set_up();
    uint32_t count = 0;
    uint32_t read = 0;
    const char *bytes;
    const char *row;
    size_t row_length;
    size_t length;

    (void)state;
    for (uint64_t size = 2; size < 1000; size += 7) {
        weir_batch_init(&fixture->batch, size);
        while (accept(fixture) == WEIR_OK)
            ;
        assert_true(fixture->batch.rows_length + 2 <= size);
    }
    weir_batch_init(&fixture->batch, UINT64_MAX);
    while (accept(fixture) == WEIR_OK)
        count++;
    bytes = weir_batch_seal(&fixture->batch, &head, &length);
    assert_true(length <= WEIR_BATCH_HEAD_BYTES + WEIR_BATCH_BYTES_MAX);
    assert_null(open_text(fixture, bytes, length));
    while (weir_batch_view_next(&fixture->view, &row, &row_length))
        read++;
    assert_int_equal(read, count);
    assert_true(count == WEIR_BATCH_ROW_COUNT_MAX ||
                fixture->batch.rows_length > WEIR_BATCH_BYTES_MAX - 512);
    free(fixture);
}

static void what_was_written_reads_back(void **state)
{
    struct fixture *fixture = set_up();
    const char *bytes;
    size_t length;

    (void)state;
    assert_int_equal(accept(fixture), WEIR_OK);
    bytes = weir_batch_seal(&fixture->batch, &head, &length);
    assert_null(open_text(fixture, bytes, length));
    assert_value(&fixture->view.gateway, "gate");
    assert_value(&fixture->view.epoch, "0000000000000abc");
    assert_value(&fixture->view.sequence, "41");
    assert_next(fixture, "{\"stream\":\"s\",\"series\":\"x\",\"field\":\"f\",\"start\":10,"
                         "\"end\":20,\"revision\":0,\"count\":1}");
    assert_end(fixture);
    assert_end(fixture);
    free(fixture);
}

static void blanks_order_and_unknown_members_do_not_matter(void **state)
{
    struct fixture *fixture = set_up();

    (void)state;
    assert_null(open_string(fixture, " { \"summaries\" : [ {\"a\":{\"b\":\"}]{\"}} ,\n{} ,\t"
                                     "{\"c\":\"\\\"}\\\\\"} ] , \"replaces\":[[1,2]], \"seq\":7,"
                                     "\"ledger\":{}, \"epoch\":\"e\",\"gateway\":\"g\\u0041\","
                                     "\"schema\":\"weir.batch/1\"} "));
    assert_value(&fixture->view.gateway, "g\\u0041");
    assert_value(&fixture->view.ledger, "{}");
    assert_next(fixture, "{\"a\":{\"b\":\"}]{\"}}");
    assert_next(fixture, "{}");
    assert_next(fixture, "{\"c\":\"\\\"}\\\\\"}");
    assert_end(fixture);
    free(fixture);
}

#define BATCH(schema, gateway, seq, ledger_text, summaries)                                        \
    "{\"schema\":" schema ",\"gateway\":" gateway ",\"epoch\":\"e\",\"seq\":" seq                  \
    ",\"ledger\":" ledger_text ",\"summaries\":" summaries "}"
#define SCHEMA "\"weir.batch/1\""

static void what_is_no_batch_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "null",
        BATCH("\"weir.batch/2\"", "\"g\"", "1", "{}", "[]"),
        BATCH("\"weir.batch/10\"", "\"g\"", "1", "{}", "[]"),
        BATCH("1", "\"g\"", "1", "{}", "[]"),
        BATCH(SCHEMA, "7", "1", "{}", "[]"),
        BATCH(SCHEMA, "\"g\"", "-1", "{}", "[]"),
        BATCH(SCHEMA, "\"g\"", "1.0", "{}", "[]"),
        BATCH(SCHEMA, "\"g\"", "1e3", "{}", "[]"),
        BATCH(SCHEMA, "\"g\"", "\"1\"", "{}", "[]"),
        BATCH(SCHEMA, "\"g\"", "1", "[]", "[]"),
        BATCH(SCHEMA, "\"g\"", "1", "{}", "{}"),
        BATCH(SCHEMA, "\"g\"", "1", "{}", "null"),
        BATCH(SCHEMA, "\"g\"", "1", "{}", "[1]"),
        BATCH(SCHEMA, "\"g\"", "1", "{}", "[{},\"{}\"]"),
        BATCH(SCHEMA, "\"g\"", "1", "{}", "[[{}]]"),
        BATCH(SCHEMA, "\"g\"", "1", "{}", "[{},]"),
    };
    struct fixture *fixture = set_up();

    (void)state;
    assert_null(open_string(fixture, BATCH(SCHEMA, "\"g\"", "1", "{}", "[]")));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_non_null(open_string(fixture, texts[i]));
    free(fixture);
}

static void a_batch_cut_off_anywhere_is_refused(void **state)
{
    struct fixture *fixture = set_up();
    const char *bytes;
    size_t length;

    (void)state;
    assert_int_equal(accept(fixture), WEIR_OK);
    bytes = weir_batch_seal(&fixture->batch, &head, &length);
    for (size_t cut = 0; cut < length; cut++) {
        char *copy = malloc(cut + 1);

        assert_non_null(copy);
        memcpy(copy, bytes, cut);
        assert_non_null(open_text(fixture, copy, cut));
        free(copy);
    }
    free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_the_envelope_around_its_rows),
        cmocka_unit_test(the_longest_envelope_fits_its_gap),
        cmocka_unit_test(a_batch_can_stand_for_others),
        cmocka_unit_test(replaces_is_a_list_of_ranges),
        cmocka_unit_test(counts_and_integers_are_read_to_their_limits),
        cmocka_unit_test(a_batch_takes_rows_until_it_is_full_and_no_byte_more),
        cmocka_unit_test(what_was_written_reads_back),
        cmocka_unit_test(blanks_order_and_unknown_members_do_not_matter),
        cmocka_unit_test(what_is_no_batch_is_refused),
        cmocka_unit_test(a_batch_cut_off_anywhere_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
