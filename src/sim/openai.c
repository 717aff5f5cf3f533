/* openai.c: chat completions, whole and streamed, and the older completions. */
#include "sim/internal.h"

static const char *const finish_names[] = {
    [SIM_FINISH_STOP] = "stop",
    [SIM_FINISH_LENGTH] = "length",
    [SIM_FINISH_TOOL] = "tool_calls",
    [SIM_FINISH_FILTER] = "content_filter",
};

/* --- both ------------------------------------------------------------------------------------- */

void sim__openai_error(const struct sim_problem_words *p, struct str message, bool is_inside,
                       struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_object(&w, "error");
    jw_str(&w, "message", message.n ? message : str_c(p->openai));
    jw_str_c(&w, "type", p->openai_type);
    if (is_inside) {
        jw_u64(&w, "code", (uint64_t)p->status);
    } else {
        jw_null(&w, "param");
        jw_str_c(&w, "code", p->openai_code);
    }
    jw_finish(&w);
}

static enum err read_common(struct sim_call *c, struct json request, struct fault *f)
{
    enum err e = sim__read_model_member(c, request, f);
    uint64_t n = 1;
    if (e == ERR_OK)
        e = sim__read_count(request, "n", &n, f);
    if (e == ERR_OK && n != 1)
        e = fault_set(f, ERR_INVALID, "n: the simulated provider gives one choice, not more");
    if (e == ERR_OK)
        e = sim__read_count(request, "max_tokens", &c->max_tokens, f);
    if (e == ERR_OK)
        e = sim__read_bool(request, "stream", &c->is_stream, f);
    struct json options = json_get(request, STR("stream_options"));
    if (e == ERR_OK)
        e = sim__read_bool(options, "include_usage", &c->wants_usage, f);
    return e;
}

static void write_head(struct sim_call *c, struct json_writer *w, const char *prefix,
                       const char *object)
{
    char id[SIM_ID_MAX];
    json_writer_init(w, &c->out);
    jw_object(w, NULL);
    jw_str(w, "id", sim__id(c, prefix, id));
    jw_str_c(w, "object", object);
    jw_u64(w, "created", sim__created());
    jw_str(w, "model", c->model);
}

static void write_usage(const struct sim_call *c, struct json_writer *w)
{
    jw_object(w, "usage");
    jw_u64(w, "prompt_tokens", c->prompt_tokens);
    jw_u64(w, "completion_tokens", c->completion_tokens);
    jw_u64(w, "total_tokens", c->prompt_tokens + c->completion_tokens);
    jw_object(w, "prompt_tokens_details");
    jw_u64(w, "cached_tokens", 0);
    jw_end(w);
    jw_object(w, "completion_tokens_details");
    jw_u64(w, "reasoning_tokens", c->thought_tokens);
    jw_end(w);
    jw_end(w);
}

/* --- events ----------------------------------------------------------------------------------- */

static void event_begin(struct sim_call *c, struct json_writer *w, const char *prefix,
                        const char *object)
{
    buf_add(&c->out, STR("data: "));
    write_head(c, w, prefix, object);
}

/* Who asked for usage gets it as null in every event but the one that has it. */
static void event_end(struct sim_call *c, struct json_writer *w)
{
    if (c->wants_usage && sim__tells_usage(c))
        jw_null(w, "usage");
    jw_finish(w);
    buf_add(&c->out, STR("\n\n"));
}

static void usage_event(struct sim_call *c, const char *prefix, const char *object)
{
    if (!c->wants_usage || !sim__tells_usage(c))
        return;
    struct json_writer w;
    event_begin(c, &w, prefix, object);
    jw_array(&w, "choices");
    jw_end(&w);
    write_usage(c, &w);
    jw_finish(&w);
    buf_add(&c->out, STR("\n\n"));
}

/* --- chat: the request ------------------------------------------------------------------------ */

static const char *const chat_roles[] = {"system", "developer", "user", "assistant",
                                         "tool",   "function",  NULL};
static const struct sim_turns chat_turns = {"messages", "content", chat_roles, false};

static struct json tool_name(struct json tool)
{
    return json_get(json_get(tool, STR("function")), STR("name"));
}

static enum err read_tools(struct sim_call *c, struct json request, struct fault *f)
{
    struct json choice = json_get(request, STR("tool_choice"));
    struct sim_tool_choice wanted = {
        .never = json_str_eq(choice, STR("none")),
        .must = json_str_eq(choice, STR("required")),
        .named = tool_name(choice),
    };
    sim__pick_tool(c, json_get(request, STR("tools")), tool_name, &wanted);
    return sim__check_tool(c, &wanted, f);
}

