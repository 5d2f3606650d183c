#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECT = 0x10, CONNACK = 0x20, PUBLISH = 0x30, SUBSCRIBE = 0x82, SUBACK = 0x90 };

#define ANSWER_WAIT_MS 5000

void wire_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static size_t put_u16(uint8_t *out, size_t value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return 2;
}

static size_t put_text(uint8_t *out, const char *text)
{
    size_t length = strlen(text);

    put_u16(out, length);
    memcpy(out + 2, text, length);
    return length + 2;
}

/* Type and remaining length, then room for nothing else: the caller writes the body behind. */
static size_t put_header(uint8_t *out, uint8_t first, size_t remaining)
{
    size_t used = 0;

    out[used++] = first;
    do {
        uint8_t digit = remaining & 0x7f;
        remaining >>= 7;
        out[used++] = (uint8_t)(digit | (remaining > 0 ? 0x80 : 0));
    } while (remaining > 0);
    return used;
}

static int open_socket(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        wire_fail("connect to port %d: %s", port, strerror(errno));
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0)
        wire_fail("TCP_NODELAY: %s", strerror(errno));
    return fd;
}

/* The length of a CONNACK property's value, or -1 for one we do not know. */
static int property_length(uint8_t id, const uint8_t *value, size_t left)
{
    switch (id) {
    case 0x24: /* maximum QoS */
    case 0x25: /* retain available */
    case 0x28: /* wildcards available */
    case 0x29: /* subscription identifiers available */
    case 0x2a: /* shared subscriptions available */
        return 1;
    case 0x13: /* server keep alive */
    case 0x21: /* receive maximum */
    case 0x22: /* topic alias maximum */
        return 2;
    case 0x11: /* session expiry interval */
    case 0x27: /* maximum packet size */
        return 4;
    case 0x12: /* assigned client identifier */
    case 0x1f: /* reason string */
        return left < 2 ? -1 : 2 + (value[0] << 8 | value[1]);
    default:
        return -1;
    }
}

static void read_connack_properties(struct wire *wire, const uint8_t *bytes, size_t length)
{
    size_t at = 0;

    while (at < length) {
        uint8_t id = bytes[at++];
        int size = property_length(id, bytes + at, length - at);

        if (size < 0 || (size_t)size > length - at)
            wire_fail("CONNACK: property %#x", id);
        if (id == 0x21)
            wire->receive_max = (uint32_t)(bytes[at] << 8 | bytes[at + 1]);
        at += (size_t)size;
    }
}

void wire_connect(struct wire *wire, int port, const char *client_id, int version)
{
    uint8_t out[512];
    uint8_t body[400];
    size_t length = 0;
    struct wire_packet packet;

    *wire = (struct wire){.fd = open_socket(port), .version = version, .receive_max = 65535};
    if (strlen(client_id) > 200)
        wire_fail("client id is too long");
    length += put_text(body + length, "MQTT");
    body[length++] = (uint8_t)version;
    body[length++] = 0x02;
    length += put_u16(body + length, 0);
    if (version == 5)
        body[length++] = 0;
    length += put_text(body + length, client_id);

    size_t header = put_header(out, CONNECT, length);
    memcpy(out + header, body, length);
    wire_write(wire, out, header + length);
    if (!wire_read(wire, &packet, ANSWER_WAIT_MS) || packet.first != CONNACK || packet.length < 2)
        wire_fail("no CONNACK");
    if (packet.body[1] != 0)
        wire_fail("CONNACK: refused with %u", packet.body[1]);
    /* A CONNACK's properties stay below 128 bytes, so their length is one byte. */
    if (version == 5 && packet.length > 3 && packet.body[2] == packet.length - 3)
        read_connack_properties(wire, packet.body + 3, packet.length - 3);
}

void wire_subscribe(struct wire *wire, const char *filter)
{
    uint8_t out[512];
    uint8_t body[400];
    size_t length = 0;
    struct wire_packet packet;

    if (strlen(filter) > 300)
        wire_fail("filter is too long");
    length += put_u16(body + length, 1);
    if (wire->version == 5)
        body[length++] = 0;
    length += put_text(body + length, filter);
    body[length++] = 0;

    size_t header = put_header(out, SUBSCRIBE, length);
    memcpy(out + header, body, length);
    wire_write(wire, out, header + length);
    do {
        if (!wire_read(wire, &packet, ANSWER_WAIT_MS))
            wire_fail("no SUBACK");
    } while (packet.first != SUBACK);
    if (packet.length < 3 || packet.body[packet.length - 1] >= 0x80)
        wire_fail("SUBACK: refused");
}

