/*
 * Preloaded into the daemon: the time of day is off by what the memory of the file
 * WEIR_FAULT_CLOCK says at that moment, and the kernel says whether it is synchronised.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

/* As faults.py writes it. */
struct control {
    volatile int64_t ahead_s;
    volatile uint32_t unsynchronised;
};

static struct control *control;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("WEIR_FAULT_CLOCK");
    int handle = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *memory = MAP_FAILED;

    if (handle < 0)
        return;
    memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
    close(handle);
    control = memory == MAP_FAILED ? NULL : memory;
}

int clock_gettime(clockid_t id, struct timespec *time)
{
    static int (*call)(clockid_t, struct timespec *);
    int result;

    if (!call)
        *(void **)&call = dlsym(RTLD_NEXT, "clock_gettime");
    result = call(id, time);
    if (result == 0 && id == CLOCK_REALTIME && control)
        time->tv_sec += (time_t)control->ahead_s;
    return result;
}

int adjtimex(struct timex *state)
{
    memset(state, 0, sizeof(*state));
    if (!control || !control->unsynchronised)
        return TIME_OK;
    state->status = STA_UNSYNC;
    return TIME_ERROR;
}
