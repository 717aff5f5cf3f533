/* gemini_write_messages.c: the messages of canonical requests as Gemini's contents. For sources, see
 * gemini.h. */
#include "dialect/gemini.h"

#include <stdio.h>

enum { KEY_MAX = 32 };

/* The messages being written. */
struct writing {
    struct json_writer *w;
    const struct canon_request *r;
    struct canon_room *room;
    struct fault *f;
    enum err err;
    bool is_third; /* a model of the third generation or later */
    /* the content that is open */
    const char *role; /* NULL: none is */
    /* the message */
    const char *speaker;
    struct map signatures;          /* of this message: by whose they are */
    const struct canon_part *loose; /* where to look for the next signature of a text */
    bool has_signature, has_call;
    uint32_t images;
};

static void refuse(struct writing *g, const char *what)
{
    if (g->err == ERR_OK)
        g->err = fault_set(g->f, ERR_UNPROCESSABLE, "messages: this provider takes no %s", what);
}

/* "gemini-3-pro": 3; 0: not known. */
static unsigned generation_of(struct str model)
{
    struct str rest = str_skip(model, str_find(model, STR("gemini-")) + strlen("gemini-"));
    return rest.n && rest.p[0] >= '0' && rest.p[0] <= '9' ? (unsigned)(rest.p[0] - '0') : 0;
}

/* --- signatures ------------------------------------------------------------------------------- */

static bool is_own(const struct canon_reasoning *x)
{
    return !x->format.p || str_eq(x->format, GEMINI_REASONING);
}

/* Empty: it has none that this provider would take. */
static struct str signature_of(const struct canon_reasoning *x)
{
    if (!is_own(x))
        return STR_NONE;
    return x->kind == CANON_REASONING_ENCRYPTED ? x->data : x->signature;
}

static bool is_loose(const struct canon_part *p)
{
    return p->kind == PART_REASONING && p->reasoning.kind == CANON_REASONING_ENCRYPTED &&
           !p->reasoning.id.n && signature_of(&p->reasoning).n;
}

static void begin_message(struct writing *g, const struct canon_message *m)
{
    map_release(&g->signatures);
    map_init(&g->signatures);
    g->speaker = m->role == CANON_ASSISTANT ? "model" : "user";
    g->loose = m->parts.first;
    g->has_signature = g->has_call = false;
    g->images = 0;
    for (const struct canon_part *p = m->parts.first; p; p = p->next) {
        if (p->kind != PART_REASONING || !p->reasoning.id.n || !signature_of(&p->reasoning).n)
            continue;
        if (map_put(&g->signatures, p->reasoning.id, (void *)(uintptr_t)p) != ERR_OK)
            g->w->out->failed = ERR_NOMEM;
    }
}

static void write_signature(struct writing *g, struct str signature)
{
    if (signature.n)
        jw_raw_str(g->w, "thoughtSignature", signature);
    g->has_signature |= signature.n != 0;
}

static struct str signature_for(const struct writing *g, struct str id)
{
    const struct canon_part *p = map_get(&g->signatures, id);
    return p ? signature_of(&p->reasoning) : STR_NONE;
}

static struct str next_loose(struct writing *g)
{
    while (g->loose && !is_loose(g->loose))
        g->loose = g->loose->next;
    if (!g->loose)
        return STR_NONE;
    struct str signature = signature_of(&g->loose->reasoning);
    g->loose = g->loose->next;
    return signature;
}

/* --- parts ------------------------------------------------------------------------------------ */

/* Contents are opened by their first part, so that none is empty and neighbours are one. */
static void part_begin(struct writing *g)
{
    if (g->role != g->speaker) {
        if (g->role) {
            jw_end(g->w);
            jw_end(g->w);
        }
        jw_object(g->w, NULL);
        jw_str_c(g->w, "role", g->speaker);
        jw_array(g->w, "parts");
        g->role = g->speaker;
    }
    jw_object(g->w, NULL);
}

static void write_text(struct writing *g, struct str text, struct str signature)
{
    if (!text.n && !signature.n)
        return;
    part_begin(g);
    jw_raw_str(g->w, "text", text);
    write_signature(g, signature);
    jw_end(g->w);
}

/* Signatures of texts that the client has not given back as they were. */
static void write_loose(struct writing *g)
{
    for (struct str s; (s = next_loose(g)).n;)
        write_text(g, STR(""), s);
}

