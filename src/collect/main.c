/*
 * weir-collect, the receiving end, which `weir collect` runs. Start here.
 *
 *     MQTT --> spool --> collector --> SQLite, file or HTTP
 *
 * The library's thread stores every message in the spool, which is when it is acknowledged; a worker
 * goes through the spool; the main thread looks after the connection. A program of its own, so that
 * no gateway carries SQLite and curl.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "collect/claim.h"
#include "collect/collector.h"
#include "collect/options.h"
#include "collect/report.h"
#include "command/command.h"
#include "format/crc32c.h"
#include "port/log.h"
#include "port/mqtt.h"
#include "port/notify.h"

#define RETRY_MS 1000
#define STEP_MS_MAX 60000
#define GAPS_MS 60000 /* between looks for missing batches */
#define STOP_MS 3000  /* to work through what is in the spool */
#define GOODBYE_MS 400
#define READY_MS 10000 /* the start is over, broker or not */

struct program {
    struct weir_collect_options options;
    struct weir_state state;
    struct weir_spool spool;
    struct weir_sink *sink;
    struct weir_collector collector;
    struct weir_mqtt *mqtt;
    struct weir_notify notify;
    bool ready; /* the service manager has heard */
    int64_t gaps_due_ms;
    int64_t gaps_logged;
};

static struct program program;

/* For the signal handler as well. */
static atomic_bool stopping;
static int wake_fd = -1; /* of the main thread */
static int work_fd = -1; /* of the worker */

static int64_t read_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void wake(int fd)
{
    const uint64_t one = 1;

    (void)!write(fd, &one, sizeof(one));
}

static void on_signal(int number)
{
    int error = errno;

    (void)number;
    atomic_store(&stopping, true);
    wake(wake_fd);
    wake(work_fd);
    errno = error;
}

/* On the library's thread; see the spool for why it waits for the disk. */
static void on_message(void *context, const struct weir_message *message)
{
    (void)context;
    if (!weir_part_has(&program.options.part, message->topic, message->topic_length))
        return;
    if (!weir_spool_put(&program.spool, message, read_ms(CLOCK_REALTIME), &stopping)) {
        weir_log_warning("stopped with a message that could not be stored; the broker keeps it");
        /* To return would be to acknowledge. */
        _exit(WEIR_EXIT_FAILED);
    }
    wake(work_fd);
}

static bool set_signals(void)
{
    struct sigaction stop = {.sa_handler = on_signal};

    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    work_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd >= 0 && work_fd >= 0 && signal(SIGPIPE, SIG_IGN) != SIG_ERR &&
        sigaction(SIGTERM, &stop, NULL) == 0 && sigaction(SIGINT, &stop, NULL) == 0)
        return true;
    weir_log_error("cannot start: %s", strerror(errno));
    return false;
}

static void set_filter(struct weir_mqtt_filter *filter, const char *rest)
{
    const char *group = program.options.group;

    *filter = (struct weir_mqtt_filter){.qos = 1};
    (void)snprintf(filter->text, sizeof(filter->text), "%s%s%sweir/v1/+/%s", group ? "$share/" : "",
                   group ? group : "", group ? "/" : "", rest);
}

static bool connect_broker(void)
{
    struct weir_mqtt_filter filters[3];
    const struct weir_mqtt_options options = {
        .label = "broker",
        .peer = &program.options.broker,
        .client_id = program.options.broker.client_id,
        .on_message = on_message,
        .wake_fd = wake_fd,
    };

    program.mqtt = weir_mqtt_create(&options);
    if (!program.mqtt)
        return false;
    set_filter(&filters[0], "batch");
    set_filter(&filters[1], "alert/+/+/event");
    set_filter(&filters[2], "alert/+/+/state");
    filters[2].retained = !program.options.group; /* of a shared subscription there are none */
    weir_mqtt_subscribe(program.mqtt, filters, program.options.alerts ? 3 : 1);
    return true;
}

static struct weir_sink *create_sink(void)
{
    const struct weir_collect_options *options = &program.options;

    switch (options->target) {
    case WEIR_COLLECT_SQLITE:
        return weir_sink_create_sqlite(&program.state);
    case WEIR_COLLECT_NDJSON:
        return weir_sink_create_file(&program.state, options->to, WEIR_SINK_NDJSON);
    case WEIR_COLLECT_LINE:
        return weir_sink_create_file(&program.state, options->to, WEIR_SINK_LINE);
    case WEIR_COLLECT_HTTP:
        break;
    }
    return weir_sink_create_http(options->to, options->token_file, &stopping);
}

/* A batch may be on its way still, or behind one made in the place of others; so this is a warning
 * only when it changes. */
static void log_gaps(int64_t now_ms)
{
    int64_t batches;
    int64_t gateways;

    if (now_ms < program.gaps_due_ms)
        return;
    program.gaps_due_ms = now_ms + GAPS_MS;
    if (weir_state_count_gaps(&program.state, &batches, &gateways) != WEIR_OK ||
        batches == program.gaps_logged)
        return;
    program.gaps_logged = batches;
    if (batches > 0)
        weir_log_warning("missing are %lld batches of %lld gateways; --report lists them",
                         (long long)batches, (long long)gateways);
    else
        weir_log_info("no batches are missing any more");
}

