/* cli_serve.c: turnpike serve, turnpike sim */
#include "app/commands.h"
#include "app/serve.h"
#include "http/url.h"

int command_serve(const struct command_args *a)
{
    return serve(&a->flags);
}

int command_sim(const struct command_args *a)
{
    struct str host, listen = a->options[OPTION_LISTEN];
    uint16_t port;
    if (!listen.p)
        return command_misused(a, "--listen is missing");
    if (!url_parse_listen(listen, &host, &port))
        return command_misused(a, "--listen must be HOST:PORT such as 127.0.0.1:9000");
    return serve_sim(host, port);
}
