/* compose.c: what is said, and how it falls into blocks. */
#include "sim/internal.h"

#include "base/base64.h"

/* --- thoughts ---------------------------------------------------------------------------------- */

static void add_signature(struct buf *out, struct str thought)
{
    base64_add(out, BASE64_PLAIN, thought.p, thought.n);
}

void sim__write_signature(const struct sim_call *c, struct json_writer *w, const char *key,
                          const struct sim_block *thought)
{
    struct buf signature;
    buf_init(&signature, SIM_TEXT_MAX);
    add_signature(&signature, sim__block_text(c, thought));
    jw_str(w, key, buf_view(&signature));
    buf_release(&signature);
}

static void add_thought(struct buf *out, struct str said)
{
    buf_add(out, STR("I was told: "));
    buf_add(out, sim__cut(said, SIM_THOUGHT_BYTES));
}

static bool keep(struct sim_call *c, struct str thought)
{
    if (c->thoughts.n)
        buf_add(&c->thoughts, STR("\n"));
    buf_add(&c->thoughts, thought);
    return true;
}

bool sim__keep_thought(struct sim_call *c, struct str thought, struct str signature)
{
    struct buf own;
    buf_init(&own, SIM_TEXT_MAX);
    add_signature(&own, thought);
    bool is_own = str_eq(signature, buf_view(&own));
    buf_release(&own);
    return is_own && keep(c, thought);
}

bool sim__keep_signature(struct sim_call *c, struct str signature)
{
    struct buf thought;
    buf_init(&thought, SIM_TEXT_MAX);
    bool is_own =
        base64_add_decoded(&thought, BASE64_PLAIN, signature) && keep(c, buf_view(&thought));
    buf_release(&thought);
    return is_own;
}

/* --- what is said ------------------------------------------------------------------------------ */

/* {"text": what was said}: the arguments of a tool, or an answer that must be JSON. */
static void add_json(struct buf *out, struct str said)
{
    struct json_writer w;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "text", said);
    jw_finish(&w);
}

/* What the user's last message asks to be told instead of itself. */
static struct str told(const struct sim_call *c)
{
    struct str said = buf_view(&c->text);
    if (!c->ends_with_user)
        return c->results.n ? buf_view(&c->results) : said;
    if (str_eq(said, STR("see")) && c->media.n)
        return buf_view(&c->media);
    if (str_eq(said, STR("recall")) && c->thoughts.n)
        return buf_view(&c->thoughts);
    return said;
}

static void add_words(struct sim_call *c, struct buf *out)
{
    uint64_t n = c->max_tokens ? c->max_tokens : SIM_WORDS_DEFAULT;
    sim__add_words(out, n < SIM_WORDS_MAX ? n : SIM_WORDS_MAX);
}

static void begin_block(struct sim_call *c, enum sim_block_kind kind, uint32_t tool, size_t at)
{
    c->blocks[c->blocks_n++] = (struct sim_block){.kind = kind, .tool = tool, .begin = at};
}

static void end_block(struct sim_call *c, size_t at)
{
    c->blocks[c->blocks_n - 1].end = at;
}

static void say_thought(struct sim_call *c, struct buf *out)
{
    begin_block(c, SIM_BLOCK_THOUGHT, 0, 0);
    add_thought(out, buf_view(&c->text));
    c->thought_tokens = sim__tokens(out->n);
    end_block(c, out->n);
}

static void say_calls(struct sim_call *c, struct buf *out)
{
    for (uint32_t i = 0; i < c->tools_n; i++) {
        struct str words = c->tools[i].words;
        begin_block(c, SIM_BLOCK_TOOL, i, out->n);
        add_json(out, words.p ? words : buf_view(&c->text));
        end_block(c, out->n);
    }
}

static void say_text(struct sim_call *c, struct buf *out)
{
    begin_block(c, SIM_BLOCK_TEXT, 0, out->n);
    if (c->wants_json)
        add_json(out, told(c));
    else if (c->is_lorem)
        add_words(c, out);
    else
        buf_add(out, told(c));
    end_block(c, out->n);
}

/* What falls behind the limit is not said; a block that begins there neither, but for the first. */
static void cut_to_limit(struct sim_call *c)
{
    if (c->max_tokens == 0 || sim__tokens(c->text.n) <= c->max_tokens)
        return;
    size_t n = c->text.n = sim__cut(buf_view(&c->text), 4 * c->max_tokens).n;
    c->finish = SIM_FINISH_LENGTH;
    while (c->blocks_n > 1 && c->blocks[c->blocks_n - 1].begin >= n)
        c->blocks_n--;
    struct sim_block *last = &c->blocks[c->blocks_n - 1];
    last->end = last->end < n ? last->end : n;
    if (c->thought_tokens > c->max_tokens)
        c->thought_tokens = c->max_tokens;
}

struct str sim__block_text(const struct sim_call *c, const struct sim_block *b)
{
    return str_skip(str_head(buf_view(&c->text), b->end), b->begin);
}

void sim__compose(struct sim_call *c)
{
    struct buf out;
    buf_init(&out, SIM_TEXT_MAX);
    bool is_huge = c->fault->traits & SIM_HUGE;
    if (c->thinks && c->format->block && !is_huge)
        say_thought(c, &out);
    if (c->tools_n)
        say_calls(c, &out);
    else
        say_text(c, &out);
    buf_release(&c->text);
    c->text = out;
    c->finish = c->tools_n ? SIM_FINISH_TOOL : SIM_FINISH_STOP;
    cut_to_limit(c);
    if (c->fault->traits & SIM_FILTERED)
        c->finish = SIM_FINISH_FILTER;
    c->size = is_huge ? SIM_HUGE_BYTES : c->text.n;
    c->prompt_tokens = sim__tokens(c->prompt_bytes);
    c->completion_tokens = sim__tokens(c->size);
}
