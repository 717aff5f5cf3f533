#include "unit/unit.h"

#include <stdlib.h>

#include "base/base64.h"
#include "crypto/hmac.h"
#include "crypto/jwt.h"

enum { NOW = 1800000000 };

static struct sign_key *key;
static char made[JWT_MAX * 2];

static int make_key(void **state)
{
    (void)state;
    key = sign_key_generate(NULL);
    return key == NULL;
}

static int drop_key(void **state)
{
    (void)state;
    sign_key_free(key);
    return 0;
}

/* A token of any header and claims, signed as ES256. */
static struct str token(const char *header, const char *claims)
{
    uint8_t signature[SIGN_ES256_BYTES];
    struct buf b = {.p = made, .cap = sizeof made, .max = sizeof made};
    base64_add(&b, BASE64_URL, header, strlen(header));
    buf_add_c(&b, ".");
    base64_add(&b, BASE64_URL, claims, strlen(claims));
    assert_int_equal(sign_jws(key, buf_view(&b), signature), ERR_OK);
    buf_add_c(&b, ".");
    base64_add(&b, BASE64_URL, signature, sizeof signature);
    assert_int_equal(b.failed, ERR_OK);
    return buf_view(&b);
}

static enum err parse(struct str text, struct fault *f)
{
    struct jwt t;
    enum err e = jwt_parse(&t, text, f);
    jwt_release(&t);
    return e;
}

/* RFC 7515, A.3, with its key. */
static void the_standards_example_is_read(void **state)
{
    (void)state;
    static const char text[] =
        "eyJhbGciOiJFUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
        "cnVlfQ."
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    static const char jwk[] =
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";
    struct json_tape tape;
    struct json v;
    struct jwt t;
    struct fault f;
    int64_t exp;
    json_tape_init(&tape, 100);
    assert_int_equal(json_parse(&tape, str_c(jwk), &v, &f), ERR_OK);
    struct sign_key *theirs = sign_key_from_jwk(v, &f);
    assert_non_null(theirs);
    assert_true(jwt_is_shaped(str_c(text)));
    assert_int_equal(jwt_parse(&t, str_c(text), &f), ERR_OK);
    assert_true(jwt_is_signed(&t, theirs));
    assert_false(jwt_is_signed(&t, key));
    assert_str(jwt_claim(&t, STR("iss")), "joe");
    assert_true(jwt_time(&t, STR("exp"), &exp));
    assert_int_equal(exp, 1300819380);
    assert_null(jwt_kid(&t).p);
    struct jwt_rules rules = {.issuer = STR("joe"), .now_s = 1300819380 - 1};
    assert_int_equal(jwt_check(&t, &rules, &f), ERR_OK);
    rules.now_s = NOW;
    assert_int_equal(jwt_check(&t, &rules, &f), ERR_AUTH);
    jwt_release(&t);
    sign_key_free(theirs);
    json_tape_release(&tape);
}

static void other_algorithms_are_refused(void **state)
{
    (void)state;
    static const char *const headers[] = {"{\"alg\":\"none\"}",
                                          "{\"alg\":\"None\"}",
                                          "{\"alg\":\"HS256\"}",
                                          "{\"alg\":\"HS512\"}",
                                          "{\"alg\":\"RS512\"}",
                                          "{\"alg\":\"PS256\"}",
                                          "{\"alg\":\"ES384\"}",
                                          "{\"alg\":\"EdDSA\"}",
                                          "{\"alg\":\"es256\"}",
                                          "{\"alg\":\"ES256 \"}",
                                          "{\"alg\":\"\"}",
                                          "{\"alg\":1}",
                                          "{\"alg\":null}",
                                          "{\"alg\":[\"ES256\"]}",
                                          "{}",
                                          "[]",
                                          "\"ES256\"",
                                          "null",
                                          "{\"alg\":\"ES256\",\"alg\":\"none\"}",
                                          "{\"alg\":\"none\",\"\\u0061lg\":\"ES256\"}",
                                          "{\"alg\":\"ES256\",\"crit\":[\"exp\"]}",
                                          "{\"alg\":\"ES256\",\"crit\":null}",
                                          "{\"alg\":\"ES256\"",
                                          "{\"alg\":\"ES256\"} x",
                                          ""};
    struct fault f;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        assert_int_equal(parse(token(headers[i], "{\"exp\":1}"), &f), ERR_INVALID);
    assert_int_equal(parse(token("{\"alg\":\"ES256\"}", "{\"exp\":1}"), &f), ERR_OK);
    assert_int_equal(parse(token("{\"alg\":\"ES256\"}", "{\"exp\":1,\"exp\":2}"), &f), ERR_INVALID);
    assert_int_equal(parse(token("{\"alg\":\"ES256\"}", "{\"exp\":1,\"\\u0065xp\":2}"), &f),
                     ERR_INVALID);
    assert_int_equal(parse(token("{\"alg\":\"ES256\"}", "[]"), &f), ERR_INVALID);
}

