/* anthropic_write_request.c: canonical requests as Anthropic's. For sources, see anthropic.h. */
#include "dialect/anthropic.h"

#include <stdlib.h>

enum { BUDGET_LEAST = 1024 };

/* One request being written. */
struct writing {
    struct json_writer w;
    const struct canon_request *r;
    const struct dialect_target *t;
    struct canon_room *room;
    struct fault *f;
    enum err err;
    uint64_t budget; /* of reasoning; 0: none */
};

static void refuse(struct writing *g, const char *what)
{
    if (g->err == ERR_OK)
        g->err = fault_set(g->f, ERR_UNPROCESSABLE, "messages: this provider takes no %s", what);
}

static void write_cache(struct writing *g, const struct canon_cache *c)
{
    if (!c->is_marked)
        return;
    jw_object(&g->w, "cache_control");
    jw_str_c(&g->w, "type", "ephemeral");
    canon_write_text(&g->w, "ttl", c->ttl);
    jw_end(&g->w);
}

/* --- blocks ----------------------------------------------------------------------------------- */

static void write_source(struct writing *g, const struct canon_media *m)
{
    jw_object(&g->w, "source");
    if (m->source == CANON_DATA) {
        jw_str_c(&g->w, "type", "base64");
        jw_raw_str(&g->w, "media_type", m->mime.p ? m->mime : STR("image/png"));
        jw_raw_str(&g->w, "data", m->data);
    } else if (m->source == CANON_URL) {
        jw_str_c(&g->w, "type", "url");
        jw_raw_str(&g->w, "url", m->url);
    } else {
        jw_str_c(&g->w, "type", "file");
        jw_raw_str(&g->w, "file_id", m->id);
    }
    jw_end(&g->w);
}

static void write_media(struct writing *g, const struct canon_part *p)
{
    bool is_image = p->kind == PART_IMAGE;
    bool is_other = p->media.source == CANON_DATA && !is_image &&
                    !str_eq(p->media.mime, STR("application/pdf"));
    if (is_other) {
        refuse(g, "files but PDF documents");
        return;
    }
    jw_object(&g->w, NULL);
    jw_str_c(&g->w, "type", is_image ? "image" : "document");
    write_source(g, &p->media);
    if (!is_image)
        canon_write_text(&g->w, "title", p->media.filename);
    write_cache(g, &p->cache);
    jw_end(&g->w);
}

/* Empty texts are refused there. */
static void write_text(struct writing *g, const struct canon_part *p)
{
    if (p->text.n == 0)
        return;
    jw_object(&g->w, NULL);
    jw_str_c(&g->w, "type", "text");
    jw_raw_str(&g->w, "text", p->text);
    write_cache(g, &p->cache);
    jw_end(&g->w);
}

/* Only what this provider signed or encrypted is taken back, byte for byte. */
static bool is_taken_back(const struct canon_reasoning *x)
{
    bool is_own = !x->format.p || str_eq(x->format, ANTHROPIC_REASONING);
    bool is_signed = x->kind == CANON_REASONING_TEXT && x->signature.n;
    bool is_hidden = x->kind == CANON_REASONING_ENCRYPTED && x->data.n;
    return is_own && (is_signed || is_hidden);
}

static void write_thought(struct writing *g, const struct canon_reasoning *x)
{
    bool is_signed = x->kind == CANON_REASONING_TEXT;
    if (!is_taken_back(x))
        return;
    jw_object(&g->w, NULL);
    jw_str_c(&g->w, "type", is_signed ? "thinking" : "redacted_thinking");
    if (is_signed) {
        jw_raw_str(&g->w, "thinking", x->text);
        jw_raw_str(&g->w, "signature", x->signature);
    } else {
        jw_raw_str(&g->w, "data", x->data);
    }
    jw_end(&g->w);
}

static void write_use(struct writing *g, const struct canon_part *p)
{
    jw_object(&g->w, NULL);
    jw_str_c(&g->w, "type", "tool_use");
    jw_raw_str(&g->w, "id", p->tool.id);
    jw_raw_str(&g->w, "name", p->tool.name);
    canon_write_args_value(&g->w, "input", &p->tool.args, g->room);
    write_cache(g, &p->cache);
    jw_end(&g->w);
}

