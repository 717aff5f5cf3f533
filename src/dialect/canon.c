#include "dialect/canon.h"

#include "dialect/media.h"

/* --- parameters ------------------------------------------------------------------------------- */

static const struct str names[PARAM__COUNT] = {
#define X(code, name) [PARAM_##code] = STR_INIT(name),
    PARAM_VALUE_LIST(X) PARAM_SHAPE_LIST(X)
#undef X
};

struct str canon_param_name(enum canon_param p)
{
    return names[p];
}

enum canon_param canon_value_find(struct str name)
{
    int p = 0;
    while (p < PARAM_VALUE__COUNT && !str_eq(names[p], name))
        p++;
    return (enum canon_param)p;
}

static uint64_t bit_if(bool says, enum canon_param p)
{
    return says ? PARAM_BIT(p) : 0;
}

uint64_t canon_asks(const struct canon_request *r)
{
    const struct canon_reason *think = &r->reason;
    enum canon_format_kind format = r->format.kind;
    bool has_max = r->facts.has_max_tokens || r->facts.has_max_completion_tokens;
    bool reasons = think->effort || think->max_tokens || think->enabled || think->summary.p;
    uint64_t asks =
        bit_if(has_max, PARAM_MAX_TOKENS) | bit_if(r->tools, PARAM_TOOLS) |
        bit_if(r->choice.kind, PARAM_TOOL_CHOICE) | bit_if(r->parallel, PARAM_PARALLEL_TOOL_CALLS) |
        bit_if(format == CANON_FORMAT_JSON || format == CANON_FORMAT_OTHER, PARAM_RESPONSE_FORMAT) |
        bit_if(format == CANON_FORMAT_SCHEMA, PARAM_STRUCTURED_OUTPUTS) |
        bit_if(reasons, PARAM_REASONING);
    for (int p = 0; p < PARAM_VALUE__COUNT; p++)
        asks |= bit_if(r->values[p].p, (enum canon_param)p);
    return asks;
}

static bool is_media(const struct canon_part *p)
{
    return (p->kind >= PART_IMAGE && p->kind <= PART_FILE) || p->kind == PART_OPAQUE;
}

bool canon_has_media(const struct canon_request *r)
{
    bool has = false;
    for (const struct canon_message *m = r->messages; m; m = m->next) {
        for (const struct canon_part *p = m->parts.first; p; p = p->next) {
            has |= is_media(p);
            if (p->kind != PART_TOOL_RESULT)
                continue;
            for (const struct canon_part *q = p->result.parts.first; q; q = q->next)
                has |= is_media(q);
        }
    }
    return has;
}

bool canon_has_functions(const struct canon_request *r)
{
    const struct canon_tool *t = r->tools;
    while (t && t->kind != CANON_TOOL_FUNCTION)
        t = t->next;
    return t;
}

static void leave_out_tools(struct canon_request *r, uint64_t params)
{
    if (params & PARAM_BIT(PARAM_TOOLS)) {
        r->tools = r->last_tool = NULL;
        params |= PARAM_BIT(PARAM_TOOL_CHOICE) | PARAM_BIT(PARAM_PARALLEL_TOOL_CALLS);
    }
    if (params & PARAM_BIT(PARAM_TOOL_CHOICE))
        r->choice = (struct canon_choice){0};
    if (params & PARAM_BIT(PARAM_PARALLEL_TOOL_CALLS))
        r->parallel = CANON_UNSAID;
}

void canon_leave_out(struct canon_request *r, uint64_t params)
{
    for (int p = 0; p < PARAM_VALUE__COUNT; p++) {
        if (params & PARAM_BIT(p))
            r->values[p] = STR_NONE;
    }
    leave_out_tools(r, params);
    if (r->format.kind == CANON_FORMAT_SCHEMA && (params & PARAM_BIT(PARAM_STRUCTURED_OUTPUTS)))
        params |= PARAM_BIT(PARAM_RESPONSE_FORMAT);
    if (params & PARAM_BIT(PARAM_RESPONSE_FORMAT))
        r->format = (struct canon_format){0};
    if (params & PARAM_BIT(PARAM_REASONING))
        r->reason = (struct canon_reason){.is_excluded = r->reason.is_excluded};
}

/* --- texts ------------------------------------------------------------------------------------ */

struct str canon_text(struct json v)
{
    return json_raw_str(v);
}

/* A copy in the arena of what is in scratch. */
static struct str keep(struct canon_room *room)
{
    return room->scratch->failed ? STR_NONE : arena_str(room->arena, buf_view(room->scratch));
}

struct str canon_quote(struct canon_room *room, struct str plain)
{
    struct buf *b = room->scratch;
    buf_reset(b);
    json_add_str(b, plain);
    if (b->failed)
        return STR_NONE;
    struct str raw = str_of(b->p + 1, b->n - 2);
    return str_eq(raw, plain) ? plain : arena_str(room->arena, raw);
}

struct str canon_plain(struct canon_room *room, struct str raw)
{
    if (raw.n == 0 || !memchr(raw.p, '\\', raw.n))
        return raw;
    buf_reset(room->scratch);
    json_unescape(room->scratch, raw);
    return keep(room);
}

