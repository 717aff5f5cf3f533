/* Any body: if it is a chat, its wishes are read and followed, and for a provider of every kind what
 * would be sent is JSON without a name that stands twice, and without what that kind does not take. */
#include <stdlib.h>

#include "catalog/choose.h"
#include "relay/fit.h"

static struct catalog *catalog;
static struct fit fit;
static struct json_tape tape, tape_after;
static struct buf scratch, out;

static void begin(void)
{
    const struct kind *k;
    struct fault f;
    catalog = catalog_new();
    struct model *m = catalog_add_model(catalog, &(struct model){.id = STR("a/b")});
    for (unsigned i = 0; (k = kind_at(i)); i++) {
        struct provider draft = {.name = k->name, .kind = k, .retention_days = k->retention_days};
        struct provider *p = catalog_add_provider(catalog, &draft);
        struct endpoint e = {.provider = p, .model = STR("m"), .price = {.prompt = i}};
        BUG_ON(!p || !catalog_add_endpoint(catalog, m, &e));
    }
    BUG_ON(catalog_seal(catalog, &f) != ERR_OK || fit_init(&fit, catalog) != ERR_OK);
    json_tape_init(&tape, 100000);
    json_tape_init(&tape_after, 200000);
    buf_init(&scratch, 1 << 24);
    buf_init(&out, 1 << 24);
}

static void write_and_look(struct splice *s, const struct openai_rules *rules, enum err edited)
{
    struct json root;
    struct fault f;
    BUG_ON(edited != ERR_OK); /* the room sufficed */
    buf_reset(&out);
    if (s->failed == ERR_TOO_BIG) /* a hundred members that nobody knows */
        return;
    BUG_ON(splice_write(s, &out) != ERR_OK);
    BUG_ON(json_parse(&tape_after, buf_view(&out), &root, &f) != ERR_OK);
    BUG_ON(json_refuse_duplicates(root, &f) != ERR_OK);
    for (unsigned i = 0; chat_member(i).p; i++)
        BUG_ON((rules->drops >> i & 1) && json_get(root, chat_member(i)).type);
    BUG_ON(!json_str_eq(json_get(root, STR("model")), STR("m")));
    BUG_ON(!json_get(root, STR("max_tokens")).type &&
           !json_get(root, STR("max_completion_tokens")).type);
}

static void send(const struct chat_request *r, struct str body, const struct endpoint *e)
{
    struct splice s;
    const struct openai_rules *rules = &fit.of[e->index];
    struct openai_target t = {.model_json = STR("\"m\""),
                              .max_tokens_json = STR("7"),
                              .max_tokens_field = e->provider->kind->max_tokens_field,
                              .rules = rules};
    char *room = malloc(2 * body.n + 1);
    struct buf messages = {.p = room, .cap = 2 * body.n, .max = 2 * body.n};
    splice_init(&s, body);
    openai_edit_request(r, &t, &s);
    if (openai_must_edit_messages(r, rules))
        openai_edit_messages(r, rules, &s, &messages);
    write_and_look(&s, rules, messages.failed);
    free(room);
}
static void choose(const struct chat_request *r)
{
    static struct target targets[64];
    struct wishes wishes;
    struct fault f = {0};
    struct choice_question q = {.models = {catalog->models[0]},
                                .models_n = 1,
                                .wishes = &wishes,
                                .asks = fit_asks(&fit, r),
                                .max_tokens = r->max_tokens};
    if (wishes_read(r->provider, &wishes, &f) != ERR_OK) {
        BUG_ON(f.err == ERR_OK || !f.message[0]);
        return;
    }
    BUG_ON(choose_room(&q) > COUNT_OF(targets));
    uint32_t n = choose_targets(&q, targets, &f);
    BUG_ON(n == 0 && f.err != ERR_NOT_FOUND);
    for (uint32_t i = 0; i < n && wishes.require_parameters; i++)
        BUG_ON(q.asks & ~targets[i].endpoint->takes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct chat_request r;
    struct json root;
    if (!catalog)
        begin();
    char *exact = malloc(n ? n : 1);
    memcpy(exact, data, n);
    struct str body = str_of(exact, n);
    buf_reset(&scratch);
    if (json_parse(&tape, body, &root, NULL) == ERR_OK &&
        chat_read(root, &scratch, &r, NULL) == ERR_OK) {
        const struct model *m = catalog->models[0];
        for (uint32_t i = 0; i < m->endpoints_n; i++)
            send(&r, body, m->endpoints[i]);
        choose(&r);
    }
    free(exact);
    return 0;
}
