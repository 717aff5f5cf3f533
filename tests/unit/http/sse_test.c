#include "unit/unit.h"

#include <stdio.h>

#include "http/sse.h"

struct golden {
    const char *text, *events; /* each as "name|data;" */
    uint32_t comments;
    bool is_mid;
};

static const struct golden goldens[] = {
    {"data: hello\n\n", "|hello;", 0, false},
    {"data:hello\n\ndata:  two spaces\n\n", "|hello;| two spaces;", 0, false},
    {"data: hello\r\n\r\ndata: again\r\n\r\n", "|hello;|again;", 0, false},
    {"data: hello\r\rdata: again\r\r", "|hello;|again;", 0, false},
    {"data: a\r\n\ndata: b\n\rdata: c\r\r\n", "|a;|b;|c;", 0, false},
    {"data: YHOO\ndata: +2\ndata: 10\n\n", "|YHOO\n+2\n10;", 0, false},
    {"data\n\ndata\ndata\n\ndata:", "|;|\n;", 0, true},
    {"data:\n\n", "|;", 0, false},
    {"\n\n\r\n\r", "", 0, false},
    {": comment\n\n:\n: OPENROUTER PROCESSING\n\ndata: x\n\n", "|x;", 3, false},
    {"event: message_start\ndata: {\"a\":1}\n\nevent: ping\ndata: {}\n\n",
     "message_start|{\"a\":1};ping|{};", 0, false},
    {"data: {}\nevent: late\n\n", "late|{};", 0, false},
    {"event: lost\n\ndata: x\n\n", "|x;", 0, false},
    {"event: one\nevent: two\ndata: x\n\n", "two|x;", 0, false},
    {"event: one\nevent\ndata: x\n\n", "|x;", 0, false},
    {"id: 7\nretry: 10\nunknown: y\nDATA: no\ndata : no\n data: no\ndata: yes\n\n", "|yes;", 0,
     false},
    {"\xef\xbb\xbf"
     "data: bom\n\n\xef\xbb\xbf"
     "data: not a bom\n\n",
     "|bom;", 0, false},
    {"data: {\"a\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"}\n\ndata: [DONE]\n\n",
     "|{\"a\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"};|[DONE];", 0, false},
    {"data: one\n\ndata: cut", "|one;", 0, true},
    {"data: one\n\ndata: cut\n", "|one;", 0, true},
    {"data: one\n\nevent: x\n", "|one;", 0, true},
    {"data: one\n\n: x\n", "|one;", 1, false},
    {"data: a:b: c\n\ndata::\n\n", "|a:b: c;|:;", 0, false},
};

struct seen {
    char text[4096];
    size_t n;
    enum err err;
    unsigned events, fails_at;
};

static enum err on_event(void *user, const struct sse_event *e)
{
    struct seen *s = user;
    s->n += (size_t)snprintf(s->text + s->n, sizeof s->text - s->n, "%.*s|%.*s;", STR_ARG(e->name),
                             STR_ARG(e->data));
    assert_true(s->n < sizeof s->text);
    return ++s->events == s->fails_at ? ERR_CANCELLED : ERR_OK;
}

/* Each piece in memory of its own, so that a sanitizer sees views that outlive it. */
static enum err feed_copy(struct sse *s, struct str bytes, struct seen *seen)
{
    char *copy = test_malloc(bytes.n + 1);
    memcpy(copy, bytes.p, bytes.n);
    enum err e = sse_feed(s, str_of(copy, bytes.n), on_event, seen);
    memset(copy, '#', bytes.n);
    test_free(copy);
    return e;
}

static void check(const struct golden *g, const struct seen *seen, const struct sse *s)
{
    if (strcmp(seen->text, g->events) != 0)
        print_error("of: %s\n", g->text);
    assert_string_equal(seen->text, g->events);
    assert_int_equal(s->comments, g->comments);
    assert_int_equal(sse_is_mid_event(s), g->is_mid);
}

