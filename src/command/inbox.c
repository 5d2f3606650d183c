#include "command/inbox.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

/* In front of the texts of a message. */
struct head {
    size_t topic_length;
    size_t payload_length;
    size_t reply_length;
    size_t correlation_length;
    bool retained;
};

bool weir_inbox_init(struct weir_inbox *inbox, int wake_fd)
{
    inbox->bytes = malloc(WEIR_INBOX_BYTES);
    if (!inbox->bytes)
        return false;
    inbox->wake_fd = wake_fd;
    atomic_init(&inbox->dropped, 0);
    weir_ring_init(&inbox->ring, inbox->bytes, WEIR_INBOX_BYTES);
    return true;
}

void weir_inbox_finish(struct weir_inbox *inbox)
{
    free(inbox->bytes);
    inbox->bytes = NULL;
}

static bool ends_with(const struct weir_message *message, const char *end)
{
    size_t length = strlen(end);

    return message->topic_length > length &&
           memcmp(message->topic + message->topic_length - length, end, length) == 0;
}

static void *put(void *at, const void *bytes, size_t length)
{
    if (length > 0)
        memcpy(at, bytes, length);
    return (char *)at + length;
}

void weir_inbox_accept(void *context, const struct weir_message *message,
                       const struct weir_mqtt_reply *reply)
{
    struct weir_inbox *inbox = context;
    struct head head = {
        .topic_length = message->topic_length,
        .payload_length = message->payload_length,
        .reply_length = reply->topic_length,
        .correlation_length = reply->correlation_length,
        .retained = message->retained,
    };
    void *at;

    if (!message->retained && !ends_with(message, "/cmd") && !ends_with(message, "/status"))
        return;
    if (head.payload_length > WEIR_INBOX_PAYLOAD_LENGTH_MAX)
        head.payload_length = 0;
    at = weir_ring_reserve(&inbox->ring, sizeof(head) + head.topic_length + head.payload_length +
                                             head.reply_length + head.correlation_length);
    if (!at) {
        atomic_fetch_add(&inbox->dropped, 1);
        return;
    }
    at = put(at, &head, sizeof(head));
    at = put(at, message->topic, head.topic_length);
    at = put(at, message->payload, head.payload_length);
    at = put(at, reply->topic, head.reply_length);
    (void)put(at, reply->correlation, head.correlation_length);
    weir_ring_commit(&inbox->ring);
    if (weir_ring_count(&inbox->ring) == 1)
        (void)eventfd_write(inbox->wake_fd, 1);
}

bool weir_inbox_peek(struct weir_inbox *inbox, struct weir_message *message,
                     struct weir_mqtt_reply *reply)
{
    uint64_t length;
    const char *at = weir_ring_peek(&inbox->ring, &length);
    struct head head;

    if (!at)
        return false;
    memcpy(&head, at, sizeof(head));
    at += sizeof(head);
    *message = (struct weir_message){
        .topic = at,
        .topic_length = head.topic_length,
        .payload = at + head.topic_length,
        .payload_length = head.payload_length,
        .retained = head.retained,
    };
    at += head.topic_length + head.payload_length;
    *reply = (struct weir_mqtt_reply){
        .topic = head.reply_length > 0 ? at : NULL,
        .topic_length = head.reply_length,
        .correlation = head.correlation_length > 0 ? at + head.reply_length : NULL,
        .correlation_length = head.correlation_length,
    };
    return true;
}

void weir_inbox_release(struct weir_inbox *inbox)
{
    weir_ring_release(&inbox->ring);
}

uint64_t weir_inbox_dropped(const struct weir_inbox *inbox)
{
    return atomic_load(&inbox->dropped);
}
