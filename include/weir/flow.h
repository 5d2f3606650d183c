/*
 * What flows through weir, in the order in which it moves: a message comes in, carries samples,
 * which become summaries and alerts; the ledger counts them all.
 *
 * Times are int64_t milliseconds since the Unix epoch, UTC, unless a name says otherwise. Plain
 * structs, no ownership: pointers are borrowed for the length of the call they are passed to.
 */
#ifndef WEIR_FLOW_H
#define WEIR_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The outcome of a call that the world can make fail. */
enum weir_status {
    WEIR_OK = 0,
    WEIR_FULL,    /* no room now: take what is waiting, then call again with the same arguments */
    WEIR_REFUSED, /* the input is not what it has to be; nothing was changed */
};

/* One MQTT message as it arrived. Neither text is NUL-terminated. */
struct weir_message {
    const char *topic;
    size_t topic_length;
    const char *payload;
    size_t payload_length;
    int64_t arrived_ms;
    uint16_t packet_id;  /* of QoS 1 and 2; 0: none */
    bool retained;       /* an old value: it counts in windows, it never moves an alert */
    bool duplicate;      /* the sender says that it may have sent it before */
    bool unsynchronised; /* arrived before the clock was known to be right */
};

/* One valid value of one field, of one series. */
struct weir_sample {
    int64_t time_ms;
    double value;
};

/* The order is the order in which aggregates are written. */
enum weir_aggregate {
    WEIR_AGGREGATE_COUNT,
    WEIR_AGGREGATE_SUM,
    WEIR_AGGREGATE_MIN,
    WEIR_AGGREGATE_MAX,
    WEIR_AGGREGATE_MEAN,
    WEIR_AGGREGATE_STDDEV,
    WEIR_AGGREGATE_FIRST,
    WEIR_AGGREGATE_LAST,
    WEIR_AGGREGATE_DELTA,
    WEIR_AGGREGATE_RATE,
    WEIR_AGGREGATE_KIND_COUNT,
};

/*
 * A window of one field of one series, closed: [start_ms, end_ms). Names are found through the
 * pipeline: stream and field index the configuration, series the stream.
 */
struct weir_summary {
    uint32_t stream;
    uint32_t series;
    uint16_t field;
    uint16_t doubted;  /* 1: its times are of arrival, by a clock that was not known to be right */
    uint32_t revision; /* 0 for the first row of this field and window, +1 for each late sample */
    int64_t start_ms;
    int64_t end_ms;
    int64_t first_ms; /* event time of first and of last */
    int64_t last_ms;
    uint64_t count; /* at least 1 */
    double sum;
    double min;
    double max;
    double mean;
    double stddev; /* population; 0 for one sample */
    double first;
    double last;
};

/* What an aggregate comes to; NaN where it does not exist: the rate of one instant. */
double weir_summary_value(const struct weir_summary *summary, enum weir_aggregate aggregate);

/* Puts its times right, which were in doubt: they are later by step_ms. */
void weir_summary_correct(struct weir_summary *summary, int64_t step_ms);

enum weir_level {
    WEIR_LEVEL_OK,
    WEIR_LEVEL_INFO,
    WEIR_LEVEL_WARNING,
    WEIR_LEVEL_CRITICAL,
    WEIR_LEVEL_COUNT,
};

/* Where the condition of one rule on one series stands. */
enum weir_condition {
    WEIR_CONDITION_UNKNOWN, /* no sample yet */
    WEIR_CONDITION_OK,
    WEIR_CONDITION_PENDING,  /* beyond the limit of a higher level, `hold` not over yet */
    WEIR_CONDITION_ACTIVE,   /* raised */
    WEIR_CONDITION_CLEARING, /* back inside, `clear_delay` not over yet */
};

/* How far the value behind a state can be trusted. It freezes the condition, it never ends one. */
enum weir_quality {
    WEIR_QUALITY_GOOD,
    WEIR_QUALITY_STALE, /* nothing heard for `silent`, or since a restart */
    WEIR_QUALITY_BAD,   /* the newest value was invalid */
};

enum weir_event {
    WEIR_EVENT_NONE, /* the state changed without a transition that is announced */
    WEIR_EVENT_RAISED,
    WEIR_EVENT_ESCALATED,
    WEIR_EVENT_DEESCALATED,
    WEIR_EVENT_CLEARED,
    WEIR_EVENT_STALE,
    WEIR_EVENT_FRESH,
    WEIR_EVENT_REMINDER,
    WEIR_EVENT_FLAPPING,
    WEIR_EVENT_FLAP_END,
    WEIR_EVENT_REMOVED,
    WEIR_EVENT_STORM,     /* of a whole rule: its events are held back from here on */
    WEIR_EVENT_STORM_END, /* and are given out again */
};

/* Which way a value is held against a limit. */
enum weir_operator {
    WEIR_OPERATOR_ABOVE,   /* raised above it, back at or below limit - deadband */
    WEIR_OPERATOR_BELOW,   /* raised below it, back at or above limit + deadband */
    WEIR_OPERATOR_OUTSIDE, /* raised outside [low, high], back inside by the deadband */
    WEIR_OPERATOR_INSIDE,  /* raised inside [low, high], back outside by the deadband */
};

