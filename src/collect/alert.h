/* Alert events and states as they arrive: a JSON object of schema weir.alert/1. */
#ifndef WEIR_COLLECT_ALERT_H
#define WEIR_COLLECT_ALERT_H

#include "collect/sink.h"
#include "format/json.h"

/* An event, in bytes. weir's take under 2 KiB. */
#define WEIR_ALERT_BYTES_MAX 16384

struct weir_alert_reader {
    /* private */
    struct weir_json_paths paths;
    char texts[WEIR_ALERT_BYTES_MAX];
    char line[WEIR_ALERT_BYTES_MAX];
};

void weir_alert_reader_init(struct weir_alert_reader *reader);

/* The texts lie in the reader until the next call. False: it is neither. */
bool weir_alert_reader_read(struct weir_alert_reader *reader, const char *bytes, size_t length,
                            struct weir_collect_alert *alert);

#endif
