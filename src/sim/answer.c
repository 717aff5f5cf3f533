/* answer.c: how an answer is given: whole or streamed, properly or with a fault. Nothing here knows
 * a format. */
#include "sim/internal.h"

#include "base/clock.h"

#include <stdio.h>

/* One turn of the loop gives out this much of one answer. */
enum { TURN_BYTES = 256 << 10 };

static const char json_fields[] = "Content-Type: application/json\r\n";
static const char event_fields[] = "Content-Type: text/event-stream\r\nCache-Control: no-cache\r\n";

/* --- what the formats ask --------------------------------------------------------------------- */

struct str sim__id(const struct sim_call *c, const char *prefix, char out[SIM_ID_MAX])
{
    int n = snprintf(out, SIM_ID_MAX, "%s-sim-%llu", prefix, (unsigned long long)c->id);
    BUG_ON(n < 0 || n >= SIM_ID_MAX);
    return str_of(out, (size_t)n);
}

struct str sim__tool_id(const struct sim_call *c, const char *prefix, uint32_t tool,
                        char out[SIM_ID_MAX])
{
    struct str id = sim__id(c, prefix, out);
    if (tool == 0)
        return id;
    int n = snprintf(out + id.n, SIM_ID_MAX - id.n, "-%u", tool);
    BUG_ON(n < 0 || (size_t)n >= SIM_ID_MAX - id.n);
    return str_of(out, id.n + (size_t)n);
}

uint64_t sim__created(void)
{
    return (uint64_t)(clock_wall_ms() / 1000);
}

void sim__write_text(struct sim_call *c, struct json_writer *w, const char *key)
{
    if (!(c->fault->traits & SIM_HUGE)) {
        jw_str(w, key, sim__block_text(c, &c->blocks[c->at]));
        return;
    }
    jw_str(w, key, STR(""));
    c->split = c->out.n - 1; /* before the closing quote */
}

bool sim__text_is_json(const struct sim_call *c)
{
    return c->finish != SIM_FINISH_LENGTH || c->at + 1 < c->blocks_n;
}

/* --- errors ----------------------------------------------------------------------------------- */

static void respond(struct sim_call *c, int status, struct str fields)
{
    struct str body = buf_view(&c->out);
    http_respond(c->stream, status, fields, &body, 1);
    sim__call_end(c);
}

static void refuse(struct sim_call *c, enum sim_problem problem, struct str message)
{
    const struct sim_problem_words *words = sim__problem(problem);
    buf_reset(&c->out);
    c->format->error(words, message, false, &c->out);
    bool wait = c->fault->traits & SIM_RETRY_AFTER;
    bool is_key = problem == SIM_PROBLEM_KEY && c->format->wrong_key_status;
    respond(c, is_key ? c->format->wrong_key_status : words->status,
            wait ? STR("Content-Type: application/json\r\nRetry-After: 1\r\n")
                 : str_c(json_fields));
}

static void start_problem(struct sim_call *c)
{
    refuse(c, c->fault->problem, STR_NONE);
}

static void abort_now(struct sim_call *c)
{
    http_abort(c->stream);
    sim__call_end(c);
}

static void hold(struct sim_call *c)
{
    c->wait = SIM_WAIT_NOTHING; /* only the client's leaving ends it */
}

/* --- what is said ----------------------------------------------------------------------------- */

/* The next of the block's text; empty at its end. */
static struct str next_piece(struct sim_call *c)
{
    struct str piece = str_of(c->sim->filler, sizeof c->sim->filler);
    if (c->fault->traits & SIM_HUGE)
        piece = str_head(piece, c->size - c->said);
    else
        piece =
            sim__next_words(str_skip(str_head(buf_view(&c->text), c->blocks[c->at].end), c->said));
    c->said += piece.n;
    return piece;
}

/* --- whole ------------------------------------------------------------------------------------ */

static void send_bytes(struct sim_call *c, struct str bytes)
{
    http_send(c->stream, &bytes, 1);
}

static void begin(struct sim_call *c, const char *fields)
{
    http_begin(c->stream, 200, str_c(fields));
    c->is_begun = true;
}

