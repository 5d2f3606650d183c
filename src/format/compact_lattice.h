/*
 * The step of values that are multiples of one that is no whole number of ticks, rounded to ticks:
 * what a converter counts, as decimals. It is found from the ticks as they come: a value is so many
 * steps from the one before, which says within which bounds the step lies, counted from the first;
 * where the bounds contradict each other, a fraction of the step is tried.
 *
 * Where between two ticks the first value lay before it was rounded is not known: bounds are kept for
 * several such phases.
 */
#ifndef WEIR_FORMAT_COMPACT_LATTICE_H
#define WEIR_FORMAT_COMPACT_LATTICE_H

#include "format/compact_grid.h"

/* As many as decimals that were cut off can be told apart by. */
#define WEIR_COMPACT_PHASE_COUNT 8

struct weir_compact_lattice {
    bool begun;
    bool broken;    /* there is no such step */
    int64_t origin; /* the first value, in ticks */
    int64_t newest; /* the last one, and how many steps from the first */
    int64_t place;
    uint32_t taken;                       /* values */
    uint32_t missed;                      /* those of them that no step leads to */
    double step;                          /* about; 0 until it leads to another value */
    double low[WEIR_COMPACT_PHASE_COUNT]; /* bounds of the step; above high: not this phase */
    double high[WEIR_COMPACT_PHASE_COUNT];
};

void weir_compact_lattice_init(struct weir_compact_lattice *lattice);

/* Takes the next value in, times the scale; it is ticks, but for what a multiplication rounds. */
void weir_compact_lattice_accept(struct weir_compact_lattice *lattice, double scaled);

/* Gives the grid step, offset and parts on which all values lie. False: there is none that is worth
 * it over the step it has. */
bool weir_compact_lattice_settle(const struct weir_compact_lattice *lattice,
                                 struct weir_compact_grid *grid);

#endif
