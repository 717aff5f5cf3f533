/* courier.c: one thread, one multi handle; jobs come in by a locked list and a wake-up. */
#include "io/courier_inside.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/thread.h"

enum { CONNECT_MS = 10000, POLL_MS = 60000 };

/* --- sockets --- */

/* Called with the very address that will be connected to: no second look-up can change it. */
static curl_socket_t on_socket(void *user, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct trip *t = user;
    (void)purpose;
    if (t->is_public_only && !where_is_public(&to->addr)) {
        t->was_private = true;
        return CURL_SOCKET_BAD;
    }
    int fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
    pthread_mutex_lock(&t->courier->lock);
    if (fd != -1 && t->courier->opened_n < COURIER_OPENED_MAX)
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

/* --- setting out --- */

/* The system's authorities are there already. */
static CURLcode on_tls(CURL *easy, void *ctx, void *user)
{
    (void)easy;
    return SSL_CTX_load_verify_locations(ctx, user, NULL) == 1 ? CURLE_OK
                                                               : CURLE_SSL_CACERT_BADFILE;
}

bool trip_set_up(struct trip *t, uint32_t timeout_ms)
{
    bool good = true;
    COURIER_SET(CURLOPT_PRIVATE, t);
    COURIER_SET(CURLOPT_ERRORBUFFER, t->why);
    COURIER_SET(CURLOPT_NOSIGNAL, 1L);
    COURIER_SET(CURLOPT_PROXY, "");
    COURIER_SET(CURLOPT_FOLLOWLOCATION, 0L);
    COURIER_SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    COURIER_SET(CURLOPT_CONNECTTIMEOUT_MS,
                (long)(timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS));
    COURIER_SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    COURIER_SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    COURIER_SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
    COURIER_SET(CURLOPT_OPENSOCKETDATA, t);
    COURIER_SET(CURLOPT_CLOSESOCKETFUNCTION, on_close);
    COURIER_SET(CURLOPT_CLOSESOCKETDATA, t->courier);
    if (t->courier->extra_ca) {
        COURIER_SET(CURLOPT_SSL_CTX_FUNCTION, on_tls);
        COURIER_SET(CURLOPT_SSL_CTX_DATA, t->courier->extra_ca);
    }
    if (t->is_public_only) /* a connection that somebody else opened may lead anywhere */
        COURIER_SET(CURLOPT_FRESH_CONNECT, 1L);
    return good;
}

static bool set_up(struct trip *t)
{
    bool good = false;
    switch (t->job->kind) {
    case COURIER_GET:
        good = http_set_up_get(t);
        break;
    case COURIER_POST:
        good = http_set_up_post(t);
        break;
    case COURIER_MAIL:
        good = mail_set_up(t);
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

enum err trip_judge(struct trip *t, CURLcode rc, struct fault *f)
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
        j->err = mail_judge(t, rc, status, &j->fault);
    } else {
        t->answer->status = (int)status;
        j->err = rc == CURLE_OK ? ERR_OK : trip_judge(t, rc, &j->fault);
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
        http_answer_reset(&g->answer, g->body_max);
    } else if (j->kind == COURIER_POST) {
        struct courier_post *p = container_of(j, struct courier_post, job);
        http_answer_reset(&p->answer, p->body_max);
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
