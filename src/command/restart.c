/* The state of the process before, if storage brings it, or a beginning. */
#include <inttypes.h>
#include <sys/random.h>
#include <time.h>

#include "command/daemon.h"
#include "port/config.h"
#include "port/log.h"

/* For opening the storage: afterwards the start goes on without. */
#define OPEN_WAIT_MS 10000

static uint64_t draw_epoch(void)
{
    uint64_t epoch = 0;

    if (getrandom(&epoch, sizeof(epoch), 0) != sizeof(epoch))
        epoch = (uint64_t)weir_daemon_boottime_ms();
    return epoch;
}

/* The log without storage: in memory of our own. */
static bool start_in_memory(struct weir_daemon *daemon, const struct weir_config *config)
{
    uint64_t segment = WEIR_SEGMENT_BYTES_MIN;
    const struct weir_log_place start = {0};
    struct weir_journal_options options = {
        .ring_bytes = (config->queue_bytes + segment - 1) / segment * segment,
        .segment_bytes = segment,
        .store = daemon->epoch,
    };

    daemon->ring_bytes = options.ring_bytes;
    daemon->ring = weir_storage_map_ring(options.ring_bytes);
    if (!daemon->ring) {
        weir_log_error("cannot have %" PRIu64 " bytes of memory for the log", options.ring_bytes);
        return false;
    }
    options.memory = daemon->ring;
    daemon->journal = &daemon->memory_journal;
    weir_journal_init(daemon->journal, &options, &start, &start);
    return true;
}

static void start_on_disk(struct weir_daemon *daemon, const struct weir_recovery *recovery)
{
    const struct weir_journal_options options =
        weir_recovery_journal(&daemon->storage, daemon->storage.run);
    const struct weir_log_place *start = recovery->running ? &recovery->ring : &recovery->last;

    daemon->journal = &daemon->stored_journal;
    weir_segments_start(&daemon->storage.segments, recovery->ring.position);
    weir_journal_init(daemon->journal, &options, start, &recovery->last);
    weir_journal_hold(daemon->journal, recovery->ring.position);
}

void weir_daemon_begin_epoch(struct weir_daemon *daemon)
{
    struct weir_record record = {.kind = WEIR_RECORD_EPOCH, .epoch = draw_epoch()};

    weir_intake_lock(&daemon->intake);
    do
        weir_daemon_step_engine(daemon);
    while (!weir_intake_note(&daemon->intake, &record));
    weir_daemon_step_engine(daemon);
    weir_intake_unlock(&daemon->intake);
}

static void wait_synced(void *context)
{
    weir_keeper_wait_synced(context);
}

static void start_keeper(struct weir_daemon *daemon, const struct weir_recovery *recovery,
                         int64_t sync_ms)
{
    daemon->keeper =
        weir_keeper_create(&daemon->storage, &daemon->stored_journal, sync_ms, daemon->wake_fd);
    if (!daemon->keeper)
        return;
    weir_keeper_condemn(daemon->keeper, recovery->bad, recovery->bad_count);
    if (sync_ms == 0)
        weir_intake_set_settle(&daemon->intake, wait_synced, daemon->keeper);
}

/* Everything that the engine's outputs go to; the connections come later. */
static bool start_outputs(struct weir_daemon *daemon)
{
    const struct weir_config *config = daemon->running->config;

    daemon->publisher = weir_publisher_create(&daemon->intake, config);
    return daemon->publisher &&
           (config->uplink.url[0] == '\0' || weir_daemon_create_uplink(daemon, config));
}

/* The time in which no process was there is no silence, and no error of the clock. However short it
 * was, what alerts stand on is from before. */
static void resume_clock(struct weir_daemon *daemon)
{
    struct weir_record pause = {.kind = WEIR_RECORD_PAUSE};

    weir_clock_resume(&daemon->clock, daemon->journal->end_ms);
    (void)weir_clock_read(&daemon->clock, &pause.step_ms);
    (void)weir_intake_note(&daemon->intake, &pause);
}

