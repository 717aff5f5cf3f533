#include "api/oauth.h"
#include "api/oauth_token.h"
#include "dialect/anthropic.h"
#include "dialect/completions.h"
#include "dialect/openai_form.h"
#include "dialect/responses.h"
#include "relay/relay.h"

enum {
    FORM_MAX = 16 * 1024,
    BODY_MAX = 64 * 1024,
    REPORT_MAX = 8 << 20,
    TOKEN_FORM_MAX = 32 * 1024
};

/* What the relay answers. */
static const struct relayed {
    struct route route;
    struct relay_service service;
} relayed[] = {
    {{HTTP_POST, STR_INIT("/chat/completions"), ACCESS_RELAY, 0, NULL, "Chat, whole or streamed"},
     {.speaks = &dialect_openai}},
    {{HTTP_POST, STR_INIT("/messages"), ACCESS_RELAY, 0, NULL,
      "The same in the format of Anthropic's messages"},
     {.speaks = &dialect_anthropic}},
    {{HTTP_POST, STR_INIT("/messages/count_tokens"), ACCESS_RELAY, 0, NULL,
      "How many tokens such a request has, estimated; free"},
     {.speaks = &dialect_anthropic_count}},
    {{HTTP_POST, STR_INIT("/responses"), ACCESS_RELAY, 0, NULL,
      "The same in the format of OpenAI's responses, without state"},
     {.speaks = &dialect_responses}},
    {{HTTP_POST, STR_INIT("/completions"), ACCESS_RELAY, 0, NULL,
      "One prompt, in OpenAI's older format"},
     {.speaks = &dialect_completions}},
    {{HTTP_POST, STR_INIT("/embeddings"), ACCESS_RELAY, 0, NULL, "Texts as vectors"},
     {.speaks = &dialect_openai, .direct = &direct_embed}},
    {{HTTP_POST, STR_INIT("/rerank"), ACCESS_RELAY, 0, NULL, "Documents by their relevance"},
     {.speaks = &dialect_openai, .direct = &direct_rank}},
};