static void golden_streams_give_their_events_split_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(goldens); i++) {
        struct str text = str_c(goldens[i].text);
        for (size_t a = 0; a <= text.n; a++) {
            for (size_t b = a; b <= text.n; b++) {
                struct seen seen = {.n = 0};
                struct sse s;
                sse_init(&s, 1 << 16);
                assert_int_equal(feed_copy(&s, str_head(text, a), &seen), ERR_OK);
                assert_int_equal(feed_copy(&s, str_of(text.p + a, b - a), &seen), ERR_OK);
                assert_int_equal(feed_copy(&s, str_skip(text, b), &seen), ERR_OK);
                check(&goldens[i], &seen, &s);
                sse_release(&s);
            }
        }
    }
}

static void golden_streams_give_their_events_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(goldens); i++) {
        struct str text = str_c(goldens[i].text);
        struct seen seen = {.n = 0};
        struct sse s;
        sse_init(&s, 1 << 16);
        for (size_t a = 0; a < text.n; a++)
            assert_int_equal(feed_copy(&s, str_of(text.p + a, 1), &seen), ERR_OK);
        check(&goldens[i], &seen, &s);
        sse_release(&s);
    }
}

static enum err is_lent(void *user, const struct sse_event *e)
{
    const struct str *bytes = user;
    assert_true(e->data.p >= bytes->p && e->data.p + e->data.n <= bytes->p + bytes->n);
    if (e->name.n)
        assert_true(e->name.p >= bytes->p && e->name.p + e->name.n <= bytes->p + bytes->n);
    return ERR_OK;
}

static void a_whole_event_is_lent_without_a_copy(void **state)
{
    (void)state;
    struct sse s;
    struct str bytes = STR("data: one\n\nevent: x\r\ndata: two\r\n\r\n");
    sse_init(&s, 100);
    assert_int_equal(sse_feed(&s, bytes, is_lent, &bytes), ERR_OK);
    assert_true(!s.line.p && !s.data.p && !s.name.p);
    sse_release(&s);
}

static void an_event_over_the_limit_is_too_big_however_it_comes(void **state)
{
    (void)state;
    const char *texts[] = {"data: 0123456789\n\n", "data: 01234\ndata: 56789\n\n",
                           ": 0123456789012\n", "data: 0123456789"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        for (size_t max = 4; max < 24; max++) {
            struct seen whole = {.n = 0}, split = {.n = 0};
            struct sse s, pieces;
            sse_init(&s, max);
            sse_init(&pieces, max);
            enum err e = sse_feed(&s, str_c(texts[i]), on_event, &whole), f = ERR_OK;
            for (const char *c = texts[i]; *c && f == ERR_OK; c++)
                f = sse_feed(&pieces, str_of(c, 1), on_event, &split);
            assert_int_equal(e, f);
            assert_true(e == ERR_OK || e == ERR_TOO_BIG);
            assert_int_equal(e == ERR_OK, max >= (i == 1 ? 11u : i == 2 ? 15u : 16u));
            assert_string_equal(whole.text, split.text);
            sse_release(&s);
            sse_release(&pieces);
        }
    }
}

static void an_error_of_the_reader_ends_the_feeding(void **state)
{
    (void)state;
    struct seen seen = {.fails_at = 2};
    struct sse s;
    sse_init(&s, 100);
    assert_int_equal(sse_feed(&s, STR("data: 1\n\ndata: 2\n\ndata: 3\n\n"), on_event, &seen),
                     ERR_CANCELLED);
    assert_int_equal(seen.events, 2);
    sse_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_streams_give_their_events_split_anywhere),
        cmocka_unit_test(golden_streams_give_their_events_byte_by_byte),
        cmocka_unit_test(a_whole_event_is_lent_without_a_copy),
        cmocka_unit_test(an_event_over_the_limit_is_too_big_however_it_comes),
        cmocka_unit_test(an_error_of_the_reader_ends_the_feeding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
