#include "command/uplink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/assert.h"
#include "port/log.h"
#include "port/mqtt.h"
#include "store/ring.h"

/* A batch in the outbox in memory. Its bytes follow, and with storage, padded to eight, its rows and
 * their sketches. */
struct record {
    uint64_t place;
    uint64_t epoch;
    uint64_t sequence;
    uint64_t row_count;
    uint64_t length;
    uint64_t sketches_length; /* 0 without storage */
};

/* A batch the broker refused is offered again after this long. */
#define REFUSED_RETRY_MS 10000

/* One that the library turns down so many times running is more than the broker takes. */
#define UNSENDABLE_COUNT_MAX 3

/* How long a batch waits for room on its way to the disk. */
#define KEEPER_WAIT_MS 500

/* What a pause is worth at most. */
#define CREDIT_MS_MAX 60000

/* MQTT 5: Packet too large, Payload format invalid. */
#define REASON_TOO_LARGE 149
#define REASON_FORMAT 153

struct weir_uplink {
    struct weir_ring outbox;
    struct weir_keeper *keeper;      /* where batches go; NULL: they stay in memory */
    struct weir_keeper *keeper_sent; /* where they are sent from; NULL: there is no storage */
    bool keeps_rows;  /* batches in memory may still go to a keeper, who wants their rows */
    bool from_keeper; /* the one on its way is the keeper's */
    struct weir_done done;
    int64_t rate;   /* bytes a second */
    int64_t credit; /* thousandths of bytes that may leave now; below 0: owed */
    int64_t credit_ms;
    struct weir_hours hours;
    int64_t wait_ms; /* until they begin, when it was looked last; 0: they last */
    struct weir_mqtt *mqtt;
    char topic[sizeof("weir/v1//batch") + WEIR_NAME_LENGTH_MAX];
    bool sent; /* the oldest is on its way */
    uint64_t sent_sequence;
    uint64_t sent_rows;
    uint64_t lost_sequence; /* on its way when it fell out of the outbox; 0: none */
    uint64_t lost_rows;
    int refusal; /* the reason code logged last */
    int64_t retry_at_ms;
    unsigned unsendable_count; /* times the library turned the oldest down */
    struct weir_uplink_counts counts;
};

struct weir_mqtt *weir_uplink_connect(const struct weir_config *config, int wake_fd)
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

struct weir_uplink *weir_uplink_create(void *outbox, uint64_t outbox_bytes, bool keeps_rows)
{
    struct weir_uplink *uplink = calloc(1, sizeof(*uplink));

    if (!uplink) {
        weir_log_error("no memory for the uplink");
        return NULL;
    }
    weir_ring_init(&uplink->outbox, outbox, outbox_bytes);
    uplink->keeps_rows = keeps_rows;
    return uplink;
}

void weir_uplink_destroy(struct weir_uplink *uplink, int wait_ms)
{
    if (uplink->mqtt)
        weir_mqtt_destroy(uplink->mqtt, wait_ms);
    free(uplink);
}

void weir_uplink_configure(struct weir_uplink *uplink, const struct weir_config *config)
{
    uplink->rate = (int64_t)config->uplink_rate;
    uplink->hours = config->uplink_hours;
}

void weir_uplink_send_anyway(struct weir_uplink *uplink)
{
    uplink->hours = (struct weir_hours){0};
}

void weir_uplink_exchange(struct weir_uplink *uplink, struct weir_mqtt *mqtt,
                          const struct weir_config *config)
{
    if (uplink->mqtt)
        weir_mqtt_destroy(uplink->mqtt, 0);
    uplink->mqtt = mqtt;
    uplink->sent = false;
    uplink->from_keeper = false;
    uplink->lost_sequence = 0;
    uplink->retry_at_ms = 0;
    weir_uplink_configure(uplink, config);
    snprintf(uplink->topic, sizeof(uplink->topic), "weir/v1/%s/batch", config->gateway);
}

static void release_oldest(struct weir_uplink *uplink, const struct record *record)
{
    uplink->counts.batches--;
    uplink->counts.summaries -= record->row_count;
    if (!uplink->from_keeper)
        uplink->sent = false;
    weir_ring_release(&uplink->outbox);
}

