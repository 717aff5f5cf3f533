#include "api/internal.h"

static const struct route routes[] = {
    {HTTP_POST, STR_INIT("/chat/completions"), ACCESS_RELAY, NULL, "Chat, whole or streamed"},
    {HTTP_GET, STR_INIT("/models"), ACCESS_OPEN, api_models, "All models with their prices"},
    {HTTP_GET, STR_INIT("/models/count"), ACCESS_OPEN, api_models_count,
     "How many models there are"},
    {HTTP_GET, STR_INIT("/generation"), ACCESS_KEY, api_generation,
     "What one answer used and cost"},
    {HTTP_GET, STR_INIT("/key"), ACCESS_KEY, api_key, "The calling key: limits and usage"},
    {HTTP_GET, STR_INIT("/auth/key"), ACCESS_KEY, api_key, "The same, under its older name"},
    {HTTP_GET, STR_INIT("/credits"), ACCESS_MANAGEMENT, api_credits, "The account's credits"},
    {HTTP_GET, STR_INIT("!/health"), ACCESS_OPEN, api_health, "200 while the process can serve"},
    {HTTP_GET, STR_INIT("!/metrics"), ACCESS_OPEN, api_metrics, "Prometheus text"},
};

const struct route *route_at(unsigned i)
{
    return i < COUNT_OF(routes) ? &routes[i] : NULL;
}

/* The path below one of the two API roots; p NULL: it is below neither. */
static struct str below_root(struct str path)
{
    if (str_starts(path, STR("/api/v1/")))
        return str_skip(path, 7);
    if (str_starts(path, STR("/v1/")))
        return str_skip(path, 3);
    return STR_NONE;
}

static bool is_path(const struct route *r, struct str path, struct str below)
{
    if (r->path.p[0] == '!')
        return str_eq(str_skip(r->path, 1), path);
    return below.p && str_eq(r->path, below);
}

const struct route *route_find(enum http_method m, struct str path, bool *path_exists)
{
    struct str below = below_root(path);
    *path_exists = false;
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (!is_path(&routes[i], path, below))
            continue;
        *path_exists = true;
        if (routes[i].method == m || (routes[i].method == HTTP_GET && m == HTTP_HEAD))
            return &routes[i];
    }
    return NULL;
}

struct str route_methods(struct str path, char room[64])
{
    struct buf b = {.p = room, .cap = 64, .max = 64};
    struct str below = below_root(path);
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (!is_path(&routes[i], path, below))
            continue;
        buf_add_c(&b, http_method_name(routes[i].method));
        buf_add(&b, routes[i].method == HTTP_GET ? STR(", HEAD, ") : STR(", "));
    }
    buf_add(&b, STR("OPTIONS"));
    return buf_view(&b);
}
