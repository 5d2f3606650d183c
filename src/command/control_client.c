#include "command/control_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "command/command.h"
#include "command/control.h"
#include "core/assert.h"
#include "format/json.h"
#include "port/config.h"

/* The daemon answers at once, unless it waits for a disk. */
#define PATIENCE_S 10

enum member { MEMBER_OK, MEMBER_ERROR, MEMBER_TEXT, MEMBER_EXPLANATION, MEMBER_COUNT };

/* The exit status if there is no path. */
static int find_path(const struct weir_control_place *place,
                     char path[static WEIR_CONTROL_PATH_SIZE])
{
    struct weir_config *config;
    bool good;

    if (place->socket_path) {
        good = strlen(place->socket_path) < WEIR_CONTROL_PATH_SIZE;
        if (good)
            memcpy(path, place->socket_path, strlen(place->socket_path) + 1);
    } else {
        config = weir_config_load_offline(place->config_path, stderr);
        if (!config)
            return WEIR_EXIT_REFUSED;
        good = weir_control_path(path, config->gateway);
        weir_config_destroy(config);
    }
    if (good)
        return WEIR_EXIT_DONE;
    fputs("weir: the socket's path is too long\n", stderr);
    return WEIR_EXIT_USAGE;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, path, strlen(path) + 1);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    fprintf(stderr, "weir: cannot reach a daemon at %s: %s\n", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool send_order(int fd, const struct weir_order *order)
{
    char line[WEIR_ORDER_LENGTH_MAX];
    struct weir_text text;

    weir_text_init(&text, line, sizeof(line));
    weir_order_write(&text, order);
    weir_text_add(&text, "\n");
    return !text.overflow && send(fd, line, text.length, MSG_NOSIGNAL) == (ssize_t)text.length;
}

/* The answer without its newline; 0: there was none. */
static size_t receive_line(int fd, char *line, size_t size)
{
    size_t length = 0;

    while (length < size) {
        ssize_t received = recv(fd, line + length, size - length, 0);

        if (received <= 0)
            return 0;
        length += (size_t)received;
        if (line[length - 1] == '\n')
            return length - 1;
    }
    return 0;
}

int weir_control_client_read(const char *line, size_t length, char *text, size_t size)
{
    static const char *const names[MEMBER_COUNT] = {"ok", "error", "text", "explanation"};
    struct weir_json_value values[MEMBER_COUNT];
    struct weir_json_paths paths;
    char problem[WEIR_ORDER_PROBLEM_SIZE];
    ptrdiff_t written;
    enum weir_status status =
        weir_json_compile(&paths, names, MEMBER_COUNT, WEIR_JSON_DEPTH_MAX, NULL);

    assert(status == WEIR_OK);
    status = weir_json_scan(&paths, line, length, values);
    if (status != WEIR_OK) {
        fputs("weir: the daemon's answer cannot be read\n", stderr);
        return WEIR_EXIT_FAILED;
    }
    if (values[MEMBER_OK].kind != WEIR_JSON_TRUE) {
        written = weir_json_unescape(&values[MEMBER_ERROR], problem, sizeof(problem));
        fprintf(stderr, "weir: %.*s\n", written > 0 ? (int)written : 0, problem);
        return WEIR_EXIT_FAILED;
    }
    if (!text)
        return WEIR_EXIT_DONE;
    text[0] = '\0';
    if (values[MEMBER_TEXT].kind == WEIR_JSON_STRING) {
        written = weir_json_unescape(&values[MEMBER_TEXT], text, size - 1);
        text[written < 0 ? 0 : written] = '\0';
    } else if (values[MEMBER_EXPLANATION].length < size) {
        memcpy(text, values[MEMBER_EXPLANATION].text, values[MEMBER_EXPLANATION].length);
        text[values[MEMBER_EXPLANATION].length] = '\0';
    }
    return WEIR_EXIT_DONE;
}

int weir_control_client_ask(const struct weir_control_place *place, const struct weir_order *order,
                            char *text, size_t size)
{
    static char line[WEIR_CONTROL_ANSWER_SIZE];
    char path[WEIR_CONTROL_PATH_SIZE];
    int result = find_path(place, path);
    size_t length;
    int fd;

    if (result != WEIR_EXIT_DONE)
        return result;
    fd = connect_to(path);
    if (fd < 0)
        return WEIR_EXIT_FAILED;
    length = send_order(fd, order) ? receive_line(fd, line, sizeof(line)) : 0;
    close(fd);
    if (length > 0)
        return weir_control_client_read(line, length, text, size);
    fprintf(stderr, "weir: no answer from the daemon at %s\n", path);
    return WEIR_EXIT_FAILED;
}
