/* attempt.c: one request to one endpoint, and what follows when it fails. */
#include "relay/direct.h"
#include "relay/translate.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

/* --- what a failure means ------------------------------------------------------------------------
 */

void failure_init(struct failure *x, enum outcome o, int status, const char *fmt, ...)
{
    va_list ap;
    *x = (struct failure){.outcome = o, .status = status, .retry_after_s = -1};
    x->fault.err = status == 504 ? ERR_TIMEOUT : status == 503 ? ERR_OVERLOADED : ERR_UPSTREAM;
    va_start(ap, fmt);
    vsnprintf(x->fault.message, sizeof x->fault.message, fmt, ap);
    va_end(ap);
}

/* A provider's status: what the client gets, and whether another endpoint may do better. 401, 402,
 * 403 and 404 are between the operator and the provider: the client's own request is not at fault.
 */
static const struct meaning {
    int low, high; /* statuses */
    enum outcome outcome;
    enum err err;
    int status; /* for the client; 0: the provider's own */
    bool may_retry_same, is_request_at_fault;
    const char *sentence;
} meanings[] = {
    {401, 401, OUTCOME_AUTH, ERR_UPSTREAM, 502, false, false,
     "The provider did not accept the gateway's credential"},
    {402, 402, OUTCOME_AUTH, ERR_UPSTREAM, 502, false, false,
     "The provider wants to be paid by the operator"},
    {403, 403, OUTCOME_AUTH, ERR_UPSTREAM, 502, false, false,
     "The provider does not allow this to the gateway"},
    {404, 404, OUTCOME_REFUSED, ERR_UPSTREAM, 502, false, false,
     "The provider does not know this model"},
    {408, 408, OUTCOME_TIMEOUT, ERR_TIMEOUT, 504, true, false, "The provider timed out"},
    {413, 413, OUTCOME_REFUSED, ERR_TOO_BIG, 0, false, true,
     "The request is too large for the provider"},
    {422, 422, OUTCOME_REFUSED, ERR_UNPROCESSABLE, 0, false, true,
     "The provider cannot process this request"},
    {424, 424, OUTCOME_FAILED, ERR_UPSTREAM, 502, true, false, "The provider's model failed"},
    {429, 429, OUTCOME_RATE, ERR_RATE, 429, false, false, "The provider is rate limited"},
    {400, 499, OUTCOME_REFUSED, ERR_INVALID, 400, false, true, "The provider refused this request"},
    {503, 503, OUTCOME_OVERLOADED, ERR_OVERLOADED, 503, false, false, "The provider is overloaded"},
    {504, 504, OUTCOME_TIMEOUT, ERR_TIMEOUT, 504, true, false, "The provider timed out"},
    {529, 529, OUTCOME_OVERLOADED, ERR_OVERLOADED, 503, false, false, "The provider is overloaded"},
    {0, 999, OUTCOME_FAILED, ERR_UPSTREAM, 502, true, false, "The provider failed"},
};

static const struct meaning *meaning_of(int status)
{
    const struct meaning *m = meanings;
    while (status < m->low || status > m->high)
        m++;
    return m;
}

static void set_meaning(struct failure *x, int status)
{
    const struct meaning *m = meaning_of(status);
    *x = (struct failure){.outcome = m->outcome,
                          .status = m->status ? m->status : status,
                          .retry_after_s = -1,
                          .may_retry_same = m->may_retry_same,
                          .is_request_at_fault = m->is_request_at_fault};
    fault_write(&x->fault, m->err, "%s (status %d)", m->sentence, status);
}

static bool tells(struct str message, struct secret s)
{
    struct str key = secret_reveal(s);
    return key.n && str_find(message, key) < message.n;
}

/* Some providers repeat the credential they were sent. */
static bool tells_credential(const struct relay *r, struct str message)
{
    const struct provider *p = r->plan[r->plan_at].endpoint->provider;
    return tells(message, p->api_key) || tells(message, p->aws.secret) ||
           tells(message, p->aws.session);
}