static void wait_for(int event_fd, int64_t timeout_ms)
{
    struct pollfd fd = {.fd = event_fd, .events = POLLIN};
    uint64_t count;

    if (poll(&fd, 1, timeout_ms > 0 ? (int)timeout_ms : 0) > 0)
        (void)!read(event_fd, &count, sizeof(count));
}

/* What arrives meanwhile is no reason to try again sooner. */
static void wait_for_stop(int64_t timeout_ms)
{
    int64_t end_ms = read_ms(CLOCK_BOOTTIME) + timeout_ms;

    while (!atomic_load(&stopping) && read_ms(CLOCK_BOOTTIME) < end_ms)
        wait_for(work_fd, end_ms - read_ms(CLOCK_BOOTTIME));
}

/* A wake is what the spool got since; nothing is left behind that was there before it. */
static void *work(void *unused)
{
    int64_t end_ms;

    (void)unused;
    while (!atomic_load(&stopping)) {
        enum weir_status status = weir_collector_step(&program.collector);

        log_gaps(read_ms(CLOCK_BOOTTIME));
        if (status == WEIR_FULL)
            wait_for_stop(RETRY_MS);
        else if (status == WEIR_REFUSED)
            wait_for(work_fd, GAPS_MS);
    }
    end_ms = read_ms(CLOCK_BOOTTIME) + STOP_MS;
    while (read_ms(CLOCK_BOOTTIME) < end_ms && weir_collector_step(&program.collector) == WEIR_OK)
        ;
    return NULL;
}

/* Tells the service manager once the subscriptions are made; a broker that is away must not hold up
 * who waits for us. There is no watchdog: while the disk is full the callback holds the library's
 * lock, and a new start would mend nothing. */
static void tell_ready(int64_t now_ms, int64_t ready_ms)
{
    if (!program.ready && (weir_mqtt_subscribed(program.mqtt) || now_ms >= ready_ms))
        program.ready = weir_notify_send(&program.notify, "READY=1");
}

static void run(void)
{
    int64_t ready_ms = read_ms(CLOCK_BOOTTIME) + READY_MS;

    while (!atomic_load(&stopping)) {
        int64_t now_ms = read_ms(CLOCK_BOOTTIME);
        int64_t wait_ms = weir_mqtt_step(program.mqtt, now_ms) - now_ms;

        tell_ready(now_ms, ready_ms);
        if (!program.ready && wait_ms > RETRY_MS)
            wait_ms = RETRY_MS;
        wait_for(wake_fd, wait_ms < STEP_MS_MAX ? wait_ms : STEP_MS_MAX);
    }
    (void)weir_notify_send(&program.notify, "STOPPING=1");
}

static void log_stop(void)
{
    const struct weir_collect_counts *counts = &program.collector.counts;

    weir_log_info("stopped; %llu batches, %llu rows, %llu alerts, %llu repeated, %llu held back, "
                  "%llu put aside",
                  (unsigned long long)counts->batches, (unsigned long long)counts->rows,
                  (unsigned long long)counts->alerts, (unsigned long long)counts->repeated,
                  (unsigned long long)counts->held, (unsigned long long)counts->damaged);
}

/* From the connection to its end. */
static bool serve(void)
{
    pthread_t worker;

    if (!connect_broker())
        return false;
    if (pthread_create(&worker, NULL, work, NULL) != 0) {
        weir_log_error("cannot start a thread");
        weir_mqtt_destroy(program.mqtt, 0);
        return false;
    }
    weir_log_info("collecting to %s as %s", program.options.to, program.options.broker.client_id);
    if (program.options.part.count > 1)
        weir_log_info("only part %u of %u; what gateways of the others send is theirs to store",
                      program.options.part.number, program.options.part.count);
    weir_notify_init(&program.notify);
    run();
    weir_notify_finish(&program.notify);
    weir_mqtt_destroy(program.mqtt, GOODBYE_MS);
    (void)pthread_join(worker, NULL);
    log_stop();
    return true;
}

static int report(void)
{
    bool done;

    if (access(program.options.state, R_OK) != 0) {
        weir_log_error("cannot read %s: %s", program.options.state, strerror(errno));
        return WEIR_EXIT_FAILED;
    }
    if (!weir_state_open(&program.state, program.options.state))
        return WEIR_EXIT_FAILED;
    done = weir_report_print(&program.state);
    weir_state_close(&program.state);
    return done ? WEIR_EXIT_DONE : WEIR_EXIT_FAILED;
}

static int collect(void)
{
    int result = WEIR_EXIT_FAILED;

    if (!set_signals() || !weir_state_open(&program.state, program.options.state))
        return result;
    weir_db_give_up_at(&program.state.db, &stopping);
    if (!weir_spool_open(&program.spool, program.options.state, program.options.name))
        goto error_state;
    if (!weir_claim_take(program.options.name, program.options.broker.url))
        goto error_spool;
    program.sink = create_sink();
    if (!program.sink)
        goto error_spool;
    if (!weir_collector_init(&program.collector, &program.state, program.sink, &program.spool))
        goto error_sink;
    if (serve())
        result = WEIR_EXIT_DONE;
    weir_collector_finish(&program.collector);
error_sink:
    program.sink->destroy(program.sink);
error_spool:
    weir_spool_close(&program.spool);
error_state:
    weir_state_close(&program.state);
    return result;
}

int main(int argc, char **argv)
{
    int result;

    weir_crc32c_init();
    if (!weir_collect_options_read(&program.options, argc, argv, &result))
        return result;
    return program.options.report ? report() : collect();
}
