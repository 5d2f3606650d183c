#include "baseline.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

static void end_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
}

void baseline_block_signals(void)
{
    sigset_t signals;

    end_signals(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

void baseline_wait(void)
{
    sigset_t signals;
    int which;

    end_signals(&signals);
    sigwait(&signals, &which);
}

void baseline_ready(void)
{
    puts("ready");
    fflush(stdout);
}

static long long microseconds(const struct timeval *time)
{
    return (long long)time->tv_sec * 1000000 + time->tv_usec;
}

void baseline_report(unsigned long long count)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    printf("count=%llu user_us=%lld system_us=%lld\n", count, microseconds(&usage.ru_utime),
           microseconds(&usage.ru_stime));
    fflush(stdout);
}
