/*
 * Which batches need not leave any more: of an epoch, all up to a number. Of the newest epochs alone;
 * a batch of an older one that is made again leaves again, the same to the byte.
 */
#ifndef WEIR_COMMAND_DONE_H
#define WEIR_COMMAND_DONE_H

#include <stdint.h>

#define WEIR_DONE_EPOCH_COUNT_MAX 8

/* Zeroed: none. */
struct weir_done {
    struct {
        uint64_t epoch;
        uint64_t sequence; /* 0: the entry is free */
    } entries[WEIR_DONE_EPOCH_COUNT_MAX];
    uint32_t next;   /* the entry to give up for another epoch */
    uint32_t newest; /* the entry that changed last */
};

/* Batches of an epoch up to a number are done; a number below one that was noted changes nothing. */
void weir_done_note(struct weir_done *done, uint64_t epoch, uint64_t sequence);

/* The number up to which they are; 0: none is. */
uint64_t weir_done_find(const struct weir_done *done, uint64_t epoch);

#endif
