/*
 * Preloaded into the daemon: makes calls on files below WEIR_FAULT_STATE fail, take long or write
 * short, as the memory of the file WEIR_FAULT_CONTROL says at that moment.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum operation {
    OPERATION_WRITE = 1 << 0,
    OPERATION_SYNC = 1 << 1,
    OPERATION_OPEN = 1 << 2,
    OPERATION_RENAME = 1 << 3,
    OPERATION_ALLOCATE = 1 << 4,
};

/* As test_disk.py writes it. */
struct control {
    volatile uint32_t operations;
    volatile uint32_t error; /* errno; 0: the call is made */
    volatile uint32_t delay_ms;
    volatile uint32_t short_writes;
    volatile uint32_t hits;
};

static struct control *control;
static const char *state;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("WEIR_FAULT_CONTROL");
    int handle = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *memory = MAP_FAILED;

    state = getenv("WEIR_FAULT_STATE");
    if (handle < 0 || !state)
        return;
    memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
    close(handle);
    control = memory == MAP_FAILED ? NULL : memory;
}

static bool is_below(int handle)
{
    char link[64];
    char path[4096];
    ssize_t length;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", handle);
    length = readlink(link, path, sizeof(path) - 1);
    if (length < 0)
        return false;
    path[length] = '\0';
    return strncmp(path, state, strlen(state)) == 0;
}

/* True when the call is not to be made; errno says why. */
static bool fails(enum operation operation, int handle)
{
    struct timespec pause;

    if (!control || !(control->operations & operation) || !is_below(handle))
        return false;
    control->hits++;
    pause.tv_sec = control->delay_ms / 1000;
    pause.tv_nsec = (long)(control->delay_ms % 1000) * 1000000;
    (void)nanosleep(&pause, NULL);
    errno = (int)control->error;
    return errno != 0;
}

/* The call that would have been made without us. */
static void find(void *call, const char *name)
{
    *(void **)call = dlsym(RTLD_NEXT, name);
}

#define WRITE(name, offset_type)                                                                   \
    ssize_t name(int handle, const void *bytes, size_t length, offset_type offset)                 \
    {                                                                                              \
        ssize_t (*call)(int, const void *, size_t, offset_type);                                   \
                                                                                                   \
        find(&call, #name);                                                                        \
        if (fails(OPERATION_WRITE, handle))                                                        \
            return -1;                                                                             \
        if (control && control->short_writes && is_below(handle) && length > 1)                    \
            length = (length + 2) / 3;                                                             \
        return call(handle, bytes, length, offset);                                                \
    }

#define OPEN(name)                                                                                 \
    int name(int directory, const char *path, int flags, ...)                                      \
    {                                                                                              \
        int (*call)(int, const char *, int, ...);                                                  \
        va_list arguments;                                                                         \
        mode_t mode;                                                                               \
                                                                                                   \
        find(&call, #name);                                                                        \
        va_start(arguments, flags);                                                                \
        mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;                                    \
        va_end(arguments);                                                                         \
        if ((flags & (O_WRONLY | O_RDWR)) && fails(OPERATION_OPEN, directory))                     \
            return -1;                                                                             \
        return call(directory, path, flags, mode);                                                 \
    }

#define ALLOCATE(name, offset_type)                                                                \
    int name(int handle, int mode, offset_type offset, offset_type length)                         \
    {                                                                                              \
        int (*call)(int, int, offset_type, offset_type);                                           \
                                                                                                   \
        find(&call, #name);                                                                        \
        return fails(OPERATION_ALLOCATE, handle) ? -1 : call(handle, mode, offset, length);        \
    }

#define SYNC(name)                                                                                 \
    int name(int handle)                                                                           \
    {                                                                                              \
        int (*call)(int);                                                                          \
                                                                                                   \
        find(&call, #name);                                                                        \
        return fails(OPERATION_SYNC, handle) ? -1 : call(handle);                                  \
    }

WRITE(pwrite, off_t)
WRITE(pwrite64, off64_t)
OPEN(openat)
OPEN(openat64)
ALLOCATE(fallocate, off_t)
ALLOCATE(fallocate64, off64_t)
SYNC(fdatasync)
SYNC(fsync)

int renameat(int from, const char *old, int to, const char *new)
{
    int (*call)(int, const char *, int, const char *);

    find(&call, "renameat");
    return fails(OPERATION_RENAME, from) ? -1 : call(from, old, to, new);
}
