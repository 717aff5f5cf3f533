#include "unit/unit.h"

#include "base/base64.h"
#include "crypto/sign.h"

/* GitHub's documentation of its secret scanning partner program: its example, and the keys of both
 * its examples. */
#define GITHUB_PEM                                                                                 \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYAGMWO8XgCamYKMJS6jc/qgvSlAd\n"                           \
    "AjPuDPRcXU22YxgBrz+zoN19MzuRyW87qEt9/AmtoNP5GrobzUvQSyJFVw==\n"                               \
    "-----END PUBLIC KEY-----\n"
#define GITHUB_BODY                                                                                \
    "[{\"source\":\"commit\",\"token\":\"some_token\",\"type\":\"some_type\","                     \
    "\"url\":\"https://example.com/base-repo-url/\"}]"
#define GITHUB_SIGNATURE                                                                           \
    "MEQCIQDaMKqrGnE27S0kgMrEK0eYBmyG0LeZismAEz/BgZyt7AIfXt9fErtRS4XaeSt/AO1RtBY66YcAdjxji410VQV4" \
    "xg=="
#define OLDER_PEM                                                                                  \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsz9ugWDj5jK5ELBK42ynytbo38gP\n"                           \
    "HzZFI03Exwz8Lh/tCfL3YxwMdLjB+bMznsanlhK0RwcGP3IDb34kQDIo3Q==\n"                               \
    "-----END PUBLIC KEY-----"
#define OLDER_BODY                                                                                 \
    "[{\"token\":\"some_token\",\"type\":\"some_type\",\"url\":\"some_url\",\"source\":\"some_"    \
    "source\"}]"
#define OLDER_SIGNATURE                                                                            \
    "MEUCIFLZzeK++IhS+y276SRk2Pe5LfDrfvTXu6iwKKcFGCrvAiEAhHN2kDOhy2I6eGkOFmxNkOJ+"                 \
    "L2y8oQ9A2T9GGJo6WJY="

/* RFC 7515, A.3 and A.2. */
#define PAYLOAD                                                                                    \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl" \
    "fQ"
#define EC_JWK                                                                                     \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","     \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define EC_TEXT "eyJhbGciOiJFUzI1NiJ9." PAYLOAD
#define EC_SIGNATURE                                                                               \
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define RSA_N                                                                                      \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4" \
    "d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5re" \
    "xMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxX" \
    "FvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define RSA_JWK  "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}"
#define RSA_TEXT "eyJhbGciOiJSUzI1NiJ9." PAYLOAD
#define RSA_SIGNATURE                                                                              \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5" \
    "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb" \
    "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO" \
    "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"

struct bytes {
    uint8_t p[1200];
    size_t n;
};

static struct bytes decoded(enum base64 kind, const char *text)
{
    struct bytes b;
    assert_true(base64_decode(kind, str_c(text), b.p, sizeof b.p, &b.n));
    return b;
}

static struct str view(const struct bytes *b)
{
    return str_of((const char *)b->p, b->n);
}

static struct sign_key *jwk(const char *text, struct fault *f)
{
    struct json_tape tape;
    struct json v;
    json_tape_init(&tape, 100);
    assert_int_equal(json_parse(&tape, str_c(text), &v, f), ERR_OK);
    struct sign_key *k = sign_key_from_jwk(v, f);
    json_tape_release(&tape);
    return k;
}

static void check_github(const char *pem, const char *body, const char *signature)
{
    struct fault f;
    struct sign_key *k = sign_key_from_pem(str_c(pem), &f);
    struct bytes s = decoded(BASE64_PLAIN, signature);
    assert_non_null(k);
    assert_int_equal(sign_key_alg(k), SIGN_ES256);
    assert_true(sign_is_der(k, str_c(body), view(&s)));
    assert_false(sign_is_der(k, str_head(str_c(body), strlen(body) - 1), view(&s)));
    assert_false(sign_is_der(k, STR(""), view(&s)));
    assert_false(sign_is_der(k, str_c(body), STR("")));
    for (size_t i = 0; i < s.n; i++) {
        s.p[i] ^= 1;
        assert_false(sign_is_der(k, str_c(body), view(&s)));
        s.p[i] ^= 1;
        assert_false(sign_is_der(k, str_c(body), str_head(view(&s), i)));
    }
    s.p[s.n++] = 0;
    assert_false(sign_is_der(k, str_c(body), view(&s)));
    sign_key_free(k);
}

static void githubs_examples_are_signed(void **state)
{
    (void)state;
    check_github(GITHUB_PEM, GITHUB_BODY, GITHUB_SIGNATURE);
    check_github(OLDER_PEM, OLDER_BODY, OLDER_SIGNATURE);
}

static void another_key_did_not_sign_it(void **state)
{
    (void)state;
    struct sign_key *k = sign_key_from_pem(STR(OLDER_PEM), NULL);
    struct bytes s = decoded(BASE64_PLAIN, GITHUB_SIGNATURE);
    assert_false(sign_is_der(k, STR(GITHUB_BODY), view(&s)));
    sign_key_free(k);
}

