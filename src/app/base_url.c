#include "app/base_url.h"

#include <stdio.h>

struct str base_url_host(const struct config *c)
{
    return c->listen_host.n ? c->listen_host : STR("127.0.0.1");
}

struct str base_url_write(const struct config *c, uint16_t port, char out[BASE_URL_MAX])
{
    struct str host = base_url_host(c);
    bool is_v6 = memchr(host.p, ':', host.n) != NULL;
    if (c->public_url.n)
        snprintf(out, BASE_URL_MAX, "%.*s", STR_ARG(c->public_url));
    else
        snprintf(out, BASE_URL_MAX, "%s://%s%.*s%s:%u", c->tls_cert.n ? "https" : "http",
                 is_v6 ? "[" : "", STR_ARG(host), is_v6 ? "]" : "", port);
    struct str url = str_c(out);
    while (str_ends(url, STR("/")))
        url.n--;
    return url;
}
