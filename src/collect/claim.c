#include "collect/claim.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/fnv.h"
#include "port/log.h"

/* An abstract address goes with the process that has it, however that ends. */
bool weir_claim_take(const char *name, const char *broker_url)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    uint64_t hash = weir_fnv_add_bytes(WEIR_FNV_START, broker_url, strlen(broker_url));
    int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
                          "weir-collect/%s/%016" PRIx64, name, hash);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 &&
        bind(fd, (const struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0)
        return true;
    if (errno == EADDRINUSE)
        weir_log_error("another collector is %s at %s; --name makes them two", name, broker_url);
    else
        weir_log_error("cannot claim the name %s: %s", name, strerror(errno));
    return false;
}
