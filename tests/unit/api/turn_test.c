/* Limits turn at the right instant: the last millisecond of a window and the first of the next one, as
 * requests, GET /key and GET /keys/{hash} see it. The clock is moved over a day, a week, a month, a leap
 * day and a year. */
#define GATEWAY_WITH_API
#include "unit/relay/gateway.h"

#include "base/codec.h"

enum { DAY = 1 << WINDOW_DAY, WEEK = 1 << WINDOW_WEEK, MONTH = 1 << WINDOW_MONTH };

/* In the order of time: a clock that goes back is another matter (ledger_test.c). */
static const struct instant {
    const char *last, *first;
    unsigned turns; /* which windows */
} instants[] = {
    {"2026-01-01T23:59:59.999Z", "2026-01-02T00:00:00Z", DAY},
    {"2026-01-04T23:59:59.999Z", "2026-01-05T00:00:00Z", DAY | WEEK},         /* Sunday, Monday */
    {"2026-02-28T23:59:59.999Z", "2026-03-01T00:00:00Z", DAY | MONTH},        /* no leap year */
    {"2026-05-31T23:59:59.999Z", "2026-06-01T00:00:00Z", DAY | WEEK | MONTH}, /* a Monday */
    {"2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00Z", DAY | MONTH},        /* a year */
    {"2028-02-28T23:59:59.999Z", "2028-02-29T00:00:00Z", DAY},                /* to a leap day */
    {"2028-02-29T23:59:59.999Z", "2028-03-01T00:00:00Z", DAY | MONTH},        /* from one */
    {"2029-12-30T23:59:59.999Z", "2029-12-31T00:00:00Z", DAY | WEEK}, /* over a year's end */
    {"2100-02-28T23:59:59.999Z", "2100-03-01T00:00:00Z", DAY | WEEK | MONTH}, /* no leap year */
};

static int64_t ms(const char *iso)
{
    int64_t out;
    assert_true(clock_parse_iso(str_c(iso), &out));
    return out;
}

/* --- what is asked --- */

#define ASKED CHAT("test/one", ",\"max_tokens\":100")
/* What USAGE(1000, 100) costs. */
#define SPENT (INT64_C(1000) * PROMPT_PRICE / 1000 + INT64_C(100) * COMPLETION_PRICE / 1000)

static void spend(const struct made_key *k)
{
    struct end *c = client_ask(k, ASKED);
    answer_json(asked(&gw.makers[0]), 200, "", WHOLE_ANSWER(USAGE(1000, 100)));
    assert_answer(c, 200, "hello");
    end_drop(c);
    makers_hang_up();
}

static void assert_refused(const struct made_key *k, int status, const char *says)
{
    struct end *c = client_ask(k, ASKED);
    assert_answer(c, status, says);
    end_drop(c);
    assert_int_equal(gw.makers[0].n, 0);
}

static void assert_page(const struct made_key *k, const char *path, const char *says)
{
    char head[500], line[120];
    snprintf(line, sizeof line, "GET /api/v1/%s", path);
    struct end *c = client_connect();
    client_head(head, sizeof head, k, line, 0);
    end_send(c, str_c(head));
    assert_answer(c, 200, says);
    end_drop(c);
    WAIT_FOR(api_is_idle(gw.api));
}

static struct made_key manager_of(const struct made_key *k)
{
    struct made_key m;
    struct store_key_create c = {.key = {.limit = NO_LIMIT, .account_id = k->row.account_id}};
    key_make(gw.shared.key_prefix, true, m.text, &c.key);
    do_call(&c.call, STORE_KEY_CREATE);
    assert_int_equal(c.call.err, ERR_OK);
    m.row = c.key;
    return m;
}

/* --- what is shown --- */

static void add_usd(struct buf *b, const char *name, nanos n)
{
    buf_printf(b, ",\"%s\":", name);
    money_add_usd(b, n);
}

/* Both pages tell what counts when the windows of `turned` have turned since all was spent. */
static void assert_shown(const struct made_key *k, const struct made_key *manager, nanos limit,
                         enum window reset, unsigned turned)
{
    static const char *const names[WINDOW__COUNT] = {"usage", "usage_daily", "usage_weekly",
                                                     "usage_monthly"};
    char room[300], path[80] = "keys/";
    struct buf b = {.p = room, .cap = sizeof room - 1, .max = sizeof room - 1};
    hex_encode(path + 5, k->row.hash, KEY_HASH_BYTES);
    path[5 + 2 * KEY_HASH_BYTES] = '\0';
    add_usd(&b, "limit", limit);
    add_usd(&b, "limit_remaining", turned & 1u << reset ? limit : limit - SPENT);
    buf_printf(&b, ",\"limit_reset\":\"%s\"%c", window_name(reset), '\0');
    assert_page(k, "key", room);
    assert_page(manager, path, room);
    buf_reset(&b);
    for (enum window w = WINDOW_NONE; w < WINDOW__COUNT; w++)
        add_usd(&b, names[w], turned & 1u << w ? 0 : SPENT);
    buf_printf(&b, ",\"byok_usage\":%c", '\0');
    assert_page(k, "key", room);
    assert_page(manager, path, room);
}

/* --- the turns --- */

static void cross(const struct instant *at, enum window reset, nanos left, int status,
                  const char *says)
{
    const nanos limit = SPENT + left;
    clock_wall_set(ms(at->last));
    struct made_key k =
        key_for(&(struct terms){.credit = NANOS_PER_USD, .limit = limit, .reset = reset});
    struct made_key manager = manager_of(&k);
    spend(&k);
    assert_shown(&k, &manager, limit, reset, 0);
    assert_refused(&k, status, says);
    clock_wall_set(ms(at->first));
    assert_shown(&k, &manager, limit, reset, at->turns);
    if (at->turns & 1u << reset) {
        spend(&k);
        assert_int_equal(settled_by(&k), 2 * SPENT); /* the account's own credit never turns */
    }
    assert_refused(&k, status, says);
}

static void a_used_up_limit_turns_at_the_instant(void **state)
{
    (void)state;
    static const char *const says[WINDOW__COUNT] = {NULL, "(daily limit)", "(weekly limit)",
                                                    "(monthly limit)"};
    for (size_t i = 0; i < COUNT_OF(instants); i++) {
        for (enum window w = WINDOW_DAY; w < WINDOW__COUNT; w++)
            cross(&instants[i], w, 0, 403, says[w]);
    }
}

static void so_does_one_of_which_too_little_is_left(void **state)
{
    (void)state;
    const nanos too_little = price_bound(&usual_price, strlen(ASKED), 100) - 1;
    for (size_t i = 0; i < COUNT_OF(instants); i++) {
        for (enum window w = WINDOW_DAY; w < WINDOW__COUNT; w++)
            cross(&instants[i], w, too_little, 402, "can only afford 99.");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_used_up_limit_turns_at_the_instant, tidy),
        cmocka_unit_test_teardown(so_does_one_of_which_too_little_is_left, tidy),
    };
    return cmocka_run_group_tests(tests, gateway_begin, gateway_end);
}
