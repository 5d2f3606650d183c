/*
 * What the keeper's parts share: keeper.c the thread and its round, keeper_log.c the log,
 * keeper_config.c configurations, keeper_batch.c batches into the outbox and out of it,
 * keeper_numbers.c numbers for those that are made again, keeper_snapshot.c snapshots. For them
 * alone.
 */
#ifndef WEIR_COMMAND_KEEPER_WORK_H
#define WEIR_COMMAND_KEEPER_WORK_H

#include <pthread.h>

#include "command/keeper.h"
#include "command/room.h"
#include "format/batch.h"
#include "store/ring.h"

#define WEIR_KEEPER_IMAGE_COUNT_MAX 8

/* A configuration as bytes, from the heap. */
struct weir_keeper_image {
    void *bytes;
    size_t length;
    uint64_t hash;
};

/* Configurations that are told apart. */
#define WEIR_KEEPER_CONFIG_COUNT_MAX 256

/* Those that the log or a snapshot speaks of. */
struct weir_keeper_configs {
    enum {
        WEIR_KEEPER_CONFIGS_WAIT, /* for the first snapshot */
        WEIR_KEEPER_CONFIGS_READ,
        WEIR_KEEPER_CONFIGS_DONE,
    } state;
    uint64_t next; /* segment */
    uint64_t spoken_of[WEIR_KEEPER_CONFIG_COUNT_MAX];
    uint32_t count;
};

/* A record that the thread asks the owner to note. */
struct weir_keeper_request {
    struct weir_record record;
    bool open;  /* there is no answer yet */
    bool taken; /* the owner has it, and is going to answer */
    bool refused;
};

enum weir_keeper_slot {
    WEIR_KEEPER_SLOT_EMPTY,
    WEIR_KEEPER_SLOT_READY, /* can be taken back */
    WEIR_KEEPER_SLOT_OUT,   /* may have left */
    WEIR_KEEPER_SLOT_DONE,
};

struct weir_keeper {
    struct weir_storage *storage;
    struct weir_journal *journal;
    int64_t sync_ms;
    int wake_fd;
    pthread_t thread;
    pthread_mutex_t lock; /* on what follows, but for what the thread alone has */
    pthread_cond_t work;
    pthread_cond_t progress;
    bool following; /* the log is written on */
    bool stopping;
    bool stopped;
    bool unwaited; /* nobody waits for the log to be synced any more */
    bool kicked;
    struct weir_keeper_report report;
    int64_t busy_since_ms; /* of what the disk does now; 0: nothing */
    uint64_t synced;

    struct weir_ring staged; /* owner to thread */
    void *staged_bytes;

    enum weir_keeper_slot slot;
    struct weir_outbox_batch slot_batch;
    char slot_bytes[WEIR_BATCH_HEAD_BYTES + WEIR_BATCH_BYTES_MAX];
    uint64_t done_from; /* of the log that has to be on disk before the one that is done goes */

    bool snapshot_wanted;
    bool snapshot_full; /* the buffer holds one that is to be written */
    void *snapshot;
    uint64_t snapshot_size; /* of the buffer */
    uint64_t snapshot_length;
    uint64_t snapshot_place;
    uint64_t snapshot_newest; /* the place of the newest on disk */
    uint64_t snapshot_newest_length;

    struct weir_keeper_image images[WEIR_KEEPER_IMAGE_COUNT_MAX]; /* to be kept, the oldest first */
    uint32_t image_count;

    struct weir_keeper_configs configs; /* the thread's */
    struct weir_room room;              /* the thread's */
    struct weir_keeper_request request;
    struct weir_engine_numbers numbers; /* taken, and not settled */
    bool answered;                      /* the owner looks at what is wanted */
    struct weir_engine_shift shifts[WEIR_ROOM_SHIFT_COUNT_MAX]; /* owner to thread */
    uint32_t shift_count;

    uint64_t condemned[WEIR_HISTORY_BAD_MAX];
    uint32_t condemned_count;

    uint64_t leave_from; /* the thread's: nothing leaves before the log is on disk up to here */
    int64_t written_ms;  /* the thread's: when the log was last written */
    bool log_due;        /* the thread's: this round writes it */
    int64_t squeezed_since_ms;
    int last_error;
};

/* keeper.c */

int64_t weir_keeper_monotonic_ms(void);

/* Has the owner look at what is new. */
void weir_keeper_wake_owner(struct weir_keeper *keeper);

/* Has the thread begin a round. */
void weir_keeper_kick(struct weir_keeper *keeper);

/* A call to the disk has had its answer; since when it is busy, 0: it may take its time. */
void weir_keeper_note_progress(struct weir_keeper *keeper);
void weir_keeper_set_busy_since(struct weir_keeper *keeper, int64_t since_ms);

/* Under the lock: when patience with the disk ends. */
int64_t weir_keeper_patience_end(const struct weir_keeper *keeper, int64_t now_ms);

/* Under the lock, the thread's: waits until it is signalled, or a time of the monotonic clock. */
void weir_keeper_wait_for_work(struct weir_keeper *keeper, int64_t end_ms);

/* What a round does, in this order; the thread's. 0, or what went wrong. */

int weir_keeper_store_configs(struct weir_keeper *keeper);
int weir_keeper_write_log(struct weir_keeper *keeper);
int weir_keeper_settle_numbers(struct weir_keeper *keeper);
int weir_keeper_store_batches(struct weir_keeper *keeper);
int weir_keeper_shift_batches(struct weir_keeper *keeper);
int weir_keeper_serve_slot(struct weir_keeper *keeper);
int weir_keeper_store_snapshot(struct weir_keeper *keeper);
int weir_keeper_clear_configs(struct weir_keeper *keeper);

/* Under the lock: batches wait to have their times put right. */
bool weir_keeper_shifts(const struct weir_keeper *keeper);

/* Under the lock, the thread's: the batch in the slot can go. */
bool weir_keeper_is_done(const struct weir_keeper *keeper);

/* Under the lock. */
bool weir_keeper_log_is_due(struct weir_keeper *keeper);
bool weir_keeper_snapshot_is_due(const struct weir_keeper *keeper);

/* keeper_numbers.c: takes numbers of batches for a room, and says that they are in use; context is
 * the keeper. */
int weir_keeper_reserve(void *context, uint64_t epoch, uint32_t count, uint64_t *first);
int weir_keeper_use_numbers(void *context);

#endif
