/* What workload identity reads of others: policies, claims, key sets, discovery documents, access
 * tokens. The first byte says what the rest is. What is taken is what it claims to be, and no signature
 * of ours is on anything. */
#include <stdint.h>
#include <stdlib.h>

#include "auth/federation.h"
#include "auth/jwks.h"
#include "auth/token.h"
#include "base/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODES_MAX = 8192, TEXT_MAX = 256 * 1024, NOW_S = 1800000000 };

static struct sign_key *ours;

static bool parses(struct str text, enum json_type as)
{
    struct json_tape t;
    struct json root;
    json_tape_init(&t, NODES_MAX);
    bool is_right = json_parse(&t, text, &root, NULL) == ERR_OK && json_is(root, as);
    json_tape_release(&t);
    return is_right;
}

/* What is written of it is JSON, and read again it is the same policy. */
static void check_policy(const struct federation *p, bool is_operators)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, TEXT_MAX);
    json_writer_init(&w, &out);
    federation_write_json(&w, NULL, p);
    BUG_ON(jw_finish(&w) != ERR_OK || !parses(buf_view(&out), JSON_OBJECT));
    BUG_ON(p->claims[0] && !parses(str_c(p->claims), JSON_OBJECT));
    BUG_ON(!p->subject[0] && !p->claims[0]);
    BUG_ON(str_eq(str_c(p->subject), STR("*")) || p->lifetime_s == 0 ||
           p->lifetime_s > TOKEN_LIFE_MAX_S);
    BUG_ON(!is_operators && !str_ieq(str_head(str_c(p->issuer), 8), STR("https://")));
    buf_release(&out);
}

/* Claims against a policy, as a token of this shape. */
static void match(const struct federation *p, struct str claims)
{
    struct buf text;
    struct jwt t;
    struct fault why = {0};
    buf_init(&text, TEXT_MAX);
    base64_add(&text, BASE64_URL, "{\"alg\":\"ES256\"}", 15);
    buf_add(&text, STR("."));
    base64_add(&text, BASE64_URL, claims.p, claims.n);
    buf_add(&text, STR(".AAAA"));
    if (text.failed == ERR_OK && jwt_parse(&t, buf_view(&text), &why) == ERR_OK) {
        enum err e = federation_match(p, &t, NOW_S, &why);
        BUG_ON(e != ERR_OK && !why.message[0]);
        BUG_ON(e == ERR_OK && (!jwt_claim(&t, STR("sub")).n ||
                               !json_str_eq(json_get(t.claims, STR("iss")), str_c(p->issuer))));
        jwt_release(&t);
    } else if (text.failed == ERR_OK) {
        jwt_release(&t);
    }
    buf_release(&text);
}

/* A policy, then a line's end, then claims that are tried against it. */
static void read_policy(struct str text, bool is_operators)
{
    struct json_tape tape;
    struct json root;
    struct federation p;
    struct fault f = {0};
    uint32_t fields;
    struct str claims = text, policy = str_cut(&claims, '\n');
    json_tape_init(&tape, NODES_MAX);
    if (json_parse(&tape, policy, &root, &f) == ERR_OK && json_is(root, JSON_OBJECT)) {
        enum err e = federation_read(root, is_operators, &p, &f);
        BUG_ON(e != ERR_OK && !f.message[0]);
        if (e == ERR_OK) {
            check_policy(&p, is_operators);
            match(&p, claims);
        }
        if (federation_read_change(root, &p, &fields, &f) == ERR_OK)
            BUG_ON(fields == 0);
    }
    json_tape_release(&tape);
}

static void read_keys(struct str text)
{
    struct fault f = {0};
    struct jwks *s = jwks_read(text, &f);
    BUG_ON(!s && !f.message[0]);
    BUG_ON(s && (s->n == 0 || s->n > JWKS_KEYS_MAX));
    for (size_t i = 0; s && i < s->n; i++) {
        struct str kid = str_c(s->keys[i].kid);
        const struct sign_key *k = jwks_find(s, kid, sign_key_alg(s->keys[i].key));
        BUG_ON(s->n == 1 && k != s->keys[0].key);
    }
    jwks_free(s);
}

static void read_discovery(struct str text)
{
    struct fault f = {0};
    struct federation_discovery *d = federation_discovery_read(text, &f);
    BUG_ON(d ? !d->issuer[0] || !d->jwks_url[0] : !f.message[0]);
    if (d)
        federation_is_same_host(str_c(d->issuer), str_c(d->jwks_url));
    free(d);
}

static void read_token(struct str text)
{
    struct jwt jwt;
    struct token t;
    struct fault f = {0};
    enum err e = token_read(&jwt, text, STR("https://us.example"), NOW_S, &t, &f);
    BUG_ON(e == ERR_OK ? t.expires_s <= NOW_S || t.expires_s - t.issued_s > TOKEN_LIFE_MAX_S ||
                             text.n > TOKEN_TEXT_MAX
                       : e != ERR_AUTH || !f.message[0]);
    BUG_ON(e == ERR_OK && jwt_is_signed(&jwt, ours));
    jwt_release(&jwt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (!ours)
        BUG_ON(!(ours = sign_key_generate(NULL)));
    char *copy = malloc(size); /* of its own size, so that one byte too far is found */
    BUG_ON(!copy);
    memcpy(copy, data + 1, size - 1);
    struct str text = str_of(copy, size - 1);
    switch (data[0]) {
    case 'p':
    case 'o':
        read_policy(text, data[0] == 'o');
        break;
    case 'k':
        read_keys(text);
        break;
    case 'd':
        read_discovery(text);
        break;
    default:
        read_token(text);
        break;
    }
    free(copy);
    return 0;
}
