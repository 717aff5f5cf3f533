#include "app/cli.h"

#include <stdarg.h>
#include <stdio.h>

#include "app/commands.h"
#include "app/config_yaml.h"

enum { SHOWN_MAX = 60, NAMES_MAX = 32 };

#define OPTIONS_OF_ALL (1u << OPTION_CONFIG | 1u << OPTION_DATA | 1u << OPTION_HELP)

static const struct {
    const char *name, *value, *summary; /* value NULL: it takes none */
} options[OPTION__COUNT] = {
    [OPTION_CONFIG] = {"--config", "FILE",
                       "the configuration file (TURNPIKE_CONFIG; ./turnpike.yaml if it is there)"},
    [OPTION_DATA] = {"--data", "DIR", "where the data is (TURNPIKE_DATA; ./data)"},
    [OPTION_LISTEN] = {"--listen", "HOST:PORT",
                       "where to listen (TURNPIKE_LISTEN; 127.0.0.1:8080)"},
    [OPTION_WORKERS] = {"--workers", "N", "threads that serve (one a processor)"},
    [OPTION_NAME] = {"--name", "NAME", "what people call the key"},
    [OPTION_LIMIT] = {"--limit", "USD", "the most it may spend"},
    [OPTION_LIMIT_RESET] = {"--limit-reset", "daily|weekly|monthly",
                            "how often the limit begins anew (UTC)"},
    [OPTION_EXPIRES_AT] = {"--expires-at", "TIME", "when it ends: 2027-01-31T23:59:59Z"},
    [OPTION_MANAGEMENT] = {"--management", NULL, "a key that administers and never spends"},
    [OPTION_ACCOUNT] = {"--account", "EMAIL", "the account that is meant (the first one)"},
    [OPTION_NOTE] = {"--note", "TEXT", "why"},
    [OPTION_ALLOWED_MODELS] = {"--allowed-models", "ID,ID,...",
                               "the models it may use: openai/gpt-4o-mini, or openai/*"},
    [OPTION_ALLOWED_PROVIDERS] = {"--allowed-providers", "NAME,NAME,...",
                                  "the providers it may use"},
    [OPTION_RATE_REQUESTS] = {"--rate-requests", "N", "the most requests a minute"},
    [OPTION_RATE_TOKENS] = {"--rate-tokens", "N", "the most tokens a minute"},
    [OPTION_LABEL] = {"--label", "TEXT", "what it is"},
    [OPTION_ACTION] = {"--action", "ACTION", "only such acts: key.create"},
    [OPTION_TARGET] = {"--target", "TEXT", "only acts on this: a key's hash"},
    [OPTION_MAX_KEY_LIFETIME] = {"--max-key-lifetime", "DAYS|none",
                                 "how long the account's keys may live at most"},
    [OPTION_KEYS] = {"--keys", NULL, "and all keys that they made"},
    [OPTION_ISSUER] = {"--issuer", "URL", "who issues the tokens: their iss, exactly"},
    [OPTION_JWKS_URL] = {"--jwks-url", "URL",
                         "where its keys are (as its discovery document says)"},
    [OPTION_AUDIENCE] = {"--audience", "TEXT", "what must be among their aud"},
    [OPTION_SUBJECT] = {"--subject", "TEXT", "their sub, or with a '*' behind it its beginning"},
    [OPTION_CLAIMS] = {"--claims", "JSON", "what else they must say: {\"repository\":\"o/r\"}"},
    [OPTION_KEY] = {"--key", "HASH", "the key as which the access tokens act"},
    [OPTION_MAX_LIFETIME] = {"--max-lifetime", "SECONDS",
                             "how long an access token lives at most (900)"},
    [OPTION_HELP] = {"--help", NULL, "this text"},
};

/* --- names --- */

/* The first word of a name: the command's group. */
static struct str group_of(const struct command *c)
{
    struct str name = str_c(c->name);
    return str_cut(&name, ' ');
}

