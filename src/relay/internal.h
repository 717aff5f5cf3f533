/* internal.h: struct relay and what its files ask of each other. */
#ifndef RELAY_INTERNAL_H
#define RELAY_INTERNAL_H

#include <stdalign.h>

#include "base/arena.h"
#include "dialect/dialect.h"
#include "dialect/direct.h"
#include "dialect/openai.h"
#include "http/eventstream.h"
#include "http/sse.h"
#include "json/alike.h"
#include "json/pass.h"
#include "relay/relay.h"
#include "relay/reply.h"

/*   READING --> TRYING --> ANSWERING --> SETTLING --> DEAD
 *      |          |^ |         |            ^          ^
 *      |          |'-'         '------------'          |
 *      '----------'-----------------'------------------'
 *
 * READING    the credential is being looked up and the body read; nothing is held
 * TRYING     a hold is open, an attempt under way; the client has seen no content: a failure
 *            moves on
 * ANSWERING  content has reached the client: a failure is told in the stream
 * SETTLING   the hold is settled, the record on its way to the journal; the answer's end waits
 * DEAD       only memory is left, until the provider's connection is free and the tick ends */
enum relay_state {
    RELAY_READING,
    RELAY_TRYING,
    RELAY_ANSWERING,
    RELAY_SETTLING,
    RELAY_DEAD,
    RELAY__COUNT
};

enum {
    /* A whole answer up to this (one with images may well be some MiB) is held and edited; a larger one passes
     * through. */
    WHOLE_MAX = 4 * 1024 * 1024,
    REFUSAL_MAX = 1024 * 1024,         /* what comes with another status */
    TRANSLATED_MAX = 32 * 1024 * 1024, /* but where it is translated all of it is held */
    EVENT_MAX = 16 * 1024 * 1024,      /* one event of a stream */
    PENDING_MAX = 64 * 1024,           /* events before the first content */
    UNSENT_MAX =
        64 * 1024, /* bytes a slow client may leave unsent before the provider is not read on */
    REASON_MAX = 40,
    ROOM = 1408,
    UPSTREAM_ID_MAX = 80,
    PLAN_MAX = 64,
    LINGER_MS = 1000,       /* how long a finished answer may take to free its connection */
    TOKENS_DEFAULT = 65536, /* output bound of an endpoint that states none */
    LINK_TOKENS = 16384,    /* bound for media given by link */
};

/* What an attempt came to. */
struct failure {
    struct fault fault;
    enum outcome outcome;
    int status;               /* what the client gets */
    int32_t retry_after_s;    /* -1: no hint */
    bool may_retry_same;      /* worth a second try where there is no other endpoint */
    bool is_request_at_fault; /* no other endpoint of this model would take it */
    struct str provider_said; /* in the relay's arena; shown to the client, never logged */
};

/* Facts of the request, kept when its bytes are gone. */
struct asked {
    bool is_streamed, has_max, has_media, may_speak, wants_echo, hides_thoughts;
    uint32_t choices;
    uint64_t max_tokens;
    uint64_t prompt_bound;   /* tokens */
    uint64_t searches;       /* that are paid for at most */
    struct tokens_text text; /* of the prompt */
};

/* What is known of the answer so far. */
struct answered {
    struct chat_usage usage;
    bool has_usage, saw_done;
    uint32_t finishes;          /* choices that ended */
    uint32_t finishes_in_usage; /* when the usage was told */
    struct tokens_text content;
    char finish_native[REASON_MAX]; /* raw JSON text without quotes */
    const char *finish;             /* the reason in our words; NULL: as the native one says */
    char upstream_id[UPSTREAM_ID_MAX];
};

/* How the client's answer ends once the record is safe. */
enum ending {
    ENDING_NONE,
    ENDING_WHOLE,  /* the edited answer */
    ENDING_PASSED, /* the last members of a large one */
    ENDING_STREAM, /* the usage chunk and [DONE] */
    ENDING_ERROR,  /* an error event; no [DONE] */
    ENDING_CUT,    /* a large whole answer that broke off: the connection is closed */
    ENDING_UNSAID, /* there was no memory for the answer: an error instead */
    ENDING_GONE,   /* nobody is there */
};

