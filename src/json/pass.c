#include "json/pass.h"

#include "json/text.h"

/*   START -{-> FIRST --"-> IN_NAME --"-> COLON -:-> VALUE --> NESTED <--> IN_STRING
 *                |           |             ^          |         |           |
 *                |           '-> LONG_NAME-'          '> SCALAR |           |
 *                |                                        |     |           |
 *                '-}-> DONE <-}-------------------------- AFTER <-----------'
 *                                                           '-,-> NAME --"-> IN_NAME
 */
enum state {
    START,     /* of the text */
    FIRST,     /* a name or the end of the object */
    NAME,      /* behind a comma */
    IN_NAME,   /* held back until a rule is chosen */
    LONG_NAME, /* too long for any rule: goes out as it comes */
    COLON,
    VALUE, /* none of it seen */
    SCALAR,
    NESTED, /* in an array or object, or at the first byte of one or of a string */
    IN_STRING,
    AFTER, /* a value */
    DONE,
    OVER, /* after an error */
};

/* One call's bytes. The steps below take the place to go on from and return the next, or NULL with
 * `err` set. */
struct feed {
    struct json_pass *pass;
    struct str bytes;
    const char *end;
    struct buf *out;
    struct fault *fault;
    enum err err;
};

static const char *refuse(struct feed *f, const char *at, const char *expected)
{
    unsigned long long offset = f->pass->seen + (uint64_t)(at - f->bytes.p);
    f->err = fault_set(f->fault, ERR_INVALID, "not valid JSON at byte %llu: expected %s", offset,
                       expected);
    return NULL;
}

/* --- the value under way ------------------------------------------------------------------------
 */

static bool is_object_at(const struct json_pass *p, unsigned level)
{
    return p->stack[level / 8] >> level % 8 & 1;
}

static const char *open_scope(struct feed *f, const char *at)
{
    struct json_pass *p = f->pass;
    if (p->depth + 1 == PASS_DEPTH_MAX) /* the object itself is one level */
        return refuse(f, at, "less nesting");
    uint8_t bit = (uint8_t)(1u << p->depth % 8);
    uint8_t *bits = &p->stack[p->depth / 8];
    *bits = (uint8_t)(*at == '{' ? *bits | bit : *bits & ~bit);
    p->depth++;
    return at + 1;
}

static const char *close_scope(struct feed *f, const char *at)
{
    struct json_pass *p = f->pass;
    bool is_object = is_object_at(p, p->depth - 1u);
    if (*at != (is_object ? '}' : ']'))
        return refuse(f, at, is_object ? "}" : "]");
    p->depth--;
    if (p->depth == 0)
        p->state = AFTER;
    return at + 1;
}

static const char *walk_nested(struct feed *f, const char *at)
{
    at = text__skip_to_structure(at, f->end);
    if (at == f->end)
        return at;
    if (*at == '{' || *at == '[')
        return open_scope(f, at);
    if (*at != '"')
        return close_scope(f, at);
    f->pass->state = IN_STRING;
    return at + 1;
}

/* To the closing quote or the end of the bytes. */
static const char *skip_string(struct feed *f, const char *at)
{
    struct json_pass *p = f->pass;
    while (at < f->end) {
        if (p->in_escape && !memchr("\"\\/bfnrtu", *at, 9))
            return refuse(f, at, "a valid escape");
        at += p->in_escape;
        p->in_escape = false;
        at = text__skip_plain(at, f->end);
        while (at < f->end && (uint8_t)*at >= 0x80)
            at++;
        if (at == f->end || *at == '"')
            return at;
        if ((uint8_t)*at < ' ')
            return refuse(f, at, "control characters in strings escaped");
        if (*at == '\\') {
            p->in_escape = true;
            at++;
        }
    }
    return at;
}

static const char *walk_string(struct feed *f, const char *at)
{
    at = skip_string(f, at);
    if (!at || at == f->end)
        return at;
    f->pass->state = f->pass->depth ? NESTED : AFTER;
    return at + 1;
}

static bool is_scalar(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' ||
           c == 'E';
}

