/*
 * The gateway's clock, for arrival times and everything the engine does by the hour: the time of
 * day as CLOCK_REALTIME tells it, made fit to run windows by. It never goes back and never stands
 * still.
 *
 * It is CLOCK_BOOTTIME plus an offset. When the time of day is ahead of it, by however much, it
 * follows at once, and tells whoever reads it that nothing has passed meanwhile. When the time of
 * day is behind, it runs at half speed until the two meet: after an hour set back that takes two
 * hours, in which timers fire late and none is lost. When the time of day is behind by more than a
 * day, it is not believed, and the clock runs on: a gateway that boots in 1970, with a state of
 * yesterday, goes on yesterday, and makes one step forward when it learns the time.
 */
#ifndef WEIR_PORT_CLOCK_H
#define WEIR_PORT_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A change of the time of day against CLOCK_BOOTTIME from here on is a step, in milliseconds; less
 * than this is what disciplining a clock looks like. */
#define WEIR_CLOCK_STEP_MS 2000

/* Farther behind than this, a time of day is not believed: nobody sets a clock back by a day. */
#define WEIR_CLOCK_DISBELIEF_MS (24 * 3600 * 1000LL)

struct weir_clock {
    /* private */
    pthread_mutex_t lock;
    bool started;
    int64_t now_ms;
    int64_t boottime_ms;
    int64_t half_ms; /* 0 or 1: what running at half speed has left over */
    int64_t jump_ms; /* ahead, not told yet */
};

/* The clock starts with the first time it is told or asked. */
void weir_clock_init(struct weir_clock *clock);

/*
 * The gateway's time when CLOCK_REALTIME and CLOCK_BOOTTIME read as given. A pure function of the
 * calls made; one thread at a time. A boottime_ms before the newest one counts as the newest one.
 */
int64_t weir_clock_update(struct weir_clock *clock, int64_t realtime_ms, int64_t boottime_ms);

/* Has a clock that was not asked yet go on from a time of an earlier process. What lies between is
 * a jump. */
void weir_clock_resume(struct weir_clock *clock, int64_t last_ms);

/* The gateway's time now. Any thread. */
int64_t weir_clock_now(struct weir_clock *clock);

/* The same; *jump_ms receives how much of what has passed since the last call of this was no time
 * but a step ahead of WEIR_CLOCK_STEP_MS or more. */
int64_t weir_clock_read(struct weir_clock *clock, int64_t *jump_ms);

/* True when the kernel says that something keeps the time of day right. Where the kernel may not be
 * asked (a sandbox that protects the clock), the mark that systemd-timesyncd leaves decides. */
bool weir_clock_synchronised(void);

#endif
