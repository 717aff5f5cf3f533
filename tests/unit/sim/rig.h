/* rig.h: a simulated provider on a loop of its own thread, and a client of raw sockets in the
 * test's. Whatever waits for more than WAIT_S fails the test. */
#ifndef UNIT_SIM_RIG_H
#define UNIT_SIM_RIG_H

#include "unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "json/read.h"
#include "sim/sim.h"

enum { WAIT_S = 20, SLOW_FIRST_MS = 30, EVENTS_MAX = 256 };

static struct rig {
    struct io_loop *loop;
    struct sim *sim;
    pthread_t thread;
    struct io_post stop;
} rig;

static inline void *rig_run(void *loop)
{
    io_loop_run(loop);
    return NULL;
}

static inline void rig_stop(struct io_post *p)
{
    (void)p;
    io_loop_stop(rig.loop);
}

static inline int rig_set_up(void **state)
{
    (void)state;
    struct fault f;
    rig.loop = io_loop_new(&f);
    assert_non_null(rig.loop);
    rig.sim = sim_new(rig.loop, STR("127.0.0.1"), 0, &f);
    assert_non_null(rig.sim);
    sim_set_timing(rig.sim, &(struct sim_timing){.slow_first_ms = SLOW_FIRST_MS});
    assert_int_equal(pthread_create(&rig.thread, NULL, rig_run, rig.loop), 0);
    return 0;
}

static inline int rig_tear_down(void **state)
{
    (void)state;
    rig.stop.run = rig_stop;
    io_post(rig.loop, &rig.stop);
    assert_int_equal(pthread_join(rig.thread, NULL), 0);
    sim_free(rig.sim);
    io_loop_free(rig.loop);
    return 0;
}

/* --- a client --------------------------------------------------------------------------------- */

static inline int rig_try_connect(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_not_equal(fd, -1);
    struct timeval wait = {.tv_sec = WAIT_S};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait), 0);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline void rig_send(int fd, const void *bytes, size_t n)
{
    for (size_t sent = 0; sent < n;) {
        ssize_t now = send(fd, (const char *)bytes + sent, n - sent, MSG_NOSIGNAL);
        assert_true(now > 0);
        sent += (size_t)now;
    }
}

/* Connects and asks. body NULL: none. */
static inline int rig_ask_n(const char *method, const char *target, const char *body, size_t n)
{
    int fd = rig_try_connect(sim_port(rig.sim));
    assert_int_not_equal(fd, -1);
    char head[512];
    int head_n = snprintf(head, sizeof head,
                          "%s %s HTTP/1.1\r\nHost: sim\r\nAuthorization: Bearer whatever\r\n"
                          "Connection: close\r\nContent-Length: %zu\r\n\r\n",
                          method, target, n);
    assert_true(head_n > 0 && (size_t)head_n < sizeof head);
    rig_send(fd, head, (size_t)head_n);
    rig_send(fd, body, n);
    return fd;
}

static inline int rig_ask(const char *target, const char *body)
{
    return rig_ask_n("POST", target, body, strlen(body));
}

struct reply {
    int status; /* 0: not a byte came */
    char *text; /* head and decoded body, a NUL behind it */
    const char *body;
    size_t body_n;
    bool is_complete; /* as many bytes as were promised, or the last chunk */
};

static inline char *rig_read_all(int fd, size_t *n)
{
    size_t cap = 4096;
    char *text = malloc(cap);
    for (*n = 0;;) {
        if (cap - *n < 2048)
            text = realloc(text, cap *= 2);
        assert_non_null(text);
        ssize_t now = recv(fd, text + *n, cap - *n - 1, 0);
        if (now == -1)
            assert_true(errno == ECONNRESET);
        if (now <= 0)
            break;
        *n += (size_t)now;
    }
    text[*n] = '\0';
    return text;
}

/* In place; whether the last chunk came. */
static inline bool rig_decode(char *at, const char *end, size_t *n)
{
    char *out = at, *body = at;
    bool is_last = false;
    while (at < end && !is_last) {
        char *line_end;
        size_t size = strtoul(at, &line_end, 16);
        if (line_end + 2 > end)
            break;
        at = line_end + 2;
        is_last = size == 0;
        size_t here = size < (size_t)(end - at) ? size : (size_t)(end - at);
        memmove(out, at, here);
        out += here;
        at += here + (here == size ? 2 : 0);
    }
    *n = (size_t)(out - body);
    *out = '\0';
    return is_last;
}

