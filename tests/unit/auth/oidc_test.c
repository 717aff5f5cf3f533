#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/oidc.h"

enum { NOW_S = 1767225600 };
#define NONCE "0123456789abcdef"

static const struct oidc_provider provider = {.name = STR_INIT("Test"),
                                              .issuer = STR_INIT("https://issuer.example"),
                                              .client_id = STR_INIT("turnpike"),
                                              .hosts = STR_INIT("keys.example, api.example"),
                                              .allowed_domains = STR_INIT("example.org,b.example")};

/* --- discovery --- */

static void a_discovery_document_holds_for_a_bounded_time(void **state)
{
    (void)state;
    static const struct {
        int32_t max_age_s;
        uint64_t ms;
    } rows[] = {{-1, 600000},  {0, 60000},      {59, 60000},
                {300, 300000}, {3600, 3600000}, {INT32_MAX, 3600000}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(oidc_discovery_ms(rows[i].max_age_s), rows[i].ms);
}

static enum err discover(const char *issuer, const char *token, const char *jwks,
                         struct oidc_endpoints *out)
{
    char text[2000];
    struct json_tape tape;
    struct fault f;
    json_tape_init(&tape, OIDC_NODES_MAX);
    snprintf(text, sizeof text,
             "{\"issuer\":\"%s\",\"authorization_endpoint\":\"https://issuer.example/auth?x=1\","
             "\"token_endpoint\":\"%s\",\"jwks_uri\":\"%s\"}",
             issuer, token, jwks);
    enum err e = oidc_discovery_read(&provider, &tape, str_c(text), out, &f);
    json_tape_release(&tape);
    return e;
}

#define ISSUER "https://issuer.example"

static void a_discovery_document_is_read(void **state)
{
    struct oidc_endpoints out;
    (void)state;
    assert_int_equal(discover(ISSUER, ISSUER "/t", "https://keys.example/k", &out), ERR_OK);
    assert_string_equal(out.authorization, ISSUER "/auth?x=1");
    assert_string_equal(out.token, ISSUER "/t");
    assert_string_equal(out.jwks, "https://keys.example/k");
    assert_string_equal(out.userinfo, "");
    assert_false(out.secret_in_body);
}

/* CVE-2024-6587: a stored credential goes to no host that the operator
 * did not name. */
static void endpoints_lie_where_the_operator_has_said(void **state)
{
    static const char *const bad[] = {"https://evil.example/t",
                                      "http://issuer.example/t",
                                      "https://issuer.example:8443/t",
                                      "https://issuer.example.evil.example/t",
                                      "https://user@issuer.example/t",
                                      "https://xkeys.example/t",
                                      "http://keys.example/t",
                                      "ftp://issuer.example/t",
                                      "",
                                      "/t"};
    struct oidc_endpoints out;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (discover(ISSUER, bad[i], ISSUER "/k", &out) == ERR_OK ||
            discover(ISSUER, ISSUER "/t", bad[i], &out) == ERR_OK)
            fail_msg("taken: %s", bad[i]);
    }
    assert_int_equal(discover("https://issuer.example/", ISSUER "/t", ISSUER "/k", &out),
                     ERR_UPSTREAM);
}

static void what_is_no_document_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "x", "[]", "null", "{}", "{\"issuer\":5}", "{\"issuer\":\"" ISSUER "\"}"};
    struct json_tape tape;
    struct oidc_endpoints out;
    struct fault f;
    (void)state;
    json_tape_init(&tape, OIDC_NODES_MAX);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(oidc_discovery_read(&provider, &tape, str_c(bad[i]), &out, &f),
                         ERR_UPSTREAM);
    json_tape_release(&tape);
}

static void the_document_lies_below_the_issuer(void **state)
{
    char url[OIDC_URL_MAX + 1];
    struct oidc_provider p = provider;
    struct fault f;
    (void)state;
    assert_int_equal(oidc_discovery_url(p.issuer, url, &f), ERR_OK);
    assert_string_equal(url, ISSUER "/.well-known/openid-configuration");
    p.issuer = STR("https://issuer.example/realms/a/");
    assert_int_equal(oidc_discovery_url(p.issuer, url, &f), ERR_OK);
    assert_string_equal(url, "https://issuer.example/realms/a/.well-known/openid-configuration");
}

