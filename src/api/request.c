/* request.c: what came with a request: JSON, forms, query strings, cookies. */
#include "api/internal.h"

#include "http/url.h"

enum { FORM_FIELDS_MAX = 64 };

bool api_json(struct api_request *q, struct json *root)
{
    struct fault f;
    if (q->body.n == 0) {
        api_refuse(q, ERR_INVALID, "The body: expected a JSON object, got nothing");
        return false;
    }
    enum err e = json_parse(&q->api->w->tape, buf_view(&q->body), root, &f);
    if (e == ERR_OK && !json_is(*root, JSON_OBJECT))
        e = fault_set(&f, ERR_INVALID, "The body: expected a JSON object, got %s",
                      json_kind(*root));
    if (e == ERR_OK)
        e = json_refuse_duplicates(*root, &f);
    if (e != ERR_OK)
        api_fault(q, &f);
    return e == ERR_OK;
}

/* Decoded in memory of the request. */
static struct str value_in(struct api_request *q, struct str text, struct str name)
{
    char *room = text.n ? arena_alloc(&q->arena, text.n + 1) : NULL;
    struct buf b = {.p = room, .cap = text.n + 1, .max = text.n + 1};
    return room ? url_query(text, name, &b) : STR_NONE;
}

struct str api_form_value(struct api_request *q, struct str name)
{
    return value_in(q, buf_view(&q->body), name);
}

struct str api_query(struct api_request *q, struct str name)
{
    return value_in(q, q->query, name);
}

/* A name that stands twice may mean one thing to us and another to who looked at it before us. */
static bool is_twice(struct str fields, bool *is_too_much)
{
    struct str seen[FORM_FIELDS_MAX];
    size_t n = 0;
    while (fields.n) {
        struct str field = str_cut(&fields, '&'), name = str_cut(&field, '=');
        if ((*is_too_much = n == FORM_FIELDS_MAX))
            return false;
        for (size_t i = 0; i < n; i++) {
            if (str_eq(seen[i], name))
                return true;
        }
        seen[n++] = name;
    }
    return false;
}

bool api_form(struct api_request *q)
{
    bool is_too_much = false;
    if (is_twice(buf_view(&q->body), &is_too_much))
        api_refuse(q, ERR_INVALID, "The form: expected each field once, got one twice");
    else if (is_too_much)
        api_refuse(q, ERR_INVALID, "The form: expected at most %d fields", FORM_FIELDS_MAX);
    else
        return true;
    return false;
}

bool api_query_bool(struct api_request *q, struct str name, bool *out)
{
    struct str v = api_query(q, name);
    if (v.p && !str_eq(v, STR("true")) && !str_eq(v, STR("false"))) {
        api_refuse(q, ERR_INVALID, "%.*s: expected true or false", STR_ARG(name));
        return false;
    }
    if (v.p)
        *out = str_eq(v, STR("true"));
    return true;
}

bool api_query_u64(struct api_request *q, struct str name, uint64_t max, uint64_t *out)
{
    struct str v = api_query(q, name);
    if (v.p && !str_u64(v, max, out)) {
        api_refuse(q, ERR_INVALID, "%.*s: expected a whole number from 0 to %llu", STR_ARG(name),
                   (unsigned long long)max);
        return false;
    }
    return true;
}

struct str api_cookie(const struct api_request *q, struct str name)
{
    struct str rest = q->cookies;
    while (rest.n) {
        struct str value = str_trim(str_cut(&rest, ';')), key = str_cut(&value, '=');
        if (value.p && str_eq(key, name))
            return value;
    }
    return STR_NONE;
}
