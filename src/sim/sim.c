/* sim.c: the server, its routes, and what is not a completion. */
#include "sim/internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NODES_MAX = 1 << 20, SLOW_FIRST_MS = 8000 };

static const struct http_limits limits = {
    .body_max = SIM_BODY_MAX,
    .connections_max = 20000,
    .head_ms = 10 * 1000,
    .body_ms = 30 * 1000,
    .idle_ms = 5 * 60 * 1000,
    .write_ms = 60 * 1000,
};

/* --- what is not a completion ----------------------------------------------------------------- */

static void respond(struct http_stream *stream, int status, struct str fields,
                    struct json_writer *w)
{
    if (jw_finish(w) != ERR_OK) {
        http_respond(stream, 503, STR_NONE, NULL, 0);
        return;
    }
    struct str body = buf_view(w->out);
    http_respond(stream, status, fields, &body, 1);
}

/* Besides its being alive: how many calls are under way, and how many clients did not wait for
 * their answer's end. So a test of a gateway can see that it hangs up. */
static void get_health(struct sim *s, struct http_stream *stream, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_str_c(&w, "status", "ok");
    jw_object(&w, "calls");
    jw_u64(&w, "open", s->open);
    jw_u64(&w, "done", s->done);
    jw_u64(&w, "gone", s->gone);
    respond(stream, 200, STR("Content-Type: application/json\r\n"), &w);
}

static void write_model(struct json_writer *w, const char *prefix, const char *name)
{
    char id[64];
    int n = snprintf(id, sizeof id, "%s%s", prefix, name);
    BUG_ON(n < 0 || (size_t)n >= sizeof id);
    jw_object(w, NULL);
    jw_str(w, "id", str_of(id, (size_t)n));
    jw_str_c(w, "object", "model");
    jw_u64(w, "created", 0);
    jw_str_c(w, "owned_by", "sim");
    jw_end(w);
}

static void get_models(struct sim *s, struct http_stream *stream, struct buf *out)
{
    (void)s; /* every simulated provider has the same */
    struct json_writer w;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_str_c(&w, "object", "list");
    jw_array(&w, "data");
    write_model(&w, "", "echo");
    write_model(&w, "", "lorem");
    const char *name;
    for (unsigned i = 0; (name = sim_fault_name(i)); i++) {
        write_model(&w, "fault-", name);
        write_model(&w, "only-", name);
    }
    respond(stream, 200, STR("Content-Type: application/json\r\n"), &w);
}

/* --- routes ----------------------------------------------------------------------------------- */

static const struct route {
    enum http_method method;
    struct str path;
    bool is_prefix;     /* the format reads the rest */
    const char *suffix; /* of the path; NULL: any */
    const struct sim_format *format;
    void (*get)(struct sim *s, struct http_stream *stream, struct buf *out);
} routes[] = {
    {HTTP_POST, STR_INIT("/v1/chat/completions"), .format = &sim__chat},
    {HTTP_POST, STR_INIT("/v1/completions"), .format = &sim__completions},
    {HTTP_POST, STR_INIT("/v1/embeddings"), .format = &sim__embeddings},
    {HTTP_POST, STR_INIT("/v1/responses"), .format = &sim__responses},
    {HTTP_POST, STR_INIT("/v1/messages"), .format = &sim__messages},
    {HTTP_POST, STR_INIT("/v1beta/models/"), true, SIM_BATCH_EMBED, &sim__gemini_embeddings, NULL},
    {HTTP_POST, STR_INIT("/v1beta/models/"), true, .format = &sim__gemini},
    {HTTP_POST, STR_INIT("/v2/embed"), .format = &sim__cohere_embed},
    {HTTP_POST, STR_INIT("/v1/rerank"), .format = &sim__jina_rerank},
    {HTTP_POST, STR_INIT("/v2/rerank"), .format = &sim__cohere_rerank},
    {HTTP_POST, STR_INIT("/model/"), true, .format = &sim__bedrock},
    {HTTP_GET, STR_INIT("/v1/models"), .get = get_models},
    {HTTP_GET, STR_INIT("/health"), .get = get_health},
};

