#include "io/internal.h"

#include <stdlib.h>

static struct chunk *chunk_make(size_t cap)
{
    struct chunk *k = malloc(sizeof *k + cap);
    if (k)
        *k = (struct chunk){.cap = cap};
    return k;
}

static struct chunk *chunk_get(struct spares *s, size_t room)
{
    if (room > CHUNK_ROOM)
        return chunk_make(room);
    struct chunk *k = s->first;
    if (!k)
        return chunk_make(CHUNK_ROOM);
    s->first = k->next;
    s->n--;
    *k = (struct chunk){.cap = CHUNK_ROOM};
    return k;
}

static void chunk_put(struct spares *s, struct chunk *k)
{
    if (k->cap != CHUNK_ROOM || s->n == SPARES_MAX) {
        free(k);
        return;
    }
    k->next = s->first;
    s->first = k;
    s->n++;
}

static void append(struct outq *q, struct chunk *k)
{
    if (q->tail)
        q->tail->next = k;
    else
        q->head = k;
    q->tail = k;
}

bool outq__add(struct outq *q, struct spares *s, struct str bytes, size_t more)
{
    while (bytes.n) {
        if (!q->tail || q->tail->n == q->tail->cap) {
            struct chunk *k = chunk_get(s, bytes.n + more);
            if (!k)
                return false;
            append(q, k);
        }
        struct chunk *k = q->tail;
        struct str now = str_head(bytes, k->cap - k->n);
        memcpy(k->bytes + k->n, now.p, now.n);
        k->n += now.n;
        q->bytes += now.n;
        bytes = str_skip(bytes, now.n);
    }
    return true;
}

unsigned outq__views(const struct outq *q, uv_buf_t views[OUT_VIEWS])
{
    unsigned n = 0;
    for (struct chunk *k = q->head; k && n < OUT_VIEWS; k = k->next)
        views[n++] = (uv_buf_t){.base = k->bytes + k->sent, .len = k->n - k->sent};
    return n;
}

struct outq outq__take(struct outq *q)
{
    struct outq taken = {0};
    for (unsigned n = 0; q->head && n < OUT_VIEWS; n++) {
        struct chunk *k = q->head;
        q->head = k->next;
        k->next = NULL;
        append(&taken, k);
        taken.bytes += k->n - k->sent;
    }
    q->bytes -= taken.bytes;
    if (!q->head)
        q->tail = NULL;
    return taken;
}

void outq__consume(struct outq *q, struct spares *s, size_t n)
{
    BUG_ON(n > q->bytes);
    q->bytes -= n;
    while (q->head && n >= q->head->n - q->head->sent) {
        struct chunk *k = q->head;
        n -= k->n - k->sent;
        q->head = k->next;
        chunk_put(s, k);
    }
    if (q->head)
        q->head->sent += n;
    else
        q->tail = NULL;
}

void outq__drop(struct outq *q, struct spares *s)
{
    outq__consume(q, s, q->bytes);
}

void outq__fit(struct outq *q, struct spares *s)
{
    struct chunk *old = q->head, *next;
    struct outq fit = {.bytes = q->bytes};
    for (; old; old = next) {
        next = old->next;
        size_t left = old->n - old->sent;
        struct chunk *k = left <= old->cap / 2 ? chunk_make(left) : NULL;
        if (!k) {
            old->next = NULL;
            append(&fit, old);
            continue;
        }
        memcpy(k->bytes, old->bytes + old->sent, left);
        k->n = left;
        append(&fit, k);
        chunk_put(s, old);
    }
    *q = fit;
}

void spares__release(struct spares *s)
{
    while (s->first) {
        struct chunk *k = s->first;
        s->first = k->next;
        free(k);
    }
    s->n = 0;
}
