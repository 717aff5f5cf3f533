/* responses_items.h: an answer of OpenAI's Responses as it grows: its items and their pieces, and how
 * they are written. What a stream's writer shares with the response object that ends it. */
#ifndef DIALECT_RESPONSES_ITEMS_H
#define DIALECT_RESPONSES_ITEMS_H

#include "dialect/responses.h"

enum responses_piece_kind {
    PIECE_TEXT,
    PIECE_REFUSAL,
    PIECE_SUMMARY,
    PIECE_THOUGHT,
    PIECE_ARGS,
    PIECE_INPUT
};

/* A text that grows: a part of an item, or a call's arguments. */
struct responses_piece {
    struct responses_piece *next;
    enum responses_piece_kind kind;
    uint32_t block; /* the canonical one */
    uint32_t index; /* among its item's pieces of the same list */
    uint32_t notes_n;
    struct buf text;        /* raw */
    struct buf notes, odds; /* annotations and logprobs: raw JSON, with commas between */
    bool is_closed;
};

enum responses_item_kind { ITEM_MESSAGE, ITEM_REASONING, ITEM_CALL, ITEM_CUSTOM, ITEM_IMAGE };

struct responses_item {
    struct responses_item *next;
    enum responses_item_kind kind;
    uint32_t number;
    struct str given, call_id, name, format; /* in the arena; `given`: the provider's id */
    struct str whose; /* of reasoning that is not OpenAI's: as it was marked when the item began */
    struct responses_piece *pieces, *last;
    struct buf hidden, signature; /* raw; of an image: its base64 in `hidden` */
    uint32_t hidden_of;           /* the block of what is encrypted, and one; 0: nothing is */
    bool is_closed, is_cut;
};

struct responses_writing {
    struct responses_item *items, *last;
    uint32_t items_n;
    uint64_t sequence;
    size_t texts;     /* bytes of all that was said */
    bool is_whole;    /* events are not written */
    bool has_release; /* the items' memory is in the arena's care */
    struct str tier;  /* in the arena */
    enum canon_finish reason;
    struct chat_bill bill;
};

/* What pieces are called. */
struct responses_kind {
    const char *type;  /* of the part */
    const char *key;   /* its text */
    const char *index; /* what counts it; NULL: it is the only one of its item */
    const char *added, *part_done, *delta, *done;
};
extern const struct responses_kind responses_kinds[];

/* How the response stands: `bill` and `x` may be NULL. */
struct responses_standing {
    const char *status, *cut; /* cut: why it is incomplete; NULL: it is not */
    const struct chat_bill *bill;
    const struct canon_failure *x;
};

/* responses_build.c */
/* What the items are made of; the stream's events are told on the way. A failure stays in to->out. */
enum err responses_build(struct canon_writer *to, const struct canon_event *e);
/* All that are still open. */
void responses_close_items(struct canon_writer *to);

/* responses_write_answer.c: the events of a stream; of a whole answer nothing. */
void responses_tell_item(struct canon_writer *to, const struct responses_item *i, const char *type);
void responses_tell_part(struct canon_writer *to, const struct responses_item *i,
                         const struct responses_piece *p, bool is_done);
void responses_tell_delta(struct canon_writer *to, const struct responses_item *i,
                          const struct responses_piece *p, struct str raw);
void responses_tell_text(struct canon_writer *to, const struct responses_item *i,
                         const struct responses_piece *p);
void responses_tell_note(struct canon_writer *to, const struct responses_item *i,
                         struct responses_piece *p, struct str annotation);

/* responses_write_object.c */
/* The provider's id of the item, else one that no other answer has. */
void responses_write_id(struct json_writer *w, const char *key, const struct canon_writer *to,
                        const struct responses_item *i);
/* Values with commas between, within brackets. */
void responses_write_list(struct json_writer *w, const char *key, const struct buf *values);
/* A part as it stands now, or as it begins. */
void responses_write_part(struct json_writer *w, const char *key, const struct responses_piece *p,
                          bool is_empty);
void responses_write_item(struct json_writer *w, const char *key, const struct canon_writer *to,
                          const struct responses_item *i);
/* The members of the response object. */
void responses_write_members(struct json_writer *w, const struct canon_writer *to,
                             const struct responses_standing *at);

#endif
