/* responses_write_answer.c: canonical answers as OpenAI's Responses. For sources, see responses.h.
 *
 * The last event of a stream repeats the whole response. So the items are built as the events come in,
 * and a whole answer is a stream whose events before the last are not written. */
#include "dialect/responses_items.h"

enum { TEXT_MAX = 64 << 20 };

/* --- items ------------------------------------------------------------------------------------ */

/* Before the arena's memory goes. */
static void release(void *arg)
{
    const struct responses_writing *s = arg;
    for (struct responses_item *i = s->items; i; i = i->next) {
        buf_release(&i->hidden);
        buf_release(&i->signature);
        for (struct responses_piece *p = i->pieces; p; p = p->next) {
            buf_release(&p->text);
            buf_release(&p->notes);
            buf_release(&p->odds);
        }
    }
}

static struct responses_item *add_item(struct canon_writer *to, enum responses_item_kind kind)
{
    struct responses_writing *s = to->state;
    struct responses_item *i = arena_zalloc(to->room.arena, sizeof *i);
    if (!s->has_release)
        s->has_release = arena_defer(to->room.arena, release, s);
    if (!i || !s->has_release)
        return NULL;
    i->kind = kind;
    i->number = s->items_n++;
    buf_init(&i->hidden, TEXT_MAX);
    buf_init(&i->signature, TEXT_MAX);
    if (s->last)
        s->last->next = i;
    else
        s->items = i;
    s->last = i;
    return i;
}

static struct responses_piece *add_piece(struct canon_writer *to, struct responses_item *i,
                                         enum responses_piece_kind kind)
{
    struct responses_piece *p = arena_zalloc(to->room.arena, sizeof *p);
    if (!p)
        return NULL;
    p->kind = kind;
    for (const struct responses_piece *q = i->pieces; q; q = q->next)
        p->index += (q->kind == PIECE_SUMMARY) == (kind == PIECE_SUMMARY);
    buf_init(&p->text, TEXT_MAX);
    buf_init(&p->notes, TEXT_MAX);
    buf_init(&p->odds, TEXT_MAX);
    if (i->last)
        i->last->next = p;
    else
        i->pieces = p;
    i->last = p;
    return p;
}

static enum err fail(struct canon_writer *to, enum err e)
{
    if (e != ERR_OK && to->out->failed == ERR_OK)
        to->out->failed = e;
    return to->out->failed;
}

/* A copy in the arena. */
static struct str keep(struct canon_writer *to, struct str s)
{
    struct str copy = s.p ? arena_str(to->room.arena, s) : STR_NONE;
    if (s.p && !copy.p)
        fail(to, ERR_NOMEM);
    return copy;
}

/* As the provider's finish says. */
static struct responses_standing ended(const struct responses_writing *s)
{
    static const struct canon_failure broken = {
        .err = ERR_UPSTREAM, .message = STR_INIT("The provider ended its answer with an error")};
    struct responses_standing at = {.status = "completed", .bill = &s->bill};
    if (s->reason == FINISH_ERROR)
        return (struct responses_standing){"failed", NULL, &s->bill, &broken};
    if (s->reason == FINISH_LENGTH)
        at.cut = "max_output_tokens";
    if (s->reason == FINISH_CONTENT_FILTER)
        at.cut = "content_filter";
    if (at.cut)
        at.status = "incomplete";
    return at;
}

/* --- a stream's events ------------------------------------------------------------------------ */

static void event_begin(struct json_writer *w, struct canon_writer *to, const char *type)
{
    struct responses_writing *s = to->state;
    buf_add(to->out, STR("event: "));
    buf_add_c(to->out, type);
    buf_add(to->out, STR("\ndata: "));
    json_writer_init(w, to->out);
    jw_object(w, NULL);
    jw_str_c(w, "type", type);
    jw_u64(w, "sequence_number", s->sequence++);
}

static enum err event_end(struct json_writer *w, struct canon_writer *to)
{
    jw_finish(w);
    return buf_add(to->out, STR("\n\n"));
}

static enum err write_response(struct canon_writer *to, const char *type,
                               struct responses_standing at)
{
    struct json_writer w;
    event_begin(&w, to, type);
    jw_object(&w, "response");
    responses_write_members(&w, to, &at);
    jw_end(&w);
    return event_end(&w, to);
}

static bool is_silent(const struct canon_writer *to)
{
    return ((const struct responses_writing *)to->state)->is_whole;
}

static void tell_item(struct canon_writer *to, const struct responses_item *i, const char *type)
{
    struct json_writer w;
    if (is_silent(to))
        return;
    event_begin(&w, to, type);
    jw_u64(&w, "output_index", i->number);
    responses_write_item(&w, "item", to, i);
    event_end(&w, to);
}

