/*
 * The daemon. Start here: weir_command_run brings everything up in order, run_loop is all it then
 * does.
 *
 *     MQTT --> intake --> engine --> alerts, live --> publisher --> gateway's broker
 *                           |
 *                           `------> batches -------> uplink -----> uplink's broker
 */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "command/command.h"
#include "command/intake.h"
#include "command/publisher.h"
#include "command/uplink.h"
#include "core/filter.h"
#include "port/clock.h"
#include "port/config.h"
#include "port/log.h"
#include "port/mqtt.h"

/* How long a stop may take: the farewell of three connections within the five seconds promised. */
#define STOP_SEND_MS 3000
#define STOP_DISCONNECT_MS 400

/* A configuration and the engine that runs under it. */
struct running {
    struct weir_config *config;
    struct weir_engine engine;
    void *arena;
    uint64_t arena_size;
};

struct daemon {
    const char *config_path;
    struct running *running;
    struct weir_clock clock;
    struct weir_intake intake;
    void *queue;
    uint64_t queue_size;
    void *outbox;
    uint64_t outbox_size;
    struct weir_mqtt *input;
    struct weir_publisher *publisher;
    struct weir_uplink *uplink; /* NULL: none configured, or one that a reload could not make */
    struct weir_uplink_counts unsent; /* batches that had no uplink to go to */
    uint64_t epoch;
    int wake_fd;
    int signal_fd;
    bool stopping;
};

static int64_t boottime_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Zeroed, page-aligned memory that costs nothing until it is touched. */
static void *map_memory(uint64_t size)
{
    void *memory = size > SIZE_MAX ? MAP_FAILED
                                   : mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) {
        weir_log_error("cannot have %llu bytes of memory: %s", (unsigned long long)size,
                       strerror(errno));
        return NULL;
    }
    /* Huge pages would make what is sparsely touched resident. */
    (void)madvise(memory, (size_t)size, MADV_NOHUGEPAGE);
    return memory;
}

static void destroy_running(struct running *running)
{
    if (!running)
        return;
    if (running->arena)
        munmap(running->arena, (size_t)running->arena_size);
    weir_config_destroy(running->config);
    free(running);
}

static struct running *create_running(struct weir_config *config, uint64_t epoch)
{
    struct running *running = calloc(1, sizeof(*running));

    if (!running) {
        weir_config_destroy(config);
        return NULL;
    }
    running->config = config;
    running->arena_size = weir_engine_size(config, NULL);
    running->arena = map_memory(running->arena_size);
    if (!running->arena) {
        destroy_running(running);
        return NULL;
    }
    weir_engine_init(&running->engine, config, running->arena, running->arena_size, epoch,
                     config->uplink.url[0] != '\0');
    return running;
}

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

static struct weir_mqtt *create_input(struct daemon *daemon, const struct weir_config *config)
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

static void accept_output(struct daemon *daemon, const struct weir_engine_output *output)
{
    switch (output->kind) {
    case WEIR_ENGINE_SUMMARY:
        weir_publisher_accept_summary(daemon->publisher, &output->summary);
        break;
    case WEIR_ENGINE_ALERT:
        weir_publisher_accept_alert(daemon->publisher, &output->alert);
        break;
    case WEIR_ENGINE_BATCH:
        if (daemon->uplink) {
            weir_uplink_accept_batch(daemon->uplink, &output->batch);
        } else {
            daemon->unsent.batches_dropped++;
            daemon->unsent.summaries_dropped += output->batch.row_count;
        }
        break;
    }
}

static void note_losses(struct daemon *daemon)
{
    struct weir_uplink_counts uplink = {0};
    struct weir_ledger losses = {
        .queue_dropped = weir_intake_dropped(&daemon->intake),
        .events_dropped = weir_publisher_dropped(daemon->publisher),
    };

    if (daemon->uplink)
        weir_uplink_count(daemon->uplink, &uplink);
    losses.outbox_dropped = uplink.summaries_dropped + daemon->unsent.summaries_dropped;
    losses.batches_dropped = uplink.batches_dropped + daemon->unsent.batches_dropped;
    weir_engine_note_losses(&daemon->running->engine, &losses);
}

static void take_outputs(struct daemon *daemon)
{
    struct weir_engine_output output;

    note_losses(daemon);
    while (weir_engine_take(&daemon->running->engine, &output))
        accept_output(daemon, &output);
}