struct str canon_word(struct canon_room *room, struct json v)
{
    struct str raw = json_raw_str(v);
    struct str plain = canon_plain(room, raw);
    return plain.p == raw.p ? raw : canon_quote(room, plain);
}

struct str canon_value(struct json v)
{
    return json_is_none_or_null(v) ? STR_NONE : json_raw(v);
}

enum canon_tri canon_tri_of(struct json v)
{
    return json_is(v, JSON_TRUE) ? CANON_YES : json_is(v, JSON_FALSE) ? CANON_NO : CANON_UNSAID;
}

/* --- making a request ------------------------------------------------------------------------- */

struct canon_message *canon_add_message(struct canon_request *r, struct canon_room *room,
                                        enum canon_role role)
{
    struct canon_message *m = arena_zalloc(room->arena, sizeof *m);
    if (!m)
        return NULL;
    m->role = role;
    if (r->last_message)
        r->last_message->next = m;
    else
        r->messages = m;
    return r->last_message = m;
}

struct canon_part *canon_add_part(struct canon_parts *to, struct canon_room *room,
                                  enum canon_part_kind kind)
{
    struct canon_part *p = arena_zalloc(room->arena, sizeof *p);
    if (!p)
        return NULL;
    p->kind = kind;
    if (to->last)
        to->last->next = p;
    else
        to->first = p;
    return to->last = p;
}

struct canon_tool *canon_add_tool(struct canon_request *r, struct canon_room *room,
                                  enum canon_tool_kind kind)
{
    struct canon_tool *t = arena_zalloc(room->arena, sizeof *t);
    if (!t)
        return NULL;
    t->kind = kind;
    if (r->last_tool)
        r->last_tool->next = t;
    else
        r->tools = t;
    return r->last_tool = t;
}

enum err canon_no_memory(struct fault *f)
{
    return fault_set(f, ERR_NOMEM, "No memory for this request: try again later");
}

enum err canon_add_extra(struct canon_extra **to, struct canon_room *room, struct json member,
                         struct fault *f)
{
    struct canon_extra *x = arena_alloc(room->arena, sizeof *x);
    if (!x)
        return canon_no_memory(f);
    *x = (struct canon_extra){*to, json_raw_str(json_key(member)), json_raw(member)};
    *to = x;
    return ERR_OK;
}

static void forget_uses(void *uses)
{
    map_release(uses);
}

enum err canon_note_use(struct canon_request *r, struct canon_room *room,
                        struct canon_tool_use *use, struct fault *f)
{
    if (!r->uses) {
        struct map *uses = arena_alloc(room->arena, sizeof *uses);
        if (!uses)
            return canon_no_memory(f);
        map_init(uses);
        if (!arena_defer(room->arena, forget_uses, uses))
            return canon_no_memory(f);
        r->uses = uses;
    }
    return map_put(r->uses, use->id, use) == ERR_OK ? ERR_OK : canon_no_memory(f);
}

enum err canon_take_use(const struct canon_request *r, struct str id, const char *where,
                        const char *member, const struct canon_tool_use **out, struct fault *f)
{
    struct canon_tool_use *use = r->uses ? map_get(r->uses, id) : NULL;
    if (!use || (use->is_told && id.n))
        return fault_set(f, ERR_INVALID,
                         "%s.%s: expected the id of an earlier tool call, got one that %s", where,
                         member, use ? "has its result already" : "none has");
    use->is_told = true;
    *out = use;
    return ERR_OK;
}

/* --- URLs ------------------------------------------------------------------------------------- */

enum err canon_read_base64(struct canon_room *room, struct json v, const char *where,
                           struct str *out, struct fault *f)
{
    if (!json_is(v, JSON_STRING))
        return fault_set(f, ERR_INVALID, "%s: expected base64, got %s", where, json_kind(v));
    *out = canon_plain(room, json_raw_str(v));
    if (!out->p)
        return canon_no_memory(f);
    if (!media_is_base64(*out))
        return fault_set(f, ERR_INVALID, "%s: expected base64, got text that is not", where);
    return ERR_OK;
}

enum err canon_read_url(struct canon_room *room, struct json v, const char *where,
                        struct canon_media *out, struct fault *f)
{
    struct media_url url;
    if (!json_is(v, JSON_STRING))
        return fault_set(f, ERR_INVALID, "%s: expected a URL, got %s", where, json_kind(v));
    struct str plain = canon_plain(room, json_raw_str(v));
    if (!plain.p)
        return canon_no_memory(f);
    const char *wrong = media_read_url(plain, &url);
    if (wrong)
        return fault_set(f, ERR_INVALID, "%s: %s", where, wrong);
    out->source = url.is_data ? CANON_DATA : CANON_URL;
    if (url.is_data) {
        out->data = url.data;
        out->mime = url.mime.n ? canon_quote(room, url.mime) : STR_NONE;
    } else {
        out->url = canon_word(room, v);
    }
    return ERR_OK;
}

/* --- reasoning -------------------------------------------------------------------------------- */

