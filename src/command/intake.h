/*
 * The way from the MQTT thread through the log to the engine.
 *
 * Whoever has something for the engine appends it to the log: the MQTT callback its messages, the
 * owner the ticks of the clock and what happened outside. The callback never waits. Handing each
 * message to another thread would cost more than the engine does with it, so whoever holds the
 * engine follows the log: the callback, when the engine is free and nothing but the message itself
 * is due, else the owner, who is woken. Taking outputs and everything that sends is the owner's
 * alone.
 */
#ifndef WEIR_COMMAND_INTAKE_H
#define WEIR_COMMAND_INTAKE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "port/clock.h"
#include "store/journal.h"
#include "weir/engine.h"

struct weir_intake {
    /* private */
    struct weir_journal *_Atomic journal;
    struct weir_clock *clock;
    pthread_mutex_t lock; /* on the engine, and the reading end of the log */
    struct weir_engine *engine;
    int wake_fd;
    atomic_bool woken;
    atomic_bool unsynchronised;
    void (*_Atomic settle)(void *context); /* NULL: nothing is waited for */
    void *settle_context;
};

/* What stops a step. */
enum weir_intake_stop {
    WEIR_INTAKE_IDLE,    /* the log is at its end, and nothing is due by the clock */
    WEIR_INTAKE_OUTPUTS, /* take the engine's outputs, all of them, then call again */
    WEIR_INTAKE_CONFIG,  /* the next record is a change of configuration: act on it, pass it */
};

/* Follows the journal with the engine; wake_fd is an eventfd. All are borrowed. */
void weir_intake_init(struct weir_intake *intake, struct weir_engine *engine,
                      struct weir_clock *clock, struct weir_journal *journal, int wake_fd);
void weir_intake_finish(struct weir_intake *intake);

/* The MQTT callback; context is the intake. A message that finds the log full is counted by the
 * journal. */
void weir_intake_accept(void *context, const struct weir_message *message);

/* Has the callback, before it returns, wait for the message to be safe. At any time. */
void weir_intake_set_settle(struct weir_intake *intake, void (*settle)(void *context),
                            void *context);

/* What messages that arrive from now on are marked with. Any thread. */
void weir_intake_set_synchronised(struct weir_intake *intake, bool synchronised);

/* The engine is the owner's until it unlocks; messages meanwhile wait in the log. */
struct weir_engine *weir_intake_lock(struct weir_intake *intake);
void weir_intake_unlock(struct weir_intake *intake);

/* Under the lock: follows the log to its end, and ticks what is due by the clock. */
enum weir_intake_stop weir_intake_step(struct weir_intake *intake);

/* Under the lock: follows the log as it is; adds nothing to it. */
enum weir_intake_stop weir_intake_follow(struct weir_intake *intake);

/* Under the lock, at WEIR_INTAKE_CONFIG: the engine's configuration has been changed to that of the
 * record. */
void weir_intake_pass_config(struct weir_intake *intake, struct weir_engine *engine);

/* Under the lock, the log followed to its end: goes over to another log, empty as yet. False: there
 * is more by now; follow again. */
bool weir_intake_move(struct weir_intake *intake, struct weir_journal *journal);

/* Under the lock: lets another engine follow the log. */
void weir_intake_use(struct weir_intake *intake, struct weir_engine *engine);

/* Adds a record to the log. The owner's. False: there is no room now. */
bool weir_intake_note(struct weir_intake *intake, struct weir_record *record);

/*
 * Does to an engine what a record says, but for CONFIG. WEIR_FULL: take its outputs, then call
 * again with the same record.
 */
enum weir_status weir_intake_apply(struct weir_engine *engine, const struct weir_record *record);

#endif
