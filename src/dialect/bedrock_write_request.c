/* bedrock_write_request.c: canonical requests as Bedrock's Converse. For sources, see bedrock.h. */
#include "dialect/bedrock.h"

#include "dialect/anthropic.h"
#include "dialect/claude.h"

#include <stdlib.h>

enum { BUDGET_LEAST = 1024, OUTPUT_DEFAULT = 16384, NAME_MAX_BYTES = 180 };

/* What goes beyond the common form depends on whose model it is. */
enum family { FAMILY_OTHER, FAMILY_CLAUDE, FAMILY_NOVA, FAMILY_NOVA_2, FAMILY_GPT };

/* One request being written. */
struct writing {
    struct json_writer w;
    const struct canon_request *r;
    const struct dialect_target *t;
    struct canon_room *room;
    struct fault *f;
    enum err err;
    enum family family;
    uint64_t budget; /* of Claude's reasoning; 0: none */
    struct claude claude;
    bool is_adaptive;    /* Claude thinks as much as it finds right */
    const char *role;    /* of the message that is open; NULL: none is */
    const char *speaker; /* whose blocks are written */
    unsigned documents;
};

static enum family family_of(struct str model)
{
    static const struct {
        struct str sign;
        enum family family;
    } rows[] = {
        {STR_INIT("anthropic."), FAMILY_CLAUDE},
        {STR_INIT("amazon.nova-2"), FAMILY_NOVA_2},
        {STR_INIT("amazon.nova"), FAMILY_NOVA},
        {STR_INIT("openai.gpt-oss"), FAMILY_GPT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_find(model, rows[i].sign) < model.n)
            return rows[i].family;
    }
    return FAMILY_OTHER;
}

static void refuse(struct writing *g, const char *what)
{
    if (g->err == ERR_OK)
        g->err = fault_set(g->f, ERR_UNPROCESSABLE, "messages: this provider takes no %s", what);
}

static void close_message(struct writing *g)
{
    if (!g->role)
        return;
    jw_end(&g->w);
    jw_end(&g->w);
}

/* Messages are opened by their first block, so that none is empty and neighbours are one. */
static void block_begin(struct writing *g)
{
    if (g->role != g->speaker) {
        close_message(g);
        jw_object(&g->w, NULL);
        jw_str_c(&g->w, "role", g->speaker);
        jw_array(&g->w, "content");
        g->role = g->speaker;
    }
    jw_object(&g->w, NULL);
}

/* A mark is a block of its own, after what may be cached. Models that cache nothing refuse it. */
static void write_cache(struct writing *g, const struct canon_cache *c)
{
    bool is_known = str_eq(c->ttl, STR("5m")) || str_eq(c->ttl, STR("1h"));
    if (!c->is_marked || g->role != g->speaker ||
        (g->family != FAMILY_CLAUDE && g->family != FAMILY_NOVA && g->family != FAMILY_NOVA_2))
        return;
    block_begin(g);
    jw_object(&g->w, "cachePoint");
    jw_str_c(&g->w, "type", "default");
    if (is_known)
        jw_raw_str(&g->w, "ttl", c->ttl);
    jw_end(&g->w);
    jw_end(&g->w);
}

/* --- media ------------------------------------------------------------------------------------ */

