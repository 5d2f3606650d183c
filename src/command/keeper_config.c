/*
 * Configurations, which the log and the snapshots speak of: kept before either does, and removed
 * when neither does any more. That is found out once, behind the first snapshot, by going through
 * the log on disk a segment a round.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/keeper_work.h"
#include "port/log.h"
#include "store/config_image.h"

/* Of too many, all are. */
static bool is_spoken_of(const struct weir_keeper_configs *configs, uint64_t hash)
{
    uint32_t i = 0;

    while (i < configs->count && i < WEIR_KEEPER_CONFIG_COUNT_MAX && configs->spoken_of[i] != hash)
        i++;
    return i < configs->count;
}

/* The configuration stays. */
static void note_spoken_of(struct weir_keeper_configs *configs, uint64_t hash)
{
    if (is_spoken_of(configs, hash))
        return;
    if (configs->count < WEIR_KEEPER_CONFIG_COUNT_MAX)
        configs->spoken_of[configs->count] = hash;
    configs->count++;
}

static int store_image(struct weir_keeper *keeper, const struct weir_keeper_image *image)
{
    char name[WEIR_DISK_NAME_SIZE];

    snprintf(name, sizeof(name), "%016" PRIx64, image->hash);
    return weir_disk_replace(keeper->storage->disk, WEIR_CONFIG_IMAGE_DIRECTORY, name, image->bytes,
                             image->length, true);
}

/* The images are appended to by the owner and taken from here alone: the first stays where it is. */
int weir_keeper_store_configs(struct weir_keeper *keeper)
{
    for (;;) {
        struct weir_keeper_image image = {0};
        int error;

        pthread_mutex_lock(&keeper->lock);
        if (keeper->image_count > 0)
            image = keeper->images[0];
        pthread_mutex_unlock(&keeper->lock);
        if (!image.bytes)
            return 0;
        note_spoken_of(&keeper->configs, image.hash);
        error = store_image(keeper, &image);
        /* The log must not name on disk what is not there. */
        if (error != 0) {
            keeper->log_due = false;
            return error;
        }
        pthread_mutex_lock(&keeper->lock);
        keeper->image_count--;
        memmove(keeper->images, keeper->images + 1, keeper->image_count * sizeof(image));
        pthread_cond_broadcast(&keeper->progress);
        pthread_mutex_unlock(&keeper->lock);
        free(image.bytes);
    }
}

/* False: one cannot be read. */
static bool note_snapshots(struct weir_keeper *keeper)
{
    const struct weir_storage *storage = keeper->storage;
    uint64_t hash;

    for (uint32_t i = 0; i < storage->snapshot_count; i++) {
        if (weir_snapshot_read_config(storage->disk, storage->snapshots[i], &hash) != 0)
            return false;
        note_spoken_of(&keeper->configs, hash);
    }
    return true;
}

/* False: it cannot be read, and what it speaks of is not known. */
static bool note_segment(struct weir_keeper *keeper, uint64_t number)
{
    struct weir_storage *storage = keeper->storage;
    struct weir_history history;
    struct weir_record record;

    weir_history_init(&history, storage->disk, &number, 1, storage->segment_bytes, storage->store,
                      NULL, storage->buffer);
    while (weir_history_next(&history, &record, NULL)) {
        if (record.kind == WEIR_RECORD_CONFIG)
            note_spoken_of(&keeper->configs, record.hash);
    }
    return history.unread == 0;
}

static void remove_image(void *context, const char *name, uint64_t size)
{
    struct weir_keeper *keeper = context;
    const struct weir_keeper_configs *configs = &keeper->configs;
    char path[WEIR_DISK_NAME_SIZE];
    uint64_t hash;
    int end = 0;

    (void)size;
    if (sscanf(name, "%16" SCNx64 "%n", &hash, &end) != 1 || end != 16 || name[end] != '\0')
        return;
    if (is_spoken_of(configs, hash))
        return;
    snprintf(path, sizeof(path), WEIR_CONFIG_IMAGE_DIRECTORY "/%016" PRIx64, hash);
    if (keeper->storage->disk->remove(keeper->storage->disk, path) == 0)
        weir_log_debug("storage: configuration %016" PRIx64 " is not needed any more", hash);
}

/* The next segment that has not been gone through; its index, or the count of them. */
static uint32_t find_next(const struct weir_keeper *keeper)
{
    const struct weir_segments *segments = &keeper->storage->segments;
    uint32_t at = 0;

    while (at < segments->count && segments->numbers[at] < keeper->configs.next)
        at++;
    return at;
}

int weir_keeper_clear_configs(struct weir_keeper *keeper)
{
    const struct weir_segments *segments = &keeper->storage->segments;
    struct weir_keeper_configs *configs = &keeper->configs;
    uint32_t at = find_next(keeper);

    if (configs->state != WEIR_KEEPER_CONFIGS_READ)
        return 0;
    if (at < segments->count) {
        configs->next = segments->numbers[at] + 1;
        if (!note_segment(keeper, segments->numbers[at]))
            configs->state = WEIR_KEEPER_CONFIGS_DONE;
        return 0;
    }
    configs->state = WEIR_KEEPER_CONFIGS_DONE;
    if (!note_snapshots(keeper))
        return 0;
    return keeper->storage->disk->list(keeper->storage->disk, WEIR_CONFIG_IMAGE_DIRECTORY,
                                       remove_image, keeper);
}

void weir_keeper_put_config(struct weir_keeper *keeper, const struct weir_running *running)
{
    size_t length = weir_config_image_size(running->config);
    void *image = malloc(length);

    if (!image) {
        weir_log_error("storage: no memory to keep the configuration in");
        return;
    }
    (void)weir_config_image_write(running->config, image);
    pthread_mutex_lock(&keeper->lock);
    /* Reloads by the dozen while the disk fails: the log is not written, the newest will do. */
    if (keeper->image_count == WEIR_KEEPER_IMAGE_COUNT_MAX)
        free(keeper->images[--keeper->image_count].bytes);
    keeper->images[keeper->image_count++] =
        (struct weir_keeper_image){image, length, running->image};
    pthread_cond_signal(&keeper->work);
    pthread_mutex_unlock(&keeper->lock);
}
