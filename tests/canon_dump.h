/* canon_dump.h: canonical requests and events as lines of text, for golden files. A member that is not
 * there is not printed; texts are raw, within quotes. */
#ifndef TESTS_CANON_DUMP_H
#define TESTS_CANON_DUMP_H

#include "dialect/dialect.h"

static inline void dump_text(struct buf *out, const char *name, struct str raw)
{
    if (raw.p)
        buf_printf(out, " %s=\"%.*s\"", name, STR_ARG(raw));
}

static inline void dump_value(struct buf *out, const char *name, struct str value)
{
    if (value.p)
        buf_printf(out, " %s=%.*s", name, STR_ARG(value));
}

static inline void dump_number(struct buf *out, const char *name, uint64_t n)
{
    if (n)
        buf_printf(out, " %s=%llu", name, (unsigned long long)n);
}

static inline void dump_tri(struct buf *out, const char *name, enum canon_tri t)
{
    if (t)
        buf_printf(out, " %s=%s", name, t == CANON_YES ? "yes" : "no");
}

static inline void dump_cache(struct buf *out, const struct canon_cache *c)
{
    if (c->is_marked)
        buf_printf(out, " cached");
    dump_text(out, "ttl", c->ttl);
}

static inline void dump_media(struct buf *out, const struct canon_media *m)
{
    static const char *const sources[] = {"url", "data", "id"};
    buf_printf(out, " by %s", sources[m->source]);
    dump_text(out, "url", m->url);
    dump_text(out, "mime", m->mime);
    dump_text(out, "data", m->data);
    dump_text(out, "id", m->id);
    dump_text(out, "filename", m->filename);
    dump_text(out, "detail", m->detail);
    dump_text(out, "format", m->format);
}

static inline void dump_reasoning(struct buf *out, const struct canon_reasoning *r)
{
    static const char *const kinds[] = {"text", "summary", "encrypted", "other"};
    buf_printf(out, " %s", kinds[r->kind]);
    dump_text(out, "text", r->text);
    dump_text(out, "signature", r->signature);
    dump_text(out, "data", r->data);
    dump_text(out, "id", r->id);
    dump_text(out, "format", r->format);
    dump_value(out, "raw", r->raw);
}

static inline void dump_args(struct buf *out, const struct canon_args *a)
{
    if (a->form == CANON_ARGS_TEXT)
        dump_text(out, "args", a->raw);
    else
        dump_value(out, "args", a->raw);
}

static inline void dump_citation(struct buf *out, const struct canon_citation *c)
{
    dump_text(out, "url", c->url);
    dump_text(out, "title", c->title);
    dump_text(out, "quote", c->quote);
    dump_value(out, "start", c->start);
    dump_value(out, "end", c->end);
}

/* A part that holds no other parts. */
static inline void dump_leaf(struct buf *out, const char *indent, const struct canon_part *p)
{
    static const char *const kinds[] = {"text", "refusal",   "image", "sound",  "video",
                                        "file", "reasoning", "tool",  "result", "opaque"};
    buf_printf(out, "%s%s", indent, kinds[p->kind]);
    if (p->kind == PART_TEXT || p->kind == PART_REFUSAL) {
        buf_printf(out, " \"%.*s\"", STR_ARG(p->text));
    } else if (p->kind >= PART_IMAGE && p->kind <= PART_FILE) {
        dump_media(out, &p->media);
    } else if (p->kind == PART_REASONING) {
        dump_reasoning(out, &p->reasoning);
    } else if (p->kind == PART_TOOL_USE) {
        dump_text(out, "id", p->tool.id);
        dump_text(out, "name", p->tool.name);
        dump_args(out, &p->tool.args);
    } else if (p->kind == PART_TOOL_RESULT) {
        dump_text(out, "of", p->result.use->id);
        dump_tri(out, "is_error", p->result.is_error);
    } else {
        buf_printf(out, " %.*s: %.*s", STR_ARG(p->opaque.of->name), STR_ARG(p->opaque.raw));
    }
    dump_cache(out, &p->cache);
    buf_add(out, STR("\n"));
    if (p->kind != PART_TEXT)
        return;
    for (const struct canon_cited *c = p->citations; c; c = c->next) {
        buf_printf(out, "%s  cites", indent);
        dump_citation(out, &c->citation);
        buf_add(out, STR("\n"));
    }
}