/* The series of an event that is about all series of its rule. Such an alert has no level, value or
 * condition; its limit is the count that was passed, and id and sequence are the rule's own. */
#define WEIR_SERIES_ALL UINT32_MAX

/* The whole state of one rule on one series, with the event that brought it about, if one did. */
struct weir_alert {
    uint32_t rule;   /* index of the configuration's rules */
    uint32_t series; /* of the rule's stream; WEIR_SERIES_ALL with a storm's events */
    enum weir_event event;
    enum weir_level level;
    enum weir_condition condition;
    enum weir_quality quality;
    int64_t time_ms;   /* event time of the sample behind this state; else when it came about */
    int64_t since_ms;  /* when the condition behind `level` began */
    double value;      /* what was judged: the sample's value, an aggregate, a slope, a silence */
    double limit;      /* the limit it was held against */
    uint64_t id;       /* one occurrence, raise to clear; 0 before the first */
    uint64_t sequence; /* rises by one with every event of this rule and series */
    int64_t shelved_until_ms; /* 0: it is not shelved */
    uint32_t reminders;       /* given out in this occurrence */
    uint32_t ignored;   /* samples that were late, repeated or historical, and moved nothing */
    uint64_t held_back; /* with WEIR_EVENT_STORM_END: events that the storm held back */
    bool acknowledged;
    bool latched;  /* the condition is over: only an acknowledgement is awaited */
    bool flapping; /* events are held back until it has calmed down */
    bool restored; /* from before a restart: no sample has confirmed it yet */
};

enum weir_command_kind {
    WEIR_COMMAND_ACKNOWLEDGE, /* the occurrence `id` has been seen by somebody */
    WEIR_COMMAND_SHELVE,      /* no events for duration_ms; the state goes on */
    WEIR_COMMAND_UNSHELVE,
    WEIR_COMMAND_RESTORE, /* a state that an earlier process told of, where none is known */
};

/* What an operator wants of one rule on one series. The names are NUL-terminated and borrowed. */
struct weir_command {
    enum weir_command_kind kind;
    const char *rule;
    const char *series;
    uint64_t id;               /* of ACKNOWLEDGE */
    int64_t duration_ms;       /* of SHELVE, 1 to the configuration's shelve_max_ms */
    struct weir_alert restore; /* of RESTORE: level, time_ms, since_ms, value, id, sequence,
                                * reminders and acknowledged; the rest is not read */
};

/*
 * Where every message and every value went. Exact at any moment:
 *
 *     received = accepted + unmatched + oversize + malformed              messages
 *     samples  = summarised + open + late_dropped + invalid + over_budget values of fields
 *
 * The rest are counts beside the balance: late and clock_ahead tell how accepted values were
 * treated; from queue_dropped on, what was lost outside the engine, each under its own name.
 */
struct weir_ledger {
    uint64_t received;
    uint64_t accepted;
    uint64_t unmatched; /* no stream's topics match */
    uint64_t oversize;  /* payload or topic longer than limits.h allows */
    uint64_t malformed; /* not in the format of any stream it matched */

    uint64_t samples;
    uint64_t summarised;
    uint64_t open; /* in windows that have not closed */
    uint64_t late_dropped;
    uint64_t invalid;
    uint64_t over_budget;

    uint64_t late;        /* samples for a window already closed: dropped or revised */
    uint64_t clock_ahead; /* times beyond arrival + max_future, one a stream the message matched */
    uint64_t time_unreadable;  /* times missing or unreadable, counted likewise */
    uint64_t summaries;        /* rows given out, revisions included */
    uint64_t historical;       /* samples told to be from the past: they move no alert */
    uint64_t events_held_back; /* alert events that a storm, flapping or shelving kept back */

    uint64_t queue_dropped;   /* messages that found the intake queue full */
    uint64_t outbox_dropped;  /* summaries in batches that fell out of a full outbox */
    uint64_t batches_dropped; /* those batches */
    uint64_t events_dropped;  /* alert events that a full queue gave up; states are never lost */
    uint64_t coarsened;       /* summaries that were merged into coarser ones to make room */
    uint64_t journal_lost;    /* records of the journal that a restart found unreadable */

    uint64_t duplicates; /* messages delivered twice and counted once: not in received */
};

/* True when both equations hold. */
bool weir_ledger_balanced(const struct weir_ledger *ledger);

/* The contract's word for each; a static string, never NULL. */
const char *weir_aggregate_name(enum weir_aggregate aggregate);

/* A quantile's name: thousandths from 1 to 999, of which the contract knows whole hundredths, p1 to
 * p99, and p99.9. */
#define WEIR_QUANTILE_NAME_SIZE 8
void weir_quantile_name(unsigned thousandths, char name[static WEIR_QUANTILE_NAME_SIZE]);

/* The thousandths of one of those names; 0: it is none. */
uint16_t weir_quantile_find(const char *name, size_t length);

const char *weir_level_name(enum weir_level level);
const char *weir_condition_name(enum weir_condition condition);
const char *weir_quality_name(enum weir_quality quality);
const char *weir_event_name(enum weir_event event);
const char *weir_operator_name(enum weir_operator op);

#endif
