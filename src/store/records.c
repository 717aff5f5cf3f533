#include "store/records.h"

#include <stdatomic.h>
#include <stdlib.h>

/* 2025-01-01T00:00:00Z: the years before it would only make ids longer. */
#define EPOCH_MS INT64_C(1735689600000)

enum { MAKER_BITS = 6, COUNT_BITS = 15, CODE_DIGITS = 26, SLOT_MS_BITS = 8 };
#define ID_MS_MAX (INT64_MAX >> (MAKER_BITS + COUNT_BITS))

/* --- texts --- */

struct text {
    atomic_uint refs;
    size_t n;
    char p[];
};

struct text *text_new(struct str s)
{
    struct text *t = malloc(sizeof *t + s.n + 1);
    if (!t)
        return NULL;
    atomic_init(&t->refs, 1);
    t->n = s.n;
    if (s.n)
        memcpy(t->p, s.p, s.n);
    t->p[s.n] = '\0';
    return t;
}

struct text *text_ref(struct text *t)
{
    if (t)
        atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void text_unref(struct text *t)
{
    if (t && atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1)
        free(t);
}

struct str text_view(const struct text *t)
{
    return t ? str_of(t->p, t->n) : STR_NONE;
}

bool list_has(struct str list, struct str item)
{
    while (list.n) {
        if (str_eq(str_cut(&list, '\n'), item))
            return true;
    }
    return false;
}

void account_release(struct account *a)
{
    text_unref(a->ip_ranges);
    a->ip_ranges = NULL;
}

void key_release(struct key *k)
{
    text_unref(k->models);
    text_unref(k->providers);
    k->models = k->providers = NULL;
}

/* --- windows --- */

static const char *const window_names[WINDOW__COUNT] = {NULL, "daily", "weekly", "monthly"};

const char *window_name(enum window w)
{
    BUG_ON(w >= WINDOW__COUNT);
    return window_names[w];
}

bool window_parse(struct str s, enum window *out)
{
    for (enum window w = WINDOW_DAY; w < WINDOW__COUNT; w++) {
        if (str_eq(s, str_c(window_names[w]))) {
            *out = w;
            return true;
        }
    }
    return false;
}

int64_t window_start(enum window w, int64_t ms)
{
    switch (w) {
    case WINDOW_DAY:
        return clock_day_start(ms);
    case WINDOW_WEEK:
        return clock_week_start(ms);
    case WINDOW_MONTH:
        return clock_month_start(ms);
    case WINDOW_NONE:
    case WINDOW__COUNT:
        break;
    }
    return 0;
}

/* --- usage --- */

static void add_capped(nanos *sum, nanos n)
{
    if (__builtin_add_overflow(*sum, n, sum))
        *sum = INT64_MAX;
}

/* In the day in which the latest settlement fell, and so in its week and month: nearly always. */
static bool is_same_day(const struct usage *u, int64_t at_ms)
{
    const int64_t day_ms = INT64_C(86400000);
    int64_t day = u->start[WINDOW_DAY];
    return day > 0 && at_ms >= day && at_ms - day < day_ms;
}

void usage_add(struct usage *u, int64_t at_ms, nanos cost)
{
    BUG_ON(cost < 0);
    if (is_same_day(u, at_ms)) {
        for (enum window w = WINDOW_NONE; w < WINDOW__COUNT; w++)
            add_capped(&u->in[w], cost);
        return;
    }
    add_capped(&u->in[WINDOW_NONE], cost);
    for (enum window w = WINDOW_DAY; w < WINDOW__COUNT; w++) {
        int64_t start = window_start(w, at_ms);
        if (start > u->start[w]) {
            u->start[w] = start;
            u->in[w] = 0;
        }
        if (start == u->start[w])
            add_capped(&u->in[w], cost);
    }
}

/* A clock that was set back does not bring a window back: what counts in a later one counts. */
nanos usage_at(const struct usage *u, enum window w, int64_t now_ms)
{
    return window_start(w, now_ms) > u->start[w] ? 0 : u->in[w];
}

/* --- the ids of generations --- */

/* Crockford's base 32: no letter that reads like a digit. Sorted, so that texts sort as ids do. */
static const char digits[33] = "0123456789abcdefghjkmnpqrstvwxyz";

__extension__ typedef unsigned __int128 code;

static void code_write(code v, char out[CODE_DIGITS])
{
    for (int i = CODE_DIGITS - 1; i >= 0; i--) {
        out[i] = digits[v & 31];
        v >>= 5;
    }
}

static bool code_read(struct str s, code *out)
{
    code v = 0;
    if (s.n != CODE_DIGITS || s.p[0] > '7') /* 26 digits hold 130 bits: the first two are zero */
        return false;
    for (size_t i = 0; i < s.n; i++) {
        const char *at = s.p[i] ? strchr(digits, s.p[i]) : NULL;
        if (!at)
            return false;
        v = v << 5 | (code)(at - digits);
    }
    *out = v;
    return true;
}

static uint64_t id_seconds(int64_t id)
{
    return (uint64_t)((id >> (MAKER_BITS + COUNT_BITS)) + EPOCH_MS) / 1000;
}

struct str generation_id_text(int64_t id, uint64_t tag, char out[GENERATION_ID_MAX])
{
    struct buf b = {.p = out, .cap = GENERATION_ID_MAX, .max = GENERATION_ID_MAX};
    char text[CODE_DIGITS];
    BUG_ON(id < 0);
    code_write((code)(uint64_t)id << 64 | tag, text);
    buf_add(&b, STR("gen-"));
    buf_add_u64(&b, id_seconds(id));
    buf_add(&b, STR("-"));
    buf_add(&b, str_of(text, sizeof text));
    BUG_ON(b.failed != ERR_OK || b.n >= GENERATION_ID_MAX);
    out[b.n] = '\0';
    return buf_view(&b);
}

bool generation_id_parse(struct str text, int64_t *id, uint64_t *tag)
{
    char again[GENERATION_ID_MAX];
    code v;
    if (!str_starts(text, STR("gen-")))
        return false;
    struct str rest = str_skip(text, 4);
    str_cut(&rest, '-');
    if (!code_read(rest, &v) || (uint64_t)(v >> 64) > INT64_MAX)
        return false;
    *id = (int64_t)(v >> 64);
    *tag = (uint64_t)v;
    return str_eq(generation_id_text(*id, *tag, again), text); /* one text for one id */
}

int64_t generation_slot(int64_t id)
{
    BUG_ON(id < 0);
    int64_t ms = id >> (MAKER_BITS + COUNT_BITS),
            maker = id >> COUNT_BITS & ((1 << MAKER_BITS) - 1);
    return ms >> SLOT_MS_BITS << MAKER_BITS | maker;
}

int64_t generation_id_next(struct generation_ids *g, int64_t now_ms)
{
    int64_t ms = now_ms - EPOCH_MS;
    BUG_ON(g->maker >= 1u << MAKER_BITS);
    if (ms > ID_MS_MAX)
        ms = ID_MS_MAX;
    if (ms > g->last_ms) {
        g->last_ms = ms;
        g->count = 0;
    } else if (++g->count == 1u << COUNT_BITS) { /* borrows from the next millisecond */
        g->last_ms++;
        g->count = 0;
    }
    return g->last_ms << (MAKER_BITS + COUNT_BITS) | (int64_t)g->maker << COUNT_BITS | g->count;
}