static void write_parts(struct writing *g, const struct canon_parts *parts);

static void write_result(struct writing *g, const struct canon_part *p)
{
    jw_object(&g->w, NULL);
    jw_str_c(&g->w, "type", "tool_result");
    jw_raw_str(&g->w, "tool_use_id", p->result.use->id);
    if (p->result.parts.first) {
        jw_array(&g->w, "content");
        write_parts(g, &p->result.parts);
        jw_end(&g->w);
    }
    canon_write_tri(&g->w, "is_error", p->result.is_error);
    write_cache(g, &p->cache);
    jw_end(&g->w);
}

/* What came from a client of this format goes as it came: with its citations and all that is new. */
static bool is_as_said(const struct writing *g, const struct canon_part *p)
{
    bool is_empty = p->kind == PART_TEXT && p->text.n == 0;
    return g->r->from == &dialect_anthropic && p->said.n && !is_empty;
}

static void write_part(struct writing *g, const struct canon_part *p)
{
    if (is_as_said(g, p)) {
        jw_raw(&g->w, NULL, p->said);
        return;
    }
    switch (p->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
        write_text(g, p);
        break;
    case PART_IMAGE:
    case PART_FILE:
        write_media(g, p);
        break;
    case PART_REASONING:
        write_thought(g, &p->reasoning);
        break;
    case PART_TOOL_USE:
        write_use(g, p);
        break;
    case PART_TOOL_RESULT:
        write_result(g, p);
        break;
    case PART_OPAQUE:
        if (p->opaque.of == &dialect_anthropic)
            jw_raw(&g->w, NULL, p->opaque.raw);
        break;
    case PART_SOUND:
        refuse(g, "audio");
        break;
    case PART_VIDEO:
        refuse(g, "video");
        break;
    }
}

static void write_parts(struct writing *g, const struct canon_parts *parts)
{
    for (const struct canon_part *p = parts->first; p; p = p->next)
        write_part(g, p);
}

/* --- messages --------------------------------------------------------------------------------- */

/* Those at the beginning. Returns the first message that is none. */
static const struct canon_message *write_system(struct writing *g)
{
    const struct canon_message *m = g->r->messages;
    if (!canon_is_system(m))
        return m;
    jw_array(&g->w, "system");
    for (; canon_is_system(m); m = m->next)
        write_parts(g, &m->parts);
    jw_end(&g->w);
    return m;
}

/* Two roles take turns: neighbours of one role are one message, results and what a system says
 * later are the user's. */
static void write_messages(struct writing *g)
{
    const struct canon_message *m = write_system(g);
    jw_array(&g->w, "messages");
    while (m) {
        bool is_assistant = m->role == CANON_ASSISTANT;
        struct json_writer before = g->w;
        size_t at = g->w.out->n;
        jw_object(&g->w, NULL);
        jw_str_c(&g->w, "role", is_assistant ? "assistant" : "user");
        jw_array(&g->w, "content");
        size_t bare = g->w.out->n;
        for (; m && (m->role == CANON_ASSISTANT) == is_assistant; m = m->next)
            write_parts(g, &m->parts);
        jw_end(&g->w);
        jw_end(&g->w);
        if (g->w.out->n > bare + strlen("]}"))
            continue;
        g->w = before; /* empty ones are refused there */
        g->w.out->n = at;
    }
    jw_end(&g->w);
}

/* --- tools ------------------------------------------------------------------------------------ */

static void write_tool(struct writing *g, const struct canon_tool *t)
{
    if (t->of == &dialect_anthropic)
        jw_raw(&g->w, NULL, t->raw);
    if (t->kind == CANON_TOOL_SERVER || t->of == &dialect_anthropic)
        return;
    jw_object(&g->w, NULL);
    jw_raw_str(&g->w, "name", t->name);
    canon_write_text(&g->w, "description", t->description);
    jw_raw(&g->w, "input_schema", t->schema.p ? t->schema : STR("{\"type\":\"object\"}"));
    canon_write_tri(&g->w, "strict", t->strict);
    write_cache(g, &t->cache);
    jw_end(&g->w);
}

