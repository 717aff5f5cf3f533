/* What is asked and answered at once: the golden exchanges in tests/golden/direct (see the README there);
 * requests that make no sense; and, for requests made at random, that no form loses a text. */
#include "unit/dialect/rig.h"

#include <glob.h>
#include <stdio.h>

#include "base/base64.h"
#include "dialect/direct.h"
#include "json_same.h"

enum { GOLDEN_MAX = 1 << 20, ROUNDS = 300 };

static const struct direct_target native = {.model = STR_INIT("native")};
static const struct openai_identity us = {.id_json = STR_INIT("\"gen-1\""),
                                          .model_json = STR_INIT("\"a/b\""),
                                          .provider_json = STR_INIT("\"Alpha\"")};

static const struct direct_task *const tasks[DIRECT__COUNT] = {
    [DIRECT_EMBED] = &direct_embed, [DIRECT_RANK] = &direct_rank};

/* --- golden exchanges ---------------------------------------------------------------------------- */

static struct golden {
    const char *path;
    const struct direct_task *task;
    const struct direct_form *form;
    struct buf text;
    struct direct_request asked;
} golden;

/* "embed/gemini-base64.txt" */
static void name_form(struct str name)
{
    static const struct str kinds[DIRECT__COUNT] = {
        [DIRECT_EMBED] = STR_INIT("embed"), [DIRECT_RANK] = STR_INIT("rank")};
    struct str kind = str_cut(&name, '/'), dialect = str_cut(&name, '.');
    dialect = str_cut(&dialect, '-');
    for (unsigned i = 0; i < DIRECT__COUNT; i++) {
        if (!str_eq(kind, kinds[i]))
            continue;
        golden.task = tasks[i];
        golden.form = direct_form_find((enum direct_kind)i, dialect);
    }
}

static void load(const char *path)
{
    char piece[4096];
    FILE *f = fopen(path, "r");
    golden = (struct golden){.path = path};
    buf_init(&golden.text, GOLDEN_MAX);
    name_form(str_skip(str_c(path), strlen("tests/golden/direct/")));
    if (!f || !golden.form)
        fail_msg("%s: no such file, or no such form", path);
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
        buf_add(&golden.text, str_of(piece, n));
    fclose(f);
    if (str_find(buf_view(&golden.text), STR("\nsource: ")) == golden.text.n)
        fail_msg("%s lacks 'source:'", path);
}

static struct str without_ends(struct str s)
{
    while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == ' '))
        s.n--;
    return s;
}

/* p NULL: there is none. Without its line end. */
static struct str section(const char *name)
{
    char mark[64];
    struct str all = buf_view(&golden.text);
    snprintf(mark, sizeof mark, "\n== %s\n", name);
    size_t at = str_find(all, str_c(mark));
    if (at == all.n)
        return STR_NONE;
    all = str_skip(all, at + strlen(mark));
    return without_ends(str_head(all, str_find(all, STR("\n== "))));
}

static void assert_section(const char *name, struct str got)
{
    if (!str_eq(without_ends(got), section(name)))
        fail_msg("%s: %s\ngot\n%.*s\nexpected\n%.*s", golden.path, name, STR_ARG(got),
                 STR_ARG(section(name)));
}

static void replay_request(void)
{
    struct json root = rig_parse(section("request"));
    if (golden.task->read_request(root, &rig.room, &golden.asked, &rig.fault) != ERR_OK)
        fail_msg("%s: %s", golden.path, rig.fault.message);
    buf_reset(&rig.out);
    enum err e = golden.form->write_request(root, &native, &rig.room, &rig.out, &rig.fault);
    if (section("refused").p) {
        assert_int_equal(e, ERR_UNPROCESSABLE);
        assert_section("refused", str_c(rig.fault.message));
        return;
    }
    assert_int_equal(e, ERR_OK);
    assert_section("written", buf_view(&rig.out));
    buf_reset(&rig.out);
    if (golden.form->write_path)
        assert_int_equal(golden.form->write_path(native.model, &rig.out), ERR_OK);
    if (section("path").p)
        assert_section("path", buf_view(&rig.out));
}

static void show(struct buf *out, const struct direct_answer *a)
{
    buf_printf(out, "items %u\n", a->items_n);
    if (a->usage.searches)
        buf_printf(out, "searches %llu\n", (unsigned long long)a->usage.searches);
    if (a->has_tokens)
        buf_printf(out, "prompt %llu\n", (unsigned long long)a->usage.prompt);
    if (a->id.p)
        buf_printf(out, "id %.*s\n", STR_ARG(a->id));
}

