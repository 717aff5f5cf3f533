#include "app/config.h"

#include <stdlib.h>
#include <unistd.h>

#include "app/config_internal.h"

enum { ARENA_BLOCK = 4096, ARENA_MAX = 64 * 1024 * 1024 };

#define DEFAULT_FILE "turnpike.yaml"

/* The file to read; empty: none. One that was named must be there, the default one need not. */
static struct str file_wanted(const struct config_flags *flags)
{
    struct str variable = str_c(getenv("TURNPIKE_CONFIG"));
    if (flags->config.n)
        return flags->config;
    if (variable.n)
        return variable;
    return access(DEFAULT_FILE, F_OK) == 0 ? STR(DEFAULT_FILE) : STR_NONE;
}

static enum err read_file(struct config_loader *l, struct fault *f)
{
    struct str path = file_wanted(l->flags);
    if (path.n == 0)
        return ERR_OK;
    l->config.file = arena_str(&l->config.arena, path);
    if (!l->config.file.p)
        return fault_set(f, ERR_NOMEM, "no memory for the configuration");
    struct fault why = {.err = ERR_OK};
    l->file = config_file_read(l->config.file, &why);
    if (!l->file) {
        if (f)
            *f = why;
        return why.err;
    }
    l->root = config_file_root(l->file);
    return ERR_OK;
}

void config__close_file(struct config_loader *l)
{
    config_file_free(l->file);
    l->file = NULL;
    l->root = (struct config_node){0};
}

enum err config__open(struct config_loader *l, const struct config_flags *flags, struct fault *f)
{
    *l = (struct config_loader){.flags = flags};
    arena_init(&l->config.arena, ARENA_BLOCK, ARENA_MAX);
    enum err e = read_file(l, f);
    if (e == ERR_OK)
        e = config__settings_read(l, f);
    if (e == ERR_OK)
        e = config__oidc_read(l, f);
    if (e == ERR_OK)
        e = config__catalog_read(l, f);
    if (e == ERR_OK)
        return ERR_OK;
    config__close_file(l);
    config_release(&l->config);
    return e;
}

enum err config_load(struct config *c, const struct config_flags *flags, struct fault *f)
{
    struct config_loader l;
    enum err e = config__open(&l, flags, f);
    if (e != ERR_OK)
        return e;
    config__close_file(&l);
    *c = l.config;
    return ERR_OK;
}

enum err config_open_upstream_tls(const struct config *c, struct io_tls **upstream, struct fault *f)
{
    *upstream = io_tls_client_new(c->upstream_ca.n ? c->upstream_ca.p : NULL, f);
    return *upstream ? ERR_OK : f->err;
}

enum err config_open_listener_tls(const struct config *c, struct io_tls **listener, struct fault *f)
{
    *listener = NULL;
    if (c->tls_cert.n == 0)
        return ERR_OK;
    *listener = io_tls_server_new(c->tls_cert.p, c->tls_key.p, f);
    return *listener ? ERR_OK : f->err;
}

void config_release(struct config *c)
{
    catalog_unref(c->catalog);
    c->catalog = NULL;
    arena_release(&c->arena);
}
