/* route_table.h: what every route says to every kind of credential. A route without a row here
 * fails route_access_test, and so does a row without a route.
 *
 *   body       what is sent: as a rule one that is refused with 400, so that nothing changes; ""
 *              where none is sent
 *   none ...   the status. What sentence goes with it stands in `sentences` of the test
 *   other      a management key of another account (an inference key where the route wants one)
 *   session    a signed-in owner's cookie without the CSRF token
 *   scopeless  an access token without the scope that the route needs */
#ifndef ROUTE_TABLE_H
#define ROUTE_TABLE_H

/* clang-format off */
/*    method  path                  body                  none malf unkn disa expi dele  infer mgmt other session scopeless */
#define ROUTE_TABLE(X)                                                                                                       \
    X(POST,   "/chat/completions",  "{}",                 401, 401, 401, 401, 401, 401,  400,  403, 400,  401,    401)       \
    X(POST,   "/messages",          "{}",                 401, 401, 401, 401, 401, 401,  400,  403, 400,  401,    401)       \
    X(GET,    "/models",            "",                   200, 200, 200, 200, 200, 200,  200,  200, 200,  200,    200)       \
    X(GET,    "/models/count",      "",                   200, 200, 200, 200, 200, 200,  200,  200, 200,  200,    200)       \
    X(GET,    "/generation",        "",                   401, 401, 401, 401, 401, 401,  400,  400, 400,  401,    401)       \
    X(GET,    "/key",               "",                   401, 401, 401, 401, 401, 401,  200,  200, 200,  401,    401)       \
    X(GET,    "/auth/key",          "",                   401, 401, 401, 401, 401, 401,  200,  200, 200,  401,    401)       \
    X(GET,    "/credits",           "",                   401, 401, 401, 401, 401, 401,  403,  200, 200,  200,    401)       \
    X(GET,    "/keys",              "",                   401, 401, 401, 401, 401, 401,  403,  200, 200,  200,    401)       \
    X(POST,   "/keys",              "{}",                 401, 401, 401, 401, 401, 401,  403,  400, 400,  403,    401)       \
    X(GET,    "/keys/{hash}",       "",                   401, 401, 401, 401, 401, 401,  403,  200, 404,  200,    401)       \
    X(PATCH,  "/keys/{hash}",       "{\"name\":\"t\"}",   401, 401, 401, 401, 401, 401,  403,  200, 404,  403,    401)       \
    X(DELETE, "/keys/{hash}",       "",                   401, 401, 401, 401, 401, 401,  403,  200, 404,  403,    401)       \
    X(GET,    "/key/children",      "",                   401, 401, 401, 401, 401, 401,  200,  403, 200,  401,    401)       \
    X(POST,   "/key/children",      "[]",                 401, 401, 401, 401, 401, 401,  400,  403, 400,  401,    401)       \
    X(DELETE, "/key/children/{hash}", "",                 401, 401, 401, 401, 401, 401,  200,  403, 404,  401,    401)       \
    X(GET,    "/audit",             "",                   401, 401, 401, 401, 401, 401,  403,  200, 200,  200,    401)       \
    X(GET,    "/ip-allowlist",      "",                   401, 401, 401, 401, 401, 401,  403,  200, 200,  200,    401)       \
    X(POST,   "/ip-allowlist",      "{}",                 401, 401, 401, 401, 401, 401,  403,  400, 400,  403,    401)       \
    X(DELETE, "/ip-allowlist/{id}", "",                   401, 401, 401, 401, 401, 401,  403,  200, 404,  403,    401)       \
    X(GET,    "/policy",            "",                   401, 401, 401, 401, 401, 401,  403,  200, 200,  200,    401)       \
    X(PATCH,  "/policy",            "{}",                 401, 401, 401, 401, 401, 401,  403,  400, 400,  403,    401)       \
    X(GET,    "!/health",           "",                   200, 200, 200, 200, 200, 200,  200,  200, 200,  200,    200)       \
    X(GET,    "!/metrics",          "",                   200, 200, 200, 200, 200, 200,  200,  200, 200,  200,    200)
/* clang-format on */

#endif