static void replay_answer(void)
{
    struct direct_answer a = {0};
    struct chat_bill bill = {0};
    struct direct_told told = {&golden.asked, section("request"), &us, &bill};
    if (!section("answer").p)
        return;
    if (golden.form->read_answer(rig_parse(section("answer")), &rig.room, &a, &rig.fault) != ERR_OK)
        fail_msg("%s: %s", golden.path, rig.fault.message);
    buf_reset(&rig.out);
    show(&rig.out, &a);
    assert_section("read", buf_view(&rig.out));
    if (golden.task->check_answer(&a, &golden.asked, &rig.fault) != ERR_OK)
        fail_msg("%s: %s", golden.path, rig.fault.message);
    assert_true(golden.form->passes || section("told").p);
    if (golden.form->passes)
        return;
    bill.usage = a.usage;
    buf_reset(&rig.out);
    assert_int_equal(golden.task->write_answer(&a, &told, &rig.room, &rig.out), ERR_OK);
    assert_section("told", buf_view(&rig.out));
}

static void exchanges_read_as_they_say(void **state)
{
    glob_t found;
    (void)state;
    assert_int_equal(glob("tests/golden/direct/*/*.txt", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        rig_again();
        load(found.gl_pathv[i]);
        replay_request();
        replay_answer();
        buf_release(&golden.text);
    }
    globfree(&found);
}

static void every_form_has_an_exchange(void **state)
{
    static const char *const kinds[DIRECT__COUNT] = {
        [DIRECT_EMBED] = "embed", [DIRECT_RANK] = "rank"};
    const struct direct_form *form;
    (void)state;
    for (size_t i = 0; (form = direct_form_at(i)); i++) {
        char path[128];
        snprintf(path, sizeof path, "tests/golden/direct/%s/%.*s.txt", kinds[form->kind],
                 STR_ARG(form->dialect));
        load(path);
        assert_ptr_equal(golden.form, form);
        buf_release(&golden.text);
        assert_true(form->write_path ? form->path.n == 0 : form->path.n > 0);
        assert_non_null(dialect_find(form->dialect));
    }
    assert_null(direct_form_find(DIRECT_EMBED, STR("anthropic")));
}

/* --- what makes no sense ------------------------------------------------------------------------- */

static void answers_that_make_no_sense_are_the_providers_fault(void **state)
{
    static const struct {
        const struct direct_form *form;
        const char *text;
    } rows[] = {
        {&embed_openai, "{}"},
        {&embed_openai, "[]"},
        {&embed_openai, "{\"data\":{}}"},
        {&embed_openai, "{\"data\":[{\"embedding\":null}]}"},
        {&embed_openai, "{\"data\":[7]}"},
        {&embed_openai, "{\"data\":[{\"embedding\":[]}]}"},
        {&embed_openai, "{\"data\":[{\"embedding\":\"\"}]}"},
        {&embed_openai, "{\"data\":[{\"embedding\":[1,\"x\"]}]}"},
        {&embed_openai, "{\"data\":[{\"embedding\":[1,null,1]}]}"},
        {&embed_openai, "{\"data\":[{\"embedding\":[1],\"index\":\"0\"}]}"},
        {&embed_gemini, "{\"embeddings\":[{\"values\":[1,{}]}]}"},
        {&embed_gemini, "{\"embeddings\":[{\"values\":[]}]}"},
        {&embed_cohere, "{\"embeddings\":{\"float\":[[1,true]]}}"},
        {&embed_gemini, "{\"embeddings\":[{}]}"},
        {&embed_gemini, "{\"embeddings\":[{\"values\":\"x\"}]}"},
        {&embed_gemini, "{\"embedding\":{\"values\":[1]}}"},
        {&embed_cohere, "{\"embeddings\":[[1]]}"},
        {&embed_cohere, "{\"embeddings\":{\"float\":[1]}}"},
        {&rank_jina, "{\"data\":[]}"},
        {&rank_jina, "{\"results\":[{\"index\":0}]}"},
        {&rank_jina, "{\"results\":[{\"index\":-1,\"relevance_score\":1}]}"},
        {&rank_cohere, "{\"results\":[{\"index\":0,\"relevance_score\":\"1\"}]}"},
        {&rank_cohere, "{\"results\":{}}"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct direct_answer a = {0};
        rig_again();
        enum err e =
            rows[i].form->read_answer(rig_parse(str_c(rows[i].text)), &rig.room, &a, &rig.fault);
        if (e != ERR_UPSTREAM)
            fail_msg("%s: %s", rows[i].text, err_name(e));
    }
}

static void answers_to_something_else_are_the_providers_fault(void **state)
{
    static const struct {
        const char *text;
        enum err e;
    } rows[] = {
        {"[{\"index\":1,\"relevance_score\":1},{\"index\":0,\"relevance_score\":2}]", ERR_OK},
        {"[{\"index\":1,\"relevance_score\":1}]", ERR_OK},
        {"[]", ERR_UPSTREAM},
        {"[{\"index\":2,\"relevance_score\":1}]", ERR_UPSTREAM},
        {"[{\"index\":0,\"relevance_score\":1},{\"index\":1,\"relevance_score\":1},"
         "{\"index\":1,\"relevance_score\":1}]",
         ERR_UPSTREAM},
    };
    static const struct direct_request asked = {.items = 2, .top = 2};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct direct_answer a = {0};
        char text[256];
        rig_again();
        snprintf(text, sizeof text, "{\"results\":%s}", rows[i].text);
        assert_int_equal(rank_jina.read_answer(rig_parse(str_c(text)), &rig.room, &a, &rig.fault),
                         ERR_OK);
        assert_int_equal(direct_rank.check_answer(&a, &asked, &rig.fault), rows[i].e);
    }
    struct direct_answer none = {.items_n = 1};
    assert_int_equal(direct_embed.check_answer(&none, &asked, &rig.fault), ERR_UPSTREAM);
}

/* What is held for a ranking: tokens beyond the body's bytes, and searches. */
static void what_a_ranking_may_cost_is_bounded(void **state)
{
    static const struct {
        size_t query, documents, bytes;
        uint64_t repeated, searches;
    } rows[] = {
        {10, 1, 1, 14, 1},          {10, 100, 490, 1400, 1}, {10, 101, 490, 1414, 2},
        {10, 100, 491, 1400, 2},    {10, 1, 100000, 14, 1},  {400, 10, 4096, 4040, 5},
        {9000, 10, 4096, 90040, 5},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct direct_request asked;
        struct buf text;
        rig_again();
        buf_init(&text, RIG_TEXT_MAX);
        buf_add(&text, STR("{\"model\":\"a/b\",\"query\":\""));
        for (size_t n = 0; n < rows[i].query; n++)
            buf_add(&text, STR("q"));
        buf_add(&text, STR("\",\"documents\":["));
        for (size_t d = 0; d < rows[i].documents; d++) {
            buf_add(&text, d ? STR(",\"") : STR("\""));
            for (size_t n = 0; n < rows[i].bytes; n++)
                buf_add(&text, STR("d"));
            buf_add(&text, STR("\""));
        }
        buf_add(&text, STR("]}"));
        struct json root = rig_parse(buf_view(&text));
        assert_int_equal(direct_rank.read_request(root, &rig.room, &asked, &rig.fault), ERR_OK);
        assert_int_equal(asked.items, rows[i].documents);
        assert_int_equal(asked.repeated, rows[i].repeated);
        assert_int_equal(asked.searches, rows[i].searches);
        assert_int_equal(asked.facts.text.bytes,
                         rows[i].documents * (rows[i].query + rows[i].bytes));
        buf_release(&text);
    }
}

/* What the body does not tell the size of is counted as links, and what is no text as media. */
static void what_an_embedding_may_cost_is_bounded(void **state)
{
    static const struct {
        const char *part;
        uint64_t links;
        bool has_media;
    } rows[] = {
        {"{\"type\":\"text\",\"text\":\"https://h/a\"}", 0, false},
        {"{\"type\":\"te\\u0078t\",\"text\":\"a\"}", 0, false},
        {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://h/a.png\"}}", 1, true},
        {"{\"type\":\"image\\u005furl\",\"image_url\":{\"url\":\"https://h/a.png\"}}", 1, true},
        {"{\"type\":\"image_url\",\"image\\u005furl\":{\"u\\u0072l\":\"https://h/a.png\"}}", 1,
         true},
        {"{\"type\":\"image_url\",\"image_url\":\"https://h/a.png\"}", 1, true},
        {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}}", 0,
         true},
        {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"d\\u0061ta:image/png;base64,AAAA\"}}", 1,
         true},
        {"{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\",\"format\":\"wav\"}}", 0,
         true},
        {"{\"type\":\"input_video\",\"input_video\":{\"url\":\"https://h/a.mp4\"}}", 1, true},
        {"{\"type\":\"input_file\",\"input_file\":{\"file_id\":\"f\"}}", 1, true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct direct_request asked;
        char text[300];
        rig_again();
        snprintf(text, sizeof text, "{\"model\":\"a/b\",\"input\":[{\"content\":[%s]}]}",
                 rows[i].part);
        if (direct_embed.read_request(rig_parse(str_c(text)), &rig.room, &asked, &rig.fault) !=
            ERR_OK)
            fail_msg("%s: %s", text, rig.fault.message);
        if (asked.facts.links != rows[i].links || asked.facts.has_media != rows[i].has_media)
            fail_msg("%s: %u links, media %d", text, (unsigned)asked.facts.links,
                     asked.facts.has_media);
    }
}

/* Who counts media apart is paid for them apart; who tells the sum alone has told it. */
static void usage_is_what_was_told(void **state)
{
    static const struct {
        const struct direct_form *form;
        const char *answer;
        uint64_t prompt, image;
    } rows[] = {
        {&embed_cohere,
         "{\"embeddings\":{\"float\":[[1]]},\"meta\":{\"billed_units\":{\"input_tokens\":3,\"image_"
         "tokens\":40}}}",
         43, 40},
        {&embed_openai, "{\"data\":[{\"embedding\":[1]}],\"usage\":{\"total_tokens\":9}}", 9, 0},
        {&embed_openai,
         "{\"data\":[{\"embedding\":[1]}],\"usage\":{\"prompt_tokens\":9,\"total_tokens\":9,"
         "\"prompt_tokens_details\":{\"image_tokens\":4}}}",
         9, 4},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct direct_answer a = {0};
        rig_again();
        assert_int_equal(
            rows[i].form->read_answer(rig_parse(str_c(rows[i].answer)), &rig.room, &a, &rig.fault),
            ERR_OK);
        assert_true(a.has_tokens);
        assert_int_equal(a.usage.prompt, rows[i].prompt);
        assert_int_equal(a.usage.image, rows[i].image);
    }
}

static void members_that_are_not_known_go_where_they_are_taken(void **state)
{
    static const char text[] = "{\"model\":\"a/b\",\"input\":\"x\",\"user\":\"u\",\"input_type\":"
                               "\"t\",\"truncate\":\"END\",\"stream\":false,\"models\":[\"c/d\"]}";
    static const struct {
        struct direct_target target;
        const char *written;
    } rows[] = {
        {{.model = STR_INIT("n"), .takes_additions = true},
         "{\"model\":\"n\",\"input\":\"x\",\"user\":\"u\",\"input_type\":\"t\",\"truncate\":"
         "\"END\"}"},
        {{.model = STR_INIT("n"), .drops_unknown = true, .drops_user = true},
         "{\"model\":\"n\",\"input\":\"x\"}"},
        {{.model = STR_INIT("n\"q"), .drops_unknown = true},
         "{\"model\":\"n\\\"q\",\"input\":\"x\",\"user\":\"u\"}"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig_again();
        struct json root = rig_parse(str_c(text));
        assert_int_equal(
            embed_openai.write_request(root, &rows[i].target, &rig.room, &rig.out, &rig.fault),
            ERR_OK);
        assert_same_text(buf_view(&rig.out), rows[i].written, text);
    }
}

static void blanks_around_a_request_do_no_harm(void **state)
{
    (void)state;
    struct json root =
        rig_parse(STR(" \r\n\t{\"input\":\"x\",\"trace\":{}, \"model\":\"a/b\"}\n "));
    assert_int_equal(embed_openai.write_request(root, &native, &rig.room, &rig.out, &rig.fault),
                     ERR_OK);
    assert_same_text(buf_view(&rig.out), " \r\n\t{\"input\":\"x\", \"model\":\"native\"}",
                     "a body with blanks");
}

/* --- nothing is lost ----------------------------------------------------------------------------- */

static struct str some_text(uint64_t *seed)
{
    static const struct str texts[] = {STR_INIT("a"), STR_INIT(""), STR_INIT("h\\u00e9 \\\"q\\\""),
                                       STR_INIT("\\ud83d\\ude00\\n"), STR_INIT("\xc3\xa4 \\/ x")};
    return texts[next_random(seed) % COUNT_OF(texts)];
}

/* Where a form has its texts: the n-th, raw. */
static struct str text_at(const struct direct_form *form, struct json root, uint32_t n)
{
    static const struct str lists[] = {STR_INIT("input"), STR_INIT("requests"), STR_INIT("texts")};
    struct json list = {0}, item;
    for (size_t i = 0; i < COUNT_OF(lists) && !json_is(list, JSON_ARRAY); i++)
        list = json_get(root, lists[i]);
    for (item = json_first(list); n > 0; n--)
        item = json_after(list, item);
    if (form == &embed_gemini)
        item = json_get(json_first(json_get(json_get(item, STR("content")), STR("parts"))),
                        STR("text"));
    return json_raw_str(item);
}

static void no_form_loses_a_text(void **state)
{
    uint64_t seed = 88172645463325252u;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        const struct direct_form *form;
        struct str made[20];
        uint32_t n = 1 + (uint32_t)(next_random(&seed) % COUNT_OF(made));
        struct buf text;
        buf_init(&text, RIG_TEXT_MAX);
        buf_add(&text, STR("{\"input\":["));
        for (uint32_t i = 0; i < n; i++) {
            made[i] = some_text(&seed);
            buf_printf(&text, "%s\"%.*s\"", i ? "," : "", STR_ARG(made[i]));
        }
        buf_add(&text, STR("],\"model\":\"a/b\"}"));
        for (size_t k = 0; (form = direct_form_at(k)); k++) {
            struct direct_request asked;
            if (form->kind != DIRECT_EMBED)
                continue;
            rig_again();
            struct json root = rig_parse(buf_view(&text));
            assert_int_equal(direct_embed.read_request(root, &rig.room, &asked, &rig.fault),
                             ERR_OK);
            assert_int_equal(asked.items, n);
            assert_int_equal(form->write_request(root, &native, &rig.room, &rig.out, &rig.fault),
                             ERR_OK);
            struct json written = rig_parse(buf_view(&rig.out));
            for (uint32_t i = 0; i < n; i++) {
                if (!str_eq(text_at(form, written, i), made[i]))
                    fail_msg("%.*s\n%.*s", STR_ARG(buf_view(&text)), STR_ARG(buf_view(&rig.out)));
            }
        }
        buf_release(&text);
    }
}

/* What is told in base64 is the same as what is told in digits, to the last bit. */
static void base64_is_the_same_numbers(void **state)
{
    uint64_t seed = 4101842887655102017u;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        float numbers[8], got[8];
        size_t n = 0;
        struct direct_answer a = {0};
        struct direct_request asked = {.items = 1, .wants_base64 = true};
        struct chat_bill bill = {0};
        struct direct_told told = {&asked, STR_NONE, &us, &bill};
        struct buf text;
        rig_again();
        buf_init(&text, RIG_TEXT_MAX);
        buf_add(&text, STR("{\"embeddings\":[{\"values\":["));
        for (size_t i = 0; i < COUNT_OF(numbers); i++) {
            char digits[64];
            numbers[i] = (float)(int32_t)next_random(&seed) / 3e9f;
            snprintf(digits, sizeof digits, "%s%.9g", i ? "," : "", (double)numbers[i]);
            buf_add_c(&text, digits);
        }
        buf_add(&text, STR("]}]}"));
        assert_int_equal(
            embed_gemini.read_answer(rig_parse(buf_view(&text)), &rig.room, &a, &rig.fault),
            ERR_OK);
        assert_int_equal(direct_embed.write_answer(&a, &told, &rig.room, &rig.out), ERR_OK);
        struct json data = json_get(rig_parse(buf_view(&rig.out)), STR("data"));
        struct str coded = json_raw_str(json_get(json_first(data), STR("embedding")));
        assert_true(base64_decode(BASE64_PLAIN, coded, got, sizeof got, &n));
        assert_int_equal(n, sizeof got);
        assert_memory_equal(got, numbers, sizeof got);
        buf_release(&text);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_up, rig_down)
    const struct CMUnitTest tests[] = {
        TEST(exchanges_read_as_they_say),
        TEST(every_form_has_an_exchange),
        TEST(answers_that_make_no_sense_are_the_providers_fault),
        TEST(answers_to_something_else_are_the_providers_fault),
        TEST(what_a_ranking_may_cost_is_bounded),
        TEST(what_an_embedding_may_cost_is_bounded),
        TEST(usage_is_what_was_told),
        TEST(members_that_are_not_known_go_where_they_are_taken),
        TEST(blanks_around_a_request_do_no_harm),
        TEST(no_form_loses_a_text),
        TEST(base64_is_the_same_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
