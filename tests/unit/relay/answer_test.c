/* Exchanges kept in tests/golden/openai: what a provider sends, and byte for byte what the client
 * gets, however the provider's bytes are split on their way. Ids and the date are made equal first.
 */
#include "unit/relay/gateway.h"

enum { FILE_MAX = 64 * 1024, GOLDENS_MAX = 40, PATH_LONG = 300, RANDOM_SPLITS = 20 };

static const char folder[] = "tests/golden/openai";

enum framing { FRAMED_CHUNKED, FRAMED_LENGTH, FRAMED_TO_END };

struct golden {
    char path[PATH_LONG];
    struct buf text, raw; /* the file; the provider's bytes as they go out */
    struct str request, provider, client;
    enum framing framing;
    bool is_cut;
    struct str line_end;
};

/* --- reading the files
 * --------------------------------------------------------------------------------- */

static struct str setting(const struct golden *g, const char *name)
{
    struct str rest = buf_view(&g->text), line;
    while ((line = str_cut(&rest, '\n')).n) {
        struct str key = str_cut(&line, ':');
        if (str_eq(key, str_c(name)))
            return str_trim(line);
    }
    fail_msg("%s lacks '%s:'", g->path, name);
    return STR_NONE;
}

static struct str section(const struct golden *g, const char *begin, const char *end)
{
    struct str all = buf_view(&g->text);
    size_t at = str_find(all, str_c(begin));
    if (at == all.n)
        fail_msg("%s lacks '%s'", g->path, begin);
    all = str_skip(all, at + strlen(begin));
    return end ? str_head(all, str_find(all, str_c(end))) : all;
}

static void add_lines(struct buf *out, struct str text, struct str line_end)
{
    while (text.n) {
        size_t at = str_find(text, STR("\n"));
        buf_add(out, str_head(text, at));
        if (at < text.n)
            buf_add(out, line_end);
        text = str_skip(text, at + 1);
    }
}

/* A chunk for every 100 bytes, so that chunks end within events too. */
static void add_chunks(struct buf *out, struct str body, bool is_cut)
{
    while (body.n) {
        struct str piece = str_head(body, 100);
        buf_printf(out, "%zx\r\n", piece.n);
        buf_add(out, piece);
        buf_add(out, STR("\r\n"));
        body = str_skip(body, piece.n);
    }
    if (!is_cut)
        buf_add(out, STR("0\r\n\r\n"));
}

static void make_raw(struct golden *g)
{
    struct buf body;
    size_t at = str_find(g->provider, STR("\n\n"));
    buf_init(&body, FILE_MAX);
    buf_init(&g->raw, 2 * FILE_MAX);
    size_t n = g->provider.n -
               (g->is_cut ? 1 : 0); /* the file's last line end is not the provider's then */
    add_lines(&body, str_skip(str_head(g->provider, n), at + 2), g->line_end);
    add_lines(&g->raw, str_head(g->provider, at + 1), STR("\r\n"));
    if (g->framing == FRAMED_CHUNKED)
        buf_add(&g->raw, STR("Transfer-Encoding: chunked\r\n\r\n"));
    else if (g->framing == FRAMED_LENGTH)
        buf_printf(&g->raw, "Content-Length: %zu\r\n\r\n", body.n + (g->is_cut ? 9 : 0));
    else
        buf_add(&g->raw, STR("\r\n"));
    if (g->framing == FRAMED_CHUNKED)
        add_chunks(&g->raw, buf_view(&body), g->is_cut);
    else
        buf_add(&g->raw, buf_view(&body));
    assert_int_equal(g->raw.failed | body.failed, ERR_OK);
    buf_release(&body);
}

static void golden_load(struct golden *g)
{
    FILE *f = fopen(g->path, "rb");
    if (!f)
        fail_msg("%s: run from the project's folder", g->path);
    buf_init(&g->text, FILE_MAX);
    assert_int_equal(buf_grow(&g->text, FILE_MAX - 1), ERR_OK);
    g->text.n = fread(g->text.p, 1, FILE_MAX - 1, f);
    fclose(f);
    struct str framing = setting(g, "framing"), lines = setting(g, "lines");
    g->framing = str_eq(framing, STR("chunked"))  ? FRAMED_CHUNKED
                 : str_eq(framing, STR("length")) ? FRAMED_LENGTH
                                                  : FRAMED_TO_END;
    g->is_cut = str_eq(setting(g, "ends"), STR("cut"));
    g->line_end = str_eq(lines, STR("crlf")) ? STR("\r\n")
                  : str_eq(lines, STR("cr")) ? STR("\r")
                                             : STR("\n");
    g->request = section(g, "== request\n", "== provider\n");
    g->provider = section(g, "== provider\n", "== client\n");
    g->client = section(g, "== client\n", NULL);
    make_raw(g);
}

