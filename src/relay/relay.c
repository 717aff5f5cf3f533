#include "relay/internal.h"

#include "base/log.h"

#include <stdlib.h>

enum {
    ARENA_BLOCK = 1024,
    ARENA_MAX = 1024 * 1024,
    NOTE_MAX = 200,
    SPARES_MAX = 64,
    SPARE_BUF_MAX = 4096,
};

#define BIT(n) (1u << (n))

static const uint32_t edges[RELAY__COUNT] = {
    [RELAY_READING] = BIT(RELAY_TRYING) | BIT(RELAY_DEAD),
    [RELAY_TRYING] = BIT(RELAY_ANSWERING) | BIT(RELAY_SETTLING) | BIT(RELAY_DEAD),
    [RELAY_ANSWERING] = BIT(RELAY_SETTLING),
    [RELAY_SETTLING] = BIT(RELAY_DEAD),
};

/* The only place that writes r->state. */
void relay_enter(struct relay *r, enum relay_state next)
{
    BUG_ON(!(edges[r->state] & BIT(next)));
    if (r->state == RELAY_READING) {
        gate_leave(&r->wait);
        r->answered = (struct answered){0};
        r->bill = (struct chat_bill){0};
    }
    r->state = next;
}

/* One line per request, at its death. Neither prompts nor answers nor credentials are in it. */
static void log_death(struct relay *r)
{
    struct log_line l;
    bool has_target = r->plan && r->plan_at < r->plan_n;
    log_begin_at(&l, LOG_INFO, "request", relay_worker_wall_ms(r->w));
    log_str(&l, "request_id", str_c(r->context.request_id));
    if (r->settled_wall_ms)
        log_str(&l, "generation", str_c(r->id_text));
    if (r->who)
        log_str(&l, "key", str_c(r->who->key.label));
    if (has_target)
        log_str(&l, "model", r->plan[r->plan_at].model->id);
    if (has_target && r->attempts) /* else the refusal is ours */
        log_str(&l, "provider", r->plan[r->plan_at].endpoint->provider->name);
    log_i64(&l, "status", r->status);
    log_i64(&l, "stream", r->asked.is_streamed);
    log_i64(&l, "tokens_prompt", (int64_t)r->bill.usage.prompt);
    log_i64(&l, "tokens_completion", (int64_t)r->bill.usage.completion);
    log_i64(&l, "cost_nanos", r->bill.cost);
    log_i64(&l, "retries", r->attempts ? (int64_t)r->attempts - 1 : 0);
    if (r->failure)
        log_str(&l, "failure", str_c(outcome_name(r->failure->outcome)));
    if (r->is_estimated)
        log_str(&l, "usage", STR("estimated"));
    if (r->is_cancelled)
        log_str(&l, "client", STR("left"));
    log_i64(&l, "first_ms", r->first_ns ? (int64_t)((r->first_ns - r->began_ns) / 1000000) : -1);
    log_i64(&l, "total_ms", (int64_t)((relay_worker_ns(r->w) - r->began_ns) / 1000000));
    log_end(&l);
}

static void count_death(struct relay *r)
{
    struct metrics *m = &r->w->metrics;
    if (r->status > 0 && r->status < METRICS_STATUSES)
        m->requests[r->status]++;
    if (r->sent_ns > r->body_ns)
        metrics_added(m, (r->sent_ns - r->body_ns) / 1000);
}

static void release(struct relay *r)
{
    buf_release(&r->in);
    buf_release(&r->body);
    free(r);
}

void relay_free_spares(struct relay_worker *w)
{
    while (!list_is_empty(&w->spares)) {
        struct relay *r = container_of(w->spares.next, struct relay, link);
        list_del(&r->link);
        release(r);
    }
    w->spares_n = 0;
}

/* A dead relay serves again, with its two buffers where they are of an ordinary size. */
static void spare_or_release(struct relay *r)
{
    struct relay_worker *w = r->w;
    if (w->spares_n == SPARES_MAX || r->in.cap > SPARE_BUF_MAX || r->body.cap > SPARE_BUF_MAX) {
        release(r);
        return;
    }
    list_prepend(&w->spares, &r->link);
    w->spares_n++;
}

static void reap(struct io_grave *g)
{
    struct relay *r = container_of(g, struct relay, grave);
    if (r->pass)
        json_pass_release(r->pass);
    relay_release_framing(r);
    arena_release(&r->arena);
    upstream_unref(r->upstream);
    principal_unref(r->who);
    relay_routes_unref(r->routes);
    list_del(&r->link);
    r->w->relays_n--;
    spare_or_release(r);
}

