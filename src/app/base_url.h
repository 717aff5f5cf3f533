/* base_url.h: what links of ours begin with: never what a request says of us. */
#ifndef APP_BASE_URL_H
#define APP_BASE_URL_H

#include "app/config.h"

enum { BASE_URL_MAX = 320 };
/* Where the server is reached from this machine: an empty listen_host is every address of it. */
struct str base_url_host(const struct config *c);
/* public_url, or where the server listens: `port` is what it got. Without a slash at its end. */
struct str base_url_write(const struct config *c, uint16_t port, char out[BASE_URL_MAX]);

#endif
