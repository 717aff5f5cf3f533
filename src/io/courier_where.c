/* courier_where.c: which URLs and addresses the courier goes to. Pure. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>

#include "io/courier_inside.h"

/* --- which URLs --- */

static bool is_this_machine(const char *host)
{
    struct in_addr v4;
    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

static bool is_http_right(const char *scheme, const char *host)
{
    return strcmp(scheme, "https") == 0 || (strcmp(scheme, "http") == 0 && is_this_machine(host));
}

static bool is_mail_right(const char *scheme, const char *host)
{
    (void)host;
    return strcmp(scheme, "smtp") == 0 || strcmp(scheme, "smtps") == 0;
}

/* Terminated text. No user in it: what stands there would be sent. */
static bool is_right(const char *url, bool (*judge)(const char *scheme, const char *host))
{
    char *scheme = NULL, *host = NULL, *user = NULL;
    CURLU *u = curl_url();
    bool good = u && curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_NO_USER && judge(scheme, host);
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_url_cleanup(u);
    return good;
}

bool where_copy(struct str url, char out[COURIER_URL_MAX + 1])
{
    if (url.n == 0 || url.n > COURIER_URL_MAX)
        return false;
    for (size_t i = 0; i < url.n; i++) {
        if ((unsigned char)url.p[i] <= ' ' || (unsigned char)url.p[i] >= 127)
            return false;
    }
    memcpy(out, url.p, url.n);
    out[url.n] = '\0';
    return true;
}

bool where_is_http(const char *url)
{
    return is_right(url, is_http_right);
}

bool where_is_mail(const char *url)
{
    return is_right(url, is_mail_right);
}

bool courier_url_is_right(struct str url)
{
    char text[COURIER_URL_MAX + 1];
    return where_copy(url, text) && where_is_http(text);
}

bool courier_mail_url_is_right(struct str url)
{
    char text[COURIER_URL_MAX + 1];
    return where_copy(url, text) && where_is_mail(text);
}

/* --- which addresses --- */

struct range {
    uint32_t from;
    uint8_t bits;
};

/* What is not the public network (RFC 6890 and its successors). */
static bool is_public_v4(uint32_t a)
{
    static const struct range others[] = {
        {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
        {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0586300, 24}, {0xc0a80000, 16},
        {0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 3},
    };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if ((a ^ others[i].from) >> (32 - others[i].bits) == 0)
            return false;
    }
    return true;
}

/* Only 2000::/3, without what leads elsewhere: documentation, 6to4, Teredo, benchmarks. NAT64 and
 * mapped addresses lie outside it. */
static bool is_public_v6(const uint8_t a[16])
{
    if (a[0] >> 5 != 1)
        return false;
    if (a[0] == 0x20 && a[1] == 0x02)
        return false;
    if (a[0] == 0x20 && a[1] == 0x01 && (a[2] < 2 || (a[2] == 0x0d && a[3] == 0xb8)))
        return false;
    return !(a[0] == 0x3f && a[1] == 0xff);
}

bool where_is_public(const struct sockaddr *to)
{
    if (to->sa_family == AF_INET)
        return is_public_v4(ntohl(((const struct sockaddr_in *)(const void *)to)->sin_addr.s_addr));
    return to->sa_family == AF_INET6 &&
           is_public_v6(((const struct sockaddr_in6 *)(const void *)to)->sin6_addr.s6_addr);
}
