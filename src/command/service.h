/*
 * What the service manager is told: that the start is over, that a reload begins and ends, how it
 * goes, and that the pipeline moves.
 *
 * The start is over when the subscriptions are made, or after WEIR_SERVICE_READY_MS without: a
 * broker that is away must not hold up who waits for us, and nothing gets lost meanwhile.
 *
 * WATCHDOG=1 goes out from the main loop's own round, and only when the engine has come to the end
 * of the log or on since the last time. A loop that hangs in paho's lock or in the engine is thus
 * ended and started again, from the log. A disk that does not answer is no reason: starting anew
 * mends none, the alerts go on without it, and STATUS and info say what is wrong.
 */
#ifndef WEIR_COMMAND_SERVICE_H
#define WEIR_COMMAND_SERVICE_H

#include "port/notify.h"

/* How long brokers are waited for, in milliseconds. */
#define WEIR_SERVICE_READY_MS 10000

/* STATUS is told this often, in milliseconds, or with every WATCHDOG, should that be more often. */
#define WEIR_SERVICE_BEAT_MS 10000

/* How it goes. */
struct weir_service_look {
    bool connected; /* to the gateway's broker */
    uint64_t received;
    uint64_t alerts;     /* active: their level is not ok */
    uint64_t batches;    /* waiting */
    const char *storage; /* "good", or what does not work; NULL: there is none */
    uint64_t log_end;    /* positions */
    uint64_t log_consumed;
};

struct weir_service {
    /* private */
    struct weir_notify notify;
    bool ready;
    bool refused; /* the newest configuration */
    int64_t beat_ms;
    int64_t begun_ms;
    int64_t looked_ms;
    struct weir_service_look last;
};

/* look: what there is to begin with. now_ms, here and below: CLOCK_BOOTTIME. */
void weir_service_init(struct weir_service *service, const struct weir_service_look *look,
                       int64_t now_ms);
void weir_service_finish(struct weir_service *service);

/* Call often; subscribed: everything that was to be subscribed to is. Returns when a look is due. */
int64_t weir_service_step(struct weir_service *service, bool subscribed, int64_t now_ms);

/* Takes the look that is due. */
void weir_service_tell(struct weir_service *service, const struct weir_service_look *look,
                       int64_t now_ms);

/* Around reading the configuration anew. */
void weir_service_reload(const struct weir_service *service);
void weir_service_reloaded(struct weir_service *service, bool refused);

/* The stop begins. */
void weir_service_stop(const struct weir_service *service);

#endif
