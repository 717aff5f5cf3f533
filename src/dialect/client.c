#include "dialect/client.h"

#include <stdio.h>

#include "dialect/chat_shape.h"

enum err client_want(struct json v, enum json_type type, const char *where, const char *expected,
                     struct fault *f)
{
    return json_is(v, type) ? ERR_OK
                            : fault_set(f, ERR_INVALID, "%s: expected %s, got %s", where, expected,
                                        json_kind(v));
}

enum err client_want_member(struct json v, enum json_type type, const char *where,
                            const char *member, struct fault *f)
{
    return json_is(v, type)
               ? ERR_OK
               : fault_set(f, ERR_INVALID, "%s.%s: expected %s, got %s", where, member,
                           type == JSON_STRING ? "a string" : "an object", json_kind(v));
}

enum err client_open(struct json root, struct fault *f)
{
    enum err e = client_want(root, JSON_OBJECT, "the body", "a JSON object", f);
    return e == ERR_OK ? json_refuse_duplicates(root, f) : e;
}

enum err client_check(struct json root, const struct shape *rows, struct fault *f)
{
    enum err e = shape_check_members(rows, root, NULL, f);
    return e == ERR_OK ? shape_check_members(chat_shape_ours, root, NULL, f) : e;
}

void client_read_cache(struct json holder, struct canon_cache *out)
{
    struct json mark = json_get(holder, STR("cache_control"));
    if (json_is(mark, JSON_OBJECT))
        *out = (struct canon_cache){true, canon_text(json_get(mark, STR("ttl")))};
}

enum err client_add_model(struct chat_request *facts, struct canon_room *room, struct json v,
                          const char *where, struct fault *f)
{
    struct str id = canon_plain(room, json_raw_str(v));
    if (!json_is(v, JSON_STRING) || id.n == 0 || id.n > 256)
        return fault_set(f, ERR_INVALID, "%s: expected the name of a model, got %s", where,
                         json_is(v, JSON_STRING) ? "a string of another length" : json_kind(v));
    for (uint32_t i = 0; i < facts->models_n; i++) {
        if (str_eq(facts->models[i], id))
            return ERR_OK;
    }
    if (facts->models_n == CHAT_MODELS_MAX)
        return fault_set(f, ERR_INVALID, "models: more than %d models", CHAT_MODELS_MAX);
    facts->models[facts->models_n++] = id;
    return ERR_OK;
}

enum err client_add_models(struct chat_request *facts, struct canon_room *room, struct json models,
                           struct fault *f)
{
    char where[32];
    size_t i = 0;
    enum err e = ERR_OK;
    for (struct json v = json_first(models); e == ERR_OK && v.type; v = json_after(models, v)) {
        snprintf(where, sizeof where, "models[%zu]", i++);
        e = client_add_model(facts, room, v, where, f);
    }
    return e;
}

/* What a chat's member of this name must be; of another name, anything. */
static enum err check_as_chat(struct json v, struct str name, struct fault *f)
{
    const struct member *m = member_find(name);
    return m ? member_check(v, &m->rule, m->name.p, f) : ERR_OK;
}

enum err client_read_facts(struct canon_request *r, struct json root, struct fault *f)
{
    struct json stream = json_get(root, STR("stream"));
    if (!json_is_none_or_null(stream) && !canon_tri_of(stream))
        return fault_set(f, ERR_INVALID, "stream: expected true or false, got %s",
                         json_kind(stream));
    r->facts.choices = 1;
    r->facts.is_streamed = json_bool_or(stream, false);
    r->facts.provider = json_get(root, STR("provider"));
    return check_as_chat(json_get(root, STR("cache_control")), STR("cache_control"), f);
}

enum err client_read_settings(struct canon_request *r, struct json root,
                              const struct client_setting *settings, size_t n, struct fault *f)
{
    for (size_t i = 0; i < n; i++) {
        const struct client_setting *s = &settings[i];
        struct json v = json_get(root, s->name);
        if (!json_is_none_or_null(v) && !json_is(v, s->type))
            return fault_set(f, ERR_INVALID, "%.*s: expected %s, got %s", STR_ARG(s->name),
                             s->expected, json_kind(v));
        enum err e = check_as_chat(v, s->name, f);
        if (e != ERR_OK)
            return e;
        r->values[s->param] = canon_value(v);
    }
    return ERR_OK;
}

bool client_is_one_of(struct str name, const struct str *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(name, names[i]))
            return true;
    }
    return false;
}

enum err client_read_extras(struct canon_request *r, struct canon_room *room, struct json root,
                            bool (*is_known)(struct str name), struct fault *f)
{
    enum err e = ERR_OK;
    for (struct json v = json_first(root); e == ERR_OK && v.type; v = json_after(root, v)) {
        struct str name = canon_word(room, json_key(v));
        const struct member *m = member_find(name);
        if (m && m->is_ours)
            e = member_check(v, &m->rule, m->name.p, f);
        if (e == ERR_OK && !json_is(v, JSON_NULL) && !is_known(name))
            e = canon_add_extra(&r->extras, room, v, f);
    }
    return e;
}
