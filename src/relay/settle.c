/* settle.c: what an answer cost, its record, and then its last bytes. */
#include "relay/translate.h"

#include "dialect/openai_form.h"

/* --- the bill
 * ------------------------------------------------------------------------------------------ */

static uint64_t estimate(const struct relay *r, const struct tokens_text *text)
{
    const struct target *t = r->plan ? &r->plan[r->plan_at] : NULL;
    return t ? tokens_estimate(text, t->model->id, t->endpoint->model)
             : tokens_estimate(text, STR_NONE, STR_NONE);
}

uint64_t relay_prompt_estimate(const struct relay *r)
{
    return estimate(r, &r->asked.text);
}

/* What is told in the middle of a stream (some tell with each event how far they are) is not the sum. */
static bool is_usage_final(const struct relay *r)
{
    bool is_whole = r->ending == ENDING_WHOLE || r->ending == ENDING_PASSED;
    return r->answered.has_usage && (is_whole || r->answered.finishes_in_usage > 0);
}

/* A text that looks longer than the provider may make one is the estimate's error, not the client's. */
static uint64_t completion_estimate(const struct relay *r)
{
    uint64_t n = r->direct ? 0 : estimate(r, &r->answered.content);
    return n < r->output_bound ? n : r->output_bound;
}

/* Without a provider's word it is counted here; nothing is charged for an answer that brought nothing,
 * unless the client left before it could. */
static void find_usage(struct relay *r)
{
    struct answered *a = &r->answered;
    struct chat_usage *u = &r->bill.usage;
    bool brought_nothing = a->content.bytes == 0 && a->finishes == 0 && !r->is_cancelled;
    if (is_usage_final(r)) {
        *u = a->usage;
        return;
    }
    r->is_estimated = true;
    u->searches = a->usage.searches;
    if (brought_nothing)
        return;
    uint64_t completion = completion_estimate(r);
    *u = a->usage;
    if (!u->prompt)
        u->prompt = relay_prompt_estimate(r);
    if (u->completion < completion)
        u->completion = completion;
}

static struct tokens tokens_of(const struct chat_usage *u)
{
    return (struct tokens){.prompt = u->prompt,
                           .completion = u->completion,
                           .cached = u->cached,
                           .cache_write = u->cache_write,
                           .reasoning = u->reasoning,
                           .cache_write_1h = u->cache_write_1h,
                           .audio = u->audio,
                           .image = u->image,
                           .audio_cached = u->audio_cached,
                           .audio_output = u->audio_output,
                           .image_output = u->image_output};
}

static void charge(struct relay *r)
{
    struct price paid =
        price_of_requests(&r->plan[r->plan_at].endpoint->price, r->bill.usage.searches);
    const struct price *p = &paid;
    struct tokens all = tokens_of(&r->bill.usage), prompt = all, completion = all;
    bool is_nothing = all.prompt == 0 && all.completion == 0 && r->bill.usage.searches == 0;
    struct price per_token = *p;
    prompt.completion = completion.prompt = 0; /* and so all their parts */
    per_token.request = 0;
    nanos cost = is_nothing ? 0 : price_cost(p, &all);
    r->bill.prompt_cost = price_cost(&per_token, &prompt);
    r->bill.completion_cost = price_cost(&per_token, &completion);
    r->settled_wall_ms = relay_worker_wall_ms(r->w);
    r->bill.cost = hold_settle(&r->hold, cost, &r->settled_wall_ms);
    r->uncollected = cost - r->bill.cost;
}

static void count(struct relay *r)
{
    struct metrics *m = &r->w->metrics;
    m->tokens_prompt += r->bill.usage.prompt;
    m->tokens_completion += r->bill.usage.completion;
    m->tokens_cached += r->bill.usage.cached;
    m->tokens_reasoning += r->bill.usage.reasoning;
    m->cost += r->bill.cost;
    m->uncollected += r->uncollected;
    m->estimated += r->is_estimated;
    m->stream_errors += r->ending == ENDING_ERROR;
}

/* --- the record
 * ---------------------------------------------------------------------------------------- */

