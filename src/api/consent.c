/* consent.c: GET /auth: an app sends a person here; they say whether it gets a key, and how much
 * that may spend. The app is known by where its callback leads, and by nothing that it says. */
#include "api/oauth.h"

#include "http/url.h"
#include "site/consent_page.h"

struct state {
    struct store_code_create create;
    struct asking asking;
    struct str callback, challenge, method, label;
    char code[TICKET_CHARS + 1];
};

/* --- what is asked --- */

static enum err check_challenge(struct str challenge, struct str method, struct oauth_code *out,
                                struct fault *f)
{
    out->method = CHALLENGE_NONE;
    if (method.n && !pkce_method_parse(method, &out->method))
        return fault_set(f, ERR_INVALID, "Invalid code_challenge_method: expected S256 or plain");
    if (!challenge.n && method.n)
        return fault_set(f, ERR_INVALID, "code_challenge_method needs a code_challenge");
    if (!challenge.n)
        return ERR_OK;
    if (!method.n) /* RFC 7636, 4.3 */
        out->method = CHALLENGE_PLAIN;
    if (!pkce_challenge_is_valid(out->method, challenge))
        return fault_set(
            f, ERR_INVALID, "code_challenge: expected %s",
            out->method == CHALLENGE_S256
                ? "43 characters: the SHA-256 of the verifier in base64url, without '='"
                : "43 to 128 characters of A-Z a-z 0-9 - . _ ~");
    memcpy(out->challenge, challenge.p, challenge.n);
    return ERR_OK;
}

static bool is_text(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    }
    return true;
}

enum err asking_check(struct str callback, struct str challenge, struct str method,
                      struct str label, struct asking *out, struct fault *f)
{
    *out = (struct asking){.code = {.limit = NO_LIMIT}};
    enum err e = callback.n ? callback_check(callback, out->origin, f) : ERR_OK;
    if (e == ERR_OK)
        e = check_challenge(challenge, method, &out->code, f);
    if (e != ERR_OK)
        return e;
    if (!callback.n && out->code.method == CHALLENGE_NONE)
        return fault_set(
            f, ERR_INVALID,
            "callback_url, or a code_challenge where the code is to be shown: expected "
            "one of them");
    if (label.n > KEY_NAME_MAX || !is_text(label))
        return fault_set(f, ERR_INVALID, "key_label: expected a text of at most %d bytes",
                         KEY_NAME_MAX);
    struct str name = label.n          ? label
                      : out->origin[0] ? callback_title(str_c(out->origin))
                                       : STR("OAuth key");
    memcpy(out->code.name, name.p, name.n);
    return ERR_OK;
}

/* --- the page --- */

static void show(struct api_request *q, int status, const struct bounds_view *bounds,
                 const char *error)
{
    struct state *s = q->state;
    struct str origin = str_c(s->asking.origin);
    struct consent_view v = {.page = page_of(q, "Allow this app?"),
                             .title = origin.n ? callback_title(origin) : STR_NONE,
                             .origin = origin,
                             .is_local = str_starts(origin, STR("http://")),
                             .callback_url = s->callback,
                             .challenge = s->challenge,
                             .method = s->method,
                             .label = s->label,
                             .bounds = *bounds};
    v.page.error = str_c(error);
    q->form_target = origin;
    buf_reset(&q->out);
    consent_page(&q->out, &v);
    page_send(q, status);
}

static void refuse(struct api_request *q, const struct fault *f)
{
    struct page p = page_of(q, "This request cannot be granted");
    p.error = str_c(f->message);
    buf_reset(&q->out);
    message_page(&q->out, &p,
                 "The app that sent you here has asked in a way that is not allowed. Nothing was "
                 "given to it.",
                 "/account", "Go to your account");
    page_send(q, err_status(f->err));
}

