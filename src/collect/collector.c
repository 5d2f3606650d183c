#include "collect/collector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/log.h"

#define ROOT "weir/v1/"

/* Between looks for what nobody will ask for any more. */
#define EXPIRE_MS ((int64_t)3600 * 1000)

bool weir_collector_init(struct weir_collector *collector, struct weir_state *state,
                         struct weir_sink *sink, struct weir_spool *spool)
{
    memset(collector, 0, sizeof(*collector));
    collector->state = state;
    collector->sink = sink;
    collector->spool = spool;
    collector->tracks = weir_tracks_create();
    collector->reader = weir_collect_reader_create();
    weir_alert_reader_init(&collector->alerts);
    if (collector->tracks && collector->reader)
        return true;
    weir_log_error("out of memory");
    weir_collector_finish(collector);
    return false;
}

void weir_collector_finish(struct weir_collector *collector)
{
    weir_tracks_destroy(collector->tracks);
    weir_collect_reader_destroy(collector->reader);
}

static enum weir_status put_aside(struct weir_collector *collector,
                                  const struct weir_spool_message *message, const char *problem)
{
    collector->counts.damaged++;
    return weir_state_put_aside(collector->state, message->topic, problem, message->payload,
                                message->payload_length, message->arrived_ms);
}

/* WEIR_REFUSED: a name is missing. */
static enum weir_status name_rows(struct weir_collector *collector, int64_t source)
{
    struct weir_collect_batch *batch = &collector->batch;
    enum weir_status status = WEIR_OK;

    for (uint32_t i = 0; status == WEIR_OK && i < batch->row_count; i++)
        if (!batch->rows[i].track)
            status = weir_state_find_track(collector->state, collector->tracks, source, batch,
                                           &batch->rows[i]);
    return status;
}

static enum weir_status give_rows(struct weir_collector *collector, int64_t source)
{
    const struct weir_collect_batch *batch = &collector->batch;
    struct weir_sink *sink = collector->sink;
    enum weir_status status = WEIR_OK;

    if (collector->refusal)
        return WEIR_OK;
    for (uint32_t i = 0; status == WEIR_OK && i < batch->row_count; i++)
        status = sink->accept_row(sink, batch, source, &batch->rows[i]);
    collector->counts.rows += batch->row_count;
    return status == WEIR_OK ? sink->accept_ledger(sink, batch) : status;
}

static enum weir_status keep_names(struct weir_collector *collector, int64_t source, bool *fresh)
{
    const struct weir_collect_batch *batch = &collector->batch;
    enum weir_status status = WEIR_OK;

    for (uint32_t i = 0; status == WEIR_OK && i < batch->name_count; i++)
        status =
            weir_state_keep_name(collector->state, source, batch->table, &batch->names[i], fresh);
    return status;
}

static enum weir_status give_batch(struct weir_collector *collector,
                                   const struct weir_spool_message *message, int64_t source)
{
    uint64_t table = collector->batch.table;
    bool compact = collector->batch.compact;
    bool fresh = false;
    int64_t aside = 0;
    enum weir_status status = keep_names(collector, source, &fresh);

    if (status == WEIR_OK)
        status = name_rows(collector, source);
    if (status == WEIR_OK) {
        status = give_rows(collector, source);
    } else if (status == WEIR_REFUSED) {
        collector->counts.held++;
        status = weir_state_hold(collector->state, source, table, message->payload,
                                 message->payload_length, message->arrived_ms, &aside);
        collector->counts.damaged += (uint64_t)aside;
    }
    if (status != WEIR_OK || !compact || !fresh)
        return status;
    return weir_state_release_held(collector->state, source, table);
}

static enum weir_status accept_batch(struct weir_collector *collector,
                                     const struct weir_spool_message *message, const char *gateway,
                                     size_t gateway_length)
{
    struct weir_collect_batch *batch = &collector->batch;
    const char *problem = weir_collect_reader_read(
        collector->reader, collector->tracks, message->payload, message->payload_length, batch);
    enum weir_status status;
    int64_t source;

    if (!problem && (strlen(batch->gateway) != gateway_length ||
                     memcmp(batch->gateway, gateway, gateway_length) != 0))
        problem = "it names another gateway than its topic";
    if (problem)
        return put_aside(collector, message, problem);
    status = weir_state_find_source(collector->state, batch->gateway, batch->epoch, &source);
    if (status != WEIR_OK)
        return status;
    status = weir_state_note_batch(collector->state, source, batch, message->arrived_ms);
    if (status == WEIR_REFUSED) {
        collector->counts.repeated++;
        return WEIR_OK;
    }
    if (status == WEIR_OK && collector->refusal)
        status = put_aside(collector, message, collector->refusal);
    collector->counts.batches++;
    return status == WEIR_OK ? give_batch(collector, message, source) : status;
}

