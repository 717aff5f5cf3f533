/* parse.c: the only place that names llhttp. Its method names are ours too, hence the renaming. */
#define HTTP_GET     LLHTTP_GET
#define HTTP_HEAD    LLHTTP_HEAD
#define HTTP_POST    LLHTTP_POST
#define HTTP_PUT     LLHTTP_PUT
#define HTTP_PATCH   LLHTTP_PATCH
#define HTTP_DELETE  LLHTTP_DELETE
#define HTTP_OPTIONS LLHTTP_OPTIONS
#include <llhttp.h>
#undef HTTP_GET
#undef HTTP_HEAD
#undef HTTP_POST
#undef HTTP_PUT
#undef HTTP_PATCH
#undef HTTP_DELETE
#undef HTTP_OPTIONS

#include "http/internal.h"

/* A piece that goes on where the last one ended belongs to it. */
static void join(struct str *to, const char *at, size_t n)
{
    if (to->n)
        to->n += n;
    else
        *to = str_of(at, n);
}

static int on_name(llhttp_t *p, const char *at, size_t n)
{
    struct http_head *h = p->data;
    struct http_field *last = h->n ? &h->fields[h->n - 1] : NULL;
    if (last && !last->value.p && last->name.p + last->name.n == at) {
        join(&last->name, at, n);
        return 0;
    }
    BUG_ON(h->n >= HTTP_FIELDS_MAX); /* the scan has counted the lines */
    h->fields[h->n++] = (struct http_field){str_of(at, n), STR_NONE};
    return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
    struct http_head *h = p->data;
    join(&h->fields[h->n - 1].value, at, n);
    return 0;
}

static int on_complete(llhttp_t *p)
{
    (void)p;
    return HPE_PAUSED;
}

static enum err explain(llhttp_errno_t e, const struct http_head *h, struct fault *f)
{
    struct str name = h->n ? str_head(h->fields[h->n - 1].name, 60) : STR("first line");
    switch (e) {
    case HPE_INVALID_URL:
        return fault_set(f, ERR_INVALID, "The request target is not a path or a URL");
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return fault_set(f, ERR_INVALID,
                         "Content-Length is given twice, or beside Transfer-Encoding");
    case HPE_INVALID_CONTENT_LENGTH:
        return fault_set(f, ERR_INVALID, "Content-Length is not a number of bytes");
    case HPE_INVALID_TRANSFER_ENCODING:
        return fault_set(f, ERR_INVALID, "Transfer-Encoding is not \"chunked\"");
    default:
        return fault_set(f, ERR_INVALID,
                         "The header \"%.*s\" holds a character that is not allowed",
                         STR_ARG(name));
    }
}

/* A method that is not in our table is read as if it were GET: the parser knows some forty
 * methods, treats some of them specially, and refuses all others. */
enum err http_parse(const struct http_scan *s, struct str head, struct http_head *out,
                    struct fault *f)
{
    static const llhttp_settings_t settings = {.on_header_field = on_name,
                                               .on_header_value = on_value,
                                               .on_headers_complete = on_complete};
    llhttp_t p;
    llhttp_init(&p, s->is_response ? HTTP_RESPONSE : HTTP_REQUEST, &settings);
    p.data = out;
    out->n = 0;
    llhttp_errno_t e = HPE_OK;
    if (!s->is_response && out->method == HTTP_OTHER) {
        e = llhttp_execute(&p, "GET", 3);
        head = str_skip(head, s->method_n);
    }
    if (e == HPE_OK)
        e = llhttp_execute(&p, head.p, head.n);
    if (e != HPE_PAUSED)
        return explain(e, out, f);
    for (uint32_t i = 0; i < out->n; i++)
        out->fields[i].value = str_trim(out->fields[i].value);
    return ERR_OK;
}