void weir_uplink_note_done(struct weir_uplink *uplink, uint64_t epoch, uint64_t sequence)
{
    weir_done_note(&uplink->done, epoch, sequence);
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
    if (uplink->sent && !uplink->from_keeper) {
        uplink->lost_sequence = record->sequence;
        uplink->lost_rows = record->row_count;
    }
    weir_uplink_note_done(uplink, record->epoch, record->sequence);
    release_oldest(uplink, record);
    return true;
}

static uint64_t padded(uint64_t length)
{
    return (length + 7) & ~(uint64_t)7;
}

/* What was made while the disk failed goes there once it works, but for one that is on its way. */
static void hand_over(struct weir_uplink *uplink)
{
    const struct record *record;
    uint64_t length;

    while (uplink->keeper && (!uplink->sent || uplink->from_keeper) &&
           (record = weir_ring_peek(&uplink->outbox, &length)) != NULL) {
        const char *bytes = (const char *)(record + 1);
        const struct weir_summary *rows =
            (const struct weir_summary *)(const void *)(bytes + padded(record->length));
        const struct weir_outbox_batch batch = {
            .place = record->place,
            .epoch = record->epoch,
            .sequence = record->sequence,
            .row_count = (uint32_t)record->row_count,
            .length = (uint32_t)record->length,
            .bytes = bytes,
            .rows = rows,
            .sketches_length = (uint32_t)record->sketches_length,
            .sketches = (const unsigned char *)(rows + record->row_count),
        };

        if (!weir_keeper_put(uplink->keeper, &batch))
            return;
        release_oldest(uplink, record);
    }
}

void weir_uplink_use_keeper(struct weir_uplink *uplink, struct weir_keeper *keeper)
{
    assert(!keeper || uplink->keeps_rows);
    uplink->keeper = keeper;
    if (keeper)
        uplink->keeper_sent = keeper;
    hand_over(uplink);
}

void weir_uplink_lose_keeper(struct weir_uplink *uplink)
{
    uplink->keeper = NULL;
    uplink->keeper_sent = NULL;
    uplink->sent = false;
    uplink->from_keeper = false;
}

bool weir_uplink_holds_any(const struct weir_uplink *uplink)
{
    return uplink->counts.batches > 0;
}

const struct weir_done *weir_uplink_done(const struct weir_uplink *uplink)
{
    return &uplink->done;
}

/* The keeper's staging is emptied in its own time; only a disk that fails keeps it full. */
static bool give_to_keeper(struct weir_uplink *uplink, const struct weir_engine_batch *batch,
                           uint64_t place)
{
    const struct weir_outbox_batch stored = {
        .place = place,
        .epoch = batch->epoch,
        .sequence = batch->sequence,
        .first = batch->sequence,
        .last = batch->sequence,
        .parts = 1,
        .row_count = batch->row_count,
        .length = (uint32_t)batch->length,
        .bytes = batch->bytes,
        .rows = batch->rows,
        .sketches_length = (uint32_t)batch->sketches_length,
        .sketches = batch->sketches,
    };
    struct weir_keeper_report report;

    for (int i = 0; !weir_keeper_put(uplink->keeper, &stored); i++) {
        weir_keeper_report(uplink->keeper, &report);
        if (report.error != 0 || i >= KEEPER_WAIT_MS)
            return false;
        usleep(1000);
    }
    return true;
}

