/* Preloaded into the program under test: stands in for a disk whose power goes.
 *
 * What each write below VERBATIM_TEST_DISK replaces is put down in VERBATIM_TEST_UNDO until the file is
 * synced, so that a test can take back any page of it after it has killed the program. With
 * VERBATIM_TEST_DIE_AT_SYNC=N the program is killed where it is about to sync the log for the Nth
 * time. With VERBATIM_TEST_DROP_SYNCS every sync of the log says that it was made, and is not.
 *
 * An undo file is called by the file's inode and time of birth (an inode is used again), and with
 * ".syncing" holds what a sync under way is making durable. Each of its entries is four u64, then
 * the old bytes:  length of the file before, offset, bytes written, old bytes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static atomic_int log_syncs;

/* Whether a descriptor is of the disk, and its path. */
static int is_on_disk(int fd, char path[4096]) {
    const char *disk = getenv("VERBATIM_TEST_DISK");
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, 4095);
    path[length > 0 ? length : 0] = 0;
    return disk && !strncmp(path, disk, strlen(disk));
}

/* The undo file of a regular file on the disk, and the file's length; 0 for anything else. */
static int undo_of(int fd, char undo[4096], uint64_t *length) {
    const char *folder = getenv("VERBATIM_TEST_UNDO");
    char path[4096];
    struct statx file;
    if (!folder || statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME | STATX_SIZE | STATX_TYPE, &file)
        || !S_ISREG(file.stx_mode) || !is_on_disk(fd, path))
        return 0;
    snprintf(undo, 4096, "%s/%llu-%lld-%u", folder, (unsigned long long)file.stx_ino,
             (long long)file.stx_btime.tv_sec, file.stx_btime.tv_nsec);
    *length = file.stx_size;
    return 1;
}

/* Puts down what lies where `bytes` bytes are about to be written or cut off. */
static void put_down(const char *undo, int fd, uint64_t length, uint64_t offset, uint64_t bytes) {
    uint64_t kept = offset >= length ? 0 : length - offset < bytes ? length - offset : bytes;
    uint64_t head[4] = {length, offset, bytes, kept};
    char *entry = malloc(sizeof head + kept);
    memcpy(entry, head, sizeof head);
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd); /* the descriptor may be for writing only */
    int file = open(link, O_RDONLY | O_CLOEXEC), out = open(undo, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0 || out < 0 || pread(file, entry + sizeof head, kept, offset) != (ssize_t)kept
        || (REAL(write))(out, entry, sizeof head + kept) != (ssize_t)(sizeof head + kept))
        abort();
    close(file);
    close(out);
    free(entry);
}

/* Where `write` would write. */
static uint64_t position_of(int fd, uint64_t length) {
    return fcntl(fd, F_GETFL) & O_APPEND ? length : (uint64_t)lseek(fd, 0, SEEK_CUR);
}

#define WITH_UNDO(fd, offset, bytes, call)                                   \
    char undo[4096];                                                         \
    uint64_t length;                                                         \
    if (!undo_of(fd, undo, &length)) return call;                            \
    pthread_mutex_lock(&one_at_a_time);                                      \
    undo_of(fd, undo, &length);                                              \
    put_down(undo, fd, length, offset, bytes);                               \
    __typeof__(call) done = call;                                            \
    pthread_mutex_unlock(&one_at_a_time);                                    \
    return done;

ssize_t write(int fd, const void *buffer, size_t bytes) {
    WITH_UNDO(fd, position_of(fd, length), bytes, (REAL(write))(fd, buffer, bytes))
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    uint64_t bytes = 0;
    for (int part = 0; part < count; part++) bytes += parts[part].iov_len;
    WITH_UNDO(fd, position_of(fd, length), bytes, (REAL(writev))(fd, parts, count))
}

ssize_t pwrite64(int fd, const void *buffer, size_t bytes, off64_t offset) {
    WITH_UNDO(fd, (uint64_t)offset, bytes, (REAL(pwrite64))(fd, buffer, bytes, offset))
}

int ftruncate64(int fd, off64_t to) {
    char undo[4096];
    uint64_t length;
    if (undo_of(fd, undo, &length) && (uint64_t)to < length) {
        WITH_UNDO(fd, (uint64_t)to, length - (uint64_t)to, (REAL(ftruncate64))(fd, to))
    }
    return (REAL(ftruncate64))(fd, to);
}

/* What was written before the sync began is durable once it has ended well. */
static int synced(int fd, int (*real)(int)) {
    char undo[4096], syncing[4200], path[4096];
    uint64_t length;
    const char *die_at = getenv("VERBATIM_TEST_DIE_AT_SYNC");
    if (is_on_disk(fd, path) && strstr(path, ".wal")) {
        if (die_at && atomic_fetch_add(&log_syncs, 1) + 1 == atoi(die_at)) {
            kill(getpid(), SIGKILL);
            pause();
        }
        if (getenv("VERBATIM_TEST_DROP_SYNCS")) return 0;
    }
    if (!undo_of(fd, undo, &length)) return real(fd);
    snprintf(syncing, sizeof syncing, "%s.syncing", undo);
    pthread_mutex_lock(&one_at_a_time);
    rename(undo, syncing);
    pthread_mutex_unlock(&one_at_a_time);
    int failed = real(fd);
    if (!failed) unlink(syncing);
    return failed;
}

int fsync(int fd) { return synced(fd, REAL(fsync)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }
