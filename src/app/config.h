/* config.h: settings: flags over environment over file over default; where each value came from;
 * the catalog they name. */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include "api/signin.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/secret.h"
#include "catalog/catalog.h"
#include "io/courier.h"
#include "io/tls.h"
#include "store/journal.h"

struct config {
    struct arena arena; /* owns the strings below */
    struct str file;    /* path of the file read, or empty */
    struct str listen_host;
    uint16_t listen_port;
    struct str data; /* a directory or postgresql://... */
    uint32_t workers;
    struct str public_url; /* or empty */
    struct str key_prefix;
    struct str trusted_proxies;   /* ranges of addresses, a comma between two; or empty */
    struct str tls_cert, tls_key; /* or empty */
    struct str upstream_ca;       /* PEM trusted for providers beside the system's, or empty */
    uint64_t body_max;            /* bytes */
    uint32_t connections_max;     /* in all */
    uint32_t keepalive_ms;        /* silence after which a stream gets a comment line */
    uint32_t shutdown_ms;         /* how long streams may finish after SIGTERM */
    struct str mail_smtp, mail_user, mail_from; /* or empty: no mail is sent */
    struct secret mail_password;
    enum courier_tls mail_starttls;
    uint32_t exposure_choice; /* enum exposure_policy - 1 */
    struct str github_keys_url;
    enum signup signup;
    struct oidc_provider *oidc; /* in the arena */
    uint32_t oidc_n;
    uint32_t session_idle_ms, session_absolute_ms;
    uint32_t tokens_rotate_ms; /* how old a key that signs access tokens grows */
    enum journal_sync journal_sync;
    enum log_level log_level;
    struct catalog
        *catalog; /* one reference; without providers: empty (the caller adds the simulated one) */
};

/* What the command line gave; empty views where it did not. */
struct config_flags {
    struct str config, listen, data, workers;
    bool settings_only; /* neither providers nor models are looked at: the catalog is empty */
};

/* ERR_INVALID: the sentence names file, line, setting and nearest known name. On success c is the
 * caller's to release. */
enum err config_load(struct config *c, const struct config_flags *flags, struct fault *f) MUST_USE;
void config_release(struct config *c);
/* What upstream_ca and the files of tls hold (*listener is NULL where none are set), the caller's; a fault names the
 * file. */
enum err config_open_upstream_tls(const struct config *c, struct io_tls **upstream,
                                  struct fault *f) MUST_USE;
enum err config_open_listener_tls(const struct config *c, struct io_tls **listener,
                                  struct fault *f) MUST_USE;
/* The effective settings as YAML on `out`, secrets masked, each with its origin as a comment. */
enum err config_show(const struct config_flags *flags, struct buf *out, struct fault *f);

#endif
