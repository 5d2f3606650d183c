#include "store/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int directory_of(struct weir_disk *disk)
{
    return ((struct weir_disk_real *)disk)->directory;
}

static int outcome(int result)
{
    return result < 0 ? -errno : result;
}

static int real_open(struct weir_disk *disk, const char *name, int flags)
{
    return outcome(openat(directory_of(disk), name, flags | O_CLOEXEC | O_NOFOLLOW, 0600));
}

static int real_close(struct weir_disk *disk, int handle)
{
    (void)disk;
    return outcome(close(handle));
}

static int64_t real_write(struct weir_disk *disk, int handle, const void *bytes, size_t length,
                          uint64_t offset)
{
    ssize_t written = pwrite(handle, bytes, length, (off_t)offset);

    (void)disk;
    return written < 0 ? -errno : written;
}

static int64_t real_read(struct weir_disk *disk, int handle, void *bytes, size_t length,
                         uint64_t offset)
{
    ssize_t count = pread(handle, bytes, length, (off_t)offset);

    (void)disk;
    return count < 0 ? -errno : count;
}

/* Not posix_fallocate: where the file system cannot reserve, that writes every block. */
static int real_allocate(struct weir_disk *disk, int handle, uint64_t size)
{
    int result = fallocate(handle, 0, 0, (off_t)size);

    (void)disk;
    if (result < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
        return outcome(ftruncate(handle, (off_t)size));
    return outcome(result);
}

static int real_sync(struct weir_disk *disk, int handle)
{
    (void)disk;
    return outcome(fdatasync(handle));
}

static int real_rename(struct weir_disk *disk, const char *from, const char *to)
{
    return outcome(renameat(directory_of(disk), from, directory_of(disk), to));
}

static int real_remove(struct weir_disk *disk, const char *name)
{
    return outcome(unlinkat(directory_of(disk), name, 0));
}

static int real_make_directory(struct weir_disk *disk, const char *name)
{
    int result = outcome(mkdirat(directory_of(disk), name, 0700));

    return result == -EEXIST ? 0 : result;
}

static int real_sync_directory(struct weir_disk *disk, const char *name)
{
    int handle = openat(directory_of(disk), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result;

    if (handle < 0)
        return -errno;
    result = outcome(fsync(handle));
    close(handle);
    return result;
}

static int real_list(struct weir_disk *disk, const char *name,
                     void (*found)(void *context, const char *name, uint64_t size), void *context)
{
    int handle = openat(directory_of(disk), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = handle < 0 ? NULL : fdopendir(handle);
    struct dirent *entry;
    struct stat status;

    if (!stream) {
        int error = -errno;

        if (handle >= 0)
            close(handle);
        return error;
    }
    while ((entry = readdir(stream)) != NULL) {
        if (fstatat(handle, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode))
            found(context, entry->d_name, (uint64_t)status.st_size);
    }
    closedir(stream);
    return 0;
}

int weir_disk_open(struct weir_disk_real *real, const char *path)
{
    real->disk = (struct weir_disk){
        .open = real_open,
        .close = real_close,
        .write = real_write,
        .read = real_read,
        .allocate = real_allocate,
        .sync = real_sync,
        .rename = real_rename,
        .remove = real_remove,
        .make_directory = real_make_directory,
        .sync_directory = real_sync_directory,
        .list = real_list,
    };
    real->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return real->directory < 0 ? -errno : 0;
}

void weir_disk_close(struct weir_disk_real *real)
{
    close(real->directory);
}

int weir_disk_write_all(struct weir_disk *disk, int handle, const void *bytes, size_t length,
                        uint64_t offset)
{
    const char *at = bytes;

    while (length > 0) {
        int64_t written = disk->write(disk, handle, at, length, offset);

        if (written == -EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? (int)written : -EIO;
        at += written;
        offset += (uint64_t)written;
        length -= (size_t)written;
    }
    return 0;
}

int64_t weir_disk_read_all(struct weir_disk *disk, int handle, void *bytes, size_t length,
                           uint64_t offset)
{
    size_t done = 0;

    while (done < length) {
        int64_t count =
            disk->read(disk, handle, (char *)bytes + done, length - done, offset + done);

        if (count == -EINTR)
            continue;
        if (count < 0)
            return count;
        if (count == 0)
            break;
        done += (size_t)count;
    }
    return (int64_t)done;
}

int weir_disk_replace(struct weir_disk *disk, const char *directory, const char *name,
                      const void *bytes, size_t length, bool synced)
{
    char beside[WEIR_DISK_NAME_SIZE];
    char place[WEIR_DISK_NAME_SIZE];
    int handle;
    int error;

    snprintf(place, sizeof(place), "%s/%s", directory, name);
    snprintf(beside, sizeof(beside), "%s/%s.new", directory, name);
    handle = disk->open(disk, beside, O_WRONLY | O_CREAT | O_TRUNC);
    if (handle < 0)
        return handle;
    error = weir_disk_write_all(disk, handle, bytes, length, 0);
    if (error == 0 && synced)
        error = disk->sync(disk, handle);
    (void)disk->close(disk, handle);
    if (error == 0)
        error = disk->rename(disk, beside, place);
    if (error == 0 && synced)
        return disk->sync_directory(disk, directory);
    if (error != 0)
        (void)disk->remove(disk, beside);
    return error;
}

int64_t weir_disk_read_file(struct weir_disk *disk, const char *name, void *bytes, size_t size)
{
    int handle = disk->open(disk, name, O_RDONLY);
    int64_t length;
    char more;

    if (handle < 0)
        return handle;
    length = weir_disk_read_all(disk, handle, bytes, size, 0);
    if (length == (int64_t)size && weir_disk_read_all(disk, handle, &more, 1, size) == 1)
        length = -EFBIG;
    (void)disk->close(disk, handle);
    return length;
}
