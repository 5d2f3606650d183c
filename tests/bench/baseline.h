/* What the subscribers that discard share: they run until SIGTERM and then say what they cost. */
#ifndef BENCH_BASELINE_H
#define BENCH_BASELINE_H

/* Keeps SIGTERM and SIGINT for baseline_wait; call before the first thread starts. */
void baseline_block_signals(void);

/* Waits for SIGTERM or SIGINT. */
void baseline_wait(void);

/* Says on stdout that the load may begin. */
void baseline_ready(void);

/* The last line: count=N user_us=N system_us=N. */
void baseline_report(unsigned long long count);

#endif