static inline void dump_extras(struct buf *out, const char *indent, const struct canon_extra *x)
{
    for (; x; x = x->next)
        buf_printf(out, "%sextra %.*s=%.*s\n", indent, STR_ARG(x->name), STR_ARG(x->raw));
}

static inline void dump_message(struct buf *out, const struct canon_message *m)
{
    static const char *const roles[] = {"system", "developer", "user", "assistant", "tool"};
    buf_printf(out, "%s", roles[m->role]);
    dump_text(out, "name", m->name);
    buf_add(out, STR("\n"));
    for (const struct canon_part *p = m->parts.first; p; p = p->next) {
        dump_leaf(out, "  ", p);
        if (p->kind != PART_TOOL_RESULT)
            continue;
        for (const struct canon_part *q = p->result.parts.first; q; q = q->next)
            dump_leaf(out, "    ", q);
    }
    dump_extras(out, "  ", m->extras);
}

static inline void dump_tool(struct buf *out, const struct canon_tool *t)
{
    buf_printf(out, "%s", t->kind == CANON_TOOL_FUNCTION ? "function" : "server tool");
    dump_text(out, "name", t->name);
    dump_text(out, "description", t->description);
    dump_value(out, "schema", t->schema);
    dump_tri(out, "strict", t->strict);
    if (t->kind == CANON_TOOL_SERVER)
        dump_value(out, "raw", t->raw);
    dump_cache(out, &t->cache);
    buf_add(out, STR("\n"));
}

static inline void dump_choice_and_format(struct buf *out, const struct canon_request *r)
{
    static const char *const choices[] = {"", "auto", "none", "required", "named", "other"};
    static const char *const formats[] = {"", "text", "json", "schema", "other"};
    if (r->choice.kind) {
        buf_printf(out, "choice %s", choices[r->choice.kind]);
        dump_text(out, "name", r->choice.name);
        dump_value(out, "raw", r->choice.raw);
        buf_add(out, STR("\n"));
    }
    if (r->format.kind) {
        buf_printf(out, "format %s", formats[r->format.kind]);
        dump_text(out, "name", r->format.name);
        dump_text(out, "description", r->format.description);
        dump_value(out, "schema", r->format.schema);
        dump_tri(out, "strict", r->format.strict);
        dump_value(out, "raw", r->format.raw);
        buf_add(out, STR("\n"));
    }
}

static inline void dump_settings(struct buf *out, const struct canon_request *r)
{
    const struct canon_reason *x = &r->reason;
    dump_choice_and_format(out, r);
    buf_printf(out, "settings");
    size_t bare = out->n;
    dump_number(out, "max_tokens", r->facts.max_tokens);
    if (r->facts.is_streamed)
        buf_printf(out, " streamed");
    dump_tri(out, "parallel", r->parallel);
    dump_text(out, "effort", str_c(canon_effort_word(x->effort)));
    dump_number(out, "budget", x->max_tokens);
    dump_tri(out, "reasons", x->enabled);
    if (x->is_excluded)
        buf_printf(out, " excluded");
    dump_text(out, "summary", x->summary);
    dump_cache(out, &r->cache);
    for (int p = 0; p < PARAM_VALUE__COUNT; p++)
        dump_value(out, canon_param_name((enum canon_param)p).p, r->values[p]);
    if (out->n == bare)
        out->n -= strlen("settings");
    else
        buf_add(out, STR("\n"));
}