static void golden_release(struct golden *g)
{
    buf_release(&g->text);
    buf_release(&g->raw);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct golden *)a)->path, ((const struct golden *)b)->path);
}

static unsigned goldens_find(struct golden *out)
{
    unsigned n = 0;
    DIR *d = opendir(folder);
    if (!d)
        fail_msg("%s: run from the project's folder", folder);
    for (struct dirent *e; (e = readdir(d));) {
        if (!str_ends(str_c(e->d_name), STR(".txt")))
            continue;
        assert_true(n < GOLDENS_MAX);
        out[n] = (struct golden){0};
        snprintf(out[n++].path, PATH_LONG, "%s/%.200s", folder, e->d_name);
    }
    closedir(d);
    qsort(out, n, sizeof *out, by_path);
    return n;
}

/* --- what the client got, with what differs in every run made equal
 * --------------------------------------- */

static bool is_id_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_';
}

static void add_normal(struct buf *out, struct str text)
{
    static const struct str marks[] = {STR_INIT("gen-1"), STR_INIT("req-")};
    for (size_t i = 0; i < text.n; i++) {
        struct str rest = str_skip(text, i);
        bool is_id = str_starts(rest, marks[0]) || str_starts(rest, marks[1]);
        if (!is_id) {
            buf_add(out, str_head(rest, 1));
            continue;
        }
        buf_add(out, str_head(rest, 4));
        buf_add(out, STR("ID"));
        while (i + 1 < text.n && is_id_char(text.p[i + 1]))
            i++;
    }
}

static void add_head(struct buf *out, struct str head)
{
    while (head.n) {
        size_t at = str_find(head, STR("\r\n"));
        struct str line = str_head(head, at);
        head = str_skip(head, at + 2);
        if (str_starts(line, STR("Date: ")) || str_starts(line, STR("Content-Length: ")))
            continue;
        add_normal(out, line);
        buf_add(out, STR("\n"));
    }
}

static void transcript(const struct answer *a, struct buf *out)
{
    add_head(out, a->head);
    add_normal(out, buf_view(&a->body));
    if (a->body.n && a->body.p[a->body.n - 1] != '\n')
        buf_add(out, STR("\n"));
    buf_add(out, a->is_complete ? STR("== whole\n") : STR("== cut\n"));
}

/* What differs, in the folder that GOLDEN_KEEP names: for a person to judge, and to make the new
 * expectation. */
static void keep(const struct golden *g, struct str got)
{
    char path[2 * PATH_LONG];
    const char *to = getenv("GOLDEN_KEEP");
    if (!to)
        return;
    snprintf(path, sizeof path, "%.200s/%s", to, strrchr(g->path, '/') + 1);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fwrite(got.p, 1, got.n, f);
    fclose(f);
}

/* --- playing
 * ---------------------------------------------------------------------------------------------- */

/* Where the provider's bytes are split: offsets, ascending, the last one their number. */
struct splits {
    size_t at[FILE_MAX];
    size_t n;
};

static void play(const struct golden *g, struct end *p, const struct splits *s)
{
    size_t from = 0;
    buf_reset(&p->got);
    for (size_t i = 0; i < s->n && !p->is_ended; i++) {
        end_send(p, str_of(g->raw.p + from, s->at[i] - from));
        from = s->at[i];
        if (i + 1 < s->n)
            turn();
    }
    if ((g->is_cut || g->framing == FRAMED_TO_END) && !p->is_ended)
        io_shutdown(p->c);
}