static void piece_begin(struct json_writer *w, struct canon_writer *to,
                        const struct responses_item *i, const struct responses_piece *p,
                        const char *type)
{
    event_begin(w, to, type);
    responses_write_id(w, "item_id", to, i);
    jw_u64(w, "output_index", i->number);
    if (responses_kinds[p->kind].index)
        jw_u64(w, responses_kinds[p->kind].index, p->index);
}

static void tell_part(struct canon_writer *to, const struct responses_item *i,
                      const struct responses_piece *p, bool is_done)
{
    struct json_writer w;
    const struct responses_kind *k = &responses_kinds[p->kind];
    if (is_silent(to) || !k->added)
        return;
    piece_begin(&w, to, i, p, is_done ? k->part_done : k->added);
    responses_write_part(&w, "part", p, !is_done);
    event_end(&w, to);
}

static void tell_delta(struct canon_writer *to, const struct responses_item *i,
                       const struct responses_piece *p, struct str raw)
{
    struct json_writer w;
    if (is_silent(to) || !raw.n)
        return;
    piece_begin(&w, to, i, p, responses_kinds[p->kind].delta);
    jw_raw_str(&w, "delta", raw);
    if (p->kind == PIECE_TEXT)
        jw_raw(&w, "logprobs", STR("[]")); /* the text's end has them */
    event_end(&w, to);
}

static void tell_text(struct canon_writer *to, const struct responses_item *i,
                      const struct responses_piece *p)
{
    struct json_writer w;
    if (is_silent(to))
        return;
    piece_begin(&w, to, i, p, responses_kinds[p->kind].done);
    if (p->kind == PIECE_ARGS)
        jw_raw_str(&w, "name", i->name);
    jw_raw_str(&w, responses_kinds[p->kind].key, buf_view(&p->text));
    if (p->kind == PIECE_TEXT)
        responses_write_list(&w, "logprobs", &p->odds);
    event_end(&w, to);
}

/* --- building --------------------------------------------------------------------------------- */

static void close_piece(struct canon_writer *to, const struct responses_item *i,
                        struct responses_piece *p)
{
    if (p->is_closed)
        return;
    p->is_closed = true;
    tell_text(to, i, p);
    tell_part(to, i, p, true);
}

static void close_item(struct canon_writer *to, struct responses_item *i)
{
    if (i->is_closed)
        return;
    for (struct responses_piece *p = i->pieces; p; p = p->next)
        close_piece(to, i, p);
    i->is_closed = true;
    tell_item(to, i, "response.output_item.done");
}

/* Calls may be told side by side: they stay open until something else comes. */
static void close_before(struct canon_writer *to, enum responses_item_kind next)
{
    struct responses_writing *s = to->state;
    bool is_call = next == ITEM_CALL || next == ITEM_CUSTOM;
    for (struct responses_item *i = s->items; i; i = i->next) {
        if (!is_call || (i->kind != ITEM_CALL && i->kind != ITEM_CUSTOM))
            close_item(to, i);
    }
}

static void close_all(struct canon_writer *to)
{
    close_before(to, ITEM_MESSAGE);
}

static struct responses_item *begin_item(struct canon_writer *to, enum responses_item_kind kind)
{
    close_before(to, kind);
    struct responses_item *i = add_item(to, kind);
    if (!i)
        fail(to, ERR_NOMEM);
    return i;
}

static struct responses_piece *begin_piece(struct canon_writer *to, struct responses_item *i,
                                           enum responses_piece_kind kind, uint32_t block)
{
    if (i->last)
        close_piece(to, i, i->last);
    struct responses_piece *p = add_piece(to, i, kind);
    if (!p) {
        fail(to, ERR_NOMEM);
        return NULL;
    }
    p->block = block;
    tell_part(to, i, p, false);
    return p;
}

/* The open piece of a block, and its item. */
struct place {
    struct responses_item *item;
    struct responses_piece *piece;
};

static struct place find(const struct canon_writer *to, uint32_t block)
{
    const struct responses_writing *s = to->state;
    for (struct responses_item *i = s->items; i; i = i->next) {
        for (struct responses_piece *p = i->pieces; p && !i->is_closed; p = p->next) {
            if (p->block == block && !p->is_closed)
                return (struct place){i, p};
        }
    }
    return (struct place){NULL, NULL};
}