/* The provider's words are shown to the client, but not what it says of the operator's credential. */
void failure_from_words(struct relay *r, struct failure *x, int status,
                        const struct canon_failure *said)
{
    enum { SAID_MAX = 1000 };
    set_meaning(x, status);
    x->retry_after_s = r->retry_after_s;
    const struct kind *kind = r->plan[r->plan_at].endpoint->provider->kind;
    bool is_context = said->is_context || kind_says_context(kind, said->message);
    if (is_context && x->is_request_at_fault)
        x->fault.err = ERR_CONTEXT;
    if (x->outcome != OUTCOME_AUTH && said->message.n && !tells_credential(r, said->message))
        x->provider_said = arena_str(&r->arena, str_head(said->message, SAID_MAX));
}

/* error_body: what came with the status. */
void failure_from_status(struct relay *r, struct failure *x, int status, struct str error_body)
{
    struct json root;
    struct canon_failure said = {0};
    struct canon_room room = relay_room(r);
    if (json_parse(&r->w->tape, error_body, &root, NULL) == ERR_OK)
        r->upstream->dialect->read_error(root, &room, &said);
    failure_from_words(r, x, status == 200 ? said.status : status, &said);
}

/* --- telling the client --------------------------------------------------------------------------
 */

void relay_tell_previous(const struct relay *r, struct canon_failure *told)
{
    told->previous = r->previous;
    told->previous_n = r->previous_n;
}

struct canon_failure relay_told(const struct relay *r, const struct failure *x)
{
    struct canon_failure told = {
        .err = x ? x->fault.err : ERR_UPSTREAM,
        .status = x ? x->status : err_status(ERR_UPSTREAM),
        .message = x ? str_c(x->fault.message) : STR("The provider's answer broke off"),
        .provider = r->plan[r->plan_at].endpoint->provider->title,
    };
    if (x)
        told.provider_said = x->provider_said;
    relay_tell_previous(r, &told);
    if (r->is_committed)
        told.generation_id = str_c(r->id_text);
    return told;
}

static void tell(struct relay *r, const struct failure *x)
{
    char lines[160];
    int n = 0;
    struct canon_failure told = relay_told(r, x);
    if (r->is_committed) {
        relay_settle(r, ENDING_ERROR);
        return;
    }
    hold_cancel(&r->hold);
    if (x->retry_after_s >= 0)
        n = snprintf(lines, sizeof lines, "Retry-After: %d\r\n", x->retry_after_s);
    if (r->stream)
        relay_respond_failure(r, &told, str_of(lines, (size_t)n));
    relay_die(r);
}

/* --- moving on -----------------------------------------------------------------------------------
 */

void relay_drop_attempt(struct relay *r)
{
    http_call_cancel(&r->call);
    relay_release_framing(r);
    buf_release(&r->in);
    upstream_unref(r->upstream);
    r->upstream = NULL;
    r->answered = (struct answered){0};
    if (r->translation)
        relay_translation_drop(r);
    r->is_events = r->is_paused = r->was_sent = r->is_echoed = false;
    r->deadline_ms = 0;
    r->status = 0;
    if (!r->is_committed && !r->is_half_closed)
        r->comment_ms = 0;
}

/* Steps plan_at to what is to be tried next; false: nothing is left. An endpoint of the same model,
 * then once more the same endpoint where that may help, then the next model. */
static bool step(struct relay *r, const struct failure *x)
{
    const struct model *now = r->plan[r->plan_at].model;
    uint32_t next = r->plan_at + 1;
    if (r->is_out_of_time)
        return false;
    if (x->is_request_at_fault)
        while (next < r->plan_n && r->plan[next].model == now)
            next++;
    bool has_sibling = next < r->plan_n && r->plan[next].model == now;
    if (!has_sibling && x->may_retry_same && !r->is_retry) {
        r->is_retry = true;
        return true;
    }
    if (next >= r->plan_n)
        return false;
    r->is_retry = false;
    r->plan_at = next;
    return true;
}

static void tell_operator(struct str provider)
{
    struct log_line l;
    log_begin(&l, LOG_ERROR, "the provider refuses the credential configured for it");
    log_str(&l, "provider", provider);
    log_end(&l);
}

