/* The other end of the local socket: what the verbs ack, shelve, unshelve and explain share. */
#ifndef WEIR_COMMAND_CONTROL_CLIENT_H
#define WEIR_COMMAND_CONTROL_CLIENT_H

#include "command/order.h"

/* Where the daemon is: the socket's path, or the configuration that names the gateway. */
struct weir_control_place {
    const char *socket_path; /* NULL: config_path tells */
    const char *config_path;
};

/*
 * Gives the daemon an order and takes its answer. The process' exit status; anything but
 * WEIR_EXIT_DONE is said on stderr. text, if not NULL, receives the member "text" or the member
 * "explanation" as it stands, NUL-terminated, in at most size bytes.
 */
int weir_control_client_ask(const struct weir_control_place *place, const struct weir_order *order,
                            char *text, size_t size);

/* The same with an answer that is here already. */
int weir_control_client_read(const char *line, size_t length, char *text, size_t size);

#endif
