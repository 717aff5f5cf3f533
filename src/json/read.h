/* read.h: one pass over the caller's bytes (RFC 8259, strictly; UTF-8 checked) makes a tape of
 * nodes; nothing is copied and numbers stay text. After json_parse() the accessors cannot fail:
 * what is missing is a value of type JSON_NONE, so that code reads as the question asked:
 *
 *     uint64_t max = json_u64_or(json_get(req, STR("max_tokens")), 4096);
 *
 * Refused: anything after the value, depth over JSON_DEPTH_MAX, more than the tape's ceiling of
 * nodes, texts of 4 GiB, unpaired surrogates in escapes, control characters in strings, a byte
 * order mark. */
#ifndef JSON_READ_H
#define JSON_READ_H

#include "base/buf.h"

enum { JSON_DEPTH_MAX = 512 };

enum json_type {
    JSON_NONE, /* missing */
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json_node {
    uint32_t at;     /* offset of the value's first byte; of a string: its opening quote */
    uint32_t n;      /* bytes of the value, quotes and brackets included */
    uint32_t next;   /* tape index behind the value and all it holds */
    uint8_t type;    /* enum json_type */
    uint8_t escaped; /* string: holds at least one backslash */
    uint16_t unused;
};

/* Memory for nodes, kept from parse to parse. A value read from a tape lives until its next parse.
 */
struct json_tape {
    struct json_node *nodes;
    uint32_t n, cap, max;
};

/* A value: lent, valid as long as its text and tape. An object's children are key, value, key,
 * value... */
struct json {
    const char *text;
    const struct json_node *tape;
    uint32_t at; /* its node */
    uint8_t type;
};

void json_tape_init(struct json_tape *t, uint32_t max_nodes);
void json_tape_release(struct json_tape *t);

/* ERR_INVALID with a sentence that gives the byte offset and what was expected; ERR_TOO_BIG past a
 * ceiling (depth, nodes, 4 GiB); ERR_NOMEM. After an error *out is a JSON_NONE. */
enum err json_parse(struct json_tape *t, struct str text, struct json *out,
                    struct fault *f) MUST_USE;

/* "null", "a number", "a string", ...: for sentences. JSON_NONE is "nothing". */
const char *json_kind(struct json v);

static inline bool json_is(struct json v, enum json_type type)
{
    return v.type == type;
}
static inline bool json_is_none_or_null(struct json v)
{
    return v.type <= JSON_NULL;
}

static inline struct json json_at(struct json from, uint32_t node)
{
    return (struct json){from.text, from.tape, node, from.tape[node].type};
}

/* The value's own bytes as they stand in the text; of JSON_NONE an empty view. */
struct str json_raw(struct json v);
/* Of a string: what is between the quotes, escapes as they stand. Else an empty view. */
static inline struct str json_raw_str(struct json v)
{
    const struct json_node *node = v.type == JSON_STRING ? &v.tape[v.at] : NULL;
    return node ? str_of(v.text + node->at + 1, node->n - 2) : STR_NONE;
}

/* Member of an object by its unescaped name (the first of that name); JSON_NONE if v is no object.
 */
struct json json_get(struct json v, struct str name);

/* The child whose node, or whose name's, is `node`; JSON_NONE where the parent ends before it. */
static inline struct json json_child_at(struct json parent, uint32_t node)
{
    if (node == parent.tape[parent.at].next)
        return (struct json){.type = JSON_NONE};
    return json_at(parent, parent.type == JSON_OBJECT ? node + 1 : node);
}

/* Walks arrays and objects: json_first() then json_after() until JSON_NONE. In an object the walk
 * stands on the values, and json_key() gives the string node before one. */
static inline struct json json_first(struct json v)
{
    return v.type >= JSON_ARRAY ? json_child_at(v, v.at + 1) : (struct json){.type = JSON_NONE};
}
static inline struct json json_after(struct json parent, struct json child)
{
    return child.type ? json_child_at(parent, child.tape[child.at].next) : child;
}
static inline struct json json_key(struct json object_member)
{
    return json_at(object_member, object_member.at - 1);
}

/* Equal to a string value, escapes decoded. False for other types. */
bool json_str_eq(struct json v, struct str s);
/* A string's text: a view of the source where it holds no escapes, else decoded to the end of
 * `scratch` and a view of that (p NULL if scratch was full), which lives until scratch is added to.
 * Other types: STR_NONE. */
struct str json_str(struct json v, struct buf *scratch);
/* Appends what json_raw_str() gave, escapes decoded. */
enum err json_unescape(struct buf *out, struct str raw);
/* A number that is a whole number without point or exponent, 0..max. */
bool json_u64(struct json v, uint64_t max, uint64_t *out);
uint64_t json_u64_or(struct json v, uint64_t otherwise);
bool json_bool_or(struct json v, bool otherwise);

/* ERR_INVALID if an object has a name twice (compared unescaped); the sentence gives the name. O(n
 * log n). */
enum err json_refuse_duplicates(struct json object, struct fault *f) MUST_USE;

#endif
