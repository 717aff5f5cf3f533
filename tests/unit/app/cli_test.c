#include "unit/unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/commands.h"
#include "auth/key.h"
#include "base/codec.h"
#include "catalog/kind.h"
#include "json/read.h"

static char folder[64], out[65536], err[65536];

static void unset(const char *variable)
{
    if (variable)
        unsetenv(variable);
}

static int enter(void **state)
{
    const struct kind *k;
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/turnpike-cli-XXXXXX");
    for (unsigned i = 0; (k = kind_at(i)); i++) {
        unset(k->key_variable);
        unset(k->address_variable);
    }
    unsetenv("TURNPIKE_CONFIG");
    unsetenv("TURNPIKE_DATA");
    unsetenv("TURNPIKE_LISTEN");
    return !mkdtemp(folder) || chdir(folder);
}

static int drop(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static int leave(void **state)
{
    (void)state;
    return chdir("/") || nftw(folder, drop, 8, FTW_DEPTH | FTW_PHYS);
}

static void read_back(const char *name, char *text, size_t max)
{
    int fd = open(name, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = read(fd, text, max - 1);
    assert_true(n >= 0);
    text[n] = '\0';
    close(fd);
    unlink(name);
}

static void redirect(int fd, const char *name, int *saved)
{
    int to = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    *saved = dup(fd);
    assert_true(to >= 0 && *saved >= 0 && dup2(to, fd) >= 0);
    close(to);
}

/* What it says is in out and err. */
static int run_words(int argc, char **argv)
{
    int saved_out, saved_err;
    fflush(stdout);
    redirect(STDOUT_FILENO, "out", &saved_out);
    redirect(STDERR_FILENO, "err", &saved_err);
    int status = app_main(argc, argv);
    fflush(stdout);
    dup2(saved_out, STDOUT_FILENO);
    dup2(saved_err, STDERR_FILENO);
    close(saved_out);
    close(saved_err);
    read_back("out", out, sizeof out);
    read_back("err", err, sizeof err);
    return status;
}

/* A command line, its words separated by '|'. */
static int run(const char *line)
{
    static char words[4096];
    char *argv[32] = {"turnpike"}, *rest = words, *word;
    int argc = 1;
    snprintf(words, sizeof words, "%s", line);
    while (*line && (word = strsep(&rest, "|")))
        argv[argc++] = word;
    return run_words(argc, argv);
}

#define assert_has(text, part)                                                                     \
    do {                                                                                           \
        if (!strstr(text, part))                                                                   \
            fail_msg("no '%s' in:\n%s", part, text);                                               \
    } while (0)

/* The string at `outer`.`inner` of what was printed. */
static const char *printed(const char *outer, const char *inner)
{
    static char text[512];
    struct json_tape tape;
    struct json root;
    struct fault f;
    json_tape_init(&tape, 10000);
    if (json_parse(&tape, str_of(out, strcspn(out, "\n")), &root, &f) != ERR_OK)
        fail_msg("not JSON (%s): %s", f.message, out);
    struct json v = json_get(root, str_c(outer));
    if (inner)
        v = json_get(v, str_c(inner));
    struct str s = json_is(v, JSON_STRING) ? json_raw_str(v) : json_raw(v);
    snprintf(text, sizeof text, "%.*s", STR_ARG(s));
    json_tape_release(&tape);
    return text;
}

static void misuse_is_told_with_the_nearest_name_and_status_2(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "usage: turnpike COMMAND"},
        {"kye", "turnpike: unknown command 'kye'; did you mean 'key'? There are: serve, key, "
                "credit, account, "},
        {"scna|.", "turnpike: unknown command 'scna'; did you mean 'scan'"},
        {"scan", "turnpike scan: PATH... is missing"},
        {"scan|/nowhere", "0 files"},
        {"key", "turnpike: key what? There are: create, list, show, disable, enable, delete\n"},
        {"key|lsit",
         "turnpike: unknown command 'lsit'; did you mean 'list'? There are: create, list,"},
        {"key|list|--dta|x", "turnpike: unknown option '--dta'; did you mean '--data'?\n"},
        {"key|list|-x", "turnpike: unknown option '-x'; did you mean '"},
        {"key|list|--data", "turnpike: --data needs a value: --data DIR\n"},
        {"key|list|--data=", "turnpike: --data needs a value: --data DIR\n"},
        {"key|list|--data|a|--data|b", "turnpike: --data is there twice\n"},
        {"key|create|--management=yes", "turnpike: --management takes no value\n"},
        {"key|list|--limit|5",
         "turnpike key list: it takes no --limit\nusage: turnpike key list [--config FILE]"},
        {"key|list|x", "turnpike key list: 'x' is too much\n"},
        {"key|show", "turnpike key show: HASH is missing\nusage: turnpike key show HASH"},
        {"key|show|sk-tp-v1-abc",
         "turnpike key show: HASH must be the key's hash, 64 lowercase hexadecimal digits"},
        {"key|create", "turnpike key create: --name is missing\n"},
        {"key|create|--name|x|--limit|1e3",
         "turnpike key create: --limit must be dollars such as 12.50"},
        {"key|create|--name|x|--limit|-1",
         "turnpike key create: --limit must be dollars such as 12.50"},
        {"key|create|--name|x|--limit-reset|daily",
         "turnpike key create: --limit-reset needs --limit\n"},
        {"key|create|--name|x|--limit|1|--limit-reset|hourly",
         "--limit-reset must be daily, weekly or monthly\n"},
        {"key|create|--name|x|--expires-at|tomorrow",
         "--expires-at must be a time in UTC such as 2027-01-31T23:59:59Z\n"},
        {"key|create|--name|x|--expires-at|1970-01-01T00:00:00Z",
         "--expires-at must be a time that is yet to come\n"},
        {"key|create|--name|x|--management|--limit|1",
         "a management key spends nothing: --limit makes no sense\n"},
        {"credit|grant", "turnpike credit grant: USD is missing\n"},
        {"credit|grant|0", "turnpike credit grant: USD must be dollars above zero"},
        {"credit|grant|0.0000000001", "turnpike credit grant: USD must be dollars above zero"},
        {"account|create|nobody",
         "turnpike account create: EMAIL must be an address such as someone@example.com\n"},
        {"account|create|a@b@c", "turnpike account create: EMAIL must be an address"},
        {"sim", "turnpike sim: --listen is missing\n"},
        {"sim|--listen|8080", "turnpike sim: --listen must be HOST:PORT"},
        {"config|check|--workers|none",
         "turnpike: --workers: workers must be a whole number from 1 to 64, not text\n"},
        {"serve|--workers|0",
         "turnpike: --workers: workers must be a whole number from 1 to 64, not this number\n"},
        {"serve|--listen|8080", "turnpike: --listen: listen must be "},
        {"help|nothing", "turnpike: unknown command 'nothing'; did you mean '"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int status = run(rows[i][0]);
        if (status != EXIT_MISUSED)
            fail_msg("%s: status %d", rows[i][0], status);
        assert_has(err, rows[i][1]);
        assert_string_equal(out, "");
        assert_int_equal(access("data", F_OK), -1); /* nothing was begun */
    }
}

static void too_many_words_are_told(void **state)
{
    enum { MANY = WORDS_MAX + 3 };
    char *argv[MANY] = {"turnpike", "scan"};
    (void)state;
    for (int i = 2; i < MANY; i++)
        argv[i] = "x";
    assert_int_equal(run_words(MANY, argv), EXIT_MISUSED);
    assert_has(err, "turnpike: too many words\n");
}

static void help_is_everywhere(void **state)
{
    (void)state;
    char line[64];
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++) {
        snprintf(line, sizeof line, "%s|--help", c->name);
        for (char *p = line; *p; p++)
            *p = *p == ' ' ? '|' : *p;
        assert_int_equal(run(line), EXIT_DONE);
        assert_has(err, "usage: turnpike ");
        assert_has(err, c->summary);
        assert_has(err, "--config FILE");
    }
    assert_int_equal(run("help"), EXIT_DONE);
    assert_has(err, "ledger verify");
    assert_int_equal(run("--help"), EXIT_DONE);
    assert_has(err, "ledger verify");
    assert_int_equal(run("help|key"), EXIT_DONE);
    assert_has(err, "key create");
    assert_null(strstr(err, "ledger verify"));
    assert_int_equal(run("key|-h"), EXIT_DONE);
    assert_int_equal(run("help|key|create"), EXIT_DONE);
    assert_has(err, "--limit-reset daily|weekly|monthly");
}

