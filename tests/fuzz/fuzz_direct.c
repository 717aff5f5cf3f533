/* Embeddings and their like: clients' requests, which every form writes where they are taken, and
 * providers' answers, which are told to clients: what is written is JSON. The first byte: a form; the
 * second: a request or an answer. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "dialect/direct.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_MAX = 4 << 20, KINDS = 2 };

static struct run {
    struct arena arena;
    struct json_tape tape, room_tape, check_tape;
    struct buf scratch, out;
    struct canon_room room;
} run;

static const struct direct_task *const tasks[DIRECT__COUNT] = {
    [DIRECT_EMBED] = &direct_embed, [DIRECT_RANK] = &direct_rank};

static void check_json(void)
{
    struct json v;
    struct fault f;
    if (run.out.failed != ERR_OK ||
        json_parse(&run.check_tape, buf_view(&run.out), &v, &f) != ERR_INVALID)
        return;
    fprintf(stderr, "%s: %.*s\n", f.message, STR_ARG(buf_view(&run.out)));
    abort(); /* what was written is no JSON */
}

static void try_request(const struct direct_form *form, struct json root, bool drops)
{
    struct direct_request asked;
    struct direct_target t = {STR("m\"x"), drops, drops, !drops};
    if (tasks[form->kind]->read_request(root, &run.room, &asked, NULL) != ERR_OK)
        return;
    if (form->write_request(root, &t, &run.room, &run.out, NULL) == ERR_OK)
        check_json();
}

static void try_answer(const struct direct_form *form, struct json root, bool wants_base64)
{
    struct direct_answer a = {0};
    static const struct str body = STR_INIT("{\"documents\":[\"a\",{\"text\":\"b\"},{}]}");
    struct direct_request asked = {.items = 3, .top = 2, .wants_base64 = wants_base64};
    struct openai_identity who = {STR("\"i\""), STR("\"m\""), STR("\"p\""), STR_NONE};
    struct chat_bill bill = {0};
    struct direct_told told = {&asked, body, &who, &bill};
    if (form->read_answer(root, &run.room, &a, NULL) != ERR_OK)
        return;
    if (form->kind == DIRECT_EMBED)
        asked.items = a.items_n;
    if (tasks[form->kind]->check_answer(&a, &asked, NULL) != ERR_OK)
        return;
    if (tasks[form->kind]->write_answer(&a, &told, &run.room, &run.out) == ERR_OK)
        check_json();
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n = 0;
    struct json root;
    while (direct_form_at(n))
        n++;
    if (size < 2)
        return 0;
    char *copy = malloc(size - 1);
    BUG_ON(!copy);
    memcpy(copy, data + 2, size - 2);
    begin();
    const struct direct_form *form = direct_form_at(data[0] % n);
    bool variant = data[1] & 2;
    if (json_parse(&run.tape, str_of(copy, size - 2), &root, NULL) == ERR_OK) {
        if (data[1] % KINDS == 0)
            try_request(form, root, variant);
        else
            try_answer(form, root, variant);
    }
    end();
    free(copy);
    return 0;
}
