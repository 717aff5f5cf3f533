#include "http/url.h"

static bool is_host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

static bool is_v6_byte(char c)
{
    return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == '.' ||
           c == ':';
}

static bool all(struct str s, bool (*is)(char))
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is(s.p[i]))
            return false;
    }
    return s.n != 0;
}

static bool parse_port(struct str s, uint16_t least, uint16_t *port)
{
    uint64_t v;
    if (s.n > 5 || !str_u64(s, UINT16_MAX, &v) || v < least)
        return false;
    *port = (uint16_t)v;
    return true;
}

/* "host", "host:port", "[v6]" or "[v6]:port"; *port is left as it is where none is given. */
static bool parse_authority(struct str s, struct str *host, struct str *port)
{
    *port = STR_NONE;
    if (!str_starts(s, STR("["))) {
        *host = str_cut(&s, ':');
        *port = s;
        return all(*host, is_host_byte);
    }
    s = str_skip(s, 1);
    *host = str_cut(&s, ']');
    if (!s.p || !all(*host, is_v6_byte) || (s.n && s.p[0] != ':'))
        return false;
    *port = s.n ? str_skip(s, 1) : STR_NONE;
    return true;
}

static enum err bad(struct fault *f, struct str text, const char *why)
{
    return fault_set(f, ERR_INVALID, "\"%.*s\" is not a usable URL: %s",
                     STR_ARG(str_head(text, 120)), why);
}

static bool is_visible(char c)
{
    return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>';
}

enum err url_parse(struct str text, struct url *out, struct fault *f)
{
    struct url u = {0};
    struct str port, rest = text;
    if (str_ieq(str_head(text, 8), STR("https://"))) {
        u.is_tls = true;
        rest = str_skip(text, 8);
    } else if (str_ieq(str_head(text, 7), STR("http://"))) {
        rest = str_skip(text, 7);
    } else {
        return bad(f, text, "it must begin with http:// or https://");
    }
    if (!all(rest, is_visible))
        return bad(
            f, text,
            "it has no host, or holds a space or another character that must be percent-encoded");
    if (memchr(rest.p, '?', rest.n) || memchr(rest.p, '#', rest.n))
        return bad(f, text, "a query or a fragment does not belong here");
    const char *slash = memchr(rest.p, '/', rest.n);
    u.authority = str_head(rest, slash ? (size_t)(slash - rest.p) : rest.n);
    u.path = str_skip(rest, u.authority.n);
    if (memchr(rest.p, '@', u.authority.n))
        return fault_set(
            f, ERR_INVALID,
            "the URL holds a user name or password; credentials have settings of their own");
    if (!parse_authority(u.authority, &u.host, &port))
        return bad(f, text, "the host is not a name or an address (IPv6 in brackets)");
    u.port = u.is_tls ? 443 : 80;
    if (port.p && !parse_port(port, 1, &u.port))
        return bad(f, text, "the port is not a number from 1 to 65535");
    while (str_ends(u.path, STR("/")))
        u.path.n--;
    *out = u;
    return ERR_OK;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A '%' without two hex digits stands for itself; so does '+', but in forms. */
static struct str decode_as(struct str s, char plus, struct buf *scratch)
{
    size_t begin = scratch->n;
    if (buf_grow(scratch, s.n + 1) != ERR_OK) /* never NULL, also for an empty value */
        return STR_NONE;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i] == '+' ? plus : s.p[i];
        if (c == '%' && i + 2 < s.n && hex_value(s.p[i + 1]) >= 0 && hex_value(s.p[i + 2]) >= 0) {
            c = (char)(hex_value(s.p[i + 1]) << 4 | hex_value(s.p[i + 2]));
            i += 2;
        }
        scratch->p[scratch->n++] = c;
    }
    return str_of(scratch->p + begin, scratch->n - begin);
}

static struct str decode(struct str s, struct buf *scratch)
{
    return decode_as(s, ' ', scratch);
}

struct str url_segment(struct str segment, struct buf *scratch)
{
    return decode_as(segment, '+', scratch);
}

struct str url_query(struct str query, struct str name, struct buf *scratch)
{
    while (query.n) {
        struct str value = str_cut(&query, '&');
        size_t before = scratch->n;
        struct str key = decode(str_cut(&value, '='), scratch);
        bool is_it = key.p && str_eq(key, name);
        scratch->n = before;
        if (is_it)
            return decode(value, scratch);
    }
    return STR_NONE;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void url_add_encoded(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (is_unreserved(s.p[i]))
            buf_add(out, str_of(s.p + i, 1));
        else
            buf_printf(out, "%%%02X", c);
    }
}

bool url_parse_listen(struct str text, struct str *host, uint16_t *port)
{
    struct str h = STR_NONE, p;
    if (str_starts(text, STR(":")))
        p = str_skip(text, 1);
    else if (!parse_authority(text, &h, &p) || !p.p)
        return false;
    uint16_t number;
    if (!parse_port(p, 0, &number))
        return false;
    *host = h;
    *port = number;
    return true;
}
