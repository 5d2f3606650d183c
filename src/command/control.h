/*
 * The local socket by which operators talk to a daemon that runs: a line of JSON in, a line out
 * (order.h has what they say). A UNIX stream socket that the user and the group of the daemon may
 * use, and nobody else.
 *
 * Bounded on all sides: few clients, a line each at a time; who is silent, does not read or says
 * too much is let go of. Nothing here waits.
 */
#ifndef WEIR_COMMAND_CONTROL_H
#define WEIR_COMMAND_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "command/order.h"

/* Clients at once: people at a gateway, and a script or two. One more is told so. */
#define WEIR_CONTROL_CLIENT_COUNT_MAX 4

/* Descriptors to wait for: the socket, and the clients. */
#define WEIR_CONTROL_FD_COUNT_MAX (WEIR_CONTROL_CLIENT_COUNT_MAX + 1)

/* An answer, its newline included: a whole explanation, escaped. */
#define WEIR_CONTROL_ANSWER_SIZE 65536

#define WEIR_CONTROL_PATH_SIZE sizeof(((struct sockaddr_un *)0)->sun_path)

struct weir_control {
    /* private */
    int fd; /* -1: there is none */
    char path[WEIR_CONTROL_PATH_SIZE];
    struct weir_control_client {
        int fd; /* -1: free */
        int64_t deadline_ms;
        size_t length;
        char line[WEIR_ORDER_LENGTH_MAX];
    } clients[WEIR_CONTROL_CLIENT_COUNT_MAX];
    char answer[WEIR_CONTROL_ANSWER_SIZE];
};

/* Answers a line, its end not included; the answer is one line, too. */
typedef void weir_control_handler(void *context, const char *line, size_t length,
                                  struct weir_text *answer);

/* The path of a gateway's socket: weir-<gateway>.sock in the first directory of RUNTIME_DIRECTORY,
 * else in /run/weir. False: it is too long for a socket. */
bool weir_control_path(char path[static WEIR_CONTROL_PATH_SIZE], const char *gateway);

/* True when a daemon of that gateway answers at its socket. */
bool weir_control_is_served(const char *gateway);

/* Opens a gateway's socket. Where there is no directory for it, or a daemon that has it, there is
 * none: logged, and the rest does nothing. */
void weir_control_open(struct weir_control *control, const char *gateway);
void weir_control_close(struct weir_control *control);

/* Fills in what to wait for; returns how many. */
size_t weir_control_wait_for(const struct weir_control *control,
                             struct pollfd fds[static WEIR_CONTROL_FD_COUNT_MAX]);

/* Serves who has something to say. now_ms: CLOCK_BOOTTIME. Returns when it wants to be called again
 * at the latest; now_ms: there is more, or what was done waits to be sent. */
int64_t weir_control_step(struct weir_control *control, int64_t now_ms,
                          weir_control_handler *handler, void *context);

#endif
