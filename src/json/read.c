#include "json/read.h"

#include <stdlib.h>

#include "json/text.h"

enum { TAPE_CAP_LEAST = 64 };

/* The parts below take the place to go on from and return the one behind what they read, or NULL
 * once they have refused the text. */
struct reader {
    const char *text, *end;
    struct json_tape *tape;
    struct fault *fault;
    enum err err;
    uint32_t depth;
    bool is_in_object;             /* the innermost of `open` is one */
    uint32_t open[JSON_DEPTH_MAX]; /* the nodes of the arrays and objects around the place */
};

static __attribute__((cold, noinline)) const char *refuse(struct reader *r, const char *at,
                                                          const char *expected)
{
    size_t offset = (size_t)(at - r->text);
    if (at == r->end)
        r->err = fault_set(r->fault, ERR_INVALID,
                           "not valid JSON: it ends at byte %zu, expected %s", offset, expected);
    else if (*at > ' ' && *at < 0x7f)
        r->err =
            fault_set(r->fault, ERR_INVALID, "not valid JSON at byte %zu: expected %s, found %c",
                      offset, expected, *at);
    else
        r->err = fault_set(r->fault, ERR_INVALID,
                           "not valid JSON at byte %zu: expected %s, found the byte 0x%02x", offset,
                           expected, (uint8_t)*at);
    return NULL;
}

/* --- the tape -----------------------------------------------------------------------------------
 */

static __attribute__((cold, noinline)) bool grow_tape(struct reader *r)
{
    struct json_tape *t = r->tape;
    if (t->cap == t->max) {
        r->err = fault_set(r->fault, ERR_TOO_BIG, "JSON of more than %u values and names", t->max);
        return false;
    }
    uint32_t cap = t->cap ? t->cap : TAPE_CAP_LEAST / 2;
    cap = cap > t->max / 2 ? t->max : cap * 2;
    struct json_node *nodes = realloc(t->nodes, cap * sizeof *nodes);
    if (!nodes) {
        r->err =
            fault_set(r->fault, ERR_NOMEM, "no memory for JSON of more than %u values", t->cap);
        return false;
    }
    t->nodes = nodes;
    t->cap = cap;
    return true;
}

/* Puts down a value that ends at `end`, and is `end`. */
static inline const char *add_node(struct reader *r, enum json_type type, bool escaped,
                                   const char *start, const char *end)
{
    struct json_tape *t = r->tape;
    if (UNLIKELY(t->n == t->cap) && !grow_tape(r))
        return NULL;
    t->nodes[t->n] = (struct json_node){
        .at = (uint32_t)(start - r->text),
        .n = (uint32_t)(end - start),
        .next = t->n + 1,
        .type = (uint8_t)type,
        .escaped = escaped,
    };
    t->n++;
    return end;
}

/* --- scalars ------------------------------------------------------------------------------------
 */

static inline bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Mostly there is none: one comparison tells. */
static inline const char *skip_space(const char *p, const char *end)
{
    while (p < end && (uint8_t)*p <= ' ' && is_space(*p))
        p++;
    return p;
}

/* What is neither plain nor the closing quote nor a short escape; p is at it. */
static __attribute__((noinline)) const char *read_special(struct reader *r, const char *p)
{
    if (*p == '\\') {
        unsigned n = text__escape(p, r->end);
        return n ? p + n : refuse(r, p, "a valid escape (surrogates in pairs)");
    }
    if ((uint8_t)*p < 0x80)
        return refuse(r, p, "control characters in strings escaped");
    do {
        unsigned n = text__utf8(p, r->end);
        if (n == 0)
            return refuse(r, p, "UTF-8");
        p += n;
    } while (p < r->end && (uint8_t)*p >= 0x80);
    return p;
}

/* p is at the opening quote. */
static inline const char *read_string(struct reader *r, const char *p)
{
    const char *start = p++;
    bool escaped = false;
    for (;;) {
        p = text__skip_common(p, r->end, &escaped);
        if (UNLIKELY(p == r->end))
            return refuse(r, p, "the string's closing quote");
        if (LIKELY(*p == '"'))
            return add_node(r, JSON_STRING, escaped, start, p + 1);
        escaped |= *p == '\\';
        p = read_special(r, p);
        if (UNLIKELY(!p))
            return NULL;
    }
}

static inline bool is_digit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

