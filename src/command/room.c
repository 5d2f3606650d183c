#include "command/room.h"

#include <errno.h>
#include <string.h>

#include "command/memory.h"
#include "store/coarsen.h"

#define ROW_COUNT_MAX WEIR_COARSEN_ROW_COUNT_MIN

static const int64_t step_ms[WEIR_ROOM_STEP_COUNT] = {60000, 600000, 3600000};

/* Below this share of rows saved, a run is left as it is. */
#define GAIN_SHARE 4

uint64_t weir_room_work_bytes(void)
{
    return weir_coarsen_size(ROW_COUNT_MAX);
}

bool weir_room_init(struct weir_room *room, struct weir_outbox *outbox, uint64_t batch_bytes_max,
                    int (*reserve)(void *context, uint64_t epoch, uint32_t count, uint64_t *first),
                    int (*use)(void *context), void *context)
{
    *room = (struct weir_room){
        .outbox = outbox,
        .batch_bytes_max = batch_bytes_max,
        .work = weir_memory_map(weir_room_work_bytes()),
        .reserve = reserve,
        .use = use,
        .context = context,
    };
    if (outbox->count > 0) {
        room->found_epoch = weir_outbox_at(outbox, 0)->epoch;
        room->found_first = weir_outbox_at(outbox, 0)->first;
    }
    return room->work != NULL;
}

void weir_room_spare(struct weir_room *room, uint64_t epoch, uint64_t first)
{
    room->sent_epoch = epoch;
    room->sent_first = first;
}

int weir_room_settle(struct weir_room *room)
{
    int error = room->torn ? weir_outbox_settle(room->outbox) : 0;

    room->torn = error != 0;
    return error;
}

void weir_room_finish(struct weir_room *room)
{
    weir_memory_unmap(room->work, weir_room_work_bytes());
}

/* Consecutive batches of the outbox, sets whole. */
struct run {
    uint32_t index;
    uint32_t count;
    uint32_t count_max;
    uint64_t place;
    uint64_t first;
    uint64_t last;
    uint8_t level;
};

/* True for what is on its way, or may have left before the process before ended. */
static bool is_spared(const struct weir_room *room, uint32_t index)
{
    const struct weir_outbox_entry *entry = weir_outbox_at(room->outbox, index);

    return (entry->epoch == room->found_epoch && entry->first <= room->found_first) ||
           (entry->epoch == room->sent_epoch && entry->first == room->sent_first);
}

/* Where a step goes on: behind what it has gone through. */
static uint32_t find_begin(const struct weir_room *room, uint32_t step, uint64_t epoch)
{
    uint32_t index = 0;

    while (index < room->outbox->count) {
        const struct weir_outbox_entry *entry = weir_outbox_at(room->outbox, index);

        if (entry->epoch == epoch && entry->first >= room->next[step] && !is_spared(room, index))
            break;
        index++;
    }
    return index;
}

static bool is_under(const struct weir_engine_shift *shift, uint64_t epoch, uint64_t sequence)
{
    return shift->epoch == epoch && shift->first <= sequence && sequence <= shift->last;
}

static bool is_waiting(const struct weir_room_shift *shift)
{
    return shift->shift.step_ms != 0 && shift->next <= shift->shift.last;
}

/* True when a shift that is not done would take the one and leave the other. */
static bool is_parted(const struct weir_room *room, uint64_t epoch, uint64_t left, uint64_t right)
{
    for (int i = 0; i < WEIR_ROOM_SHIFT_COUNT_MAX; i++) {
        const struct weir_engine_shift *shift = &room->shifts[i].shift;

        if (is_waiting(&room->shifts[i]) &&
            is_under(shift, epoch, left) != is_under(shift, epoch, right))
            return true;
    }
    return false;
}

static bool goes_on(const struct weir_room *room, const struct run *run)
{
    uint32_t index = run->index + run->count;
    const struct weir_outbox_entry *entry;

    if (run->count == run->count_max || index >= room->outbox->count || is_spared(room, index))
        return false;
    entry = weir_outbox_at(room->outbox, index);
    return run->count == 0 || !is_parted(room, entry->epoch, run->last, entry->last);
}

/* Reads batches into the run until it is full or there are no more. */
static int gather(struct weir_room *room, struct weir_coarsen *coarsen, struct run *run)
{
    while (goes_on(room, run)) {
        struct weir_outbox_batch batch;
        enum weir_status status;
        int error = weir_outbox_read(room->outbox, run->index + run->count, &batch);

        if (error == -EBADMSG)
            continue;
        if (error != 0)
            return error;
        status = weir_coarsen_accept(coarsen, batch.bytes, batch.length, batch.rows,
                                     batch.row_count, batch.sketches, batch.sketches_length);
        if (status == WEIR_REFUSED && run->count == 0) {
            run->first = run->last = batch.last;
            return 0;
        }
        if (status != WEIR_OK)
            return 0;
        if (run->count++ == 0) {
            run->place = batch.place;
            run->first = batch.first;
        }
        run->last = batch.last;
        if (batch.level > run->level)
            run->level = batch.level;
    }
    return 0;
}