static void check_jws(const char *key, const char *text, const char *signature)
{
    struct fault f;
    struct sign_key *k = jwk(key, &f);
    struct bytes s = decoded(BASE64_URL, signature);
    assert_non_null(k);
    assert_true(sign_is_jws(k, str_c(text), view(&s)));
    assert_false(sign_is_jws(k, str_skip(str_c(text), 1), view(&s)));
    assert_false(sign_is_jws(k, str_c(text), str_head(view(&s), s.n - 1)));
    assert_false(sign_is_jws(k, str_c(text), STR("")));
    for (size_t i = 0; i < s.n; i += 7) {
        s.p[i] ^= 0x80;
        assert_false(sign_is_jws(k, str_c(text), view(&s)));
        s.p[i] ^= 0x80;
    }
    memset(s.p, 0, s.n); /* r = s = 0: the "psychic" signature */
    assert_false(sign_is_jws(k, str_c(text), view(&s)));
    sign_key_free(k);
}

static void the_standards_examples_are_signed(void **state)
{
    (void)state;
    check_jws(EC_JWK, EC_TEXT, EC_SIGNATURE);
    check_jws(RSA_JWK, RSA_TEXT, RSA_SIGNATURE);
}

static void other_keys_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "{}",
        "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}",
        /* not on the curve */
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
        "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
        /* 512 bits */
        "{\"kty\":\"RSA\",\"n\":\"4f5wg5l2hKsTeNem_V41fGnJm6gOdrj8ym3rFkEU_"
        "wT8RDtnSgFEZOQpHEgQ7JL38xUf"
        "U0Y3g6aYw9QT0hJ7mQ\",\"e\":\"AQAB\"}",
        "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\"}",
        "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQABAQABAQABAQAB\"}",
        "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\",\"use\":\"enc\"}",
        "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\",\"alg\":\"RS512\"}",
        "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\",\"key_ops\":[\"encrypt\"]}",
        "[]",
    };
    struct fault f;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_null(jwk(wrong[i], &f));
    assert_null(sign_key_from_pem(STR(""), &f));
    assert_null(
        sign_key_from_pem(STR("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), &f));
    assert_null(sign_key_from_private(secret_of(STR("nothing")), &f));
    struct sign_key *k = jwk("{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\",\"use\":\"sig\","
                             "\"alg\":\"RS256\",\"key_ops\":[\"verify\"]}",
                             &f);
    assert_non_null(k);
    sign_key_free(k);
}

/* RFC 9449, section 6: the key of its examples and its `jkt`. */
static void a_key_has_a_thumbprint(void **state)
{
    (void)state;
    char thumbprint[SIGN_THUMBPRINT_CHARS];
    struct fault f;
    struct sign_key *k =
        jwk("{\"kty\":\"EC\",\"x\":\"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs\","
            "\"y\":\"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA\",\"crv\":\"P-256\"}",
            &f);
    assert_non_null(k);
    sign_key_thumbprint(k, thumbprint);
    assert_str(str_of(thumbprint, sizeof thumbprint),
               "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    sign_key_free(k);
}

static void our_own_keys_sign_and_read_back(void **state)
{
    (void)state;
    uint8_t signature[SIGN_ES256_BYTES];
    struct fault f;
    struct buf der, text;
    buf_init(&der, 1000);
    buf_init(&text, 1000);
    struct sign_key *k = sign_key_generate(&f), *other = sign_key_generate(&f);
    assert_non_null(k);
    assert_int_equal(sign_key_add_private(k, &der), ERR_OK);
    struct sign_key *again = sign_key_from_private(secret_of(buf_view(&der)), &f);
    assert_non_null(again);
    struct json_writer w;
    json_writer_init(&w, &text);
    sign_key_write_jwk(k, NULL, STR("a"), &w);
    assert_int_equal(jw_finish(&w), ERR_OK);
    buf_add(&text, str_of("", 1));
    struct sign_key *public = jwk(text.p, &f);
    assert_non_null(public);
    for (int i = 0; i < 300; i++) { /* r and s with leading zeros are among them */
        struct str s = str_of((const char *)signature, sizeof signature);
        assert_int_equal(sign_jws(i % 2 ? k : again, STR("what is said"), signature), ERR_OK);
        assert_true(sign_is_jws(public, STR("what is said"), s));
        assert_false(sign_is_jws(other, STR("what is said"), s));
    }
    assert_int_not_equal(sign_jws(public, STR("x"), signature), ERR_OK);
    sign_key_free(k);
    sign_key_free(other);
    sign_key_free(again);
    sign_key_free(public);
    sign_key_free(NULL);
    buf_release(&der);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(githubs_examples_are_signed),
        cmocka_unit_test(another_key_did_not_sign_it),
        cmocka_unit_test(the_standards_examples_are_signed),
        cmocka_unit_test(other_keys_are_refused),
        cmocka_unit_test(a_key_has_a_thumbprint),
        cmocka_unit_test(our_own_keys_sign_and_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
