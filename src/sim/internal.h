/* internal.h: what the files of sim/ share.
 *
 *   sim.c       the server, its routes, what is not a completion
 *   call.c      the life of one request: its body, its waits, its end
 *   answer.c    how an answer is given: whole or streamed, properly or with a fault
 *   faults.c    the table of faults
 *   problems.c  the table of errors that are told, in every format's words
 *   request.c   what the formats' requests have in common
 *   turns.c     messages: what was said last, what was given back
 *   tools.c     which tools are called
 *   compose.c   what is said, and how it falls into blocks
 *   openai.c, responses.c, embeddings.c, rerank.c, anthropic.c, gemini.c, bedrock.c   the formats, each: a struct sim_format
 *   signature.c  whether a request is signed as AWS wants it
 *   words.c     filler, and how text is cut
 *
 * The life of a call:
 *
 *   body --> ANSWER --> (wait: a timer, or the client's taking what was sent) --> ... --> over
 *
 * It is over when its answer is complete, was cut on purpose, or its client has left. */
#ifndef SIM_INTERNAL_H
#define SIM_INTERNAL_H

#include "base/arena.h"
#include "http/server.h"
#include "json/read.h"
#include "json/write.h"
#include "sim/sim.h"

#define SIM_BODY_MAX   ((size_t)32 << 20)
#define SIM_TEXT_MAX   (2 * SIM_BODY_MAX) /* a body's text, escaped once */
#define SIM_ANSWER_MAX (4 * SIM_BODY_MAX) /* the same, escaped twice */
#define SIM_HUGE_BYTES ((uint64_t)64 << 20)

enum {
    SIM_PIECE_MAX = 16,          /* bytes of text in one streamed event */
    SIM_FILLER_BYTES = 16 << 10, /* the same of the huge answer */
    SIM_WORDS_MAX = 1 << 20,
    SIM_WORDS_DEFAULT = 64,
    SIM_FAULTS_MAX = 32,
    SIM_SMALL_MAX = 16 << 10, /* bytes a call keeps of small things: model, tool, hashes */
    SIM_PACE_MAX_MS = 60 * 1000,
    SIM_TOOLS_MAX = 8,       /* called at once */
    SIM_THOUGHT_BYTES = 120, /* of what was said, at most */
};

/* --- faults ----------------------------------------------------------------------------------- */

enum sim_problem {
    SIM_PROBLEM_REQUEST, /* the body is wrong */
    SIM_PROBLEM_KEY,
    SIM_PROBLEM_MODEL,
    SIM_PROBLEM_ROUTE,
    SIM_PROBLEM_METHOD,
    SIM_PROBLEM_CONTEXT,
    SIM_PROBLEM_RATE,
    SIM_PROBLEM_SERVER,
    SIM_PROBLEM_OVERLOADED,
    SIM_PROBLEM__COUNT
};

/* One error in the words of each format. */
struct sim_problem_words {
    int status;
    const char *openai_type, *openai_code;
    const char *anthropic_type;
    const char *gemini_status;
    const char *exception; /* Bedrock's */
    /* What it says when nothing better is known; NULL: as openai. */
    const char *openai, *anthropic, *gemini, *bedrock;
};
const struct sim_problem_words *sim__problem(enum sim_problem p);

/* What happens once the request was read. */
enum sim_start {
    SIM_START_ANSWER,
    SIM_START_PROBLEM,       /* an error with its status */
    SIM_START_PROBLEM_IN_OK, /* 200, and the error within */
    SIM_START_RESET,
    SIM_START_SILENT,
    SIM_START__COUNT
};

/* What happens in the middle of the answer's text. */
enum sim_middle {
    SIM_MIDDLE_NOTHING,
    SIM_MIDDLE_CUT,
    SIM_MIDDLE_STALL,
    SIM_MIDDLE_MALFORMED,
};

enum sim_trait {
    SIM_EVERY_SECOND = 1 << 0, /* the first request fails, the second works, the third fails... */
    SIM_RETRY_AFTER = 1 << 1,
    SIM_LATE = 1 << 2,
    SIM_FILTERED = 1 << 3,
    SIM_NO_USAGE = 1 << 4,
    SIM_NO_DONE = 1 << 5,
    SIM_HUGE = 1 << 6,
};

