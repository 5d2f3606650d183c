/* The engine takes no memory after init: the allocator of this program is its own and counts its
 * calls. */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>

#include "support/build.h"
#include "support/random.h"
#include "support/unit.h"
#include "weir/engine.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ALLOCATOR_IS_TAKEN
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ALLOCATOR_IS_TAKEN
#endif

/* volatile, because a compiler takes it that malloc changes nothing it can see. */
static volatile unsigned long call_count;

#ifndef ALLOCATOR_IS_TAKEN

static _Alignas(64) unsigned char pool[8 << 20];
static size_t pool_used;

/* Memory that is never given back; its size stands in front of it. */
static void *take_from_pool(size_t alignment, size_t size)
{
    size_t at = pool_used + sizeof(size);
    unsigned char *bytes;

    call_count++;
    if (alignment < _Alignof(max_align_t))
        alignment = _Alignof(max_align_t);
    at = (at + alignment - 1) & ~(alignment - 1);
    if (at > sizeof(pool) || size > sizeof(pool) - at) {
        errno = ENOMEM;
        return NULL;
    }
    bytes = pool + at;
    memcpy(bytes - sizeof(size), &size, sizeof(size));
    pool_used = at + size;
    return bytes;
}

/* Seen by libc too, whatever the visibility that the rest is compiled with. */
#pragma GCC visibility push(default)

void *malloc(size_t size)
{
    return take_from_pool(1, size);
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return take_from_pool(1, bytes);
}

void *realloc(void *old, size_t size)
{
    void *bytes = take_from_pool(1, size);
    size_t old_size;

    if (!old || !bytes)
        return bytes;
    memcpy(&old_size, (unsigned char *)old - sizeof(old_size), sizeof(old_size));
    memcpy(bytes, old, old_size < size ? old_size : size);
    return bytes;
}