static void replay(const struct golden *g, const struct made_key *k, const struct splits *s,
                   const char *how)
{
    struct maker *m = &gw.makers[0];
    struct answer a;
    struct buf got;
    char body[4096];
    snprintf(body, sizeof body, "%.*s", STR_ARG(g->request));
    struct end *c = client_ask(k, body);
    do {
        WAIT_FOR(is_answered(c) || asked_now(m));
        if (asked_now(m))
            play(g, asked_now(m), s);
    } while (!is_answered(c));
    answer_wait(c, &a);
    buf_init(&got, GOT_MAX);
    transcript(&a, &got);
    if (!str_eq(buf_view(&got), g->client)) {
        keep(g, buf_view(&got));
        fail_msg("%s %s: the client got\n%.*s", g->path, how, STR_ARG(buf_view(&got)));
    }
    wait_quiet();
    maker_open(m);
    end_drop(c);
    buf_release(&got);
    buf_release(&a.body);
}

static void each_golden(void (*each)(const struct golden *g, const struct made_key *k))
{
    static struct golden goldens[GOLDENS_MAX];
    unsigned n = goldens_find(goldens);
    struct made_key k = rich_key();
    assert_true(n >= 10);
    for (unsigned i = 0; i < n; i++) {
        golden_load(&goldens[i]);
        each(&goldens[i], &k);
        golden_release(&goldens[i]);
    }
}

static struct splits splits;

static void whole(const struct golden *g, const struct made_key *k)
{
    splits.at[0] = g->raw.n;
    splits.n = 1;
    replay(g, k, &splits, "in one piece");
}

static void in_two(const struct golden *g, const struct made_key *k)
{
    char how[40];
    for (size_t i = 1; i < g->raw.n; i++) {
        splits.at[0] = i;
        splits.at[1] = g->raw.n;
        splits.n = 2;
        snprintf(how, sizeof how, "split at %zu", i);
        replay(g, k, &splits, how);
    }
}

static void byte_by_byte(const struct golden *g, const struct made_key *k)
{
    for (size_t i = 0; i < g->raw.n; i++)
        splits.at[i] = i + 1;
    splits.n = g->raw.n;
    replay(g, k, &splits, "byte by byte");
}

static void at_random(const struct golden *g, const struct made_key *k)
{
    uint64_t seed = 0x1234567;
    char how[40];
    for (int round = 0; round < RANDOM_SPLITS; round++) {
        size_t at = 0;
        for (splits.n = 0; at < g->raw.n; splits.n++) {
            at += 1 + next_random(&seed) % (round % 2 ? 15 : 200);
            splits.at[splits.n] = at < g->raw.n ? at : g->raw.n;
        }
        snprintf(how, sizeof how, "in random splits, round %d", round);
        replay(g, k, &splits, how);
    }
}

static void golden_exchanges_come_out_as_they_should(void **state)
{
    (void)state;
    each_golden(whole);
}

static void golden_exchanges_do_not_change_wherever_they_are_split(void **state)
{
    (void)state;
    each_golden(in_two);
}

static void golden_exchanges_do_not_change_byte_by_byte(void **state)
{
    (void)state;
    each_golden(byte_by_byte);
}

static void golden_exchanges_do_not_change_in_random_splits(void **state)
{
    (void)state;
    each_golden(at_random);
}

/* --- what a golden file cannot say
 * ------------------------------------------------------------------------- */

static void the_client_s_request_may_come_byte_by_byte(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct answer a;
    char head[400];
    struct str body = STR(CHAT("test/one", ",\"max_tokens\":50,\"temperature\":0.5"));
    struct end *c = client_connect();
    client_head(head, sizeof head, &k, CHAT_PATH, body.n);
    for (size_t i = 0; head[i]; i++) {
        end_send(c, str_of(head + i, 1));
        turn();
    }
    for (size_t i = 0; i < body.n; i++) {
        end_send(c, str_of(body.p + i, 1));
        turn();
    }
    struct end *p = asked(&gw.makers[0]);
    struct str sent = request_body(p);
    struct str expected =
        STR("{\"model\":\"one-a\"," MESSAGES ",\"max_tokens\":50,\"temperature\":0.5}");
    assert_true(str_eq(sent, expected));
    answer_json(p, 200, "", WHOLE_ANSWER(USAGE(5, 7)));
    answer_wait(c, &a);
    assert_int_equal(a.status, 200);
    buf_release(&a.body);
}