/* The block's latest text, ended or not. */
static struct place find_text(const struct canon_writer *to, uint32_t block)
{
    const struct responses_writing *s = to->state;
    struct place found = {NULL, NULL};
    for (struct responses_item *i = s->items; i; i = i->next) {
        for (struct responses_piece *p = i->pieces; p; p = p->next) {
            if (p->block == block && p->kind == PIECE_TEXT)
                found = (struct place){i, p};
        }
    }
    return found;
}

/* Where a text of the message goes: texts that follow each other are parts of one message. */
static struct place message_place(struct canon_writer *to, const struct canon_event *e)
{
    struct responses_writing *s = to->state;
    enum responses_piece_kind kind = e->kind == EVENT_REFUSAL ? PIECE_REFUSAL : PIECE_TEXT;
    struct place at = find(to, e->block);
    if (at.piece && at.piece->kind == kind)
        return at;
    at.item = s->last;
    if (!at.item || at.item->is_closed || at.item->kind != ITEM_MESSAGE) {
        at.item = begin_item(to, ITEM_MESSAGE);
        if (at.item)
            tell_item(to, at.item, "response.output_item.added");
    }
    at.piece = at.item ? begin_piece(to, at.item, kind, e->block) : NULL;
    return at;
}

static enum err add_text(struct canon_writer *to, const struct canon_event *e)
{
    if (!e->text.n)
        return to->out->failed;
    struct place at = message_place(to, e);
    if (!at.piece)
        return fail(to, ERR_NOMEM);
    fail(to, buf_add(&at.piece->text, e->text));
    tell_delta(to, at.item, at.piece, e->text);
    return to->out->failed;
}

static struct responses_item *begin_reasoning(struct canon_writer *to,
                                              const struct canon_reasoning *x)
{
    struct responses_item *i = begin_item(to, ITEM_REASONING);
    if (!i)
        return NULL;
    i->given = keep(to, x->id);
    i->format = keep(to, x->format);
    tell_item(to, i, "response.output_item.added");
    return i;
}

/* Blocks of one id are one item, until it is signed or encrypted. */
static struct responses_item *reasoning_item(struct canon_writer *to,
                                             const struct canon_reasoning *x)
{
    struct responses_item *i = ((struct responses_writing *)to->state)->last;
    bool is_same = i && i->kind == ITEM_REASONING && !i->is_closed && i->given.n &&
                   str_eq(i->given, x->id) && !i->hidden.n && !i->signature.n;
    return is_same ? i : begin_reasoning(to, x);
}

/* Encrypted reasoning: pieces of it add up as well. */
static enum err add_hidden(struct canon_writer *to, const struct canon_reasoning *x)
{
    struct responses_item *i = reasoning_item(to, x);
    if (!i)
        return fail(to, ERR_NOMEM);
    if (!i->format.p)
        i->format = keep(to, x->format);
    fail(to, buf_add(&i->hidden, x->data));
    close_item(to, i);
    return to->out->failed;
}

static enum err add_reasoning(struct canon_writer *to, const struct canon_event *e)
{
    const struct canon_reasoning *x = &e->reasoning;
    bool is_summary = x->kind == CANON_REASONING_SUMMARY;
    struct place at = find(to, e->block);
    if (x->kind == CANON_REASONING_OTHER)
        return ERR_OK;
    if (x->kind == CANON_REASONING_ENCRYPTED)
        return x->data.n ? add_hidden(to, x) : ERR_OK;
    if (!x->text.n && !x->signature.n)
        return ERR_OK;
    if (!at.piece || at.item->kind != ITEM_REASONING) {
        at.item = reasoning_item(to, x);
        at.piece =
            at.item ? begin_piece(to, at.item, is_summary ? PIECE_SUMMARY : PIECE_THOUGHT, e->block)
                    : NULL;
    }
    if (!at.piece)
        return fail(to, ERR_NOMEM);
    if (!at.item->format.p)
        at.item->format = keep(to, x->format);
    fail(to, buf_add(&at.piece->text, x->text));
    fail(to, buf_add(&at.item->signature, x->signature));
    tell_delta(to, at.item, at.piece, x->text);
    return to->out->failed;
}

static enum err add_tool(struct canon_writer *to, const struct canon_event *e)
{
    bool is_custom = e->tool.is_custom;
    struct responses_item *i = begin_item(to, is_custom ? ITEM_CUSTOM : ITEM_CALL);
    if (!i)
        return fail(to, ERR_NOMEM);
    i->call_id = keep(to, e->tool.id);
    i->name = keep(to, e->tool.name);
    struct responses_piece *p = begin_piece(to, i, is_custom ? PIECE_INPUT : PIECE_ARGS, e->block);
    if (!p)
        return fail(to, ERR_NOMEM);
    tell_item(to, i, "response.output_item.added");
    return to->out->failed;
}

