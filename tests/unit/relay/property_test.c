/* Canonical to a format and back keeps all that the format can say: requests and answers made at random,
 * for every format that both sides speak. What a format cannot say is not made for it. */
#include "unit/dialect/rig.h"

#include "canon_dump.h"
#include "http/sse.h"

#include <stdio.h>

enum { ROUNDS = 300 };

/* What sets the formats apart here. */
static const struct can {
    const char *name, *reasoning;
    bool has_values;  /* a tool's arguments are an object, not a text */
    bool has_efforts; /* else budgets */
    bool has_schema_name;
    bool has_ids; /* of reasoning */
    bool has_summaries;
    bool counts_reasoning;
    bool has_stop;
    bool has_refusals, has_developers, has_names, has_sounds, has_customs, has_images, has_errors;
    uint32_t choices;        /* that an answer may have */
    const char *citation;    /* one as the format says it */
    const char *logprobs;    /* likewise */
    struct chat_usage usage; /* beside prompt, completion and what is cached */
} cans[] = {
    {.name = "openai",
     .reasoning = "openai-responses-v1",
     .has_efforts = true,
     .has_schema_name = true,
     .has_ids = true,
     .has_summaries = true,
     .counts_reasoning = true,
     .has_stop = true,
     .has_refusals = true,
     .has_developers = true,
     .has_names = true,
     .has_sounds = true,
     .has_images = true,
     .choices = 3,
     .citation = "{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"https:\\/\\/h\",\"title\":"
                 "\"\\u0074\",\"content\":\"c\",\"start_index\":0,\"end_index\":1}}",
     .logprobs =
         "{\"content\":[{\"token\":\"a\",\"logprob\":-0.10,\"bytes\":[97],\"top_logprobs\":[]}],"
         "\"refusal\":null}",
     .usage = {.cache_write = 3,
               .audio = 4,
               .image = 5,
               .video = 6,
               .audio_output = 2,
               .image_output = 1}},
    {.name = "anthropic",
     .reasoning = "anthropic-claude-v1",
     .has_values = true,
     .has_stop = true,
     .has_errors = true,
     .choices = 1,
     .citation = "{\"type\":\"char_location\",\"cited_text\":\"c\",\"document_index\":0,"
                 "\"title\":\"\\u0074\"}",
     .usage = {.cache_write = 8, .cache_write_1h = 3}},
    {.name = "responses",
     .reasoning = "openai-responses-v1",
     .has_efforts = true,
     .has_schema_name = true,
     .has_ids = true,
     .has_summaries = true,
     .counts_reasoning = true,
     .has_refusals = true,
     .has_developers = true,
     .has_sounds = true,
     .has_customs = true,
     .has_images = true,
     .choices = 1,
     .citation = "{\"type\":\"url_citation\",\"url\":\"https:\\/\\/h\",\"title\":\"\\u0074\","
                 "\"content\":\"c\",\"start_index\":0,\"end_index\":1}",
     .logprobs =
         "{\"content\":[{\"token\":\"a\",\"logprob\":-0.10,\"bytes\":[97],\"top_logprobs\":[]}]}",
     .usage = {.cache_write = 3,
               .audio = 4,
               .image = 5,
               .video = 6,
               .audio_output = 2,
               .image_output = 1}},
};

static struct made {
    const struct can *can;
    const struct dialect *dialect;
    uint64_t seed;
    unsigned serial;
    struct buf before, after;
    struct sse sse;
    uint32_t block;
} made;

static bool chance(unsigned percent)
{
    return next_random(&made.seed) % 100 < percent;
}

static struct str one_of(const char *const *words, size_t n)
{
    return str_c(words[next_random(&made.seed) % n]);
}

/* Raw text, with escapes that must stay as they are. */
static struct str some_text(void)
{
    static const char *const texts[] = {"a",        "b\\u0063 \\/", "\\ud83d\\ude00",
                                        "\xc3\xa4", "\\\"q\\\"",    "line\\nbreak\\\\",
                                        "x=\\t1",   "data: y"};
    return one_of(texts, COUNT_OF(texts));
}

static struct str fresh(const char *head)
{
    char name[32];
    snprintf(name, sizeof name, "%s%u", head, made.serial++);
    struct str s = arena_str(&rig.arena, str_c(name));
    assert_non_null(s.p);
    return s;
}

