#include "port/clock.h"

#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define TIMESYNC_MARK "/run/systemd/timesync/synchronized"

/* Both clocks are read without entering the kernel on 64-bit machines and on 32-bit ARM alike. */
static int64_t read_ms(clockid_t id)
{
    struct timespec time = {0};

    (void)clock_gettime(id, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void weir_clock_init(struct weir_clock *clock)
{
    memset(clock, 0, sizeof(*clock));
    pthread_mutex_init(&clock->lock, NULL);
}

int64_t weir_clock_update(struct weir_clock *clock, int64_t realtime_ms, int64_t boottime_ms)
{
    int64_t elapsed_ms = boottime_ms - clock->boottime_ms;
    int64_t next_ms;

    if (!clock->started) {
        clock->started = true;
        clock->now_ms = realtime_ms;
        clock->boottime_ms = boottime_ms;
        return realtime_ms;
    }
    if (elapsed_ms < 0)
        elapsed_ms = 0;
    if (clock->now_ms - realtime_ms > WEIR_CLOCK_DISBELIEF_MS) {
        next_ms = clock->now_ms + elapsed_ms;
    } else {
        next_ms = clock->now_ms + (elapsed_ms + clock->half_ms) / 2;
        clock->half_ms = (elapsed_ms + clock->half_ms) % 2;
    }
    if (realtime_ms >= next_ms) {
        next_ms = realtime_ms;
        clock->half_ms = 0;
    }
    if (next_ms - clock->now_ms - elapsed_ms >= WEIR_CLOCK_STEP_MS)
        clock->jump_ms += next_ms - clock->now_ms - elapsed_ms;
    clock->now_ms = next_ms;
    clock->boottime_ms += elapsed_ms;
    return clock->now_ms;
}

void weir_clock_resume(struct weir_clock *clock, int64_t last_ms)
{
    clock->started = true;
    clock->now_ms = last_ms;
    clock->boottime_ms = read_ms(CLOCK_BOOTTIME);
}

int64_t weir_clock_now(struct weir_clock *clock)
{
    int64_t now_ms;

    pthread_mutex_lock(&clock->lock);
    now_ms = weir_clock_update(clock, read_ms(CLOCK_REALTIME), read_ms(CLOCK_BOOTTIME));
    pthread_mutex_unlock(&clock->lock);
    return now_ms;
}

int64_t weir_clock_read(struct weir_clock *clock, int64_t *jump_ms)
{
    int64_t now_ms;

    pthread_mutex_lock(&clock->lock);
    now_ms = weir_clock_update(clock, read_ms(CLOCK_REALTIME), read_ms(CLOCK_BOOTTIME));
    *jump_ms = clock->jump_ms;
    clock->jump_ms = 0;
    pthread_mutex_unlock(&clock->lock);
    return now_ms;
}

bool weir_clock_synchronised(void)
{
    struct timex state = {0};
    int result = adjtimex(&state);

    if (result < 0)
        return access(TIMESYNC_MARK, F_OK) == 0;
    return result != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}
