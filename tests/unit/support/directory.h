/* A directory of a test's own. */
#ifndef TESTS_SUPPORT_DIRECTORY_H
#define TESTS_SUPPORT_DIRECTORY_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

static inline void directory_make(char *path, size_t size)
{
    (void)snprintf(path, size, "/tmp/weir-test-XXXXXX");
    assert_non_null(mkdtemp(path));
}

static inline int directory_remove_file(const char *path, const struct stat *status, int kind,
                                        struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

/* With all that is in it. */
static inline void directory_remove(const char *path)
{
    assert_int_equal(nftw(path, directory_remove_file, 8, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
