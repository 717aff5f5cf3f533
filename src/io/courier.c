/* courier.c: one thread, one multi handle; jobs come in by a locked list and a wake-up. */
#include "io/courier.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/thread.h"

enum {
    URL_MAX = 2048,
    CONNECT_MS = 10000,
    POLL_MS = 60000,
    FIELD_MAX = 4096,
    POST_MAX = 64 * 1024,
    OPENED_MAX = 64,
};

/* A socket of libcurl's. For a mail libcurl waits without returning (behind its last line, and for
 * the answer to QUIT): who gives up must tell the socket. */
struct opened {
    curl_socket_t fd;
    enum courier_kind kind;
};

struct courier {
    CURLM *multi;
    char *extra_ca;
    pthread_t thread;
    bool is_running;
    pthread_mutex_t lock; /* guards what follows, but for the trips */
    struct courier_job *first, **end;
    bool is_stopping, is_cancelling;
    struct list trips; /* the thread's */
    struct opened opened[OPENED_MAX];
    unsigned opened_n;
};

/* One job under way. */
struct trip {
    struct list link;
    struct courier *courier;
    struct courier_job *job;
    CURL *easy;
    struct curl_slist *fields, *recipients;
    struct str unsent; /* of a mail */
    struct courier_answer *answer;
    bool is_public_only, was_private, is_too_big;
    char why[CURL_ERROR_SIZE];
};

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

/* Terminates; false: too long, or with a character that no URL has. */
static bool url_copy(struct str url, char out[URL_MAX + 1])
{
    if (url.n == 0 || url.n > URL_MAX)
        return false;
    for (size_t i = 0; i < url.n; i++) {
        if ((unsigned char)url.p[i] <= ' ' || (unsigned char)url.p[i] >= 127)
            return false;
    }
    memcpy(out, url.p, url.n);
    out[url.n] = '\0';
    return true;
}

bool courier_url_is_right(struct str url)
{
    char text[URL_MAX + 1];
    return url_copy(url, text) && is_right(text, is_http_right);
}

bool courier_mail_url_is_right(struct str url)
{
    char text[URL_MAX + 1];
    return url_copy(url, text) && is_right(text, is_mail_right);
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

static bool is_public(const struct sockaddr *to)
{
    if (to->sa_family == AF_INET)
        return is_public_v4(ntohl(((const struct sockaddr_in *)(const void *)to)->sin_addr.s_addr));
    return to->sa_family == AF_INET6 &&
           is_public_v6(((const struct sockaddr_in6 *)(const void *)to)->sin6_addr.s6_addr);
}

/* Called with the very address that will be connected to: no second look-up can change it. */
static curl_socket_t on_socket(void *user, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct trip *t = user;
    (void)purpose;
    if (t->is_public_only && !is_public(&to->addr)) {
        t->was_private = true;
        return CURL_SOCKET_BAD;
    }
    int fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
    pthread_mutex_lock(&t->courier->lock);
    if (fd != -1 && t->courier->opened_n < OPENED_MAX)
        t->courier->opened[t->courier->opened_n++] = (struct opened){fd, t->job->kind};
    pthread_mutex_unlock(&t->courier->lock);
    return fd;
}

static int on_close(void *user, curl_socket_t fd)
{
    struct courier *c = user;
    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < c->opened_n; i++) {
        if (c->opened[i].fd == fd) {
            c->opened[i] = c->opened[--c->opened_n];
            break;
        }
    }
    int rc = close(fd);
    pthread_mutex_unlock(&c->lock);
    return rc;
}

/* Under the lock. */
static void hang_up_mail(struct courier *c)
{
    for (unsigned i = 0; i < c->opened_n; i++) {
        if (c->opened[i].kind == COURIER_MAIL)
            shutdown(c->opened[i].fd, SHUT_RDWR);
    }
}

/* --- what comes and goes --- */

static size_t on_body(char *p, size_t one, size_t n, void *user)
{
    struct trip *t = user;
    if (buf_add(&t->answer->body, str_of(p, one * n)) == ERR_OK)
        return n;
    t->is_too_big = true;
    return 0;
}

static void note_max_age(struct courier_answer *a, struct str value)
{
    while (value.p) {
        struct str part = str_trim(str_cut(&value, ','));
        uint64_t seconds;
        if (str_ieq(str_head(part, 8), STR("max-age=")) &&
            str_u64(str_skip(part, 8), INT32_MAX, &seconds))
            a->max_age_s = (int32_t)seconds;
    }
}

