#include "dialect/claude.h"

#include <stdio.h>

enum { ID_MAX = 64, ID_KEPT = 40 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One or two digits; a longer row is a date. UINT32_MAX: there is no such number here. */
static uint32_t take_number(struct str *rest)
{
    size_t n = 0;
    uint32_t v = 0;
    for (; n < rest->n && is_digit(rest->p[n]); n++)
        v = n < 3 ? v * 10 + (uint32_t)(rest->p[n] - '0') : v;
    if (n == 0 || n > 2)
        return UINT32_MAX;
    *rest = str_skip(*rest, n);
    return v;
}

/* 4.7 is 407; 0: not known. What stands between the name and the version is the family's. */
static uint32_t version_of(struct str model)
{
    struct str name = STR("claude-");
    struct str rest = str_skip(model, str_find(model, name) + name.n);
    while (rest.n && !is_digit(rest.p[0]))
        rest = str_skip(rest, 1);
    uint32_t major = take_number(&rest), minor;
    if (major == UINT32_MAX)
        return 0;
    if (!rest.n || (rest.p[0] != '-' && rest.p[0] != '.'))
        return major * 100;
    rest = str_skip(rest, 1);
    minor = take_number(&rest);
    return major * 100 + (minor == UINT32_MAX ? 0 : minor);
}

struct claude claude_of(struct str model)
{
    uint32_t version = version_of(model);
    bool is_opus = str_find(model, STR("opus")) < model.n;
    bool is_mythos = str_find(model, STR("claude-mythos")) < model.n;
    return (struct claude){.has_one_sampler = version >= 405 || (is_opus && version >= 401),
                           .is_adaptive = version >= 407 || is_mythos};
}

bool claude_thinks(const struct claude *c, const struct canon_request *r)
{
    bool is_forced = r->tools && (r->choice.kind == CANON_CHOICE_REQUIRED ||
                                  r->choice.kind == CANON_CHOICE_NAMED);
    return c->is_adaptive && !is_forced && canon_reasons(&r->reason) == CANON_YES;
}

/* Its thoughts are left out of the answer unless their summary is asked for. */
void claude_write_adaptive(struct json_writer *w, bool is_shown)
{
    jw_object(w, "thinking");
    jw_str_c(w, "type", "adaptive");
    if (is_shown)
        jw_str_c(w, "display", "summarized");
    jw_end(w);
}

/* The least is low. */
const char *claude_effort(const struct canon_request *r, uint64_t max_tokens)
{
    enum canon_effort e = canon_effort_of(&r->reason, max_tokens);
    return canon_effort_word(e < EFFORT_LOW ? EFFORT_LOW : e);
}

/* --- ids -------------------------------------------------------------------------------------- */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '-';
}

bool claude_is_id(struct str raw)
{
    size_t n = 0;
    while (n < raw.n && is_plain(raw.p[n]))
        n++;
    return n == raw.n && n > 0 && n <= ID_MAX;
}

/* FNV-1a: ids that look alike stay apart. */
static uint64_t hash_of(struct str s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (uint8_t)s.p[i]) * UINT64_C(0x100000001b3);
    return h;
}

void claude_write_id(struct json_writer *w, const char *key, struct str raw)
{
    char made[ID_MAX + 1];
    size_t n = 0;
    if (claude_is_id(raw)) {
        jw_raw_str(w, key, raw);
        return;
    }
    for (; n < raw.n && n < ID_KEPT; n++)
        made[n] = is_plain(raw.p[n]) ? raw.p[n] : '_';
    snprintf(made + n, sizeof made - n, "_%016llx", (unsigned long long)hash_of(raw));
    jw_str_c(w, key, made);
}
