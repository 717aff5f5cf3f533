/* provider.c: a provider that answers at once, or at a pace, and costs next to nothing.
 *
 *     provider FIRST_MS GAP_MS CHUNKS
 *
 * Listens on a free port of 127.0.0.1 and prints it. Every request is a chat: a body that holds
 * "stream":true gets a stream of CHUNKS events, the first after FIRST_MS, then one each GAP_MS,
 * then a finish, a usage and [DONE]; others get one whole answer after FIRST_MS. A stream that is
 * asked for at /v1/messages is Anthropic's, others are OpenAI's. The text of each
 * event is the monotonic time in nanoseconds at which it was sent, so that a client on this machine
 * knows how long it was under way.
 *
 * Delays are two constants, so two queues in order of arrival are all the timers there are. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN_MAX = 64 * 1024, OUT_MAX = 64 * 1024, EVENT_MAX = 512, EVENTS = 256 };

struct conn {
    int fd;
    uint32_t in_n, out_n;
    uint32_t left; /* events still to send */
    bool is_streaming, is_messages, is_waiting, is_dead;
    uint64_t due_ns;
    struct conn *next; /* in its queue */
    char *in, *out;    /* IN_MAX and OUT_MAX, while there is something in them */
};

struct queue {
    struct conn *head, **tail;
    uint64_t delay_ns;
};

#define CHUNK_HEAD                                                                                 \
    "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"      \
    "\"model\":\"bench-model-2024-07-18\",\"system_fingerprint\":\"fp_0123456789\","

static const char whole_answer[] =
    "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1700000000,"
    "\"model\":\"bench-model-2024-07-18\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
    "\"assistant\",\"content\":\"A sentence of a usual length, and then another one, so that the "
    "answer is as long as short answers of a language model usually are, which is not very long."
    "\"},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":19,"
    "\"completion_tokens\":33,\"total_tokens\":52,\"prompt_tokens_details\":{\"cached_tokens\":0}},"
    "\"system_fingerprint\":\"fp_0123456789\"}";

static const char stream_head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                  "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";

static int ep;
static unsigned chunks;
static struct queue first, gap;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void queue_init(struct queue *q, unsigned long ms)
{
    *q = (struct queue){.delay_ns = ms * 1000000u};
    q->tail = &q->head;
}

static void queue_add(struct queue *q, struct conn *c)
{
    c->due_ns = now_ns() + q->delay_ns;
    c->is_waiting = true;
    c->next = NULL;
    *q->tail = c;
    q->tail = &c->next;
}

static struct conn *queue_take_due(struct queue *q, uint64_t now)
{
    struct conn *c = q->head;
    if (!c || c->due_ns > now)
        return NULL;
    q->head = c->next;
    if (!q->head)
        q->tail = &q->head;
    c->is_waiting = false;
    return c;
}

static void watch(struct conn *c, uint32_t events, int how)
{
    struct epoll_event e = {.events = events | EPOLLRDHUP, .data.ptr = c};
    epoll_ctl(ep, how, c->fd, &e);
}

static void conn_release(struct conn *c)
{
    free(c->in);
    free(c->out);
    free(c);
}

/* A connection that waits in a queue is released when its turn comes. */
static void conn_close(struct conn *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->is_dead = true;
}

static void conn_flush(struct conn *c)
{
    ssize_t n = send(c->fd, c->out, c->out_n, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        conn_close(c);
        return;
    }
    uint32_t sent = n > 0 ? (uint32_t)n : 0;
    memmove(c->out, c->out + sent, c->out_n - sent);
    c->out_n -= sent;
    if (c->out_n)
        watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
}

static void conn_add(struct conn *c, const char *p, size_t n)
{
    if (!c->out)
        c->out = malloc(OUT_MAX);
    if (!c->out || c->out_n + n > OUT_MAX) {
        fprintf(stderr, "provider: a reader fell %u bytes behind\n", c->out_n);
        conn_close(c);
        return;
    }
    memcpy(c->out + c->out_n, p, n);
    c->out_n += (uint32_t)n;
}

