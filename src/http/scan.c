#include "http/internal.h"

#define BIT(c) (UINT64_C(1) << ((c) % 64))

/* tchar of RFC 9110, 5.6.2. */
static bool is_token(unsigned char c)
{
    static const uint64_t set[4] = {
        BIT('!') | BIT('#') | BIT('$') | BIT('%') | BIT('&') | BIT('\'') | BIT('*') | BIT('+') |
            BIT('-') | BIT('.') | UINT64_C(0x3ff) << '0',
        UINT64_C(0x3ffffff) << 'A' % 64 | UINT64_C(0x3ffffff) << 'a' % 64 | BIT('^') | BIT('_') |
            BIT('`') | BIT('|') | BIT('~'),
        0,
        0,
    };
    return set[c / 64] >> c % 64 & 1;
}

static enum err bad(struct fault *f, const char *why)
{
    return fault_set(f, ERR_INVALID, "%s", why);
}

static enum err too_big(struct fault *f)
{
    return fault_set(f, ERR_HEAD_TOO_BIG, "The head of the message is over %d bytes",
                     HTTP_HEAD_MAX);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1", or another version that has that shape. */
static enum err check_version(struct str v, struct fault *f)
{
    if (v.n != 8 || !str_starts(v, STR("HTTP/")) || !is_digit(v.p[5]) || v.p[6] != '.' ||
        !is_digit(v.p[7]))
        return bad(f, "The first line has no HTTP version; HTTP/1.1 was expected");
    if (v.p[5] != '1' || v.p[7] > '1')
        return fault_set(f, ERR_VERSION, "%.*s is not spoken here; HTTP/1.1 was expected",
                         STR_ARG(v));
    return ERR_OK;
}

/* method SP target SP version, single spaces. */
static enum err request_line(struct http_scan *s, struct str line, struct fault *f)
{
    size_t m = 0, t;
    while (m < line.n && is_token((unsigned char)line.p[m]))
        m++;
    if (m == 0 || m > 64 || m == line.n || line.p[m] != ' ')
        return bad(f, "The request line does not begin with a method and one space");
    for (t = m + 1; t < line.n && line.p[t] > ' ' && line.p[t] < 0x7f && line.p[t] != '#'; t++)
        ;
    if (t == m + 1 || (t < line.n && line.p[t] != ' '))
        return bad(f,
                   "The request target is empty or holds a character that must be percent-encoded");
    s->method_n = (uint16_t)m;
    s->target_n = (uint16_t)(t - m - 1);
    return check_version(str_skip(line, t + 1), f);
}

/* version SP three digits [SP reason]. */
static enum err status_line(struct str line, struct fault *f)
{
    enum err e = check_version(str_head(line, 8), f);
    if (e != ERR_OK)
        return e;
    if (line.n < 12 || line.p[8] != ' ' || !is_digit(line.p[9]) || !is_digit(line.p[10]) ||
        !is_digit(line.p[11]) || line.p[9] == '0' || (line.n > 12 && line.p[12] != ' '))
        return bad(f, "The status line has no status of three digits");
    return ERR_OK;
}

/* Only what comes before the value; http_parse() looks at the value. */
static enum err field_line(struct str line, struct fault *f)
{
    size_t i = 0;
    while (i < line.n && is_token((unsigned char)line.p[i]))
        i++;
    if (i && i < line.n && line.p[i] == ':')
        return ERR_OK;
    struct str name = str_head(line, i < 60 ? i : 60);
    if (i == line.n)
        return fault_set(f, ERR_INVALID, "The header line \"%.*s\" has no colon", STR_ARG(name));
    if (line.p[i] != ' ' && line.p[i] != '\t')
        return bad(f, i ? "A header name holds a character that is not allowed"
                        : "A header line has no name");
    if (i == 0)
        return bad(f, "A header is folded over two lines; each must stand on one line");
    return fault_set(f, ERR_INVALID, "White space stands after the header name \"%.*s\"",
                     STR_ARG(name));
}

static enum err check_line(struct http_scan *s, struct str line, struct fault *f)
{
    if (memchr(line.p, '\r', line.n))
        return bad(f, "A line of the head holds a bare CR");
    if (memchr(line.p, 0, line.n))
        return bad(f, "A line of the head holds a NUL byte");
    if (s->lines++ == 0)
        return s->is_response ? status_line(line, f) : request_line(s, line, f);
    if (s->lines > HTTP_FIELDS_MAX + 1)
        return fault_set(f, ERR_HEAD_TOO_BIG, "There are more than %d headers", HTTP_FIELDS_MAX);
    return field_line(line, f);
}

enum err http_scan(struct http_scan *s, struct str bytes, struct fault *f)
{
    while (s->at < bytes.n) {
        const char *begin = bytes.p + s->at;
        const char *lf = memchr(begin, '\n', bytes.n - s->at);
        if (!lf)
            break;
        if (lf == begin || lf[-1] != '\r')
            return bad(f, "A line of the head ends in a bare LF; CRLF was expected");
        struct str line = str_of(begin, (size_t)(lf - begin) - 1);
        if (s->at + line.n + 2 > HTTP_HEAD_MAX)
            return too_big(f);
        s->at += (uint32_t)line.n + 2;
        if (line.n == 0)
            return s->lines ? ERR_OK : bad(f, "The first line is empty");
        enum err e = check_line(s, line, f);
        if (e != ERR_OK)
            return e;
    }
    return bytes.n >= HTTP_HEAD_MAX ? too_big(f) : ERR_MORE;
}