static void write_thought(struct writing *g, const struct canon_reasoning *x)
{
    struct str signature = signature_of(x);
    if (x->kind != CANON_REASONING_TEXT || !signature.n || x->id.n)
        return;
    part_begin(g);
    jw_raw_str(g->w, "text", x->text);
    jw_bool(g->w, "thought", true);
    write_signature(g, signature);
    jw_end(g->w);
}

/* By a link's ending; not there: the provider looks for itself. */
static struct str mime_of_link(struct str url)
{
    static const struct {
        struct str ending, mime;
    } rows[] = {
        {STR_INIT(".png"), STR_INIT("image/png")},
        {STR_INIT(".jpg"), STR_INIT("image/jpeg")},
        {STR_INIT(".jpeg"), STR_INIT("image/jpeg")},
        {STR_INIT(".webp"), STR_INIT("image/webp")},
        {STR_INIT(".heic"), STR_INIT("image/heic")},
        {STR_INIT(".pdf"), STR_INIT("application/pdf")},
        {STR_INIT(".txt"), STR_INIT("text/plain")},
        {STR_INIT(".mp3"), STR_INIT("audio/mp3")},
        {STR_INIT(".wav"), STR_INIT("audio/wav")},
        {STR_INIT(".mp4"), STR_INIT("video/mp4")},
        {STR_INIT(".mov"), STR_INIT("video/mov")},
        {STR_INIT(".webm"), STR_INIT("video/webm")},
    };
    url = str_head(url, str_find(url, STR("?")));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_ends(url, rows[i].ending))
            return rows[i].mime;
    }
    return STR_NONE;
}

static void write_mime(struct writing *g, const struct canon_part *p)
{
    const struct canon_media *m = &p->media;
    if (m->mime.p) {
        jw_raw_str(g->w, "mimeType", m->mime);
    } else if (m->source != CANON_DATA) {
        canon_write_text(g->w, "mimeType", mime_of_link(m->url));
    } else if (p->kind == PART_SOUND) {
        jw_raw(g->w, "mimeType", STR("\"audio/"));
        buf_add(g->w->out, m->format.n ? m->format : STR("wav"));
        buf_add(g->w->out, STR("\""));
    } else {
        jw_str_c(g->w, "mimeType",
                 p->kind == PART_IMAGE   ? "image/png"
                 : p->kind == PART_VIDEO ? "video/mp4"
                                         : "application/octet-stream");
    }
}

static void write_media(struct writing *g, const struct canon_part *p)
{
    const struct canon_media *m = &p->media;
    bool is_inline = m->source == CANON_DATA, is_id = m->source == CANON_FILE_ID;
    if (is_id && !str_starts(m->id, STR("files/")) && str_find(m->id, STR("://")) == m->id.n)
        refuse(g, p->kind == PART_SOUND ? "audio by an id" : "files by an id that is not its own");
    jw_object(g->w, is_inline ? "inlineData" : "fileData");
    write_mime(g, p);
    jw_raw_str(g->w, is_inline ? "data" : "fileUri", is_inline ? m->data : is_id ? m->id : m->url);
    jw_end(g->w);
}

static void write_media_part(struct writing *g, const struct canon_part *p)
{
    char id[KEY_MAX];
    part_begin(g);
    write_media(g, p);
    if (p->kind == PART_IMAGE) {
        snprintf(id, sizeof id, GEMINI_IMAGE_ID, g->images++);
        write_signature(g, signature_for(g, str_c(id)));
    }
    jw_end(g->w);
}

static void write_id(struct writing *g, struct str id)
{
    if (!str_starts(id, GEMINI_MADE_ID))
        jw_raw_str(g->w, "id", id);
}

/* A call that another model made has no signature, and models of the third generation refuse a step
 * whose first call has none: this is the value that the guide gives for that case. */
static struct str signature_of_call(struct writing *g, const struct canon_tool_use *use)
{
    struct str signature = signature_for(g, use->id);
    bool is_missing = !signature.n && !g->has_call && !g->has_signature && g->is_third;
    g->has_call = true;
    return is_missing ? STR("skip_thought_signature_validator") : signature;
}

