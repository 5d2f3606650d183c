#include "core/window.h"

#include "core/assert.h"

struct cell {
    struct weir_moments moments;
    uint64_t revision; /* of the row that goes out next */
};

/* Its sketches, if there are any, lie behind its cells. */
struct pane {
    int64_t start_ms;
    uint64_t state;
    struct cell cells[];
};

enum pane_state { PANE_FREE, PANE_OPEN, PANE_HELD };

static uint64_t pane_size(const struct weir_window_shape *shape)
{
    return sizeof(struct pane) +
           shape->field_count *
               (sizeof(struct cell) + (shape->sketched ? sizeof(struct weir_sketch) : 0));
}

uint64_t weir_window_size(const struct weir_window_shape *shape)
{
    return sizeof(struct weir_window) + shape->pane_count * pane_size(shape);
}

static struct pane *pane_at(struct weir_window *window, const struct weir_window_shape *shape,
                            uint32_t index)
{
    return (struct pane *)((char *)(window + 1) + index * pane_size(shape));
}

static uint32_t pane_index(const struct weir_window_shape *shape, int64_t number)
{
    int64_t remainder = number % (int64_t)shape->pane_count;

    return (uint32_t)(remainder < 0 ? remainder + shape->pane_count : remainder);
}

static struct weir_sketch *sketch_at(struct pane *pane, const struct weir_window_shape *shape,
                                     uint32_t field)
{
    return (struct weir_sketch *)(pane->cells + shape->field_count) + field;
}

void weir_window_init(struct weir_window *window)
{
    *window = (struct weir_window){
        .watermark_ms = INT64_MIN,
        .newest_ms = INT64_MIN,
        .touched_ms = INT64_MIN,
        .close_ms = INT64_MAX,
        .current_ms = INT64_MIN,
    };
}

/* The number of the window that holds time_ms: rounded down, below the epoch too. */
static int64_t window_number(const struct weir_window_shape *shape, int64_t time_ms)
{
    int64_t number = time_ms / shape->length_ms;

    return number * shape->length_ms > time_ms ? number - 1 : number;
}

void weir_window_advance(struct weir_window *window, int64_t time_ms)
{
    if (time_ms > window->watermark_ms)
        window->watermark_ms = time_ms;
}

void weir_window_observe(struct weir_window *window, const struct weir_window_shape *shape,
                         int64_t time_ms)
{
    if (time_ms > window->newest_ms) {
        window->newest_ms = time_ms;
        weir_window_advance(window, time_ms - shape->lateness_ms);
    }
}

void weir_window_expire(struct weir_window *window, const struct weir_window_shape *shape)
{
    for (uint32_t i = 0; i < shape->pane_count; i++) {
        const struct pane *pane = pane_at(window, shape, i);
        if (pane->state == PANE_OPEN)
            weir_window_advance(window, pane->start_ms + shape->length_ms);
    }
}

/* The oldest open pane, and the end of the one after it. */
static struct pane *oldest_open(struct weir_window *window, const struct weir_window_shape *shape,
                                int64_t *next_close_ms)
{
    struct pane *oldest = NULL;

    *next_close_ms = INT64_MAX;
    for (uint32_t i = 0; i < shape->pane_count; i++) {
        struct pane *pane = pane_at(window, shape, i);
        int64_t end_ms = pane->start_ms + shape->length_ms;

        if (pane->state != PANE_OPEN)
            continue;
        if (!oldest || pane->start_ms < oldest->start_ms) {
            if (oldest)
                *next_close_ms = oldest->start_ms + shape->length_ms;
            oldest = pane;
        } else if (end_ms < *next_close_ms) {
            *next_close_ms = end_ms;
        }
    }
    return oldest;
}

static void write_row(const struct weir_window_shape *shape, const struct pane *pane,
                      uint32_t field, struct cell *cell, struct weir_summary *row)
{
    row->field = (uint16_t)field;
    row->revision = (uint32_t)cell->revision++;
    row->start_ms = pane->start_ms;
    row->end_ms = pane->start_ms + shape->length_ms;
    weir_moments_summarise(&cell->moments, row);
}