static void bury(struct relay *r)
{
    if (r->is_buried)
        return;
    r->is_buried = true;
    io_timer_clear(r->w->loop, &r->timer);
    io_bury(r->w->loop, &r->grave, reap);
}

/* The answer is given. Where the provider has yet to end its own (the last chunk is on its way),
 * its connection is waited for a moment so that it can serve again. */
void relay_die(struct relay *r)
{
    BUG_ON(r->stream != NULL);
    relay_enter(r, RELAY_DEAD);
    hold_cancel(&r->hold);
    relay_settle_rate(r, 0);
    log_death(r);
    count_death(r);
    if (!http_call_is_over(&r->call) && !r->answered.saw_done)
        http_call_cancel(&r->call);
    if (http_call_is_over(&r->call)) {
        bury(r);
        return;
    }
    r->deadline_ms = io_now_ms(r->w->loop) + LINGER_MS;
    r->total_ms = r->comment_ms = 0;
    http_call_read(&r->call, true);
    relay_arm(r);
}

/* The provider's connection is free, or given up. */
static void end_linger(struct relay *r)
{
    http_call_cancel(&r->call);
    bury(r);
}

struct str relay_generation_fields(struct relay *r, char room[96])
{
    struct buf b = {.p = room, .cap = 96, .max = 96};
    buf_add(&b, STR("X-Generation-Id: "));
    buf_add_c(&b, r->id_text);
    buf_add(&b, STR("\r\n"));
    return buf_view(&b);
}

void relay_respond(struct relay *r, int status, struct str more_fields, const struct str *body,
                   size_t n)
{
    char room[REPLY_FIELDS_MAX];
    struct http_stream *s = r->stream;
    r->stream = NULL;
    r->status = status;
    http_respond(s, status, reply_fields(&r->context, STR("application/json"), more_fields, room),
                 body, n);
}

void relay_respond_failure(struct relay *r, const struct canon_failure *x, struct str more_fields)
{
    struct http_stream *s = r->stream;
    r->stream = NULL;
    r->status = x->status;
    reply_failure(s, &r->context, r->client, x, more_fields);
}

struct canon_room relay_room(struct relay *r)
{
    return (struct canon_room){&r->arena, &r->w->inner_tape, &r->w->scratch};
}

void relay_refuse(struct relay *r, const struct fault *f)
{
    struct canon_failure x = reply_failure_of(f);
    bool is_unpaid = f->err == ERR_NO_CREDIT || f->err == ERR_KEY_LIMIT;
    enum hold_refusal refusal = is_unpaid ? (enum hold_refusal)r->hold_refusal : HOLD_OK;
    bool is_soon = refusal == HOLD_KEY_IN_FLIGHT || refusal == HOLD_ACCOUNT_IN_FLIGHT;
    x.unpaid = relay_unpaid(refusal);
    relay_tell_previous(r, &x);
    if (r->stream)
        relay_respond_failure(r, &x, is_soon ? STR("Retry-After: 1\r\n") : STR_NONE);
    relay_die(r);
}

/* --- the client's side ---------------------------------------------------------------------------
 */

static void go_on(struct relay *r)
{
    if (!r->has_body || !r->who || r->state != RELAY_READING)
        return;
    r->body_ns = relay_worker_ns(r->w);
    relay_admit(r);
}

static void refuse_credential(struct relay *r)
{
    struct canon_failure x = reply_failure_of(&r->wait.fault);
    if (r->stream)
        relay_respond_failure(r, &x, gate_refusal_field(&r->wait.fault));
    relay_die(r);
}

static void on_known(struct gate_wait *w)
{
    struct relay *r = container_of(w, struct relay, wait);
    r->who = w->principal;
    if (r->who)
        go_on(r);
    else
        refuse_credential(r);
}

static void on_body(void *user, struct str bytes)
{
    struct relay *r = user;
    struct fault f;
    if (r->state != RELAY_READING || buf_add(&r->body, bytes) == ERR_OK)
        return;
    fault_write(&f, r->body.failed,
                "The body is larger than %llu bytes, or there is no memory for it",
                (unsigned long long)r->body.max);
    relay_refuse(r, &f);
}

static void on_body_end(void *user)
{
    struct relay *r = user;
    r->has_body = true;
    go_on(r);
}

static void on_drained(void *user)
{
    struct relay *r = user;
    if (!r->is_paused)
        return;
    r->is_paused = false;
    r->deadline_ms =
        io_now_ms(r->w->loop) + r->plan[r->plan_at].endpoint->provider->deadlines.idle_ms;
    relay_arm(r);
    http_call_read(&r->call, true);
}

