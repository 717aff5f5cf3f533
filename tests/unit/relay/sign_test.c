#include "unit/unit.h"

#include "base/clock.h"
#include "relay/sign.h"

/* Signatures were computed by another program, by the steps of AWS's "Create a signed AWS API
 * request". */
static const struct {
    const char *base_url, *session, *lines;
} rows[] = {
    {"https://bedrock-runtime.us-east-1.amazonaws.com", "",
     "X-Amz-Date: 20150830T123600Z\r\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/bedrock/aws4_request, "
     "SignedHeaders=content-type;host;x-amz-date, "
     "Signature=75868df30b905a4016e60939430417a276eac249309536ed62568401eac794dd\r\n"},
    {"http://127.0.0.1:81/base", "tok",
     "X-Amz-Date: 20150830T123600Z\r\n"
     "X-Amz-Security-Token: tok\r\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/bedrock/aws4_request, "
     "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, "
     "Signature=58f78eea6481babda6fe2cbe5964b039526258901e6e50f7e05b0306433f6222\r\n"},
};

static struct provider provider(const char *base_url, const char *session)
{
    return (struct provider){.base_url = str_c(base_url),
                             .aws = {.region = STR("us-east-1"),
                                     .key_id = STR("AKID"),
                                     .secret = secret_of(STR("secret")),
                                     .session = secret_of(str_c(session))}};
}

static void a_request_is_signed_at_the_clocks_time(void **state)
{
    (void)state;
    clock_wall_set(INT64_C(1440938160999));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out;
        struct provider p = provider(rows[i].base_url, rows[i].session);
        buf_init(&out, 4096);
        assert_int_equal(relay_sign(&p, STR("/model/a.b-v1%3A0/converse"), STR("{\"a\":1}"), &out),
                         ERR_OK);
        assert_str(buf_view(&out), rows[i].lines);
        buf_release(&out);
    }
    clock_wall_release();
}

static void without_a_key_nothing_is_signed(void **state)
{
    (void)state;
    struct buf out;
    struct provider p = provider("http://h", "");
    p.aws.key_id = STR_NONE;
    buf_init(&out, 4096);
    assert_int_equal(relay_sign(&p, STR("/model/a/converse"), STR("{}"), &out), ERR_OK);
    assert_int_equal(out.n, 0);
    buf_release(&out);
}

static void what_does_not_fit_is_told(void **state)
{
    (void)state;
    struct buf out;
    struct provider p = provider("http://h", "");
    for (size_t max = 0; max < 100; max += 10) {
        buf_init(&out, max);
        assert_int_equal(relay_sign(&p, STR("/model/a/converse"), STR("{}"), &out), ERR_TOO_BIG);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_signed_at_the_clocks_time),
        cmocka_unit_test(without_a_key_nothing_is_signed),
        cmocka_unit_test(what_does_not_fit_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
