/*
 * What storage takes of a flash: bytes kept, and bytes written a day, by which it wears out.
 *
 * The day is one at full load: every series there, each with ten messages a window.
 */
#ifndef WEIR_COMMAND_FLASH_H
#define WEIR_COMMAND_FLASH_H

#include <stdint.h>

#include "weir/config.h"

/* What a message is taken for. */
#define WEIR_FLASH_MESSAGES_A_WINDOW 10
#define WEIR_FLASH_PAYLOAD_BYTES 100
#define WEIR_FLASH_TOPIC_BYTES 32

struct weir_flash_plan {
    uint64_t journal_bytes; /* kept, at most */
    uint64_t outbox_bytes;
    uint64_t snapshot_bytes; /* of one */

    uint64_t day_messages;
    uint64_t day_journal_bytes; /* written a day, about */
    uint64_t day_sync_bytes;    /* of them twice or more, because a page is written whole */
    uint64_t day_snapshot_bytes;
    uint64_t day_outbox_bytes;
};

/* Batches: how many leave each time by the schedule, with so many rows and bytes in all, those of
 * sketches beside them; 0: none. The configuration has storage. */
void weir_flash_plan(struct weir_flash_plan *plan, const struct weir_config *config,
                     uint64_t batch_count, uint64_t row_count, uint64_t batch_bytes,
                     uint64_t sketch_bytes);

#endif