static const struct route routes[] = {
    {HTTP_GET, STR_INIT("/models"), ACCESS_OPEN, 0, api_models, "All models with their prices"},
    {HTTP_GET, STR_INIT("/embeddings/models"), ACCESS_OPEN, 0, api_embeddings_models,
     "The models that make vectors"},
    {HTTP_GET, STR_INIT("/models/count"), ACCESS_OPEN, 0, api_models_count,
     "How many models there are"},
    {HTTP_GET, STR_INIT("/model/{author}/{slug}"), ACCESS_OPEN, 0, api_model, "One model"},
    {HTTP_GET, STR_INIT("/models/{author}/{slug}/endpoints"), ACCESS_OPEN, 0, api_model_endpoints,
     "Who serves a model, and what each takes"},
    {HTTP_GET, STR_INIT("/endpoints/zdr"), ACCESS_OPEN, 0, api_endpoints_zdr,
     "Endpoints of providers that keep nothing"},
    {HTTP_GET, STR_INIT("/providers"), ACCESS_OPEN, 0, api_providers, "The providers there are"},
    {HTTP_GET, STR_INIT("/generation"), ACCESS_KEY, 0, api_generation,
     "What one answer used and cost"},
    {HTTP_GET, STR_INIT("/key"), ACCESS_KEY, 0, api_key, "The calling key: limits and usage"},
    {HTTP_GET, STR_INIT("/auth/key"), ACCESS_KEY, 0, api_key, "The same, under its older name"},
    {HTTP_GET, STR_INIT("/credits"), ACCESS_MANAGEMENT, 0, api_credits, "The account's credits"},
    {HTTP_GET, STR_INIT("/keys"), ACCESS_MANAGEMENT, 0, api_keys_list, "The account's keys"},
    {HTTP_POST, STR_INIT("/keys"), ACCESS_MANAGEMENT, BODY_MAX, api_keys_create,
     "Makes a key; it is shown this once"},
    {HTTP_GET, STR_INIT("/keys/{hash}"), ACCESS_MANAGEMENT, 0, api_keys_show, "One key"},
    {HTTP_PATCH, STR_INIT("/keys/{hash}"), ACCESS_MANAGEMENT, BODY_MAX, api_keys_update,
     "Changes a key"},
    {HTTP_DELETE, STR_INIT("/keys/{hash}"), ACCESS_MANAGEMENT, 0, api_keys_delete,
     "Ends a key for ever"},
    {HTTP_GET, STR_INIT("/key/children"), ACCESS_INFERENCE, 0, api_children_list,
     "The keys that the calling key has made"},
    {HTTP_POST, STR_INIT("/key/children"), ACCESS_INFERENCE, BODY_MAX, api_children_create,
     "Makes a key that the calling one bounds; it is shown this once"},
    {HTTP_DELETE, STR_INIT("/key/children/{hash}"), ACCESS_INFERENCE, 0, api_children_delete,
     "Ends a key that the calling one has made"},
    {HTTP_GET, STR_INIT("/audit"), ACCESS_MANAGEMENT, 0, api_audit_list,
     "What was done to the account, by whom and from where"},
    {HTTP_GET, STR_INIT("/ip-allowlist"), ACCESS_MANAGEMENT, 0, api_ip_list,
     "From where the account's keys may be used"},
    {HTTP_POST, STR_INIT("/ip-allowlist"), ACCESS_MANAGEMENT, BODY_MAX, api_ip_add,
     "Allows an address or a range"},
    {HTTP_DELETE, STR_INIT("/ip-allowlist/{id}"), ACCESS_MANAGEMENT, 0, api_ip_delete,
     "Allows one no more"},
    {HTTP_GET, STR_INIT("/policy"), ACCESS_MANAGEMENT, 0, api_policy, "The account's policy"},
    {HTTP_PATCH, STR_INIT("/policy"), ACCESS_MANAGEMENT, BODY_MAX, api_policy_set,
     "Changes the account's policy"},
    {HTTP_GET, STR_INIT("/federation-policies"), ACCESS_MANAGEMENT, 0, api_federation_list,
     "Whose tokens may act as which key"},
    {HTTP_POST, STR_INIT("/federation-policies"), ACCESS_MANAGEMENT, BODY_MAX, api_federation_add,
     "Lets an issuer's tokens act as a key"},
    {HTTP_GET, STR_INIT("/federation-policies/{id}"), ACCESS_MANAGEMENT, 0, api_federation_show,
     "One of them"},
    {HTTP_PATCH, STR_INIT("/federation-policies/{id}"), ACCESS_MANAGEMENT, BODY_MAX,
     api_federation_change, "Disables, enables or renames one"},
    {HTTP_DELETE, STR_INIT("/federation-policies/{id}"), ACCESS_MANAGEMENT, 0,
     api_federation_delete, "Ends one and its tokens"},
    {HTTP_POST, STR_INIT("/oauth/token"), ACCESS_TOKEN, TOKEN_FORM_MAX, oauth_token,
     "A token of an issuer becomes an access token (RFC 8693)"},
    {HTTP_GET, STR_INIT("/oauth/jwks"), ACCESS_OPEN, 0, oauth_jwks,
     "What access tokens are verified with"},
    {HTTP_GET, STR_INIT("/exposures"), ACCESS_MANAGEMENT, 0, api_exposures_list,
     "Where the account's keys were found"},
    {HTTP_POST, STR_INIT("/exposures"), ACCESS_MANAGEMENT, REPORT_MAX, api_exposures_add,
     "Tells where keys were found"},
    {HTTP_GET, STR_INIT("/exposures/policy"), ACCESS_MANAGEMENT, 0, api_exposures_policy,
     "What follows when a key is found"},
    {HTTP_PATCH, STR_INIT("/exposures/policy"), ACCESS_MANAGEMENT, BODY_MAX,
     api_exposures_policy_set, "Changes it"},
    {HTTP_POST, STR_INIT("/exposures/github"), ACCESS_OPEN, REPORT_MAX, api_exposures_github,
     "GitHub's secret scanning; signed by GitHub"},
    {HTTP_GET, STR_INIT("!/health"), ACCESS_OPEN, 0, api_health, "200 while the process can serve"},
    {HTTP_GET, STR_INIT("!/"), ACCESS_PAGE, 0, page_home, "To the account, or to sign in"},
    {HTTP_GET, STR_INIT("!/site.css"), ACCESS_OPEN, 0, page_style, "The pages' style sheet"},
    {HTTP_GET, STR_INIT("!/icon.svg"), ACCESS_OPEN, 0, page_icon, "The pages' icon"},
    {HTTP_GET, STR_INIT("!/signin"), ACCESS_PAGE, 0, signin_show, "Page: sign in"},
    {HTTP_POST, STR_INIT("!/signin"), ACCESS_PAGE, FORM_MAX, signin_submit,
     "Sign in with a password"},
    {HTTP_GET, STR_INIT("!/signin/link"), ACCESS_PAGE, 0, link_show, "Page: sign in from a mail"},
    {HTTP_POST, STR_INIT("!/signin/link"), ACCESS_PAGE, FORM_MAX, link_submit,
     "Sign in with a mailed link"},
    {HTTP_GET, STR_INIT("!/signin/oidc"), ACCESS_PAGE, 0, oidc_begin,
     "Sign in with an OpenID provider"},
    {HTTP_GET, STR_INIT("!/signin/oidc/callback"), ACCESS_PAGE, 0, oidc_callback,
     "The way back from there"},
    {HTTP_POST, STR_INIT("!/signout"), ACCESS_PAGE, FORM_MAX, signout_submit, "Sign out"},
    {HTTP_GET, STR_INIT("!/signup"), ACCESS_PAGE, 0, signup_show, "Page: sign up"},
    {HTTP_POST, STR_INIT("!/signup"), ACCESS_PAGE, FORM_MAX, signup_submit, "Sign up"},
    {HTTP_GET, STR_INIT("!/signup/confirm"), ACCESS_PAGE, 0, link_show, "Page: complete a sign-up"},
    {HTTP_POST, STR_INIT("!/signup/confirm"), ACCESS_PAGE, FORM_MAX, link_submit,
     "Complete a sign-up"},
    {HTTP_GET, STR_INIT("!/claim"), ACCESS_PAGE, 0, link_show, "Page: claim the instance"},
    {HTTP_POST, STR_INIT("!/claim"), ACCESS_PAGE, FORM_MAX, link_submit, "Claim the instance"},
    {HTTP_GET, STR_INIT("!/join"), ACCESS_PAGE, 0, link_show, "Page: accept an invitation"},
    {HTTP_POST, STR_INIT("!/join"), ACCESS_PAGE, FORM_MAX, link_submit, "Accept an invitation"},
    {HTTP_GET, STR_INIT("!/reset"), ACCESS_PAGE, 0, link_show, "Page: choose a new password"},
    {HTTP_POST, STR_INIT("!/reset"), ACCESS_PAGE, FORM_MAX, link_submit, "Choose a new password"},
    {HTTP_GET, STR_INIT("!/account"), ACCESS_PAGE, 0, account_page_show,
     "Page: one's keys, apps and sessions"},
    {HTTP_POST, STR_INIT("!/account/keys"), ACCESS_PAGE, FORM_MAX, account_keys_create,
     "Make a key"},
    {HTTP_POST, STR_INIT("!/account/keys/change"), ACCESS_PAGE, FORM_MAX, account_keys_change,
     "Disable, enable or delete a key"},
    {HTTP_POST, STR_INIT("!/account/sessions/end"), ACCESS_PAGE, FORM_MAX, account_sessions_end,
     "End sessions of one's own"},
    {HTTP_POST, STR_INIT("!/account/password"), ACCESS_PAGE, FORM_MAX, account_password,
     "Change one's password"},
    {HTTP_GET, STR_INIT("!/account/people"), ACCESS_PAGE, 0, people_show,
     "Page: users of the account"},
    {HTTP_POST, STR_INIT("!/account/people/change"), ACCESS_PAGE, FORM_MAX, people_change,
     "Set a user's role, disable or enable them"},
    {HTTP_POST, STR_INIT("!/account/people/invite"), ACCESS_PAGE, FORM_MAX, people_invite,
     "Invite somebody"},
    {HTTP_POST, STR_INIT("!/account/people/uninvite"), ACCESS_PAGE, FORM_MAX, people_uninvite,
     "Withdraw an invitation"},
    {HTTP_GET, STR_INIT("!/auth"), ACCESS_PAGE, 0, consent_show, "Page: an app asks for a key"},
    {HTTP_POST, STR_INIT("!/auth"), ACCESS_PAGE, FORM_MAX, consent_submit,
     "Give an app a code for a key, or deny it"},
    {HTTP_POST, STR_INIT("/auth/keys"), ACCESS_OPEN, FORM_MAX, oauth_exchange,
     "A code becomes an app's key"},
    {HTTP_POST, STR_INIT("/auth/keys/code"), ACCESS_KEY_ITSELF, FORM_MAX, oauth_code_create,
     "A code for a key of an app"},
    {HTTP_GET, STR_INIT("!/metrics"), ACCESS_OPEN, 0, api_metrics, "Prometheus text"},
};

