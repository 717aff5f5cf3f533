#include "unit/unit.h"

#include "app/mail_text.h"

static struct buf made;

static const char *make(const char *subject, const char *text)
{
    struct mail_text m = {.from = STR("turnpike@gateway.example"),
                          .to = STR("a@b.c"),
                          .subject = str_c(subject),
                          .text = str_c(text),
                          .id = 7,
                          .created_ms = INT64_C(1767225600123)};
    buf_release(&made);
    buf_init(&made, 1 << 20);
    assert_int_equal(mail_text_add(&made, &m), ERR_OK);
    buf_add(&made, str_of("", 1));
    return made.p;
}

static const char *body(const char *text)
{
    const char *end = strstr(make("x", text), "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

static void a_mail_is_written_whole(void **state)
{
    (void)state;
    assert_string_equal(make("Hello", "One\nTwo\n"),
                        "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n"
                        "From: Turnpike <turnpike@gateway.example>\r\n"
                        "To: <a@b.c>\r\n"
                        "Subject: Hello\r\n"
                        "Message-ID: <7.1767225600123@gateway.example>\r\n"
                        "Auto-Submitted: auto-generated\r\n"
                        "MIME-Version: 1.0\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: quoted-printable\r\n"
                        "\r\n"
                        "One\r\nTwo\r\n");
}

static void other_subjects_are_encoded(void **state)
{
    (void)state;
    assert_non_null(
        strstr(make("Schl\xc3\xbcssel", ""), "\r\nSubject: =?utf-8?B?U2NobMO8c3NlbA==?=\r\n"));
    assert_non_null(strstr(make("=?utf-8?B?eA==?=", ""),
                           "\r\nSubject: =?utf-8?B?PT91dGYtOD9CP2VBPT0/PQ==?=\r\n"));
    assert_non_null(strstr(make("a\r\nBcc: b@c", ""), "\r\nSubject: =?utf-8?B?"));
    assert_null(strstr(made.p, "\r\nBcc"));
    char many[181] = "";
    for (int i = 0; i < 60; i++)
        strcat(many, "\xe2\x82\xac"); /* 3 bytes each: words end between characters */
    make(many, "");
    for (const char *line = made.p, *end; (end = strstr(line, "\r\n")); line = end + 2)
        assert_true(end - line <= 76 + 9);
    assert_non_null(strstr(
        made.p,
        "=?utf-8?B?4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs?=\r\n =?utf-8?B?"));
}

static void lines_are_short_and_plain(void **state)
{
    (void)state;
    assert_string_equal(body("a=b \xc3\xa4\t\n\n. \n"), "a=3Db =C3=A4=09\r\n\r\n.=20\r\n");
    assert_string_equal(body("no end"), "no end\r\n");
    static char text[5000];
    uint64_t seed = 5;
    for (size_t i = 0; i + 1 < sizeof text; i++)
        text[i] = (char)(1 + next_random(&seed) % 255);
    const char *b = body(text);
    for (const char *line = b, *end; (end = strstr(line, "\r\n")); line = end + 2) {
        assert_true(end - line <= 76);
        for (const char *p = line; p < end; p++)
            assert_true((*p >= ' ' && *p <= '~') || *p == '\t');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_is_written_whole),
        cmocka_unit_test(other_subjects_are_encoded),
        cmocka_unit_test(lines_are_short_and_plain),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_release(&made);
    return failed;
}
