#include "port/mqtt_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PORT_LENGTH_MAX 5

struct scheme {
    const char *name;    /* in our URLs */
    const char *library; /* in the library's */
    uint16_t port;
    bool tls;
    bool path; /* may have one */
};

static const struct scheme schemes[] = {
    {"mqtt://", "tcp://", 1883, false, false},
    {"mqtts://", "ssl://", 8883, true, false},
    {"ws://", "ws://", 80, false, true},
    {"wss://", "wss://", 443, true, true},
};

__attribute__((format(printf, 2, 3))) static bool fail(char problem[static WEIR_MQTT_PROBLEM_SIZE],
                                                       const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(problem, WEIR_MQTT_PROBLEM_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

static const struct scheme *find_scheme(const char *url)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (strncmp(url, schemes[i].name, strlen(schemes[i].name)) == 0)
            return &schemes[i];
    return NULL;
}

/* Reads ":port", all of length bytes, or nothing. 0: not a port. */
static unsigned read_port(const char *text, size_t length, unsigned otherwise)
{
    unsigned port = 0;

    if (length == 0)
        return otherwise;
    if (text[0] != ':' || length == 1 || length > 1 + PORT_LENGTH_MAX)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return port <= UINT16_MAX ? port : 0;
}

/* The host ends at the port; an IPv6 address stands in brackets. */
static size_t find_host_end(const char *authority, size_t length)
{
    const char *end;

    if (authority[0] == '[') {
        end = memchr(authority, ']', length);
        return end ? (size_t)(end - authority) + 1 : 0;
    }
    end = memchr(authority, ':', length);
    return end ? (size_t)(end - authority) : length;
}

bool weir_mqtt_peer_init(struct weir_mqtt_peer *peer, const struct weir_peer_config *config,
                         char problem[static WEIR_MQTT_PROBLEM_SIZE])
{
    const struct scheme *scheme = find_scheme(config->url);
    const char *authority;
    const char *path;
    size_t length;
    size_t host_length;
    size_t brackets;
    unsigned port;

    if (!scheme)
        return fail(problem, "url '%s' does not begin with mqtt://, mqtts://, ws:// or wss://",
                    config->url);
    peer->config = *config;
    peer->tls = scheme->tls;
    authority = config->url + strlen(scheme->name);
    length = strcspn(authority, "/");
    path = authority + length;
    if (memchr(authority, '@', length))
        return fail(problem,
                    "the url holds a user name or password; use username and password_file");
    host_length = find_host_end(authority, length);
    brackets = authority[0] == '[' ? 1 : 0;
    if (host_length <= 2 * brackets)
        return fail(problem, "url '%s' names no host", config->url);
    port = read_port(authority + host_length, length - host_length, scheme->port);
    if (port == 0)
        return fail(problem, "url '%s' has no port from 1 to 65535 behind its host", config->url);
    if (!scheme->path && path[0] != '\0' && path[1] != '\0')
        return fail(problem, "url '%s' has a path, which only ws:// and wss:// have", config->url);
    snprintf(peer->host, sizeof(peer->host), "%.*s", (int)(host_length - 2 * brackets),
             authority + brackets);
    snprintf(peer->uri, sizeof(peer->uri), "%s%.*s:%u%s", scheme->library, (int)host_length,
             authority, port, scheme->path ? path : "");
    return true;
}

static bool read_first_line(int file, struct weir_mqtt_password *password)
{
    const char *end;
    ssize_t got;

    while ((got = read(file, password->bytes + password->length,
                       sizeof(password->bytes) - password->length)) > 0)
        password->length += (size_t)got;
    if (got < 0)
        return false;
    end = memchr(password->bytes, '\n', password->length);
    if (end)
        password->length = (size_t)(end - password->bytes);
    if (password->length > 0 && password->bytes[password->length - 1] == '\r')
        password->length--;
    return true;
}

bool weir_mqtt_peer_read_password(const struct weir_mqtt_peer *peer,
                                  struct weir_mqtt_password *password,
                                  char problem[static WEIR_MQTT_PROBLEM_SIZE])
{
    const char *path = peer->config.password_file;
    struct stat status;
    bool done = false;
    int file;

    password->length = 0;
    if (path[0] == '\0')
        return true;
    file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0)
        return fail(problem, "cannot open password_file '%s': %s", path, strerror(errno));
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))
        fail(problem, "password_file '%s' is not a file", path);
    else if ((status.st_mode & 077) != 0)
        fail(problem,
             "password_file '%s' has mode %03o: others than its owner may use it; chmod 600", path,
             (unsigned)status.st_mode & 0777);
    else if (!read_first_line(file, password))
        fail(problem, "cannot read password_file '%s': %s", path, strerror(errno));
    else if (password->length == 0)
        fail(problem, "password_file '%s' has no password in its first line", path);
    else if (password->length == sizeof(password->bytes))
        fail(problem, "password_file '%s' has a first line of %u bytes or more", path,
             WEIR_PASSWORD_LENGTH_MAX);
    else
        done = true;
    close(file);
    return done;
}

bool weir_mqtt_peer_check_files(const struct weir_mqtt_peer *peer,
                                char problem[static WEIR_MQTT_PROBLEM_SIZE])
{
    const struct {
        const char *setting;
        const char *path;
    } files[] = {
        {"ca_file", peer->config.ca_file},
        {"cert_file", peer->config.cert_file},
        {"key_file", peer->config.key_file},
    };

    if (!peer->tls)
        return true;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (files[i].path[0] != '\0' && access(files[i].path, R_OK) != 0)
            return fail(problem, "cannot read %s '%s': %s", files[i].setting, files[i].path,
                        strerror(errno));
    return true;
}

static const char *text_or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

void weir_mqtt_peer_set_tls(const struct weir_mqtt_peer *peer, MQTTAsync_SSLOptions *options)
{
    /* Without a ca_file the library falls back on the system's trust store. */
    options->trustStore = text_or_null(peer->config.ca_file);
    options->keyStore = text_or_null(peer->config.cert_file);
    options->privateKey = text_or_null(peer->config.key_file);
    options->enableServerCertAuth = 1;
    options->verify = 1;
}
