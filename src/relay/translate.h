/* translate.h: between a client and a provider that speak different formats: the request by way of the
 * canonical chat, the answer by way of canonical events, and all that is counted read off them. Where
 * both speak OpenAI's, none of this is made, and the bytes pass through (openai.h). */
#ifndef RELAY_TRANSLATE_H
#define RELAY_TRANSLATE_H

#include "relay/internal.h"

/* In the relay's arena, from when it is first needed. */
struct translation {
    struct canon_request asked;
    bool is_read; /* `asked` is there: it is read once, and written anew for each attempt */
    struct dialect_quirks quirks; /* of the attempt under way, as all that follows */
    struct buf body;              /* what the provider is sent */
    struct buf made, line; /* of the event that is read: what is made for it, all on one line */
    struct canon_reader reader;
    struct canon_writer writer; /* its state is NULL until content comes */
    struct canon_event begin;   /* what it begins with, in the arena */
    struct canon_answer whole;
};

/* The client's request in canonical form. */
enum err relay_translation_read(struct relay *r, struct json root, struct fault *f) MUST_USE;
/* Whether client and endpoint need a translation. */
bool relay_translates(const struct relay *r, const struct endpoint *e);
/* Whether the endpoint can be told all that the request asks for, as far as its canonical form is
 * there. */
bool relay_may_tell(const struct relay *r, const struct endpoint *e);
/* The request for the endpoint at hand, as views that live in the arena. ERR_UNPROCESSABLE: it cannot
 * be said there. */
enum err relay_translate_request(struct relay *r, const struct target *t, uint64_t max_tokens,
                                 const struct str **views, uint32_t *n, struct fault *f) MUST_USE;
/* One event of the provider's stream; what the client gets of it is appended to the bytes of this
 * turn. */
enum err relay_translate_event(struct turn *t, const struct sse_event *e) MUST_USE;
/* A whole answer has come: it is settled, or the attempt has failed. */
void relay_translate_whole(struct relay *r);
/* The record is safe: the last bytes of a stream, by how it ends. */
enum err relay_translate_last(struct relay *r, struct buf *out) MUST_USE;
/* The attempt is dropped, and what was written of its answer. */
void relay_translation_drop(struct relay *r);

#endif