static void note_health(struct relay *r, const struct endpoint *e, bool has_answered)
{
    health_note(&r->routes->healths[e->index], relay_worker_wall_ms(r->w) / 60000, has_answered);
}

void relay_note_answered(struct relay *r)
{
    const struct endpoint *e = r->plan[r->plan_at].endpoint;
    metrics_attempt(&r->w->metrics, e->provider->name, OUTCOME_OK);
    note_health(r, e, true);
}

static void keep_failure(struct relay *r, const struct failure *x)
{
    if (!r->failure)
        r->failure = arena_alloc(&r->arena, sizeof *r->failure);
    if (r->failure)
        *r->failure = *x;
}

/* An endpoint that is asked for what nobody serves, or for too much at a time, is well. */
static void note(struct relay *r, const struct failure *x)
{
    const struct endpoint *e = r->plan[r->plan_at].endpoint;
    metrics_attempt(&r->w->metrics, e->provider->name, x->outcome);
    if (!x->is_request_at_fault && x->outcome != OUTCOME_RATE)
        note_health(r, e, false);
    if (!x->is_request_at_fault)
        speed_note_failure(&r->routes->speeds[e->index]);
    if (x->outcome == OUTCOME_AUTH)
        tell_operator(e->provider->name);
    keep_failure(r, x);
}

/* What is told of it if all that follows fails too; without memory, nothing. */
static void keep_previous(struct relay *r, const struct canon_failure *told)
{
    enum { PREVIOUS_MAX = 16 };
    struct canon_failure kept = *told;
    if (!r->previous)
        r->previous = arena_alloc(&r->arena, PREVIOUS_MAX * sizeof *r->previous);
    kept.message = arena_str(&r->arena, told->message);
    if (r->previous && kept.message.p && r->previous_n < PREVIOUS_MAX)
        r->previous[r->previous_n++] = kept;
}

void relay_fail(struct relay *r, const struct failure *x)
{
    struct failure copy = *x;
    note(r, &copy);
    if (r->state == RELAY_ANSWERING) {
        http_call_cancel(&r->call);
        relay_settle(r, r->is_events ? ENDING_ERROR : ENDING_CUT);
        return;
    }
    relay_drop_attempt(r);
    struct canon_failure told = relay_told(r, &copy);
    if (step(r, &copy)) {
        keep_previous(r, &told);
        relay_try(r, NULL);
    } else {
        tell(r, &copy);
    }
}

/* --- the request to the provider -----------------------------------------------------------------
 */

/* The client's body once more: its tape is long gone. */
static bool read_again(struct relay *r, struct chat_request *req)
{
    struct json root;
    buf_reset(&r->w->scratch);
    return json_parse(&r->w->tape, buf_view(&r->body), &root, NULL) == ERR_OK &&
           chat_read(root, &r->w->scratch, req, NULL) == ERR_OK;
}

/* A JSON string in the arena. */
static struct str quoted(struct relay *r, struct str s)
{
    struct buf *b = &r->w->scratch2;
    buf_reset(b);
    json_add_str(b, s);
    return arena_str(&r->arena, buf_view(b));
}

static bool set_identity(struct relay *r, const struct target *t)
{
    r->identity = (struct openai_identity){
        .id_json = quoted(r, str_c(r->id_text)),
        .model_json = quoted(r, t->model->id),
        .provider_json = quoted(r, t->endpoint->provider->title),
        .hides_thoughts = r->asked.hides_thoughts,
    };
    return r->identity.id_json.p && r->identity.model_json.p && r->identity.provider_json.p;
}

static struct str digits(struct relay *r, uint64_t n, struct str after)
{
    struct buf *b = &r->w->scratch2;
    buf_reset(b);
    buf_add_u64(b, n);
    buf_add(b, after);
    return arena_str(&r->arena, buf_view(b));
}

