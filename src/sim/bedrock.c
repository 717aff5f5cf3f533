/* bedrock.c: Bedrock's Converse and ConverseStream. Its streams are framed as AWS does it; none of
 * its events says "done": the one with the usage is the last. */
#include "sim/internal.h"

#include "http/eventstream.h"
#include "http/url.h"

static void write_message(struct json_writer *w, const struct sim_problem_words *p,
                          struct str message)
{
    jw_str(w, "message", message.n ? message : str_c(p->bedrock ? p->bedrock : p->openai));
}

/* Which error it is stands in a head that a status of 200 has not. */
static void write_error(const struct sim_problem_words *p, struct str message, bool is_inside,
                        struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    if (is_inside)
        jw_str_c(&w, "__type", p->exception);
    write_message(&w, p, message);
    jw_finish(&w);
}

/* --- the request ------------------------------------------------------------------------------ */

/* "{model}/converse", and what is behind the slash with "-stream". */
static enum err read_path(struct sim_call *c, struct fault *f)
{
    struct buf decoded;
    struct str verb = c->rest, name = str_cut(&verb, '/');
    c->is_stream = str_eq(verb, STR("converse-stream"));
    if (!c->is_stream && !str_eq(verb, STR("converse")))
        return fault_set(f, ERR_NOT_FOUND, "The path must end in /converse or /converse-stream.");
    buf_init(&decoded, HTTP_HEAD_MAX);
    enum err e = sim__read_model(c, url_segment(name, &decoded), f);
    buf_release(&decoded);
    return e;
}

static struct json tool_name(struct json tool)
{
    return json_get(json_get(tool, STR("toolSpec")), STR("name"));
}

static enum err read_tools(struct sim_call *c, struct json config, struct fault *f)
{
    struct json choice = json_get(config, STR("toolChoice"));
    struct sim_tool_choice wanted = {
        .must = json_is(json_get(choice, STR("any")), JSON_OBJECT),
        .named = json_get(json_get(choice, STR("tool")), STR("name")),
    };
    sim__pick_tool(c, json_get(config, STR("tools")), tool_name, &wanted);
    return sim__check_tool(c, &wanted, f);
}

static const char *const roles[] = {"user", "assistant", NULL};
static const struct sim_turns turns = {"messages", "content", roles, false};

static enum err read_converse(struct sim_call *c, struct json request, struct fault *f)
{
    struct json format = json_get(json_get(request, STR("outputConfig")), STR("textFormat"));
    enum err e = read_path(c, f);
    c->wants_json = json_str_eq(json_get(format, STR("type")), STR("json_schema"));
    if (e == ERR_OK)
        e = sim__read_count(json_get(request, STR("inferenceConfig")), "maxTokens", &c->max_tokens,
                            f);
    if (e == ERR_OK)
        e = sim__count_text(c, json_get(request, STR("system")), "system", f);
    if (e == ERR_OK)
        e = sim__read_turns(c, request, &turns, f);
    if (e == ERR_OK)
        e = read_tools(c, json_get(request, STR("toolConfig")), f);
    return e;
}

/* --- the answer ------------------------------------------------------------------------------- */

static const char *const stop_reasons[] = {
    [SIM_FINISH_STOP] = "end_turn",
    [SIM_FINISH_LENGTH] = "max_tokens",
    [SIM_FINISH_TOOL] = "tool_use",
    [SIM_FINISH_FILTER] = "content_filtered",
};

static void write_metadata(const struct sim_call *c, struct json_writer *w)
{
    if (sim__tells_usage(c)) {
        jw_object(w, "usage");
        jw_u64(w, "inputTokens", c->prompt_tokens);
        jw_u64(w, "outputTokens", c->completion_tokens);
        jw_u64(w, "totalTokens", c->prompt_tokens + c->completion_tokens);
        jw_end(w);
    }
    jw_object(w, "metrics");
    jw_u64(w, "latencyMs", 1);
    jw_end(w);
}

/* Of a stream, without its input. */
static void write_tool(struct sim_call *c, struct json_writer *w, bool is_whole)
{
    char id[SIM_ID_MAX];
    jw_object(w, "toolUse");
    jw_str(w, "toolUseId", sim__id(c, "tooluse", id));
    jw_str(w, "name", c->tool);
    if (is_whole)
        jw_raw(w, "input", sim__text_is_json(c) ? buf_view(&c->text) : STR("{}"));
    jw_end(w);
}