/* --- tokens --- */

static struct sign_key *key;

static int make_key(void **state)
{
    struct fault f;
    (void)state;
    key = sign_key_generate(&f);
    return key ? 0 : -1;
}

static int drop_key(void **state)
{
    (void)state;
    sign_key_free(key);
    return 0;
}

/* What a token with these claims is judged to be. */
static enum err judge(const char *claims, struct oidc_identity *out)
{
    struct buf text;
    struct jwt t;
    struct fault f;
    buf_init(&text, JWT_MAX);
    assert_int_equal(jwt_add(&text, key, STR("JWT"), STR("k"), str_c(claims)), ERR_OK);
    assert_int_equal(jwt_parse(&t, buf_view(&text), &f), ERR_OK);
    enum err e = oidc_token_check(&provider, &t, STR(NONCE), NOW_S, out, &f);
    jwt_release(&t);
    buf_release(&text);
    return e;
}

#define GOOD_ISS   "\"iss\":\"" ISSUER "\","
#define GOOD_AUD   "\"aud\":\"turnpike\","
#define GOOD_TIMES "\"iat\":1767225590,\"exp\":1767225900,"
#define GOOD_NONCE "\"nonce\":\"" NONCE "\","
#define GOOD_SUB   "\"sub\":\"s1\""

static void a_token_is_taken_that_is_ours(void **state)
{
    struct oidc_identity i;
    (void)state;
    assert_int_equal(judge("{" GOOD_ISS GOOD_AUD GOOD_TIMES GOOD_NONCE GOOD_SUB
                           ",\"email\":\"a@example.org\",\"email_verified\":true}",
                           &i),
                     ERR_OK);
    assert_string_equal(i.subject, "s1");
    assert_string_equal(i.email, "a@example.org");
    assert_true(i.is_proven);
    assert_int_equal(
        judge("{" GOOD_ISS
              "\"aud\":[\"x\",\"turnpike\"],\"azp\":\"turnpike\"," GOOD_TIMES GOOD_NONCE GOOD_SUB
              "}",
              &i),
        ERR_OK);
    assert_false(i.is_proven);
}

static void a_token_is_refused_that_is_not(void **state)
{
    static const char *const bad[] = {
        /* iss */
        "{\"iss\":\"https://evil.example\"," GOOD_AUD GOOD_TIMES GOOD_NONCE GOOD_SUB "}",
        "{\"iss\":\"" ISSUER "/\"," GOOD_AUD GOOD_TIMES GOOD_NONCE GOOD_SUB "}",
        "{" GOOD_AUD GOOD_TIMES GOOD_NONCE GOOD_SUB "}",
        /* aud and azp */
        "{" GOOD_ISS "\"aud\":\"other\"," GOOD_TIMES GOOD_NONCE GOOD_SUB "}",
        "{" GOOD_ISS "\"aud\":[]," GOOD_TIMES GOOD_NONCE GOOD_SUB "}",
        "{" GOOD_ISS GOOD_TIMES GOOD_NONCE GOOD_SUB "}",
        "{" GOOD_ISS "\"aud\":[\"turnpike\",\"x\"]," GOOD_TIMES GOOD_NONCE GOOD_SUB "}",
        "{" GOOD_ISS GOOD_AUD "\"azp\":\"other\"," GOOD_TIMES GOOD_NONCE GOOD_SUB "}",
        /* exp and iat */
        "{" GOOD_ISS GOOD_AUD "\"iat\":1767220000,\"exp\":1767225000," GOOD_NONCE GOOD_SUB "}",
        "{" GOOD_ISS GOOD_AUD "\"iat\":1767225590," GOOD_NONCE GOOD_SUB "}",
        "{" GOOD_ISS GOOD_AUD "\"exp\":1767225900," GOOD_NONCE GOOD_SUB "}",
        "{" GOOD_ISS GOOD_AUD "\"iat\":1767226000,\"exp\":1767226900," GOOD_NONCE GOOD_SUB "}",
        "{" GOOD_ISS GOOD_AUD "\"iat\":1767200000,\"exp\":1767225900," GOOD_NONCE GOOD_SUB "}",
        /* nonce */
        "{" GOOD_ISS GOOD_AUD GOOD_TIMES GOOD_SUB "}",
        "{" GOOD_ISS GOOD_AUD GOOD_TIMES "\"nonce\":\"other\"," GOOD_SUB "}",
        "{" GOOD_ISS GOOD_AUD GOOD_TIMES "\"nonce\":null," GOOD_SUB "}",
        /* sub */
        "{" GOOD_ISS GOOD_AUD GOOD_TIMES GOOD_NONCE "\"sub\":\"\"}",
        "{" GOOD_ISS GOOD_AUD GOOD_TIMES GOOD_NONCE "\"sub\":5}",
        "{" GOOD_ISS GOOD_AUD GOOD_TIMES GOOD_NONCE "\"sub\":\"a\\u0000b\"}",
    };
    struct oidc_identity i;
    (void)state;
    for (size_t k = 0; k < COUNT_OF(bad); k++) {
        if (judge(bad[k], &i) == ERR_OK)
            fail_msg("taken: %s", bad[k]);
    }
}

