/* responses_write_request.c: canonical requests as those of OpenAI's Responses. For sources, see
 * responses.h. */
#include "dialect/responses.h"

/* One request being written. */
struct writing {
    struct json_writer w;
    const struct canon_request *r;
    const struct dialect_target *t;
    struct canon_room *room;
    struct fault *f;
    enum err err;
    bool is_wide; /* OpenRouter's additions too */
};

static void refuse(struct writing *g, const char *what)
{
    if (g->err == ERR_OK)
        g->err = fault_set(g->f, ERR_UNPROCESSABLE, "input: this provider takes no %s", what);
}

static void write_cache(struct writing *g, const struct canon_cache *c)
{
    if (!c->is_marked || !g->is_wide)
        return;
    jw_object(&g->w, "cache_control");
    jw_str_c(&g->w, "type", "ephemeral");
    canon_write_text(&g->w, "ttl", c->ttl);
    jw_end(&g->w);
}

/* --- parts ------------------------------------------------------------------------------------ */

static void write_text(struct writing *g, const struct canon_part *p, const char *type)
{
    jw_object(&g->w, NULL);
    jw_str_c(&g->w, "type", type);
    jw_raw_str(&g->w, p->kind == PART_REFUSAL ? "refusal" : "text", p->text);
    write_cache(g, &p->cache);
    jw_end(&g->w);
}

static void write_sound(struct writing *g, const struct canon_media *m)
{
    if (m->source != CANON_DATA) {
        refuse(g, "audio by link");
        return;
    }
    jw_object(&g->w, "input_audio");
    jw_raw_str(&g->w, "data", m->data);
    canon_write_text(&g->w, "format", m->format);
    jw_end(&g->w);
}

static void write_media(struct writing *g, const struct canon_part *p)
{
    static const char *const types[] = {[PART_IMAGE] = "input_image",
                                        [PART_SOUND] = "input_audio",
                                        [PART_VIDEO] = "input_video",
                                        [PART_FILE] = "input_file"};
    const struct canon_media *m = &p->media;
    const char *link = p->kind == PART_IMAGE     ? "image_url"
                       : p->kind == PART_VIDEO   ? "video_url"
                       : m->source == CANON_DATA ? "file_data"
                                                 : "file_url";
    if (p->kind == PART_VIDEO && !g->is_wide) {
        refuse(g, "video");
        return;
    }
    jw_object(&g->w, NULL);
    jw_str_c(&g->w, "type", types[p->kind]);
    if (p->kind == PART_SOUND)
        write_sound(g, m);
    else if (m->source == CANON_FILE_ID)
        jw_raw_str(&g->w, "file_id", m->id);
    else
        canon_write_url(&g->w, link, m);
    canon_write_text(&g->w, "filename", m->filename);
    canon_write_text(&g->w, "detail", m->detail);
    write_cache(g, &p->cache);
    jw_end(&g->w);
}

/* What others than an assistant say. */
static void write_parts(struct writing *g, const struct canon_parts *parts)
{
    for (const struct canon_part *p = parts->first; p; p = p->next) {
        if (p->kind == PART_TEXT)
            write_text(g, p, "input_text");
        else if (p->kind >= PART_IMAGE && p->kind <= PART_FILE)
            write_media(g, p);
    }
}

/* --- items ------------------------------------------------------------------------------------ */

static void item_begin(struct writing *g, const char *type)
{
    jw_object(&g->w, NULL);
    jw_str_c(&g->w, "type", type);
}

static void write_message(struct writing *g, const struct canon_message *m)
{
    static const char *const roles[] = {
        [CANON_SYSTEM] = "system", [CANON_DEVELOPER] = "developer", [CANON_USER] = "user"};
    item_begin(g, "message");
    jw_str_c(&g->w, "role", roles[m->role]);
    jw_array(&g->w, "content");
    write_parts(g, &m->parts);
    jw_end(&g->w);
    jw_end(&g->w);
}

static bool is_said(const struct canon_part *p)
{
    return p && (p->kind == PART_TEXT || p->kind == PART_REFUSAL);
}

/* Texts and refusals that follow each other are one message. Returns what comes after them. */
static const struct canon_part *write_said(struct writing *g, const struct canon_part *p)
{
    item_begin(g, "message");
    jw_str_c(&g->w, "role", "assistant");
    jw_array(&g->w, "content");
    for (; is_said(p); p = p->next)
        write_text(g, p, p->kind == PART_TEXT ? "output_text" : "refusal");
    jw_end(&g->w);
    jw_end(&g->w);
    return p;
}

