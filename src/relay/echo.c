/* echo.c: debug.echo_upstream_body: what each provider was sent, told at the beginning of the stream.
 * The body alone: no credential is in it. */
#include "relay/translate.h"

#include "dialect/openai_form.h"

enum { ECHOES_MAX = 256 * 1024 }; /* bytes of all of them; a body beyond that is null */

/* "text" without its quotes. */
static struct str unquoted(struct str json)
{
    return str_of(json.p + 1, json.n - 2);
}

/* The views one behind the other, on one line, in the arena. */
static struct str joined(struct relay *r, const struct str *views, uint32_t n)
{
    size_t size = 0, at = 0;
    for (uint32_t i = 0; i < n; i++)
        size += views[i].n;
    if (size > ECHOES_MAX - r->echoes_bytes)
        return STR("null");
    r->arena.max += size;
    char *text = arena_alloc(&r->arena, size + 1);
    if (!text)
        return STR("null");
    for (uint32_t i = 0; i < n; at += views[i++].n) {
        if (views[i].n)
            memcpy(text + at, views[i].p, views[i].n);
    }
    relay_join_lines(text, size);
    r->echoes_bytes += size;
    return str_of(text, size);
}

void relay_echo_note(struct relay *r, const struct str *views, uint32_t n)
{
    struct canon_echo **end = &r->echoes;
    if (!r->asked.wants_echo)
        return;
    struct canon_echo *echo = arena_zalloc(&r->arena, sizeof *echo);
    if (!echo)
        return;
    echo->provider = unquoted(r->identity.provider_json);
    echo->body = joined(r, views, n);
    while (*end)
        end = &(*end)->next;
    *end = echo;
}

void relay_echo_tell(struct relay *r, struct buf *out)
{
    const struct openai_identity *id = &r->identity;
    struct canon_identity who = {unquoted(id->id_json), unquoted(id->model_json), STR_NONE,
                                 r->began_wall_ms / 1000};
    if (r->is_echoed || !r->echoes)
        return;
    r->is_echoed = true;
    openai_write_echoes(out, &who, r->echoes);
}