/* The client left, or was refused for what its body is: the provider's connection is closed within the same tick, what
 * was used is settled. */
static void on_gone(void *user, enum err why)
{
    struct relay *r = user;
    bool was_trying = r->state == RELAY_TRYING || r->state == RELAY_ANSWERING;
    r->stream = NULL;
    r->is_cancelled = why == ERR_CANCELLED;
    if (!r->status || r->state != RELAY_SETTLING)
        r->status = err_status(why);
    if (r->state == RELAY_SETTLING) {
        r->ending = ENDING_GONE;
        return;
    }
    if (was_trying && r->was_sent) {
        metrics_attempt(&r->w->metrics, r->plan[r->plan_at].endpoint->provider->name,
                        OUTCOME_CANCELLED);
        http_call_cancel(&r->call);
        relay_settle(r, ENDING_GONE);
        return;
    }
    relay_die(r);
}

/* Has it left, or does it wait with its sending side shut? Only what is sent tells: soon, and then
 * less often. */
static void on_half_closed(void *user)
{
    struct relay *r = user;
    r->is_half_closed = true;
    r->comment_ms = io_now_ms(r->w->loop);
    if (r->state == RELAY_TRYING || r->state == RELAY_ANSWERING)
        relay_arm(r);
}

static const struct http_handler handler = {on_body, on_body_end, on_drained, on_gone,
                                            on_half_closed};

/* --- birth ---------------------------------------------------------------------------------------
 */

static struct str keep_note(struct relay *r, struct str s)
{
    return s.n ? arena_str(&r->arena, str_head(s, NOTE_MAX)) : STR_NONE;
}

static void keep_notes(struct relay *r, const struct http_head *head)
{
    struct str title = http_field(head, STR("x-openrouter-title"));
    r->referer = keep_note(r, http_field(head, STR("http-referer")));
    r->title = keep_note(r, title.p ? title : http_field(head, STR("x-title")));
    r->user_agent = keep_note(r, http_field(head, STR("user-agent")));
}

/* Zeroed but for its room and the memory of its two buffers. */
static struct relay *relay_take(struct relay_worker *w)
{
    struct buf in = {0}, body = {0};
    struct relay *r;
    if (list_is_empty(&w->spares)) {
        r = malloc(sizeof *r);
        if (!r)
            return NULL;
    } else {
        r = container_of(w->spares.next, struct relay, link);
        list_del(&r->link);
        w->spares_n--;
        in = r->in;
        body = r->body;
    }
    memset(r, 0, offsetof(struct relay, room));
    r->in = (struct buf){.p = in.p, .cap = in.cap, .max = WHOLE_MAX + PENDING_MAX};
    r->body = (struct buf){.p = body.p, .cap = body.cap, .max = w->settings.body_max};
    if (r->body.cap > r->body.max)
        buf_release(&r->body);
    return r;
}

static struct relay *relay_new(struct relay_worker *w, struct http_stream *s,
                               const struct relay_service *service)
{
    struct relay *r = relay_take(w);
    if (!r)
        return NULL;
    r->w = w;
    r->stream = s;
    r->client = service->speaks;
    r->task = service->direct;
    r->began_ns = relay_worker_ns(w);
    r->began_wall_ms = relay_worker_wall_ms(w);
    r->retry_after_s = -1;
    r->id = generation_id_next(&w->ids, r->began_wall_ms);
    r->tag = relay_worker_random(w);
    generation_id_text(r->id, r->tag, r->id_text);
    r->routes = relay_routes_ref(w->routes);
    arena_init_in(&r->arena, r->room, sizeof r->room, ARENA_BLOCK, ARENA_MAX);
    sse_init(&r->sse, EVENT_MAX);
    eventstream_init(&r->frames, EVENT_MAX);
    io_timer_init(&r->timer, relay_on_timer);
    list_append(&w->relays, &r->link);
    w->relays_n++;
    return r;
}

static enum err check_head(struct relay *r, const struct http_head *head, struct fault *f)
{
    struct str encoding = http_field(head, STR("content-encoding"));
    if (encoding.n && !str_ieq(encoding, STR("identity")))
        return fault_set(f, ERR_INVALID,
                         "Content-Encoding: expected none, got a coding; send the body as it is");
    if (head->length > 0 && (uint64_t)head->length > r->w->settings.body_max)
        return fault_set(f, ERR_TOO_BIG, "Content-Length: expected at most %llu bytes, got %lld",
                         (unsigned long long)r->w->settings.body_max, (long long)head->length);
    if (journal_is_failing(r->w->journal))
        return fault_set(f, ERR_STORE, "Records cannot be written at present: try again later");
    return ERR_OK;
}

