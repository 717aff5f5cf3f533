/* config_aws.c: where AWS is asked, and with what key. */
#include "app/config_internal.h"

enum { REGION_MAX = 60, KEY_ID_MAX = 128, URL_MAX = 1024 };

/* They stand in a header and in an address. */
bool config__region_is_right(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return text.n > 0 && text.n <= REGION_MAX;
}

bool config__key_id_is_right(struct str text)
{
    return config__version_is_right(text) && text.n <= KEY_ID_MAX;
}

enum err config__fill_region(struct config_build *b, struct provider *p)
{
    struct str mark = STR("{region}"), region = p->aws.region;
    size_t at = str_find(p->base_url, mark);
    struct buf url;
    if (at == p->base_url.n || !region.n)
        return ERR_OK;
    buf_init(&url, URL_MAX);
    buf_add(&url, str_head(p->base_url, at));
    buf_add(&url, region);
    buf_add(&url, str_skip(p->base_url, at + mark.n));
    p->base_url = url.failed == ERR_OK ? arena_str(b->arena, buf_view(&url)) : STR_NONE;
    buf_release(&url);
    return p->base_url.p ? ERR_OK : config__no_memory(b);
}

enum err config__check_aws(struct config_build *b, struct config_node node, const char *where,
                           const struct provider *p)
{
    const struct provider_aws *aws = &p->aws;
    bool is_bedrock = str_eq(p->dialect, STR("bedrock")),
         has_secret = !secret_is_empty(aws->secret);
    bool has_any = aws->key_id.n || has_secret || !secret_is_empty(aws->session);
    if (!is_bedrock && (has_any || aws->region.n))
        return config_fault_set(b->f, config_get(node, STR("aws")),
                                "%s: aws is for providers of the dialect bedrock", where);
    if (has_any && !(aws->key_id.n && has_secret))
        return config_fault_set(b->f, config_get(node, STR("aws")), "aws of %s lacks %s", where,
                                aws->key_id.n ? "secret_access_key" : "access_key_id");
    if (has_any && !secret_is_empty(p->api_key))
        return config_fault_set(b->f, config_get(node, STR("aws")),
                                "%s must have api_key or aws.access_key_id, not both", where);
    bool wants_region = has_any || str_find(p->base_url, STR("{region}")) < p->base_url.n;
    if (wants_region && !aws->region.n)
        return config_fault_set(b->f, node, "%s lacks aws.region", where);
    return ERR_OK;
}
