#include "unit/unit.h"

#include "site/signin_page.h"

static struct str escaped(struct str s, char room[512])
{
    struct buf b = {.p = room, .cap = 512, .max = 512};
    html_text(&b, s);
    assert_int_equal(b.failed, ERR_OK);
    return buf_view(&b);
}

static void what_means_something_in_html_is_escaped(void **state)
{
    char room[512];
    (void)state;
    assert_str(escaped(STR("plain text, 1 + 1"), room), "plain text, 1 + 1");
    assert_str(escaped(STR("<b>&\"'x"), room), "&lt;b&gt;&amp;&quot;&#39;x");
    assert_str(escaped(STR("<<>>"), room), "&lt;&lt;&gt;&gt;");
    assert_str(escaped(STR("a\x01\x02"
                           "b\x7f\nc"),
                       room),
               "ab\nc");
    assert_str(escaped(STR("gr\xc3\xbc\xc3\x9f"), room), "gr\xc3\xbc\xc3\x9f");
    assert_str(escaped(STR(""), room), "");
}

static void count_in(struct str page, const char *what, size_t wanted)
{
    size_t n = 0;
    for (;;) {
        size_t at = str_find(page, str_c(what));
        if (at == page.n)
            break;
        n++;
        page = str_skip(page, at + 1);
    }
    if (n != wanted)
        fail_msg("%zu times, not %zu: %s", n, wanted, what);
}

/* Whatever people type comes back as text. */
static void pages_escape_what_they_are_given(void **state)
{
    const struct str evil = STR("\"><script>alert('x')</script>"), names[] = {evil};
    struct signin_view v = {.page = {.title = "Sign in", .csrf = evil, .error = evil},
                            .email = evil,
                            .return_to = evil,
                            .app = evil,
                            .oidc = names,
                            .oidc_n = 1,
                            .by_mail = true,
                            .may_signup = true};
    struct join_view j = {.page = {.title = "Join", .email = evil, .csrf = evil, .notice = evil},
                          .action = "/join",
                          .button = "Join",
                          .text = "ours",
                          .email = evil,
                          .token = evil};
    struct buf out;
    (void)state;
    buf_init(&out, 65536);
    signin_page(&out, &v);
    join_page(&out, &j);
    assert_int_equal(out.failed, ERR_OK);
    count_in(buf_view(&out), "<script", 0);
    count_in(buf_view(&out), "\">alert", 0);
    count_in(buf_view(&out), "style=", 0); /* the policy forbids it */
    count_in(buf_view(&out), "onclick", 0);
    count_in(buf_view(&out), "</html>", 2);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_means_something_in_html_is_escaped),
        cmocka_unit_test(pages_escape_what_they_are_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
