#include "port/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/unit.h"

static int captured[2];
static int kept_stderr;

/* What `log` writes to stderr, as one text. */
static void capture(void (*log)(void), char *text, size_t size)
{
    ssize_t length;

    dup2(captured[1], STDERR_FILENO);
    log();
    dup2(kept_stderr, STDERR_FILENO);
    length = read(captured[0], text, size - 1);
    assert_true(length >= 0);
    text[length] = '\0';
}

static void log_each_level(void)
{
    weir_log_error("one %d", 1);
    weir_log_warning("two");
    weir_log_info("three");
    weir_log_debug("left out");
    weir_log_set_verbose(true);
    weir_log_debug("four");
    weir_log_set_verbose(false);
}

static void the_journal_gets_a_priority_with_each_line(void **state)
{
    char text[4096];

    (void)state;
    capture(log_each_level, text, sizeof(text));
    assert_string_equal(text, "<3>weir: error: one 1\n<4>weir: warning: two\n"
                              "<6>weir: info: three\n<7>weir: debug: four\n");
}

static void log_control_bytes(void)
{
    weir_log_info("a\nb\tc\x7f\x1b[31m \xc3\xa9");
}

static void control_bytes_cannot_leave_their_line(void **state)
{
    char text[4096];

    (void)state;
    capture(log_control_bytes, text, sizeof(text));
    assert_string_equal(text, "<6>weir: info: a\\x0ab\\x09c\\x7f\\x1b[31m \xc3\xa9\n");
}

static void log_long_lines(void)
{
    char text[3000];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    weir_log_info("%s", text);
    memset(text, '\n', sizeof(text) - 1);
    weir_log_info("%s", text);
}

static void a_line_that_is_too_long_is_cut(void **state)
{
    char text[4096];

    (void)state;
    capture(log_long_lines, text, sizeof(text));
    assert_int_equal(strlen(text), 2 * WEIR_LOG_LINE_MAX);
    assert_memory_equal(text + WEIR_LOG_LINE_MAX - 4, "...\n", 4);
    assert_memory_equal(text + 2 * WEIR_LOG_LINE_MAX - 4, "...\n", 4);
}

static void log_with_errno(void)
{
    errno = ENOSPC;
    weir_log_error("%s", "x");
    assert_int_equal(errno, ENOSPC);
}

static void errno_is_kept(void **state)
{
    char text[4096];

    (void)state;
    capture(log_with_errno, text, sizeof(text));
}

/* The process decides at its first line whether stderr is the journal's: here, that pipe is. */
static int set_up(void **state)
{
    struct stat stream;
    char name[64];

    (void)state;
    kept_stderr = dup(STDERR_FILENO);
    if (kept_stderr < 0 || pipe(captured) != 0 || fstat(captured[1], &stream) != 0)
        return -1;
    snprintf(name, sizeof(name), "%llu:%llu", (unsigned long long)stream.st_dev,
             (unsigned long long)stream.st_ino);
    return setenv("JOURNAL_STREAM", name, 1);
}

static int tear_down(void **state)
{
    (void)state;
    close(captured[0]);
    close(captured[1]);
    close(kept_stderr);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_journal_gets_a_priority_with_each_line),
        cmocka_unit_test(control_bytes_cannot_leave_their_line),
        cmocka_unit_test(a_line_that_is_too_long_is_cut),
        cmocka_unit_test(errno_is_kept),
    };

    return cmocka_run_group_tests_name("log", tests, set_up, tear_down);
}
