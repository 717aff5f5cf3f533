#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "http/eventstream.h"

enum { STREAM_MAX = 4096 };

/* The messages of AWS's own libraries (aws-c-event-stream, tests: "payload_no_headers",
 * "payload_one_str_header", "int32_header", "empty_message"): well formed, and none is an event. */
#define EMPTY_MESSAGE "000000100000000005c248eb7d98c8ff"
#define NO_HEADERS    "0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936"
#define ONE_HEADER                                                                                 \
    "0000003d0000002007fd83960c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b27" \
    "666f6f273a27626172277d8d9c08b1"
#define INT_HEADER                                                                                 \
    "0000002d0000001041c424b80a6576656e742d74797065040000a00c7b27666f6f273a27626172277d36f480a0"

static struct str bytes_of(const char *hex, char *out)
{
    size_t n = strlen(hex) / 2;
    assert_true(n <= STREAM_MAX - 16 && hex_decode(out, n, str_c(hex)));
    return str_of(out, n);
}

/* --- what is seen ----------------------------------------------------------------------------- */

struct seen {
    char text[STREAM_MAX];
    size_t n;
    unsigned events, fails_at;
};

static enum err on_event(void *user, const struct eventstream_event *e)
{
    static const char *const kinds[] = {"event", "exception", "error"};
    struct seen *s = user;
    s->n +=
        (size_t)snprintf(s->text + s->n, sizeof s->text - s->n, "%s %.*s|%.*s|%.*s;",
                         kinds[e->kind], STR_ARG(e->name), STR_ARG(e->data), STR_ARG(e->message));
    assert_true(s->n < sizeof s->text);
    return ++s->events == s->fails_at ? ERR_CANCELLED : ERR_OK;
}

/* Each piece in memory of its own, so that a sanitizer sees views that outlive it. */
static enum err feed(struct eventstream *s, struct str bytes, struct seen *seen)
{
    char *copy = test_malloc(bytes.n + 1);
    memcpy(copy, bytes.p, bytes.n);
    enum err e = eventstream_feed(s, str_of(copy, bytes.n), on_event, seen);
    memset(copy, '#', bytes.n);
    test_free(copy);
    return e;
}

static enum err feed_in_steps(struct str bytes, size_t step, size_t max, struct seen *seen)
{
    struct eventstream s;
    enum err e = ERR_OK;
    eventstream_init(&s, max);
    while (bytes.n && e == ERR_OK) {
        e = feed(&s, str_head(bytes, step), seen);
        bytes = str_skip(bytes, step);
    }
    eventstream_release(&s);
    return e;
}

/* --- what is written -------------------------------------------------------------------------- */

#define TEXT_EVENT                                                                                 \
    {                                                                                              \
        EVENTSTREAM_EVENT, STR_INIT("contentBlockDelta"),                                          \
            STR_INIT("{\"delta\":{\"text\":\"a\"}}"), STR_INIT("")                                 \
    }

static const struct eventstream_event events[] = {
    TEXT_EVENT,
    {EVENTSTREAM_EVENT, STR_INIT("messageStop"), STR_INIT(""), STR_INIT("")},
    {EVENTSTREAM_EXCEPTION, STR_INIT("throttlingException"), STR_INIT("{\"message\":\"slower\"}"),
     STR_INIT("")},
    {EVENTSTREAM_ERROR, STR_INIT("InternalFailure"), STR_INIT(""), STR_INIT("It broke")},
};
#define EVENTS_SEEN                                                                                \
    "event contentBlockDelta|{\"delta\":{\"text\":\"a\"}}|;event messageStop||;"                   \
    "exception throttlingException|{\"message\":\"slower\"}|;error InternalFailure||It broke;"

/* All of them, with messages between that are to be passed over. */
static struct buf stream_of_all(void)
{
    struct buf b;
    char room[STREAM_MAX];
    buf_init(&b, STREAM_MAX);
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        assert_int_equal(eventstream_add(&b, &events[i]), ERR_OK);
        buf_add(&b, bytes_of(i % 2 ? EMPTY_MESSAGE ONE_HEADER : INT_HEADER NO_HEADERS, room));
    }
    assert_int_equal(b.failed, ERR_OK);
    return b;
}

