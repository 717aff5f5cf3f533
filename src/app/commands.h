/* commands.h: what the command line can do: one row a command, one row an option. Help, mistakes
 * and the call all come from the rows. Answers for programs go to standard output as JSON, what
 * people read to standard error. */
#ifndef APP_COMMANDS_H
#define APP_COMMANDS_H

#include "app/config.h"
#include "json/write.h"
#include "store/store.h"

enum { EXIT_DONE, EXIT_FAILED, EXIT_MISUSED };

enum option {
    OPTION_CONFIG,
    OPTION_DATA,
    OPTION_LISTEN,
    OPTION_WORKERS,
    OPTION_NAME,
    OPTION_LIMIT,
    OPTION_LIMIT_RESET,
    OPTION_EXPIRES_AT,
    OPTION_MANAGEMENT,
    OPTION_ACCOUNT,
    OPTION_NOTE,
    OPTION_ALLOWED_MODELS,
    OPTION_ALLOWED_PROVIDERS,
    OPTION_RATE_REQUESTS,
    OPTION_RATE_TOKENS,
    OPTION_LABEL,
    OPTION_ACTION,
    OPTION_TARGET,
    OPTION_MAX_KEY_LIFETIME,
    OPTION_KEYS,
    OPTION_ISSUER,
    OPTION_JWKS_URL,
    OPTION_AUDIENCE,
    OPTION_SUBJECT,
    OPTION_CLAIMS,
    OPTION_KEY,
    OPTION_MAX_LIFETIME,
    OPTION_HELP,
    OPTION__COUNT
};

enum { WORDS_MAX = 256 };

struct command_args {
    const struct command *command;
    struct str words[WORDS_MAX]; /* behind the command's name; terminated, as the options are */
    size_t words_n;
    struct str options[OPTION__COUNT]; /* p NULL: not given */
    struct config_flags flags;
};

struct command {
    const char *name;  /* "key create" */
    const char *words; /* "HASH": what it wants beside options; "": nothing; "[FILE]": optional;
                        "PATH...": one or more */
    const char *summary;
    uint32_t options; /* bits 1 << OPTION_... beside --config, --data and --help, which all take */
    int (*run)(const struct command_args *a);
};

/* NULL past the end. */
const struct command *command_at(size_t i);

int command_serve(const struct command_args *a);
int command_sim(const struct command_args *a);
int command_key_create(const struct command_args *a);
int command_key_list(const struct command_args *a);
int command_key_show(const struct command_args *a);
int command_key_disable(const struct command_args *a);
int command_key_enable(const struct command_args *a);
int command_key_delete(const struct command_args *a);
int command_credit_grant(const struct command_args *a);
int command_credit_show(const struct command_args *a);
int command_account_create(const struct command_args *a);
int command_account_list(const struct command_args *a);
int command_account_disable(const struct command_args *a);
int command_account_policy(const struct command_args *a);
int command_user_list(const struct command_args *a);
int command_user_disable(const struct command_args *a);
int command_user_enable(const struct command_args *a);
int command_user_link(const struct command_args *a);
int command_ip_add(const struct command_args *a);
int command_ip_list(const struct command_args *a);
int command_ip_delete(const struct command_args *a);
int command_audit_list(const struct command_args *a);
int command_ledger_verify(const struct command_args *a);
int command_exposure_list(const struct command_args *a);
int command_exposure_policy(const struct command_args *a);
int command_federation_add(const struct command_args *a);
int command_federation_list(const struct command_args *a);
int command_federation_show(const struct command_args *a);
int command_federation_disable(const struct command_args *a);
int command_federation_enable(const struct command_args *a);
int command_federation_delete(const struct command_args *a);
int command_federation_rotate(const struct command_args *a);
int command_mail_test(const struct command_args *a);
int command_scan(const struct command_args *a);
int command_config_check(const struct command_args *a);
int command_config_show(const struct command_args *a);
int command_version(const struct command_args *a);

/* Tells that the command was used wrongly; the exit status for it. */
int command_misused(const struct command_args *a, const char *fmt, ...) PRINTF(2, 3);
/* Tells of a failure; the exit status for it. */
int command_failed(const struct fault *f);

/* What commands that work on the store share. */
struct command_session {
    struct config config;
    struct store *store;
    struct fault fault;
    struct buf out;
    struct json_writer json; /* writes to `out` */
};
/* The exit status: anything but EXIT_DONE has been told, and nothing is open. */
int command_session_open(struct command_session *s, const struct command_args *a) MUST_USE;
/* Runs the call; its fault goes to s->fault. */
enum err command_call(struct command_session *s, struct store_call *c,
                      enum store_need need) MUST_USE;
/* The same, recorded in the audit log with what it does; detail: JSON, or "". */
enum err command_call_audited(struct command_session *s, struct store_call *c, enum store_need need,
                              int64_t account_id, const char *action, struct str target,
                              struct str detail) MUST_USE;
/* The account that --account names, or the first one, made where there is none. */
enum err command_account(struct command_session *s, const struct command_args *a,
                         struct account *out) MUST_USE;
/* Closes. With ERR_OK prints `out` (one line of JSON), else tells the fault. The exit status. */
int command_session_close(struct command_session *s, enum err e);
/* Prints to standard output and releases the buffer. The exit status. */
int command_print(struct buf *out);

#endif
