#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/federation.h"
#include "base/base64.h"
#include "base/codec.h"

enum { NOW = 1800000000 };
#define KEY   "\"key\":\"0000000000000000000000000000000000000000000000000000000000000001\""
#define USUAL "\"name\":\"ci\",\"issuer\":\"https://i.example\",\"audience\":\"us\"," KEY

static enum err read(const char *text, bool is_operators, struct federation *p, struct fault *f)
{
    struct json_tape tape;
    struct json root;
    json_tape_init(&tape, 4096);
    assert_int_equal(json_parse(&tape, str_c(text), &root, f), ERR_OK);
    enum err e = federation_read(root, is_operators, p, f);
    json_tape_release(&tape);
    return e;
}

static void a_policy_is_read(void **state)
{
    struct federation p;
    struct fault f = {0};
    (void)state;
    assert_int_equal(read("{" USUAL ",\"subject\":\"a:*\",\"claims\":{\"x\":\"\\u0041\",\"n\":7,"
                          "\"t\":true},\"jwks_url\":\"https://k.example/j\","
                          "\"max_lifetime_seconds\":60,\"enabled\":false}",
                          false, &p, &f),
                     ERR_OK);
    assert_string_equal(p.name, "ci");
    assert_string_equal(p.issuer, "https://i.example");
    assert_string_equal(p.jwks_url, "https://k.example/j");
    assert_string_equal(p.subject, "a:*");
    assert_string_equal(p.claims, "{\"x\":\"\\u0041\",\"n\":7,\"t\":true}");
    assert_true(p.disabled && p.lifetime_s == 60 && p.key_hash[31] == 1 && !p.is_operators);
    assert_int_equal(
        read("{" USUAL ",\"subject\":\"s\",\"claims\":{},\"jwks_url\":null}", false, &p, &f),
        ERR_OK);
    assert_true(p.lifetime_s == 900 && !p.disabled && !p.claims[0] && !p.jwks_url[0]);
}

static void what_lets_too_many_in_or_is_no_policy_is_refused(void **state)
{
    static const struct {
        const char *more, *field;
    } rows[] = {
        {"", "subject"},
        {",\"claims\":{}", "subject"},
        {",\"subject\":\"*\"", "subject"},
        {",\"subject\":\"a**\"", "subject"},
        {",\"subject\":\"a*b\"", "subject"},
        {",\"subject\":\"\"", "subject"},
        {",\"subject\":\"a\\u0000\"", "subject"},
        {",\"subject\":7", "subject"},
        {",\"claims\":{\"exp\":7}", "claims"},
        {",\"claims\":{\"\\u0073ub\":\"x\"}", "claims"},
        {",\"claims\":{\"\":\"x\"}", "claims"},
        {",\"claims\":{\"a\":[\"x\"]}", "claims"},
        {",\"claims\":{\"a\":-1}", "claims"},
        {",\"claims\":{\"a\":1e3}", "claims"},
        {",\"claims\":{\"a\":\"\"}", "claims"},
        {",\"claims\":{\"a\":1,\"\\u0061\":2}", "a"},
        {",\"subject\":\"s\",\"subjects\":\"s\"", "subjects"},
        {",\"subject\":\"s\",\"id\":\"fp-1\"", "id"},
        {",\"subject\":\"s\",\"enabled\":0", "enabled"},
        {",\"subject\":\"s\",\"max_lifetime_seconds\":901", "max_lifetime_seconds"},
        {",\"subject\":\"s\",\"jwks_url\":\"http://127.0.0.1/j\"", "jwks_url"},
        {",\"subject\":\"s\",\"jwks_url\":\"https://k.example/j?x=1\"", "jwks_url"},
    };
    char text[1000];
    struct federation p;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fault f = {0};
        snprintf(text, sizeof text, "{" USUAL "%s}", rows[i].more);
        if (read(text, false, &p, &f) != ERR_INVALID || !strstr(f.message, rows[i].field))
            fail_msg("%s: %s", rows[i].more, f.message);
    }
}

/* Only the operator names addresses of this machine. */
static void urls_are_public_but_for_the_operator(void **state)
{
    static const char text[] = "{\"name\":\"ci\",\"issuer\":\"http://127.0.0.1:9\",\"audience\":"
                               "\"us\",\"subject\":\"s\"," KEY "}";
    static const char far[] = "{\"name\":\"ci\",\"issuer\":\"http://i.example\",\"audience\":"
                              "\"us\",\"subject\":\"s\"," KEY "}";
    struct federation p;
    struct fault f;
    (void)state;
    assert_int_equal(read(text, true, &p, &f), ERR_OK);
    assert_int_equal(read(text, false, &p, &f), ERR_INVALID);
    assert_int_equal(read(far, true, &p, &f), ERR_INVALID);
}

