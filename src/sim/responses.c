/* responses.c: OpenAI's responses, whole and streamed. Its last event bears the whole response, and
 * how it ended: there is nothing behind it that says "done". */
#include "sim/internal.h"

/* --- errors ----------------------------------------------------------------------------------- */

/* Codes of this format are words where the chat's are numbers. */
static const char *code_of(const struct sim_problem_words *p)
{
    const char *other = p->status == 503 ? "server_is_overloaded" : "server_error";
    return p->openai_code ? p->openai_code : p->status >= 500 ? other : NULL;
}

static void write_error(const struct sim_problem_words *p, struct str message, bool is_inside,
                        struct buf *out)
{
    (void)is_inside;
    struct json_writer w;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_object(&w, "error");
    jw_str(&w, "message", message.n ? message : str_c(p->openai));
    jw_str_c(&w, "type", p->openai_type);
    jw_null(&w, "param");
    jw_str_c(&w, "code", code_of(p));
    jw_finish(&w);
}

/* --- the request ------------------------------------------------------------------------------ */

static const char *const roles[] = {"system", "developer", "user", "assistant", NULL};
static const struct sim_turns turns = {"input", "content", roles, true};

static struct json tool_name(struct json tool)
{
    return json_get(tool, STR("name"));
}

static enum err read_tools(struct sim_call *c, struct json request, struct fault *f)
{
    struct json choice = json_get(request, STR("tool_choice"));
    struct sim_tool_choice wanted = {
        .never = json_str_eq(choice, STR("none")),
        .must = json_str_eq(choice, STR("required")),
        .named = json_get(choice, STR("name")),
    };
    sim__pick_tool(c, json_get(request, STR("tools")), tool_name, &wanted);
    return sim__check_tool(c, &wanted, f);
}

/* Thoughts are shown and given out only to who asks for that. */
static void read_reasoning(struct sim_call *c, struct json request)
{
    struct json reasoning = json_get(request, STR("reasoning"));
    struct json effort = json_get(reasoning, STR("effort"));
    struct json include = json_get(request, STR("include"));
    c->thinks = json_is(reasoning, JSON_OBJECT) && !json_str_eq(effort, STR("none"));
    c->wants_summary = json_is(json_get(reasoning, STR("summary")), JSON_STRING);
    for (struct json v = json_first(include); v.type; v = json_after(include, v))
        c->wants_sealed |= json_str_eq(v, STR("reasoning.encrypted_content"));
}

static enum err read_input(struct sim_call *c, struct json request, struct fault *f)
{
    struct json input = json_get(request, STR("input"));
    if (!json_is(input, JSON_STRING))
        return sim__read_turns(c, request, &turns, f);
    c->ends_with_user = true;
    return sim__read_prompt(c, input, "input", f);
}

static enum err read_response(struct sim_call *c, struct json request, struct fault *f)
{
    struct json format = json_get(json_get(request, STR("text")), STR("format"));
    struct json type = json_get(format, STR("type"));
    enum err e = sim__read_model_member(c, request, f);
    c->wants_json = json_str_eq(type, STR("json_object")) || json_str_eq(type, STR("json_schema"));
    if (e == ERR_OK)
        e = sim__read_count(request, "max_output_tokens", &c->max_tokens, f);
    if (e == ERR_OK)
        e = sim__read_bool(request, "stream", &c->is_stream, f);
    if (e == ERR_OK)
        e = sim__count_text(c, json_get(request, STR("instructions")), "instructions", f);
    if (e == ERR_OK)
        e = read_input(c, request, f);
    read_reasoning(c, request);
    if (e == ERR_OK)
        e = read_tools(c, request, f);
    return e;
}

/* --- the answer ------------------------------------------------------------------------------- */

/* How far it is. */
enum standing { STANDING_BEGUN, STANDING_ENDED };

/* Of each kind of block: its item, the item's part, and what the part's events are called. A call has no
 * part. */
static const struct words {
    const char *item, *prefix, *part, *index, *key;
    const char *part_added, *delta, *done, *part_done;
} kinds[] = {
    [SIM_BLOCK_THOUGHT] = {"reasoning", "rs", "summary_text", "summary_index", "text",
                           "response.reasoning_summary_part.added",
                           "response.reasoning_summary_text.delta",
                           "response.reasoning_summary_text.done",
                           "response.reasoning_summary_part.done"},
    [SIM_BLOCK_TEXT] = {"message", "msg", "output_text", "content_index", "text",
                        "response.content_part.added", "response.output_text.delta",
                        "response.output_text.done", "response.content_part.done"},
    [SIM_BLOCK_TOOL] = {"function_call", "fc", NULL, NULL, "arguments", NULL,
                        "response.function_call_arguments.delta",
                        "response.function_call_arguments.done", NULL},
};

