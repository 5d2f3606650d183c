#include "support/unit.h"

#include <string.h>

#include "command/order.h"

static char problem[WEIR_ORDER_PROBLEM_SIZE];

static bool read_order(struct weir_order *order, const char *text)
{
    *order = (struct weir_order){.rule = "topic", .series = "of/topic"};
    problem[0] = '\0';
    return weir_order_read(order, text, strlen(text), problem);
}

static void an_order_is_read_with_all_it_names(void **state)
{
    struct weir_order order;

    (void)state;
    assert_true(read_order(&order, "{\"command\":\"ack\",\"rule\":\"hot\",\"series\":\"a\\/b\","
                                   "\"id\":\"00000000000000ff\",\"by\":\"ann\"}"));
    assert_int_equal(order.kind, WEIR_ORDER_ACKNOWLEDGE);
    assert_string_equal(order.rule, "hot");
    assert_string_equal(order.series, "a/b");
    assert_true(order.has_id && order.id == 255);
    assert_string_equal(order.by, "ann");
    assert_true(read_order(&order, "{\"command\":\"shelve\",\"for\":\"2h\"}"));
    assert_int_equal(order.duration_ms, 7200000);
    assert_true(read_order(&order, "{\"command\":\"explain\",\"form\":\"text\",\"more\":[1]}"));
    assert_true(order.kind == WEIR_ORDER_EXPLAIN && order.as_text);
}

static void bare_words_and_what_is_left_out_leave_rule_and_series_to_the_topic(void **state)
{
    struct weir_order order;

    (void)state;
    assert_true(read_order(&order, "ack"));
    assert_true(order.kind == WEIR_ORDER_ACKNOWLEDGE && !order.has_id);
    assert_true(read_order(&order, "unshelve"));
    assert_int_equal(order.kind, WEIR_ORDER_UNSHELVE);
    assert_true(read_order(&order, "{\"command\":\"unshelve\"}"));
    assert_string_equal(order.rule, "topic");
    assert_string_equal(order.series, "of/topic");
}

static void what_is_no_order_is_refused_with_the_reason(void **state)
{
    static const char *const texts[][2] = {
        {"", "JSON object"},
        {"ack ", "JSON object"},
        {"shelve", "JSON object"},
        {"[]", "ack, shelve"},
        {"{}", "ack, shelve"},
        {"{\"command\":\"dance\"}", "ack, shelve"},
        {"{\"command\":\"a word that is far too long\"}", "\"command\""},
        {"{\"command\":1}", "\"command\""},
        {"{\"command\":\"ack\",\"id\":\"ff\"}", "16 hexadecimal"},
        {"{\"command\":\"ack\",\"id\":\"0x000000000000ff\"}", "16 hexadecimal"},
        {"{\"command\":\"ack\",\"id\":\"FFFFFFFFFFFFFFFF\"}", "16 hexadecimal"},
        {"{\"command\":\"ack\",\"rule\":\"a\\u0000b\"}", "\"rule\""},
        {"{\"command\":\"ack\",\"by\":\"\\ud800\"}", "\"by\""},
        {"{\"command\":\"shelve\"}", "duration"},
        {"{\"command\":\"shelve\",\"for\":\"0\"}", "duration"},
        {"{\"command\":\"shelve\",\"for\":\"-1h\"}", "duration"},
        {"{\"command\":\"shelve\",\"for\":\"99999999999999999999d\"}", "duration"},
    };
    static char longest[WEIR_ORDER_LENGTH_MAX + 2];
    struct weir_order order;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(read_order(&order, texts[i][0]));
        assert_non_null(strstr(problem, texts[i][1]));
    }
    memset(longest, ' ', sizeof(longest) - 1);
    memcpy(longest, "{\"command\":\"ack\"}", 17);
    assert_false(read_order(&order, longest));
    assert_non_null(strstr(problem, "bytes"));
    longest[WEIR_ORDER_LENGTH_MAX] = '\0';
    assert_true(read_order(&order, longest));
}

static void an_order_that_is_written_is_read_back(void **state)
{
    struct weir_order order = {.kind = WEIR_ORDER_ACKNOWLEDGE, .has_id = true};
    char bytes[WEIR_ORDER_LENGTH_MAX];
    struct weir_order back;
    struct weir_text text;

    (void)state;
    memset(order.rule, 'r', sizeof(order.rule) - 1);
    /* Each takes six bytes. */
    memset(order.series, 1, sizeof(order.series) - 1);
    memset(order.by, 'b', sizeof(order.by) - 1);
    order.id = 0xfedcba9876543210;
    for (int kind = WEIR_ORDER_ACKNOWLEDGE; kind <= WEIR_ORDER_EXPLAIN; kind++) {
        order.kind = (enum weir_order_kind)kind;
        order.duration_ms = kind == WEIR_ORDER_SHELVE ? 5400000 : 0;
        order.as_text = kind == WEIR_ORDER_EXPLAIN;
        weir_text_init(&text, bytes, sizeof(bytes));
        weir_order_write(&text, &order);
        assert_false(text.overflow);
        back = (struct weir_order){0};
        assert_true(weir_order_read(&back, bytes, text.length, problem));
        assert_memory_equal(&back, &order, sizeof(order));
    }
}

static void an_answer_says_yes_or_why_not(void **state)
{
    char bytes[128];
    struct weir_text text;

    (void)state;
    weir_text_init(&text, bytes, sizeof(bytes));
    weir_order_answer(&text, NULL);
    assert_memory_equal(bytes, "{\"ok\":true}", text.length);
    weir_text_init(&text, bytes, sizeof(bytes));
    weir_order_answer(&text, "no \"rule\"");
    assert_memory_equal(bytes, "{\"ok\":false,\"error\":\"no \\\"rule\\\"\"}", text.length);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_is_read_with_all_it_names),
        cmocka_unit_test(bare_words_and_what_is_left_out_leave_rule_and_series_to_the_topic),
        cmocka_unit_test(what_is_no_order_is_refused_with_the_reason),
        cmocka_unit_test(an_order_that_is_written_is_read_back),
        cmocka_unit_test(an_answer_says_yes_or_why_not),
    };

    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