static enum weir_status keep_event(struct weir_collector *collector,
                                   const struct weir_spool_message *message,
                                   const struct weir_collect_alert *event)
{
    enum weir_status status = weir_state_note_alert(collector->state, event);

    if (status == WEIR_REFUSED) {
        collector->counts.repeated++;
        return WEIR_OK;
    }
    collector->counts.alerts++;
    if (status == WEIR_OK && collector->refusal)
        return put_aside(collector, message, collector->refusal);
    return status == WEIR_OK ? collector->sink->accept_alert(collector->sink, event) : status;
}

static enum weir_status accept_alert(struct weir_collector *collector,
                                     const struct weir_spool_message *message, const char *gateway,
                                     size_t gateway_length, bool is_event)
{
    struct weir_collect_alert alert;

    if (!is_event && message->payload_length == 0)
        return weir_state_remove_alert(collector->state, message->topic);
    if (!weir_alert_reader_read(&collector->alerts, message->payload, message->payload_length,
                                &alert) ||
        (is_event && alert.event[0] == '\0'))
        return put_aside(collector, message,
                         is_event ? "it is no alert event" : "it is no state of an alert");
    if (strlen(alert.gateway) != gateway_length ||
        memcmp(alert.gateway, gateway, gateway_length) != 0)
        return put_aside(collector, message, "it names another gateway than its topic");
    return is_event ? keep_event(collector, message, &alert)
                    : weir_state_set_alert(collector->state, message->topic, &alert);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);

    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static enum weir_status accept(struct weir_collector *collector,
                               const struct weir_spool_message *message)
{
    const char *gateway = message->topic + strlen(ROOT);
    const char *rest =
        strncmp(message->topic, ROOT, strlen(ROOT)) == 0 ? strchr(gateway, '/') : NULL;

    if (!rest)
        return put_aside(collector, message, "its topic is not one of weir's");
    if (strcmp(rest, "/batch") == 0)
        return accept_batch(collector, message, gateway, (size_t)(rest - gateway));
    return accept_alert(collector, message, gateway, (size_t)(rest - gateway),
                        ends_with(rest, "/event"));
}

static void complain(struct weir_collector *collector)
{
    const char *problem = collector->sink->problem;

    if (!collector->complained)
        weir_log_error("cannot store, and will try again: %s",
                       problem[0] != '\0' ? problem : weir_db_problem(&collector->state->db));
    collector->complained = true;
}

static void undo(struct weir_collector *collector, const struct weir_collect_counts *before)
{
    weir_state_undo(collector->state);
    collector->sink->undo(collector->sink);
    weir_spool_restore(collector->spool);
    weir_tracks_clear(collector->tracks);
    collector->counts = *before;
}

/* Takes some messages of the spool, in a transaction that is begun if there are any. */
static enum weir_status take_messages(struct weir_collector *collector, bool *begun)
{
    enum weir_status status = WEIR_OK;
    struct weir_spool_message message;

    for (unsigned i = 0; i < collector->sink->message_count_max; i++) {
        status = weir_spool_take(collector->spool, &message);
        if (status == WEIR_REFUSED)
            break;
        if (status == WEIR_FULL)
            (void)snprintf(collector->sink->problem, sizeof(collector->sink->problem), "%s",
                           weir_db_problem(&collector->spool->reading));
        if (status == WEIR_OK && !*begun)
            status = weir_state_begin(collector->state);
        if (status == WEIR_OK)
            status = accept(collector, &message);
        if (status != WEIR_OK)
            return status;
        *begun = true;
        collector->newest_ms = message.arrived_ms;
    }
    return WEIR_OK;
}

/* A batch held back, whose names may be there now. */
static enum weir_status accept_held(struct weir_collector *collector,
                                    const struct weir_state_held *held)
{
    const char *problem = weir_collect_reader_read(
        collector->reader, collector->tracks, collector->held, held->length, &collector->batch);
    enum weir_status status = problem ? WEIR_OK : name_rows(collector, held->source);

    if (status == WEIR_REFUSED)
        return weir_state_pass_released(collector->state, held->id);
    if (status == WEIR_OK && !problem)
        problem = collector->refusal;
    if (status == WEIR_OK && problem) {
        collector->counts.damaged++;
        return weir_state_put_held_aside(collector->state, held->id, problem);
    }
    if (status == WEIR_OK)
        status = give_rows(collector, held->source);
    return status == WEIR_OK ? weir_state_remove_held(collector->state, held->id) : status;
}

