/* anthropic.c: Anthropic's messages, whole and streamed. */
#include "sim/internal.h"

static const char *const stop_reasons[] = {
    [SIM_FINISH_STOP] = "end_turn",
    [SIM_FINISH_LENGTH] = "max_tokens",
    [SIM_FINISH_TOOL] = "tool_use",
    [SIM_FINISH_FILTER] = "refusal",
};

static void write_error(const struct sim_problem_words *p, struct str message, bool is_inside,
                        struct buf *out)
{
    (void)is_inside; /* its type tells as much as a status would */
    struct json_writer w;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_str_c(&w, "type", "error");
    jw_object(&w, "error");
    jw_str_c(&w, "type", p->anthropic_type);
    jw_str(&w, "message", message.n ? message : str_c(p->anthropic ? p->anthropic : p->openai));
    jw_finish(&w);
}

/* --- the request ------------------------------------------------------------------------------ */

static const char *const roles[] = {"user", "assistant", NULL};
static const struct sim_turns turns = {"messages", "content", roles, false};

static struct json tool_name(struct json tool)
{
    return json_get(tool, STR("name"));
}

static enum err read_tools(struct sim_call *c, struct json request, struct fault *f)
{
    struct json choice = json_get(request, STR("tool_choice"));
    struct json type = json_get(choice, STR("type"));
    struct sim_tool_choice wanted = {
        .never = json_str_eq(type, STR("none")),
        .must = json_str_eq(type, STR("any")),
        .named = json_get(choice, STR("name")),
    };
    sim__pick_tool(c, json_get(request, STR("tools")), tool_name, &wanted);
    return sim__check_tool(c, &wanted, f);
}

static enum err check_thinking(const struct sim_call *c, struct json request, struct fault *f)
{
    struct json last = sim__last_of(request, &turns, STR("assistant"));
    struct json first = json_get(json_first(last), STR("type"));
    bool calls = false;
    for (struct json b = json_first(last); b.type; b = json_after(last, b))
        calls |= json_str_eq(json_get(b, STR("type")), STR("tool_use"));
    bool has_thought =
        json_str_eq(first, STR("thinking")) || json_str_eq(first, STR("redacted_thinking"));
    return sim__check_thinking(c, calls, has_thought, f);
}

static void read_wishes(struct sim_call *c, struct json request)
{
    struct json thinking = json_get(json_get(request, STR("thinking")), STR("type"));
    struct json format = json_get(json_get(request, STR("output_config")), STR("format"));
    c->thinks = json_str_eq(thinking, STR("enabled")) || json_str_eq(thinking, STR("adaptive"));
    c->wants_json = json_str_eq(json_get(format, STR("type")), STR("json_schema"));
}

static enum err read_messages(struct sim_call *c, struct json request, struct fault *f)
{
    enum err e = sim__read_model_member(c, request, f);
    if (e == ERR_OK)
        e = sim__read_count(request, "max_tokens", &c->max_tokens, f);
    if (e == ERR_OK && c->max_tokens == 0)
        e = fault_set(f, ERR_INVALID, "max_tokens: Field required");
    if (e == ERR_OK)
        e = sim__read_bool(request, "stream", &c->is_stream, f);
    if (e == ERR_OK)
        e = sim__count_text(c, json_get(request, STR("system")), "system", f);
    if (e == ERR_OK)
        e = sim__read_turns(c, request, &turns, f);
    read_wishes(c, request);
    if (e == ERR_OK)
        e = check_thinking(c, request, f);
    if (e == ERR_OK)
        e = read_tools(c, request, f);
    return e;
}

/* --- the answer ------------------------------------------------------------------------------- */

static void write_input_usage(const struct sim_call *c, struct json_writer *w, uint64_t output)
{
    if (!sim__tells_usage(c))
        return;
    jw_object(w, "usage");
    jw_u64(w, "input_tokens", c->prompt_tokens);
    jw_u64(w, "cache_creation_input_tokens", 0);
    jw_u64(w, "cache_read_input_tokens", 0);
    jw_u64(w, "output_tokens", output);
    jw_end(w);
}

static void write_message_head(struct sim_call *c, struct json_writer *w)
{
    char id[SIM_ID_MAX];
    jw_str(w, "id", sim__id(c, "msg", id));
    jw_str_c(w, "type", "message");
    jw_str_c(w, "role", "assistant");
    jw_str(w, "model", c->model);
}

static void write_tool_head(struct sim_call *c, struct json_writer *w)
{
    char id[SIM_ID_MAX];
    jw_str_c(w, "type", "tool_use");
    jw_str(w, "id", sim__tool_id(c, "toolu", sim__block(c)->tool, id));
    jw_str(w, "name", c->tools[sim__block(c)->tool].name);
}

