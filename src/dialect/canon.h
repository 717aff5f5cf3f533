/* canon.h: the canonical chat: what a request says, whatever the wire format. Every reader makes one
 * of it, every writer takes one; no format knows another. The answer's half is in events.h.
 *
 * Texts. Every format is JSON, so texts stay as they stand between the quotes of a JSON string,
 * escapes and all ("raw"): a writer puts quotes around them and copies. So nothing is decoded and
 * encoded again on the way, and what was signed or encrypted comes back byte for byte. A struct str
 * here is raw text unless its comment says otherwise; `p` NULL means that the member was not there,
 * which is not the same as "". Words that are compared (ids, names of tools, types) are made by
 * canon_word(), which decodes and escapes again, so that equal words have equal bytes.
 *
 * Values ("raw JSON") are whole JSON values as they stand: a schema, a number, an object.
 *
 * Memory. Views of the body's text where possible, else the room's arena. A canonical request holds no
 * struct json, so the tape that its body was read with may be used again: it lives as long as the body
 * and the arena.
 *
 * Order. Messages and parts keep the order in which they were said. What only one format can say is
 * kept as PART_OPAQUE parts and `extras`, given back to that format and left out for others. */
#ifndef DIALECT_CANON_H
#define DIALECT_CANON_H

#include "base/arena.h"
#include "base/map.h"
#include "dialect/chat.h"

struct dialect;

/* What readers and writers work with. All lent. */
struct canon_room {
    struct arena *arena;    /* what is made lives here: as long as the request */
    struct json_tape *tape; /* for reading a value within (arguments, a schema): not the body's */
    struct buf *scratch;    /* anything may be in it between two calls */
};

/* --- parameters ------------------------------------------------------------------------------- */

/* clang-format off */
/* Parameters that are carried as they are: raw JSON in the form of OpenAI's and OpenRouter's chat
 * format (`stop` always as an array of strings; null is "not there"). A writer whose provider words
 * one otherwise converts it. */
#define PARAM_VALUE_LIST(X)                                                                        \
    X(TEMPERATURE, "temperature") X(TOP_P, "top_p") X(TOP_K, "top_k") X(TOP_A, "top_a")            \
    X(MIN_P, "min_p") X(FREQUENCY_PENALTY, "frequency_penalty")                                    \
    X(PRESENCE_PENALTY, "presence_penalty") X(REPETITION_PENALTY, "repetition_penalty")            \
    X(SEED, "seed") X(STOP, "stop") X(N, "n") X(LOGIT_BIAS, "logit_bias")                          \
    X(LOGPROBS, "logprobs") X(TOP_LOGPROBS, "top_logprobs") X(PREDICTION, "prediction")            \
    X(VERBOSITY, "verbosity") X(MODALITIES, "modalities") X(AUDIO, "audio")                        \
    X(IMAGE_CONFIG, "image_config") X(WEB_SEARCH_OPTIONS, "web_search_options")                    \
    X(SERVICE_TIER, "service_tier") X(USER, "user") X(METADATA, "metadata")                        \
    X(PROMPT_CACHE_KEY, "prompt_cache_key") X(PROMPT_CACHE_OPTIONS, "prompt_cache_options")        \
    X(SAFETY_IDENTIFIER, "safety_identifier")
/* Parameters that have a shape of their own in struct canon_request. */
#define PARAM_SHAPE_LIST(X)                                                                        \
    X(MAX_TOKENS, "max_tokens") X(TOOLS, "tools") X(TOOL_CHOICE, "tool_choice")                    \
    X(PARALLEL_TOOL_CALLS, "parallel_tool_calls") X(RESPONSE_FORMAT, "response_format")            \
    X(STRUCTURED_OUTPUTS, "structured_outputs") X(REASONING, "reasoning")
/* clang-format on */

enum canon_param {
#define X(code, name) PARAM_##code,
    PARAM_VALUE_LIST(X) PARAM_VALUE__COUNT,
    PARAM__VALUES_LAST = PARAM_VALUE__COUNT - 1,
    PARAM_SHAPE_LIST(X)
#undef X
        PARAM__COUNT
};
#define PARAM_BIT(param) (UINT64_C(1) << (param))

struct str canon_param_name(enum canon_param p); /* "temperature": not raw text, plain */
/* PARAM_VALUE__COUNT: none of the values. */
enum canon_param canon_value_find(struct str name);

enum canon_tri { CANON_UNSAID, CANON_NO, CANON_YES };

/* --- content ---------------------------------------------------------------------------------- */