struct relay {
    struct list link;
    enum relay_state state;
    enum ending ending;
    struct relay_worker *w;
    struct http_stream *stream; /* NULL: answered, or the client is gone */
    struct reply_context context;
    union {
        struct gate_wait wait; /* READING */
        struct {               /* afterwards; a stream's memory is counted */
            struct answered answered;
            struct chat_bill bill;
        };
    };
    struct principal *who;       /* a reference */
    struct relay_routes *routes; /* a reference: the catalog and ways it was planned with */
    struct arena arena;
    struct buf body; /* the client's; given back once content has come */
    bool has_body;   /* all of it */
    struct asked asked;
    struct target *plan; /* in the arena */
    uint32_t plan_n, plan_at;
    struct hold hold;
    struct upstream *upstream; /* a reference; of the attempt under way */
    struct http_call call;
    const struct dialect *client;    /* the format that it speaks */
    const struct direct_task *task;  /* NULL: a chat */
    struct direct *direct;           /* in the arena; NULL: a chat */
    struct translation *translation; /* in the arena; NULL: nothing had to be translated yet */
    bool is_translated;              /* in the attempt under way, or the latest */
    struct io_timer timer;           /* the one deadline: connect, first byte, idle, or a comment */
    uint64_t deadline_ms, total_ms, comment_ms; /* on the loop's clock; 0: none */
    uint32_t attempts;
    bool is_retry; /* of the same endpoint */
    bool is_buried;
    uint8_t hold_refusal; /* enum hold_refusal: of the first endpoint that could not be paid */
    bool is_out_of_time;  /* the total deadline has passed: nothing else is tried */
    bool is_events;       /* the provider streams, in its dialect's framing */
    bool is_committed;    /* the head has gone to the client */
    bool is_paused;       /* the provider is not read on: the client is slow */
    bool is_half_closed;  /* the client sends no more: it is probed whether it is still there */
    uint8_t probes;
    bool was_sent; /* the provider has the request */
    int status;    /* of the provider's answer; later of ours */
    int32_t retry_after_s;
    struct sse sse; /* by the framing of the dialect, this or that */
    struct eventstream frames;
    struct alike alike;      /* the form that the stream's events have, where they are all alike */
    struct buf in;           /* a whole answer or an error body; a stream's events before content */
    struct json_pass *pass;  /* for an answer over WHOLE_MAX; in the arena */
    struct failure *failure; /* the latest; in the arena */
    struct canon_failure *previous; /* after which another was tried: as told; in the arena */
    uint32_t previous_n;
    struct openai_identity identity; /* in the arena */
    struct canon_echo *echoes;       /* what providers were sent, in the arena; see echo.c */
    size_t echoes_bytes;
    bool is_echoed; /* they are told */
    bool is_estimated, is_cancelled;
    nanos uncollected;
    int64_t rate_ms; /* when it was counted against the key's rates; 0: it was not, or is settled */
    uint64_t rate_tokens;
    uint64_t output_bound; /* tokens that the endpoint at plan_at may make, all choices together */
    int rate_depth;        /* how many of the line have counted it */
    int64_t id;
    uint64_t tag;
    char id_text[GENERATION_ID_MAX]; /* of both; terminated */
    int64_t settled_wall_ms;
    uint64_t began_ns, body_ns, sent_ns, first_ns;
    int64_t began_wall_ms;
    struct journal_entry entry;
    struct str referer, title, user_agent, user; /* in the arena */
    struct io_grave grave;
    alignas(max_align_t) char room[ROOM]; /* the arena's first block: all that most requests need */
};

/* relay.c */
void relay_enter(struct relay *r, enum relay_state next);
void relay_die(struct relay *r); /* when nothing more is to be said to the client */
void relay_refuse(struct relay *r, const struct fault *f); /* answers with the fault and dies */
void relay_respond(struct relay *r, int status, struct str more_fields, const struct str *body,
                   size_t n);
struct str relay_generation_fields(struct relay *r, char room[96]); /* "X-Generation-Id: ...\r\n" */
/* An error in the client's own format. */
void relay_respond_failure(struct relay *r, const struct canon_failure *x, struct str more_fields);
struct canon_room relay_room(struct relay *r); /* for readers and writers of formats */
void relay_arm(struct relay *r);               /* the timer, for the nearest of the three */

/* admit.c */
void relay_admit(struct relay *r); /* body and credential are there */
/* The words of a refusal for programs; NULL for none. */
const struct canon_unpaid *relay_unpaid(enum hold_refusal refusal);
/* The hold for the endpoint at hand, and what to ask of it; ERR_NO_CREDIT, ERR_KEY_LIMIT with a
 * sentence. */
