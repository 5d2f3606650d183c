#include "command/opening.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>

#define RETRY_MS 10000
#define WAIT_STEP_MS 5

enum state { STATE_WAITING, STATE_TRYING, STATE_DONE };

struct weir_opening {
    struct weir_config config; /* its storage alone is read */
    struct weir_storage *storage;
    int wake_fd;
    int64_t next_ms;
    bool quiet;
    pthread_t thread;
    atomic_int state;
    bool good;
    bool in_use;
};

static void *try_once(void *context)
{
    struct weir_opening *opening = context;

    opening->good = weir_storage_open(opening->storage, &opening->config, opening->quiet);
    atomic_store(&opening->state, STATE_DONE);
    (void)eventfd_write(opening->wake_fd, 1);
    return NULL;
}

/* The first says what is wrong; those after it would only say it again. */
static void begin_try(struct weir_opening *opening)
{
    atomic_store(&opening->state, STATE_TRYING);
    if (pthread_create(&opening->thread, NULL, try_once, opening) != 0)
        atomic_store(&opening->state, STATE_WAITING);
}

struct weir_opening *weir_opening_create(const struct weir_config *config,
                                         struct weir_storage *storage, int wake_fd)
{
    struct weir_opening *opening = calloc(1, sizeof(*opening));

    if (!opening)
        return NULL;
    opening->config = *config;
    opening->storage = storage;
    opening->wake_fd = wake_fd;
    atomic_init(&opening->state, STATE_WAITING);
    begin_try(opening);
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

void weir_opening_wait(struct weir_opening *opening, int wait_ms)
{
    const struct timespec pause = {.tv_nsec = WAIT_STEP_MS * 1000000L};

    for (int waited_ms = 0; waited_ms < wait_ms && atomic_load(&opening->state) == STATE_TRYING;
         waited_ms += WAIT_STEP_MS)
        (void)nanosleep(&pause, NULL);
}

bool weir_opening_in_use(const struct weir_opening *opening)
{
    return opening->in_use;
}

bool weir_opening_step(struct weir_opening *opening, int64_t now_ms)
{
    switch (atomic_load(&opening->state)) {
    case STATE_WAITING:
        if (now_ms >= opening->next_ms)
            begin_try(opening);
        return false;
    case STATE_DONE:
        pthread_join(opening->thread, NULL);
        atomic_store(&opening->state, STATE_WAITING);
        opening->next_ms = now_ms + RETRY_MS;
        opening->quiet = true;
        opening->in_use = !opening->good && opening->storage->in_use;
        return opening->good;
    default:
        return false;
    }
}
