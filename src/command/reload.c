/* Another configuration: connections, state and everything that reads it. */
#include <stdlib.h>
#include <string.h>

#include "command/daemon.h"
#include "command/memory.h"
#include "core/filter.h"
#include "port/config.h"
#include "port/log.h"

/* Subscribes to each filter once, at the highest QoS that a stream asks for. */
static bool subscribe(struct weir_mqtt *input, const struct weir_config *config)
{
    size_t max = WEIR_STREAM_COUNT_MAX * WEIR_FILTER_COUNT_MAX;
    struct weir_mqtt_filter *filters = calloc(max, sizeof(*filters));
    struct weir_filter compiled;
    size_t count = 0;

    if (!filters)
        return false;
    for (uint32_t i = 0; i < config->stream_count; i++) {
        const struct weir_stream_config *stream = &config->streams[i];

        for (uint32_t j = 0; j < stream->filter_count; j++) {
            struct weir_mqtt_filter *filter = &filters[count];
            size_t same = 0;

            (void)weir_filter_compile(&compiled, stream->filters[j]);
            weir_filter_subscription(&compiled, filter->text);
            filter->qos = stream->qos;
            while (strcmp(filters[same].text, filter->text) != 0)
                same++;
            if (filter->qos > filters[same].qos)
                filters[same].qos = filter->qos;
            count += same == count;
        }
    }
    weir_mqtt_subscribe(input, filters, count);
    free(filters);
    return true;
}

/* Makes the connection that messages come by. NULL: it cannot be; logged. */
static struct weir_mqtt *create_input(struct weir_daemon *daemon, const struct weir_config *config)
{
    struct weir_mqtt_options options = {
        .label = "broker",
        .peer = &config->broker,
        .client_id = config->broker.client_id,
        .clean_start = false,
        .on_message = weir_intake_accept,
        .context = &daemon->intake,
        .wake_fd = daemon->wake_fd,
    };
    struct weir_mqtt *input = weir_mqtt_create(&options);

    if (input && !subscribe(input, config)) {
        weir_mqtt_destroy(input, 0);
        input = NULL;
    }
    return input;
}

bool weir_daemon_create_uplink(struct weir_daemon *daemon, const struct weir_config *config)
{
    if (!daemon->outbox) {
        daemon->outbox_size = config->outbox_bytes;
        daemon->outbox = weir_memory_map(daemon->outbox_size);
    }
    if (daemon->outbox)
        daemon->uplink = weir_uplink_create(daemon->outbox, daemon->outbox_size,
                                            daemon->keeper || daemon->opening);
    if (daemon->uplink)
        weir_uplink_use_keeper(daemon->uplink, daemon->keeper);
    return daemon->uplink != NULL;
}

bool weir_daemon_connect(struct weir_daemon *daemon)
{
    const struct weir_config *config = daemon->running->config;
    struct weir_mqtt *uplink = NULL;

    if (config->uplink.url[0] == '\0' && daemon->uplink) {
        weir_uplink_destroy(daemon->uplink, 0);
        daemon->uplink = NULL;
    }
    if (config->uplink.url[0] != '\0' && !daemon->uplink &&
        !weir_daemon_create_uplink(daemon, config))
        return false;
    if (daemon->uplink) {
        uplink = weir_uplink_connect(config, daemon->wake_fd);
        if (!uplink)
            return false;
        weir_uplink_exchange(daemon->uplink, uplink, config);
    }
    if (!weir_publisher_connect(daemon->publisher, daemon->wake_fd))
        return false;
    daemon->input = create_input(daemon, config);
    return daemon->input != NULL;
}

/* Configurations are zeroed before they are read, and so is what lies between their members. */
static bool peer_changed(const struct weir_config *from, const struct weir_config *to)
{
    return strcmp(from->gateway, to->gateway) != 0 ||
           /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
           memcmp(&from->broker, &to->broker, sizeof(from->broker)) != 0;
}

static bool uplink_changed(const struct weir_config *from, const struct weir_config *to)
{
    return strcmp(from->gateway, to->gateway) != 0 ||
           /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
           memcmp(&from->uplink, &to->uplink, sizeof(from->uplink)) != 0;
}

/* What another configuration needs and may not get, made before anything is changed. */
struct preparation {
    bool moved; /* to another broker, or under another name */
    struct weir_mqtt *input;
    struct weir_publisher *publisher;
    struct weir_mqtt *uplink; /* the connection of an uplink that is there */
};

static void give_up(struct preparation *preparation)
{
    if (preparation->input)
        weir_mqtt_destroy(preparation->input, 0);
    if (preparation->publisher)
        weir_publisher_destroy(preparation->publisher, 0);
    if (preparation->uplink)
        weir_mqtt_destroy(preparation->uplink, 0);
}

static bool prepare_broker(struct weir_daemon *daemon, const struct weir_config *next,
                           struct preparation *preparation)
{
    if (!preparation->moved)
        return weir_publisher_prepare(daemon->publisher, next);
    preparation->input = create_input(daemon, next);
    preparation->publisher = weir_publisher_create(&daemon->intake, next);
    return preparation->input && preparation->publisher &&
           weir_publisher_connect(preparation->publisher, daemon->wake_fd);
}

static bool prepare_uplink(struct weir_daemon *daemon, const struct weir_config *next,
                           struct preparation *preparation)
{
    if (!daemon->input || next->uplink.url[0] == '\0' ||
        (daemon->uplink && !uplink_changed(daemon->running->config, next)))
        return true;
    preparation->uplink = weir_uplink_connect(next, daemon->wake_fd);
    return preparation->uplink && (daemon->uplink || weir_daemon_create_uplink(daemon, next));
}

