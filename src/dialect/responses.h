/* responses.h: OpenAI's Responses, to and from the canonical chat. Nothing is kept between two requests.
 * Sources: OpenAI's API reference, "Responses" ("Create a model response", "The response object",
 * "Streaming events"), and its guides on reasoning and function calling; OpenRouter's API reference,
 * "Create a response", whose reasoning items bear `format` and `signature` too. */
#ifndef DIALECT_RESPONSES_H
#define DIALECT_RESPONSES_H

#include "dialect/dialect.h"

extern const struct dialect dialect_responses;

/* Whose encrypted reasoning this is, in `reasoning_details`. */
#define RESPONSES_REASONING STR("openai-responses-v1")
/* Of reasoning and of pictures that their provider gave no id: "rs_", "ig_" and the answer's. */
#define RESPONSES_MADE_ID    STR("rs_gen-")
#define RESPONSES_MADE_IMAGE STR("ig_gen-")
/* Clients that know OpenAI's members alone give `id` and `encrypted_content` back, but not `format`: so an
 * item of others has its format in its id as well, "rs_google-gemini-v1:call-1". */
#define RESPONSES_WHOSE_ID STR("rs_")
/* And they have no place for a signature: who includes what is encrypted gets a signed thought, which is
 * not, there as well, "signed:anthropic-claude-v1:SIGNATURE:the text", so that it can come back. */
#define RESPONSES_SIGNED    STR("signed:")
#define RESPONSES_ENCRYPTED STR("reasoning.encrypted_content")
/* What `include` says to get the logprobs of texts. */
#define RESPONSES_LOGPROBS STR("message.output_text.logprobs")

/* responses_shape.c: at the top of a request, beside chat_shape_ours. */
extern const struct shape responses_request_shape[];

/* responses_read_request.c */
enum err responses_read_request(struct json root, struct canon_room *room,
                                struct canon_request *out, struct fault *f);

/* responses_write_request.c */
enum err responses_write_request(const struct canon_request *r, const struct dialect_target *t,
                                 struct canon_room *room, struct buf *out, struct fault *f);
/* {"type":"function",...} and whatever stands for the choice: the answer repeats both. */
void responses_write_tool(struct json_writer *w, const struct canon_tool *t, bool is_exact);
void responses_write_choice(struct json_writer *w, const struct canon_choice *c);
/* `text` and its members; nothing where nothing is said. */
void responses_write_format(struct json_writer *w, const struct canon_request *r);

/* responses_read_answer.c */
struct responses_reading {
    struct canon_ordinals blocks; /* by output index, piece and index within it */
    struct canon_ordinals
        spoken; /* by block: tools whose arguments have come, texts that are signed or whose odds are told */
    bool has_call, has_items; /* a call was told; items were told whole, each by its event */
    uint64_t begun;           /* the index of the item that began last, and one */
    struct str format;        /* of its reasoning, where its beginning says it: in the arena */
};
extern const struct shape responses_answer_shape[];
enum err responses_read_event(struct canon_reader *rd, struct str name, struct json root,
                              struct fault *f);
enum err responses_read_whole(struct canon_reader *rd, struct json root, struct fault *f);
void responses_read_error(struct json root, struct canon_room *room, struct canon_failure *out);

#endif
