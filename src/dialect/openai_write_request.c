/* openai_write_request.c: canonical requests in OpenAI's chat format. For sources, see
 * openai_read_request.c. */
#include "dialect/openai_form.h"

#include "dialect/openai.h"

/* One request being written. */
struct writing {
    struct json_writer w;
    const struct canon_request *r;
    const struct dialect_target *t;
    struct canon_room *room;
    struct fault *f;
    enum err err;
};

static void write_cache(struct writing *g, const struct canon_cache *c)
{
    if (!c->is_marked || !g->t->quirks->is_openrouter)
        return;
    jw_object(&g->w, "cache_control");
    jw_str_c(&g->w, "type", "ephemeral");
    canon_write_text(&g->w, "ttl", c->ttl);
    jw_end(&g->w);
}

/* --- parts ------------------------------------------------------------------------------------ */

/* A file has an id here, a picture has none. */
static void write_link(struct writing *g, const char *type, const struct canon_media *m)
{
    if (m->source == CANON_FILE_ID && g->err == ERR_OK)
        g->err =
            fault_set(g->f, ERR_UNPROCESSABLE, "messages: this provider takes no images by an id");
    jw_str_c(&g->w, "type", type);
    jw_object(&g->w, type);
    canon_write_url(&g->w, "url", m);
    canon_write_text(&g->w, "detail", m->detail);
    jw_end(&g->w);
}

/* "audio/mpeg" is "mp3" here, and so on: what stands behind the slash, but for that. */
static struct str sound_format(const struct canon_media *m)
{
    struct str mime = m->mime;
    if (m->format.p)
        return m->format;
    str_cut(&mime, '/');
    return str_eq(mime, STR("mpeg")) ? STR("mp3") : mime.n ? mime : STR("wav");
}

static void write_sound(struct writing *g, const struct canon_media *m)
{
    jw_str_c(&g->w, "type", "input_audio");
    jw_object(&g->w, "input_audio");
    jw_raw_str(&g->w, "data", m->data);
    jw_raw_str(&g->w, "format", sound_format(m));
    jw_end(&g->w);
}

static void write_file(struct writing *g, const struct canon_media *m)
{
    jw_str_c(&g->w, "type", "file");
    jw_object(&g->w, "file");
    canon_write_text(&g->w, "filename", m->filename);
    if (m->source == CANON_FILE_ID)
        jw_raw_str(&g->w, "file_id", m->id);
    else
        canon_write_url(&g->w, "file_data", m);
    jw_end(&g->w);
}

static void write_part(struct writing *g, const struct canon_part *p)
{
    if (p->kind == PART_OPAQUE) {
        jw_raw(&g->w, NULL, p->opaque.raw);
        return;
    }
    jw_object(&g->w, NULL);
    if (p->kind == PART_IMAGE)
        write_link(g, "image_url", &p->media);
    else if (p->kind == PART_VIDEO)
        write_link(g, "video_url", &p->media);
    else if (p->kind == PART_SOUND)
        write_sound(g, &p->media);
    else if (p->kind == PART_FILE)
        write_file(g, &p->media);
    else {
        const char *type = p->kind == PART_REFUSAL ? "refusal" : "text";
        jw_str_c(&g->w, "type", type);
        jw_raw_str(&g->w, type, p->text);
    }
    write_cache(g, &p->cache);
    jw_end(&g->w);
}

static bool is_content(const struct canon_part *p, enum canon_role role)
{
    switch (p->kind) {
    case PART_TEXT:
    case PART_FILE:
    case PART_VIDEO:
        return true;
    case PART_IMAGE:
    case PART_SOUND: /* an assistant's own stand beside its content */
        return role != CANON_ASSISTANT;
    case PART_OPAQUE:
        return p->opaque.of == &dialect_openai;
    default:
        return false;
    }
}

