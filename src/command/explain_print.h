/* An explanation of an alert (weir_pipeline_explain) for people and for programs. */
#ifndef WEIR_COMMAND_EXPLAIN_PRINT_H
#define WEIR_COMMAND_EXPLAIN_PRINT_H

#include "format/text.h"
#include "weir/pipeline.h"

/* Bytes that either takes at most. */
#define WEIR_EXPLAIN_SIZE 16384

/* One JSON object. series is its name. */
void weir_explain_write_json(struct weir_text *text, const struct weir_config *config,
                             const char *series, const struct weir_explanation *explanation);

/* Lines, each with a newline. */
void weir_explain_write_text(struct weir_text *text, const struct weir_config *config,
                             const char *series, const struct weir_explanation *explanation);

#endif
