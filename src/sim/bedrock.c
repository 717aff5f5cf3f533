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

/* What Claude asks for at Anthropic, in the fields that are its own. */
static enum err read_thinking(struct sim_call *c, struct json request, struct fault *f)
{
    struct json own = json_get(request, STR("additionalModelRequestFields"));
    struct json type = json_get(json_get(own, STR("thinking")), STR("type"));
    bool calls = false;
    c->thinks = json_str_eq(type, STR("enabled")) || json_str_eq(type, STR("adaptive"));
    struct json last = sim__last_of(request, &turns, STR("assistant"));
    for (struct json b = json_first(last); b.type; b = json_after(last, b))
        calls |= json_is(json_get(b, STR("toolUse")), JSON_OBJECT);
    struct json thought = json_get(json_first(last), STR("reasoningContent"));
    return sim__check_thinking(c, calls, json_is(thought, JSON_OBJECT), f);
}

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
        e = read_thinking(c, request, f);
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
    const struct sim_block *b = sim__block(c);
    jw_object(w, "toolUse");
    jw_str(w, "toolUseId", sim__tool_id(c, "tooluse", b->tool, id));
    jw_str(w, "name", c->tools[b->tool].name);
    if (is_whole)
        jw_raw(w, "input", sim__text_is_json(c) ? sim__block_text(c, b) : STR("{}"));
    jw_end(w);
}

static void write_thought(struct sim_call *c, struct json_writer *w)
{
    jw_object(w, "reasoningContent");
    jw_object(w, "reasoningText");
    sim__write_text(c, w, "text");
    sim__write_signature(c, w, "signature", sim__block(c));
    jw_end(w);
    jw_end(w);
}

static void whole_block(struct sim_call *c, struct json_writer *w)
{
    jw_object(w, NULL);
    switch (sim__block(c)->kind) {
    case SIM_BLOCK_THOUGHT:
        write_thought(c, w);
        break;
    case SIM_BLOCK_TEXT:
        sim__write_text(c, w, "text");
        break;
    case SIM_BLOCK_TOOL:
        write_tool(c, w, true);
        break;
    }
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
    for (; c->at < c->blocks_n; c->at++)
        whole_block(c, &w);
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
}

static void block_event_begin(struct sim_call *c, struct event *e, const char *key)
{
    event_begin(e);
    jw_u64(&e->w, "contentBlockIndex", c->at);
    if (key)
        jw_object(&e->w, key);
}

/* Texts and thoughts begin with their first piece. */
static void open_block(struct sim_call *c)
{
    struct event e;
    if (sim__block(c)->kind != SIM_BLOCK_TOOL)
        return;
    block_event_begin(c, &e, "start");
    write_tool(c, &e.w, false);
    event_end(c, &e, EVENTSTREAM_EVENT, "contentBlockStart");
}

static void piece(struct sim_call *c, struct str text)
{
    static const char *const keys[] = {[SIM_BLOCK_THOUGHT] = "reasoningContent",
                                       [SIM_BLOCK_TEXT] = NULL,
                                       [SIM_BLOCK_TOOL] = "toolUse"};
    enum sim_block_kind kind = sim__block(c)->kind;
    struct event e;
    block_event_begin(c, &e, "delta");
    if (keys[kind])
        jw_object(&e.w, keys[kind]);
    jw_str(&e.w, kind == SIM_BLOCK_TOOL ? "input" : "text", text);
    event_end(c, &e, EVENTSTREAM_EVENT, "contentBlockDelta");
}

static void close_block(struct sim_call *c)
{
    struct event e;
    if (sim__block(c)->kind == SIM_BLOCK_THOUGHT) {
        block_event_begin(c, &e, "delta");
        jw_object(&e.w, "reasoningContent");
        sim__write_signature(c, &e.w, "signature", sim__block(c));
        event_end(c, &e, EVENTSTREAM_EVENT, "contentBlockDelta");
    }
    block_event_begin(c, &e, NULL);
    event_end(c, &e, EVENTSTREAM_EVENT, "contentBlockStop");
}

static void close_message(struct sim_call *c)
{
    struct event e;
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
    .block = open_block,
    .piece = piece,
    .block_end = close_block,
    .close = close_message,
    .stream_fields = "Content-Type: application/vnd.amazon.eventstream\r\n",
    .problem_event = problem_event,
    .malformed = malformed,
    .is_signed = true,
    .wrong_key_status = 403,
};
