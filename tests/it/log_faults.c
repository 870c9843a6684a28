/* Preloaded into the program under test: lets calls on segments of the log fail, as a disk does.
 *   VERBATIM_TEST_FAIL_SYNC=N      the Nth fdatasync fails: the disk cannot write
 *   VERBATIM_TEST_FULL_AT=N        the Nth write writes half, then and later there is no space left
 *   VERBATIM_TEST_SHORT_WRITES=1   each write writes half of what it should, as it may */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REAL(name) (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static atomic_int syncs, writes;

static int is_segment(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    return length > 4 && !strncmp(path + length - 4, ".wal", 4);
}

int fdatasync(int fd) {
    const char *nth = getenv("VERBATIM_TEST_FAIL_SYNC");
    if (nth && is_segment(fd) && atomic_fetch_add(&syncs, 1) + 1 == atoi(nth)) {
        errno = EIO;
        return -1;
    }
    return (REAL(fdatasync))(fd);
}

ssize_t pwrite64(int fd, const void *buffer, size_t bytes, off64_t offset) {
    const char *full_at = getenv("VERBATIM_TEST_FULL_AT");
    int is_short = getenv("VERBATIM_TEST_SHORT_WRITES") != NULL;
    if ((full_at || is_short) && is_segment(fd)) {
        int nth = atomic_fetch_add(&writes, 1) + 1;
        if (full_at && nth > atoi(full_at)) {
            errno = ENOSPC;
            return -1;
        }
        if (bytes > 1 && (is_short || nth == atoi(full_at))) bytes /= 2;
    }
    return (REAL(pwrite64))(fd, buffer, bytes, offset);
}
