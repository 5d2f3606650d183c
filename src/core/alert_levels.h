/*
 * A value held against the limits of up to three levels, with hysteresis: which levels it is beyond.
 * A level once passed stays so until the value has come back by the deadband.
 */
#ifndef WEIR_CORE_ALERT_LEVELS_H
#define WEIR_CORE_ALERT_LEVELS_H

#include <stdbool.h>

#include "weir/config.h"

/* Levels as bits: 1 << enum weir_level. */

struct weir_alert_levels {
    struct weir_alert_range {
        double low; /* as configured */
        double high;
        double back_low; /* come back from: within these, or with INSIDE outside of them */
        double back_high;
    } ranges[WEIR_LEVEL_COUNT];
    double calm_low; /* what is beyond nothing stays so with a value in [calm_low, calm_high] */
    double calm_high;
    enum weir_operator op;
    unsigned set;           /* the levels there are */
    enum weir_level lowest; /* of them */
};

void weir_alert_levels_compile(struct weir_alert_levels *levels,
                               const struct weir_comparison *comparison);

/* The levels that value is beyond, when those before it were `beyond`. *low: the lower of two limits
 * was the last one passed. */
unsigned weir_alert_levels_judge(const struct weir_alert_levels *levels, unsigned beyond,
                                 double value, bool *low);

/* The limit of a level that value is held against; of WEIR_LEVEL_OK: that of the lowest level. */
double weir_alert_levels_limit(const struct weir_alert_levels *levels, enum weir_level level,
                               bool low, double value);

/* The level of these nearest to one; of two the higher. */
enum weir_level weir_alert_levels_nearest(const struct weir_alert_levels *levels,
                                          enum weir_level level);

#endif
