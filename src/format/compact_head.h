/* The envelope of a compact batch, in both directions: what is in front of the rows. */
#ifndef WEIR_FORMAT_COMPACT_HEAD_H
#define WEIR_FORMAT_COMPACT_HEAD_H

#include "format/compact.h"

void weir_compact_code_head(struct weir_compact_codec *codec, struct weir_compact_head *head);

#endif
