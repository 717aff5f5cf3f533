/* completions.h: OpenAI's older completions, as clients speak them: a prompt is a chat of one message of
 * the user. No provider is asked in this format.
 * Sources: OpenAI's API reference, "Completions" ("Create completion", "The completion object");
 * OpenRouter's API reference, "Completion", whose answers bear `provider`, `native_finish_reason` and
 * `reasoning` too. */
#ifndef DIALECT_COMPLETIONS_H
#define DIALECT_COMPLETIONS_H

#include "dialect/dialect.h"

extern const struct dialect dialect_completions;

/* completions_read.c */
enum err completions_read_request(struct json root, struct canon_room *room,
                                  struct canon_request *out, struct fault *f);

#endif
