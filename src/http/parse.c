#include "http/internal.h"

static bool is_alpha(char c)
{
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'z';
}

/* What may stand in "user@host:port" (RFC 3986, 3.2), percent signs not looked behind. */
static bool is_authority(char c)
{
    return is_alpha(c) || (c >= '0' && c <= '9') || (c && strchr("-._~!$&'()*+,;=:@[]%", c));
}

/* "user@host:port" at the beginning of s; 0: none, or one with a second '@'. */
static size_t authority_size(struct str s)
{
    size_t n = 0, ats = 0;
    for (; n < s.n && is_authority(s.p[n]); n++)
        ats += s.p[n] == '@';
    return ats <= 1 ? n : 0;
}

/* "/path", "*", or "scheme://authority" and what follows. The scan has seen to the characters. */
static bool is_target(struct str t)
{
    size_t scheme = 0;
    if (t.p[0] == '/' || str_eq(t, STR("*")))
        return true;
    while (scheme < t.n && is_alpha(t.p[scheme]))
        scheme++;
    struct str rest = str_skip(t, scheme);
    if (scheme == 0 || !str_starts(rest, STR("://")))
        return false;
    rest = str_skip(rest, 3);
    size_t n = authority_size(rest);
    return n && (n == rest.n || rest.p[n] == '/' || rest.p[n] == '?');
}

/* The scan has found the line's name and colon, and every line's CRLF. */
static struct http_field field_of(struct str line)
{
    size_t n = (size_t)((const char *)memchr(line.p, ':', line.n) - line.p);
    return (struct http_field){str_head(line, n), str_trim(str_skip(line, n + 1))};
}

static struct str next_line(struct str *rest)
{
    struct str line = str_cut(rest, '\n');
    line.n--;
    return line;
}

enum err http_parse(const struct http_scan *s, struct str head, struct http_head *out,
                    struct fault *f)
{
    struct str rest = head, line;
    if (!s->is_response && !is_target(out->target))
        return fault_set(f, ERR_INVALID, "The request target is not a path or a URL");
    out->n = 0;
    next_line(&rest);
    while ((line = next_line(&rest)).n) {
        BUG_ON(out->n == HTTP_FIELDS_MAX); /* the scan has counted the lines */
        out->fields[out->n++] = field_of(line);
    }
    return ERR_OK;
}
