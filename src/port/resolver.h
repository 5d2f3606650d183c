/*
 * Looks a host name up on a thread of its own, to learn whether a lookup would succeed now.
 *
 * The MQTT library looks names up itself, but under the lock that all its connections share: while
 * a dead name server is waited for, no message from any broker is delivered. So a connection is
 * tried only once the lookup has been seen to work.
 */
#ifndef WEIR_PORT_RESOLVER_H
#define WEIR_PORT_RESOLVER_H

#include <stdbool.h>

struct weir_resolver;

/* True when the host is an address: there is nothing to look up. */
bool weir_resolver_is_address(const char *host);

/* Whenever a lookup ends, wake_fd, an eventfd, is written; it is duplicated. NULL: no memory, no
 * descriptor. */
struct weir_resolver *weir_resolver_create(const char *host, int wake_fd);

/* Does not wait for a lookup under way: that frees what it holds when it ends. */
void weir_resolver_destroy(struct weir_resolver *resolver);

/* Starts a lookup, unless one is still under way. False: there was no thread to be had. */
bool weir_resolver_begin(struct weir_resolver *resolver);

/* True while a lookup is under way. */
bool weir_resolver_busy(struct weir_resolver *resolver);

/* What was wrong with the last lookup, in words; NULL: nothing. A static string. */
const char *weir_resolver_problem(struct weir_resolver *resolver);

#endif
