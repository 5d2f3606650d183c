#include "command/running.h"

#include <stdlib.h>

#include "command/memory.h"
#include "port/config.h"
#include "store/config_image.h"

void weir_running_destroy(struct weir_running *running)
{
    if (!running)
        return;
    weir_memory_unmap(running->arena, running->arena_size);
    weir_config_destroy(running->config);
    free(running);
}

static bool name_image(struct weir_running *running)
{
    void *image = malloc(weir_config_image_size(running->config));

    if (!image)
        return false;
    running->image = weir_config_image_write(running->config, image);
    free(image);
    return true;
}

struct weir_running *weir_running_create(struct weir_config *config, uint64_t epoch)
{
    struct weir_running *running = calloc(1, sizeof(*running));

    if (!running) {
        weir_config_destroy(config);
        return NULL;
    }
    running->config = config;
    running->arena_size = weir_engine_size(config, NULL);
    running->arena = weir_memory_map(running->arena_size);
    if (!running->arena || !name_image(running)) {
        weir_running_destroy(running);
        return NULL;
    }
    weir_engine_init(&running->engine, config, running->arena, running->arena_size, epoch,
                     config->uplink.url[0] != '\0');
    return running;
}
