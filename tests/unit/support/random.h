/*
 * Random numbers for tests that draw their input. The seed is printed; WEIR_SEED repeats a run.
 */
#ifndef TESTS_SUPPORT_RANDOM_H
#define TESTS_SUPPORT_RANDOM_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct test_random {
    uint64_t state;
};

static inline uint64_t random_next(struct test_random *random)
{
    uint64_t word = random->state += 0x9e3779b97f4a7c15u;

    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebu;
    return word ^ (word >> 31);
}

/* From 0 up to, not including, bound. */
static inline uint32_t random_below(struct test_random *random, uint32_t bound)
{
    return (uint32_t)((random_next(random) >> 32) * bound >> 32);
}

/* From low to high, both included. */
static inline int64_t random_between(struct test_random *random, int64_t low, int64_t high)
{
    return low + (int64_t)(random_next(random) % (uint64_t)(high - low + 1));
}

/* True once in so many calls. */
static inline bool random_once_in(struct test_random *random, uint32_t calls)
{
    return random_below(random, calls) == 0;
}

/* The run's seed: WEIR_SEED, or the clock's. */
static inline uint64_t random_seed(void)
{
    static uint64_t seed;
    const char *text = getenv("WEIR_SEED");
    struct timespec now;

    if (seed != 0)
        return seed;
    if (text) {
        seed = strtoull(text, NULL, 10);
    } else {
        (void)timespec_get(&now, TIME_UTC);
        seed = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    }
    printf("seed: WEIR_SEED=%" PRIu64 "\n", seed);
    (void)fflush(stdout);
    return seed;
}

/* A generator of its own for each test, so that tests do not shift each other's input. */
static inline struct test_random random_make(uint64_t test)
{
    return (struct test_random){.state = random_seed() ^ (test * 0x2545f4914f6cdd1du)};
}

#endif
