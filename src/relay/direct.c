/* direct.c: see direct.h. Everything about attempts, deadlines and money is where it is for chats: here is
 * only what such a request and its answer say. */
#include "relay/direct.h"

#include <stdio.h>

/* An item of an answer takes some times as much as what it answers, where that is small. */
enum { ITEM_TIMES = 8, ITEMS_MAX = 64 * 1024 * 1024, BODY_MORE = 64 * 1024 };

/* --- the request ------------------------------------------------------------------------------ */

static void release_body(void *body)
{
    buf_release(body);
}

enum err relay_direct_read(struct relay *r, struct json root, struct chat_request *out,
                           struct fault *f)
{
    struct canon_room room = relay_room(r);
    uint64_t more = (uint64_t)r->body.n * ITEM_TIMES;
    r->arena.max += more < ITEMS_MAX ? more : ITEMS_MAX;
    struct direct *d = arena_zalloc(&r->arena, sizeof *d);
    if (!d || !arena_defer(&r->arena, release_body, &d->body))
        return canon_no_memory(f);
    buf_init(&d->body, 2 * r->w->settings.body_max + BODY_MORE);
    r->direct = d;
    enum err e = r->task->read_request(root, &room, &d->asked, f);
    *out = d->asked.facts;
    return e;
}

/* The path where it depends on the model; else the way's head has it. */
static struct str path_for(struct relay *r, const struct target *t)
{
    struct buf *b = &r->w->scratch2;
    const struct direct_form *form = r->direct->form;
    buf_reset(b);
    if (!form->write_path)
        return t->endpoint->model;
    return form->write_path(t->endpoint->model, b) == ERR_OK ? arena_str(&r->arena, buf_view(b))
                                                             : STR_NONE;
}

static const struct str *views_of(struct relay *r, const struct target *t, uint32_t *n)
{
    enum { VIEWS = 5 };
    const struct upstream_way *way = &r->upstream->direct[r->task->kind];
    struct str *views = arena_alloc(&r->arena, VIEWS * sizeof *views);
    struct str path = path_for(r, t);
    struct str length = relay_length(r, r->direct->body.n, t->endpoint->provider->kind);
    uint32_t at = 0;
    if (!views || !path.p || !length.p)
        return NULL;
    views[at++] = buf_view(&way->head);
    if (way->tail.n) {
        views[at++] = path;
        views[at++] = buf_view(&way->tail);
    }
    views[at++] = length;
    views[at++] = buf_view(&r->direct->body);
    *n = at;
    return views;
}

static struct direct_target target_of(const struct endpoint *e)
{
    const struct kind *k = e->provider->kind;
    return (struct direct_target){.model = e->model,
                                  .drops_user = (e->drops & PARAMETER_BIT(USER)) != 0,
                                  .drops_unknown = k->refuses_unknown,
                                  .takes_additions = k->takes_input_type};
}

enum err relay_direct_request(struct relay *r, const struct chat_request *read,
                              const struct target *t, const struct str **views, uint32_t *n,
                              struct fault *f)
{
    struct direct *d = r->direct;
    struct canon_room room = relay_room(r);
    struct direct_target target = target_of(t->endpoint);
    struct json root;
    enum err e = ERR_OK;
    d->form = r->upstream->direct[r->task->kind].form;
    if (!d->form)
        return fault_set(f, ERR_UNPROCESSABLE,
                         "The provider of this model has nothing of the kind");
    if (read)
        root = read->root;
    else
        e = json_parse(&r->w->tape, buf_view(&r->body), &root, f);
    buf_reset(&d->body);
    if (e == ERR_OK)
        e = d->form->write_request(root, &target, &room, &d->body, f);
    if (e != ERR_OK)
        return e;
    if (relay_direct_translates(r))
        r->in.max = 2 * TRANSLATED_MAX;
    *views = views_of(r, t, n);
    return *views ? ERR_OK : canon_no_memory(f);
}

/* --- the answer ------------------------------------------------------------------------------- */

bool relay_direct_translates(const struct relay *r)
{
    return !r->direct->form->passes;
}

/* The provider's own bytes under our identity. */
static enum err splice_answer(struct relay *r, struct json root, struct buf *out)
{
    struct json_writer w;
    struct buf *bill = &r->w->scratch;
    struct splice s;
    buf_reset(bill);
    json_writer_init(&w, bill);
    r->task->write_usage(&w, NULL, &r->bill);
    if (jw_finish(&w) != ERR_OK)
        return ERR_NOMEM;
    splice_init(&s, buf_view(&r->in));
    splice_set(&s, root, STR("id"), r->identity.id_json);
    splice_set(&s, root, STR("model"), r->identity.model_json);
    splice_set(&s, root, STR("usage"), buf_view(bill));
    splice_drop(&s, root, STR("provider"));
    return splice_write(&s, out);
}

/* The answer as the client gets it, in place of the provider's. */
static enum err write_answer(struct relay *r, struct json root, const struct direct_answer *a)
{
    struct buf *out = &r->w->scratch2;
    struct canon_room room = relay_room(r);
    struct direct_told told = {&r->direct->asked, buf_view(&r->body), &r->identity, &r->bill};
    buf_reset(out);
    enum err e = relay_direct_translates(r) ? r->task->write_answer(a, &told, &room, out)
                                            : splice_answer(r, root, out);
    buf_reset(&r->in);
    return e == ERR_OK ? buf_add(&r->in, buf_view(out)) : e;
}

/* Who bills searches may tell no tokens, which are estimated where they are paid for. */
static void note(struct relay *r, const struct direct_answer *a)
{
    struct answered *to = &r->answered;
    bool are_free = r->plan[r->plan_at].endpoint->price.prompt == 0;
    to->usage = a->usage;
    to->has_usage = a->has_tokens || (a->usage.searches && are_free);
    to->content.bytes = r->in.n;
    relay_keep_text(to->upstream_id, sizeof to->upstream_id, a->id);
}

/* ERR_UPSTREAM and a sentence. */
static enum err read_answer(struct relay *r, struct json root, struct direct_answer *a,
                            struct fault *f)
{
    struct canon_room room = relay_room(r);
    enum err e = r->direct->form->read_answer(root, &room, a, f);
    return e == ERR_OK ? r->task->check_answer(a, &r->direct->asked, f) : e;
}

static void settle(struct relay *r, struct json root, const struct direct_answer *a)
{
    note(r, a);
    r->first_ns = relay_worker_ns(r->w);
    relay_note_answered(r);
    relay_charge(r, ENDING_WHOLE);
    if (write_answer(r, root, a) != ERR_OK)
        r->ending = ENDING_UNSAID;
    relay_record(r);
}

void relay_direct_whole(struct relay *r)
{
    struct direct_answer a = {0};
    struct json root;
    struct fault f;
    if (json_parse(&r->w->tape, buf_view(&r->in), &root, NULL) != ERR_OK)
        relay_whole_broken(r, "The provider's answer is not JSON");
    else if (!json_is_none_or_null(json_get(root, STR("error"))))
        relay_whole_failed(r);
    else if (read_answer(r, root, &a, &f) != ERR_OK)
        relay_whole_broken(r, f.message);
    else
        settle(r, root, &a);
}
