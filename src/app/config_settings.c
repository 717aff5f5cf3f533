/* config_settings.c: the settings of the top level, one row each. */
#include "app/config_internal.h"

#include <unistd.h>

#include "auth/key.h"
#include "http/url.h"
#include "relay/worker.h"

/* A generation's id has room for 64 makers. */
enum { WORKERS_MAX = 64 };
#define SESSION_MOST_MS (INT64_C(45) * 24 * 3600 * 1000)

static bool data_is_right(struct str text)
{
    bool is_url = str_find(text, STR("://")) < text.n;
    return !is_url || str_starts(text, STR("postgresql://")) ||
           str_starts(text, STR("postgres://"));
}

static bool url_is_right(struct str text)
{
    struct url ignored;
    return url_parse(text, &ignored, NULL) == ERR_OK;
}

static bool proxies_are_right(struct str text)
{
    struct cidr ignored[TRUSTED_MAX];
    return relay_trusted_parse(text, ignored) >= 0;
}

static bool smtp_is_right(struct str text)
{
    return courier_mail_url_is_right(text);
}

static bool address_is_right(struct str text)
{
    struct str domain = text, user = str_cut(&domain, '@');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] <= ' ' || text.p[i] > '~' || text.p[i] == '<' || text.p[i] == '>')
            return false;
    }
    return text.n <= 254 && user.n && domain.n && str_find(domain, STR("@")) == domain.n;
}

static struct str listen_flag(const struct config_flags *flags)
{
    return flags->listen;
}

static struct str data_flag(const struct config_flags *flags)
{
    return flags->data;
}

static struct str workers_flag(const struct config_flags *flags)
{
    return flags->workers;
}

static const char *const sync_choices[] = {[JOURNAL_SYNC_INTERVAL] = "interval",
                                           [JOURNAL_SYNC_ALWAYS] = "always",
                                           [JOURNAL_SYNC_NEVER] = "never",
                                           NULL};
static const char *const starttls_choices[] = {[COURIER_TLS_REQUIRED] = "required",
                                               [COURIER_TLS_OPPORTUNISTIC] = "opportunistic",
                                               [COURIER_TLS_NEVER] = "never",
                                               NULL};
static const char *const signup_choices[] = {
    [SIGNUP_CLOSED] = "closed", [SIGNUP_INVITATION] = "invitation", [SIGNUP_OPEN] = "open", NULL};
