/* http_same.h: a head as llhttp, Node's parser, reads it: what ours accepts, it must accept too, with the same
 * fields. Shared by the unit test and the fuzzer. */
#ifndef TESTS_HTTP_SAME_H
#define TESTS_HTTP_SAME_H

/* Its method names are ours too. */
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

static int same_on_name(llhttp_t *p, const char *at, size_t n)
{
    struct http_head *h = p->data;
    BUG_ON(h->n >= HTTP_FIELDS_MAX);
    h->fields[h->n++] = (struct http_field){str_of(at, n), STR_NONE};
    return 0;
}

/* All is given at once; a value comes in pieces only where something folds it. */
static int same_on_value(llhttp_t *p, const char *at, size_t n)
{
    struct http_head *h = p->data;
    struct str *value = &h->fields[h->n - 1].value;
    *value = value->n ? str_of(value->p, value->n + n) : str_of(at, n);
    return 0;
}

static int same_on_complete(llhttp_t *p)
{
    (void)p;
    return HPE_PAUSED;
}

/* Tabs become spaces: RFC 9110 has both around a value, llhttp none but spaces behind a length. A
 * method that is not in our table becomes GET: llhttp knows some forty, treats some of them
 * specially, and refuses all others. */
static inline llhttp_errno_t same_execute(llhttp_t *p, struct str head, size_t method_n)
{
    static char copy[HTTP_HEAD_MAX];
    llhttp_errno_t e = method_n ? llhttp_execute(p, "GET", 3) : HPE_OK;
    for (size_t i = 0; i < head.n; i++)
        copy[i] = (char)(head.p[i] == '\t' ? ' ' : head.p[i]);
    if (e != HPE_OK)
        return e;
    e = llhttp_execute(p, copy + method_n, head.n - method_n);
    struct http_head *h = p->data;
    for (uint32_t i = 0; i < h->n; i++) { /* back to views of what was given */
        struct http_field *f = &h->fields[i];
        f->name.p = head.p + (f->name.p - copy);
        if (f->value.p)
            f->value = str_trim(str_of(head.p + (f->value.p - copy), f->value.n));
    }
    return e;
}

static inline bool http_is_same(const struct http_scan *s, struct str head,
                                const struct http_head *ours)
{
    static const llhttp_settings_t settings = {.on_header_field = same_on_name,
                                               .on_header_value = same_on_value,
                                               .on_headers_complete = same_on_complete};
    static struct http_head theirs; /* large */
    bool is_other = !s->is_response && ours->method == HTTP_OTHER;
    llhttp_t p;
    llhttp_init(&p, s->is_response ? HTTP_RESPONSE : HTTP_REQUEST, &settings);
    p.data = &theirs;
    theirs.n = 0;
    bool is_same = same_execute(&p, head, is_other ? s->method_n : 0) == HPE_PAUSED;
    for (uint32_t i = 0; is_same && i < theirs.n; i++)
        is_same = str_eq(theirs.fields[i].name, ours->fields[i].name) &&
                  str_eq(theirs.fields[i].value, ours->fields[i].value);
    return is_same && theirs.n == ours->n;
}

#endif