/* Of the output bound, in hundredths; 0: none. */
static const struct {
    struct str word;
    uint64_t share;
} efforts[EFFORT__COUNT] = {
    [EFFORT_NONE] = {STR_INIT("none"), 0},  [EFFORT_MINIMAL] = {STR_INIT("minimal"), 10},
    [EFFORT_LOW] = {STR_INIT("low"), 20},   [EFFORT_MEDIUM] = {STR_INIT("medium"), 50},
    [EFFORT_HIGH] = {STR_INIT("high"), 80}, [EFFORT_XHIGH] = {STR_INIT("xhigh"), 95},
    [EFFORT_MAX] = {STR_INIT("max"), 95},
};

enum canon_effort canon_effort_find(struct str word)
{
    for (int e = EFFORT_NONE; e < EFFORT__COUNT; e++) {
        if (str_eq(efforts[e].word, word))
            return (enum canon_effort)e;
    }
    return EFFORT_UNSAID;
}

bool canon_is_system(const struct canon_message *m)
{
    return m && (m->role == CANON_SYSTEM || m->role == CANON_DEVELOPER);
}

const char *canon_effort_word(enum canon_effort e)
{
    return efforts[e].word.p;
}

enum canon_tri canon_reasons(const struct canon_reason *reason)
{
    if (reason->enabled == CANON_NO || reason->effort == EFFORT_NONE)
        return CANON_NO;
    if (reason->enabled || reason->effort || reason->max_tokens)
        return CANON_YES;
    return CANON_UNSAID;
}

uint64_t canon_budget(const struct canon_reason *reason, uint64_t max_tokens)
{
    enum { LEAST = 1024, MOST = 128000 };
    if (canon_reasons(reason) != CANON_YES)
        return 0;
    if (reason->max_tokens)
        return reason->max_tokens;
    enum canon_effort e = reason->effort ? reason->effort : EFFORT_MEDIUM;
    uint64_t share = max_tokens < UINT32_MAX ? max_tokens * efforts[e].share / 100 : MOST;
    return share > MOST ? MOST : share < LEAST ? LEAST : share;
}

enum canon_effort canon_effort_of(const struct canon_reason *reason, uint64_t max_tokens)
{
    enum canon_tri wanted = canon_reasons(reason);
    if (wanted != CANON_YES)
        return wanted == CANON_NO ? EFFORT_NONE : EFFORT_UNSAID;
    if (reason->effort)
        return reason->effort;
    if (!reason->max_tokens || !max_tokens || max_tokens > UINT32_MAX)
        return EFFORT_MEDIUM;
    enum canon_effort e = EFFORT_MINIMAL;
    while (e < EFFORT_XHIGH && reason->max_tokens > max_tokens * efforts[e].share / 100)
        e++;
    return e;
}

/* --- writing ---------------------------------------------------------------------------------- */

void canon_write_text(struct json_writer *w, const char *key, struct str raw)
{
    if (raw.p)
        jw_raw_str(w, key, raw);
}

void canon_write_value(struct json_writer *w, const char *key, struct str value)
{
    if (value.p)
        jw_raw(w, key, value);
}

void canon_write_tri(struct json_writer *w, const char *key, enum canon_tri t)
{
    if (t)
        jw_bool(w, key, t == CANON_YES);
}

void canon_write_args_text(struct json_writer *w, const char *key, const struct canon_args *args)
{
    if (args->form == CANON_ARGS_TEXT)
        jw_raw_str(w, key, args->raw);
    else
        jw_str(w, key, args->raw);
}

void canon_write_args_value(struct json_writer *w, const char *key, const struct canon_args *args,
                            struct canon_room *room)
{
    struct json v;
    if (args->form == CANON_ARGS_VALUE) {
        jw_raw(w, key, args->raw.n ? args->raw : STR("{}"));
        return;
    }
    struct str plain = str_trim(canon_plain(room, args->raw));
    if (plain.n == 0) {
        jw_raw(w, key, STR("{}"));
    } else if (json_parse(room->tape, plain, &v, NULL) == ERR_OK && json_is(v, JSON_OBJECT)) {
        jw_raw(w, key, json_raw(v));
    } else {
        jw_object(w, key);
        jw_raw_str(w, "arguments", args->raw);
        jw_end(w);
    }
}

void canon_write_url(struct json_writer *w, const char *key, const struct canon_media *m)
{
    if (m->source == CANON_URL) {
        jw_raw_str(w, key, m->url);
        return;
    }
    jw_raw(w, key, STR("\"data:"));
    buf_add(w->out, m->mime.p ? m->mime : STR("application/octet-stream"));
    buf_add(w->out, STR(";base64,"));
    buf_add(w->out, m->data);
    buf_add(w->out, STR("\""));
}

enum err canon_add_segment(struct buf *out, struct str plain)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < plain.n; i++) {
        uint8_t c = (uint8_t)plain.p[i], letter = c | 0x20;
        bool is_plain = (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                        c == '.' || c == '_' || c == '~';
        if (is_plain)
            buf_add(out, str_of((char *)&c, 1));
        else
            buf_add(out, str_of((char[]){'%', hex[c >> 4], hex[c & 15]}, 3));
    }
    return out->failed;
}
