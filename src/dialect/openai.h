/* openai.h: OpenAI's chat format, as asked of a provider and as it answers: the client's own bytes
 * with only the members changed that must be.
 * Source: OpenAI's API reference, "Create chat completion" and "Streaming". */
#ifndef DIALECT_OPENAI_H
#define DIALECT_OPENAI_H

#include "dialect/chat.h"

/* A member that goes under another name: its value, or one member of that. Names are terminated. */
struct openai_rename {
    struct str from, member, to;
    uint64_t bit; /* of `from`, as in chat_request.given */
};

enum { OPENAI_RENAMES_MAX = 4 };

/* What one endpoint does not take as it stands. Made once, when the catalog is loaded. */
struct openai_rules {
    uint64_t drops; /* members that are not sent: bits as in chat_request.given */
    bool drops_unknown;
    bool drops_required, drops_function; /* tool_choice of these values is not sent */
    bool drops_schema;                   /* nor response_format json_schema */
    bool has_no_stream_options;          /* whether it tells the usage of a stream is left to it */
    struct openai_rename renames[OPENAI_RENAMES_MAX];
    uint32_t renames_n;
};

/* What one endpoint is to be asked. All raw JSON, lent until the splice is written. */
struct openai_target {
    struct str model_json;      /* the provider's own name, quoted */
    struct str max_tokens_json; /* digits, or empty: leave it to the provider */
    struct str max_tokens_field;
    const struct openai_rules *rules; /* NULL: none */
};

/* Edits of the client's body. */
void openai_edit_request(const struct chat_request *r, const struct openai_target *t,
                         struct splice *s);

/* What an answer of the gateway says of itself: raw JSON. usage_json stands for the provider's own
 * usage; empty: there is none (in the events of a stream, but for the last). */
struct openai_identity {
    struct str id_json, model_json, provider_json, usage_json;
};

enum openai_event_kind {
    OPENAI_CONTENT, /* something that the client was waiting for: text, tool calls, reasoning, a
                       finish */
    OPENAI_EMPTY,   /* nothing yet: a role, an empty delta */
    OPENAI_USAGE,   /* no choices, usage alone */
    OPENAI_ERROR,
    OPENAI_BAD, /* no chunk at all */
};

/* Facts of one chunk or whole answer. Views and values live as long as its text. */
struct openai_event {
    enum openai_event_kind kind;
    struct json root, choices, first_choice;
    struct json id_at, model_at, provider_at, usage_at,
        padding_at;   /* the members, where they are */
    struct json text; /* what the latest of the texts was; */
    uint32_t texts; /* and how many there are, of all choices; a call of a tool is more than one */
    struct str id;  /* the provider's; raw */
    struct str finish_reason; /* raw, of the first choice; empty: none yet */
    bool has_usage, has_fingerprint, is_whole;
    bool has_thoughts; /* a choice says `reasoning_content` */
    struct chat_usage usage;
    struct tokens_text content; /* of text in all choices */
    uint32_t finishes;          /* choices that ended with this event */
};

void openai_read_chunk(struct json root, struct openai_event *ev);
void openai_read_answer(struct json root, struct openai_event *ev);

/* The chunk or answer under our identity: `id`, `model`, `provider`, `usage`, normalised finish
 * reasons; what was thought is `reasoning`, as OpenRouter has it, where a provider says
 * `reasoning_content`. A whole answer gets `system_fingerprint` too, which clients want even where it says
 * nothing. */
void openai_edit_event(const struct openai_event *ev, const struct openai_identity *who,
                       struct splice *s);

/* An error as a provider words it: {"error":{"message":...,"code":...}} or {"error":"..."} or
 * {"message":...}. */
struct openai_error {
    struct str message; /* decoded into scratch or lent; may be empty */
    int status;         /* a numeric code in 400..599, or 0 */
    bool is_context;    /* the prompt is too long for this model */
};
void openai_read_error(struct json root, struct buf *scratch, struct openai_error *out);

/* False: no report at all, or its figures are none: then the answer is not free, it is counted
 * here. */
bool openai_read_usage(struct json usage, struct chat_usage *out);
/* `prompt_tokens_details` and `completion_tokens_details`, which the Responses word alike. */
void openai_read_details(struct json in, struct json out, struct chat_usage *u);

#endif
