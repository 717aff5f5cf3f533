/* anthropic.h: Anthropic's messages, to and from the canonical chat.
 * Sources: Anthropic's API reference, "Messages" ("Create a Message", "Count tokens in a Message", "Streaming Messages", "Errors"), and
 * its guides on extended thinking, tool use, prompt caching and citations. */
#ifndef DIALECT_ANTHROPIC_H
#define DIALECT_ANTHROPIC_H

#include "dialect/dialect.h"

extern const struct dialect dialect_anthropic;
/* What clients speak where tokens are only counted ("Count tokens in a Message"); in no table, since
 * no provider is asked. */
extern const struct dialect dialect_anthropic_count;

/* Whose signed and encrypted reasoning blocks these are, in `reasoning_details`. */
#define ANTHROPIC_REASONING STR("anthropic-claude-v1")
/* What other providers signed or encrypted has no `format` and no `id` here, and goes back to whom it
 * came from all the same: its signature or data begins with them, "google-gemini-v1:6:call-1" and then
 * its own bytes (6: of the id). Anthropic's own are base64, without a colon. */

/* anthropic_shape.c: at the top of a request, beside chat_shape_ours. */
extern const struct shape anthropic_request_shape[], anthropic_answer_shape[];

/* anthropic_read_request.c */
enum err anthropic_read_request(struct json root, struct canon_room *room,
                                struct canon_request *out, struct fault *f);
/* The same of a request whose tokens are only counted: it need not bound its output. */
enum err anthropic_read_countable(struct json root, struct canon_room *room,
                                  struct canon_request *out, struct fault *f);

/* anthropic_read_messages.c */
/* `system` and `messages`. */
enum err anthropic_read_messages(struct json root, struct canon_room *room,
                                 struct canon_request *out, struct fault *f);

/* anthropic_read_answer.c */
struct anthropic_reading {
    struct canon_ordinals blocks; /* by the provider's index */
    uint64_t skipped; /* the latest block that is not passed on: its index and one; 0: none */
    struct chat_usage usage;
    bool has_usage;
};
enum err anthropic_read_event(struct canon_reader *rd, struct str name, struct json root,
                              struct fault *f);
enum err anthropic_read_whole(struct canon_reader *rd, struct json root, struct fault *f);
void anthropic_read_error(struct json root, struct canon_room *room, struct canon_failure *out);
/* An error's type and the status that goes with it. */
struct anthropic_error {
    struct str type;
    int status;
};
const struct anthropic_error *anthropic_error_of(int status);

/* anthropic_write_request.c */
enum err anthropic_write_request(const struct canon_request *r, const struct dialect_target *t,
                                 struct canon_room *room, struct buf *out, struct fault *f);
/* Whether the assistant's last turn calls tools and does not begin with what was thought before. Claude
 * refuses such a turn of somebody who wants reasoning; who speaks a format that cannot give thoughts back
 * is answered without. takes_back: what of them the provider takes. */
bool anthropic_lacks_thought(const struct canon_request *r,
                             bool (*takes_back)(const struct canon_reasoning *x));

#endif
