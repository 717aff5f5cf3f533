/* cli_key.c: turnpike key ... */
#include <stdlib.h>

#include "app/commands.h"
#include "auth/key.h"
#include "auth/key_json.h"
#include "base/codec.h"

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

static int read_key(const struct command_args *a, struct key *k)
{
    struct str name = a->options[OPTION_NAME], expires = a->options[OPTION_EXPIRES_AT];
    if (!name.n)
        return command_misused(a, "--name is missing");
    if (name.n > KEY_NAME_MAX)
        return command_misused(a, "--name must have at most %d bytes", KEY_NAME_MAX);
    memcpy(k->name, name.p, name.n);
    k->is_management = a->options[OPTION_MANAGEMENT].p;
    if (expires.p && (!clock_parse_iso(expires, &k->expires_ms) || k->expires_ms <= 0))
        return command_misused(a,
                               "--expires-at must be a time in UTC such as 2027-01-31T23:59:59Z");
    return read_limit(a, k);
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
    e = command_call(s, &call.call, STORE_KEY_CREATE);
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
    return status == EXIT_DONE ? command_session_close(&s, create(&s, a, &k)) : status;
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

static int set_disabled(const struct command_args *a, bool disabled)
{
    struct command_session s;
    struct store_key_disable set = {.disabled = disabled};
    int status = open_for_hash(&s, a, set.hash);
    if (status != EXIT_DONE)
        return status;
    enum err e = command_call(&s, &set.call, STORE_KEY_DISABLE);
    int done = close_with_key(&s, e, &set.key);
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
    struct store_key_delete del = {0};
    int status = open_for_hash(&s, a, del.hash);
    if (status != EXIT_DONE)
        return status;
    enum err e = command_call(&s, &del.call, STORE_KEY_DELETE);
    jw_object(&s.json, NULL);
    jw_bool(&s.json, "deleted", true);
    return command_session_close(&s, e);
}