static void an_address_is_proven_only_where_it_is_said(void **state)
{
    static const char *const no[] = {"", ",\"email_verified\":false",
                                     ",\"email_verified\":\"false\"", ",\"email_verified\":1",
                                     ",\"email_verified\":null"};
    char claims[500];
    struct oidc_identity i;
    (void)state;
    for (size_t k = 0; k < COUNT_OF(no); k++) {
        snprintf(claims, sizeof claims,
                 "{" GOOD_ISS GOOD_AUD GOOD_TIMES GOOD_NONCE GOOD_SUB
                 ",\"email\":\"a@example.org\"%s}",
                 no[k]);
        assert_int_equal(judge(claims, &i), ERR_OK);
        assert_false(i.is_proven);
        assert_false(oidc_domain_is_allowed(&provider, &i));
    }
}

static void domains_are_compared_whole(void **state)
{
    static const struct {
        const char *email;
        bool is_allowed;
    } cases[] = {{"a@example.org", true},
                 {"a@EXAMPLE.org", true},
                 {"a@b.example", true},
                 {"a@sub.example.org", false},
                 {"a@notexample.org", false},
                 {"a@example.org.evil", false},
                 {"a@evil.example@example.org", false},
                 {"", false},
                 {"a@", false}};
    struct oidc_provider any = provider;
    (void)state;
    any.allowed_domains = STR_NONE;
    for (size_t k = 0; k < COUNT_OF(cases); k++) {
        struct oidc_identity i = {.is_proven = true};
        snprintf(i.email, sizeof i.email, "%s", cases[k].email);
        assert_int_equal(oidc_domain_is_allowed(&provider, &i), cases[k].is_allowed);
        assert_true(oidc_domain_is_allowed(&any, &i));
    }
}

static void user_info_must_be_of_the_same_subject(void **state)
{
    struct oidc_identity i = {.subject = "s1"};
    struct json_tape tape;
    struct fault f;
    (void)state;
    json_tape_init(&tape, OIDC_NODES_MAX);
    assert_int_equal(oidc_userinfo_read(&tape, STR("{\"sub\":\"s2\",\"email\":\"e@e.e\"}"), &i, &f),
                     ERR_AUTH);
    assert_string_equal(i.email, "");
    assert_int_equal(oidc_userinfo_read(&tape, STR("x"), &i, &f), ERR_UPSTREAM);
    assert_int_equal(
        oidc_userinfo_read(
            &tape, STR("{\"sub\":\"s1\",\"email\":\"a@example.org\",\"email_verified\":true}"), &i,
            &f),
        ERR_OK);
    assert_true(i.is_proven);
    json_tape_release(&tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_discovery_document_holds_for_a_bounded_time),
        cmocka_unit_test(a_discovery_document_is_read),
        cmocka_unit_test(endpoints_lie_where_the_operator_has_said),
        cmocka_unit_test(what_is_no_document_is_refused),
        cmocka_unit_test(the_document_lies_below_the_issuer),
        cmocka_unit_test(a_token_is_taken_that_is_ours),
        cmocka_unit_test(a_token_is_refused_that_is_not),
        cmocka_unit_test(an_address_is_proven_only_where_it_is_said),
        cmocka_unit_test(domains_are_compared_whole),
        cmocka_unit_test(user_info_must_be_of_the_same_subject),
    };
    return cmocka_run_group_tests(tests, make_key, drop_key);
}
