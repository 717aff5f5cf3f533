/* account.c: what a key and its account have left: the ledger's own figures. */
#include "api/internal.h"

static void write_usd_or_null(struct json_writer *w, const char *key, nanos n)
{
    if (n == NO_LIMIT)
        jw_null(w, key);
    else
        jw_usd(w, key, n);
}

static void write_usage(struct json_writer *w, const struct usage *u, int64_t now)
{
    static const char *const keys[WINDOW__COUNT] = {"usage", "usage_daily", "usage_weekly",
                                                    "usage_monthly"};
    static const char *const byok[WINDOW__COUNT] = {"byok_usage", "byok_usage_daily",
                                                    "byok_usage_weekly", "byok_usage_monthly"};
    for (int i = 0; i < WINDOW__COUNT; i++)
        jw_usd(w, keys[i], usage_at(u, (enum window)i, now));
    for (int i = 0; i < WINDOW__COUNT; i++)
        jw_usd(w, byok[i], 0);
}

static void write_expiry(struct json_writer *w, int64_t expires_ms)
{
    char room[CLOCK_ISO_MAX];
    if (expires_ms)
        jw_str(w, "expires_at", clock_iso(expires_ms, room));
    else
        jw_null(w, "expires_at");
}

/* Old clients look for it: there is no limit on the number of requests. */
static void write_rate_limit(struct json_writer *w)
{
    jw_object(w, "rate_limit");
    jw_i64(w, "requests", -1);
    jw_str_c(w, "interval", "10s");
    jw_str_c(w, "note", "This field is deprecated and safe to ignore.");
    jw_end(w);
}

/* There is no free tier here: clients want the figures all the same. */
static void write_free_requests(struct json_writer *w)
{
    jw_object(w, "free_model_daily_requests");
    jw_u64(w, "limit", 0);
    jw_u64(w, "used", 0);
    jw_u64(w, "remaining", 0);
    jw_end(w);
}

void api_key(struct api_request *q)
{
    const struct key *k = &q->who->key;
    int64_t now = clock_wall_ms();
    struct budget_view v;
    struct json_writer w;
    budget_view(q->who->key_budget, now, &v);
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    jw_object(&w, "data");
    jw_str_c(&w, "label", k->label);
    write_usd_or_null(&w, "limit", v.limit);
    write_usd_or_null(&w, "limit_remaining", v.limit == NO_LIMIT ? NO_LIMIT : v.remaining);
    jw_str_c(&w, "limit_reset", window_name(v.reset));
    jw_bool(&w, "include_byok_in_limit", k->include_byok);
    write_usage(&w, &v.usage, now);
    write_expiry(&w, k->expires_ms);
    jw_bool(&w, "is_free_tier", false);
    jw_bool(&w, "is_management_key", k->is_management);
    jw_bool(&w, "is_provisioning_key", k->is_management);
    jw_str_c(&w, "creator_user_id", k->creator[0] ? k->creator : NULL);
    jw_null(&w, "organization_id");
    jw_null(&w, "workspace_id");
    jw_array(&w, "allowed_data_regions");
    jw_str_c(&w, NULL, "global");
    jw_end(&w);
    write_free_requests(&w);
    write_rate_limit(&w);
    jw_finish(&w);
    api_reply_buf(q, 200);
}

static void show_credits(struct api_request *q, struct budget *account)
{
    struct budget_view v;
    struct json_writer w;
    budget_view(account, clock_wall_ms(), &v);
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    jw_object(&w, "data");
    jw_usd(&w, "total_credits", v.limit);
    jw_usd(&w, "total_usage", v.usage.in[WINDOW_NONE]);
    jw_finish(&w);
    api_reply_buf(q, 200);
}

static void on_account(struct api_request *q)
{
    struct store_account_get *get = q->state;
    struct budget *b = NULL;
    account_release(&get->account);
    if (get->call.err == ERR_OK)
        b = ledger_account(q->api->w->shared->ledger, &get->account);
    if (get->call.err != ERR_OK)
        api_fault(q, &get->call.fault);
    else if (!b)
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
    else
        show_credits(q, b);
}

/* The account of a person may not be loaded yet. */
void api_credits(struct api_request *q)
{
    if (q->who) {
        show_credits(q, q->who->account_budget);
        return;
    }
    struct store_account_get *get = api_state(q, sizeof *get);
    if (!get)
        return;
    get->id = q->account_id;
    api_store(q, &get->call, STORE_ACCOUNT_GET, on_account);
}