size_t wire_build_publish(const struct wire *wire, uint8_t *out, size_t size, const char *topic,
                          const char *payload, int qos, size_t *payload_offset, size_t *id_offset)
{
    size_t payload_length = strlen(payload);
    size_t remaining =
        2 + strlen(topic) + (qos > 0 ? 2 : 0) + (wire->version == 5 ? 1 : 0) + payload_length;

    if (remaining + 5 > size)
        wire_fail("a publish of %zu bytes is too long", remaining);

    size_t used = put_header(out, (uint8_t)(PUBLISH | qos << 1), remaining);
    used += put_text(out + used, topic);
    *id_offset = 0;
    if (qos > 0) {
        *id_offset = used;
        used += put_u16(out + used, 1);
    }
    if (wire->version == 5)
        out[used++] = 0;
    *payload_offset = used;
    memcpy(out + used, payload, payload_length);
    return used + payload_length;
}

void wire_write(struct wire *wire, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(wire->fd, bytes, length, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            wire_fail("send: %s", strerror(errno));
        bytes += sent;
        length -= (size_t)sent;
    }
}

/* Takes a whole packet out of the buffer, if there is one. */
static bool take_packet(struct wire *wire, struct wire_packet *packet)
{
    const uint8_t *bytes = wire->buffer + wire->start;
    size_t left = wire->end - wire->start;
    size_t remaining = 0;
    size_t at = 1;

    do {
        if (at >= left)
            return false;
        remaining |= (size_t)(bytes[at] & 0x7f) << (7 * (at - 1));
    } while ((bytes[at++] & 0x80) != 0 && at < 5);
    if (at + remaining > sizeof(wire->buffer))
        wire_fail("a packet of %zu bytes arrived", remaining);
    if (left - at < remaining)
        return false;
    *packet = (struct wire_packet){bytes[0], bytes + at, remaining};
    wire->start += at + remaining;
    return true;
}

bool wire_read(struct wire *wire, struct wire_packet *packet, int wait_ms)
{
    int64_t deadline_ns = wire_monotonic_ns() + (int64_t)wait_ms * 1000000;

    while (!take_packet(wire, packet)) {
        struct pollfd poller = {.fd = wire->fd, .events = POLLIN};
        int64_t left_ms = (deadline_ns - wire_monotonic_ns() + 999999) / 1000000;

        if (poll(&poller, 1, left_ms > 0 ? (int)left_ms : 0) <= 0)
            return false;
        memmove(wire->buffer, wire->buffer + wire->start, wire->end - wire->start);
        wire->end -= wire->start;
        wire->start = 0;

        ssize_t got = recv(wire->fd, wire->buffer + wire->end, sizeof(wire->buffer) - wire->end, 0);
        if (got <= 0)
            wire_fail("the broker closed the connection");
        wire->end += (size_t)got;
    }
    return true;
}

const char *wire_publish_topic(const struct wire_packet *packet, size_t *length)
{
    *length = 0;
    if ((packet->first & 0xf0) != PUBLISH || packet->length < 2)
        return NULL;
    *length = (size_t)(packet->body[0] << 8 | packet->body[1]);
    if (*length > packet->length - 2)
        wire_fail("a publish with a topic longer than itself");
    return (const char *)packet->body + 2;
}

void wire_finish(struct wire *wire)
{
    static const uint8_t disconnect[] = {0xe0, 0};
    uint8_t rest[1024];

    wire_write(wire, disconnect, sizeof(disconnect));
    shutdown(wire->fd, SHUT_WR);
    while (recv(wire->fd, rest, sizeof(rest), 0) > 0)
        continue;
    close(wire->fd);
}

int64_t wire_monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t wire_realtime_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const char *wire_option(int argc, char **argv, const char *name, const char *otherwise)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    }
    return otherwise;
}

double wire_option_number(int argc, char **argv, const char *name, double otherwise)
{
    const char *text = wire_option(argc, argv, name, NULL);
    char *end;

    if (text == NULL)
        return otherwise;
    double number = strtod(text, &end);
    if (end == text || *end != '\0')
        wire_fail("%s: '%s' is not a number", name, text);
    return number;
}
