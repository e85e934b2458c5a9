/*
 * Lets Debian's xenstored run on a machine without Xen, loaded before its libraries (LD_PRELOAD). It stands in for
 * what the daemon asks of the hypervisor (libxenctrl, libxenevtchn, libxengnttab, /proc/xen), and it is the guests:
 * the ring page that a guest would share with the daemon is filled from and emptied into a unix socket.
 *
 * All in the folder named by XENSTORED_STUB_FOLDER:
 *   domains    a line "DOMAIN STATE" for each domain of the machine: running, shutdown or dying; read when asked
 *   virq       a fifo; a byte written to it says, as the hypervisor does, that the state of some domain changed
 *   domain-N   the socket on which one client at a time is the introduced domain N
 *
 * Everything happens in the daemon's one thread, when it is about to sleep in poll(2).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RING_SIZE 1024
#define PAGE_SIZE 4096
#define MAX_GUESTS 32

/* Event channels: a guest's is FIRST_PORT plus its number. IDLE_PORT says that nothing happened to any domain. */
enum { VIRQ_PORT = 1, IDLE_PORT = 2, FIRST_PORT = 16 };

/* xen/include/public/io/xs_wire.h, struct xenstore_domain_interface. Indexes run on; the offset is modulo the size. */
struct ring {
    char req[RING_SIZE], rsp[RING_SIZE];
    volatile uint32_t req_cons, req_prod, rsp_cons, rsp_prod;
    uint32_t server_features, connection;
    volatile uint32_t error;
};

/* A message of the wire begins with this. */
struct header {
    uint32_t type, request, transaction, length;
};

enum { INTRODUCE = 8, MAX_PAYLOAD = 4096 };

struct guest {
    uint32_t domain;
    struct ring *ring; /* NULL: this place is free */
    int listener, client; /* -1: none */
    enum {
        WAITING, /* for a client */
        SERVED,
        LEFT, /* its client left; what that one asked for is carried out */
        RESETTING, /* the daemon has yet to forget the watches of the client that left */
    } state;
    char message[sizeof(struct header) + MAX_PAYLOAD]; /* from the client */
    uint32_t filled, passed; /* bytes of it that came in, and that went into the ring */
};

static struct guest guests[MAX_GUESTS];
static struct ring *dom0; /* the ring of Dom0's kernel, which is used for nothing but INTRODUCE */
static int events = -1, virq = -1;

static void fail(const char *what)
{
    fprintf(stderr, "xenstored-stub: %s: %s\n", what, strerror(errno));
    _exit(1);
}

static const char *in_folder(char *path, size_t size, const char *name)
{
    const char *folder = getenv("XENSTORED_STUB_FOLDER");
    snprintf(path, size, "%s/%s", folder ? folder : ".", name);
    return path;
}

static void watch(int fd, int operation, uint32_t interest)
{
    struct epoll_event event = { .events = interest };
    if (epoll_ctl(events, operation, fd, &event) != 0)
        fail("epoll_ctl");
}

/* ---- The guests ---- */

/* Nobody can be this domain any more. */
static void close_sockets(struct guest *guest)
{
    char name[32], path[128];
    snprintf(name, sizeof(name), "domain-%u", guest->domain);
    unlink(in_folder(path, sizeof(path), name));
    close(guest->listener);
    if (guest->client >= 0)
        close(guest->client);
    guest->listener = guest->client = -1;
}

/*
 * A guest's kernel removes the watches of a program that leaves. Here the whole ring is reset: that is what
 * introducing a domain anew does, and it tells nobody.
 */
static void reset(struct guest *guest)
{
    struct header header = { .type = INTRODUCE };
    char message[64];
    header.length = snprintf(message + sizeof(header), 48, "%u%c0%c1%c", guest->domain, 0, 0, 0);
    memcpy(message, &header, sizeof(header));
    for (size_t i = 0; i < sizeof(header) + header.length; i++)
        dom0->req[dom0->req_prod++ % RING_SIZE] = message[i];
    guest->state = RESETTING;
}

/* How long the message is that begins in the buffer, as far as is known yet. */
static uint32_t message_size(const struct guest *guest)
{
    struct header header;
    memcpy(&header, guest->message, sizeof(header));
    /* One that is longer than allowed ends with its header: the daemon will read no further. */
    bool whole = guest->filled < sizeof(header) || header.length > MAX_PAYLOAD;
    return whole ? sizeof(header) : sizeof(header) + header.length;
}

