/* support.h: what the store's tests share: a directory that goes away, calls in one line,
 * generations made up. */
#ifndef TESTS_STORE_SUPPORT_H
#define TESTS_STORE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <dirent.h>
#include <cmocka.h>

#include "base/log.h"
#include "store/store.h"

#define UNUSED __attribute__((unused))

struct dir {
    char path[96];
};

static UNUSED void dir_make(struct dir *d)
{
    snprintf(d->path, sizeof d->path, "/tmp/turnpike-test-XXXXXX");
    assert_non_null(mkdtemp(d->path));
}

static UNUSED void dir_empty(const char *path)
{
    char below[512];
    DIR *d = opendir(path);
    struct dirent *e;
    assert_non_null(d);
    while ((e = readdir(d))) {
        if (str_eq(str_c(e->d_name), STR(".")) || str_eq(str_c(e->d_name), STR("..")))
            continue;
        snprintf(below, sizeof below, "%s/%s", path, e->d_name);
        if (e->d_type == DT_DIR) {
            dir_empty(below);
            assert_int_equal(rmdir(below), 0);
        } else {
            assert_int_equal(unlink(below), 0);
        }
    }
    closedir(d);
}

static UNUSED void dir_remove(struct dir *d)
{
    dir_empty(d->path);
    assert_int_equal(rmdir(d->path), 0);
}

/* Files in `path` whose name ends so. */
static UNUSED unsigned dir_count(const char *path, const char *ending)
{
    unsigned n = 0;
    DIR *d = opendir(path);
    struct dirent *e;
    assert_non_null(d);
    while ((e = readdir(d)))
        n += str_ends(str_c(e->d_name), str_c(ending));
    closedir(d);
    return n;
}

static UNUSED struct store *direct(const struct dir *d)
{
    struct fault f = {0};
    struct store *s = store_open(str_c(d->path), STORE_DIRECT, &f);
    if (!s)
        fail_msg("%s", f.message);
    return s;
}

/* A call in STORE_DIRECT that must succeed. */
static UNUSED void ask(struct store *s, struct store_call *c)
{
    store_submit(s, c);
    if (c->err != ERR_OK)
        fail_msg("%s: %s", err_name(c->err), c->fault.message);
}

static UNUSED struct account make_account(struct store *s, const char *email, nanos credit)
{
    struct store_account_create a = {.call.need = STORE_ACCOUNT_CREATE};
    struct store_credit_grant g = {
        .call.need = STORE_CREDIT_GRANT, .amount = credit, .note = "gift"};
    snprintf(a.account.email, sizeof a.account.email, "%s", email);
    ask(s, &a.call);
    if (!credit)
        return a.account;
    g.account_id = a.account.id;
    ask(s, &g.call);
    return g.account;
}

static UNUSED struct key make_key(struct store *s, int64_t account, uint8_t seed)
{
    struct store_key_create k = {.call.need = STORE_KEY_CREATE};
    k.key.account_id = account;
    memset(k.key.hash, seed, sizeof k.key.hash);
    snprintf(k.key.name, sizeof k.key.name, "key %u", seed);
    snprintf(k.key.label, sizeof k.key.label, "sk-tp-v1-abc...def");
    k.key.limit = NO_LIMIT;
    ask(s, &k.call);
    return k.key;
}

static UNUSED struct key get_key(struct store *s, uint8_t seed)
{
    struct store_key_get g = {.call.need = STORE_KEY_GET};
    memset(g.hash, seed, sizeof g.hash);
    ask(s, &g.call);
    return g.key;
}

static UNUSED struct account get_account(struct store *s, int64_t id)
{
    struct store_account_get g = {.call.need = STORE_ACCOUNT_GET, .id = id};
    ask(s, &g.call);
    return g.account;
}

#define SOME_MS INT64_C(1767225600123) /* 2026-01-01, a Thursday */

