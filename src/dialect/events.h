/* events.h: the canonical answer: a sequence of events, the same for streams and for whole answers.
 * For what texts are and how long they live, see canon.h; the views of an event live until the
 * function that was given it returns.
 *
 *     BEGIN (TEXT | REASONING | TOOL | ARGS | IMAGE | SOUND | REFUSAL | CITATION | LOGPROBS)* FINISH+
 *     USAGE? END
 *
 * with one FINISH for each choice, and ERROR anywhere instead of what would follow. `choice` counts
 * the alternatives (`n`), `block` the pieces of one choice's content: 0, 1, ... in the order in which
 * they begin, within one choice never used again for another. Events of one block add up: their texts
 * append, other members are set by whichever event has them. Blocks may overlap (parallel tool calls)
 * but mostly do not. */
#ifndef DIALECT_EVENTS_H
#define DIALECT_EVENTS_H

#include "dialect/canon.h"

enum canon_event_kind {
    EVENT_BEGIN,     /* begin */
    EVENT_TEXT,      /* text */
    EVENT_REASONING, /* reasoning */
    EVENT_TOOL,      /* tool: id and name; a block of its own; its args are empty */
    EVENT_ARGS,      /* args: of the tool that the block is */
    EVENT_IMAGE,     /* media */
    EVENT_SOUND,     /* sound */
    EVENT_REFUSAL,   /* text */
    EVENT_CITATION,  /* citation: of the block's text */
    EVENT_LOGPROBS,  /* raw: raw JSON of OpenAI's `logprobs` object, for the text beside it */
    EVENT_FINISH,    /* finish */
    EVENT_USAGE,     /* bill: readers fill bill.usage in, with the sums up to now; a later one
                         * replaces an earlier */
    EVENT_ERROR,     /* failure */
    EVENT_END,       /* the provider says that this was all */
    EVENT__COUNT
};

enum canon_finish {
    FINISH_STOP,
    FINISH_LENGTH,
    FINISH_TOOL_CALLS,
    FINISH_CONTENT_FILTER,
    FINISH_ERROR,
    FINISH__COUNT
};
const char *canon_finish_word(enum canon_finish f); /* "tool_calls" */
/* By OpenAI's words; what is none of them is FINISH_STOP. */
enum canon_finish canon_finish_find(struct str word);

/* Why a request cannot be paid, in words that programs know (OpenRouter's, docs: limits). */
struct canon_unpaid {
    struct str limit_source, reason /* may be empty */, remedy_hint;
};

/* An error, as told to a client and as read from a provider. Its texts are plain, not raw. */
struct canon_failure {
    enum err err;             /* as told: its error_type */
    int status;               /* 400..599; 0: not stated */
    bool is_context;          /* as read: the prompt is too long for the model */
    struct str message;       /* may be empty */
    struct str native;        /* as read: the provider's own type or code, if it is a word */
    struct str provider;      /* as told: the provider's title; empty: the gateway's own error */
    struct str provider_said; /* as told: its words; may be empty */
    struct str generation_id; /* as told: may be empty */
    const struct canon_unpaid *unpaid;    /* as told, static; NULL: something else is the matter */
    const struct canon_failure *previous; /* as told: what failed before it, in order */
    uint32_t previous_n;
    const struct chat_bill *bill; /* as told within an answer: what was charged; may be NULL */
};

/* Members of the object at hand: whose error it is, its own words, and what failed before it, as far as there is such. */
void canon_write_origin(struct json_writer *w, const struct canon_failure *x);

/* Of an answer that the provider finished with an error, for formats whose finish cannot say so. */
extern const struct canon_failure canon_finished_badly;

/* What one provider was sent, for a client that asks to see it. Those of a request are a list. */
struct canon_echo {
    struct canon_echo *next;
    struct str provider; /* raw text: its title */
    struct str body;     /* raw JSON, on one line */
};

