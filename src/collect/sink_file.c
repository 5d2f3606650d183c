#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/sink_text.h"
#include "port/log.h"

#define MESSAGE_COUNT_MAX 256

struct file_sink {
    struct weir_text_sink text; /* named by its path */
    struct weir_state *state;
    int fd;
    struct weir_state_output safe;
};

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

    weir_writer_flush(&file->text.writer);
    if (file->text.writer.error == 0 && fdatasync(file->fd) != 0)
        file->text.writer.error = errno;
    if (file->text.writer.error != 0)
        return weir_text_sink_outcome(&file->text);
    output.length = lseek(file->fd, 0, SEEK_CUR);
    return weir_state_set_output(file->state, file->text.name, &output);
}

/* What was committed may have failed to become so known: only the state knows which. */
static void undo(struct weir_sink *sink)
{
    struct file_sink *file = (struct file_sink *)sink;
    struct weir_state_output output;
    int error = 0;

    if (weir_state_find_output(file->state, file->text.name, &output) == WEIR_OK)
        error = cut(file, output.length);
    weir_writer_init(&file->text.writer, file->fd, file->text.name);
    file->text.writer.error = error;
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
    if (weir_state_find_output(file->state, file->text.name, &known) == WEIR_OK &&
        known.device == file->safe.device && known.inode == file->safe.inode &&
        known.length < file->safe.length)
        file->safe.length = known.length;
    error = cut(file, file->safe.length);
    errno = error;
    return error == 0 &&
           weir_state_set_output(file->state, file->text.name, &file->safe) == WEIR_OK;
}

struct weir_sink *weir_sink_create_file(struct weir_state *state, const char *path,
                                        enum weir_sink_form form)
{
    struct file_sink *file = calloc(1, sizeof(*file));

    if (!file) {
        weir_log_error("out of memory");
        return NULL;
    }
    weir_text_sink_init(&file->text, path, form, MESSAGE_COUNT_MAX);
    file->text.sink.finish = finish;
    file->text.sink.undo = undo;
    file->text.sink.destroy = destroy;
    file->state = state;
    file->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file->fd >= 0 && flock(file->fd, LOCK_EX | LOCK_NB) == 0 && resume(file)) {
        weir_writer_init(&file->text.writer, file->fd, path);
        return &file->text.sink;
    }
    weir_log_error("cannot append to %s: %s", path, strerror(errno));
    destroy(&file->text.sink);
    return NULL;
}
