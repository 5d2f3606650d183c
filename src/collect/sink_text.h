/*
 * What sinks of text have in common: rows, ledgers and alerts go through a writer, in one form.
 */
#ifndef WEIR_COLLECT_SINK_TEXT_H
#define WEIR_COLLECT_SINK_TEXT_H

#include "collect/line.h"
#include "collect/sink.h"

struct weir_text_sink {
    struct weir_sink sink; /* first, so that either stands for the other */
    enum weir_sink_form form;
    const char *name; /* of what is written to, for reports; borrowed */
    struct weir_writer writer;
};

/* Sets what accepts; the caller sets finish, undo and destroy, and begins the writer. */
void weir_text_sink_init(struct weir_text_sink *text, const char *name, enum weir_sink_form form,
                         unsigned message_count_max);

/* WEIR_OK, or WEIR_FULL with the writer's error as the sink's problem. */
enum weir_status weir_text_sink_outcome(struct weir_text_sink *text);

#endif
