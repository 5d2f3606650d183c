#include "store/journal.h"

#include <string.h>
#include <sys/mman.h>

#include "core/assert.h"
#include "format/crc32c.h"

#define MAGIC 0x316c616e72756f6au /* "journal1", read as a number */

/* Memory is given back in pieces of this size: few calls, and little that stays resident. */
#define PIECE_BYTES ((uint64_t)WEIR_SEGMENT_BYTES_MIN)

static uint64_t cut_after(const struct weir_journal *journal, uint64_t position)
{
    return (position / journal->segment_bytes + 1) * journal->segment_bytes;
}

static unsigned char *memory_at(const struct weir_journal *journal, uint64_t position)
{
    return journal->ring + position % journal->ring_bytes;
}

static bool is_same(const struct weir_journal_options *options)
{
    const struct weir_journal_head *head = options->memory;

    return head->magic == MAGIC && head->store == options->store &&
           head->ring_bytes == options->ring_bytes && head->segment_bytes == options->segment_bytes;
}

void weir_journal_claim(const struct weir_journal_options *options, uint64_t next_run)
{
    struct weir_journal_head *head = options->memory;

    if (!is_same(options))
        return;
    if (atomic_load(&head->run) != options->run) {
        if (atomic_load(&head->next_run) != options->run)
            return;
        atomic_store(&head->run, options->run);
    }
    atomic_store(&head->next_run, next_run);
}

/* What was claimed is never without a valid head: a process may be killed here too. */
static void begin_head(const struct weir_journal_options *options, uint64_t end)
{
    struct weir_journal_head *head = options->memory;

    if (!is_same(options) || atomic_load(&head->next_run) != options->run) {
        head->magic = 0;
        atomic_thread_fence(memory_order_seq_cst);
        head->store = options->store;
        head->ring_bytes = options->ring_bytes;
        head->segment_bytes = options->segment_bytes;
    }
    atomic_store(&head->end, end);
    atomic_store(&head->run, options->run);
    atomic_thread_fence(memory_order_seq_cst);
    head->magic = MAGIC;
}

void weir_journal_init(struct weir_journal *journal, const struct weir_journal_options *options,
                       const struct weir_log_place *start, const struct weir_log_place *end)
{
    uint64_t segment_bytes = options->segment_bytes;

    assert(segment_bytes >= WEIR_SEGMENT_BYTES_MIN && (segment_bytes & (segment_bytes - 1)) == 0);
    assert(options->ring_bytes % segment_bytes == 0 && options->ring_bytes >= 2 * segment_bytes);
    assert(end->position - start->position <= options->ring_bytes);
    weir_crc32c_init();
    memset(journal, 0, sizeof(*journal));
    journal->head = options->memory;
    journal->ring = (unsigned char *)options->memory + WEIR_JOURNAL_HEAD_BYTES;
    journal->ring_bytes = options->ring_bytes;
    journal->segment_bytes = segment_bytes;
    journal->store = options->store;
    journal->written_on = options->written_on;
    journal->end_ms = end->time_ms;
    journal->consumed_ms = start->time_ms;
    journal->consumed_sequence = start->sequence;
    journal->sequence = end->sequence;
    pthread_mutex_init(&journal->lock, NULL);
    atomic_init(&journal->consumed, start->position);
    atomic_init(&journal->held, start->position);
    atomic_init(&journal->refused, 0);
    begin_head(options, end->position);
}

bool weir_journal_read(const struct weir_journal_options *options, struct weir_log_place *place,
                       struct weir_record *record)
{
    const struct weir_journal_head *head = options->memory;
    const unsigned char *ring = (const unsigned char *)options->memory + WEIR_JOURNAL_HEAD_BYTES;
    uint64_t end = atomic_load_explicit(&head->end, memory_order_acquire);

    while (place->position < end) {
        uint64_t cut = (place->position / options->segment_bytes + 1) * options->segment_bytes;
        size_t length = weir_record_read(record, ring + place->position % options->ring_bytes,
                                         (size_t)(cut - place->position), options->store,
                                         place->position, place->time_ms, true);

        if (length == 0 && cut - place->position >= WEIR_RECORD_BYTES_MIN)
            return false;
        if (length == 0 || record->kind == WEIR_RECORD_END) {
            place->position = cut;
            continue;
        }
        place->position += length;
        place->time_ms = record->time_ms;
        if (record->kind == WEIR_RECORD_SEGMENT) {
            place->sequence = record->sequence;
            continue;
        }
        place->sequence++;
        return true;
    }
    return false;
}

bool weir_journal_inspect(const struct weir_journal_options *options, struct weir_log_place *place,
                          struct weir_log_place *end)
{
    const struct weir_journal_head *head = options->memory;
    uint64_t last = atomic_load_explicit(&head->end, memory_order_acquire);
    uint64_t floor = last > options->ring_bytes ? last - options->ring_bytes : 0;
    struct weir_log_place at;
    struct weir_record record;