/* --- requests --------------------------------------------------------------------------------- */

static struct canon_part *add(struct canon_parts *to, enum canon_part_kind kind)
{
    struct canon_part *p = canon_add_part(to, &rig.room, kind);
    assert_non_null(p);
    return p;
}

static struct canon_parts *begin_message(enum canon_role role)
{
    struct canon_message *m = canon_add_message(&rig.request, &rig.room, role);
    assert_non_null(m);
    return &m->parts;
}

static void add_media(struct canon_parts *to)
{
    struct canon_part *p = add(to, chance(70) ? PART_IMAGE : PART_FILE);
    p->media.source = CANON_DATA;
    if (made.can->has_sounds && chance(20)) {
        p->kind = PART_SOUND;
        p->media.format = STR("wav");
        p->media.data = STR("QUJD");
        return;
    }
    p->media.mime = p->kind == PART_IMAGE ? STR("image/png") : STR("application/pdf");
    p->media.data = STR("QUJD");
    if (p->kind == PART_FILE)
        p->media.filename = STR("a.pdf");
}

static void make_user(void)
{
    if (made.can->has_developers && chance(20))
        add(begin_message(CANON_DEVELOPER), PART_TEXT)->text = some_text();
    struct canon_parts *to = begin_message(CANON_USER);
    if (made.can->has_names && chance(20))
        rig.request.last_message->name = STR("b\\u006fb");
    add(to, PART_TEXT)->text = some_text();
    while (chance(30))
        add_media(to);
    if (chance(20))
        add(to, PART_TEXT)->text = some_text();
}

static struct canon_reasoning some_reasoning(void)
{
    struct canon_reasoning x = {.format = str_c(made.can->reasoning)};
    if (made.can->has_ids)
        x.id = fresh("rs_");
    if (made.can->has_summaries && chance(40)) {
        x.kind = CANON_REASONING_SUMMARY;
        x.text = some_text();
    } else if (chance(50)) {
        x.kind = CANON_REASONING_ENCRYPTED;
        x.data = STR("gAA\\/+=");
    } else {
        x.kind = CANON_REASONING_TEXT;
        x.text = some_text();
        x.signature = STR("S\\/g=");
    }
    return x;
}

static struct canon_tool_use some_use(void)
{
    struct canon_tool_use u = {.id = fresh("call_"), .name = STR("f")};
    u.is_custom = made.can->has_customs && chance(30);
    if (u.is_custom) {
        u.args = (struct canon_args){CANON_ARGS_TEXT, STR("ls \\\"x\\\"")};
        return u;
    }
    u.args.form = made.can->has_values ? CANON_ARGS_VALUE : CANON_ARGS_TEXT;
    u.args.raw = made.can->has_values ? STR("{\"a\":[1,\"\\u00e4\"]}")
                                      : STR("{\\\"a\\\":[1,\\\"\\\\u00e4\\\"]}");
    return u;
}

static void make_assistant(void)
{
    struct canon_parts *to = begin_message(CANON_ASSISTANT);
    const struct canon_part *first = NULL;
    while (chance(30))
        add(to, PART_REASONING)->reasoning = some_reasoning();
    add(to, PART_TEXT)->text = some_text();
    if (made.can->has_refusals && chance(20))
        add(to, PART_REFUSAL)->text = some_text();
    while (chance(40)) {
        struct canon_part *p = add(to, PART_TOOL_USE);
        p->tool = some_use();
        assert_int_equal(canon_note_use(&rig.request, &rig.room, &p->tool, NULL), ERR_OK);
        first = first ? first : p;
    }
    for (; first; first = first->next) {
        struct canon_part *r = add(begin_message(CANON_TOOL), PART_TOOL_RESULT);
        r->result.use = &first->tool;
        if (made.can->has_errors)
            r->result.is_error = chance(30) ? CANON_YES : CANON_UNSAID;
        add(&r->result.parts, PART_TEXT)->text = some_text();
        if (!chance(20))
            continue;
        struct canon_part *image = add(&r->result.parts, PART_IMAGE);
        image->media = (struct canon_media){
            .source = CANON_DATA, .mime = STR("image/png"), .data = STR("QUJD")};
    }
}

