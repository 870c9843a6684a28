/* Cuts the power of the mounted ext4 at the given path: from here on nothing reaches its disk, not
 * even what its journal holds in memory. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define SHUTDOWN 0x8004587D /* EXT4_IOC_SHUTDOWN */
#define NO_LOG_FLUSH 2u     /* EXT4_GOING_FLAGS_NOLOGFLUSH */

int main(int count, char **arguments) {
    unsigned flags = NO_LOG_FLUSH;
    int mounted = count == 2 ? open(arguments[1], O_RDONLY) : -1;
    if (mounted < 0 || ioctl(mounted, SHUTDOWN, &flags)) {
        perror("cannot cut the power");
        return 1;
    }
    return 0;
}
