/* cli_config.c: turnpike config ..., version */
#include "app/commands.h"
#include "app/serve.h"

enum { ANSWER_MAX = 64 * 1024 * 1024 };

/* Their files are opened, as at the start. */
static enum err check_tls(const struct config *c, struct fault *f)
{
    struct io_tls *listener = NULL, *upstream = NULL;
    enum err e = config_open_upstream_tls(c, &upstream, f);
    if (e == ERR_OK)
        e = config_open_listener_tls(c, &listener, f);
    io_tls_free(upstream);
    io_tls_free(listener);
    return e;
}

int command_config_check(const struct command_args *a)
{
    struct config_flags flags = a->flags;
    struct config c;
    struct fault f;
    struct buf out;
    struct json_writer w;
    if (a->words_n)
        flags.config = a->words[0];
    if (config_load(&c, &flags, &f) != ERR_OK)
        return command_failed(&f);
    if (check_tls(&c, &f) != ERR_OK) {
        config_release(&c);
        return command_failed(&f);
    }
    buf_init(&out, ANSWER_MAX);
    json_writer_init(&w, &out);
    jw_object(&w, NULL);
    if (c.file.n)
        jw_str(&w, "file", c.file);
    else
        jw_null(&w, "file");
    jw_u64(&w, "providers", c.catalog->providers_n);
    jw_u64(&w, "models", c.catalog->models_n);
    jw_finish(&w);
    buf_add(&out, STR("\n"));
    config_release(&c);
    return command_print(&out);
}

int command_config_show(const struct command_args *a)
{
    struct fault f;
    struct buf out;
    buf_init(&out, ANSWER_MAX);
    if (config_show(&a->flags, &out, &f) == ERR_OK)
        return command_print(&out);
    buf_release(&out);
    return command_failed(&f);
}

int command_version(const struct command_args *a)
{
    struct buf out;
    struct json_writer w;
    (void)a;
    buf_init(&out, ANSWER_MAX);
    json_writer_init(&w, &out);
    jw_object(&w, NULL);
    jw_str_c(&w, "version", turnpike_version());
    jw_finish(&w);
    buf_add(&out, STR("\n"));
    return command_print(&out);
}
