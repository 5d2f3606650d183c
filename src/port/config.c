#include "port/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "port/config_check.h"
#include "port/config_problem.h"
#include "port/config_read.h"
#include "port/config_rule.h"
#include "port/config_source.h"
#include "port/config_table.h"

/* Files of conf.d: more than streams and alerts can fill one by one. */
#define FILE_COUNT_MAX 512

/* The files of a configuration, the main one first. */
struct source_list {
    struct weir_source *sources;
    uint32_t count;
};

static const config_setting_t *list_of(const struct weir_source *source, const char *name)
{
    const config_setting_t *list = config_setting_get_member(weir_source_root(source), name);

    return list && config_setting_is_list(list) ? list : NULL;
}

/* Collects the groups of the lists of that name in all files; returns their number, at most max. */
static uint32_t collect_groups(const struct source_list *files, const char *name,
                               const config_setting_t **groups, uint32_t max,
                               struct weir_problems *problems)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < files->count; i++) {
        const config_setting_t *list = list_of(&files->sources[i], name);

        for (int j = 0; list && j < config_setting_length(list); j++) {
            const config_setting_t *group = config_setting_get_elem(list, (unsigned)j);

            if (!config_setting_is_group(group))
                continue;
            if (count == max) {
                /* One list that alone has too many is reported as such. */
                if (config_setting_length(list) <= (int)max)
                    weir_problem_add(problems, weir_source_place(group),
                                     "too many %s; expected at most %u in all files", name,
                                     (unsigned)max);
                return count;
            }
            groups[count++] = group;
        }
    }
    return count;
}

static void read_part(struct weir_draft *draft, const struct weir_table *table,
                      const config_setting_t *group, void *base, const char *label)
{
    char where[WEIR_LABEL_SIZE + 32];

    (void)snprintf(where, sizeof(where), "in %s", label);
    weir_read_group(table, group, base, where, draft->problems);
}

/* The group of that name, NULL: it is not written, or it is no group. */
static const config_setting_t *group_of(const config_setting_t *setting, const char *name)
{
    const config_setting_t *group = config_setting_get_member(setting, name);

    return group && config_setting_is_group(group) ? group : NULL;
}

/* False: out of memory. */
static bool read_fields(struct weir_draft *draft, const config_setting_t *setting,
                        struct weir_stream_config *stream, const char *stream_label)
{
    const config_setting_t *list = config_setting_get_member(setting, "fields");
    uint32_t count;

    if (!list || !config_setting_is_list(list) || config_setting_length(list) == 0)
        return true;
    count = (uint32_t)config_setting_length(list);
    if (count > WEIR_FIELD_COUNT_MAX)
        count = WEIR_FIELD_COUNT_MAX;
    stream->fields = calloc(count, sizeof(*stream->fields));
    if (!stream->fields)
        return false;
    stream->field_count = count;
    for (uint32_t i = 0; i < count; i++) {
        const config_setting_t *field = config_setting_get_elem(list, i);
        char label[WEIR_LABEL_SIZE];

        if (!config_setting_is_group(field))
            continue;
        weir_label_write(label, "field", field, i + 1, stream_label);
        read_part(draft, &weir_table_field, field, &stream->fields[i], label);
    }
    return true;
}

static bool read_stream(struct weir_draft *draft, uint32_t index)
{
    const config_setting_t *setting = draft->streams[index];
    struct weir_stream_config *stream = &draft->config->streams[index];
    const config_setting_t *time = group_of(setting, "time");
    char label[WEIR_LABEL_SIZE];
    char part[WEIR_LABEL_SIZE + 16];

    weir_label_write(label, "stream", setting, index + 1, NULL);
    read_part(draft, &weir_table_stream, setting, stream, label);
    if (time) {
        (void)snprintf(part, sizeof(part), "time of %s", label);
        read_part(draft, &weir_table_time, time, stream, part);
    }
    (void)snprintf(part, sizeof(part), "window of %s", label);
    read_part(draft, &weir_table_window, group_of(setting, "window"), stream, part);
    if (!read_fields(draft, setting, stream, label))
        return false;
    weir_check_stream(draft, index);
    return true;
}

