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
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "command/command.h"
#include "command/daemon.h"
#include "command/memory.h"
#include "command/operate.h"
#include "port/config.h"
#include "port/log.h"

/* How long a stop may take in all: five seconds are promised. */
#define STOP_MS 4300
#define STOP_STORE_MS 1000

/* With storage, its faults are to be noticed in time. */
#define STORAGE_LOOK_MS 1000

#define CLOCK_LOOK_MS 1000

/* For another weir of the same gateway to end: a stop is over by then. */
#define PREDECESSOR_WAIT_MS 8000
#define PREDECESSOR_LOOK_MS 200

/* What the broker retained of an earlier process comes before the first message, or not at all. */
#define SETTLE_MS 2000

int64_t weir_daemon_boottime_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Lets the engine catch up. Returns the milliseconds until it is due again by itself. */
static int64_t step_engine(struct weir_daemon *daemon)
{
    int64_t deadline_ms;
    int64_t now_ms;

    weir_daemon_note_losses(daemon);
    weir_intake_lock(&daemon->intake);
    weir_daemon_step_engine(daemon);
    deadline_ms = weir_engine_deadline(&daemon->running->engine);
    weir_intake_unlock(&daemon->intake);
    now_ms = weir_clock_now(&daemon->clock);
    return deadline_ms > now_ms ? deadline_ms - now_ms : 0;
}

/* While the broker cannot be heard, silence says nothing of a series. */
static void note_link(struct weir_daemon *daemon)
{
    struct weir_record record = {
        .kind = WEIR_RECORD_LINK,
        .up = weir_mqtt_connected(daemon->input),
    };

    if ((daemon->link_noted && daemon->link_up == record.up) ||
        !weir_intake_note(&daemon->intake, &record))
        return;
    daemon->link_noted = true;
    daemon->link_up = record.up;
}

static int64_t step_input(struct weir_daemon *daemon, int64_t now_ms)
{
    int64_t next_ms;

    if (!daemon->settled && now_ms < daemon->settle_by_ms &&
        !weir_publisher_is_settled(daemon->publisher))
        return daemon->settle_by_ms;
    daemon->settled = true;
    next_ms = weir_mqtt_step(daemon->input, now_ms);
    note_link(daemon);
    if (weir_mqtt_subscribed(daemon->input) && weir_publisher_set_ready(daemon->publisher))
        return now_ms;
    return next_ms;
}

/* Sends what can be sent. Returns the milliseconds until a connection is due by itself. */
static int64_t step_connections(struct weir_daemon *daemon)
{
    int64_t now_ms = weir_daemon_boottime_ms();
    int64_t next_ms = weir_publisher_step(daemon->publisher, now_ms);
    int64_t other_ms = step_input(daemon, now_ms);

    if (other_ms < next_ms)
        next_ms = other_ms;
    if (weir_operate_step(daemon))
        next_ms = now_ms;
    other_ms = weir_control_step(&daemon->control, now_ms, weir_operate_take_line, daemon);
    if (other_ms < next_ms)
        next_ms = other_ms;
    if (daemon->uplink) {
        other_ms = weir_uplink_step(daemon->uplink, now_ms, weir_clock_now(&daemon->clock));
        if (other_ms < next_ms)
            next_ms = other_ms;
    }
    return next_ms > now_ms ? next_ms - now_ms : 0;
}

static const char *name_storage(const struct weir_daemon *daemon,
                                const struct weir_keeper_report *report)
{
    if (daemon->keeper)
        return report->error == 0 ? "good" : report->what;
    return daemon->running->config->storage_path[0] != '\0' ? "cannot be opened" : NULL;
}

static void look_at_service(struct weir_daemon *daemon, struct weir_service_look *look)
{
    struct weir_keeper_report keeper = {0};
    struct weir_uplink_counts uplink = {0};
    struct weir_ledger ledger;

    if (daemon->keeper)
        weir_keeper_report(daemon->keeper, &keeper);
    if (daemon->uplink)
        weir_uplink_count(daemon->uplink, &uplink);
    weir_intake_lock(&daemon->intake);
    weir_engine_ledger(&daemon->running->engine, &ledger);
    weir_intake_unlock(&daemon->intake);
    *look = (struct weir_service_look){
        .connected = weir_mqtt_connected(daemon->input),
        .received = ledger.received,
        .alerts = weir_publisher_active(daemon->publisher),
        .batches = keeper.batches + uplink.batches,
        .storage = name_storage(daemon, &keeper),
        .log_end = weir_journal_end(daemon->journal),
        .log_consumed = weir_journal_consumed(daemon->journal),
    };
}

