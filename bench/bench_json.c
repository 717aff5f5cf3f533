/* bench_json.c: our JSON reader and splice beside jansson and cJSON, in one run.
 *
 *   bench_json [--json FILE]
 *
 * Each task is done by all three in turn, round after round; the figures are medians of processor
 * time. All make the same changes and end with the changed text in memory, except where a row says
 * that it only reads. */
#include <cjson/cJSON.h>

/* jansson's words for its types are ours too. */
#define JSON_NULL   JANSSON_NULL
#define JSON_FALSE  JANSSON_FALSE
#define JSON_TRUE   JANSSON_TRUE
#define JSON_STRING JANSSON_STRING
#define JSON_ARRAY  JANSSON_ARRAY
#define JSON_OBJECT JANSSON_OBJECT
#include <jansson.h>
#undef JSON_NULL
#undef JSON_FALSE
#undef JSON_TRUE
#undef JSON_STRING
#undef JSON_ARRAY
#undef JSON_OBJECT

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "json/splice.h"
#include "json/write.h"

enum { ROUNDS = 15, WHO__COUNT = 3, IMAGE_BYTES = 1000000, ROUND_MS = 8 };

static const char *const who_names[WHO__COUNT] = {"turnpike", "jansson", "cJSON"};

static struct json_tape tape;
static struct buf out;

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench_json: %s failed\n", what);
    exit(1);
}

/* --- the texts ----------------------------------------------------------------------------------
 */

static void add_times(struct buf *b, struct str s, int times)
{
    while (times-- > 0)
        buf_add(b, s);
}

/* What ../shared/bench/compare sends, byte for byte. */
static void write_chat(struct buf *b)
{
    buf_add(
        b,
        STR("{\"model\": \"bench/chat\", \"messages\": [{\"role\": \"system\", \"content\": \""));
    add_times(b, STR("You are a helpful assistant. "), 10);
    buf_add(b, STR("\"}, {\"role\": \"user\", \"content\": \""));
    add_times(b, STR("Say this is a test, \\\"quoted\\\" and newline\\n. "), 20);
    buf_add(b, STR("\"}], \"stream\": false, \"temperature\": 0.7, \"max_tokens\": 256}"));
}

static void write_image(struct buf *b)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t x = 1;
    buf_add(b,
            STR("{\"model\":\"bench/chat\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
                "\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,"));
    for (int i = 0; i < IMAGE_BYTES; i++) {
        x = x * 1664525 + 1013904223;
        buf_add(b, str_of(&digits[x >> 26], 1));
    }
    buf_add(b, STR("\"}}]}],\"stream\":false}"));
}

static void write_chunk(struct buf *b)
{
    buf_add(
        b,
        STR("{\"id\":\"chatcmpl-9aB\",\"object\":\"chat.completion.chunk\",\"created\":1694268190,"
            "\"model\":\"gpt-4o-mini-2024-07-18\",\"system_fingerprint\":\"fp_44709d6fcb\","
            "\"choices\":"
            "[{\"index\":0,\"delta\":{\"content\":\" t123456789012345 and some more text of the "
            "answer, so "
            "that it is of usual "
            "size\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}"));
}

/* --- what is done with them ---------------------------------------------------------------------
 */

static struct json read_ours(struct str text)
{
    struct json v;
    must(json_parse(&tape, text, &v, NULL) == ERR_OK, "json_parse");
    return v;
}

static void write_ours(struct splice *s)
{
    buf_reset(&out);
    must(splice_write(s, &out) == ERR_OK, "splice_write");
}

static json_t *read_jansson(struct str text)
{
    json_t *v = json_loadb(text.p, text.n, 0, NULL);
    must(v != NULL, "json_loadb");
    return v;
}

static void write_jansson(json_t *v)
{
    char *text = json_dumps(v, JSON_COMPACT);
    must(text != NULL, "json_dumps");
    free(text);
    json_decref(v);
}