static const char *walk_scalar(struct feed *f, const char *at)
{
    while (at < f->end && is_scalar(*at))
        at++;
    if (at < f->end)
        f->pass->state = AFTER;
    return at;
}

/* A note that gets too long is given up; `failed` keeps it so. */
static void note(struct feed *f, struct str run)
{
    struct buf *noted = &f->pass->noted[f->pass->rule];
    if (noted->failed == ERR_OK && buf_add(noted, run) != ERR_OK)
        noted->n = 0;
    if (noted->failed == ERR_NOMEM)
        f->err = fault_set(f->fault, ERR_NOMEM, "no memory to note \"%.*s\"",
                           STR_ARG(f->pass->rules[f->pass->rule].name));
}

/* As much of the value as there is, in one piece. */
static const char *step_value(struct feed *f, const char *start)
{
    struct json_pass *p = f->pass;
    const char *at = start;
    while (at && at < f->end && p->state != AFTER) {
        if (p->state == IN_STRING)
            at = walk_string(f, at);
        else
            at = p->state == SCALAR ? walk_scalar(f, at) : walk_nested(f, at);
    }
    if (!at)
        return NULL;
    struct str run = str_of(start, (size_t)(at - start));
    if (!p->is_silent)
        buf_add(f->out, run);
    if (p->rule < p->rules_n && p->rules[p->rule].note)
        note(f, run);
    return f->err == ERR_OK ? at : NULL;
}

/* --- names --------------------------------------------------------------------------------------
 */

static bool are_escapes_valid(struct str s)
{
    const char *end = s.p + s.n;
    for (const char *p = s.p; p < end;) {
        unsigned n = *p == '\\' ? text__escape(p, end) : 1;
        if (n == 0)
            return false;
        p += n;
    }
    return true;
}

static void begin_member(struct feed *f, struct str name)
{
    buf_add(f->out, f->pass->any_member ? STR(",\"") : STR("\""));
    buf_add(f->out, name);
    f->pass->any_member = true;
}

static uint8_t choose_rule(const struct json_pass *p, struct str name)
{
    for (unsigned i = 0; i < p->rules_n; i++) {
        if (text__is(name, p->rules[i].name))
            return (uint8_t)i;
    }
    return PASS_RULES_MAX;
}

/* Between a name and its colon: what goes out of the member before its own value. */
static void apply_rule(struct feed *f, struct str name)
{
    static const struct pass_rule pass_on = {.drop = false};
    struct json_pass *p = f->pass;
    const struct pass_rule *rule = p->rule < p->rules_n ? &p->rules[p->rule] : &pass_on;
    p->is_silent = rule->drop || rule->put.p;
    if (rule->drop)
        return;
    begin_member(f, name);
    buf_add(f->out, STR("\":"));
    if (rule->put.p)
        buf_add(f->out, rule->put);
}

/* `at` is the closing quote of a name that was held back. */
static const char *end_name(struct feed *f, const char *at)
{
    struct json_pass *p = f->pass;
    struct str name = str_of(p->name, p->name_n);
    if (!are_escapes_valid(name))
        return refuse(f, at, "valid escapes in the name that ends here");
    p->rule = choose_rule(p, name);
    if (p->rule < p->rules_n && p->rules_seen >> p->rule & 1)
        return refuse(f, at, "another name: this one stands twice");
    if (p->rule < p->rules_n)
        p->rules_seen |= (uint8_t)(1u << p->rule);
    apply_rule(f, name);
    p->state = COLON;
    return at + 1;
}

static const char *end_long_name(struct feed *f, const char *at)
{
    buf_add(f->out, STR("\":"));
    f->pass->state = COLON;
    return at + 1;
}

static const char *step_name(struct feed *f, const char *start)
{
    struct json_pass *p = f->pass;
    const char *at = skip_string(f, start);
    if (!at)
        return NULL;
    struct str run = str_of(start, (size_t)(at - start));
    if (p->state == IN_NAME && run.n > sizeof p->name - p->name_n) {
        begin_member(f, str_of(p->name, p->name_n));
        p->rule = PASS_RULES_MAX;
        p->is_silent = false;
        p->state = LONG_NAME;
    }
    if (p->state == LONG_NAME) {
        buf_add(f->out, run);
        return at < f->end ? end_long_name(f, at) : at;
    }
    memcpy(p->name + p->name_n, run.p, run.n);
    p->name_n += (uint16_t)run.n;
    return at < f->end ? end_name(f, at) : at;
}

