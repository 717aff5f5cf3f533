/* completions_write.c: canonical answers as older completions. For sources, see completions.h. */
#include "dialect/completions.h"

#include "dialect/openai_form.h"

enum { ALTERNATIVES_MAX = 20 };

/* One choice of a stream. */
struct choice {
    uint64_t offset; /* characters of the tokens whose odds were told */
    enum canon_finish reason;
    struct str native; /* in the arena */
};

struct state {
    struct choice choices[CHAT_CHOICES_MAX];
};

/* --- the odds of tokens ------------------------------------------------------------------------ */

/* Characters (code points) that raw text stands for. A pair of escapes is one. */
static uint64_t characters_in(struct str raw)
{
    uint64_t n = 0;
    for (size_t i = 0; i < raw.n; i++) {
        if (raw.p[i] != '\\') {
            n += ((unsigned char)raw.p[i] & 0xc0) != 0x80;
            continue;
        }
        bool is_code = raw.p[++i] == 'u';
        bool is_second = is_code && (raw.p[i + 1] | 0x20) == 'd' && (raw.p[i + 2] | 0x20) >= 'c';
        n += !is_second;
        i += is_code ? 4 : 0;
    }
    return n;
}

static bool is_told(struct json token)
{
    return json_is(json_get(token, STR("token")), JSON_STRING) &&
           json_is(json_get(token, STR("logprob")), JSON_NUMBER);
}

/* {" a":-0.1," b":-2}; of equal names the first, which is the likeliest, stands. */
static void write_alternatives(struct json_writer *w, struct canon_room *room, struct json list)
{
    struct str seen[ALTERNATIVES_MAX];
    struct buf *b = room->scratch;
    size_t n = 0;
    buf_reset(b);
    buf_add(b, STR("{"));
    for (struct json a = json_first(list); a.type && n < COUNT_OF(seen); a = json_after(list, a)) {
        struct str name = json_raw_str(json_get(a, STR("token")));
        size_t i = 0;
        while (i < n && !str_eq(seen[i], name))
            i++;
        if (i < n || !is_told(a))
            continue;
        buf_printf(b, "%s\"%.*s\":%.*s", n ? "," : "", STR_ARG(name),
                   STR_ARG(json_raw(json_get(a, STR("logprob")))));
        seen[n++] = name;
    }
    buf_add(b, STR("}"));
    jw_raw(w, NULL, b->failed == ERR_OK ? buf_view(b) : STR("{}"));
}

enum column { COLUMN_TOKENS, COLUMN_LOGPROBS, COLUMN_TOP, COLUMN_OFFSETS, COLUMN__COUNT };

static void write_cell(struct json_writer *w, struct canon_room *room, enum column c,
                       struct json token, uint64_t offset)
{
    struct json top = json_get(token, STR("top_logprobs"));
    if (c == COLUMN_TOKENS)
        jw_raw(w, NULL, json_raw(json_get(token, STR("token"))));
    else if (c == COLUMN_LOGPROBS)
        jw_raw(w, NULL, json_raw(json_get(token, STR("logprob"))));
    else if (c == COLUMN_OFFSETS)
        jw_u64(w, NULL, offset);
    else
        write_alternatives(w, room, top);
}

/* A chat tells them token by token, older completions column by column. */
static void write_logprobs(struct json_writer *w, struct canon_room *room, struct str raw,
                           uint64_t *offset)
{
    static const char *const names[COLUMN__COUNT] = {"tokens", "token_logprobs", "top_logprobs",
                                                     "text_offset"};
    struct json odds;
    uint64_t begin = *offset;
    if (!raw.p || json_parse(room->tape, raw, &odds, NULL) != ERR_OK) {
        jw_null(w, "logprobs");
        return;
    }
    struct json tokens = json_get(odds, STR("content"));
    jw_object(w, "logprobs");
    for (enum column c = 0; c < COLUMN__COUNT; c++) {
        *offset = begin;
        jw_array(w, names[c]);
        for (struct json t = json_first(tokens); t.type; t = json_after(tokens, t)) {
            if (!is_told(t))
                continue;
            write_cell(w, room, c, t, *offset);
            *offset += characters_in(json_raw_str(json_get(t, STR("token"))));
        }
        jw_end(w);
    }
    jw_end(w);
}

/* --- a stream ---------------------------------------------------------------------------------- */

static void chunk_begin(struct json_writer *w, struct canon_writer *to)
{
    buf_add(to->out, STR("data: "));
    json_writer_init(w, to->out);
    jw_object(w, NULL);
    openai_write_identity(w, to, "text_completion");
}

/* Up to the inside of the choice. */
static void choice_begin(struct json_writer *w, uint32_t index, struct str text)
{
    jw_array(w, "choices");
    jw_object(w, NULL);
    jw_raw_str(w, "text", text);
    jw_u64(w, "index", index);
}

static enum err chunk_end(struct json_writer *w, struct canon_writer *to)
{
    jw_finish(w);
    return buf_add(to->out, STR("\n\n"));
}

static enum err write_text(struct canon_writer *to, const struct canon_event *e)
{
    struct json_writer w;
    bool is_reasoning = e->kind == EVENT_REASONING;
    chunk_begin(&w, to);
    choice_begin(&w, e->choice, is_reasoning ? STR("") : e->text);
    if (is_reasoning)
        jw_raw_str(&w, "reasoning", e->reasoning.text);
    jw_null(&w, "logprobs");
    jw_null(&w, "finish_reason");
    return chunk_end(&w, to);
}

