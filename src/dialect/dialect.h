/* dialect.h: one table row for each wire format. The gateway knows formats by these rows alone; what
 * crosses from one to another goes through the canonical chat (canon.h, events.h).
 * How to add one, the rules for readers and writers, and the tests: docs/adding-a-dialect.md. What
 * becomes of each member in each format: docs/dialects.md. */
#ifndef DIALECT_DIALECT_H
#define DIALECT_DIALECT_H

#include "dialect/events.h"
#include "dialect/shape.h"

struct openai_rules;

/* How a provider is shown who asks. */
enum dialect_auth {
    AUTH_BEARER, /* Authorization: Bearer KEY */
    AUTH_HEADER, /* auth_header: KEY */
    AUTH_SIGV4,  /* AWS Signature Version 4 over the whole request, or Bearer for an API key */
};

enum dialect_framing {
    FRAMING_SSE,
    FRAMING_AWS, /* application/vnd.amazon.eventstream: its `:event-type` is the event's name */
};

/* What sets one provider apart from others that speak the same format: data, not code. */
struct dialect_quirks {
    struct str name;  /* "openai", "mistral", ...; empty: none known */
    uint64_t refuses; /* parameters (PARAM_BIT) that the dialect takes and this one does not */
    bool refuses_required, refuses_named; /* of tool_choice these values alone */
    struct str max_tokens_field; /* of the OpenAI form: "max_tokens" or "max_completion_tokens" */
    const struct openai_rules *rules; /* of the OpenAI form: other names; NULL: none */
    /* Of the OpenAI form: it takes OpenRouter's additions as well: the `reasoning` object,
     * reasoning_details, cache_control. */
    bool is_openrouter;
};

/* One endpoint as it is to be asked. */
struct dialect_target {
    struct str model;    /* the provider's own name for it: plain, not raw */
    uint64_t max_tokens; /* the output bound; 0: leave it to the provider */
    bool is_streamed;
    const struct dialect_quirks *quirks; /* never NULL */
};

struct dialect {
    struct str name; /* as configured: "openai", "anthropic", "gemini", ... */

    /* --- a client's request in ---
     * Fills all of *out, facts included, from a body that was read with another tape than the
     * room's. Views live as long as the body and the arena. */
    enum err (*read_request)(struct json root, struct canon_room *room, struct canon_request *out,
                             struct fault *f);

    /* --- a provider's request out ---
     * The body. ERR_UNPROCESSABLE: this format cannot say it. Asked for by dialect_write_request(), which
     * has left out what the provider refuses and what this format has no word for (adapt.h). */
    enum err (*write_request)(const struct canon_request *r, const struct dialect_target *t,
                              struct canon_room *room, struct buf *out, struct fault *f);
    struct str
        path; /* after the base URL: "/chat/completions"; or, where it depends on the model: */
    enum err (*write_path)(const struct dialect_target *t, struct buf *out);
    struct str headers; /* lines that every request bears: "anthropic-version: 2023-06-01\r\n" */
    /* Further lines that depend on the request; or NULL. */
    enum err (*write_headers)(const struct canon_request *r, const struct dialect_target *t,
                              struct buf *out);
    enum dialect_auth auth;
    struct str auth_header;     /* "x-api-key" */
    uint64_t takes;             /* parameters (PARAM_BIT) that it can say */
    uint32_t function_name_max; /* of functions' names, in bytes: they are ASCII; 0: any */
    bool has_names;             /* its messages say who speaks; elsewhere the text begins with it */

    /* --- a provider's answer in ---
     * One event or the whole answer, given out by canon_emit(). ERR_UPSTREAM and a sentence: it makes
     * no sense. An error in place of an event or an answer is EVENT_ERROR, not a failure to read. */
    size_t reader_size;
    /* What is read of a whole answer and of an event, but for the usage: one that cannot be read is as one
     * that was not told. */
    const struct shape *answer_shape;
    enum err (*read_event)(struct canon_reader *rd, struct str name, struct json root,
                           struct fault *f);
    enum err (*read_whole)(struct canon_reader *rd, struct json root, struct fault *f);
    /* The body of an answer with another status than 200. */
    void (*read_error)(struct json root, struct canon_room *room, struct canon_failure *out);
    enum dialect_framing framing;
    /* How a stream ends: with data that is no JSON ("[DONE]"); empty: with an event, for which
     * read_event gives EVENT_END, or (ends_by_close) with the connection's. A stream that stops
     * before, and before every choice had its FINISH, was cut. */
    struct str done;
    bool ends_by_close;

    /* --- an answer out to the client ---
     * A stream's writer is given BEGIN first and once; what it appends to w->out are whole SSE events.
     * FINISH comes when the provider says it; USAGE (with the bill) and END, or ERROR, come when the
     * record is safe: the bytes by which a client knows that an answer is complete are written at END
     * alone, and after ERROR nothing is. */
    size_t writer_size;
    enum err (*write_event)(struct canon_writer *w, const struct canon_event *e);
    /* The whole body; USAGE with the bill is among the events. */
    enum err (*write_whole)(struct canon_writer *w, const struct canon_answer *a);
    /* The answer to a request whose tokens are only counted; NULL: it is to be answered. */
    enum err (*write_count)(uint64_t tokens, struct buf *out);
    /* The body of an answer that is an error. */
    enum err (*write_error)(const struct canon_failure *x, struct buf *out);
    struct str keepalive; /* what keeps a silent stream alive: ": TURNPIKE PROCESSING\n\n" */
};

/* By name; NULL: there is none. */
const struct dialect *dialect_find(struct str name);
/* Walks the table: 0, 1, ... until NULL. */
const struct dialect *dialect_at(size_t i);
extern const struct dialect_quirks dialect_no_quirks;

/* A request's body as this dialect says it, without what the provider refuses. */
enum err dialect_write_request(const struct dialect *d, const struct canon_request *r,
                               const struct dialect_target *t, struct canon_room *room,
                               struct buf *out, struct fault *f) MUST_USE;
/* Whether the provider refuses the choice of a tool that this request makes. */
bool dialect_refuses_choice(const struct dialect_quirks *q, const struct canon_request *r);

/* One event of a provider: the end of the stream, or JSON for read_event. `tape` is not the
 * room's. ERR_UPSTREAM and a sentence: it is neither. */
enum err dialect_read(struct canon_reader *rd, struct json_tape *tape, struct str name,
                      struct str data, struct fault *f) MUST_USE;
/* A whole answer. ERR_UPSTREAM and a sentence: it is none. */
enum err dialect_read_whole(struct canon_reader *rd, struct json root, struct fault *f) MUST_USE;
/* ERR_UPSTREAM and a sentence that names the member: its value is of another kind than the format
 * says. */
enum err dialect_check_answer(const struct dialect *d, struct json root, struct fault *f) MUST_USE;

#endif