/* Blocks of one id are one item: summaries, then texts (the last may be signed), then what is
 * encrypted. */
static bool is_same_item(const struct canon_reasoning *a, const struct canon_part *next)
{
    if (!next || next->kind != PART_REASONING)
        return false;
    const struct canon_reasoning *b = &next->reasoning;
    return a->id.n && str_eq(a->id, b->id) && str_eq(a->format, b->format) &&
           a->kind <= b->kind + 1 && a->kind != CANON_REASONING_ENCRYPTED && !a->signature.p &&
           b->kind != CANON_REASONING_OTHER &&
           !(a->kind == CANON_REASONING_TEXT && b->kind == CANON_REASONING_SUMMARY);
}

static void write_thoughts(struct writing *g, const char *key, const struct canon_part *p,
                           const struct canon_part *end, enum canon_reasoning_kind kind)
{
    bool is_summary = kind == CANON_REASONING_SUMMARY;
    jw_array(&g->w, key);
    for (; p != end; p = p->next) {
        if (p->reasoning.kind != kind)
            continue;
        jw_object(&g->w, NULL);
        jw_str_c(&g->w, "type", is_summary ? "summary_text" : "reasoning_text");
        jw_raw_str(&g->w, "text", p->reasoning.text);
        jw_end(&g->w);
    }
    jw_end(&g->w);
}

/* OpenAI takes back only what it encrypted itself. */
static const struct canon_part *write_reasoning(struct writing *g, const struct canon_part *first)
{
    const struct canon_part *end = first->next, *last = first;
    const struct canon_reasoning *x = &first->reasoning;
    bool has_text = x->kind == CANON_REASONING_TEXT;
    for (; is_same_item(&last->reasoning, end); last = end, end = end->next)
        has_text |= end->reasoning.kind == CANON_REASONING_TEXT;
    bool is_hidden = last->reasoning.kind == CANON_REASONING_ENCRYPTED;
    bool is_own = !x->format.p || str_eq(x->format, RESPONSES_REASONING);
    if (x->kind == CANON_REASONING_OTHER || (!g->is_wide && !(is_own && is_hidden)))
        return end;
    item_begin(g, "reasoning");
    canon_write_text(&g->w, "id", x->id);
    write_thoughts(g, "summary", first, end, CANON_REASONING_SUMMARY);
    if (has_text)
        write_thoughts(g, "content", first, end, CANON_REASONING_TEXT);
    if (is_hidden)
        jw_raw_str(&g->w, "encrypted_content", last->reasoning.data);
    for (const struct canon_part *p = first; g->is_wide && p != end; p = p->next)
        canon_write_text(&g->w, "signature", p->reasoning.signature);
    if (g->is_wide)
        canon_write_text(&g->w, "format", x->format);
    jw_end(&g->w);
    return end;
}

static void write_call(struct writing *g, const struct canon_tool_use *u)
{
    item_begin(g, u->is_custom ? "custom_tool_call" : "function_call");
    jw_raw_str(&g->w, "call_id", u->id);
    jw_raw_str(&g->w, "name", u->name);
    canon_write_args_text(&g->w, u->is_custom ? "input" : "arguments", &u->args);
    jw_end(&g->w);
}

static void write_made(struct writing *g, const struct canon_media *m)
{
    if (m->source != CANON_DATA) {
        refuse(g, "pictures of an assistant by link");
        return;
    }
    item_begin(g, "image_generation_call");
    canon_write_text(&g->w, "id", m->id);
    jw_raw_str(&g->w, "result", m->data);
    jw_str_c(&g->w, "status", "completed");
    jw_end(&g->w);
}

static void write_assistant(struct writing *g, const struct canon_message *m)
{
    const struct canon_part *p = m->parts.first;
    while (p) {
        const struct canon_part *at = p;
        p = p->next;
        if (is_said(at))
            p = write_said(g, at);
        else if (at->kind == PART_REASONING)
            p = write_reasoning(g, at);
        else if (at->kind == PART_TOOL_USE)
            write_call(g, &at->tool);
        else if (at->kind == PART_IMAGE)
            write_made(g, &at->media);
        else if (at->kind == PART_OPAQUE && at->opaque.of == &dialect_responses)
            jw_raw(&g->w, NULL, at->opaque.raw);
    }
}

static bool is_bare_text(const struct canon_parts *parts)
{
    const struct canon_part *p = parts->first;
    return p && !p->next && p->kind == PART_TEXT && !p->cache.is_marked;
}

