/* gemini.c: Gemini's generateContent and streamGenerateContent. Its streams have no event that says
 * "done": the one with a finishReason is the last. */
#include "sim/internal.h"

#include "http/url.h"

void sim__gemini_error(const struct sim_problem_words *p, struct str message, bool is_inside,
                       struct buf *out)
{
    (void)is_inside; /* its code is a number always */
    struct json_writer w;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_object(&w, "error");
    jw_u64(&w, "code", (uint64_t)p->status);
    jw_str(&w, "message", message.n ? message : str_c(p->gemini ? p->gemini : p->openai));
    jw_str_c(&w, "status", p->gemini_status);
    jw_finish(&w);
}

/* --- the request ------------------------------------------------------------------------------ */

static bool asks_for_events(const struct sim_call *c)
{
    struct buf decoded;
    buf_init(&decoded, HTTP_HEAD_MAX);
    bool yes = str_eq(url_query(c->query, STR("alt"), &decoded), STR("sse"));
    buf_release(&decoded);
    return yes;
}

/* "{model}:generateContent"; a model's name may hold colons of its own. */
static enum err read_path(struct sim_call *c, struct fault *f)
{
    static const char whole_verb[] = ":generateContent", stream_verb[] = ":streamGenerateContent";
    struct str name = c->rest;
    c->is_stream = str_ends(name, str_c(stream_verb));
    if (!c->is_stream && !str_ends(name, str_c(whole_verb)))
        return fault_set(f, ERR_NOT_FOUND, "The path must end in %s or %s.", whole_verb,
                         stream_verb);
    if (c->is_stream && !asks_for_events(c))
        return fault_set(f, ERR_INVALID, "%s is served with ?alt=sse only.", stream_verb);
    name.n -= strlen(c->is_stream ? stream_verb : whole_verb);
    return sim__read_model(c, name, f);
}

static enum err read_config(struct sim_call *c, struct json config, struct fault *f)
{
    uint64_t candidates = 1;
    enum err e = sim__read_count(config, "maxOutputTokens", &c->max_tokens, f);
    if (e == ERR_OK)
        e = sim__read_count(config, "candidateCount", &candidates, f);
    if (e == ERR_OK && candidates != 1)
        e = fault_set(f, ERR_INVALID, "candidateCount: the simulated provider gives one, not more");
    c->wants_json = json_str_eq(json_get(config, STR("responseMimeType")), STR("application/json"));
    struct json thinking = json_get(config, STR("thinkingConfig"));
    c->thinks = json_is(json_get(thinking, STR("includeThoughts")), JSON_TRUE);
    return e;
}

static struct json tool_name(struct json tool)
{
    return json_get(tool, STR("name"));
}

static enum err read_tools(struct sim_call *c, struct json request, struct fault *f)
{
    struct json config =
        json_get(json_get(request, STR("toolConfig")), STR("functionCallingConfig"));
    struct json mode = json_get(config, STR("mode"));
    struct sim_tool_choice wanted = {
        .never = json_str_eq(mode, STR("NONE")),
        .must = json_str_eq(mode, STR("ANY")),
    };
    if (wanted.must)
        wanted.named = json_first(json_get(config, STR("allowedFunctionNames")));
    struct json tools = json_get(request, STR("tools"));
    for (struct json each = json_first(tools); !json_is(each, JSON_NONE);
         each = json_after(tools, each))
        sim__pick_tool(c, json_get(each, STR("functionDeclarations")), tool_name, &wanted);
    return sim__check_tool(c, &wanted, f);
}

static const char *const roles[] = {"user", "model", "function", NULL};
static const struct sim_turns turns = {"contents", "parts", roles, true};

static enum err read_generate(struct sim_call *c, struct json request, struct fault *f)
{
    enum err e = read_path(c, f);
    if (e == ERR_OK)
        e = read_config(c, json_get(request, STR("generationConfig")), f);
    struct json system = json_get(request, STR("systemInstruction"));
    if (e == ERR_OK)
        e = sim__count_text(c, json_get(system, STR("parts")), "systemInstruction.parts", f);
    if (e == ERR_OK)
        e = sim__read_turns(c, request, &turns, f);
    if (e == ERR_OK)
        e = read_tools(c, request, f);
    return e;
}

/* --- the answer ------------------------------------------------------------------------------- */

static const char *const finish_reasons[] = {
    [SIM_FINISH_STOP] = "STOP",
    [SIM_FINISH_LENGTH] = "MAX_TOKENS",
    [SIM_FINISH_TOOL] = "STOP",
    [SIM_FINISH_FILTER] = "SAFETY",
};

static void begin(struct sim_call *c, struct json_writer *w)
{
    json_writer_init(w, &c->out);
    jw_object(w, NULL);
    jw_array(w, "candidates");
    jw_object(w, NULL);
    jw_object(w, "content");
    jw_array(w, "parts");
}

