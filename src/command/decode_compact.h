/*
 * Batches in compact form as the JSON they stand for, and the names that came with earlier ones.
 *
 * A series whose name has not come is numbered: "#12"; so are stream and field. Memory is bounded:
 * when a batch could bring more than WEIR_DECODE_NAME_COUNT_MAX names, or their bytes, those before
 * it are forgotten, and come again with the next round.
 */
#ifndef WEIR_COMMAND_DECODE_COMPACT_H
#define WEIR_COMMAND_DECODE_COMPACT_H

#include "format/compact.h"

#define WEIR_DECODE_NAME_COUNT_MAX (1 << 17)

struct weir_decode_compact;

/* sketches: rows get the plain form of their sketch, in hexadecimal, as "sketch". NULL: no memory. */
struct weir_decode_compact *weir_decode_compact_create(bool sketches);
void weir_decode_compact_destroy(struct weir_decode_compact *compact);

/* Writes the batch as JSON, and remembers its names. Returns what is wrong, a static string; NULL:
 * nothing. */
const char *weir_decode_compact_expand(struct weir_decode_compact *compact, const char *bytes,
                                       size_t length, struct weir_text *json);

#endif
