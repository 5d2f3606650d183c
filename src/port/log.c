#include "port/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_bool log_verbose;
static bool log_to_journal;
static pthread_once_t log_once = PTHREAD_ONCE_INIT;

/* The journal says which stream is its own by device and inode: stderr may have been redirected. */
static void find_journal(void)
{
    const char *named = getenv("JOURNAL_STREAM");
    unsigned long long device;
    unsigned long long inode;
    struct stat stream;

    if (named && sscanf(named, "%llu:%llu", &device, &inode) == 2 &&
        fstat(STDERR_FILENO, &stream) == 0)
        log_to_journal = device == stream.st_dev && inode == stream.st_ino;
}

static size_t escape(char *line, size_t at, size_t end, const char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        bool control = byte < 0x20 || byte == 0x7f;

        if (at + (control ? 4 : 1) > end) {
            memcpy(line + end - 3, "...", 3);
            return end;
        }
        if (!control) {
            line[at++] = *text;
            continue;
        }
        line[at++] = '\\';
        line[at++] = 'x';
        line[at++] = digits[byte >> 4];
        line[at++] = digits[byte & 0xf];
    }
    return at;
}

static void write_all(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDERR_FILENO, bytes, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        bytes += written;
        length -= (size_t)written;
    }
}

__attribute__((format(printf, 3, 0))) static void write_line(int priority, const char *level,
                                                             const char *format, va_list arguments)
{
    char text[WEIR_LOG_LINE_MAX];
    char line[WEIR_LOG_LINE_MAX];
    int kept_errno = errno;
    size_t length;

    pthread_once(&log_once, find_journal);
    if (vsnprintf(text, sizeof(text), format, arguments) < 0)
        return;
    if (log_to_journal)
        length = (size_t)snprintf(line, sizeof(line), "<%d>weir: %s: ", priority, level);
    else
        length = (size_t)snprintf(line, sizeof(line), "weir: %s: ", level);
    length = escape(line, length, sizeof(line) - 1, text);
    line[length++] = '\n';
    write_all(line, length);
    errno = kept_errno;
}

void weir_log_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(3, "error", format, arguments);
    va_end(arguments);
}

void weir_log_warning(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(4, "warning", format, arguments);
    va_end(arguments);
}

void weir_log_info(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(6, "info", format, arguments);
    va_end(arguments);
}

void weir_log_debug(const char *format, ...)
{
    va_list arguments;

    if (!atomic_load_explicit(&log_verbose, memory_order_relaxed))
        return;
    va_start(arguments, format);
    write_line(7, "debug", format, arguments);
    va_end(arguments);
}

void weir_log_set_verbose(bool verbose)
{
    atomic_store_explicit(&log_verbose, verbose, memory_order_relaxed);
}