static void write_thought(struct json_writer *w, struct str text)
{
    jw_object(w, NULL);
    jw_str(w, "text", text);
    jw_bool(w, "thought", true);
    jw_end(w);
}

/* Of what was thought, on the part that follows it: on the first call, or on the text's last piece. */
static void write_signature(const struct sim_call *c, struct json_writer *w)
{
    if (c->blocks[0].kind == SIM_BLOCK_THOUGHT)
        sim__write_signature(c, w, "thoughtSignature", &c->blocks[0]);
}

/* Arguments that were cut are no JSON: then there is no call to give. */
static void write_function_call(struct sim_call *c, struct json_writer *w)
{
    if (!sim__text_is_json(c))
        return;
    const struct sim_block *b = sim__block(c);
    jw_object(w, NULL);
    jw_object(w, "functionCall");
    jw_str(w, "name", c->tools[b->tool].name);
    jw_raw(w, "args", sim__block_text(c, b));
    jw_end(w);
    if (b->tool == 0)
        write_signature(c, w);
    jw_end(w);
}

static void write_usage(const struct sim_call *c, struct json_writer *w, uint64_t output)
{
    uint64_t thought = output < c->thought_tokens ? output : c->thought_tokens;
    jw_object(w, "usageMetadata");
    jw_u64(w, "promptTokenCount", c->prompt_tokens);
    jw_u64(w, "candidatesTokenCount", output - thought);
    if (thought)
        jw_u64(w, "thoughtsTokenCount", thought);
    jw_u64(w, "totalTokenCount", c->prompt_tokens + output);
    jw_end(w);
}

static void end(struct sim_call *c, struct json_writer *w, bool is_last)
{
    char id[SIM_ID_MAX];
    jw_end(w); /* parts */
    jw_str_c(w, "role", "model");
    jw_end(w); /* content */
    if (is_last)
        jw_str_c(w, "finishReason", finish_reasons[c->finish]);
    jw_u64(w, "index", 0);
    jw_end(w);
    jw_end(w); /* candidates */
    if (sim__tells_usage(c))
        write_usage(c, w, is_last ? c->completion_tokens : sim__tokens(c->said));
    jw_str(w, "modelVersion", c->model);
    jw_str(w, "responseId", sim__id(c, "gemini", id));
    jw_finish(w);
}

static void whole_part(struct sim_call *c, struct json_writer *w)
{
    switch (sim__block(c)->kind) {
    case SIM_BLOCK_THOUGHT:
        write_thought(w, sim__block_text(c, sim__block(c)));
        break;
    case SIM_BLOCK_TEXT:
        jw_object(w, NULL);
        sim__write_text(c, w, "text");
        if (!(c->fault->traits & SIM_HUGE))
            write_signature(c, w);
        jw_end(w);
        break;
    case SIM_BLOCK_TOOL:
        write_function_call(c, w);
        break;
    }
}

static void whole(struct sim_call *c)
{
    struct json_writer w;
    begin(c, &w);
    for (; c->at < c->blocks_n; c->at++)
        whole_part(c, &w);
    end(c, &w, true);
}

static void event_begin(struct sim_call *c, struct json_writer *w)
{
    buf_add(&c->out, STR("data: "));
    begin(c, w);
}

static void event_end(struct sim_call *c, struct json_writer *w, bool is_last)
{
    end(c, w, is_last);
    buf_add(&c->out, STR("\r\n\r\n"));
}

static void open_stream(struct sim_call *c)
{
    (void)c; /* its streams begin with text */
}

static void open_block(struct sim_call *c)
{
    (void)c; /* a part says of itself what it is */
}

static void piece(struct sim_call *c, struct str text)
{
    struct json_writer w;
    event_begin(c, &w);
    if (sim__block(c)->kind == SIM_BLOCK_THOUGHT) {
        write_thought(&w, text);
    } else {
        jw_object(&w, NULL);
        jw_str(&w, "text", text);
        jw_end(&w);
    }
    event_end(c, &w, false);
}

/* The calls, or an empty text. */
static void close_stream(struct sim_call *c)
{
    struct json_writer w;
    event_begin(c, &w);
    if (c->tools_n == 0) {
        jw_object(&w, NULL);
        jw_str(&w, "text", STR(""));
        write_signature(c, &w);
        jw_end(&w);
    }
    for (c->at = 0; c->tools_n && c->at < c->blocks_n; c->at++) {
        if (sim__block(c)->kind == SIM_BLOCK_TOOL)
            write_function_call(c, &w);
    }
    event_end(c, &w, true);
}

const struct sim_format sim__gemini = {
    .error = sim__gemini_error,
    .read = read_generate,
    .whole = whole,
    .open = open_stream,
    .block = open_block,
    .piece = piece,
    .close = close_stream,
    .error_event = STR_INIT("data: "),
    .tool_is_whole = true,
};