static void a_stream_gives_its_events_split_anywhere(void **state)
{
    (void)state;
    struct buf all = stream_of_all();
    for (size_t at = 0; at <= all.n; at++) {
        struct seen seen = {.n = 0};
        struct eventstream s;
        eventstream_init(&s, STREAM_MAX);
        assert_int_equal(feed(&s, str_head(buf_view(&all), at), &seen), ERR_OK);
        assert_int_equal(feed(&s, str_skip(buf_view(&all), at), &seen), ERR_OK);
        assert_string_equal(seen.text, EVENTS_SEEN);
        assert_false(eventstream_is_mid_message(&s));
        eventstream_release(&s);
    }
    for (size_t step = 1; step < 40; step++) {
        struct seen seen = {.n = 0};
        assert_int_equal(feed_in_steps(buf_view(&all), step, STREAM_MAX, &seen), ERR_OK);
        assert_string_equal(seen.text, EVENTS_SEEN);
    }
    buf_release(&all);
}

static void a_stream_cut_anywhere_is_known_to_be_cut(void **state)
{
    (void)state;
    struct buf one;
    buf_init(&one, STREAM_MAX);
    assert_int_equal(eventstream_add(&one, &events[0]), ERR_OK);
    for (size_t n = 0; n <= one.n; n++) {
        struct seen seen = {.n = 0};
        struct eventstream s;
        eventstream_init(&s, STREAM_MAX);
        assert_int_equal(feed(&s, str_head(buf_view(&one), n), &seen), ERR_OK);
        assert_int_equal(eventstream_is_mid_message(&s), n > 0 && n < one.n);
        assert_int_equal(seen.events, n == one.n);
        eventstream_release(&s);
    }
    buf_release(&one);
}

/* `{"p":1}` as an event "ping", byte for byte as the specification lays it out. The checksums were
 * computed by another program (zlib). */
static void what_is_written_has_the_documented_bytes(void **state)
{
    (void)state;
    static const char golden[] =
        "000000610000004a" /* 97 bytes, 74 of headers */
        "5779291a"
        "0b3a6576656e742d74797065"               /* ":event-type" */
        "07000470696e67"                         /* a string of 4: "ping" */
        "0d3a636f6e74656e742d74797065"           /* ":content-type" */
        "0700106170706c69636174696f6e2f6a736f6e" /* a string of 16: "application/json" */
        "0d3a6d6573736167652d74797065"           /* ":message-type" */
        "0700056576656e74"                       /* a string of 5: "event" */
        "7b2270223a317d"
        "1ba9b5e1";
    char got[STREAM_MAX];
    struct buf b;
    buf_init(&b, STREAM_MAX);
    struct eventstream_event ping = {EVENTSTREAM_EVENT, STR("ping"), STR("{\"p\":1}"), STR_NONE};
    assert_int_equal(eventstream_add(&b, &ping), ERR_OK);
    hex_encode(got, b.p, b.n);
    got[2 * b.n] = '\0';
    assert_string_equal(got, golden);
    buf_release(&b);
}

/* --- what is refused -------------------------------------------------------------------------- */

static void a_bit_that_changed_is_noticed(void **state)
{
    (void)state;
    struct buf one;
    buf_init(&one, STREAM_MAX);
    assert_int_equal(eventstream_add(&one, &events[0]), ERR_OK);
    for (size_t i = 0; i < 8 * one.n; i++) {
        struct seen whole = {.n = 0}, split = {.n = 0};
        one.p[i / 8] ^= (char)(1 << i % 8);
        assert_int_equal(feed_in_steps(buf_view(&one), STREAM_MAX, STREAM_MAX, &whole),
                         ERR_UPSTREAM);
        assert_int_equal(feed_in_steps(buf_view(&one), 1, STREAM_MAX, &split), ERR_UPSTREAM);
        assert_int_equal(whole.events + split.events, 0);
        one.p[i / 8] ^= (char)(1 << i % 8);
    }
    buf_release(&one);
}

static void put(char *at, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (char)(uint8_t)(v >> 8 * (3 - i));
}

/* A message whose checksums are right, whatever is in it. */
static struct str sealed(char out[STREAM_MAX], uint32_t size, uint32_t headers, const char *rest)
{
    struct str more = bytes_of(rest, out + 12);
    put(out, size);
    put(out + 4, headers);
    put(out + 8, crc32_ieee(str_of(out, 8)));
    put(out + 12 + more.n, crc32_ieee(str_of(out, 12 + more.n)));
    return str_of(out, 12 + more.n + 4);
}

