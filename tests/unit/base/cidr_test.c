#include "unit/unit.h"

#include "base/cidr.h"

static struct cidr range(const char *text)
{
    struct cidr c;
    if (!cidr_parse(str_c(text), &c))
        fail_msg("%s is refused", text);
    return c;
}

static bool has(const char *r, const char *text)
{
    struct cidr c = range(r);
    struct address a;
    assert_true(address_parse(str_c(text), &a));
    return cidr_has(&c, &a);
}

static void ranges_hold_what_they_say(void **state)
{
    (void)state;
    assert_true(has("10.0.0.0/8", "10.255.255.255"));
    assert_false(has("10.0.0.0/8", "11.0.0.0"));
    assert_true(has("192.0.2.1", "192.0.2.1"));
    assert_false(has("192.0.2.1", "192.0.2.2"));
    assert_true(has("192.0.2.128/25", "192.0.2.200"));
    assert_false(has("192.0.2.128/25", "192.0.2.127"));
    assert_true(has("0.0.0.0/0", "255.255.255.255"));
    assert_false(has("0.0.0.0/0", "::1"));
    assert_true(has("::/0", "::1") && has("::/0", "1.2.3.4"));
    assert_true(has("2001:db8::/32", "2001:db8:ffff::1"));
    assert_false(has("2001:db8::/32", "2001:db9::1"));
    assert_true(has("2001:db8::1", "2001:db8:0:0::1"));
}

static void ipv4_counts_as_itself_however_it_is_written(void **state)
{
    (void)state;
    assert_true(has("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert_true(has("::ffff:10.0.0.0/104", "10.1.2.3"));
    assert_true(has("10.1.2.3", "::ffff:a01:203"));
}

static void what_is_no_range_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",      "10.0.0.0/33", "10.0.0.0/",   "10.0.0/8",    "10.1.2.3/8",    "::1/129",
        "x",     "::/0/1",      "10.0.0.0/-1", "010.0.0.0",   "1.2.3.4 ",      "/8",
        "[::1]", "fe80::1%e",   "1.2.3.4:80",  "10.0.0.0/ 8", "2001:db8::1/64"};
    struct cidr c;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (cidr_parse(str_c(wrong[i]), &c))
            fail_msg("%s is taken", wrong[i]);
    }
    assert_false(cidr_parse(str_of("1.2.3.4\0", 8), &c));
}

static void texts_come_back(void **state)
{
    (void)state;
    static const char *const texts[] = {"10.0.0.0/8", "192.0.2.1",     "0.0.0.0/0", "::/0",
                                        "::1",        "2001:db8::/32", "fe80::/10"};
    char room[CIDR_TEXT_MAX];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct cidr c = range(texts[i]);
        assert_str(cidr_text(&c, room), texts[i]);
    }
    struct cidr c = range("2001:0DB8:0000::/32");
    assert_str(cidr_text(&c, room), "2001:db8::/32");
}

static const char *behind(const char *peer, const char *forwarded, char room[CIDR_TEXT_MAX])
{
    struct cidr trusted[] = {range("10.0.0.0/8"), range("::1")};
    struct address a;
    assert_true(address_parse(str_c(peer), &a));
    a = address_behind(a, str_c(forwarded), trusted, 2);
    return address_text(&a, room).p;
}

static void proxies_are_believed_from_right_to_left(void **state)
{
    (void)state;
    char room[CIDR_TEXT_MAX];
    static const struct {
        const char *peer, *forwarded, *client;
    } rows[] = {
        {"192.0.2.9", "1.1.1.1", "192.0.2.9"}, /* no proxy of ours: it says what it likes */
        {"10.0.0.1", "", "10.0.0.1"},
        {"10.0.0.1", "1.1.1.1", "1.1.1.1"},
        {"10.0.0.1", "6.6.6.6, 1.1.1.1", "1.1.1.1"}, /* what the client put there itself */
        {"10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1"},
        {"10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"},
        {"::1", "2001:db8::7", "2001:db8::7"},
        {"10.0.0.1", "[2001:db8::7]:443", "2001:db8::7"},
        {"10.0.0.1", "1.1.1.1:5000", "1.1.1.1"},
        {"10.0.0.1", "1.1.1.1, unknown", "10.0.0.1"}, /* not passed over: it may hide anyone */
        {"10.0.0.1", "1.1.1.1,", "10.0.0.1"},
        {"::ffff:10.0.0.1", "1.1.1.1", "1.1.1.1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(behind(rows[i].peer, rows[i].forwarded, room), rows[i].client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_hold_what_they_say),
        cmocka_unit_test(ipv4_counts_as_itself_however_it_is_written),
        cmocka_unit_test(what_is_no_range_is_refused),
        cmocka_unit_test(texts_come_back),
        cmocka_unit_test(proxies_are_believed_from_right_to_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
