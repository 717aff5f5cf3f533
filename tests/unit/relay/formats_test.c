/* The golden exchanges in tests/golden/forms (see the README there): each format's requests, streams,
 * whole answers and errors read as they say, streams split at every byte and at random too. */
#include "unit/dialect/rig.h"

#include "canon_dump.h"
#include "http/eventstream.h"
#include "http/sse.h"
#include "json_same.h"

#include <glob.h>
#include <stdio.h>

enum { GOLDEN_MAX = 1 << 20, SPLITS = 100 };

static struct golden {
    const char *path;
    const struct dialect *dialect;
    struct buf text, seen;
    struct sse sse; /* by the dialect's framing this or that */
    struct eventstream frames;
} golden;

static void load(const char *path)
{
    char piece[4096];
    struct str name = str_skip(str_c(path), strlen("tests/golden/forms/"));
    FILE *f = fopen(path, "r");
    golden.path = path;
    golden.dialect = dialect_find(str_cut(&name, '/'));
    buf_init(&golden.text, GOLDEN_MAX);
    buf_init(&golden.seen, GOLDEN_MAX);
    if (!f || !golden.dialect)
        fail_msg("%s: no such file, or no such dialect", path);
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
        buf_add(&golden.text, str_of(piece, n));
    fclose(f);
    if (str_find(buf_view(&golden.text), STR("\nsource: ")) == golden.text.n)
        fail_msg("%s lacks 'source:'", path);
}

/* p NULL: there is none. */
static struct str section(const char *name)
{
    char mark[64];
    struct str all = buf_view(&golden.text);
    snprintf(mark, sizeof mark, "\n== %s\n", name);
    size_t at = str_find(all, str_c(mark));
    if (at == all.n)
        return STR_NONE;
    all = str_skip(all, at + strlen(mark));
    size_t end = str_find(all, STR("\n== "));
    return end == all.n ? all : str_head(all, end + 1);
}

static void assert_seen(const char *what, const char *how)
{
    struct str expected = section(what), got = buf_view(&golden.seen);
    if (!str_eq(got, expected))
        fail_msg("%s: %s, %s\ngot\n%.*s\nexpected\n%.*s", golden.path, what, how, STR_ARG(got),
                 STR_ARG(expected));
}

static void assert_same_json(struct str got, struct str expected)
{
    struct json_tape a, b;
    struct json x, y;
    json_tape_init(&a, 100000);
    json_tape_init(&b, 100000);
    if (json_parse(&a, got, &x, NULL) != ERR_OK ||
        json_parse(&b, str_trim(expected), &y, NULL) != ERR_OK || !json_same(&a, got, &b, expected))
        fail_msg("%s: written\ngot\n%.*s\nexpected\n%.*s", golden.path, STR_ARG(got),
                 STR_ARG(expected));
    json_tape_release(&a);
    json_tape_release(&b);
}

/* --- requests --------------------------------------------------------------------------------- */

/* Of a format that providers alone speak, what is written is asked for in OpenAI's. */
static void replay_request(void)
{
    static const struct dialect_quirks quirks = {.max_tokens_field = STR_INIT("max_tokens"),
                                                 .is_openrouter = true};
    struct dialect_target target = {.model = STR("native"), .quirks = &quirks};
    bool is_own = section("request").p;
    struct str request = section(is_own ? "request" : "asked");
    const struct dialect *from = is_own ? golden.dialect : dialect_find(STR("openai"));
    if (!request.p)
        return;
    rig_again();
    buf_reset(&golden.seen);
    if (from->read_request(rig_parse(request), &rig.room, &rig.request, &rig.fault) != ERR_OK)
        fail_msg("%s: %s", golden.path, rig.fault.message);
    dump_request(&golden.seen, &rig.request);
    if (is_own)
        assert_seen("canonical", "read");
    else
        target.model = rig.request.facts.models[0];
    target.max_tokens = rig.request.facts.max_tokens;
    target.is_streamed = rig.request.facts.is_streamed;
    if (section("written").p)
        assert_same_json(rig_write_request(golden.dialect, &target), section("written"));
    if (section("path").p) {
        buf_reset(&golden.seen);
        golden.dialect->write_path(&target, &golden.seen);
        buf_add(&golden.seen, STR("\n"));
        assert_seen("path", "written");
    }
}

/* --- answers ---------------------------------------------------------------------------------- */

