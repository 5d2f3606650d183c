/*
 * The ring of outputs that wait to be taken. Whoever adds one has made sure of the room.
 */
#ifndef WEIR_PIPELINE_OUTPUTS_H
#define WEIR_PIPELINE_OUTPUTS_H

#include "pipeline/layout.h"

#include "core/assert.h"

static inline uint32_t output_room(const struct weir_pipeline *pipeline)
{
    return pipeline->output_max - (uint32_t)state_of(pipeline)->output_count;
}

static inline struct weir_output *output_at(const struct weir_pipeline *pipeline, uint64_t number)
{
    return (struct weir_output *)(pipeline->arena + pipeline->outputs_offset) +
           (number & (pipeline->output_max - 1));
}

/* Beside each output lies a sketch; there are none, and nothing is to be read, without quantiles. */
static inline struct weir_sketch *sketch_at(const struct weir_pipeline *pipeline, uint64_t number)
{
    return (struct weir_sketch *)(pipeline->arena + pipeline->sketches_offset) +
           (number & (pipeline->output_max - 1));
}

static inline struct weir_output *add_output(struct weir_pipeline *pipeline)
{
    struct pipeline_state *state = state_of(pipeline);

    assert(state->output_count < pipeline->output_max);
    return output_at(pipeline, state->output_first + state->output_count++);
}

#endif