/* The public key as an HMAC secret: the oldest trick. The header is refused before any key. */
static void a_public_key_is_no_secret(void **state)
{
    (void)state;
    uint8_t mac[SHA256_BYTES];
    struct fault f;
    struct buf b = {.p = made, .cap = sizeof made, .max = sizeof made};
    buf_add_c(&b, "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE4MDAwMDAwMDF9");
    hmac_sha256(secret_of(STR("-----BEGIN PUBLIC KEY-----")), buf_view(&b), mac);
    buf_add_c(&b, ".");
    base64_add(&b, BASE64_URL, mac, sizeof mac);
    assert_int_equal(parse(buf_view(&b), &f), ERR_INVALID);
}

static void other_shapes_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        ".",
                                        "..",
                                        "...",
                                        "a.b.c",
                                        "eyJ9.e30.",
                                        ".e30.AA",
                                        "e30..AA",
                                        "e30.e30",
                                        "eyJhbGciOiJFUzI1NiJ9.e30.AA.AA",
                                        "eyJhbGciOiJFUzI1NiJ9.e30.A",
                                        "eyJhbGciOiJFUzI1NiJ9.e30=.AA",
                                        "eyJhbGciOiJFUzI1NiJ9 .e30.AA",
                                        "eyJhbGciOiJFUzI1NiJ9.e30.AA\n",
                                        "eyJhbGciOiJFUzI1NiJ9.e31.AA"};
    struct fault f;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(parse(str_c(texts[i]), &f), ERR_INVALID);
    static char long_one[JWT_MAX + 1];
    memset(long_one, 'a', sizeof long_one);
    assert_int_equal(parse(str_of(long_one, sizeof long_one), &f), ERR_TOO_BIG);
    assert_int_equal(parse(str_of(long_one, JWT_MAX), &f), ERR_INVALID);
    assert_false(jwt_is_shaped(STR("sk-tp-v1-00")));
    assert_false(jwt_is_shaped(STR("ey.ey")));
    assert_false(jwt_is_shaped(STR("ey.ey.a.b")));
}

static void every_changed_byte_breaks_the_signature(void **state)
{
    (void)state;
    struct str text = token("{\"alg\":\"ES256\",\"kid\":\"k\"}", "{\"exp\":1800000100}");
    struct fault f;
    for (size_t i = 0; i < text.n; i++) {
        struct jwt t;
        char before = made[i];
        made[i] = before == 'A' ? 'B' : 'A';
        bool is_good = jwt_parse(&t, text, &f) == ERR_OK && jwt_is_signed(&t, key);
        assert_false(is_good);
        jwt_release(&t);
        made[i] = before;
    }
}

static const struct {
    const char *claims;
    bool is_right;
} judged[] = {
    {"{\"iss\":\"https://i\",\"aud\":\"a\",\"sub\":\"s:1\",\"exp\":1800000100}", true},
    {"{\"iss\":\"https://i\",\"aud\":[\"b\",\"a\"],\"sub\":\"s:1\",\"exp\":1800000100.5}", true},
    {"{\"iss\":\"https:\\/\\/i\",\"aud\":\"\\u0061\",\"sub\":\"s\\u003a1\",\"exp\":1800000100}",
     true},
    {"{\"iss\":\"https://i/\",\"aud\":\"a\",\"sub\":\"s:1\",\"exp\":1800000100}", false},
    {"{\"aud\":\"a\",\"sub\":\"s:1\",\"exp\":1800000100}", false},
    {"{\"iss\":[\"https://i\"],\"aud\":\"a\",\"sub\":\"s:1\",\"exp\":1800000100}", false},
    {"{\"iss\":\"https://i\",\"sub\":\"s:1\",\"exp\":1800000100}", false},
    {"{\"iss\":\"https://i\",\"aud\":\"ab\",\"sub\":\"s:1\",\"exp\":1800000100}", false},
    {"{\"iss\":\"https://i\",\"aud\":[],\"sub\":\"s:1\",\"exp\":1800000100}", false},
    {"{\"iss\":\"https://i\",\"aud\":{\"a\":\"a\"},\"sub\":\"s:1\",\"exp\":1800000100}", false},
    {"{\"iss\":\"https://i\",\"aud\":\"a\",\"exp\":1800000100}", false},
    {"{\"iss\":\"https://i\",\"aud\":\"a\",\"sub\":\"t:1\",\"exp\":1800000100}", false},
    {"{\"iss\":\"https://i\",\"aud\":\"a\",\"sub\":1,\"exp\":1800000100}", false},
    {"{\"iss\":\"https://i\",\"aud\":\"a\",\"sub\":\"s:1\"}", false},
    {"{\"iss\":\"https://i\",\"aud\":\"a\",\"sub\":\"s:1\",\"exp\":null}", false},
    {"{\"iss\":\"https://i\",\"aud\":\"a\",\"sub\":\"s:1\",\"exp\":\"1800000100\"}", false},
    {"{\"iss\":\"https://i\",\"aud\":\"a\",\"sub\":\"s:1\",\"exp\":1e99}", false},
    {"{\"iss\":\"https://i\",\"aud\":\"a\",\"sub\":\"s:1\",\"exp\":-5}", false},
    {"{\"iss\":\"https://i\",\"aud\":\"a\",\"sub\":\"s:1\",\"exp\":1799999970}", false},
    {"{\"iss\":\"https://i\",\"aud\":\"a\",\"sub\":\"s:1\",\"exp\":1799999971}", true}, /* leeway */
    {"{\"iss\":\"https://i\",\"aud\":\"a\",\"sub\":\"s:1\",\"exp\":1800000100,\"nbf\":1800000031}",
     false},
    {"{\"iss\":\"https://i\",\"aud\":\"a\",\"sub\":\"s:1\",\"exp\":1800000100,\"nbf\":1800000030}",
     true},
    {"{\"iss\":\"https://i\",\"aud\":\"a\",\"sub\":\"s:1\",\"exp\":1800000100,\"nbf\":\"x\"}",
     false},
    {"{\"iss\":\"https://i\",\"aud\":\"a\",\"sub\":\"s:1\",\"exp\":1800000100,\"iat\":1800000031}",
     false},
    {"{\"iss\":\"https://i\",\"aud\":\"a\",\"sub\":\"s:1\",\"exp\":1800000100,\"iat\":1799990000}",
     true},
};