const struct route *route_at(unsigned i)
{
    if (i < COUNT_OF(relayed))
        return &relayed[i].route;
    i -= (unsigned)COUNT_OF(relayed);
    return i < COUNT_OF(routes) ? &routes[i] : NULL;
}

const struct relay_service *route_service(const struct route *r)
{
    return &container_of(r, struct relayed, route)->service;
}

/* The path below one of the two API roots; p NULL: it is below neither. */
static struct str below_root(struct str path)
{
    if (str_starts(path, STR("/api/v1/")))
        return str_skip(path, 7);
    if (str_starts(path, STR("/v1/")))
        return str_skip(path, 3);
    return STR_NONE;
}

static bool has_open(struct str path)
{
    return memchr(path.p, '{', path.n) != NULL;
}

static bool is_open(struct str segment)
{
    return str_starts(segment, STR("{"));
}

/* Segment by segment; {..} stands for one that is not empty. */
static bool fits(struct str template, struct str path, struct str params[PARAMS_MAX])
{
    int n = 0;
    memset(params, 0, PARAMS_MAX * sizeof *params);
    while (template.p && path.p) {
        struct str want = str_cut(&template, '/'), got = str_cut(&path, '/');
        if (!is_open(want) && !str_eq(want, got))
            return false;
        if (is_open(want) && got.n == 0)
            return false;
        if (is_open(want)) {
            BUG_ON(n == PARAMS_MAX);
            params[n++] = got;
        }
    }
    return !template.p && !path.p;
}