static void write_call(struct writing *g, const struct canon_tool_use *use)
{
    write_loose(g);
    part_begin(g);
    jw_object(g->w, "functionCall");
    write_id(g, use->id);
    jw_raw_str(g->w, "name", use->name);
    canon_write_args_value(g->w, "args", &use->args, g->room);
    jw_end(g->w);
    write_signature(g, signature_of_call(g, use));
    jw_end(g->w);
}

static bool is_media(const struct canon_part *p)
{
    return p->kind >= PART_IMAGE && p->kind <= PART_FILE;
}

/* A response is an object: the text of a result is one member of it. */
static void write_response(struct writing *g, const struct canon_part *result)
{
    jw_object(g->w, "response");
    jw_raw(g->w, result->result.is_error == CANON_YES ? "error" : "result", STR("\""));
    for (const struct canon_part *p = result->result.parts.first; p; p = p->next) {
        if (p->kind == PART_TEXT || p->kind == PART_REFUSAL)
            buf_add(g->w->out, p->text);
    }
    buf_add(g->w->out, STR("\""));
    jw_end(g->w);
}

/* From the third generation on media are within the response, before that beside it. */
static void write_result(struct writing *g, const struct canon_part *result)
{
    bool has_media = false;
    const struct canon_part *first = result->result.parts.first;
    for (const struct canon_part *p = first; p; p = p->next)
        has_media |= is_media(p);
    part_begin(g);
    jw_object(g->w, "functionResponse");
    write_id(g, result->result.use->id);
    jw_raw_str(g->w, "name", result->result.use->name);
    write_response(g, result);
    if (has_media && g->is_third)
        jw_array(g->w, "parts");
    for (const struct canon_part *p = first; p && has_media && g->is_third; p = p->next) {
        if (!is_media(p))
            continue;
        jw_object(g->w, NULL);
        write_media(g, p);
        jw_end(g->w);
    }
    if (has_media && g->is_third)
        jw_end(g->w);
    jw_end(g->w);
    jw_end(g->w);
    for (const struct canon_part *p = first; p && !g->is_third; p = p->next) {
        if (is_media(p))
            write_media_part(g, p);
    }
}

static void write_part(struct writing *g, const struct canon_part *p)
{
    switch (p->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
        write_text(g, p->text, p->text.n ? next_loose(g) : STR_NONE);
        break;
    case PART_IMAGE:
    case PART_SOUND:
    case PART_VIDEO:
    case PART_FILE:
        write_media_part(g, p);
        break;
    case PART_REASONING:
        write_thought(g, &p->reasoning);
        break;
    case PART_TOOL_USE:
        write_call(g, &p->tool);
        break;
    case PART_TOOL_RESULT:
        write_result(g, p);
        break;
    case PART_OPAQUE: /* nobody but providers speaks this format */
        break;
    }
}

/* --- messages --------------------------------------------------------------------------------- */

/* Those at the beginning, texts alone. Returns the first message that is none. */
static const struct canon_message *write_system(struct writing *g)
{
    const struct canon_message *m = g->r->messages;
    bool is_open = false;
    for (; canon_is_system(m); m = m->next) {
        for (const struct canon_part *p = m->parts.first; p; p = p->next) {
            if (is_media(p))
                refuse(g, "media in the system prompt");
            if (p->kind != PART_TEXT || !p->text.n)
                continue;
            if (!is_open) {
                jw_object(g->w, "systemInstruction");
                jw_array(g->w, "parts");
            }
            is_open = true;
            jw_object(g->w, NULL);
            jw_raw_str(g->w, "text", p->text);
            jw_end(g->w);
        }
    }
    if (is_open) {
        jw_end(g->w);
        jw_end(g->w);
    }
    return m;
}

/* Results and what a system says later are the user's. */
static void write_messages(struct writing *g)
{
    const struct canon_message *m = write_system(g);
    jw_array(g->w, "contents");
    for (; m; m = m->next) {
        begin_message(g, m);
        for (const struct canon_part *p = m->parts.first; p; p = p->next)
            write_part(g, p);
        write_loose(g);
    }
    if (g->role) {
        jw_end(g->w);
        jw_end(g->w);
    }
    jw_end(g->w);
    map_release(&g->signatures);
}

enum err gemini_write_messages(struct json_writer *w, const struct canon_request *r,
                               struct str model, struct canon_room *room, struct fault *f)
{
    struct writing g = {.w = w, .r = r, .room = room, .f = f};
    g.is_third = generation_of(model) >= 3;
    write_messages(&g);
    return g.err;
}