static void write_choice(struct writing *g)
{
    static const char *const words[] = {
        [CANON_CHOICE_UNSAID] = "auto", [CANON_CHOICE_AUTO] = "auto",
        [CANON_CHOICE_NONE] = "none",   [CANON_CHOICE_REQUIRED] = "any",
        [CANON_CHOICE_NAMED] = "tool",  [CANON_CHOICE_OTHER] = "auto",
    };
    const struct canon_choice *c = &g->r->choice;
    bool says = c->kind != CANON_CHOICE_UNSAID && c->kind != CANON_CHOICE_OTHER;
    if (!says && g->r->parallel != CANON_NO)
        return;
    jw_object(&g->w, "tool_choice");
    jw_str_c(&g->w, "type", words[c->kind]);
    if (c->kind == CANON_CHOICE_NAMED)
        jw_raw_str(&g->w, "name", c->name);
    if (g->r->parallel == CANON_NO && c->kind != CANON_CHOICE_NONE)
        jw_bool(&g->w, "disable_parallel_tool_use", true);
    jw_end(&g->w);
}

static void write_tools(struct writing *g)
{
    if (!g->r->tools)
        return;
    jw_array(&g->w, "tools");
    for (const struct canon_tool *t = g->r->tools; t; t = t->next)
        write_tool(g, t);
    jw_end(&g->w);
    write_choice(g);
}

/* --- what else is asked ----------------------------------------------------------------------- */

bool anthropic_lacks_thought(const struct canon_request *r,
                             bool (*takes_back)(const struct canon_reasoning *x))
{
    bool is_begun = false, calls = false, has_thought = false;
    enum canon_role before = CANON_USER;
    for (const struct canon_message *m = r->messages; m; before = m->role, m = m->next) {
        if (m->role != CANON_ASSISTANT)
            continue;
        if (before != CANON_ASSISTANT)
            is_begun = calls = has_thought = false;
        for (const struct canon_part *p = m->parts.first; p; p = p->next) {
            bool is_thought = p->kind == PART_REASONING && takes_back(&p->reasoning);
            bool is_written = is_thought || (p->kind != PART_REASONING &&
                                             (p->kind != PART_TEXT || p->text.n > 0));
            has_thought |= is_thought && !is_begun;
            is_begun |= is_written;
            calls |= p->kind == PART_TOOL_USE;
        }
    }
    return calls && !has_thought;
}

/* A client of this format that leaves reasoning to the model, or does not speak of it: an effort alone
 * asks for none here. */
static bool is_left_to_model(const struct canon_request *r)
{
    return r->from == &dialect_anthropic && (r->reason.is_adaptive || !r->reason.enabled);
}

/* The budget has a least, must stay below the output bound, and a forced tool call goes without
 * reasoning. */
static uint64_t budget_of(const struct canon_request *r, const struct dialect_target *t)
{
    uint64_t budget = canon_budget(&r->reason, t->max_tokens);
    if (is_left_to_model(r))
        return 0;
    if (budget && budget < BUDGET_LEAST)
        budget = BUDGET_LEAST;
    bool is_forced = r->tools && (r->choice.kind == CANON_CHOICE_REQUIRED ||
                                  r->choice.kind == CANON_CHOICE_NAMED);
    if (is_forced || budget == 0 || t->max_tokens <= BUDGET_LEAST ||
        anthropic_lacks_thought(r, is_taken_back))
        return 0;
    return budget < t->max_tokens ? budget : t->max_tokens - 1;
}

static void write_thinking(struct writing *g)
{
    const struct canon_reason *x = &g->r->reason;
    if (x->said.n && g->r->from == &dialect_anthropic &&
        (x->is_adaptive || x->enabled == CANON_NO || g->budget == x->max_tokens)) {
        jw_raw(&g->w, "thinking", x->said);
        return;
    }
    if (is_left_to_model(g->r))
        return;
    if (!g->budget && canon_reasons(&g->r->reason) != CANON_NO)
        return;
    jw_object(&g->w, "thinking");
    jw_str_c(&g->w, "type", g->budget ? "enabled" : "disabled");
    if (g->budget)
        jw_u64(&g->w, "budget_tokens", g->budget);
    jw_end(&g->w);
}

