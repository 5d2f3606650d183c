/*
 * Numbered items that go out in order and again until they are acknowledged: the bookkeeping alone,
 * the items lie elsewhere, at their number modulo the length.
 */
#ifndef WEIR_COMMAND_RESEND_H
#define WEIR_COMMAND_RESEND_H

#include <stdbool.h>
#include <stdint.h>

struct weir_resend {
    /* private */
    bool *acknowledged;
    uint64_t max;
    uint64_t first; /* the oldest that is not acknowledged */
    uint64_t next;  /* the next to send */
    uint64_t end;
};

/* max entries at acknowledged, the caller's. */
void weir_resend_init(struct weir_resend *resend, bool *acknowledged, uint64_t max);

/* Adds an item; false: max items are waiting. *number is its number. */
bool weir_resend_add(struct weir_resend *resend, uint64_t *number);

/* The number of the item to send next; false: none. It stays the next until it is said to be
 * sent. */
bool weir_resend_peek(struct weir_resend *resend, uint64_t *number);
void weir_resend_sent(struct weir_resend *resend);

/* What became of an item that was sent. One that was not acknowledged is sent again, in its
 * place. */
void weir_resend_answer(struct weir_resend *resend, uint64_t number, bool acknowledged);

/* True when nothing waits, sent or not. */
bool weir_resend_is_empty(const struct weir_resend *resend);

#endif