struct sim_fault {
    const char *name;
    enum sim_start start;
    enum sim_problem problem;
    enum sim_middle middle;
    unsigned traits; /* of enum sim_trait */
};
extern const struct sim_fault sim__no_fault;
const struct sim_fault *sim__fault(struct str name); /* NULL: no such fault */
unsigned sim__fault_index(const struct sim_fault *f);

/* --- calls ------------------------------------------------------------------------------------ */

struct sim_call;
typedef void sim_next(struct sim_call *c);

enum sim_wait { SIM_WAIT_NOTHING, SIM_WAIT_DRAINED, SIM_WAIT_TIMER };
enum sim_finish { SIM_FINISH_STOP, SIM_FINISH_LENGTH, SIM_FINISH_TOOL, SIM_FINISH_FILTER };

/* What an answer is made of: a thought where reasoning is asked for, then text or calls of tools. */
enum sim_block_kind { SIM_BLOCK_THOUGHT, SIM_BLOCK_TEXT, SIM_BLOCK_TOOL };
struct sim_block {
    enum sim_block_kind kind;
    uint32_t tool;     /* which of the calls; of c->tools */
    size_t begin, end; /* in c->text */
};

/* One call of a tool: the user's words for it, `p` NULL where all that was said is its argument. */
struct sim_tool {
    struct str name, words;
};

/* A wire format. Functions append to c->out: whole JSON texts, or whole events. */
struct sim_format {
    /* An error body. is_inside: the HTTP status has been 200, so the body alone tells. */
    void (*error)(const struct sim_problem_words *p, struct str message, bool is_inside,
                  struct buf *out);
    /* Fills the call's "what is asked". ERR_INVALID or ERR_NOT_FOUND (the model), and a sentence.
     */
    enum err (*read)(struct sim_call *c, struct json request, struct fault *f);
    void (*whole)(struct sim_call *c);

    /* Streamed; all NULL where the format has no streams. open() and close() stand around all of it,
     * block() and block_end() around each block, and piece() says some of the block c->blocks[c->at].
     * A format without block() has one block always: it is not asked for thoughts, nor for two calls. */
    void (*open)(struct sim_call *c);
    void (*block)(struct sim_call *c);
    void (*piece)(struct sim_call *c, struct str text);
    void (*block_end)(struct sim_call *c); /* or NULL */
    void (*close)(struct sim_call *c);
    struct str done;        /* the very last event, or empty */
    struct str error_event; /* what stands before an error's JSON in a stream */
    bool tool_is_whole;     /* tool calls do not come in pieces: close() gives them */

    /* Where an error in a stream is not error() behind error_event; or NULL. */
    void (*problem_event)(struct sim_call *c, const struct sim_problem_words *p);
    /* Of formats whose streams are not framed as Server-Sent Events; else NULL. */
    const char *stream_fields;             /* of the head */
    void (*malformed)(struct sim_call *c); /* an event that is damaged */

    bool is_signed;       /* requests must be, where the provider knows a key of AWS */
    int wrong_key_status; /* 0: as OpenAI's */
};
extern const struct sim_format sim__chat, sim__completions, sim__embeddings, sim__messages,
    sim__responses, sim__bedrock, sim__gemini, sim__gemini_embeddings, sim__cohere_embed,
    sim__jina_rerank, sim__cohere_rerank;
#define SIM_BATCH_EMBED ":batchEmbedContents" /* how a path of Gemini's embeddings ends */
void sim__gemini_error(const struct sim_problem_words *p, struct str message, bool is_inside,
                       struct buf *out);
void sim__cohere_error(const struct sim_problem_words *p, struct str message, bool is_inside,
                       struct buf *out);
/* `meta` with what is billed. */
void sim__cohere_units(struct json_writer *w, const char *unit, uint64_t n);
/* Also told where no format is known yet. */
void sim__openai_error(const struct sim_problem_words *p, struct str message, bool is_inside,
                       struct buf *out);

/* What of a request's head is signed, or signs. */
struct sim_signed {
    struct str host, path, type, date, token, authorization;
};

