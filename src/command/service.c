#include "command/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define MESSAGE_SIZE 512

void weir_service_init(struct weir_service *service, const struct weir_service_look *look,
                       int64_t now_ms)
{
    *service = (struct weir_service){.begun_ms = now_ms, .looked_ms = now_ms, .last = *look};
    weir_notify_init(&service->notify);
    service->beat_ms = WEIR_SERVICE_BEAT_MS;
    /* Twice in its time, so that one that is late is early enough. */
    if (service->notify.watchdog_ms > 0 && service->notify.watchdog_ms / 2 < service->beat_ms)
        service->beat_ms = service->notify.watchdog_ms > 1 ? service->notify.watchdog_ms / 2 : 1;
}

void weir_service_finish(struct weir_service *service)
{
    weir_notify_finish(&service->notify);
}

int64_t weir_service_step(struct weir_service *service, bool subscribed, int64_t now_ms)
{
    int64_t ready_ms = service->begun_ms + WEIR_SERVICE_READY_MS;
    int64_t beat_ms = service->looked_ms + service->beat_ms;

    if (!weir_notify_heard(&service->notify))
        return INT64_MAX;
    if (!service->ready && (subscribed || now_ms >= ready_ms))
        service->ready = weir_notify_send(&service->notify, "READY=1");
    return !service->ready && now_ms < ready_ms && ready_ms < beat_ms ? ready_ms : beat_ms;
}

/* One line, however it goes. */
static void write_status(char *text, size_t size, const struct weir_service *service,
                         const struct weir_service_look *look, int64_t passed_ms, bool moving)
{
    uint64_t messages = look->received - service->last.received;
    uint64_t rate = passed_ms > 0 ? messages * 1000 / (uint64_t)passed_ms : 0;

    (void)snprintf(text, size,
                   "STATUS=%" PRIu64 " messages/s, %" PRIu64 " alerts, %" PRIu64
                   " batches wait, broker %s, storage: %s%s%s",
                   rate, look->alerts, look->batches, look->connected ? "connected" : "away",
                   look->storage ? look->storage : "none",
                   service->refused ? "; the newest configuration is refused" : "",
                   moving ? "" : "; the engine stands still");
}

void weir_service_tell(struct weir_service *service, const struct weir_service_look *look,
                       int64_t now_ms)
{
    /* What is in the log by now may have come this moment. */
    bool moving = look->log_consumed >= service->last.log_end ||
                  look->log_consumed != service->last.log_consumed;
    char message[MESSAGE_SIZE];

    write_status(message, sizeof(message), service, look, now_ms - service->looked_ms, moving);
    (void)weir_notify_send(&service->notify, message);
    if (moving && service->notify.watchdog_ms > 0)
        (void)weir_notify_send(&service->notify, "WATCHDOG=1");
    service->looked_ms = now_ms;
    service->last = *look;
}

void weir_service_reload(const struct weir_service *service)
{
    char message[MESSAGE_SIZE];
    struct timespec now;

    if (!service->ready)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    (void)snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%lld",
                   (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    (void)weir_notify_send(&service->notify, message);
}

void weir_service_reloaded(struct weir_service *service, bool refused)
{
    service->refused = refused;
    /* Should it not get there, it is said again with the next step. */
    if (service->ready)
        service->ready = weir_notify_send(&service->notify, "READY=1");
}

void weir_service_stop(const struct weir_service *service)
{
    (void)weir_notify_send(&service->notify, "STOPPING=1\nSTATUS=sending what can be sent");
}
