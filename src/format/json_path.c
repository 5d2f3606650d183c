#include "format/json_path.h"

#include <string.h>

#include "core/assert.h"
#include "format/json_text.h"

/* The key as an array index: digits without a leading zero. */
static int16_t read_element(const char *key, size_t length)
{
    int32_t element = 0;

    if (length == 0 || length > 5 || (length > 1 && key[0] == '0'))
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (key[i] < '0' || key[i] > '9')
            return -1;
        element = element * 10 + (key[i] - '0');
    }
    return element <= INT16_MAX ? (int16_t)element : -1;
}

static int16_t add_node(struct weir_json_paths *paths, int16_t parent, const char *key,
                        size_t length)
{
    int16_t index = (int16_t)paths->node_count;
    struct weir_json_node *node = &paths->nodes[index];
    char *copy = paths->keys + paths->key_bytes;
    int16_t *link = &paths->nodes[parent].child;
    bool escaped;

    /* Behind the last key stand the bytes of a word, for comparisons by words. */
    if (index == WEIR_JSON_NODE_COUNT_MAX ||
        paths->key_bytes + length + 1 + sizeof(uint64_t) > WEIR_JSON_KEY_BYTES_MAX)
        return WEIR_JSON_NO_NODE;
    memcpy(copy, key, length);
    copy[length] = '"';
    *node = (struct weir_json_node){
        .key_offset = paths->key_bytes,
        .key_length = (uint16_t)length,
        .child = WEIR_JSON_NO_NODE,
        .sibling = WEIR_JSON_NO_NODE,
        .value = -1,
        .parent = parent,
        .element = read_element(key, length),
        .plain =
            weir_json_find_quote(copy, copy + length + 1, &escaped) == copy + length && !escaped,
    };
    while (*link != WEIR_JSON_NO_NODE)
        link = &paths->nodes[*link].sibling;
    *link = index;
    paths->node_count++;
    paths->key_bytes = (uint16_t)(paths->key_bytes + length + 1);
    return index;
}

int16_t weir_json_find_child(const struct weir_json_paths *paths, int16_t parent, const char *key,
                             size_t length)
{
    int16_t child = paths->nodes[parent].child;

    while (child != WEIR_JSON_NO_NODE) {
        const struct weir_json_node *node = &paths->nodes[child];

        if (node->key_length == length && memcmp(paths->keys + node->key_offset, key, length) == 0)
            break;
        child = node->sibling;
    }
    return child;
}

bool weir_json_take_step(const char **text, const char **key, size_t *length)
{
    const char *stop;

    *key = *text;
    if (**text == '"') {
        ++*key;
        stop = strchr(*key, '"');
        if (!stop || (stop[1] != '.' && stop[1] != '\0'))
            return false;
        *length = (size_t)(stop - *key);
        stop++;
    } else {
        stop = *text + strcspn(*text, ".");
        *length = (size_t)(stop - *key);
    }
    *text = *stop == '.' ? stop + 1 : NULL;
    return *length > 0;
}

static bool add_path(struct weir_json_paths *paths, const char *text, int16_t path)
{
    int16_t node = 0;
    unsigned step_count = 0;

    if (strlen(text) > WEIR_PATH_LENGTH_MAX)
        return false;
    while (text) {
        int16_t child;
        const char *key;
        size_t length;

        if (!weir_json_take_step(&text, &key, &length) || ++step_count > WEIR_PATH_STEP_COUNT_MAX)
            return false;
        child = weir_json_find_child(paths, node, key, length);
        if (child == WEIR_JSON_NO_NODE)
            child = add_node(paths, node, key, length);
        if (child == WEIR_JSON_NO_NODE)
            return false;
        node = child;
    }
    if (paths->nodes[node].value >= 0)
        return false;
    paths->nodes[node].value = path;
    paths->path_nodes[path] = node;
    return true;
}

enum weir_status weir_json_compile(struct weir_json_paths *paths, const char *const *texts,
                                   size_t count, unsigned depth_max, size_t *bad)
{
    assert(count <= WEIR_JSON_PATH_COUNT_MAX && depth_max <= WEIR_JSON_STACK_MAX);
    memset(paths, 0, sizeof(*paths));
    paths->nodes[0] = (struct weir_json_node){.child = WEIR_JSON_NO_NODE,
                                              .sibling = WEIR_JSON_NO_NODE,
                                              .value = -1,
                                              .parent = WEIR_JSON_NO_NODE,
                                              .element = -1};
    paths->node_count = 1;
    paths->path_count = (uint16_t)count;
    paths->depth_max = (uint16_t)depth_max;
    for (size_t i = 0; i < count; i++) {
        if (!add_path(paths, texts[i], (int16_t)i)) {
            if (bad)
                *bad = i;
            return WEIR_REFUSED;
        }
    }
    return WEIR_OK;
}