/* The distinct first words, or with a group its second words. */
static size_t names_in(struct str group, const char *names[NAMES_MAX], char room[NAMES_MAX][16])
{
    const struct command *c;
    size_t n = 0;
    for (size_t i = 0; (c = command_at(i)); i++) {
        struct str rest = str_c(c->name), word = str_cut(&rest, ' ');
        if (group.n && !str_eq(word, group))
            continue;
        if (group.n)
            word = rest;
        if (word.n == 0 || (n && str_eq(word, str_c(names[n - 1]))))
            continue;
        BUG_ON(n == NAMES_MAX || word.n >= sizeof room[0]);
        memcpy(room[n], word.p, word.n);
        room[n][word.n] = '\0';
        names[n] = room[n];
        n++;
    }
    return n;
}

static void print_names(const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fprintf(stderr, "%s%s", i ? ", " : "", names[i]);
}

/* --- help --- */

static void print_usage(const struct command *c)
{
    fprintf(stderr, "usage: turnpike %s%s%s", c->name, c->words[0] ? " " : "", c->words);
    for (int o = 0; o < OPTION__COUNT; o++) {
        if (c->options & 1u << o)
            fprintf(stderr, options[o].value ? " [%s %s]" : " [%s]", options[o].name,
                    options[o].value);
    }
    fprintf(stderr, " [--config FILE] [--data DIR]\n");
}

static void print_command(const struct command *c)
{
    print_usage(c);
    fprintf(stderr, "\n%s\n\n", c->summary);
    for (int o = 0; o < OPTION__COUNT; o++) {
        char left[48];
        if (!((c->options | OPTIONS_OF_ALL) & 1u << o))
            continue;
        snprintf(left, sizeof left, "%s %s", options[o].name,
                 options[o].value ? options[o].value : "");
        fprintf(stderr, "  %-36s %s\n", left, options[o].summary);
    }
}

/* All commands, or those of a group. */
static void print_list(struct str group)
{
    const struct command *c;
    fprintf(stderr, "usage: turnpike COMMAND [OPTION...]\n\n");
    for (size_t i = 0; (c = command_at(i)); i++) {
        char left[48];
        if (group.n && !str_eq(group, group_of(c)))
            continue;
        snprintf(left, sizeof left, "%s %s", c->name, c->words);
        fprintf(stderr, "  %-24s %s\n", left, c->summary);
    }
    fprintf(stderr, "\n'turnpike COMMAND --help' tells a command's options. Exit status: 0 done, 1 "
                    "failed, 2 used wrongly.\n");
}

/* --- finding --- */

/* The command that the words begin with; *used: how many words its name takes. */
static const struct command *find(const struct str *words, size_t n, size_t *used)
{
    const struct command *c;
    for (size_t i = 0; n && (c = command_at(i)); i++) {
        struct str rest = str_c(c->name), first = str_cut(&rest, ' ');
        *used = rest.n ? 2 : 1;
        if (str_eq(words[0], first) && (!rest.n || (n > 1 && str_eq(words[1], rest))))
            return c;
    }
    return NULL;
}

static int unknown_command(const struct str *words, size_t n)
{
    const char *names[NAMES_MAX];
    char room[NAMES_MAX][16];
    size_t in_group = names_in(words[0], names, room);
    if (in_group && n == 1) {
        fprintf(stderr, "turnpike: %.*s what? ", STR_ARG(words[0]));
    } else {
        struct str wrong = str_head(in_group ? words[1] : words[0], SHOWN_MAX);
        if (!in_group)
            in_group = names_in(STR_NONE, names, room);
        fprintf(stderr, "turnpike: unknown command '%.*s'; did you mean '%s'? ", STR_ARG(wrong),
                config_nearest(wrong, names, in_group));
    }
    fprintf(stderr, "There are: ");
    print_names(names, in_group);
    fprintf(stderr, "\n");
    return EXIT_MISUSED;
}

/* --- options --- */

static int unknown_option(struct str name)
{
    const char *names[OPTION__COUNT];
    for (int o = 0; o < OPTION__COUNT; o++)
        names[o] = options[o].name;
    fprintf(stderr, "turnpike: unknown option '%.*s'; did you mean '%s'?\n",
            STR_ARG(str_head(name, SHOWN_MAX)), config_nearest(name, names, OPTION__COUNT));
    return EXIT_MISUSED;
}