/* False: answered. */
static bool read(struct api_request *q, struct str (*value)(struct api_request *q, struct str name))
{
    struct fault f;
    struct state *s = api_state(q, sizeof *s);
    if (!s)
        return false;
    s->callback = value(q, STR("callback_url"));
    s->challenge = value(q, STR("code_challenge"));
    s->method = value(q, STR("code_challenge_method"));
    s->label = value(q, STR("key_label"));
    if (asking_check(s->callback, s->challenge, s->method, s->label, &s->asking, &f) == ERR_OK)
        return true;
    refuse(q, &f);
    return false;
}

void consent_show(struct api_request *q)
{
    struct fault f;
    nanos ignored;
    struct bounds_view bounds = {.limit = api_query(q, STR("limit"))};
    if (!read(q, api_query))
        return;
    if (bounds.limit.n && !money_parse_usd(bounds.limit, &ignored)) {
        fault_write(&f, ERR_INVALID, "limit: expected dollars such as 25 or 0.5");
        refuse(q, &f);
    } else if (q->person) {
        show(q, 200, &bounds, NULL);
    } else {
        page_to_signin(q);
    }
}

/* --- the answer --- */

static void go_back(struct api_request *q, const char *name, struct str value)
{
    struct state *s = q->state;
    q->form_target = str_c(s->asking.origin);
    buf_reset(&q->out);
    callback_add(&q->out, s->callback, str_c(name), value);
    struct str url = q->out.failed == ERR_OK ? arena_str(&q->arena, buf_view(&q->out)) : STR_NONE;
    if (url.p)
        api_redirect(q, 302, url);
    else
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
}

static struct bounds_view typed(struct api_request *q)
{
    return (struct bounds_view){.limit = api_form_value(q, STR("limit")),
                                .reset = api_form_value(q, STR("reset")),
                                .expires = api_form_value(q, STR("expires"))};
}

static void on_code(struct api_request *q)
{
    struct state *s = q->state;
    struct bounds_view bounds = typed(q);
    if (s->create.call.err == ERR_INVALID) { /* the account wants narrower ones */
        show(q, 400, &bounds, s->create.call.fault.message);
        return;
    }
    if (s->create.call.err != ERR_OK) {
        page_fault(q, &s->create.call.fault);
        return;
    }
    if (s->callback.n) {
        go_back(q, "code", str_c(s->code));
        return;
    }
    struct page p = page_of(q, "Your code");
    buf_reset(&q->out);
    code_page(&q->out, &p, str_c(s->code));
    page_send(q, 200);
}

static void audit(struct api_request *q, const char *action, const struct state *s)
{
    api_audit(q, action, s->asking.origin[0] ? str_c(s->asking.origin) : STR("(no callback)"),
              STR_NONE);
}

static void allow(struct api_request *q, const struct key *bounds)
{
    struct state *s = q->state;
    struct oauth_code *k = &s->create.code;
    struct str creator = str_c(api_creator(q));
    *k = s->asking.code;
    k->user_id = q->person->user_id;
    k->account_id = q->account_id;
    memcpy(k->creator, creator.p, creator.n);
    k->limit = bounds->limit;
    k->reset = bounds->reset;
    k->key_expires_ms = bounds->expires_ms;
    k->expires_ms = clock_wall_ms() + CODE_MS;
    memcpy(s->create.origin, s->asking.origin, sizeof s->create.origin);
    ticket_make(s->code, k->hash);
    audit(q, "app.allow", s);
    api_store(q, &s->create.call, STORE_CODE_CREATE, on_code);
}

void consent_submit(struct api_request *q)
{
    struct key bounds = {0};
    if (!page_is_signed_in(q) || !api_form(q) || !read(q, api_form_value))
        return;
    struct state *s = q->state;
    const char *problem = bounds_read(q, &bounds);
    struct bounds_view bad = typed(q);
    if (str_eq(api_form_value(q, STR("do")), STR("allow"))) {
        if (problem)
            show(q, 400, &bad, problem);
        else
            allow(q, &bounds);
    } else if (s->callback.n) {
        go_back(q, "error", STR("access_denied"));
    } else {
        page_see_other(q, STR("/account"));
    }
}
