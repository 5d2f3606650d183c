/*
 * assert() that names the file and the line, and not the condition, which stands there: its text and
 * the function's name would be 3 % of the program. static_assert is the usual one.
 */
#ifndef WEIR_CORE_ASSERT_H
#define WEIR_CORE_ASSERT_H

#include <assert.h>

#undef assert
#define assert(condition) ((condition) ? (void)0 : weir_assert_fail(__FILE__, __LINE__))

/* Says so on stderr, and aborts. */
__attribute__((noreturn, cold)) void weir_assert_fail(const char *file, unsigned int line);

#endif