static const struct words *words_of(const struct sim_call *c)
{
    return &kinds[sim__block(c)->kind];
}

static struct str item_id(const struct sim_call *c, char out[SIM_ID_MAX])
{
    return sim__tool_id(c, words_of(c)->prefix, sim__block(c)->tool, out);
}

static const char *cut_by(const struct sim_call *c)
{
    return c->finish == SIM_FINISH_LENGTH   ? "max_output_tokens"
           : c->finish == SIM_FINISH_FILTER ? "content_filter"
                                            : NULL;
}

/* A thought is shown where a summary is asked for. */
static bool has_part(const struct sim_call *c)
{
    return words_of(c)->part && (sim__block(c)->kind != SIM_BLOCK_THOUGHT || c->wants_summary);
}

static void write_part(struct sim_call *c, struct json_writer *w, const char *key, bool is_whole)
{
    jw_object(w, key);
    jw_str_c(w, "type", words_of(c)->part);
    if (sim__block(c)->kind == SIM_BLOCK_TEXT) {
        jw_array(w, "annotations");
        jw_end(w);
    }
    if (is_whole)
        sim__write_text(c, w, "text");
    else
        jw_str_c(w, "text", "");
    jw_end(w);
}

static void write_parts(struct sim_call *c, struct json_writer *w, const char *key,
                        enum standing at)
{
    jw_array(w, key);
    if (at == STANDING_ENDED && has_part(c))
        write_part(c, w, NULL, true);
    jw_end(w);
}

/* The item of the block that is being told. */
static void write_item(struct sim_call *c, struct json_writer *w, const char *key, enum standing at)
{
    char id[SIM_ID_MAX];
    const struct sim_block *b = sim__block(c);
    bool is_ended = at == STANDING_ENDED, is_cut = cut_by(c) && c->at + 1 == c->blocks_n;
    jw_object(w, key);
    jw_str_c(w, "type", words_of(c)->item);
    jw_str(w, "id", item_id(c, id));
    jw_str_c(w, "status", !is_ended ? "in_progress" : is_cut ? "incomplete" : "completed");
    switch (b->kind) {
    case SIM_BLOCK_THOUGHT:
        write_parts(c, w, "summary", at);
        if (is_ended && c->wants_sealed)
            sim__write_signature(c, w, "encrypted_content", b);
        break;
    case SIM_BLOCK_TEXT:
        jw_str_c(w, "role", "assistant");
        write_parts(c, w, "content", at);
        break;
    case SIM_BLOCK_TOOL:
        jw_str(w, "call_id", sim__tool_id(c, "call", b->tool, id));
        jw_str(w, "name", c->tools[b->tool].name);
        jw_str(w, "arguments", is_ended ? sim__block_text(c, b) : STR(""));
        break;
    }
    jw_end(w);
}

static void write_items(struct sim_call *c, struct json_writer *w)
{
    for (c->at = 0; c->at < c->blocks_n; c->at++)
        write_item(c, w, NULL, STANDING_ENDED);
}

static void write_usage(const struct sim_call *c, struct json_writer *w)
{
    jw_object(w, "usage");
    jw_u64(w, "input_tokens", c->prompt_tokens);
    jw_object(w, "input_tokens_details");
    jw_u64(w, "cached_tokens", 0);
    jw_end(w);
    jw_u64(w, "output_tokens", c->completion_tokens);
    jw_object(w, "output_tokens_details");
    jw_u64(w, "reasoning_tokens", c->thought_tokens);
    jw_end(w);
    jw_u64(w, "total_tokens", c->prompt_tokens + c->completion_tokens);
    jw_end(w);
}

static void write_cut(const struct sim_call *c, struct json_writer *w, enum standing at)
{
    if (at == STANDING_BEGUN || !cut_by(c)) {
        jw_null(w, "incomplete_details");
        return;
    }
    jw_object(w, "incomplete_details");
    jw_str_c(w, "reason", cut_by(c));
    jw_end(w);
}