/* Without connections as yet, at a restart, there are none to be made. */
static bool prepare(struct weir_daemon *daemon, const struct weir_config *next,
                    struct preparation *preparation)
{
    *preparation =
        (struct preparation){.moved = daemon->input && peer_changed(daemon->running->config, next)};
    if (prepare_broker(daemon, next, preparation) && prepare_uplink(daemon, next, preparation))
        return true;
    give_up(preparation);
    return false;
}

/* Has the log say it, and follows the log up to there. Under the lock. */
static void note_change(struct weir_daemon *daemon, const struct weir_running *next)
{
    struct weir_record record = {
        .kind = WEIR_RECORD_CONFIG,
        .hash = next->image,
        .epoch = weir_engine_epoch(&daemon->running->engine),
    };
    bool noted = false;

    while (!noted) {
        while (weir_intake_follow(&daemon->intake) == WEIR_INTAKE_OUTPUTS)
            weir_daemon_take_outputs(daemon);
        record.epoch = weir_engine_epoch(&daemon->running->engine);
        noted = weir_intake_note(&daemon->intake, &record);
    }
    while (weir_intake_follow(&daemon->intake) != WEIR_INTAKE_CONFIG)
        weir_daemon_take_outputs(daemon);
}

/* Hands the state over to the next engine, and everything that reads it with it. */
static void exchange_state(struct weir_daemon *daemon, struct weir_running *next,
                           const struct preparation *preparation)
{
    struct weir_running *old = daemon->running;

    weir_daemon_drain(daemon, next->config);
    weir_engine_adopt(&next->engine, &old->engine);
    if (preparation->moved)
        weir_publisher_inherit(preparation->publisher, daemon->publisher, &old->engine,
                               &next->engine);
    else
        weir_publisher_exchange(daemon->publisher, &old->engine, &next->engine);
    daemon->running = next;
}

bool weir_daemon_change(struct weir_daemon *daemon, struct weir_running *next, bool noted)
{
    struct weir_running *old = daemon->running;
    struct weir_publisher *publisher = daemon->publisher;
    struct weir_mqtt *input = daemon->input;
    struct preparation preparation;

    if (!prepare(daemon, next->config, &preparation)) {
        weir_running_destroy(next);
        return false;
    }
    if (daemon->keeper && !noted)
        weir_keeper_put_config(daemon->keeper, next);
    weir_intake_lock(&daemon->intake);
    if (!noted)
        note_change(daemon, next);
    exchange_state(daemon, next, &preparation);
    if (preparation.moved)
        daemon->publisher = preparation.publisher;
    if (preparation.input)
        daemon->input = preparation.input;
    if (!noted)
        weir_intake_pass_config(&daemon->intake, &next->engine);
    else
        weir_intake_use(&daemon->intake, &next->engine);
    weir_intake_unlock(&daemon->intake);
    if (preparation.uplink)
        weir_uplink_exchange(daemon->uplink, preparation.uplink, next->config);
    else if (daemon->uplink)
        weir_uplink_configure(daemon->uplink, next->config);
    if (preparation.input)
        weir_mqtt_destroy(input, WEIR_STOP_DISCONNECT_MS);
    if (preparation.moved)
        weir_publisher_destroy(publisher, WEIR_STOP_DISCONNECT_MS);
    weir_running_destroy(old);
    return true;
}

void weir_daemon_begin_anew(struct weir_daemon *daemon, struct weir_running *next)
{
    struct weir_publisher *publisher = weir_publisher_create(&daemon->intake, next->config);

    if (!publisher) {
        weir_running_destroy(next);
        return;
    }
    weir_publisher_destroy(daemon->publisher, 0);
    daemon->publisher = publisher;
    weir_intake_lock(&daemon->intake);
    weir_intake_use(&daemon->intake, &next->engine);
    weir_intake_unlock(&daemon->intake);
    weir_running_destroy(daemon->running);
    daemon->running = next;
}

/* What a reload leaves as it is, to be said. */
static void warn_of_rest(const struct weir_config *before, const struct weir_config *after)
{
    if (before->uplink.url[0] != '\0' && after->uplink.url[0] == '\0')
        weir_log_warning("an uplink is let go of only at the next start");
    if (before->queue_bytes != after->queue_bytes || before->outbox_bytes != after->outbox_bytes)
        weir_log_warning("the sizes of queue and outbox change only at the next start");
    if (strcmp(before->storage_path, after->storage_path) != 0 ||
        before->storage_journal_bytes != after->storage_journal_bytes ||
        before->storage_outbox_bytes != after->storage_outbox_bytes ||
        before->storage_sync_ms != after->storage_sync_ms)
        weir_log_warning("storage changes only at the next start");
}

bool weir_daemon_reload(struct weir_daemon *daemon)
{
    struct weir_config *config = weir_config_load(daemon->config_path, stderr);
    struct weir_running *next = config ? weir_running_create(config, daemon->epoch) : NULL;
    struct weir_config before = *daemon->running->config;

    if (!next || !weir_daemon_change(daemon, next, false)) {
        weir_log_error("%s is refused; nothing was changed", daemon->config_path);
        return false;
    }
    warn_of_rest(&before, config);
    if (strcmp(before.gateway, config->gateway) != 0) {
        weir_control_close(&daemon->control);
        weir_control_open(&daemon->control, config->gateway);
    }
    if (!subscribe(daemon->input, config))
        weir_log_error("out of memory: new subscriptions are made at the next start");
    weir_log_info("%s is read anew: %u %s, %u %s", daemon->config_path, config->stream_count,
                  config->stream_count == 1 ? "stream" : "streams", config->rule_count,
                  config->rule_count == 1 ? "alert" : "alerts");
    return true;
}
