/* responses_write_object.c: the response object of OpenAI's Responses and the items in it. For sources,
 * see responses.h. */
#include "dialect/responses_items.h"

const struct responses_kind responses_kinds[] = {
    [PIECE_TEXT] = {"output_text", "text", "content_index", "response.content_part.added",
                    "response.content_part.done", "response.output_text.delta",
                    "response.output_text.done"},
    [PIECE_REFUSAL] = {"refusal", "refusal", "content_index", "response.content_part.added",
                       "response.content_part.done", "response.refusal.delta",
                       "response.refusal.done"},
    [PIECE_SUMMARY] = {"summary_text", "text", "summary_index",
                       "response.reasoning_summary_part.added",
                       "response.reasoning_summary_part.done",
                       "response.reasoning_summary_text.delta",
                       "response.reasoning_summary_text.done"},
    [PIECE_THOUGHT] = {"reasoning_text", "text", "content_index", "response.content_part.added",
                       "response.content_part.done", "response.reasoning_text.delta",
                       "response.reasoning_text.done"},
    [PIECE_ARGS] = {NULL, "arguments", NULL, NULL, NULL, "response.function_call_arguments.delta",
                    "response.function_call_arguments.done"},
    [PIECE_INPUT] = {NULL, "input", NULL, NULL, NULL, "response.custom_tool_call_input.delta",
                     "response.custom_tool_call_input.done"},
};

/* --- items ------------------------------------------------------------------------------------ */

/* The provider's id, else one that no other answer has; behind whose it is, where it is not OpenAI's. */
void responses_write_id(struct json_writer *w, const char *key, const struct canon_writer *to,
                        const struct responses_item *i)
{
    static const char *const heads[] = {[ITEM_MESSAGE] = "msg",
                                        [ITEM_REASONING] = "rs",
                                        [ITEM_CALL] = "fc",
                                        [ITEM_CUSTOM] = "ctc",
                                        [ITEM_IMAGE] = "ig"};
    jw_raw(w, key, STR("\""));
    if (i->whose.n) {
        buf_add(w->out, RESPONSES_WHOSE_ID);
        buf_add(w->out, i->whose);
        buf_add(w->out, STR(":"));
    }
    if (i->given.n) {
        buf_add(w->out, i->given);
    } else {
        buf_add_c(w->out, heads[i->kind]);
        buf_add(w->out, STR("_"));
        buf_add(w->out, to->who.id);
        buf_add(w->out, STR("_"));
        buf_add_u64(w->out, i->number);
    }
    buf_add(w->out, STR("\""));
}

void responses_write_list(struct json_writer *w, const char *key, const struct buf *values)
{
    jw_raw(w, key, STR("["));
    buf_add(w->out, buf_view(values));
    buf_add(w->out, STR("]"));
}

/* A part as it stands now, or as it begins. */
void responses_write_part(struct json_writer *w, const char *key, const struct responses_piece *p,
                          bool is_empty)
{
    static const struct buf nothing;
    jw_object(w, key);
    jw_str_c(w, "type", responses_kinds[p->kind].type);
    jw_raw_str(w, responses_kinds[p->kind].key, is_empty ? STR("") : buf_view(&p->text));
    if (p->kind == PIECE_TEXT) {
        responses_write_list(w, "annotations", is_empty ? &nothing : &p->notes);
        responses_write_list(w, "logprobs", is_empty ? &nothing : &p->odds);
    }
    jw_end(w);
}

static void write_pieces(struct json_writer *w, const char *key, const struct responses_item *i,
                         bool is_summary)
{
    jw_array(w, key);
    for (const struct responses_piece *p = i->pieces; p; p = p->next) {
        if ((p->kind == PIECE_SUMMARY) == is_summary)
            responses_write_part(w, NULL, p, false);
    }
    jw_end(w);
}

static bool has_thoughts(const struct responses_item *i)
{
    const struct responses_piece *p = i->pieces;
    while (p && p->kind != PIECE_THOUGHT)
        p = p->next;
    return p;
}

static bool asks_for_encrypted(const struct canon_writer *to)
{
    const struct canon_extra *x = to->asked ? to->asked->extras : NULL;
    while (x && !str_eq(x->name, STR("include")))
        x = x->next;
    return x && str_find(x->raw, RESPONSES_ENCRYPTED) < x->raw.n;
}

/* The one text that is signed, and whose signature it is; as they stand there is no colon in these. */
static void write_signed(struct json_writer *w, const struct responses_item *i)
{
    struct str signature = buf_view(&i->signature);
    const struct responses_piece *p = i->pieces;
    bool is_one = p && !p->next && p->kind == PIECE_THOUGHT;
    if (!is_one || !i->format.n || !signature.n || memchr(signature.p, ':', signature.n))
        return;
    jw_raw(w, "encrypted_content", STR("\""));
    buf_add(w->out, RESPONSES_SIGNED);
    buf_add(w->out, i->format);
    buf_add(w->out, STR(":"));
    buf_add(w->out, signature);
    buf_add(w->out, STR(":"));
    buf_add(w->out, buf_view(&p->text));
    buf_add(w->out, STR("\""));
}