static void write_response(struct sim_call *c, struct json_writer *w, enum standing at)
{
    char id[SIM_ID_MAX];
    bool is_ended = at == STANDING_ENDED;
    jw_str(w, "id", sim__id(c, "resp", id));
    jw_str_c(w, "object", "response");
    jw_u64(w, "created_at", sim__created());
    jw_str_c(w, "status", !is_ended ? "in_progress" : cut_by(c) ? "incomplete" : "completed");
    jw_null(w, "error");
    write_cut(c, w, at);
    jw_str(w, "model", c->model);
    jw_array(w, "output");
    if (is_ended)
        write_items(c, w);
    jw_end(w);
    if (is_ended && sim__tells_usage(c))
        write_usage(c, w);
    else
        jw_null(w, "usage");
}

static void whole(struct sim_call *c)
{
    struct json_writer w;
    json_writer_init(&w, &c->out);
    jw_object(&w, NULL);
    write_response(c, &w, STANDING_ENDED);
    jw_finish(&w);
}

/* --- events ----------------------------------------------------------------------------------- */

static void event_begin(struct sim_call *c, struct json_writer *w, const char *type)
{
    buf_add(&c->out, STR("event: "));
    buf_add_c(&c->out, type);
    buf_add(&c->out, STR("\ndata: "));
    json_writer_init(w, &c->out);
    jw_object(w, NULL);
    jw_str_c(w, "type", type);
    jw_u64(w, "sequence_number", c->events++);
}

static void event_end(struct sim_call *c, struct json_writer *w)
{
    jw_finish(w);
    buf_add(&c->out, STR("\n\n"));
}

static void response_event(struct sim_call *c, const char *type, enum standing at)
{
    struct json_writer w;
    event_begin(c, &w, type);
    jw_object(&w, "response");
    write_response(c, &w, at);
    jw_end(&w);
    event_end(c, &w);
}

static void item_event(struct sim_call *c, const char *type, enum standing at)
{
    struct json_writer w;
    event_begin(c, &w, type);
    jw_u64(&w, "output_index", c->at);
    write_item(c, &w, "item", at);
    event_end(c, &w);
}

/* Up to where what is special about it follows. */
static void piece_begin(struct sim_call *c, struct json_writer *w, const char *type)
{
    char id[SIM_ID_MAX];
    event_begin(c, w, type);
    jw_str(w, "item_id", item_id(c, id));
    jw_u64(w, "output_index", c->at);
    if (words_of(c)->index)
        jw_u64(w, words_of(c)->index, 0);
}

static void part_event(struct sim_call *c, const char *type, bool is_whole)
{
    struct json_writer w;
    piece_begin(c, &w, type);
    write_part(c, &w, "part", is_whole);
    event_end(c, &w);
}

static void open_stream(struct sim_call *c)
{
    response_event(c, "response.created", STANDING_BEGUN);
    response_event(c, "response.in_progress", STANDING_BEGUN);
}

static bool is_hidden(const struct sim_call *c)
{
    return sim__block(c)->kind == SIM_BLOCK_THOUGHT && !has_part(c);
}

static void open_item(struct sim_call *c)
{
    item_event(c, "response.output_item.added", STANDING_BEGUN);
    if (has_part(c))
        part_event(c, words_of(c)->part_added, false);
    if (is_hidden(c))
        c->said = sim__block(c)->end;
}

static void piece(struct sim_call *c, struct str text)
{
    struct json_writer w;
    piece_begin(c, &w, words_of(c)->delta);
    jw_str(&w, "delta", text);
    event_end(c, &w);
}

static void close_item(struct sim_call *c)
{
    struct json_writer w;
    if (!is_hidden(c)) {
        piece_begin(c, &w, words_of(c)->done);
        jw_str(&w, words_of(c)->key, sim__block_text(c, sim__block(c)));
        event_end(c, &w);
    }
    if (has_part(c))
        part_event(c, words_of(c)->part_done, true);
    item_event(c, "response.output_item.done", STANDING_ENDED);
}

static void close_stream(struct sim_call *c)
{
    response_event(c, cut_by(c) ? "response.incomplete" : "response.completed", STANDING_ENDED);
}

static void problem_event(struct sim_call *c, const struct sim_problem_words *p)
{
    struct json_writer w;
    event_begin(c, &w, "error");
    jw_str_c(&w, "code", code_of(p));
    jw_str_c(&w, "message", p->openai);
    jw_null(&w, "param");
    event_end(c, &w);
}

const struct sim_format sim__responses = {
    .error = write_error,
    .read = read_response,
    .whole = whole,
    .open = open_stream,
    .block = open_item,
    .piece = piece,
    .block_end = close_item,
    .close = close_stream,
    .problem_event = problem_event,
};
