/* load.c: asks a gateway as fast as it answers, on a fixed number of connections, and tells how
 * that went.
 *
 *     load PORT PATH KEY BODY_FILE CONNECTIONS SECONDS
 *
 * Each connection sends its request, reads the answer to its end, and sends the next. Any answer
 * but a complete 200 is an error; a stream is complete with its [DONE]. Prints one line of JSON:
 * requests, errors, events, the most connections open and the most streams between their first
 * event and their end at once, and in microseconds the time of a whole request, to the first event,
 * and of an event under way (bench/provider.c writes the time of sending into each). */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN_MAX = 16 * 1024, BODY_MAX = 60 * 1024, REQUEST_MAX = 64 * 1024, EVENTS = 256 };
enum { RAMP_STEP = 100, RAMP_MS = 10, SAMPLES_MAX = 4 * 1024 * 1024, ERRORS_SHOWN = 3 };

/* Where in the answer a connection is. */
enum place { HEAD, LENGTH_BODY, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, LAST_LINE };

struct conn {
    int fd;
    enum place place;
    bool is_connected, is_stream, is_done;
    size_t left; /* of the body or the chunk */
    uint64_t began_ns, first_ns;
    size_t sent, in_n;
    char in[IN_MAX + 1];
};

struct samples {
    const char *name;
    uint32_t *us;
    size_t n;
    uint64_t seen; /* beyond SAMPLES_MAX they are only counted */
};

static struct samples whole = {.name = "us"}, first = {.name = "first_us"},
                      under_way = {.name = "event_us"};