/* False: there is no room, not even when all that is there has given way. */
static bool hold(struct weir_uplink *uplink, const struct weir_engine_batch *batch, uint64_t place)
{
    uint64_t row_bytes = uplink->keeps_rows ? batch->row_count * sizeof(*batch->rows) : 0;
    uint64_t sketch_bytes = uplink->keeps_rows ? batch->sketches_length : 0;
    uint64_t length = sizeof(struct record) + padded(batch->length) + row_bytes + sketch_bytes;
    struct record *record = weir_ring_reserve(&uplink->outbox, length);

    while (!record && drop_oldest(uplink))
        record = weir_ring_reserve(&uplink->outbox, length);
    if (!record)
        return false;
    *record = (struct record){
        .place = place,
        .epoch = batch->epoch,
        .sequence = batch->sequence,
        .row_count = batch->row_count,
        .length = batch->length,
        .sketches_length = sketch_bytes,
    };
    memcpy(record + 1, batch->bytes, batch->length);
    if (row_bytes > 0)
        memcpy((char *)(record + 1) + padded(batch->length), batch->rows, (size_t)row_bytes);
    if (sketch_bytes > 0)
        memcpy((char *)(record + 1) + padded(batch->length) + row_bytes, batch->sketches,
               (size_t)sketch_bytes);
    weir_ring_commit(&uplink->outbox);
    uplink->counts.batches++;
    uplink->counts.summaries += batch->row_count;
    return true;
}

