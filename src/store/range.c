#include "store/range.h"

#include <string.h>

#include "core/assert.h"

/* True when before ends so far below after that a number lies between them. */
static bool is_apart(const struct weir_batch_range *before, const struct weir_batch_range *after)
{
    return before->last < after->first && after->first - before->last > 1;
}

enum weir_status weir_range_accept(struct weir_range_list *list, uint64_t first, uint64_t last)
{
    struct weir_batch_range joined = {first, last};
    uint32_t start = 0;
    uint32_t end;

    assert(first <= last);
    while (start < list->count && is_apart(&list->ranges[start], &joined))
        start++;
    for (end = start; end < list->count && !is_apart(&joined, &list->ranges[end]); end++) {
        if (list->ranges[end].first < joined.first)
            joined.first = list->ranges[end].first;
        if (list->ranges[end].last > joined.last)
            joined.last = list->ranges[end].last;
    }
    if (start == end && list->count == WEIR_BATCH_RANGE_COUNT_MAX)
        return WEIR_FULL;
    memmove(&list->ranges[start + 1], &list->ranges[end],
            (list->count - end) * sizeof(list->ranges[0]));
    list->ranges[start] = joined;
    list->count = list->count - (end - start) + 1;
    return WEIR_OK;
}
