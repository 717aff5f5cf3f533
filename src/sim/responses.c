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
    if (e == ERR_OK)
        e = read_tools(c, request, f);
    return e;
}

/* --- the answer ------------------------------------------------------------------------------- */

/* How far it is. */
enum standing { STANDING_BEGUN, STANDING_ENDED };

static const char *cut_by(const struct sim_call *c)
{
    return c->finish == SIM_FINISH_LENGTH   ? "max_output_tokens"
           : c->finish == SIM_FINISH_FILTER ? "content_filter"
                                            : NULL;
}

static void write_part(struct sim_call *c, struct json_writer *w, bool is_whole)
{
    jw_str_c(w, "type", "output_text");
    jw_array(w, "annotations");
    jw_end(w);
    if (is_whole)
        sim__write_text(c, w, "text");
    else
        jw_str_c(w, "text", "");
}

/* The members of the one item that there is. */
static void write_item(struct sim_call *c, struct json_writer *w, enum standing at)
{
    char id[SIM_ID_MAX];
    bool is_ended = at == STANDING_ENDED;
    jw_str_c(w, "type", c->tool.n ? "function_call" : "message");
    jw_str(w, "id", sim__id(c, c->tool.n ? "fc" : "msg", id));
    jw_str_c(w, "status", !is_ended ? "in_progress" : cut_by(c) ? "incomplete" : "completed");
    if (c->tool.n) {
        jw_str(w, "call_id", sim__id(c, "call", id));
        jw_str(w, "name", c->tool);
        jw_str(w, "arguments", is_ended ? buf_view(&c->text) : STR(""));
        return;
    }
    jw_str_c(w, "role", "assistant");
    jw_array(w, "content");
    if (is_ended) {
        jw_object(w, NULL);
        write_part(c, w, true);
        jw_end(w);
    }
    jw_end(w);
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
    jw_u64(w, "reasoning_tokens", 0);
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
    if (is_ended) {
        jw_object(w, NULL);
        write_item(c, w, at);
        jw_end(w);
    }
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
    jw_u64(&w, "output_index", 0);
    jw_object(&w, "item");
    write_item(c, &w, at);
    jw_end(&w);
    event_end(c, &w);
}

/* Up to where what is special about it follows. */
static void piece_begin(struct sim_call *c, struct json_writer *w, const char *type)
{
    char id[SIM_ID_MAX];
    event_begin(c, w, type);
    jw_str(w, "item_id", sim__id(c, c->tool.n ? "fc" : "msg", id));
    jw_u64(w, "output_index", 0);
    if (!c->tool.n)
        jw_u64(w, "content_index", 0);
}

static void part_event(struct sim_call *c, const char *type, bool is_whole)
{
    struct json_writer w;
    piece_begin(c, &w, type);
    jw_object(&w, "part");
    write_part(c, &w, is_whole);
    jw_end(&w);
    event_end(c, &w);
}

static void open_stream(struct sim_call *c)
{
    response_event(c, "response.created", STANDING_BEGUN);
    response_event(c, "response.in_progress", STANDING_BEGUN);
    item_event(c, "response.output_item.added", STANDING_BEGUN);
    if (!c->tool.n)
        part_event(c, "response.content_part.added", false);
}

static void piece(struct sim_call *c, struct str text)
{
    struct json_writer w;
    piece_begin(
        c, &w, c->tool.n ? "response.function_call_arguments.delta" : "response.output_text.delta");
    jw_str(&w, "delta", text);
    event_end(c, &w);
}

static void close_stream(struct sim_call *c)
{
    struct json_writer w;
    piece_begin(c, &w,
                c->tool.n ? "response.function_call_arguments.done" : "response.output_text.done");
    jw_str(&w, c->tool.n ? "arguments" : "text", buf_view(&c->text));
    event_end(c, &w);
    if (!c->tool.n)
        part_event(c, "response.content_part.done", true);
    item_event(c, "response.output_item.done", STANDING_ENDED);
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
    .piece = piece,
    .close = close_stream,
    .problem_event = problem_event,
};