static void the_provider_sees_its_own_credential_and_nothing_of_the_client(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    char head[600];
    struct end *c = client_connect();
    struct str body =
        STR(CHAT("test/one", ",\"provider\":{\"order\":[\"x\"]},\"models\":[\"test/two\"]"));
    snprintf(
        head, sizeof head,
        CHAT_PATH
        " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nX-Title: my app\r\nCookie: c=1\r\n"
        "HTTP-Referer: https://app.example/\r\nContent-Length: %zu\r\n\r\n",
        k.text, body.n);
    end_send(c, str_c(head));
    end_send(c, body);
    struct end *p = asked(&gw.makers[0]);
    char expected[600];
    snprintf(expected, sizeof expected,
             "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer "
             "sk-upstream-canary\r\n"
             "Content-Type: application/json\r\nUser-Agent: turnpike\r\nContent-Length: ",
             gw.makers[0].port);
    assert_true(str_starts(buf_view(&p->got), str_c(expected)));
    assert_false(got_has(p, k.text) || got_has(p, "Cookie") || got_has(p, "my app") ||
                 got_has(p, "app.example") || got_has(p, "test/two") || got_has(p, "order"));
}

static void an_event_reaches_the_client_before_the_next_one_comes(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_ask(&k, CHAT("test/one", ",\"stream\":true"));
    struct end *p = asked(&gw.makers[0]);
    answer_raw(p, SSE_HEAD);
    turn();
    assert_int_equal(c->got.n, 0); /* no head before content: a failure could still move on */
    answer_delta(p, "first");
    WAIT_FOR(got_has(c, "first"));
    answer_delta(p, "second");
    WAIT_FOR(got_has(c, "second"));
    assert_false(got_has(c, "[DONE]"));
    answer_stream_end(p, 1, 2);
    WAIT_FOR(got_has(c, "data: [DONE]\n\n"));
}

static void a_stream_that_waits_is_kept_alive_by_comments(void **state)
{
    (void)state;
    struct relay_settings s = usual_settings();
    struct made_key k = rich_key();
    s.keepalive_ms = 5;
    reload(usual_catalog(&patient, 10), &s);
    struct end *c = client_ask(&k, CHAT("test/one", ",\"stream\":true"));
    struct end *p = asked(&gw.makers[0]);
    answer_raw(p, SSE_HEAD);
    WAIT_FOR(got_has(c, ": TURNPIKE PROCESSING\n\n"));
    buf_reset(&c->got);
    WAIT_FOR(got_has(c, ": TURNPIKE PROCESSING\n\n"));
    answer_delta(p, "at last");
    WAIT_FOR(got_has(c, "at last"));
    answer_stream_end(p, 1, 2);
    WAIT_FOR(got_has(c, "[DONE]"));
}

static void a_connection_serves_one_request_after_the_other(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    for (int i = 0; i < 5; i++) {
        struct answer a;
        struct end *c =
            client_ask(&k, i % 2 ? CHAT("test/one", "") : CHAT("test/one", ",\"stream\":true"));
        struct end *p = asked(&gw.makers[0]);
        if (i % 2) {
            answer_json(p, 200, "", WHOLE_ANSWER(USAGE(5, 7)));
        } else {
            answer_raw(p, SSE_HEAD);
            answer_delta(p, "x");
            answer_stream_end(p, 1, 2);
        }
        answer_wait(c, &a);
        assert_true(a.status == 200 && a.is_complete);
        buf_release(&a.body);
        wait_quiet();
    }
    assert_int_equal(gw.makers[0].accepted, 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, tidy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(golden_exchanges_come_out_as_they_should),
        TEST(golden_exchanges_do_not_change_wherever_they_are_split),
        TEST(golden_exchanges_do_not_change_byte_by_byte),
        TEST(golden_exchanges_do_not_change_in_random_splits),
        TEST(the_client_s_request_may_come_byte_by_byte),
        TEST(the_provider_sees_its_own_credential_and_nothing_of_the_client),
        TEST(an_event_reaches_the_client_before_the_next_one_comes),
        TEST(a_stream_that_waits_is_kept_alive_by_comments),
        TEST(a_connection_serves_one_request_after_the_other),
    };
    return cmocka_run_group_tests(tests, gateway_begin, gateway_end);
}
