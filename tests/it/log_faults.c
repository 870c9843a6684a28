/* Preloaded into the program under test: lets the Nth fdatasync of a segment of the log fail, as a
 * disk does that cannot write. N is the number in VERBATIM_TEST_FAIL_SYNC. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int syncs;

int fdatasync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    const char *nth = getenv("VERBATIM_TEST_FAIL_SYNC");
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (nth && length > 4 && !strncmp(path + length - 4, ".wal", 4)
        && atomic_fetch_add(&syncs, 1) + 1 == atoi(nth)) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}