/* 0 to 1 here, 0 to 2 there. */
static struct str temperature(struct canon_room *room, struct str value)
{
    buf_reset(room->scratch);
    buf_add(room->scratch, value);
    buf_add(room->scratch, str_of("", 1));
    if (room->scratch->failed == ERR_OK && strtod(room->scratch->p, NULL) > 1)
        return STR("1");
    return value;
}

static void write_sampling(struct writing *g)
{
    const struct str *values = g->r->values;
    if (g->budget) /* reasoning leaves these to the provider */
        return;
    if (values[PARAM_TEMPERATURE].p)
        jw_raw(&g->w, "temperature", temperature(g->room, values[PARAM_TEMPERATURE]));
    canon_write_value(&g->w, "top_p", values[PARAM_TOP_P]);
    canon_write_value(&g->w, "top_k", values[PARAM_TOP_K]);
}

static void write_values(struct writing *g)
{
    const struct str *values = g->r->values;
    struct str tier = values[PARAM_SERVICE_TIER];
    write_sampling(g);
    canon_write_value(&g->w, "stop_sequences", values[PARAM_STOP]);
    if (str_eq(tier, STR("\"auto\"")))
        jw_raw(&g->w, "service_tier", tier);
    else if (str_eq(tier, STR("\"default\"")))
        jw_str_c(&g->w, "service_tier", "standard_only");
    if (values[PARAM_USER].p) {
        jw_object(&g->w, "metadata");
        jw_raw(&g->w, "user_id", values[PARAM_USER]);
        jw_end(&g->w);
    }
}

/* Others' efforts are budgets here; a client of this format means what it says. */
static void write_output(struct writing *g)
{
    const struct canon_format *x = &g->r->format;
    bool has_schema = x->kind == CANON_FORMAT_SCHEMA && x->schema.p;
    enum canon_effort effort =
        g->r->from == &dialect_anthropic ? g->r->reason.effort : EFFORT_UNSAID;
    if (!has_schema && !effort)
        return;
    jw_object(&g->w, "output_config");
    if (effort)
        jw_str_c(&g->w, "effort", canon_effort_word(effort));
    if (has_schema) {
        jw_object(&g->w, "format");
        jw_str_c(&g->w, "type", "json_schema");
        jw_raw(&g->w, "schema", x->schema);
        jw_end(&g->w);
    }
    jw_end(&g->w);
}

static void write_extras(struct writing *g)
{
    for (const struct canon_extra *x = g->r->extras; x && g->r->from == &dialect_anthropic;
         x = x->next) {
        struct str name = arena_str(g->room->arena, x->name); /* terminated */
        if (name.p)
            jw_raw(&g->w, name.p, x->raw);
        else
            g->w.out->failed = ERR_NOMEM;
    }
}

enum err anthropic_write_request(const struct canon_request *r, const struct dialect_target *t,
                                 struct canon_room *room, struct buf *out, struct fault *f)
{
    struct writing g = {.r = r, .t = t, .room = room, .f = f, .budget = budget_of(r, t)};
    json_writer_init(&g.w, out);
    jw_object(&g.w, NULL);
    jw_str(&g.w, "model", t->model);
    jw_u64(&g.w, "max_tokens", t->max_tokens ? t->max_tokens : r->facts.max_tokens);
    write_messages(&g);
    write_tools(&g);
    write_thinking(&g);
    write_values(&g);
    write_output(&g);
    write_cache(&g, &r->cache);
    write_extras(&g);
    if (t->is_streamed)
        jw_bool(&g.w, "stream", true);
    enum err e = jw_finish(&g.w);
    if (e != ERR_OK)
        return fault_set(f, e, "No memory for this request: try again later");
    return g.err;
}
