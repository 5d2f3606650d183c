#include "command/test_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/config.h"
#include "port/config_read.h"

static const struct weir_setting top_settings[] = {
    {.name = "config", .kind = WEIR_SETTING_WORD},
    {.name = "tests",
     .kind = WEIR_SETTING_LIST,
     .required = true,
     .min = 1,
     .max = WEIR_TEST_COUNT_MAX},
};

static const struct weir_table top_table = {top_settings,
                                            sizeof(top_settings) / sizeof(top_settings[0])};

/* The configuration's path: what the file names lies beside it. NULL: told. */
static char *name_config(const struct weir_test_file *file, const char *path,
                         struct weir_problems *problems)
{
    const config_setting_t *root = weir_source_root(&file->source);
    const char *name = weir_test_text_of(root, "config");
    const char *slash = strrchr(path, '/');
    int directory = slash && name && name[0] != '/' ? (int)(slash + 1 - path) : 0;
    char *joined = NULL;
    size_t size;

    if (!name) {
        if (!config_setting_get_member(root, "config"))
            weir_problem_add(problems, weir_source_place(root),
                             "missing setting 'config' at top level; expected the name of the "
                             "configuration, or -c FILE");
        return NULL;
    }
    size = (size_t)directory + strlen(name) + 1;
    joined = malloc(size);
    if (joined)
        (void)snprintf(joined, size, "%.*s%s", directory, path, name);
    else
        weir_problem_add(problems, weir_source_place(root), "out of memory");
    return joined;
}

static void load_config(struct weir_test_file *file, const char *path, const char *config_path,
                        struct weir_problems *problems)
{
    char *named = config_path ? NULL : name_config(file, path, problems);

    if (config_path || named)
        file->config = weir_config_load_offline(config_path ? config_path : named, stderr);
    free(named);
}

bool weir_test_file_load(struct weir_test_file *file, const char *path, uint32_t order,
                         const char *config_path, struct weir_problems *problems)
{
    const config_setting_t *root;
    uint32_t before = problems->error_count;
    uint32_t count;

    *file = (struct weir_test_file){0};
    if (weir_source_load(&file->source, path, order, problems) != WEIR_OK)
        return false;
    root = weir_source_root(&file->source);
    weir_read_group(&top_table, root, file, "at top level", problems);
    load_config(file, path, config_path, problems);
    count = weir_test_length_of(root, "tests");
    if (count > 0 && count <= WEIR_TEST_COUNT_MAX) {
        file->tests = calloc(count, sizeof(*file->tests));
        if (!file->tests)
            weir_problem_add(problems, file->source.file, "out of memory");
    }
    for (uint32_t i = 0; i < count && file->tests; i++) {
        const config_setting_t *group = weir_test_element_of(root, "tests", i);

        if (config_setting_is_group(group))
            weir_test_case_read(&file->tests[file->test_count++], file->config, group, i + 1,
                                problems);
    }
    return file->config && problems->error_count == before;
}

void weir_test_file_release(struct weir_test_file *file)
{
    for (uint32_t i = 0; i < file->test_count; i++)
        weir_test_case_release(&file->tests[i]);
    free(file->tests);
    weir_config_destroy(file->config);
    weir_source_release(&file->source);
}
