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
static int cut(int fd, int64_t length)
{
    return ftruncate(fd, length) == 0 && lseek(fd, length, SEEK_SET) == length ? 0 : errno;
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
    struct stat status;
    int error = EAGAIN;

    /* One that somebody cut is not to be filled up with zeros. */
    if (weir_state_find_output(file->state, file->text.name, &output) == WEIR_OK &&
        fstat(file->fd, &status) == 0)
        error = status.st_size >= output.length ? cut(file->fd, output.length) : 0;
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
static bool resume(struct file_sink *file, int fd)
{
    struct weir_state_output known;
    struct weir_state_output safe;
    struct stat status;
    int error;

    if (fstat(fd, &status) != 0)
        return false;
    if (!S_ISREG(status.st_mode)) {
        errno = EINVAL;
        return false;
    }
    safe.device = (int64_t)status.st_dev;
    safe.inode = (int64_t)status.st_ino;
    safe.length = status.st_size;
    if (weir_state_find_output(file->state, file->text.name, &known) == WEIR_OK &&
        known.device == safe.device && known.inode == safe.inode && known.length < safe.length)
        safe.length = known.length;
    if (weir_state_set_output(file->state, file->text.name, &safe) != WEIR_OK) {
        errno = EAGAIN;
        return false;
    }
    error = cut(fd, safe.length);
    errno = error;
    if (error == 0)
        file->safe = safe;
    return error == 0;
}

/* Opens what is at the path now. False: errno says why, and all is as before. */
static bool open_path(struct file_sink *file)
{
    int fd = open(file->text.name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    int error;

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && resume(file, fd)) {
        if (file->fd >= 0)
            close(file->fd);
        file->fd = fd;
        weir_writer_init(&file->text.writer, fd, file->text.name);
        return true;
    }
    error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return false;
}

/* Who rotates the file moves it away, or cuts it: what follows must neither go into a file that is
 * about to be removed, nor leave a hole. */
static enum weir_status begin(struct weir_sink *sink)
{
    struct file_sink *file = (struct file_sink *)sink;
    struct stat status;
    bool done;

    if (stat(file->text.name, &status) == 0 && (int64_t)status.st_dev == file->safe.device &&
        (int64_t)status.st_ino == file->safe.inode) {
        if (status.st_size >= lseek(file->fd, 0, SEEK_CUR))
            return WEIR_OK;
        done = resume(file, file->fd);
    } else {
        done = open_path(file);
    }
    if (done) {
        weir_log_info("%s was moved or cut, and is begun anew", file->text.name);
        return WEIR_OK;
    }
    (void)snprintf(sink->problem, sizeof(sink->problem), "%s: %s", file->text.name,
                   strerror(errno));
    return WEIR_FULL;
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
    file->text.sink.begin = begin;
    file->text.sink.finish = finish;
    file->text.sink.undo = undo;
    file->text.sink.destroy = destroy;
    file->state = state;
    file->fd = -1;
    if (open_path(file))
        return &file->text.sink;
    weir_log_error("cannot append to %s: %s", path, strerror(errno));
    destroy(&file->text.sink);
    return NULL;
}
