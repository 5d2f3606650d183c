/*
 * One test through the engine that `run` has, on a clock that jumps from one thing that happens to
 * the next: values, deadlines of the engine, and what is done. At one time values come first.
 */
#ifndef WEIR_COMMAND_TEST_RUN_H
#define WEIR_COMMAND_TEST_RUN_H

#include "command/test_file.h"
#include "weir/engine.h"

/* Events of one test; what comes beyond them makes it fail. */
#define WEIR_TEST_EVENT_COUNT_MAX 100000

struct weir_test_run {
    struct weir_test_event *events; /* that were announced, of the rules that are wanted */
    uint32_t event_count;
    const struct weir_test_action *refused; /* the first action that the engine refused, or NULL */
    bool overflow;                          /* there were more events */
    /* private */
    const struct weir_test *test;
    const struct weir_config *config;
    struct weir_engine engine;
    void *arena;
    uint64_t arena_size;
    uint32_t event_max;
    int64_t now_ms; /* since the start */
    bool link_down;
};

/* False: no memory, told on stderr. What was announced borrows from the run, which is to be
 * released either way. */
bool weir_test_run(struct weir_test_run *run, const struct weir_config *config,
                   const struct weir_test *test);

void weir_test_run_release(struct weir_test_run *run);

#endif