static void write_result(struct writing *g, const struct canon_part *p)
{
    item_begin(g, p->result.use->is_custom ? "custom_tool_call_output" : "function_call_output");
    jw_raw_str(&g->w, "call_id", p->result.use->id);
    if (is_bare_text(&p->result.parts)) {
        jw_raw_str(&g->w, "output", p->result.parts.first->text);
    } else if (!p->result.parts.first) {
        jw_str_c(&g->w, "output", "");
    } else {
        jw_array(&g->w, "output");
        write_parts(g, &p->result.parts);
        jw_end(&g->w);
    }
    jw_end(&g->w);
}

/* A first system prompt that is one text stands beside the input. */
static void write_input(struct writing *g)
{
    const struct canon_message *m = g->r->messages;
    if (m && m->role == CANON_SYSTEM && is_bare_text(&m->parts)) {
        jw_raw_str(&g->w, "instructions", m->parts.first->text);
        m = m->next;
    }
    jw_array(&g->w, "input");
    for (; m; m = m->next) {
        if (m->role == CANON_ASSISTANT)
            write_assistant(g, m);
        else if (m->role == CANON_TOOL)
            write_result(g, m->parts.first);
        else
            write_message(g, m);
    }
    jw_end(&g->w);
}

/* --- tools ------------------------------------------------------------------------------------ */

/* Left out, `strict` is true there and false elsewhere: `is_exact` leaves it out all the same. */
void responses_write_tool(struct json_writer *w, const struct canon_tool *t, bool is_exact)
{
    if (t->kind == CANON_TOOL_SERVER) {
        if (t->of == &dialect_responses)
            jw_raw(w, NULL, t->raw);
        return;
    }
    jw_object(w, NULL);
    jw_str_c(w, "type", "function");
    jw_raw_str(w, "name", t->name);
    canon_write_text(w, "description", t->description);
    if (t->schema.p || !is_exact)
        jw_raw(w, "parameters",
               t->schema.p ? t->schema : STR("{\"type\":\"object\",\"properties\":{}}"));
    canon_write_tri(w, "strict", t->strict || is_exact ? t->strict : CANON_NO);
    jw_end(w);
}

void responses_write_choice(struct json_writer *w, const struct canon_choice *c)
{
    if (c->kind == CANON_CHOICE_NAMED) {
        jw_object(w, "tool_choice");
        jw_str_c(w, "type", "function");
        jw_raw_str(w, "name", c->name);
        jw_end(w);
    } else if (c->kind == CANON_CHOICE_OTHER && c->of == &dialect_responses) {
        jw_raw(w, "tool_choice", c->raw);
    } else {
        jw_str_c(w, "tool_choice",
                 c->kind == CANON_CHOICE_NONE       ? "none"
                 : c->kind == CANON_CHOICE_REQUIRED ? "required"
                                                    : "auto");
    }
}

static void write_tools(struct writing *g)
{
    if (!g->r->tools)
        return;
    jw_array(&g->w, "tools");
    for (const struct canon_tool *t = g->r->tools; t; t = t->next)
        responses_write_tool(&g->w, t, g->r->from == &dialect_responses);
    jw_end(&g->w);
    if (g->r->choice.kind)
        responses_write_choice(&g->w, &g->r->choice);
    canon_write_tri(&g->w, "parallel_tool_calls", g->r->parallel);
}

/* --- what else is asked ----------------------------------------------------------------------- */

static void write_format_object(struct json_writer *w, const struct canon_format *x)
{
    jw_object(w, "format");
    if (x->kind == CANON_FORMAT_SCHEMA) {
        jw_str_c(w, "type", "json_schema");
        jw_raw_str(w, "name", x->name.p ? x->name : STR("answer"));
        canon_write_text(w, "description", x->description);
        canon_write_value(w, "schema", x->schema);
        canon_write_tri(w, "strict", x->strict);
    } else {
        jw_str_c(w, "type", x->kind == CANON_FORMAT_TEXT ? "text" : "json_object");
    }
    jw_end(w);
}

void responses_write_format(struct json_writer *w, const struct canon_request *r)
{
    const struct canon_format *x = &r->format;
    struct str verbosity = r->values[PARAM_VERBOSITY];
    bool is_own = x->kind == CANON_FORMAT_OTHER && r->from == &dialect_responses;
    bool is_said = x->kind && (is_own || x->kind != CANON_FORMAT_OTHER);
    if (!is_said && !verbosity.p)
        return;
    jw_object(w, "text");
    if (is_own)
        jw_raw(w, "format", x->raw);
    else if (is_said)
        write_format_object(w, x);
    canon_write_value(w, "verbosity", verbosity);
    jw_end(w);
}

