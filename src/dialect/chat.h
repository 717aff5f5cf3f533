/* chat.h: what the gateway must know of a chat, whatever the wire format: of a request, of an
 * event of a stream, of a whole answer, of what was used. Everything else stays bytes. */
#ifndef DIALECT_CHAT_H
#define DIALECT_CHAT_H

#include "dialect/tokens.h"
#include "json/splice.h"
#include "json/write.h"

enum { CHAT_MODELS_MAX = 16, CHAT_OURS_MAX = 16, CHAT_CHOICES_MAX = 20 };

/* What messages and tools say that not every provider of OpenAI's form takes. */
enum chat_says {
    CHAT_DEVELOPER = 1, /* the role of this name */
    CHAT_NAMES = 2,     /* who speaks */
    CHAT_THOUGHTS = 4,  /* an assistant's: `reasoning`, `reasoning_content`, `reasoning_details` */
    CHAT_MARKS = 8,     /* `cache_control` */
    CHAT_ECHOES = 16,   /* what only a stream bears: the `index` of calls */
    CHAT_OWN = 32,      /* OpenAI's own: `refusal`, `annotations`, `audio`, `function_call` */
    CHAT_PREFILL = 64,  /* the last message is an assistant's: the answer goes on from it */
};
/* What of these a message says by having a member of this name; 0: nothing. */
uint8_t chat_says_of(struct str name);

struct chat_request {
    struct json root;
    struct str models[CHAT_MODELS_MAX]; /* `model`, then `models`: in the order of trying */
    uint32_t models_n;
    struct str ours[CHAT_OURS_MAX]; /* names of members meant for the gateway: not sent on */
    uint32_t ours_n;
    bool is_streamed;
    bool has_max_tokens, has_max_completion_tokens;
    uint64_t max_tokens;     /* where one of them is there */
    uint64_t choices;        /* `n`, or 1 */
    struct tokens_text text; /* of the messages and tools: for estimates */
    uint64_t links;       /* media given by link, whose size the body does not tell: for bounds */
    bool has_media;       /* something in its messages is no text, or may be none */
    uint8_t says;         /* enum chat_says, a bit each */
    bool hides_thoughts;  /* `reasoning.exclude`: they are not shown */
    bool wants_echo;      /* `debug.echo_upstream_body`: it asks to see what the provider is sent */
    bool may_speak;       /* it asks for more than text, or for a voice */
    struct str user;      /* `user` */
    struct json provider; /* `provider`: wishes about endpoints */
    uint64_t given;       /* members that are there, a bit each: see chat_member() */
    uint64_t asks;        /* those that ask for something: neither null nor what is so anyway */
    bool has_unknown;     /* there are members that are not in that table */
    bool wants_tool, wants_function, wants_schema; /* tool_choice "required"; that of one function;
                                                      response_format json_schema */
};

/* The members that the gateway knows, by their bit's number; p NULL past the last. */
struct str chat_member(unsigned i);
/* The bit of a member's name; 0: it is unknown. */
uint64_t chat_member_bit(struct str name);

/* Reads and checks the members that decisions rest on; the fault names the field, what was there
 * and what would be right. Views live as long as the body and `scratch`. */
enum err chat_read(struct json root, struct buf *scratch, struct chat_request *out,
                   struct fault *f) MUST_USE;
/* The same of the older form, which has a `prompt` instead of messages; its `logprobs` is not
 * looked at. */
enum err chat_read_prompt(struct json root, struct buf *scratch, struct chat_request *out,
                          struct fault *f) MUST_USE;
/* The one text: `prompt`, or what is in it where it is a list of one. JSON_NONE, or no string: none. */
struct json chat_prompt(struct json root);

/* Its `messages`, within chat_read(): chat_messages.c. */
enum err chat_read_messages(struct chat_request *r, struct json messages, struct fault *f) MUST_USE;

/* `debug`; of a request that is not streamed nothing is echoed. */
bool chat_wants_echo(struct json debug, bool is_streamed);

/* As providers count; parts are included in their whole. */
struct chat_usage {
    uint64_t prompt, completion;
    uint64_t cached, cache_write, reasoning;
    uint64_t searches;            /* of ranking, where the provider bills them; 0: it does not */
    uint64_t cache_write_1h;      /* of cache_write: kept for an hour */
    uint64_t audio, image, video; /* of the prompt */
    uint64_t audio_cached;        /* of both cached and audio */
    uint64_t audio_output, image_output;
};
/* Cuts parts to their whole: providers count, and may count wrong. */
void chat_trim_usage(struct chat_usage *u);

struct chat_bill {
    struct chat_usage usage;
    nanos cost, prompt_cost, completion_cost;
};
/* A figure that is not there where it is zero. */
void chat_write_count(struct json_writer *w, const char *key, uint64_t n);
/* The `usage` object as OpenRouter's clients know it, without a key. */
void chat_write_usage(struct json_writer *w, const char *key, const struct chat_bill *b);

/* Finish reasons: stop, length, tool_calls, content_filter, error. What is none of them nor a
 * known synonym counts as stop. */
struct str chat_finish_reason(struct str native);

/* An error's words say that the prompt is too long for the model. */
bool chat_says_context(struct str message);

#endif
