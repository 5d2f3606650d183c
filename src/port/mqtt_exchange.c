#include "port/mqtt_exchange.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "core/assert.h"

#define CODE_REFUSED 0x80

/* Which part of the requests is a kind's. */
static const struct {
    size_t first;
    size_t count;
} parts[WEIR_MQTT_REQUEST_KIND_COUNT] = {
    [WEIR_MQTT_REQUEST_QOS1] = {0, WEIR_MQTT_INFLIGHT_MAX},
    [WEIR_MQTT_REQUEST_QOS0] = {WEIR_MQTT_INFLIGHT_MAX, WEIR_MQTT_INFLIGHT_MAX},
    [WEIR_MQTT_REQUEST_SUBSCRIPTION] = {2 * WEIR_MQTT_INFLIGHT_MAX, 1},
};

void weir_mqtt_exchange_init(struct weir_mqtt_exchange *exchange, int wake_fd)
{
    pthread_condattr_t attributes;

    memset(exchange, 0, sizeof(*exchange));
    exchange->wake_fd = wake_fd;
    pthread_mutex_init(&exchange->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&exchange->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    for (int kind = 0; kind < WEIR_MQTT_REQUEST_KIND_COUNT; kind++)
        for (size_t i = 0; i < parts[kind].count; i++)
            exchange->requests[parts[kind].first + i] = (struct weir_mqtt_request){
                .exchange = exchange, .kind = (enum weir_mqtt_request_kind)kind};
}

void weir_mqtt_exchange_finish(struct weir_mqtt_exchange *exchange)
{
    pthread_cond_destroy(&exchange->changed);
    pthread_mutex_destroy(&exchange->lock);
}

static void lock(struct weir_mqtt_exchange *exchange)
{
    pthread_mutex_lock(&exchange->lock);
}

static void unlock(struct weir_mqtt_exchange *exchange)
{
    pthread_mutex_unlock(&exchange->lock);
}

static void unlock_and_wake(struct weir_mqtt_exchange *exchange)
{
    pthread_cond_signal(&exchange->changed);
    pthread_mutex_unlock(&exchange->lock);
    (void)eventfd_write(exchange->wake_fd, 1);
}

/* Under the lock. Room for an answer is set aside with the request: an answer always fits. */
static bool has_room(const struct weir_mqtt_exchange *exchange, enum weir_mqtt_request_kind kind,
                     size_t max_count, size_t bytes)
{
    size_t held = exchange->used_count[kind];

    if (kind == WEIR_MQTT_REQUEST_QOS1)
        held += exchange->result_count;
    if (held >= max_count || held >= parts[kind].count)
        return false;
    return exchange->used_bytes == 0 ||
           exchange->used_bytes + bytes <= WEIR_MQTT_INFLIGHT_BYTES_MAX;
}

struct weir_mqtt_request *weir_mqtt_exchange_reserve(struct weir_mqtt_exchange *exchange,
                                                     enum weir_mqtt_request_kind kind,
                                                     size_t max_count, size_t bytes, uint64_t token)
{
    struct weir_mqtt_request *request = NULL;

    lock(exchange);
    if (has_room(exchange, kind, max_count, bytes)) {
        request = &exchange->requests[parts[kind].first];
        while (request->used)
            request++;
        request->used = true;
        request->bytes = bytes;
        request->token = token;
        exchange->used_count[kind]++;
        exchange->used_bytes += bytes;
    } else {
        exchange->starved = true;
    }
    unlock(exchange);
    return request;
}

static void free_request(struct weir_mqtt_request *request)
{
    assert(request->used);
    request->used = false;
    request->exchange->used_count[request->kind]--;
    request->exchange->used_bytes -= request->bytes;
}

void weir_mqtt_exchange_release(struct weir_mqtt_request *request)
{
    lock(request->exchange);
    free_request(request);
    unlock(request->exchange);
}

static size_t count_used(const struct weir_mqtt_exchange *exchange)
{
    size_t count = 0;

    for (int kind = 0; kind < WEIR_MQTT_REQUEST_KIND_COUNT; kind++)
        count += exchange->used_count[kind];
    return count;
}

size_t weir_mqtt_exchange_count(struct weir_mqtt_exchange *exchange)
{
    size_t count;

    lock(exchange);
    count = count_used(exchange);
    unlock(exchange);
    return count;
}

/* Under the lock. Returns true when the owner is to be woken. */
static bool put_answer(struct weir_mqtt_request *request, bool acknowledged, int reason)
{
    struct weir_mqtt_exchange *exchange = request->exchange;
    bool wake = exchange->starved;

    free_request(request);
    exchange->starved = false;
    if (request->kind != WEIR_MQTT_REQUEST_QOS1)
        return wake;
    assert(exchange->result_count < WEIR_MQTT_INFLIGHT_MAX);
    exchange->results[(exchange->result_first + exchange->result_count) % WEIR_MQTT_INFLIGHT_MAX] =
        (struct weir_mqtt_result){
            .token = request->token, .acknowledged = acknowledged, .reason = reason};
    exchange->result_count++;
    return wake || exchange->result_count == 1;
}

void weir_mqtt_exchange_answer(struct weir_mqtt_request *request, bool acknowledged, int reason)
{
    struct weir_mqtt_exchange *exchange = request->exchange;

    lock(exchange);
    if (put_answer(request, acknowledged, reason)) {
        unlock_and_wake(exchange);
        return;
    }
    pthread_cond_signal(&exchange->changed);
    unlock(exchange);
}

void weir_mqtt_exchange_abandon(struct weir_mqtt_exchange *exchange, int reason)
{
    lock(exchange);
    for (size_t i = 0; i < WEIR_MQTT_REQUEST_COUNT_MAX; i++)
        if (exchange->requests[i].used)
            (void)put_answer(&exchange->requests[i], false, reason);
    exchange->news.chunk_answered = false;
    unlock_and_wake(exchange);
}

void weir_mqtt_exchange_answer_chunk(struct weir_mqtt_request *request, const unsigned char *codes,
                                     size_t count)
{
    struct weir_mqtt_exchange *exchange = request->exchange;

    lock(exchange);
    free_request(request);
    memset(exchange->news.codes, CODE_REFUSED, sizeof(exchange->news.codes));
    for (size_t i = 0; i < count && i < sizeof(exchange->news.codes); i++)
        exchange->news.codes[i] = codes[i];
    exchange->news.chunk_answered = true;
    unlock_and_wake(exchange);
}

void weir_mqtt_exchange_take_news(struct weir_mqtt_exchange *exchange, struct weir_mqtt_news *news)
{
    lock(exchange);
    *news = exchange->news;
    memset(&exchange->news, 0, sizeof(exchange->news));
    unlock(exchange);
}

void weir_mqtt_exchange_clear(struct weir_mqtt_exchange *exchange, const char *suspicion)
{
    lock(exchange);
    exchange->suspicion = suspicion;
    memset(&exchange->news, 0, sizeof(exchange->news));
    exchange->tls_problem[0] = '\0';
    unlock(exchange);
}

bool weir_mqtt_exchange_take_result(struct weir_mqtt_exchange *exchange,
                                    struct weir_mqtt_result *result)
{
    bool some;

    lock(exchange);
    some = exchange->result_count > 0;
    if (some) {
        *result = exchange->results[exchange->result_first];
        exchange->result_first = (exchange->result_first + 1) % WEIR_MQTT_INFLIGHT_MAX;
        exchange->result_count--;
    }
    unlock(exchange);
    return some;
}

void weir_mqtt_exchange_wait_answered(struct weir_mqtt_exchange *exchange,
                                      const struct timespec *end)
{
    int error = 0;

    lock(exchange);
    while (count_used(exchange) > 0 && !exchange->news.lost && error == 0)
        error = pthread_cond_timedwait(&exchange->changed, &exchange->lock, end);
    unlock(exchange);
}

void weir_mqtt_exchange_wait_closed(struct weir_mqtt_exchange *exchange, const struct timespec *end)
{
    int error = 0;

    lock(exchange);
    while (!exchange->news.closed && !exchange->news.lost && error == 0)
        error = pthread_cond_timedwait(&exchange->changed, &exchange->lock, end);
    unlock(exchange);
}

void weir_mqtt_exchange_note_accepted(struct weir_mqtt_exchange *exchange,
                                      const struct weir_mqtt_welcome *welcome)
{
    lock(exchange);
    exchange->news.accepted = true;
    exchange->news.welcome = *welcome;
    unlock_and_wake(exchange);
}

void weir_mqtt_exchange_note_failed(struct weir_mqtt_exchange *exchange, const char *reason)
{
    lock(exchange);
    exchange->news.failed = true;
    snprintf(exchange->news.reason, sizeof(exchange->news.reason), "%s", reason);
    unlock_and_wake(exchange);
}

void weir_mqtt_exchange_note_lost(struct weir_mqtt_exchange *exchange, const char *reason)
{
    lock(exchange);
    /* The first reason is the broker's own, if it gave one; the socket's end follows. */
    if (!exchange->news.lost)
        snprintf(exchange->news.reason, sizeof(exchange->news.reason), "%s", reason);
    exchange->news.lost = true;
    unlock_and_wake(exchange);
}

void weir_mqtt_exchange_note_closed(struct weir_mqtt_exchange *exchange)
{
    lock(exchange);
    exchange->news.closed = true;
    unlock_and_wake(exchange);
}

void weir_mqtt_exchange_note_tls_problem(struct weir_mqtt_exchange *exchange, const char *text,
                                         size_t length)
{
    lock(exchange);
    if (exchange->tls_problem[0] == '\0')
        snprintf(exchange->tls_problem, sizeof(exchange->tls_problem), "%.*s", (int)length, text);
    unlock(exchange);
}

void weir_mqtt_exchange_copy_suspicion(struct weir_mqtt_exchange *exchange,
                                       char reason[static WEIR_MQTT_REASON_SIZE])
{
    lock(exchange);
    snprintf(reason, WEIR_MQTT_REASON_SIZE, "%s",
             exchange->tls_problem[0] != '\0' ? exchange->tls_problem : exchange->suspicion);
    unlock(exchange);
}
