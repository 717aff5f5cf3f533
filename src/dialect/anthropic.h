/* anthropic.h: Anthropic's messages, to and from the canonical chat.
 * Sources: Anthropic's API reference, "Messages" ("Create a Message", "Streaming Messages", "Errors"), and
 * its guides on extended thinking, tool use, prompt caching and citations. */
#ifndef DIALECT_ANTHROPIC_H
#define DIALECT_ANTHROPIC_H

#include "dialect/dialect.h"
#include "dialect/shape.h"

extern const struct dialect dialect_anthropic;

/* Whose signed and encrypted reasoning blocks these are, in `reasoning_details`. */
#define ANTHROPIC_REASONING STR("anthropic-claude-v1")

/* anthropic_shape.c: at the top of a request, beside chat_shape_ours. */
extern const struct shape anthropic_request_shape[];

/* anthropic_read_request.c */
enum err anthropic_read_request(struct json root, struct canon_room *room,
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

#endif