struct sim_call {
    struct sim *sim;
    struct list link; /* in sim->calls */
    struct io_grave grave;
    struct http_stream *stream;
    const struct sim_format *format;
    struct arena arena;      /* small things of the request */
    struct buf body;         /* until it is read */
    struct sim_signed signs; /* where the format wants it */
    bool is_over;

    /* What is asked. */
    struct str rest, query;        /* of the path what the route did not fix; behind the '?' */
    struct str model;              /* as it was named */
    const struct sim_fault *fault; /* never NULL */
    bool is_only, is_lorem, is_stream, wants_usage, wants_json, wants_base64;
    bool ends_with_user; /* the last message is the user's, not a tool's result */
    bool thinks;         /* reasoning is asked for */
    bool wants_summary,
        wants_sealed; /* of it, where the format asks apart: to see it, to have it signed */
    uint32_t pace_ms, dimensions;
    uint64_t max_tokens; /* 0: not given */
    uint64_t prompt_bytes;
    struct str tool; /* the function to call, or empty: the first of these */
    struct sim_tool tools[SIM_TOOLS_MAX];
    uint32_t tools_n;
    uint32_t *hashes; /* of texts to embed: hashes_n, in the arena */
    uint32_t hashes_n;
    uint32_t *scores; /* of documents to rank, in millionths: scores_n, in the arena */
    uint32_t scores_n;
    uint64_t top; /* how many of them are wanted */

    /* What is said: of the last user message at first, then of the answer or the tool's arguments.
     */
    struct buf text;
    struct buf results;  /* of tools, since the assistant spoke last: a line each */
    struct buf thoughts; /* that were given back as they had been told: a line each */
    struct buf media;    /* in the user's last message: a line each */
    struct sim_block blocks[1 + SIM_TOOLS_MAX];
    uint32_t blocks_n, at;   /* at: the block that is being told */
    uint64_t thought_tokens; /* of completion_tokens */
    uint64_t id;
    uint64_t said; /* bytes given out */
    uint64_t size; /* bytes to give out: text.n, but for the huge answer */
    uint64_t prompt_tokens, completion_tokens;
    enum sim_finish finish;

    /* How far it is. */
    struct buf out;
    uint32_t events; /* streamed, where the format counts them */
    size_t split;    /* whole and huge: where in `out` the text belongs */
    bool is_begun, is_past_middle;
    enum sim_wait wait;
    sim_next *next;
    struct io_timer timer;
};

struct sim {
    struct io_loop *loop;
    struct http_server *server;
    struct json_tape tape;
    struct list calls;
    uint64_t ids, turns[SIM_FAULTS_MAX][2]; /* by fault, and whether it was "only-" */
    uint64_t open, done, gone; /* calls: under way; ended by us; left by their clients */
    uint32_t slow_first_ms;
    struct sim_aws aws;
    int refused_fd;
    uint16_t refused_port;
    char filler[SIM_FILLER_BYTES];
};

/* Takes the request: answers at once, or when its body has come. */
void sim__call_start(struct sim *s, struct http_stream *stream, const struct http_head *head,
                     const struct sim_format *format, struct str rest);
/* Over: nothing is called any more, the memory goes at the end of the tick. The stream is not
 * touched. */
void sim__call_end(struct sim_call *c);
/* Frees at once, when the server is gone. */
void sim__call_drop(struct sim_call *c);
/* next(c) after ms, or later if the client is slow. */
void sim__wait_ms(struct sim_call *c, uint32_t ms, sim_next *next);
/* next(c) when all that was sent has left; never at once, so that a call cannot keep the loop for
 * itself. */
void sim__wait_drained(struct sim_call *c, sim_next *next);

/* The body has come. */
void sim__answer(struct sim_call *c);

/* --- compose.c */

/* Makes the answer's text of what was said, and its blocks. */
void sim__compose(struct sim_call *c);
struct str sim__block_text(const struct sim_call *c, const struct sim_block *b);
/* The base64 of a thought: so who gives a signature back gives back what was thought. */
void sim__write_signature(const struct sim_call *c, struct json_writer *w, const char *key,
                          const struct sim_block *thought);
/* Keeps a thought that came back; false: the signature is not its own. */
bool sim__keep_thought(struct sim_call *c, struct str thought, struct str signature);
/* The same where the signature is all that came back. */
bool sim__keep_signature(struct sim_call *c, struct str signature);

