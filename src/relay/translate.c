/* translate.c: see translate.h. Everything about when bytes go out, deadlines and money is where it is
 * for answers that pass through: here is only what they say. */
#include "relay/translate.h"

#include "dialect/openai_form.h"
#include "relay/sign.h"

/* The canonical form takes some times as much as the text, the more so the smaller its parts are. */
enum { CANON_TIMES = 8, CANON_MAX = 64 * 1024 * 1024, BODY_MORE = 64 * 1024 };

/* --- the request ------------------------------------------------------------------------------ */

static void release(void *translation)
{
    struct translation *x = translation;
    buf_release(&x->body);
    buf_release(&x->made);
    buf_release(&x->line);
}

/* In the arena, for the canonical form of a text. */
static void allow(struct relay *r, size_t text)
{
    uint64_t more = (uint64_t)text * CANON_TIMES;
    r->arena.max += more < CANON_MAX ? more : CANON_MAX;
}

static struct translation *translation_of(struct relay *r)
{
    struct translation *x = r->translation;
    if (x)
        return x;
    allow(r, r->body.n);
    x = arena_zalloc(&r->arena, sizeof *x);
    if (!x || !arena_defer(&r->arena, release, x))
        return NULL;
    buf_init(&x->body, 2 * r->w->settings.body_max + BODY_MORE);
    buf_init(&x->made, 2 * EVENT_MAX);
    buf_init(&x->line, EVENT_MAX);
    r->translation = x;
    return x;
}

enum err relay_translation_read(struct relay *r, struct json root, struct fault *f)
{
    struct translation *x = translation_of(r);
    struct canon_room room = relay_room(r);
    if (!x)
        return canon_no_memory(f);
    enum err e = r->client->read_request(root, &room, &x->asked, f);
    x->is_read = e == ERR_OK;
    if (e != ERR_OK)
        return e;
    x->asked.facts.has_media = canon_has_media(&x->asked);
    x->asked.facts.may_speak =
        x->asked.values[PARAM_MODALITIES].p || x->asked.values[PARAM_AUDIO].p;
    return ERR_OK;
}

/* A client's own form is read only where it does not pass through. */
static enum err read_late(struct relay *r, struct fault *f)
{
    struct json root;
    if (r->translation && r->translation->is_read)
        return ERR_OK;
    enum err e = json_parse(&r->w->tape, buf_view(&r->body), &root, f);
    return e == ERR_OK ? relay_translation_read(r, root, f) : e;
}

static const struct dialect *dialect_of(const struct relay *r, const struct endpoint *e)
{
    return r->routes->upstreams[e->provider->index]->dialect;
}

bool relay_translates(const struct relay *r, const struct endpoint *e)
{
    return r->client != &dialect_openai || dialect_of(r, e) != &dialect_openai;
}

static struct dialect_quirks quirks_of(const struct relay *r, const struct endpoint *e)
{
    const struct provider *p = e->provider;
    const struct openai_rules *rules = &r->routes->fit.of[e->index];
    return (struct dialect_quirks){.name = p->kind->name,
                                   .refuses = r->routes->fit.refuses[e->index],
                                   .refuses_required = rules->drops_required,
                                   .refuses_named = rules->drops_function,
                                   .max_tokens_field = p->max_tokens_field,
                                   .rules = rules,
                                   .is_openrouter = str_eq(p->kind->name, STR("openrouter"))};
}

bool relay_may_tell(const struct relay *r, const struct endpoint *e)
{
    const struct translation *x = r->translation;
    struct dialect_quirks quirks = quirks_of(r, e);
    uint64_t takes = dialect_of(r, e)->takes & ~quirks.refuses;
    return !x || !((canon_asks(&x->asked) & ~takes) || dialect_refuses_choice(&quirks, &x->asked));
}

static struct str kept(struct relay *r, const struct buf *b)
{
    return b->failed ? STR_NONE : arena_str(&r->arena, buf_view(b));
}

/* Where the path depends on the model; else the upstream's head has it. */
static struct str path_for(struct relay *r, const struct dialect_target *t)
{
    const struct dialect *d = r->upstream->dialect;
    struct buf *b = &r->w->scratch2;
    buf_reset(b);
    if (d->write_path && d->write_path(t, b) != ERR_OK)
        return STR_NONE;
    return kept(r, b);
}

/* Behind "Content-Length: ". */
static struct str head_end_for(struct relay *r, const struct dialect_target *t, struct str path)
{
    struct str body = buf_view(&r->translation->body);
    const struct dialect *d = r->upstream->dialect;
    struct buf *b = &r->w->scratch2;
    buf_reset(b);
    buf_add_u64(b, body.n);
    buf_add(b, STR("\r\n"));
    if (d->auth == AUTH_SIGV4 &&
        relay_sign(r->plan[r->plan_at].endpoint->provider, path, body, b) != ERR_OK)
        return STR_NONE;
    if (d->write_headers && d->write_headers(&r->translation->asked, t, b) != ERR_OK)
        return STR_NONE;
    buf_add(b, STR("\r\n"));
    return kept(r, b);
}