    weir_crc32c_init();
    if (!is_same(options) || atomic_load(&head->run) != options->run || last < place->position)
        return false;
    if (place->position < floor)
        place->position =
            (floor + options->segment_bytes - 1) / options->segment_bytes * options->segment_bytes;
    /* A process that is killed may have been writing over the oldest record: what comes behind it
     * is whole from the next head on. */
    for (at = *place; at.position < last && !weir_journal_read(options, &at, &record);
         at = *place) {
        place->position = (place->position / options->segment_bytes + 1) * options->segment_bytes;
        if (place->position > last)
            return false;
    }
    while (weir_journal_read(options, &at, &record))
        continue;
    if (end)
        *end = at;
    return true;
}

void weir_journal_finish(struct weir_journal *journal)
{
    pthread_mutex_destroy(&journal->lock);
}

uint64_t weir_journal_end(const struct weir_journal *journal)
{
    return atomic_load_explicit(&journal->head->end, memory_order_acquire);
}

uint64_t weir_journal_consumed(const struct weir_journal *journal)
{
    return atomic_load_explicit(&journal->consumed, memory_order_acquire);
}

uint64_t weir_journal_refused(const struct weir_journal *journal)
{
    return atomic_load_explicit(&journal->refused, memory_order_relaxed);
}

/* The lowest position whose memory `end` has not taken over. */
static uint64_t ring_floor(const struct weir_journal *journal, uint64_t end)
{
    return end > journal->ring_bytes ? end - journal->ring_bytes : 0;
}

uint64_t weir_journal_floor(const struct weir_journal *journal)
{
    uint64_t floor = ring_floor(journal, weir_journal_end(journal));
    uint64_t held;

    atomic_thread_fence(memory_order_acquire);
    held = atomic_load_explicit(&journal->held, memory_order_acquire);

    return held > floor ? held : floor;
}

/* Under the appenders' lock: room for the log to end at `end`? */
static bool make_room(struct weir_journal *journal, uint64_t end)
{
    uint64_t floor = ring_floor(journal, end);
    uint64_t held;

    if (weir_journal_consumed(journal) < floor)
        return false;
    held = atomic_load_explicit(&journal->held, memory_order_relaxed);
    if (journal->written_on && held < floor)
        atomic_store_explicit(&journal->held, floor, memory_order_relaxed);
    /* The writer is to see that before it can see what overwrites those bytes. */
    atomic_thread_fence(memory_order_release);
    return true;
}

static uint64_t write_record(struct weir_journal *journal, struct weir_record *record,
                             uint64_t position)
{
    record->sequence = journal->sequence;
    weir_record_build(&journal->image, record, journal->end_ms);
    weir_record_write(&journal->image, memory_at(journal, position), journal->store, position);
    return position + journal->image.total_length;
}

/* Ends the segment that position is in. */
static uint64_t end_segment(struct weir_journal *journal, uint64_t position)
{
    struct weir_record end = {.kind = WEIR_RECORD_END};

    if (cut_after(journal, position) - position >= WEIR_RECORD_BYTES_MIN)
        (void)write_record(journal, &end, position);
    return cut_after(journal, position);
}

static uint64_t begin_segment(struct weir_journal *journal, uint64_t position)
{
    struct weir_record head = {
        .kind = WEIR_RECORD_SEGMENT, .time_ms = journal->end_ms, .store = journal->store};

    return write_record(journal, &head, position);
}

/* Under the lock. */
static enum weir_status append(struct weir_journal *journal, struct weir_record *record)
{
    uint64_t position = weir_journal_end(journal);
    uint64_t cut = cut_after(journal, position - 1); /* position itself, if it is one */
    uint64_t length;

    weir_record_build(&journal->image, record, journal->end_ms);
    length = journal->image.total_length;
    if (cut - position < length && !make_room(journal, cut + WEIR_RECORD_HEAD_MAX + length))
        return WEIR_FULL;
    if (!make_room(journal, position + length))
        return WEIR_FULL;
    if (cut - position < length) {
        if (cut > position)
            (void)end_segment(journal, position);
        position = begin_segment(journal, cut);
    }
    position = write_record(journal, record, position);
    if (weir_record_has_time(record->kind))
        journal->end_ms = record->time_ms;
    journal->sequence++;
    atomic_store_explicit(&journal->head->end, position, memory_order_release);
    return WEIR_OK;
}

/* Under the lock: says that the clock has jumped, if it has. */
static enum weir_status append_step(struct weir_journal *journal, int64_t time_ms)
{
    struct weir_record step = {
        .kind = WEIR_RECORD_STEP, .time_ms = time_ms, .step_ms = journal->jump_ms};

    if (journal->jump_ms == 0)
        return WEIR_OK;
    if (append(journal, &step) != WEIR_OK)
        return WEIR_FULL;
    journal->jump_ms = 0;
    return WEIR_OK;
}