static void huge_more(struct sim_call *c)
{
    for (size_t turn = 0; turn < TURN_BYTES;) {
        struct str piece = next_piece(c);
        if (piece.n == 0) {
            send_bytes(c, str_skip(buf_view(&c->out), c->split));
            http_finish(c->stream);
            sim__call_end(c);
            return;
        }
        send_bytes(c, piece);
        turn += piece.n;
    }
    sim__wait_drained(c, huge_more);
}

static void whole_huge(struct sim_call *c)
{
    begin(c, json_fields);
    send_bytes(c, str_head(buf_view(&c->out), c->split));
    huge_more(c);
}

/* The first half of the body, and then `next`. */
static void whole_half(struct sim_call *c, sim_next *next)
{
    begin(c, json_fields);
    send_bytes(c, str_head(buf_view(&c->out), c->out.n / 2));
    sim__wait_drained(c, next);
}

static void whole(struct sim_call *c)
{
    c->format->whole(c);
    if (c->out.failed != ERR_OK) {
        refuse(c, SIM_PROBLEM_SERVER, STR("There is no memory for an answer of this size."));
        return;
    }
    switch (c->fault->middle) {
    case SIM_MIDDLE_CUT:
        whole_half(c, abort_now);
        return;
    case SIM_MIDDLE_STALL:
        whole_half(c, hold);
        return;
    case SIM_MIDDLE_MALFORMED:
        c->out.n /= 2;
        break;
    case SIM_MIDDLE_NOTHING:
        if (c->split) {
            whole_huge(c);
            return;
        }
        break;
    }
    respond(c, 200, str_c(json_fields));
}

/* --- streamed --------------------------------------------------------------------------------- */

/* Sends what is in c->out. False: the call is over. */
static bool send_out(struct sim_call *c)
{
    if (c->out.failed != ERR_OK) {
        abort_now(c);
        return false;
    }
    send_bytes(c, buf_view(&c->out));
    buf_reset(&c->out);
    return true;
}

static void finish(struct sim_call *c)
{
    c->format->close(c);
    if (!(c->fault->traits & SIM_NO_DONE))
        buf_add(&c->out, c->format->done);
    if (!send_out(c))
        return;
    http_finish(c->stream);
    sim__call_end(c);
}

static bool is_in_middle(const struct sim_call *c)
{
    return !c->is_past_middle && (c->said > 0 || c->size == 0) && 2 * c->said >= c->size;
}

/* False: the stream goes no further from here. */
static bool pass_middle(struct sim_call *c)
{
    c->is_past_middle = true;
    switch (c->fault->middle) {
    case SIM_MIDDLE_CUT:
        sim__wait_drained(c, abort_now);
        return false;
    case SIM_MIDDLE_STALL:
        hold(c);
        return false;
    case SIM_MIDDLE_MALFORMED:
        if (c->format->malformed)
            c->format->malformed(c);
        else
            buf_add(&c->out, STR("data: {\"choices\":[{\"delta\":{\"cont\n\n"));
        return send_out(c);
    case SIM_MIDDLE_NOTHING:
        break;
    }
    return true;
}

static void open_block(struct sim_call *c)
{
    const struct sim_block *b = &c->blocks[c->at];
    if (b->kind == SIM_BLOCK_TOOL && c->format->tool_is_whole)
        c->said = b->end;
    if (c->format->block)
        c->format->block(c);
}

/* False: this was the last one. */
static bool next_block(struct sim_call *c)
{
    if (c->format->block_end)
        c->format->block_end(c);
    if (c->at + 1 >= c->blocks_n)
        return false;
    c->at++;
    open_block(c);
    return true;
}

static void stream_more(struct sim_call *c)
{
    for (size_t turn = 0; turn < TURN_BYTES;) {
        if (is_in_middle(c) && !pass_middle(c))
            return;
        struct str piece = next_piece(c);
        if (piece.n == 0) {
            if (next_block(c))
                continue;
            finish(c);
            return;
        }
        c->format->piece(c, piece);
        turn += c->out.n;
        if (!send_out(c))
            return;
        if (c->pace_ms) {
            sim__wait_ms(c, c->pace_ms, stream_more);
            return;
        }
    }
    sim__wait_drained(c, stream_more);
}

static void stream_open(struct sim_call *c)
{
    c->format->open(c);
    open_block(c);
    if (c->out.n == 0 || send_out(c))
        stream_more(c);
}

