/* The first process of a testbed domain where a test needs no agent: it restarts or halts the domain when the file
 * /run/restart or /run/halt appears, by the system call that the agent uses. SIGTERM ends it. */
#include <sys/reboot.h>
#include <signal.h>
#include <unistd.h>

static void end(int signal)
{
    _exit(signal == SIGTERM ? 0 : 1);
}

int main(void)
{
    const useconds_t look_again_us = 10000;

    signal(SIGTERM, end);
    for (;;) {
        if (access("/run/restart", F_OK) == 0)
            reboot(RB_AUTOBOOT);
        if (access("/run/halt", F_OK) == 0)
            reboot(RB_POWER_OFF);
        usleep(look_again_us);
    }
}