static void add_event(struct conn *c, const char *data, size_t n)
{
    char head[32];
    int head_n = snprintf(head, sizeof head, "%zx\r\ndata: ", n + 8);
    conn_add(c, head, (size_t)head_n);
    conn_add(c, data, n);
    conn_add(c, "\n\n\r\n", 4);
}

static void add_content(struct conn *c)
{
    char data[EVENT_MAX];
    int n = snprintf(data, sizeof data,
                     CHUNK_HEAD "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"t%llu \"},"
                                "\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}",
                     (unsigned long long)now_ns());
    add_event(c, data, (size_t)n);
}

static void add_ending(struct conn *c)
{
    static const char finish[] =
        CHUNK_HEAD "\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,"
                   "\"finish_reason\":\"stop\"}],\"usage\":null}";
    char data[EVENT_MAX];
    int n = snprintf(data, sizeof data,
                     CHUNK_HEAD
                     "\"choices\":[],\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":%u,"
                     "\"total_tokens\":%u,\"prompt_tokens_details\":{\"cached_tokens\":0}}}",
                     chunks, chunks + 19);
    add_event(c, finish, sizeof finish - 1);
    add_event(c, data, (size_t)n);
    add_event(c, "[DONE]", 6);
    conn_add(c, "0\r\n\r\n", 5);
}

/* An event of Anthropic's messages. */
static void add_named(struct conn *c, const char *name, const char *more)
{
    char event[EVENT_MAX], size[16];
    int n =
        snprintf(event, sizeof event, "event: %s\ndata: {\"type\":\"%s\"%s}\n\n", name, name, more);
    int size_n = snprintf(size, sizeof size, "%x\r\n", (unsigned)n);
    conn_add(c, size, (size_t)size_n);
    conn_add(c, event, (size_t)n);
    conn_add(c, "\r\n", 2);
}

static void add_message_start(struct conn *c)
{
    add_named(c, "message_start",
              ",\"message\":{\"id\":\"msg_bench\",\"type\":\"message\",\"role\":\"assistant\","
              "\"model\":\"bench-model-2024-07-18\",\"content\":[],\"usage\":{\"input_tokens\":19,"
              "\"output_tokens\":1}}");
    add_named(c, "content_block_start",
              ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}");
}

static void add_message_delta(struct conn *c)
{
    char more[EVENT_MAX / 2];
    snprintf(more, sizeof more,
             ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"t%llu \"}",
             (unsigned long long)now_ns());
    add_named(c, "content_block_delta", more);
}

static void add_message_stop(struct conn *c)
{
    char more[EVENT_MAX / 2];
    snprintf(more, sizeof more,
             ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},"
             "\"usage\":{\"output_tokens\":%u}",
             chunks);
    add_named(c, "content_block_stop", ",\"index\":0");
    add_named(c, "message_delta", more);
    add_named(c, "message_stop", "");
    conn_add(c, "0\r\n\r\n", 5);
}

static void add_whole(struct conn *c)
{
    char head[128];
    int n =
        snprintf(head, sizeof head,
                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                 sizeof whole_answer - 1);
    conn_add(c, head, (size_t)n);
    conn_add(c, whole_answer, sizeof whole_answer - 1);
}

static void conn_turn(struct conn *c)
{
    if (!c->is_streaming) {
        add_whole(c);
    } else {
        if (c->left == chunks)
            conn_add(c, stream_head, sizeof stream_head - 1);
        if (c->left == chunks && c->is_messages)
            add_message_start(c);
        if (c->left) {
            (c->is_messages ? add_message_delta : add_content)(c);
            c->left--;
            queue_add(&gap, c);
        } else {
            (c->is_messages ? add_message_stop : add_ending)(c);
        }
    }
    if (!c->is_dead)
        conn_flush(c);
}

/* The bytes of the request at the front of the input, 0: not all of it is there yet, -1: no
 * request. */