/* What follows the length: who the client says it is, for providers that want to know. */
static struct str end_of_head(struct relay *r, const struct kind *k)
{
    struct buf *b = &r->w->scratch2;
    struct str nothing = STR("\r\n\r\n");
    if (!k->passes_attribution || !(r->referer.n || r->title.n))
        return nothing;
    buf_reset(b);
    buf_add(b, STR("\r\n"));
    if (r->referer.n)
        buf_printf(b, "HTTP-Referer: %.*s\r\n", STR_ARG(r->referer));
    if (r->title.n)
        buf_printf(b, "X-Title: %.*s\r\n", STR_ARG(r->title));
    buf_add(b, STR("\r\n"));
    struct str lines = arena_str(&r->arena, buf_view(b));
    return lines.p ? lines : nothing;
}

struct str relay_length(struct relay *r, uint64_t n, const struct kind *k)
{
    return digits(r, n, end_of_head(r, k));
}

/* False: no memory for messages that are not as this provider takes them. */
static bool edit_messages(struct relay *r, const struct chat_request *req,
                          const struct openai_rules *rules, struct splice *s)
{
    if (!openai_must_edit_messages(req, rules))
        return true;
    size_t most = 2 * r->body.n;
    r->arena.max += most;
    char *room = arena_alloc(&r->arena, most);
    struct buf b = {.p = room, .cap = most, .max = most};
    if (room)
        openai_edit_messages(req, rules, s, &b);
    return room;
}

/* The client's own bytes with the changed members spliced, as views for one writev. They lie in the
 * arena and the body until the provider has answered. NULL: the fault. */
static const struct str *compose(struct relay *r, const struct chat_request *req,
                                 const struct target *t, uint64_t max_tokens, uint32_t *n,
                                 struct fault *f)
{
    enum { HEAD_VIEWS = 4 };
    struct splice s;
    struct openai_target asked = {
        .model_json = quoted(r, t->endpoint->model),
        .max_tokens_json = digits(r, max_tokens, STR_NONE),
        .max_tokens_field = t->endpoint->provider->max_tokens_field,
        .rules = &r->routes->fit.of[t->endpoint->index],
    };
    splice_init(&s, buf_view(&r->body));
    openai_edit_request(req, &asked, &s);
    bool is_edited = edit_messages(r, req, asked.rules, &s);
    size_t room = HEAD_VIEWS + 4 * (size_t)s.n + 1;
    struct str *views = arena_alloc(&r->arena, room * sizeof *views);
    struct str length = relay_length(r, splice_size(&s), t->endpoint->provider->kind);
    if (!views || !is_edited || !asked.model_json.p || !asked.max_tokens_json.p || !length.p ||
        s.failed != ERR_OK) {
        if (s.failed == ERR_TOO_BIG)
            fault_write(f, ERR_INVALID, "the body: it has too many members that are not known");
        else
            fault_write(f, ERR_NOMEM, "No memory for this request: try again later");
        return NULL;
    }
    uint32_t at = 0;
    views[at++] = buf_view(&r->upstream->head);
    if (r->upstream->tail.n) {
        views[at++] = t->endpoint->model;
        views[at++] = buf_view(&r->upstream->tail);
    }
    views[at++] = length;
    uint32_t body_n = (uint32_t)splice_views(&s, views + at, room - at);
    relay_echo_note(r, views + at, body_n);
    *n = at + body_n;
    return views;
}

static void refuse(struct relay *r, const struct fault *f)
{
    struct failure x;
    if (!r->is_committed) {
        relay_refuse(r, f);
        return;
    }
    failure_init(&x, OUTCOME_FAILED, err_status(f->err), "%s", f->message);
    x.fault.err = f->err;
    keep_failure(r, &x);
    relay_settle(r, ENDING_ERROR);
}

/* The request for the endpoint at hand: the client's bytes, or what they are in its format. */
static enum err make_request(struct relay *r, const struct chat_request *read, uint64_t max_tokens,
                             const struct str **views, uint32_t *n, struct fault *f)
{
    struct chat_request again;
    const struct target *t = &r->plan[r->plan_at];
    if (!set_identity(r, t))
        return canon_no_memory(f);
    if (r->direct)
        return relay_direct_request(r, read, t, views, n, f);
    if (relay_translates(r, t->endpoint)) {
        enum err e = relay_translate_request(r, t, max_tokens, views, n, f);
        r->is_translated = r->translation != NULL;
        return e;
    }
    r->is_translated = false;
    if (!read && read_again(r, &again))
        read = &again;
    if (!read)
        return canon_no_memory(f);
    *views = compose(r, read, t, max_tokens, n, f);
    return *views ? ERR_OK : f->err;
}