/* Arguments of a tool that is not open are left out: there is none. */
static enum err add_args(struct canon_writer *to, const struct canon_event *e)
{
    struct buf *b = to->room.scratch;
    struct place at = find(to, e->block);
    struct str raw = e->args.raw;
    if (!at.piece || (at.piece->kind != PIECE_ARGS && at.piece->kind != PIECE_INPUT))
        return to->out->failed;
    if (e->args.form == CANON_ARGS_VALUE) { /* as text: without the quotes around it */
        buf_reset(b);
        fail(to, json_add_str(b, raw));
        raw = b->n > 2 ? str_of(b->p + 1, b->n - 2) : STR("");
    }
    fail(to, buf_add(&at.piece->text, raw));
    tell_delta(to, at.item, at.piece, raw);
    return to->out->failed;
}

static enum err add_image(struct canon_writer *to, const struct canon_event *e)
{
    struct responses_item *i = e->media.source == CANON_DATA ? begin_item(to, ITEM_IMAGE) : NULL;
    if (!i)
        return to->out->failed;
    tell_item(to, i, "response.output_item.added");
    fail(to, buf_add(&i->hidden, e->media.data));
    close_item(to, i);
    return to->out->failed;
}

static void write_note(struct buf *out, const struct canon_citation *c)
{
    struct json_writer w;
    if (c->of == &dialect_responses) {
        buf_add(out, c->raw);
        return;
    }
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_str_c(&w, "type", "url_citation");
    jw_raw_str(&w, "url", c->url);
    jw_raw_str(&w, "title", c->title);
    jw_raw(&w, "start_index", c->start.p ? c->start : STR("0"));
    jw_raw(&w, "end_index", c->end.p ? c->end : STR("0"));
    canon_write_text(&w, "content", c->quote);
    jw_finish(&w);
}

/* A citation without a text has one that is empty; one that comes late stands in the response alone. */
static enum err add_note(struct canon_writer *to, const struct canon_event *e)
{
    struct json_writer w;
    struct place at = find_text(to, e->block);
    if (!at.piece)
        at = message_place(to, e);
    if (!at.piece)
        return fail(to, ERR_NOMEM);
    struct buf *notes = &at.piece->notes;
    if (notes->n)
        buf_add(notes, STR(","));
    size_t before = notes->n;
    write_note(notes, &e->citation);
    fail(to, notes->failed);
    if (is_silent(to) || at.piece->is_closed || to->out->failed)
        return to->out->failed;
    piece_begin(&w, to, at.item, at.piece, "response.output_text.annotation.added");
    jw_u64(&w, "annotation_index", at.piece->notes_n++);
    jw_raw(&w, "annotation", str_skip(buf_view(notes), before));
    return event_end(&w, to);
}

/* {"content":[...]}: the list's values. */
static enum err add_odds(struct canon_writer *to, const struct canon_event *e)
{
    struct json root;
    struct place at = find_text(to, e->block);
    if (!at.piece || json_parse(to->room.tape, e->raw, &root, NULL) != ERR_OK)
        return to->out->failed;
    struct json list = json_get(root, STR("content"));
    if (!json_is(list, JSON_ARRAY) || json_first(list).type == JSON_NONE)
        return to->out->failed;
    struct str values = json_raw(list);
    if (at.piece->odds.n)
        buf_add(&at.piece->odds, STR(","));
    return fail(to, buf_add(&at.piece->odds, str_of(values.p + 1, values.n - 2)));
}

static enum err add_finish(struct canon_writer *to, const struct canon_event *e)
{
    struct responses_writing *s = to->state;
    s->reason = e->finish.reason;
    if (s->last && !s->last->is_closed)
        s->last->is_cut = s->reason == FINISH_LENGTH || s->reason == FINISH_CONTENT_FILTER;
    close_all(to);
    return to->out->failed;
}

/* What the items are made of. */
static enum err build(struct canon_writer *to, const struct canon_event *e)
{
    struct responses_writing *s = to->state;
    switch (e->kind) {
    case EVENT_BEGIN:
        s->tier = keep(to, e->begin.service_tier);
        return to->out->failed;
    case EVENT_TEXT:
    case EVENT_REFUSAL:
        return add_text(to, e);
    case EVENT_REASONING:
        return add_reasoning(to, e);
    case EVENT_TOOL:
        return add_tool(to, e);
    case EVENT_ARGS:
        return add_args(to, e);
    case EVENT_IMAGE:
        return add_image(to, e);
    case EVENT_CITATION:
        return add_note(to, e);
    case EVENT_LOGPROBS:
        return add_odds(to, e);
    case EVENT_FINISH:
        return add_finish(to, e);
    case EVENT_USAGE:
        s->bill = e->bill;
        return ERR_OK;
    default:
        return ERR_OK;
    }
}

