#include "unit/unit.h"

#include "auth/key_json.h"

static const char *written(const struct key *k, int64_t now_ms)
{
    static char text[4096];
    struct buf out;
    struct json_writer w;
    buf_init(&out, sizeof text - 1);
    json_writer_init(&w, &out);
    key_write_json(&w, NULL, k, now_ms);
    assert_int_equal(jw_finish(&w), ERR_OK);
    memcpy(text, out.p, out.n);
    text[out.n] = '\0';
    buf_release(&out);
    return text;
}

static void a_key_without_limit_has_nulls(void **state)
{
    (void)state;
    struct key k = {
        .name = "my \"key\"", .label = "sk-tp-v1-abc...123", .limit = NO_LIMIT, .created_ms = 1000};
    assert_string_equal(
        written(&k, 5000),
        "{\"hash\":\"0000000000000000000000000000000000000000000000000000000000000000\",\"name\":"
        "\"my \\\"key\\\"\","
        "\"label\":\"sk-tp-v1-abc...123\",\"disabled\":false,\"limit\":null,\"limit_remaining\":"
        "null,"
        "\"limit_reset\":null,\"include_byok_in_limit\":false,\"usage\":0,\"usage_daily\":0,"
        "\"usage_weekly\":0,"
        "\"usage_monthly\":0,\"byok_usage\":0,\"byok_usage_daily\":0,\"byok_usage_weekly\":0,"
        "\"byok_usage_monthly\":0,"
        "\"created_at\":\"1970-01-01T00:00:01Z\",\"updated_at\":null,\"expires_at\":null,"
        "\"last_used_at\":null,\"creator_user_id\":null,"
        "\"external_user\":null,\"workspace_id\":\"00000000-0000-0000-0000-000000000000\","
        "\"allowed_models\":null,\"allowed_providers\":null,\"rate_limit\":null}");
}

static void what_remains_of_a_limit_comes_back_with_its_window(void **state)
{
    (void)state;
    const int64_t day = 86400000;
    struct key k = {.name = "k",
                    .limit = 2 * NANOS_PER_USD,
                    .reset = WINDOW_DAY,
                    .disabled = true,
                    .created_ms = 1,
                    .updated_ms = 2,
                    .expires_ms = 10 * day};
    usage_add(&k.usage, 4 * day + 5, 500000001);
    const char *text = written(&k, 4 * day + 6);
    assert_non_null(
        strstr(text, "\"limit\":2,\"limit_remaining\":1.499999999,\"limit_reset\":\"daily\""));
    assert_non_null(strstr(text, "\"usage\":0.500000001,\"usage_daily\":0.500000001,"));
    assert_non_null(strstr(text, "\"disabled\":true"));
    assert_non_null(strstr(text, "\"expires_at\":\"1970-01-11T00:00:00Z\""));
    text = written(&k, 5 * day);
    assert_non_null(strstr(text, "\"limit\":2,\"limit_remaining\":2,"));
    assert_non_null(
        strstr(text, "\"usage\":0.500000001,\"usage_daily\":0,\"usage_weekly\":0.500000001,"));
}

static void a_key_that_is_over_its_limit_has_nothing_left(void **state)
{
    (void)state;
    struct key k = {.name = "k", .limit = 1, .created_ms = 1};
    usage_add(&k.usage, 5, 3);
    assert_non_null(
        strstr(written(&k, 6), "\"limit\":0.000000001,\"limit_remaining\":0,\"limit_reset\":null"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_without_limit_has_nulls),
        cmocka_unit_test(what_remains_of_a_limit_comes_back_with_its_window),
        cmocka_unit_test(a_key_that_is_over_its_limit_has_nothing_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
