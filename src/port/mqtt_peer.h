/*
 * Whom an MQTT connection goes to, and how it proves itself: the URL, TLS and the password file.
 */
#ifndef WEIR_PORT_MQTT_PEER_H
#define WEIR_PORT_MQTT_PEER_H

#include <MQTTAsync.h>
#include <stdbool.h>
#include <stddef.h>

#include "weir/config.h"

/* A password, in bytes. Tokens of cloud brokers run to 2 KiB. */
#define WEIR_PASSWORD_LENGTH_MAX 4096

/* Bytes of a text that says what is wrong, its end included. */
#define WEIR_MQTT_PROBLEM_SIZE 384

struct weir_mqtt_peer {
    struct weir_peer_config config; /* a copy */
    char host[sizeof(((struct weir_peer_config *)0)->url)];
    char uri[sizeof(((struct weir_peer_config *)0)->url) + 16]; /* as the library writes it */
    bool tls;
};

struct weir_mqtt_password {
    char bytes[WEIR_PASSWORD_LENGTH_MAX];
    size_t length;
};

/*
 * Takes the URL apart: mqtt and ws (port 1883 and 80 unless given), mqtts and wss (8883 and 443), a
 * path for ws and wss. A URL with a user name or password in it is refused: they would be in every
 * log. False: problem says why.
 */
bool weir_mqtt_peer_init(struct weir_mqtt_peer *peer, const struct weir_peer_config *config,
                         char problem[static WEIR_MQTT_PROBLEM_SIZE]);

/*
 * Reads the password: the first line of the file. Refused if anybody but the owner may read the
 * file. Without a password file, length 0. False: problem says why, without a byte of the content.
 */
bool weir_mqtt_peer_read_password(const struct weir_mqtt_peer *peer,
                                  struct weir_mqtt_password *password,
                                  char problem[static WEIR_MQTT_PROBLEM_SIZE]);

/* False when a file that TLS needs can't be read: the library would only say that TLS failed. */
bool weir_mqtt_peer_check_files(const struct weir_mqtt_peer *peer,
                                char problem[static WEIR_MQTT_PROBLEM_SIZE]);

/* Fills in the library's TLS options: chain and host name are checked, always. peer is borrowed. */
void weir_mqtt_peer_set_tls(const struct weir_mqtt_peer *peer, MQTTAsync_SSLOptions *options);

#endif