static void lengths_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t size, headers;
        const char *rest;
        enum err err;
    } cases[] = {
        {15, 0, "", ERR_UPSTREAM},
        {0, 0, "", ERR_UPSTREAM},
        {16, 1, "", ERR_UPSTREAM},
        {20, UINT32_MAX, "00000000", ERR_UPSTREAM},
        {UINT32_MAX, 128 * 1024 + 1, "", ERR_UPSTREAM},
        {UINT32_MAX, 0, "", ERR_TOO_BIG},
        {STREAM_MAX + 1, 0, "", ERR_TOO_BIG},
        {17, 1, "05", ERR_UPSTREAM},                /* a name that ends nowhere */
        {18, 2, "0161", ERR_UPSTREAM},              /* no type */
        {19, 3, "016101", ERR_OK},                  /* false */
        {19, 3, "01610a", ERR_UPSTREAM},            /* a type that there is not */
        {19, 3, "016105", ERR_UPSTREAM},            /* a number of eight bytes, and none is there */
        {21, 5, "0161070001", ERR_UPSTREAM},        /* a text that ends nowhere */
        {22, 6, "016106000162", ERR_OK},            /* bytes */
        {27, 11, "0161080000000000000000", ERR_OK}, /* a time */
        {21, 5, "0100070000", ERR_OK},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char room[STREAM_MAX];
        struct seen whole = {.n = 0}, split = {.n = 0};
        struct str m = sealed(room, cases[i].size, cases[i].headers, cases[i].rest);
        assert_int_equal(feed_in_steps(m, STREAM_MAX, STREAM_MAX, &whole), cases[i].err);
        assert_int_equal(feed_in_steps(m, 1, STREAM_MAX, &split), cases[i].err);
        assert_int_equal(whole.events + split.events, 0);
    }
}

static void a_message_over_the_ceiling_is_too_big_before_it_has_come(void **state)
{
    (void)state;
    struct buf one;
    buf_init(&one, STREAM_MAX);
    assert_int_equal(eventstream_add(&one, &events[0]), ERR_OK);
    for (size_t max = 16; max < one.n + 2; max++) {
        struct seen seen = {.n = 0};
        struct str head = max < one.n ? str_head(buf_view(&one), 12) : buf_view(&one);
        assert_int_equal(feed_in_steps(head, 1, max, &seen), max < one.n ? ERR_TOO_BIG : ERR_OK);
    }
    buf_release(&one);
}

static void an_error_of_the_callback_ends_the_feeding(void **state)
{
    (void)state;
    struct buf all = stream_of_all();
    for (unsigned at = 1; at <= COUNT_OF(events); at++) {
        struct seen seen = {.fails_at = at};
        assert_int_equal(feed_in_steps(buf_view(&all), 7, STREAM_MAX, &seen), ERR_CANCELLED);
        assert_int_equal(seen.events, at);
    }
    buf_release(&all);
}

static void what_does_not_fit_is_told(void **state)
{
    (void)state;
    struct buf b;
    for (size_t max = 0; max < 100; max++) {
        buf_init(&b, max);
        assert_int_equal(eventstream_add(&b, &events[0]), ERR_TOO_BIG);
        buf_release(&b);
    }
}

static enum err is_lent(void *user, const struct eventstream_event *e)
{
    const struct str *bytes = user;
    assert_true(e->name.p > bytes->p && e->data.p + e->data.n <= bytes->p + bytes->n);
    return ERR_OK;
}

static void a_whole_message_is_lent_without_a_copy(void **state)
{
    (void)state;
    struct buf all = stream_of_all();
    struct str bytes = buf_view(&all);
    struct eventstream s;
    eventstream_init(&s, STREAM_MAX);
    assert_int_equal(eventstream_feed(&s, bytes, is_lent, &bytes), ERR_OK);
    assert_null(s.part.p);
    eventstream_release(&s);
    buf_release(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_gives_its_events_split_anywhere),
        cmocka_unit_test(a_stream_cut_anywhere_is_known_to_be_cut),
        cmocka_unit_test(what_is_written_has_the_documented_bytes),
        cmocka_unit_test(a_bit_that_changed_is_noticed),
        cmocka_unit_test(lengths_that_cannot_be_are_refused),
        cmocka_unit_test(a_message_over_the_ceiling_is_too_big_before_it_has_come),
        cmocka_unit_test(an_error_of_the_callback_ends_the_feeding),
        cmocka_unit_test(what_does_not_fit_is_told),
        cmocka_unit_test(a_whole_message_is_lent_without_a_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
