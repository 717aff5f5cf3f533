#include "api/key_fields.h"

#include "auth/key_json.h"

enum { ITEM_MAX = 200 };

typedef enum err read_fn(struct json v, struct key_fields *out, struct fault *f);

/* --- texts --- */

/* A string without control characters, of at most `max` bytes, into `out` (max + 1 bytes). */
static bool copy_text(struct json v, size_t max, char *out)
{
    struct buf b = {.p = out, .cap = max + 1, .max = max};
    struct str s = json_str(v, &b);
    if (!json_is(v, JSON_STRING) || !s.p || s.n > max)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    }
    memmove(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}

static enum err read_name(struct json v, struct key_fields *out, struct fault *f)
{
    out->fields |= KEY_SET_NAME;
    if (copy_text(v, KEY_NAME_MAX, out->key.name) && out->key.name[0])
        return ERR_OK;
    return fault_set(f, ERR_INVALID,
                     "name: expected a text of 1 to %d bytes without control characters, got %s",
                     KEY_NAME_MAX, json_is(v, JSON_STRING) ? "another text" : json_kind(v));
}

static enum err read_creator(struct json v, struct key_fields *out, struct fault *f)
{
    if (json_is_none_or_null(v) || copy_text(v, USER_ID_MAX, out->key.creator))
        return ERR_OK;
    return fault_set(f, ERR_INVALID, "creator_user_id: expected null or a text of at most %d bytes",
                     USER_ID_MAX);
}

static enum err read_external(struct json v, struct key_fields *out, struct fault *f)
{
    struct json user = json_get(v, STR("user"));
    if (json_is_none_or_null(v))
        return ERR_OK;
    if (!json_is_none_or_null(json_get(v, STR("api_key"))))
        return fault_set(f, ERR_INVALID,
                         "external.api_key: expected nothing: keys of others are not taken here");
    if (json_is(v, JSON_OBJECT) && copy_text(user, USER_ID_MAX, out->key.external_user))
        return ERR_OK;
    return fault_set(f, ERR_INVALID,
                     "external: expected {\"user\": a text of at most %d bytes}, got %s",
                     USER_ID_MAX, json_kind(v));
}

static enum err read_workspace(struct json v, struct key_fields *out, struct fault *f)
{
    (void)out;
    if (json_is_none_or_null(v) || json_str_eq(v, STR(THE_WORKSPACE)))
        return ERR_OK;
    return fault_set(f, ERR_INVALID, "workspace_id: expected null or the one workspace, %s",
                     THE_WORKSPACE);
}

/* --- money and time --- */

static enum err read_limit(struct json v, struct key_fields *out, struct fault *f)
{
    out->fields |= KEY_SET_LIMIT;
    if (json_is_none_or_null(v))
        return ERR_OK;
    if (json_is(v, JSON_NUMBER) && money_parse_number(json_raw(v), &out->key.limit))
        return ERR_OK;
    return fault_set(f, ERR_INVALID,
                     "limit: expected null or dollars from 0 to 4000000000 with at most nine "
                     "digits after the point, got %s",
                     json_is(v, JSON_NUMBER) ? "another number" : json_kind(v));
}

static enum err read_reset(struct json v, struct key_fields *out, struct fault *f)
{
    char text[16];
    out->fields |= KEY_SET_RESET;
    if (json_is_none_or_null(v))
        return ERR_OK;
    if (copy_text(v, sizeof text - 1, text) && window_parse(str_c(text), &out->key.reset))
        return ERR_OK;
    return fault_set(f, ERR_INVALID, "limit_reset: expected null, daily, weekly or monthly, got %s",
                     json_is(v, JSON_STRING) ? "another text" : json_kind(v));
}

static enum err read_expiry(struct json v, struct key_fields *out, struct fault *f)
{
    char text[40];
    out->has_expiry = true;
    if (json_is_none_or_null(v))
        return ERR_OK;
    if (!copy_text(v, sizeof text - 1, text) || !clock_parse_iso(str_c(text), &out->key.expires_ms))
        return fault_set(f, ERR_INVALID,
                         "expires_at: expected null or a time in UTC with seconds such as "
                         "2027-01-31T23:59:59Z, got %s",
                         json_is(v, JSON_STRING) ? "another text" : json_kind(v));
    if (out->key.expires_ms <= clock_wall_ms())
        return fault_set(f, ERR_INVALID, "expires_at: expected a time that is yet to come");
    return ERR_OK;
}