static void make_tools(void)
{
    static const enum canon_choice_kind kinds[] = {CANON_CHOICE_AUTO, CANON_CHOICE_REQUIRED,
                                                   CANON_CHOICE_NAMED};
    do {
        struct canon_tool *t = canon_add_tool(&rig.request, &rig.room, CANON_TOOL_FUNCTION);
        assert_non_null(t);
        t->name = fresh("f");
        t->schema = STR("{\"type\":\"object\",\"properties\":{}}");
        t->strict = chance(50) ? CANON_YES : CANON_NO;
        if (chance(50))
            t->description = some_text();
    } while (chance(40));
    rig.request.choice.kind = kinds[next_random(&made.seed) % COUNT_OF(kinds)];
    if (rig.request.choice.kind == CANON_CHOICE_NAMED)
        rig.request.choice.name = STR("f");
    rig.request.parallel = chance(50) ? CANON_NO : CANON_UNSAID;
}

static void make_settings(void)
{
    struct canon_request *r = &rig.request;
    r->facts.max_tokens = 2000 + next_random(&made.seed) % 1000;
    r->facts.is_streamed = chance(50);
    if (chance(50))
        r->values[PARAM_TEMPERATURE] = STR("0.50");
    if (chance(30))
        r->values[PARAM_TOP_P] = STR("0.9");
    if (chance(30))
        r->values[PARAM_USER] = STR("\"u\"");
    if (chance(30) && made.can->has_stop)
        r->values[PARAM_STOP] = STR("[\"a\",\"b\\n\"]");
    if (chance(40)) {
        r->format.kind = CANON_FORMAT_SCHEMA;
        r->format.schema = STR("{\"type\":\"object\"}");
        if (made.can->has_schema_name)
            r->format.name = STR("n");
    }
    if (!chance(40))
        return;
    if (made.can->has_efforts) {
        r->reason.effort = EFFORT_LOW;
    } else if (!r->tools &&
               !r->uses) { /* a forced call, one without thought and sampling go without */
        r->reason = (struct canon_reason){.enabled = CANON_YES, .max_tokens = 1024};
        r->values[PARAM_TEMPERATURE] = r->values[PARAM_TOP_P] = STR_NONE;
    }
}

static void make_request(void)
{
    rig.request = (struct canon_request){.from = made.dialect};
    rig.request.facts.models[rig.request.facts.models_n++] = STR("native");
    if (chance(60))
        add(begin_message(CANON_SYSTEM), PART_TEXT)->text = some_text();
    make_user();
    while (chance(60)) {
        make_assistant();
        make_user();
    }
    if (chance(50))
        make_tools();
    make_settings();
}

static void assert_kept(const char *what)
{
    if (!str_eq(buf_view(&made.before), buf_view(&made.after)))
        fail_msg("%s, %s\nmade\n%.*s\ncame back\n%.*s\nwritten\n%.*s", made.can->name, what,
                 STR_ARG(buf_view(&made.before)), STR_ARG(buf_view(&made.after)),
                 STR_ARG(buf_view(&rig.out)));
}

/* The cans, each as often as it takes; `try` makes one, goes there and back, and compares. */
static void for_each_format(void (*try)(void))
{
    for (size_t i = 0; i < COUNT_OF(cans); i++) {
        made = (struct made){.can = &cans[i], .seed = 88172645463325252u};
        made.dialect = dialect_find(str_c(cans[i].name));
        buf_init(&made.before, RIG_TEXT_MAX);
        buf_init(&made.after, RIG_TEXT_MAX);
        for (int n = 0; n < ROUNDS; n++) {
            rig_again();
            buf_reset(&made.before);
            buf_reset(&made.after);
            try();
        }
        buf_release(&made.before);
        buf_release(&made.after);
    }
}

/* The order of `include` and such is the format's own: extras are not compared. */
static void try_request(void)
{
    static const struct dialect_quirks quirks = {.max_tokens_field = STR_INIT("max_tokens"),
                                                 .is_openrouter = true};
    struct dialect_target t = {.model = STR("native"), .quirks = &quirks};
    make_request();
    dump_request(&made.before, &rig.request);
    t.max_tokens = rig.request.facts.max_tokens;
    t.is_streamed = rig.request.facts.is_streamed;
    struct json root = rig_parse(rig_write_request(made.dialect, &t));
    if (made.dialect->read_request(root, &rig.room, &rig.request, &rig.fault) != ERR_OK)
        fail_msg("%s: %s\n%.*s", made.can->name, rig.fault.message, STR_ARG(buf_view(&rig.out)));
    rig.request.extras = NULL;
    dump_request(&made.after, &rig.request);
    assert_kept("a request");
}