uint32_t weir_window_take(struct weir_window *window, const struct weir_window_shape *shape,
                          struct weir_summary *rows)
{
    struct pane *pane;
    uint32_t row_count = 0;

    if (!weir_window_due(window))
        return 0;
    pane = oldest_open(window, shape, &window->close_ms);
    assert(pane);
    for (uint32_t i = 0; i < shape->field_count; i++) {
        if (pane->cells[i].moments.count > 0)
            write_row(shape, pane, i, &pane->cells[i], &rows[row_count++]);
    }
    pane->state = shape->hold ? PANE_HELD : PANE_FREE;
    window->open_count--;
    if (pane->start_ms == window->current_ms)
        window->current_ms = INT64_MIN;
    return row_count;
}

/* The pane for a window that is not closed: the one it has, or a free or held one made its own. */
static struct pane *open_pane(struct weir_window *window, const struct weir_window_shape *shape,
                              int64_t number)
{
    int64_t start_ms = number * shape->length_ms;
    uint32_t index = pane_index(shape, number);
    struct pane *pane = pane_at(window, shape, index);

    if (pane->state != PANE_OPEN) {
        pane->start_ms = start_ms;
        pane->state = PANE_OPEN;
        for (uint32_t i = 0; i < shape->field_count; i++) {
            pane->cells[i] = (struct cell){.revision = 0};
            if (shape->sketched)
                sketch_at(pane, shape, i)->count = 0;
        }
        window->open_count++;
        if (start_ms + shape->length_ms < window->close_ms)
            window->close_ms = start_ms + shape->length_ms;
    }
    assert(pane->start_ms == start_ms);
    window->current_ms = start_ms;
    window->current_pane = index;
    return pane;
}

/* The pane of a closed window that is held; NULL: it is not. */
static struct pane *held_pane(struct weir_window *window, const struct weir_window_shape *shape,
                              int64_t start_ms)
{
    for (uint32_t i = 0; i < shape->pane_count; i++) {
        struct pane *pane = pane_at(window, shape, i);

        if (pane->state == PANE_HELD && pane->start_ms == start_ms)
            return pane;
    }
    return NULL;
}

enum weir_window_fate weir_window_accept(struct weir_window *window,
                                         const struct weir_window_shape *shape, uint32_t field,
                                         const struct weir_sample *sample, struct weir_summary *row)
{
    enum weir_window_fate fate = WEIR_WINDOW_OPEN;
    struct pane *pane;

    assert(!weir_window_due(window) && field < shape->field_count);
    if (window->current_ms != INT64_MIN && sample->time_ms >= window->current_ms &&
        sample->time_ms - window->current_ms < shape->length_ms) {
        pane = pane_at(window, shape, window->current_pane);
    } else {
        int64_t number = window_number(shape, sample->time_ms);
        int64_t start_ms = number * shape->length_ms;

        if (start_ms + shape->length_ms > window->watermark_ms) {
            pane = open_pane(window, shape, number);
        } else {
            pane = held_pane(window, shape, start_ms);
            if (!pane)
                return WEIR_WINDOW_DROPPED;
            fate = WEIR_WINDOW_REVISED;
        }
    }
    weir_moments_accept(&pane->cells[field].moments, sample->time_ms, sample->value);
    if (shape->sketched)
        weir_sketch_accept(sketch_at(pane, shape, field), sample->value);
    if (fate == WEIR_WINDOW_REVISED)
        write_row(shape, pane, field, &pane->cells[field], row);
    return fate;
}

const struct weir_sketch *weir_window_sketch(struct weir_window *window,
                                             const struct weir_window_shape *shape,
                                             const struct weir_summary *row)
{
    uint32_t index = pane_index(shape, row->start_ms / shape->length_ms);
    struct pane *pane = pane_at(window, shape, index);

    if (!shape->sketched)
        return NULL;
    assert(pane->start_ms == row->start_ms);
    return sketch_at(pane, shape, row->field);
}
