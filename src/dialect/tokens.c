#include "dialect/tokens.h"

#include "base/bug.h"

/* --- families ---------------------------------------------------------------------------------- */

enum { SIGNS_MAX = 8 };

/* Ratios as their makers state them, for English and for Chinese:
 * - OpenAI's help, "What are tokens and how to count them?" (4 characters); "Hello GPT-4o", language
 *   tokenization (34 tokens before, 24 since, for 28 Chinese characters and a name);
 * - Anthropic's glossary, "Tokens" (3.5 characters);
 * - the Gemini API's guide, "Understand and count tokens" (4 characters);
 * - DeepSeek's API docs, "Token & Token Usage" (0.3 and 0.6 tokens a character);
 * - Qwen's documentation, "Key concepts" (3 to 4, and 1.5 to 1.8 characters);
 * - Moonshot's, "Main concepts" (3 to 4, and 1.5 to 2 characters).
 * Who states nothing of Chinese counts as the rest does, but for Claude, whose tokenizer makes more of
 * it. The first row with a sign in the model's name counts. */
static const struct {
    struct tokens_family family;
    struct str signs[SIGNS_MAX];
} rows[] = {
    {{"claude", 286, 1000}, {STR_INIT("claude")}},
    {{"deepseek", 300, 600}, {STR_INIT("deepseek")}},
    {{"qwen", 286, 600}, {STR_INIT("qwen"), STR_INIT("qwq")}},
    {{"kimi", 286, 570}, {STR_INIT("kimi"), STR_INIT("moonshot")}},
    {{"gemini", 250, 750}, {STR_INIT("gemini"), STR_INIT("gemma")}},
    {{"o200k", 250, 710},
     {STR_INIT("gpt-4o"), STR_INIT("gpt-4.1"), STR_INIT("gpt-5"), STR_INIT("gpt-oss"),
      STR_INIT("openai/o1"), STR_INIT("openai/o3"), STR_INIT("openai/o4"), STR_INIT("chatgpt")}},
    {{"cl100k", 250, 1070}, {STR_INIT("gpt-4"), STR_INIT("gpt-3.5")}},
};

static const struct tokens_family others = {"others", 250, 750};

struct tokens_family tokens_family_at(unsigned i)
{
    if (i == COUNT_OF(rows))
        return others;
    return i < COUNT_OF(rows) ? rows[i].family : (struct tokens_family){0};
}

static const struct tokens_family *family_of(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t k = 0; k < SIGNS_MAX && rows[i].signs[k].n; k++) {
            if (str_find(name, rows[i].signs[k]) < name.n)
                return &rows[i].family;
        }
    }
    return NULL;
}

uint64_t tokens_estimate(const struct tokens_text *text, struct str model, struct str native)
{
    const struct tokens_family *f = family_of(model);
    uint64_t wide_bytes = 3 * text->wide;
    uint64_t narrow = text->bytes > wide_bytes ? text->bytes - wide_bytes : 0;
    if (!f)
        f = family_of(native);
    if (!f)
        f = &others;
    return (narrow * f->per_byte + text->wide * f->per_wide + 999) / 1000;
}

/* --- texts ------------------------------------------------------------------------------------- */

/* A text of more than WINDOWS times WINDOW bytes is looked at in as many places: this is for estimates,
 * and done for every request. A window is sixteen times eight bytes, and one for the letter of an escape. */
enum { WINDOW = 129, WINDOWS = 4, LOOKED_AT = WINDOW * WINDOWS };

typedef uint8_t sixteen __attribute__((vector_size(16)));

static uint64_t sum(sixteen v)
{
    uint64_t half[2], n = 0;
    memcpy(half, &v, sizeof half);
    if ((half[0] | half[1]) == 0) /* nearly always */
        return 0;
    for (size_t i = 0; i < sizeof v; i++)
        n += v[i];
    return n;
}

static bool is_wide(char c)
{
    return (uint8_t)(c - 0xe3) < 0xf0 - 0xe3;
}

/* How many wide characters begin in a window. *escape: whether one may stand there as an escape. */
static uint64_t wide_in(struct str s, bool *escape)
{
    sixteen wide = {0}, u = {0}, here, next;
    size_t i = 0;
    for (; i + sizeof here < s.n; i += sizeof here) {
        memcpy(&here, s.p + i, sizeof here);
        memcpy(&next, s.p + i + 1, sizeof next);
        wide -= (sixteen)(here - 0xe3 < (sixteen){0} + (0xf0 - 0xe3)); /* true is -1 */
        u |= (sixteen)((here == '\\') & (next == 'u'));
    }
    *escape = sum(u) != 0;
    uint64_t n = sum(wide);
    for (; i < s.n; i++) {
        n += is_wide(s.p[i]);
        *escape |= s.p[i] == '\\';
    }
    return n;
}

static bool is_wide_digit(char c)
{
    char letter = (char)(c | 0x20);
    return (c >= '3' && c <= '9') || (letter >= 'a' && letter <= 'f');
}

/* Those written as escapes: "\u4f60". */
static uint64_t escaped_in(struct str s)
{
    uint64_t n = 0;
    for (size_t i = 0; i + 2 < s.n; i++) {
        if (s.p[i] != '\\')
            continue;
        n += s.p[i + 1] == 'u' && is_wide_digit(s.p[i + 2]);
        i++; /* what is escaped, be it a backslash */
    }
    return n;
}

void tokens_add(struct tokens_text *to, struct str raw)
{
    uint64_t wide = 0, escaped = 0;
    size_t step = raw.n > LOOKED_AT ? raw.n / WINDOWS : WINDOW;
    for (size_t at = 0, k = 0; at < raw.n && k < WINDOWS; at += step, k++) {
        struct str window = str_head(str_skip(raw, at), WINDOW);
        bool escape;
        wide += wide_in(window, &escape);
        escaped += escape ? escaped_in(window) : 0;
    }
    if (raw.n > LOOKED_AT) {
        wide = wide * raw.n / LOOKED_AT;
        escaped = escaped * raw.n / LOOKED_AT;
    }
    to->bytes += raw.n - 3 * escaped; /* an escape is six bytes */
    to->wide += wide + escaped;
}