void weir_uplink_accept_batch(struct weir_uplink *uplink, const struct weir_engine_batch *batch,
                              uint64_t place)
{
    if (batch->sequence <= weir_done_find(&uplink->done, batch->epoch))
        return;
    hand_over(uplink);
    /* Behind what is still here, so that the order stays. */
    if (uplink->keeper && uplink->counts.batches == 0 && give_to_keeper(uplink, batch, place))
        return;
    if (hold(uplink, batch, place))
        return;
    uplink->counts.batches_dropped++;
    uplink->counts.summaries_dropped += batch->row_count;
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

/* A loss that its acknowledgement takes back. */
static void take_lost(struct weir_uplink *uplink, const struct weir_mqtt_result *result)
{
    if (result->acknowledged) {
        uplink->counts.batches_dropped--;
        uplink->counts.summaries_dropped -= uplink->lost_rows;
    }
    uplink->lost_sequence = 0;
}

/* The batch on its way has left, or is given up. */
static void finish_sent(struct weir_uplink *uplink)
{
    struct weir_outbox_batch batch;
    const struct record *record;
    uint64_t length;

    uplink->sent = false;
    if (uplink->from_keeper) {
        uplink->from_keeper = false;
        if (weir_keeper_peek(uplink->keeper_sent, &batch)) {
            weir_uplink_note_done(uplink, batch.epoch, batch.last);
            weir_keeper_done(uplink->keeper_sent);
        }
        return;
    }
    record = weir_ring_peek(&uplink->outbox, &length);
    if (!record)
        return;
    weir_uplink_note_done(uplink, record->epoch, record->sequence);
    release_oldest(uplink, record);
}

/* What the broker itself will never take makes way for those behind it. */
static bool is_hopeless(int reason)
{
    return reason == REASON_TOO_LARGE || reason == REASON_FORMAT;
}

static void give_up_sent(struct weir_uplink *uplink, uint64_t row_count)
{
    weir_log_error("uplink: a batch cannot be sent, it may be more than the broker takes; dropped");
    uplink->counts.batches_dropped++;
    uplink->counts.summaries_dropped += row_count;
    finish_sent(uplink);
}

static void take_answer(struct weir_uplink *uplink, const struct weir_mqtt_result *result,
                        int64_t now_ms)
{
    if (result->token == uplink->lost_sequence && uplink->lost_sequence != 0) {
        take_lost(uplink, result);
        return;
    }
    if (!uplink->sent || result->token != uplink->sent_sequence)
        return;
    if (result->acknowledged) {
        uplink->refusal = 0;
        finish_sent(uplink);
    } else if (is_hopeless(result->reason)) {
        give_up_sent(uplink, uplink->sent_rows);
    } else {
        uplink->sent = false;
        uplink->from_keeper = false;
        note_refusal(uplink, result, now_ms);
    }
}

/* The batch to send next, the keeper's first: those in memory are younger, or there are no
 * others. */
static bool find_oldest(struct weir_uplink *uplink, struct weir_outbox_batch *batch)
{
    const struct record *record;
    uint64_t length;

    if (uplink->keeper_sent && weir_keeper_peek(uplink->keeper_sent, batch)) {
        uplink->from_keeper = true;
        return true;
    }
    uplink->from_keeper = false;
    /* What is in memory goes to the keeper first: it must not overtake what is on its way there. */
    if (uplink->keeper)
        return false;
    record = weir_ring_peek(&uplink->outbox, &length);
    if (!record)
        return false;
    *batch = (struct weir_outbox_batch){
        .epoch = record->epoch,
        .sequence = record->sequence,
        .row_count = (uint32_t)record->row_count,
        .length = (uint32_t)record->length,
        .bytes = (const char *)(record + 1),
    };
    return true;
}

/* Credit grows by the rate, up to what one second is worth; a batch may overdraw it. In thousandths
 * of a byte, which is what a millisecond is worth at a byte a second. */
static bool has_credit(struct weir_uplink *uplink, int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - uplink->credit_ms;

    if (elapsed_ms > CREDIT_MS_MAX)
        elapsed_ms = CREDIT_MS_MAX;
    uplink->credit += elapsed_ms * uplink->rate;
    if (uplink->credit > uplink->rate * 1000)
        uplink->credit = uplink->rate * 1000;
    uplink->credit_ms = now_ms;
    return uplink->credit > 0;
}

/* The oldest gives way to those behind it when it cannot be sent at all. */
static void note_unsendable(struct weir_uplink *uplink, uint64_t row_count, int64_t now_ms)
{
    uplink->retry_at_ms = now_ms + REFUSED_RETRY_MS;
    if (++uplink->unsendable_count < UNSENDABLE_COUNT_MAX)
        return;
    uplink->unsendable_count = 0;
    give_up_sent(uplink, row_count);
}

static void send_oldest(struct weir_uplink *uplink, int64_t now_ms)
{
    struct weir_outbox_batch batch;

    /* One at a time, one that fell out of the outbox on its way included: its answer is awaited. */
    if (uplink->sent || uplink->lost_sequence != 0 || now_ms < uplink->retry_at_ms ||
        uplink->wait_ms > 0 || !weir_mqtt_connected(uplink->mqtt))
        return;
    /* Before the keeper is asked: a batch that it gives out can be changed no more. */
    if (!has_credit(uplink, now_ms)) {
        uplink->retry_at_ms = now_ms + 1 - uplink->credit / uplink->rate;
        return;
    }
    if (!find_oldest(uplink, &batch))
        return;
    switch (weir_mqtt_publish(uplink->mqtt, uplink->topic, batch.bytes, batch.length, 1, false,
                              batch.sequence)) {
    case WEIR_OK:
        uplink->sent = true;
        uplink->sent_sequence = batch.sequence;
        uplink->sent_rows = batch.row_count;
        uplink->unsendable_count = 0;
        uplink->credit -= (int64_t)batch.length * 1000;
        break;
    case WEIR_FULL:
        break;
    case WEIR_REFUSED:
        note_unsendable(uplink, batch.row_count, now_ms);
        break;
    }
}

int64_t weir_uplink_step(struct weir_uplink *uplink, int64_t now_ms, int64_t clock_ms)
{
    int64_t next_ms = weir_mqtt_step(uplink->mqtt, now_ms);
    struct weir_mqtt_result result;

    while (weir_mqtt_take_result(uplink->mqtt, &result))
        take_answer(uplink, &result, now_ms);
    hand_over(uplink);
    uplink->wait_ms = weir_hours_wait_ms(&uplink->hours, clock_ms);
    send_oldest(uplink, now_ms);
    if (uplink->wait_ms > 0)
        return now_ms + uplink->wait_ms < next_ms ? now_ms + uplink->wait_ms : next_ms;
    if (now_ms < uplink->retry_at_ms && uplink->retry_at_ms < next_ms)
        return uplink->retry_at_ms;
    return next_ms;
}

bool weir_uplink_busy(const struct weir_uplink *uplink)
{
    struct weir_keeper_report report = {0};

    if (uplink->keeper_sent)
        weir_keeper_report(uplink->keeper_sent, &report);
    return weir_mqtt_connected(uplink->mqtt) && uplink->wait_ms == 0 &&
           (uplink->counts.batches > 0 || (report.error == 0 && report.batches > 0));
}

void weir_uplink_count(const struct weir_uplink *uplink, struct weir_uplink_counts *counts)
{
    *counts = uplink->counts;
}
