/*
 * As much MQTT as a load tool needs, over a blocking socket: packets are built in the caller's
 * buffers and cost nothing but the system call. MQTT 3.1.1 and 5.
 *
 * Everything that goes wrong ends the process with a message: a measurement has nothing to recover.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest packet read whole; what the tools receive is far shorter. */
#define WIRE_PACKET_BYTES_MAX 65536

struct wire {
    int fd;
    int version;          /* 4 or 5, as MQTT numbers 3.1.1 and 5 */
    uint32_t receive_max; /* QoS 1 publishes the broker takes unanswered */
    size_t start;         /* unread bytes in buffer: [start, end) */
    size_t end;
    uint8_t buffer[WIRE_PACKET_BYTES_MAX];
};

/* A packet as it arrived; body lies in the wire's buffer until the next read. */
struct wire_packet {
    uint8_t first; /* type and flags */
    const uint8_t *body;
    size_t length;
};

__attribute__((noreturn, format(printf, 1, 2))) void wire_fail(const char *format, ...);

/* Connects to 127.0.0.1:port with a clean start and waits for the broker's yes. */
void wire_connect(struct wire *wire, int port, const char *client_id, int version);

/* Subscribes at QoS 0 and waits for the answer. */
void wire_subscribe(struct wire *wire, const char *filter);

/*
 * Builds a PUBLISH into out, which holds size bytes. Returns its length; *payload_offset is where
 * the payload stands, *id_offset where the packet identifier does (0 for QoS 0).
 */
size_t wire_build_publish(const struct wire *wire, uint8_t *out, size_t size, const char *topic,
                          const char *payload, int qos, size_t *payload_offset, size_t *id_offset);

/* Sends all of it, waiting as long as the socket makes us. */
void wire_write(struct wire *wire, const uint8_t *bytes, size_t length);

/* The next packet, waiting at most wait_ms; false when none came in that time. */
bool wire_read(struct wire *wire, struct wire_packet *packet, int wait_ms);

/* The topic of a received PUBLISH, which is not NUL-terminated. */
const char *wire_publish_topic(const struct wire_packet *packet, size_t *length);

/* Says goodbye, waits until the broker has read everything, closes. */
void wire_finish(struct wire *wire);

/* CLOCK_MONOTONIC and CLOCK_REALTIME. */
int64_t wire_monotonic_ns(void);
int64_t wire_realtime_ms(void);

/* The value that follows the name among the arguments, or the default. Names look like "--rate". */
const char *wire_option(int argc, char **argv, const char *name, const char *otherwise);
double wire_option_number(int argc, char **argv, const char *name, double otherwise);

#endif