/* --- the rest --- */

static enum err read_bool(struct json v, const char *name, bool *out, struct fault *f)
{
    *out = json_is(v, JSON_TRUE);
    if (*out || json_is(v, JSON_FALSE))
        return ERR_OK;
    return fault_set(f, ERR_INVALID, "%s: expected true or false, got %s", name, json_kind(v));
}

static enum err read_disabled(struct json v, struct key_fields *out, struct fault *f)
{
    out->fields |= KEY_SET_DISABLED;
    return read_bool(v, "disabled", &out->key.disabled, f);
}

static enum err read_byok(struct json v, struct key_fields *out, struct fault *f)
{
    out->fields |= KEY_SET_BYOK;
    return read_bool(v, "include_byok_in_limit", &out->key.include_byok, f);
}

static bool is_item(const char *text)
{
    for (size_t i = 0; text[i]; i++) {
        if (text[i] == ' ')
            return false;
    }
    return text[0] != '\0';
}

/* null allows all; an empty list nothing. */
static enum err read_list(struct json v, const char *name, struct text **out, struct fault *f)
{
    char item[ITEM_MAX + 1];
    struct buf list;
    bool is_right = json_is(v, JSON_ARRAY);
    if (json_is_none_or_null(v))
        return ERR_OK;
    buf_init(&list, KEY_RULES_MAX);
    for (struct json i = json_first(v); is_right && i.type; i = json_after(v, i)) {
        is_right = copy_text(i, ITEM_MAX, item) && is_item(item);
        if (is_right)
            buf_printf(&list, "%s\n", item);
    }
    enum err e = list.failed;
    if (!is_right || e == ERR_TOO_BIG)
        e = fault_set(f, ERR_INVALID,
                      "%s: expected null or a list of names, %d bytes in all at most, got %s", name,
                      KEY_RULES_MAX, json_is(v, JSON_ARRAY) ? "another list" : json_kind(v));
    text_unref(*out);
    *out = e == ERR_OK ? text_new(buf_view(&list)) : NULL;
    buf_release(&list);
    if (e == ERR_OK && !*out)
        return fault_set(f, ERR_NOMEM, "No memory for this request: try again later");
    return e;
}

static enum err read_models(struct json v, struct key_fields *out, struct fault *f)
{
    out->fields |= KEY_SET_MODELS;
    return read_list(v, "allowed_models", &out->key.models, f);
}

static enum err read_providers(struct json v, struct key_fields *out, struct fault *f)
{
    out->fields |= KEY_SET_PROVIDERS;
    return read_list(v, "allowed_providers", &out->key.providers, f);
}

static bool read_rate(struct json v, uint32_t *out)
{
    uint64_t n = 0;
    if (!json_is_none_or_null(v) && (!json_u64(v, UINT32_MAX, &n) || n == 0))
        return false;
    *out = (uint32_t)n;
    return true;
}

static enum err read_rates(struct json v, struct key_fields *out, struct fault *f)
{
    static const struct str requests = STR_INIT("requests_per_minute"),
                            tokens = STR_INIT("tokens_per_minute");
    out->fields |= KEY_SET_RATES;
    if (json_is_none_or_null(v))
        return ERR_OK;
    bool is_right = json_is(v, JSON_OBJECT) &&
                    read_rate(json_get(v, requests), &out->key.rate_requests) &&
                    read_rate(json_get(v, tokens), &out->key.rate_tokens);
    for (struct json i = json_first(v); is_right && i.type; i = json_after(v, i))
        is_right = json_str_eq(json_key(i), requests) || json_str_eq(json_key(i), tokens);
    if (is_right)
        return ERR_OK;
    return fault_set(
        f, ERR_INVALID,
        "rate_limit: expected null or {\"requests_per_minute\", \"tokens_per_minute\"} "
        "with whole numbers above zero, got %s",
        json_is(v, JSON_OBJECT) ? "another object" : json_kind(v));
}

