/*
 * What weir says on the gateway's broker: status, info, the states and events of alerts, live
 * summaries.
 *
 * States are levels: one bit each says that the broker does not have the newest yet, so any number
 * of changes while the broker is away costs nothing and ends in one message. Events are news: they
 * wait in a queue of fixed length; when it is full the oldest gives way and is counted, one that is
 * on its way too, its state is not lost. Both are sent again until the broker has acknowledged them.
 */
#ifndef WEIR_COMMAND_PUBLISHER_H
#define WEIR_COMMAND_PUBLISHER_H

#include "command/intake.h"
#include "command/reception.h"
#include "weir/engine.h"

struct weir_publisher;

/* The bytes that a publisher takes, without the connection's. */
struct weir_publisher_plan {
    uint64_t event_bytes; /* the queue */
    uint64_t state_bytes;
    uint64_t live_bytes;
    uint64_t inbox_bytes; /* for what comes in by its connection */
    uint64_t total_bytes;
};

void weir_publisher_plan(struct weir_publisher_plan *plan, const struct weir_config *config);

/* Makes a publisher that speaks for the engine behind intake, under config; it only collects. Both
 * are borrowed. NULL: out of memory; logged. */
struct weir_publisher *weir_publisher_create(struct weir_intake *intake,
                                             const struct weir_config *config);

/* Has it connect, under the configuration it has by now; wake_fd is an eventfd. False: the options
 * are unusable; logged. */
bool weir_publisher_connect(struct weir_publisher *publisher, int wake_fd);

/* Publishes info a last time, says offline, waits at most wait_ms for the farewell, frees. */
void weir_publisher_destroy(struct weir_publisher *publisher, int wait_ms);

/* Notes an output of the engine. Under the intake's lock; sends nothing. */
void weir_publisher_accept_alert(struct weir_publisher *publisher, const struct weir_alert *alert);
void weir_publisher_accept_summary(struct weir_publisher *publisher,
                                   const struct weir_summary *summary,
                                   const struct weir_sketch *sketch);

/* The oldest command that waits, valid until it is answered; false: none. */
bool weir_publisher_peek_command(struct weir_publisher *publisher,
                                 struct weir_reception_command *command);

/* Lets go of it; the answer goes to where the sender wants it. done: it was obeyed. */
void weir_publisher_answer_command(struct weir_publisher *publisher, bool done,
                                   const struct weir_text *answer);

/* Sends what is due. now_ms: CLOCK_BOOTTIME. Returns when it wants to be called again at the
 * latest. */
int64_t weir_publisher_step(struct weir_publisher *publisher, int64_t now_ms);

/* True once what the broker retained from before has been looked through: what an earlier process
 * told of and left no storage of is back in the log. */
bool weir_publisher_is_settled(const struct weir_publisher *publisher);

/* True while something waits to be sent or acknowledged and the broker is there. */
bool weir_publisher_busy(const struct weir_publisher *publisher);

/* Alerts whose newest level is not ok. On the caller of weir_publisher_accept_alert's thread. */
uint64_t weir_publisher_active(const struct weir_publisher *publisher);

/* Alert events that a full queue, or the broker, would not have. */
uint64_t weir_publisher_dropped(const struct weir_publisher *publisher);

/* What the next process has to know: events that have not been delivered. Writes it to state, 8-byte
 * aligned, and returns its bytes; state NULL: counts them only. */
uint64_t weir_publisher_save(const struct weir_publisher *publisher, void *state);
void weir_publisher_restore(struct weir_publisher *publisher, const void *state, uint64_t length);

/* Events are numbered from the first there ever was. The number below which all are delivered or
 * given up; and what an earlier process knew of it. */
uint64_t weir_publisher_events_done(const struct weir_publisher *publisher);
void weir_publisher_note_events_done(struct weir_publisher *publisher, uint64_t number);

/* Forgets removals of rules that the configuration has again. After a restart, before connecting. */
void weir_publisher_forget_removals(struct weir_publisher *publisher);

/* Messages can be heard: from now on the gateway is said to be online. True: that is news, to be
 * sent. */
bool weir_publisher_set_ready(struct weir_publisher *publisher);

/* What info says of the storage; NULL: there is none. A static string. Tells it at once. */
void weir_publisher_set_storage(struct weir_publisher *publisher, const char *state);

/* Sets aside the memory that another configuration needs. False: there is none; nothing was
 * changed. */
bool weir_publisher_prepare(struct weir_publisher *publisher, const struct weir_config *next);

/* Goes over to another engine and the configuration that was prepared for. Under the intake's lock.
 * What the old one had and the new one has not is said to be removed, its retained topics are
 * deleted. */
void weir_publisher_exchange(struct weir_publisher *publisher, const struct weir_engine *from,
                             const struct weir_engine *to);

/*
 * Takes over from the publisher on another broker, or of another gateway's name, the events and
 * removals that it has not been rid of, and its count. What the new engine has not is said to be
 * removed; its retained topics are deleted by both, since they lie at the broker of the old one,
 * which does it in the time that its end is given. Under the intake's lock, before the first step.
 */
void weir_publisher_inherit(struct weir_publisher *publisher, struct weir_publisher *old,
                            const struct weir_engine *from, const struct weir_engine *to);

#endif