static char request[REQUEST_MAX];
static size_t request_n;
static struct sockaddr_in address;
static unsigned long wanted, made, opened, open_most, live, live_most;
static uint64_t requests, errors, events;
static int ep;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void sample(struct samples *s, uint64_t ns)
{
    s->seen++;
    if (s->n < SAMPLES_MAX)
        s->us[s->n++] = ns / 1000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(ns / 1000);
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void print_samples(struct samples *s)
{
    qsort(s->us, s->n, sizeof *s->us, by_value);
    const uint32_t *v = s->us;
    printf(",\"%s_p50\":%u,\"%s_p99\":%u,\"%s_max\":%u", s->name, s->n ? v[s->n / 2] : 0, s->name,
           s->n ? v[s->n * 99 / 100] : 0, s->name, s->n ? v[s->n - 1] : 0);
}

static void conn_open(struct conn *c);

static void watch(struct conn *c, uint32_t interest, int how)
{
    struct epoll_event e = {.events = interest, .data.ptr = c};
    epoll_ctl(ep, how, c->fd, &e);
}

static void conn_shut(struct conn *c)
{
    opened -= c->is_connected;
    live -= c->first_ns != 0;
    close(c->fd);
}

static void conn_fail(struct conn *c, const char *why)
{
    if (errors++ < ERRORS_SHOWN)
        fprintf(stderr, "load: %s: %.*s\n", why, (int)(c->in_n > 300 ? 300 : c->in_n), c->in);
    conn_shut(c);
    if (errors > 1000) {
        fprintf(stderr, "load: giving up\n");
        exit(1);
    }
    conn_open(c);
}

static void conn_send(struct conn *c)
{
    ssize_t n = send(c->fd, request + c->sent, request_n - c->sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        conn_fail(c, strerror(errno));
        return;
    }
    c->sent += n > 0 ? (size_t)n : 0;
    watch(c, c->sent < request_n ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

static void conn_ask(struct conn *c)
{
    c->place = HEAD;
    c->is_stream = c->is_done = false;
    c->first_ns = 0;
    c->sent = 0;
    c->began_ns = now_ns();
    conn_send(c);
}

static void conn_open(struct conn *c)
{
    *c = (struct conn){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (c->fd < 0 ||
        (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)) {
        perror("load");
        exit(1);
    }
    watch(c, EPOLLOUT, EPOLL_CTL_ADD);
}

static void conn_answered(struct conn *c)
{
    if (c->is_stream && !c->is_done) {
        conn_fail(c, "a stream without [DONE]");
        return;
    }
    requests++;
    sample(&whole, now_ns() - c->began_ns);
    live -= c->first_ns != 0;
    conn_ask(c);
}

static void note_event(struct conn *c, const char *line, size_t n)
{
    static const char before[] = "\"content\":\"t";
    if (n < 6 || memcmp(line, "data: ", 6) != 0)
        return;
    const char *at = memmem(line, n, before, sizeof before - 1);
    if (at) {
        uint64_t now = now_ns();
        events++;
        sample(&under_way, now - strtoull(at + sizeof before - 1, NULL, 10));
        if (!c->first_ns) {
            sample(&first, now - c->began_ns);
            live_most = ++live > live_most ? live : live_most;
        }
        c->first_ns = now;
    } else if (n >= 12 && memcmp(line + 6, "[DONE]", 6) == 0) {
        c->is_done = true;
    }
}

/* Complete lines of a chunk that is all there, or of what is there of it; returns what may be
 * dropped. */
static size_t note_lines(struct conn *c, const char *p, size_t n)
{
    const char *at = p, *end = p + n;
    for (const char *nl; (nl = memchr(at, '\n', (size_t)(end - at))); at = nl + 1)
        note_event(c, at, (size_t)(nl - at));
    return (size_t)(at - p);
}

static bool read_head(struct conn *c, const char *p, const char *end)
{
    if (end - p < 12 || memcmp(p, "HTTP/1.1 200", 12) != 0)
        return false;
    const char *length = strcasestr(p, "\r\ncontent-length:");
    c->is_stream = strcasestr(p, "\r\ncontent-type: text/event-stream") != NULL;
    if (length && length < end) {
        c->place = LENGTH_BODY;
        c->left = strtoul(length + 17, NULL, 10);
        return true;
    }
    c->place = CHUNK_SIZE;
    const char *coding = strcasestr(p, "\r\ntransfer-encoding: chunked");
    return coding && coding < end;
}

/* One step at the front of the input: how much of it is used, 0 for more is needed, -1 for
 * nonsense. *answered: it was the last. */
static ssize_t conn_step(struct conn *c, char *p, size_t n, bool *answered)
{
    char *nl = memchr(p, '\n', n), *end;
    size_t take = n < c->left ? n : c->left;
    switch (c->place) {
    case HEAD:
        if (!(end = memmem(p, n, "\r\n\r\n", 4)))
            return n == IN_MAX ? -1 : 0;
        *end = '\0'; /* so that no search leaves the head */
        return read_head(c, p, end) ? end + 4 - p : -1;
    case LENGTH_BODY:
        c->left -= take;
        *answered = c->left == 0;
        return (ssize_t)take;
    case CHUNK_SIZE:
        if (!nl)
            return 0;
        c->left = strtoul(p, NULL, 16);
        c->place = c->left ? CHUNK_DATA : LAST_LINE;
        return nl + 1 - p;
    case CHUNK_DATA:
        if (take == c->left)
            note_lines(c, p, take);
        else if ((take = note_lines(c, p, take)) == 0 && n == IN_MAX)
            return -1;
        c->left -= take;
        if (!c->left)
            c->place = CHUNK_END;
        return (ssize_t)take;
    case CHUNK_END:
    case LAST_LINE:
        if (!nl)
            return 0;
        *answered = c->place == LAST_LINE;
        c->place = CHUNK_SIZE;
        return nl + 1 - p;
    }
    return -1;
}

static void conn_read(struct conn *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_n, IN_MAX - c->in_n, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        conn_fail(c, "connection lost");
        return;
    }
    c->in_n += (size_t)n;
    c->in[c->in_n] = '\0';
    size_t used = 0;
    bool answered = false;
    ssize_t step = 1;
    while (!answered && (step = conn_step(c, c->in + used, c->in_n - used, &answered)) > 0)
        used += (size_t)step;
    memmove(c->in, c->in + used, c->in_n - used);
    c->in_n -= used;
    if (step < 0)
        conn_fail(c, "unexpected answer");
    else if (answered)
        conn_answered(c);
}

static void on_event(struct conn *c, uint32_t ready)
{
    if (!c->is_connected) {
        int why = 0;
        socklen_t n = sizeof why;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &why, &n);
        if (why) {
            conn_fail(c, strerror(why));
            return;
        }
        c->is_connected = true;
        open_most = ++opened > open_most ? opened : open_most;
        conn_ask(c);
    } else if (ready & EPOLLIN) {
        conn_read(c);
    } else if (ready & (EPOLLERR | EPOLLHUP)) {
        conn_fail(c, "connection lost");
    } else if (ready & EPOLLOUT) {
        conn_send(c);
    }
}

static void read_request(char **argv)
{
    static char body[BODY_MAX];
    FILE *f = fopen(argv[4], "rb");
    size_t body_n = f ? fread(body, 1, sizeof body, f) : 0;
    if (!body_n) {
        perror(argv[4]);
        exit(2);
    }
    fclose(f);
    int n = snprintf(request, sizeof request,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nContent-Type: application/json\r\n"
                     "Authorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n",
                     argv[2], argv[1], argv[3], body_n);
    if (n < 0 || (size_t)n + body_n > sizeof request)
        exit(2);
    memcpy(request + n, body, body_n);
    request_n = (size_t)n + body_n;
}

static void run_until(uint64_t end_ns, struct conn *conns)
{
    struct epoll_event ready[EVENTS];
    for (uint64_t now, ramp_ns = 0; (now = now_ns()) < end_ns;) {
        if (made < wanted && now >= ramp_ns) {
            for (unsigned i = 0; i < RAMP_STEP && made < wanted; i++)
                conn_open(&conns[made++]);
            ramp_ns = now + RAMP_MS * 1000000u;
        }
        uint64_t left_ms = (end_ns - now) / 1000000 + 1;
        int ms = made < wanted ? RAMP_MS : left_ms > 1000 ? 1000 : (int)left_ms;
        int n = epoll_wait(ep, ready, EVENTS, ms);
        for (int i = 0; i < n; i++)
            on_event(ready[i].data.ptr, ready[i].events);
    }
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: load PORT PATH KEY BODY_FILE CONNECTIONS SECONDS\n");
        return 2;
    }
    read_request(argv);
    address = (struct sockaddr_in){.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    wanted = strtoul(argv[5], NULL, 10);
    struct conn *conns = calloc(wanted, sizeof *conns);
    struct samples *all[] = {&whole, &first, &under_way};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        all[i]->us = malloc(SAMPLES_MAX * sizeof *all[i]->us);
    if (!conns || !whole.us || !first.us || !under_way.us)
        return 1;
    ep = epoll_create1(0);
    uint64_t began = now_ns();
    run_until(began + (uint64_t)(strtod(argv[6], NULL) * 1e9), conns);
    double seconds = (double)(now_ns() - began) / 1e9;
    printf("{\"requests\":%llu,\"errors\":%llu,\"events\":%llu,\"open\":%lu,\"live\":%lu,"
           "\"seconds\":%.3f,\"per_s\":%.0f,"
           "\"events_per_s\":%.0f",
           (unsigned long long)requests, (unsigned long long)errors, (unsigned long long)events,
           open_most, live_most, seconds, (double)requests / seconds, (double)events / seconds);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        print_samples(all[i]);
    printf("}\n");
    return 0;
}
