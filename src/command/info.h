/* The gateway's info: version, configuration, clock, storage, ledger, and how its alerts stand. */
#ifndef WEIR_COMMAND_INFO_H
#define WEIR_COMMAND_INFO_H

#include "command/outlet.h"
#include "command/states.h"

struct weir_info_counts {
    struct weir_states_counts states;
    uint64_t commands_done; /* that came by MQTT */
    uint64_t commands_refused;
};

/* Publishes it, retained. storage as weir_publisher_set_storage has it. */
enum weir_status weir_info_send(struct weir_outlet *outlet, const char *storage,
                                const struct weir_info_counts *counts);

#endif
