#include "unit/unit.h"

#include "crypto/sigv4.h"

/* 2015-08-30T12:36:00Z */
enum { THEN = 1440938160 };

/* AWS's own: the Signature Version 4 test suite, and the example of its documentation (IAM's
 * ListUsers). */
static const struct {
    const char *method, *path, *query, *content_type, *body, *session, *service, *host;
    const char *names, *signature;
} vectors[] = {
    {"GET", "/", "", "", "", "", "service", "example.amazonaws.com", "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"POST", "/", "", "", "", "", "service", "example.amazonaws.com", "host;x-amz-date",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"GET", "/\xe1\x88\xb4", "", "", "", "", "service", "example.amazonaws.com", "host;x-amz-date",
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "", "", "", "",
     "service", "example.amazonaws.com", "host;x-amz-date",
     "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {"GET", "/", "Param1=value1&Param2=value2", "", "", "", "service", "example.amazonaws.com",
     "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"GET", "/", "", "", "", "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
     "service", "example.amazonaws.com", "host;x-amz-date;x-amz-security-token",
     "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
    {"POST", "/", "", "application/x-www-form-urlencoded", "Param1=value1", "", "service",
     "example.amazonaws.com", "content-type;host;x-amz-date",
     "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    {"GET", "/", "Action=ListUsers&Version=2010-05-08",
     "application/x-www-form-urlencoded; charset=utf-8", "", "", "iam", "iam.amazonaws.com",
     "content-type;host;x-amz-date",
     "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
};

static void signatures_are_those_that_aws_publishes(void **state)
{
    struct buf out, expected;
    (void)state;
    buf_init(&out, 4096);
    buf_init(&expected, 4096);
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        struct sigv4_key key = {
            .id = STR("AKIDEXAMPLE"),
            .secret = secret_of(STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")),
            .session = secret_of(str_c(vectors[i].session)),
        };
        struct sigv4_request r = {
            .method = str_c(vectors[i].method),
            .host = str_c(vectors[i].host),
            .path = str_c(vectors[i].path),
            .query = str_c(vectors[i].query),
            .content_type = str_c(vectors[i].content_type),
            .body = str_c(vectors[i].body),
            .region = STR("us-east-1"),
            .service = str_c(vectors[i].service),
            .now = THEN,
        };
        buf_reset(&out);
        buf_reset(&expected);
        assert_int_equal(sigv4_sign(&key, &r, &out), ERR_OK);
        buf_printf(&expected, "X-Amz-Date: 20150830T123600Z\r\n");
        if (vectors[i].session[0])
            buf_printf(&expected, "X-Amz-Security-Token: %s\r\n", vectors[i].session);
        buf_printf(&expected,
                   "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/%s/"
                   "aws4_request, SignedHeaders=%s, Signature=%s\r\n",
                   vectors[i].service, vectors[i].names, vectors[i].signature);
        assert_int_equal(out.n, expected.n);
        assert_memory_equal(out.p, expected.p, out.n);
    }
    buf_release(&out);
    buf_release(&expected);
}

static void a_key_too_long_is_refused(void **state)
{
    static char text[300];
    struct buf out;
    (void)state;
    memset(text, 'a', sizeof text);
    buf_init(&out, 4096);
    struct sigv4_key key = {.id = STR("A"), .secret = secret_of(str_of(text, sizeof text))};
    struct sigv4_request r = {.method = STR("GET"), .path = STR("/")};
    assert_int_equal(sigv4_sign(&key, &r, &out), ERR_TOO_BIG);
    assert_int_equal(out.n, 0);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_that_aws_publishes),
        cmocka_unit_test(a_key_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
