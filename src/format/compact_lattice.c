#include "format/compact_lattice.h"

#include <math.h>
#include <string.h>

#include "format/compact_model.h"

#define PHASE_COUNT WEIR_COMPACT_PHASE_COUNT

/* Ticks, at most: with parts they are to stay below WEIR_COMPACT_TICKS_MAX. */
#define REACH_MAX (WEIR_COMPACT_TICKS_MAX >> (WEIR_COMPACT_PARTS_MAX + 1))

/* Phases are sixteenths of a tick. */
#define PARTS_MIN 4

/* Below it there is hardly anything to be gained, and much that looks like a step and is none. */
#define STEP_MIN 2.5

/* Values that are not a whole number of steps apart, at most: their rows are told as doubles. */
#define MISSED_MAX 4

/* What such a row takes more, in bits. */
#define MISSED_BITS 400

/* Fractions of a step that are tried. */
#define FRACTION_MAX 7

/* Bounds are taken a little closer than they are, for what divisions round. */
#define CARE 1e-12

void weir_compact_lattice_init(struct weir_compact_lattice *lattice)
{
    lattice->begun = false;
    lattice->broken = false;
    lattice->missed = 0;
    lattice->taken = 0;
    lattice->step = 0;
}

/* Where the first value lay, above its tick's lower end. */
static double phase_at(int phase)
{
    return (2 * phase + 1) / (2.0 * PHASE_COUNT);
}

static void begin(struct weir_compact_lattice *lattice, int64_t ticks)
{
    lattice->begun = true;
    lattice->origin = lattice->newest = ticks;
    lattice->place = 0;
    for (int i = 0; i < PHASE_COUNT; i++) {
        lattice->low[i] = 0;
        lattice->high[i] = (double)REACH_MAX;
    }
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static double greater(double a, double b)
{
    return a > b ? a : b;
}

/* Closes the bounds of the step by what it is to come to over so many. False: no phase is left. */
static bool close_bounds(struct weir_compact_lattice *lattice, double fraction, int64_t place,
                         int64_t distance)
{
    double share = 1 / (double)place;
    double about = (double)distance * share;
    double part = 1 / fraction;
    double low[PHASE_COUNT];
    double high[PHASE_COUNT];
    double widest = 0;
    double step = 0;

    for (int i = 0; i < PHASE_COUNT; i++) {
        double one = about - phase_at(i) * share;
        double other = one + share;
        double down = share > 0 ? one : other;
        double up = share > 0 ? other : one;

        low[i] = greater(lattice->low[i] * part, down);
        high[i] = smaller(lattice->high[i] * part, up);
        if (high[i] - low[i] > widest) {
            widest = high[i] - low[i];
            step = (high[i] + low[i]) / 2;
        }
    }
    if (widest <= 0)
        return false;
    memcpy(lattice->low, low, sizeof(low));
    memcpy(lattice->high, high, sizeof(high));
    lattice->step = step;
    return true;
}

/* Has a fraction of the step lead to a value, from the one before. */
static bool try_fraction(struct weir_compact_lattice *lattice, double fraction, int64_t ticks)
{
    double step = lattice->step / fraction;
    int64_t place;

    if (step < STEP_MIN)
        return false;
    place = lattice->place * (int64_t)fraction + llrint((double)(ticks - lattice->newest) / step);
    if (place == 0 ? ticks != lattice->origin
                   : !close_bounds(lattice, fraction, place, ticks - lattice->origin))
        return false;
    lattice->newest = ticks;
    lattice->place = place;
    return true;
}

void weir_compact_lattice_accept(struct weir_compact_lattice *lattice, double scaled)
{
    double fraction = 1;
    int64_t ticks;
    bool first;

    if (lattice->broken)
        return;
    lattice->taken++;
    if (!(fabs(scaled) <= (double)REACH_MAX)) {
        lattice->broken = true;
        return;
    }
    ticks = llrint(scaled);
    if (lattice->begun && ticks == lattice->newest)
        return;
    if (!lattice->begun) {
        begin(lattice, ticks);
        return;
    }
    first = lattice->step <= 0;
    if (first)
        lattice->step = fabs((double)(ticks - lattice->newest));
    while (fraction <= FRACTION_MAX && !try_fraction(lattice, fraction, ticks))
        fraction++;
    if (fraction <= FRACTION_MAX)
        return;
    /* A distance that is no step bounds none: the next one is tried. */
    if (first)
        lattice->step = 0;
    lattice->missed++;
    lattice->broken = lattice->missed > MISSED_MAX;
}

bool weir_compact_lattice_settle(const struct weir_compact_lattice *lattice,
                                 struct weir_compact_grid *grid)
{
    uint32_t gain; /* bits a value, at least */
    int best = 0;
    double low;
    double high;

    if (lattice->broken || !lattice->begun || lattice->step < 2 * (double)grid->step)
        return false;
    gain = weir_compact_level((uint64_t)(lattice->step / (double)grid->step)) - 1;
    if (gain * lattice->taken <= MISSED_BITS * lattice->missed)
        return false;
    for (int i = 1; i < PHASE_COUNT; i++) {
        if (lattice->high[i] - lattice->low[i] > lattice->high[best] - lattice->low[best])
            best = i;
    }
    low = lattice->low[best] * (1 + CARE);
    high = lattice->high[best] * (1 - CARE);
    for (uint32_t parts = PARTS_MIN; parts <= WEIR_COMPACT_PARTS_MAX; parts++) {
        double whole = (double)((int64_t)1 << parts);
        int64_t step = (int64_t)ceil(low * whole);

        if ((double)step >= high * whole)
            continue;
        grid->parts = parts;
        grid->step = step;
        grid->offset =
            (lattice->origin * ((int64_t)1 << parts) + (int64_t)(phase_at(best) * whole)) % step;
        grid->offset += grid->offset < 0 ? step : 0;
        return true;
    }
    return false;
}
