/* Preloaded into a process, puts its wall clock ahead by VERBATIM_INTEROP_AHEAD_S seconds: so that what goes idle after a day can be
   tried without waiting for one. Clocks that only run, by which programs measure, are left alone. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    const char *ahead = getenv("VERBATIM_INTEROP_AHEAD_S");
    if (!failed && clock == CLOCK_REALTIME && ahead) now->tv_sec += atoll(ahead);
    return failed;
}
