#include "port/config_draft.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/number.h"
#include "port/config_source.h"
#include "port/config_token.h"

struct weir_place weir_draft_place(const config_setting_t *group, const char *name)
{
    const config_setting_t *setting = config_setting_get_member(group, name);

    return setting ? weir_source_value_place(setting) : weir_source_place(group);
}

bool weir_draft_has(const config_setting_t *group, const char *name)
{
    return group && config_setting_get_member(group, name);
}

const char *weir_draft_text(const config_setting_t *group, const char *name)
{
    const config_setting_t *setting = config_setting_get_member(group, name);

    if (!setting || config_setting_type(setting) != CONFIG_TYPE_STRING)
        return NULL;
    return config_setting_get_string(setting);
}

void weir_label_write(char *label, const char *kind, const config_setting_t *setting,
                      unsigned number, const char *outer)
{
    const char *name = weir_draft_text(setting, "name");
    char shown[64];

    if (name)
        weir_token_quote(shown, name, strlen(name), '"');
    else
        (void)snprintf(shown, sizeof(shown), "%u", number);
    (void)snprintf(label, WEIR_LABEL_SIZE, "%s %s%s%s", kind, shown, outer ? " of " : "",
                   outer ? outer : "");
}

void weir_draft_number(char *out, double number)
{
    if (isfinite(number))
        out[weir_number_format(number, out)] = '\0';
    else
        (void)snprintf(out, WEIR_DRAFT_NUMBER_SIZE, "%g", number);
}

void weir_draft_refuse_name(struct weir_draft *draft, const config_setting_t *group,
                            const char *what, const char *label, const char *const *names,
                            size_t count)
{
    const char *name = weir_draft_text(group, what);
    const char *nearest = weir_problem_nearest(name, names, count);
    char listed[WEIR_PROBLEM_NAMES_SIZE];
    char shown[64];

    weir_token_quote(shown, name, strlen(name), '"');
    weir_problem_list_names(listed, names, count);
    weir_problem_add(draft->problems, weir_draft_place(group, what),
                     "'%s' in %s is %s, and there is no such %s; %s%s%s", what, label, shown, what,
                     nearest ? "did you mean \"" : "known here: ", nearest ? nearest : listed,
                     nearest ? "\"?" : "");
}