static void every_command_is_named_and_summarised(void **state)
{
    (void)state;
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++)
        assert_true(c->name[0] && c->summary[0] && c->words && c->run);
}

static void a_key_is_made_shown_disabled_and_deleted(void **state)
{
    (void)state;
    char text[KEY_TEXT_MAX + 1], hash[65], line[256];
    uint8_t digest[KEY_HASH_BYTES];
    assert_int_equal(run("key|create|--name|my "
                         "key|--limit=2.5|--limit-reset|weekly|--expires-at|2099-01-31T23:59:59Z"),
                     EXIT_DONE);
    assert_string_equal(err, "");
    assert_string_equal(printed("data", "name"), "my key");
    assert_string_equal(printed("data", "limit"), "2.5");
    assert_string_equal(printed("data", "limit_remaining"), "2.5");
    assert_string_equal(printed("data", "limit_reset"), "weekly");
    assert_string_equal(printed("data", "expires_at"), "2099-01-31T23:59:59Z");
    assert_string_equal(printed("data", "disabled"), "false");
    snprintf(text, sizeof text, "%s", printed("key", NULL));
    snprintf(hash, sizeof hash, "%s", printed("data", "hash"));
    assert_int_equal(key_shape(str_c(text), STR("sk-tp-v1-")), KEY_SHAPE_INFERENCE);
    key_hash(str_c(text), digest);
    uint8_t shown[KEY_HASH_BYTES];
    assert_true(hex_decode(shown, sizeof shown, str_c(hash)));
    assert_memory_equal(shown, digest, sizeof digest);

    snprintf(line, sizeof line, "key|show|%s", hash);
    assert_int_equal(run(line), EXIT_DONE);
    assert_string_equal(printed("data", "name"), "my key");
    assert_null(strstr(out, text));
    snprintf(line, sizeof line, "key|disable|%s", hash);
    assert_int_equal(run(line), EXIT_DONE);
    assert_string_equal(printed("data", "disabled"), "true");
    assert_int_equal(run("key|list"), EXIT_DONE);
    assert_has(out, hash);
    snprintf(line, sizeof line, "key|enable|%s", hash);
    assert_int_equal(run(line), EXIT_DONE);
    assert_string_equal(printed("data", "disabled"), "false");
    snprintf(line, sizeof line, "key|delete|%s", hash);
    assert_int_equal(run(line), EXIT_DONE);
    assert_string_equal(out, "{\"deleted\":true}\n");
    assert_int_equal(run(line), EXIT_FAILED);
    assert_has(err, "turnpike: there is no such key\n");
    assert_string_equal(out, "");
    assert_int_equal(run("key|list"), EXIT_DONE);
    assert_string_equal(out, "{\"data\":[]}\n");
}