static void write_reasoning_wish(struct writing *g)
{
    const struct canon_reason *x = &g->r->reason;
    enum canon_effort effort = g->is_wide ? x->effort : canon_effort_of(x, g->t->max_tokens);
    bool says_more = g->is_wide && (x->max_tokens || x->enabled || x->is_excluded);
    if (!(effort || x->summary.p || says_more))
        return;
    if (!g->is_wide && effort == EFFORT_MAX) /* OpenAI's highest */
        effort = EFFORT_XHIGH;
    jw_object(&g->w, "reasoning");
    if (effort)
        jw_str_c(&g->w, "effort", canon_effort_word(effort));
    canon_write_text(&g->w, "summary", x->summary);
    if (says_more) {
        if (x->max_tokens)
            jw_u64(&g->w, "max_tokens", x->max_tokens);
        canon_write_tri(&g->w, "enabled", x->enabled);
        if (x->is_excluded)
            jw_bool(&g->w, "exclude", true);
    }
    jw_end(&g->w);
}

static void write_values(struct writing *g)
{
    static const enum canon_param common[] = {
        PARAM_TEMPERATURE, PARAM_TOP_P,    PARAM_TOP_LOGPROBS,     PARAM_SERVICE_TIER,
        PARAM_USER,        PARAM_METADATA, PARAM_PROMPT_CACHE_KEY, PARAM_SAFETY_IDENTIFIER,
    };
    static const enum canon_param wide[] = {
        PARAM_TOP_K,      PARAM_FREQUENCY_PENALTY, PARAM_PRESENCE_PENALTY,
        PARAM_MODALITIES, PARAM_IMAGE_CONFIG,      PARAM_PROMPT_CACHE_OPTIONS,
    };
    for (size_t i = 0; i < COUNT_OF(common); i++)
        canon_write_value(&g->w, canon_param_name(common[i]).p, g->r->values[common[i]]);
    for (size_t i = 0; g->is_wide && i < COUNT_OF(wide); i++)
        canon_write_value(&g->w, canon_param_name(wide[i]).p, g->r->values[wide[i]]);
}

/* What the answer is to bear: encrypted reasoning, so that it can be given back; logprobs. Models
 * that do not reason refuse to be asked for the former. */
static void write_include(struct writing *g)
{
    bool reasons = canon_reasons(&g->r->reason) == CANON_YES;
    bool is_counted = str_eq(g->r->values[PARAM_LOGPROBS], STR("true"));
    if (!reasons && !is_counted)
        return;
    jw_array(&g->w, "include");
    if (reasons)
        jw_str_c(&g->w, NULL, "reasoning.encrypted_content");
    if (is_counted)
        jw_str(&g->w, NULL, RESPONSES_LOGPROBS);
    jw_end(&g->w);
}

/* The client's own `include` is among them. */
static void write_extras(struct writing *g)
{
    bool has_include = false;
    for (const struct canon_extra *x = g->r->extras; x && g->r->from == &dialect_responses;
         x = x->next) {
        struct str name = arena_str(g->room->arena, x->name); /* terminated */
        has_include |= str_eq(x->name, STR("include"));
        if (name.p)
            jw_raw(&g->w, name.p, x->raw);
        else
            g->w.out->failed = ERR_NOMEM;
    }
    if (!has_include)
        write_include(g);
}

enum err responses_write_request(const struct canon_request *r, const struct dialect_target *t,
                                 struct canon_room *room, struct buf *out, struct fault *f)
{
    struct writing g = {.r = r, .t = t, .room = room, .f = f, .is_wide = t->quirks->is_openrouter};
    json_writer_init(&g.w, out);
    jw_object(&g.w, NULL);
    jw_str(&g.w, "model", t->model);
    write_input(&g);
    write_tools(&g);
    if (t->max_tokens)
        jw_u64(&g.w, "max_output_tokens", t->max_tokens);
    write_reasoning_wish(&g);
    responses_write_format(&g.w, r);
    write_values(&g);
    write_cache(&g, &r->cache);
    write_extras(&g);
    jw_bool(&g.w, "store", false);
    if (t->is_streamed)
        jw_bool(&g.w, "stream", true);
    enum err e = jw_finish(&g.w);
    if (e != ERR_OK)
        return fault_set(f, e, "No memory for this request: try again later");
    return g.err;
}
