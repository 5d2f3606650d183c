#include "command/resend.h"

void weir_resend_init(struct weir_resend *resend, bool *acknowledged, uint64_t max)
{
    *resend = (struct weir_resend){.acknowledged = acknowledged, .max = max};
}

bool weir_resend_add(struct weir_resend *resend, uint64_t *number)
{
    if (resend->end - resend->first == resend->max)
        return false;
    *number = resend->end++;
    resend->acknowledged[*number % resend->max] = false;
    return true;
}

bool weir_resend_peek(struct weir_resend *resend, uint64_t *number)
{
    while (resend->next < resend->end && resend->acknowledged[resend->next % resend->max])
        resend->next++;
    *number = resend->next;
    return resend->next < resend->end;
}

void weir_resend_sent(struct weir_resend *resend)
{
    resend->next++;
}

void weir_resend_answer(struct weir_resend *resend, uint64_t number, bool acknowledged)
{
    if (number < resend->first || number >= resend->end)
        return;
    if (!acknowledged) {
        if (number < resend->next)
            resend->next = number;
        return;
    }
    resend->acknowledged[number % resend->max] = true;
    while (resend->first < resend->end && resend->acknowledged[resend->first % resend->max])
        resend->first++;
    if (resend->next < resend->first)
        resend->next = resend->first;
}

bool weir_resend_is_empty(const struct weir_resend *resend)
{
    return resend->first == resend->end;
}