/* Returns the milliseconds until the service manager is due to hear of us. */
static int64_t step_service(struct weir_daemon *daemon)
{
    int64_t now_ms = weir_daemon_boottime_ms();
    bool subscribed = weir_mqtt_subscribed(daemon->input);
    int64_t due_ms = weir_service_step(&daemon->service, subscribed, now_ms);
    struct weir_service_look look;

    if (due_ms > now_ms)
        return due_ms - now_ms;
    look_at_service(daemon, &look);
    weir_service_tell(&daemon->service, &look, now_ms);
    return 0;
}

static void take_signal(struct weir_daemon *daemon)
{
    struct signalfd_siginfo info;

    if (read(daemon->signal_fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo != SIGHUP) {
        daemon->stopping = true;
    } else if (!daemon->stopping) {
        weir_service_reload(&daemon->service);
        weir_service_reloaded(&daemon->service, !weir_daemon_reload(daemon));
    }
}

/* Waits for a signal or a wake, timeout_ms at most. */
static void wait_for_work(struct weir_daemon *daemon, int64_t timeout_ms)
{
    struct pollfd fds[2 + WEIR_CONTROL_FD_COUNT_MAX] = {
        {.fd = daemon->wake_fd, .events = POLLIN},
        {.fd = daemon->signal_fd, .events = POLLIN},
    };
    nfds_t fd_count = 2 + (nfds_t)weir_control_wait_for(&daemon->control, &fds[2]);
    uint64_t count;

    if (poll(fds, fd_count, timeout_ms > 60000 ? 60000 : (int)timeout_ms) <= 0)
        return;
    if (fds[0].revents & POLLIN)
        (void)!read(daemon->wake_fd, &count, sizeof(count));
    if (fds[1].revents & POLLIN)
        take_signal(daemon);
}

/* Asked for by the second: it is a call into the kernel. */
static void look_at_clock(struct weir_daemon *daemon)
{
    int64_t now_ms = weir_daemon_boottime_ms();

    if (now_ms < daemon->clock_looked_ms + CLOCK_LOOK_MS)
        return;
    daemon->clock_looked_ms = now_ms;
    weir_intake_set_synchronised(&daemon->intake, weir_clock_synchronised());
}

static void run_loop(struct weir_daemon *daemon)
{
    while (!daemon->stopping) {
        int64_t engine_ms = step_engine(daemon);
        int64_t connections_ms = step_connections(daemon);
        int64_t service_ms = step_service(daemon);
        int64_t wait_ms = engine_ms < connections_ms ? engine_ms : connections_ms;

        if (service_ms < wait_ms)
            wait_ms = service_ms;
        weir_daemon_step_storage(daemon);
        look_at_clock(daemon);
        if (daemon->keeper && wait_ms > STORAGE_LOOK_MS)
            wait_ms = STORAGE_LOOK_MS;
        wait_for_work(daemon, wait_ms);
    }
}

static int until(int64_t end_ms, int most_ms)
{
    int64_t left_ms = end_ms - weir_daemon_boottime_ms();

    if (left_ms < 0)
        left_ms = 0;
    return left_ms < most_ms ? (int)left_ms : most_ms;
}

/* Sends what can be sent in the time there is. */
static void send_rest(struct weir_daemon *daemon, int64_t end_ms)
{
    while (weir_daemon_boottime_ms() < end_ms) {
        (void)weir_publisher_step(daemon->publisher, weir_daemon_boottime_ms());
        if (daemon->uplink)
            (void)weir_uplink_step(daemon->uplink, weir_daemon_boottime_ms(),
                                   weir_clock_now(&daemon->clock));
        if (!weir_publisher_busy(daemon->publisher) &&
            !(daemon->uplink && weir_uplink_busy(daemon->uplink)))
            break;
        wait_for_work(daemon, 20);
    }
}

/* With storage everything stays for the next start. Without, the windows are closed, so that their
 * summaries can still be sent. */
static void stop(struct weir_daemon *daemon)
{
    int64_t end_ms = weir_daemon_boottime_ms() + STOP_MS;
    struct weir_uplink_counts left = {0};

    weir_service_stop(&daemon->service);
    weir_control_close(&daemon->control);
    if (daemon->keeper)
        weir_keeper_stop_waiting(daemon->keeper);
    weir_mqtt_destroy(daemon->input, WEIR_STOP_DISCONNECT_MS);
    (void)step_engine(daemon);
    weir_intake_lock(&daemon->intake);
    if (!daemon->keeper)
        weir_daemon_drain(daemon, NULL);
    weir_intake_unlock(&daemon->intake);
    if (daemon->uplink && !daemon->keeper)
        weir_uplink_send_anyway(daemon->uplink);
    send_rest(daemon, end_ms - STOP_STORE_MS - 2 * WEIR_STOP_DISCONNECT_MS);
    (void)step_engine(daemon);
    weir_daemon_stop_storage(daemon, until(end_ms - 2 * WEIR_STOP_DISCONNECT_MS, STOP_STORE_MS));
    if (daemon->uplink) {
        weir_uplink_count(daemon->uplink, &left);
        weir_uplink_destroy(daemon->uplink,
                            until(end_ms - WEIR_STOP_DISCONNECT_MS, WEIR_STOP_DISCONNECT_MS));
    }
    weir_publisher_destroy(daemon->publisher, until(end_ms, WEIR_STOP_DISCONNECT_MS));
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

static bool open_descriptors(struct weir_daemon *daemon)
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

/* Two of one gateway would take the session at the broker from each other for ever. One that is on
 * its way out is waited for, until it has gone or a signal comes. */
static bool is_alone(const struct weir_daemon *daemon, const char *gateway)
{
    struct pollfd signals = {.fd = daemon->signal_fd, .events = POLLIN};
    int64_t end_ms = weir_daemon_boottime_ms() + PREDECESSOR_WAIT_MS;

    if (!weir_control_is_served(gateway))
        return true;
    weir_log_info("another weir of gateway %s is running; waiting for it to end", gateway);
    while (weir_daemon_boottime_ms() < end_ms && poll(&signals, 1, PREDECESSOR_LOOK_MS) == 0) {
        if (!weir_control_is_served(gateway))
            return true;
    }
    weir_log_error("another weir of gateway %s is running", gateway);
    return false;
}

static bool start(struct weir_daemon *daemon, struct weir_config *config)
{
    struct weir_service_look look;

    if (!open_descriptors(daemon)) {
        weir_log_error("cannot start: %s", strerror(errno));
        weir_config_destroy(config);
        return false;
    }
    if (!is_alone(daemon, config->gateway)) {
        weir_config_destroy(config);
        return false;
    }
    if (!weir_daemon_start_state(daemon, config))
        return false;
    daemon->settle_by_ms = weir_daemon_boottime_ms() + SETTLE_MS;
    daemon->clock_looked_ms = INT64_MIN / 2;
    look_at_clock(daemon);
    weir_control_open(&daemon->control, daemon->running->config->gateway);
    if (!weir_daemon_connect(daemon))
        return false;
    look_at_service(daemon, &look);
    weir_service_init(&daemon->service, &look, weir_daemon_boottime_ms());
    return true;
}

static void finish(struct weir_daemon *daemon)
{
    weir_service_finish(&daemon->service);
    weir_intake_finish(&daemon->intake);
    weir_running_destroy(daemon->running);
    weir_memory_unmap(daemon->ring, WEIR_JOURNAL_HEAD_BYTES + daemon->ring_bytes);
    weir_memory_unmap(daemon->outbox, daemon->outbox_size);
    close(daemon->signal_fd);
    close(daemon->wake_fd);
}

static void log_start(const struct weir_daemon *daemon)
{
    const struct weir_config *config = daemon->running->config;

    weir_log_info("%s: gateway %s, %u %s, %u %s, %llu KiB of engine memory at most", WEIR_VERSION,
                  config->gateway, config->stream_count,
                  config->stream_count == 1 ? "stream" : "streams", config->rule_count,
                  config->rule_count == 1 ? "alert" : "alerts",
                  (unsigned long long)daemon->running->arena_size / 1024);
}

static void print_usage(FILE *file)
{
    fputs("usage: weir run [-c FILE] [-v]\n"
          "\n"
          "Runs the daemon in the foreground, logging to stderr.\n"
          "\n"
          "  -c, --config FILE  the configuration (" WEIR_CONFIG_PATH_DEFAULT ")\n"
          "  -v, --verbose      log more\n"
          "      --help         this text\n"
          "\n"
          "SIGHUP reads the configuration anew; SIGTERM sends what it can and ends, within five\n"
          "seconds. With storage, the next start goes on where this one stopped.\n",
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
    static struct weir_daemon daemon;
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