static const char *stream_fields(const struct sim_call *c)
{
    return c->format->stream_fields ? c->format->stream_fields : event_fields;
}

static void stream(struct sim_call *c)
{
    begin(c, stream_fields(c));
    if (!(c->fault->traits & SIM_LATE)) {
        stream_open(c);
        return;
    }
    http_stream_flush(c->stream);
    sim__wait_ms(c, c->sim->slow_first_ms, stream_open);
}

/* --- how it begins ---------------------------------------------------------------------------- */

static void start_answer(struct sim_call *c)
{
    sim__compose(c);
    uint32_t wait_ms = c->fault->traits & SIM_LATE ? c->sim->slow_first_ms : c->pace_ms;
    if (c->text.failed != ERR_OK)
        refuse(c, SIM_PROBLEM_SERVER, STR("There is no memory for an answer of this size."));
    else if (c->is_stream)
        stream(c);
    else if (wait_ms)
        sim__wait_ms(c, wait_ms, whole);
    else
        whole(c);
}

static void add_problem_event(struct sim_call *c, const struct sim_problem_words *words)
{
    if (c->format->problem_event) {
        c->format->problem_event(c, words);
        return;
    }
    buf_add(&c->out, c->format->error_event);
    c->format->error(words, STR_NONE, true, &c->out);
    buf_add(&c->out, STR("\n\n"));
}

static void start_problem_in_ok(struct sim_call *c)
{
    const struct sim_problem_words *words = sim__problem(c->fault->problem);
    if (!c->is_stream) {
        c->format->error(words, STR_NONE, true, &c->out);
        respond(c, 200, str_c(json_fields));
        return;
    }
    add_problem_event(c, words);
    begin(c, stream_fields(c));
    if (!send_out(c))
        return;
    http_finish(c->stream);
    sim__call_end(c);
}

static sim_next *const starts[SIM_START__COUNT] = {
    [SIM_START_ANSWER] = start_answer,
    [SIM_START_PROBLEM] = start_problem,
    [SIM_START_PROBLEM_IN_OK] = start_problem_in_ok,
    [SIM_START_RESET] = abort_now,
    [SIM_START_SILENT] = hold,
};

static enum err read_request(struct sim_call *c, struct fault *f)
{
    if (c->body.failed != ERR_OK || !c->rest.p || !c->query.p)
        return fault_set(f, ERR_NOMEM, "There is no memory for the request.");
    struct json request;
    enum err e = c->format->is_signed ? sim__check_signature(c, f) : ERR_OK;
    if (e != ERR_OK)
        return e;
    e = json_parse(&c->sim->tape, buf_view(&c->body), &request, f);
    if (e != ERR_OK)
        return e;
    if (!json_is(request, JSON_OBJECT))
        return fault_set(f, ERR_INVALID, "The body must be a JSON object, not %s.",
                         json_kind(request));
    e = json_refuse_duplicates(request, f);
    return e == ERR_OK ? c->format->read(c, request, f) : e;
}

static enum sim_problem problem_of(enum err e)
{
    switch (e) {
    case ERR_INVALID:
    case ERR_TOO_BIG:
        return SIM_PROBLEM_REQUEST;
    case ERR_NOT_FOUND:
        return SIM_PROBLEM_MODEL;
    case ERR_AUTH:
        return SIM_PROBLEM_KEY;
    default:
        return SIM_PROBLEM_SERVER;
    }
}

/* "fault-" and "only-" are counted apart, so that neither changes what the other's next request
 * meets. */
static bool is_proper_turn(struct sim_call *c)
{
    if (!(c->fault->traits & SIM_EVERY_SECOND))
        return false;
    return c->sim->turns[sim__fault_index(c->fault)][c->is_only]++ % 2 == 1;
}

void sim__answer(struct sim_call *c)
{
    struct fault f;
    enum err e = read_request(c, &f);
    buf_release(&c->body);
    if (e != ERR_OK) {
        c->fault = &sim__no_fault;
        refuse(c, problem_of(e), str_c(f.message));
        return;
    }
    if (is_proper_turn(c))
        c->fault = &sim__no_fault;
    starts[c->fault->start](c);
}
