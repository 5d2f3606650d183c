/*
 * Messages that come in by the publishing connection, on their way from the library's thread to the
 * main thread: what the broker retains of us, what operators want, what others say of themselves.
 */
#ifndef WEIR_COMMAND_INBOX_H
#define WEIR_COMMAND_INBOX_H

#include <stdatomic.h>

#include "port/mqtt.h"
#include "store/ring.h"

/* Memory for what waits: as much as the main thread sees in a few milliseconds of a broker that
 * sends all it has. What finds it full is counted, and asked for again or left unanswered. */
#define WEIR_INBOX_BYTES ((uint64_t)256 * 1024)

/* A longer payload is none of ours. It is handed on as an empty one. */
#define WEIR_INBOX_PAYLOAD_LENGTH_MAX 65536

struct weir_inbox {
    /* private */
    struct weir_ring ring;
    void *bytes;
    int wake_fd;
    _Atomic uint64_t dropped;
};

/* False: out of memory. wake_fd, an eventfd, is written to when something comes. */
bool weir_inbox_init(struct weir_inbox *inbox, int wake_fd);
void weir_inbox_finish(struct weir_inbox *inbox);

/* The on_request of a connection; context is the inbox. Of our own publishes only what comes back
 * as retained is kept. */
void weir_inbox_accept(void *context, const struct weir_message *message,
                       const struct weir_mqtt_reply *reply);

/* The oldest message, valid until it is released; false: none. */
bool weir_inbox_peek(struct weir_inbox *inbox, struct weir_message *message,
                     struct weir_mqtt_reply *reply);
void weir_inbox_release(struct weir_inbox *inbox);

/* Messages that found no room, ever. */
uint64_t weir_inbox_dropped(const struct weir_inbox *inbox);

#endif
