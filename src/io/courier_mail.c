/* courier_mail.c: SMTP. */
#include "io/courier_inside.h"

/* --- what goes --- */

static size_t on_mail_wanted(char *out, size_t one, size_t n, void *user)
{
    struct trip *t = user;
    struct str part = str_head(t->unsent, one * n);
    if (part.n)
        memcpy(out, part.p, part.n);
    t->unsent = str_skip(t->unsent, part.n);
    return part.n;
}

static size_t on_unwanted(char *p, size_t one, size_t n, void *user)
{
    (void)p;
    (void)user;
    return one * n;
}

/* In angle brackets; false: it would be more than an address. */
static bool address_copy(struct str address, char *out, size_t size)
{
    if (address.n < 3 || address.n + 3 > size)
        return false;
    for (size_t i = 0; i < address.n; i++) {
        if ((unsigned char)address.p[i] <= ' ' || address.p[i] == '<' || address.p[i] == '>' ||
            address.p[i] == 127)
            return false;
    }
    out[0] = '<';
    memcpy(out + 1, address.p, address.n);
    memcpy(out + 1 + address.n, ">", 2);
    return true;
}

static bool set_up_sign_in(struct trip *t, const struct courier_mail *m)
{
    char user[256], password[1024];
    struct str hidden = secret_reveal(m->password);
    bool good = m->user.n < sizeof user && hidden.n < sizeof password;
    if (m->user.n == 0 || !good)
        return good;
    memcpy(user, m->user.p, m->user.n);
    user[m->user.n] = '\0';
    memcpy(password, hidden.p ? hidden.p : "", hidden.n);
    password[hidden.n] = '\0';
    COURIER_SET(CURLOPT_USERNAME, user);
    COURIER_SET(CURLOPT_PASSWORD, password);
    explicit_bzero(password, sizeof password);
    return good;
}

bool mail_set_up(struct trip *t)
{
    static const long uses[] = {[COURIER_TLS_REQUIRED] = CURLUSESSL_ALL,
                                [COURIER_TLS_OPPORTUNISTIC] = CURLUSESSL_TRY,
                                [COURIER_TLS_NEVER] = CURLUSESSL_NONE};
    struct courier_mail *m = container_of(t->job, struct courier_mail, job);
    char url[COURIER_URL_MAX + 1], from[400], to[400];
    bool good = where_copy(m->url, url) && where_is_mail(url) &&
                address_copy(m->from, from, sizeof from) && address_copy(m->to, to, sizeof to);
    m->status = 0;
    if (!good || !trip_set_up(t, m->timeout_ms) || !set_up_sign_in(t, m))
        return false;
    t->unsent = m->message;
    t->recipients = curl_slist_append(NULL, to);
    COURIER_SET(CURLOPT_URL, url);
    COURIER_SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    COURIER_SET(CURLOPT_USE_SSL, uses[m->tls]);
    COURIER_SET(CURLOPT_MAIL_FROM, from);
    COURIER_SET(CURLOPT_MAIL_RCPT, t->recipients);
    COURIER_SET(CURLOPT_UPLOAD, 1L);
    COURIER_SET(CURLOPT_READFUNCTION, on_mail_wanted);
    COURIER_SET(CURLOPT_READDATA, t);
    COURIER_SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)m->message.n);
    COURIER_SET(CURLOPT_WRITEFUNCTION, on_unwanted);
    return good && t->recipients;
}

/* --- how it went --- */

/* 5xx is for good, but for what says that the server or our sign-in is not as it should be: the
 * operator mends that. */
enum err mail_judge(struct trip *t, CURLcode rc, long status, struct fault *f)
{
    struct courier_mail *m = container_of(t->job, struct courier_mail, job);
    m->status = (int)status;
    if (rc == CURLE_OK)
        return ERR_OK;
    bool is_refused =
        rc == CURLE_SEND_ERROR || rc == CURLE_RECV_ERROR || rc == CURLE_WEIRD_SERVER_REPLY;
    if (is_refused && status >= 550 && status <= 559)
        return fault_set(f, ERR_UNPROCESSABLE, "the mail server refused it for good (%ld)", status);
    trip_judge(t, rc, f);
    if (status >= 400)
        return fault_set(f, ERR_UPSTREAM, "the mail server answered %ld", status);
    return f->err;
}
