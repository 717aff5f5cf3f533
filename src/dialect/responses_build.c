/* responses_build.c: canonical events as the items of a response. For sources, see responses.h. */
#include "dialect/responses_items.h"

/* Of all texts of an answer together: the response at its end repeats them. */
enum { TEXTS_MAX = 32 << 20 };

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
    buf_init(&i->hidden, TEXTS_MAX);
    buf_init(&i->signature, TEXTS_MAX);
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
    buf_init(&p->text, TEXTS_MAX);
    buf_init(&p->notes, TEXTS_MAX);
    buf_init(&p->odds, TEXTS_MAX);
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

static enum err add(struct canon_writer *to, struct buf *text, struct str raw)
{
    struct responses_writing *s = to->state;
    if (raw.n > TEXTS_MAX - s->texts)
        return fail(to, ERR_TOO_BIG);
    s->texts += raw.n;
    return fail(to, buf_add(text, raw));
}

/* A copy in the arena. */
static struct str keep(struct canon_writer *to, struct str s)
{
    struct str copy = s.p ? arena_str(to->room.arena, s) : STR_NONE;
    if (s.p && !copy.p)
        fail(to, ERR_NOMEM);
    return copy;
}

/* --- building --------------------------------------------------------------------------------- */

static void close_piece(struct canon_writer *to, const struct responses_item *i,
                        struct responses_piece *p)
{
    if (p->is_closed)
        return;
    p->is_closed = true;
    responses_tell_text(to, i, p);
    responses_tell_part(to, i, p, true);
}

static void close_item(struct canon_writer *to, struct responses_item *i)
{
    if (i->is_closed)
        return;
    for (struct responses_piece *p = i->pieces; p; p = p->next)
        close_piece(to, i, p);
    i->is_closed = true;
    responses_tell_item(to, i, "response.output_item.done");
}

void responses_close_items(struct canon_writer *to)
{
    const struct responses_writing *s = to->state;
    for (struct responses_item *i = s->items; i; i = i->next)
        close_item(to, i);
}

/* Calls may be told side by side, and with what else is said: they stay open to the end. */
static struct responses_item *begin_item(struct canon_writer *to, enum responses_item_kind kind)
{
    struct responses_writing *s = to->state;
    if (s->last && s->last->kind != ITEM_CALL && s->last->kind != ITEM_CUSTOM)
        close_item(to, s->last);
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
    responses_tell_part(to, i, p, false);
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
            responses_tell_item(to, at.item, "response.output_item.added");
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
    add(to, &at.piece->text, e->text);
    responses_tell_delta(to, at.item, at.piece, e->text);
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
    if (!str_eq(i->format, RESPONSES_REASONING))
        i->whose = i->format;
    responses_tell_item(to, i, "response.output_item.added");
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
static enum err add_hidden(struct canon_writer *to, const struct canon_event *e)
{
    const struct canon_reasoning *x = &e->reasoning;
    struct responses_item *i = ((struct responses_writing *)to->state)->last;
    if (!i || i->is_closed || i->hidden_of != e->block + 1)
        i = reasoning_item(to, x);
    if (!i)
        return fail(to, ERR_NOMEM);
    if (!i->format.p)
        i->format = keep(to, x->format);
    i->hidden_of = e->block + 1;
    return add(to, &i->hidden, x->data);
}

static enum err add_reasoning(struct canon_writer *to, const struct canon_event *e)
{
    const struct canon_reasoning *x = &e->reasoning;
    bool is_summary = x->kind == CANON_REASONING_SUMMARY;
    struct place at = find(to, e->block);
    if (x->kind == CANON_REASONING_OTHER)
        return ERR_OK;
    if (x->kind == CANON_REASONING_ENCRYPTED)
        return x->data.n ? add_hidden(to, e) : ERR_OK;
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
    add(to, &at.piece->text, x->text);
    add(to, &at.item->signature, x->signature);
    responses_tell_delta(to, at.item, at.piece, x->text);
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
    responses_tell_item(to, i, "response.output_item.added");
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
    add(to, &at.piece->text, raw);
    responses_tell_delta(to, at.item, at.piece, raw);
    return to->out->failed;
}

static enum err add_image(struct canon_writer *to, const struct canon_event *e)
{
    struct responses_item *i = e->media.source == CANON_DATA ? begin_item(to, ITEM_IMAGE) : NULL;
    if (!i)
        return to->out->failed;
    i->given = keep(to, e->media.id);
    responses_tell_item(to, i, "response.output_item.added");
    add(to, &i->hidden, e->media.data);
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
    struct responses_writing *s = to->state;
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
    size_t room = TEXTS_MAX - s->texts, n = notes->n - before;
    s->texts += n < room ? n : room;
    fail(to, notes->failed != ERR_OK ? notes->failed : n > room ? ERR_TOO_BIG : ERR_OK);
    if (at.piece->is_closed || to->out->failed)
        return to->out->failed;
    responses_tell_note(to, at.item, at.piece, str_skip(buf_view(notes), before));
    return to->out->failed;
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
    return add(to, &at.piece->odds, str_of(values.p + 1, values.n - 2));
}

static enum err add_finish(struct canon_writer *to, const struct canon_event *e)
{
    struct responses_writing *s = to->state;
    s->reason = e->finish.reason;
    if (s->last && !s->last->is_closed)
        s->last->is_cut = s->reason == FINISH_LENGTH || s->reason == FINISH_CONTENT_FILTER;
    responses_close_items(to);
    return to->out->failed;
}

enum err responses_build(struct canon_writer *to, const struct canon_event *e)
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