static UNUSED struct generation make_generation(int64_t id, int64_t account, int64_t key,
                                                nanos cost)
{
    return (struct generation){
        .id = id,
        .tag = (uint64_t)id * UINT64_C(0x9e3779b97f4a7c15),
        .account_id = account,
        .key_id = key,
        .created_ms = SOME_MS - 1000,
        .settled_ms = SOME_MS,
        .cost = cost,
        .uncollected = 5,
        .tokens_prompt = 1200,
        .tokens_completion = 340,
        .tokens_cached = 100,
        .tokens_cache_write = 20,
        .tokens_reasoning = 30,
        .first_ms = 120,
        .total_ms = 1000,
        .is_streamed = true,
        .is_estimated = true,
        .status = 200,
        .attempts = 2,
        .model = STR("openai/gpt-4o-mini"),
        .provider = STR("OpenAI"),
        .native_model = STR("gpt-4o-mini-2024-07-18"),
        .upstream_id = STR("chatcmpl-AbCdEf0123456789"),
        .request_id = STR("req_0123456789abcdef"),
        .finish_reason = STR("stop"),
        .native_finish_reason = STR("STOP"),
        .referer = STR("https://app.example/"),
        .title = STR("An App"),
        .user_agent = STR("openai-python/1.54.0"),
    };
}

static UNUSED void assert_same_generation(const struct generation *a, const struct generation *b)
{
    assert_int_equal(a->id, b->id);
    assert_true(a->tag == b->tag);
    assert_int_equal(a->account_id, b->account_id);
    assert_int_equal(a->key_id, b->key_id);
    assert_int_equal(a->created_ms, b->created_ms);
    assert_int_equal(a->settled_ms, b->settled_ms);
    assert_int_equal(a->cost, b->cost);
    assert_int_equal(a->uncollected, b->uncollected);
    assert_int_equal(a->tokens_prompt, b->tokens_prompt);
    assert_int_equal(a->tokens_completion, b->tokens_completion);
    assert_int_equal(a->tokens_cached, b->tokens_cached);
    assert_int_equal(a->tokens_cache_write, b->tokens_cache_write);
    assert_int_equal(a->tokens_reasoning, b->tokens_reasoning);
    assert_int_equal(a->first_ms, b->first_ms);
    assert_int_equal(a->total_ms, b->total_ms);
    assert_int_equal(a->is_streamed, b->is_streamed);
    assert_int_equal(a->is_cancelled, b->is_cancelled);
    assert_int_equal(a->is_estimated, b->is_estimated);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->attempts, b->attempts);
    assert_true(str_eq(a->model, b->model));
    assert_true(str_eq(a->provider, b->provider));
    assert_true(str_eq(a->native_model, b->native_model));
    assert_true(str_eq(a->upstream_id, b->upstream_id));
    assert_true(str_eq(a->request_id, b->request_id));
    assert_true(str_eq(a->finish_reason, b->finish_reason));
    assert_true(str_eq(a->native_finish_reason, b->native_finish_reason));
    assert_true(str_eq(a->referer, b->referer));
    assert_true(str_eq(a->title, b->title));
    assert_true(str_eq(a->user_agent, b->user_agent));
    assert_true(str_eq(a->external_user, b->external_user));
}

/* Recomputes all counters; returns how many generations there are. */
static UNUSED uint64_t verify_clean(struct store *s)
{
    struct store_verify v = {.call.need = STORE_VERIFY};
    ask(s, &v.call);
    if (v.n)
        fail_msg("%zu differences: %s", v.n, v.differences[0].what);
    free(v.differences);
    return v.generations;
}

/* DIR/journal/NAME.log with these bytes. */
static UNUSED void journal_write(const struct dir *d, const char *name, struct str bytes)
{
    char path[256];
    snprintf(path, sizeof path, "%s/journal/%s.log", d->path, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
    assert_int_equal(fclose(f), 0);
}

static UNUSED unsigned journals_left(const struct dir *d, const char *ending)
{
    char path[128];
    snprintf(path, sizeof path, "%s/journal", d->path);
    return dir_count(path, ending);
}

/* xorshift64*: the same run after run. */
static UNUSED uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

#endif