static void write_reasoning_item(struct json_writer *w, const struct canon_writer *to,
                                 const struct responses_item *i)
{
    write_pieces(w, "summary", i, true);
    if (has_thoughts(i))
        write_pieces(w, "content", i, false);
    if (i->hidden.n)
        jw_raw_str(w, "encrypted_content", buf_view(&i->hidden));
    else if (i->signature.n && asks_for_encrypted(to))
        write_signed(w, i);
    if (i->signature.n)
        jw_raw_str(w, "signature", buf_view(&i->signature));
    canon_write_text(w, "format", i->format);
}

/* Ids are what results refer to: a provider that gives none gets them by number. */
static void write_call_item(struct json_writer *w, const struct canon_writer *to,
                            const struct responses_item *i)
{
    if (i->call_id.n) {
        jw_raw_str(w, "call_id", i->call_id);
    } else {
        jw_raw(w, "call_id", STR("\"call_"));
        buf_add(w->out, to->who.id);
        buf_add(w->out, STR("_"));
        buf_add_u64(w->out, i->number);
        buf_add(w->out, STR("\""));
    }
    jw_raw_str(w, "name", i->name);
    jw_raw_str(w, responses_kinds[i->pieces->kind].key, buf_view(&i->pieces->text));
}

void responses_write_item(struct json_writer *w, const char *key, const struct canon_writer *to,
                          const struct responses_item *i)
{
    static const char *const types[] = {[ITEM_MESSAGE] = "message",
                                        [ITEM_REASONING] = "reasoning",
                                        [ITEM_CALL] = "function_call",
                                        [ITEM_CUSTOM] = "custom_tool_call",
                                        [ITEM_IMAGE] = "image_generation_call"};
    jw_object(w, key);
    responses_write_id(w, "id", to, i);
    jw_str_c(w, "type", types[i->kind]);
    jw_str_c(w, "status", i->is_cut ? "incomplete" : i->is_closed ? "completed" : "in_progress");
    if (i->kind == ITEM_MESSAGE) {
        jw_str_c(w, "role", "assistant");
        write_pieces(w, "content", i, false);
    } else if (i->kind == ITEM_REASONING) {
        write_reasoning_item(w, to, i);
    } else if (i->kind == ITEM_IMAGE) {
        jw_raw_str(w, "result", buf_view(&i->hidden));
    } else {
        write_call_item(w, to, i);
    }
    jw_end(w);
}

/* --- the response ----------------------------------------------------------------------------- */

static void write_usage(struct json_writer *w, const struct chat_bill *b)
{
    const struct chat_usage *u = &b->usage;
    jw_object(w, "usage");
    jw_u64(w, "input_tokens", u->prompt);
    jw_object(w, "input_tokens_details");
    jw_u64(w, "cached_tokens", u->cached);
    jw_u64(w, "cache_write_tokens", u->cache_write);
    chat_write_count(w, "audio_tokens", u->audio);
    chat_write_count(w, "image_tokens", u->image);
    chat_write_count(w, "video_tokens", u->video);
    jw_end(w);
    jw_u64(w, "output_tokens", u->completion);
    jw_object(w, "output_tokens_details");
    jw_u64(w, "reasoning_tokens", u->reasoning);
    chat_write_count(w, "audio_tokens", u->audio_output);
    chat_write_count(w, "image_tokens", u->image_output);
    jw_end(w);
    jw_u64(w, "total_tokens", u->prompt + u->completion);
    jw_usd(w, "cost", b->cost);
    jw_bool(w, "is_byok", false);
    jw_object(w, "cost_details");
    jw_null(w, "upstream_inference_cost");
    jw_usd(w, "upstream_inference_input_cost", b->prompt_cost);
    jw_usd(w, "upstream_inference_output_cost", b->completion_cost);
    jw_end(w);
    jw_end(w);
}

static void write_or_null(struct json_writer *w, const char *key, struct str value)
{
    if (value.p)
        jw_raw(w, key, value);
    else
        jw_null(w, key);
}

static void write_instructions(struct json_writer *w, const struct canon_request *r)
{
    const struct canon_message *m = r ? r->messages : NULL;
    const struct canon_part *p = m && m->role == CANON_SYSTEM ? m->parts.first : NULL;
    if (p && !p->next && p->kind == PART_TEXT)
        jw_raw_str(w, "instructions", p->text);
    else
        jw_null(w, "instructions");
}

