#include "auth/exposure.h"

#include <stdlib.h>

#include "base/codec.h"

enum { REPORT_NODES_MAX = 1 << 20, KEYS_NODES_MAX = 4096 };

/* --- reports --- */

/* A text that may be kept: cut, and without a key in it. */
static struct str harmless(struct exposure_report *r, const struct finder *f, struct json v,
                           size_t max)
{
    struct str s = json_str(v, &r->text);
    if (finder_holds(f, s))
        return STR("(left out: it holds the key)");
    return str_head(s, max);
}

static enum err read_token(struct reported *it, struct exposure_report *r, struct str prefix,
                           struct json token, struct json hash, bool takes_hash, struct fault *f)
{
    struct str text = json_str(token, &r->text);
    if (json_is(token, JSON_STRING)) {
        it->may_be_key = key_shape(text, prefix) != KEY_SHAPE_BAD;
        key_hash(text, it->hash);
        return ERR_OK;
    }
    text = json_raw_str(hash);
    if (takes_hash && json_is(token, JSON_NONE) && hex_decode(it->hash, KEY_HASH_BYTES, text)) {
        it->may_be_key = true;
        return ERR_OK;
    }
    return fault_set(f, ERR_INVALID,
                     takes_hash ? "token or token_hash: expected a text, or the key's hash as 64 "
                                  "lowercase hexadecimal digits"
                                : "token: expected a text");
}

static enum err read_one(struct exposure_report *r, const struct finder *f, struct str prefix,
                         struct json v, bool takes_hash, struct fault *fault)
{
    struct reported *it = &r->items[r->n];
    if (!json_is(v, JSON_OBJECT))
        return fault_set(fault, ERR_INVALID, "The body: expected objects, got %s", json_kind(v));
    enum err e = json_refuse_duplicates(v, fault);
    if (e == ERR_OK)
        e = read_token(it, r, prefix, json_get(v, STR("token")), json_get(v, STR("token_hash")),
                       takes_hash, fault);
    if (e != ERR_OK)
        return e;
    it->url = harmless(r, f, json_get(v, STR("url")), EXPOSURE_URL_MAX);
    it->source = harmless(r, f, json_get(v, STR("source")), EXPOSURE_WORD_MAX);
    it->type = harmless(r, f, json_get(v, STR("type")), EXPOSURE_WORD_MAX);
    r->n++;
    return ERR_OK;
}

static size_t count(struct json array)
{
    size_t n = 0;
    for (struct json v = json_first(array); !json_is(v, JSON_NONE); v = json_after(array, v))
        n++;
    return n;
}

static enum err read_all(struct exposure_report *r, const struct finder *f, struct str prefix,
                         struct json root, bool takes_one, bool takes_hash, struct fault *fault)
{
    bool is_one = takes_one && json_is(root, JSON_OBJECT);
    size_t n = is_one ? 1 : count(root);
    enum err e = ERR_OK;
    if (!is_one && !json_is(root, JSON_ARRAY))
        return fault_set(fault, ERR_INVALID, "The body: expected an array of objects, got %s",
                         json_kind(root));
    if (n > EXPOSURE_REPORTS_MAX)
        return fault_set(fault, ERR_TOO_BIG, "The body: expected at most %d reports, got %zu",
                         EXPOSURE_REPORTS_MAX, n);
    r->items = calloc(n ? n : 1, sizeof *r->items);
    if (!r->items)
        return fault_set(fault, ERR_NOMEM, "No memory for this report: try again later");
    if (is_one)
        return read_one(r, f, prefix, root, takes_hash, fault);
    for (struct json v = json_first(root); !json_is(v, JSON_NONE) && e == ERR_OK;
         v = json_after(root, v))
        e = read_one(r, f, prefix, v, takes_hash, fault);
    return e;
}

enum err exposure_report_read(struct exposure_report *r, const struct finder *f, struct str prefix,
                              struct str body, bool takes_one, bool takes_hash, struct fault *fault)
{
    struct json_tape tape;
    struct json root;
    *r = (struct exposure_report){.n = 0};
    buf_init(&r->text, body.n + 1);
    if (buf_grow(&r->text, body.n + 1) != ERR_OK) /* at once, so that views into it stay */
        return fault_set(fault, ERR_NOMEM, "No memory for this report: try again later");
    json_tape_init(&tape, REPORT_NODES_MAX);
    enum err e = json_parse(&tape, body, &root, fault);
    if (e == ERR_OK)
        e = read_all(r, f, prefix, root, takes_one, takes_hash, fault);
    json_tape_release(&tape);
    return e;
}

void exposure_report_release(struct exposure_report *r)
{
    if (r->text.p)
        explicit_bzero(r->text.p, r->text.cap);
    buf_release(&r->text);
    free(r->items);
    r->items = NULL;
    r->n = 0;
}

/* --- what is said --- */

