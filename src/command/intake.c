#include "command/intake.h"

#include <unistd.h>

#include "core/assert.h"

void weir_intake_init(struct weir_intake *intake, struct weir_engine *engine,
                      struct weir_clock *clock, struct weir_journal *journal, int wake_fd)
{
    atomic_init(&intake->journal, journal);
    intake->clock = clock;
    pthread_mutex_init(&intake->lock, NULL);
    intake->engine = engine;
    intake->wake_fd = wake_fd;
    atomic_init(&intake->woken, false);
    atomic_init(&intake->unsynchronised, false);
    atomic_init(&intake->settle, NULL);
}

void weir_intake_set_settle(struct weir_intake *intake, void (*settle)(void *context),
                            void *context)
{
    intake->settle_context = context;
    atomic_store(&intake->settle, settle);
}

void weir_intake_finish(struct weir_intake *intake)
{
    pthread_mutex_destroy(&intake->lock);
}

void weir_intake_set_synchronised(struct weir_intake *intake, bool synchronised)
{
    atomic_store_explicit(&intake->unsynchronised, !synchronised, memory_order_relaxed);
}

static void wake_owner(struct weir_intake *intake)
{
    const uint64_t one = 1;

    if (!atomic_exchange(&intake->woken, true))
        (void)!write(intake->wake_fd, &one, sizeof(one));
}

static int64_t read_clock(void *context, int64_t *jump_ms)
{
    struct weir_intake *intake = context;

    return weir_clock_read(intake->clock, jump_ms);
}

bool weir_intake_note(struct weir_intake *intake, struct weir_record *record)
{
    enum weir_status status;

    do
        status = weir_journal_append(atomic_load(&intake->journal), record, read_clock, intake);
    while (status == WEIR_REFUSED);
    return status == WEIR_OK;
}

bool weir_intake_move(struct weir_intake *intake, struct weir_journal *journal)
{
    if (!weir_journal_close(intake->journal))
        return false;
    atomic_store(&intake->journal, journal);
    return true;
}

enum weir_status weir_intake_apply(struct weir_engine *engine, const struct weir_record *record)
{
    switch (record->kind) {
    case WEIR_RECORD_MESSAGE:
        if (weir_engine_advance(engine, record->time_ms) != WEIR_OK)
            return WEIR_FULL;
        return weir_engine_accept(engine, &record->message);
    case WEIR_RECORD_TICK:
        return weir_engine_advance(engine, record->time_ms);
    case WEIR_RECORD_STEP:
        return weir_engine_step_clock(engine, record->time_ms, record->step_ms, true);
    case WEIR_RECORD_PAUSE:
        if (weir_engine_step_clock(engine, record->time_ms, record->step_ms, false) != WEIR_OK)
            return WEIR_FULL;
        weir_engine_resume(engine, record->step_ms);
        break;
    case WEIR_RECORD_LINK:
        if (weir_engine_advance(engine, record->time_ms) != WEIR_OK)
            return WEIR_FULL;
        weir_engine_set_link(engine, record->up);
        break;
    case WEIR_RECORD_COMMAND:
        /* One that is refused changes nothing; who asked is answered by who noted it. */
        if (weir_engine_advance(engine, record->time_ms) != WEIR_OK ||
            weir_engine_command(engine, &record->command) == WEIR_FULL)
            return WEIR_FULL;
        break;
    case WEIR_RECORD_LOSSES:
        weir_engine_note_losses(engine, &record->losses);
        break;
    case WEIR_RECORD_EPOCH:
        weir_engine_set_epoch(engine, record->epoch);
        break;
    case WEIR_RECORD_RESERVE:
        weir_engine_reserve(engine, record->number);
        break;
    case WEIR_RECORD_SETTLE:
        weir_engine_settle(engine, record->number > 0);
        break;
    default:
        break;
    }
    return WEIR_OK;
}

/* Follows the log as long as nothing but the messages themselves is due. */
static void follow_quietly(struct weir_intake *intake)
{
    struct weir_engine *engine = intake->engine;
    struct weir_record record;

    while (weir_journal_peek(intake->journal, &record)) {
        if (record.kind != WEIR_RECORD_MESSAGE || record.time_ms >= weir_engine_deadline(engine) ||
            weir_engine_pending(engine) || weir_intake_apply(engine, &record) != WEIR_OK)
            break;
        weir_journal_consume(intake->journal);
    }
}

static bool is_behind(const struct weir_intake *intake)
{
    return weir_journal_consumed(intake->journal) != weir_journal_end(intake->journal);
}

/* True: the owner has something to do. */
static bool try_follow(struct weir_intake *intake)
{
    bool waiting;

    if (pthread_mutex_trylock(&intake->lock) != 0)
        return true;
    follow_quietly(intake);
    waiting = weir_engine_pending(intake->engine) || is_behind(intake);
    pthread_mutex_unlock(&intake->lock);
    return waiting;
}

void weir_intake_accept(void *context, const struct weir_message *message)
{
    struct weir_intake *intake = context;
    struct weir_record record = {.kind = WEIR_RECORD_MESSAGE, .message = *message};
    void (*settle)(void *context);

    record.message.unsynchronised =
        atomic_load_explicit(&intake->unsynchronised, memory_order_relaxed);
    if (!weir_intake_note(intake, &record) || try_follow(intake))
        wake_owner(intake);
    settle = atomic_load(&intake->settle);
    if (settle)
        settle(intake->settle_context);
}

struct weir_engine *weir_intake_lock(struct weir_intake *intake)
{
    atomic_store(&intake->woken, false);
    pthread_mutex_lock(&intake->lock);
    return intake->engine;
}

void weir_intake_unlock(struct weir_intake *intake)
{
    pthread_mutex_unlock(&intake->lock);
}

/* Outputs are taken before the next record: what is in a batch, and of when, must not hang on how
 * far the log had been followed. */
enum weir_intake_stop weir_intake_follow(struct weir_intake *intake)
{
    struct weir_record record;

    while (!weir_engine_pending(intake->engine) && weir_journal_peek(intake->journal, &record)) {
        if (record.kind == WEIR_RECORD_CONFIG)
            return WEIR_INTAKE_CONFIG;
        if (weir_intake_apply(intake->engine, &record) != WEIR_OK)
            return WEIR_INTAKE_OUTPUTS;
        weir_journal_consume(intake->journal);
    }
    return weir_engine_pending(intake->engine) ? WEIR_INTAKE_OUTPUTS : WEIR_INTAKE_IDLE;
}

enum weir_intake_stop weir_intake_step(struct weir_intake *intake)
{
    for (;;) {
        enum weir_intake_stop stop = weir_intake_follow(intake);
        struct weir_record tick = {.kind = WEIR_RECORD_TICK};

        if (stop != WEIR_INTAKE_IDLE ||
            weir_clock_now(intake->clock) < weir_engine_deadline(intake->engine))
            return stop;
        (void)weir_intake_note(intake, &tick);
    }
}

void weir_intake_use(struct weir_intake *intake, struct weir_engine *engine)
{
    intake->engine = engine;
}

void weir_intake_pass_config(struct weir_intake *intake, struct weir_engine *engine)
{
    assert(!weir_engine_pending(intake->engine));
    intake->engine = engine;
    weir_journal_consume(intake->journal);
}