/* A mark that the prompt up to here may be cached. */
struct canon_cache {
    bool is_marked;
    struct str ttl; /* "5m", "1h" or not there */
};

enum canon_source {
    CANON_URL,     /* url */
    CANON_DATA,    /* mime and data: a data URL taken apart */
    CANON_FILE_ID, /* id: known to one provider only */
};

/* An image, audio, video or file. */
struct canon_media {
    enum canon_source source;
    struct str url;
    struct str mime;     /* "image/png"; not there: not stated */
    struct str data;     /* base64, without escapes */
    struct str id;       /* of a file, of a picture or audio that was answered earlier */
    struct str filename; /* of a file */
    struct str detail;   /* of an image: "auto", "low", "high", "original" */
    struct str format;   /* of audio: "wav", "mp3", ... */
};

/* A tool's arguments. A stream's pieces are ARGS_TEXT. */
struct canon_args {
    enum { CANON_ARGS_TEXT, CANON_ARGS_VALUE } form;
    struct str raw; /* TEXT: raw text, within quotes a string that holds JSON; VALUE: raw JSON */
};

enum canon_reasoning_kind {
    CANON_REASONING_TEXT,      /* text, signature */
    CANON_REASONING_SUMMARY,   /* text */
    CANON_REASONING_ENCRYPTED, /* data */
    CANON_REASONING_OTHER,     /* raw: a reasoning detail that has another type */
};

/* A block of reasoning. Blocks go back in the order they came in, every text byte for byte. A writer
 * gives a provider only the signed and encrypted blocks whose `format` is its own (or unknown);
 * "plain" (no signature, data, id or format) is what a model without signed reasoning thought. */
struct canon_reasoning {
    enum canon_reasoning_kind kind;
    struct str text, signature, data;
    struct str id;     /* the provider's name for the block; of a signature that belongs to a tool
                        * call (Gemini's): that call's id */
    struct str format; /* "anthropic-claude-v1", "google-gemini-v1", "openai-responses-v1", ... */
    struct str raw;    /* raw JSON */
};

struct canon_tool_use {
    struct str id, name; /* words */
    struct canon_args args;
    bool is_custom; /* OpenAI's custom tools: args are free text, not JSON */
    bool is_told;   /* its result is there */
};

struct canon_citation {
    struct str url, title, quote; /* quote: the text that is cited */
    struct str start, end;        /* raw JSON numbers: where in the answer; or not there */
    struct str raw;               /* raw JSON: the whole as its format said it */
    const struct dialect *of;     /* whose `raw` it is */
};

struct canon_part;
struct canon_parts {
    struct canon_part *first, *last;
};

enum canon_part_kind {
    PART_TEXT,        /* text; citations */
    PART_REFUSAL,     /* text */
    PART_IMAGE,       /* media */
    PART_SOUND,       /* media: audio */
    PART_VIDEO,       /* media */
    PART_FILE,        /* media */
    PART_REASONING,   /* reasoning */
    PART_TOOL_USE,    /* tool */
    PART_TOOL_RESULT, /* result */
    PART_OPAQUE,      /* opaque */
};

struct canon_part {
    struct canon_part *next;
    enum canon_part_kind kind;
    struct canon_cache cache;
    struct str said; /* raw JSON: the whole as canon_request.from says it, given back to that format
                      * as it is; or not there */
    union {
        struct {
            struct str text;
            struct canon_cited *citations; /* list; NULL: none */
        };
        struct canon_media media;
        struct canon_reasoning reasoning;
        struct canon_tool_use tool;
        struct {
            const struct canon_tool_use *use; /* that it answers; never NULL */
            struct canon_parts parts;         /* text, images, files */
            enum canon_tri is_error;
        } result;
        struct {
            const struct dialect *of;
            struct str raw;  /* raw JSON: the part as its format said it */
            struct str text; /* what it says to a format that has no such part; or not there */
        } opaque;
    };
};

struct canon_cited {
    struct canon_cited *next;
    struct canon_citation citation;
};

enum canon_role { CANON_SYSTEM, CANON_DEVELOPER, CANON_USER, CANON_ASSISTANT, CANON_TOOL };

/* Normal form, which every reader makes:
 * - A message of CANON_TOOL is one tool result and nothing else. Formats that put results into the
 *   user's message (Anthropic, Gemini) are taken apart: the results first, each a message, then the
 *   rest as the user's; their writers join neighbours again.
 * - A system prompt that stands beside the messages is a first message of CANON_SYSTEM.
 * - Content that is one string is one text part; content that is null or missing has none.
 * - An assistant's parts: reasoning, text and refusals, tool uses, in the order given.
 * A trailing assistant message is a prefill. */
