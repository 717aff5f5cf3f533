/* answer.c: the ends of a request. */
#include "api/inside.h"

#include <stdarg.h>
#include <stdio.h>

#include "api/oauth_token.h"
#include "api/signin.h"
#include "base/log.h"

/* Neither the query nor what stands in a path: links, codes and pasted keys are in those. */
static void add_request(struct log_line *l, struct api *a, const struct api_request *q)
{
    if (q->who)
        log_str(l, "key", str_c(q->who->key.label));
    if (q->person)
        log_i64(l, "user", q->person->user_id);
    log_str(l, "address", q->peer);
    log_i64(l, "total_ms", (int64_t)(io_now_ms(a->w->loop) - q->began_ms));
}

void request_note(struct api *a, const struct reply_context *c, const struct route *route,
                  const struct api_request *q, int status)
{
    struct log_line l;
    a->w->metrics.requests[status]++;
    log_begin_at(&l, LOG_INFO, "request", relay_worker_wall_ms(a->w));
    log_str(&l, "request_id", str_c(c->request_id));
    if (route) {
        log_str(&l, "method", str_c(http_method_name(route->method)));
        log_str(&l, "route", route->path);
    }
    log_i64(&l, "status", status);
    if (q)
        add_request(&l, a, q);
    log_end(&l);
}

/* The stream is over; the request too. */
static void send(struct api_request *q, int status, struct str content_type, struct str body)
{
    struct http_stream *s = q->stream;
    struct buf fields;
    BUG_ON(!s || q->is_waiting);
    buf_init(&fields, 2 * FIELDS_MAX);
    reply_fields_add(&fields, &q->context, content_type, buf_view(&q->fields));
    q->stream = NULL;
    request_note(q->api, &q->context, q->route, q, status);
    if (fields.failed != ERR_OK || q->fields.failed != ERR_OK)
        http_abort(s);
    else
        http_respond(s, status, buf_view(&fields), &body, 1);
    buf_release(&fields);
    request_free(q);
}

void api_reply_as(struct api_request *q, int status, struct str content_type, struct str body)
{
    send(q, status, content_type, body);
}

void api_reply(struct api_request *q, int status, struct str body)
{
    send(q, status, STR("application/json"), body);
}

void api_reply_buf(struct api_request *q, int status)
{
    if (q->out.failed != ERR_OK)
        api_refuse(q, ERR_NOMEM, "No memory for this answer: try again later");
    else
        api_reply(q, status, buf_view(&q->out));
}

void api_fault(struct api_request *q, const struct fault *f)
{
    buf_reset(&q->out);
    if (q->route->access == ACCESS_TOKEN)
        oauth_write_error(q, f);
    else
        reply_write_error(&q->out, f, 0, STR_NONE);
    struct str body = q->out.failed == ERR_OK ? buf_view(&q->out) : STR("{}");
    send(q, err_status(f->err), STR("application/json"), body);
}

void api_refuse(struct api_request *q, enum err e, const char *fmt, ...)
{
    struct fault f = {.err = e};
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f.message, sizeof f.message, fmt, ap);
    va_end(ap);
    api_fault(q, &f);
}

void api_html(struct api_request *q, int status, struct str body)
{
    buf_add(&q->fields,
            STR("Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'; "
                "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"));
    if (q->form_target.n) /* browsers hold redirects after a form to this, too */
        buf_add(&q->fields, STR(" "));
    buf_add(&q->fields, q->form_target);
    buf_add(&q->fields,
            STR("\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n"
                "Cache-Control: no-store\r\n"));
    send(q, status, STR("text/html; charset=utf-8"), body);
}

/* What goes into a line of a head must not end it. */
static bool is_line(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    }
    return true;
}

void api_redirect(struct api_request *q, int status, struct str url)
{
    if (!is_line(url)) {
        api_refuse(q, ERR_INVALID, "The address to go on to holds control characters");
        return;
    }
    buf_add(&q->fields, STR("Location: "));
    buf_add(&q->fields, url);
    buf_add(&q->fields, STR("\r\nCache-Control: no-store\r\n"));
    send(q, status, STR("text/plain"), STR_NONE);
}

/* Also behind a proxy that ends TLS. */
static bool is_secure(const struct api_request *q)
{
    const struct signin *s = q->api->shared->signin;
    return http_is_tls(q->stream) || (s && str_starts(s->public_url, STR("https://")));
}

void api_set_cookie(struct api_request *q, struct str name, struct str value,
                    const char *attributes)
{
    BUG_ON(!is_line(value) || memchr(value.n ? value.p : "", ';', value.n));
    buf_printf(&q->fields, "Set-Cookie: %.*s=%.*s%s; HttpOnly; SameSite=Lax%s\r\n", STR_ARG(name),
               STR_ARG(value), attributes, is_secure(q) ? "; Secure" : "");
}
