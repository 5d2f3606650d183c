/* The configuration that engine and log are measured under. */
#ifndef BENCH_PLANT_H
#define BENCH_PLANT_H

#include "weir/config.h"

/* A stream of two fields with windows of ten seconds; with rules, one a field. What it points to is
 * never freed. */
void plant_config(struct weir_config *config, uint32_t series_count, bool with_rules);

#endif
