/*
 * What a service manager is told: the sd_notify protocol, sd_notify(3). A message is a datagram of
 * lines NAME=VALUE to the socket that $NOTIFY_SOCKET names, a path or, behind @, an abstract name.
 *
 * Nothing here waits. A message that the manager has no room for is not sent; say so again later.
 */
#ifndef WEIR_PORT_NOTIFY_H
#define WEIR_PORT_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct weir_notify {
    int64_t watchdog_ms; /* WATCHDOG=1 is expected this often; 0: never */
    /* private */
    int fd; /* -1: nobody listens */
    struct sockaddr_un address;
    socklen_t address_length;
};

/* Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID. A name that is none is logged, and nobody
 * listens then. */
void weir_notify_init(struct weir_notify *notify);
void weir_notify_finish(struct weir_notify *notify);

/* True when somebody asked to be told. */
bool weir_notify_heard(const struct weir_notify *notify);

/* Sends a message as it is. False: it did not get there. When nobody listens, true. */
bool weir_notify_send(const struct weir_notify *notify, const char *message);

#endif