static struct str finish_reason(const struct relay *r)
{
    if (r->ending == ENDING_ERROR || r->ending == ENDING_CUT)
        return STR("error");
    if (r->answered.finishes == 0)
        return STR_NONE;
    if (r->answered.finish)
        return str_c(r->answered.finish);
    return chat_finish_reason(str_c(r->answered.finish_native));
}

static int64_t ms_between(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? (int64_t)((to_ns - from_ns) / 1000000) : 0;
}

/* Of a request that was tried elsewhere before, it is not known when this endpoint got it. */
static void note_speed(const struct relay *r, const struct endpoint *e, uint64_t now_ns)
{
    bool is_answered = r->ending != ENDING_ERROR && r->ending != ENDING_CUT && !r->is_cancelled;
    if (is_answered && r->attempts == 1 && r->first_ns > r->sent_ns && r->sent_ns)
        speed_note(&r->routes->speeds[e->index], r->first_ns - r->sent_ns, now_ns - r->sent_ns,
                   r->bill.usage.completion);
}

static void append_record(struct relay *r)
{
    const struct target *t = &r->plan[r->plan_at];
    const struct chat_usage *u = &r->bill.usage;
    note_speed(r, t->endpoint, relay_worker_ns(r->w));
    struct generation g = {
        .id = r->id,
        .tag = r->tag,
        .account_id = r->who->key.account_id,
        .key_id = r->who->key.id,
        .created_ms = r->began_wall_ms,
        .settled_ms = r->settled_wall_ms,
        .cost = r->bill.cost,
        .uncollected = r->uncollected,
        .tokens_prompt = u->prompt,
        .tokens_completion = u->completion,
        .tokens_cached = u->cached,
        .tokens_cache_write = u->cache_write,
        .tokens_reasoning = u->reasoning,
        .first_ms = ms_between(r->began_ns, r->first_ns),
        .total_ms = ms_between(r->began_ns, relay_worker_ns(r->w)),
        .is_streamed = r->asked.is_streamed,
        .is_cancelled = r->is_cancelled,
        .is_estimated = r->is_estimated,
        .status = r->is_cancelled ? err_status(ERR_CANCELLED) : 200,
        .attempts = (int32_t)r->attempts,
        .model = t->model->id,
        .provider = t->endpoint->provider->title,
        .native_model = t->endpoint->model,
        .upstream_id = str_c(r->answered.upstream_id),
        .request_id = str_c(r->context.request_id),
        .finish_reason = finish_reason(r),
        .native_finish_reason = str_c(r->answered.finish_native),
        .referer = r->referer,
        .title = r->title,
        .user_agent = r->user_agent,
        .external_user = r->user,
    };
    journal_append(r->w->journal, &g, &r->entry);
}

/* --- the last bytes
 * ------------------------------------------------------------------------------------ */

static void begin_chunk(struct relay *r, struct json_writer *w)
{
    jw_object(w, NULL);
    jw_raw(w, "id", r->identity.id_json);
    jw_str_c(w, "object", "chat.completion.chunk");
    jw_i64(w, "created", r->began_wall_ms / 1000);
    jw_raw(w, "model", r->identity.model_json);
    jw_raw(w, "provider", r->identity.provider_json);
}

static void write_choice(struct json_writer *w, struct str reason, struct str native_json)
{
    jw_array(w, "choices");
    jw_object(w, NULL);
    jw_u64(w, "index", 0);
    jw_object(w, "delta");
    jw_str_c(w, "role", "assistant");
    jw_str_c(w, "content", "");
    jw_end(w);
    jw_str(w, "finish_reason", reason);
    jw_raw(w, "native_finish_reason", native_json);
    jw_null(w, "logprobs");
    jw_end(w);
    jw_end(w);
}

/* The reason as the provider sent it, quoted again; null where it sent none. */
static struct str native_json(const struct relay *r, char room[REASON_MAX + 3])
{
    struct buf b = {.p = room, .cap = REASON_MAX + 3, .max = REASON_MAX + 3};
    struct str native = str_c(r->answered.finish_native);
    if (native.n == 0)
        return STR("null");
    buf_add(&b, STR("\""));
    buf_add(&b, native);
    buf_add(&b, STR("\""));
    return buf_view(&b);
}