static size_t on_field(char *p, size_t one, size_t n, void *user)
{
    struct courier_answer *a = ((struct trip *)user)->answer;
    struct str value = str_of(p, one * n), name = str_cut(&value, ':');
    while (value.n && (value.p[value.n - 1] == '\n' || value.p[value.n - 1] == '\r'))
        value.n--;
    value = str_trim(value);
    if (str_ieq(name, STR("etag")) && value.n <= COURIER_ETAG_MAX) {
        memcpy(a->etag, value.p, value.n);
        a->etag[value.n] = '\0';
    } else if (str_ieq(name, STR("cache-control"))) {
        note_max_age(a, value);
    }
    return n;
}

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

/* The system's authorities are there already. */
static CURLcode on_tls(CURL *easy, void *ctx, void *user)
{
    (void)easy;
    return SSL_CTX_load_verify_locations(ctx, user, NULL) == 1 ? CURLE_OK
                                                               : CURLE_SSL_CACERT_BADFILE;
}

/* --- setting out --- */

#define SET(option, value) (good = curl_easy_setopt(t->easy, option, value) == CURLE_OK && good)

static bool add_field(struct trip *t, const char *name, struct str value)
{
    char line[FIELD_MAX];
    struct buf b = {.p = line, .cap = sizeof line - 1, .max = sizeof line - 1};
    if (value.n == 0)
        return true;
    buf_add_c(&b, name);
    buf_add_c(&b, ": ");
    buf_add(&b, value);
    if (b.failed != ERR_OK || memchr(line, '\n', b.n) || memchr(line, '\r', b.n))
        return false;
    line[b.n] = '\0';
    struct curl_slist *more = curl_slist_append(t->fields, line);
    explicit_bzero(line, b.n);
    if (more)
        t->fields = more;
    return more != NULL;
}

static bool set_up_all(struct trip *t, uint32_t timeout_ms)
{
    bool good = true;
    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_ERRORBUFFER, t->why);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS));
    SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(CURLOPT_OPENSOCKETDATA, t);
    SET(CURLOPT_CLOSESOCKETFUNCTION, on_close);
    SET(CURLOPT_CLOSESOCKETDATA, t->courier);
    if (t->courier->extra_ca) {
        SET(CURLOPT_SSL_CTX_FUNCTION, on_tls);
        SET(CURLOPT_SSL_CTX_DATA, t->courier->extra_ca);
    }
    if (t->is_public_only) /* a connection that somebody else opened may lead anywhere */
        SET(CURLOPT_FRESH_CONNECT, 1L);
    return good;
}

static bool set_up_http(struct trip *t, const char *url, struct secret authorization)
{
    bool good = is_right(url, is_http_right);
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_USERAGENT, "turnpike");
    SET(CURLOPT_ACCEPT_ENCODING, NULL);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_HEADERFUNCTION, on_field);
    SET(CURLOPT_HEADERDATA, t);
    return good && add_field(t, "Authorization", secret_reveal(authorization));
}

static void answer_reset(struct courier_answer *a, size_t body_max)
{
    *a = (struct courier_answer){.max_age_s = -1};
    buf_init(&a->body, body_max);
}

static bool set_up_get(struct trip *t, char url[URL_MAX + 1])
{
    struct courier_get *g = container_of(t->job, struct courier_get, job);
    t->answer = &g->answer;
    t->is_public_only = g->is_public_only;
    return url_copy(g->url, url) && set_up_all(t, g->timeout_ms) &&
           set_up_http(t, url, g->authorization) && add_field(t, "If-None-Match", g->etag) &&
           add_field(t, "Accept", STR("application/json"));
}

static bool set_up_post(struct trip *t, char url[URL_MAX + 1])
{
    struct courier_post *p = container_of(t->job, struct courier_post, job);
    struct str body = secret_reveal(p->body);
    bool good = body.n <= POST_MAX && url_copy(p->url, url);
    t->answer = &p->answer;
    t->is_public_only = p->is_public_only;
    good = good && set_up_all(t, p->timeout_ms) && set_up_http(t, url, p->authorization) &&
           add_field(t, "Content-Type", p->content_type) &&
           add_field(t, "Accept", STR("application/json"));
    if (good) {
        SET(CURLOPT_POSTFIELDSIZE, (long)body.n);
        SET(CURLOPT_COPYPOSTFIELDS, body.p ? body.p : "");
    }
    return good;
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
    SET(CURLOPT_USERNAME, user);
    SET(CURLOPT_PASSWORD, password);
    explicit_bzero(password, sizeof password);
    return good;
}