/* A whole message into the ring, as far as there is room. True when there is none left to pass. */
static bool pass_request(struct guest *guest, bool *moved)
{
    struct ring *ring = guest->ring;
    uint32_t size = message_size(guest);
    if (guest->filled < size)
        return true;
    for (; guest->passed < size; guest->passed++, *moved = true) {
        if (ring->req_prod - ring->req_cons == RING_SIZE)
            return false;
        ring->req[ring->req_prod++ % RING_SIZE] = guest->message[guest->passed];
    }
    guest->filled = guest->passed = 0;
    return true;
}

/*
 * From the socket into the ring. Only whole messages are passed on, as by a guest's kernel: one whose client left
 * half way is never seen by the daemon. False: the client left.
 */
static bool take_requests(struct guest *guest, bool *moved)
{
    while (pass_request(guest, moved)) {
        ssize_t count = recv(guest->client, guest->message + guest->filled, message_size(guest) - guest->filled, 0);
        if (count <= 0)
            return count < 0 && errno == EAGAIN;
        guest->filled += count;
    }
    return true;
}

/* From the ring into the socket, as much as it takes. False: the client left. */
static bool give_answers(struct guest *guest, bool *moved)
{
    struct ring *ring = guest->ring;
    while (ring->rsp_cons != ring->rsp_prod) {
        uint32_t offset = ring->rsp_cons % RING_SIZE, length = ring->rsp_prod - ring->rsp_cons;
        if (length > RING_SIZE - offset)
            length = RING_SIZE - offset;
        ssize_t count = send(guest->client, ring->rsp + offset, length, MSG_NOSIGNAL);
        if (count <= 0)
            return errno == EAGAIN;
        ring->rsp_cons += count;
        *moved = true;
    }
    return true;
}

