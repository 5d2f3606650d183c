#include "collect/sink_text.h"

#include <stdio.h>
#include <string.h>

enum weir_status weir_text_sink_outcome(struct weir_text_sink *text)
{
    if (text->writer.error == 0)
        return WEIR_OK;
    (void)snprintf(text->sink.problem, sizeof(text->sink.problem), "%s: %s", text->name,
                   strerror(text->writer.error));
    return WEIR_FULL;
}

static enum weir_status accept_row(struct weir_sink *sink, const struct weir_collect_batch *batch,
                                   int64_t source, const struct weir_collect_row *row)
{
    struct weir_text_sink *text = (struct weir_text_sink *)sink;

    (void)source;
    weir_line_write_row(&text->writer, text->form, batch, row);
    return weir_text_sink_outcome(text);
}

static enum weir_status accept_ledger(struct weir_sink *sink,
                                      const struct weir_collect_batch *batch)
{
    struct weir_text_sink *text = (struct weir_text_sink *)sink;

    weir_line_write_ledger(&text->writer, text->form, batch);
    return weir_text_sink_outcome(text);
}

static enum weir_status accept_alert(struct weir_sink *sink, const struct weir_collect_alert *alert)
{
    struct weir_text_sink *text = (struct weir_text_sink *)sink;

    weir_line_write_alert(&text->writer, text->form, alert);
    return weir_text_sink_outcome(text);
}

void weir_text_sink_init(struct weir_text_sink *text, const char *name, enum weir_sink_form form,
                         unsigned message_count_max)
{
    memset(text, 0, sizeof(*text));
    text->sink = (struct weir_sink){
        .message_count_max = message_count_max,
        .accept_row = accept_row,
        .accept_ledger = accept_ledger,
        .accept_alert = accept_alert,
    };
    text->form = form;
    text->name = name;
}
