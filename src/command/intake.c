#include "command/intake.h"

#include <string.h>
#include <unistd.h>

/* A message in the queue; topic and payload follow. */
struct record {
    int64_t arrived_ms;
    uint32_t payload_length;
    uint16_t topic_length;
    bool retained;
};

void weir_intake_init(struct weir_intake *intake, struct weir_engine *engine,
                      struct weir_clock *clock, void *queue, uint64_t queue_bytes, int wake_fd)
{
    weir_ring_init(&intake->queue, queue, queue_bytes);
    intake->clock = clock;
    pthread_mutex_init(&intake->lock, NULL);
    intake->engine = engine;
    intake->told_ms = INT64_MIN;
    intake->wake_fd = wake_fd;
    atomic_init(&intake->woken, false);
    atomic_init(&intake->dropped, 0);
}

void weir_intake_finish(struct weir_intake *intake)
{
    pthread_mutex_destroy(&intake->lock);
}

static void wake_owner(struct weir_intake *intake)
{
    const uint64_t one = 1;

    if (!atomic_exchange(&intake->woken, true))
        (void)!write(intake->wake_fd, &one, sizeof(one));
}

/* A payload beyond the limit is counted by its length alone, so its bytes are not kept. */
static bool append_message(struct weir_intake *intake, const struct weir_message *message)
{
    bool oversize = message->payload_length > WEIR_PAYLOAD_LENGTH_MAX ||
                    message->topic_length > WEIR_TOPIC_LENGTH_MAX;
    size_t topic_length = message->topic_length > UINT16_MAX ? UINT16_MAX : message->topic_length;
    size_t payload_length = oversize ? 0 : message->payload_length;
    struct record *record =
        weir_ring_reserve(&intake->queue, sizeof(*record) + topic_length + payload_length);
    char *bytes;

    if (!record)
        return false;
    *record = (struct record){
        .arrived_ms = weir_clock_now(intake->clock),
        .payload_length = (uint32_t)message->payload_length,
        .topic_length = (uint16_t)topic_length,
        .retained = message->retained,
    };
    bytes = (char *)(record + 1);
    memcpy(bytes, message->topic, topic_length);
    memcpy(bytes + topic_length, message->payload, payload_length);
    weir_ring_commit(&intake->queue);
    return true;
}

static bool peek_message(struct weir_intake *intake, struct weir_message *message)
{
    uint64_t length;
    const struct record *record = weir_ring_peek(&intake->queue, &length);

    if (!record)
        return false;
    *message = (struct weir_message){
        .topic = (const char *)(record + 1),
        .topic_length = record->topic_length,
        .payload = (const char *)(record + 1) + record->topic_length,
        .payload_length = record->payload_length,
        /* The owner may have told the engine a later time after the stamp was drawn: a message
         * never arrives before a time the engine knows to have passed. */
        .arrived_ms = record->arrived_ms > intake->told_ms ? record->arrived_ms : intake->told_ms,
        .retained = record->retained,
    };
    return true;
}

/* Feeds what is queued as long as nothing but the messages themselves is due. */
static void feed_quietly(struct weir_intake *intake)
{
    struct weir_engine *engine = intake->engine;
    struct weir_message message;

    while (peek_message(intake, &message)) {
        if (message.arrived_ms >= weir_engine_deadline(engine) || weir_engine_pending(engine) ||
            weir_engine_advance(engine, message.arrived_ms) != WEIR_OK ||
            weir_engine_accept(engine, &message) != WEIR_OK)
            break;
        weir_ring_release(&intake->queue);
    }
}

void weir_intake_accept(void *context, const struct weir_message *message)
{
    struct weir_intake *intake = context;
    bool waiting;

    if (!append_message(intake, message)) {
        atomic_fetch_add_explicit(&intake->dropped, 1, memory_order_relaxed);
        wake_owner(intake);
        return;
    }
    if (pthread_mutex_trylock(&intake->lock) != 0) {
        wake_owner(intake);
        return;
    }
    feed_quietly(intake);
    waiting = weir_engine_pending(intake->engine) || weir_ring_count(&intake->queue) > 0;
    pthread_mutex_unlock(&intake->lock);
    if (waiting)
        wake_owner(intake);
}

struct weir_engine *weir_intake_lock(struct weir_intake *intake)
{
    atomic_store(&intake->woken, false);
    pthread_mutex_lock(&intake->lock);
    return intake->engine;
}

void weir_intake_unlock(struct weir_intake *intake)
{
    pthread_mutex_unlock(&intake->lock);
}

enum weir_status weir_intake_step(struct weir_intake *intake)
{
    struct weir_message message;

    while (peek_message(intake, &message)) {
        if (weir_engine_advance(intake->engine, message.arrived_ms) != WEIR_OK ||
            weir_engine_accept(intake->engine, &message) != WEIR_OK)
            return WEIR_FULL;
        weir_ring_release(&intake->queue);
    }
    intake->told_ms = weir_clock_now(intake->clock);
    if (weir_engine_advance(intake->engine, intake->told_ms) != WEIR_OK ||
        weir_engine_pending(intake->engine))
        return WEIR_FULL;
    return WEIR_OK;
}

void weir_intake_exchange(struct weir_intake *intake, struct weir_engine *engine)
{
    intake->engine = engine;
}

uint64_t weir_intake_dropped(const struct weir_intake *intake)
{
    return atomic_load_explicit(&intake->dropped, memory_order_relaxed);
}
