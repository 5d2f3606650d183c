/*
 * What alerts would have done over a recording: for each rule and series how often it was raised,
 * how long it stood at each level, and when. Fed with the engine's alerts; told once, at the end.
 */
#ifndef WEIR_COMMAND_BACKTEST_H
#define WEIR_COMMAND_BACKTEST_H

#include "weir/engine.h"

/* The series of what is about a rule as a whole. */
#define WEIR_BACKTEST_ALL "*"

struct weir_backtest_row {
    uint64_t raised;
    uint64_t escalated;
    uint64_t deescalated;
    uint64_t cleared;
    uint64_t stale;
    uint64_t reminders;
    uint64_t flapping;
    uint64_t storms;                    /* of a rule as a whole */
    int64_t level_ms[WEIR_LEVEL_COUNT]; /* event time spent at each level but ok */
    int64_t longest_ms;                 /* the longest time from raised to cleared */
    int64_t first_ms;                   /* the first and the last time it was raised */
    int64_t last_ms;
    bool seen; /* the rule said something of the series */
    /* private */
    enum weir_level level;
    int64_t level_since_ms;
    int64_t active_since_ms;
};

struct weir_backtest {
    const struct weir_config *config;
    const struct weir_pipeline *pipeline;
    /* private */
    struct weir_backtest_rule {
        struct weir_backtest_row *rows; /* by series */
        uint32_t row_count;
        struct weir_backtest_row all; /* what is about the rule as a whole */
    } rules[WEIR_RULE_COUNT_MAX];
};

/* Both are borrowed. */
void weir_backtest_init(struct weir_backtest *backtest, const struct weir_config *config,
                        const struct weir_pipeline *pipeline);
void weir_backtest_finish(struct weir_backtest *backtest);

/* False: no memory. */
bool weir_backtest_accept(struct weir_backtest *backtest, const struct weir_alert *alert);

/* Counts what stands up to end_ms, where the recording ends. Once. */
void weir_backtest_close(struct weir_backtest *backtest, int64_t end_ms);

/*
 * Both print to stdout: rules in the order of the configuration, each with the series that it said
 * something of, by name; then the total. A rule that said nothing has a row all the same. False: no
 * memory.
 */
bool weir_backtest_print(const struct weir_backtest *backtest);
bool weir_backtest_print_json(const struct weir_backtest *backtest);

#endif