static void a_management_key_has_its_own_prefix(void **state)
{
    (void)state;
    assert_int_equal(run("key|create|--management|--name|admin"), EXIT_DONE);
    assert_int_equal(key_shape(str_c(printed("key", NULL)), STR("sk-tp-v1-")),
                     KEY_SHAPE_MANAGEMENT);
    assert_string_equal(printed("data", "limit"), "null");
}

static void credit_goes_to_the_first_account_or_the_one_named(void **state)
{
    (void)state;
    assert_int_equal(run("credit|grant|12.000000001|--note|a gift"), EXIT_DONE);
    assert_string_equal(printed("data", "total_credits"), "12.000000001");
    assert_string_equal(printed("data", "total_usage"), "0");
    assert_string_equal(printed("data", "email"), "owner@localhost");
    assert_int_equal(run("account|create|two@example.com"), EXIT_DONE);
    assert_int_equal(run("account|create|two@example.com"), EXIT_FAILED);
    assert_has(err, "turnpike: there is an account two@example.com already\n");
    assert_int_equal(run("credit|grant|3|--account|two@example.com"), EXIT_DONE);
    assert_int_equal(run("credit|grant|4|--account|two@example.com"), EXIT_DONE);
    assert_string_equal(printed("data", "total_credits"), "7");
    assert_int_equal(run("credit|show"), EXIT_DONE);
    assert_string_equal(printed("data", "total_credits"), "12.000000001");
    assert_int_equal(run("credit|grant|1|--account|three@example.com"), EXIT_FAILED);
    assert_has(err, "turnpike: there is no account three@example.com\n");
    assert_int_equal(run("account|disable|two@example.com"), EXIT_DONE);
    assert_string_equal(printed("data", "disabled"), "true");
    assert_int_equal(run("account|list"), EXIT_DONE);
    assert_has(out, "owner@localhost");
    assert_has(out, "two@example.com");
}

