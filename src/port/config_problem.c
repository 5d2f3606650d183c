#include "port/config_problem.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "format/text.h"

/* Letters that say enough to be completed. */
#define BEGINNING_LENGTH_MIN 3

#define ELLIPSIS ", ..."

__attribute__((format(printf, 4, 0))) static void add_problem(struct weir_problems *problems,
                                                              struct weir_place place, bool warning,
                                                              const char *format, va_list arguments)
{
    struct weir_problem *problem;

    if (!warning)
        problems->error_count++;
    if (problems->count == WEIR_CONFIG_ERROR_COUNT_MAX) {
        problems->unlisted_count++;
        return;
    }
    problem = &problems->list[problems->count];
    problem->place = place;
    problem->order = problems->count++;
    problem->warning = warning;
    (void)vsnprintf(problem->text, sizeof(problem->text), format, arguments);
}

void weir_problem_add(struct weir_problems *problems, struct weir_place place, const char *format,
                      ...)
{
    va_list arguments;

    va_start(arguments, format);
    add_problem(problems, place, false, format, arguments);
    va_end(arguments);
}

void weir_problem_warn(struct weir_problems *problems, struct weir_place place, const char *format,
                       ...)
{
    va_list arguments;

    va_start(arguments, format);
    add_problem(problems, place, true, format, arguments);
    va_end(arguments);
}

static int compare_numbers(uint32_t a, uint32_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_problems(const void *first, const void *second)
{
    const struct weir_problem *a = first;
    const struct weir_problem *b = second;
    int order = compare_numbers(a->place.file_order, b->place.file_order);

    if (order == 0)
        order = compare_numbers(a->place.line, b->place.line);
    if (order == 0)
        order = compare_numbers(a->place.column, b->place.column);
    if (order == 0)
        order = compare_numbers(a->order, b->order);
    return order;
}

void weir_problem_print(struct weir_problems *problems, FILE *report)
{
    qsort(problems->list, problems->count, sizeof(problems->list[0]), compare_problems);
    for (uint32_t i = 0; i < problems->count; i++) {
        const struct weir_problem *problem = &problems->list[i];

        if (problem->place.line > 0)
            fprintf(report, "%s:%u:%u: ", problem->place.file, (unsigned)problem->place.line,
                    (unsigned)problem->place.column);
        else
            fprintf(report, "%s: ", problem->place.file);
        fprintf(report, "%s: %s\n", problem->warning ? "warning" : "error", problem->text);
    }
    if (problems->unlisted_count > 0)
        fprintf(report, "%s: %s: %u more, not listed\n", problems->list[0].place.file,
                problems->error_count > 0 ? "error" : "warning",
                (unsigned)problems->unlisted_count);
}

/* Case and the kind of hyphen are no slips. */
static int fold(char c)
{
    return c == '-' ? '_' : tolower((unsigned char)c);
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours between a and b; both are of at most
 * WEIR_NAME_LENGTH_MAX bytes. */
static unsigned edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned rows[3][WEIR_NAME_LENGTH_MAX + 1];

    for (unsigned j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a_length; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3];
        const unsigned *before = rows[(i + 1) % 3];

        row[0] = i;
        for (unsigned j = 1; j <= b_length; j++) {
            unsigned differs = fold(a[i - 1]) != fold(b[j - 1]);

            row[j] = smaller(smaller(above[j], row[j - 1]) + 1, above[j - 1] + differs);
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
                fold(a[i - 2]) == fold(b[j - 1]))
                row[j] = smaller(row[j], before[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

/* "window_size" is likely to mean "size": the longest known name inside the unknown one, of
 * four letters at least. */
static const char *find_contained(const char *name, const char *const *candidates, size_t count)
{
    const char *found = NULL;

    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(candidates[i]);

        if (length >= 4 && strstr(name, candidates[i]) && (!found || length > strlen(found)))
            found = candidates[i];
    }
    return found;
}

/* "iso" is likely to mean "iso8601": the shortest that begins so. */
static const char *find_completed(const char *name, const char *const *candidates, size_t count)
{
    size_t length = strlen(name);
    const char *found = NULL;

    for (size_t i = 0; i < count && length >= BEGINNING_LENGTH_MIN; i++) {
        if (strncmp(candidates[i], name, length) == 0 &&
            (!found || strlen(candidates[i]) < strlen(found)))
            found = candidates[i];
    }
    return found;
}

const char *weir_problem_nearest(const char *name, const char *const *candidates, size_t count)
{
    size_t length = strlen(name);
    unsigned limit = length / 3 > 2 ? (unsigned)(length / 3) : 2;
    const char *nearest = find_completed(name, candidates, count);

    if (nearest || length > WEIR_NAME_LENGTH_MAX)
        return nearest;
    for (size_t i = 0; i < count; i++) {
        size_t candidate_length = strlen(candidates[i]);
        unsigned distance;

        if (candidate_length > WEIR_NAME_LENGTH_MAX)
            continue;
        distance = edit_distance(name, length, candidates[i], candidate_length);
        if (distance > limit || distance >= length)
            continue;
        nearest = candidates[i];
        if (distance == 0)
            break;
        limit = distance - 1;
    }
    return nearest ? nearest : find_contained(name, candidates, count);
}

void weir_problem_list_names(char listed[static WEIR_PROBLEM_NAMES_SIZE], const char *const *names,
                             size_t count)
{
    struct weir_text text;

    weir_text_init(&text, listed, WEIR_PROBLEM_NAMES_SIZE - sizeof(ELLIPSIS));
    for (size_t i = 0; i < count; i++) {
        size_t length = text.length;

        weir_text_add(&text, i > 0 ? ", " : "");
        weir_text_add(&text, names[i]);
        if (text.overflow) {
            text.length = length;
            break;
        }
    }
    memcpy(listed + text.length, text.overflow ? ELLIPSIS : "",
           text.overflow ? sizeof(ELLIPSIS) : 1);
}
