#include "auth/principal.h"

#include <stdlib.h>

struct principal *principal_ref(struct principal *p)
{
    p->refs++;
    return p;
}

void principal_unref(struct principal *p)
{
    if (!p || --p->refs > 0)
        return;
    for (int i = 0; p->line && i < p->key.depth; i++) {
        text_unref(p->line[i].models);
        text_unref(p->line[i].providers);
    }
    key_release(&p->key);
    free(p->line);
    free(p->ranges);
    free(p);
}

/* --- from its row -------------------------------------------------------------------------------- */

static bool keep_line(struct principal *p, const struct store_key_get *row)
{
    size_t n = (size_t)row->key.depth;
    if (n == 0)
        return true;
    p->line = reallocarray(NULL, n, sizeof *p->line);
    for (size_t i = 0; p->line && i < n; i++) {
        p->line[i] = row->line[i];
        text_ref(p->line[i].models);
        text_ref(p->line[i].providers);
    }
    return p->line != NULL;
}

static void note_bounds(struct principal *p, const struct store_key_get *row)
{
    const struct key *k = &row->key;
    p->has_rules = k->models || k->providers;
    p->has_rates = k->rate_requests || k->rate_tokens;
    for (int i = 0; i < k->depth; i++) {
        const struct key_link *l = &row->line[i];
        p->has_rules |= l->models || l->providers;
        p->has_rates |= l->rate_requests || l->rate_tokens;
    }
}

/* A range that cannot be read lets nobody in. */
static bool keep_ranges(struct principal *p, struct str list)
{
    size_t most = 0;
    for (size_t i = 0; i < list.n; i++)
        most += list.p[i] == '\n';
    if (most == 0)
        return true;
    p->ranges = reallocarray(NULL, most, sizeof *p->ranges);
    while (p->ranges && list.n) {
        if (cidr_parse(str_cut(&list, '\n'), &p->ranges[p->ranges_n]))
            p->ranges_n++;
    }
    return p->ranges != NULL;
}

struct principal *principal_make(struct ledger *ledger, const struct store_key_get *row)
{
    struct principal *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->refs = 1;
    list_init(&p->link);
    list_init(&p->line_link);
    list_init(&p->used_link);
    p->key = row->key;
    text_ref(p->key.models);
    text_ref(p->key.providers);
    p->account_disabled = row->account.disabled;
    note_bounds(p, row);
    p->key_lifetime_ms = row->account.key_lifetime_ms;
    bool has_all = keep_line(p, row) && keep_ranges(p, text_view(row->account.ip_ranges));
    p->account_budget = has_all ? ledger_account(ledger, &row->account) : NULL;
    p->key_budget = p->account_budget ? ledger_key(ledger, &row->key, row->line) : NULL;
    if (p->key_budget)
        return p;
    principal_unref(p);
    return NULL;
}

/* --- its line ------------------------------------------------------------------------------------ */

bool principal_is_below(const struct principal *p, const uint8_t hash[KEY_HASH_BYTES])
{
    for (int i = 0; i < p->key.depth; i++) {
        if (memcmp(p->line[i].hash, hash, KEY_HASH_BYTES) == 0)
            return true;
    }
    return false;
}

enum err principal_judge_line(const struct principal *p, int64_t now_ms, struct fault *f)
{
    for (int i = 0; i < p->key.depth; i++) {
        const struct key_link *l = &p->line[i];
        bool has_expired = l->expires_ms && l->expires_ms <= now_ms;
        if (l->is_deleted || l->disabled || has_expired)
            return fault_set(f, ERR_AUTH, "A key that this API key comes from %s",
                             l->is_deleted ? "was deleted"
                             : l->disabled ? "is disabled"
                                           : "has expired");
    }
    return ERR_OK;
}
