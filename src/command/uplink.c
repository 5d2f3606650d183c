#include "command/uplink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/log.h"
#include "port/mqtt.h"
#include "store/ring.h"

/* A batch in the outbox; its bytes follow. */
struct record {
    uint64_t sequence;
    uint64_t row_count;
};

/* A batch the broker refused is offered again after this long. */
#define REFUSED_RETRY_MS 10000

/* One that the library turns down so many times running is more than the broker takes. */
#define UNSENDABLE_COUNT_MAX 3

struct weir_uplink {
    struct weir_ring outbox;
    struct weir_mqtt *mqtt;
    int wake_fd;
    char topic[sizeof("weir/v1//batch") + WEIR_NAME_LENGTH_MAX];
    bool sent; /* the oldest is on its way */
    uint64_t sent_sequence;
    uint64_t lost_sequence; /* on its way when it fell out of the outbox; 0: none */
    uint64_t lost_rows;
    int refusal; /* the reason code logged last */
    int64_t retry_at_ms;
    unsigned unsendable_count; /* times the library turned the oldest down */
    struct weir_uplink_counts counts;
};

static struct weir_mqtt *connect_uplink(const struct weir_config *config, int wake_fd)
{
    struct weir_mqtt_options options = {
        .label = "uplink",
        .peer = &config->uplink,
        .client_id = config->uplink.client_id,
        .clean_start = true,
        .wake_fd = wake_fd,
    };

    return weir_mqtt_create(&options);
}

struct weir_uplink *weir_uplink_create(const struct weir_config *config, void *outbox,
                                       uint64_t outbox_bytes, int wake_fd)
{
    struct weir_uplink *uplink = calloc(1, sizeof(*uplink));

    if (!uplink)
        goto error;
    weir_ring_init(&uplink->outbox, outbox, outbox_bytes);
    uplink->wake_fd = wake_fd;
    snprintf(uplink->topic, sizeof(uplink->topic), "weir/v1/%s/batch", config->gateway);
    uplink->mqtt = connect_uplink(config, wake_fd);
    if (!uplink->mqtt)
        goto error_uplink;
    return uplink;

error_uplink:
    free(uplink);
error:
    weir_log_error("cannot make the uplink");
    return NULL;
}

void weir_uplink_destroy(struct weir_uplink *uplink, int wait_ms)
{
    weir_mqtt_destroy(uplink->mqtt, wait_ms);
    free(uplink);
}

bool weir_uplink_exchange(struct weir_uplink *uplink, const struct weir_config *config)
{
    struct weir_mqtt *mqtt = connect_uplink(config, uplink->wake_fd);

    if (!mqtt)
        return false;
    weir_mqtt_destroy(uplink->mqtt, 0);
    uplink->mqtt = mqtt;
    uplink->sent = false;
    uplink->lost_sequence = 0;
    snprintf(uplink->topic, sizeof(uplink->topic), "weir/v1/%s/batch", config->gateway);
    return true;
}

static void release_oldest(struct weir_uplink *uplink, const struct record *record)
{
    uplink->counts.batches--;
    uplink->counts.summaries -= record->row_count;
    uplink->sent = false;
    weir_ring_release(&uplink->outbox);
}

/* The oldest gives way. If it is on its way, its acknowledgement may still take the loss back. */
static bool drop_oldest(struct weir_uplink *uplink)
{
    uint64_t length;
    const struct record *record = weir_ring_peek(&uplink->outbox, &length);

    if (!record)
        return false;
    uplink->counts.batches_dropped++;
    uplink->counts.summaries_dropped += record->row_count;
    if (uplink->sent) {
        uplink->lost_sequence = record->sequence;
        uplink->lost_rows = record->row_count;
    }
    release_oldest(uplink, record);
    return true;
}

