#include <stdlib.h>
#include <string.h>

#include "port/config_check.h"
#include "port/config_source.h"

struct listed_filter {
    const char *text;
    uint32_t stream;
    uint32_t index; /* among the stream's topics */
    bool covered;   /* by another one of the list */
};

/* Length of the level at text. */
static size_t level_length(const char *text)
{
    return strcspn(text, "/");
}

/* The level behind it, NULL: it was the last. */
static const char *next_level(const char *text)
{
    text += level_length(text);
    return *text == '/' ? text + 1 : NULL;
}

/* A level that takes any one level. */
static bool takes_any(const char *level)
{
    return level[0] == '+' || level[0] == '{';
}

static bool takes_rest(const char *level)
{
    return level[0] == '#';
}

static bool same_text(const char *a, const char *b)
{
    size_t length = level_length(a);

    return length == level_length(b) && memcmp(a, b, length) == 0;
}

/* A wildcard at the beginning matches no topic that starts with a dollar. */
static bool apart_by_dollar(const char *a, const char *b)
{
    return a[0] == '$' && (takes_any(b) || takes_rest(b));
}

/* True when every topic that matches b matches a. */
static bool covers(const char *a, const char *b)
{
    if (apart_by_dollar(b, a))
        return false;
    while (a && b) {
        if (takes_rest(a))
            return true;
        if (takes_rest(b) || (!takes_any(a) && (takes_any(b) || !same_text(a, b))))
            return false;
        a = next_level(a);
        b = next_level(b);
    }
    return !b && (!a || takes_rest(a));
}

/* True when some topic matches both. */
static bool meet(const char *a, const char *b)
{
    if (apart_by_dollar(a, b) || apart_by_dollar(b, a))
        return false;
    while (a && b) {
        if (takes_rest(a) || takes_rest(b))
            return true;
        if (!takes_any(a) && !takes_any(b) && !same_text(a, b))
            return false;
        a = next_level(a);
        b = next_level(b);
    }
    return (!a || takes_rest(a)) && (!b || takes_rest(b));
}

static void warn_pair(const struct weir_draft *draft, const struct listed_filter *first,
                      const struct listed_filter *second)
{
    const config_setting_t *topics =
        config_setting_get_member(draft->streams[second->stream], "topics");

    weir_problem_warn(draft->problems,
                      weir_source_value_place(config_setting_get_elem(topics, second->index)),
                      "the topics \"%.100s\" and \"%.100s\" of stream \"%s\" meet without one "
                      "covering the other: a broker may deliver a message on both twice",
                      second->text, first->text, draft->config->streams[first->stream].name);
}

static size_t list_filters(const struct weir_config *config, struct listed_filter *list)
{
    size_t count = 0;

    for (uint32_t i = 0; i < config->stream_count; i++) {
        for (uint32_t j = 0; j < config->streams[i].filter_count; j++)
            list[count++] = (struct listed_filter){config->streams[i].filters[j], i, j, false};
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count && !list[i].covered; j++) {
            /* Of two that cover each other the first one stays. */
            list[i].covered = i != j && covers(list[j].text, list[i].text) &&
                              (j < i || !covers(list[i].text, list[j].text));
        }
    }
    return count;
}

void weir_check_overlap(struct weir_draft *draft)
{
    size_t count_max = (size_t)draft->config->stream_count * WEIR_FILTER_COUNT_MAX;
    struct listed_filter *list = calloc(count_max, sizeof(*list));
    size_t count;

    if (!list) {
        weir_problem_add(draft->problems, weir_source_place(draft->streams[0]), "out of memory");
        return;
    }
    count = list_filters(draft->config, list);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (!list[i].covered && !list[j].covered && meet(list[j].text, list[i].text))
                warn_pair(draft, &list[j], &list[i]);
        }
    }
    free(list);
}
