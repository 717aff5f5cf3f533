/* responses_asked.h: a request of OpenAI's Responses while it is being read: what the reader of its
 * input shares with that of the rest. */
#ifndef DIALECT_RESPONSES_ASKED_H
#define DIALECT_RESPONSES_ASKED_H

#include "dialect/client.h"
#include "dialect/responses.h"

enum { RESPONSES_WHERE_MAX = 128 };

/* One request being read. */
struct responses_asked {
    struct canon_room *room;
    struct canon_request *out;
    struct fault *f;
};

/* One part, item or tool of it; `where` names it. */
struct responses_said {
    struct json v;
    const char *where;
};

/* responses_read_input.c */
/* `instructions` and `input`: all messages. */
enum err responses_read_input(struct responses_asked *g, struct json root) MUST_USE;
/* What was there in place of a word that is known. */
const char *responses_got(struct json v);
enum err responses_want(const struct responses_asked *g, struct json v, enum json_type type,
                        const char *where, const char *expected) MUST_USE;
/* A string that is the member `name`. */
enum err responses_want_text(const struct responses_asked *g, const struct responses_said *b,
                             const char *name) MUST_USE;

#endif