static cJSON *read_cjson(struct str text)
{
    cJSON *v = cJSON_ParseWithLength(text.p, text.n);
    must(v != NULL, "cJSON_ParseWithLength");
    return v;
}

static void write_cjson(cJSON *v)
{
    char *text = cJSON_PrintUnformatted(v);
    must(text != NULL, "cJSON_PrintUnformatted");
    cJSON_free(text);
    cJSON_Delete(v);
}

static void request_ours(struct str text)
{
    struct splice s;
    struct json v = read_ours(text);
    splice_init(&s, text);
    splice_set(&s, v, STR("model"), STR("\"gpt-4o-mini\""));
    splice_set(&s, v, STR("stream_options"), STR("{\"include_usage\":true}"));
    write_ours(&s);
}

static void request_jansson(struct str text)
{
    json_t *v = read_jansson(text);
    json_object_set_new(v, "model", json_string("gpt-4o-mini"));
    json_object_set_new(v, "stream_options", json_pack("{s:b}", "include_usage", 1));
    write_jansson(v);
}

static void request_cjson(struct str text)
{
    cJSON *v = read_cjson(text), *options = cJSON_CreateObject();
    cJSON_AddTrueToObject(options, "include_usage");
    cJSON_ReplaceItemInObjectCaseSensitive(v, "model", cJSON_CreateString("gpt-4o-mini"));
    cJSON_AddItemToObject(v, "stream_options", options);
    write_cjson(v);
}

static void only_ours(struct str text)
{
    read_ours(text);
}

static void only_jansson(struct str text)
{
    json_decref(read_jansson(text));
}

static void only_cjson(struct str text)
{
    cJSON_Delete(read_cjson(text));
}

static void chunk_ours(struct str text)
{
    struct splice s;
    struct json v = read_ours(text);
    struct json finish = json_get(json_first(json_get(v, STR("choices"))), STR("finish_reason"));
    must(json_is(finish, JSON_NULL) && json_is(json_get(v, STR("usage")), JSON_NULL), "looking up");
    splice_init(&s, text);
    splice_replace(&s, json_get(v, STR("id")), STR("\"gen-1694268190-abcdefgh\""));
    splice_replace(&s, json_get(v, STR("model")), STR("\"openai/gpt-4o-mini\""));
    write_ours(&s);
}

static void chunk_jansson(struct str text)
{
    json_t *v = read_jansson(text);
    json_t *finish =
        json_object_get(json_array_get(json_object_get(v, "choices"), 0), "finish_reason");
    must(finish == json_null() && json_object_get(v, "usage") == json_null(), "looking up");
    json_object_set_new(v, "id", json_string("gen-1694268190-abcdefgh"));
    json_object_set_new(v, "model", json_string("openai/gpt-4o-mini"));
    write_jansson(v);
}

static void chunk_cjson(struct str text)
{
    cJSON *v = read_cjson(text);
    const cJSON *first = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(v, "choices"), 0);
    must(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(first, "finish_reason")) &&
             cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(v, "usage")),
         "looking up");
    cJSON_ReplaceItemInObjectCaseSensitive(v, "id", cJSON_CreateString("gen-1694268190-abcdefgh"));
    cJSON_ReplaceItemInObjectCaseSensitive(v, "model", cJSON_CreateString("openai/gpt-4o-mini"));
    write_cjson(v);
}

static const struct task {
    const char *name;
    void (*write_text)(struct buf *);
    void (*run[WHO__COUNT])(struct str);
} tasks[] = {
    {"chat body, read only", write_chat, {only_ours, only_jansson, only_cjson}},
    {"chat body, change and write", write_chat, {request_ours, request_jansson, request_cjson}},
    {"1 MB image, read only", write_image, {only_ours, only_jansson, only_cjson}},
    {"1 MB image, change and write", write_image, {request_ours, request_jansson, request_cjson}},
    {"stream chunk, look up, change, write", write_chunk, {chunk_ours, chunk_jansson, chunk_cjson}},
};