/* Reads to the end of the connection, and closes it. */
static inline struct reply rig_reply(int fd)
{
    struct reply r = {0};
    size_t n;
    r.text = rig_read_all(fd, &n);
    close(fd);
    if (n == 0)
        return r;
    char *body = strstr(r.text, "\r\n\r\n");
    assert_non_null(body);
    body += 4;
    r.body = body;
    r.body_n = n - (size_t)(body - r.text);
    assert_int_equal(sscanf(r.text, "HTTP/1.1 %d", &r.status), 1);
    const char *length = strstr(r.text, "Content-Length: ");
    const char *chunked = strstr(r.text, "Transfer-Encoding: chunked\r\n");
    if (chunked && chunked < body)
        r.is_complete = rig_decode(body, r.text + n, &r.body_n);
    else if (length && length < body)
        r.is_complete = strtoul(length + 16, NULL, 10) == r.body_n;
    return r;
}

static inline struct reply rig_post(const char *target, const char *body)
{
    return rig_reply(rig_ask(target, body));
}

static inline struct reply rig_get(const char *target)
{
    return rig_reply(rig_ask_n("GET", target, "", 0));
}

static inline void reply_free(struct reply *r)
{
    free(r->text);
}

/* --- what came -------------------------------------------------------------------------------- */

/* Parsed JSON with what it needs; a failed parse gives JSON_NONE. */
struct parsed {
    struct json_tape tape;
    struct json v;
};

static inline void parse(struct parsed *p, struct str text)
{
    json_tape_init(&p->tape, 1 << 16);
    p->v = (struct json){0};
    struct json v;
    if (json_parse(&p->tape, text, &v, NULL) == ERR_OK)
        p->v = v;
}

/* By member names and array places: "choices/0/message/content". */
static inline struct json at(struct json v, const char *path)
{
    struct str rest = str_c(path);
    while (rest.n) {
        struct str step = str_cut(&rest, '/');
        uint64_t i;
        if (!json_is(v, JSON_ARRAY)) {
            v = json_get(v, step);
            continue;
        }
        assert_true(str_u64(step, 1000, &i));
        struct json each = json_first(v);
        while (i-- && !json_is(each, JSON_NONE))
            each = json_after(v, each);
        v = each;
    }
    return v;
}

#define assert_at(v, path, expected)                                                               \
    do {                                                                                           \
        struct str raw_ = json_raw(at(v, path));                                                   \
        if (!str_eq(raw_, str_c(expected)))                                                        \
            print_error("%s is %.*s\n", path, STR_ARG(raw_));                                      \
        assert_true(str_eq(raw_, str_c(expected)));                                                \
    } while (0)

struct events {
    unsigned n;
    struct str names[EVENTS_MAX], data[EVENTS_MAX];
};

/* The events of a stream whose lines all end alike. */
static inline struct events events_of(const struct reply *r)
{
    struct events e = {0};
    struct str rest = str_of(r->body, r->body_n), name = STR_NONE;
    while (rest.n) {
        struct str line = str_cut(&rest, '\n');
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        if (str_starts(line, STR("event: ")))
            name = str_skip(line, 7);
        if (str_starts(line, STR("data: "))) {
            assert_true(e.n < EVENTS_MAX);
            e.names[e.n] = name;
            e.data[e.n++] = str_skip(line, 6);
            name = STR_NONE;
        }
    }
    return e;
}

/* How many events a stream of any length has. (By lines: a sanitizer's strstr() reads all of the
 * text each time.) */
static inline unsigned count_events(const struct reply *r)
{
    unsigned n = 0;
    for (struct str rest = str_of(r->body, r->body_n); rest.n;)
        n += str_starts(str_cut(&rest, '\n'), STR("data: "));
    return n;
}

/* Joins the string at `path` of all events. */
static inline void join(const struct events *e, const char *path, struct buf *out)
{
    buf_init(out, 1 << 20);
    for (unsigned i = 0; i < e->n; i++) {
        struct parsed p;
        parse(&p, e->data[i]);
        size_t before = out->n;
        struct str s = json_str(at(p.v, path), out);
        if (out->n == before)
            buf_add(out, s);
        json_tape_release(&p.tape);
    }
}

#define assert_joined(events, path, expected)                                                      \
    do {                                                                                           \
        struct buf joined_;                                                                        \
        join(events, path, &joined_);                                                              \
        assert_str(buf_view(&joined_), expected);                                                  \
        buf_release(&joined_);                                                                     \
    } while (0)

static inline bool has(const struct reply *r, const char *needle)
{
    return r->text && strstr(r->text, needle) != NULL;
}

#endif
