#include "command/opening.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#define RETRY_MS 10000

enum state { STATE_WAITING, STATE_TRYING, STATE_DONE };

struct weir_opening {
    struct weir_config config; /* its storage alone is read */
    struct weir_storage *storage;
    int wake_fd;
    int64_t next_ms;
    pthread_t thread;
    atomic_int state;
    bool good;
};

struct weir_opening *weir_opening_create(const struct weir_config *config,
                                         struct weir_storage *storage, int wake_fd)
{
    struct weir_opening *opening = calloc(1, sizeof(*opening));

    if (!opening)
        return NULL;
    opening->config = *config;
    opening->storage = storage;
    opening->wake_fd = wake_fd;
    opening->next_ms = INT64_MIN;
    atomic_init(&opening->state, STATE_WAITING);
    return opening;
}

void weir_opening_destroy(struct weir_opening *opening)
{
    if (!opening)
        return;
    if (atomic_load(&opening->state) == STATE_TRYING)
        return;
    if (atomic_load(&opening->state) == STATE_DONE) {
        pthread_join(opening->thread, NULL);
        if (opening->good)
            weir_storage_close(opening->storage, false);
    }
    free(opening);
}

static void *try_once(void *context)
{
    struct weir_opening *opening = context;

    opening->good = weir_storage_open(opening->storage, &opening->config, true);
    atomic_store(&opening->state, STATE_DONE);
    (void)eventfd_write(opening->wake_fd, 1);
    return NULL;
}

bool weir_opening_step(struct weir_opening *opening, int64_t now_ms)
{
    switch (atomic_load(&opening->state)) {
    case STATE_WAITING:
        if (opening->next_ms == INT64_MIN)
            opening->next_ms = now_ms + RETRY_MS;
        if (now_ms < opening->next_ms)
            return false;
        atomic_store(&opening->state, STATE_TRYING);
        if (pthread_create(&opening->thread, NULL, try_once, opening) != 0)
            atomic_store(&opening->state, STATE_WAITING);
        opening->next_ms = now_ms + RETRY_MS;
        return false;
    case STATE_DONE:
        pthread_join(opening->thread, NULL);
        atomic_store(&opening->state, STATE_WAITING);
        opening->next_ms = now_ms + RETRY_MS;
        return opening->good; /* the caller's from now on: a destroy leaves it alone */
    default:
        return false;
    }
}
