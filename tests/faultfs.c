/* faultfs: shows a directory, read-only, and fails where names of files say so.
 *
 *   faultfs SOURCE MOUNTPOINT [-f]
 *
 * A file whose name has `eio-at-N` in it can be read up to byte N, as one on a disk with a bad
 * sector there: a read that begins before N ends at N, one that begins at N or behind it fails
 * with EIO. So it is with `eacces-at-N` and EACCES, as on a share whose permissions were taken
 * back. `eio-at-N-to-M` and `eacces-at-N-to-M` read well again from byte M on.
 *
 * Where the name of the source ends in `.nocase`, names are found whatever their case is, as
 * on exFAT, and on most disks of macOS.
 *
 * Nothing is cached, by the kernel either: each read(2) asks here, and for just its bytes. The
 * end of the process that started it in the foreground unmounts it.
 */
#define FUSE_USE_VERSION 312
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int root = -1;

static bool ignores_case;

/* Gives a name, in a directory below the source, the case it has there. */
static void spell(const char *directory, char *name)
{
    struct stat status;
    int fd = openat(root, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd == -1 ? NULL : fdopendir(fd);
    if (!listing)
        return;
    if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) == -1) {
        struct dirent *entry;
        while ((entry = readdir(listing)) != NULL)
            if (strcasecmp(entry->d_name, name) == 0)
                memcpy(name, entry->d_name, strlen(name));
    }
    closedir(listing);
}

/* Paths come as "/a/b"; the same place seen from the source is "a/b". */
static const char *below(const char *path)
{
    static _Thread_local char spelled[PATH_MAX];
    if (!path[1])
        return ".";
    if (!ignores_case || strlen(path) > sizeof spelled)
        return path + 1;
    strcpy(spelled, path + 1);
    char *name = spelled;
    for (;;) {
        char *end = strchr(name, '/');
        if (end)
            *end = '\0';
        if (name == spelled) {
            spell(".", name);
        } else {
            name[-1] = '\0';
            spell(spelled, name);
            name[-1] = '/';
        }
        if (!end)
            return spelled;
        *end = '/';
        name = end + 1;
    }
}

static int answer(int result)
{
    return result == -1 ? -errno : result;
}

/* From which byte on a file fails, to which; false if it does not say. */
static bool says(const char *name, const char *word, long long *first, long long *end)
{
    const char *at = strstr(name, word);
    if (!at)
        return false;
    char *rest;
    *first = strtoll(at + strlen(word), &rest, 10);
    *end = strncmp(rest, "-to-", 4) == 0 ? strtoll(rest + 4, NULL, 10) : LLONG_MAX;
    return true;
}

static int fault_getattr(const char *path, struct stat *status, struct fuse_file_info *info)
{
    (void)info;
    return answer(fstatat(root, below(path), status, AT_SYMLINK_NOFOLLOW));
}

static int fault_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
                         struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
    (void)offset;
    (void)info;
    (void)flags;
    int fd = openat(root, below(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd == -1 ? NULL : fdopendir(fd);
    if (!listing)
        return -errno;
    struct dirent *entry;
    while ((entry = readdir(listing)) != NULL)
        fill(buffer, entry->d_name, NULL, 0, 0);
    closedir(listing);
    return 0;
}

static int fault_open(const char *path, struct fuse_file_info *info)
{
    int fd = openat(root, below(path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1)
        return -errno;
    info->fh = (uint64_t)fd;
    info->direct_io = 1;
    return 0;
}

static int fault_read(const char *path, char *buffer, size_t size, off_t offset,
                      struct fuse_file_info *info)
{
    const char *name = strrchr(path, '/') + 1;
    long long first, end;
    int error = 0;
    if (says(name, "eio-at-", &first, &end))
        error = EIO;
    else if (says(name, "eacces-at-", &first, &end))
        error = EACCES;
    if (error && offset < end) {
        if (offset >= first)
            return -error;
        if ((long long)size > first - offset)
            size = (size_t)(first - offset);
    }
    return answer((int)pread((int)info->fh, buffer, size, offset));
}

static int fault_release(const char *path, struct fuse_file_info *info)
{
    (void)path;
    return answer(close((int)info->fh));
}

static int fault_readlink(const char *path, char *buffer, size_t size)
{
    ssize_t length = readlinkat(root, below(path), buffer, size - 1);
    if (length == -1)
        return -errno;
    buffer[length] = '\0';
    return 0;
}

static void *fault_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
    (void)connection;
    /* What a test changes in the source is seen at once. */
    config->entry_timeout = 0;
    config->attr_timeout = 0;
    config->negative_timeout = 0;
    config->use_ino = 1;
    return NULL;
}

static const struct fuse_operations operations = {
    .init = fault_init,
    .getattr = fault_getattr,
    .readdir = fault_readdir,
    .open = fault_open,
    .read = fault_read,
    .release = fault_release,
    .readlink = fault_readlink,
};

int main(int argc, char **argv)
{
    /* Before the threads and the mount: nobody is left to unmount once the parent is gone. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    root = argc > 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (root == -1) {
        fprintf(stderr, "usage: %s SOURCE MOUNTPOINT [-f] [-o OPTIONS]\n", argv[0]);
        return 2;
    }
    size_t length = strlen(argv[1]);
    ignores_case = length > 7 && strcmp(argv[1] + length - 7, ".nocase") == 0;
    /* libfuse takes the rest, the mount point first. */
    argv[1] = argv[0];
    return fuse_main(argc - 1, argv + 1, &operations, NULL);
}
