#include "http/internal.h"

/* tchar of RFC 9110, 5.6.2. */
static bool is_token(unsigned char c)
{
    static const bool set[256] = {
        ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1,
        ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1,  ['~'] = 1, ['0'] = 1,
        ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1,  ['7'] = 1, ['8'] = 1,
        ['9'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1,  ['F'] = 1, ['G'] = 1,
        ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1,  ['N'] = 1, ['O'] = 1,
        ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1,  ['V'] = 1, ['W'] = 1,
        ['X'] = 1, ['Y'] = 1, ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1,  ['d'] = 1, ['e'] = 1,
        ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1,  ['l'] = 1, ['m'] = 1,
        ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1,  ['t'] = 1, ['u'] = 1,
        ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1,
    };
    return set[c];
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

/* Not zero iff one of the eight bytes at p is below a space or is DEL. */
static uint64_t controls_in(const char *p)
{
    const uint64_t every = UINT64_C(0x0101010101010101), tops = every * 0x80;
    uint64_t x, no_del;
    memcpy(&x, p, sizeof x);
    no_del = x ^ every * 0x7f;
    return (((x - every * ' ') & ~x) | ((no_del - every) & ~no_del)) & tops;
}

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

static bool has_control(struct str line)
{
    uint64_t found = 0;
    if (line.n >= 8) { /* the last eight may be looked at in part again */
        for (size_t i = 0; i < line.n - 8; i += 8)
            found |= controls_in(line.p + i);
        return (found | controls_in(line.p + line.n - 8)) != 0;
    }
    for (size_t i = 0; i < line.n; i++)
        found |= is_control(line.p[i]);
    return found != 0;
}

/* Of a field that is well formed up to its colon: the value may hold tabs. */
static enum err check_value(struct str line, struct fault *f)
{
    struct str value = line, name = str_cut(&value, ':');
    for (size_t i = 0; i < value.n; i++) {
        if (is_control(value.p[i]) && value.p[i] != '\t')
            return fault_set(f, ERR_INVALID,
                             "The header \"%.*s\" holds a character that is not allowed",
                             STR_ARG(str_head(name, 60)));
    }
    return ERR_OK;
}

static enum err check_line(struct http_scan *s, struct str line, struct fault *f)
{
    bool is_clean = !has_control(line);
    if (!is_clean && memchr(line.p, '\r', line.n))
        return bad(f, "A line of the head holds a bare CR");
    if (!is_clean && memchr(line.p, 0, line.n))
        return bad(f, "A line of the head holds a NUL byte");
    if (s->lines++ == 0)
        return s->is_response ? status_line(line, f) : request_line(s, line, f);
    if (s->lines > HTTP_FIELDS_MAX + 1)
        return fault_set(f, ERR_HEAD_TOO_BIG, "There are more than %d headers", HTTP_FIELDS_MAX);
    enum err e = field_line(line, f);
    return e == ERR_OK && !is_clean ? check_value(line, f) : e;
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
