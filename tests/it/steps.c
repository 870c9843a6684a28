/* Preloaded into the program under test: counts the steps by which it changes the files below
 * VERBATIM_TEST_DISK (a file or folder is made, renamed, linked, cut off, removed or synced), and with
 * VERBATIM_TEST_DIE_AT_STEP=N kills it just before the Nth, with VERBATIM_TEST_DIE_BEFORE="WHAT PATH" just
 * before the first that begins so. What that step would have been is written to VERBATIM_TEST_STEP.
 * VERBATIM_TEST_STEPS names a file that lists all of them. VERBATIM_TEST_SLOW=PATH lets each step below it
 * take 10 ms. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static atomic_int steps;

/* Where a path leads that begins with an open folder, as `/proc/self/fd/7/name`. */
static const char *resolved(const char *path, char to[8192]) {
    if (strncmp(path, "/proc/self/fd/", 14)) return path;
    const char *rest = strchr(path + 14, '/');
    char link[64];
    snprintf(link, sizeof link, "%.*s", rest ? (int)(rest - path) : 63, path);
    ssize_t length = readlink(link, to, 4095);
    if (length < 0) return path;
    snprintf(to + length, 8192 - length, "%s", rest ? rest : "");
    return to;
}

static void step(const char *what, const char *path) {
    char to[8192];
    path = resolved(path, to);
    const char *disk = getenv("VERBATIM_TEST_DISK"), *nth = getenv("VERBATIM_TEST_DIE_AT_STEP");
    const char *before = getenv("VERBATIM_TEST_DIE_BEFORE");
    if (!disk || strncmp(path, disk, strlen(disk))) return;
    char line[8192];
    int length = snprintf(line, sizeof line, "%s %s", what, path + strlen(disk));
    const char *slow = getenv("VERBATIM_TEST_SLOW");
    if (slow && !strncmp(path + strlen(disk), slow, strlen(slow))) usleep(10000);
    const char *all = getenv("VERBATIM_TEST_STEPS");
    int list = all ? (REAL(open64))(all, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (list >= 0) {
        line[length] = '\n';
        if (write(list, line, length + 1) != length + 1) abort();
        line[length] = 0;
        close(list);
    }
    int is_nth = nth && atomic_fetch_add(&steps, 1) + 1 == atoi(nth);
    if (!is_nth && !(before && !strncmp(line, before, strlen(before)))) return;
    const char *said = getenv("VERBATIM_TEST_STEP");
    int file = said ? (REAL(open64))(said, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (file >= 0 && write(file, line, length) != length) abort();
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static void step_of(const char *what, int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    step(what, path);
}

static void step_at(const char *what, int folder, const char *path) {
    if (path[0] == '/' || folder == AT_FDCWD) step(what, path);
    else step_of(what, folder);
}

static unsigned mode_of(int flags, va_list rest) {
    return flags & O_CREAT ? va_arg(rest, unsigned) : 0;
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    unsigned mode = mode_of(flags, rest);
    va_end(rest);
    if (flags & (O_CREAT | O_TRUNC)) step("open", path);
    return (REAL(open64))(path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    unsigned mode = mode_of(flags, rest);
    va_end(rest);
    if (flags & (O_CREAT | O_TRUNC)) step_at("open", folder, path);
    return (REAL(openat64))(folder, path, flags, mode);
}

int rename(const char *from, const char *to) {
    step("rename", to);
    return (REAL(rename))(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    step_at("rename", to_folder, to);
    return (REAL(renameat))(from_folder, from, to_folder, to);
}

int link(const char *from, const char *to) {
    step("link", to);
    return (REAL(link))(from, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    step_at("link", to_folder, to);
    return (REAL(linkat))(from_folder, from, to_folder, to, flags);
}

int unlink(const char *path) {
    step("unlink", path);
    return (REAL(unlink))(path);
}

int unlinkat(int folder, const char *path, int flags) {
    step_at("unlink", folder, path);
    return (REAL(unlinkat))(folder, path, flags);
}

int rmdir(const char *path) {
    step("rmdir", path);
    return (REAL(rmdir))(path);
}

int mkdir(const char *path, mode_t mode) {
    step("mkdir", path);
    return (REAL(mkdir))(path, mode);
}

int ftruncate64(int fd, off64_t length) {
    step_of("truncate", fd);
    return (REAL(ftruncate64))(fd, length);
}

int fsync(int fd) {
    step_of("sync", fd);
    return (REAL(fsync))(fd);
}

int fdatasync(int fd) {
    step_of("sync", fd);
    return (REAL(fdatasync))(fd);
}
