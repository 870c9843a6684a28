/* Preloaded into the program under test: its wall clock is off by the seconds (an i64) in the file
 * VERBATIM_TEST_CLOCK, which a test changes while the program runs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int (*real)(clockid_t, struct timespec *);
static volatile const int64_t *off_by;

__attribute__((constructor)) static void find(void) {
    const char *path = getenv("VERBATIM_TEST_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *shared = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *off_by, PROT_READ, MAP_SHARED, file, 0);
    if (shared == MAP_FAILED) abort();
    off_by = shared;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (!failed && clock == CLOCK_REALTIME && off_by) now->tv_sec += *off_by;
    return failed;
}