void weir_uplink_accept_batch(struct weir_uplink *uplink, const struct weir_engine_batch *batch)
{
    struct record *record;
    uint64_t length = sizeof(*record) + batch->length;

    record = weir_ring_reserve(&uplink->outbox, length);
    while (!record && drop_oldest(uplink))
        record = weir_ring_reserve(&uplink->outbox, length);
    if (!record) {
        uplink->counts.batches_dropped++;
        uplink->counts.summaries_dropped += batch->row_count;
        return;
    }
    *record = (struct record){.sequence = batch->sequence, .row_count = batch->row_count};
    memcpy(record + 1, batch->bytes, batch->length);
    weir_ring_commit(&uplink->outbox);
    uplink->counts.batches++;
    uplink->counts.summaries += batch->row_count;
}

static void note_refusal(struct weir_uplink *uplink, const struct weir_mqtt_result *result,
                         int64_t now_ms)
{
    if (result->reason <= 0)
        return;
    if (result->reason != uplink->refusal)
        weir_log_warning("uplink: refuses batches, reason code %d; they stay in the outbox",
                         result->reason);
    uplink->refusal = result->reason;
    uplink->retry_at_ms = now_ms + REFUSED_RETRY_MS;
}

static void take_answer(struct weir_uplink *uplink, const struct weir_mqtt_result *result,
                        int64_t now_ms)
{
    uint64_t length;
    const struct record *record = weir_ring_peek(&uplink->outbox, &length);

    if (result->token == uplink->lost_sequence && uplink->lost_sequence != 0) {
        if (result->acknowledged) {
            uplink->counts.batches_dropped--;
            uplink->counts.summaries_dropped -= uplink->lost_rows;
        }
        uplink->lost_sequence = 0;
        return;
    }
    if (!uplink->sent || result->token != uplink->sent_sequence)
        return;
    uplink->sent = false;
    if (!result->acknowledged) {
        note_refusal(uplink, result, now_ms);
        return;
    }
    uplink->refusal = 0;
    if (record)
        release_oldest(uplink, record);
}

/* The oldest gives way to those behind it when it cannot be sent at all. */
static void note_unsendable(struct weir_uplink *uplink, int64_t now_ms)
{
    uplink->retry_at_ms = now_ms + REFUSED_RETRY_MS;
    if (++uplink->unsendable_count < UNSENDABLE_COUNT_MAX)
        return;
    weir_log_error("uplink: a batch cannot be sent, it may be more than the broker takes; dropped");
    uplink->unsendable_count = 0;
    (void)drop_oldest(uplink);
}

static void send_oldest(struct weir_uplink *uplink, int64_t now_ms)
{
    uint64_t length;
    const struct record *record;

    /* One at a time, one that fell out of the outbox on its way included: its answer is awaited. */
    if (uplink->sent || uplink->lost_sequence != 0 || now_ms < uplink->retry_at_ms)
        return;
    record = weir_ring_peek(&uplink->outbox, &length);
    if (!record)
        return;
    switch (weir_mqtt_publish(uplink->mqtt, uplink->topic, record + 1, length - sizeof(*record), 1,
                              false, record->sequence)) {
    case WEIR_OK:
        uplink->sent = true;
        uplink->sent_sequence = record->sequence;
        uplink->unsendable_count = 0;
        break;
    case WEIR_FULL:
        break;
    case WEIR_REFUSED:
        note_unsendable(uplink, now_ms);
        break;
    }
}

int64_t weir_uplink_step(struct weir_uplink *uplink, int64_t now_ms)
{
    int64_t next_ms = weir_mqtt_step(uplink->mqtt, now_ms);
    struct weir_mqtt_result result;

    while (weir_mqtt_take_result(uplink->mqtt, &result))
        take_answer(uplink, &result, now_ms);
    send_oldest(uplink, now_ms);
    if (now_ms < uplink->retry_at_ms && uplink->retry_at_ms < next_ms)
        return uplink->retry_at_ms;
    return next_ms;
}

bool weir_uplink_busy(const struct weir_uplink *uplink)
{
    return weir_mqtt_connected(uplink->mqtt) && uplink->counts.batches > 0;
}

void weir_uplink_count(const struct weir_uplink *uplink, struct weir_uplink_counts *counts)
{
    *counts = uplink->counts;
}