static enum err see(void *user, const struct canon_event *e)
{
    (void)user;
    dump_event(&golden.seen, e);
    return ERR_OK;
}

static void begin_reading(void)
{
    rig_again();
    rig_begin_answer(golden.dialect, NULL);
    rig.reader.emit = see;
    buf_reset(&golden.seen);
}

static enum err on_sse(void *user, const struct sse_event *e)
{
    (void)user;
    return dialect_read(&rig.reader, &rig.body_tape, e->name, e->data, &rig.fault);
}

static enum err on_frame(void *user, const struct eventstream_event *e)
{
    return on_sse(user, &(struct sse_event){e->name, e->data});
}

/* In memory of its own size, gone afterwards. */
static void feed(struct str bytes)
{
    char *copy = malloc(bytes.n ? bytes.n : 1);
    memcpy(copy, bytes.p, bytes.n);
    enum err e = golden.dialect->framing == FRAMING_AWS
                     ? eventstream_feed(&golden.frames, str_of(copy, bytes.n), on_frame, NULL)
                     : sse_feed(&golden.sse, str_of(copy, bytes.n), on_sse, NULL);
    if (e != ERR_OK)
        fail_msg("%s: %s", golden.path, rig.fault.message);
    free(copy);
}

static enum err add_frame(void *user, const struct sse_event *e)
{
    bool is_exception = str_ends(e->name, STR("Exception"));
    struct eventstream_event frame = {is_exception ? EVENTSTREAM_EXCEPTION : EVENTSTREAM_EVENT,
                                      e->name, e->data, STR_NONE};
    return eventstream_add(user, &frame);
}

/* The stream as it stands on the wire: in the files it is always text. */
static struct buf framed(struct str text)
{
    struct buf out;
    struct sse sse;
    buf_init(&out, GOLDEN_MAX);
    sse_init(&sse, GOLDEN_MAX);
    if (golden.dialect->framing == FRAMING_AWS)
        assert_int_equal(sse_feed(&sse, text, add_frame, &out), ERR_OK);
    else
        assert_int_equal(buf_add(&out, text), ERR_OK);
    sse_release(&sse);
    return out;
}

static void stream_begin(void)
{
    begin_reading();
    sse_init(&golden.sse, GOLDEN_MAX);
    eventstream_init(&golden.frames, GOLDEN_MAX);
}

static void stream_end(const char *how)
{
    assert_seen("events", how);
    sse_release(&golden.sse);
    eventstream_release(&golden.frames);
}

static void replay_stream(void)
{
    struct str text = section("stream");
    uint64_t state = 88172645463325252u;
    if (!text.p)
        return;
    struct buf wire = framed(text);
    struct str all = buf_view(&wire);
    for (size_t at = 0; at <= all.n; at++) {
        stream_begin();
        feed(str_head(all, at));
        feed(str_skip(all, at));
        stream_end("split once");
    }
    for (unsigned i = 0; i < SPLITS; i++) {
        stream_begin();
        for (struct str left = all; left.n;) {
            size_t n = 1 + next_random(&state) % (i ? 100 : 1);
            feed(str_head(left, n));
            left = str_skip(left, n);
        }
        stream_end(i ? "split at random" : "byte by byte");
    }
    buf_release(&wire);
}

static void replay_whole(void)
{
    struct str whole = section("whole");
    if (!whole.p)
        return;
    begin_reading();
    if (dialect_read_whole(&rig.reader, rig_parse(whole), &rig.fault) != ERR_OK)
        fail_msg("%s: %s", golden.path, rig.fault.message);
    assert_seen("whole events", "read");
}

static void replay_error(void)
{
    struct canon_failure x = {0};
    struct str error = section("error");
    if (!error.p)
        return;
    begin_reading();
    golden.dialect->read_error(rig_parse(error), &rig.room, &x);
    dump_failure(&golden.seen, &x);
    buf_add(&golden.seen, STR("\n"));
    assert_seen("failure", "read");
}

static void exchanges_read_as_they_say(void **state)
{
    glob_t found;
    (void)state;
    assert_int_equal(glob("tests/golden/forms/*/*.txt", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        load(found.gl_pathv[i]);
        replay_request();
        replay_stream();
        replay_whole();
        replay_error();
        buf_release(&golden.text);
        buf_release(&golden.seen);
    }
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(exchanges_read_as_they_say, rig_up, rig_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