enum err relay_hold(struct relay *r, const struct target *t, uint64_t *max_tokens,
                    struct fault *f) MUST_USE;

/* bounds.c */
bool relay_may_ask(const struct relay *r, const struct model *m);
bool relay_may_use(const struct relay *r, const struct endpoint *e);
/* Counts the request against the rates of the key's line. False: it was refused with 429. */
bool relay_take_rate(struct relay *r);
/* What was counted has come to be so many tokens. Once; nothing where nothing was counted. */
void relay_settle_rate(struct relay *r, uint64_t used);

/* attempt.c */
/* The endpoint at plan_at, or the next that can be paid. `read`: the request as just read, or NULL:
 * its bytes are read again. */
void relay_try(struct relay *r, const struct chat_request *read);
void relay_fail(struct relay *r, const struct failure *f); /* moves on, or tells the client */
void relay_drop_attempt(struct relay *r);
void relay_note_answered(struct relay *r); /* the endpoint at plan_at did: for what is told of it */
/* What a provider's status and error mean. */
void failure_init(struct failure *x, enum outcome o, int status, const char *fmt, ...) PRINTF(4, 5);
void failure_from_status(struct relay *r, struct failure *x, int status, struct str error_body);
void failure_from_words(struct relay *r, struct failure *x, int status,
                        const struct canon_failure *said);
void relay_tell_previous(const struct relay *r, struct canon_failure *told); /* its `previous` */
/* As it is told to the client; NULL: the answer broke off and nobody knows why. */
struct canon_failure relay_told(const struct relay *r, const struct failure *x);
/* What stands behind "Content-Length: ": so many bytes, and who the client says it is, for providers
 * that want to know. In the arena; p NULL: no memory. */
struct str relay_length(struct relay *r, uint64_t n, const struct kind *k);
extern const struct http_call_ops relay_call_ops;
void relay_on_timer(struct io_timer *t);

/* answer.c */
/* What of an event was held back; ready for the next stream. */
void relay_release_framing(struct relay *r);
void relay_answer_head(struct relay *r, const struct http_head *head);
void relay_answer_body(struct relay *r, struct str bytes);
void relay_answer_end(struct relay *r); /* the provider's answer is complete */
void relay_answer_cut(struct relay *r, enum err e,
                      const char *why);                           /* it is not, and will not be */
void relay_answer_late(struct relay *r, const struct failure *x); /* a deadline has passed */
void relay_commit(struct relay *r); /* status and head to the client */
/* After the content that is noted: of an answer that brought some, usage without a token of it is no
 * last word. */
void relay_note_usage(struct relay *r, const struct chat_usage *u);
void relay_note_event(struct relay *r, const struct openai_event *ev);
/* Raw JSON text: what does not fit is left out whole, so that no escape is cut in two. */
void relay_keep_text(char *out, size_t size, struct str s);
/* In JSON a raw line end is only white space, but it would end our data line. */
void relay_join_lines(char *p, size_t n);

/* What the events of one read come to. */
struct turn {
    struct relay *r;
    struct failure failure;
    bool brought_content, failed;
};
enum err relay_turn_fail(struct turn *t, enum outcome o, int status, const char *sentence);

/* echo.c */
/* Where the client asks for it, keeps what the provider at hand is sent. */
void relay_echo_note(struct relay *r, const struct str *views, uint32_t n);
/* In the form of OpenAI's chat, once an attempt. */
void relay_echo_tell(struct relay *r, struct buf *out);

/* whole.c */
void relay_whole_failed(struct relay *r); /* an error in place of an answer */
void relay_whole_broken(struct relay *r, const char *sentence);
void relay_whole_body(struct relay *r, struct str bytes);
void relay_whole_end(struct relay *r);
void relay_whole_finish(struct relay *r); /* the record is safe: the answer goes out */
void relay_whole_passed(struct relay *r);

/* settle.c */
void relay_settle(struct relay *r, enum ending ending); /* both of these */
/* What the prompt comes to in tokens, where no provider has counted. */
uint64_t relay_prompt_estimate(const struct relay *r);
void relay_charge(struct relay *r, enum ending ending); /* the bill; the hold is settled */
void relay_record(struct relay *r);                     /* the record; the ending follows it */

#endif