void relay_begin(struct relay_worker *w, struct http_stream *s, const struct http_head *head,
                 const struct relay_service *service)
{
    struct fault f = {ERR_NOMEM, "No memory for this request: try again later"};
    struct relay *r = relay_new(w, s, service);
    if (!r) {
        struct reply_context c;
        struct canon_failure x = reply_failure_of(&f);
        reply_context_init(&c, relay_worker_random(w), head);
        reply_failure(s, &c, service->speaks, &x, STR_NONE);
        return;
    }
    reply_context_init(&r->context, relay_worker_random(w), head);
    struct relay_place place = {w, s, head};
    r->wait.locate = relay_locate;
    r->wait.where = &place;
    enum gate_answer a = gate_ask(w->gate, http_field(head, STR("authorization")),
                                  http_field(head, STR("x-api-key")), GATE_INFERENCE, &r->wait);
    r->wait.done = on_known;
    r->who = r->wait.principal;
    if (a == GATE_SHUT) {
        refuse_credential(r);
    } else if (check_head(r, head, &f) != ERR_OK) {
        relay_refuse(r, &f);
    } else {
        keep_notes(r, head);
        http_accept(s, &handler, r);
    }
}

/* Nothing else is tried. */
static void end_now(struct relay *r)
{
    static const char sentence[] = "This gateway is stopping: ask again in a moment";
    struct fault f;
    struct failure x;
    if (r->state == RELAY_DEAD) {
        end_linger(r);
    } else if (r->state == RELAY_READING) {
        fault_write(&f, ERR_SHUTDOWN, sentence);
        relay_refuse(r, &f);
    } else if (r->state != RELAY_SETTLING) {
        failure_init(&x, OUTCOME_CANCELLED, err_status(ERR_SHUTDOWN), sentence);
        x.fault.err = ERR_SHUTDOWN;
        r->is_out_of_time = true;
        relay_fail(r, &x);
    }
}

void relay_end_all(struct relay_worker *w)
{
    struct list *at, *after;
    list_each (at, after, &w->relays)
        end_now(container_of(at, struct relay, link));
}

/* --- deadlines -----------------------------------------------------------------------------------
 */

static uint64_t nearer(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

void relay_arm(struct relay *r)
{
    uint64_t due = nearer(nearer(r->deadline_ms, r->total_ms), r->comment_ms);
    if (due)
        io_timer_set(r->w->loop, &r->timer, due);
}

static uint32_t comment_interval(struct relay *r)
{
    static const uint16_t soon_ms[] = {20, 100, 400};
    if (r->is_half_closed && r->probes < COUNT_OF(soon_ms))
        return soon_ms[r->probes++];
    return r->w->settings.keepalive_ms;
}

/* A sign of life that is no content. Before the provider has answered, the status is still open. */
static void send_comment(struct relay *r, uint64_t now)
{
    struct str comment = r->client->keepalive;
    bool is_stream = r->asked.is_streamed && (r->is_events || r->is_committed);
    if (is_stream) {
        relay_commit(r);
        if (http_unsent(r->stream) == 0)
            http_send(r->stream, &comment, 1);
    } else if (r->is_half_closed) {
        http_probe(r->stream);
    }
    r->comment_ms = is_stream || r->is_half_closed ? now + comment_interval(r) : 0;
}

static const char *busy_with(const struct relay *r)
{
    if (!r->was_sent)
        return "did not accept a connection";
    return r->state == RELAY_TRYING ? "sent no answer" : "sent nothing more";
}

void relay_on_timer(struct io_timer *t)
{
    struct relay *r = container_of(t, struct relay, timer);
    uint64_t now = io_now_ms(r->w->loop);
    bool is_late = (r->deadline_ms && now >= r->deadline_ms) || (r->total_ms && now >= r->total_ms);
    struct failure x;
    if (r->state == RELAY_DEAD) {
        end_linger(r);
        return;
    }
    if (r->state == RELAY_SETTLING)
        return;
    if (is_late) {
        r->is_out_of_time = r->total_ms && now >= r->total_ms;
        failure_init(&x, OUTCOME_TIMEOUT, 504, "The provider %s in time", busy_with(r));
        relay_answer_late(r, &x);
        return;
    }
    if (r->comment_ms && now >= r->comment_ms && r->stream)
        send_comment(r, now);
    relay_arm(r);
}
