/*
 * The events of a whole rule: when there are too many of them, one says so, and they are held back
 * until there are few again.
 */
#ifndef WEIR_CORE_ALERT_STORM_H
#define WEIR_CORE_ALERT_STORM_H

#include <stdbool.h>
#include <stdint.h>

/* A ring of the newest events, in weir_alert_storm_size bytes of zeroed memory. Times are up time.
 */
struct weir_alert_storm {
    /* private */
    bool raging;
    uint32_t newest;
    uint32_t count;
    uint32_t period_count; /* raging: events of this period */
    int64_t period_ms;     /* raging: when it began */
    /* to read */
    uint64_t held_back; /* in this storm, or the last */
    uint64_t sequence;  /* of the rule's own events; counted by the owner */
    uint64_t id;
    int64_t since_ms; /* of the clock; the owner's */
    int64_t up_ms[];
};

enum weir_alert_storm_verdict {
    WEIR_ALERT_STORM_PASS,
    WEIR_ALERT_STORM_BEGINS, /* with this event, which is held back */
    WEIR_ALERT_STORM_HOLDS,
};

/* Bytes for a rule, a multiple of 8: count_max events may lie within a storm's time; 0: there are
 * no storms. */
uint64_t weir_alert_storm_size(uint32_t count_max);

/* An event is about to be given out: may it? length_ms: the time that count_max goes with. */
enum weir_alert_storm_verdict weir_alert_storm_accept(struct weir_alert_storm *storm,
                                                      uint32_t count_max, int64_t length_ms,
                                                      int64_t up_ms);

/* Goes on from the storm of a rule that may have had other settings. */
void weir_alert_storm_adopt(struct weir_alert_storm *storm, const struct weir_alert_storm *from);

/* When the period under way ends; INT64_MAX: there is no storm. */
int64_t weir_alert_storm_due(const struct weir_alert_storm *storm, int64_t length_ms);

/* Ends that period. True: it had no more than half of count_max, and the storm is over. */
bool weir_alert_storm_settle(struct weir_alert_storm *storm, uint32_t count_max, int64_t length_ms);

#endif