/* The same, of batches held back. Another collector may be at them as well: what there is, is looked
 * for anew when the transaction has begun. */
static enum weir_status take_held(struct weir_collector *collector, bool *begun)
{
    struct weir_state *state = collector->state;
    struct weir_state_held held;
    enum weir_status status =
        weir_state_next_released(state, &held, collector->held, sizeof(collector->held));

    if (status != WEIR_OK)
        return status == WEIR_REFUSED ? WEIR_OK : status;
    status = weir_state_begin(state);
    *begun = status == WEIR_OK;
    for (unsigned i = 0; status == WEIR_OK; i++) {
        status = weir_state_next_released(state, &held, collector->held, sizeof(collector->held));
        if (status == WEIR_OK && i == collector->sink->message_count_max)
            return WEIR_OK;
        if (status == WEIR_OK)
            status = accept_held(collector, &held);
    }
    return status == WEIR_REFUSED ? weir_state_end_release(state) : status;
}

/* *begun: whether there was anything to take. */
static enum weir_status work(struct weir_collector *collector,
                             enum weir_status (*take)(struct weir_collector *, bool *), bool *begun)
{
    struct weir_sink *sink = collector->sink;
    enum weir_status status = sink->begin ? sink->begin(sink) : WEIR_OK;

    *begun = false;
    if (status == WEIR_OK)
        status = take(collector, begun);
    if (status == WEIR_OK && *begun && !collector->refusal)
        status = sink->finish(sink);
    return status == WEIR_OK && *begun ? weir_state_commit(collector->state) : status;
}

/* A transaction, or none: WEIR_REFUSED. */
static enum weir_status transact(struct weir_collector *collector,
                                 enum weir_status (*take)(struct weir_collector *, bool *))
{
    struct weir_collect_counts before = collector->counts;
    char refusal[sizeof(collector->sink->problem)];
    enum weir_status status;
    bool begun;

    collector->sink->problem[0] = '\0';
    status = work(collector, take, &begun);
    if (status == WEIR_REFUSED) {
        /* What a target will never take must not stop what comes behind. */
        undo(collector, &before);
        memcpy(refusal, collector->sink->problem, sizeof(refusal));
        collector->refusal = refusal;
        weir_log_error("the target refuses what it is sent; it is put aside: %s", refusal);
        status = work(collector, take, &begun);
        collector->refusal = NULL;
    }
    if (status != WEIR_OK) {
        complain(collector);
        undo(collector, &before);
        return WEIR_FULL;
    }
    return begun ? WEIR_OK : WEIR_REFUSED;
}

/* By the time at which messages arrive. A failure is tried again at the next step. */
static void expire(struct weir_collector *collector)
{
    int64_t since_ms = collector->newest_ms - collector->expired_ms;
    struct weir_state_expired expired = {0};

    if (since_ms >= 0 && since_ms < EXPIRE_MS)
        return;
    if (weir_state_begin(collector->state) != WEIR_OK ||
        weir_state_expire(collector->state, collector->newest_ms, &expired) != WEIR_OK ||
        weir_state_commit(collector->state) != WEIR_OK) {
        weir_state_undo(collector->state);
        return;
    }
    collector->expired_ms = collector->newest_ms;
    collector->counts.damaged += (uint64_t)expired.held;
    if (expired.held > 0)
        weir_log_warning("put aside %lld batches whose names never came", (long long)expired.held);
    if (expired.names > 0 || expired.damaged > 0)
        weir_log_info(
            "removed %lld names of numberings that ended, and %lld messages that were put "
            "aside long ago",
            (long long)expired.names, (long long)expired.damaged);
}

enum weir_status weir_collector_step(struct weir_collector *collector)
{
    enum weir_status messages = transact(collector, take_messages);
    enum weir_status held = WEIR_REFUSED;

    if (messages == WEIR_OK)
        weir_spool_release(collector->spool);
    if (messages != WEIR_FULL)
        held = transact(collector, take_held);
    if (messages == WEIR_FULL || held == WEIR_FULL)
        return WEIR_FULL;
    if (messages == WEIR_REFUSED && held == WEIR_REFUSED)
        return WEIR_REFUSED;
    if (collector->complained)
        weir_log_info("storing again");
    collector->complained = false;
    expire(collector);
    return WEIR_OK;
}