static ssize_t request_size(const struct conn *c)
{
    const char *end = memmem(c->in, c->in_n, "\r\n\r\n", 4);
    if (!end)
        return c->in_n == IN_MAX ? -1 : 0;
    size_t head_n = (size_t)(end - c->in) + 4, body_n = 0;
    static const char name[] = "\r\ncontent-length:";
    for (const char *p = c->in; p + sizeof name < end; p++) {
        if (strncasecmp(p, name, sizeof name - 1) == 0)
            body_n = strtoul(p + sizeof name - 1, NULL, 10);
    }
    if (body_n > IN_MAX - head_n)
        return -1;
    return head_n + body_n <= c->in_n ? (ssize_t)(head_n + body_n) : 0;
}

static void conn_take_requests(struct conn *c)
{
    ssize_t n = request_size(c);
    if (n < 0) {
        conn_close(c);
    } else if (n > 0) {
        c->is_streaming = memmem(c->in, (size_t)n, "\"stream\":true", 13) ||
                          memmem(c->in, (size_t)n, "\"stream\": true", 14);
        c->is_messages = memcmp(c->in, "POST /v1/messages", 17) == 0;
        c->left = chunks;
        memmove(c->in, c->in + n, c->in_n - (size_t)n);
        c->in_n -= (uint32_t)n;
        if (first.delay_ns)
            queue_add(&first, c);
        else
            conn_turn(c);
    }
    if (c->in_n == 0) {
        free(c->in);
        c->in = NULL;
    }
}

static void conn_read(struct conn *c)
{
    if (!c->in)
        c->in = malloc(IN_MAX + 1);
    if (!c->in)
        abort();
    ssize_t n = recv(c->fd, c->in + c->in_n, IN_MAX - c->in_n, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        conn_close(c);
        return;
    }
    c->in_n += n > 0 ? (uint32_t)n : 0;
    c->in[c->in_n] = '\0';
    conn_take_requests(c);
}

static void on_connect(int listener)
{
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct conn *c = calloc(1, sizeof *c);
        if (!c)
            abort();
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        watch(c, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static void on_event(struct conn *c, uint32_t events)
{
    if (c->out_n && (events & EPOLLOUT)) {
        conn_flush(c);
        if (!c->is_dead && !c->out_n)
            watch(c, EPOLLIN, EPOLL_CTL_MOD);
    }
    if (!c->is_dead && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
        conn_read(c);
    if (c->is_dead && !c->is_waiting)
        conn_release(c);
}

static void take_due(struct queue *q)
{
    uint64_t now = now_ns();
    for (struct conn *c; (c = queue_take_due(q, now));) {
        if (!c->is_dead)
            conn_turn(c);
        if (c->is_dead && !c->is_waiting)
            conn_release(c);
    }
}

static int wait_ms(void)
{
    uint64_t due = UINT64_MAX, now = now_ns();
    if (first.head)
        due = first.head->due_ns;
    if (gap.head && gap.head->due_ns < due)
        due = gap.head->due_ns;
    if (due == UINT64_MAX)
        return -1;
    return due <= now ? 0 : (int)((due - now + 999999) / 1000000);
}

static int listen_anywhere(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) || listen(fd, 8192) ||
        getsockname(fd, (struct sockaddr *)&a, &n)) {
        perror("provider");
        exit(1);
    }
    printf("%u\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: provider FIRST_MS GAP_MS CHUNKS\n");
        return 2;
    }
    queue_init(&first, strtoul(argv[1], NULL, 10));
    queue_init(&gap, strtoul(argv[2], NULL, 10));
    chunks = (unsigned)strtoul(argv[3], NULL, 10);
    ep = epoll_create1(0);
    int listener = listen_anywhere();
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, ready[EVENTS];
    epoll_ctl(ep, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int n = epoll_wait(ep, ready, EVENTS, wait_ms());
        for (int i = 0; i < n; i++) {
            if (ready[i].data.ptr)
                on_event(ready[i].data.ptr, ready[i].events);
            else
                on_connect(listener);
        }
        take_due(&first);
        take_due(&gap);
    }
}