struct canon_message {
    struct canon_message *next;
    enum canon_role role;
    struct str name; /* of who speaks */
    struct canon_parts parts;
    struct canon_extra *extras;
};

/* --- the request ------------------------------------------------------------------------------ */

enum canon_tool_kind {
    CANON_TOOL_FUNCTION, /* name, description, schema, strict */
    CANON_TOOL_SERVER,   /* raw: run by the provider or by the gateway */
};

struct canon_tool {
    struct canon_tool *next;
    enum canon_tool_kind kind;
    struct str name; /* a word */
    struct str description;
    struct str schema; /* raw JSON; or not there */
    enum canon_tri strict;
    struct canon_cache cache;
    struct str raw; /* raw JSON: a server tool; a function as `of` says it, or not there */
    const struct dialect *of; /* whose `raw` it is */
};

enum canon_choice_kind {
    CANON_CHOICE_UNSAID,
    CANON_CHOICE_AUTO,
    CANON_CHOICE_NONE,
    CANON_CHOICE_REQUIRED,
    CANON_CHOICE_NAMED, /* name */
    CANON_CHOICE_OTHER, /* raw */
};

struct canon_choice {
    enum canon_choice_kind kind;
    struct str name; /* a word */
    struct str raw;  /* raw JSON */
    const struct dialect *of;
};

enum canon_format_kind {
    CANON_FORMAT_UNSAID,
    CANON_FORMAT_TEXT,
    CANON_FORMAT_JSON,
    CANON_FORMAT_SCHEMA,
    CANON_FORMAT_OTHER, /* raw: "grammar", "python" */
};

struct canon_format {
    enum canon_format_kind kind;
    struct str name, description;
    struct str schema; /* raw JSON; or not there */
    enum canon_tri strict;
    struct str raw; /* raw JSON */
};

enum canon_effort {
    EFFORT_UNSAID,
    EFFORT_NONE,
    EFFORT_MINIMAL,
    EFFORT_LOW,
    EFFORT_MEDIUM,
    EFFORT_HIGH,
    EFFORT_XHIGH,
    EFFORT_MAX,
    EFFORT__COUNT
};

struct canon_reason {
    enum canon_effort effort;
    uint64_t max_tokens; /* 0: not said */
    enum canon_tri enabled;
    bool is_excluded;   /* thought and billed, but not shown to the client */
    bool is_adaptive;   /* the model decides (Anthropic's) */
    struct str said;    /* raw JSON: Anthropic's `thinking`, given back to it as it is */
    struct str summary; /* "auto", "concise", "detailed" */
};

/* A member that the canonical form has no place for. */
struct canon_extra {
    struct canon_extra *next;
    struct str name; /* raw text */
    struct str raw;  /* raw JSON */
};

struct canon_request {
    struct chat_request facts;  /* models, is_streamed, max_tokens, choices, bounds: see chat.h */
    const struct dialect *from; /* whose `extras` they are; of canon_request and its messages */
    struct canon_message *messages, *last_message;
    struct canon_tool *tools, *last_tool;
    struct canon_choice choice;
    enum canon_tri parallel;
    struct canon_format format;
    struct canon_reason reason;
    struct canon_cache cache; /* asked for at the top: a mark on the last part that can bear one */
    struct str values[PARAM_VALUE__COUNT]; /* by parameter, raw JSON; or not there */
    struct canon_extra *extras;
    struct map *uses; /* tool uses by id; see canon_note_use() */
};

/* The parameters that this request says, a bit each: against what a dialect and a provider take. */
uint64_t canon_asks(const struct canon_request *r);

/* Whether anything in its messages is no text, or may be none. */
bool canon_has_media(const struct canon_request *r);
/* Whether there is a function among its tools: other tools no translation carries. */
bool canon_has_functions(const struct canon_request *r);
/* Takes parameters (PARAM_BIT) out of it, as if they had not been said. A format with a schema goes
 * where schemas do: JSON without one is refused by many where the prompt does not speak of it. */
void canon_leave_out(struct canon_request *r, uint64_t params);

/* --- for readers ------------------------------------------------------------------------------ */

/* A string's raw text, lent from the source; of other types (null, missing) STR_NONE. */
struct str canon_text(struct json v);
/* Of a string: raw text with the fewest escapes, so that equal words have equal bytes. STR_NONE for
 * other types, and without memory. */