static bool set_up_mail(struct trip *t, char url[URL_MAX + 1])
{
    static const long uses[] = {[COURIER_TLS_REQUIRED] = CURLUSESSL_ALL,
                                [COURIER_TLS_OPPORTUNISTIC] = CURLUSESSL_TRY,
                                [COURIER_TLS_NEVER] = CURLUSESSL_NONE};
    struct courier_mail *m = container_of(t->job, struct courier_mail, job);
    char from[400], to[400];
    bool good = url_copy(m->url, url) && is_right(url, is_mail_right) &&
                address_copy(m->from, from, sizeof from) && address_copy(m->to, to, sizeof to);
    m->status = 0;
    if (!good || !set_up_all(t, m->timeout_ms) || !set_up_sign_in(t, m))
        return false;
    t->unsent = m->message;
    t->recipients = curl_slist_append(NULL, to);
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_USE_SSL, uses[m->tls]);
    SET(CURLOPT_MAIL_FROM, from);
    SET(CURLOPT_MAIL_RCPT, t->recipients);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_READFUNCTION, on_mail_wanted);
    SET(CURLOPT_READDATA, t);
    SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)m->message.n);
    SET(CURLOPT_WRITEFUNCTION, on_unwanted);
    return good && t->recipients;
}

static bool set_up(struct trip *t)
{
    char url[URL_MAX + 1];
    bool good = false;
    switch (t->job->kind) {
    case COURIER_GET:
        good = set_up_get(t, url);
        break;
    case COURIER_POST:
        good = set_up_post(t, url);
        break;
    case COURIER_MAIL:
        good = set_up_mail(t, url);
        break;
    }
    return good &&
           (!t->fields || curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->fields) == CURLE_OK);
}

/* --- coming back --- */

static void on_home(struct io_post *p)
{
    struct courier_job *j = container_of(p, struct courier_job, post);
    j->done(j);
}

static void send_home(struct courier_job *j)
{
    j->post.run = on_home;
    io_post(j->loop, &j->post);
}

static void trip_free(struct trip *t)
{
    list_del(&t->link);
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->fields);
    curl_slist_free_all(t->recipients);
    free(t);
}

/* libcurl's sentence may quote the URL, whose query can hold a secret: only what it says about
 * names, connections and certificates is passed on. */
static const char *why_of(const struct trip *t, CURLcode rc)
{
    bool is_harmless = rc == CURLE_COULDNT_RESOLVE_HOST || rc == CURLE_COULDNT_CONNECT ||
                       rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CONNECT_ERROR ||
                       rc == CURLE_OPERATION_TIMEDOUT;
    return is_harmless && t->why[0] ? t->why : curl_easy_strerror(rc);
}

static enum err judge_failure(struct trip *t, CURLcode rc, struct fault *f)
{
    if (t->was_private)
        return fault_set(f, ERR_FORBIDDEN, "its address is not of the public network");
    if (t->is_too_big)
        return fault_set(f, ERR_TOO_BIG, "the answer is longer than %zu bytes",
                         t->answer->body.max);
    if (rc == CURLE_OUT_OF_MEMORY)
        return fault_set(f, ERR_NOMEM, "no memory for a request");
    return fault_set(f, rc == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_UPSTREAM, "%s",
                     why_of(t, rc));
}

/* 5xx is for good, but for what says that the server or our sign-in is not as it should be: the
 * operator mends that. */
static enum err judge_mail(struct trip *t, CURLcode rc, long status, struct fault *f)
{
    struct courier_mail *m = container_of(t->job, struct courier_mail, job);
    m->status = (int)status;
    if (rc == CURLE_OK)
        return ERR_OK;
    bool is_refused =
        rc == CURLE_SEND_ERROR || rc == CURLE_RECV_ERROR || rc == CURLE_WEIRD_SERVER_REPLY;
    if (is_refused && status >= 550 && status <= 559)
        return fault_set(f, ERR_UNPROCESSABLE, "the mail server refused it for good (%ld)", status);
    judge_failure(t, rc, f);
    if (status >= 400)
        return fault_set(f, ERR_UPSTREAM, "the mail server answered %ld", status);
    return f->err;
}

static bool is_cancelled(struct courier *c, const struct courier_job *j)
{
    pthread_mutex_lock(&c->lock);
    bool yes = j->is_cancelled;
    pthread_mutex_unlock(&c->lock);
    return yes;
}

static void trip_end(struct trip *t, CURLcode rc)
{
    struct courier_job *j = t->job;
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (j->kind == COURIER_MAIL) {
        j->err = judge_mail(t, rc, status, &j->fault);
    } else {
        t->answer->status = (int)status;
        j->err = rc == CURLE_OK ? ERR_OK : judge_failure(t, rc, &j->fault);
    }
    if (rc != CURLE_OK && is_cancelled(t->courier, j))
        j->err = fault_set(&j->fault, ERR_CANCELLED, "it was given up");
    curl_multi_remove_handle(t->courier->multi, t->easy);
    trip_free(t);
    send_home(j);
}

static void refuse(struct courier_job *j, enum err e, const char *why)
{
    j->err = fault_set(&j->fault, e, "%s", why);
    send_home(j);
}

