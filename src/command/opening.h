/*
 * Storage is opened by a thread of its own, and tried again every ten seconds when it cannot be: a
 * disk that does not answer is to hold nobody up.
 */
#ifndef WEIR_COMMAND_OPENING_H
#define WEIR_COMMAND_OPENING_H

#include "command/storage.h"

struct weir_opening;

/* Begins to open *storage, which is nobody else's until it is there. config is copied; wake_fd is
 * written to when it is. NULL: no memory. */
struct weir_opening *weir_opening_create(const struct weir_config *config,
                                         struct weir_storage *storage, int wake_fd);

/* Frees; a thread that still waits for its disk is left behind. */
void weir_opening_destroy(struct weir_opening *opening);

/* Waits for the first try, for wait_ms at most. */
void weir_opening_wait(struct weir_opening *opening, int wait_ms);

/* True when the try that ended last found that another process has the storage, which is no fault
 * of the disk's. */
bool weir_opening_in_use(const struct weir_opening *opening);

/* Begins a try when its time has come. True: the storage is open, and the caller's: a destroy leaves
 * it alone. now_ms: CLOCK_BOOTTIME. */
bool weir_opening_step(struct weir_opening *opening, int64_t now_ms);

#endif