static void whole_block(struct sim_call *c, struct json_writer *w)
{
    jw_object(w, NULL);
    switch (sim__block(c)->kind) {
    case SIM_BLOCK_THOUGHT:
        jw_str_c(w, "type", "thinking");
        sim__write_text(c, w, "thinking");
        sim__write_signature(c, w, "signature", sim__block(c));
        break;
    case SIM_BLOCK_TEXT:
        jw_str_c(w, "type", "text");
        sim__write_text(c, w, "text");
        break;
    case SIM_BLOCK_TOOL:
        write_tool_head(c, w);
        jw_raw(w, "input", sim__text_is_json(c) ? sim__block_text(c, sim__block(c)) : STR("{}"));
        break;
    }
    jw_end(w);
}

static void whole(struct sim_call *c)
{
    struct json_writer w;
    json_writer_init(&w, &c->out);
    jw_object(&w, NULL);
    write_message_head(c, &w);
    jw_array(&w, "content");
    for (; c->at < c->blocks_n; c->at++)
        whole_block(c, &w);
    jw_end(&w);
    jw_str_c(&w, "stop_reason", stop_reasons[c->finish]);
    jw_null(&w, "stop_sequence");
    write_input_usage(c, &w, c->completion_tokens);
    jw_finish(&w);
}

static void event_begin(struct sim_call *c, struct json_writer *w, const char *name)
{
    buf_add(&c->out, STR("event: "));
    buf_add_c(&c->out, name);
    buf_add(&c->out, STR("\ndata: "));
    json_writer_init(w, &c->out);
    jw_object(w, NULL);
    jw_str_c(w, "type", name);
}

static void event_end(struct sim_call *c, struct json_writer *w)
{
    jw_finish(w);
    buf_add(&c->out, STR("\n\n"));
}

static void message_start(struct sim_call *c)
{
    struct json_writer w;
    event_begin(c, &w, "message_start");
    jw_object(&w, "message");
    write_message_head(c, &w);
    jw_array(&w, "content");
    jw_end(&w);
    jw_null(&w, "stop_reason");
    jw_null(&w, "stop_sequence");
    write_input_usage(c, &w, 0);
    event_end(c, &w);
}

static void block_start(struct sim_call *c)
{
    struct json_writer w;
    event_begin(c, &w, "content_block_start");
    jw_u64(&w, "index", c->at);
    jw_object(&w, "content_block");
    switch (sim__block(c)->kind) {
    case SIM_BLOCK_THOUGHT:
        jw_str_c(&w, "type", "thinking");
        jw_str_c(&w, "thinking", "");
        jw_str_c(&w, "signature", "");
        break;
    case SIM_BLOCK_TEXT:
        jw_str_c(&w, "type", "text");
        jw_str_c(&w, "text", "");
        break;
    case SIM_BLOCK_TOOL:
        write_tool_head(c, &w);
        jw_object(&w, "input");
        jw_end(&w);
        break;
    }
    event_end(c, &w);
    if (c->at == 0)
        buf_add(&c->out, STR("event: ping\ndata: {\"type\":\"ping\"}\n\n"));
}

static void delta_begin(struct sim_call *c, struct json_writer *w, const char *type)
{
    event_begin(c, w, "content_block_delta");
    jw_u64(w, "index", c->at);
    jw_object(w, "delta");
    jw_str_c(w, "type", type);
}

static void piece(struct sim_call *c, struct str text)
{
    static const char *const types[] = {[SIM_BLOCK_THOUGHT] = "thinking_delta",
                                        [SIM_BLOCK_TEXT] = "text_delta",
                                        [SIM_BLOCK_TOOL] = "input_json_delta"};
    static const char *const members[] = {[SIM_BLOCK_THOUGHT] = "thinking",
                                          [SIM_BLOCK_TEXT] = "text",
                                          [SIM_BLOCK_TOOL] = "partial_json"};
    struct json_writer w;
    delta_begin(c, &w, types[sim__block(c)->kind]);
    jw_str(&w, members[sim__block(c)->kind], text);
    event_end(c, &w);
}

static void block_stop(struct sim_call *c)
{
    struct json_writer w;
    if (sim__block(c)->kind == SIM_BLOCK_THOUGHT) {
        delta_begin(c, &w, "signature_delta");
        sim__write_signature(c, &w, "signature", sim__block(c));
        event_end(c, &w);
    }
    event_begin(c, &w, "content_block_stop");
    jw_u64(&w, "index", c->at);
    event_end(c, &w);
}

static void close_message(struct sim_call *c)
{
    struct json_writer w;
    event_begin(c, &w, "message_delta");
    jw_object(&w, "delta");
    jw_str_c(&w, "stop_reason", stop_reasons[c->finish]);
    jw_null(&w, "stop_sequence");
    jw_end(&w);
    if (sim__tells_usage(c)) {
        jw_object(&w, "usage");
        jw_u64(&w, "output_tokens", c->completion_tokens);
        jw_end(&w);
    }
    event_end(c, &w);
}

const struct sim_format sim__messages = {
    .error = write_error,
    .read = read_messages,
    .whole = whole,
    .open = message_start,
    .block = block_start,
    .piece = piece,
    .block_end = block_stop,
    .close = close_message,
    .done = STR_INIT("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"),
    .error_event = STR_INIT("event: error\ndata: "),
};
