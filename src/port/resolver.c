#include "port/resolver.h"

#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* Name service modules are heavy on the stack; a default stack would be as large as all our arena.
 */
#define THREAD_STACK_BYTES (256 * 1024)

/* Held by the owner and by the thread under way; whoever lets go last frees it. */
struct weir_resolver {
    pthread_mutex_t lock;
    char *host;
    int wake_fd;
    bool busy;
    bool abandoned;
    int result; /* of getaddrinfo */
};

static int look_up(const char *host, int flags)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *addresses = NULL;
    int result = getaddrinfo(host, NULL, &hints, &addresses);

    if (result == 0)
        freeaddrinfo(addresses);
    return result;
}

bool weir_resolver_is_address(const char *host)
{
    return look_up(host, AI_NUMERICHOST) == 0;
}

static void free_resolver(struct weir_resolver *resolver)
{
    close(resolver->wake_fd);
    pthread_mutex_destroy(&resolver->lock);
    free(resolver->host);
    free(resolver);
}

struct weir_resolver *weir_resolver_create(const char *host, int wake_fd)
{
    struct weir_resolver *resolver = calloc(1, sizeof(*resolver));

    if (!resolver)
        return NULL;
    resolver->host = strdup(host);
    if (!resolver->host)
        goto error_resolver;
    resolver->wake_fd = fcntl(wake_fd, F_DUPFD_CLOEXEC, 0);
    if (resolver->wake_fd < 0)
        goto error_host;
    pthread_mutex_init(&resolver->lock, NULL);
    return resolver;

error_host:
    free(resolver->host);
error_resolver:
    free(resolver);
    return NULL;
}

void weir_resolver_destroy(struct weir_resolver *resolver)
{
    bool busy;

    pthread_mutex_lock(&resolver->lock);
    busy = resolver->busy;
    resolver->abandoned = true;
    pthread_mutex_unlock(&resolver->lock);
    if (!busy)
        free_resolver(resolver);
}

static void *run_lookup(void *argument)
{
    struct weir_resolver *resolver = argument;
    int result = look_up(resolver->host, 0);
    bool abandoned;

    pthread_mutex_lock(&resolver->lock);
    resolver->result = result;
    resolver->busy = false;
    abandoned = resolver->abandoned;
    /* Under the lock: once it is released, an owner who sees no lookup may free everything. */
    if (!abandoned)
        (void)eventfd_write(resolver->wake_fd, 1);
    pthread_mutex_unlock(&resolver->lock);
    if (abandoned)
        free_resolver(resolver);
    return NULL;
}

/* A thread that takes no signal: those are for whoever waits for them. */
static int start_thread(struct weir_resolver *resolver)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    int error;

    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attributes, run_lookup, resolver);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

bool weir_resolver_begin(struct weir_resolver *resolver)
{
    bool busy;

    pthread_mutex_lock(&resolver->lock);
    busy = resolver->busy;
    resolver->busy = true;
    pthread_mutex_unlock(&resolver->lock);
    if (busy || start_thread(resolver) == 0)
        return true;
    pthread_mutex_lock(&resolver->lock);
    resolver->busy = false;
    pthread_mutex_unlock(&resolver->lock);
    return false;
}

bool weir_resolver_busy(struct weir_resolver *resolver)
{
    bool busy;

    pthread_mutex_lock(&resolver->lock);
    busy = resolver->busy;
    pthread_mutex_unlock(&resolver->lock);
    return busy;
}

const char *weir_resolver_problem(struct weir_resolver *resolver)
{
    int result;

    pthread_mutex_lock(&resolver->lock);
    result = resolver->result;
    pthread_mutex_unlock(&resolver->lock);
    return result == 0 ? NULL : gai_strerror(result);
}
