/* The receiving end is a program of its own, beside this one: it alone links SQLite and curl. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"

/* The package has the program's name. */
#define PROGRAM "weir-collect"

int weir_command_collect(int argc, char **argv)
{
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
    char *slash;

    (void)argc;
    if (length <= 0 || (size_t)length >= sizeof(path)) {
        fprintf(stderr, "%s: cannot tell where this program is: %s\n", argv[0], strerror(errno));
        return WEIR_EXIT_FAILED;
    }
    path[length] = '\0';
    slash = strrchr(path, '/');
    if ((size_t)(slash + 1 - path) + sizeof(PROGRAM) > sizeof(path)) {
        fprintf(stderr, "%s: %s lies too deep\n", argv[0], path);
        return WEIR_EXIT_FAILED;
    }
    memcpy(slash + 1, PROGRAM, sizeof(PROGRAM));
    (void)execv(path, argv);
    fprintf(stderr, "%s: cannot run %s: %s%s\n", argv[0], path, strerror(errno),
            errno == ENOENT ? "; the package " PROGRAM " brings it" : "");
    return WEIR_EXIT_FAILED;
}