static enum err write_begin(struct canon_writer *to, const struct canon_event *e)
{
    struct responses_standing at = {.status = "in_progress"};
    build(to, e);
    write_response(to, "response.created", at);
    return write_response(to, "response.in_progress", at);
}

static enum err write_end(struct canon_writer *to)
{
    struct responses_standing at = ended(to->state);
    close_all(to);
    return write_response(to,
                          at.x     ? "response.failed"
                          : at.cut ? "response.incomplete"
                                   : "response.completed",
                          at);
}

/* One answer: this format has no alternatives, and no sound. */
static enum err write_event(struct canon_writer *to, const struct canon_event *e)
{
    struct responses_standing failed = {"failed", NULL, NULL, &e->failure};
    switch (e->kind) {
    case EVENT_BEGIN:
        return write_begin(to, e);
    case EVENT_ERROR:
        failed.bill = e->failure.bill;
        return write_response(to, "response.failed", failed);
    case EVENT_END:
        return write_end(to);
    default:
        return e->choice == 0 ? build(to, e) : ERR_OK;
    }
}

static enum err write_whole(struct canon_writer *to, const struct canon_answer *a)
{
    struct responses_writing *s = to->state;
    struct json_writer w;
    const struct canon_kept *error = canon_next(a->first, EVENT_ERROR, 0);
    s->is_whole = true;
    for (const struct canon_kept *k = a->first; k; k = k->next) {
        enum err e = k->event.choice == 0 ? build(to, &k->event) : ERR_OK;
        if (e != ERR_OK)
            return e;
    }
    close_all(to);
    struct responses_standing at = ended(s);
    if (error)
        at = (struct responses_standing){"failed", NULL, &s->bill, &error->event.failure};
    json_writer_init(&w, to->out);
    jw_object(&w, NULL);
    responses_write_members(&w, to, &at);
    return jw_finish(&w);
}

/* OpenRouter's envelope. */
static enum err write_error(const struct canon_failure *x, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_object(&w, "error");
    jw_i64(&w, "code", x->status);
    jw_str(&w, "message", x->message);
    jw_object(&w, "metadata");
    jw_str_c(&w, "error_type", err_type(x->err));
    if (x->provider.n)
        jw_str(&w, "provider_name", x->provider);
    if (x->provider_said.n)
        jw_str(&w, "raw", x->provider_said);
    jw_end(&w);
    jw_end(&w);
    jw_str_c(&w, "error_type", err_type(x->err));
    return jw_finish(&w);
}

const struct dialect dialect_responses = {
    .name = STR_INIT("responses"),
    .read_request = responses_read_request,
    .write_request = responses_write_request,
    .path = STR_INIT("/responses"),
    .auth = AUTH_BEARER,
    .takes = PARAM_BIT(PARAM_MAX_TOKENS) | PARAM_BIT(PARAM_TOOLS) | PARAM_BIT(PARAM_TOOL_CHOICE) |
             PARAM_BIT(PARAM_PARALLEL_TOOL_CALLS) | PARAM_BIT(PARAM_RESPONSE_FORMAT) |
             PARAM_BIT(PARAM_STRUCTURED_OUTPUTS) | PARAM_BIT(PARAM_REASONING) |
             PARAM_BIT(PARAM_TEMPERATURE) | PARAM_BIT(PARAM_TOP_P) | PARAM_BIT(PARAM_LOGPROBS) |
             PARAM_BIT(PARAM_TOP_LOGPROBS) | PARAM_BIT(PARAM_VERBOSITY) |
             PARAM_BIT(PARAM_SERVICE_TIER) | PARAM_BIT(PARAM_USER) | PARAM_BIT(PARAM_METADATA) |
             PARAM_BIT(PARAM_PROMPT_CACHE_KEY) | PARAM_BIT(PARAM_SAFETY_IDENTIFIER),
    .reader_size = sizeof(struct responses_reading),
    .read_event = responses_read_event,
    .read_whole = responses_read_whole,
    .read_error = responses_read_error,
    .writer_size = sizeof(struct responses_writing),
    .write_event = write_event,
    .write_whole = write_whole,
    .write_error = write_error,
    .keepalive = STR_INIT(": TURNPIKE PROCESSING\n\n"),
};