static const char *what_was_done(const struct exposure *x)
{
    if (x->was_deleted)
        return "The key had been deleted before: nobody can use it.";
    if (x->is_changed && x->policy == EXPOSURE_DELETE)
        return "The key was deleted: requests with it are refused for ever.";
    if (x->is_changed)
        return "The key was disabled: requests with it are refused until somebody enables it "
               "again.";
    if (x->was_disabled)
        return "The key had been disabled before: requests with it are refused.";
    return "Nothing: the account's policy is to tell you. THE KEY STILL WORKS.";
}

/* One line, without what would break it. */
static void add_plain(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool is_control = (unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f;
        buf_add(out, is_control ? STR("?") : str_of(&s.p[i], 1));
    }
    if (s.n == 0)
        buf_add_c(out, "(not told)");
}

void exposure_write_mail(const struct exposure *x, struct buf *subject, struct buf *text)
{
    buf_printf(subject, "Your API key %s was found in the open", x->label);
    buf_add_c(text, "An API key of your account was found where it must not be.\n\n  Key:    ");
    add_plain(text, str_c(x->name));
    buf_printf(text, " (%s)\n  Where:  ", x->label);
    add_plain(text, x->url);
    buf_add_c(text, "\n  In:     ");
    add_plain(text, x->source);
    buf_printf(text, "\n\nWhat was done: %s\n\n", what_was_done(x));
    buf_add_c(text,
              "What to do: treat the key as known to everybody. Make a new one, put it where this "
              "one was used, and delete this one. Taking it out of the place where it was found is "
              "not enough.\n");
}

void exposure_write_detail(const struct exposure *x, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "url", x->url);
    jw_str(&w, "source", x->source);
    jw_str(&w, "type", x->type);
    jw_str_c(&w, "policy", exposure_policy_name(x->policy));
    jw_bool(&w, "changed", x->is_changed);
    jw_finish(&w);
}

void exposure_write_json(struct json_writer *w, const struct exposure_row *r)
{
    const struct exposure *x = &r->exposure;
    char hash[2 * KEY_HASH_BYTES], time[CLOCK_ISO_MAX];
    hex_encode(hash, x->hash, KEY_HASH_BYTES);
    jw_object(w, NULL);
    jw_i64(w, "id", r->id);
    jw_str(w, "created_at", clock_iso(r->at_ms, time));
    jw_str(w, "hash", str_of(hash, sizeof hash));
    jw_str_c(w, "label", x->label);
    jw_str_c(w, "name", x->name);
    jw_str(w, "url", x->url);
    jw_str(w, "source", x->source);
    jw_str(w, "type", x->type);
    jw_str(w, "reporter", r->reporter);
    jw_str_c(w, "policy", exposure_policy_name(x->policy));
    jw_bool(w, "disabled", x->was_disabled);
    jw_bool(w, "deleted", x->was_deleted);
    jw_end(w);
}

/* --- GitHub's keys --- */

void github_keys_release(struct github_keys *g)
{
    for (size_t i = 0; i < g->n; i++)
        sign_key_free(g->keys[i].key);
    g->n = 0;
}

/* A key of a kind that we do not know may stand beside those that we do: it is passed over. */
static void read_github_key(struct github_keys *g, struct json v, struct buf *scratch)
{
    struct fault ignored;
    struct str id = json_raw_str(json_get(v, STR("key_identifier")));
    buf_reset(scratch);
    struct str pem = json_str(json_get(v, STR("key")), scratch);
    if (id.n == 0 || id.n > GITHUB_ID_MAX || pem.n == 0 || g->n == GITHUB_KEYS_MAX)
        return;
    struct sign_key *k = sign_key_from_pem(pem, &ignored);
    if (!k || sign_key_alg(k) != SIGN_ES256) {
        sign_key_free(k);
        return;
    }
    struct github_key *to = &g->keys[g->n++];
    memcpy(to->id, id.p, id.n);
    to->id[id.n] = '\0';
    to->key = k;
}

enum err github_keys_read(struct github_keys *g, struct str json, struct fault *f)
{
    struct json_tape tape;
    struct json root = {0};
    struct buf scratch;
    struct github_keys fresh = {.n = 0};
    json_tape_init(&tape, KEYS_NODES_MAX);
    buf_init(&scratch, 64 * 1024);
    enum err e = json_parse(&tape, json, &root, f);
    struct json list = json_get(root, STR("public_keys"));
    for (struct json v = json_first(list); !json_is(v, JSON_NONE); v = json_after(list, v))
        read_github_key(&fresh, v, &scratch);
    buf_release(&scratch);
    json_tape_release(&tape);
    if (e != ERR_OK)
        return e;
    if (fresh.n == 0)
        return fault_set(f, ERR_INVALID, "there is no key in it that can be used");
    github_keys_release(g);
    *g = fresh;
    return ERR_OK;
}

const struct sign_key *github_keys_find(const struct github_keys *g, struct str id)
{
    for (size_t i = 0; i < g->n; i++) {
        if (str_eq(id, str_c(g->keys[i].id)))
            return g->keys[i].key;
    }
    return NULL;
}
