/* github.c: POST /exposures/github: GitHub's secret scanning partner protocol.
 *
 *   headers there --> key known? --no--> fetched (at most so often) --> known?
 *                        |                                               |
 *                        '--> signature over the raw body right? <-------'
 *                                    |
 *                              only now it is parsed
 *
 * What is not signed learns nothing: neither a token's state nor whether a body makes sense. */
#include "api/github.h"

#include <stdlib.h>

#include "api/exposures.h"
#include "api/trust.h"
#include "base/base64.h"
#include "base/codec.h"

enum { KEYS_BODY_MAX = 256 * 1024, SIGNATURE_MAX = 128 };

/* --- the keys --- */

static void *read_keys(struct str body, const void *with, struct fault *f)
{
    (void)with;
    struct github_keys *g = calloc(1, sizeof *g);
    if (!g)
        fault_write(f, ERR_NOMEM, "no memory for keys");
    if (g && github_keys_read(g, body, f) == ERR_OK)
        return g;
    free(g);
    return NULL;
}

static void drop_keys(void *keys)
{
    github_keys_release(keys);
    free(keys);
}

const struct document_kind github_document = {
    .name = "GitHub's public keys", .max = KEYS_BODY_MAX, .read = read_keys, .drop = drop_keys};

static const struct sign_key *find_key(const struct api_request *q)
{
    const struct github_keys *g = q->api->github_keys.what;
    return g ? github_keys_find(g, q->github_key) : NULL;
}

/* --- the signature --- */

/* Each is one of the two that may be sent: not the token itself, which need not go round again. */
static void answer(struct api_request *q)
{
    const struct exposure_report *r = exposures_report(q);
    struct json_writer w;
    char hash[2 * KEY_HASH_BYTES];
    json_writer_init(&w, &q->out);
    jw_array(&w, NULL);
    for (size_t i = 0; i < r->n; i++) {
        hex_encode(hash, r->items[i].hash, KEY_HASH_BYTES);
        jw_object(&w, NULL);
        jw_str(&w, "token_hash", str_of(hash, sizeof hash));
        jw_str(&w, "token_type", r->items[i].type);
        jw_str_c(&w, "label", r->items[i].is_known ? "true_positive" : "false_positive");
        jw_end(&w);
    }
    jw_finish(&w);
    api_reply_buf(q, 200);
}

static bool is_signed(const struct api_request *q, const struct sign_key *k)
{
    char der[SIGNATURE_MAX];
    size_t n;
    return base64_decode(BASE64_PLAIN, q->github_signature, der, sizeof der, &n) &&
           sign_is_der(k, buf_view(&q->body), str_of(der, n));
}

static void judge(struct api_request *q)
{
    const struct sign_key *k = find_key(q);
    if (!q->api->github_keys.what)
        api_refuse(q, ERR_OVERLOADED, "GitHub's public keys cannot be fetched: try again later");
    else if (!k)
        api_refuse(q, ERR_AUTH, "Github-Public-Key-Identifier: GitHub has no such key");
    else if (!is_signed(q, k))
        api_refuse(q, ERR_AUTH, "Github-Public-Key-Signature: the body is not signed by this key");
    else
        exposures_take(q, STR("github"), true, answer);
}

void api_exposures_github(struct api_request *q)
{
    struct str url = q->api->shared->trust->github_keys_url;
    if (!q->github_key.n || !q->github_signature.n)
        api_refuse(q, ERR_AUTH,
                   "Github-Public-Key-Identifier and Github-Public-Key-Signature: expected both");
    else if (document_ask(&q->api->github_keys, q, url, false, !find_key(q), judge))
        judge(q);
}
