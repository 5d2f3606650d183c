#include "command/live.h"

#include <stdlib.h>
#include <string.h>

#include "command/discovery.h"
#include "format/encode.h"

/* What is noted of a series. */
enum mark {
    MARK_DIRTY = 1 << 0,     /* the broker lacks the newest */
    MARK_DESCRIBED = 1 << 1, /* on this connection */
};

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
                     sizeof(uint8_t));
    }
    return size;
}

static bool init_stream(struct weir_live_stream *entry, const struct weir_stream_config *stream)
{
    size_t count = (size_t)stream->max_series * stream->field_count;

    entry->field_count = stream->field_count;
    entry->series_max = stream->max_series;
    entry->newest = calloc(count, sizeof(*entry->newest));
    entry->marks = calloc(stream->max_series, sizeof(*entry->marks));
    if (stream->quantile_count > 0)
        entry->sketches = calloc(count, sizeof(*entry->sketches));
    return entry->newest && entry->marks && (entry->sketches || stream->quantile_count == 0);
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
        free(live->streams[i].marks);
    }
    memset(live, 0, sizeof(*live));
}

static void mark(struct weir_live_stream *entry, uint32_t series)
{
    entry->dirty_count += !(entry->marks[series] & MARK_DIRTY);
    entry->marks[series] |= MARK_DIRTY;
}

/* Of each field, in its place; count 0: none yet. */
static struct weir_summary *newest_of(const struct weir_live_stream *entry, uint32_t series)
{
    return &entry->newest[(size_t)series * entry->field_count];
}

void weir_live_accept(struct weir_live *live, const struct weir_summary *summary,
                      const struct weir_sketch *sketch)
{
    struct weir_live_stream *entry = &live->streams[summary->stream];
    struct weir_summary *newest;

    if (!entry->newest)
        return;
    newest = &newest_of(entry, summary->series)[summary->field];
    if (newest->count > 0 && summary->start_ms < newest->start_ms)
        return;
    *newest = *summary;
    if (entry->sketches && sketch)
        entry->sketches[newest - entry->newest] = *sketch;
    mark(entry, summary->series);
}

void weir_live_mark_all(struct weir_live *live)
{
    for (uint32_t i = 0; i < live->stream_count; i++) {
        struct weir_live_stream *entry = &live->streams[i];

        for (uint32_t j = 0; j < entry->series_max; j++) {
            const struct weir_summary *newest = newest_of(entry, j);

            entry->marks[j] &= (uint8_t)~MARK_DESCRIBED;
            for (uint32_t k = 0; k < entry->field_count; k++) {
                if (newest[k].count > 0)
                    mark(entry, j);
            }
        }
    }
}

/* Under the lock. */
static void write_series(const struct weir_live_stream *entry, struct weir_outlet *outlet,
                         const struct weir_stream_config *stream, const char *name, uint32_t series)
{
    const struct weir_summary *newest = newest_of(entry, series);
    const struct weir_sketch *sketches =
        entry->sketches ? &entry->sketches[newest - entry->newest] : NULL;
    struct weir_text *payload = &outlet->payload;
    const char *separator = "";

    weir_outlet_begin(outlet, "live/");
    weir_text_add(&outlet->topic, stream->name);
    weir_text_add(&outlet->topic, "/");
    weir_encode_topic_level(&outlet->topic, name);
    weir_text_add(payload, "{\"schema\":\"weir.live/1\",\"gateway\":");
    weir_text_add_quoted(payload, outlet->config->gateway);
    weir_text_add(payload, ",\"summaries\":[");
    for (uint32_t i = 0; i < entry->field_count; i++) {
        if (newest[i].count == 0)
            continue;
        weir_text_add(payload, separator);
        weir_text_add(payload, "{");
        weir_encode_summary(payload, stream, name, &newest[i], sketches ? &sketches[i] : NULL);
        weir_text_add(payload, "}");
        separator = ",";
    }
    weir_text_add(payload, "]}");
}

/* False: there was no room; what was described is described again. */
static bool describe(const struct weir_live_stream *entry, struct weir_outlet *outlet,
                     uint32_t stream, uint32_t series)
{
    if (entry->marks[series] & MARK_DESCRIBED || !weir_discovery_is_on(outlet))
        return true;
    for (uint32_t i = 0; i < entry->field_count; i++) {
        if (weir_discovery_send_sensor(outlet, stream, series, i) == WEIR_FULL)
            return false;
    }
    entry->marks[series] |= MARK_DESCRIBED;
    return true;
}

/* False: there was no room. */
static bool send_series(const struct weir_live_stream *entry, struct weir_outlet *outlet,
                        uint32_t stream, uint32_t series)
{
    const struct weir_engine *engine;

    if (!describe(entry, outlet, stream, series))
        return false;
    engine = weir_intake_lock(outlet->intake);
    write_series(entry, outlet, &outlet->config->streams[stream],
                 weir_pipeline_series_name(&engine->pipeline, stream, series), series);
    weir_intake_unlock(outlet->intake);
    return weir_outlet_send(outlet, 0, true, WEIR_OUTLET_LIVE, 0) != WEIR_FULL;
}

void weir_live_send(struct weir_live *live, struct weir_outlet *outlet)
{
    for (uint32_t i = 0; i < live->stream_count; i++) {
        struct weir_live_stream *entry = &live->streams[i];

        while (entry->dirty_count > 0) {
            while (!(entry->marks[entry->cursor] & MARK_DIRTY))
                entry->cursor = (entry->cursor + 1) % entry->series_max;
            if (!send_series(entry, outlet, i, entry->cursor))
                return;
            entry->marks[entry->cursor] &= (uint8_t)~MARK_DIRTY;
            entry->dirty_count--;
        }
    }
}
