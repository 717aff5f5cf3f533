/* route_table.h: what every route says to every kind of credential. A route without a row here
 * fails route_access_test, and so does a row without a route.
 *
 *   body       what is sent: as a rule one that is refused with 400, so that nothing changes; ""
 *              where none is sent
 *   none ...   the status. What sentence goes with it stands in `sentences` of the test
 *   other      a management key of another account (an inference key where the route wants one)
 *   session    a signed-in owner's cookie without the CSRF token
 *   scopeless  an access token without a scope
 *
 * One with its scope is asked too: it may what its inference key may, but for what outlives it. */
#ifndef ROUTE_TABLE_H
#define ROUTE_TABLE_H

/* clang-format off */
/*    method  path                  body                  none malf unkn disa expi dele  infer mgmt other session scopeless */
#define ROUTE_TABLE(X)                                                                                                       \
    X(POST,   "/chat/completions",  "{}",                 401, 401, 401, 401, 401, 401,  400,  403, 400,  401,    403)       \
    X(POST,   "/messages",          "{}",                 401, 401, 401, 401, 401, 401,  400,  403, 400,  401,    403)       \
    X(POST,   "/messages/count_tokens", "{}",             401, 401, 401, 401, 401, 401,  400,  403, 400,  401,    403)       \
    X(POST,   "/responses",         "{}",                 401, 401, 401, 401, 401, 401,  400,  403, 400,  401,    403)       \
    X(POST,   "/completions",       "{}",                 401, 401, 401, 401, 401, 401,  400,  403, 400,  401,    403)       \
    X(GET,    "/models",            "",                   200, 200, 200, 200, 200, 200,  200,  200, 200,  200,    200)       \
    X(GET,    "/models/count",      "",                   200, 200, 200, 200, 200, 200,  200,  200, 200,  200,    200)       \
    X(GET,    "/model/{author}/{slug}", "",               404, 404, 404, 404, 404, 404,  404,  404, 404,  404,    404)       \
    X(GET,    "/models/{author}/{slug}/endpoints", "",    404, 404, 404, 404, 404, 404,  404,  404, 404,  404,    404)       \
    X(GET,    "/endpoints/zdr",     "",                   200, 200, 200, 200, 200, 200,  200,  200, 200,  200,    200)       \
    X(GET,    "/providers",         "",                   200, 200, 200, 200, 200, 200,  200,  200, 200,  200,    200)       \
    X(GET,    "/generation",        "",                   401, 401, 401, 401, 401, 401,  400,  400, 400,  401,    403)       \
    X(GET,    "/key",               "",                   401, 401, 401, 401, 401, 401,  200,  200, 200,  401,    403)       \
    X(GET,    "/auth/key",          "",                   401, 401, 401, 401, 401, 401,  200,  200, 200,  401,    403)       \
    X(GET,    "/credits",           "",                   401, 401, 401, 401, 401, 401,  403,  200, 200,  200,    403)       \
    X(GET,    "/keys",              "",                   401, 401, 401, 401, 401, 401,  403,  200, 200,  200,    403)       \
    X(POST,   "/keys",              "{}",                 401, 401, 401, 401, 401, 401,  403,  400, 400,  403,    403)       \
    X(GET,    "/keys/{hash}",       "",                   401, 401, 401, 401, 401, 401,  403,  200, 404,  200,    403)       \
    X(PATCH,  "/keys/{hash}",       "{\"name\":\"t\"}",   401, 401, 401, 401, 401, 401,  403,  200, 404,  403,    403)       \
    X(DELETE, "/keys/{hash}",       "",                   401, 401, 401, 401, 401, 401,  403,  200, 404,  403,    403)       \
    X(GET,    "/key/children",      "",                   401, 401, 401, 401, 401, 401,  200,  403, 200,  401,    403)       \
    X(POST,   "/key/children",      "[]",                 401, 401, 401, 401, 401, 401,  400,  403, 400,  401,    403)       \
    X(DELETE, "/key/children/{hash}", "",                 401, 401, 401, 401, 401, 401,  200,  403, 404,  401,    403)       \
    X(GET,    "/audit",             "",                   401, 401, 401, 401, 401, 401,  403,  200, 200,  200,    403)       \
    X(GET,    "/ip-allowlist",      "",                   401, 401, 401, 401, 401, 401,  403,  200, 200,  200,    403)       \
    X(POST,   "/ip-allowlist",      "{}",                 401, 401, 401, 401, 401, 401,  403,  400, 400,  403,    403)       \
    X(DELETE, "/ip-allowlist/{id}", "",                   401, 401, 401, 401, 401, 401,  403,  200, 404,  403,    403)       \
    X(GET,    "/policy",            "",                   401, 401, 401, 401, 401, 401,  403,  200, 200,  200,    403)       \
    X(PATCH,  "/policy",            "{}",                 401, 401, 401, 401, 401, 401,  403,  400, 400,  403,    403)       \
    X(GET,    "/exposures",         "",                   401, 401, 401, 401, 401, 401,  403,  200, 200,  200,    403)       \
    X(POST,   "/exposures",         "{}",                 401, 401, 401, 401, 401, 401,  403,  400, 400,  403,    403)       \
    X(GET,    "/exposures/policy",  "",                   401, 401, 401, 401, 401, 401,  403,  200, 200,  200,    403)       \
    X(PATCH,  "/exposures/policy",  "{}",                 401, 401, 401, 401, 401, 401,  403,  400, 400,  403,    403)       \
    X(GET,    "/federation-policies", "",                 401, 401, 401, 401, 401, 401,  403,  200, 200,  200,    403)       \
    X(POST,   "/federation-policies", "{}",               401, 401, 401, 401, 401, 401,  403,  400, 400,  403,    403)       \
    X(GET,    "/federation-policies/{id}", "",            401, 401, 401, 401, 401, 401,  403,  200, 404,  200,    403)       \
    X(PATCH,  "/federation-policies/{id}", "{\"name\":\"t\"}", 401, 401, 401, 401, 401, 401, 403, 200, 404, 403, 403)       \
    X(DELETE, "/federation-policies/{id}", "",            401, 401, 401, 401, 401, 401,  403,  200, 404,  403,    403)       \
    X(POST,   "/oauth/token",       "{}",                 400, 400, 400, 400, 400, 400,  400,  400, 400,  400,    400)       \
    X(GET,    "/oauth/jwks",        "",                   200, 200, 200, 200, 200, 200,  200,  200, 200,  200,    200)       \
    X(POST,   "/exposures/github",  "[]",                 401, 401, 401, 401, 401, 401,  401,  401, 401,  401,    401)       \
    X(GET,    "!/",                     "",                303, 303, 303, 303, 303, 303,  303,  303, 303,  303,    303) \
    X(GET,    "!/site.css",             "",                200, 200, 200, 200, 200, 200,  200,  200, 200,  200,    200) \
    X(GET,    "!/icon.svg",             "",                200, 200, 200, 200, 200, 200,  200,  200, 200,  200,    200) \
    X(GET,    "!/signin",               "",                200, 200, 200, 200, 200, 200,  200,  200, 200,  303,    200) \
    X(POST,   "!/signin",               "csrf=x",          403, 403, 403, 403, 403, 403,  403,  403, 403,  403,    403) \
    X(GET,    "!/signin/link",          "",                404, 404, 404, 404, 404, 404,  404,  404, 404,  404,    404) \
    X(POST,   "!/signin/link",          "csrf=x",          403, 403, 403, 403, 403, 403,  403,  403, 403,  403,    403) \
    X(POST,   "!/signout",              "csrf=x",          403, 403, 403, 403, 403, 403,  403,  403, 403,  403,    403) \
    X(GET,    "!/signup",               "",                403, 403, 403, 403, 403, 403,  403,  403, 403,  403,    403) \
    X(POST,   "!/signup",               "csrf=x",          403, 403, 403, 403, 403, 403,  403,  403, 403,  403,    403) \
    X(GET,    "!/signin/oidc",          "",                404, 404, 404, 404, 404, 404,  404,  404, 404,  404,    404) \
    X(GET,    "!/signin/oidc/callback",       "",                401, 401, 401, 401, 401, 401,  401,  401, 401,  401,    401) \
    X(GET,    "!/signup/confirm",       "",                404, 404, 404, 404, 404, 404,  404,  404, 404,  404,    404) \
    X(POST,   "!/signup/confirm",       "csrf=x",          403, 403, 403, 403, 403, 403,  403,  403, 403,  403,    403) \
    X(GET,    "!/claim",                "",                404, 404, 404, 404, 404, 404,  404,  404, 404,  404,    404) \
    X(POST,   "!/claim",                "csrf=x",          403, 403, 403, 403, 403, 403,  403,  403, 403,  403,    403) \
    X(GET,    "!/reset",                "",                404, 404, 404, 404, 404, 404,  404,  404, 404,  404,    404) \
    X(POST,   "!/reset",                "csrf=x",          403, 403, 403, 403, 403, 403,  403,  403, 403,  403,    403) \
    X(GET,    "!/join",                 "",                404, 404, 404, 404, 404, 404,  404,  404, 404,  404,    404) \
    X(POST,   "!/join",                 "csrf=x",          403, 403, 403, 403, 403, 403,  403,  403, 403,  403,    403) \
    X(GET,    "!/account",              "",                303, 303, 303, 303, 303, 303,  303,  303, 303,  200,    303) \
    X(POST,   "!/account/keys",         "csrf=x",          403, 403, 403, 403, 403, 403,  403,  403, 403,  403,    403) \
    X(POST,   "!/account/keys/change",  "csrf=x",          403, 403, 403, 403, 403, 403,  403,  403, 403,  403,    403) \
    X(POST,   "!/account/sessions/end", "csrf=x",          403, 403, 403, 403, 403, 403,  403,  403, 403,  403,    403) \
    X(POST,   "!/account/password",     "csrf=x",          403, 403, 403, 403, 403, 403,  403,  403, 403,  403,    403) \
    X(GET,    "!/account/people",       "",                303, 303, 303, 303, 303, 303,  303,  303, 303,  200,    303) \
    X(POST,   "!/account/people/change","csrf=x",          403, 403, 403, 403, 403, 403,  403,  403, 403,  403,    403) \
    X(POST,   "!/account/people/invite","csrf=x",          403, 403, 403, 403, 403, 403,  403,  403, 403,  403,    403) \
    X(POST,   "!/account/people/uninvite","csrf=x",          403, 403, 403, 403, 403, 403,  403,  403, 403,  403,    403) \
    X(GET,    "!/auth",                 "",                400, 400, 400, 400, 400, 400,  400,  400, 400,  400,    400) \
    X(POST,   "!/auth",                 "csrf=x",          403, 403, 403, 403, 403, 403,  403,  403, 403,  403,    403) \
    X(POST,   "/auth/keys",        "{}",                 400, 400, 400, 400, 400, 400,  400,  400, 400,  400,    400) \
    X(POST,   "/auth/keys/code",   "{}",                 401, 401, 401, 401, 401, 401,  400,  400, 400,  401,    403) \
    X(GET,    "!/health",           "",                   200, 200, 200, 200, 200, 200,  200,  200, 200,  200,    200)       \
    X(GET,    "!/metrics",          "",                   200, 200, 200, 200, 200, 200,  200,  200, 200,  200,    200)
/* clang-format on */

#endif