struct str canon_word(struct canon_room *room, struct json v);
/* Plain bytes as raw text: lent where nothing needs an escape, else in the arena. */
struct str canon_quote(struct canon_room *room, struct str plain);
/* What raw text stands for: lent where it has no escapes, else in the arena. `p` NULL: no memory. */
struct str canon_plain(struct canon_room *room, struct str raw);
/* A value's raw JSON; of null and of nothing STR_NONE. */
struct str canon_value(struct json v);
enum canon_tri canon_tri_of(struct json v);

enum err canon_no_memory(struct fault *f); /* ERR_NOMEM and its sentence */

/* These append and return what they appended, zeroed but for its kind; NULL: no memory. */
struct canon_message *canon_add_message(struct canon_request *r, struct canon_room *room,
                                        enum canon_role role) MUST_USE;
struct canon_part *canon_add_part(struct canon_parts *to, struct canon_room *room,
                                  enum canon_part_kind kind) MUST_USE;
struct canon_tool *canon_add_tool(struct canon_request *r, struct canon_room *room,
                                  enum canon_tool_kind kind) MUST_USE;
/* Prepends: the order of members means nothing. */
enum err canon_add_extra(struct canon_extra **to, struct canon_room *room, struct json member,
                         struct fault *f) MUST_USE;

/* Makes a tool use known to the results that follow it; ERR_NOMEM. */
enum err canon_note_use(struct canon_request *r, struct canon_room *room,
                        struct canon_tool_use *use, struct fault *f) MUST_USE;
/* The latest tool use of this id (a word), which has its result from now on. ERR_INVALID: there is
 * none, or it had one (where it has an id at all); the sentence names the field, WHERE.MEMBER. */
enum err canon_take_use(const struct canon_request *r, struct str id, const char *where,
                        const char *member, const struct canon_tool_use **out,
                        struct fault *f) MUST_USE;

/* Base64 as plain bytes, checked; `where`: the field, as in canon_read_url(). */
enum err canon_read_base64(struct canon_room *room, struct json v, const char *where,
                           struct str *out, struct fault *f) MUST_USE;
/* A URL or data URL, taken apart: ERR_INVALID with a sentence that begins with `where` ("messages[2]
 * .content[0].image_url.url") for one that is neither, or whose base64 is broken. */
enum err canon_read_url(struct canon_room *room, struct json url, const char *where,
                        struct canon_media *out, struct fault *f) MUST_USE;
enum canon_effort canon_effort_find(struct str word); /* UNSAID: no such word */

/* --- for writers ------------------------------------------------------------------------------ */

/* A system prompt, whichever word was used; NULL is none. */
bool canon_is_system(const struct canon_message *m);
const char *canon_effort_word(enum canon_effort e); /* "high"; NULL: UNSAID */
/* Whether reasoning is wanted at all, by effort, budget or `enabled`; UNSAID leaves it to the model. */
enum canon_tri canon_reasons(const struct canon_reason *reason);
/* The budget: max_tokens, else by effort as OpenRouter does it: max(min(max_tokens x ratio, 128000),
 * 1024). 0: not wanted, or not said. */
uint64_t canon_budget(const struct canon_reason *reason, uint64_t max_tokens);
/* The effort: said, else by the budget's share of max_tokens; `enabled` alone is medium. */
enum canon_effort canon_effort_of(const struct canon_reason *reason, uint64_t max_tokens);

/* `"key":"raw"`; STR_NONE writes nothing. */
void canon_write_text(struct json_writer *w, const char *key, struct str raw);
/* `"key":value`; STR_NONE writes nothing. */
void canon_write_value(struct json_writer *w, const char *key, struct str value);
void canon_write_tri(struct json_writer *w, const char *key, enum canon_tri t);
/* Arguments as a string that holds JSON (OpenAI), and as an object (Anthropic, Gemini, Bedrock). No
 * arguments are {}; text that is no JSON object stands as {"arguments":"<text>"}: what a model said is
 * not lost, and not refused. */
void canon_write_args_text(struct json_writer *w, const char *key, const struct canon_args *args);
void canon_write_args_value(struct json_writer *w, const char *key, const struct canon_args *args,
                            struct canon_room *room);
/* One segment of a path, percent-encoded but for letters, digits and "-._~". */
enum err canon_add_segment(struct buf *out, struct str plain);
/* The URL, or the data URL put together again. */
void canon_write_url(struct json_writer *w, const char *key, const struct canon_media *m);

#endif