/* --- all --- */

static const struct {
    struct str name;
    unsigned where;
    read_fn *read;
} members[] = {
    {STR_INIT("name"), KEY_FIELDS_CREATE | KEY_FIELDS_UPDATE | KEY_FIELDS_CHILD, read_name},
    {STR_INIT("disabled"), KEY_FIELDS_UPDATE, read_disabled},
    {STR_INIT("limit"), KEY_FIELDS_CREATE | KEY_FIELDS_UPDATE | KEY_FIELDS_CHILD, read_limit},
    {STR_INIT("limit_reset"), KEY_FIELDS_CREATE | KEY_FIELDS_UPDATE | KEY_FIELDS_CHILD, read_reset},
    {STR_INIT("expires_at"), KEY_FIELDS_CREATE | KEY_FIELDS_CHILD, read_expiry},
    {STR_INIT("include_byok_in_limit"), KEY_FIELDS_CREATE | KEY_FIELDS_UPDATE, read_byok},
    {STR_INIT("creator_user_id"), KEY_FIELDS_CREATE, read_creator},
    {STR_INIT("workspace_id"), KEY_FIELDS_CREATE, read_workspace},
    {STR_INIT("external"), KEY_FIELDS_CREATE, read_external},
    {STR_INIT("allowed_models"), KEY_FIELDS_CREATE | KEY_FIELDS_UPDATE | KEY_FIELDS_CHILD,
     read_models},
    {STR_INIT("allowed_providers"), KEY_FIELDS_CREATE | KEY_FIELDS_UPDATE | KEY_FIELDS_CHILD,
     read_providers},
    {STR_INIT("rate_limit"), KEY_FIELDS_CREATE | KEY_FIELDS_UPDATE | KEY_FIELDS_CHILD, read_rates},
};

static enum err refuse_member(struct json name, unsigned where, struct fault *f)
{
    struct str raw = str_head(json_raw_str(name), 60), best = members[0].name;
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        if (json_str_eq(name, members[i].name))
            return fault_set(f, ERR_INVALID, "%.*s: expected nothing: it %s", STR_ARG(raw),
                             where == KEY_FIELDS_UPDATE ? "can be set at creation only"
                                                        : "cannot be set here");
        if ((members[i].where & where) &&
            str_distance(raw, members[i].name) < str_distance(raw, best))
            best = members[i].name;
    }
    if (str_distance(raw, best) > 1 + raw.n / 3)
        return fault_set(f, ERR_INVALID, "%.*s: there is no such field", STR_ARG(raw));
    return fault_set(f, ERR_INVALID, "%.*s: there is no such field; did you mean %.*s?",
                     STR_ARG(raw), STR_ARG(best));
}

static enum err read_member(struct json v, unsigned where, struct key_fields *out, struct fault *f)
{
    struct json name = json_key(v);
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        if ((members[i].where & where) && json_str_eq(name, members[i].name))
            return members[i].read(v, out, f);
    }
    return refuse_member(name, where, f);
}

enum err key_fields_read(struct json root, unsigned where, struct key_fields *out, struct fault *f)
{
    enum err e = ERR_OK;
    *out = (struct key_fields){.key.limit = NO_LIMIT};
    for (struct json v = json_first(root); v.type && e == ERR_OK; v = json_after(root, v))
        e = read_member(v, where, out, f);
    if (e == ERR_OK && where == KEY_FIELDS_CREATE && !(out->fields & KEY_SET_NAME))
        e = fault_set(f, ERR_INVALID, "name: expected a text of 1 to %d bytes, got nothing",
                      KEY_NAME_MAX);
    if (e == ERR_OK && where == KEY_FIELDS_UPDATE && !out->fields)
        e = fault_set(f, ERR_INVALID, "The body: expected at least one field to change");
    return e;
}

void key_fields_release(void *fields)
{
    key_release(&((struct key_fields *)fields)->key);
}
