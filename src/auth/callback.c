#include "auth/callback.h"

#include "http/url.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Browsers take '\' for '/', and drop control characters. */
static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '\\')
            return false;
    }
    return true;
}

static bool is_loopback(struct str host)
{
    return str_ieq(host, STR("localhost")) || str_eq(host, STR("127.0.0.1"));
}

static void write_origin(const struct url *u, char origin[ORIGIN_MAX + 1], struct buf *b)
{
    bool is_v6 = memchr(u->host.p, ':', u->host.n) != NULL;
    *b = (struct buf){.p = origin, .cap = ORIGIN_MAX, .max = ORIGIN_MAX};
    buf_add(b, u->is_tls ? STR("https://") : STR("http://"));
    buf_add(b, is_v6 ? STR("[") : STR(""));
    size_t at = b->n;
    buf_add(b, u->host);
    for (; at < b->n; at++)
        origin[at] = lower(origin[at]);
    buf_add(b, is_v6 ? STR("]") : STR(""));
    if (u->port != (u->is_tls ? 443 : 80)) {
        buf_add(b, STR(":"));
        buf_add_u64(b, u->port);
    }
    origin[b->n] = '\0';
}

enum err callback_check(struct str url, char origin[ORIGIN_MAX + 1], struct fault *f)
{
    struct url u;
    struct fault why;
    struct buf b;
    if (url.n == 0 || url.n > CALLBACK_MAX || !is_plain(url))
        return fault_set(f, ERR_INVALID,
                         "callback_url must be a URL of at most %d characters, percent-encoded",
                         CALLBACK_MAX);
    if (memchr(url.p, '#', url.n))
        return fault_set(f, ERR_INVALID, "callback_url must not have a fragment");
    struct str base = str_head(url, str_find(url, STR("?")));
    if (url_parse(base, &u, &why) != ERR_OK)
        return fault_set(f, ERR_INVALID,
                         "callback_url must be an https URL, or an http URL to localhost or "
                         "127.0.0.1; without user name or password");
    if (!u.is_tls && !is_loopback(u.host))
        return fault_set(f, ERR_INVALID,
                         "callback_url must be https: http is allowed to localhost and 127.0.0.1 "
                         "only");
    write_origin(&u, origin, &b);
    if (b.failed != ERR_OK)
        return fault_set(f, ERR_INVALID, "callback_url has too long a host");
    return ERR_OK;
}

enum err callback_add(struct buf *out, struct str url, struct str name, struct str value)
{
    bool has_query = memchr(url.p, '?', url.n) != NULL;
    bool is_open = str_ends(url, STR("?")) || str_ends(url, STR("&"));
    buf_add(out, url);
    buf_add(out, is_open ? STR("") : has_query ? STR("&") : STR("?"));
    buf_add(out, name);
    buf_add(out, STR("="));
    return buf_add(out, value);
}

struct str callback_title(struct str origin)
{
    return str_skip(origin, str_find(origin, STR("://")) + 3);
}

bool return_path_is_right(struct str path)
{
    return path.n && path.n <= CALLBACK_MAX * 2 && path.p[0] == '/' && is_plain(path) &&
           !str_starts(path, STR("//"));
}
