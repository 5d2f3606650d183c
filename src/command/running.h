/* A configuration and the engine that runs under it. */
#ifndef WEIR_COMMAND_RUNNING_H
#define WEIR_COMMAND_RUNNING_H

#include "weir/engine.h"

struct weir_running {
    struct weir_config *config;
    struct weir_engine engine;
    void *arena;
    uint64_t arena_size;
    uint64_t image; /* the hash of the configuration's image */
};

/* Takes the configuration over, in any case. NULL: no memory; logged. */
struct weir_running *weir_running_create(struct weir_config *config, uint64_t epoch);
void weir_running_destroy(struct weir_running *running);

#endif
