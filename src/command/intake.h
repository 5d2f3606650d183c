/*
 * The way from the MQTT thread to the engine.
 *
 * The MQTT callback appends every message to a queue and returns; it never waits. Handing each
 * message to another thread would cost more than the engine does with it, so whoever holds the
 * engine empties the queue: the callback, when the engine is free and nothing but the message
 * itself is due, else the owner, who is woken. Closing windows by the clock, taking outputs and
 * everything that sends is the owner's alone.
 */
#ifndef WEIR_COMMAND_INTAKE_H
#define WEIR_COMMAND_INTAKE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "port/clock.h"
#include "store/ring.h"
#include "weir/engine.h"

struct weir_intake {
    /* private */
    struct weir_ring queue;
    struct weir_clock *clock;
    pthread_mutex_t lock; /* on the engine, and the reading end of the queue */
    struct weir_engine *engine;
    int64_t told_ms; /* the newest time the engine was told */
    int wake_fd;
    atomic_bool woken;
    _Atomic uint64_t dropped;
};

/* queue_bytes of memory at queue, 8-byte aligned; wake_fd is an eventfd. All borrowed. */
void weir_intake_init(struct weir_intake *intake, struct weir_engine *engine,
                      struct weir_clock *clock, void *queue, uint64_t queue_bytes, int wake_fd);
void weir_intake_finish(struct weir_intake *intake);

/* The MQTT callback; context is the intake. A message that finds the queue full is counted
 * dropped. */
void weir_intake_accept(void *context, const struct weir_message *message);

/* The engine is the owner's until it unlocks; messages meanwhile wait in the queue. */
struct weir_engine *weir_intake_lock(struct weir_intake *intake);
void weir_intake_unlock(struct weir_intake *intake);

/*
 * Under the lock: empties the queue into the engine and tells it the time. WEIR_FULL: take the
 * engine's outputs, all of them, then call again.
 */
enum weir_status weir_intake_step(struct weir_intake *intake);

/* Under the lock: lets the intake feed another engine from now on. */
void weir_intake_exchange(struct weir_intake *intake, struct weir_engine *engine);

/* Messages that found the queue full. */
uint64_t weir_intake_dropped(const struct weir_intake *intake);

#endif