/* What was lost is in the log; what this process counted while it followed it, is again. */
static void settle_losses(struct weir_daemon *daemon, const struct weir_recovery *recovery)
{
    daemon->base = daemon->losses;
    daemon->base.events_dropped -= weir_publisher_dropped(daemon->publisher);
    daemon->base.journal_lost += recovery->lost;
}

/* Goes on from what was found, and over to the configuration of today. */
static bool go_on(struct weir_daemon *daemon, struct weir_recovery *recovery,
                  struct weir_config *config)
{
    struct weir_engine_numbers numbers;
    struct weir_running *next;
    bool reusable;

    if (recovery->extra)
        weir_publisher_restore(daemon->publisher, recovery->extra, recovery->extra_bytes);
    for (int i = 0; daemon->uplink && i < WEIR_DONE_EPOCH_COUNT_MAX; i++)
        weir_uplink_note_done(daemon->uplink, recovery->done.entries[i].epoch,
                              recovery->done.entries[i].sequence);
    weir_engine_ledger(&daemon->running->engine, &daemon->losses);
    daemon->log_epoch = recovery->epoch;
    weir_daemon_replay_log(daemon, recovery);
    weir_engine_reserved(&daemon->running->engine, &numbers);
    weir_keeper_put_numbers(daemon->keeper, &numbers);
    resume_clock(daemon);
    settle_losses(daemon, recovery);
    daemon->events_done = weir_publisher_events_done(daemon->publisher);
    daemon->batches_done = recovery->done;
    /* What was made twice from logs that differ must not pass for the same. */
    reusable = recovery->damaged == 0 && !daemon->replay_damaged && !daemon->replay_moved &&
               (config->storage_sync_ms >= 0 || daemon->storage.closed ||
                (recovery->ring_found && !daemon->storage.ring_on_disk));
    if (!reusable)
        weir_daemon_begin_epoch(daemon);
    next = weir_running_create(config, daemon->epoch);
    if (!next)
        return false;
    if (!reusable || next->image != daemon->running->image)
        weir_keeper_want_snapshot(daemon->keeper);
    if (next->image == daemon->running->image)
        weir_running_destroy(next);
    else if (!weir_daemon_change(daemon, next, false))
        return false;
    weir_publisher_forget_removals(daemon->publisher);
    return true;
}

/* A store without a state: the log begins with the configuration. */
static void begin_afresh(struct weir_daemon *daemon)
{
    struct weir_record record = {
        .kind = WEIR_RECORD_CONFIG,
        .hash = daemon->running->image,
        .epoch = weir_engine_epoch(&daemon->running->engine),
    };
    bool first = weir_journal_end(daemon->journal) == 0;

    weir_keeper_follow(daemon->keeper);
    weir_keeper_put_config(daemon->keeper, daemon->running);
    weir_intake_lock(&daemon->intake);
    /* No tick before it: a log without a snapshot is followed from its first record, if that is the
     * configuration. */
    do
        while (weir_intake_follow(&daemon->intake) == WEIR_INTAKE_OUTPUTS)
            weir_daemon_take_outputs(daemon);
    while (!weir_intake_note(&daemon->intake, &record));
    while (weir_intake_follow(&daemon->intake) != WEIR_INTAKE_CONFIG)
        weir_daemon_take_outputs(daemon);
    weir_intake_pass_config(&daemon->intake, &daemon->running->engine);
    weir_intake_unlock(&daemon->intake);
    if (!first)
        weir_keeper_want_snapshot(daemon->keeper);
}

/* A clock that once was far ahead leaves a state that would wait for its time to come. */
static bool is_of_the_future(const struct weir_recovery *recovery)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (!weir_clock_synchronised() ||
        recovery->last.time_ms - (int64_t)now.tv_sec * 1000 < WEIR_CLOCK_DISBELIEF_MS)
        return false;
    weir_log_error("storage: the state is of a time that is still to come; it is begun anew, open "
                   "windows are lost");
    return true;
}

