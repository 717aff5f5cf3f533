/* gemini.h: Gemini's generateContent and streamGenerateContent, as providers speak it. The base URL is
 * like https://generativelanguage.googleapis.com/v1beta.
 * Sources: the Gemini API reference, "Generating content" (GenerationConfig, Candidate, FinishReason,
 * GroundingMetadata, UsageMetadata) and "Caching" (Content, Part, Tool, FunctionDeclaration,
 * FunctionResponse, ToolConfig); its guides "Function calling", "Thinking", "Thought signatures",
 * "Structured outputs", "Grounding with Google Search" and "Troubleshooting". */
#ifndef DIALECT_GEMINI_H
#define DIALECT_GEMINI_H

#include "dialect/dialect.h"

extern const struct dialect dialect_gemini;

/* Whose signatures these are, in `reasoning_details`.
 *
 * Signatures. The provider signs any part of its answer and wants each signature back on the part that
 * it came on. A signed thought is one block of reasoning with its text. Of all other parts the signature
 * is a block of its own without text (CANON_REASONING_ENCRYPTED), and its id says whose it is: a tool
 * call's id, "image-0" for the answer's first image and so on, nothing for a text. Those without an id
 * belong to the message's texts, in order; what is left over goes back on empty texts after them. */
#define GEMINI_REASONING STR("google-gemini-v1")
#define GEMINI_IMAGE_ID  "image-%u"

/* Calls that came without an id get one that begins so; it is not given back. */
#define GEMINI_MADE_ID STR("gemini-")

enum gemini_piece {
    GEMINI_NEW, /* whatever comes is a block of its own */
    GEMINI_TEXT,
    GEMINI_THOUGHT,
    GEMINI_SOUND,
};

struct gemini_choice {
    enum gemini_piece piece; /* what the latest block is */
    uint32_t block, blocks_n;
    uint32_t text_block, images;
    bool has_text, has_call, has_finish;
    bool is_wide; /* its text is not all ASCII: bytes are no characters */
};

struct gemini_reading {
    bool has_begun, has_usage;
    struct str id; /* of the answer, if it can be part of a call's id */
    uint32_t calls;
    uint64_t prompt, tool_prompt, cached, answer, thoughts;
    struct chat_usage media; /* its parts that are no text */
    struct gemini_choice choices[CHAT_CHOICES_MAX];
};

/* gemini_write_messages.c */
/* "gemini-3.1-pro": 31, "gemini-3-pro": 30; 0: not known. */
unsigned gemini_version(struct str model);
/* `systemInstruction` and `contents`. ERR_UNPROCESSABLE: there is content that cannot be said. */
enum err gemini_write_messages(struct json_writer *w, const struct canon_request *r,
                               struct str model, struct canon_room *room, struct fault *f);

/* gemini_read_answer.c */
extern const struct shape gemini_answer_shape[];
enum err gemini_read_event(struct canon_reader *rd, struct str name, struct json root,
                           struct fault *f);
enum err gemini_read_whole(struct canon_reader *rd, struct json root, struct fault *f);
void gemini_read_error(struct json root, struct canon_room *room, struct canon_failure *out);

#endif
