/*
 * What kernels before 2.6.39 answer, for a program that is started with this in LD_PRELOAD. The environment says what:
 *   OLD_KERNEL_CLOCKS=1       clock_gettime(CLOCK_BOOTTIME) fails with EINVAL
 *   OLD_KERNEL_STOP=PATH      CLOCK_BOOTTIME stands still while there is such a file
 *   OLD_KERNEL_SYSCALLS=299   a system call with a greater number fails with ENOSYS (x86-64; 299: Linux 2.6.32)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct timespec stopped;

int clock_gettime(clockid_t clock, struct timespec *time)
{
    const char *stop = getenv("OLD_KERNEL_STOP");
    if (clock == CLOCK_BOOTTIME && getenv("OLD_KERNEL_CLOCKS")) {
        errno = EINVAL;
        return -1;
    }
    if (clock == CLOCK_BOOTTIME && stop && stopped.tv_sec && syscall(SYS_faccessat, -100, stop, F_OK) == 0) {
        *time = stopped;
        return 0;
    }
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (clock == CLOCK_BOOTTIME && result == 0)
        stopped = *time;
    return result;
}

__attribute__((constructor)) static void forbid(void)
{
    const char *last = getenv("OLD_KERNEL_SYSCALLS");
#ifdef __x86_64__
    if (!last)
        return;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (unsigned)atoi(last), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(70);
#else
    (void)last;
#endif
}