static void write_reasoning_wish(struct json_writer *w, const struct canon_request *r)
{
    const struct canon_reason *x = &r->reason;
    if (!x->effort && !x->summary.p)
        return;
    jw_object(w, "reasoning");
    jw_str_c(w, "effort", canon_effort_word(x->effort));
    if (x->summary.p)
        jw_raw_str(w, "summary", x->summary);
    else
        jw_null(w, "summary");
    jw_end(w);
}

/* What the response repeats of the request. Clients want these members even where nothing was said. */
static void write_asked(struct json_writer *w, const struct canon_request *r)
{
    static const struct canon_request nothing;
    if (!r)
        r = &nothing;
    write_instructions(w, r);
    if (r->values[PARAM_METADATA].p)
        jw_raw(w, "metadata", r->values[PARAM_METADATA]);
    else
        jw_null(w, "metadata");
    jw_array(w, "tools");
    for (const struct canon_tool *t = r->tools; t; t = t->next)
        responses_write_tool(w, t, false);
    jw_end(w);
    responses_write_choice(w, &r->choice);
    jw_bool(w, "parallel_tool_calls", r->parallel != CANON_NO);
    if (r->facts.max_tokens)
        jw_u64(w, "max_output_tokens", r->facts.max_tokens);
    else
        jw_null(w, "max_output_tokens");
    write_or_null(w, "temperature", r->values[PARAM_TEMPERATURE]);
    write_or_null(w, "top_p", r->values[PARAM_TOP_P]);
    write_or_null(w, "presence_penalty", r->values[PARAM_PRESENCE_PENALTY]);
    write_or_null(w, "frequency_penalty", r->values[PARAM_FREQUENCY_PENALTY]);
    write_reasoning_wish(w, r);
    responses_write_format(w, r);
    canon_write_value(w, "user", r->values[PARAM_USER]);
    canon_write_value(w, "safety_identifier", r->values[PARAM_SAFETY_IDENTIFIER]);
    canon_write_value(w, "prompt_cache_key", r->values[PARAM_PROMPT_CACHE_KEY]);
    jw_bool(w, "store", false);
    jw_bool(w, "background", false);
    jw_null(w, "previous_response_id");
}

/* OpenAI's word for an error within a response. */
static const char *code_of(enum err e)
{
    switch (e) {
    case ERR_RATE:
        return "rate_limit_exceeded";
    case ERR_INVALID:
    case ERR_CONTEXT:
        return "invalid_prompt";
    default:
        return "server_error";
    }
}

static void write_error_member(struct json_writer *w, const struct canon_failure *x)
{
    if (!x) {
        jw_null(w, "error");
        return;
    }
    jw_object(w, "error");
    jw_str_c(w, "code", code_of(x->err));
    jw_str(w, "message", x->message);
    if (x->provider.n || x->previous_n) {
        jw_object(w, "metadata");
        canon_write_origin(w, x);
        jw_end(w);
    }
    jw_end(w);
    jw_str_c(w, "error_type", err_type(x->err));
}

static void write_output(struct json_writer *w, const struct canon_writer *to, bool is_final)
{
    const struct responses_writing *s = to->state;
    jw_array(w, "output");
    for (const struct responses_item *i = s->items; i; i = i->next)
        responses_write_item(w, NULL, to, i);
    jw_end(w);
    if (!is_final)
        return;
    jw_raw(w, "output_text", STR("\""));
    for (const struct responses_item *i = s->items; i; i = i->next) {
        for (const struct responses_piece *p = i->pieces; p; p = p->next) {
            if (p->kind == PIECE_TEXT)
                buf_add(w->out, buf_view(&p->text));
        }
    }
    buf_add(w->out, STR("\""));
}

void responses_write_members(struct json_writer *w, const struct canon_writer *to,
                             const struct responses_standing *at)
{
    const struct responses_writing *s = to->state;
    bool is_final = strcmp(at->status, "in_progress") != 0;
    jw_raw_str(w, "id", to->who.id);
    jw_str_c(w, "object", "response");
    jw_i64(w, "created_at", to->who.created);
    jw_null(w, "completed_at");
    jw_str_c(w, "status", at->status);
    jw_raw_str(w, "model", to->who.model);
    jw_raw_str(w, "provider", to->who.provider);
    write_error_member(w, at->x);
    if (at->cut) {
        jw_object(w, "incomplete_details");
        jw_str_c(w, "reason", at->cut);
        jw_end(w);
    } else {
        jw_null(w, "incomplete_details");
    }
    write_output(w, to, is_final);
    write_asked(w, to->asked);
    canon_write_text(w, "service_tier", s->tier);
    if (at->bill)
        write_usage(w, at->bill);
    else
        jw_null(w, "usage");
}
