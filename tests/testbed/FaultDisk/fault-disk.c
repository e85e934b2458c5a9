/*
 * A disk whose storage fails or stops answering when told: one file in memory, "disk", in a FUSE filesystem of its own,
 * for a loop device to lie on.
 *
 *     fault-disk MOUNTPOINT SIZE_BYTES
 *
 * It is told on standard input, a line each: the name of a mode (the table below), or "counts". It answers each line,
 * and its own start, with one line on standard output:
 *
 *     MODE reads=N writes=N flushes=N failed=N blocked=N
 *
 * Reads, writes and flushes are all that ever came, failed those answered with EIO, blocked those that wait now. A
 * blocked request gets its answer when a later mode no longer blocks it. One thread serves both sides, and a blocked
 * request is nothing but an entry of a list: whatever is blocked, the next line is heard.
 *
 * It ends when standard input does. However it ends, the kernel then fails what still waits: nothing hangs on it.
 */
#define FUSE_USE_VERSION 34
#include <errno.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum kind { READ = 1, WRITE = 2, FLUSH = 4, ALL = READ | WRITE | FLUSH };

static const struct mode {
    const char *name;
    int fails;
    int blocks;
} modes[] = {
    { "pass", 0, 0 },
    { "fail-all", ALL, 0 },
    { "fail-writes", WRITE | FLUSH, 0 },
    { "fail-flushes", FLUSH, 0 },
    { "fail-reads", READ, 0 },
    { "block-all", 0, ALL },
    /* Not flushes: the loop driver's one worker would wait for them, and no read would pass it. */
    { "block-writes", 0, WRITE },
};

struct request {
    struct request *next;
    fuse_req_t handle;
    enum kind kind;
    off_t offset;
    size_t size;
    bool zero;
    char data[];
};

#define DISK_INODE 2
#define TIMEOUT_S 3600.0
/* The kernel lets so many asynchronous requests wait; beyond, blocked writes would hold up reads. */
#define MAX_BACKGROUND 1024

static char *disk;
static size_t disk_size;
static const struct mode *mode = &modes[0];
static uint64_t reads, writes, flushes, failed, blocked;
static struct request *first_blocked, **last_blocked = &first_blocked;

static void answer(struct request *request)
{
    if (mode->fails & request->kind) {
        failed++;
        fuse_reply_err(request->handle, EIO);
    } else if (request->kind == READ) {
        fuse_reply_buf(request->handle, disk + request->offset, request->size);
    } else if (request->kind == WRITE && !request->zero) {
        memcpy(disk + request->offset, request->data, request->size);
        fuse_reply_write(request->handle, request->size);
    } else {
        if (request->zero)
            memset(disk + request->offset, 0, request->size);
        fuse_reply_err(request->handle, 0);
    }
    free(request);
}

static void take(fuse_req_t handle, enum kind kind, off_t offset, size_t size, const char *data)
{
    *(kind == READ ? &reads : kind == WRITE ? &writes : &flushes) += 1;
    if (offset < 0 || (size_t)offset > disk_size || size > disk_size - offset) {
        fuse_reply_err(handle, ENOSPC);
        return;
    }
    struct request *request = malloc(sizeof *request + (data ? size : 0));
    if (!request) {
        fuse_reply_err(handle, ENOMEM);
        return;
    }
    *request = (struct request){
        .handle = handle, .kind = kind, .offset = offset, .size = size, .zero = kind == WRITE && !data,
    };
    if (data)
        memcpy(request->data, data, size);
    if (mode->blocks & kind) {
        blocked++;
        *last_blocked = request;
        last_blocked = &request->next;
    } else {
        answer(request);
    }
}

/* What a new mode still blocks stays, in the order in which it came. */
static void release(void)
{
    struct request **link = &first_blocked;
    while (*link) {
        struct request *request = *link;
        if (mode->blocks & request->kind) {
            link = &request->next;
        } else {
            *link = request->next;
            blocked--;
            answer(request);
        }
    }
    last_blocked = link;
}

static struct stat attributes(fuse_ino_t inode)
{
    return inode == DISK_INODE
        ? (struct stat){ .st_ino = inode, .st_mode = S_IFREG | 0600, .st_nlink = 1, .st_size = disk_size }
        : (struct stat){ .st_ino = inode, .st_mode = S_IFDIR | 0700, .st_nlink = 2 };
}

