#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/line.h"
#include "port/log.h"

#define MESSAGE_COUNT_MAX 256

struct file_sink {
    struct weir_sink sink;
    struct weir_state *state;
    const char *path;
    enum weir_sink_form form;
    int fd;
    struct weir_state_output safe;
    struct weir_writer writer;
};

static enum weir_status fail(struct file_sink *file, int error)
{
    (void)snprintf(file->sink.problem, sizeof(file->sink.problem), "%s: %s", file->path,
                   strerror(error));
    return WEIR_FULL;
}

static enum weir_status outcome(struct file_sink *file)
{
    return file->writer.error == 0 ? WEIR_OK : fail(file, file->writer.error);
}

static enum weir_status accept_row(struct weir_sink *sink, const struct weir_collect_batch *batch,
                                   int64_t source, const struct weir_collect_row *row)
{
    struct file_sink *file = (struct file_sink *)sink;

    (void)source;
    weir_line_write_row(&file->writer, file->form, batch, row);
    return outcome(file);
}

static enum weir_status accept_ledger(struct weir_sink *sink,
                                      const struct weir_collect_batch *batch)
{
    struct file_sink *file = (struct file_sink *)sink;

    weir_line_write_ledger(&file->writer, file->form, batch);
    return outcome(file);
}

static enum weir_status accept_alert(struct weir_sink *sink, const struct weir_collect_alert *alert)
{
    struct file_sink *file = (struct file_sink *)sink;

    weir_line_write_alert(&file->writer, file->form, alert);
    return outcome(file);
}

/* The file's end is where the next transaction begins, whatever was written to it before. */
static int cut(struct file_sink *file, int64_t length)
{
    return ftruncate(file->fd, length) == 0 && lseek(file->fd, length, SEEK_SET) == length ? 0
                                                                                           : errno;
}

static enum weir_status finish(struct weir_sink *sink)
{
    struct file_sink *file = (struct file_sink *)sink;
    struct weir_state_output output = file->safe;

    weir_writer_flush(&file->writer);
    if (file->writer.error == 0 && fdatasync(file->fd) != 0)
        file->writer.error = errno;
    if (file->writer.error != 0)
        return outcome(file);
    output.length = lseek(file->fd, 0, SEEK_CUR);
    return weir_state_set_output(file->state, file->path, &output);
}

/* What was committed may have failed to become so known: only the state knows which. */
static void undo(struct weir_sink *sink)
{
    struct file_sink *file = (struct file_sink *)sink;
    struct weir_state_output output;
    int error = 0;

    if (weir_state_find_output(file->state, file->path, &output) == WEIR_OK)
        error = cut(file, output.length);
    weir_writer_init(&file->writer, file->fd, file->path);
    file->writer.error = error;
}

static void destroy(struct weir_sink *sink)
{
    struct file_sink *file = (struct file_sink *)sink;

    if (file->fd >= 0)
        close(file->fd);
    free(file);
}

/* A file that was put in the place of the one known, or cut by somebody, is taken as it is. */
static bool resume(struct file_sink *file)
{
    struct weir_state_output known;
    struct stat status;
    int error;

    if (fstat(file->fd, &status) != 0)
        return false;
    if (!S_ISREG(status.st_mode)) {
        errno = EINVAL;
        return false;
    }
    file->safe.device = (int64_t)status.st_dev;
    file->safe.inode = (int64_t)status.st_ino;
    file->safe.length = status.st_size;
    if (weir_state_find_output(file->state, file->path, &known) == WEIR_OK &&
        known.device == file->safe.device && known.inode == file->safe.inode &&
        known.length < file->safe.length)
        file->safe.length = known.length;
    error = cut(file, file->safe.length);
    errno = error;
    return error == 0 && weir_state_set_output(file->state, file->path, &file->safe) == WEIR_OK;
}

struct weir_sink *weir_sink_create_file(struct weir_state *state, const char *path,
                                        enum weir_sink_form form)
{
    struct file_sink *file = calloc(1, sizeof(*file));

    if (!file) {
        weir_log_error("out of memory");
        return NULL;
    }
    file->sink = (struct weir_sink){
        .message_count_max = MESSAGE_COUNT_MAX,
        .accept_row = accept_row,
        .accept_ledger = accept_ledger,
        .accept_alert = accept_alert,
        .finish = finish,
        .undo = undo,
        .destroy = destroy,
    };
    file->state = state;
    file->path = path;
    file->form = form;
    file->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file->fd >= 0 && flock(file->fd, LOCK_EX | LOCK_NB) == 0 && resume(file)) {
        weir_writer_init(&file->writer, file->fd, path);
        return &file->sink;
    }
    weir_log_error("cannot append to %s: %s", path, strerror(errno));
    destroy(&file->sink);
    return NULL;
}
