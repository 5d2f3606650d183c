/*
 * What comes in by the publishing connection: commands, Home Assistant's word that it has started,
 * and during a sweep what the broker retains of this gateway.
 */
#ifndef WEIR_COMMAND_RECEPTION_H
#define WEIR_COMMAND_RECEPTION_H

#include "command/answer.h"
#include "command/inbox.h"
#include "command/sweep.h"
#include "format/topic.h"

/* A command that came by MQTT. */
struct weir_reception_command {
    struct weir_topic topic; /* names rule and series */
    const char *payload;
    size_t payload_length;
    bool retained;
};

struct weir_reception {
    struct weir_inbox inbox; /* context of the connection's on_request */
    uint64_t commands_done;
    uint64_t commands_refused;
    /* private */
    struct weir_sweep sweep;
    bool sweep_due;
    struct weir_answer answer;
};

/* Zeroed before. */
void weir_reception_init(struct weir_reception *reception);

/* Before the connection is made. False: out of memory. wake_fd as weir_inbox_init has it. */
bool weir_reception_open(struct weir_reception *reception, int wake_fd);
void weir_reception_finish(struct weir_reception *reception);

/* A connection was made. */
void weir_reception_begin(struct weir_reception *reception);

/* Another configuration holds. */
void weir_reception_exchange(struct weir_reception *reception, const struct weir_config *from,
                             const struct weir_config *to);

enum weir_reception_news {
    WEIR_RECEPTION_NOTHING,
    WEIR_RECEPTION_TAKEN,    /* the engine may have something to follow, or there is more to take */
    WEIR_RECEPTION_ANNOUNCE, /* the same, and everything retained is to be said anew */
};

/* Takes what has come, up to the next command. */
enum weir_reception_news weir_reception_take(struct weir_reception *reception,
                                             struct weir_outlet *outlet, int64_t now_ms);

/* Begins and ends sweeps; to be called when our info has been published. */
void weir_reception_step(struct weir_reception *reception, struct weir_outlet *outlet,
                         int64_t now_ms);

/* When weir_reception_step has something to do; INT64_MAX: never. */
int64_t weir_reception_deadline(const struct weir_reception *reception);

/* A sweep is due or under way: nothing is to be retained before it is over. */
bool weir_reception_is_sweeping(const struct weir_reception *reception);

/* A sweep has been through to its end. */
bool weir_reception_is_settled(const struct weir_reception *reception);

/* The command that is next, valid until it is answered; false: none. */
bool weir_reception_peek_command(struct weir_reception *reception, const struct weir_config *config,
                                 struct weir_reception_command *command);

/* Lets go of it and notes the answer. done: it was obeyed. */
void weir_reception_answer_command(struct weir_reception *reception, bool done,
                                   const struct weir_text *answer);

/* Sends an answer that waits, if there is room. */
void weir_reception_send_answer(struct weir_reception *reception, struct weir_outlet *outlet);

#endif