static const struct medium {
    enum canon_part_kind kind;
    struct str mime, ending, format;
} media[] = {
    {PART_IMAGE, STR_INIT("image/png"), STR_INIT(".png"), STR_INIT("png")},
    {PART_IMAGE, STR_INIT("image/jpeg"), STR_INIT(".jpeg"), STR_INIT("jpeg")},
    {PART_IMAGE, STR_INIT("image/jpg"), STR_INIT(".jpg"), STR_INIT("jpeg")},
    {PART_IMAGE, STR_INIT("image/gif"), STR_INIT(".gif"), STR_INIT("gif")},
    {PART_IMAGE, STR_INIT("image/webp"), STR_INIT(".webp"), STR_INIT("webp")},
    {PART_FILE, STR_INIT("application/pdf"), STR_INIT(".pdf"), STR_INIT("pdf")},
    {PART_FILE, STR_INIT("text/csv"), STR_INIT(".csv"), STR_INIT("csv")},
    {PART_FILE, STR_INIT("application/msword"), STR_INIT(".doc"), STR_INIT("doc")},
    {PART_FILE, STR_INIT("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
     STR_INIT(".docx"), STR_INIT("docx")},
    {PART_FILE, STR_INIT("application/vnd.ms-excel"), STR_INIT(".xls"), STR_INIT("xls")},
    {PART_FILE, STR_INIT("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
     STR_INIT(".xlsx"), STR_INIT("xlsx")},
    {PART_FILE, STR_INIT("text/html"), STR_INIT(".html"), STR_INIT("html")},
    {PART_FILE, STR_INIT("text/plain"), STR_INIT(".txt"), STR_INIT("txt")},
    {PART_FILE, STR_INIT("text/markdown"), STR_INIT(".md"), STR_INIT("md")},
    {PART_VIDEO, STR_INIT("video/mp4"), STR_INIT(".mp4"), STR_INIT("mp4")},
    {PART_VIDEO, STR_INIT("video/quicktime"), STR_INIT(".mov"), STR_INIT("mov")},
    {PART_VIDEO, STR_INIT("video/x-matroska"), STR_INIT(".mkv"), STR_INIT("mkv")},
    {PART_VIDEO, STR_INIT("video/webm"), STR_INIT(".webm"), STR_INIT("webm")},
    {PART_VIDEO, STR_INIT("video/x-flv"), STR_INIT(".flv"), STR_INIT("flv")},
    {PART_VIDEO, STR_INIT("video/mpeg"), STR_INIT(".mpeg"), STR_INIT("mpeg")},
    {PART_VIDEO, STR_INIT("video/x-ms-wmv"), STR_INIT(".wmv"), STR_INIT("wmv")},
    {PART_VIDEO, STR_INIT("video/3gpp"), STR_INIT(".3gp"), STR_INIT("three_gp")},
    {PART_SOUND, STR_INIT("audio/mpeg"), STR_INIT(".mp3"), STR_INIT("mp3")},
    {PART_SOUND, STR_INIT("audio/wav"), STR_INIT(".wav"), STR_INIT("wav")},
    {PART_SOUND, STR_INIT("audio/flac"), STR_INIT(".flac"), STR_INIT("flac")},
    {PART_SOUND, STR_INIT("audio/aac"), STR_INIT(".aac"), STR_INIT("aac")},
    {PART_SOUND, STR_INIT("audio/opus"), STR_INIT(".opus"), STR_INIT("opus")},
    {PART_SOUND, STR_INIT("audio/ogg"), STR_INIT(".ogg"), STR_INIT("ogg")},
    {PART_SOUND, STR_INIT("audio/mp4"), STR_INIT(".m4a"), STR_INIT("m4a")},
};

/* By what is said of it, else by the ending of its name; NULL: none that it takes. */
static const struct medium *medium_of(const struct canon_part *p)
{
    const struct canon_media *m = &p->media;
    for (size_t i = 0; i < COUNT_OF(media); i++) {
        const struct medium *x = &media[i];
        bool is = m->mime.p     ? str_eq(m->mime, x->mime)
                  : m->format.p ? str_eq(m->format, x->format)
                                : str_ends(m->url, x->ending) || str_ends(m->filename, x->ending);
        if (x->kind == p->kind && is)
            return x;
    }
    return p->kind == PART_IMAGE && m->source == CANON_DATA && !m->mime.p ? &media[0] : NULL;
}

/* Letters, digits, single spaces, hyphens and brackets; each name once. */
static void write_name(struct writing *g, const struct canon_media *m)
{
    char name[NAME_MAX_BYTES + 1];
    size_t n = 0;
    struct str plain = m->filename.p ? canon_plain(g->room, m->filename) : STR("document");
    for (size_t i = 0; i < plain.n && n < sizeof name - 1; i++) {
        char c = plain.p[i], letter = (char)(c | 0x20);
        bool is_plain = (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || c == '(' ||
                        c == ')' || c == '[' || c == ']';
        bool is_space = c == ' ' && n && name[n - 1] != ' ';
        if (is_plain || is_space || (c != ' ' && n && name[n - 1] != '-'))
            name[n++] = is_plain || is_space ? c : '-';
    }
    if (!n)
        name[n++] = 'd';
    jw_raw(&g->w, "name", STR("\""));
    buf_add(g->w.out, str_of(name, n));
    if (g->documents++) {
        buf_add(g->w.out, STR("-"));
        buf_add_u64(g->w.out, g->documents);
    }
    buf_add(g->w.out, STR("\""));
}

static void write_source(struct writing *g, const struct canon_media *m)
{
    jw_object(&g->w, "source");
    if (m->source == CANON_DATA) {
        jw_raw_str(&g->w, "bytes", m->data);
    } else {
        jw_object(&g->w, "s3Location");
        jw_raw_str(&g->w, "uri", m->url);
        jw_end(&g->w);
    }
    jw_end(&g->w);
}

static void write_media(struct writing *g, const struct canon_part *p)
{
    static const char *const keys[] = {[PART_IMAGE] = "image",
                                       [PART_SOUND] = "audio",
                                       [PART_VIDEO] = "video",
                                       [PART_FILE] = "document"};
    const struct canon_media *m = &p->media;
    const struct medium *x = medium_of(p);
    bool is_link = m->source == CANON_URL && !str_starts(m->url, STR("s3://"));
    if (m->source == CANON_FILE_ID || is_link) {
        refuse(g, is_link ? "media by URL but s3://" : "media by an id");
        return;
    }
    if (!x) {
        refuse(g, "media of this type");
        return;
    }
    block_begin(g);
    jw_object(&g->w, keys[p->kind]);
    jw_raw_str(&g->w, "format", x->format);
    if (p->kind == PART_FILE)
        write_name(g, m);
    write_source(g, m);
    jw_end(&g->w);
    jw_end(&g->w);
}

/* --- blocks ----------------------------------------------------------------------------------- */

/* Blank texts are refused there. */
static void write_text(struct writing *g, struct str text)
{
    if (str_trim(text).n == 0)
        return;
    block_begin(g);
    jw_raw_str(&g->w, "text", text);
    jw_end(&g->w);
}

/* What Claude signed, and what any model here encrypted. */
static bool is_signed(const struct canon_reasoning *x)
{
    return x->kind == CANON_REASONING_TEXT && x->signature.n &&
           (!x->format.p || str_eq(x->format, ANTHROPIC_REASONING));
}

static bool is_hidden(const struct canon_reasoning *x)
{
    return x->kind == CANON_REASONING_ENCRYPTED && x->data.n &&
           str_eq(x->format, BEDROCK_REASONING);
}

static bool takes_back(const struct canon_reasoning *x)
{
    return is_signed(x) || is_hidden(x);
}

/* Byte for byte, to the models that signed or encrypted it. */
static void write_thought(struct writing *g, const struct canon_reasoning *x)
{
    if (!(is_signed(x) && g->family == FAMILY_CLAUDE) && !is_hidden(x))
        return;
    block_begin(g);
    jw_object(&g->w, "reasoningContent");
    if (is_signed(x)) {
        jw_object(&g->w, "reasoningText");
        jw_raw_str(&g->w, "text", x->text);
        jw_raw_str(&g->w, "signature", x->signature);
        jw_end(&g->w);
    } else {
        jw_raw_str(&g->w, "redactedContent", x->data);
    }
    jw_end(&g->w);
    jw_end(&g->w);
}

static void write_use(struct writing *g, const struct canon_tool_use *use)
{
    block_begin(g);
    jw_object(&g->w, "toolUse");
    claude_write_id(&g->w, "toolUseId", use->id);
    jw_raw_str(&g->w, "name", use->name);
    canon_write_args_value(&g->w, "input", &use->args, g->room);
    jw_end(&g->w);
    jw_end(&g->w);
}

static void write_result(struct writing *g, const struct canon_part *result)
{
    block_begin(g);
    jw_object(&g->w, "toolResult");
    claude_write_id(&g->w, "toolUseId", result->result.use->id);
    jw_array(&g->w, "content");
    for (const struct canon_part *p = result->result.parts.first; p; p = p->next) {
        if (p->kind == PART_TEXT || p->kind == PART_REFUSAL)
            write_text(g, p->text);
        else if (p->kind == PART_SOUND)
            refuse(g, "audio in the result of a tool");
        else if (p->kind >= PART_IMAGE && p->kind <= PART_FILE)
            write_media(g, p);
    }
    jw_end(&g->w);
    if (result->result.is_error)
        jw_str_c(&g->w, "status", result->result.is_error == CANON_YES ? "error" : "success");
    jw_end(&g->w);
    jw_end(&g->w);
}

static void write_part(struct writing *g, const struct canon_part *p)
{
    switch (p->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
        write_text(g, p->text);
        break;
    case PART_IMAGE:
    case PART_SOUND:
    case PART_VIDEO:
    case PART_FILE:
        write_media(g, p);
        break;
    case PART_REASONING:
        write_thought(g, &p->reasoning);
        break;
    case PART_TOOL_USE:
        write_use(g, &p->tool);
        break;
    case PART_TOOL_RESULT:
        write_result(g, p);
        break;
    case PART_OPAQUE: /* nobody but providers speaks this format */
        break;
    }
    write_cache(g, &p->cache);
}

/* --- messages --------------------------------------------------------------------------------- */

/* Those at the beginning, texts alone. Returns the first message that is none. */
static const struct canon_message *write_system(struct writing *g)
{
    const struct canon_message *m = g->r->messages;
    if (!canon_is_system(m))
        return m;
    jw_array(&g->w, "system");
    g->role = g->speaker = "system"; /* whose blocks stand alone */
    for (; canon_is_system(m); m = m->next) {
        for (const struct canon_part *p = m->parts.first; p; p = p->next) {
            if (p->kind >= PART_IMAGE && p->kind <= PART_FILE)
                refuse(g, "media in the system prompt");
            if (p->kind == PART_TEXT)
                write_part(g, p);
        }
    }
    jw_end(&g->w);
    g->role = NULL;
    return m;
}

/* Two roles take turns: neighbours are one message, results and what a system says later are the
 * user's. */
static void write_messages(struct writing *g)
{
    const struct canon_message *m = write_system(g);
    jw_array(&g->w, "messages");
    for (; m; m = m->next) {
        g->speaker = m->role == CANON_ASSISTANT ? "assistant" : "user";
        for (const struct canon_part *p = m->parts.first; p; p = p->next)
            write_part(g, p);
        if (!m->next)
            write_cache(g, &g->r->cache);
    }
    close_message(g);
    jw_end(&g->w);
    g->role = g->speaker; /* what else has blocks is no message */
}

/* --- tools ------------------------------------------------------------------------------------ */

static void write_tool(struct writing *g, const struct canon_tool *t)
{
    jw_object(&g->w, NULL);
    jw_object(&g->w, "toolSpec");
    jw_raw_str(&g->w, "name", t->name);
    if (t->description.n)
        jw_raw_str(&g->w, "description", t->description);
    jw_object(&g->w, "inputSchema");
    jw_raw(&g->w, "json", t->schema.p ? t->schema : STR("{\"type\":\"object\"}"));
    jw_end(&g->w);
    if (t->strict == CANON_YES)
        jw_bool(&g->w, "strict", true);
    jw_end(&g->w);
    jw_end(&g->w);
    write_cache(g, &t->cache);
}

static void write_choice(struct writing *g)
{
    const struct canon_choice *c = &g->r->choice;
    if (c->kind != CANON_CHOICE_AUTO && c->kind != CANON_CHOICE_REQUIRED &&
        c->kind != CANON_CHOICE_NAMED)
        return;
    jw_object(&g->w, "toolChoice");
    jw_object(&g->w, c->kind == CANON_CHOICE_AUTO       ? "auto"
                     : c->kind == CANON_CHOICE_REQUIRED ? "any"
                                                        : "tool");
    if (c->kind == CANON_CHOICE_NAMED)
        jw_raw_str(&g->w, "name", c->name);
    jw_end(&g->w);
    jw_end(&g->w);
}

/* There is no way to forbid calls but to name no tools, and where calls were made they must be named. */
static void write_tools(struct writing *g)
{
    bool is_forbidden = g->r->choice.kind == CANON_CHOICE_NONE;
    if (!canon_has_functions(g->r) || (is_forbidden && !g->r->uses))
        return;
    if (is_forbidden && g->err == ERR_OK)
        g->err = fault_set(g->f, ERR_UNPROCESSABLE,
                           "tool_choice: this provider cannot be told to call no tool after calls");
    jw_object(&g->w, "toolConfig");
    jw_array(&g->w, "tools");
    for (const struct canon_tool *t = g->r->tools; t; t = t->next) {
        if (t->kind == CANON_TOOL_FUNCTION)
            write_tool(g, t);
    }
    jw_end(&g->w);
    write_choice(g);
    jw_end(&g->w);
}

/* --- what else is asked ----------------------------------------------------------------------- */

/* Claude's budget has a least and must stay below the output bound, and a forced call goes without reasoning. */
static uint64_t budget_of(const struct writing *g)
{
    const struct canon_request *r = g->r;
    uint64_t bound = g->t->max_tokens ? g->t->max_tokens : OUTPUT_DEFAULT;
    uint64_t budget = canon_budget(&r->reason, bound);
    bool is_forced = r->tools && (r->choice.kind == CANON_CHOICE_REQUIRED ||
                                  r->choice.kind == CANON_CHOICE_NAMED);
    if (g->family != FAMILY_CLAUDE || g->claude.is_adaptive || is_forced || !budget ||
        bound <= BUDGET_LEAST || anthropic_lacks_thought(r, takes_back))
        return 0;
    if (budget < BUDGET_LEAST)
        budget = BUDGET_LEAST;
    return budget < bound ? budget : bound - 1;
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

/* An object that is not there where nothing is in it. */
struct optional {
    struct json_writer before;
    size_t at, bare;
};

static struct optional optional_begin(struct writing *g, const char *key)
{
    struct optional o = {.before = g->w, .at = g->w.out->n};
    jw_object(&g->w, key);
    o.bare = g->w.out->n;
    return o;
}

static void optional_end(struct writing *g, const struct optional *o)
{
    if (g->w.out->n > o->bare) {
        jw_end(&g->w);
        return;
    }
    g->w = o->before;
    g->w.out->n = o->at;
}

static void write_inference(struct writing *g)
{
    const struct str *values = g->r->values;
    struct optional o = optional_begin(g, "inferenceConfig");
    if (g->t->max_tokens)
        jw_u64(&g->w, "maxTokens", g->t->max_tokens);
    bool may_sample = !g->budget && !g->claude.is_adaptive;
    if (values[PARAM_TEMPERATURE].p && may_sample)
        jw_raw(&g->w, "temperature", temperature(g->room, values[PARAM_TEMPERATURE]));
    if (may_sample && !(values[PARAM_TEMPERATURE].p && g->claude.has_one_sampler))
        canon_write_value(&g->w, "topP", values[PARAM_TOP_P]);
    canon_write_value(&g->w, "stopSequences", values[PARAM_STOP]);
    optional_end(g, &o);
}

/* What a high effort would forbid to Nova (an output bound among it) is worth more than the effort. */
static void write_effort(struct writing *g)
{
    enum canon_effort effort = canon_effort_of(&g->r->reason, g->t->max_tokens);
    const char *word = effort >= EFFORT_HIGH ? "high" : effort == EFFORT_MEDIUM ? "medium" : "low";
    if (effort == EFFORT_UNSAID || effort == EFFORT_NONE)
        return;
    if (g->family == FAMILY_GPT)
        jw_str_c(&g->w, "reasoning_effort", word);
    if (g->family != FAMILY_NOVA_2)
        return;
    jw_object(&g->w, "reasoningConfig");
    jw_str_c(&g->w, "type", "enabled");
    jw_str_c(&g->w, "maxReasoningEffort", effort >= EFFORT_MEDIUM ? "medium" : "low");
    jw_end(&g->w);
}

static void write_additional(struct writing *g)
{
    struct str top_k = g->r->values[PARAM_TOP_K];
    struct optional o = optional_begin(g, "additionalModelRequestFields");
    if (g->budget) {
        jw_object(&g->w, "thinking");
        jw_str_c(&g->w, "type", "enabled");
        jw_u64(&g->w, "budget_tokens", g->budget);
        jw_end(&g->w);
    }
    if (g->is_adaptive) {
        claude_write_adaptive(&g->w, !g->r->reason.is_excluded);
        jw_object(&g->w, "output_config");
        jw_str_c(&g->w, "effort", claude_effort(g->r, g->t->max_tokens));
        jw_end(&g->w);
    }
    write_effort(g);
    if (g->family == FAMILY_CLAUDE && !g->budget && !g->claude.is_adaptive)
        canon_write_value(&g->w, "top_k", top_k);
    if ((g->family == FAMILY_NOVA || g->family == FAMILY_NOVA_2) && top_k.p) {
        jw_object(&g->w, "inferenceConfig");
        canon_write_value(&g->w, "topK", top_k);
        jw_end(&g->w);
    }
    optional_end(g, &o);
}

/* The schema is a string that holds JSON. */
static void write_format(struct writing *g)
{
    const struct canon_format *x = &g->r->format;
    if (x->kind != CANON_FORMAT_SCHEMA || !x->schema.p)
        return;
    jw_object(&g->w, "outputConfig");
    jw_object(&g->w, "textFormat");
    jw_str_c(&g->w, "type", "json_schema");
    jw_object(&g->w, "structure");
    jw_object(&g->w, "jsonSchema");
    jw_str(&g->w, "schema", x->schema);
    canon_write_text(&g->w, "name", x->name);
    canon_write_text(&g->w, "description", x->description);
    jw_end(&g->w);
    jw_end(&g->w);
    jw_end(&g->w);
    jw_end(&g->w);
}

static void write_tier(struct writing *g)
{
    static const struct str tiers[] = {STR_INIT("\"default\""), STR_INIT("\"flex\""),
                                       STR_INIT("\"priority\"")};
    for (size_t i = 0; i < COUNT_OF(tiers); i++) {
        if (!str_eq(g->r->values[PARAM_SERVICE_TIER], tiers[i]))
            continue;
        jw_object(&g->w, "serviceTier");
        jw_raw(&g->w, "type", tiers[i]);
        jw_end(&g->w);
    }
}

static enum err write_request(const struct canon_request *r, const struct dialect_target *t,
                              struct canon_room *room, struct buf *out, struct fault *f)
{
    struct writing g = {.r = r, .t = t, .room = room, .f = f};
    g.family = family_of(t->model);
    if (g.family == FAMILY_CLAUDE)
        g.claude = claude_of(t->model);
    g.budget = budget_of(&g);
    g.is_adaptive = claude_thinks(&g.claude, r);
    json_writer_init(&g.w, out);
    jw_object(&g.w, NULL);
    write_messages(&g);
    write_tools(&g);
    write_inference(&g);
    write_additional(&g);
    write_format(&g);
    write_tier(&g);
    enum err e = jw_finish(&g.w);
    if (e != ERR_OK)
        return fault_set(f, e, "No memory for this request: try again later");
    return g.err;
}

static enum err write_path(const struct dialect_target *t, struct buf *out)
{
    buf_add(out, STR("/model/"));
    canon_add_segment(out, t->model);
    return buf_add(out, t->is_streamed ? STR("/converse-stream") : STR("/converse"));
}

const struct dialect dialect_bedrock = {
    .name = STR_INIT("bedrock"),
    .write_request = write_request,
    .write_path = write_path,
    .auth = AUTH_SIGV4,
    .takes = PARAM_BIT(PARAM_MAX_TOKENS) | PARAM_BIT(PARAM_TOOLS) | PARAM_BIT(PARAM_TOOL_CHOICE) |
             PARAM_BIT(PARAM_STRUCTURED_OUTPUTS) | PARAM_BIT(PARAM_REASONING) |
             PARAM_BIT(PARAM_TEMPERATURE) | PARAM_BIT(PARAM_TOP_P) | PARAM_BIT(PARAM_TOP_K) |
             PARAM_BIT(PARAM_STOP) | PARAM_BIT(PARAM_SERVICE_TIER),
    .function_name_max = 64,
    .reader_size = sizeof(struct bedrock_reading),
    .answer_shape = bedrock_answer_shape,
    .read_event = bedrock_read_event,
    .read_whole = bedrock_read_whole,
    .read_error = bedrock_read_error,
    .framing = FRAMING_AWS,
};