static const char *read_digits(struct reader *r, const char *p)
{
    if (!is_digit(p, r->end))
        return refuse(r, p, "a digit");
    while (is_digit(p, r->end))
        p++;
    return p;
}

static const char *read_number(struct reader *r, const char *p)
{
    const char *start = p;
    if (*p == '-')
        p++;
    p = p < r->end && *p == '0' ? p + 1 : read_digits(r, p);
    if (p && p < r->end && *p == '.')
        p = read_digits(r, p + 1);
    if (p && p < r->end && (*p | 0x20) == 'e') {
        p++;
        if (p < r->end && (*p == '+' || *p == '-'))
            p++;
        p = read_digits(r, p);
    }
    return p ? add_node(r, JSON_NUMBER, false, start, p) : NULL;
}

/* Inlined, so that the word is compared without a call. */
static inline __attribute__((always_inline)) const char *
read_word(struct reader *r, const char *p, struct str word, enum json_type type)
{
    if ((size_t)(r->end - p) < word.n || memcmp(p, word.p, word.n) != 0)
        return refuse(r, p, "a value");
    return add_node(r, type, false, p, p + word.n);
}

/* What is no string. */
static const char *read_scalar(struct reader *r, const char *p)
{
    switch (p < r->end ? *p : 0) {
    case 'n':
        return read_word(r, p, STR("null"), JSON_NULL);
    case 't':
        return read_word(r, p, STR("true"), JSON_TRUE);
    case 'f':
        return read_word(r, p, STR("false"), JSON_FALSE);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return read_number(r, p);
    default:
        return refuse(r, p, "a value");
    }
}

/* --- arrays and objects -------------------------------------------------------------------------
 */

/* A name and its colon. */
static inline const char *read_name(struct reader *r, const char *p)
{
    p = skip_space(p, r->end);
    if (UNLIKELY(p == r->end || *p != '"'))
        return refuse(r, p, "a name in quotes");
    p = read_string(r, p);
    if (UNLIKELY(!p))
        return NULL;
    p = skip_space(p, r->end);
    if (UNLIKELY(p == r->end || *p != ':'))
        return refuse(r, p, "a colon");
    return p + 1;
}

/* p is at the bracket. */
static inline const char *open_scope(struct reader *r, const char *p, bool *is_opened)
{
    if (UNLIKELY(r->depth == JSON_DEPTH_MAX)) {
        r->err = fault_set(r->fault, ERR_TOO_BIG, "JSON nested more than %d deep at byte %zu",
                           JSON_DEPTH_MAX, (size_t)(p - r->text));
        return NULL;
    }
    r->is_in_object = *p == '{';
    r->open[r->depth++] = r->tape->n;
    char closing = r->is_in_object ? '}' : ']';
    p = add_node(r, r->is_in_object ? JSON_OBJECT : JSON_ARRAY, false, p, p + 1);
    if (UNLIKELY(!p))
        return NULL;
    p = skip_space(p, r->end);
    *is_opened = p == r->end || *p != closing;
    return p;
}

/* p is at the closing bracket of the innermost scope. */
static inline const char *close_scope(struct reader *r, const char *p)
{
    struct json_node *nodes = r->tape->nodes, *scope = &nodes[r->open[--r->depth]];
    p++;
    scope->n = (uint32_t)(p - r->text) - scope->at;
    scope->next = r->tape->n;
    r->is_in_object = r->depth && nodes[r->open[r->depth - 1]].type == JSON_OBJECT;
    return p;
}

/* Behind a value: closes all that ends there. Then there is a comma, or it was the whole text. */
static inline const char *close_scopes(struct reader *r, const char *p)
{
    for (;;) {
        p = skip_space(p, r->end);
        if (r->depth == 0)
            return p == r->end ? p : refuse(r, p, "nothing more");
        if (LIKELY(p < r->end && *p == ','))
            return p + 1;
        if (UNLIKELY(p == r->end || *p != (r->is_in_object ? '}' : ']')))
            return refuse(r, p, r->is_in_object ? "a comma or }" : "a comma or ]");
        p = close_scope(r, p);
    }
}

