/*
 * Storage that could not be had at the start is tried again every ten seconds, by a thread of its
 * own: a disk that does not answer is to hold nobody up.
 */
#ifndef WEIR_COMMAND_OPENING_H
#define WEIR_COMMAND_OPENING_H

#include "command/storage.h"

struct weir_opening;

/* Opens *storage, which is nobody else's until it is there. config is copied; wake_fd is written to
 * when it is. NULL: no memory. */
struct weir_opening *weir_opening_create(const struct weir_config *config,
                                         struct weir_storage *storage, int wake_fd);

/* Frees; a thread that still waits for its disk is left behind. */
void weir_opening_destroy(struct weir_opening *opening);

/* Begins a try when its time has come. True: the storage is open. now_ms: CLOCK_BOOTTIME. */
bool weir_opening_step(struct weir_opening *opening, int64_t now_ms);

#endif
