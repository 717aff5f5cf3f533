#include "auth/key_json.h"

#include "base/codec.h"

static void write_limit(struct json_writer *w, const struct key *k, int64_t now_ms)
{
    if (k->limit == NO_LIMIT) {
        jw_null(w, "limit");
        jw_null(w, "limit_remaining");
    } else {
        nanos used = usage_at(&k->usage, k->reset, now_ms);
        jw_usd(w, "limit", k->limit);
        jw_usd(w, "limit_remaining", used < k->limit ? k->limit - used : 0);
    }
    jw_str_c(w, "limit_reset", window_name(k->reset));
}

static void write_usage(struct json_writer *w, const struct usage *u, int64_t now_ms)
{
    jw_usd(w, "usage", usage_at(u, WINDOW_NONE, now_ms));
    jw_usd(w, "usage_daily", usage_at(u, WINDOW_DAY, now_ms));
    jw_usd(w, "usage_weekly", usage_at(u, WINDOW_WEEK, now_ms));
    jw_usd(w, "usage_monthly", usage_at(u, WINDOW_MONTH, now_ms));
    jw_usd(w, "byok_usage", 0);
    jw_usd(w, "byok_usage_daily", 0);
    jw_usd(w, "byok_usage_weekly", 0);
    jw_usd(w, "byok_usage_monthly", 0);
}

static void write_time(struct json_writer *w, const char *name, int64_t ms)
{
    char room[CLOCK_ISO_MAX];
    if (ms)
        jw_str(w, name, clock_iso(ms, room));
    else
        jw_null(w, name);
}

static void write_text(struct json_writer *w, const char *name, const char *text)
{
    jw_str_c(w, name, text[0] ? text : NULL);
}

void key_write_list(struct json_writer *w, const char *name, struct str list)
{
    if (!list.p) {
        jw_null(w, name);
        return;
    }
    jw_array(w, name);
    while (list.n)
        jw_str(w, NULL, str_cut(&list, '\n'));
    jw_end(w);
}

static void write_rate(struct json_writer *w, const char *name, uint32_t n)
{
    if (n)
        jw_u64(w, name, n);
    else
        jw_null(w, name);
}

void key_write_rates(struct json_writer *w, const char *name, const struct key *k)
{
    if (!k->rate_requests && !k->rate_tokens) {
        jw_null(w, name);
        return;
    }
    jw_object(w, name);
    write_rate(w, "requests_per_minute", k->rate_requests);
    write_rate(w, "tokens_per_minute", k->rate_tokens);
    jw_end(w);
}

void key_write_json(struct json_writer *w, const char *name, const struct key *k, int64_t now_ms)
{
    char hash[2 * KEY_HASH_BYTES];
    hex_encode(hash, k->hash, KEY_HASH_BYTES);
    jw_object(w, name);
    jw_str(w, "hash", str_of(hash, sizeof hash));
    jw_str(w, "name", str_c(k->name));
    jw_str(w, "label", str_c(k->label));
    jw_bool(w, "disabled", k->disabled);
    write_limit(w, k, now_ms);
    jw_bool(w, "include_byok_in_limit", k->include_byok);
    write_usage(w, &k->usage, now_ms);
    write_time(w, "created_at", k->created_ms);
    write_time(w, "updated_at", k->updated_ms);
    write_time(w, "expires_at", k->expires_ms);
    write_time(w, "last_used_at", k->last_used_ms);
    write_text(w, "creator_user_id", k->creator);
    write_text(w, "external_user", k->external_user);
    jw_str(w, "workspace_id", STR(THE_WORKSPACE));
    key_write_list(w, "allowed_models", text_view(k->models));
    key_write_list(w, "allowed_providers", text_view(k->providers));
    key_write_rates(w, "rate_limit", k);
    jw_end(w);
}

void key_write_terms(struct json_writer *w, const struct key *k)
{
    jw_object(w, NULL);
    jw_str_c(w, "name", k->name);
    jw_str_c(w, "label", k->label);
    if (k->is_management)
        jw_bool(w, "management", true);
    if (k->limit != NO_LIMIT)
        jw_usd(w, "limit", k->limit);
    if (k->reset)
        jw_str_c(w, "limit_reset", window_name(k->reset));
    if (k->include_byok)
        jw_bool(w, "include_byok_in_limit", true);
    if (k->expires_ms)
        write_time(w, "expires_at", k->expires_ms);
    if (k->models)
        key_write_list(w, "allowed_models", text_view(k->models));
    if (k->providers)
        key_write_list(w, "allowed_providers", text_view(k->providers));
    if (k->rate_requests || k->rate_tokens)
        key_write_rates(w, "rate_limit", k);
    jw_end(w);
}

struct str key_disabled_text(const struct key *k, bool disabled, char room[KEY_DISABLED_ROOM])
{
    struct buf b = {.p = room, .cap = KEY_DISABLED_ROOM, .max = KEY_DISABLED_ROOM};
    buf_printf(&b, "{\"disabled\":{\"from\":%s,\"to\":%s}}", k->disabled ? "true" : "false",
               disabled ? "true" : "false");
    return buf_view(&b);
}