/* Batches of the run without those of a set that it has not all of. */
static uint32_t whole_count(const struct weir_room *room, const struct run *run)
{
    uint32_t count = run->count;
    uint32_t next = run->index + count;

    if (next >= room->outbox->count)
        return count;
    while (count > 0 && weir_outbox_is_one_set(weir_outbox_at(room->outbox, run->index + count - 1),
                                               weir_outbox_at(room->outbox, next)))
        count--;
    return count;
}

/* Reads a run anew until it ends where a set does. Shifted by shift_ms; 0: made coarser. */
static int gather_sets(struct weir_room *room, struct run *run, int64_t window_ms, int64_t shift_ms)
{
    struct weir_coarsen *coarsen;
    uint32_t count = UINT32_MAX;
    int error;

    do {
        *run = (struct run){.index = run->index, .count_max = count, .last = run->last};
        coarsen = weir_coarsen_init(room->work, ROW_COUNT_MAX, window_ms, room->batch_bytes_max);
        if (shift_ms != 0)
            weir_coarsen_shift(coarsen, shift_ms);
        error = gather(room, coarsen, run);
        count = whole_count(room, run);
    } while (error == 0 && count < run->count);
    return error;
}

static int put_part(struct weir_room *room, const struct run *run,
                    const struct weir_coarsen_batch *made, uint64_t epoch, uint64_t sequence,
                    uint8_t part, uint8_t parts)
{
    const struct weir_outbox_batch batch = {
        .place = run->place,
        .epoch = epoch,
        .sequence = sequence,
        .first = run->first,
        .last = run->last,
        .level = (uint8_t)(run->level + 1),
        .part = part,
        .parts = parts,
        .row_count = made->row_count,
        .length = (uint32_t)made->length,
        .bytes = made->bytes,
        .rows = made->rows,
        .sketches_length = made->sketches_length,
        .sketches = made->sketches,
    };

    return weir_outbox_add(room->outbox, &batch);
}

/* Takes the parts out again that a failure left without the others. */
static void take_back(struct weir_room *room, const struct run *run, uint64_t epoch)
{
    for (uint32_t i = 0; i < room->outbox->count;) {
        const struct weir_outbox_entry *entry = weir_outbox_at(room->outbox, i);
        bool part = entry->epoch == epoch && entry->level == run->level + 1 &&
                    entry->first == run->first && entry->last == run->last;

        if (part && weir_outbox_remove(room->outbox, i, false) == 0)
            continue;
        room->torn |= part;
        i++;
    }
}

/* Puts what the run has become in its place. The parts stand among the batches they replace, so
 * those are found by what they are. */
static int replace(struct weir_room *room, struct weir_coarsen *coarsen, const struct run *run,
                   uint64_t epoch, uint32_t parts)
{
    struct weir_coarsen_batch made;
    uint64_t sequence;
    int error = room->reserve(room->context, epoch, parts, &sequence);

    for (uint32_t part = 0; error == 0 && part < parts; part++) {
        (void)weir_coarsen_take(coarsen, sequence + part, &made);
        error = put_part(room, run, &made, epoch, sequence + part, (uint8_t)part, (uint8_t)parts);
    }
    if (error == 0)
        error = room->use(room->context);
    if (error != 0) {
        take_back(room, run, epoch);
        return error;
    }
    for (uint32_t i = 0; error == 0 && i < room->outbox->count;) {
        const struct weir_outbox_entry *entry = weir_outbox_at(room->outbox, i);

        if (entry->epoch == epoch && entry->level <= run->level && entry->first >= run->first &&
            entry->last <= run->last)
            error = weir_outbox_remove(room->outbox, i, false);
        else
            i++;
    }
    room->torn = error != 0;
    return error == 0 ? weir_outbox_sync(room->outbox) : error;
}

/* Makes the next run of a step coarser; *made: one was. */
static int take_step(struct weir_room *room, uint32_t step, uint64_t epoch, bool *made)
{
    struct run run = {.index = find_begin(room, step, epoch)};
    struct weir_coarsen *coarsen;
    struct weir_coarsen_counts counts = {0};
    uint32_t parts;
    int error;

    *made = false;
    if (run.index >= room->outbox->count)
        return -ENOENT;
    error = gather_sets(room, &run, step_ms[step], 0);
    if (error != 0)
        return error;
    coarsen = room->work;
    parts = run.count > 0 ? weir_coarsen_seal(coarsen) : 0;
    if (run.count > 0)
        weir_coarsen_count(coarsen, &counts);
    if (parts > 0 && parts <= WEIR_OUTBOX_PART_COUNT_MAX && parts < run.count &&
        (counts.rows_in - counts.rows_out) * GAIN_SHARE >= counts.rows_in) {
        error = replace(room, coarsen, &run, epoch, parts);
        if (error != 0)
            return error;
        room->coarsened += counts.coarsened;
        *made = true;
    }
    room->next[step] = run.last + 1;
    return 0;
}