static void a_change_names_nothing_that_tokens_rest_on(void **state)
{
    static const char *const bad[] = {"{}",
                                      "{\"subject\":\"x\"}",
                                      "{\"key\":\"x\"}",
                                      "{\"enabled\":1}",
                                      "{\"name\":null}",
                                      "{\"enabled\":null}",
                                      "{\"max_lifetime_seconds\":null}",
                                      "{\"max_lifetime_seconds\":0}"};
    struct json_tape tape;
    struct json root;
    struct federation p;
    struct fault f;
    uint32_t fields;
    (void)state;
    json_tape_init(&tape, 100);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(json_parse(&tape, str_c(bad[i]), &root, &f), ERR_OK);
        assert_int_equal(federation_read_change(root, &p, &fields, &f), ERR_INVALID);
    }
    assert_int_equal(json_parse(&tape, STR("{\"enabled\":false}"), &root, &f), ERR_OK);
    assert_int_equal(federation_read_change(root, &p, &fields, &f), ERR_OK);
    assert_true(fields == FEDERATION_SET_DISABLED && p.disabled);
    json_tape_release(&tape);
}

static void ids_are_random_and_of_one_shape(void **state)
{
    char a[FEDERATION_ID_CHARS + 1], b[FEDERATION_ID_CHARS + 1];
    (void)state;
    federation_id_make(a);
    federation_id_make(b);
    assert_string_not_equal(a, b);
    assert_true(federation_id_is_right(str_c(a)));
    a[5] = 'G';
    assert_false(federation_id_is_right(str_c(a)));
    assert_false(federation_id_is_right(STR("fp-1")));
    assert_false(federation_id_is_right(STR_NONE));
}

/* --- claims --- */

static struct federation usual(const char *subject, const char *claims)
{
    struct federation p = {.issuer = "https://i.example", .audience = "us"};
    snprintf(p.subject, sizeof p.subject, "%s", subject);
    snprintf(p.claims, sizeof p.claims, "%s", claims);
    return p;
}

static enum err match(const struct federation *p, const char *claims, struct fault *why)
{
    char room[8000];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    struct jwt t;
    base64_add(&b, BASE64_URL, "{\"alg\":\"ES256\"}", 15);
    buf_add(&b, STR("."));
    base64_add(&b, BASE64_URL, claims, strlen(claims));
    buf_add(&b, STR(".AAAA"));
    assert_int_equal(jwt_parse(&t, buf_view(&b), why), ERR_OK);
    enum err e = federation_match(p, &t, NOW, why);
    jwt_release(&t);
    return e;
}

#define CLAIMS "\"iss\":\"https://i.example\",\"aud\":\"us\",\"exp\":1800000600"

static void claims_are_compared(void **state)
{
    static const struct {
        const char *subject, *wanted, *claims;
        bool fits;
    } rows[] = {
        {"s", "", CLAIMS ",\"sub\":\"s\"", true},
        {"s", "", CLAIMS ",\"sub\":\"\\u0073\"", true},
        {"s", "", CLAIMS ",\"sub\":\"S\"", false},
        {"s", "", CLAIMS ",\"sub\":[\"s\"]", false},
        {"s", "", CLAIMS, false},
        {"a:*", "", CLAIMS ",\"sub\":\"a:\"", true},
        {"a:*", "", CLAIMS ",\"sub\":\"a\"", false},
        {"", "{\"r\":\"x\"}", CLAIMS ",\"sub\":\"s\",\"r\":\"x\"", true},
        {"", "{\"r\":\"x\"}", CLAIMS ",\"r\":\"x\"", false}, /* nobody */
        {"", "{\"r\":\"x\"}", CLAIMS ",\"sub\":\"s\",\"r\":\"xx\"", false},
        {"", "{\"r\":\"x\"}", CLAIMS ",\"sub\":\"s\",\"r\":[\"y\",\"x\"]", true},
        {"", "{\"r\":\"x\"}", CLAIMS ",\"sub\":\"s\",\"r\":[[\"x\"]]", false},
        {"", "{\"r\":\"x\"}", CLAIMS ",\"sub\":\"s\",\"r\":{\"r\":\"x\"}", false},
        {"", "{\"r\":\"x\"}", CLAIMS ",\"sub\":\"s\",\"R\":\"x\"", false},
        {"", "{\"r\":\"x\"}", CLAIMS ",\"sub\":\"s\"", false},
        {"", "{\"r\":\"\\u0078\"}", CLAIMS ",\"sub\":\"s\",\"r\":\"x\"", true},
        {"", "{\"\\u0072\":\"x\"}", CLAIMS ",\"sub\":\"s\",\"r\":\"x\"", true},
        {"", "{\"r\":7}", CLAIMS ",\"sub\":\"s\",\"r\":7", true},
        {"", "{\"r\":7}", CLAIMS ",\"sub\":\"s\",\"r\":\"7\"", false},
        {"", "{\"r\":7}", CLAIMS ",\"sub\":\"s\",\"r\":7.0", false},
        {"", "{\"r\":true}", CLAIMS ",\"sub\":\"s\",\"r\":true", true},
        {"", "{\"r\":true}", CLAIMS ",\"sub\":\"s\",\"r\":false", false},
        {"", "{\"r\":false}", CLAIMS ",\"sub\":\"s\",\"r\":null", false},
        {"s", "{\"r\":\"x\"}", CLAIMS ",\"sub\":\"t\",\"r\":\"x\"", false},
        {"", "{broken", CLAIMS ",\"sub\":\"s\"", false},
    };
    char text[1000];
    struct fault why;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct federation p = usual(rows[i].subject, rows[i].wanted);
        snprintf(text, sizeof text, "{%s}", rows[i].claims);
        if ((match(&p, text, &why) == ERR_OK) != rows[i].fits)
            fail_msg("%s, %s: %s", rows[i].subject, rows[i].wanted, rows[i].claims);
    }
}