static const struct route *route_of(struct str path)
{
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        const struct route *r = &routes[i];
        if (r->suffix && !str_ends(path, str_c(r->suffix)))
            continue;
        if (r->is_prefix ? str_starts(path, r->path) : str_eq(path, r->path))
            return r;
    }
    return NULL;
}

static void refuse(struct http_stream *stream, enum sim_problem problem, const char *fields,
                   struct buf *out)
{
    const struct sim_problem_words *words = sim__problem(problem);
    sim__openai_error(words, STR_NONE, false, out);
    struct str body = buf_view(out);
    http_respond(stream, words->status, str_c(fields), &body, 1);
}

static void refuse_method(struct http_stream *stream, const struct route *r, struct buf *out)
{
    bool is_get = r->method == HTTP_GET;
    refuse(stream, SIM_PROBLEM_METHOD,
           is_get ? "Content-Type: application/json\r\nAllow: GET, HEAD\r\n"
                  : "Content-Type: application/json\r\nAllow: POST\r\n",
           out);
}

static void on_request(void *app, struct http_stream *stream, const struct http_head *head)
{
    struct sim *s = app;
    struct buf out;
    buf_init(&out, 64 << 10);
    const struct route *r = route_of(head->path);
    enum http_method method = head->method == HTTP_HEAD ? HTTP_GET : head->method;
    if (!r)
        refuse(stream, SIM_PROBLEM_ROUTE, "Content-Type: application/json\r\n", &out);
    else if (r->method != method)
        refuse_method(stream, r, &out);
    else if (r->get)
        r->get(s, stream, &out);
    else
        sim__call_start(s, stream, head, r->format, str_skip(head->path, r->path.n));
    buf_release(&out);
}

/* --- the provider ----------------------------------------------------------------------------- */

/* Bound, so that nobody else gets the port; not listening, so that the kernel refuses. */
static enum err bind_refused(struct sim *s, struct fault *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    s->refused_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->refused_fd == -1 || bind(s->refused_fd, (struct sockaddr *)&address, n) == -1 ||
        getsockname(s->refused_fd, (struct sockaddr *)&address, &n) == -1)
        return fault_set(f, ERR_INTERNAL, "the simulated provider: no port that refuses: %s",
                         strerror(errno));
    s->refused_port = ntohs(address.sin_port);
    return ERR_OK;
}

static enum err listen_on(struct sim *s, struct str host, uint16_t port, struct fault *f)
{
    s->server = http_server_new(s->loop, &limits, on_request, s);
    if (!s->server)
        return fault_set(f, ERR_NOMEM, "the simulated provider: no memory for its server");
    return http_server_listen(s->server, host, port, NULL, f);
}

struct sim *sim_new(struct io_loop *l, struct str host, uint16_t port, struct fault *f)
{
    struct sim *s = calloc(1, sizeof *s);
    if (!s) {
        fault_write(f, ERR_NOMEM, "the simulated provider: no memory");
        return NULL;
    }
    s->loop = l;
    s->refused_fd = -1;
    s->slow_first_ms = SLOW_FIRST_MS;
    list_init(&s->calls);
    json_tape_init(&s->tape, NODES_MAX);
    sim__fill(s->filler, sizeof s->filler);
    if (listen_on(s, host, port, f) != ERR_OK || bind_refused(s, f) != ERR_OK) {
        sim_free(s);
        return NULL;
    }
    return s;
}

void sim_free(struct sim *s)
{
    if (!s)
        return;
    if (s->server)
        http_server_free(s->server);
    struct list *at, *after;
    list_each (at, after, &s->calls)
        sim__call_drop(container_of(at, struct sim_call, link));
    if (s->refused_fd != -1)
        close(s->refused_fd);
    json_tape_release(&s->tape);
    free(s);
}

uint16_t sim_port(const struct sim *s)
{
    return http_server_port(s->server);
}

uint16_t sim_refused_port(const struct sim *s)
{
    return s->refused_port;
}

void sim_set_aws(struct sim *s, const struct sim_aws *aws)
{
    s->aws = *aws;
}

void sim_set_timing(struct sim *s, const struct sim_timing *t)
{
    s->slow_first_ms = t->slow_first_ms;
}