static void claims_are_judged(void **state)
{
    (void)state;
    struct jwt_rules rules = {
        .issuer = STR("https://i"), .audience = STR("a"), .subject = STR("s:*"), .now_s = NOW};
    for (size_t i = 0; i < sizeof judged / sizeof judged[0]; i++) {
        struct jwt t;
        struct fault f;
        assert_int_equal(jwt_parse(&t, token("{\"alg\":\"ES256\"}", judged[i].claims), &f), ERR_OK);
        assert_true(jwt_is_signed(&t, key));
        if ((jwt_check(&t, &rules, &f) == ERR_OK) != judged[i].is_right)
            fail_msg("%s", judged[i].claims);
        jwt_release(&t);
    }
}

static void a_subject_is_meant_exactly_or_by_its_beginning(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        bool is_right;
    } rules[] = {{"repo:a/b:main", true},   {"repo:a/b:*", true},    {"*", true},
                 {"repo:a/b:main*", true},  {"repo:a/b", false},     {"repo:*/b:main", false},
                 {"repo:a/b:main ", false}, {"Repo:a/b:main", false}};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct jwt t;
        struct fault f;
        struct jwt_rules r = {.subject = str_c(rules[i].rule), .now_s = NOW};
        struct str text =
            token("{\"alg\":\"ES256\"}", "{\"sub\":\"repo:a/b:main\",\"exp\":1800000001}");
        assert_int_equal(jwt_parse(&t, text, &f), ERR_OK);
        assert_int_equal(jwt_check(&t, &r, &f) == ERR_OK, rules[i].is_right);
        jwt_release(&t);
    }
}

static void age_needs_a_time_of_issue(void **state)
{
    (void)state;
    struct jwt t;
    struct fault f;
    struct jwt_rules r = {.now_s = NOW, .age_max_s = 600};
    assert_int_equal(jwt_parse(&t, token("{\"alg\":\"ES256\"}", "{\"exp\":1800000001}"), &f),
                     ERR_OK);
    assert_int_equal(jwt_check(&t, &r, &f), ERR_AUTH);
    jwt_release(&t);
    assert_int_equal(
        jwt_parse(&t, token("{\"alg\":\"ES256\"}", "{\"exp\":1800000001,\"iat\":1799999300}"), &f),
        ERR_OK);
    assert_int_equal(jwt_check(&t, &r, &f), ERR_AUTH);
    r.age_max_s = 700;
    assert_int_equal(jwt_check(&t, &r, &f), ERR_OK);
    jwt_release(&t);
}

static void what_we_make_we_read(void **state)
{
    (void)state;
    struct buf out;
    struct jwt t;
    struct fault f;
    buf_init(&out, JWT_MAX);
    assert_int_equal(jwt_add(&out, key, STR("at+jwt"), STR("kid-1"), STR("{\"exp\":1800000001}")),
                     ERR_OK);
    assert_true(jwt_is_shaped(buf_view(&out)));
    assert_int_equal(jwt_parse(&t, buf_view(&out), &f), ERR_OK);
    assert_str(jwt_kid(&t), "kid-1");
    assert_str(jwt_type(&t), "at+jwt");
    assert_true(jwt_is_signed(&t, key));
    jwt_release(&t);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_standards_example_is_read),
        cmocka_unit_test(other_algorithms_are_refused),
        cmocka_unit_test(a_public_key_is_no_secret),
        cmocka_unit_test(other_shapes_are_refused),
        cmocka_unit_test(every_changed_byte_breaks_the_signature),
        cmocka_unit_test(claims_are_judged),
        cmocka_unit_test(a_subject_is_meant_exactly_or_by_its_beginning),
        cmocka_unit_test(age_needs_a_time_of_issue),
        cmocka_unit_test(what_we_make_we_read),
    };
    return cmocka_run_group_tests(tests, make_key, drop_key);
}
