#include "relay/sign.h"

#include "base/clock.h"
#include "crypto/sigv4.h"
#include "http/url.h"

enum { PATH_MAX_BYTES = 16 * 1024 };

enum err relay_sign(const struct provider *p, struct str path, struct str body, struct buf *out)
{
    const struct provider_aws *aws = &p->aws;
    struct sigv4_key key = {aws->key_id, aws->secret, aws->session};
    struct buf whole;
    struct url url;
    if (!aws->key_id.n)
        return ERR_OK;
    enum err e = url_parse(p->base_url, &url, NULL);
    if (e != ERR_OK)
        return e;
    buf_init(&whole, PATH_MAX_BYTES);
    buf_add(&whole, url.path);
    buf_add(&whole, path);
    struct sigv4_request r = {.method = STR("POST"),
                              .host = url.authority,
                              .path = buf_view(&whole),
                              .content_type = STR("application/json"),
                              .body = body,
                              .region = aws->region,
                              .service = STR("bedrock"),
                              .now = clock_wall_ms() / 1000};
    e = whole.failed == ERR_OK ? sigv4_sign(&key, &r, out) : whole.failed;
    buf_release(&whole);
    return e;
}
