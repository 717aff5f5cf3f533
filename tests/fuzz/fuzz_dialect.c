/* Every format's readers, and of what they accept every format's writers: what is written is JSON.
 * The first byte: whose readers; the second: a request, a whole answer, or a stream's events, one a
 * line: the JSON, or its name, a space and the JSON. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "dialect/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_MAX = 4 << 20, KINDS = 3 };

static struct run {
    struct arena arena;
    struct json_tape tape, room_tape, check_tape;
    struct buf scratch, out;
    struct canon_room room;
    struct canon_writer writers[8];
    size_t writers_n;
    bool has_begun;
} run;

static void check_json(struct str text)
{
    struct json v;
    struct fault f;
    if (json_parse(&run.check_tape, text, &v, &f) != ERR_INVALID)
        return;
    fprintf(stderr, "%s: %.*s\n", f.message, STR_ARG(text));
    abort(); /* what was written is no JSON */
}

/* Each "data: " line but the one that is no JSON by its format. */
static void check_stream(const struct dialect *d)
{
    struct str all = buf_view(&run.out);
    while (all.n) {
        struct str line = str_cut(&all, '\n');
        if (str_starts(line, STR("data: ")) && !str_eq(str_skip(line, 6), d->done))
            check_json(str_skip(line, 6));
    }
}

static void write_requests(const struct canon_request *r)
{
    static const struct str models[] = {STR_INIT("m"), STR_INIT("gemini-3-pro"),
                                        STR_INIT("anthropic.claude-1:0"),
                                        STR_INIT("amazon.nova-2-lite-v1:0")};
    const struct dialect *d;
    for (size_t i = 0; (d = dialect_at(i)); i++) {
        struct str model = models[r->facts.text.bytes % COUNT_OF(models)];
        struct dialect_target t = {model, 1 + r->facts.max_tokens, true, &dialect_no_quirks};
        if (!d->write_request)
            continue;
        buf_reset(&run.out);
        if (dialect_write_request(d, r, &t, &run.room, &run.out, NULL) == ERR_OK)
            check_json(buf_view(&run.out));
    }
}

static enum err keep(void *user, const struct canon_event *e)
{
    return canon_keep(user, &run.room, e);
}

static struct canon_writer writer_of(const struct dialect *d)
{
    return (struct canon_writer){.dialect = d,
                                 .room = run.room,
                                 .out = &run.out,
                                 .who = {STR("i"), STR("m"), STR("p"), 1},
                                 .state = arena_zalloc(&run.arena, d->writer_size + 1)};
}

static enum err pass_on(void *user, const struct canon_event *e)
{
    (void)user;
    if (!run.has_begun && e->kind != EVENT_BEGIN)
        pass_on(NULL, &(struct canon_event){.kind = EVENT_BEGIN});
    run.has_begun = true;
    for (size_t i = 0; i < run.writers_n; i++) {
        struct canon_writer *w = &run.writers[i];
        buf_reset(&run.out);
        if (w->state && w->dialect->write_event(w, e) == ERR_OK && run.out.failed == ERR_OK)
            check_stream(w->dialect);
    }
    return ERR_OK;
}

static void read_whole(struct canon_reader *rd, struct json root)
{
    struct canon_answer a = {0};
    const struct dialect *to;
    rd->emit = keep;
    rd->user = &a;
    if (dialect_read_whole(rd, root, NULL) != ERR_OK)
        return;
    for (size_t i = 0; (to = dialect_at(i)); i++) {
        struct canon_writer w = writer_of(to);
        buf_reset(&run.out);
        if (to->write_whole && w.state && to->write_whole(&w, &a) == ERR_OK)
            check_json(buf_view(&run.out));
    }
}

static void read_stream(struct canon_reader *rd, struct str lines)
{
    const struct dialect *to;
    rd->emit = pass_on;
    for (size_t i = 0; (to = dialect_at(i)) && run.writers_n < COUNT_OF(run.writers); i++) {
        if (to->write_event)
            run.writers[run.writers_n++] = writer_of(to);
    }
    while (lines.n) {
        struct str line = str_cut(&lines, '\n'), name = STR("");
        if (line.n && line.p[0] != '{')
            name = str_cut(&line, ' ');
        char *copy = malloc(line.n ? line.n : 1);
        BUG_ON(!copy);
        if (line.n)
            memcpy(copy, line.p, line.n);
        enum err e = dialect_read(rd, &run.tape, name, str_of(copy, line.n), NULL);
        free(copy);
        if (e != ERR_OK)
            return;
    }
}

static void begin(void)
{
    run = (struct run){0};
    arena_init(&run.arena, 4096, MEMORY_MAX);
    json_tape_init(&run.tape, 100000);
    json_tape_init(&run.room_tape, 100000);
    json_tape_init(&run.check_tape, 1000000);
    buf_init(&run.scratch, MEMORY_MAX);
    buf_init(&run.out, MEMORY_MAX);
    run.room = (struct canon_room){&run.arena, &run.room_tape, &run.scratch};
}

static void end(void)
{
    arena_release(&run.arena);
    json_tape_release(&run.tape);
    json_tape_release(&run.room_tape);
    json_tape_release(&run.check_tape);
    buf_release(&run.scratch);
    buf_release(&run.out);
}

static void read_one(const struct dialect *d, unsigned kind, struct str text)
{
    struct json root;
    struct canon_request r;
    struct canon_reader rd = {.dialect = d, .room = run.room};
    rd.state = arena_zalloc(&run.arena, d->reader_size + 1);
    if (kind == 2 && d->read_event && rd.state) {
        read_stream(&rd, text);
        return;
    }
    if (json_parse(&run.tape, text, &root, NULL) != ERR_OK)
        return;
    if (kind == 0 && d->read_request && d->read_request(root, &run.room, &r, NULL) == ERR_OK)
        write_requests(&r);
    if (kind == 1 && d->read_whole && rd.state)
        read_whole(&rd, root);
    if (kind == 1 && d->read_error) {
        struct canon_failure x;
        d->read_error(root, &run.room, &x);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n = 0;
    while (dialect_at(n))
        n++;
    if (size < 2)
        return 0;
    char *copy = malloc(size - 1);
    BUG_ON(!copy);
    memcpy(copy, data + 2, size - 2);
    begin();
    read_one(dialect_at(data[0] % n), data[1] % KINDS, str_of(copy, size - 2));
    end();
    free(copy);
    return 0;
}