static const struct str *views_of(struct relay *r, const struct dialect_target *t, uint32_t *n)
{
    enum { VIEWS = 5 };
    const struct upstream *u = r->upstream;
    struct str *views = arena_alloc(&r->arena, VIEWS * sizeof *views);
    struct str path = u->dialect->write_path ? path_for(r, t) : t->model;
    struct str end = head_end_for(r, t, path);
    uint32_t at = 0;
    if (!views || !path.p || !end.p)
        return NULL;
    views[at++] = buf_view(&u->head);
    if (u->tail.n) {
        views[at++] = path;
        views[at++] = buf_view(&u->tail);
    }
    views[at++] = end;
    views[at++] = buf_view(&r->translation->body);
    relay_echo_note(r, &views[at - 1], 1);
    *n = at;
    return views;
}

static bool begin_reading(struct relay *r)
{
    struct translation *x = r->translation;
    const struct dialect *d = r->upstream->dialect;
    r->in.max = 2 * TRANSLATED_MAX;
    x->whole = (struct canon_answer){0};
    x->reader = (struct canon_reader){
        .dialect = d,
        .room = relay_room(r),
        .made = r->asked.is_streamed ? &x->made : NULL,
        .state = arena_zalloc(&r->arena, d->reader_size),
    };
    relay_translation_drop(r);
    return x->reader.state != NULL;
}

enum err relay_translate_request(struct relay *r, const struct target *t, uint64_t max_tokens,
                                 const struct str **views, uint32_t *n, struct fault *f)
{
    enum err e = read_late(r, f);
    if (e != ERR_OK)
        return e;
    if (!r->upstream->dialect->write_request)
        return fault_set(f, ERR_UNPROCESSABLE, "The provider of this model has no chats");
    struct translation *x = r->translation;
    struct canon_room room = relay_room(r);
    struct dialect_target target = {.model = t->endpoint->model,
                                    .max_tokens = max_tokens,
                                    .is_streamed = r->asked.is_streamed,
                                    .quirks = &x->quirks};
    x->quirks = quirks_of(r, t->endpoint);
    buf_reset(&x->body);
    e = dialect_write_request(r->upstream->dialect, &x->asked, &target, &room, &x->body, f);
    if (e != ERR_OK)
        return e;
    *views = begin_reading(r) ? views_of(r, &target, n) : NULL;
    return *views ? ERR_OK : canon_no_memory(f);
}

/* --- what events tell ------------------------------------------------------------------------- */

static void note(struct relay *r, const struct canon_event *e)
{
    struct answered *a = &r->answered;
    tokens_add(&a->content, canon_event_text(e));
    if (e->kind == EVENT_BEGIN && !a->upstream_id[0])
        relay_keep_text(a->upstream_id, sizeof a->upstream_id, e->begin.id);
    if (e->kind == EVENT_USAGE)
        relay_note_usage(r, &e->bill.usage);
    if (e->kind == EVENT_FINISH) {
        a->finishes++;
        a->finish = canon_finish_word(e->finish.reason);
        relay_keep_text(a->finish_native, sizeof a->finish_native, e->finish.native);
    }
    a->saw_done |= e->kind == EVENT_END;
}

/* Usage and the end are told when the bill is made. */
static bool is_for_client(const struct relay *r, const struct canon_event *e)
{
    bool is_hidden = e->kind == EVENT_REASONING && r->translation->asked.reason.is_excluded;
    return canon_is_content(e) && !is_hidden;
}

static enum err fail_as_said(struct turn *t, const struct canon_event *e)
{
    failure_from_words(t->r, &t->failure, e->failure.status, &e->failure);
    t->failed = true;
    return ERR_UPSTREAM;
}

/* What reading came to, where no event has told a failure. */
static enum err read_end(struct turn *t, enum err e, const struct fault *f)
{
    if (e == ERR_OK || t->failed)
        return e;
    return relay_turn_fail(t, OUTCOME_BROKEN, 502, f->message);
}

/* --- a stream --------------------------------------------------------------------------------- */

/* "text" without its quotes. */
static struct str unquoted(struct str json)
{
    return str_of(json.p + 1, json.n - 2);
}

static enum err make_writer(struct relay *r)
{
    struct translation *x = r->translation;
    const struct openai_identity *id = &r->identity;
    x->writer = (struct canon_writer){
        .dialect = r->client,
        .room = relay_room(r),
        .out = &r->w->scratch2,
        .who = {unquoted(id->id_json), unquoted(id->model_json), unquoted(id->provider_json),
                r->began_wall_ms / 1000},
        .asked = &x->asked,
        .state = arena_zalloc(&r->arena, r->client->writer_size),
    };
    return x->writer.state ? ERR_OK : ERR_NOMEM;
}

/* What the beginning says is told with what comes next: until then another endpoint may take over, and
 * a format may repeat all of the request there. A text that there is no memory for is not told. */
static void keep_begin(struct relay *r, const struct canon_event *e)
{
    struct canon_event *to = &r->translation->begin;
    if (e->begin.service_tier.p)
        to->begin.service_tier = arena_str(&r->arena, e->begin.service_tier);
    if (e->begin.fingerprint.p)
        to->begin.fingerprint = arena_str(&r->arena, e->begin.fingerprint);
}