static enum err write_odds(struct canon_writer *to, const struct canon_event *e)
{
    struct json_writer w;
    struct state *s = to->state;
    chunk_begin(&w, to);
    choice_begin(&w, e->choice, STR(""));
    write_logprobs(&w, &to->room, e->raw, &s->choices[e->choice].offset);
    jw_null(&w, "finish_reason");
    return chunk_end(&w, to);
}

static enum err write_finish(struct canon_writer *to, const struct canon_event *e)
{
    struct json_writer w;
    struct state *s = to->state;
    struct choice *c = &s->choices[e->choice];
    c->reason = e->finish.reason;
    c->native = arena_str(to->room.arena, e->finish.native);
    chunk_begin(&w, to);
    choice_begin(&w, e->choice, STR(""));
    jw_null(&w, "logprobs");
    openai_write_reasons(&w, c->reason, c->native);
    return chunk_end(&w, to);
}

/* Usage and errors come on a chunk without text that repeats the finish reason. */
static enum err write_last(struct canon_writer *to, const struct canon_failure *x,
                           const struct chat_bill *bill)
{
    struct json_writer w;
    struct state *s = to->state;
    const struct choice *c = &s->choices[0];
    chunk_begin(&w, to);
    if (x)
        openai_write_failure(&w, x);
    choice_begin(&w, 0, STR(""));
    jw_null(&w, "logprobs");
    openai_write_reasons(&w, x ? FINISH_ERROR : c->reason, c->native);
    jw_end(&w);
    jw_end(&w);
    if (bill)
        chat_write_usage(&w, "usage", bill);
    return chunk_end(&w, to);
}

/* What is neither text nor reasoning cannot be said. */
static enum err write_event(struct canon_writer *to, const struct canon_event *e)
{
    if (e->choice >= CHAT_CHOICES_MAX)
        return ERR_TOO_BIG;
    switch (e->kind) {
    case EVENT_TEXT:
    case EVENT_REFUSAL:
        return write_text(to, e);
    case EVENT_REASONING:
        return e->reasoning.text.n ? write_text(to, e) : ERR_OK;
    case EVENT_LOGPROBS:
        return write_odds(to, e);
    case EVENT_FINISH:
        return write_finish(to, e);
    case EVENT_USAGE:
        return write_last(to, NULL, &e->bill);
    case EVENT_ERROR:
        return write_last(to, &e->failure, e->failure.bill);
    case EVENT_END:
        return buf_add(to->out, STR("data: [DONE]\n\n"));
    default:
        return ERR_OK;
    }
}

/* --- a whole answer ---------------------------------------------------------------------------- */

static void write_reasoning(struct json_writer *w, const struct canon_answer *a, uint32_t choice)
{
    const struct canon_kept *k = canon_next(a->first, EVENT_REASONING, choice);
    if (!k)
        return;
    jw_raw(w, "reasoning", STR("\""));
    for (; k; k = canon_next(k->next, EVENT_REASONING, choice))
        buf_add(w->out, k->event.reasoning.text);
    buf_add(w->out, STR("\""));
}

static void write_choice(struct json_writer *w, struct canon_writer *to,
                         const struct canon_answer *a, uint32_t choice)
{
    const struct canon_kept *odds = canon_next(a->first, EVENT_LOGPROBS, choice);
    const struct canon_kept *end = canon_next(a->first, EVENT_FINISH, choice);
    bool is_refused = !canon_next(a->first, EVENT_TEXT, choice);
    uint64_t offset = 0;
    jw_object(w, NULL);
    canon_write_joined(w, "text", a, is_refused ? EVENT_REFUSAL : EVENT_TEXT, choice);
    jw_u64(w, "index", choice);
    write_reasoning(w, a, choice);
    write_logprobs(w, &to->room, odds ? odds->event.raw : STR_NONE, &offset);
    openai_write_reasons(w, end ? end->event.finish.reason : FINISH_STOP,
                         end ? end->event.finish.native : STR_NONE);
    jw_end(w);
}

static enum err write_whole(struct canon_writer *to, const struct canon_answer *a)
{
    struct json_writer w;
    const struct canon_kept *begin = canon_next(a->first, EVENT_BEGIN, 0);
    const struct canon_kept *usage = canon_next(a->first, EVENT_USAGE, 0);
    json_writer_init(&w, to->out);
    jw_object(&w, NULL);
    openai_write_identity(&w, to, "text_completion");
    jw_array(&w, "choices");
    for (uint32_t i = 0; i < a->choices; i++)
        write_choice(&w, to, a, i);
    jw_end(&w);
    if (begin)
        canon_write_text(&w, "system_fingerprint", begin->event.begin.fingerprint);
    if (usage)
        chat_write_usage(&w, "usage", &usage->event.bill);
    return jw_finish(&w);
}

const struct dialect dialect_completions = {
    .name = STR_INIT("completions"),
    .read_request = completions_read_request,
    .done = STR_INIT("[DONE]"),
    .writer_size = sizeof(struct state),
    .write_event = write_event,
    .write_whole = write_whole,
    .write_error = openai_write_error,
    .keepalive = STR_INIT(": TURNPIKE PROCESSING\n\n"),
};