static void job_reset(struct courier_job *j)
{
    j->err = ERR_OK;
    j->fault = (struct fault){0};
    if (j->kind == COURIER_GET) {
        struct courier_get *g = container_of(j, struct courier_get, job);
        answer_reset(&g->answer, g->body_max);
    } else if (j->kind == COURIER_POST) {
        struct courier_post *p = container_of(j, struct courier_post, job);
        answer_reset(&p->answer, p->body_max);
    }
}

static void set_out(struct courier *c, struct courier_job *j)
{
    struct trip *t = calloc(1, sizeof *t);
    if (!t || !(t->easy = curl_easy_init())) {
        free(t);
        refuse(j, ERR_NOMEM, "no memory for a request");
        return;
    }
    t->courier = c;
    t->job = j;
    list_append(&c->trips, &t->link);
    if (set_up(t) && curl_multi_add_handle(c->multi, t->easy) == CURLM_OK)
        return;
    trip_free(t);
    refuse(j, ERR_INVALID,
           "its address is not taken: https, or http to this machine; no user in it");
}

/* --- the thread --- */

static bool take(struct courier *c, struct courier_job **jobs, bool *is_cancelling)
{
    pthread_mutex_lock(&c->lock);
    *jobs = c->first;
    *is_cancelling = c->is_cancelling;
    c->first = NULL;
    c->end = &c->first;
    c->is_cancelling = false;
    bool goes_on = !c->is_stopping;
    pthread_mutex_unlock(&c->lock);
    return goes_on;
}

static void end_cancelled(struct courier *c)
{
    struct list *at, *after;
    list_each (at, after, &c->trips) {
        struct trip *t = container_of(at, struct trip, link);
        struct courier_job *j = t->job;
        if (!is_cancelled(c, j))
            continue;
        curl_multi_remove_handle(c->multi, t->easy);
        trip_free(t);
        refuse(j, ERR_CANCELLED, "it was given up");
    }
}

static void end_done(struct courier *c)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(c->multi, &left));) {
        char *t;
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode rc = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
        trip_end((struct trip *)(void *)t, rc);
    }
}

static void *run(void *arg)
{
    struct courier *c = arg;
    struct courier_job *jobs;
    bool is_cancelling;
    int under_way;
    while (take(c, &jobs, &is_cancelling)) {
        while (jobs) {
            struct courier_job *j = jobs;
            jobs = j->next;
            set_out(c, j);
        }
        if (is_cancelling)
            end_cancelled(c);
        curl_multi_perform(c->multi, &under_way);
        end_done(c);
        curl_multi_poll(c->multi, NULL, 0, POLL_MS, NULL);
    }
    return NULL;
}

/* --- life --- */

static pthread_once_t global = PTHREAD_ONCE_INIT;

static void start_globally(void)
{
    BUG_ON(curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK);
}

struct courier *courier_new(const char *extra_ca, struct fault *f)
{
    pthread_once(&global, start_globally);
    struct courier *c = calloc(1, sizeof *c);
    if (!c) {
        fault_write(f, ERR_NOMEM, "no memory for the courier");
        return NULL;
    }
    pthread_mutex_init(&c->lock, NULL);
    list_init(&c->trips);
    c->end = &c->first;
    c->multi = curl_multi_init();
    c->extra_ca = extra_ca ? strdup(extra_ca) : NULL;
    if (!c->multi || (extra_ca && !c->extra_ca))
        fault_write(f, ERR_NOMEM, "no memory for the courier");
    else
        c->is_running = io_thread_start(&c->thread, "courier", run, c, f) == ERR_OK;
    if (c->is_running)
        return c;
    courier_free(c);
    return NULL;
}

void courier_free(struct courier *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->is_stopping = true;
    hang_up_mail(c);
    pthread_mutex_unlock(&c->lock);
    if (c->is_running) {
        curl_multi_wakeup(c->multi);
        pthread_join(c->thread, NULL);
    }
    while (!list_is_empty(&c->trips)) {
        struct trip *t = container_of(c->trips.next, struct trip, link);
        curl_multi_remove_handle(c->multi, t->easy);
        trip_free(t);
    }
    curl_multi_cleanup(c->multi);
    pthread_mutex_destroy(&c->lock);
    free(c->extra_ca);
    free(c);
}

void courier_submit(struct courier *c, struct courier_job *j)
{
    BUG_ON(!j->loop || !j->done);
    j->next = NULL;
    j->is_cancelled = false;
    job_reset(j);
    pthread_mutex_lock(&c->lock);
    *c->end = j;
    c->end = &j->next;
    pthread_mutex_unlock(&c->lock);
    curl_multi_wakeup(c->multi);
}

void courier_cancel(struct courier *c, struct courier_job *j)
{
    pthread_mutex_lock(&c->lock);
    j->is_cancelled = true;
    c->is_cancelling = true;
    if (j->kind == COURIER_MAIL)
        hang_up_mail(c);
    pthread_mutex_unlock(&c->lock);
    curl_multi_wakeup(c->multi);
}
