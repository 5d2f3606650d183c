#include "command/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "port/log.h"

void *weir_memory_map(uint64_t size)
{
    void *memory = size > SIZE_MAX ? MAP_FAILED
                                   : mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) {
        weir_log_error("cannot have %llu bytes of memory: %s", (unsigned long long)size,
                       strerror(errno));
        return NULL;
    }
    /* Huge pages would make what is sparsely touched resident. */
    (void)madvise(memory, (size_t)size, MADV_NOHUGEPAGE);
    return memory;
}

void weir_memory_reset(void *memory, uint64_t size)
{
    (void)madvise(memory, (size_t)size, MADV_DONTNEED);
}

void weir_memory_unmap(void *memory, uint64_t size)
{
    if (memory)
        munmap(memory, (size_t)size);
}
