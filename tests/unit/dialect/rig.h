/* rig.h: a format's readers and writers, driven as the relay drives them: requests from JSON to
 * canonical to JSON, answers from events or a whole answer to events or a whole answer. Each text is
 * read from memory of its own size. */
#ifndef UNIT_DIALECT_RIG_H
#define UNIT_DIALECT_RIG_H

#include "unit/unit.h"

#include <stdlib.h>

#include "dialect/dialect.h"

enum { RIG_TEXT_MAX = 1 << 20 };

static struct rig {
    struct arena arena;
    struct json_tape body_tape, room_tape;
    struct buf scratch, out;
    struct canon_room room;
    struct canon_request request;
    struct fault fault;
    char *texts[64];
    size_t texts_n;
    /* an answer */
    const struct dialect *from, *to;
    struct canon_reader reader;
    struct canon_writer writer;
    struct canon_answer kept;
    uint32_t ends, errors;
    struct chat_bill bill;
} rig;

static inline int rig_up(void **state)
{
    (void)state;
    rig = (struct rig){0};
    arena_init(&rig.arena, 4096, RIG_TEXT_MAX);
    json_tape_init(&rig.body_tape, 100000);
    json_tape_init(&rig.room_tape, 100000);
    buf_init(&rig.scratch, RIG_TEXT_MAX);
    buf_init(&rig.out, RIG_TEXT_MAX);
    rig.room = (struct canon_room){&rig.arena, &rig.room_tape, &rig.scratch};
    return 0;
}

static inline int rig_down(void **state)
{
    (void)state;
    arena_release(&rig.arena);
    json_tape_release(&rig.body_tape);
    json_tape_release(&rig.room_tape);
    buf_release(&rig.scratch);
    buf_release(&rig.out);
    while (rig.texts_n)
        free(rig.texts[--rig.texts_n]);
    return 0;
}

static inline void rig_again(void)
{
    rig_down(NULL);
    rig_up(NULL);
}

/* A copy of its own size, kept until rig_down(). */
static inline struct str rig_text(struct str s)
{
    char *copy = malloc(s.n ? s.n : 1);
    assert_non_null(copy);
    assert_true(rig.texts_n < COUNT_OF(rig.texts));
    memcpy(copy, s.p, s.n);
    rig.texts[rig.texts_n++] = copy;
    return str_of(copy, s.n);
}

static inline struct json rig_parse(struct str text)
{
    struct json root;
    struct fault f;
    if (json_parse(&rig.body_tape, rig_text(text), &root, &f) != ERR_OK)
        fail_msg("%.*s: %s", STR_ARG(text), f.message);
    return root;
}

/* --- requests --------------------------------------------------------------------------------- */

static inline enum err rig_read_request(const struct dialect *d, const char *text)
{
    enum err e = d->read_request(rig_parse(str_c(text)), &rig.room, &rig.request, &rig.fault);
    json_tape_release(&rig.body_tape); /* what is canonical needs it no more */
    json_tape_init(&rig.body_tape, 100000);
    return e;
}

static inline struct str rig_write_request(const struct dialect *d, const struct dialect_target *t)
{
    buf_reset(&rig.out);
    if (dialect_write_request(d, &rig.request, t, &rig.room, &rig.out, &rig.fault) != ERR_OK)
        fail_msg("%s", rig.fault.message);
    return buf_view(&rig.out);
}

/* --- answers ---------------------------------------------------------------------------------- */

static inline enum err rig_event(void *user, const struct canon_event *e)
{
    (void)user;
    if (e->kind == EVENT_USAGE)
        rig.bill.usage = e->bill.usage;
    else if (e->kind == EVENT_END)
        rig.ends++;
    else if (e->kind == EVENT_ERROR)
        rig.errors++;
    if (!rig.to)
        return canon_keep(&rig.kept, &rig.room, e);
    return e->kind == EVENT_USAGE || e->kind == EVENT_END ? ERR_OK
                                                          : rig.to->write_event(&rig.writer, e);
}

/* `to`: whose stream is written; NULL: the events are kept. */
static inline void rig_begin_answer(const struct dialect *from, const struct dialect *to)
{
    rig.from = from;
    rig.to = to;
    rig.reader = (struct canon_reader){.dialect = from, .room = rig.room, .emit = rig_event};
    rig.reader.state = arena_zalloc(&rig.arena, from->reader_size + 1);
    rig.writer = (struct canon_writer){
        .dialect = to,
        .room = rig.room,
        .out = &rig.out,
        .who = {STR("gen-1"), STR("a/b"), STR("Alpha"), 1700000000},
    };
    rig.kept = (struct canon_answer){0};
    buf_reset(&rig.out);
    if (to)
        rig.writer.state = arena_zalloc(&rig.arena, to->writer_size + 1);
}

/* One event's data. */
static inline enum err rig_feed(const char *name, const char *data)
{
    return dialect_read(&rig.reader, &rig.body_tape, str_c(name), rig_text(str_c(data)),
                        &rig.fault);
}

static inline enum err rig_finish_event(enum canon_event_kind kind)
{
    return rig.to->write_event(&rig.writer, &(struct canon_event){.kind = kind, .bill = rig.bill});
}

/* What the relay adds once the record is safe. */
static inline struct str rig_finish_stream(void)
{
    assert_int_equal(rig_finish_event(EVENT_USAGE), ERR_OK);
    assert_int_equal(rig_finish_event(EVENT_END), ERR_OK);
    return buf_view(&rig.out);
}

static inline enum err rig_read_whole(const char *text)
{
    return dialect_read_whole(&rig.reader, rig_parse(str_c(text)), &rig.fault);
}

static inline struct str rig_write_whole(const struct dialect *to)
{
    rig.writer.dialect = to;
    rig.writer.state = arena_zalloc(&rig.arena, to->writer_size + 1);
    buf_reset(&rig.out);
    assert_int_equal(to->write_whole(&rig.writer, &rig.kept), ERR_OK);
    return buf_view(&rig.out);
}

static inline void assert_same_text(struct str got, const char *expected, const char *of)
{
    if (!str_eq(got, str_c(expected)))
        fail_msg("of       %s\ngot      %.*s\nexpected %s", of, STR_ARG(got), expected);
}

#endif
