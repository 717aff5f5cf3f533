/* courier_inside.h: the courier itself, for the files that make it up: courier.c has the thread and the trips,
 * courier_where.c judges where they may lead, courier_http.c and courier_mail.c what each kind of job
 * says and hears. */
#ifndef IO_COURIER_INSIDE_H
#define IO_COURIER_INSIDE_H

#include <curl/curl.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/list.h"
#include "io/courier.h"

enum { COURIER_URL_MAX = 2048, COURIER_OPENED_MAX = 64 };

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
    struct opened opened[COURIER_OPENED_MAX];
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

/* `good` is the caller's. */
#define COURIER_SET(option, value)                                                                 \
    (good = curl_easy_setopt(t->easy, option, value) == CURLE_OK && good)

/* --- courier.c --- */

/* What all kinds have in common. */
bool trip_set_up(struct trip *t, uint32_t timeout_ms);
/* The fault of a trip that failed; its code. */
enum err trip_judge(struct trip *t, CURLcode rc, struct fault *f);

/* --- courier_where.c --- */

/* Terminates; false: too long, or with a character that no URL has. */
bool where_copy(struct str url, char out[COURIER_URL_MAX + 1]);
bool where_is_http(const char *url); /* https, or http to this machine; no user */
bool where_is_mail(const char *url);
/* Of the public network. */
bool where_is_public(const struct sockaddr *to);

/* --- courier_http.c, courier_mail.c: false: the job cannot be done as it is --- */

bool http_set_up_get(struct trip *t);
bool http_set_up_post(struct trip *t);
void http_answer_reset(struct courier_answer *a, size_t body_max);

bool mail_set_up(struct trip *t);
/* How it went, by libcurl's code and the server's last reply. */
enum err mail_judge(struct trip *t, CURLcode rc, long status, struct fault *f);

#endif
