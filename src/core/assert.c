#include "core/assert.h"

#include <stddef.h>

void weir_assert_fail(const char *file, unsigned int line)
{
    __assert_fail("of this line", file, line, NULL);
}