/* Every answer begins once, whatever its provider does. */
static enum err write(struct relay *r, const struct canon_event *e)
{
    struct translation *x = r->translation;
    if (!x->writer.state) {
        enum err failed = make_writer(r);
        x->begin.begin.echoes = r->echoes;
        if (failed == ERR_OK)
            failed = r->client->write_event(&x->writer, &x->begin);
        if (failed != ERR_OK)
            return failed;
    }
    return r->client->write_event(&x->writer, e);
}

static enum err on_streamed(void *user, const struct canon_event *e)
{
    struct turn *t = user;
    note(t->r, e);
    if (e->kind == EVENT_ERROR)
        return fail_as_said(t, e);
    if (e->kind == EVENT_BEGIN)
        keep_begin(t->r, e);
    if (!is_for_client(t->r, e))
        return ERR_OK;
    t->brought_content = true;
    if (write(t->r, e) == ERR_OK)
        return ERR_OK;
    return relay_turn_fail(t, OUTCOME_BROKEN, 502,
                           "The provider sent an event too large to pass on");
}

/* Raw line ends in JSON are white space, but what is copied of it must not end our own lines. */
static struct str on_one_line(struct relay *r, struct str data)
{
    if (LIKELY(!memchr(data.p, '\n', data.n)))
        return data;
    struct buf *line = &r->translation->line;
    buf_reset(line);
    if (buf_add(line, data) == ERR_OK)
        relay_join_lines(line->p, line->n);
    return buf_view(line);
}

enum err relay_translate_event(struct turn *t, const struct sse_event *e)
{
    struct relay *r = t->r;
    struct canon_reader *rd = &r->translation->reader;
    struct fault f = {ERR_UPSTREAM, "The provider sent an event that makes no sense"};
    rd->emit = on_streamed;
    rd->user = t;
    return read_end(t, dialect_read(rd, &r->w->tape, e->name, on_one_line(r, e->data), &f), &f);
}

enum err relay_translate_last(struct relay *r, struct buf *out)
{
    struct canon_event bill = {.kind = EVENT_USAGE, .bill = r->bill};
    struct canon_event error = {.kind = EVENT_ERROR, .failure = relay_told(r, r->failure)};
    BUG_ON(out != &r->w->scratch2);
    error.failure.bill = &r->bill;
    if (r->ending == ENDING_ERROR)
        return write(r, &error);
    enum err e = write(r, &bill);
    return e == ERR_OK ? write(r, &(struct canon_event){.kind = EVENT_END}) : e;
}

void relay_translation_drop(struct relay *r)
{
    r->translation->writer.state = NULL;
    r->translation->begin = (struct canon_event){.kind = EVENT_BEGIN};
}

/* --- a whole answer --------------------------------------------------------------------------- */

static enum err on_whole(void *user, const struct canon_event *e)
{
    struct turn *t = user;
    struct translation *x = t->r->translation;
    note(t->r, e);
    if (e->kind == EVENT_ERROR)
        return fail_as_said(t, e);
    return e->kind == EVENT_BEGIN || is_for_client(t->r, e)
               ? canon_keep(&x->whole, &x->reader.room, e)
               : ERR_OK;
}

static enum err read_whole(struct turn *t)
{
    struct relay *r = t->r;
    struct canon_reader *rd = &r->translation->reader;
    struct fault f = {ERR_UPSTREAM, "The provider's answer makes no sense"};
    struct json root;
    rd->emit = on_whole;
    rd->user = t;
    allow(r, r->in.n);
    if (json_parse(&r->w->tape, buf_view(&r->in), &root, NULL) != ERR_OK)
        return relay_turn_fail(t, OUTCOME_BROKEN, 502, "The provider's answer is not JSON");
    enum err e = read_end(t, dialect_read_whole(rd, root, &f), &f);
    if (e == ERR_OK && r->asked.is_streamed)
        return relay_turn_fail(t, OUTCOME_BROKEN, 502, "The provider did not stream its answer");
    return e;
}

/* The answer in the client's format with its bill, in place of the provider's. */
static enum err write_whole(struct relay *r)
{
    struct translation *x = r->translation;
    struct canon_event bill = {.kind = EVENT_USAGE, .bill = r->bill};
    struct buf *out = &r->w->scratch2;
    enum err e = canon_keep(&x->whole, &x->reader.room, &bill);
    if (e == ERR_OK)
        e = make_writer(r);
    buf_reset(out);
    if (e == ERR_OK)
        e = r->client->write_whole(&x->writer, &x->whole);
    buf_reset(&r->in);
    return e == ERR_OK ? buf_add(&r->in, buf_view(out)) : e;
}

void relay_translate_whole(struct relay *r)
{
    struct turn t = {.r = r};
    if (read_whole(&t) != ERR_OK) {
        relay_fail(r, &t.failure);
        return;
    }
    r->first_ns = relay_worker_ns(r->w);
    relay_note_answered(r);
    relay_charge(r, ENDING_WHOLE);
    if (write_whole(r) != ERR_OK)
        r->ending = ENDING_UNSAID;
    relay_record(r);
}