static enum err read_response_format(struct sim_call *c, struct json request, struct fault *f)
{
    struct json format = json_get(request, STR("response_format"));
    struct json type = json_get(format, STR("type"));
    c->wants_json = json_str_eq(type, STR("json_object")) || json_str_eq(type, STR("json_schema"));
    if (!json_is_none_or_null(format) && !c->wants_json && !json_str_eq(type, STR("text")))
        return fault_set(f, ERR_INVALID,
                         "response_format.type: expected text, json_object or json_schema");
    return ERR_OK;
}

/* OpenAI's word for it, or OpenRouter's object. Who asks for none gets none. */
static void read_reasoning(struct sim_call *c, struct json request)
{
    struct json effort = json_get(request, STR("reasoning_effort"));
    struct json object = json_get(request, STR("reasoning"));
    if (json_is(object, JSON_OBJECT))
        effort = json_get(object, STR("effort"));
    c->thinks = (json_is(effort, JSON_STRING) && !json_str_eq(effort, STR("none"))) ||
                json_is(json_get(object, STR("max_tokens")), JSON_NUMBER) ||
                json_is(json_get(object, STR("enabled")), JSON_TRUE);
}

static enum err chat_read(struct sim_call *c, struct json request, struct fault *f)
{
    enum err e = read_common(c, request, f);
    if (e == ERR_OK)
        e = sim__read_count(request, "max_completion_tokens", &c->max_tokens, f);
    if (e == ERR_OK)
        e = sim__read_turns(c, request, &chat_turns, f);
    read_reasoning(c, request);
    if (e == ERR_OK)
        e = read_response_format(c, request, f);
    if (e == ERR_OK)
        e = read_tools(c, request, f);
    return e;
}

/* --- chat: the answer ------------------------------------------------------------------------- */

static void tool_head(struct sim_call *c, struct json_writer *w)
{
    char id[SIM_ID_MAX];
    uint32_t tool = sim__block(c)->tool;
    jw_str(w, "id", sim__tool_id(c, "call", tool, id));
    jw_str_c(w, "type", "function");
    jw_object(w, "function");
    jw_str(w, "name", c->tools[tool].name);
}

static void whole_call(struct sim_call *c, struct json_writer *w)
{
    jw_object(w, NULL);
    tool_head(c, w);
    sim__write_text(c, w, "arguments");
    jw_end(w);
    jw_end(w);
}

/* The thought's name is not OpenAI's, whose chat shows none: it is that of most who speak its format. */
static void whole_message(struct sim_call *c, struct json_writer *w)
{
    jw_object(w, "message");
    jw_str_c(w, "role", "assistant");
    if (sim__block(c)->kind == SIM_BLOCK_THOUGHT) {
        sim__write_text(c, w, "reasoning_content");
        c->at++;
    }
    bool has_more = c->at < c->blocks_n;
    if (has_more && sim__block(c)->kind == SIM_BLOCK_TEXT)
        sim__write_text(c, w, "content");
    else
        jw_null(w, "content");
    if (has_more && sim__block(c)->kind == SIM_BLOCK_TOOL) {
        jw_array(w, "tool_calls");
        for (; c->at < c->blocks_n; c->at++)
            whole_call(c, w);
        jw_end(w);
    }
    jw_null(w, "refusal");
    jw_end(w);
}

static void chat_whole(struct sim_call *c)
{
    struct json_writer w;
    write_head(c, &w, "chatcmpl", "chat.completion");
    jw_array(&w, "choices");
    jw_object(&w, NULL);
    jw_u64(&w, "index", 0);
    whole_message(c, &w);
    jw_null(&w, "logprobs");
    jw_str_c(&w, "finish_reason", finish_names[c->finish]);
    jw_end(&w);
    jw_end(&w);
    if (sim__tells_usage(c))
        write_usage(c, &w);
    jw_finish(&w);
}

static void chunk_begin(struct sim_call *c, struct json_writer *w)
{
    event_begin(c, w, "chatcmpl", "chat.completion.chunk");
    jw_array(w, "choices");
    jw_object(w, NULL);
    jw_u64(w, "index", 0);
    jw_object(w, "delta");
}

static void chunk_end(struct sim_call *c, struct json_writer *w, const char *finish)
{
    jw_end(w); /* delta */
    jw_null(w, "logprobs");
    jw_str_c(w, "finish_reason", finish);
    jw_end(w);
    jw_end(w);
    event_end(c, w);
}