static void issuer_audience_and_times_are_looked_at(void **state)
{
    static const char *const bad[] = {
        "{\"iss\":\"https://i.example/\",\"aud\":\"us\",\"exp\":1800000600,\"sub\":\"s\"}",
        "{\"aud\":\"us\",\"exp\":1800000600,\"sub\":\"s\"}",
        "{\"iss\":\"https://i.example\",\"aud\":\"u\",\"exp\":1800000600,\"sub\":\"s\"}",
        "{\"iss\":\"https://i.example\",\"aud\":{\"us\":1},\"exp\":1800000600,\"sub\":\"s\"}",
        "{\"iss\":\"https://i.example\",\"exp\":1800000600,\"sub\":\"s\"}",
        "{\"iss\":\"https://i.example\",\"aud\":\"us\",\"sub\":\"s\"}",
        "{\"iss\":\"https://i.example\",\"aud\":\"us\",\"exp\":\"1800000600\",\"sub\":\"s\"}",
        "{\"iss\":\"https://i.example\",\"aud\":\"us\",\"exp\":1799999970,\"sub\":\"s\"}",
        "{" CLAIMS ",\"sub\":\"s\",\"nbf\":1800000031}",
        "{" CLAIMS ",\"sub\":\"s\",\"nbf\":\"x\"}",
        "{" CLAIMS ",\"sub\":\"s\",\"iat\":1800000031}",
    };
    struct federation p = usual("s", "");
    struct fault why;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (match(&p, bad[i], &why) == ERR_OK)
            fail_msg("taken: %s", bad[i]);
    }
    assert_int_equal(
        match(&p, "{" CLAIMS ",\"sub\":\"s\",\"nbf\":1800000030,\"iat\":1800000030}", &why),
        ERR_OK);
}

/* --- discovery --- */

static void discovery_documents_are_read(void **state)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"issuer\":\"a\"}",
                                      "{\"jwks_uri\":\"a\"}",
                                      "{\"issuer\":7,\"jwks_uri\":\"a\"}",
                                      "{\"issuer\":\"a\",\"jwks_uri\":\"a\\u0000b\"}"};
    struct fault f;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_null(federation_discovery_read(str_c(bad[i]), &f));
    struct federation_discovery *d =
        federation_discovery_read(STR("{\"issuer\":\"a\",\"jwks_uri\":\"b\",\"x\":[1]}"), &f);
    assert_non_null(d);
    assert_string_equal(d->issuer, "a");
    assert_string_equal(d->jwks_url, "b");
    free(d);
    assert_true(federation_is_same_host(STR("https://i.example/a"), STR("https://I.example/b?c")));
    assert_false(federation_is_same_host(STR("https://i.example"), STR("https://i.example:444")));
    assert_false(federation_is_same_host(STR("https://i.example"), STR("https://x.i.example")));
    assert_false(federation_is_same_host(STR(""), STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_is_read),
        cmocka_unit_test(what_lets_too_many_in_or_is_no_policy_is_refused),
        cmocka_unit_test(urls_are_public_but_for_the_operator),
        cmocka_unit_test(a_change_names_nothing_that_tokens_rest_on),
        cmocka_unit_test(ids_are_random_and_of_one_shape),
        cmocka_unit_test(claims_are_compared),
        cmocka_unit_test(issuer_audience_and_times_are_looked_at),
        cmocka_unit_test(discovery_documents_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
