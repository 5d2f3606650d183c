#include "command/done.h"

static uint32_t find(const struct weir_done *done, uint64_t epoch)
{
    uint32_t i = 0;

    while (i < WEIR_DONE_EPOCH_COUNT_MAX &&
           (done->entries[i].sequence == 0 || done->entries[i].epoch != epoch))
        i++;
    return i;
}

void weir_done_note(struct weir_done *done, uint64_t epoch, uint64_t sequence)
{
    uint32_t i = find(done, epoch);

    if (sequence == 0 || (i < WEIR_DONE_EPOCH_COUNT_MAX && done->entries[i].sequence >= sequence))
        return;
    if (i == WEIR_DONE_EPOCH_COUNT_MAX) {
        i = done->next;
        done->next = (done->next + 1) % WEIR_DONE_EPOCH_COUNT_MAX;
    }
    done->entries[i].epoch = epoch;
    done->entries[i].sequence = sequence;
    done->newest = i;
}

uint64_t weir_done_find(const struct weir_done *done, uint64_t epoch)
{
    uint32_t i = find(done, epoch);

    return i < WEIR_DONE_EPOCH_COUNT_MAX ? done->entries[i].sequence : 0;
}
