/* courier_http.c: GET and POST. */
#include "io/courier_inside.h"

enum { FIELD_MAX = 4096, POST_MAX = 64 * 1024 };

/* --- what comes --- */

static size_t on_body(char *p, size_t one, size_t n, void *user)
{
    struct trip *t = user;
    if (buf_add(&t->answer->body, str_of(p, one * n)) == ERR_OK)
        return n;
    t->is_too_big = true;
    return 0;
}

static void note_max_age(struct courier_answer *a, struct str value)
{
    while (value.p) {
        struct str part = str_trim(str_cut(&value, ','));
        uint64_t seconds;
        if (str_ieq(str_head(part, 8), STR("max-age=")) &&
            str_u64(str_skip(part, 8), INT32_MAX, &seconds))
            a->max_age_s = (int32_t)seconds;
    }
}

static size_t on_field(char *p, size_t one, size_t n, void *user)
{
    struct courier_answer *a = ((struct trip *)user)->answer;
    struct str value = str_of(p, one * n), name = str_cut(&value, ':');
    while (value.n && (value.p[value.n - 1] == '\n' || value.p[value.n - 1] == '\r'))
        value.n--;
    value = str_trim(value);
    if (str_ieq(name, STR("etag")) && value.n <= COURIER_ETAG_MAX) {
        memcpy(a->etag, value.p, value.n);
        a->etag[value.n] = '\0';
    } else if (str_ieq(name, STR("cache-control"))) {
        note_max_age(a, value);
    }
    return n;
}

/* --- what goes --- */

static bool add_field(struct trip *t, const char *name, struct str value)
{
    char line[FIELD_MAX];
    struct buf b = {.p = line, .cap = sizeof line - 1, .max = sizeof line - 1};
    if (value.n == 0)
        return true;
    buf_add_c(&b, name);
    buf_add_c(&b, ": ");
    buf_add(&b, value);
    if (b.failed != ERR_OK || memchr(line, '\n', b.n) || memchr(line, '\r', b.n))
        return false;
    line[b.n] = '\0';
    struct curl_slist *more = curl_slist_append(t->fields, line);
    explicit_bzero(line, b.n);
    if (more)
        t->fields = more;
    return more != NULL;
}

static bool set_up_http(struct trip *t, const char *url, struct secret authorization)
{
    bool good = where_is_http(url);
    COURIER_SET(CURLOPT_URL, url);
    COURIER_SET(CURLOPT_PROTOCOLS_STR, "http,https");
    COURIER_SET(CURLOPT_USERAGENT, "turnpike");
    COURIER_SET(CURLOPT_ACCEPT_ENCODING, NULL);
    COURIER_SET(CURLOPT_WRITEFUNCTION, on_body);
    COURIER_SET(CURLOPT_WRITEDATA, t);
    COURIER_SET(CURLOPT_HEADERFUNCTION, on_field);
    COURIER_SET(CURLOPT_HEADERDATA, t);
    return good && add_field(t, "Authorization", secret_reveal(authorization));
}

void http_answer_reset(struct courier_answer *a, size_t body_max)
{
    *a = (struct courier_answer){.max_age_s = -1};
    buf_init(&a->body, body_max);
}

bool http_set_up_get(struct trip *t)
{
    char url[COURIER_URL_MAX + 1];
    struct courier_get *g = container_of(t->job, struct courier_get, job);
    t->answer = &g->answer;
    t->is_public_only = g->is_public_only;
    return where_copy(g->url, url) && trip_set_up(t, g->timeout_ms) &&
           set_up_http(t, url, g->authorization) && add_field(t, "If-None-Match", g->etag) &&
           add_field(t, "Accept", STR("application/json"));
}

bool http_set_up_post(struct trip *t)
{
    char url[COURIER_URL_MAX + 1];
    struct courier_post *p = container_of(t->job, struct courier_post, job);
    struct str body = secret_reveal(p->body);
    bool good = body.n <= POST_MAX && where_copy(p->url, url);
    t->answer = &p->answer;
    t->is_public_only = p->is_public_only;
    good = good && trip_set_up(t, p->timeout_ms) && set_up_http(t, url, p->authorization) &&
           add_field(t, "Content-Type", p->content_type) &&
           add_field(t, "Accept", STR("application/json"));
    if (good) {
        COURIER_SET(CURLOPT_POSTFIELDSIZE, (long)body.n);
        COURIER_SET(CURLOPT_COPYPOSTFIELDS, body.p ? body.p : "");
    }
    return good;
}
