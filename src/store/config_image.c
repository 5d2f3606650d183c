#include "store/config_image.h"

#include <stdlib.h>
#include <string.h>

#include "core/fnv.h"
#include "weir/sketch.h"

/* Raise it when the meaning of the state changes without its size. */
#define LAYOUT_VERSION 4

size_t weir_config_image_size(const struct weir_config *config)
{
    size_t size = sizeof(*config) + config->rule_count * sizeof(*config->rules) +
                  config->expected_count * sizeof(*config->expected);

    for (uint32_t i = 0; i < config->stream_count; i++)
        size += sizeof(config->streams[i]) +
                config->streams[i].field_count * sizeof(*config->streams[i].fields);
    return size;
}

uint64_t weir_config_image_layout(void)
{
    const uint64_t parts[] = {
        LAYOUT_VERSION,
        sizeof(struct weir_config),
        sizeof(struct weir_stream_config),
        sizeof(struct weir_field_config),
        sizeof(struct weir_rule_config),
        sizeof(struct weir_expected),
        sizeof(struct weir_summary),
        sizeof(struct weir_sketch),
        sizeof(struct weir_alert),
        sizeof(struct weir_ledger),
    };

    return weir_fnv_add_bytes(WEIR_FNV_START, parts, sizeof(parts));
}

static char *append(char *at, const void *bytes, size_t length)
{
    if (length > 0)
        memcpy(at, bytes, length);
    return at + length;
}

uint64_t weir_config_image_write(const struct weir_config *config, void *image)
{
    struct weir_config top = *config;
    char *at = image;

    top.streams = NULL;
    top.rules = NULL;
    top.expected = NULL;
    at = append(at, &top, sizeof(top));
    for (uint32_t i = 0; i < config->stream_count; i++) {
        struct weir_stream_config stream = config->streams[i];

        stream.fields = NULL;
        at = append(at, &stream, sizeof(stream));
        at = append(at, config->streams[i].fields,
                    config->streams[i].field_count * sizeof(*config->streams[i].fields));
    }
    at = append(at, config->rules, config->rule_count * sizeof(*config->rules));
    at = append(at, config->expected, config->expected_count * sizeof(*config->expected));
    return weir_fnv_add_bytes(weir_config_image_layout(), image, (size_t)(at - (char *)image));
}

/* A copy of the next count items of size bytes; NULL: there are not as many, or no memory. */
static void *take(const char **at, size_t *left, size_t count, size_t size)
{
    void *copy;

    if (count > *left / size)
        return NULL;
    copy = calloc(count > 0 ? count : 1, size);
    if (copy && count > 0)
        memcpy(copy, *at, count * size);
    *at += count * size;
    *left -= count * size;
    return copy;
}

static void destroy(struct weir_config *config, uint32_t stream_count)
{
    for (uint32_t i = 0; i < stream_count; i++)
        free(config->streams[i].fields);
    free(config->streams);
    free(config->rules);
    free(config->expected);
    free(config);
}

static bool take_stream(struct weir_stream_config *stream, const char **at, size_t *left)
{
    if (*left < sizeof(*stream))
        return false;
    memcpy(stream, *at, sizeof(*stream));
    *at += sizeof(*stream);
    *left -= sizeof(*stream);
    stream->fields = take(at, left, stream->field_count, sizeof(*stream->fields));
    return stream->fields != NULL;
}

struct weir_config *weir_config_image_read(const void *image, size_t length, uint64_t hash)
{
    const char *at = image;
    size_t left = length;
    struct weir_config *config;

    if (weir_fnv_add_bytes(weir_config_image_layout(), image, length) != hash)
        return NULL;
    config = take(&at, &left, 1, sizeof(*config));
    if (!config)
        return NULL;
    config->streams = calloc(config->stream_count + 1, sizeof(*config->streams));
    for (uint32_t i = 0; config->streams && i < config->stream_count; i++) {
        if (take_stream(&config->streams[i], &at, &left))
            continue;
        destroy(config, i);
        return NULL;
    }
    config->rules = take(&at, &left, config->rule_count, sizeof(*config->rules));
    config->expected = take(&at, &left, config->expected_count, sizeof(*config->expected));
    if (!config->streams || !config->rules || !config->expected || left > 0) {
        destroy(config, config->streams ? config->stream_count : 0);
        return NULL;
    }
    return config;
}