static void an_untouched_ledger_verifies(void **state)
{
    (void)state;
    assert_int_equal(run("key|create|--name|x"), EXIT_DONE);
    assert_int_equal(run("ledger|verify"), EXIT_DONE);
    assert_string_equal(out, "{\"generations\":0,\"accounts\":1,\"keys\":1,\"differences\":[]}\n");
}

static void write_config(const char *text)
{
    FILE *f = fopen("turnpike.yaml", "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void the_configuration_is_checked_and_shown(void **state)
{
    (void)state;
    assert_int_equal(run("config|check"), EXIT_DONE);
    assert_string_equal(out, "{\"file\":null,\"providers\":0,\"models\":0}\n");
    write_config("workers: 3\n");
    assert_int_equal(run("config|check"), EXIT_DONE);
    assert_string_equal(out, "{\"file\":\"turnpike.yaml\",\"providers\":0,\"models\":0}\n");
    assert_int_equal(run("config|show|--data|there"), EXIT_DONE);
    assert_has(out, "data: \"there\"  # --data\nworkers: 3  # turnpike.yaml:1\n");
    write_config("wrkers: 3\n");
    assert_int_equal(run("config|check|turnpike.yaml"), EXIT_FAILED);
    assert_string_equal(err, "turnpike: turnpike.yaml:1: unknown setting 'wrkers' in the top "
                             "level; did you mean 'workers'?\n");
    assert_string_equal(out, "");
    assert_int_equal(run("key|list"), EXIT_FAILED);
    write_config("tls: { cert: no.pem, key: no.pem }\n");
    assert_int_equal(run("config|check|turnpike.yaml"), EXIT_FAILED);
    assert_has(err, "cannot use the certificate no.pem: no such file or directory");
    write_config("upstream_ca: none.pem\n");
    assert_int_equal(run("config|check|turnpike.yaml"), EXIT_FAILED);
    assert_has(err, "none.pem");
    assert_int_equal(run("config|check|missing.yaml"), EXIT_FAILED);
    assert_int_equal(access("data", F_OK), -1);
}

static void the_version_is_told(void **state)
{
    (void)state;
    const char *ways[] = {"version", "--version", "-V"};
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        assert_int_equal(run(ways[i]), EXIT_DONE);
        assert_true(strlen(printed("version", NULL)) > 0);
    }
}

#define CLI_TEST(f) cmocka_unit_test_setup_teardown(f, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLI_TEST(misuse_is_told_with_the_nearest_name_and_status_2),
        CLI_TEST(too_many_words_are_told),
        CLI_TEST(help_is_everywhere),
        CLI_TEST(every_command_is_named_and_summarised),
        CLI_TEST(a_key_is_made_shown_disabled_and_deleted),
        CLI_TEST(a_management_key_has_its_own_prefix),
        CLI_TEST(credit_goes_to_the_first_account_or_the_one_named),
        CLI_TEST(an_untouched_ledger_verifies),
        CLI_TEST(the_configuration_is_checked_and_shown),
        CLI_TEST(the_version_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