static inline void dump_request(struct buf *out, const struct canon_request *r)
{
    for (uint32_t i = 0; i < r->facts.models_n; i++)
        buf_printf(out, "model %.*s\n", STR_ARG(r->facts.models[i]));
    for (const struct canon_message *m = r->messages; m; m = m->next)
        dump_message(out, m);
    for (const struct canon_tool *t = r->tools; t; t = t->next)
        dump_tool(out, t);
    dump_settings(out, r);
    dump_extras(out, "", r->extras);
}

static inline void dump_usage(struct buf *out, const struct chat_usage *u)
{
    dump_number(out, "prompt", u->prompt);
    dump_number(out, "completion", u->completion);
    dump_number(out, "cached", u->cached);
    dump_number(out, "cache_write", u->cache_write);
    dump_number(out, "reasoning", u->reasoning);
    dump_number(out, "cache_write_1h", u->cache_write_1h);
    dump_number(out, "audio", u->audio);
    dump_number(out, "image", u->image);
    dump_number(out, "video", u->video);
    dump_number(out, "audio_cached", u->audio_cached);
    dump_number(out, "audio_output", u->audio_output);
    dump_number(out, "image_output", u->image_output);
}

static inline void dump_failure(struct buf *out, const struct canon_failure *x)
{
    dump_number(out, "status", (uint64_t)x->status);
    buf_printf(out, "%s", x->is_context ? " is_context" : "");
    dump_text(out, "message", x->message);
    dump_text(out, "native", x->native);
}

static inline void dump_event(struct buf *out, const struct canon_event *e)
{
    static const char *const kinds[EVENT__COUNT] = {
        "begin",   "text",     "reasoning", "tool",   "args",  "image", "sound",
        "refusal", "citation", "logprobs",  "finish", "usage", "error", "end"};
    buf_printf(out, "%s", kinds[e->kind]);
    if (canon_is_content(e))
        buf_printf(out, " %u.%u", e->choice, e->block);
    if (e->kind == EVENT_BEGIN) {
        dump_text(out, "id", e->begin.id);
        dump_text(out, "model", e->begin.model);
        dump_text(out, "service_tier", e->begin.service_tier);
        dump_text(out, "fingerprint", e->begin.fingerprint);
    } else if (e->kind == EVENT_TEXT || e->kind == EVENT_REFUSAL) {
        buf_printf(out, " \"%.*s\"", STR_ARG(e->text));
    } else if (e->kind == EVENT_REASONING) {
        dump_reasoning(out, &e->reasoning);
    } else if (e->kind == EVENT_TOOL) {
        dump_text(out, "id", e->tool.id);
        dump_text(out, "name", e->tool.name);
    } else if (e->kind == EVENT_ARGS) {
        dump_args(out, &e->args);
    } else if (e->kind == EVENT_IMAGE) {
        dump_media(out, &e->media);
    } else if (e->kind == EVENT_SOUND) {
        dump_text(out, "id", e->sound.id);
        dump_text(out, "data", e->sound.data);
        dump_text(out, "transcript", e->sound.transcript);
        dump_value(out, "expires_at", e->sound.expires_at);
        dump_text(out, "format", e->sound.format);
    } else if (e->kind == EVENT_CITATION) {
        dump_citation(out, &e->citation);
    } else if (e->kind == EVENT_LOGPROBS) {
        dump_value(out, "raw", e->raw);
    } else if (e->kind == EVENT_FINISH) {
        buf_printf(out, " %s", canon_finish_word(e->finish.reason));
        dump_text(out, "native", e->finish.native);
        dump_text(out, "sequence", e->finish.sequence);
    } else if (e->kind == EVENT_USAGE) {
        dump_usage(out, &e->bill.usage);
    } else if (e->kind == EVENT_ERROR) {
        dump_failure(out, &e->failure);
    }
    buf_add(out, STR("\n"));
}

#endif
