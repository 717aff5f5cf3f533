/* cli_key.c: turnpike key ... */
#include <stdlib.h>

#include "app/commands.h"
#include "auth/key.h"
#include "auth/key_json.h"
#include "base/codec.h"

enum { DETAIL_MAX = 64 * 1024 };

/* --- create --- */

static int read_limit(const struct command_args *a, struct key *k)
{
    struct str limit = a->options[OPTION_LIMIT], reset = a->options[OPTION_LIMIT_RESET];
    k->limit = NO_LIMIT;
    if (limit.p && k->is_management)
        return command_misused(a, "a management key spends nothing: --limit makes no sense");
    if (limit.p && !money_parse_usd(limit, &k->limit))
        return command_misused(
            a, "--limit must be dollars such as 12.50, with at most nine digits after the point");
    if (reset.p && !limit.p)
        return command_misused(a, "--limit-reset needs --limit");
    if (reset.p && !window_parse(reset, &k->reset))
        return command_misused(a, "--limit-reset must be daily, weekly or monthly");
    return EXIT_DONE;
}

/* "a,b" as a list with a newline behind each item. */
static int read_list(const struct command_args *a, enum option o, struct text **out)
{
    struct str rest = a->options[o];
    struct buf list;
    bool is_right = true;
    if (!rest.p)
        return EXIT_DONE;
    buf_init(&list, KEY_RULES_MAX);
    while (rest.n && is_right) {
        struct str item = str_trim(str_cut(&rest, ','));
        is_right = item.n != 0 && !memchr(item.p, '\n', item.n);
        buf_add(&list, item);
        buf_add(&list, STR("\n"));
    }
    is_right = is_right && list.failed == ERR_OK;
    *out = is_right ? text_new(buf_view(&list)) : NULL;
    buf_release(&list);
    if (*out)
        return EXIT_DONE;
    return command_misused(a, "%s must be names with commas between them",
                           o == OPTION_ALLOWED_MODELS ? "--allowed-models" : "--allowed-providers");
}

static int read_rate(const struct command_args *a, enum option o, const char *name, uint32_t *out)
{
    struct str s = a->options[o];
    uint64_t n = 0;
    if (s.p && (!str_u64(s, UINT32_MAX, &n) || n == 0))
        return command_misused(a, "%s must be a whole number above zero", name);
    *out = (uint32_t)n;
    return EXIT_DONE;
}

static int read_rules(const struct command_args *a, struct key *k)
{
    int status = read_list(a, OPTION_ALLOWED_MODELS, &k->models);
    if (status == EXIT_DONE)
        status = read_list(a, OPTION_ALLOWED_PROVIDERS, &k->providers);
    if (status == EXIT_DONE)
        status = read_rate(a, OPTION_RATE_REQUESTS, "--rate-requests", &k->rate_requests);
    if (status == EXIT_DONE)
        status = read_rate(a, OPTION_RATE_TOKENS, "--rate-tokens", &k->rate_tokens);
    if (status == EXIT_DONE && k->is_management &&
        (k->models || k->providers || k->rate_requests || k->rate_tokens))
        return command_misused(a, "a management key spends nothing: rules make no sense");
    return status;
}

static struct str hash_text(const uint8_t *hash, char out[2 * KEY_HASH_BYTES])
{
    hex_encode(out, hash, KEY_HASH_BYTES);
    return str_of(out, 2 * (size_t)KEY_HASH_BYTES);
}

static int read_key(const struct command_args *a, struct key *k)
{
    struct str name = a->options[OPTION_NAME], expires = a->options[OPTION_EXPIRES_AT];
    if (!name.n)
        return command_misused(a, "--name is missing");
    if (name.n > KEY_NAME_MAX)
        return command_misused(a, "--name must have at most %d bytes", KEY_NAME_MAX);
    memcpy(k->name, name.p, name.n);
    k->is_management = a->options[OPTION_MANAGEMENT].p;
    if (expires.p && !clock_parse_iso(expires, &k->expires_ms))
        return command_misused(a,
                               "--expires-at must be a time in UTC such as 2027-01-31T23:59:59Z");
    if (expires.p && k->expires_ms <= clock_wall_ms())
        return command_misused(a, "--expires-at must be a time that is yet to come");
    int status = read_limit(a, k);
    return status == EXIT_DONE ? read_rules(a, k) : status;
}

static enum err call_on_record(struct command_session *s, struct store_call *c,
                               enum store_need need, const char *action, const struct key *k)
{
    char hash[2 * KEY_HASH_BYTES];
    struct buf detail;
    struct json_writer w;
    buf_init(&detail, DETAIL_MAX);
    json_writer_init(&w, &detail);
    key_write_terms(&w, k);
    enum err e = jw_finish(&w);
    if (e == ERR_OK)
        e = command_call_audited(s, c, need, k->account_id, action, hash_text(k->hash, hash),
                                 buf_view(&detail));
    buf_release(&detail);
    return e;
}