static void whole(struct sim_call *c)
{
    struct json_writer w;
    json_writer_init(&w, &c->out);
    jw_object(&w, NULL);
    jw_object(&w, "output");
    jw_object(&w, "message");
    jw_str_c(&w, "role", "assistant");
    jw_array(&w, "content");
    jw_object(&w, NULL);
    if (c->tool.n)
        write_tool(c, &w, true);
    else
        sim__write_text(c, &w, "text");
    jw_end(&w);
    jw_end(&w);
    jw_end(&w);
    jw_end(&w); /* output */
    jw_str_c(&w, "stopReason", stop_reasons[c->finish]);
    write_metadata(c, &w);
    jw_finish(&w);
}

/* --- events ----------------------------------------------------------------------------------- */

/* One event's payload, being written. */
struct event {
    struct buf json;
    struct json_writer w;
};

static void event_begin(struct event *e)
{
    buf_init(&e->json, SIM_ANSWER_MAX);
    json_writer_init(&e->w, &e->json);
    jw_object(&e->w, NULL);
}

static void event_end(struct sim_call *c, struct event *e, enum eventstream_kind kind,
                      const char *name)
{
    if (jw_finish(&e->w) != ERR_OK)
        c->out.failed = ERR_NOMEM;
    struct eventstream_event framed = {kind, str_c(name), buf_view(&e->json), STR_NONE};
    eventstream_add(&c->out, &framed);
    buf_release(&e->json);
}

static void open_message(struct sim_call *c)
{
    struct event e;
    event_begin(&e);
    jw_str_c(&e.w, "role", "assistant");
    event_end(c, &e, EVENTSTREAM_EVENT, "messageStart");
    if (!c->tool.n) /* texts begin with their first piece */
        return;
    event_begin(&e);
    jw_u64(&e.w, "contentBlockIndex", 0);
    jw_object(&e.w, "start");
    write_tool(c, &e.w, false);
    event_end(c, &e, EVENTSTREAM_EVENT, "contentBlockStart");
}

static void piece(struct sim_call *c, struct str text)
{
    struct event e;
    event_begin(&e);
    jw_u64(&e.w, "contentBlockIndex", 0);
    jw_object(&e.w, "delta");
    if (c->tool.n) {
        jw_object(&e.w, "toolUse");
        jw_str(&e.w, "input", text);
    } else {
        jw_str(&e.w, "text", text);
    }
    event_end(c, &e, EVENTSTREAM_EVENT, "contentBlockDelta");
}

static void close_message(struct sim_call *c)
{
    struct event e;
    event_begin(&e);
    jw_u64(&e.w, "contentBlockIndex", 0);
    event_end(c, &e, EVENTSTREAM_EVENT, "contentBlockStop");
    event_begin(&e);
    jw_str_c(&e.w, "stopReason", stop_reasons[c->finish]);
    event_end(c, &e, EVENTSTREAM_EVENT, "messageStop");
    if (c->fault->traits & SIM_NO_DONE)
        return;
    event_begin(&e);
    write_metadata(c, &e.w);
    event_end(c, &e, EVENTSTREAM_EVENT, "metadata");
}

static void problem_event(struct sim_call *c, const struct sim_problem_words *p)
{
    struct event e;
    event_begin(&e);
    write_message(&e.w, p, STR_NONE);
    event_end(c, &e, EVENTSTREAM_EXCEPTION, p->exception);
}

static void malformed(struct sim_call *c)
{
    piece(c, STR("damaged"));
    if (c->out.n)
        c->out.p[c->out.n - 1] ^= 1; /* the checksum */
}

const struct sim_format sim__bedrock = {
    .error = write_error,
    .read = read_converse,
    .whole = whole,
    .open = open_message,
    .piece = piece,
    .close = close_message,
    .stream_fields = "Content-Type: application/vnd.amazon.eventstream\r\n",
    .problem_event = problem_event,
    .malformed = malformed,
    .is_signed = true,
    .wrong_key_status = 403,
};
