/*
 * Memory taken at start, in pieces too large for the heap.
 */
#ifndef WEIR_COMMAND_MEMORY_H
#define WEIR_COMMAND_MEMORY_H

#include <stdint.h>

/* Zeroed, page-aligned memory that costs nothing until it is touched; NULL: logged. */
void *weir_memory_map(uint64_t size);

/* Gives its pages back: it is zeroed again, and costs nothing until it is touched. */
void weir_memory_reset(void *memory, uint64_t size);

/* Gives it back. memory NULL: does nothing. */
void weir_memory_unmap(void *memory, uint64_t size);

#endif
