/*
 * The ring of a store's log: a file that outlives the process, where the fastest place for one is.
 */
#ifndef WEIR_COMMAND_STORAGE_RING_H
#define WEIR_COMMAND_STORAGE_RING_H

#include "command/storage.h"

/* The file of the state directory that says whose it is. */
#define WEIR_STORAGE_NAME "store"

/* Maps the ring of the store at path, made if need be. False: there is no room for it. */
bool weir_storage_ring_map(struct weir_storage *storage, const char *path);

/* Says that this run is about to take over what the one before left in the ring. */
void weir_storage_ring_claim(struct weir_storage *storage);

/* Copies the ring of a store that is only read. Without one, storage->ring is NULL. */
void weir_storage_ring_copy(struct weir_storage *storage, const char *path);

#endif