/* --- measuring ----------------------------------------------------------------------------------
 */

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double time_times(const struct task *t, unsigned who, struct str text, long times)
{
    double start = cpu_ns();
    for (long i = 0; i < times; i++)
        t->run[who](text);
    return (cpu_ns() - start) / (double)times;
}

/* As many as fill a round. */
static long choose_times(const struct task *t, unsigned who, struct str text)
{
    long times = 1;
    while (time_times(t, who, text, times) * (double)times < (double)ROUND_MS * 1e6)
        times *= 2;
    return times;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const struct task *t, struct str text, double median_ns[WHO__COUNT])
{
    double rounds[WHO__COUNT][ROUNDS];
    long times[WHO__COUNT];
    for (unsigned who = 0; who < WHO__COUNT; who++)
        times[who] = choose_times(t, who, text);
    for (int i = 0; i < ROUNDS; i++) {
        for (unsigned who = 0; who < WHO__COUNT; who++)
            rounds[who][i] = time_times(t, who, text, times[who]);
    }
    for (unsigned who = 0; who < WHO__COUNT; who++) {
        qsort(rounds[who], ROUNDS, sizeof rounds[who][0], compare);
        median_ns[who] = rounds[who][ROUNDS / 2];
    }
}

static void write_number(struct json_writer *w, const char *key, double v)
{
    char text[40];
    int n = snprintf(text, sizeof text, "%.3f", v);
    jw_raw(w, key, str_of(text, (size_t)n));
}

static void report(const struct task *t, size_t bytes, const double ns[WHO__COUNT],
                   struct json_writer *w)
{
    printf("%s (%zu bytes)\n", t->name, bytes);
    jw_object(w, NULL);
    jw_str_c(w, "task", t->name);
    jw_u64(w, "bytes", bytes);
    for (unsigned who = 0; who < WHO__COUNT; who++) {
        double gb_s = (double)bytes / ns[who], ratio = ns[who] / ns[0];
        printf("    %-10s %12.3f us %8.2f GB/s %8.1f x\n", who_names[who], ns[who] / 1e3, gb_s,
               ratio);
        jw_object(w, who_names[who]);
        write_number(w, "us", ns[who] / 1e3);
        write_number(w, "gb_per_s", gb_s);
        write_number(w, "times_turnpike", ratio);
        jw_end(w);
    }
    jw_end(w);
}

static void save(const char *path, struct str text)
{
    FILE *f = fopen(path, "w");
    must(f && fwrite(text.p, 1, text.n, f) == text.n && fputc('\n', f) == '\n' && fclose(f) == 0,
         path);
}

int main(int argc, char **argv)
{
    struct buf text, figures;
    struct json_writer w;
    if (argc != 1 && !(argc == 3 && str_eq(str_c(argv[1]), STR("--json")))) {
        fprintf(stderr, "usage: bench_json [--json FILE]\n");
        return 2;
    }
    json_tape_init(&tape, 1 << 20);
    buf_init(&out, 1 << 24);
    buf_init(&text, 1 << 24);
    buf_init(&figures, 1 << 16);
    json_writer_init(&w, &figures);
    jw_array(&w, NULL);
    for (size_t i = 0; i < COUNT_OF(tasks); i++) {
        double ns[WHO__COUNT];
        buf_reset(&text);
        tasks[i].write_text(&text);
        must(text.failed == ERR_OK, "making the text");
        measure(&tasks[i], buf_view(&text), ns);
        report(&tasks[i], text.n, ns, &w);
    }
    must(jw_finish(&w) == ERR_OK, "writing the figures");
    if (argc == 3)
        save(argv[2], buf_view(&figures));
    buf_release(&figures);
    buf_release(&text);
    buf_release(&out);
    json_tape_release(&tape);
    return 0;
}
