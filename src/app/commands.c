#include "app/commands.h"

#define OPTION(o) (1u << OPTION_##o)

static const struct command commands[] = {
    {"serve", "", "serve the gateway until SIGTERM or SIGINT", OPTION(LISTEN) | OPTION(WORKERS),
     command_serve},
    {"key create", "", "make an API key; it is shown this once",
     OPTION(NAME) | OPTION(LIMIT) | OPTION(LIMIT_RESET) | OPTION(EXPIRES_AT) | OPTION(MANAGEMENT) |
         OPTION(ALLOWED_MODELS) | OPTION(ALLOWED_PROVIDERS) | OPTION(RATE_REQUESTS) |
         OPTION(RATE_TOKENS) | OPTION(ACCOUNT),
     command_key_create},
    {"key list", "", "all keys, the newest first", 0, command_key_list},
    {"key show", "HASH", "one key", 0, command_key_show},
    {"key disable", "HASH", "refuse a key until it is enabled", 0, command_key_disable},
    {"key enable", "HASH", "accept a disabled key again", 0, command_key_enable},
    {"key delete", "HASH", "refuse a key for ever", 0, command_key_delete},
    {"credit grant", "USD", "give an account credit", OPTION(ACCOUNT) | OPTION(NOTE),
     command_credit_grant},
    {"credit show", "", "what an account was granted and has used", OPTION(ACCOUNT),
     command_credit_show},
    {"account create", "EMAIL", "add an account", 0, command_account_create},
    {"account list", "", "all accounts", 0, command_account_list},
    {"account disable", "EMAIL", "refuse all keys of an account", 0, command_account_disable},
    {"account policy", "", "show or change what an account wants of its keys",
     OPTION(ACCOUNT) | OPTION(MAX_KEY_LIFETIME), command_account_policy},
    {"user list", "", "who may sign in", OPTION(ACCOUNT), command_user_list},
    {"user link", "EMAIL", "a link that lets a user who is locked out choose a new password",
     OPTION(LISTEN), command_user_link},
    {"user disable", "EMAIL", "sign a user out and let them in no more", OPTION(KEYS),
     command_user_disable},
    {"user enable", "EMAIL", "let a disabled user in again", 0, command_user_enable},
    {"ip add", "CIDR",
     "let an account's keys be used from there, and from nowhere that is not added",
     OPTION(ACCOUNT) | OPTION(LABEL), command_ip_add},
    {"ip list", "", "from where an account's keys may be used; nothing: from anywhere",
     OPTION(ACCOUNT), command_ip_list},
    {"ip delete", "ID", "take an entry of the allow list back", OPTION(ACCOUNT), command_ip_delete},
    {"audit list", "", "the latest administrative acts, of all accounts or of one",
     OPTION(ACCOUNT) | OPTION(ACTION) | OPTION(TARGET), command_audit_list},
    {"ledger verify", "", "recompute all counters from the generations", 0, command_ledger_verify},
    {"exposure list", "", "where keys were found", OPTION(ACCOUNT), command_exposure_list},
    {"exposure policy", "[POLICY]", "notify, disable, delete or default: what follows",
     OPTION(ACCOUNT), command_exposure_policy},
    {"federation add", "", "let an issuer's tokens be exchanged for access tokens of a key",
     OPTION(NAME) | OPTION(ISSUER) | OPTION(JWKS_URL) | OPTION(AUDIENCE) | OPTION(SUBJECT) |
         OPTION(CLAIMS) | OPTION(KEY) | OPTION(MAX_LIFETIME) | OPTION(ACCOUNT),
     command_federation_add},
    {"federation list", "", "whose tokens may act as which key", OPTION(ACCOUNT),
     command_federation_list},
    {"federation show", "ID", "one policy", 0, command_federation_show},
    {"federation disable", "ID", "exchange no more, and end the access tokens there are", 0,
     command_federation_disable},
    {"federation enable", "ID", "exchange again", 0, command_federation_enable},
    {"federation delete", "ID", "forget a policy, and end its access tokens", 0,
     command_federation_delete},
    {"federation rotate", "", "sign access tokens with a new key from now on", 0,
     command_federation_rotate},
    {"mail test", "ADDRESS", "queue a mail that says that mail works", 0, command_mail_test},
    {"scan", "PATH...", "look for keys in files, archives and git history; exit status 1: found", 0,
     command_scan},
    {"config check", "[FILE]", "look for mistakes in the configuration",
     OPTION(LISTEN) | OPTION(WORKERS), command_config_check},
    {"config show", "", "the effective configuration and each value's origin",
     OPTION(LISTEN) | OPTION(WORKERS), command_config_show},
    {"sim", "", "serve the simulated provider on its own", OPTION(LISTEN), command_sim},
    {"version", "", "which version this is", 0, command_version},
};

const struct command *command_at(size_t i)
{
    return i < COUNT_OF(commands) ? &commands[i] : NULL;
}
