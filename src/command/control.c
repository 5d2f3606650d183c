#include "command/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port/log.h"

#define DIRECTORY "/run/weir"

/* For a whole line, counted from the one before. */
#define PATIENCE_MS 5000

#define BACKLOG 4

bool weir_control_path(char path[static WEIR_CONTROL_PATH_SIZE], const char *gateway)
{
    const char *directory = getenv("RUNTIME_DIRECTORY");
    int length;

    if (!directory || directory[0] != '/')
        directory = DIRECTORY;
    /* systemd separates several by colons. */
    length = snprintf(path, WEIR_CONTROL_PATH_SIZE, "%.*s/weir-%s.sock",
                      (int)strcspn(directory, ":"), directory, gateway);
    return length > 0 && (size_t)length < WEIR_CONTROL_PATH_SIZE;
}

static struct sockaddr_un make_address(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strlen(path) + 1);
    return address;
}

static bool is_served(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool served =
        fd >= 0 &&
        (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN);

    if (fd >= 0)
        close(fd);
    return served;
}

bool weir_control_is_served(const char *gateway)
{
    char path[WEIR_CONTROL_PATH_SIZE];
    struct sockaddr_un address;

    if (!weir_control_path(path, gateway))
        return false;
    address = make_address(path);
    return is_served(&address);
}

/* Takes away what a daemon that was killed has left. False: one that lives has it. */
static bool clear_path(const struct sockaddr_un *address)
{
    if (is_served(address)) {
        errno = EADDRINUSE;
        return false;
    }
    return unlink(address->sun_path) == 0 || errno == ENOENT;
}

/* What is to be done where there is no socket. */
static const char *remedy(int error)
{
    return error == EADDRINUSE ? "another weir of that gateway has it"
                               : "make its directory, or set RUNTIME_DIRECTORY to another for both";
}

/* The mode is there from the beginning: between bind and chmod anybody could connect. */
static bool bind_private(int fd, const struct sockaddr_un *address)
{
    mode_t mask = umask(0117);
    bool good = bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;

    (void)umask(mask);
    return good;
}

void weir_control_open(struct weir_control *control, const char *gateway)
{
    struct sockaddr_un address;
    int error;

    control->fd = -1;
    for (int i = 0; i < WEIR_CONTROL_CLIENT_COUNT_MAX; i++)
        control->clients[i].fd = -1;
    if (!weir_control_path(control->path, gateway)) {
        weir_log_warning("no local socket: its path would be too long");
        return;
    }
    address = make_address(control->path);
    if (!clear_path(&address))
        goto error;
    control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->fd >= 0 && bind_private(control->fd, &address) &&
        listen(control->fd, BACKLOG) == 0)
        return;
error:
    error = errno;
    weir_log_warning("no local socket at %s: %s; weir explain, ack and shelve cannot reach this "
                     "process; %s",
                     control->path, strerror(error), remedy(error));
    if (control->fd >= 0)
        close(control->fd);
    control->fd = -1;
}

static void let_go(struct weir_control_client *client)
{
    close(client->fd);
    client->fd = -1;
}

void weir_control_close(struct weir_control *control)
{
    if (control->fd < 0)
        return;
    for (int i = 0; i < WEIR_CONTROL_CLIENT_COUNT_MAX; i++) {
        if (control->clients[i].fd >= 0)
            let_go(&control->clients[i]);
    }
    (void)unlink(control->path);
    close(control->fd);
    control->fd = -1;
}

size_t weir_control_wait_for(const struct weir_control *control,
                             struct pollfd fds[static WEIR_CONTROL_FD_COUNT_MAX])
{
    size_t count = 0;

    if (control->fd < 0)
        return 0;
    fds[count++] = (struct pollfd){.fd = control->fd, .events = POLLIN};
    for (int i = 0; i < WEIR_CONTROL_CLIENT_COUNT_MAX; i++) {
        if (control->clients[i].fd >= 0)
            fds[count++] = (struct pollfd){.fd = control->clients[i].fd, .events = POLLIN};
    }
    return count;
}

/* All of it at once, or not at all: a line fits into any socket's buffer that is read from. */
static bool send_line(int fd, const char *line, size_t length)
{
    return send(fd, line, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

static void turn_away(int fd)
{
    static const char line[] = "{\"ok\":false,\"error\":\"too many clients; try again\"}\n";

    (void)send_line(fd, line, strlen(line));
    close(fd);
}

static void accept_client(struct weir_control *control, int64_t now_ms)
{
    int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    for (int i = 0; i < WEIR_CONTROL_CLIENT_COUNT_MAX; i++) {
        struct weir_control_client *client = &control->clients[i];

        if (client->fd >= 0)
            continue;
        client->fd = fd;
        client->length = 0;
        client->deadline_ms = now_ms + PATIENCE_MS;
        return;
    }
    turn_away(fd);
}

/* Answers the line that ends at `end`, and keeps what is behind it. False: it is not read. */
static bool answer_line(struct weir_control *control, struct weir_control_client *client,
                        const char *end, weir_control_handler *handler, void *context)
{
    size_t length = (size_t)(end - client->line);
    struct weir_text answer;

    weir_text_init(&answer, control->answer, sizeof(control->answer) - 1);
    handler(context, client->line, length, &answer);
    if (answer.overflow)
        return false;
    control->answer[answer.length++] = '\n';
    client->length -= length + 1;
    memmove(client->line, end + 1, client->length);
    return send_line(client->fd, control->answer, answer.length);
}

/* A line a call: a client with much to say does not hold up the others. False: it is let go of. */
static bool serve(struct weir_control *control, struct weir_control_client *client, int64_t now_ms,
                  weir_control_handler *handler, void *context, bool *answered)
{
    size_t room = sizeof(client->line) - client->length;
    const char *end = memchr(client->line, '\n', client->length);
    ssize_t received = -1;

    if (!end && room > 0) {
        received = recv(client->fd, client->line + client->length, room, MSG_DONTWAIT);
        if (received == 0 || (received < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        if (received > 0)
            client->length += (size_t)received;
        end = memchr(client->line, '\n', client->length);
    }
    if (!end)
        return client->length < sizeof(client->line) && now_ms < client->deadline_ms;
    *answered = true;
    client->deadline_ms = now_ms + PATIENCE_MS;
    return answer_line(control, client, end, handler, context);
}

int64_t weir_control_step(struct weir_control *control, int64_t now_ms,
                          weir_control_handler *handler, void *context)
{
    int64_t next_ms = INT64_MAX;
    bool answered = false;

    if (control->fd < 0)
        return next_ms;
    accept_client(control, now_ms);
    for (int i = 0; i < WEIR_CONTROL_CLIENT_COUNT_MAX; i++) {
        struct weir_control_client *client = &control->clients[i];

        if (client->fd < 0)
            continue;
        if (!serve(control, client, now_ms, handler, context, &answered))
            let_go(client);
        else if (client->deadline_ms < next_ms)
            next_ms = client->deadline_ms;
    }
    return answered ? now_ms : next_ms;
}
