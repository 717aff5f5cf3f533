/* signature.c: whether a request is signed with the key that the simulated provider knows (AWS,
 * "Signature Version 4"): it is signed again as it came, and both must be the same. */
#include "sim/internal.h"

#include "base/clock.h"
#include "crypto/hmac.h"
#include "crypto/sigv4.h"

#include <stdio.h>

enum { SKEW_S = 5 * 60, DATE_BYTES = 16, LINES_MAX = 16 << 10 };

static enum err deny(struct fault *f, const char *sentence)
{
    return fault_set(f, ERR_AUTH, "%s", sentence);
}

/* "20150830T123600Z" to unix seconds. */
static bool read_date(struct str date, int64_t *out)
{
    char iso[CLOCK_ISO_MAX];
    int64_t ms;
    if (date.n != DATE_BYTES || date.p[8] != 'T' || date.p[15] != 'Z')
        return false;
    int n = snprintf(iso, sizeof iso, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", date.p, date.p + 4,
                     date.p + 6, date.p + 9, date.p + 11, date.p + 13);
    if (n < 0 || (size_t)n >= sizeof iso || !clock_parse_iso(str_of(iso, (size_t)n), &ms))
        return false;
    *out = ms / 1000;
    return true;
}

/* The value of "Name=" up to a comma. */
static struct str part(struct str authorization, struct str name)
{
    struct str value = str_skip(authorization, str_find(authorization, name) + name.n);
    return str_cut(&value, ',');
}

/* Whether a list with a semicolon between two has it. */
static bool is_among(struct str list, struct str name)
{
    while (list.n) {
        if (str_eq(str_cut(&list, ';'), name))
            return true;
    }
    return false;
}

/* What the sender says that it has signed, to be signed again. */
static bool read_request(const struct sim_call *c, struct str *key_id, struct sigv4_request *out)
{
    struct str scope = part(c->signs.authorization, STR("Credential="));
    struct str names = part(c->signs.authorization, STR("SignedHeaders="));
    *key_id = str_cut(&scope, '/');
    struct str day = str_cut(&scope, '/');
    *out = (struct sigv4_request){
        .method = STR("POST"),
        .host = c->signs.host,
        .path = c->signs.path,
        .query = c->query,
        .content_type = is_among(names, STR("content-type")) ? c->signs.type : STR_NONE,
        .body = buf_view(&c->body),
        .region = str_cut(&scope, '/'),
        .service = str_cut(&scope, '/'),
    };
    return str_eq(day, str_head(c->signs.date, 8)) && str_eq(scope, STR("aws4_request")) &&
           str_eq(out->service, STR("bedrock")) && out->region.n &&
           read_date(c->signs.date, &out->now);
}

/* Whether the lines that signing makes have the line that came. */
static bool is_same(const struct sigv4_key *key, const struct sigv4_request *r, struct str came)
{
    struct buf lines;
    struct str name = STR("Authorization: ");
    buf_init(&lines, LINES_MAX);
    bool same = false;
    if (sigv4_sign(key, r, &lines) == ERR_OK) {
        struct str all = buf_view(&lines), line = str_skip(all, str_find(all, name) + name.n);
        same = secret_eq(secret_of(str_cut(&line, '\r')), secret_of(came));
    }
    buf_release(&lines);
    return same;
}

enum err sim__check_signature(const struct sim_call *c, struct fault *f)
{
    const struct sim_aws *aws = &c->sim->aws;
    struct sigv4_key key = {aws->key_id, aws->secret, aws->session};
    struct sigv4_request r;
    struct str key_id;
    if (!aws->key_id.n)
        return ERR_OK;
    if (!c->signs.authorization.n)
        return deny(f, "Missing Authentication Token");
    if (!read_request(c, &key_id, &r))
        return deny(f,
                    "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' "
                    "parameters.");
    int64_t age = clock_wall_ms() / 1000 - r.now;
    if (age > SKEW_S || age < -SKEW_S)
        return deny(f, "Signature expired");
    if (!str_eq(key_id, aws->key_id) || !secret_eq(secret_of(c->signs.token), aws->session))
        return deny(f, "The security token included in the request is invalid.");
    if (!is_same(&key, &r, c->signs.authorization))
        return deny(f, "The request signature we calculated does not match the signature you "
                       "provided.");
    return ERR_OK;
}
