#include "dialect/adapt.h"

/* One request being made to fit. */
struct adapting {
    const struct dialect *to;
    struct canon_room *room;
    struct canon_request *out;
    struct fault *f;
};

/* --- parameters -------------------------------------------------------------------------------- */

static enum err copy_tools(struct adapting *g, const struct canon_tool *from)
{
    g->out->tools = g->out->last_tool = NULL;
    for (const struct canon_tool *t = from; t; t = t->next) {
        if (t->kind == CANON_TOOL_SERVER && t->of != g->to)
            continue;
        struct canon_tool *copy = canon_add_tool(g->out, g->room, t->kind);
        if (!copy)
            return canon_no_memory(g->f);
        *copy = *t;
        copy->next = NULL;
    }
    return ERR_OK;
}

static bool is_foreign(const struct adapting *g, const struct canon_tool *t)
{
    while (t && !(t->kind == CANON_TOOL_SERVER && t->of != g->to))
        t = t->next;
    return t;
}

/* What is said of tools goes with them. */
static enum err adapt_tools(struct adapting *g)
{
    struct canon_request *out = g->out;
    enum err e = is_foreign(g, out->tools) ? copy_tools(g, out->tools) : ERR_OK;
    if (!out->tools)
        canon_leave_out(out, PARAM_BIT(PARAM_TOOLS));
    if (out->choice.kind == CANON_CHOICE_OTHER && out->choice.of != g->to)
        canon_leave_out(out, PARAM_BIT(PARAM_TOOL_CHOICE));
    return e;
}

/* A format may have schemas and no JSON without one. */
static enum err adapt_parameters(struct adapting *g, uint64_t refused)
{
    struct canon_request *out = g->out;
    bool is_own = out->from == g->to, is_schema = out->format.kind == CANON_FORMAT_SCHEMA;
    refused |= ~(g->to->takes | (is_schema ? PARAM_BIT(PARAM_RESPONSE_FORMAT) : 0));
    if (out->format.kind == CANON_FORMAT_OTHER && !is_own)
        refused |= PARAM_BIT(PARAM_RESPONSE_FORMAT);
    if (!is_own)
        out->extras = NULL;
    canon_leave_out(out, refused);
    return adapt_tools(g);
}

/* --- messages ---------------------------------------------------------------------------------- */

static bool has_foreign(const struct adapting *g, const struct canon_parts *parts)
{
    for (const struct canon_part *p = parts->first; p; p = p->next) {
        if (p->kind == PART_OPAQUE && p->opaque.of != g->to)
            return true;
        if (p->kind == PART_TOOL_RESULT && has_foreign(g, &p->result.parts))
            return true; /* one level: results hold no results */
    }
    return false;
}

static bool is_named(const struct adapting *g, const struct canon_message *m)
{
    return m->name.n && !g->to->has_names;
}

/* "alice: " and the text. Both are raw. */
static struct str named(struct adapting *g, struct str name, struct str text)
{
    struct buf *b = g->room->scratch;
    buf_reset(b);
    buf_add(b, name);
    buf_add(b, STR(": "));
    buf_add(b, text);
    return b->failed ? STR_NONE : arena_str(g->room->arena, buf_view(b));
}

static enum err copy_parts(struct adapting *g, const struct canon_parts *from, bool is_assistant,
                           struct canon_parts *to);

/* What an assistant did by its provider's own tools is history; what others say matters. */
static enum err copy_foreign(struct adapting *g, const struct canon_part *p, bool is_assistant,
                             struct canon_parts *to)
{
    if (!p->opaque.text.p)
        return is_assistant ? ERR_OK
                            : fault_set(g->f, ERR_UNPROCESSABLE,
                                        "messages: a part of a type that only the format of %.*s "
                                        "has cannot be told to this provider",
                                        STR_ARG(p->opaque.of->name));
    struct canon_part *copy = canon_add_part(to, g->room, PART_TEXT);
    if (!copy)
        return canon_no_memory(g->f);
    copy->text = p->opaque.text;
    copy->cache = p->cache;
    return ERR_OK;
}

static enum err copy_part(struct adapting *g, const struct canon_part *p, bool is_assistant,
                          struct canon_parts *to)
{
    if (p->kind == PART_OPAQUE && p->opaque.of != g->to)
        return copy_foreign(g, p, is_assistant, to);
    struct canon_part *copy = canon_add_part(to, g->room, p->kind);
    if (!copy)
        return canon_no_memory(g->f);
    *copy = *p;
    copy->next = NULL;
    return p->kind == PART_TOOL_RESULT
               ? copy_parts(g, &p->result.parts, is_assistant, &copy->result.parts)
               : ERR_OK;
}

static enum err copy_parts(struct adapting *g, const struct canon_parts *from, bool is_assistant,
                           struct canon_parts *to)
{
    enum err e = ERR_OK;
    *to = (struct canon_parts){NULL, NULL};
    for (const struct canon_part *p = from->first; e == ERR_OK && p; p = p->next)
        e = copy_part(g, p, is_assistant, to);
    return e;
}

/* The name goes before the first text. */
static enum err name_parts(struct adapting *g, struct canon_message *m)
{
    struct canon_part *p = m->parts.first;
    while (p && p->kind != PART_TEXT)
        p = p->next;
    if (!p)
        return ERR_OK;
    p->text = named(g, m->name, p->text);
    return p->text.p ? ERR_OK : canon_no_memory(g->f);
}

/* A message of which nothing is left is left out. */
static enum err copy_message(struct adapting *g, const struct canon_message *m)
{
    struct canon_parts parts = m->parts;
    bool is_assistant = m->role == CANON_ASSISTANT;
    enum err e = ERR_OK;
    if (has_foreign(g, &m->parts) || is_named(g, m))
        e = copy_parts(g, &m->parts, is_assistant, &parts);
    if (e != ERR_OK || (m->parts.first && !parts.first))
        return e;
    struct canon_message *copy = canon_add_message(g->out, g->room, m->role);
    if (!copy)
        return canon_no_memory(g->f);
    *copy = *m;
    copy->next = NULL;
    copy->parts = parts;
    return is_named(g, m) ? name_parts(g, copy) : ERR_OK;
}

static enum err adapt_messages(struct adapting *g, const struct canon_message *from)
{
    const struct canon_message *m = from;
    enum err e = ERR_OK;
    while (m && !has_foreign(g, &m->parts) && !is_named(g, m))
        m = m->next;
    if (!m)
        return ERR_OK; /* as it is */
    g->out->messages = g->out->last_message = NULL;
    for (m = from; e == ERR_OK && m; m = m->next)
        e = copy_message(g, m);
    return e;
}

enum err canon_adapt(const struct canon_request *r, const struct dialect *to, uint64_t refused,
                     struct canon_room *room, struct canon_request *out, struct fault *f)
{
    struct adapting g = {.to = to, .room = room, .out = out, .f = f};
    *out = *r;
    enum err e = adapt_parameters(&g, refused);
    return e == ERR_OK ? adapt_messages(&g, r->messages) : e;
}
