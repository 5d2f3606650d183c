/* The gateway's info: version, configuration, clock, storage and ledger. */
#ifndef WEIR_COMMAND_INFO_H
#define WEIR_COMMAND_INFO_H

#include "command/outlet.h"

/* Publishes it, retained. storage as weir_publisher_set_storage has it. */
enum weir_status weir_info_send(struct weir_outlet *outlet, const char *storage);

#endif