/* A scalar, or the opening bracket of a scope that is not empty. */
static inline const char *read_value(struct reader *r, const char *p, bool *is_opened)
{
    p = skip_space(p, r->end);
    *is_opened = false;
    if (LIKELY(p < r->end && *p == '"'))
        return read_string(r, p);
    if (p < r->end && (*p == '{' || *p == '['))
        return open_scope(r, p, is_opened);
    return read_scalar(r, p);
}

static enum err read_all(struct reader *r)
{
    const char *p = r->text;
    do {
        bool is_opened;
        if (r->is_in_object)
            p = read_name(r, p);
        if (LIKELY(p))
            p = read_value(r, p, &is_opened);
        if (LIKELY(p) && !is_opened)
            p = close_scopes(r, p);
    } while (p && r->depth);
    return r->err;
}

/* --- what is asked of a value -------------------------------------------------------------------
 */

static const struct json none = {.type = JSON_NONE};

static inline const struct json_node *node_of(struct json v)
{
    return &v.tape[v.at];
}

static inline struct str raw_str(const char *text, const struct json_node *string)
{
    return str_of(text + string->at + 1, string->n - 2);
}

static inline bool string_is(const char *text, const struct json_node *string, struct str s)
{
    if (LIKELY(!string->escaped))
        return string->n == s.n + 2 && str_eq(raw_str(text, string), s);
    return text__is(raw_str(text, string), s);
}

void json_tape_init(struct json_tape *t, uint32_t max_nodes)
{
    *t = (struct json_tape){.max = max_nodes};
}

void json_tape_release(struct json_tape *t)
{
    free(t->nodes);
    json_tape_init(t, t->max);
}

enum err json_parse(struct json_tape *t, struct str text, struct json *out, struct fault *f)
{
    *out = none;
    t->n = 0;
    if (text.n >= UINT32_MAX)
        return fault_set(f, ERR_TOO_BIG, "JSON of 4 GiB or more");
    struct reader r;
    r.text = text.n ? text.p : "";
    r.end = r.text + text.n;
    r.tape = t;
    r.fault = f;
    r.err = ERR_OK;
    r.is_in_object = false;
    r.depth = 0; /* `open` holds nothing yet, and clearing it would cost more than a short text */
    enum err e = read_all(&r);
    if (e == ERR_OK)
        *out = json_at((struct json){.text = r.text, .tape = t->nodes}, 0);
    return e;
}

const char *json_kind(struct json v)
{
    static const char *const kinds[] = {
        [JSON_NONE] = "nothing",   [JSON_NULL] = "null",        [JSON_FALSE] = "a boolean",
        [JSON_TRUE] = "a boolean", [JSON_NUMBER] = "a number",  [JSON_STRING] = "a string",
        [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
    };
    BUG_ON(v.type >= COUNT_OF(kinds));
    return kinds[v.type];
}

struct str json_raw(struct json v)
{
    return v.type == JSON_NONE ? STR_NONE : str_of(v.text + node_of(v)->at, node_of(v)->n);
}

struct json json_get(struct json v, struct str name)
{
    if (v.type != JSON_OBJECT)
        return none;
    for (uint32_t at = v.at + 1, end = node_of(v)->next; at < end; at = v.tape[at + 1].next) {
        if (string_is(v.text, &v.tape[at], name))
            return json_at(v, at + 1);
    }
    return none;
}

bool json_str_eq(struct json v, struct str s)
{
    return v.type == JSON_STRING && string_is(v.text, node_of(v), s);
}

struct str json_str(struct json v, struct buf *scratch)
{
    struct str raw = json_raw_str(v);
    if (v.type != JSON_STRING || !node_of(v)->escaped)
        return raw;
    size_t before = scratch->n;
    if (text__add_unescaped(scratch, raw) != ERR_OK)
        return STR_NONE;
    return str_of(scratch->p + before, scratch->n - before);
}

enum err json_unescape(struct buf *out, struct str raw)
{
    return raw.n ? text__add_unescaped(out, raw) : ERR_OK;
}

bool json_u64(struct json v, uint64_t max, uint64_t *out)
{
    return v.type == JSON_NUMBER && str_u64(json_raw(v), max, out);
}

uint64_t json_u64_or(struct json v, uint64_t otherwise)
{
    uint64_t n;
    return json_u64(v, UINT64_MAX, &n) ? n : otherwise;
}

bool json_bool_or(struct json v, bool otherwise)
{
    return v.type == JSON_TRUE || (v.type != JSON_FALSE && otherwise);
}
