/* slowfs: shows a directory, read-only, as if it lay on a slow share.
 *
 *   slowfs SOURCE MOUNTPOINT -o delay_us=1000 [-o max_threads=N] [-o counts=FILE] [-f]
 *
 * Each request waits `delay_us` before it is answered, one round trip to a server: a lookup
 * of a name, a stat, a directory listing (as a whole), an open, a read, a readlink. Up to
 * max_threads requests (256 unless told) wait at the same time. The kernel is told to keep
 * no names and no attributes, so every pass over the tree pays in full; only while a file is
 * open is it not asked about again.
 *
 * With `counts`, how many requests of each kind there were, and how many bytes were read, is
 * written to that file as JSON once the share is unmounted.
 *
 * SIGINT and SIGTERM unmount; so does the end of the process that started it in the
 * foreground.
 */
#define FUSE_USE_VERSION 312
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct {
    const char *source;
    const char *counts;
    unsigned delay_us;
    int root;
} share = {.delay_us = 1000, .root = -1};

enum kind { LOOKUP, STAT, LIST, OPEN, READ, READLINK, KINDS };
static const char *const kind_names[KINDS] = {"lookup", "stat", "list", "open", "read", "readlink"};
static atomic_ulong requests[KINDS];
static atomic_ulong bytes_read;

static void round_trip(enum kind kind)
{
    atomic_fetch_add_explicit(&requests[kind], 1, memory_order_relaxed);
    struct timespec left = {
        .tv_sec = share.delay_us / 1000000,
        .tv_nsec = (long)(share.delay_us % 1000000) * 1000,
    };
    while (nanosleep(&left, &left) == -1 && errno == EINTR)
        ;
}

/* Paths come as "/a/b"; the same place seen from the source is "a/b". */
static const char *below(const char *path)
{
    return path[1] ? path + 1 : ".";
}

static int answer(int result)
{
    return result == -1 ? -errno : result;
}

/* Serves both a lookup of a name and the stat of an open file: libfuse calls it once for either.
 * The stat of a path that was just looked up counts as a lookup, too. */
static int share_getattr(const char *path, struct stat *status, struct fuse_file_info *info)
{
    round_trip(info ? STAT : LOOKUP);
    return answer(fstatat(share.root, below(path), status, AT_SYMLINK_NOFOLLOW));
}

/* The round trip of a listing is paid here, so that a directory of any length costs one. */
static int share_opendir(const char *path, struct fuse_file_info *info)
{
    round_trip(LIST);
    int fd = openat(share.root, below(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return -errno;
    DIR *listing = fdopendir(fd);
    if (!listing) {
        int why = errno;
        close(fd);
        return -why;
    }
    info->fh = (uint64_t)(uintptr_t)listing;
    return 0;
}

static int share_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
                         struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
    (void)path;
    (void)offset;
    (void)flags;
    DIR *listing = (DIR *)(uintptr_t)info->fh;
    struct dirent *entry;
    rewinddir(listing);
    for (errno = 0; (entry = readdir(listing)) != NULL; errno = 0) {
        struct stat known = {.st_ino = entry->d_ino, .st_mode = DTTOIF(entry->d_type)};
        if (fill(buffer, entry->d_name, &known, 0, 0) != 0)
            return -ENOMEM;
    }
    return -errno;
}

static int share_releasedir(const char *path, struct fuse_file_info *info)
{
    (void)path;
    return answer(closedir((DIR *)(uintptr_t)info->fh));
}

static int share_open(const char *path, struct fuse_file_info *info)
{
    round_trip(OPEN);
    if ((info->flags & O_ACCMODE) != O_RDONLY)
        return -EROFS;
    int fd = openat(share.root, below(path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1)
        return -errno;
    info->fh = (uint64_t)fd;
    return 0;
}

static int share_read(const char *path, char *buffer, size_t size, off_t offset,
                      struct fuse_file_info *info)
{
    (void)path;
    round_trip(READ);
    int result = answer((int)pread((int)info->fh, buffer, size, offset));
    if (result > 0)
        atomic_fetch_add_explicit(&bytes_read, (unsigned long)result, memory_order_relaxed);
    return result;
}

static int share_release(const char *path, struct fuse_file_info *info)
{
    (void)path;
    return answer(close((int)info->fh));
}

static int share_readlink(const char *path, char *buffer, size_t size)
{
    round_trip(READLINK);
    ssize_t length = readlinkat(share.root, below(path), buffer, size - 1);
    if (length == -1)
        return -errno;
    buffer[length] = '\0';
    return 0;
}

static void *share_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
    /* As clients of NFS and SMB do: an open file's attributes hold until it is closed. Else the
     * kernel asks for them again before each read. */
    connection->want &= ~FUSE_CAP_AUTO_INVAL_DATA;
    config->entry_timeout = 0;
    config->attr_timeout = 0;
    config->negative_timeout = 0;
    config->use_ino = 1;
    return NULL;
}

static const struct fuse_operations operations = {
    .init = share_init,
    .getattr = share_getattr,
    .opendir = share_opendir,
    .readdir = share_readdir,
    .releasedir = share_releasedir,
    .open = share_open,
    .read = share_read,
    .release = share_release,
    .readlink = share_readlink,
};

static const struct fuse_opt options[] = {
    {"delay_us=%u", offsetof(__typeof__(share), delay_us), 0},
    {"counts=%s", offsetof(__typeof__(share), counts), 0},
    FUSE_OPT_END,
};

/* The first word that is not an option is the source; libfuse takes the second. */
static int take_source(void *data, const char *word, int key, struct fuse_args *rest)
{
    (void)data;
    (void)rest;
    if (key != FUSE_OPT_KEY_NONOPT || share.source)
        return 1;
    share.source = word;
    return 0;
}

static int write_counts(void)
{
    FILE *file = fopen(share.counts, "w");
    if (!file)
        return -1;
    fprintf(file, "{");
    for (int kind = 0; kind < KINDS; kind++)
        fprintf(file, "\"%s\": %lu, ", kind_names[kind], atomic_load(&requests[kind]));
    fprintf(file, "\"bytes\": %lu}\n", atomic_load(&bytes_read));
    return fclose(file);
}

int main(int argc, char **argv)
{
    /* Ahead of what the caller says, so that the caller's words win. Idle threads are kept: else
     * a burst of requests waits for threads to be made. */
    char *words[argc + 3];
    words[0] = argv[0];
    words[1] = "-o";
    words[2] = "ro,fsname=slowfs,max_threads=256,max_idle_threads=256";
    memcpy(words + 3, argv + 1, (size_t)argc * sizeof *argv);
    struct fuse_args args = FUSE_ARGS_INIT(argc + 2, words);

    /* Before the threads and the mount: nobody is left to unmount once the parent is gone. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (fuse_opt_parse(&args, &share, options, take_source) == -1)
        return 2;
    if (!share.source) {
        fprintf(stderr, "usage: %s SOURCE MOUNTPOINT [-f] [-o delay_us=N,max_threads=N,counts=FILE]\n",
                argv[0]);
        return 2;
    }
    share.root = open(share.source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (share.root == -1) {
        perror(share.source);
        return 2;
    }
    int status = fuse_main(args.argc, args.argv, &operations, NULL);
    fuse_opt_free_args(&args);
    if (share.counts && write_counts() != 0) {
        perror(share.counts);
        return 2;
    }
    return status;
}