static bool read_streams(struct weir_draft *draft, const struct source_list *files)
{
    struct weir_config *config = draft->config;
    uint32_t count =
        collect_groups(files, "streams", draft->streams, WEIR_STREAM_COUNT_MAX, draft->problems);

    if (count == 0) {
        weir_problem_add(draft->problems, weir_source_place(weir_source_root(files->sources)),
                         "no stream; expected at least one group in 'streams'");
        return true;
    }
    config->streams = calloc(count, sizeof(*config->streams));
    if (!config->streams)
        return false;
    config->stream_count = count;
    for (uint32_t i = 0; i < count; i++) {
        if (!read_stream(draft, i))
            return false;
    }
    return true;
}

static bool read_rules(struct weir_draft *draft, const struct source_list *files)
{
    struct weir_config *config = draft->config;
    uint32_t count =
        collect_groups(files, "alerts", draft->rules, WEIR_RULE_COUNT_MAX, draft->problems);

    if (count == 0)
        return true;
    config->rules = calloc(count, sizeof(*config->rules));
    if (!config->rules)
        return false;
    config->rule_count = count;
    for (uint32_t i = 0; i < count; i++)
        weir_rule_read(draft, i);
    return weir_rule_read_expected(draft);
}

static void read_peer(struct weir_draft *draft, const config_setting_t *root, const char *name,
                      const struct weir_table *table, const struct weir_peer_config *peer)
{
    const config_setting_t *group = group_of(root, name);
    char where[32];

    (void)snprintf(where, sizeof(where), "in %s", name);
    weir_read_group(table, group, draft->config, where, draft->problems);
    if (group)
        weir_check_peer(draft, peer, group, where);
}

/* Two connections with one client_id would throw each other out of a broker they share, which two
 * urls may lead to as well. */
static void fill_client_ids(struct weir_draft *draft, const config_setting_t *root)
{
    struct weir_config *config = draft->config;
    bool shared = strcmp(config->broker.url, config->uplink.url) == 0;
    size_t size = sizeof(config->broker.client_id);

    if (config->broker.client_id[0] == '\0')
        (void)snprintf(config->broker.client_id, size, "weir-%s", config->gateway);
    if (config->uplink.url[0] == '\0')
        return;
    if (config->uplink.client_id[0] == '\0')
        (void)snprintf(config->uplink.client_id, size, "weir-%s-uplink", config->gateway);
    if (shared && strcmp(config->broker.client_id, config->uplink.client_id) == 0)
        weir_problem_add(draft->problems, weir_source_place(group_of(root, "uplink")),
                         "broker and uplink have the same url and the same client_id \"%s\"; "
                         "expected two",
                         config->uplink.client_id);
}

/* Reads all files into the draft's configuration; false: out of memory. */
static bool read_files(struct weir_draft *draft, const struct source_list *files)
{
    const config_setting_t *root = weir_source_root(files->sources);
    struct weir_config *config = draft->config;

    weir_read_group(&weir_table_top, root, config, "at top level", draft->problems);
    for (uint32_t i = 1; i < files->count; i++)
        weir_read_group(&weir_table_addition, weir_source_root(&files->sources[i]), config,
                        "at top level of a file in conf.d", draft->problems);
    read_peer(draft, root, "broker", &weir_table_broker, &config->broker);
    read_peer(draft, root, "uplink", &weir_table_uplink, &config->uplink);
    if (group_of(root, "uplink"))
        weir_check_uplink(draft, group_of(root, "uplink"));
    weir_read_group(&weir_table_storage, group_of(root, "storage"), config, "in storage",
                    draft->problems);
    weir_read_group(&weir_table_alerting, group_of(root, "alerting"), config, "in alerting",
                    draft->problems);
    if (group_of(root, "homeassistant"))
        weir_read_group(&weir_table_discovery, group_of(root, "homeassistant"), config,
                        "in homeassistant", draft->problems);
    weir_rule_read_defaults(draft, group_of(root, "alerting"));
    fill_client_ids(draft, root);
    if (!read_streams(draft, files) || !read_rules(draft, files))
        return false;
    if (draft->problems->error_count == 0)
        weir_check_overlap(draft);
    return true;
}

/* The configuration that the files amount to, NULL: there are problems. */
static struct weir_config *build(const struct source_list *files, struct weir_problems *problems,
                                 bool connects)
{
    struct weir_draft *draft = calloc(1, sizeof(*draft));
    struct weir_config *config = calloc(1, sizeof(*config));

    if (!draft || !config)
        goto error_memory;
    draft->config = config;
    draft->problems = problems;
    draft->connects = connects;
    if (!read_files(draft, files))
        goto error_memory;
    if (problems->error_count > 0)
        goto error;
    config->hash = weir_config_hash(config);
    free(draft);
    return config;

error_memory:
    weir_problem_add(problems, files->sources[0].file, "out of memory");
error:
    weir_config_destroy(config);
    free(draft);
    return NULL;
}