static void send_last(struct relay *r, const struct buf *out)
{
    struct http_stream *s = r->stream;
    struct str view = buf_view(out);
    r->stream = NULL;
    r->status = 200;
    http_send(s, &view, 1);
    http_finish(s);
}

/* Usage always arrives, just before [DONE], on a chunk that repeats the finish reason with an empty
 * delta. */
static void finish_stream(struct relay *r)
{
    struct buf *out = &r->w->scratch2;
    struct json_writer w;
    char room[REASON_MAX + 3];
    buf_reset(out);
    buf_add(out, STR("data: "));
    json_writer_init(&w, out);
    begin_chunk(r, &w);
    write_choice(&w, finish_reason(r), native_json(r, room));
    chat_write_usage(&w, "usage", &r->bill);
    jw_finish(&w);
    buf_add(out, STR("\n\ndata: [DONE]\n\n"));
    send_last(r, out);
}

/* The stream ends with an error and without [DONE]: never as if whole. */
static void finish_error(struct relay *r)
{
    struct canon_failure told = relay_told(r, r->failure);
    struct buf *out = &r->w->scratch2;
    struct json_writer w;
    char room[REASON_MAX + 3];
    buf_reset(out);
    relay_echo_tell(r, out);
    buf_add(out, STR("data: "));
    json_writer_init(&w, out);
    begin_chunk(r, &w);
    openai_write_failure(&w, &told);
    write_choice(&w, STR("error"), native_json(r, room));
    chat_write_usage(&w, "usage", &r->bill);
    jw_finish(&w);
    buf_add(out, STR("\n\n"));
    send_last(r, out);
}

static void cut(struct relay *r)
{
    struct http_stream *s = r->stream;
    r->stream = NULL;
    r->status = err_status(ERR_UPSTREAM);
    http_abort(s);
}

/* Either of these two in another format. */
static void finish_translated(struct relay *r)
{
    struct buf *out = &r->w->scratch2;
    buf_reset(out);
    if (relay_translate_last(r, out) == ERR_OK)
        send_last(r, out);
    else
        cut(r);
}

/* The record is not safe, or there is no answer to give: the client must not take what it got for
 * whole. */
static void lose(struct relay *r, enum err e)
{
    struct fault f;
    if (e == ERR_OK)
        fault_write(&f, ERR_NOMEM, "There was no memory for this answer: try again later");
    else
        fault_write(&f, ERR_STORE,
                    "The record of this answer could not be written: try again later");
    if (r->is_committed) {
        cut(r);
        return;
    }
    struct canon_failure x = reply_failure_of(&f);
    relay_respond_failure(r, &x, STR_NONE);
}

static void on_recorded(struct journal_entry *entry, enum err e)
{
    struct relay *r = container_of(entry, struct relay, entry);
    if (r->ending == ENDING_GONE || !r->stream)
        r->stream = NULL;
    else if (e != ERR_OK || r->ending == ENDING_UNSAID)
        lose(r, e);
    else if (r->ending == ENDING_WHOLE)
        relay_whole_finish(r);
    else if (r->ending == ENDING_PASSED)
        relay_whole_passed(r);
    else if (r->is_translated && (r->ending == ENDING_STREAM || r->ending == ENDING_ERROR))
        finish_translated(r);
    else if (r->ending == ENDING_STREAM)
        finish_stream(r);
    else if (r->ending == ENDING_ERROR)
        finish_error(r);
    else
        cut(r);
    relay_die(r);
}

void relay_charge(struct relay *r, enum ending ending)
{
    r->ending = ending;
    r->deadline_ms = r->total_ms = r->comment_ms = 0;
    relay_enter(r, RELAY_SETTLING);
    find_usage(r);
    relay_settle_rate(r, r->bill.usage.prompt + r->bill.usage.completion);
    charge(r);
    count(r);
}

void relay_record(struct relay *r)
{
    r->entry.done = on_recorded;
    append_record(r);
}

void relay_settle(struct relay *r, enum ending ending)
{
    relay_charge(r, ending);
    relay_record(r);
}