struct canon_event {
    enum canon_event_kind kind;
    uint32_t choice, block;
    union {
        struct {
            struct str id, model; /* the provider's own */
            struct str service_tier, fingerprint;
            const struct canon_echo *echoes; /* set for writers alone; NULL: none are asked for */
        } begin;
        struct str text;
        struct canon_reasoning reasoning;
        struct canon_tool_use tool;
        struct canon_args args;
        struct canon_media media;
        struct {
            struct str id, data, transcript; /* data: base64 */
            struct str expires_at;           /* a raw JSON number */
            struct str format;
        } sound;
        struct canon_citation citation;
        struct str raw;
        struct {
            enum canon_finish reason;
            struct str native;   /* the provider's word */
            struct str sequence; /* the stop sequence that was met; or not there */
        } finish;
        struct chat_bill bill;
        struct canon_failure failure;
    };
};

/* Something that a client waits for: after it no other endpoint can take over. */
bool canon_is_content(const struct canon_event *e);
/* The text in it that counts as tokens, for estimates. */
struct str canon_event_text(const struct canon_event *e);

/* Numbers things in the order in which they come: a provider's index to a block, a block to the index
 * of a tool call. The latest are found first. */
struct canon_ordinals {
    struct canon_ordinal *latest;
    uint32_t n;
};
enum { CANON_ORDINALS_MAX = 4096 };
/* The number of `key`: 0, 1, ...; a new one gets `next` (and is_new). ERR_TOO_BIG, ERR_NOMEM. */
enum err canon_number(struct canon_ordinals *o, struct canon_room *room, uint64_t key,
                      uint32_t next, uint32_t *out, bool *is_new) MUST_USE;
/* From now on `key`, which is there, has this number. */
void canon_renumber(struct canon_ordinals *o, uint64_t key, uint32_t number);

/* --- reading ---------------------------------------------------------------------------------- */

/* Anything but ERR_OK ends the reading with it. */
typedef enum err canon_event_fn(void *user, const struct canon_event *e);

/* One answer being read: `state` is dialect->reader_size zeroed bytes. */
struct canon_reader {
    const struct dialect *dialect;
    struct canon_room room;
    struct buf *made; /* of a stream: for canon_made(). NULL: what is given out is kept */
    canon_event_fn *emit;
    void *user;
    void *state;
};

/* What ends the reading of an answer, with its sentence: ERR_NOMEM, or what is the provider's fault and
 * becomes ERR_UPSTREAM: ERR_TOO_BIG, and ERR_INVALID for a piece of what never began; all else as it is. */
enum err canon_refuse_answer(struct fault *f, enum err e);

/* A copy of a text that was made for the event that is given out next, where it lasts until the one
 * after: a stream may have any number of them. p NULL: no memory. */
struct str canon_made(struct canon_reader *rd, struct str text) MUST_USE;

static inline enum err canon_emit(struct canon_reader *rd, const struct canon_event *e)
{
    return rd->emit(rd->user, e);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* What an answer says of itself. */
struct canon_identity {
    struct str id, model, provider; /* raw text */
    int64_t created;                /* unix seconds */
};

/* One answer being written: `state` is dialect->writer_size zeroed bytes. */
struct canon_writer {
    const struct dialect *dialect;
    struct canon_room room;
    struct buf *out; /* what is written is appended here */
    struct canon_identity who;
    const struct canon_request *asked; /* what the format repeats of the request; NULL: nothing */
    void *state;
};

/* A whole answer: its events, kept in the arena; the texts stay where they were. */
struct canon_kept {
    struct canon_kept *next;
    struct canon_event event;
};

struct canon_answer {
    struct canon_kept *first, *last;
    uint32_t choices; /* the highest choice, and one */
    uint32_t n;       /* events */
};
enum { CANON_KEPT_MAX = 16384 };
/* ERR_TOO_BIG, ERR_NOMEM. */
enum err canon_keep(struct canon_answer *a, struct canon_room *room,
                    const struct canon_event *e) MUST_USE;
/* The first event of this kind in this choice from `at` on; NULL: none. */
const struct canon_kept *canon_next(const struct canon_kept *at, enum canon_event_kind kind,
                                    uint32_t choice);
/* `"key":"..."` of all texts of this kind (TEXT, REFUSAL) in this choice. */
void canon_write_joined(struct json_writer *w, const char *key, const struct canon_answer *a,
                        enum canon_event_kind kind, uint32_t choice);

#endif