/* Reads the option at argv[*at] and its value; *at then stands on the last argument used. */
static int read_option(struct command_args *a, int argc, char **argv, int *at)
{
    struct str value = str_c(argv[*at]), name = str_cut(&value, '=');
    int o = 0;
    while (o < OPTION__COUNT && !str_eq(name, str_c(options[o].name)))
        o++;
    if (o == OPTION__COUNT)
        return unknown_option(name);
    bool has_next = *at + 1 < argc && !str_starts(str_c(argv[*at + 1]), STR("--"));
    if (options[o].value && !value.p && has_next)
        value = str_c(argv[++*at]);
    if (options[o].value && !value.n)
        return command_misused(a, "%s needs a value: %s %s", options[o].name, options[o].name,
                               options[o].value);
    if (!options[o].value && value.p)
        return command_misused(a, "%s takes no value", options[o].name);
    if (a->options[o].p)
        return command_misused(a, "%s is there twice", options[o].name);
    a->options[o] = value.p ? value : STR("yes");
    return EXIT_DONE;
}

static int read_arguments(struct command_args *a, int argc, char **argv)
{
    bool only_words = false;
    int status = EXIT_DONE;
    for (int i = 1; i < argc && status == EXIT_DONE; i++) {
        struct str arg = str_c(argv[i]);
        if (!only_words && str_eq(arg, STR("--")))
            only_words = true;
        else if (!only_words && str_eq(arg, STR("-h")))
            a->options[OPTION_HELP] = arg;
        else if (i == 1 && (str_eq(arg, STR("--version")) || str_eq(arg, STR("-V"))))
            a->words[a->words_n++] = STR("version"); /* as people ask elsewhere */
        else if (!only_words && arg.n > 1 && arg.p[0] == '-')
            status = read_option(a, argc, argv, &i);
        else if (a->words_n == WORDS_MAX)
            status = command_misused(a, "too many words");
        else
            a->words[a->words_n++] = arg;
    }
    return status;
}

static void drop_words(struct command_args *a, size_t n)
{
    a->words_n -= n;
    memmove(a->words, a->words + n, a->words_n * sizeof a->words[0]);
}

static int check_arguments(const struct command_args *a)
{
    const struct command *c = a->command;
    size_t most = c->words[0] != '\0', least = most && c->words[0] != '[';
    if (str_ends(str_c(c->words), STR("...")))
        most = WORDS_MAX;
    for (int o = 0; o < OPTION__COUNT; o++) {
        if (a->options[o].p && !((c->options | OPTIONS_OF_ALL) & 1u << o))
            return command_misused(a, "it takes no %s", options[o].name);
    }
    if (a->words_n < least)
        return command_misused(a, "%s is missing", c->words);
    if (a->words_n > most)
        return command_misused(a, "'%.*s' is too much",
                               STR_ARG(str_head(a->words[most], SHOWN_MAX)));
    return EXIT_DONE;
}

static int help(struct command_args *a)
{
    size_t used;
    struct str group = a->words_n ? a->words[0] : STR_NONE;
    const char *names[NAMES_MAX];
    char room[NAMES_MAX][16];
    const struct command *c = find(a->words, a->words_n, &used);
    if (c)
        print_command(c);
    else if (group.n && (a->words_n > 1 || names_in(group, names, room) == 0))
        return unknown_command(a->words, a->words_n);
    else
        print_list(group);
    return EXIT_DONE;
}

int command_misused(const struct command_args *a, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "turnpike%s%s: ", a->command ? " " : "", a->command ? a->command->name : "");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    if (a->command)
        print_usage(a->command);
    return EXIT_MISUSED;
}

int app_main(int argc, char **argv)
{
    struct command_args a = {0};
    size_t used;
    int status = read_arguments(&a, argc, argv);
    if (status != EXIT_DONE)
        return status;
    bool asks = a.words_n && str_eq(a.words[0], STR("help"));
    if (asks)
        drop_words(&a, 1);
    if (asks || a.options[OPTION_HELP].p)
        return help(&a);
    if (a.words_n == 0) {
        print_list(STR_NONE);
        return EXIT_MISUSED;
    }
    a.command = find(a.words, a.words_n, &used);
    if (!a.command)
        return unknown_command(a.words, a.words_n);
    drop_words(&a, used);
    status = check_arguments(&a);
    a.flags = (struct config_flags){.config = a.options[OPTION_CONFIG],
                                    .listen = a.options[OPTION_LISTEN],
                                    .data = a.options[OPTION_DATA],
                                    .workers = a.options[OPTION_WORKERS]};
    return status == EXIT_DONE ? a.command->run(&a) : status;
}