static void on_init(void *data, struct fuse_conn_info *connection)
{
    (void)data;
    connection->max_background = MAX_BACKGROUND;
    connection->congestion_threshold = MAX_BACKGROUND;
}

static void on_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    if (parent != FUSE_ROOT_ID || strcmp(name, "disk") != 0) {
        fuse_reply_err(request, ENOENT);
        return;
    }
    struct fuse_entry_param entry = {
        .ino = DISK_INODE, .attr = attributes(DISK_INODE), .attr_timeout = TIMEOUT_S, .entry_timeout = TIMEOUT_S,
    };
    fuse_reply_entry(request, &entry);
}

static void on_getattr(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
    (void)file;
    struct stat stat = attributes(inode);
    fuse_reply_attr(request, &stat, TIMEOUT_S);
}

static void on_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
    (void)inode;
    file->direct_io = 1; /* no page cache in between: each request of the loop device arrives here */
    fuse_reply_open(request, file);
}

static void on_read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, struct fuse_file_info *file)
{
    (void)inode, (void)file;
    take(request, READ, offset, size, NULL);
}

static void on_write(fuse_req_t request, fuse_ino_t inode, const char *data, size_t size, off_t offset,
                     struct fuse_file_info *file)
{
    (void)inode, (void)file;
    take(request, WRITE, offset, size, data);
}

/* Discarding and zeroing are writes of zeros. */
static void on_fallocate(fuse_req_t request, fuse_ino_t inode, int how, off_t offset, off_t size,
                         struct fuse_file_info *file)
{
    (void)inode, (void)how, (void)file;
    take(request, WRITE, offset, size, NULL);
}

static void on_fsync(fuse_req_t request, fuse_ino_t inode, int data_only, struct fuse_file_info *file)
{
    (void)inode, (void)data_only, (void)file;
    take(request, FLUSH, 0, 0, NULL);
}

static const struct fuse_lowlevel_ops operations = {
    .init = on_init,
    .lookup = on_lookup,
    .getattr = on_getattr,
    .open = on_open,
    .read = on_read,
    .write = on_write,
    .fallocate = on_fallocate,
    .fsync = on_fsync,
};

static void tell(void)
{
    printf("%s reads=%ju writes=%ju flushes=%ju failed=%ju blocked=%ju\n", mode->name, (uintmax_t)reads,
           (uintmax_t)writes, (uintmax_t)flushes, (uintmax_t)failed, (uintmax_t)blocked);
    fflush(stdout);
}

/* Lines are short and each is awaited: one read brings one line. False at the end. */
static bool listen_to_input(void)
{
    char line[64];
    ssize_t size = read(STDIN_FILENO, line, sizeof line - 1);
    if (size <= 0)
        return false;
    line[size] = '\0';
    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(line, modes[i].name) == 0) {
            mode = &modes[i];
            release();
        }
    }
    tell();
    return true;
}

static void serve(struct fuse_session *session)
{
    struct fuse_buf buffer = { 0 };
    struct pollfd polled[] = {
        { .fd = STDIN_FILENO, .events = POLLIN },
        { .fd = fuse_session_fd(session), .events = POLLIN },
    };
    while (!fuse_session_exited(session)) {
        if (poll(polled, 2, -1) < 0 && errno != EINTR)
            break;
        if (polled[0].revents && !listen_to_input())
            break;
        if (polled[1].revents) {
            int size = fuse_session_receive_buf(session, &buffer);
            if (size > 0)
                fuse_session_process_buf(session, &buffer);
            else if (size != -EINTR && size != -EAGAIN)
                break;
        }
    }
    free(buffer.mem);
}

int main(int count, char **arguments)
{
    if (count != 3 || (disk_size = strtoull(arguments[2], NULL, 10)) == 0) {
        fprintf(stderr, "usage: fault-disk MOUNTPOINT SIZE_BYTES\n");
        return 64;
    }
    disk = mmap(NULL, disk_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (disk == MAP_FAILED) {
        perror("fault-disk: mmap");
        return 1;
    }
    char *options[] = { arguments[0], "-o", "fsname=fault-disk", NULL };
    struct fuse_args session_arguments = FUSE_ARGS_INIT(3, options);
    struct fuse_session *session = fuse_session_new(&session_arguments, &operations, sizeof operations, NULL);
    if (!session || fuse_session_mount(session, arguments[1]) != 0)
        return 1;
    tell();
    serve(session);
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    return 0;
}