/* One text without a mark is a string; else parts; null where there are none. */
static void write_content(struct writing *g, const struct canon_parts *parts, enum canon_role role)
{
    const struct canon_part *only = NULL;
    uint32_t n = 0;
    for (const struct canon_part *p = parts->first; p; p = p->next) {
        if (is_content(p, role) && n++ == 0)
            only = p;
    }
    bool is_plain = n == 1 && only->kind == PART_TEXT &&
                    !(only->cache.is_marked && g->t->quirks->is_openrouter);
    if (is_plain) {
        jw_raw_str(&g->w, "content", only->text);
    } else if (n) {
        jw_array(&g->w, "content");
        for (const struct canon_part *p = parts->first; p; p = p->next) {
            if (is_content(p, role))
                write_part(g, p);
        }
        jw_end(&g->w);
    } else if (role == CANON_ASSISTANT) {
        jw_null(&g->w, "content");
    } else {
        jw_str_c(&g->w, "content", "");
    }
}

/* --- an assistant's own parts ----------------------------------------------------------------- */

void openai_write_reasoning(struct json_writer *w, const struct canon_reasoning *g, uint32_t index)
{
    if (g->kind == CANON_REASONING_OTHER) {
        jw_raw(w, NULL, g->raw);
        return;
    }
    jw_object(w, NULL);
    jw_str_c(w, "type", openai_reasoning_type(g->kind));
    canon_write_text(w, g->kind == CANON_REASONING_SUMMARY ? "summary" : "text", g->text);
    canon_write_text(w, "signature", g->signature);
    canon_write_text(w, "data", g->data);
    canon_write_text(w, "id", g->id);
    canon_write_text(w, "format", g->format);
    jw_u64(w, "index", index);
    jw_end(w);
}

static void write_reasoning_of(struct writing *g, const struct canon_parts *parts)
{
    uint32_t n = 0;
    if (!g->t->quirks->is_openrouter)
        return;
    for (const struct canon_part *p = parts->first; p; p = p->next) {
        if (p->kind != PART_REASONING)
            continue;
        if (n == 0)
            jw_array(&g->w, "reasoning_details");
        openai_write_reasoning(&g->w, &p->reasoning, n++);
    }
    if (n)
        jw_end(&g->w);
}

static void write_call(struct writing *g, const struct canon_tool_use *use)
{
    jw_object(&g->w, NULL);
    jw_raw_str(&g->w, "id", use->id);
    jw_str_c(&g->w, "type", "function");
    jw_object(&g->w, "function");
    jw_raw_str(&g->w, "name", use->name);
    canon_write_args_text(&g->w, "arguments", &use->args);
    jw_end(&g->w);
    jw_end(&g->w);
}

static void write_calls(struct writing *g, const struct canon_parts *parts)
{
    bool any = false;
    for (const struct canon_part *p = parts->first; p; p = p->next) {
        if (p->kind != PART_TOOL_USE)
            continue;
        if (!any)
            jw_array(&g->w, "tool_calls");
        any = true;
        write_call(g, &p->tool);
    }
    if (any)
        jw_end(&g->w);
}

static void write_made(struct writing *g, const struct canon_parts *parts)
{
    bool any = false;
    for (const struct canon_part *p = parts->first; p; p = p->next) {
        if (p->kind == PART_REFUSAL)
            jw_raw_str(&g->w, "refusal", p->text);
        if (p->kind == PART_SOUND && p->media.source == CANON_FILE_ID) {
            jw_object(&g->w, "audio");
            jw_raw_str(&g->w, "id", p->media.id);
            jw_end(&g->w);
        }
    }
    for (const struct canon_part *p = parts->first; p; p = p->next) {
        if (p->kind != PART_IMAGE)
            continue;
        if (!any)
            jw_array(&g->w, "images");
        any = true;
        write_part(g, p);
    }
    if (any)
        jw_end(&g->w);
}

/* --- messages --------------------------------------------------------------------------------- */

