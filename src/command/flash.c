#include "command/flash.h"

#include "command/keeper.h"
#include "command/publisher.h"
#include "command/storage.h"
#include "format/batch.h"
#include "weir/engine.h"

#define DAY_MS ((uint64_t)24 * 3600 * 1000)
#define PAGE_BYTES 4096

/* With "off", what Linux does by itself: dirty_expire_centisecs. */
#define WRITEBACK_MS 30000

static uint64_t count_messages(const struct weir_config *config)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < config->stream_count; i++) {
        const struct weir_stream_config *stream = &config->streams[i];

        count += stream->max_series * WEIR_FLASH_MESSAGES_A_WINDOW * DAY_MS /
                 (uint64_t)stream->window_ms;
    }
    return count;
}

/* Bytes of the record of a message, so many a day. */
static uint64_t record_bytes(uint64_t day_messages)
{
    static const char topic[WEIR_FLASH_TOPIC_BYTES];
    static const char payload[WEIR_FLASH_PAYLOAD_BYTES];
    const struct weir_record record = {
        .kind = WEIR_RECORD_MESSAGE,
        .time_ms = day_messages > 0 ? (int64_t)(DAY_MS / day_messages) : 0,
        .message = {.topic = topic,
                    .topic_length = sizeof(topic),
                    .payload = payload,
                    .payload_length = sizeof(payload),
                    .packet_id = UINT16_MAX},
    };
    struct weir_record_image image;

    weir_record_build(&image, &record, 0);
    return image.total_length;
}

/* The last page of the log is written at each sync, and again at the next. */
static uint64_t sync_bytes(const struct weir_config *config, uint64_t day_messages)
{
    int64_t every_ms = config->storage_sync_ms < 0 ? WRITEBACK_MS : config->storage_sync_ms;
    uint64_t count = every_ms > 0 ? DAY_MS / (uint64_t)every_ms : day_messages;

    return (count < day_messages ? count : day_messages) * PAGE_BYTES;
}

static uint64_t outbox_day_bytes(const struct weir_config *config, uint64_t batch_count,
                                 uint64_t row_count, uint64_t batch_bytes, uint64_t sketch_bytes)
{
    uint64_t times = DAY_MS / (uint64_t)config->uplink_every_ms;
    uint64_t file_bytes;

    if (batch_count == 0)
        return 0;
    file_bytes = weir_outbox_file_size(
        (uint32_t)(batch_bytes / batch_count + WEIR_BATCH_HEAD_BYTES),
        (uint32_t)(row_count / batch_count), (uint32_t)(sketch_bytes / batch_count));
    return times * batch_count * ((file_bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES);
}

void weir_flash_plan(struct weir_flash_plan *plan, const struct weir_config *config,
                     uint64_t batch_count, uint64_t row_count, uint64_t batch_bytes,
                     uint64_t sketch_bytes)
{
    struct weir_publisher_plan publisher;
    struct weir_storage_plan storage;
    uint64_t distance;

    weir_publisher_plan(&publisher, config);
    weir_storage_plan(&storage, config);
    *plan = (struct weir_flash_plan){
        .journal_bytes = storage.journal_bytes,
        .outbox_bytes = config->storage_outbox_bytes,
        .snapshot_bytes =
            weir_snapshot_size_max(weir_engine_size(config, NULL), publisher.event_bytes),
        .day_messages = count_messages(config),
    };
    plan->day_journal_bytes = plan->day_messages * record_bytes(plan->day_messages);
    plan->day_sync_bytes = sync_bytes(config, plan->day_messages);
    distance = weir_keeper_snapshot_distance(storage.journal_bytes, storage.segment_bytes,
                                             plan->snapshot_bytes);
    plan->day_snapshot_bytes = plan->day_journal_bytes / distance * plan->snapshot_bytes;
    plan->day_outbox_bytes =
        outbox_day_bytes(config, batch_count, row_count, batch_bytes, sketch_bytes);
}