/* The first endpoint from plan_at on that can be paid. */
static enum err choose(struct relay *r, uint64_t *max_tokens, struct fault *f)
{
    struct fault unpaid;
    enum err e = ERR_NOT_FOUND;
    uint8_t why = HOLD_OK;
    for (uint32_t at = r->plan_at; at < r->plan_n; at++) {
        enum err refused = relay_hold(r, &r->plan[at], max_tokens, &unpaid);
        if (refused == ERR_OK) {
            r->plan_at = at;
            return ERR_OK;
        }
        if (e == ERR_NOT_FOUND) {
            e = refused;
            why = r->hold_refusal;
            *f = unpaid;
        }
    }
    r->hold_refusal = why;
    return e;
}

/* One endpoint, from plan_at on, is asked. ERR_UNPROCESSABLE: it cannot be; the next may. */
static enum err ask(struct relay *r, const struct chat_request *read, struct fault *f)
{
    uint64_t max_tokens = 0;
    uint32_t n = 0;
    const struct str *views;
    enum err e = choose(r, &max_tokens, f);
    if (e != ERR_OK)
        return e;
    const struct provider *p = r->plan[r->plan_at].endpoint->provider;
    const struct deadlines *d = &p->deadlines;
    upstream_unref(r->upstream);
    r->upstream = upstream_ref(r->routes->upstreams[p->index]);
    e = make_request(r, read, max_tokens, &views, &n, f);
    if (e != ERR_OK)
        return e;
    uint64_t now = io_now_ms(r->w->loop);
    r->attempts++;
    r->deadline_ms = now + d->connect_ms;
    if (!r->total_ms)
        r->total_ms = now + d->total_ms;
    relay_arm(r);
    http_call_start(&r->call, r->upstream->pool, &relay_call_ops, views, n);
    return ERR_OK;
}

void relay_try(struct relay *r, const struct chat_request *read)
{
    struct fault f;
    enum err e = ask(r, read, &f);
    while (e == ERR_UNPROCESSABLE && r->plan_at + 1 < r->plan_n) {
        r->plan_at++;
        r->is_retry = false;
        e = ask(r, NULL, &f);
    }
    if (e != ERR_OK)
        refuse(r, &f);
}

/* --- what the client of http tells
 * ---------------------------------------------------------------- */

static struct relay *of(struct http_call *c)
{
    return container_of(c, struct relay, call);
}

static const struct deadlines *deadlines_of(const struct relay *r)
{
    return &r->plan[r->plan_at].endpoint->provider->deadlines;
}

static void on_sent(struct http_call *c)
{
    struct relay *r = of(c);
    r->was_sent = true;
    if (!r->sent_ns)
        r->sent_ns = clock_mono_ns();
    r->deadline_ms = io_now_ms(r->w->loop) + deadlines_of(r)->first_ms;
    relay_arm(r);
}

static void on_head(struct http_call *c, const struct http_head *head)
{
    relay_answer_head(of(c), head);
}

static void on_body(struct http_call *c, struct str bytes)
{
    struct relay *r = of(c);
    if (r->state == RELAY_TRYING || r->state == RELAY_ANSWERING)
        relay_answer_body(r, bytes);
}

static void on_end(struct http_call *c)
{
    struct relay *r = of(c);
    if (r->state == RELAY_DEAD)
        relay_on_timer(&r->timer);
    else if (r->state != RELAY_SETTLING)
        relay_answer_end(r);
}

static void on_fail(struct http_call *c, enum err e, const char *why)
{
    struct relay *r = of(c);
    if (r->state == RELAY_DEAD)
        relay_on_timer(&r->timer);
    else if (r->state != RELAY_SETTLING)
        relay_answer_cut(r, e, why);
}

const struct http_call_ops relay_call_ops = {on_sent, on_head, on_body, on_end, on_fail};