static void write_extras(struct writing *g, const struct canon_extra *x)
{
    for (; x && g->r->from == &dialect_openai; x = x->next) {
        struct str name = arena_str(g->room->arena, x->name); /* terminated */
        if (name.p)
            jw_raw(&g->w, name.p, x->raw);
        else
            g->w.out->failed = ERR_NOMEM;
    }
}

static void write_result(struct writing *g, const struct canon_message *m)
{
    const struct canon_part *p = m->parts.first;
    jw_raw_str(&g->w, "tool_call_id", p->result.use->id);
    write_content(g, &p->result.parts, CANON_TOOL);
    write_cache(g, &p->cache);
}

static void write_message(struct writing *g, const struct canon_message *m)
{
    static const char *const roles[] = {
        [CANON_SYSTEM] = "system",       [CANON_DEVELOPER] = "developer", [CANON_USER] = "user",
        [CANON_ASSISTANT] = "assistant", [CANON_TOOL] = "tool",
    };
    jw_object(&g->w, NULL);
    jw_str_c(&g->w, "role", roles[m->role]);
    canon_write_text(&g->w, "name", m->name);
    if (m->role == CANON_TOOL) {
        write_result(g, m);
    } else {
        write_content(g, &m->parts, m->role);
    }
    if (m->role == CANON_ASSISTANT) {
        write_reasoning_of(g, &m->parts);
        write_made(g, &m->parts);
        write_calls(g, &m->parts);
    }
    write_extras(g, m->extras);
    jw_end(&g->w);
}

/* --- tools ------------------------------------------------------------------------------------ */

static void write_tool(struct writing *g, const struct canon_tool *t)
{
    if (t->kind == CANON_TOOL_SERVER) {
        if (t->of == &dialect_openai)
            jw_raw(&g->w, NULL, t->raw);
        return;
    }
    jw_object(&g->w, NULL);
    jw_str_c(&g->w, "type", "function");
    jw_object(&g->w, "function");
    jw_raw_str(&g->w, "name", t->name);
    canon_write_text(&g->w, "description", t->description);
    canon_write_value(&g->w, "parameters", t->schema);
    canon_write_tri(&g->w, "strict", t->strict);
    jw_end(&g->w);
    write_cache(g, &t->cache);
    jw_end(&g->w);
}

static void write_choice(struct writing *g, const struct canon_choice *c)
{
    static const char *const words[] = {
        [CANON_CHOICE_AUTO] = "auto",
        [CANON_CHOICE_NONE] = "none",
        [CANON_CHOICE_REQUIRED] = "required",
    };
    if (c->kind == CANON_CHOICE_NAMED) {
        jw_object(&g->w, "tool_choice");
        jw_str_c(&g->w, "type", "function");
        jw_object(&g->w, "function");
        jw_raw_str(&g->w, "name", c->name);
        jw_end(&g->w);
        jw_end(&g->w);
    } else if (c->kind == CANON_CHOICE_OTHER) {
        if (c->of == &dialect_openai)
            jw_raw(&g->w, "tool_choice", c->raw);
    } else if (c->kind) {
        jw_str_c(&g->w, "tool_choice", words[c->kind]);
    }
}

static void write_tools(struct writing *g)
{
    if (!g->r->tools)
        return;
    jw_array(&g->w, "tools");
    for (const struct canon_tool *t = g->r->tools; t; t = t->next)
        write_tool(g, t);
    jw_end(&g->w);
    write_choice(g, &g->r->choice);
    canon_write_tri(&g->w, "parallel_tool_calls", g->r->parallel);
}

/* --- what else is asked ----------------------------------------------------------------------- */

