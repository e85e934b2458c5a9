/*
 * The peer of the xenstore benchmark: Xen's own C library does the same work on the same daemon in the same run.
 * Usage: libxenstore-peer write|read|watch COUNT; prints the seconds that COUNT operations took.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xenstore.h>

static const char path[] = "/benchmark/c";
static const char value[] = "seq=17 verdict=writable";

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 64;
    const char *mode = argv[1];
    int count = atoi(argv[2]);
    struct xs_handle *xs = xs_open(0);
    if (!xs)
        fail("xs_open");
    if (!xs_write(xs, XBT_NULL, path, value, strlen(value)))
        fail("xs_write");
    if (!strcmp(mode, "watch") && !xs_watch(xs, path, "token"))
        fail("xs_watch");
    unsigned int length;
    if (!strcmp(mode, "watch"))
        free(xs_read_watch(xs, &length)); /* the first firing */

    double start = now();
    for (int i = 0; i < count; i++) {
        if (!strcmp(mode, "read")) {
            void *read = xs_read(xs, XBT_NULL, path, &length);
            if (!read)
                fail("xs_read");
            free(read);
            continue;
        }
        if (!xs_write(xs, XBT_NULL, path, value, strlen(value)))
            fail("xs_write");
        if (!strcmp(mode, "watch")) {
            char **event = xs_read_watch(xs, &length);
            if (!event)
                fail("xs_read_watch");
            free(event);
        }
    }
    printf("%.6f\n", now() - start);
    xs_close(xs);
    return 0;
}
