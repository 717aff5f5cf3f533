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
    jw_str(w, "id", sim__id(c, "toolu", id));
    jw_str(w, "name", c->tool);
}

static void whole(struct sim_call *c)
{
    struct json_writer w;
    json_writer_init(&w, &c->out);
    jw_object(&w, NULL);
    write_message_head(c, &w);
    jw_array(&w, "content");
    jw_object(&w, NULL);
    if (c->tool.n) {
        write_tool_head(c, &w);
        jw_raw(&w, "input", sim__text_is_json(c) ? buf_view(&c->text) : STR("{}"));
    } else {
        jw_str_c(&w, "type", "text");
        sim__write_text(c, &w, "text");
    }
    jw_end(&w);
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
    jw_u64(&w, "index", 0);
    jw_object(&w, "content_block");
    if (c->tool.n) {
        write_tool_head(c, &w);
        jw_object(&w, "input");
        jw_end(&w);
    } else {
        jw_str_c(&w, "type", "text");
        jw_str_c(&w, "text", "");
    }
    event_end(c, &w);
}

static void open_message(struct sim_call *c)
{
    message_start(c);
    block_start(c);
    buf_add(&c->out, STR("event: ping\ndata: {\"type\":\"ping\"}\n\n"));
}

static void piece(struct sim_call *c, struct str text)
{
    struct json_writer w;
    event_begin(c, &w, "content_block_delta");
    jw_u64(&w, "index", 0);
    jw_object(&w, "delta");
    jw_str_c(&w, "type", c->tool.n ? "input_json_delta" : "text_delta");
    jw_str(&w, c->tool.n ? "partial_json" : "text", text);
    event_end(c, &w);
}

static void close_message(struct sim_call *c)
{
    struct json_writer w;
    event_begin(c, &w, "content_block_stop");
    jw_u64(&w, "index", 0);
    event_end(c, &w);
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
    .open = open_message,
    .piece = piece,
    .close = close_message,
    .done = STR_INIT("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"),
    .error_event = STR_INIT("event: error\ndata: "),
};