/* --- requests --------------------------------------------------------------------------------- */

enum err sim__read_model(struct sim_call *c, struct str name, struct fault *f) MUST_USE;
/* The member "model". */
enum err sim__read_model_member(struct sim_call *c, struct json request, struct fault *f) MUST_USE;
/* A whole number from 1, if it is there; else *out stays. */
enum err sim__read_count(struct json object, const char *name, uint64_t *out,
                         struct fault *f) MUST_USE;
enum err sim__read_bool(struct json object, const char *name, bool *out, struct fault *f) MUST_USE;
/* Counts text that is no message (a system prompt): a string, or an array of parts. */
enum err sim__count_text(struct sim_call *c, struct json content, const char *where,
                         struct fault *f) MUST_USE;

/* The same, as if it were the only message, and the user's. */
enum err sim__read_prompt(struct sim_call *c, struct json content, const char *where,
                          struct fault *f) MUST_USE;

/* How a format lists its messages. */
struct sim_turns {
    const char *list;         /* "messages" */
    const char *content;      /* "content" */
    const char *const *roles; /* known ones, ended by NULL */
    bool role_is_optional;    /* without one it is the user's */
};
/* Counts all of them, keeps the text of the user's last one. */
enum err sim__read_turns(struct sim_call *c, struct json request, const struct sim_turns *t,
                         struct fault *f) MUST_USE;

/* What the last message of this role says; JSON_NONE: there is none. */
struct json sim__last_of(struct json request, const struct sim_turns *t, struct str role);
/* ERR_INVALID where reasoning is asked for, and an assistant who called before gives no thought back
 * before its calls: Claude's rule. */
enum err sim__check_thinking(const struct sim_call *c, bool calls, bool has_thought,
                             struct fault *f) MUST_USE;

struct sim_tool_choice {
    bool never, must;
    struct json named; /* a string: that one; JSON_NONE: any */
};
/* Sets c->tool if one of the list is to be called. name_of: where a tool has its name. */
void sim__pick_tool(struct sim_call *c, struct json list, struct json (*name_of)(struct json tool),
                    const struct sim_tool_choice *choice);
/* After the picking: ERR_INVALID if a tool was demanded and is not there. */
enum err sim__check_tool(const struct sim_call *c, const struct sim_tool_choice *choice,
                         struct fault *f) MUST_USE;

/* ERR_AUTH and a sentence: it is not signed with the provider's key, or not rightly so, or not
 * lately. */
enum err sim__check_signature(const struct sim_call *c, struct fault *f) MUST_USE;

/* --- answers ---------------------------------------------------------------------------------- */

static inline uint64_t sim__tokens(uint64_t bytes)
{
    return (bytes + 3) / 4;
}
static inline bool sim__tells_usage(const struct sim_call *c)
{
    return !(c->fault->traits & SIM_NO_USAGE);
}
enum { SIM_ID_MAX = 48 };
/* "chatcmpl-sim-12" */
struct str sim__id(const struct sim_call *c, const char *prefix, char out[SIM_ID_MAX]);
/* "call-sim-12", and from the second call of an answer on "call-sim-12-1" */
struct str sim__tool_id(const struct sim_call *c, const char *prefix, uint32_t tool,
                        char out[SIM_ID_MAX]);
uint64_t sim__created(void); /* seconds since 1970 */
/* The text of the block c->at as a member of a whole answer. */
void sim__write_text(struct sim_call *c, struct json_writer *w, const char *key);
/* Whether the block c->at, being JSON, came through whole, so that it may stand as a value. */
bool sim__text_is_json(const struct sim_call *c);

/* The block that is being told. */
static inline const struct sim_block *sim__block(const struct sim_call *c)
{
    return &c->blocks[c->at];
}

/* --- words ------------------------------------------------------------------------------------ */

enum err sim__add_words(struct buf *out, uint64_t n);
void sim__fill(char *out, size_t n); /* words and spaces, nothing that JSON escapes */
/* The longest beginning of at most n bytes that does not cut a character in two. */
struct str sim__cut(struct str s, uint64_t n);
/* The next few words: a beginning of at most SIM_PIECE_MAX bytes, empty only if s is. */
struct str sim__next_words(struct str s);

#endif
