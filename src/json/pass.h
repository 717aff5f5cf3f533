/* pass.h: a JSON object of any size goes through in pieces and bounded memory, while some of its
 * top-level members are replaced, dropped or noted and others are added at its end. For answers too
 * large to hold; small ones go through read.h and splice.h.
 *
 * It checks the structure it needs (nesting, strings, names and commas at the top level), not every
 * scalar: the bytes of other members pass through as they are; only white space between top-level
 * members is lost. A name that a rule has may stand once. */
#ifndef JSON_PASS_H
#define JSON_PASS_H

#include "base/buf.h"

enum {
    PASS_RULES_MAX = 8,
    PASS_NAME_MAX = 64, /* bytes of a rule's name */
    PASS_DEPTH_MAX = 512,
};

struct pass_rule {
    struct str name;
    struct str put; /* raw JSON to stand instead; p NULL: see drop */
    bool drop;      /* the member goes */
    bool note; /* its raw value is kept in noted[] (up to the ceiling; longer: noted is empty) */
};

struct json_pass {
    const struct pass_rule *rules; /* lent */
    unsigned rules_n;
    struct buf noted[PASS_RULES_MAX];  /* by rule */
    uint8_t stack[PASS_DEPTH_MAX / 8]; /* a bit a level inside the value under way: in an object */
    uint16_t depth;                    /* levels inside the value under way */
    uint8_t state;
    uint8_t rule;                          /* of the member under way, or PASS_RULES_MAX */
    uint8_t rules_seen;                    /* a bit a rule */
    bool in_escape, any_member, is_silent; /* silent: the value under way does not go out */
    uint16_t name_n;
    char name[6 * PASS_NAME_MAX]; /* as it stands: an escape takes up to six bytes for one */
    uint64_t seen;                /* bytes fed so far, for sentences */
};

/* Rules' names need no escapes. What is noted is whole once json_pass_is_done(). */
void json_pass_init(struct json_pass *p, const struct pass_rule *rules, unsigned n,
                    size_t note_max);
void json_pass_release(struct json_pass *p);
/* Feeds bytes, appends what may go out. The object's closing brace is held back: once
 * json_pass_is_done(), the caller adds its own members and the brace with json_pass_finish().
 * ERR_INVALID: not such an object. ERR_TOO_BIG, ERR_NOMEM: no room, in `out` or for a note. After
 * an error the pass is over. */
enum err json_pass_feed(struct json_pass *p, struct str bytes, struct buf *out,
                        struct fault *f) MUST_USE;
bool json_pass_is_done(const struct json_pass *p);
/* `members`: raw `"name":value,"name":value` or empty. Adds them and the closing brace. */
enum err json_pass_finish(struct json_pass *p, struct str members, struct buf *out);

#endif
