/*
 * The newest summary of each field of each series, for streams that ask for live topics.
 */
#ifndef WEIR_COMMAND_LIVE_H
#define WEIR_COMMAND_LIVE_H

#include "command/outlet.h"
#include "weir/sketch.h"

struct weir_live {
    /* private */
    struct weir_live_stream {
        struct weir_summary *newest;  /* [series][field]; count 0: none yet */
        struct weir_sketch *sketches; /* the same; NULL: no quantiles are asked for */
        uint8_t *marks;               /* [series]: see live.c */
        uint32_t field_count;
        uint32_t series_max;
        uint32_t dirty_count;
        uint32_t cursor;
    } streams[WEIR_STREAM_COUNT_MAX];
    uint32_t stream_count;
};

/* Bytes that weir_live_init takes. */
uint64_t weir_live_size(const struct weir_config *config);

/* Memory for the live streams of the configuration. False: there is too little; nothing is held. */
bool weir_live_init(struct weir_live *live, const struct weir_config *config);
void weir_live_finish(struct weir_live *live);

/* Takes a summary; of a stream that is not live, or older than the one it has, it is no news. */
void weir_live_accept(struct weir_live *live, const struct weir_summary *summary,
                      const struct weir_sketch *sketch);

/* Everything there is has to be sent, and described. */
void weir_live_mark_all(struct weir_live *live);

/* Sends what there is room for. */
void weir_live_send(struct weir_live *live, struct weir_outlet *outlet);

#endif
