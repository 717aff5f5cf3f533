#include "relay/upstream.h"

#include <stdlib.h>

#include "http/url.h"

enum { HEAD_MAX = 16 * 1024, WAITING_MAX = 10000, IDLE_MS = 30 * 1000 };

static void add_identity(struct buf *b, const struct provider *p)
{
    buf_printf(b, "%.*s\n%.*s\n%.*s\n%.*s\n%u\n", STR_ARG(p->base_url), STR_ARG(p->dialect),
               STR_ARG(p->kind->name), STR_ARG(p->api_version), p->connections_max);
    buf_add(b, secret_reveal(p->api_key));
}

static void add_credential(struct buf *b, const struct dialect *d, const struct provider *p)
{
    static const struct str fields[] = {
        [KIND_BEARER] = STR_INIT("Authorization: Bearer "),
        [KIND_API_KEY] = STR_INIT("api-key: "),
        [KIND_X_API_KEY] = STR_INIT("x-api-key: "),
    };
    if (p->kind->auth == KIND_NO_AUTH || secret_is_empty(p->api_key))
        return;
    if (d->auth == AUTH_HEADER)
        buf_printf(b, "%.*s: ", STR_ARG(d->auth_header));
    else
        buf_add(b, fields[p->kind->auth]);
    buf_add(b, secret_reveal(p->api_key));
    buf_add(b, STR("\r\n"));
}

/* The two parts of a head, and where they are cut. */
struct parts {
    struct buf *head, *tail;
    struct str path;
    bool is_written; /* the path depends on the request */
};

/* The path up to where it depends on the endpoint's model; what follows that, in the tail. */
static struct buf *add_path(const struct parts *to, const struct provider *p)
{
    struct str prefix = p->kind->path_prefix, model = STR("{model}");
    size_t cut = str_find(prefix, model);
    if (to->is_written)
        return to->tail;
    buf_add(to->head, str_head(prefix, cut));
    struct buf *b = cut < prefix.n ? to->tail : to->head;
    buf_add(b, str_skip(prefix, cut + model.n));
    buf_add(b, to->path);
    return b;
}

static void add_head(const struct parts *to, const struct dialect *d, const struct provider *p,
                     const struct url *url)
{
    buf_printf(to->head, "POST %.*s", STR_ARG(url->path));
    struct buf *b = add_path(to, p);
    if (p->kind->query_name.n)
        buf_printf(b, "?%.*s=%.*s", STR_ARG(p->kind->query_name), STR_ARG(p->api_version));
    buf_printf(b, " HTTP/1.1\r\nHost: %.*s\r\n", STR_ARG(url->authority));
    add_credential(b, d, p);
    buf_add(b, d->headers);
    buf_add(b, STR("Content-Type: application/json\r\nUser-Agent: turnpike\r\n"));
    buf_add(b, p->kind->headers);
    buf_add(b, STR("Content-Length: "));
}

/* False: no memory. */
static bool add_heads(struct upstream *u, const struct provider *p, const struct url *url)
{
    const struct dialect *d = u->dialect;
    struct parts chat = {&u->head, &u->tail, d->path, d->write_path != NULL};
    add_head(&chat, d, p, url);
    bool is_there = u->head.failed == ERR_OK && u->tail.failed == ERR_OK;
    for (unsigned i = 0; i < DIRECT__COUNT; i++) {
        struct upstream_way *w = &u->direct[i];
        w->form = direct_form_find((enum direct_kind)i, p->dialect);
        if (!w->form)
            continue;
        struct parts parts = {&w->head, &w->tail, w->form->path, w->form->write_path != NULL};
        add_head(&parts, d, p, url);
        is_there &= w->head.failed == ERR_OK && w->tail.failed == ERR_OK;
    }
    return is_there;
}

struct upstream *upstream_new(struct io_loop *l, const struct provider *p, const struct io_tls *tls,
                              struct fault *f)
{
    struct url url;
    const struct dialect *d = dialect_find(p->dialect);
    if (url_parse(p->base_url, &url, f) != ERR_OK)
        return NULL;
    if (!d) {
        fault_write(f, ERR_INVALID, "provider '%.*s': there is no dialect '%.*s'", STR_ARG(p->name),
                    STR_ARG(p->dialect));
        return NULL;
    }
    struct upstream *u = calloc(1, sizeof *u);
    if (!u) {
        fault_write(f, ERR_NOMEM, "no memory for provider '%.*s'", STR_ARG(p->name));
        return NULL;
    }
    u->refs = 1;
    u->dialect = d;
    buf_init(&u->head, HEAD_MAX);
    buf_init(&u->tail, HEAD_MAX);
    buf_init(&u->identity, HEAD_MAX);
    for (unsigned i = 0; i < DIRECT__COUNT; i++) {
        buf_init(&u->direct[i].head, HEAD_MAX);
        buf_init(&u->direct[i].tail, HEAD_MAX);
    }
    bool has_heads = add_heads(u, p, &url);
    add_identity(&u->identity, p);
    struct http_origin origin = {url.host, url.port, url.is_tls ? tls : NULL};
    struct http_pool_limits limits = {p->connections_max, WAITING_MAX, IDLE_MS};
    u->pool = http_pool_new(l, &origin, &limits);
    if (u->pool && has_heads && u->identity.failed == ERR_OK)
        return u;
    fault_write(f, ERR_NOMEM, "no memory for provider '%.*s'", STR_ARG(p->name));
    upstream_unref(u);
    return NULL;
}

struct upstream *upstream_ref(struct upstream *u)
{
    u->refs++;
    return u;
}

void upstream_unref(struct upstream *u)
{
    if (!u || --u->refs > 0)
        return;
    if (u->pool)
        http_pool_free(u->pool);
    buf_release(&u->head);
    buf_release(&u->tail);
    buf_release(&u->identity);
    for (unsigned i = 0; i < DIRECT__COUNT; i++) {
        buf_release(&u->direct[i].head);
        buf_release(&u->direct[i].tail);
    }
    free(u);
}

bool upstream_serves(const struct upstream *u, const struct provider *p)
{
    struct buf b;
    buf_init(&b, HEAD_MAX);
    add_identity(&b, p);
    bool same = b.failed == ERR_OK && str_eq(buf_view(&b), buf_view(&u->identity));
    buf_release(&b);
    return same;
}

static const enum output outputs[DIRECT__COUNT] = {
    [DIRECT_EMBED] = OUTPUT_EMBEDDINGS, [DIRECT_RANK] = OUTPUT_RERANK};

enum output upstream_output(const struct direct_task *task)
{
    return task ? outputs[task->kind] : OUTPUT_TEXT;
}

bool upstream_has(const struct provider *p, enum output output)
{
    const struct dialect *d = dialect_find(p->dialect);
    if (output == OUTPUT_TEXT)
        return d && d->write_request;
    for (unsigned i = 0; i < DIRECT__COUNT; i++) {
        if (outputs[i] == output)
            return direct_form_find((enum direct_kind)i, p->dialect) != NULL;
    }
    return false;
}