static void release_files(struct source_list *files)
{
    for (uint32_t i = 0; i < files->count; i++)
        weir_source_release(&files->sources[i]);
    free(files->sources);
}

static int is_part(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return entry->d_name[0] != '.' && length > 5 &&
           strcmp(entry->d_name + length - 5, ".conf") == 0;
}

/* By bytes: the order shall not depend on the locale. */
static int compare_parts(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Loads the files of the directory named behind the main file. */
static void load_parts(struct source_list *files, const char *directory, struct dirent **entries,
                       uint32_t count, struct weir_problems *problems)
{
    for (uint32_t i = 0; i < count; i++) {
        char name[4096 + 256];

        (void)snprintf(name, sizeof(name), "%s/%s", directory, entries[i]->d_name);
        (void)weir_source_load(&files->sources[files->count], name, files->count, problems);
        files->count++;
    }
}

/* The name of conf.d beside the file at path. */
static void name_directory(char *directory, size_t size, const char *path)
{
    const char *slash = strrchr(path, '/');
    int length = slash ? (int)(slash + 1 - path) : 0;

    (void)snprintf(directory, size, "%.*sconf.d", length, path);
}

/* Loads the main file and those of conf.d; false: out of memory. */
static bool load_files(struct source_list *files, const char *path, struct weir_problems *problems)
{
    struct weir_place place = {.file = path};
    struct dirent **entries = NULL;
    char directory[4096];
    int found;

    name_directory(directory, sizeof(directory), path);
    found = scandir(directory, &entries, is_part, compare_parts);
    if (found < 0 && errno != ENOENT && errno != ENOTDIR)
        weir_problem_add(problems, place, "cannot read %s: %s", directory, strerror(errno));
    if (found > FILE_COUNT_MAX)
        weir_problem_add(problems, place, "%s has %d files; expected at most %d", directory, found,
                         FILE_COUNT_MAX);
    files->sources = calloc(found > 0 ? (size_t)found + 1 : 1, sizeof(*files->sources));
    if (files->sources) {
        files->count = 1;
        (void)weir_source_load(files->sources, path, 0, problems);
        if (found > 0 && found <= FILE_COUNT_MAX)
            load_parts(files, directory, entries, (uint32_t)found, problems);
    }
    for (int i = 0; i < found; i++)
        free(entries[i]);
    free(entries);
    return files->sources != NULL;
}

/* Builds from loaded files, unless one is unreadable, reports and lets go of the files. */
static struct weir_config *finish(struct source_list *files, struct weir_problems *problems,
                                  bool connects, FILE *report)
{
    struct weir_config *config = NULL;

    if (problems->error_count == 0)
        config = build(files, problems, connects);
    weir_problem_print(problems, report);
    release_files(files);
    free(problems);
    return config;
}

static struct weir_config *load(const char *path, bool connects, FILE *report)
{
    struct weir_problems *problems = calloc(1, sizeof(*problems));
    struct source_list files = {0};

    if (!problems || !load_files(&files, path, problems)) {
        fprintf(report, "%s: error: out of memory\n", path);
        free(problems);
        return NULL;
    }
    return finish(&files, problems, connects, report);
}

struct weir_config *weir_config_load(const char *path, FILE *report)
{
    return load(path, true, report);
}

struct weir_config *weir_config_load_offline(const char *path, FILE *report)
{
    return load(path, false, report);
}

struct weir_config *weir_config_parse(const char *name, const char *text, FILE *report)
{
    struct weir_problems *problems = calloc(1, sizeof(*problems));
    struct source_list files = {.sources = calloc(1, sizeof(*files.sources)), .count = 1};

    if (!problems || !files.sources) {
        fprintf(report, "%s: error: out of memory\n", name);
        free(files.sources);
        free(problems);
        return NULL;
    }
    (void)weir_source_parse(files.sources, name, text, strlen(text), problems);
    return finish(&files, problems, false, report);
}

void weir_config_destroy(struct weir_config *config)
{
    if (!config)
        return;
    for (uint32_t i = 0; i < config->stream_count; i++)
        free(config->streams[i].fields);
    free(config->streams);
    free(config->rules);
    free(config->expected);
    free(config);
}
