#include "unit/unit.h"

#include "base/clock.h"
#include "crypto/sigv4.h"
#include "sim/internal.h"

enum { NOW_S = 1440938160 }; /* 2015-08-30T12:36:00Z */

static const struct sim_aws known = {
    STR_INIT("AKIDEXAMPLE"), {STR_INIT("secret")}, {STR_INIT("tok")}};

/* One request as it came, and what it is signed with. */
static struct came {
    struct sim sim;
    struct sim_call call;
    struct sigv4_key key;
    struct sigv4_request request;
    struct buf lines;
} came;

static int set_up(void **state)
{
    (void)state;
    came = (struct came){.sim.aws = known};
    came.call.sim = &came.sim;
    buf_init(&came.lines, 4096);
    buf_init(&came.call.body, 4096);
    came.key = (struct sigv4_key){known.key_id, known.secret, known.session};
    came.request = (struct sigv4_request){.method = STR("POST"),
                                          .host = STR("h:1"),
                                          .path = STR("/model/a%3A0/converse"),
                                          .content_type = STR("application/json"),
                                          .body = STR("{}"),
                                          .region = STR("us-east-1"),
                                          .service = STR("bedrock"),
                                          .now = NOW_S};
    clock_wall_set((int64_t)NOW_S * 1000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    clock_wall_release();
    buf_release(&came.lines);
    buf_release(&came.call.body);
    return 0;
}

static struct str line(const char *name)
{
    struct str all = buf_view(&came.lines);
    struct str rest = str_skip(all, str_find(all, str_c(name)) + strlen(name));
    return str_cut(&rest, '\r');
}

/* Signed as came.key and came.request say, it comes as they say. */
static void sign(void)
{
    assert_int_equal(sigv4_sign(&came.key, &came.request, &came.lines), ERR_OK);
    buf_add(&came.call.body, came.request.body);
    came.call.query = came.request.query;
    came.call.signs = (struct sim_signed){
        .host = came.request.host,
        .path = came.request.path,
        .type = STR("application/json"),
        .date = line("X-Amz-Date: "),
        .token = secret_reveal(came.key.session),
        .authorization = line("Authorization: "),
    };
}

static void assert_denied(const char *expected)
{
    struct fault f;
    assert_int_equal(sim__check_signature(&came.call, &f), ERR_AUTH);
    assert_non_null(strstr(f.message, expected));
}

static void assert_taken(void)
{
    struct fault f;
    assert_int_equal(sim__check_signature(&came.call, &f), ERR_OK);
}

static void what_is_signed_is_taken(void **state)
{
    (void)state;
    sign();
    assert_taken();
    clock_wall_set((int64_t)(NOW_S + 299) * 1000);
    assert_taken();
}

static void without_a_key_anybody_may_ask(void **state)
{
    (void)state;
    came.sim.aws = (struct sim_aws){.key_id = STR_NONE};
    assert_taken();
}

static void what_is_not_signed_is_denied(void **state)
{
    (void)state;
    assert_denied("Missing Authentication Token");
    came.call.signs.authorization = STR("Bearer key");
    assert_denied("requires 'Credential'");
}

static void another_key_is_denied(void **state)
{
    (void)state;
    came.key.secret = secret_of(STR("other"));
    sign();
    assert_denied("does not match");
}

static void another_id_is_denied(void **state)
{
    (void)state;
    came.key.id = STR("AKIDOTHER");
    sign();
    assert_denied("security token");
}

static void another_session_is_denied(void **state)
{
    (void)state;
    came.key.session = secret_of(STR("old"));
    sign();
    assert_denied("security token");
}

static void a_signature_is_good_for_five_minutes(void **state)
{
    (void)state;
    sign();
    clock_wall_set((int64_t)(NOW_S + 301) * 1000);
    assert_denied("expired");
    clock_wall_set((int64_t)(NOW_S - 301) * 1000);
    assert_denied("expired");
}

static void another_service_is_denied(void **state)
{
    (void)state;
    came.request.service = STR("s3");
    sign();
    assert_denied("requires 'Credential'");
}

static void what_was_changed_on_the_way_is_noticed(void **state)
{
    (void)state;
    struct str *const parts[] = {&came.call.signs.host, &came.call.signs.path,
                                 &came.call.signs.type, &came.call.query};
    sign();
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        struct str before = *parts[i];
        *parts[i] = STR("/other");
        assert_denied("does not match");
        *parts[i] = before;
    }
    assert_taken();
    came.call.body.p[1] = ' ';
    assert_denied("does not match");
}

#define SIGNATURE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIGNATURE_TEST(what_is_signed_is_taken),
        SIGNATURE_TEST(without_a_key_anybody_may_ask),
        SIGNATURE_TEST(what_is_not_signed_is_denied),
        SIGNATURE_TEST(another_key_is_denied),
        SIGNATURE_TEST(another_id_is_denied),
        SIGNATURE_TEST(another_session_is_denied),
        SIGNATURE_TEST(a_signature_is_good_for_five_minutes),
        SIGNATURE_TEST(another_service_is_denied),
        SIGNATURE_TEST(what_was_changed_on_the_way_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
