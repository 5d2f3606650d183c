#include "command/live.h"

#include <stdlib.h>
#include <string.h>

static uint64_t sketch_size(const struct weir_stream_config *stream)
{
    return stream->quantile_count > 0 ? sizeof(struct weir_sketch) : 0;
}

uint64_t weir_live_size(const struct weir_config *config)
{
    uint64_t size = 0;

    for (uint32_t i = 0; i < config->stream_count; i++) {
        const struct weir_stream_config *stream = &config->streams[i];

        if (stream->live)
            size += stream->max_series *
                    (stream->field_count * (sizeof(struct weir_summary) + sketch_size(stream)) +
                     sizeof(bool));
    }
    return size;
}

static bool init_stream(struct weir_live_stream *entry, const struct weir_stream_config *stream)
{
    size_t count = (size_t)stream->max_series * stream->field_count;

    entry->field_count = stream->field_count;
    entry->series_max = stream->max_series;
    entry->newest = calloc(count, sizeof(*entry->newest));
    entry->dirty = calloc(stream->max_series, sizeof(*entry->dirty));
    if (stream->quantile_count > 0)
        entry->sketches = calloc(count, sizeof(*entry->sketches));
    return entry->newest && entry->dirty && (entry->sketches || stream->quantile_count == 0);
}

bool weir_live_init(struct weir_live *live, const struct weir_config *config)
{
    memset(live, 0, sizeof(*live));
    live->stream_count = config->stream_count;
    for (uint32_t i = 0; i < config->stream_count; i++) {
        if (config->streams[i].live && !init_stream(&live->streams[i], &config->streams[i])) {
            weir_live_finish(live);
            return false;
        }
    }
    return true;
}

void weir_live_finish(struct weir_live *live)
{
    for (uint32_t i = 0; i < live->stream_count; i++) {
        free(live->streams[i].newest);
        free(live->streams[i].sketches);
        free(live->streams[i].dirty);
    }
    memset(live, 0, sizeof(*live));
}

void weir_live_put_back(struct weir_live *live, uint32_t stream, uint32_t series)
{
    struct weir_live_stream *entry = &live->streams[stream];

    entry->dirty_count += !entry->dirty[series];
    entry->dirty[series] = true;
}

void weir_live_accept(struct weir_live *live, const struct weir_summary *summary,
                      const struct weir_sketch *sketch)
{
    struct weir_live_stream *entry = &live->streams[summary->stream];
    size_t index = (size_t)summary->series * entry->field_count + summary->field;
    struct weir_summary *newest;

    if (!entry->newest)
        return;
    newest = &entry->newest[index];
    if (newest->count > 0 && summary->start_ms < newest->start_ms)
        return;
    *newest = *summary;
    if (entry->sketches && sketch)
        entry->sketches[index] = *sketch;
    weir_live_put_back(live, summary->stream, summary->series);
}

bool weir_live_take(struct weir_live *live, uint32_t *stream, uint32_t *series)
{
    for (uint32_t i = 0; i < live->stream_count; i++) {
        struct weir_live_stream *entry = &live->streams[i];

        if (entry->dirty_count == 0)
            continue;
        while (!entry->dirty[entry->cursor])
            entry->cursor = (entry->cursor + 1) % entry->series_max;
        entry->dirty[entry->cursor] = false;
        entry->dirty_count--;
        *stream = i;
        *series = entry->cursor;
        return true;
    }
    return false;
}

void weir_live_put_all_back(struct weir_live *live)
{
    for (uint32_t i = 0; i < live->stream_count; i++) {
        const struct weir_live_stream *entry = &live->streams[i];

        for (uint32_t j = 0; j < entry->series_max; j++) {
            const struct weir_summary *newest = weir_live_newest(live, i, j);

            for (uint32_t k = 0; k < entry->field_count; k++) {
                if (newest[k].count > 0)
                    weir_live_put_back(live, i, j);
            }
        }
    }
}

const struct weir_summary *weir_live_newest(const struct weir_live *live, uint32_t stream,
                                            uint32_t series)
{
    const struct weir_live_stream *entry = &live->streams[stream];

    return &entry->newest[(size_t)series * entry->field_count];
}

const struct weir_sketch *weir_live_sketches(const struct weir_live *live, uint32_t stream,
                                             uint32_t series)
{
    const struct weir_live_stream *entry = &live->streams[stream];

    return entry->sketches ? &entry->sketches[(size_t)series * entry->field_count] : NULL;
}
