#include "unit/io/peers.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/internal.h"

/* The resolver is the test's own: a name is a list of IPv4 addresses with dashes between them,
 * such as "127.0.0.2-127.0.0.1"; "later" is a name that cannot be resolved just now. */

static struct addrinfo *address(const char *text)
{
    struct addrinfo *a = calloc(1, sizeof *a);
    struct sockaddr_in *s = calloc(1, sizeof *s);
    s->sin_family = AF_INET;
    if (inet_pton(AF_INET, text, &s->sin_addr) != 1) {
        free(a);
        free(s);
        return NULL;
    }
    a->ai_family = AF_INET;
    a->ai_socktype = SOCK_STREAM;
    a->ai_addr = (struct sockaddr *)s;
    a->ai_addrlen = sizeof *s;
    return a;
}

void freeaddrinfo(struct addrinfo *a)
{
    while (a) {
        struct addrinfo *next = a->ai_next;
        free(a->ai_addr);
        free(a);
        a = next;
    }
}

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
    struct addrinfo **end = out;
    struct str left = str_c(name);
    (void)service;
    *out = NULL;
    if (strcmp(name, "later") == 0)
        return hints && hints->ai_flags & AI_NUMERICHOST ? EAI_NONAME : EAI_AGAIN;
    if (hints && hints->ai_flags & AI_NUMERICHOST && strchr(name, '-'))
        return EAI_NONAME;
    while (left.n) {
        struct str one = str_cut(&left, '-');
        char text[32];
        snprintf(text, sizeof text, "%.*s", STR_ARG(one));
        *end = address(text);
        if (!*end) {
            freeaddrinfo(*out);
            *out = NULL;
            return EAI_NONAME;
        }
        end = &(*end)->ai_next;
    }
    return 0;
}

static void the_next_address_is_tried_when_one_refuses(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p, NULL, "127.0.0.1");
    pair_echo(&p, "127.0.0.2-127.0.0.3-127.0.0.1", NULL, 1000, 0);
    pair_end(&p);
}

static void when_all_addresses_refuse_the_last_one_says_why(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p, NULL, "127.0.0.1");
    pair_connect(&p, "127.0.0.2-127.0.0.3", NULL);
    pair_run(&p);
    assert_int_equal(p.client.opens, 1);
    assert_int_equal(p.client.open_err, ERR_UPSTREAM);
    assert_string_equal(p.client.why, "connection refused");
    pair_end(&p);
}

static void a_name_that_cannot_be_resolved_is_named(void **state)
{
    (void)state;
    const char *names[] = {"later", "nobody-knows"};
    const char *why[] = {"host not found: later (temporary failure)",
                         "host not found: nobody-knows"};
    for (size_t i = 0; i < 2; i++) {
        struct pair p;
        pair_begin(&p, NULL, "127.0.0.1");
        pair_connect(&p, names[i], NULL);
        pair_run(&p);
        assert_string_equal(p.client.why, why[i]);
        pair_end(&p);
    }
}

/* A listener whose line is full: who comes now gets no answer. */
static int silent_listener(uint16_t port, const char *host, int *full)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, host, &a.sin_addr);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 0), 0);
    *full = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(*full, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void an_address_that_does_not_answer_is_given_up_for_the_next(void **state)
{
    (void)state;
    struct pair p;
    int full;
    pair_begin(&p, NULL, "127.0.0.1");
    int fd = silent_listener(io_listener_port(p.listener), "127.0.0.2", &full);
    dial__patience_ms = 20;
    pair_echo(&p, "127.0.0.2-127.0.0.1", NULL, 1000, 0);
    dial__patience_ms = 2000;
    pair_end(&p);
    close(fd);
    close(full);
}

struct closer {
    struct io_hook hook;
    struct pair *pair;
    int left; /* ticks */
};

static void close_at_last(struct io_hook *h)
{
    struct closer *c = container_of(h, struct closer, hook);
    if (c->left-- > 0) {
        io_hook_arm(h);
        return;
    }
    if (!c->pair->client.opens) /* else it is closed, and its memory gone */
        io_close(c->pair->client.c);
    io_loop_stop(c->pair->loop);
}

static void closing_between_two_addresses_is_silent(void **state)
{
    (void)state;
    for (int ticks = 0; ticks < 60; ticks++) {
        struct pair p;
        struct closer c = {.pair = &p, .left = ticks};
        pair_begin(&p, NULL, "127.0.0.1");
        io_hook_add(p.loop, &c.hook, close_at_last);
        io_hook_arm(&c.hook);
        pair_connect(&p, "127.0.0.2-127.0.0.3-127.0.0.4-127.0.0.5", NULL);
        pair_run(&p);
        unsigned opens = p.client.opens;
        assert_true(opens <= 1);
        pair_end(&p);
        assert_int_equal(p.client.opens, opens);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_address_is_tried_when_one_refuses),
        cmocka_unit_test(when_all_addresses_refuse_the_last_one_says_why),
        cmocka_unit_test(a_name_that_cannot_be_resolved_is_named),
        cmocka_unit_test(an_address_that_does_not_answer_is_given_up_for_the_next),
        cmocka_unit_test(closing_between_two_addresses_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
