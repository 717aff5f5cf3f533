/* wait.c: what a request waits for: the store, others' answers, helpers' threads, all workers. */
#include "api/inside.h"

#include "api/signin.h"
#include "api/trust.h"

void *api_state(struct api_request *q, size_t n)
{
    void *p = arena_zalloc(&q->arena, n);
    q->state = p;
    if (!p)
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
    return p;
}

void api_resume(struct api_request *q)
{
    handler_fn *then = q->then;
    q->is_waiting = false;
    q->then = NULL;
    if (q->stream)
        then(q);
    else
        request_free(q);
}

void api_wait(struct api_request *q, handler_fn *then)
{
    BUG_ON(q->is_waiting || !q->stream);
    q->is_waiting = true;
    q->then = then;
}

static void on_stored(struct store_call *c)
{
    struct api_request *q = c->user;
    if (c->audit)
        q->audit = (struct audit){.account_id = 0};
    api_resume(q);
}

void api_store(struct api_request *q, struct store_call *c, enum store_need need, handler_fn *then)
{
    api_wait(q, then);
    *c = (struct store_call){.need = need,
                             .loop = q->api->w->loop,
                             .done = on_stored,
                             .user = q,
                             .audit = q->audit.action.n ? &q->audit : NULL};
    store_submit(q->api->w->shared->store, c);
}

static void on_fetched(struct courier_job *j)
{
    _Static_assert(offsetof(struct api_fetch, get.job) == offsetof(struct api_fetch, post.job),
                   "whichever it is");
    api_resume(container_of(j, struct api_fetch, get.job)->q);
}

void api_fetch(struct api_request *q, struct api_fetch *fetch, handler_fn *then)
{
    fetch->q = q;
    fetch->get.job.loop = q->api->w->loop;
    fetch->get.job.done = on_fetched;
    api_wait(q, then);
    courier_submit(q->api->shared->trust->courier, &fetch->get.job);
}

void api_fetch_release(struct api_fetch *fetch)
{
    struct courier_answer *a =
        fetch->get.job.kind == COURIER_POST ? &fetch->post.answer : &fetch->get.answer;
    if (a->body.n)
        explicit_bzero(a->body.p, a->body.n); /* tokens */
    buf_release(&a->body);
}

static void on_worked(struct io_job *j)
{
    api_resume(container_of(j, struct api_request, job));
}

static void run_work(struct io_job *j)
{
    struct api_request *q = container_of(j, struct api_request, job);
    q->work(q);
}

void api_work(struct api_request *q, void (*work)(struct api_request *q), handler_fn *then)
{
    q->work = work;
    q->job = (struct io_job){.run = run_work, .done = on_worked};
    api_wait(q, then);
    if (io_work(q->api->shared->signin->pool, q->api->w->loop, &q->job))
        return;
    q->is_waiting = false;
    api_refuse(q, ERR_OVERLOADED, "Too many people are signing in: try again in a moment");
}

static void walk_end(struct io_post *p)
{
    api_resume(container_of(container_of(p, struct api_walk, post), struct api_request, walk));
}

static void walk_visit(struct io_post *p)
{
    struct api_walk *k = container_of(p, struct api_walk, post);
    struct api_request *q = container_of(k, struct api_request, walk);
    const struct api_shared *shared = q->api->shared;
    k->visit(shared->all[k->at++], k->arg);
    bool is_last = k->at == shared->n;
    k->post.run = is_last ? walk_end : walk_visit;
    io_post((is_last ? q->api : shared->all[k->at])->w->loop, &k->post);
}

void api_everywhere(struct api_request *q, void (*visit)(struct api *a, void *arg), void *arg,
                    handler_fn *then)
{
    api_wait(q, then);
    q->walk = (struct api_walk){.post = {.run = walk_visit}, .visit = visit, .arg = arg};
    io_post(q->api->shared->all[0]->w->loop, &q->walk.post);
}