static const char *const exposure_choices[] = {"notify", "disable", "delete", NULL};
static const char *const level_choices[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error", NULL};
_Static_assert(sizeof(enum journal_sync) == 4 && sizeof(enum log_level) == 4,
               "a choice is stored in 32 bits");

#define SETTING(name, kind, member, ...) FIELD(name, kind, struct config, member, __VA_ARGS__)

static const struct field settings[] = {
    SETTING("listen", LISTEN, listen_host, .also = offsetof(struct config, listen_port),
            .otherwise = "127.0.0.1:8080", .variable = "TURNPIKE_LISTEN", .flag = "--listen",
            .flag_value = listen_flag),
    SETTING("data", TEXT, data, .otherwise = "./data", .is_right = data_is_right,
            .expected = "a directory or postgresql://...", .variable = "TURNPIKE_DATA",
            .flag = "--data", .flag_value = data_flag),
    SETTING("workers", COUNT, workers, .least = 1, .most = WORKERS_MAX, .flag = "--workers",
            .flag_value = workers_flag),
    SETTING("public_url", TEXT, public_url, .is_right = url_is_right,
            .expected = "a URL such as https://gateway.example"),
    SETTING("key_prefix", TEXT, key_prefix, .otherwise = "sk-tp-v1-",
            .is_right = key_prefix_is_valid,
            .expected = "lowercase letters, digits and '-', ending in a version such as '-v1-', at "
                        "most 32 characters"),
    SETTING("trusted_proxies", LIST, trusted_proxies, .is_right = proxies_are_right,
            .expected = "a list of at most 32 addresses or ranges such as 10.0.0.0/8"),
    SETTING("tls.cert", TEXT, tls_cert, .expected = "the path of a PEM file"),
    SETTING("tls.key", TEXT, tls_key, .expected = "the path of a PEM file"),
    SETTING("upstream_ca", TEXT, upstream_ca, .expected = "the path of a PEM file"),
    SETTING("limits.body", SIZE, body_max, .least = 1024, .most = 1 << 30, .otherwise = "32MiB"),
    SETTING("limits.connections", COUNT, connections_max, .least = 1, .most = 1000000,
            .otherwise = "20000"),
    SETTING("keepalive", DURATION, keepalive_ms, .least = 10, .most = 3600000, .otherwise = "2s"),
    SETTING("shutdown", DURATION, shutdown_ms, .least = 0, .most = 3600000, .otherwise = "30s"),
    SETTING("mail.smtp", TEXT, mail_smtp, .is_right = smtp_is_right,
            .expected =
                "a URL such as smtp://mail.example:587 or smtps://mail.example:465, without "
                "user and password"),
    SETTING("mail.user", TEXT, mail_user, .expected = "a name"),
    SETTING("mail.password", SECRET, mail_password, .expected = "a password"),
    SETTING("mail.from", TEXT, mail_from, .is_right = address_is_right,
            .expected = "an address such as turnpike@gateway.example"),
    SETTING("mail.starttls", CHOICE, mail_starttls, .choices = starttls_choices,
            .otherwise = "required"),
    SETTING("signup", CHOICE, signup, .choices = signup_choices, .otherwise = "closed"),
    SETTING("sessions.idle", DURATION, session_idle_ms, .least = 1000, .most = SESSION_MOST_MS,
            .otherwise = "24h"),
    SETTING("sessions.absolute", DURATION, session_absolute_ms, .least = 1000,
            .most = SESSION_MOST_MS, .otherwise = "30d"),
    SETTING("exposures.policy", CHOICE, exposure_choice, .choices = exposure_choices,
            .otherwise = "disable"),
    SETTING("exposures.github_keys_url", TEXT, github_keys_url, .is_right = courier_url_is_right,
            .expected = "a URL that begins with https:// (or http://, to this machine)",
            .otherwise = "https://api.github.com/meta/public_keys/secret_scanning"),
    SETTING("tokens.rotate", DURATION, tokens_rotate_ms, .least = 3600 * 1000,
            .most = SESSION_MOST_MS, .otherwise = "30d"),
    SETTING("journal.sync", CHOICE, journal_sync, .choices = sync_choices, .otherwise = "interval"),
    SETTING("log_level", CHOICE, log_level, .choices = level_choices, .otherwise = "info"),
};

static const char *const others[] = {"oidc", "providers", "models", NULL};

static struct field_table table_of(struct config_loader *l)
{
    return (struct field_table){.fields = settings,
                                .n = COUNT_OF(settings),
                                .others = others,
                                .node = l->root,
                                .flags = l->flags,
                                .base = &l->config,
                                .arena = &l->config.arena};
}

static uint32_t processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (uint32_t)n;
}

enum err config__settings_read(struct config_loader *l, struct fault *f)
{
    struct config *c = &l->config;
    struct field_table t = table_of(l);
    c->workers = processors();
    enum err e = field_table_read(&t, f);
    if (e == ERR_OK && !c->tls_cert.n != !c->tls_key.n)
        return config_fault_set(f, config_get(l->root, STR("tls")), "tls needs both cert and key");
    if (e == ERR_OK && !c->mail_smtp.n != !c->mail_from.n)
        return config_fault_set(f, config_get(l->root, STR("mail")),
                                "mail needs both smtp and from");
    return e;
}

/* A database's URL may hold a password, before the '@' or behind the '?'. */
static struct str data_masked(struct str data, struct arena *a)
{
    struct buf out;
    size_t scheme = str_find(data, STR("://"));
    if (scheme == data.n)
        return data;
    struct str rest = str_skip(data, scheme + 3), user = rest;
    size_t at = str_find(rest, STR("@"));
    buf_init(&out, 64 * 1024);
    buf_add(&out, str_head(data, scheme + 3));
    if (at < rest.n) {
        user = str_head(rest, at);
        rest = str_skip(rest, at);
        buf_add(&out, str_cut(&user, ':'));
        buf_add(&out, user.p ? STR(":(hidden)") : STR(""));
    }
    buf_add(&out, str_cut(&rest, '?'));
    buf_add(&out, rest.p ? STR("?(hidden)") : STR(""));
    struct str masked = arena_str(a, buf_view(&out));
    buf_release(&out);
    return masked;
}

void config__settings_show(struct config_loader *l, struct buf *out)
{
    struct field_table t = table_of(l);
    struct str data = l->config.data;
    l->config.data = data_masked(data, &l->config.arena);
    field_table_show(&t, 0, "", "default", out);
    l->config.data = data;
}
