/* openai_form.h: OpenAI's chat format with OpenRouter's additions, to and from the canonical chat.
 * Where both sides speak it, openai.h passes the bytes through instead. */
#ifndef DIALECT_OPENAI_FORM_H
#define DIALECT_OPENAI_FORM_H

#include "dialect/dialect.h"

extern const struct dialect dialect_openai;

/* openai_read_request.c */
enum err openai_read_request(struct json root, struct canon_room *room, struct canon_request *out,
                             struct fault *f);
/* What older completions have in common with it, read by chat_read_prompt() first. */
enum err openai_keep_facts(struct json root, struct canon_room *room, struct canon_request *out,
                           struct fault *f);
enum err openai_read_settings(struct json root, struct canon_room *room, struct canon_request *out,
                              struct fault *f);

/* openai_read_messages.c */
/* What chat_read() has seen to be messages. */
enum err openai_read_messages(struct json messages, struct canon_room *room,
                              struct canon_request *out, struct fault *f);
const char *openai_reasoning_type(enum canon_reasoning_kind kind); /* NULL: OTHER */
/* One of `reasoning_details`. */
void openai_read_reasoning(struct canon_room *room, struct json detail,
                           struct canon_reasoning *out);

/* openai_read_answer.c */
/* The reader's state. */
struct openai_reading {
    bool has_begun;
    struct openai_choice *choices; /* CHAT_CHOICES_MAX, in the arena */
};
extern const struct shape openai_answer_shape[]; /* chunks too */
enum err openai_read_stream(struct canon_reader *rd, struct str name, struct json root,
                            struct fault *f);
enum err openai_read_whole(struct canon_reader *rd, struct json root, struct fault *f);
void openai_read_failure(struct json root, struct canon_room *room, struct canon_failure *out);

/* openai_write_answer.c */
/* A chunk of a stream without choices for each; `who` but for its provider. */
void openai_write_echoes(struct buf *out, const struct canon_identity *who,
                         const struct canon_echo *echoes);

/* openai_write_request.c */
enum err openai_write_request(const struct canon_request *r, const struct dialect_target *t,
                              struct canon_room *room, struct buf *out, struct fault *f);
/* One of `reasoning_details`; `index`: where it stands among them. */
void openai_write_reasoning(struct json_writer *w, const struct canon_reasoning *g, uint32_t index);

/* openai_write_answer.c: what older completions have in common with it. */
/* `id`, `object`, `created`, `model`, `provider`. */
void openai_write_identity(struct json_writer *w, const struct canon_writer *to,
                           const char *object);
/* `finish_reason` and `native_finish_reason`. */
void openai_write_reasons(struct json_writer *w, enum canon_finish reason, struct str native);
void openai_write_failure(struct json_writer *w, const struct canon_failure *x); /* `error` */
enum err openai_write_error(const struct canon_failure *x, struct buf *out);     /* a whole body */

#endif
