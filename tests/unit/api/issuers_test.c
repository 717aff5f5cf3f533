#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/issuers.h"
#include "json/write.h"

static struct issuers issuers;
static struct sign_key *key;

static int set_up(void **state)
{
    struct fault f;
    (void)state;
    issuers_init(&issuers);
    key = sign_key_generate(&f);
    return key ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    issuers_release(&issuers);
    sign_key_free(key);
    return 0;
}

static struct issuer *of(unsigned n)
{
    struct federation p = {.account_id = 1};
    snprintf(p.issuer, sizeof p.issuer, "https://issuer-%u.example", n);
    return issuer_of(&issuers, &p);
}

/* A set of so many keys. */
static struct jwks *keys(size_t n)
{
    struct buf text;
    struct json_writer w;
    struct fault f;
    char kid[24];
    buf_init(&text, JWKS_MAX);
    json_writer_init(&w, &text);
    jw_object(&w, NULL);
    jw_array(&w, "keys");
    for (size_t i = 0; i < n; i++) {
        snprintf(kid, sizeof kid, "k%zu", i);
        sign_key_write_jwk(key, NULL, str_c(kid), &w);
    }
    jw_end(&w);
    assert_int_equal(jw_finish(&w), ERR_OK);
    struct jwks *s = jwks_read(buf_view(&text), &f);
    assert_non_null(s);
    assert_int_equal(s->n, n);
    buf_release(&text);
    return s;
}

/* Asks for its keys, which come unless they are there. */
static bool visit(unsigned n, size_t keys_n)
{
    struct issuer *i = of(n);
    assert_non_null(i);
    bool is_known = i->keys.what != NULL;
    if (!is_known)
        i->keys.what = keys(keys_n);
    issuer_leave(i);
    return is_known;
}

static size_t kept_keys(void)
{
    size_t n = 0;
    for (struct list *at = issuers.all.next; at != &issuers.all; at = at->next) {
        const struct jwks *s = container_of(at, struct issuer, link)->keys.what;
        n += s ? s->n : 0;
    }
    return n;
}

/* Each with the few keys that issuers have. */
static void hundreds_of_issuers_are_asked_once_each(void **state)
{
    enum { N = 400, KEYS = 2 };
    (void)state;
    for (unsigned i = 0; i < N; i++)
        assert_false(visit(i, KEYS));
    for (unsigned i = 0; i < N; i++)
        assert_true(visit(i, KEYS));
}

static void those_with_many_keys_make_room_the_least_used_first(void **state)
{
    enum { N = ISSUERS_KEYS_MAX / JWKS_KEYS_MAX + 20 };
    (void)state;
    assert_false(visit(N, 1));
    for (unsigned i = 0; i < N; i++) {
        assert_false(visit(i, JWKS_KEYS_MAX));
        assert_true(visit(N, 1)); /* used all the time */
        assert_true(kept_keys() <= ISSUERS_KEYS_MAX);
    }
    assert_true(visit(N - 1, JWKS_KEYS_MAX));
    assert_false(visit(0, JWKS_KEYS_MAX));
    assert_true(kept_keys() > ISSUERS_KEYS_MAX / 2);
}

/* Who has no keys, or cannot be reached, takes room too. */
static void there_are_at_most_so_many(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ISSUERS_MAX + 10; i++)
        issuer_leave(of(i));
    assert_int_equal(issuers.n, ISSUERS_MAX);
}

static void one_that_is_looked_at_stays(void **state)
{
    static struct issuer *held[ISSUERS_KEYS_MAX];
    size_t n = 0;
    (void)state;
    struct issuer *first = of(0);
    first->keys.what = keys(JWKS_KEYS_MAX);
    for (unsigned i = 1; i < 2 * ISSUERS_MAX; i++)
        issuer_leave(of(i));
    assert_ptr_equal(of(0), first);
    issuer_leave(first);
    issuer_leave(first);
    while (n < ISSUERS_KEYS_MAX && (held[n] = of((unsigned)n)))
        n++;
    assert_true(n >= 32 &&
                n < ISSUERS_KEYS_MAX); /* all are in use, each with all the keys it may get */
    issuer_leave(held[0]);
    assert_non_null(held[0] = of(ISSUERS_MAX));
    for (size_t i = 0; i < n; i++)
        issuer_leave(held[i]);
}

static void what_names_an_issuer(void **state)
{
    (void)state;
    struct federation p = {.account_id = 1, .issuer = "https://a", .jwks_url = "https://b"};
    struct federation operators = p, elsewhere = p, other = p;
    operators.is_operators = true;
    snprintf(elsewhere.jwks_url, sizeof elsewhere.jwks_url, "https://c");
    snprintf(other.name, sizeof other.name, "another policy");
    struct issuer *i = issuer_of(&issuers, &p), *o = issuer_of(&issuers, &operators),
                  *e = issuer_of(&issuers, &elsewhere), *same = issuer_of(&issuers, &other);
    assert_true(i && o && e && i != o && i != e && o != e);
    assert_ptr_equal(same, i);
    assert_true(i->is_public_only && !o->is_public_only);
    issuer_leave(i);
    issuer_leave(same);
    issuer_leave(o);
    issuer_leave(e);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hundreds_of_issuers_are_asked_once_each),
        TEST(those_with_many_keys_make_room_the_least_used_first),
        TEST(there_are_at_most_so_many),
        TEST(one_that_is_looked_at_stays),
        TEST(what_names_an_issuer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