/* The row of the first route that stands for this path; of those without {..} where one does. */
static const struct route *row_of(struct str path, struct str params[PARAMS_MAX])
{
    struct str below = below_root(path);
    const struct route *found = NULL;
    const struct route *r;
    memset(params, 0, PARAMS_MAX * sizeof *params);
    for (unsigned i = 0; (r = route_at(i)); i++) {
        bool is_root = r->path.p[0] == '!';
        struct str at = is_root ? path : below, want = str_skip(r->path, is_root);
        if (!at.p)
            continue;
        if (!has_open(want) && str_eq(want, at))
            return r;
        if (!found && has_open(want) && fits(want, at, params))
            found = r;
    }
    return found;
}

const struct route *route_find(enum http_method m, struct str path, struct str params[PARAMS_MAX],
                               bool *path_exists)
{
    const struct route *row = row_of(path, params), *r;
    *path_exists = row != NULL;
    for (unsigned i = 0; row && (r = route_at(i)); i++) {
        if (r->method != m && !(r->method == HTTP_GET && m == HTTP_HEAD))
            continue;
        if (str_eq(r->path, row->path))
            return r;
    }
    return NULL;
}

struct str route_methods(struct str path, char room[64])
{
    struct buf b = {.p = room, .cap = 64, .max = 64};
    struct str params[PARAMS_MAX];
    const struct route *row = row_of(path, params), *r;
    for (unsigned i = 0; row && (r = route_at(i)); i++) {
        if (!str_eq(r->path, row->path))
            continue;
        buf_add_c(&b, http_method_name(r->method));
        buf_add(&b, r->method == HTTP_GET ? STR(", HEAD, ") : STR(", "));
    }
    buf_add(&b, STR("OPTIONS"));
    return buf_view(&b);
}