void free(void *bytes)
{
    call_count += bytes != NULL;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return take_from_pool(alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
    return take_from_pool(alignment, size);
}

int posix_memalign(void **bytes, size_t alignment, size_t size)
{
    *bytes = take_from_pool(alignment, size);
    return *bytes ? 0 : ENOMEM;
}

#pragma GCC visibility pop

#endif

enum { ARENA_BYTES = 4 << 20, PAYLOAD_COUNT = 1024, MESSAGE_COUNT = 20000 };

static _Alignas(64) unsigned char arenas[2][ARENA_BYTES];
static struct build builds[2];
static char payloads[PAYLOAD_COUNT][96];
static uint64_t batch_count;
static uint64_t summary_count;
static uint64_t alert_count;

static void build_everything(struct build *build)
{
    struct weir_stream_config *stream;

    build_init(build);
    build->config.outbox_bytes = 32 << 10;
    stream = build_stream(build, "event", "s/{site}/{dev}");
    stream->lateness_ms = 5000;
    stream->revise = true;
    stream->held_count = 2;
    (void)build_field(stream, "t");
    (void)build_field(stream, "h");
    build_quantiles(stream);
    stream = build_stream(build, "arrival", "s/{site}/#");
    build_on_arrival_time(stream);
    (void)build_field(stream, "t");
    stream->max_series = 2;
    stream = build_stream(build, "number", "s/+/{dev}");
    build_on_arrival_time(stream);
    stream->format = WEIR_PAYLOAD_NUMBER;
    (void)build_field(stream, "v");
    build_rule(build, "hot", 0, 0, 50)->hold_ms = 100;
    (void)build_rule(build, "warm", 1, 0, 50);
    (void)build_rule(build, "high", 2, 0, 50);
}

static void draw_payloads(struct test_random *random)
{
    static const char *const odd[] = {"",
                                      "null",
                                      "{",
                                      "{\"t\":[[[]]]}",
                                      "{\"t\":\"\\u00e9\"}",
                                      "x",
                                      "1e999",
                                      "{\"ts\":\"x\",\"t\":1}"};

    for (unsigned i = 0; i < PAYLOAD_COUNT; i++) {
        int value = (int)random_between(random, -100, 100);

        if (i % 10 == 0)
            (void)snprintf(payloads[i], sizeof(payloads[i]), "%s", odd[i / 10 % 8]);
        else if (i % 3 == 0)
            (void)snprintf(payloads[i], sizeof(payloads[i]), "%d.%u", value, i);
        else
            (void)snprintf(payloads[i], sizeof(payloads[i]),
                           "{\"ts\":%" PRId64 ",\"t\":%d.5,\"h\":\"%d\"}",
                           random_between(random, 0, MESSAGE_COUNT * 50), value, -value);
    }
}

static void take_all(struct weir_engine *engine)
{
    struct weir_engine_output output;

    while (weir_engine_take(engine, &output)) {
        batch_count += output.kind == WEIR_ENGINE_BATCH;
        summary_count += output.kind == WEIR_ENGINE_SUMMARY;
        alert_count += output.kind == WEIR_ENGINE_ALERT;
    }
}

static void feed(struct weir_engine *engine, struct test_random *random, int64_t now_ms)
{
    static const char *const topics[] = {"s/a/1", "s/a/2", "s/b/1", "s/c/1", "s/d", "strange"};
    const char *payload = payloads[random_below(random, PAYLOAD_COUNT)];
    const char *topic = topics[random_below(random, 6)];
    struct weir_message message = {
        .topic = topic,
        .topic_length = strlen(topic),
        .payload = payload,
        .payload_length = strlen(payload),
        .arrived_ms = now_ms,
    };

    while (weir_engine_advance(engine, now_ms) != WEIR_OK)
        take_all(engine);
    while (weir_engine_accept(engine, &message) != WEIR_OK)
        take_all(engine);
    if (random_once_in(random, 5))
        take_all(engine);
}

/* Everything that a day of `run` does with an engine, a reload in the middle. */
static void run_engine(struct test_random *random)
{
    struct weir_engine engines[2];
    struct weir_ledger ledger = {.queue_dropped = 1};
    unsigned current = 0;

    for (unsigned i = 0; i < 2; i++)
        weir_engine_init(&engines[i], &builds[i].config, arenas[i], ARENA_BYTES, 1, true);
    call_count = 0;
    for (unsigned i = 0; i < MESSAGE_COUNT; i++) {
        feed(&engines[current], random, (int64_t)i * 50);
        if (i != MESSAGE_COUNT / 2)
            continue;
        while (weir_engine_drain_changed(&engines[0], &builds[1].config) != WEIR_OK)
            take_all(&engines[0]);
        weir_engine_adopt(&engines[1], &engines[0]);
        current = 1;
    }
    weir_engine_note_losses(&engines[1], &ledger);
    while (weir_engine_drain(&engines[1]) != WEIR_OK)
        take_all(&engines[1]);
    weir_engine_ledger(&engines[1], &ledger);
    assert_true(weir_ledger_balanced(&ledger));
    assert_int_equal(ledger.received, MESSAGE_COUNT);
    assert_int_equal(ledger.open, 0);
    assert_int_equal(ledger.summaries, summary_count);
}

static void the_engine_runs_and_reloads_without_the_heap(void **state)
{
    struct test_random random = random_make(1);

    (void)state;
    build_everything(&builds[0]);
    build_everything(&builds[1]);
    builds[1].streams[1].window_ms = 3000;
    draw_payloads(&random);
    for (unsigned i = 0; i < 2; i++)
        assert_true(weir_engine_size(&builds[i].config, NULL) <= ARENA_BYTES);
    run_engine(&random);
    assert_int_equal(call_count, 0);
    /* What was not given out was not tried. */
    assert_true(batch_count > 10 && summary_count > 100 && alert_count > 100);
}

static void the_count_counts(void **state)
{
    /* Called through pointers that the compiler cannot see through: it knows what malloc does. */
    void *(*volatile take)(size_t) = malloc;
    void *(*volatile take_zeroed)(size_t, size_t) = calloc;
    void *(*volatile take_more)(void *, size_t) = realloc;
    void *(*volatile take_aligned)(size_t, size_t) = aligned_alloc;
    char *(*volatile copy)(const char *) = strdup;
    void (*volatile give_back)(void *) = free;

    (void)state;
    call_count = 0;
    give_back(take_more(take(1), 2));
    give_back(take_zeroed(1, 1));
    give_back(take_aligned(64, 64));
    give_back(copy("x"));
    assert_int_equal(call_count, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_count_counts),
        cmocka_unit_test(the_engine_runs_and_reloads_without_the_heap),
    };

#ifdef ALLOCATOR_IS_TAKEN
    printf("the sanitizer's allocator cannot be replaced\n");
    return 77;
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