/* Lets the engine catch up. Returns the milliseconds until it is due again by itself. */
static int64_t step_engine(struct daemon *daemon)
{
    int64_t deadline_ms;
    int64_t now_ms;

    weir_intake_lock(&daemon->intake);
    while (weir_intake_step(&daemon->intake) != WEIR_OK)
        take_outputs(daemon);
    note_losses(daemon);
    deadline_ms = weir_engine_deadline(&daemon->running->engine);
    weir_intake_unlock(&daemon->intake);
    now_ms = weir_clock_now(&daemon->clock);
    return deadline_ms > now_ms ? deadline_ms - now_ms : 0;
}

/* Sends what can be sent. Returns the milliseconds until a connection is due by itself. */
static int64_t step_connections(struct daemon *daemon)
{
    int64_t now_ms = boottime_ms();
    int64_t next_ms = weir_mqtt_step(daemon->input, now_ms);
    int64_t other_ms = weir_publisher_step(daemon->publisher, now_ms);

    if (other_ms < next_ms)
        next_ms = other_ms;
    if (daemon->uplink) {
        other_ms = weir_uplink_step(daemon->uplink, now_ms);
        if (other_ms < next_ms)
            next_ms = other_ms;
    }
    return next_ms > now_ms ? next_ms - now_ms : 0;
}

static bool peer_changed(const struct weir_config *from, const struct weir_config *to)
{
    return strcmp(from->gateway, to->gateway) != 0 ||
           memcmp(&from->broker, &to->broker, sizeof(from->broker)) != 0;
}

static bool uplink_changed(const struct weir_config *from, const struct weir_config *to)
{
    return strcmp(from->gateway, to->gateway) != 0 ||
           memcmp(&from->uplink, &to->uplink, sizeof(from->uplink)) != 0;
}

/* The two connections to the gateway's broker. */
struct broker_side {
    struct weir_mqtt *input;
    struct weir_publisher *publisher;
};

/* Makes connections to the gateway's broker under other settings, beside those there are. */
static bool create_broker_side(struct daemon *daemon, const struct weir_config *config,
                               struct broker_side *side)
{
    side->input = create_input(daemon, config);
    if (!side->input)
        return false;
    side->publisher = weir_publisher_create(&daemon->intake, config, daemon->wake_fd);
    if (!side->publisher)
        weir_mqtt_destroy(side->input, 0);
    return side->publisher != NULL;
}

static bool create_uplink(struct daemon *daemon, const struct weir_config *config)
{
    if (!daemon->outbox) {
        daemon->outbox_size = config->outbox_bytes;
        daemon->outbox = map_memory(daemon->outbox_size);
    }
    if (daemon->outbox)
        daemon->uplink =
            weir_uplink_create(config, daemon->outbox, daemon->outbox_size, daemon->wake_fd);
    return daemon->uplink != NULL;
}

static bool exchange_uplink(struct daemon *daemon, const struct weir_config *config)
{
    if (config->uplink.url[0] == '\0') {
        if (daemon->uplink)
            weir_log_warning("an uplink is let go of only at the next start");
        return true;
    }
    return daemon->uplink ? weir_uplink_exchange(daemon->uplink, config)
                          : create_uplink(daemon, config);
}

/* Closes the windows of the streams that `next` does not have unchanged, or (NULL) all of them.
 * Under the lock. */
static void drain_engine(struct daemon *daemon, const struct weir_config *next)
{
    struct weir_engine *engine = &daemon->running->engine;

    while (weir_intake_step(&daemon->intake) != WEIR_OK)
        take_outputs(daemon);
    while ((next ? weir_engine_drain_changed(engine, next) : weir_engine_drain(engine)) != WEIR_OK)
        take_outputs(daemon);
}

/* Hands the state over to the next engine, and everything that reads it with it. What can be
 * refused is made first, so that a refusal changes nothing. */