void weir_room_add_shift(struct weir_room *room, const struct weir_engine_shift *shift)
{
    memmove(room->shifts + 1, room->shifts,
            (WEIR_ROOM_SHIFT_COUNT_MAX - 1) * sizeof(*room->shifts));
    room->shifts[0] = (struct weir_room_shift){.shift = *shift, .next = shift->first};
}

void weir_room_note_batch(struct weir_room *room, uint64_t epoch, uint64_t sequence)
{
    for (int i = 0; i < WEIR_ROOM_SHIFT_COUNT_MAX; i++) {
        struct weir_room_shift *shift = &room->shifts[i];

        if (is_under(&shift->shift, epoch, sequence) && sequence < shift->next)
            shift->next = sequence;
    }
}

bool weir_room_shifts(const struct weir_room *room)
{
    int i = 0;

    while (i < WEIR_ROOM_SHIFT_COUNT_MAX && !is_waiting(&room->shifts[i]))
        i++;
    return i < WEIR_ROOM_SHIFT_COUNT_MAX;
}

/* The first batch that is to be shifted; the outbox' count: there is none. */
static uint32_t find_shifted(const struct weir_room *room, const struct weir_room_shift *shift)
{
    uint32_t index = 0;

    while (index < room->outbox->count) {
        const struct weir_outbox_entry *entry = weir_outbox_at(room->outbox, index);

        if (is_under(&shift->shift, entry->epoch, entry->last) && entry->first >= shift->next &&
            !is_spared(room, index))
            break;
        index++;
    }
    return index;
}

/* Gives one run the times it should have. */
static int shift_run(struct weir_room *room, struct weir_room_shift *shift)
{
    struct run run = {.index = find_shifted(room, shift)};
    struct weir_coarsen *coarsen = room->work;
    struct weir_coarsen_counts counts = {0};
    uint32_t parts = 0;
    int error = 0;

    if (run.index >= room->outbox->count) {
        shift->next = shift->shift.last + 1;
        return 0;
    }
    error = gather_sets(room, &run, 1, shift->shift.step_ms);
    if (error == 0 && run.count > 0) {
        parts = weir_coarsen_seal(coarsen);
        weir_coarsen_count(coarsen, &counts);
    }
    if (error == 0 && counts.shifted > 0 && parts <= WEIR_OUTBOX_PART_COUNT_MAX)
        error = replace(room, coarsen, &run, shift->shift.epoch, parts);
    if (error == 0 && run.last >= shift->next)
        shift->next = run.last + 1;
    return error;
}

int weir_room_shift(struct weir_room *room)
{
    int i = WEIR_ROOM_SHIFT_COUNT_MAX - 1;
    int error;

    while (i > 0 && !is_waiting(&room->shifts[i]))
        i--;
    if (!is_waiting(&room->shifts[i]))
        return 0;
    error = shift_run(room, &room->shifts[i]);
    weir_memory_reset(room->work, weir_room_work_bytes());
    /* Its numbers are all given out: what is left of it says what its clock was. */
    if (error == -ESTALE) {
        room->shifts[i].next = room->shifts[i].shift.last + 1;
        error = 0;
    }
    return error;
}

static int make_coarser(struct weir_room *room, uint64_t epoch, bool *made)
{
    int error = 0;

    *made = false;
    for (uint32_t step = 0; step < WEIR_ROOM_STEP_COUNT && !*made; step++) {
        do
            error = take_step(room, step, epoch, made);
        while (error == 0 && !*made);
        if (error != 0 && error != -ENOENT)
            return error;
    }
    return 0;
}

/* The oldest that cannot be on its way. */
static int drop_oldest(struct weir_room *room)
{
    struct weir_outbox_batch batch;
    uint32_t index = 0;
    uint64_t last;
    uint32_t row_count;
    int error;

    while (index < room->outbox->count && is_spared(room, index))
        index++;
    if (index == room->outbox->count)
        return -ENOSPC;
    error = weir_outbox_read(room->outbox, index, &batch);
    if (error == -EBADMSG)
        return 0;
    if (error != 0)
        return error;
    row_count = batch.row_count;
    last = batch.last;
    room->dropped_epoch = batch.epoch;
    error = weir_outbox_remove(room->outbox, index, true);
    if (error != 0)
        return error;
    room->batches_dropped++;
    room->summaries_dropped += row_count;
    room->dropped_sequence = last;
    return 0;
}

int weir_room_make(struct weir_room *room, uint64_t epoch)
{
    bool made;
    int error;

    if (room->epoch != epoch)
        memset(room->next, 0, sizeof(room->next));
    room->epoch = epoch;
    error = make_coarser(room, epoch, &made);
    weir_memory_reset(room->work, weir_room_work_bytes());
    if (error != 0 && error != -ESTALE)
        return error;
    if (made)
        return 0;
    return drop_oldest(room);
}
