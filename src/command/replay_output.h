/*
 * Where the outputs of a replay go: lines of JSON, or in their place what alerts did; and batches.
 */
#ifndef WEIR_COMMAND_REPLAY_OUTPUT_H
#define WEIR_COMMAND_REPLAY_OUTPUT_H

#include "command/backtest.h"
#include "command/writer.h"
#include "weir/engine.h"

struct weir_replay_output {
    bool alerts; /* what they did, in place of the lines */
    bool json;   /* that for programs */
    /* private */
    const struct weir_config *config;
    const struct weir_engine *engine;
    struct weir_backtest backtest;
    bool out_of_memory;
    int64_t first_ms; /* the engine's clock at the first message */
    int64_t last_ms;  /* and now; 0: there was none */
    struct weir_writer lines;
    struct weir_writer batches;
};

/* config, engine and file descriptors are borrowed; alerts and json are set already. */
void weir_replay_output_init(struct weir_replay_output *output, const struct weir_config *config,
                             const struct weir_engine *engine, int batches_fd,
                             const char *batches_name);

/* Takes all that the engine has to give; its clock stands at now_ms. */
void weir_replay_output_take(struct weir_replay_output *output, struct weir_engine *engine,
                             int64_t now_ms);

/* True when there is no use in going on. */
bool weir_replay_output_failed(const struct weir_replay_output *output);

/* What comes last: the ledger, or what alerts did. */
void weir_replay_output_close(struct weir_replay_output *output);

/* Writes out what was gathered and lets go. False, and a line on stderr, if anything failed. */
bool weir_replay_output_finish(struct weir_replay_output *output);

#endif
