#include "crypto/sigv4.h"

#include "base/codec.h"
#include "crypto/hmac.h"

#include <openssl/crypto.h>
#include <time.h>

enum { HEX_BYTES = 2 * SHA256_BYTES, TEXT_MAX = 64 << 10, SECRET_MAX = 256, TIME_MAX = 32 };

static struct str hex_of(const uint8_t digest[SHA256_BYTES], char out[HEX_BYTES])
{
    hex_encode(out, digest, SHA256_BYTES);
    return str_of(out, HEX_BYTES);
}

static void add_hash(struct buf *out, struct str text)
{
    uint8_t digest[SHA256_BYTES];
    char hex[HEX_BYTES];
    sha256(text, digest);
    buf_add(out, hex_of(digest, hex));
}

/* The path as it is sent, encoded once more. */
static void add_path(struct buf *out, struct str path)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < path.n; i++) {
        uint8_t c = (uint8_t)path.p[i], letter = c | 0x20;
        bool is_plain = (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                        c == '.' || c == '_' || c == '~' || c == '/';
        if (is_plain)
            buf_add(out, str_of((char *)&c, 1));
        else
            buf_add(out, str_of((char[]){'%', digits[c >> 4], digits[c & 15]}, 3));
    }
}

static void add_signed_names(struct buf *out, const struct sigv4_key *key,
                             const struct sigv4_request *r)
{
    if (r->content_type.n)
        buf_add(out, STR("content-type;"));
    buf_add(out, STR("host;x-amz-date"));
    if (!secret_is_empty(key->session))
        buf_add(out, STR(";x-amz-security-token"));
}

static void add_line(struct buf *out, const char *name, struct str value)
{
    buf_add_c(out, name);
    buf_add(out, value);
    buf_add(out, STR("\n"));
}

static void add_canonical(struct buf *out, const struct sigv4_key *key,
                          const struct sigv4_request *r, struct str date)
{
    add_line(out, "", r->method);
    add_path(out, r->path);
    buf_add(out, STR("\n"));
    add_line(out, "", r->query);
    if (r->content_type.n)
        add_line(out, "content-type:", r->content_type);
    add_line(out, "host:", r->host);
    add_line(out, "x-amz-date:", date);
    if (!secret_is_empty(key->session))
        add_line(out, "x-amz-security-token:", secret_reveal(key->session));
    buf_add(out, STR("\n"));
    add_signed_names(out, key, r);
    buf_add(out, STR("\n"));
    add_hash(out, r->body);
}

/* "20150830/us-east-1/iam/aws4_request" */
static void add_scope(struct buf *out, const struct sigv4_request *r, struct str day)
{
    buf_printf(out, "%.*s/%.*s/%.*s/aws4_request", STR_ARG(day), STR_ARG(r->region),
               STR_ARG(r->service));
}

/* The key of this day, region and service. */
static enum err derive(const struct sigv4_key *key, const struct sigv4_request *r, struct str day,
                       uint8_t out[SHA256_BYTES])
{
    char first[4 + SECRET_MAX] = "AWS4";
    struct str secret = secret_reveal(key->secret);
    const struct str steps[] = {r->region, r->service, STR("aws4_request")};
    if (secret.n > SECRET_MAX)
        return ERR_TOO_BIG;
    if (secret.n)
        memcpy(first + 4, secret.p, secret.n);
    hmac_sha256(secret_of(str_of(first, 4 + secret.n)), day, out);
    OPENSSL_cleanse(first, sizeof first);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        uint8_t next[SHA256_BYTES];
        hmac_sha256(secret_of(str_of((char *)out, SHA256_BYTES)), steps[i], next);
        memcpy(out, next, sizeof next);
        OPENSSL_cleanse(next, sizeof next);
    }
    return ERR_OK;
}

/* `text`: empty, to work in. */
static enum err sign(const struct sigv4_key *key, const struct sigv4_request *r, struct str date,
                     struct buf *text, char hex[HEX_BYTES])
{
    uint8_t mac[SHA256_BYTES], derived[SHA256_BYTES];
    struct str day = str_head(date, 8);
    char of_request[HEX_BYTES];
    add_canonical(text, key, r, date);
    if (text->failed != ERR_OK)
        return text->failed;
    sha256(buf_view(text), mac);
    hex_of(mac, of_request);
    buf_reset(text);
    add_line(text, "AWS4-HMAC-SHA256\n", date);
    add_scope(text, r, day);
    buf_add(text, STR("\n"));
    buf_add(text, str_of(of_request, HEX_BYTES));
    if (text->failed != ERR_OK)
        return text->failed;
    enum err e = derive(key, r, day, derived);
    if (e != ERR_OK)
        return e;
    hmac_sha256(secret_of(str_of((char *)derived, sizeof derived)), buf_view(text), mac);
    OPENSSL_cleanse(derived, sizeof derived);
    hex_of(mac, hex);
    return ERR_OK;
}

enum err sigv4_sign(const struct sigv4_key *key, const struct sigv4_request *r, struct buf *out)
{
    char date[TIME_MAX], hex[HEX_BYTES];
    time_t now = (time_t)r->now;
    struct tm parts;
    struct buf text;
    if (!gmtime_r(&now, &parts))
        return ERR_INVALID;
    struct str at = str_of(date, strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &parts));
    buf_init(&text, TEXT_MAX);
    enum err e = sign(key, r, at, &text, hex);
    buf_release(&text);
    if (e != ERR_OK)
        return e;
    buf_printf(out, "X-Amz-Date: %.*s\r\n", STR_ARG(at));
    if (!secret_is_empty(key->session))
        buf_printf(out, "X-Amz-Security-Token: %.*s\r\n", STR_ARG(secret_reveal(key->session)));
    buf_printf(out, "Authorization: AWS4-HMAC-SHA256 Credential=%.*s/", STR_ARG(key->id));
    add_scope(out, r, str_head(at, 8));
    buf_add(out, STR(", SignedHeaders="));
    add_signed_names(out, key, r);
    return buf_printf(out, ", Signature=%.*s\r\n", HEX_BYTES, hex);
}
