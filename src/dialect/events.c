#include "dialect/events.h"

static const struct str finish_words[FINISH__COUNT] = {
    [FINISH_STOP] = STR_INIT("stop"),
    [FINISH_LENGTH] = STR_INIT("length"),
    [FINISH_TOOL_CALLS] = STR_INIT("tool_calls"),
    [FINISH_CONTENT_FILTER] = STR_INIT("content_filter"),
    [FINISH_ERROR] = STR_INIT("error"),
};

const struct canon_failure canon_finished_badly = {
    .err = ERR_UPSTREAM,
    .status = 502,
    .message = STR_INIT("The provider ended its answer with an error"),
};

static void write_provider(struct json_writer *w, const struct canon_failure *x)
{
    if (x->provider.n)
        jw_str(w, "provider_name", x->provider);
    if (x->provider_said.n)
        jw_str(w, "raw", x->provider_said);
}

void canon_write_origin(struct json_writer *w, const struct canon_failure *x)
{
    write_provider(w, x);
    if (x->previous_n == 0)
        return;
    jw_array(w, "previous_errors");
    for (uint32_t i = 0; i < x->previous_n; i++) {
        jw_object(w, NULL);
        jw_i64(w, "code", x->previous[i].status);
        jw_str(w, "message", x->previous[i].message);
        write_provider(w, &x->previous[i]);
        jw_end(w);
    }
    jw_end(w);
}

const char *canon_finish_word(enum canon_finish f)
{
    return finish_words[f].p;
}

enum canon_finish canon_finish_find(struct str word)
{
    for (int f = 0; f < FINISH__COUNT; f++) {
        if (str_eq(finish_words[f], word))
            return (enum canon_finish)f;
    }
    return FINISH_STOP;
}

bool canon_is_content(const struct canon_event *e)
{
    return e->kind > EVENT_BEGIN && e->kind <= EVENT_FINISH;
}

struct str canon_event_text(const struct canon_event *e)
{
    switch (e->kind) {
    case EVENT_TEXT:
    case EVENT_REFUSAL:
        return e->text;
    case EVENT_REASONING:
        return e->reasoning.text;
    case EVENT_TOOL:
        return e->tool.name;
    case EVENT_ARGS:
        return e->args.raw;
    case EVENT_SOUND:
        return e->sound.transcript;
    default:
        return STR_NONE;
    }
}

struct canon_ordinal {
    struct canon_ordinal *before;
    uint64_t key;
    uint32_t number;
};

static struct canon_ordinal *find_ordinal(const struct canon_ordinals *o, uint64_t key)
{
    struct canon_ordinal *x = o->latest;
    while (x && x->key != key)
        x = x->before;
    return x;
}

void canon_renumber(struct canon_ordinals *o, uint64_t key, uint32_t number)
{
    struct canon_ordinal *x = find_ordinal(o, key);
    BUG_ON(!x);
    x->number = number;
}

enum err canon_number(struct canon_ordinals *o, struct canon_room *room, uint64_t key,
                      uint32_t next, uint32_t *out, bool *is_new)
{
    struct canon_ordinal *x = find_ordinal(o, key);
    *is_new = !x;
    if (!x) {
        if (o->n == CANON_ORDINALS_MAX)
            return ERR_TOO_BIG;
        x = arena_alloc(room->arena, sizeof *x);
        if (!x)
            return ERR_NOMEM;
        *x = (struct canon_ordinal){o->latest, key, next};
        o->latest = x;
        o->n++;
    }
    *out = x->number;
    return ERR_OK;
}

struct str canon_made(struct canon_reader *rd, struct str text)
{
    if (!rd->made)
        return arena_str(rd->room.arena, text);
    buf_reset(rd->made);
    return buf_add(rd->made, text) == ERR_OK ? buf_view(rd->made) : STR_NONE;
}

enum err canon_keep(struct canon_answer *a, struct canon_room *room, const struct canon_event *e)
{
    if (a->n == CANON_KEPT_MAX)
        return ERR_TOO_BIG;
    struct canon_kept *k = arena_alloc(room->arena, sizeof *k);
    if (!k)
        return ERR_NOMEM;
    *k = (struct canon_kept){NULL, *e};
    if (a->last)
        a->last->next = k;
    else
        a->first = k;
    a->last = k;
    a->n++;
    if (e->choice >= a->choices)
        a->choices = e->choice + 1;
    return ERR_OK;
}

const struct canon_kept *canon_next(const struct canon_kept *at, enum canon_event_kind kind,
                                    uint32_t choice)
{
    while (at && (at->event.kind != kind || at->event.choice != choice))
        at = at->next;
    return at;
}

void canon_write_joined(struct json_writer *w, const char *key, const struct canon_answer *a,
                        enum canon_event_kind kind, uint32_t choice)
{
    jw_raw(w, key, STR("\""));
    for (const struct canon_kept *k = a->first; (k = canon_next(k, kind, choice)); k = k->next)
        buf_add(w->out, k->event.text);
    buf_add(w->out, STR("\""));
}

enum err canon_refuse_answer(struct fault *f, enum err e)
{
    if (e == ERR_NOMEM)
        return fault_set(f, e, "No memory for this answer");
    if (e == ERR_TOO_BIG)
        return fault_set(f, ERR_UPSTREAM, "The provider's answer has too many parts");
    if (e == ERR_INVALID)
        return fault_set(f, ERR_UPSTREAM,
                         "The provider sent a piece of something that never began");
    return e;
}