static void write_format(struct writing *g, const struct canon_format *x)
{
    if (x->kind == CANON_FORMAT_UNSAID)
        return;
    if (x->kind == CANON_FORMAT_OTHER) {
        if (g->r->from == &dialect_openai)
            jw_raw(&g->w, "response_format", x->raw);
        return;
    }
    jw_object(&g->w, "response_format");
    if (x->kind == CANON_FORMAT_SCHEMA) {
        jw_str_c(&g->w, "type", "json_schema");
        jw_object(&g->w, "json_schema");
        jw_raw_str(&g->w, "name", x->name.p ? x->name : STR("answer"));
        canon_write_text(&g->w, "description", x->description);
        canon_write_value(&g->w, "schema", x->schema);
        canon_write_tri(&g->w, "strict", x->strict);
        jw_end(&g->w);
    } else {
        jw_str_c(&g->w, "type", x->kind == CANON_FORMAT_TEXT ? "text" : "json_object");
    }
    jw_end(&g->w);
}

static void write_reasoning_object(struct writing *g, const struct canon_reason *x)
{
    bool says = x->effort || x->max_tokens || x->enabled || x->is_excluded || x->summary.p;
    if (!says)
        return;
    jw_object(&g->w, "reasoning");
    if (x->effort)
        jw_str_c(&g->w, "effort", canon_effort_word(x->effort));
    if (x->max_tokens)
        jw_u64(&g->w, "max_tokens", x->max_tokens);
    canon_write_tri(&g->w, "enabled", x->enabled);
    if (x->is_excluded)
        jw_bool(&g->w, "exclude", true);
    canon_write_text(&g->w, "summary", x->summary);
    jw_end(&g->w);
}

static void write_reasoning(struct writing *g)
{
    const struct canon_reason *x = &g->r->reason;
    enum canon_effort effort = canon_effort_of(x, g->t->max_tokens);
    if (g->t->quirks->is_openrouter)
        write_reasoning_object(g, x);
    else if (effort) /* OpenAI's highest is xhigh */
        jw_str_c(&g->w, "reasoning_effort",
                 canon_effort_word(effort == EFFORT_MAX ? EFFORT_XHIGH : effort));
}

/* What the provider calls it. */
static const char *name_of(const struct writing *g, struct str name)
{
    const struct openai_rules *rules = g->t->quirks->rules;
    for (uint32_t i = 0; rules && i < rules->renames_n; i++) {
        if (!rules->renames[i].member.n && str_eq(rules->renames[i].from, name))
            return rules->renames[i].to.p;
    }
    return name.p;
}

static void write_values(struct writing *g)
{
    for (int p = 0; p < PARAM_VALUE__COUNT; p++)
        canon_write_value(&g->w, name_of(g, canon_param_name((enum canon_param)p)),
                          g->r->values[p]);
}

static void write_bounds(struct writing *g)
{
    const struct dialect_target *t = g->t;
    const struct openai_rules *rules = t->quirks->rules;
    if (t->max_tokens)
        jw_u64(&g->w, name_of(g, t->quirks->max_tokens_field), t->max_tokens);
    if (!t->is_streamed)
        return;
    jw_bool(&g->w, "stream", true);
    if (rules && rules->has_no_stream_options)
        return;
    jw_object(&g->w, "stream_options");
    jw_bool(&g->w, "include_usage", true);
    jw_end(&g->w);
}

enum err openai_write_request(const struct canon_request *r, const struct dialect_target *t,
                              struct canon_room *room, struct buf *out, struct fault *f)
{
    struct writing g = {.r = r, .t = t, .room = room, .f = f};
    json_writer_init(&g.w, out);
    jw_object(&g.w, NULL);
    jw_str(&g.w, "model", t->model);
    jw_array(&g.w, "messages");
    for (const struct canon_message *m = r->messages; m; m = m->next)
        write_message(&g, m);
    jw_end(&g.w);
    write_bounds(&g);
    write_values(&g);
    write_tools(&g);
    write_format(&g, &r->format);
    write_reasoning(&g);
    write_cache(&g, &r->cache);
    write_extras(&g, r->extras);
    enum err e = jw_finish(&g.w);
    return e == ERR_OK ? g.err : fault_set(f, e, "No memory for this request: try again later");
}