static enum err create(struct command_session *s, const struct command_args *a, struct key *k)
{
    char text[KEY_TEXT_MAX + 1];
    struct account owner;
    enum err e = command_account(s, a, &owner);
    if (e != ERR_OK)
        return e;
    struct store_key_create call = {.key = *k};
    call.key.account_id = owner.id;
    key_make(s->config.key_prefix, k->is_management, text, &call.key);
    e = call_on_record(s, &call.call, STORE_KEY_CREATE, "key.create", &call.key);
    if (e == ERR_OK) {
        jw_object(&s->json, NULL);
        key_write_json(&s->json, "data", &call.key, clock_wall_ms());
        jw_str_c(&s->json, "key", text);
    }
    explicit_bzero(text, sizeof text);
    return e;
}

int command_key_create(const struct command_args *a)
{
    struct command_session s;
    struct key k = {0};
    int status = read_key(a, &k);
    if (status == EXIT_DONE)
        status = command_session_open(&s, a);
    if (status == EXIT_DONE)
        status = command_session_close(&s, create(&s, a, &k));
    key_release(&k);
    return status;
}

/* --- the others --- */

int command_key_list(const struct command_args *a)
{
    struct command_session s;
    struct store_key_list list = {.include_disabled = true,
                                  .include_expired = true,
                                  .include_management = true,
                                  .include_apps = true,
                                  .include_delegated = true,
                                  .limit = UINT32_MAX};
    int status = command_session_open(&s, a);
    if (status != EXIT_DONE)
        return status;
    enum err e = command_call(&s, &list.call, STORE_KEY_LIST);
    jw_object(&s.json, NULL);
    jw_array(&s.json, "data");
    for (size_t i = 0; e == ERR_OK && i < list.n; i++)
        key_write_json(&s.json, NULL, &list.keys[i], clock_wall_ms());
    store_key_list_release(&list);
    return command_session_close(&s, e);
}

/* Reads HASH and opens. Never echoes it: people will try the key itself. */
static int open_for_hash(struct command_session *s, const struct command_args *a,
                         uint8_t hash[KEY_HASH_BYTES])
{
    if (!hex_decode(hash, KEY_HASH_BYTES, a->words[0]))
        return command_misused(
            a,
            "HASH must be the key's hash, 64 lowercase hexadecimal digits, as 'key list' shows it");
    return command_session_open(s, a);
}

static int close_with_key(struct command_session *s, enum err e, const struct key *k)
{
    if (e == ERR_OK) {
        jw_object(&s->json, NULL);
        key_write_json(&s->json, "data", k, clock_wall_ms());
    }
    return command_session_close(s, e);
}

int command_key_show(const struct command_args *a)
{
    struct command_session s;
    struct store_key_get get = {0};
    int status = open_for_hash(&s, a, get.hash);
    if (status != EXIT_DONE)
        return status;
    enum err e = command_call(&s, &get.call, STORE_KEY_GET);
    int done = close_with_key(&s, e, &get.key);
    store_key_get_release(&get);
    return done;
}

static enum err disable(struct command_session *s, struct store_key_disable *set)
{
    struct store_key_get get = {0};
    char hash[2 * KEY_HASH_BYTES], room[KEY_DISABLED_ROOM];
    memcpy(get.hash, set->hash, KEY_HASH_BYTES);
    enum err e = command_call(s, &get.call, STORE_KEY_GET);
    if (e == ERR_OK)
        e = command_call_audited(s, &set->call, STORE_KEY_DISABLE, get.key.account_id, "key.update",
                                 hash_text(set->hash, hash),
                                 key_disabled_text(&get.key, set->disabled, room));
    store_key_get_release(&get);
    return e;
}

static int set_disabled(const struct command_args *a, bool disabled)
{
    struct command_session s;
    struct store_key_disable set = {.disabled = disabled};
    int status = open_for_hash(&s, a, set.hash);
    if (status != EXIT_DONE)
        return status;
    int done = close_with_key(&s, disable(&s, &set), &set.key);
    key_release(&set.key);
    return done;
}

int command_key_disable(const struct command_args *a)
{
    return set_disabled(a, true);
}

int command_key_enable(const struct command_args *a)
{
    return set_disabled(a, false);
}

int command_key_delete(const struct command_args *a)
{
    struct command_session s;
    struct store_key_get get = {0};
    struct store_key_delete del = {0};
    int status = open_for_hash(&s, a, get.hash);
    if (status != EXIT_DONE)
        return status;
    memcpy(del.hash, get.hash, KEY_HASH_BYTES);
    enum err e = command_call(&s, &get.call, STORE_KEY_GET);
    if (e == ERR_OK)
        e = call_on_record(&s, &del.call, STORE_KEY_DELETE, "key.delete", &get.key);
    store_key_get_release(&get);
    jw_object(&s.json, NULL);
    jw_bool(&s.json, "deleted", true);
    return command_session_close(&s, e);
}