static bool exchange_engine(struct daemon *daemon, struct running *next)
{
    struct running *old = daemon->running;
    struct broker_side before = {daemon->input, daemon->publisher};
    struct broker_side after = before;
    bool moved = peer_changed(old->config, next->config);
    bool done = true;

    if (moved && !create_broker_side(daemon, next->config, &after))
        return false;
    weir_intake_lock(&daemon->intake);
    drain_engine(daemon, next->config);
    weir_engine_adopt(&next->engine, &old->engine);
    if (moved)
        weir_publisher_inherit(after.publisher, before.publisher, &old->engine, &next->engine);
    else
        done = weir_publisher_exchange(daemon->publisher, &old->engine, &next->engine);
    if (done) {
        daemon->input = after.input;
        daemon->publisher = after.publisher;
        weir_intake_exchange(&daemon->intake, &next->engine);
        daemon->running = next;
    }
    weir_intake_unlock(&daemon->intake);
    if (moved) {
        weir_mqtt_destroy(before.input, STOP_DISCONNECT_MS);
        weir_publisher_destroy(before.publisher, STOP_DISCONNECT_MS);
    }
    return done;
}

static void reload(struct daemon *daemon)
{
    struct weir_config *config = weir_config_load(daemon->config_path, stderr);
    struct running *old = daemon->running;
    struct running *next = config ? create_running(config, daemon->epoch) : NULL;

    if (!next || !exchange_engine(daemon, next)) {
        weir_log_error("%s is refused; nothing was changed", daemon->config_path);
        destroy_running(next);
        return;
    }
    if (uplink_changed(old->config, config) && !exchange_uplink(daemon, config))
        weir_log_error("the uplink's new settings cannot be used; the old ones stay");
    if (!subscribe(daemon->input, config))
        weir_log_error("out of memory: new subscriptions are made at the next start");
    if (old->config->queue_bytes != config->queue_bytes ||
        old->config->outbox_bytes != config->outbox_bytes)
        weir_log_warning("the sizes of queue and outbox change only at the next start");
    weir_log_info("%s is read anew: %u streams, %u alerts", daemon->config_path,
                  config->stream_count, config->rule_count);
    destroy_running(old);
}

static void take_signal(struct daemon *daemon)
{
    struct signalfd_siginfo info;

    if (read(daemon->signal_fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo != SIGHUP)
        daemon->stopping = true;
    else if (!daemon->stopping)
        reload(daemon);
}

/* Waits for a signal or a wake, timeout_ms at most. */
static void wait_for_work(struct daemon *daemon, int64_t timeout_ms)
{
    struct pollfd fds[] = {
        {.fd = daemon->wake_fd, .events = POLLIN},
        {.fd = daemon->signal_fd, .events = POLLIN},
    };
    uint64_t count;

    if (poll(fds, 2, timeout_ms > 60000 ? 60000 : (int)timeout_ms) <= 0)
        return;
    if (fds[0].revents & POLLIN)
        (void)!read(daemon->wake_fd, &count, sizeof(count));
    if (fds[1].revents & POLLIN)
        take_signal(daemon);
}

static void run_loop(struct daemon *daemon)
{
    while (!daemon->stopping) {
        int64_t engine_ms = step_engine(daemon);
        int64_t connections_ms = step_connections(daemon);

        wait_for_work(daemon, engine_ms < connections_ms ? engine_ms : connections_ms);
    }
}

/* Closes the windows, since there is no storage to keep them for the next start, and sends what
 * can be sent in the time there is. */
static void stop(struct daemon *daemon)
{
    struct weir_uplink_counts left = {0};
    int64_t end_ms = boottime_ms() + STOP_SEND_MS;

    weir_mqtt_destroy(daemon->input, STOP_DISCONNECT_MS);
    weir_intake_lock(&daemon->intake);
    drain_engine(daemon, NULL);
    weir_intake_unlock(&daemon->intake);
    while (boottime_ms() < end_ms) {
        (void)weir_publisher_step(daemon->publisher, boottime_ms());
        if (daemon->uplink)
            (void)weir_uplink_step(daemon->uplink, boottime_ms());
        if (!weir_publisher_busy(daemon->publisher) &&
            !(daemon->uplink && weir_uplink_busy(daemon->uplink)))
            break;
        wait_for_work(daemon, 20);
    }
    weir_intake_lock(&daemon->intake);
    note_losses(daemon);
    weir_intake_unlock(&daemon->intake);
    if (daemon->uplink) {
        weir_uplink_count(daemon->uplink, &left);
        weir_uplink_destroy(daemon->uplink, STOP_DISCONNECT_MS);
    }
    weir_publisher_destroy(daemon->publisher, STOP_DISCONNECT_MS);
    if (left.batches > 0)
        weir_log_warning("stopped with %llu batches, %llu summaries, not sent",
                         (unsigned long long)left.batches, (unsigned long long)left.summaries);
    else
        weir_log_info("stopped");
}

/* The libraries allocate from three threads: one arena is enough for them, and payloads of
 * batches go back to the system when they are sent. */
static void bound_heap(void)
{
    (void)mallopt(M_ARENA_MAX, 1);
    (void)mallopt(M_MMAP_THRESHOLD, 64 * 1024);
}

static bool open_descriptors(struct daemon *daemon)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    /* Blocked before the first thread is made, so that no thread takes them. */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
        return false;
    daemon->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    daemon->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return daemon->signal_fd >= 0 && daemon->wake_fd >= 0;
}

