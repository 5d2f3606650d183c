/*
 * The log: lines to stderr, "weir: <level>: text", with the syslog priority in front ("<4>") when
 * stderr is the journal's. The edges log; the core counts. Never once a message.
 *
 * Any thread, but not a signal handler: each line is one write. Control bytes come out as \x0a, so
 * that what a stranger sent stays inside its line; a line that is too long ends in "...". errno is
 * kept.
 */
#ifndef WEIR_PORT_LOG_H
#define WEIR_PORT_LOG_H

#include <stdbool.h>

/* Bytes of a line, its end included: below this a pipe takes a write in one piece. */
#define WEIR_LOG_LINE_MAX 1024

__attribute__((format(printf, 1, 2))) void weir_log_error(const char *format, ...);
__attribute__((format(printf, 1, 2))) void weir_log_warning(const char *format, ...);
__attribute__((format(printf, 1, 2))) void weir_log_info(const char *format, ...);
__attribute__((format(printf, 1, 2))) void weir_log_debug(const char *format, ...);

/* Debug lines are left out unless verbose. */
void weir_log_set_verbose(bool verbose);

#endif