/* One call, up to where what is special about it may follow. */
static void tool_delta(const struct sim_call *c, struct json_writer *w)
{
    jw_array(w, "tool_calls");
    jw_object(w, NULL);
    jw_u64(w, "index", sim__block(c)->tool);
}

static void tool_delta_end(struct json_writer *w)
{
    jw_end(w); /* function */
    jw_end(w);
    jw_end(w);
}

static void chat_open(struct sim_call *c)
{
    struct json_writer w;
    chunk_begin(c, &w);
    jw_str_c(&w, "role", "assistant");
    jw_str_c(&w, "content", sim__block(c)->kind == SIM_BLOCK_TEXT ? "" : NULL);
    chunk_end(c, &w, NULL);
}

static void chat_block(struct sim_call *c)
{
    if (sim__block(c)->kind != SIM_BLOCK_TOOL)
        return;
    struct json_writer w;
    chunk_begin(c, &w);
    tool_delta(c, &w);
    tool_head(c, &w);
    jw_str_c(&w, "arguments", "");
    tool_delta_end(&w);
    chunk_end(c, &w, NULL);
}

static void chat_piece(struct sim_call *c, struct str text)
{
    struct json_writer w;
    chunk_begin(c, &w);
    if (sim__block(c)->kind == SIM_BLOCK_TOOL) {
        tool_delta(c, &w);
        jw_object(&w, "function");
        jw_str(&w, "arguments", text);
        tool_delta_end(&w);
    } else {
        bool is_thought = sim__block(c)->kind == SIM_BLOCK_THOUGHT;
        jw_str(&w, is_thought ? "reasoning_content" : "content", text);
    }
    chunk_end(c, &w, NULL);
}

static void chat_close(struct sim_call *c)
{
    struct json_writer w;
    chunk_begin(c, &w);
    chunk_end(c, &w, finish_names[c->finish]);
    usage_event(c, "chatcmpl", "chat.completion.chunk");
}

const struct sim_format sim__chat = {
    .error = sim__openai_error,
    .read = chat_read,
    .whole = chat_whole,
    .open = chat_open,
    .block = chat_block,
    .piece = chat_piece,
    .close = chat_close,
    .done = STR_INIT("data: [DONE]\n\n"),
    .error_event = STR_INIT("data: "),
};

/* --- completions ------------------------------------------------------------------------------ */

static enum err text_read(struct sim_call *c, struct json request, struct fault *f)
{
    enum err e = read_common(c, request, f);
    if (e != ERR_OK)
        return e;
    struct json prompt = json_get(request, STR("prompt"));
    struct json first = json_first(prompt);
    bool is_list_of_one = !json_is(first, JSON_NONE) && json_is(prompt, JSON_ARRAY) &&
                          json_is(json_after(prompt, first), JSON_NONE);
    if (is_list_of_one)
        prompt = first;
    if (!json_is(prompt, JSON_STRING))
        return fault_set(f, ERR_INVALID, "prompt: expected one string, got %s", json_kind(prompt));
    return sim__read_prompt(c, prompt, "prompt", f);
}

static void text_choice(struct sim_call *c, struct json_writer *w, const struct str *piece,
                        const char *finish)
{
    jw_array(w, "choices");
    jw_object(w, NULL);
    if (piece)
        jw_str(w, "text", *piece);
    else
        sim__write_text(c, w, "text");
    jw_u64(w, "index", 0);
    jw_null(w, "logprobs");
    jw_str_c(w, "finish_reason", finish);
    jw_end(w);
    jw_end(w);
}

static void text_whole(struct sim_call *c)
{
    struct json_writer w;
    write_head(c, &w, "cmpl", "text_completion");
    text_choice(c, &w, NULL, finish_names[c->finish]);
    if (sim__tells_usage(c))
        write_usage(c, &w);
    jw_finish(&w);
}

static void text_event(struct sim_call *c, struct str text, const char *finish)
{
    struct json_writer w;
    event_begin(c, &w, "cmpl", "text_completion");
    text_choice(c, &w, &text, finish);
    event_end(c, &w);
}

static void text_open(struct sim_call *c)
{
    (void)c; /* its streams begin with text */
}

static void text_piece(struct sim_call *c, struct str text)
{
    text_event(c, text, NULL);
}

static void text_close(struct sim_call *c)
{
    text_event(c, STR(""), finish_names[c->finish]);
    usage_event(c, "cmpl", "text_completion");
}

const struct sim_format sim__completions = {
    .error = sim__openai_error,
    .read = text_read,
    .whole = text_whole,
    .open = text_open,
    .piece = text_piece,
    .close = text_close,
    .done = STR_INIT("data: [DONE]\n\n"),
    .error_event = STR_INIT("data: "),
};
