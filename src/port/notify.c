#include "port/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port/log.h"

static bool set_address(struct weir_notify *notify, const char *name)
{
    size_t length = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || length < 2 ||
        length >= sizeof(notify->address.sun_path))
        return false;
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, name, length);
    if (name[0] == '@')
        notify->address.sun_path[0] = '\0';
    notify->address_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return true;
}

/* 0: not a number. */
static unsigned long long read_number(const char *name)
{
    const char *text = getenv(name);
    unsigned long long number;
    char *end;

    if (!text || text[0] < '0' || text[0] > '9')
        return 0;
    errno = 0;
    number = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' ? number : 0;
}

/* Inherited by accident, the watchdog is another process' own. */
static int64_t read_watchdog_ms(void)
{
    unsigned long long period_us = read_number("WATCHDOG_USEC");

    if (getenv("WATCHDOG_PID") && read_number("WATCHDOG_PID") != (unsigned long long)getpid())
        return 0;
    return period_us > 0 && period_us < 1000 ? 1 : (int64_t)(period_us / 1000);
}

void weir_notify_init(struct weir_notify *notify)
{
    const char *name = getenv("NOTIFY_SOCKET");

    *notify = (struct weir_notify){.fd = -1};
    if (!name)
        return;
    if (!set_address(notify, name)) {
        weir_log_warning("NOTIFY_SOCKET is '%s'; expected a path, or @ and a name", name);
        return;
    }
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (notify->fd < 0)
        weir_log_warning("cannot talk to the service manager: %s", strerror(errno));
    else
        notify->watchdog_ms = read_watchdog_ms();
}

void weir_notify_finish(struct weir_notify *notify)
{
    if (notify->fd >= 0)
        close(notify->fd);
    notify->fd = -1;
}

bool weir_notify_heard(const struct weir_notify *notify)
{
    return notify->fd >= 0;
}

bool weir_notify_send(const struct weir_notify *notify, const char *message)
{
    size_t length = strlen(message);

    if (notify->fd < 0)
        return true;
    return sendto(notify->fd, message, length, MSG_NOSIGNAL,
                  (const struct sockaddr *)&notify->address,
                  notify->address_length) == (ssize_t)length;
}