/* One turn of one guest; true when the daemon has something to do now. */
static bool serve(struct guest *guest)
{
    bool moved = false;
    struct ring *ring = guest->ring;
    if (ring->error) {
        /* The domain broke the protocol: the daemon listens to it no more, as long as it lives. */
        close_sockets(guest);
        return false;
    }
    if (guest->state == WAITING
        && (guest->client = accept4(guest->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        watch(guest->client, EPOLL_CTL_ADD, 0);
        guest->filled = guest->passed = 0;
        guest->state = SERVED;
    }
    if (guest->state == SERVED && (!give_answers(guest, &moved) || !take_requests(guest, &moved))) {
        close(guest->client);
        guest->client = -1;
        guest->state = LEFT;
    }
    if (guest->state == LEFT) {
        moved |= ring->rsp_cons != ring->rsp_prod;
        ring->rsp_cons = ring->rsp_prod;
        if (pass_request(guest, &moved) && ring->req_cons == ring->req_prod) {
            reset(guest);
            moved = true;
        }
    }
    watch(guest->listener, EPOLL_CTL_MOD, guest->state == WAITING ? EPOLLIN : 0);
    if (guest->state == SERVED) {
        bool wanted = guest->filled < message_size(guest), answers = ring->rsp_cons != ring->rsp_prod;
        watch(guest->client, EPOLL_CTL_MOD, (wanted ? EPOLLIN : 0) | (answers ? EPOLLOUT : 0));
    }
    return moved;
}

int poll(struct pollfd *descriptors, nfds_t count, int timeout)
{
    static int (*next)(struct pollfd *, nfds_t, int);
    bool moved = false;
    if (!next)
        next = (int (*)(struct pollfd *, nfds_t, int))dlsym(RTLD_NEXT, "poll");
    if (dom0)
        dom0->rsp_cons = dom0->rsp_prod;
    for (int i = 0; i < MAX_GUESTS; i++)
        if (guests[i].ring && guests[i].listener >= 0)
            moved |= serve(&guests[i]);
    return next(descriptors, count, moved ? 0 : timeout);
}

/* ---- libxengnttab: the page that a guest shares ---- */

void *xengnttab_open(void *logger, unsigned flags) { return &guests; }
int xengnttab_close(void *handle) { return 0; }
int xengnttab_set_max_grants(void *handle, uint32_t count) { return 0; }

void *xengnttab_map_grant_ref(void *handle, uint32_t domain, uint32_t ref, int protection)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct guest *guest = guests;
    char name[32];
    while (guest->ring)
        if (++guest == guests + MAX_GUESTS) {
            errno = ENOSPC;
            return NULL;
        }
    *guest = (struct guest){ .domain = domain, .client = -1 };
    guest->ring = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    guest->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    snprintf(name, sizeof(name), "domain-%u", domain);
    in_folder(address.sun_path, sizeof(address.sun_path), name);
    unlink(address.sun_path);
    if (guest->ring == MAP_FAILED || bind(guest->listener, (struct sockaddr *)&address, sizeof(address)) != 0
        || listen(guest->listener, 16) != 0)
        fail(address.sun_path);
    watch(guest->listener, EPOLL_CTL_ADD, 0);
    return guest->ring;
}

int xengnttab_unmap(void *handle, void *page, uint32_t count)
{
    for (struct guest *guest = guests; guest < guests + MAX_GUESTS; guest++)
        if (guest->ring == page) {
            if (guest->listener >= 0)
                close_sockets(guest);
            guest->ring = NULL;
        }
    return munmap(page, PAGE_SIZE);
}

/* ---- libxenevtchn: what wakes the daemon ---- */

void *xenevtchn_open(void *logger, unsigned flags)
{
    char path[128];
    events = epoll_create1(EPOLL_CLOEXEC);
    virq = open(in_folder(path, sizeof(path), "virq"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (events < 0 || virq < 0)
        fail(path);
    watch(virq, EPOLL_CTL_ADD, EPOLLIN);
    return &events;
}

int xenevtchn_fd(void *handle) { return events; }
int xenevtchn_bind_virq(void *handle, unsigned number) { return VIRQ_PORT; }
int xenevtchn_unbind(void *handle, uint32_t port) { return 0; }
int xenevtchn_unmask(void *handle, uint32_t port) { return 0; }
int xenevtchn_notify(void *handle, uint32_t port) { return 0; }

int xenevtchn_pending(void *handle)
{
    char bytes[64];
    return read(virq, bytes, sizeof(bytes)) > 0 ? VIRQ_PORT : IDLE_PORT;
}

/* Called at every INTRODUCE, before the daemon resets the ring. */
int xenevtchn_bind_interdomain(void *handle, uint32_t domain, uint32_t port)
{
    for (struct guest *guest = guests; guest < guests + MAX_GUESTS; guest++)
        if (guest->ring && guest->domain == domain)
            guest->state = WAITING;
    return FIRST_PORT + domain;
}

/* ---- libxenctrl: which domains there are ---- */

/* The beginning of xc_dominfo_t (tools/include/xenctrl.h), which is all that the daemon looks at. */
struct domain_info {
    uint32_t domain, ssidref;
    unsigned dying : 1, crashed : 1, shutdown : 1;
};

void *xc_interface_open(void *logger, void *dombuild_logger, unsigned flags) { return &guests; }
int xc_interface_close(void *handle) { return 0; }

int xc_domain_getinfo(void *handle, uint32_t first, unsigned max, struct domain_info *info)
{
    char path[128], state[16];
    unsigned domain;
    int found = 0;
    FILE *file = fopen(in_folder(path, sizeof(path), "domains"), "re");
    if (!file)
        fail(path);
    while (!found && fscanf(file, "%u %15s", &domain, state) == 2)
        if (domain == first) {
            info->domain = domain;
            info->dying = strcmp(state, "dying") == 0;
            info->crashed = 0;
            info->shutdown = strcmp(state, "shutdown") == 0;
            found = 1;
        }
    fclose(file);
    return found;
}

/* ---- /proc/xen: Dom0's own ring ---- */

int open(const char *path, int flags, ...)
{
    static int (*next)(const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int); /* garbage, and unused, unless a file is made */
    va_end(rest);
    if (!next)
        next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    if (strcmp(path, "/proc/xen/xsd_port") == 0) {
        int port = memfd_create("xsd_port", MFD_CLOEXEC);
        return pwrite(port, "1", 1, 0) == 1 ? port : -1;
    }
    if (strcmp(path, "/proc/xen/xsd_kva") == 0) {
        int page = memfd_create("xsd_kva", MFD_CLOEXEC);
        if (ftruncate(page, PAGE_SIZE) != 0)
            fail("xsd_kva");
        dom0 = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, page, 0);
        return page;
    }
    return next(path, flags, mode);
}