enum weir_status weir_journal_append(struct weir_journal *journal, struct weir_record *record,
                                     int64_t (*clock)(void *context, int64_t *jump_ms),
                                     void *context)
{
    enum weir_status status = WEIR_OK;
    int64_t jump_ms = 0;

    pthread_mutex_lock(&journal->lock);
    if (journal->closed) {
        pthread_mutex_unlock(&journal->lock);
        return WEIR_REFUSED;
    }
    record->time_ms = clock ? clock(context, &jump_ms) : journal->end_ms;
    journal->jump_ms += jump_ms;
    status = append_step(journal, record->time_ms);
    if (status == WEIR_OK)
        status = append(journal, record);
    pthread_mutex_unlock(&journal->lock);
    if (status != WEIR_OK && record->kind == WEIR_RECORD_MESSAGE)
        atomic_fetch_add_explicit(&journal->refused, 1, memory_order_relaxed);
    return status;
}

bool weir_journal_close(struct weir_journal *journal)
{
    bool done;

    pthread_mutex_lock(&journal->lock);
    done = weir_journal_consumed(journal) == weir_journal_end(journal);
    journal->closed = done;
    pthread_mutex_unlock(&journal->lock);
    return done;
}

/* Gives memory back of what is below position and was not taken over yet. Under the lock. */
static void give_back(struct weir_journal *journal, uint64_t from, uint64_t position)
{
    uint64_t floor = ring_floor(journal, weir_journal_end(journal));

    if (from < floor)
        from = floor;
    from = (from + PIECE_BYTES - 1) / PIECE_BYTES * PIECE_BYTES;
    for (; from + PIECE_BYTES <= position; from += PIECE_BYTES)
        (void)madvise(memory_at(journal, from), PIECE_BYTES, MADV_REMOVE);
}

static void pass_piece(struct weir_journal *journal, uint64_t from, uint64_t position)
{
    if (journal->written_on || from / PIECE_BYTES == position / PIECE_BYTES)
        return;
    pthread_mutex_lock(&journal->lock);
    give_back(journal, from / PIECE_BYTES * PIECE_BYTES, position);
    pthread_mutex_unlock(&journal->lock);
}

static void consume_to(struct weir_journal *journal, uint64_t position)
{
    uint64_t from = weir_journal_consumed(journal);

    atomic_store_explicit(&journal->consumed, position, memory_order_release);
    pass_piece(journal, from, position);
}

bool weir_journal_peek(struct weir_journal *journal, struct weir_record *record)
{
    for (;;) {
        uint64_t position = weir_journal_consumed(journal);
        uint64_t room = cut_after(journal, position) - position;

        if (position == weir_journal_end(journal))
            return false;
        if (room < WEIR_RECORD_BYTES_MIN) {
            consume_to(journal, position + room);
            continue;
        }
        journal->peeked = weir_record_read(record, memory_at(journal, position), (size_t)room,
                                           journal->store, position, journal->consumed_ms, false);
        assert(journal->peeked > 0);
        journal->peeked_ms = record->time_ms;
        if (record->kind == WEIR_RECORD_SEGMENT) {
            journal->consumed_ms = record->time_ms;
            journal->consumed_sequence = record->sequence; /* a hole may lie in front of it */
        } else if (record->kind != WEIR_RECORD_END)
            return true;
        consume_to(journal,
                   record->kind == WEIR_RECORD_END ? position + room : position + journal->peeked);
    }
}

void weir_journal_consume(struct weir_journal *journal)
{
    assert(journal->peeked > 0);
    journal->consumed_ms = journal->peeked_ms;
    journal->consumed_sequence++;
    consume_to(journal, weir_journal_consumed(journal) + journal->peeked);
    journal->peeked = 0;
}

void weir_journal_place(const struct weir_journal *journal, struct weir_log_place *place)
{
    place->position = weir_journal_consumed(journal);
    place->sequence = journal->consumed_sequence;
    place->time_ms = journal->consumed_ms;
}

const unsigned char *weir_journal_bytes(const struct weir_journal *journal, uint64_t position,
                                        uint64_t *length)
{
    uint64_t end = weir_journal_end(journal);
    uint64_t cut = cut_after(journal, position);

    *length = (end < cut ? end : cut) - position;
    return memory_at(journal, position);
}

void weir_journal_release(struct weir_journal *journal, uint64_t position)
{
    pthread_mutex_lock(&journal->lock);
    if (position > atomic_load_explicit(&journal->held, memory_order_relaxed))
        atomic_store_explicit(&journal->held, position, memory_order_release);
    pthread_mutex_unlock(&journal->lock);
}

void weir_journal_hold(struct weir_journal *journal, uint64_t position)
{
    atomic_store(&journal->held, position);
}

void weir_journal_cut(struct weir_journal *journal)
{
    uint64_t position;
    uint64_t cut;

    pthread_mutex_lock(&journal->lock);
    position = weir_journal_end(journal);
    cut = cut_after(journal, position - 1);
    if (cut > position && make_room(journal, cut)) {
        (void)end_segment(journal, position);
        atomic_store_explicit(&journal->head->end, cut, memory_order_release);
    }
    pthread_mutex_unlock(&journal->lock);
}