static bool start(struct daemon *daemon, struct weir_config *config)
{
    if (!open_descriptors(daemon) ||
        getrandom(&daemon->epoch, sizeof(daemon->epoch), 0) != sizeof(daemon->epoch)) {
        weir_log_error("cannot start: %s", strerror(errno));
        weir_config_destroy(config);
        return false;
    }
    daemon->running = create_running(config, daemon->epoch);
    if (!daemon->running)
        return false;
    daemon->queue_size = config->queue_bytes;
    daemon->queue = map_memory(daemon->queue_size);
    if (!daemon->queue)
        return false;
    weir_clock_init(&daemon->clock);
    weir_intake_init(&daemon->intake, &daemon->running->engine, &daemon->clock, daemon->queue,
                     daemon->queue_size, daemon->wake_fd);
    daemon->publisher = weir_publisher_create(&daemon->intake, config, daemon->wake_fd);
    if (!daemon->publisher)
        return false;
    if (config->uplink.url[0] != '\0' && !create_uplink(daemon, config))
        return false;
    daemon->input = create_input(daemon, config);
    return daemon->input != NULL;
}

static void finish(struct daemon *daemon)
{
    weir_intake_finish(&daemon->intake);
    destroy_running(daemon->running);
    if (daemon->queue)
        munmap(daemon->queue, (size_t)daemon->queue_size);
    if (daemon->outbox)
        munmap(daemon->outbox, (size_t)daemon->outbox_size);
    close(daemon->signal_fd);
    close(daemon->wake_fd);
}

static void log_start(const struct daemon *daemon)
{
    const struct weir_config *config = daemon->running->config;

    weir_log_info("%s: gateway %s, %u streams, %u alerts, %llu KiB of engine memory at most",
                  WEIR_VERSION, config->gateway, config->stream_count, config->rule_count,
                  (unsigned long long)daemon->running->arena_size / 1024);
    if (config->storage_path[0] != '\0')
        weir_log_warning("storage is configured but not used by this version: open windows, alert "
                         "states and unsent batches live in memory alone");
}

static void print_usage(FILE *file)
{
    fputs(
        "usage: weir run [-c FILE] [-v]\n"
        "\n"
        "Runs the daemon in the foreground, logging to stderr.\n"
        "\n"
        "  -c, --config FILE  the configuration (" WEIR_CONFIG_PATH_DEFAULT ")\n"
        "  -v, --verbose      log more\n"
        "      --help         this text\n"
        "\n"
        "SIGHUP reads the configuration anew; SIGTERM closes the open windows, sends what it can\n"
        "within five seconds, and ends.\n",
        file);
}

int weir_command_run(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    static struct daemon daemon;
    struct weir_config *config;
    int option;

    bound_heap();
    daemon.config_path = WEIR_CONFIG_PATH_DEFAULT;
    while ((option = getopt_long(argc, argv, "c:v", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            daemon.config_path = optarg;
            break;
        case 'v':
            weir_log_set_verbose(true);
            break;
        case 'h':
            print_usage(stdout);
            return WEIR_EXIT_DONE;
        default:
            print_usage(stderr);
            return WEIR_EXIT_USAGE;
        }
    }
    if (optind != argc) {
        print_usage(stderr);
        return WEIR_EXIT_USAGE;
    }
    config = weir_config_load(daemon.config_path, stderr);
    if (!config)
        return WEIR_EXIT_REFUSED;
    if (!start(&daemon, config))
        return WEIR_EXIT_FAILED;
    log_start(&daemon);
    run_loop(&daemon);
    stop(&daemon);
    finish(&daemon);
    return WEIR_EXIT_DONE;
}