static void requests_come_back(void **state)
{
    (void)state;
    for_each_format(try_request);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void say(struct canon_event e)
{
    assert_int_equal(canon_keep(&rig.kept, &rig.room, &e), ERR_OK);
}

static void say_cited(uint32_t choice, uint32_t block)
{
    bool has_place = !made.can->has_errors;
    struct canon_event e = {.kind = EVENT_CITATION, .choice = choice, .block = block};
    e.citation = (struct canon_citation){.title = STR("\\u0074"),
                                         .quote = STR("c"),
                                         .url = has_place ? STR("https:\\/\\/h") : STR_NONE,
                                         .start = has_place ? STR("0") : STR_NONE,
                                         .end = has_place ? STR("1") : STR_NONE,
                                         .raw = str_c(made.can->citation),
                                         .of = made.dialect};
    say(e);
}

static void say_odds(uint32_t choice, uint32_t block)
{
    if (made.can->logprobs)
        say((struct canon_event){.kind = EVENT_LOGPROBS,
                                 .choice = choice,
                                 .block = block,
                                 .raw = str_c(made.can->logprobs)});
}

/* A chat says of all texts at once what is cited and how likely it was, others beside each. */
static void say_text(uint32_t choice, uint32_t *block)
{
    uint32_t text = (*block)++;
    bool is_late = made.can->choices > 1, is_cited = chance(30), has_odds = chance(20);
    for (uint32_t n = 0; n == 0 || chance(60); n++)
        say((struct canon_event){
            .kind = EVENT_TEXT, .choice = choice, .block = text, .text = some_text()});
    if (is_cited && !is_late)
        say_cited(choice, text);
    if (has_odds && !is_late)
        say_odds(choice, text);
    if (made.can->has_refusals && chance(20))
        say((struct canon_event){
            .kind = EVENT_REFUSAL, .choice = choice, .block = (*block)++, .text = some_text()});
    if (is_cited && is_late)
        say_cited(choice, text);
}

static void say_image(uint32_t choice, uint32_t *block)
{
    struct canon_event e = {.kind = EVENT_IMAGE, .choice = choice};
    if (!made.can->has_images || !chance(20))
        return;
    e.block = (*block)++;
    e.media =
        (struct canon_media){.source = CANON_DATA, .mime = STR("image/png"), .data = STR("QUJD")};
    if (made.can->has_customs)
        e.media.id = fresh("ig_");
    say(e);
}

static bool say_calls(uint32_t choice, uint32_t block)
{
    bool any = false;
    for (; chance(40); block++) {
        struct canon_tool_use u = some_use();
        struct canon_args args = u.args;
        u.args = (struct canon_args){0};
        say((struct canon_event){.kind = EVENT_TOOL, .choice = choice, .block = block, .tool = u});
        say((struct canon_event){
            .kind = EVENT_ARGS, .choice = choice, .block = block, .args = args});
        any = true;
    }
    return any;
}

static void make_choice(uint32_t choice)
{
    struct canon_event finish = {.kind = EVENT_FINISH, .choice = choice};
    uint32_t block = 0;
    while (chance(40))
        say((struct canon_event){.kind = EVENT_REASONING,
                                 .choice = choice,
                                 .block = block++,
                                 .reasoning = some_reasoning()});
    say_text(choice, &block);
    say_image(choice, &block);
    bool has_tools = say_calls(choice, block);
    if (made.can->choices > 1 && chance(20))
        say_odds(choice, 0);
    finish.finish.reason = has_tools ? FINISH_TOOL_CALLS : chance(50) ? FINISH_STOP : FINISH_LENGTH;
    say(finish);
}

static void make_answer(void)
{
    struct canon_event usage = {.kind = EVENT_USAGE, .bill.usage = made.can->usage};
    rig.kept = (struct canon_answer){0};
    say((struct canon_event){.kind = EVENT_BEGIN});
    for (uint32_t i = 0; i == 0 || (i < made.can->choices && chance(30)); i++)
        make_choice(i);
    usage.bill.usage.prompt = 50;
    usage.bill.usage.completion = 20;
    usage.bill.usage.cached = 7;
    usage.bill.usage.reasoning = made.can->counts_reasoning ? 5 : 0;
    say(usage);
    say((struct canon_event){.kind = EVENT_END});
}

/* Each event on a line; texts and arguments of one block on one. Arguments are shown as text. */
static void show(struct buf *out, const struct canon_event *e, const struct canon_event *last)
{
    bool goes_on =
        last && last->kind == e->kind && last->block == e->block && last->choice == e->choice;
    struct canon_event plain = *e;
    if (e->kind == EVENT_TEXT && goes_on) {
        out->n -= strlen("\"\n");
        buf_printf(out, "%.*s\"\n", STR_ARG(e->text));
        return;
    }
    if (e->kind == EVENT_REASONING && goes_on && e->reasoning.signature.p && !e->reasoning.text.p) {
        struct canon_event both = *last;
        both.reasoning.signature = e->reasoning.signature;
        out->n = made.block; /* where that line began */
        dump_event(out, &both);
        return;
    }
    if (e->kind == EVENT_BEGIN || e->kind == EVENT_END)
        return;
    if (e->kind == EVENT_FINISH)
        plain.finish.native = plain.finish.sequence = STR_NONE;
    made.block = (uint32_t)out->n;
    if (e->kind == EVENT_ARGS && e->args.form == CANON_ARGS_VALUE) {
        struct json_writer w;
        buf_printf(out, "args %u.%u", e->choice, e->block);
        json_writer_init(&w, out);
        buf_add(out, STR(" args="));
        canon_write_args_text(&w, NULL, &e->args);
        buf_add(out, STR("\n"));
        return;
    }
    dump_event(out, &plain);
}

static void show_answer(struct buf *out, const struct canon_answer *a)
{
    const struct canon_event *last = NULL;
    uint32_t finished = 0; /* a bit a choice */
    for (const struct canon_kept *k = a->first; k; k = k->next) {
        uint32_t bit = k->event.kind == EVENT_FINISH ? 1u << k->event.choice : 0;
        if (finished & bit)
            continue; /* OpenRouter says it once more beside the usage */
        finished |= bit;
        show(out, &k->event, last);
        last = &k->event;
    }
}

/* Copies what an event's views show: the text that they are of goes. */
static void try_whole(void)
{
    rig_begin_answer(made.dialect, NULL);
    make_answer();
    show_answer(&made.before, &rig.kept);
    struct str text = rig_text(rig_write_whole(made.dialect));
    rig.kept = (struct canon_answer){0};
    if (dialect_read_whole(&rig.reader, rig_parse(text), &rig.fault) != ERR_OK)
        fail_msg("%s: %s\n%.*s", made.can->name, rig.fault.message, STR_ARG(text));
    show_answer(&made.after, &rig.kept);
    assert_kept("a whole answer");
}

static void whole_answers_come_back(void **state)
{
    (void)state;
    for_each_format(try_whole);
}

static enum err on_sse(void *user, const struct sse_event *e)
{
    (void)user;
    struct str data = arena_str(&rig.arena, e->data); /* views of it are kept */
    assert_non_null(data.p);
    return dialect_read(&rig.reader, &rig.body_tape, e->name, data, &rig.fault);
}

static void try_stream(void)
{
    rig_begin_answer(made.dialect, NULL);
    make_answer();
    show_answer(&made.before, &rig.kept);
    rig.writer.dialect = made.dialect;
    rig.writer.state = arena_zalloc(&rig.arena, made.dialect->writer_size + 1);
    for (const struct canon_kept *k = rig.kept.first; k; k = k->next)
        assert_int_equal(made.dialect->write_event(&rig.writer, &k->event), ERR_OK);
    rig.kept = (struct canon_answer){0};
    sse_init(&made.sse, RIG_TEXT_MAX);
    if (sse_feed(&made.sse, buf_view(&rig.out), on_sse, NULL) != ERR_OK)
        fail_msg("%s: %s\n%.*s", made.can->name, rig.fault.message, STR_ARG(buf_view(&rig.out)));
    sse_release(&made.sse);
    show_answer(&made.after, &rig.kept);
    assert_kept("a stream");
}

static void streams_come_back(void **state)
{
    (void)state;
    for_each_format(try_stream);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_up, rig_down)
    const struct CMUnitTest tests[] = {
        TEST(requests_come_back),
        TEST(whole_answers_come_back),
        TEST(streams_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