static bool start_with_storage(struct weir_daemon *daemon, struct weir_config *config)
{
    struct weir_recovery recovery;
    bool recovered;
    bool good;

    weir_recovery_begin(&recovery, &daemon->storage);
    if (recovery.running && is_of_the_future(&recovery)) {
        weir_running_destroy(recovery.running);
        recovery.running = NULL;
    }
    recovered = recovery.running != NULL;
    daemon->running = recovered ? recovery.running : weir_running_create(config, daemon->epoch);
    if (!daemon->running)
        return false;
    start_on_disk(daemon, &recovery);
    weir_intake_init(&daemon->intake, &daemon->running->engine, &daemon->clock, daemon->journal,
                     daemon->wake_fd);
    start_keeper(daemon, &recovery, config->storage_sync_ms);
    good = daemon->keeper && start_outputs(daemon);
    if (good && recovered)
        good = go_on(daemon, &recovery, config);
    else if (good)
        begin_afresh(daemon);
    if (good)
        weir_publisher_set_storage(daemon->publisher, "good");
    weir_recovery_finish(&recovery);
    return good;
}

/* Waits for the storage as long as alarms can wait for it. */
static bool open_storage(struct weir_daemon *daemon, const struct weir_config *config)
{
    daemon->opening = weir_opening_create(config, &daemon->storage, daemon->wake_fd);
    if (!daemon->opening)
        return false;
    weir_opening_wait(daemon->opening, OPEN_WAIT_MS);
    if (!weir_opening_step(daemon->opening, weir_daemon_boottime_ms()))
        return false;
    weir_opening_destroy(daemon->opening);
    daemon->opening = NULL;
    return true;
}

bool weir_daemon_start_state(struct weir_daemon *daemon, struct weir_config *config)
{
    bool stored = config->storage_path[0] != '\0';

    daemon->epoch = draw_epoch();
    weir_clock_init(&daemon->clock);
    if (stored && open_storage(daemon, config))
        return start_with_storage(daemon, config);
    if (daemon->opening && weir_opening_in_use(daemon->opening)) {
        weir_opening_destroy(daemon->opening);
        weir_config_destroy(config);
        return false;
    }
    daemon->running = weir_running_create(config, daemon->epoch);
    if (!daemon->running || !start_in_memory(daemon, config))
        return false;
    weir_intake_init(&daemon->intake, &daemon->running->engine, &daemon->clock, daemon->journal,
                     daemon->wake_fd);
    if (!start_outputs(daemon))
        return false;
    if (stored) {
        weir_log_error(
            "storage: tried again every ten seconds; until then everything is in memory");
        weir_publisher_set_storage(daemon->publisher, "cannot be opened");
    }
    return true;
}

/* Under the lock: leaves the log in memory for the one on disk. */
static void move_log(struct weir_daemon *daemon)
{
    struct weir_journal *memory = daemon->journal;

    do
        weir_daemon_step_engine(daemon);
    while (!weir_intake_move(&daemon->intake, &daemon->stored_journal));
    daemon->base.queue_dropped += weir_journal_refused(memory);
}

void weir_daemon_attach_storage(struct weir_daemon *daemon)
{
    const struct weir_config *config = daemon->running->config;
    struct weir_recovery recovery;

    weir_recovery_find_end(&recovery, &daemon->storage);
    start_on_disk(daemon, &recovery);
    daemon->journal = &daemon->memory_journal;
    start_keeper(daemon, &recovery, config->storage_sync_ms);
    if (!daemon->keeper) {
        weir_storage_close(&daemon->storage, false);
        return;
    }
    weir_intake_lock(&daemon->intake);
    move_log(daemon);
    daemon->journal = &daemon->stored_journal;
    weir_intake_unlock(&daemon->intake);
    begin_afresh(daemon);
    weir_keeper_want_snapshot(daemon->keeper);
    if (daemon->uplink)
        weir_uplink_use_keeper(daemon->uplink, daemon->keeper);
    weir_publisher_set_storage(daemon->publisher, "good");
    weir_log_info("storage: %s is there now, and used; an earlier process' open windows are not "
                  "gone on with",
                  config->storage_path);
}