/* --- between names and values -------------------------------------------------------------------
 */

static const char *enter(struct feed *f, enum state next, const char *at)
{
    f->pass->state = (uint8_t)next;
    return at;
}

static const char *enter_name(struct feed *f, const char *quote)
{
    f->pass->name_n = 0;
    return enter(f, IN_NAME, quote + 1);
}

static const char *enter_value(struct feed *f, const char *at)
{
    if (*at == '"' || *at == '{' || *at == '[')
        return enter(f, NESTED, at);
    return is_scalar(*at) ? enter(f, SCALAR, at) : refuse(f, at, "a value");
}

static const char *step_between(struct feed *f, const char *at)
{
    char c = *at;
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
        return at + 1;
    switch ((enum state)f->pass->state) {
    case START:
        buf_add(f->out, STR("{"));
        return c == '{' ? enter(f, FIRST, at + 1) : refuse(f, at, "an object");
    case FIRST:
        if (c == '}')
            return enter(f, DONE, at + 1);
        return c == '"' ? enter_name(f, at) : refuse(f, at, "a name in quotes or }");
    case NAME:
        return c == '"' ? enter_name(f, at) : refuse(f, at, "a name in quotes");
    case COLON:
        return c == ':' ? enter(f, VALUE, at + 1) : refuse(f, at, "a colon");
    case VALUE:
        return enter_value(f, at);
    case AFTER:
        if (c == ',')
            return enter(f, NAME, at + 1);
        return c == '}' ? enter(f, DONE, at + 1) : refuse(f, at, "a comma or }");
    default:
        return refuse(f, at, "nothing more");
    }
}

static const char *step(struct feed *f, const char *at)
{
    switch ((enum state)f->pass->state) {
    case IN_NAME:
    case LONG_NAME:
        return step_name(f, at);
    case SCALAR:
    case NESTED:
    case IN_STRING:
        return step_value(f, at);
    default:
        return step_between(f, at);
    }
}

void json_pass_init(struct json_pass *p, const struct pass_rule *rules, unsigned n, size_t note_max)
{
    BUG_ON(n > PASS_RULES_MAX);
    *p = (struct json_pass){.rules = rules, .rules_n = n, .rule = PASS_RULES_MAX};
    for (unsigned i = 0; i < n; i++) {
        BUG_ON(rules[i].name.n > PASS_NAME_MAX);
        buf_init(&p->noted[i], note_max);
    }
}

void json_pass_release(struct json_pass *p)
{
    for (unsigned i = 0; i < p->rules_n; i++)
        buf_release(&p->noted[i]);
}

enum err json_pass_feed(struct json_pass *p, struct str bytes, struct buf *out, struct fault *f)
{
    if (p->state == OVER)
        return fault_set(f, ERR_INVALID, "not valid JSON before byte %llu",
                         (unsigned long long)p->seen);
    if (bytes.n == 0)
        return out->failed;
    struct feed feed = {
        .pass = p, .bytes = bytes, .end = bytes.p + bytes.n, .out = out, .fault = f};
    const char *at = bytes.p;
    while (at && at < feed.end && out->failed == ERR_OK)
        at = step(&feed, at);
    if (feed.err == ERR_OK && out->failed != ERR_OK)
        feed.err = fault_set(f, out->failed, "no room for what goes out");
    if (feed.err != ERR_OK)
        p->state = OVER;
    p->seen += bytes.n;
    return feed.err;
}

bool json_pass_is_done(const struct json_pass *p)
{
    return p->state == DONE;
}

enum err json_pass_finish(struct json_pass *p, struct str members, struct buf *out)
{
    BUG_ON(!json_pass_is_done(p));
    if (p->any_member && members.n)
        buf_add(out, STR(","));
    buf_add(out, members);
    return buf_add(out, STR("}"));
}
