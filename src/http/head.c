#include "http/internal.h"

static const struct str methods[] = {
    [HTTP_GET] = STR_INIT("GET"),         [HTTP_HEAD] = STR_INIT("HEAD"),
    [HTTP_POST] = STR_INIT("POST"),       [HTTP_PUT] = STR_INIT("PUT"),
    [HTTP_PATCH] = STR_INIT("PATCH"),     [HTTP_DELETE] = STR_INIT("DELETE"),
    [HTTP_OPTIONS] = STR_INIT("OPTIONS"),
};

static enum http_method method_of(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        if (str_eq(name, methods[i]))
            return (enum http_method)i;
    }
    return HTTP_OTHER;
}

const char *http_method_name(enum http_method m)
{
    return m == HTTP_OTHER ? "OTHER" : methods[m].p;
}

struct str http_field(const struct http_head *h, struct str name)
{
    for (uint32_t i = 0; i < h->n; i++) {
        if (h->fields[i].name.n == name.n && str_ieq(h->fields[i].name, name))
            return h->fields[i].value;
    }
    return STR_NONE;
}

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {424, "Failed Dependency"},
        {425, "Too Early"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {451, "Unavailable For Legal Reasons"},
        {499, "Client Closed Request"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {529, "Overloaded"},
    };
    for (size_t i = 0; i < COUNT_OF(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "Unknown";
}

/* --- what the fields mean --- */

/* What is read of the fields and not kept in the head. */
struct notes {
    struct fault *fault;
    uint32_t hosts;
    bool is_response, says_close, says_keep_alive;
};

static enum err on_connection(struct notes *o, struct str value)
{
    while (value.n) {
        struct str token = str_trim(str_cut(&value, ','));
        if (str_ieq(token, STR("close")))
            o->says_close = true;
        else if (str_ieq(token, STR("keep-alive")))
            o->says_keep_alive = true;
    }
    return ERR_OK;
}

static enum err on_length(struct notes *o, struct http_head *h, struct str value)
{
    uint64_t length;
    if (h->length >= 0)
        return fault_set(o->fault, ERR_INVALID, "Content-Length is given twice");
    if (!str_u64(value, INT64_MAX, &length))
        return fault_set(o->fault, ERR_INVALID, "Content-Length is not a number of bytes");
    h->length = (int64_t)length;
    return ERR_OK;
}

static enum err on_encoding(struct notes *o, struct http_head *h, struct str value)
{
    if (h->is_chunked)
        return fault_set(o->fault, ERR_INVALID, "Transfer-Encoding is given twice");
    if (!str_ieq(value, STR("chunked")))
        return fault_set(o->fault, ERR_INVALID,
                         "Transfer-Encoding is not \"chunked\", the only one known here");
    if (h->is_http10)
        return fault_set(o->fault, ERR_INVALID, "Transfer-Encoding does not exist in HTTP/1.0");
    h->is_chunked = true;
    return ERR_OK;
}

static enum err on_expect(struct notes *o, struct http_head *h, struct str value)
{
    if (o->is_response)
        return ERR_OK;
    if (!str_ieq(value, STR("100-continue")))
        return fault_set(o->fault, ERR_EXPECTATION,
                         "Expect holds something other than \"100-continue\"");
    h->expects_continue = !h->is_http10;
    return ERR_OK;
}

/* A name or an address and a port (RFC 3986, 3.2), and nothing that a reader behind us could take
 * for more. */
static enum err on_host(struct notes *o, struct str value)
{
    o->hosts++;
    for (size_t i = 0; !o->is_response && i < value.n; i++) {
        char c = value.p[i];
        if (c <= ' ' || c > '~' || strchr("\"#/<>?@\\^`{|}", c))
            return fault_set(o->fault, ERR_INVALID, "Host is not a name or an address");
    }
    return ERR_OK;
}

static enum err on_field(struct notes *o, struct http_head *h, const struct http_field *f)
{
    switch (f->name.n) {
    case 4:
        return str_ieq(f->name, STR("Host")) ? on_host(o, f->value) : ERR_OK;
    case 6:
        return str_ieq(f->name, STR("Expect")) ? on_expect(o, h, f->value) : ERR_OK;
    case 10:
        return str_ieq(f->name, STR("Connection")) ? on_connection(o, f->value) : ERR_OK;
    case 14:
        return str_ieq(f->name, STR("Content-Length")) ? on_length(o, h, f->value) : ERR_OK;
    case 17:
        return str_ieq(f->name, STR("Transfer-Encoding")) ? on_encoding(o, h, f->value) : ERR_OK;
    default:
        return ERR_OK;
    }
}

static enum err understand(struct http_head *h, bool is_response, struct fault *f)
{
    struct notes o = {.fault = f, .is_response = is_response};
    for (uint32_t i = 0; i < h->n; i++) {
        enum err e = on_field(&o, h, &h->fields[i]);
        if (e != ERR_OK)
            return e;
    }
    if (h->is_chunked && h->length >= 0)
        return fault_set(f, ERR_INVALID, "Content-Length stands beside Transfer-Encoding");
    if (!is_response && (o.hosts > 1 || (o.hosts == 0 && !h->is_http10)))
        return fault_set(f, ERR_INVALID,
                         o.hosts ? "Host is given twice" : "The header Host is missing");
    h->keep_alive = !o.says_close && (!h->is_http10 || o.says_keep_alive);
    return ERR_OK;
}

/* "/p?q", or "http://host/p?q" of which the host does not matter here. */
static void split_target(struct http_head *h)
{
    struct str rest = h->target;
    if (rest.p[0] != '/') {
        size_t scheme = str_find(rest, STR("://"));
        if (scheme < rest.n) {
            rest = str_skip(rest, scheme + 3);
            const char *slash = memchr(rest.p, '/', rest.n);
            rest = slash ? str_skip(rest, (size_t)(slash - rest.p)) : STR("/");
        }
    }
    h->path = str_cut(&rest, '?');
    h->query = rest;
}

enum err http_head_read(const struct http_scan *s, struct str head, struct http_head *out,
                        struct fault *f)
{
    out->status = 0;
    out->length = -1;
    out->is_chunked = out->expects_continue = false;
    out->method = HTTP_OTHER;
    out->target = out->path = out->query = STR_NONE;
    if (s->is_response) {
        out->is_http10 = head.p[7] == '0';
        out->status = (head.p[9] - '0') * 100 + (head.p[10] - '0') * 10 + (head.p[11] - '0');
    } else {
        out->method = method_of(str_head(head, s->method_n));
        out->target = str_head(str_skip(head, (size_t)s->method_n + 1), s->target_n);
        out->is_http10 = head.p[s->method_n + s->target_n + 9] == '0';
        split_target(out);
    }
    enum err e = http_parse(s, head, out, f);
    return e != ERR_OK ? e : understand(out, s->is_response, f);
}
