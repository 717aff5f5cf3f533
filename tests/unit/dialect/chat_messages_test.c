#include "unit/unit.h"

#include <stdio.h>

#include "dialect/chat.h"

#define CALL(id)                                                                                   \
    "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"" id "\",\"function\":{\"name\":\"f\"}}]}"
#define RESULT(id) "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"x\"}"
#define PART(part) "{\"role\":\"user\",\"content\":[" part "]}"

static struct json_tape tape;
static struct chat_request request;

static enum err reading(const char *text, struct fault *f)
{
    struct json root;
    assert_int_equal(json_parse(&tape, str_c(text), &root, NULL), ERR_OK);
    request = (struct chat_request){0};
    return chat_read_messages(&request, root, f);
}

static void a_result_answers_a_call_once(void **state)
{
    (void)state;
    static const char *const right[] = {
        "[" CALL("a") "," CALL("b") "," RESULT("b") "," RESULT("a") "]",
        "[" CALL("a") "," RESULT("a") "," CALL("a") "," RESULT("a") "]",
        "[" CALL("\\u0061") "," RESULT("a") "]",
        "[" CALL("") "," RESULT("") "," RESULT("") "]",
    };
    static const struct {
        const char *text, *sentence;
    } wrong[] = {
        {"[" RESULT("a") "," CALL("a") "]",
         "messages[0].tool_call_id: expected the id of a tool call of an earlier message, got one "
         "that none has"},
        {"[" CALL("a") "," RESULT("a") "," RESULT("a") "]",
         "messages[2].tool_call_id: expected the id of a tool call of an earlier message, got one "
         "that has its result already"},
        {"[{\"role\":\"tool\",\"content\":\"x\"}]",
         "messages[0].tool_call_id: expected a string, got nothing"},
        {"[" CALL("a") ",{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"b\",\"type\":\"custom\"}"
                       ",{}]}]",
         "messages[1].tool_calls[1].id: expected a string, got nothing"},
        {"[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"b\",\"function\":{\"name\":7}}]}]",
         "messages[0].tool_calls[0].function.name: expected a string, got a number"},
    };
    for (size_t i = 0; i < COUNT_OF(right); i++)
        assert_int_equal(reading(right[i], NULL), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct fault f = {0};
        assert_int_equal(reading(wrong[i].text, &f), ERR_INVALID);
        assert_string_equal(f.message, wrong[i].sentence);
    }
}

static void media_is_looked_at_where_it_has_no_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *part, *sentence;
    } wrong[] = {
        {PART("{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}"),
         "messages[0].content[0].image_url.url: expected a URL or a data URL, got neither"},
        {PART("{\"type\":\"image_url\",\"image_url\":\"x\"}"),
         "messages[0].content[0].image_url: expected a URL or a data URL, got neither"},
        {PART("{\"type\":\"image_url\"}"),
         "messages[0].content[0].image_url: expected a URL, got nothing"},
        {PART("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"*\"}}"),
         "messages[0].content[0].input_audio.data: expected base64, got text that is not"},
        {PART("{\"type\":\"file\",\"file\":{}}"),
         "messages[0].content[0].file.file_data: expected a URL, got nothing"},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char text[512];
        struct fault f = {0};
        snprintf(text, sizeof text, "[%s]", wrong[i].part);
        assert_int_equal(reading(text, &f), ERR_INVALID);
        assert_string_equal(f.message, wrong[i].sentence);
    }
    assert_int_equal(reading("[" PART("{\"type\":\"image_url\",\"image_url\":{\"url\":"
                                      "\"data:image\\/png;base64,QUJD\"}}") "]",
                             NULL),
                     ERR_OK);
    assert_int_equal(request.links, 0);
}

/* What is given by link is not in the body's bytes, in whichever form the link stands. */
static void links_are_counted(void **state)
{
    (void)state;
    static const char *const links[] = {
        PART("{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y\"}}"),
        PART("{\"type\":\"image_url\",\"image_url\":\"https://x/y\"}"),
        PART("{\"type\":\"image_url\",\"image_url\":{\"url\":\"https:\\/\\/x\\/y\"}}"),
        PART("{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}}"),
        PART("{\"type\":\"document\",\"document\":{\"id\":\"f\"}}"),
    };
    for (size_t i = 0; i < COUNT_OF(links); i++) {
        char text[512];
        snprintf(text, sizeof text, "[%s]", links[i]);
        assert_int_equal(reading(text, NULL), ERR_OK);
        assert_int_equal(request.links, 1);
    }
}

static int set_up(void **state)
{
    (void)state;
    json_tape_init(&tape, 1000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_tape_release(&tape);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_answers_a_call_once),
        cmocka_unit_test(media_is_looked_at_where_it_has_no_escapes),
        cmocka_unit_test(links_are_counted),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
